"""`matrepro models`: which presets are installed, what is known of them, whether their files are complete."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.io.messages import note
from common.io.text import aligned, as_json
from common.presets.card import without_front_matter
from common.presets.exchange import copy_preset, name_of
from common.presets.find import installed_preset, presets, user_folder
from common.presets.remote import checksum_of, fetched
from common.presets.store import README, is_preset, read_metadata, size_of, verify
from experiments.presets.build import build_preset
from experiments.presets.declared import declared

#: Size above which a preset should not be distributed.
MAX_MB = 14


def list_all(arguments: Namespace) -> None:
    """Name, target, MAE and size of every preset."""
    rows = [_row(name, folder) for name, folder in presets().items()]
    if arguments.json:
        print(as_json(rows), end="")
        return
    if not rows:
        note("no preset is installed; build one with matrepro models build, or install one with matrepro models import")
        return
    header = ["preset", "network", "target", "unit", "MAE", "MB", "origin"]
    print(aligned(header, [[_text(row[name]) for name in ("name", *header[1:])] for row in rows], left=4), end="")


def _row(name: str, folder: Path) -> dict[str, Any]:
    facts = read_metadata(folder)
    errors = facts.get("errors") or [{}]
    return {
        "name": name,
        "network": facts["model"],
        "target": facts["target"],
        "unit": facts["unit"],
        "MAE": errors[0].get("MAE"),
        "MB": round(size_of(folder) / 1e6, 2),
        "origin": "imported" if folder.parent == user_folder() else folder.parents[1].name,
        "folder": str(folder),
    }


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def info(arguments: Namespace) -> None:
    """The model card, or the metadata as JSON."""
    folder = installed_preset(arguments.name)
    card = without_front_matter((folder / README).read_text())
    print(as_json(read_metadata(folder)) if arguments.json else card, end="")


def check(arguments: Namespace) -> None:
    """Check the files of the named presets, or of all."""
    names = arguments.names or list(presets())
    damaged = 0
    for name in names:
        try:
            verify(installed_preset(name))
            print(f"{name}: complete")
        except UserError as error:
            damaged += 1
            print(f"{name}: {error}")
    if damaged:
        raise UserError(f"{damaged} of {len(names)} presets cannot be used; install them again")


def export(arguments: Namespace) -> None:
    """Write a preset to a folder that can be uploaded to Hugging Face as it is."""
    target = copy_preset(installed_preset(arguments.name), Path(arguments.output), overwrite=arguments.overwrite)
    note(f"wrote {target}, whose layout is that of a Hugging Face repository; to import it from a server, give")
    note(f"--sha256 {checksum_of(target)}")


def install(arguments: Namespace) -> None:
    """Check a preset from elsewhere and copy it to the user's models."""
    with fetched(arguments.source, arguments.sha256) as folder:
        name = name_of(folder)
        there = presets().get(name)
        if there and there.parent != user_folder() and not arguments.overwrite:
            raise UserError(f"{name} is a preset of this project ({there}); --overwrite uses the imported one instead")
        target = copy_preset(folder, user_folder() / name, overwrite=arguments.overwrite)
    note(f"installed {name} in {target}")


def remove(arguments: Namespace) -> None:
    """Delete an imported preset, after which one of the same name in a package is found again."""
    folder = user_folder() / arguments.name
    if Path(arguments.name).name != arguments.name or not is_preset(folder):
        raise UserError(f"{arguments.name} is not an imported preset; matrepro models list names their origin")
    shutil.rmtree(folder)
    note(f"removed {folder}")


def build(arguments: Namespace) -> None:
    """Train presets that are declared in a YAML file."""
    known = declared(Path(arguments.declared) if arguments.declared else None)
    for name in arguments.names:
        output = Path(arguments.output) if arguments.output else None
        folder = build_preset(name, known, output, renew=arguments.renew, jobs=arguments.jobs)
        size = size_of(folder) / 1e6
        note(f"wrote {folder}, {size:.2f} MB")
        if size > MAX_MB:
            note(f"warning: {name} is larger than the {MAX_MB} MB of a preset; use fewer members or a smaller network")
