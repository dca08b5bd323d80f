"""The `profitnet` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from common.cli.commands import add_evaluate, add_predict, add_train
from common.cli.options import add_common, add_model, add_old_name, add_output, add_seed, positive
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.cli.parser import add_command, make_parser, run

SPEC = PackageSpec(
    "profitnet",
    "PROFiT-Net: a property of a crystal from its property-networking orbital field matrix.",
    {"profitnet": "profitnet.regressor:PROFiTNet", "ofmcnn": "profitnet.regressor:OFMCNN"},
)


def build_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        SPEC.name,
        SPEC.description,
        """profitnet train mini --target band_gap --network ofmcnn --epochs 20 --model gap_model
        profitnet predict --model gap_model my_crystals/*.cif""",
        SPEC,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_train(commands, SPEC)
    add_predict(commands, SPEC)
    add_evaluate(commands, SPEC)
    _add_featurize(commands)
    _add_explain(commands)
    _add_screen(commands)
    return parser


def _add_featurize(commands: Any) -> None:
    parser = add_command(
        commands,
        "featurize",
        "profitnet.commands:featurize",
        "write the feature matrices of materials to a file",
        """profitnet featurize crystals/ --output matrices.h5
        profitnet featurize mini --matrix ofm --output ofm.npz""",
        "Write the feature matrices of materials as float32, with id and formula. With --factorized the file is much "
        "smaller: the matrix of a material is V.T @ W @ V, V = atom_vectors[species], W = weights as a square.",
    )
    parser.add_argument("data", nargs="+", metavar="FILES", help=FILES_HELP)
    add_output(parser, (".h5", ".npz"), "file to write, .h5 or .npz", required=True)
    parser.add_argument("--matrix", choices=("profit", "ofm"), default="profit", help="136 x 136 (default) or 32 x 32")
    parser.add_argument("--variant", choices=SPEC.variants, default="corrected", help="default %(default)s")
    factorized = parser.add_argument("--factorized", action="store_true", help="write the factors, not the matrices")
    add_old_name(parser, "--factorised", factorized)
    add_common(parser, output=False)


def _add_explain(commands: Any) -> None:
    parser = add_command(
        commands,
        "explain",
        "profitnet.commands:explain",
        "find the pairs of atomic properties that a model relies on",
        "profitnet explain --model gap_model mini --output explained/",
        "Group SHAP values into the 11 x 11 matrix of property pairs (Figure 5). The folder of --output receives "
        "importance.csv, pairs.csv, matrix.png and top5.png.",
    )
    parser.add_argument("data", metavar="DATA", help=FILES_HELP)
    add_model(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--samples", type=positive, default=100, metavar="N", help="SHAP samples, default %(default)s")
    parser.add_argument(
        "--background",
        type=positive,
        default=50,
        metavar="N",
        help="reference materials, default %(default)s",
    )
    add_seed(parser, "the choice of both")
    add_common(parser, output=False)


def _add_screen(commands: Any) -> None:
    parser = add_command(
        commands,
        "screen",
        "profitnet.commands:screen",
        "predict a dataset of any size and draw its distributions",
        "profitnet screen --eps-model eps_model --gap-model gap_model crystals.h5 --output screened/",
        "Stream a dataset through saved models (Figure 6): predictions by id, negative values, the correlation of "
        "models of the same unit, and the dielectric constant against the gap with the Penn relation. The same command "
        "resumes an interrupted run.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    parser.add_argument("--model", action="append", default=[], metavar="DIR", help="a saved model; may be repeated")
    parser.add_argument("--eps-model", metavar="DIR", help="the model of the dielectric constant")
    parser.add_argument("--gap-model", metavar="DIR", help="the model of the band gap (eV)")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    add_common(parser, output=False)


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
