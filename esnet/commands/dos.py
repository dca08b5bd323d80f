"""`esnet dos compute` and `esnet dos read`."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from common.cli import output as printing
from common.data.loading import load_data
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.hdf5 import reading_hdf5, writing_hdf5
from common.io.messages import note, report_left_out
from common.io.text import aligned, as_csv, as_json
from common.sources.densities import as_attributes
from esnet import datasets
from esnet.commands.dft_options import batch_options
from esnet.dft.backends import DEFAULT, RELAXED
from esnet.dft.batch import run_batch
from esnet.dos.file import group_names, start_file, write_material
from esnet.dos.projected import ProjectedDOS, from_densities
from esnet.dos.reading import is_dos_file


def compute(arguments: Namespace) -> None:

    output = Path(arguments.output)
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


def read(arguments: Namespace) -> None:

    output = Path(arguments.output) if arguments.output else None
    if output and not any(Path(name).is_dir() or is_dos_file(Path(name)) for name in arguments.files):
        raise UserError(
            f"--output is for files of VASP and the Materials Project; {arguments.files[0]} needs no conversion"
        )
    options = {"strict": arguments.strict, "jobs": arguments.jobs, "unconverged": arguments.unconverged}
    table, left_out = datasets.load_data(arguments.files, **options)
    if len(table) and not table.has_densities:
        raise UserError(f"{table.origin} has no densities of states; compute them with esnet dos compute")
    with writing_hdf5(output) if output else nullcontext() as file:
        rows, refused = _copied(table, file)
        left_out |= refused
        report_left_out(left_out, len(rows), strict=arguments.strict)
    _print(arguments, READ, rows, left_out)
    if output:
        note(f"wrote {output}, materials: {len(rows)}")


def _copied(table: MaterialsDataset, file: Any) -> tuple[list[list], dict[str, str]]:
    """A line for each material that can be read, and written where there is a file; id -> reason of the others."""

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


def _described(dos: ProjectedDOS, formula: str) -> list:
    spins, more = 2 if dos.polarized else 1, "f left out" if dos.f_left_out else ""
    return [formula, float(dos.energies[0]), float(dos.energies[-1]), dos.fermi, len(dos.energies), spins, more]


def _show(arguments: Namespace, output: Path, names: list[str], columns: dict, left_out: dict[str, str]) -> None:
    """The line of each computed material, from the file that was written."""

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


def _print(arguments: Namespace, columns: dict[str, str], rows: list[list], left_out: dict[str, str]) -> None:
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
