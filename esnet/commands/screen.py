"""`esnet screen`: predicted energies, or a model and prototypes, to a ranked list of what deserves a relaxation."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np

from common.cli.checks import refuse
from common.data.loading import load_data
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.io.text import aligned, as_json
from common.sources.columns import heading, read_sheet
from esnet.commands.dft_options import OPTIONS, batch_options
from esnet.commands.parsers import PREDICTED
from esnet.dft.substitution import substitute
from esnet.screening.candidates import candidates
from esnet.screening.hull import PhasePool, read_pool
from esnet.screening.ranking import Candidates, rank
from esnet.screening.relaxation import verify
from esnet.screening.thresholds import C_PRE
from esnet.spec import SPEC

#: Options that go with a model, and with predictions.
WITH_MODEL = ("prototypes", "elements", "volume", "accept_other_inputs", *OPTIONS, "relax", "relax_time_limit")
WITH_PREDICTIONS = ("column", "target", "c_pre")


def screen(arguments: Namespace) -> None:
    if arguments.predictions:
        refuse(arguments, WITH_MODEL, "needs --model; with --predictions there are no structures to compute")
    else:
        refuse(arguments, WITH_PREDICTIONS, "needs --predictions; with --model there is no table of energies")
    if not arguments.relax:
        refuse(arguments, ["relax_time_limit"], "needs --relax")
    pool = read_pool(arguments.pool, arguments.pool_column)
    if pool.left_out:
        name, reason = next(iter(pool.left_out.items()))
        note(f"left out of the pool: {len(pool.left_out)}, the first {name}: {reason.removeprefix(f'{name}: ')}")
    candidates = (_read(arguments) if arguments.predictions else _make(arguments)).usable()
    report_left_out(candidates.left_out, len(candidates.ids), strict=arguments.strict)
    if candidates.known is None:
        refuse(arguments, ["c_pre"], "needs known energies beside the predicted, in a column target")
    thresholds = (arguments.max_ef, arguments.max_ehull)
    c_pre = C_PRE if arguments.c_pre is None else arguments.c_pre
    pictures = not arguments.no_pictures
    summary = rank(candidates, pool, arguments.output, thresholds=thresholds, c_pre=c_pre, pictures=pictures)
    if arguments.relax:
        summary["relaxed"] = _relax(arguments, pool)
        write_text(Path(arguments.output) / "summary.json", as_json(summary))
    print(as_json(summary) if arguments.json else text_of(summary), end="")
    if arguments.relax:
        relaxed = summary["relaxed"]
        note(f"wrote relaxed.csv to {arguments.output}, relaxed: {relaxed['materials']}")
        if relaxed["failed"]:
            report_left_out(relaxed["failed"], relaxed["materials"])
    strangers = summary["elements without a phase in the pool"]
    if strangers:
        note(f"warning: the pool has no phase of {', '.join(strangers)}; E_hull of their materials is too low")
    note(f"wrote ranked.csv and summary.json to {arguments.output}, candidates: {summary['candidates']}")


def _read(arguments: Namespace) -> Candidates:
    path = Path(arguments.predictions)
    sheet = read_sheet(path)
    formulas = sheet.column("formula")
    if formulas is None:
        raise UserError(f"{path} has no formula column; add one, the hull needs compositions")
    column = heading(arguments.column).name or next((name for name in PREDICTED if name in sheet.columns), "")
    if not column:
        raise UserError(f"{path} has none of the columns {', '.join(PREDICTED)}; name one with --column")
    numbers, left_out = sheet.numbers(column)
    known = heading(arguments.target).name or ("target" if "target" in sheet.columns and column != "target" else "")
    values = sheet.numbers(known)[0][known] if known else None
    for name, found in ((column, numbers[column]), (known, values)):
        if found is not None and found.unit not in ("", "eV/atom"):
            raise UserError(f"{path} gives {name} in {found.unit}, a hull needs eV/atom; convert it")
    known_values = None if values is None else np.asarray(values.values)
    return Candidates(sheet.ids, formulas, numbers[column].values, known_values, left_out)


def _make(arguments: Namespace) -> Candidates:
    paper = replace(SPEC, accept_others=arguments.accept_other_inputs)
    if not (arguments.prototypes and arguments.elements):
        raise UserError("--model needs --prototypes and --elements to make candidates from")
    prototypes, left_out = load_data(arguments.prototypes, strict=arguments.strict)
    report_left_out(left_out, len(prototypes), strict=arguments.strict)
    named = list(zip(prototypes.ids.tolist(), prototypes.structures(), strict=True))
    elements = [symbol.strip() for symbol in arguments.elements.split(",") if symbol.strip()]
    made = substitute(named, elements, volume=arguments.volume or "as is")
    folder = Path(arguments.output) / "dos"
    return candidates(paper.load(arguments.model), made, folder, **batch_options(arguments))


def _relax(arguments: Namespace, pool: PhasePool) -> dict:
    options = batch_options(arguments) | {"time_limit": arguments.relax_time_limit}
    return verify(arguments.output, pool, arguments.relax, **options)


def text_of(summary: dict) -> str:
    """The funnel, and the scores where energies are known."""
    text = aligned(["stage", "materials"], [[name, f"{n:,}"] for name, n in summary["funnel"].items()])
    relaxed = summary.get("relaxed", {})
    if relaxed:
        stable = "(E_f at most 0, E_hull at most 0.1 eV/atom)"
        text += f"\nrelaxed: {relaxed['materials']}, stable: {relaxed['stable']} {stable}\n"
    report = summary.get("known values")
    if not report:
        return text
    rows = {name: scores for name, scores in report.items() if isinstance(scores, dict) and "TP" in scores}
    names = ["success ratio", "discoverability", "F1", "PPCR", "C_eff (s)"]
    cells = [
        [name, *(f"{scores[k]:.2f}" if k in scores else "" for k in ("E_f (eV/atom)", "E_hull (eV/atom)"))]
        + [f"{scores[metric]:.4g}" for metric in names]
        for name, scores in rows.items()
    ]
    text += f"\nstable by the known values: {report['stable']:,} of {report['materials']:,}\n"
    return text + aligned(["thresholds", "E_f (eV/atom)", "E_hull (eV/atom)", *names], cells)
