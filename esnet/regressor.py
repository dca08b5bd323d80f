"""ESNet as a regressor: densities of states in, inputs, network, recipe."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.errors import UserError
from common.features.cache import featurize
from common.features.featurized import Featurized
from common.features.ragged import ShardedRagged
from common.train.recipe import Recipe
from common.train.regressor import Regressor
from esnet.config import VARIANTS
from esnet.dos.projected import ORBITALS
from esnet.dos.resampling import Form
from esnet.features import Inputs, Scaling, cache_name, composition, input_row, narrow
from esnet.model import build_esnet


class ESNet(Regressor):
    """Projected density of states and elements present -> CNN with attention -> formation energy.

    >>> model = ESNet(epochs=50).fit(table, "formation_energy", split)
    >>> model.predict(other_table).prediction

    A model knows how its densities were brought to the axis and, where energies are absolute, which programs they came
    from; others are refused unless `accept_other_inputs` is set.
    """

    name = "esnet"
    variants = VARIANTS
    uses_densities = True
    predict_batch = 64
    #: Log-cosh, Adam 1.75e-3, batch 32 (article); the plateau rule, patience and the loss as judge are the release's.
    recipe = Recipe(
        loss="log_cosh",
        learning_rate=1.75e-3,
        batch=32,
        epochs=300,
        monitor="loss",
        patience=35,
        plateau=15,
        plateau_factor=0.5,
    )
    recipe_of = {"released": {"learning_rate": 1.5e-3, "batch": 64}, "paper": {}, "corrected": {}}

    def __init__(self, variant: str = "corrected", **settings):
        super().__init__(variant, **settings)
        self.accept_other_inputs = False
        self.scaling: Scaling | None = None
        self.engines: tuple[str, ...] = ()

    @property
    def form(self) -> Form:
        """How densities are brought to the axis."""
        config = self.config
        return Form(config.reference, config.outside, config.per, config.down)

    @property
    def selection(self) -> str:
        return self.config.selection

    def parts(self, split: Split) -> Split:
        """The release has no third set: it trains on all but the test materials and chooses the epoch on those."""
        if self.config.selection == "validation":
            return split
        if not split.test:
            raise UserError(f"the {self.variant} variant chooses its epoch on the test part, and the split has none")
        return Split((*split.train, *split.validation), (), split.test)

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        if self.config.orbitals != len(ORBITALS):
            raise UserError(f"densities of states have {len(ORBITALS)} orbitals here, not {self.config.orbitals}")
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
        kept, compositions, refused = [], [], {}
        for place, row in enumerate(made.rows.tolist()):
            try:
                self._check_engine(bytes(made.features.row("engine", place)).decode())
                compositions.append(composition(made.features.row("elements", place), self.config.elements))
                kept.append(place)
            except UserError as error:
                refused[str(table.ids[row])] = str(error)
        made = made.select(kept, refused)
        if not kept:
            return made
        _report(made.features, table.ids[made.rows])
        return made.map(lambda rows: Inputs(rows, np.array(compositions), self.scaling))

    def _check_engine(self, engine: str) -> None:
        known = self.engines and self.config.reference == "absolute" and not self.accept_other_inputs
        if known and engine not in self.engines:
            raise UserError(
                f"its absolute energies are {engine}'s, whose zero is another than that of {', '.join(self.engines)}, "
                "which the model has learned; use a model with energies from the Fermi level"
            )

    def fit_inputs(self, features: Inputs, rows: np.ndarray) -> None:
        self.scaling = features.fit(rows, scale_composition=self.config.scale_composition)
        self.engines = tuple(sorted({bytes(features.rows.row("engine", row)).decode() for row in rows}))

    def input_state(self) -> dict:
        return {"scaling": self.scaling.plain(), "engines": list(self.engines)} if self.scaling else {}

    def set_input_state(self, state: dict) -> None:
        self.scaling, self.engines = Scaling.from_plain(state["scaling"]), tuple(state["engines"])

    def build(self):
        return build_esnet(self.config)


#: Of many materials so many are named.
LISTED = 5


def _report(rows: ShardedRagged, ids: np.ndarray) -> None:
    """Say once for all materials what the data lack."""
    facts = [rows.row("facts", place) for place in range(len(rows))]
    short = [place for place, one in enumerate(facts) if narrow(one)]
    if short:
        ends = [f"{ids[place]} covers {facts[place][0]:.1f} to {facts[place][1]:.1f} eV" for place in short[:LISTED]]
        more = f", and so on: {len(short) - LISTED} more" if len(short) > LISTED else ""
        text = "{} of {} densities of states end before the axis of -20 to 10 eV does; {}"
        warnings.warn(text.format(len(short), len(rows), ", ".join(ends) + more), stacklevel=3)
    with_f = [place for place, one in enumerate(facts) if one[2]]
    if with_f:
        text = "{} of {} densities of states have f orbitals, which are left out; the first is {}"
        warnings.warn(text.format(len(with_f), len(rows), ids[with_f[0]]), stacklevel=3)
