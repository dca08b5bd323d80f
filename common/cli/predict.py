"""`predict` and `evaluate`, for any of a paper's `Regressor` classes."""

from __future__ import annotations

from pathlib import Path

from common.chem.formula import normalize_formula
from common.cli import output as printing
from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.data.loading import load_labeled, make_split
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out


def add_predict(commands, paper: PackageSpec, *, nargs: str = "+", files: str = FILES_HELP, example: str = ""):
    """`nargs` of FILES: "*" where a command takes something else in their place; `files`: what they may be."""
    parser = cli.add_command(
        commands,
        "predict",
        lambda arguments: predict(arguments, paper),
        "predict a property of new materials",
        example
        or f"""{paper.name} predict --model gap_model NaCl.cif POSCAR
        {paper.name} predict --model gap_model crystals/ --output predicted.csv""",
    )
    parser.add_argument("data", nargs=nargs, metavar="FILES", help=files)
    cli.add_model(parser)
    parser.add_argument("--output", metavar="FILE", help="write CSV, or JSON if it ends in .json, instead of printing")
    cli.add_common(parser)
    return parser


def add_evaluate(commands, paper: PackageSpec):
    parser = cli.add_command(
        commands,
        "evaluate",
        lambda arguments: evaluate(arguments, paper),
        "compute the errors of a model on materials with known values",
        f"""{paper.name} evaluate --model gap_model mini --split gap_model/split.json
        {paper.name} evaluate --model gap_model {paper.folder[0]} --target "gap (eV)" --json""",
    )
    parser.add_argument("data", metavar="DATA", help=paper.tables)
    cli.add_model(parser)
    cli.add_target(parser, help="its name in DATA, if that is not the name it was trained under")
    parser.add_argument("--split", metavar="FILE", help="evaluate its parts one by one, not all of DATA at once")
    parser.add_argument("--output", metavar="FILE", help="write id, target and prediction as CSV (.csv or .csv.gz)")
    cli.add_common(parser)
    return parser


def predict(arguments, paper: PackageSpec) -> None:
    from common.train.regressor import read_card

    card = read_card(arguments.model)  # a wrong folder is told before hours of reading
    if arguments.output and paper.formulas and card.get("config", {}).get("mode") != "crystal":
        from common.cli.streaming import is_list_of_formulas, predict_stream

        if is_list_of_formulas(arguments.data) and not arguments.output.endswith(".json"):
            return predict_stream(
                paper.load(arguments.model), arguments.data[0], arguments.output, strict=arguments.strict
            )
    table, left_out = paper.read(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=paper.formulas)
    if not len(table):
        report_left_out(left_out, 0, strict=arguments.strict)
    model = paper.load(arguments.model)
    predicted = model.predict(table, jobs=arguments.jobs, strict=arguments.strict)
    left_out = {**left_out, **model.left_out}
    report_left_out(left_out, len(predicted))
    formulas = [normalize_formula(text) for text in table.select(predicted.ids).formulas.tolist()]
    give(arguments, predicted, formulas, model.target, left_out)


def give(arguments, predicted, formulas, target: str, left_out: dict[str, str]) -> None:
    """Print predictions in the form that was asked for, or write them to --output."""
    form = printing.form_of(arguments)
    if arguments.output:
        form = "json" if arguments.output.endswith(".json") else "csv"
    text = printing.predictions(predicted, formulas, target, form, left_out)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, predictions: {len(predicted)}")
    else:
        print(text, end="")


def evaluate(arguments, paper: PackageSpec) -> None:
    from common.train.regressor import read_card

    card = read_card(arguments.model)
    table, name, left_out = load_labeled(
        arguments.data,
        arguments.target or card["target"],
        unit=arguments.unit,
        strict=arguments.strict,
        jobs=arguments.jobs,
        reader=paper.read,
    )
    values, unit, axis, axis_unit = table.target(name)
    if unit and card["unit"] and unit != card["unit"]:
        raise UserError(f"{arguments.data} gives {name} in {unit}, the model predicts {card['unit']}; convert the data")
    if name != card["target"]:
        table = table.with_target(card["target"], values, unit, axis=axis, axis_unit=axis_unit)
    parts = {"all": tuple(table.ids.tolist())}
    if arguments.split:
        split = make_split(table, split_file=arguments.split, left_out=left_out)
        parts = {part: ids for part, ids in split.parts().items() if ids}
        table = table.select(name for ids in parts.values() for name in ids)
    else:
        _warn_of_training(Path(arguments.model), table)
    model = paper.load(arguments.model)
    predicted = model.predict(table, jobs=arguments.jobs, strict=arguments.strict)
    report_left_out(model.left_out, len(predicted))
    scores = {part: _score(predicted, ids) for part, ids in parts.items()}
    scores = {part: score for part, score in scores.items() if score}
    if arguments.output:
        predicted.save(arguments.output)
        note(f"wrote {arguments.output}, predictions: {len(predicted)}")
    more = {"left_out": {**left_out, **model.left_out}}
    print(printing.errors(scores, card["target"], card["unit"], printing.form_of(arguments), more), end="")


def _score(predicted, ids) -> dict:
    import numpy as np

    from common.data import metrics

    rows = np.isin(predicted.ids, list(ids))
    if not rows.any():
        return {}
    return {"n": int(rows.sum()), **metrics.regression(predicted.target[rows], predicted.prediction[rows])}


def _warn_of_training(folder: Path, table) -> None:
    """An error on materials that the model has learned says nothing about new ones."""
    from common.data.splits import Split

    if (folder / "split.json").exists():
        learned = sum(name in table for name in Split.load(folder / "split.json").train)
        if learned:
            note(
                f"warning: the model was trained on {learned} of these {len(table)} ids; "
                f"--split {folder / 'split.json'} tells the parts apart"
            )
