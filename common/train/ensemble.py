"""Several models that differ in their seed alone, as one model with epistemic uncertainty."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from common.data.conformal import Conformal, with_interval
from common.data.domain import Domain
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.files import write_text
from common.train.calibration import calibrate
from common.train.hidden import fit_domain
from common.train.regressor import Regressor
from common.train.saved_model import member_folder, read_card

#: File beside the folders of the members.
ENSEMBLE = "ensemble.json"


class Ensemble:
    """k members, mean prediction. Variance = mean of the members' own (aleatoric) + variance of means (epistemic).

    >>> model = Ensemble(lambda seed: Finder(seed=seed), 5).fit(table, "band_gap", split)
    >>> model.predict(table).epistemic
    """

    def __init__(self, make: Callable[[int], Regressor], size: int, seed: int = 0):
        if size < 2:
            raise UserError("an ensemble needs two members or more")
        self.members = [make(seed + number) for number in range(size)]
        self.conformal: Conformal | None = None

    def fit(
        self,
        table: MaterialsDataset,
        target: str,
        split: Split,
        *,
        folder: Path | None = None,
        jobs: int = 1,
        callbacks: Sequence[Any] = (),
    ) -> Self:
        """Train the members in turn; each has checkpoints in a folder of its own inside `folder`.

        callbacks: of Keras; every member calls them.
        """
        for number, member in enumerate(self.members):
            inside = member_folder(folder, number) if folder else None
            member.fit(table, target, split, folder=inside, jobs=jobs, callbacks=callbacks)
        return self.calibrate(table.known(target), split, jobs=jobs)

    def calibrate(self, table: MaterialsDataset, split: Split, *, jobs: int = 1) -> Self:
        """Calibrate the intervals of the mean prediction, on the same set as those of the members."""
        self.conformal = calibrate(self, table, self.members[0].adapt_split(split), self.members[0].selection, jobs)
        return self

    def predict(
        self,
        materials: Any,
        *,
        jobs: int = 1,
        strict: bool = False,
        bar: bool = True,
        interval: float | None = None,
        domain: bool = False,
    ) -> Predictions:
        """As `Regressor.predict`, by all members."""
        table, left_out = self.members[0].read(materials)
        options: dict[str, Any] = {"jobs": jobs, "strict": strict, "bar": bar}
        first, *others = self.members
        predicted = [first.predict(table, domain=domain, **options), *(one.predict(table, **options) for one in others)]
        self.left_out = left_out | self.members[0].left_out
        return with_interval(combine(predicted), self.conformal, interval)

    def fit_domain(self, table: MaterialsDataset, *, jobs: int = 1) -> Domain | None:
        """Learn the domain of the training set, from the last hidden layer of the first member."""
        return fit_domain(self, table, jobs=jobs)

    def save(self, folder: str | Path) -> Path:
        for number, member in enumerate(self.members):
            member.save(member_folder(folder, number))
        return self.save_intervals(folder)

    def save_intervals(self, folder: str | Path) -> Path:
        """Write `ensemble.json`, which holds the half widths of the ensemble's own intervals."""
        path = Path(folder) / ENSEMBLE
        if self.conformal:
            write_text(path, json.dumps({"conformal": self.conformal.as_plain()}, indent=1))
        else:
            path.unlink(missing_ok=True)
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path, load: Callable[[Path], Regressor]) -> Ensemble:
        found = member_folders(folder)
        if len(found) < 2:
            raise UserError(f"{folder} holds no ensemble (folders member-0, member-1, ...)")
        return cls.of([load(path) for path in found], _read_intervals(Path(folder) / ENSEMBLE))

    @classmethod
    def of(cls, members: list[Regressor], conformal: Conformal | None = None) -> Self:
        """An ensemble of trained members, with the half widths of its own intervals."""
        ensemble = cls.__new__(cls)
        ensemble.members, ensemble.conformal = members, conformal
        return ensemble

    # The attributes of a model that the commands read.
    target = property(lambda self: self.members[0].target)
    domain = property(lambda self: self.members[0].domain)
    needs = property(lambda self: self.members[0].needs)
    unit = property(lambda self: self.members[0].unit)
    axis = property(lambda self: self.members[0].axis)

    def unseen_elements(self, formulas: Iterable[str]) -> list[str] | None:
        return self.members[0].unseen_elements(formulas)

    def settings(self) -> dict:
        return {**self.members[0].settings(), "ensemble": len(self.members)}


def load_model(folder: str | Path, regressor: Callable[[str], type[Regressor]]) -> Any:
    """A saved model or ensemble; `regressor` gives the class for the name that is stored in `model.json`."""
    if member_folders(folder):
        return Ensemble.load(folder, lambda member: load_model(member, regressor))
    return regressor(read_card(folder).get("model", "?")).load(folder)


def _read_intervals(path: Path) -> Conformal | None:
    if not path.exists():
        return None
    try:
        return Conformal.from_plain(json.loads(path.read_text())["conformal"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); train the ensemble again") from None


def member_folders(folder: str | Path) -> list[Path]:
    """The members of an ensemble saved in `folder`, in order."""
    return sorted(Path(folder).glob("member-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def combine(predicted: list[Predictions]) -> Predictions:
    """The predictions of the members as those of the ensemble."""
    values = np.array([one.prediction for one in predicted])
    epistemic = values.std(axis=0)
    own = [one.std for one in predicted if one.std is not None]
    if len(own) < len(predicted):
        return replace(predicted[0], prediction=values.mean(axis=0), std=epistemic, epistemic=epistemic)
    aleatoric = np.sqrt(np.mean([std**2 for std in own], axis=0))
    std = np.hypot(epistemic, aleatoric)
    return replace(predicted[0], prediction=values.mean(axis=0), std=std, epistemic=epistemic, aleatoric=aleatoric)
