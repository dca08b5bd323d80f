"""The `profitnet` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.cli.predict import add_evaluate, add_predict
from common.cli.train import add_train
from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out

SPEC = PackageSpec(
    "profitnet",
    "PROFiT-Net: a property of a crystal from its property-networking orbital field matrix.",
    {"profitnet": "profitnet.regressor:PROFiTNet", "ofmcnn": "profitnet.regressor:OFMCNN"},
)


def build_parser():
    parser = cli.make_parser(
        SPEC.name,
        SPEC.description,
        """profitnet train mini --target band_gap --network ofmcnn --epochs 20 --model gap_model
        profitnet predict --model gap_model my_crystals/*.cif""",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    add_train(commands, SPEC)
    add_predict(commands, SPEC)
    add_evaluate(commands, SPEC)
    _add_featurize(commands)
    _add_explain(commands)
    _add_screen(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


# --- featurize -----------------------------------------------------------------------------------


def _add_featurize(commands) -> None:
    parser = cli.add_command(
        commands,
        "featurize",
        featurize,
        "write the matrices of materials to a file",
        """profitnet featurize crystals/ --output matrices.h5
        profitnet featurize mini --matrix ofm --output ofm.npz""",
        "Write the matrices of materials, float32, with id and formula. With --factorised the file is much smaller: "
        "the matrix of a material is V.T @ W @ V, V = atom_vectors[species], W = weights as a square.",
    )
    parser.add_argument("data", nargs="+", metavar="FILES", help=FILES_HELP)
    parser.add_argument("--output", required=True, metavar="FILE", help="ends in .h5 or .npz")
    parser.add_argument("--matrix", choices=("profit", "ofm"), default="profit", help="136 x 136 or 32 x 32")
    parser.add_argument("--variant", choices=SPEC.variants, default="corrected", help="default %(default)s")
    parser.add_argument("--factorised", action="store_true", help="write the factors, not the matrices")
    cli.add_common(parser, output=False)


def featurize(arguments) -> None:
    from common.features.cache import featurize
    from common.train.variants import chosen
    from profitnet.config import VARIANTS
    from profitnet.export import write_features
    from profitnet.features import FEATURE_VERSION, weights_row

    if not arguments.output.endswith((".h5", ".npz")):
        raise UserError(f"--output {arguments.output}: the name must end in .h5 or .npz")
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    if not len(table):
        report_left_out(left_out, 0, strict=arguments.strict)
    made = featurize(table, FEATURE_VERSION, weights_row, jobs=arguments.jobs)
    report_left_out({**left_out, **made.errors}, len(made.rows), strict=arguments.strict)
    config = chosen(VARIANTS, arguments.variant, matrix=arguments.matrix)
    write_features(arguments.output, table.take(made.rows), made.features, config, factorised=arguments.factorised)
    note(f"wrote {arguments.output}, materials: {len(made.rows)}")


# --- explain and screen --------------------------------------------------------------------------


def _add_explain(commands) -> None:
    parser = cli.add_command(
        commands,
        "explain",
        explain,
        "tell which pairs of atomic properties a model looks at",
        "profitnet explain --model gap_model mini --output explained/",
        "Group SHAP values into the 11 x 11 matrix of property pairs (Figure 5). The folder of --output gets "
        "importance.csv, pairs.csv, matrix.png and top5.png.",
    )
    parser.add_argument("data", metavar="DATA", help=FILES_HELP)
    cli.add_model(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--samples", type=cli.positive, default=100, metavar="N", help="default %(default)s")
    parser.add_argument("--background", type=cli.positive, default=50, metavar="N", help="materials to compare with")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the choice of both, default 0")
    cli.add_common(parser, output=False)


def explain(arguments) -> None:
    import numpy as np

    from profitnet.explain import explain

    table, background = _with_background(arguments)
    rows = np.random.default_rng(arguments.seed).permutation(len(background))[: arguments.background]
    model = SPEC.load(arguments.model)
    importance = explain(
        model, table, background=background.take(np.sort(rows)), samples=arguments.samples, seed=arguments.seed
    )
    importance.save(arguments.output)
    note(f"wrote importance.csv, pairs.csv, matrix.png and top5.png to {arguments.output}")


def _with_background(arguments):
    """DATA, and the materials in it on which the model was trained, or all where none were."""
    from pathlib import Path

    from common.data.splits import Split
    from common.train.regressor import read_card

    read_card(arguments.model)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    report_left_out(left_out, len(table), strict=arguments.strict)
    stored = Path(arguments.model) / "split.json"
    learned = [name for name in Split.load(stored).train if name in table] if stored.exists() else []
    return table, (table.select(learned) if learned else table)


def _add_screen(commands) -> None:
    parser = cli.add_command(
        commands,
        "screen",
        screen,
        "predict a table of any size and draw what stands out",
        "profitnet screen --eps-model eps_model --gap-model gap_model crystals.h5 --output screened/",
        "Stream a table through saved models (Figure 6): predictions by id, negative values, the correlation of "
        "models of one unit, and the dielectric constant against the gap with the Penn relation. A killed run goes on.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    parser.add_argument("--model", action="append", default=[], metavar="DIR", help="a saved model; may be repeated")
    parser.add_argument("--eps-model", metavar="DIR", help="the model of the dielectric constant")
    parser.add_argument("--gap-model", metavar="DIR", help="the model of the band gap")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    cli.add_common(parser, output=False)


def screen(arguments) -> None:
    from profitnet.screening import screen

    folders = [*filter(None, (arguments.eps_model, arguments.gap_model)), *arguments.model]
    if not folders:
        raise UserError("screen needs a model: --model DIR, or --eps-model DIR and --gap-model DIR")
    names = cli.model_names(folders)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    report_left_out(left_out, len(table), strict=arguments.strict)
    models = {name: SPEC.load(folder) for name, folder in zip(names, folders, strict=True)}
    eps = names[0] if arguments.eps_model else ""
    gap = names[1 if arguments.eps_model else 0] if arguments.gap_model else ""
    summary = screen(models, table, arguments.output, eps=eps, gap=gap, jobs=arguments.jobs)
    for name, facts in summary["models"].items():
        print(f"{name}: {facts['target']}, {facts['negative']:,} of {summary['predicted']:,} are negative")
    for pair, value in summary["pearson"].items():
        print(f"{pair}: Pearson r = {value:.3f}")
    if summary.get("penn_energy_eV"):
        print(f"Penn relation: E_p = {summary['penn_energy_eV']:.2f} eV")
    note(f"predicted {summary['predicted']:,}, failed {summary['failed']:,} (failed.csv); wrote {arguments.output}")


if __name__ == "__main__":
    sys.exit(main())
