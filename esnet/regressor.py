"""The ESNet regressor: featurizes densities of states and trains the network."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import featurize
from common.features.featurized import Featurized
from common.features.ragged import ShardedRagged
from common.sources.files import Loaded
from common.train.recipes.recipe import Recipe
from common.train.regressor import Regressor
from esnet.config import VARIANTS
from esnet.dos.projected import ORBITALS
from esnet.dos.resampling import Form
from esnet.energies import TOTAL_ENERGY, check_use, unrelaxed_energies
from esnet.features import Inputs, Scaling, cache_name, composition, covers_axis, input_row
from esnet.model import build_esnet

if TYPE_CHECKING:
    from keras import Model

#: Materials named in a warning.
LISTED = 5


class ESNet(Regressor):
    """Projected density of states and elements present -> CNN with attention -> formation energy.

    >>> model = ESNet(epochs=50).fit(dataset, "formation_energy", split)
    >>> model.predict(other_dataset).prediction

    A model with absolute energies refuses densities of programs other than those it was trained on, whose zero of
    energy differs, unless `accept_other_inputs` is set.
    """

    name = "esnet"
    variants = VARIANTS
    uses_densities = True
    predict_batch = 64
    #: Log-cosh, Adam 1.75e-3, batch 32 (article); plateau rule, patience and monitored loss are those of the release.
    recipe = Recipe(
        loss="log_cosh",
        learning_rate=1.75e-3,
        batch=32,
        epochs=300,
        monitor="loss",
        patience=35,
        plateau=15,
        plateau_factor=0.5,
        xla=True,
    )
    recipe_of = {"released": {"learning_rate": 1.5e-3, "batch": 64}, "paper": {}, "corrected": {}}

    def __init__(self, variant: str = "corrected", **settings):
        super().__init__(variant, **settings)
        check_use(self.config.energy)
        self.accept_other_inputs = False
        self.scaling: Scaling | None = None
        self.programs: tuple[str, ...] = ()

    @property
    def form(self) -> Form:
        """The representation of the densities."""
        config = self.config
        return Form(config.reference, config.outside, config.per, config.down)

    @property
    def selection(self) -> str:
        return self.config.selection

    def adapt_split(self, split: Split) -> Split:
        """The release has no validation set: it trains on all but the test set and selects the epoch on that."""
        if self.config.selection == "validation":
            return split
        if not split.test:
            raise UserError(f"the {self.variant} variant selects its epoch on the test set, which is empty")
        return replace(split, train=(*split.train, *split.validation), validation=())

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        if self.config.orbitals != len(ORBITALS):
            raise UserError(f"orbitals = {self.config.orbitals} is not supported; use {len(ORBITALS)}")
        any_zero = self.accept_other_inputs
        made = featurize(
            table,
            cache_name(self.form, any_zero=any_zero),
            partial(input_row, form=self.form, any_zero=any_zero),
            jobs=jobs,
            of="absolute densities" if self.config.reference == "absolute" else "densities",
            on_disk=True,
            store=self.store,
        )
        energies, reasons = unrelaxed_energies(table) if self.config.energy else (None, {})
        used, compositions, refused = [], [], {}
        for place, row in enumerate(made.rows.tolist()):
            name = str(table.ids[row])
            try:
                self._check_program(bytes(made.features.row("engine", place)).decode())
                if name in reasons:
                    raise UserError(reasons[name])
                compositions.append(composition(made.features.row("elements", place), self.config.elements))
                used.append(place)
            except UserError as error:
                refused[name] = str(error)
        made = made.select(used, refused)
        if not used:
            return made
        _warn_of_gaps(made.features, table.ids[made.rows])
        chosen = {
            "energies": None if energies is None else energies[made.rows],
            "energy_as_input": self.config.energy == "input",
        }
        return made.map(lambda rows: Inputs(rows, np.array(compositions), self.scaling, **chosen))

    def read(self, materials: Any) -> Loaded:
        """Also paths of densities of states, see `esnet.datasets.load_data`."""
        paths = [materials] if isinstance(materials, str | Path) else materials
        if isinstance(paths, list | tuple) and paths and all(isinstance(one, str | Path) for one in paths):
            # Imported here, since a machine that only trains lacks what the sources need.
            return resolve_name("esnet.datasets:load_data")([str(one) for one in paths])
        return super().read(materials)

    def shape_for(self, target: Target) -> None:
        super().shape_for(target)
        if self.config.energy and target.unit != "eV/atom":
            raise UserError(f"energy {self.config.energy!r} needs a target in eV/atom, not {target.unit or '1'}")

    def _check_program(self, program: str) -> None:
        if self.config.energy and program != "GPAW":
            raise UserError(f"its unrelaxed energy is from {program}, and the reference energies are from GPAW")
        known = self.programs and self.config.reference == "absolute" and not self.accept_other_inputs
        if known and program not in self.programs:
            raise UserError(
                f"its absolute energies are from {program}, whose zero differs from that of the training data "
                f"({', '.join(self.programs)}); use a model with energies from the Fermi level"
            )

    @property
    def input_targets(self) -> tuple[str, ...]:
        return (TOTAL_ENERGY,) if self.config.energy else ()

    def offsets(self, features: Inputs) -> np.ndarray | float:
        return features.energies.astype(np.float32) if self.config.energy == "delta" else 0.0

    def fit_inputs(self, features: Inputs, rows: np.ndarray) -> None:
        self.scaling = features.fit(rows, scale_composition=self.config.scale_composition)
        self.programs = tuple(sorted({bytes(features.rows.row("engine", row)).decode() for row in rows}))

    def input_state(self) -> dict:
        return {"scaling": self.scaling.as_plain(), "engines": list(self.programs)} if self.scaling else {}

    def set_input_state(self, state: dict) -> None:
        self.scaling, self.programs = Scaling.from_plain(state["scaling"]), tuple(state["engines"])

    def build(self) -> Model:
        return build_esnet(self.config)


def _warn_of_gaps(rows: ShardedRagged, ids: np.ndarray) -> None:
    """Warn once of all densities that do not cover the axis or have f orbitals."""
    facts = [rows.row("facts", place) for place in range(len(rows))]
    short = [place for place, one in enumerate(facts) if not covers_axis(one)]
    if short:
        ends = [f"{ids[place]} covers {facts[place][0]:.1f} to {facts[place][1]:.1f} eV" for place in short[:LISTED]]
        more = f", and {len(short) - LISTED} more" if len(short) > LISTED else ""
        text = "{} of {} densities of states end before the axis of -20 to 10 eV does: {}"
        warnings.warn(text.format(len(short), len(rows), ", ".join(ends) + more), stacklevel=3)
    with_f = [place for place, one in enumerate(facts) if one[2]]
    if with_f:
        text = "{} of {} densities of states have f orbitals, which are left out; the first is {}"
        warnings.warn(text.format(len(with_f), len(rows), ids[with_f[0]]), stacklevel=3)
