"""The options of `esnet dos` and `esnet screen`."""

from __future__ import annotations

import argparse
import math
from typing import Any

from common.cli.options import add_common, add_output, add_strict, positive, seconds, workers
from common.cli.package_spec import FILES_HELP
from common.cli.parser import add_command
from esnet.commands.dft_options import add_accept_others, add_dft_options

#: Columns in which predicted formation energies are looked for, in this order.
PREDICTED = ("prediction", "value", "predicted", "formation_energy", "Ef")
HDF5 = (".h5", ".hdf5")


def add_dos(commands: Any) -> None:
    inner = add_command(
        commands,
        "dos",
        None,
        "compute densities of states, or read those of VASP and the Materials Project",
        """esnet dos compute structures/ --output dos.h5 --jobs 2 --time-limit 600
        esnet dos read vasprun.xml.gz complete.json --output dos.h5""",
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compute(inner)
    _add_read(inner)


def _add_compute(commands: Any) -> None:
    parser = add_command(
        commands,
        "compute",
        "esnet.commands.dos:compute",
        "compute densities of states from structures with an open-source DFT program",
        """esnet dos compute structures/ --output dos.h5 --jobs 2 --time-limit 600
        esnet dos compute POSCAR NaCl.cif --output dos.h5 --retry --json
        esnet dos compute POSCAR NaCl.cif --output relaxed.h5 --relax""",
        "Compute projected densities of states and energies of structures, as they are or relaxed. The same command "
        "resumes an interrupted run; finished calculations are stored in the folder <output>.batch.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    add_output(parser, HDF5, "HDF5 file to write, .h5", required=True)
    parser.add_argument(
        "--relax", action="store_true", help="relax cell and atoms first, and store the relaxed structures"
    )
    add_dft_options(parser)
    add_common(parser)


def _add_read(commands: Any) -> None:
    parser = add_command(
        commands,
        "read",
        "esnet.commands.dos:read",
        "convert vasprun.xml and CompleteDos JSON files",
        """esnet dos read vasprun.xml.gz complete.json --output dos.h5
        esnet dos read runs/*/vasprun.xml --output dos.h5 --csv""",
        "Read projected densities of states of VASP (vasprun.xml) and of the Materials Project (CompleteDos as JSON), "
        "also compressed, print a summary, and with --output write them all to one HDF5 file. Such a file and sources "
        "can be summarized, too.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="vasprun.xml or CompleteDos JSON, folders of them, one .h5 file, or a source",
    )
    add_output(parser, HDF5, "HDF5 file to write, .h5")
    parser.add_argument("--unconverged", action="store_true", help="accept VASP runs that did not converge, too")
    add_common(parser)


def add_screen(commands: Any) -> None:
    parser = add_command(
        commands,
        "screen",
        "esnet.commands.screen:screen",
        "rank candidates by their predicted distance from the convex hull",
        """esnet screen --predictions predicted.csv --pool mp_ground_states.csv --output screened
        esnet screen --model energy_model --prototypes cells/ --elements Cu,Au,Pt --pool pool.csv --output screened
        esnet screen --model energy_model --prototypes B2.cif --elements Cu,Au --pool pool.csv --output o --relax 9""",
        "Insert predicted formation energies into a pool of known phases, select the candidates below both thresholds, "
        "and write ranked.csv, summary.json and pictures into the folder of --output. With known energies the "
        "selection is scored. With --model, every pair of the elements is substituted into every prototype and its "
        "density of states is computed; with --relax, cell and atoms of the best candidates are relaxed, and "
        "relaxed.csv lists which are stable. Calculations are stored in the folder; the same command resumes them.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--predictions", metavar="FILE", help="CSV with id, formula and predicted energy in eV/atom")
    source.add_argument("--model", metavar="DIR", help="folder of a trained model, for --prototypes and --elements")
    parser.add_argument(
        "--pool",
        required=True,
        metavar="FILE",
        help="known phases: .csv or .csv.gz with formula and formation energy in eV/atom, .h5 or a source",
    )
    parser.add_argument("--pool-column", default="", metavar="NAME", help="formation energies of the pool, default Ef")
    parser.add_argument(
        "--column", default="", metavar="NAME", help=f"predicted energies, default: first of {', '.join(PREDICTED)}"
    )
    parser.add_argument("--target", default="", metavar="NAME", help="known energies, default: target, if present")
    # The article's optimum; `esnet.screening.thresholds` needs numpy, which --help does without.
    parser.add_argument("--max-ef", type=energy, default=-0.02, metavar="E", help="highest E_f, default -0.02 eV/atom")
    parser.add_argument(
        "--max-ehull", type=energy, default=0.13, metavar="E", help="highest E_hull, default 0.13 eV/atom"
    )
    parser.add_argument("--prototypes", metavar="PATH", help="binary structures: a file or a folder of them")
    parser.add_argument("--elements", default="", metavar="LIST", help="to substitute, such as Cu,Au,Pt")
    parser.add_argument("--volume", choices=("as is", "vegard"), help="volume of the substituted cells, default as is")
    add_accept_others(parser)
    add_dft_options(parser)
    parser.add_argument("--relax", type=positive, metavar="N", help="with --model: relax the N best candidates")
    parser.add_argument(
        "--relax-time-limit", type=seconds, metavar="S", help="seconds for each relaxation, default: no limit"
    )
    parser.add_argument(
        "--c-pre",
        type=cost,
        metavar="S",
        help="CPU seconds that the input of one prediction costs, for C_eff; default 108.506, a density of states",
    )
    parser.add_argument("--no-pictures", action="store_true", help="skip the pictures; UMAP takes up to a minute")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_strict(parser)
    parser.add_argument(
        "--jobs", type=workers, default=1, metavar="N", help="parallel calculations, -1 = all cores; default 1"
    )


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
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return value
