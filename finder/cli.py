"""The `finder` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from common.cli.commands import add_evaluate, add_predict, add_train
from common.cli.options import add_common, add_model, add_output
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.cli.parser import add_command, make_parser, run

DATA_HELP = f"chemical formulas, {FILES_HELP}"
SPEC = PackageSpec(
    "finder",
    "Finder: a property of a material, with its uncertainty, from its formula or its crystal graph.",
    {
        "finder": "finder.regressor:Finder",
        "finder-crystal": "finder.regressor:CrystalFinder",
        "rescnn": "finder.rescnn:ResCNN",
    },
    formulas=True,
)


def build_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        SPEC.name,
        SPEC.description,
        """finder train mini --target formation_energy --epochs 20 --batch 32 --model energy_model
        finder predict --model energy_model SrTiO3 "Ba0.5Sr0.5TiO3" some.cif""",
        SPEC,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_train(commands, SPEC)
    add_predict(commands, SPEC, files=DATA_HELP)
    add_evaluate(commands, SPEC)
    _add_embed(commands)
    _add_explain(commands)
    return parser


def _add_embed(commands: Any) -> None:
    parser = add_command(
        commands,
        "embed",
        "finder.commands:embed",
        "write the embedding vector of each material",
        """finder embed --model energy_model SrTiO3 BaTiO3 --output vectors.csv
        finder embed --model energy_model mini --output vectors.csv""",
        "Write the output of the last attention pool, 200 numbers per material, as CSV: id, formula, v0, v1, ...",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=DATA_HELP)
    add_model(parser)
    add_output(parser, (".csv",), "file to write, .csv", required=True)
    add_common(parser, output=False)


def _add_explain(commands: Any) -> None:
    parser = add_command(
        commands,
        "explain",
        "finder.commands:explain",
        "draw maps of the learned vectors, and edge values between atoms",
        """finder explain --model energy_model mini --output pictures
        finder explain --model formula_model --model crystal_model mini --formula SrTiO3 --output pictures""",
        "Map the materials of DATA by their embedding vectors in each model (PCA and t-SNE), and draw the edge values "
        "between the atoms of formulas. The folder of --output receives pictures and summary.json.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=DATA_HELP)
    parser.add_argument(
        "--model", action="append", required=True, metavar="DIR", help="folder of a trained model; may be repeated"
    )
    parser.add_argument(
        "--formula",
        action="append",
        metavar="FORMULA",
        help="draw the edge values of this formula; may be repeated; default: four perovskites",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    add_common(parser, output=False)


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
