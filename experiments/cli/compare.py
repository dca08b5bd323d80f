"""`matrepro compare`: two trained models on the same materials."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from common import plots
from common.cli.checks import model_names
from common.cli.predict import warn_of_training
from common.data.comparison import Comparison, compare, paired
from common.data.loading import load_labeled, make_split
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.io.text import aligned, as_json, unit_of
from common.presets.find import locate
from common.presets.load import load_model, read_card, spec_of


def run(arguments: Namespace) -> None:
    folders = [arguments.first, arguments.second]
    names, cards = model_names(folders), [read_card(folder) for folder in folders]
    card = _common(cards, names)
    # ESNet's reader knows densities of states besides; with any other two models both readers are the same.
    specs = sorted((spec_of(card["model"]) for card in cards), key=lambda spec: spec.name != "esnet")
    table, name, left_out = load_labeled(
        arguments.data,
        arguments.target or card["target"],
        unit=arguments.unit,
        strict=arguments.strict,
        jobs=arguments.jobs,
        reader=specs[0].read,
    )
    values, unit, axis, axis_unit = table.target(name)
    if unit and card["unit"] and unit != card["unit"]:
        raise UserError(f"{arguments.data} gives {name} in {unit}, the models predict {card['unit']}; convert the data")
    table = table.with_target(card["target"], values, unit, axis=axis, axis_unit=axis_unit)
    if arguments.split:
        table = table.select(make_split(table, split_file=arguments.split, left_out=left_out).test)
    for folder in folders:
        warn_of_training(locate(folder), table)
    predicted = []
    for folder in folders:
        model = load_model(folder)
        predicted.append(model.predict(table, jobs=arguments.jobs, strict=arguments.strict))
        report_left_out(model.left_out, len(predicted[-1]))
    one, other = paired(*predicted)
    found = compare(one.target, one.prediction, other.prediction, resamples=arguments.resamples, seed=arguments.seed)
    if arguments.output:
        series = {names[0]: one.prediction.ravel(), names[1]: other.prediction.ravel()}
        plots.parity_side_by_side(arguments.output, one.target.ravel(), series, unit=card["unit"])
        note(f"wrote {arguments.output}")
    if arguments.json:
        facts = {**asdict(found), "significant": found.significant}
        print(as_json({"models": names, "target": card["target"], "unit": card["unit"], **facts}), end="")
    else:
        print(as_text(found, names, card), end="")


def _common(cards: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """The first card, if both models predict the same property in the same unit."""
    for entry in ("target", "unit"):
        one, other = (card[entry] for card in cards)
        if one != other:
            raise UserError(
                f"{names[0]} has the {entry} {one!r}, {names[1]} {other!r}; compare models of the same property"
            )
    return cards[0]


def as_text(found: Comparison, names: list[str], card: dict[str, Any]) -> str:
    wins = (found.better, found.n - found.better - found.ties)
    rows = [[name, f"{mae:.4g}", str(count)] for name, mae, count in zip(names, found.mae, wins, strict=True)]
    header = [card["target"], f"MAE{unit_of('MAE', card['unit'])}", "smaller error"]
    better = names[0] if found.difference < 0 else names[1]
    verdict = f"{better} is better" if found.significant else "no significant difference"
    return (
        aligned(header, rows)
        + f"difference of the MAE {found.difference:+.4g} [{found.low:+.4g}, {found.high:+.4g}] (95 %), "
        + f"p = {found.p:.2g}, n = {found.n:,}: {verdict}\n"
    )
