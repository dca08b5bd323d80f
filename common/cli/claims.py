"""Which training a folder belongs to, so that another one neither mixes with it nor replaces it by mistake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.errors import UserError
from common.io.files import write_text
from common.io.text import flat
from common.train.ensemble import member_folders
from common.train.regressor import Regressor


def claim(
    folder: Path, model: Regressor, table: MaterialsDataset, target: str, split: Split, *, overwrite: bool
) -> bool:
    """Record which training belongs to `folder`; True if this very training is finished there.

    Another training there is an error, unless it is to be overwritten.
    """
    data = table.digest(target, densities=model.uses_densities)
    wanted = {**model.settings(), "target": target, "data": data, "split": split.digest()}
    wanted = json.loads(json.dumps(wanted))
    path, finished, checkpoint = folder / "training.json", folder / "model.json", folder / "run" / "checkpoint.npz"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        found = {}
    if found == wanted and not overwrite:
        return finished.exists()
    if (finished.exists() or checkpoint.exists()) and not overwrite:
        old, new = flat(found), flat(wanted)
        changed = [f"{name} {old[name]}, not {new[name]}" for name in new if old.get(name, new[name]) != new[name]]
        which = f" with {changed[0]}" if changed else ""
        raise UserError(f"{folder} holds another training{which}; choose another folder or add --overwrite")
    finished.unlink(missing_ok=True)
    checkpoint.unlink(missing_ok=True)
    write_text(path, json.dumps(wanted, indent=1))
    return False


def refuse_other_members(folder: Path, count: int, *, overwrite: bool) -> None:
    """A single model beside members, or more members than `count`, would change what the folder predicts."""
    others = member_folders(folder)[count if count > 1 else 0 :]
    single = [folder / "model.json"] if count > 1 and (folder / "model.json").exists() else []
    if (others or single) and not overwrite:
        what = f"{len(member_folders(folder))} members" if others else "a single model"
        raise UserError(f"{folder} holds {what} of another training; choose another folder or add --overwrite")
    for path in others:
        shutil.rmtree(path)
    for path in single:
        path.unlink()
