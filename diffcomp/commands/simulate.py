"""`diffcomp simulate`: structures to diffraction pictures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from common.data.loading import load_data
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import replacing
from common.io.messages import note, report_left_out
from common.io.progress import progress
from diffcomp.diffraction.images import image, save_png
from diffcomp.measured.pictures import contact_sheet

#: Endings of picture formats that are not written; a folder is hardly named like this.
OTHERS = (".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp", ".jp2", ".pdf", ".svg", ".eps")


def simulate(arguments: Namespace) -> None:

    output = Path(arguments.output)
    single = is_png("--output", arguments.output) and not output.is_dir()
    if arguments.sheet:
        check_sheet(arguments.sheet)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    if single and len(table) > 1:
        raise UserError(f"--output {output} is one picture, but there are {len(table)} structures; name a folder")
    pictures, bad = _pictures(table, arguments)
    report_left_out({**left_out, **bad}, len(pictures), strict=arguments.strict)
    files = file_names(pictures)
    for name, picture in pictures.items():
        with replacing(output if single else output / files[name]) as temporary:
            save_png(picture, temporary)
    if arguments.sheet:
        contact_sheet(arguments.sheet, pictures)
    note(f"wrote {output}{f' and {arguments.sheet}' if arguments.sheet else ''}, pictures: {len(pictures)}")


def _pictures(table: MaterialsDataset, arguments: Namespace) -> tuple[dict, dict[str, str]]:
    """Id -> picture and id -> reason. The bar counts atoms, three beams each, so that it moves within large cells."""

    pictures, bad = {}, {}
    atoms = sum(table.n_sites(row) for row in range(len(table)))
    options = {"variant": arguments.picture, "simulator": arguments.simulator}
    with progress(total=3 * atoms, desc="simulating", unit="atom") as bar:
        for row, name in enumerate(table.ids.tolist()):
            try:
                pictures[name] = image(table.structure(row), arguments.size, tick=bar.update, **options)
            except UserError as error:
                if arguments.strict:
                    raise UserError(f"{name}: {error}") from None
                bad[name] = str(error)
    return pictures, bad


def is_png(option: str, path: str) -> bool:
    """Whether a path names a PNG, however it is capitalized; that of another kind of picture is an error."""
    ending = Path(path).suffix.lower()
    if ending in OTHERS and not Path(path).is_dir():
        raise UserError(f"{option} {path}: pictures are written as PNG; name a .png")
    return ending == ".png"


def check_sheet(path: str) -> None:
    """A contact sheet is one PNG, whatever else the name says."""
    is_png("--sheet", path)
    if Path(path).is_dir():
        raise UserError(f"--sheet {path} is a folder; name a .png")


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """Id -> name of its picture, without folders; ids that would get the same one are numbered, with a note."""
    names, taken = {}, set()
    # Ids that are their own file name keep it.
    for name in sorted(ids, key=lambda name: "/" in name):
        plain = stem = name.replace("/", "_")
        number = 1
        while stem in taken:
            number += 1
            stem = f"{plain}-{number}"
        if stem != plain:
            note(f"{name} is written as {stem}.png, since {plain}.png belongs to another material")
        taken.add(stem)
        names[name] = f"{stem}.png"
    return names
