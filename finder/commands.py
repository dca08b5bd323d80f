"""The `embed` and `explain` commands."""

from __future__ import annotations

from argparse import Namespace

from common.chem.formula import normalize_formula
from common.cli.checks import model_names
from common.data.loading import load_data
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.io.text import as_csv
from finder import explain as pictures
from finder.embeddings import material_vectors


def embed(arguments: Namespace) -> None:
    model = arguments.spec.load(arguments.model)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=True)
    made = model.features(table, arguments.jobs)
    vectors = material_vectors(model, made)
    report_left_out({**left_out, **made.errors}, len(made.rows), strict=arguments.strict)
    header = ["id", "formula", *(f"v{k}" for k in range(vectors.shape[1]))]
    formulas = map(normalize_formula, table.formulas[made.rows].tolist())
    rows = zip(table.ids[made.rows].tolist(), formulas, vectors, strict=True)
    text = as_csv(header, [[name, formula, *map("{:.9g}".format, vector)] for name, formula, vector in rows])
    write_text(arguments.output, text)
    note(f"wrote {arguments.output}, materials: {len(made.rows)}")


def explain(arguments: Namespace) -> None:
    names = model_names(arguments.model)
    models = {name: arguments.spec.load(folder) for name, folder in zip(names, arguments.model, strict=True)}
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=True)
    report_left_out(left_out, len(table), strict=arguments.strict)
    if len(table) < 4:
        raise UserError(f"a map needs at least four materials, not {len(table)}")
    formulas = arguments.formula or pictures.PEROVSKITES
    summary = pictures.explain(models, table, arguments.output, formulas=formulas)
    for name, value in {**summary["maps"], **summary["models"]}.items():
        print(f"{name}: distances correlate with r = {value:.3f}")
    note(f"wrote pictures and summary.json to {arguments.output}, materials: {summary['materials']}")
