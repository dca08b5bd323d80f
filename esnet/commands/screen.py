"""`esnet screen`: predicted energies, or a model and prototypes, to a ranked list of what is worth a relaxation."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

from common.cli import parser as cli
from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.io.text import aligned, as_json
from esnet.commands.dft_options import OPTIONS, add_accept_others, add_engine_options, batch_options

#: Columns in which predicted formation energies are looked for, in this order.
PREDICTED = ("prediction", "value", "predicted", "formation_energy", "Ef")
#: Options that go with a model, and with predictions.
WITH_MODEL = ("prototypes", "elements", "volume", "accept_other_inputs", *OPTIONS, "relax", "relax_time_limit")
WITH_PREDICTIONS = ("column", "target", "c_pre")


def energy(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not an energy in eV/atom")
    return value


def cost(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")
    return value


def add_screen(commands) -> None:
    parser = cli.add_command(
        commands,
        "screen",
        screen,
        "rank candidates by their predicted distance from the convex hull",
        """esnet screen --predictions predicted.csv --pool mp_ground_states.csv --output screened
        esnet screen --model energy_model --prototypes cells/ --elements Cu,Au,Pt --pool pool.csv --output screened
        esnet screen --model energy_model --prototypes B2.cif --elements Cu,Au --pool pool.csv --output o --relax 9""",
        "Insert predicted formation energies into a pool of known phases, keep what is at or below both thresholds, "
        "and write ranked.csv, summary.json and pictures into the folder of --output. With known energies the choice "
        "is scored. With --model, every pair of the elements is put into every prototype and its density of states is "
        "computed; with --relax, cell and atoms of the best are relaxed, and relaxed.csv says how many are stable. "
        "Calculations are kept in the folder and go on where they were stopped.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--predictions", metavar="FILE", help="CSV with id, formula and predicted energy in eV/atom")
    source.add_argument("--model", metavar="DIR", help="folder of a trained model, for --prototypes and --elements")
    parser.add_argument(
        "--pool", required=True, metavar="FILE", help="phases: CSV (.gz too) with formula and eV/atom, .h5 or a source"
    )
    parser.add_argument("--pool-column", default="", metavar="NAME", help="formation energies of the pool, if not Ef")
    parser.add_argument("--column", default="", metavar="NAME", help=f"predicted energies, else {', '.join(PREDICTED)}")
    parser.add_argument("--target", default="", metavar="NAME", help="known energies, else target where it is there")
    # The article's optimum; `esnet.screening.thresholds` needs numpy, which --help does without.
    parser.add_argument("--max-ef", type=energy, default=-0.02, metavar="E", help="highest E_f, default -0.02 eV/atom")
    parser.add_argument(
        "--max-ehull", type=energy, default=0.13, metavar="E", help="highest E_hull, default 0.13 eV/atom"
    )
    parser.add_argument("--prototypes", metavar="PATH", help="binary structures: a file or a folder of them")
    parser.add_argument("--elements", default="", metavar="LIST", help="such as Cu,Au,Pt")
    parser.add_argument("--volume", choices=("as is", "vegard"), help="of the made cells, default as is")
    add_accept_others(parser)
    add_engine_options(parser)
    parser.add_argument("--relax", type=cli.positive, metavar="N", help="with --model: relax the best N by the engine")
    parser.add_argument(
        "--relax-time-limit", type=cli.seconds, metavar="S", help="seconds for each relaxation, default none"
    )
    parser.add_argument(
        "--c-pre",
        type=cost,
        metavar="S",
        help="CPU seconds of what a prediction needs, for C_eff; default 108.506, a density of states; 0 for none",
    )
    parser.add_argument("--no-pictures", action="store_true", help="UMAP takes up to a minute")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--strict", action="store_true", help="stop at the first material that cannot be used")
    parser.add_argument(
        "--jobs", type=cli.workers, default=1, metavar="N", help="calculations at a time, -1 = all cores"
    )


def screen(arguments) -> None:
    from common.io.files import write_text
    from esnet.screening.hull import read_pool
    from esnet.screening.ranking import rank
    from esnet.screening.thresholds import C_PRE

    if arguments.predictions:
        cli.refuse(arguments, WITH_MODEL, "needs --model; with --predictions there are no structures to compute")
    else:
        cli.refuse(arguments, WITH_PREDICTIONS, "needs --predictions; with --model there is no table of energies")
    if not arguments.relax:
        cli.refuse(arguments, ["relax_time_limit"], "needs --relax")
    pool = read_pool(arguments.pool, arguments.pool_column)
    if pool.left_out:
        name, reason = next(iter(pool.left_out.items()))
        note(f"left out of the pool: {len(pool.left_out)}, the first {name}: {reason.removeprefix(f'{name}: ')}")
    candidates = (_read(arguments) if arguments.predictions else _make(arguments)).usable()
    report_left_out(candidates.left_out, len(candidates.ids), strict=arguments.strict)
    if candidates.known is None:
        cli.refuse(arguments, ["c_pre"], "needs known energies beside the predicted, in a column target")
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


def _read(arguments):
    import numpy as np

    from common.sources.columns import heading, read_sheet
    from esnet.screening.ranking import Candidates

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


def _make(arguments):
    from esnet.dft.substitution import substitute
    from esnet.screening.candidates import candidates
    from esnet.spec import SPEC

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


def _relax(arguments, pool) -> dict:
    from esnet.screening.relaxation import verify

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
