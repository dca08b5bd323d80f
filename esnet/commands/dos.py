"""`esnet dos compute` and `esnet dos read`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from common.cli import output as printing
from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP
from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.io.text import aligned, as_csv, as_json
from esnet.commands.dft_options import add_engine_options, batch_options


def add_dos(commands) -> None:
    inner = cli.add_command(
        commands,
        "dos",
        None,
        "compute densities of states, or read those of VASP and the Materials Project",
        """esnet dos compute structures/ --output dos.h5 --jobs 2 --time-limit 600
        esnet dos read vasprun.xml.gz complete.json --output dos.h5""",
    ).add_subparsers(metavar="COMMAND", required=True)
    _add_compute(inner)
    _add_read(inner)


# --- compute -------------------------------------------------------------------------------------


def _add_compute(commands) -> None:
    parser = cli.add_command(
        commands,
        "compute",
        compute,
        "compute densities of states from structures with an open engine",
        """esnet dos compute structures/ --output dos.h5 --jobs 2 --time-limit 600
        esnet dos compute POSCAR NaCl.cif --output dos.h5 --retry --json
        esnet dos compute POSCAR NaCl.cif --output relaxed.h5 --relax""",
        "Compute projected densities of states and energies of structures, as they are or relaxed. "
        "Stopped at any moment, the same command goes on; what it needs for that lies in the folder <output>.batch.",
    )
    parser.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    parser.add_argument("--output", required=True, metavar="FILE", help="HDF5 file to write, ends in .h5")
    parser.add_argument("--relax", action="store_true", help="relax cell and atoms first; the file has them relaxed")
    add_engine_options(parser)
    cli.add_common(parser)


def compute(arguments) -> None:
    from esnet.dft.backends import DEFAULT, RELAXED
    from esnet.dft.batch import run_batch
    from esnet.dos.file import group_names

    output = _h5(arguments.output)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    report_left_out(left_out, len(table), strict=arguments.strict)
    report = run_batch(
        zip(group_names(table.ids.tolist()), table.structures(), strict=True),
        f"{output}.batch",
        output=output,
        settings=RELAXED if arguments.relax else DEFAULT,
        **batch_options(arguments),
    )
    report_left_out(report.failed, len(report.finished))
    _show(arguments, output, report.finished, COMPUTED, {**left_out, **report.failed})
    done, failed = len(report.finished), len(report.failed)
    note(f"wrote {output}, materials: {done}, failed: {failed}, in {report.seconds:.0f} s")


# --- read ----------------------------------------------------------------------------------------


def _add_read(commands) -> None:
    parser = cli.add_command(
        commands,
        "read",
        read,
        "convert vasprun.xml and CompleteDos JSON files",
        """esnet dos read vasprun.xml.gz complete.json --output dos.h5
        esnet dos read runs/*/vasprun.xml --output dos.h5 --csv""",
        "Read projected densities of states of VASP (vasprun.xml) and of the Materials Project (CompleteDos as JSON), "
        "also compressed, print what is in them, and with --output write them all to one HDF5 file. Such a file and "
        "sources are printed, too.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="vasprun.xml or CompleteDos JSON, folders of them, one .h5 file, or a source",
    )
    parser.add_argument("--output", metavar="FILE", help="HDF5 file to write, ends in .h5")
    parser.add_argument("--unconverged", action="store_true", help="also of VASP's runs that did not converge")
    cli.add_common(parser)


def read(arguments) -> None:
    from common.io.hdf5 import writing_hdf5
    from esnet.datasets import load_data
    from esnet.dos.reading import is_dos_file

    output = _h5(arguments.output) if arguments.output else None
    if output and not any(Path(name).is_dir() or is_dos_file(Path(name)) for name in arguments.files):
        raise UserError(
            f"--output is for files of VASP and the Materials Project; {arguments.files[0]} needs no conversion"
        )
    options = {"strict": arguments.strict, "jobs": arguments.jobs, "unconverged": arguments.unconverged}
    table, left_out = load_data(arguments.files, **options)
    if len(table) and not table.has_densities:
        raise UserError(f"{table.origin} has no densities of states; compute them with esnet dos compute")
    with writing_hdf5(output) if output else nullcontext() as file:
        rows, refused = _copied(table, file)
        left_out |= refused
        report_left_out(left_out, len(rows), strict=arguments.strict)
    _print(arguments, READ, rows, left_out)
    if output:
        note(f"wrote {output}, materials: {len(rows)}")


def _copied(table, file) -> tuple[list[list], dict[str, str]]:
    """A line for each material that can be read, and written where there is a file; id -> reason of the others."""
    from common.sources.densities import as_attributes
    from esnet.dos.file import group_names, start_file, write_material
    from esnet.dos.projected import from_densities

    rows, refused = [], {}
    ids = table.ids.tolist()
    groups = list(group_names(ids)) if file is not None else ids
    for row, (group, name) in enumerate(zip(groups, ids, strict=True)):
        try:
            dos = from_densities(table.dos(row, aligned=False))
            if file is not None:
                if not rows:
                    start_file(file, dos.program)
                write_material(file, group, dos, table.structure(row), as_attributes(table, row))
            rows.append([name, *_described(dos, str(table.formulas[row]))])
        except UserError as error:
            refused[name] = str(error)
    return rows, refused


# --- printing ------------------------------------------------------------------------------------

#: heading -> format of the numbers below it
COMPUTED = {
    "total energy (eV/atom)": ".4f",
    "formation energy (eV/atom)": ".3f",
    "gap (eV)": ".2f",
    "Fermi level (eV)": ".3f",
    "moment (mu_B/cell)": ".2f",
    "cost (CPU s)": ".1f",
}
READ = {"from (eV)": ".2f", "to (eV)": ".2f", "Fermi level (eV)": ".3f", "points": "d", "spins": "d"}


def _described(dos, formula: str) -> list:
    spins, more = 2 if dos.polarized else 1, "f left out" if dos.f_left_out else ""
    return [formula, float(dos.energies[0]), float(dos.energies[-1]), dos.fermi, len(dos.energies), spins, more]


def _show(arguments, output: Path, names: list[str], columns: dict, left_out: dict[str, str]) -> None:
    """The line of each computed material, from the file that was written."""
    from common.io.hdf5 import reading_hdf5

    rows = []
    with reading_hdf5(output) as file:
        for name in names:
            found = dict(file["materials"][name].attrs)
            rows.append(
                [
                    name,
                    str(found["formula"]),
                    float(found["total_energy_eV"]) / int(found["natoms"]),
                    *(float(found[key]) for key in ("formation_energy_eV_per_atom", "band_gap_eV", "efermi_eV")),
                    *(float(found[key]) for key in ("magnetic_moment", "cpu_s")),
                    "f left out" if found["f_left_out"] else "",
                ]
            )
    _print(arguments, columns, rows, left_out)


def _print(arguments, columns: dict[str, str], rows: list[list], left_out: dict[str, str]) -> None:
    form = printing.form_of(arguments)
    header = ["id", "formula", *columns, "note"]
    if form == "json":
        materials = [dict(zip(header, row, strict=True)) for row in rows]
        print(as_json({"materials": materials, "left_out": left_out}), end="")
    elif form == "csv":
        print(as_csv(header, rows), end="")
    else:
        formats = ["", "", *columns.values(), ""]
        texts = [[format(cell, form) for cell, form in zip(row, formats, strict=True)] for row in rows]
        print(aligned(header, texts, left=2), end="")


def _h5(name: str) -> Path:
    if not name.endswith((".h5", ".hdf5")):
        raise UserError(f"--output {name}: the name must end in .h5")
    return Path(name)
