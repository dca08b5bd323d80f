"""The journal of a search: one line a trial in `trials.jsonl`, and what is under way in `open.json`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from common.compute.executor import run_apart
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note
from common.io.progress import progress


@dataclass(frozen=True)
class Trial:
    """Settings and validation error, NaN with a reason where the training failed."""

    number: int
    settings: dict
    error: float
    reason: str = ""
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0


def _checked(trial: Trial) -> Trial:
    kinds = {"number": int, "settings": dict, "error": (int, float), "reason": str, "best_epoch": int, "epochs": int}
    for name, kind in kinds.items():
        if not isinstance(getattr(trial, name), kind):
            raise TypeError(f"{name} is {getattr(trial, name)!r}")
    return trial


class Journal:
    """The trials of one search in its folder; `facts` are all that they depend on besides their settings."""

    def __init__(self, folder: str | Path, facts: dict):
        self.folder = Path(folder)
        self.path, self._open = self.folder / "trials.jsonl", self.folder / "open.json"
        claim(self.folder / "search.json", facts)
        self.trials = {trial.number: trial for trial in self._read()}
        # A number stands with its settings; one that ended before this could be written down is known by its line.
        under_way = {}
        for number, settings in _load(self._open).items():
            if not number.isdecimal() or len(number) > 18 or not isinstance(settings, dict):
                raise UserError(f"{self._open} is damaged at {number[:20]!r}; delete it")
            under_way[int(number)] = settings
        self.under_way = {number: settings for number, settings in under_way.items() if number not in self.trials}

    def _read(self) -> Iterator[Trial]:
        try:
            lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path} cannot be read ({error}); choose another folder") from None
        if lines and not lines[-1].endswith("\n"):  # killed while it was written
            write_text(self.path, "".join(lines[:-1]))
            lines.pop()
        for number, line in enumerate(lines, 1):
            try:
                found = json.loads(line)
                yield _checked(Trial(**found | {"error": math.nan if found["error"] is None else found["error"]}))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UserError(f"{self.path}, line {number} is damaged ({error}); delete the line") from None

    def known(self) -> list[tuple[dict, float]]:
        """Settings and errors of the trials that came to an end, by number."""
        return [(t.settings, t.error) for _, t in sorted(self.trials.items()) if not t.reason]

    def tried(self) -> list[dict]:
        """All settings that need no second trial: of those that ended, well or not, and of those under way."""
        return [trial.settings for trial in self.trials.values()] + list(self.under_way.values())

    def ranking(self) -> list[Trial]:
        return sorted((t for t in self.trials.values() if not t.reason), key=lambda t: (t.error, t.number))

    def failed(self) -> list[Trial]:
        return [trial for trial in self.trials.values() if trial.reason]

    def begin(self, number: int, settings: dict) -> None:
        self.under_way[number] = settings
        write_text(self._open, json.dumps(self.under_way, indent=1))

    def end(self, trial: Trial) -> None:
        """The line reaches the disk before anything else happens."""
        line = json.dumps(asdict(trial) | ({"error": None} if trial.reason else {})) + "\n"
        try:
            with open(self.path, "a") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; free some space") from None
        self.trials[trial.number] = trial
        self.under_way.pop(trial.number, None)
        write_text(self._open, json.dumps(self.under_way, indent=1))

    def retry(self) -> None:
        """Queue failed trials again."""
        for trial in self.failed():
            self.under_way[trial.number] = self.trials.pop(trial.number).settings
        write_text(self._open, json.dumps(self.under_way, indent=1))
        lines = [json.dumps(asdict(trial)) + "\n" for trial in self.trials.values()]
        write_text(self.path, "".join(lines))


def claim(path: Path, facts: dict) -> None:
    """Record which search belongs to this folder, and refuse another one."""
    facts = json.loads(json.dumps(facts))
    found = _load(path)
    changed = [name for name in facts if found.get(name, facts[name]) != facts[name]]
    if changed:
        raise UserError(
            f"{path.parent} holds another search, with {changed[0]} {found[changed[0]]}, not {facts[changed[0]]}; "
            "choose another folder"
        )
    write_text(path, json.dumps(facts, indent=1))


def _load(path: Path) -> dict:
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise ValueError("it is not a JSON object")
        return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete it") from None


def work(
    journal: Journal, count: int, propose: Callable[[Journal, int], dict], train: Callable, fixed: dict, jobs: int
) -> None:
    """Run trials until there are `count`: those that were under way first, then what `propose` gives.

    `train(fixed, number, settings)` runs in a process of its own, here or on a cluster, and returns fields of `Trial`.
    """

    def items() -> Iterator[tuple[dict, int, dict]]:
        for number, settings in sorted(journal.under_way.items()):
            yield fixed, number, settings
        number = 0
        while len(journal.trials) + len(journal.under_way) < count:
            while number in journal.trials or number in journal.under_way:
                number += 1
            settings = propose(journal, number)
            journal.begin(number, settings)
            yield fixed, number, settings

    with (
        progress(total=count, initial=len(journal.trials), desc="trials", unit="trial") as bar,
        closing(run_apart(train, items(), jobs)) as outcomes,
    ):
        for (_, number, settings), reason, found in outcomes:
            if reason == "interrupted":
                continue  # still running; it resumes from its checkpoint
            journal.end(Trial(number, settings, **(found or {"error": math.nan, "reason": reason})))
            if reason:
                note(f"failed trial {number}: {reason}")
            bar.update()
