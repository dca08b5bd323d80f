"""The `finder` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common.chem.formula import normalize_formula
from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.cli.predict import add_evaluate, add_predict
from common.cli.train import add_train
from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out

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


def build_parser():
    parser = cli.make_parser(
        SPEC.name,
        SPEC.description,
        """finder train mini --target formation_energy --epochs 20 --batch 32 --model energy_model
        finder predict --model energy_model SrTiO3 "Ba0.5Sr0.5TiO3" some.cif""",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    add_train(commands, SPEC)
    add_predict(commands, SPEC)
    add_evaluate(commands, SPEC)
    _add_embed(commands)
    _add_explain(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


def _add_embed(commands) -> None:
    parser = cli.add_command(
        commands,
        "embed",
        embed,
        "write the vector that a model has for each material",
        """finder embed --model energy_model SrTiO3 BaTiO3 --output vectors.csv
        finder embed --model energy_model mini --output vectors.csv""",
        "Write the vectors of the last attention pool, 200 numbers a material, as CSV: id, formula, v0, v1, ...",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    cli.add_model(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="ends in .csv")
    cli.add_common(parser, output=False)


def embed(arguments) -> None:
    from common.io.files import write_text
    from common.io.text import as_csv
    from finder.embeddings import material_vectors

    if not arguments.output.endswith(".csv"):
        raise UserError(f"--output {arguments.output}: the name must end in .csv")
    model = SPEC.load(arguments.model)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=True)
    made = model.features(table, arguments.jobs)
    vectors = material_vectors(model, made)
    report_left_out({**left_out, **made.errors}, len(made.rows), strict=arguments.strict)
    header = ["id", "formula", *(f"v{k}" for k in range(vectors.shape[1]))]
    formulas = map(normalize_formula, table.formulas[made.rows].tolist())
    rows = zip(table.ids[made.rows].tolist(), formulas, vectors, strict=True)
    write_text(
        arguments.output, as_csv(header, [[name, formula, *map("{:.9g}".format, v)] for name, formula, v in rows])
    )
    note(f"wrote {arguments.output}, materials: {len(made.rows)}")


def _add_explain(commands) -> None:
    parser = cli.add_command(
        commands,
        "explain",
        explain,
        "draw what models have learned",
        """finder explain --model energy_model mini --output pictures
        finder explain --model formula_model --model crystal_model mini --formula SrTiO3 --output pictures""",
        "Map the materials of DATA by the vectors that each model has for them (PCA and t-SNE), and draw the edge "
        "values between the atoms of formulas. The folder of --output gets pictures and summary.json.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    parser.add_argument("--model", action="append", required=True, metavar="DIR", help="may be repeated")
    parser.add_argument("--formula", action="append", metavar="TEXT", help="for edge values; default four perovskites")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    cli.add_common(parser, output=False)


def explain(arguments) -> None:
    from finder.explain import PEROVSKITES, explain

    names = cli.model_names(arguments.model)
    models = {name: SPEC.load(folder) for name, folder in zip(names, arguments.model, strict=True)}
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=True)
    report_left_out(left_out, len(table), strict=arguments.strict)
    if len(table) < 4:
        raise UserError(f"a map needs four materials or more, not {len(table)}")
    summary = explain(models, table, arguments.output, formulas=arguments.formula or PEROVSKITES)
    for name, value in {**summary["maps"], **summary["models"]}.items():
        print(f"{name}: distances correlate with r = {value:.3f}")
    note(f"wrote pictures and summary.json to {arguments.output}, materials: {summary['materials']}")


if __name__ == "__main__":
    sys.exit(main())
