"""The specification of ESNet for the shared commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from common.cli.package_spec import PackageSpec
from common.errors import UserError

if TYPE_CHECKING:
    from common.sources.files import Loaded
    from common.train.regressor import Regressor


@dataclass(frozen=True)
class ESNetSpec(PackageSpec):
    """The shared commands on datasets with densities of states.

    batch: options of `run_batch` to compute densities for structures without them; None refuses such structures.
    accept_others: see `ESNet.accept_other_inputs`.
    """

    batch: dict | None = None
    accept_others: bool = False

    def read(self, data: str | Sequence[str], *, formulas: bool = False, **options: Any) -> Loaded:
        datasets = resolve_name("esnet.datasets")
        loaded = datasets.load_data(data, **options)
        if loaded.table.has_densities or not len(loaded.table):
            return loaded
        if not self.batch:
            raise UserError(
                f"{loaded.table.origin} has no densities of states; compute them with esnet dos compute, or predict "
                "with --dft gpaw"
            )
        table, failed = datasets.with_computed_densities(loaded.table, **self.batch)
        return loaded._replace(table=table, left_out=loaded.left_out | failed)

    def load(self, folder: str) -> Regressor:
        model = super().load(folder)
        for member in getattr(model, "members", [model]):
            member.accept_other_inputs = self.accept_others
        return model


SPEC = ESNetSpec(
    "esnet",
    "ESNet: the energy of a relaxed material from the density of states of its unrelaxed structure.",
    {"esnet": "esnet.regressor:ESNet", "esnet-cnn": "esnet.cnn:CNN"},
    tables="a folder of vasprun.xml or CompleteDos JSON files with id_prop.csv, an .h5 file of esnet dos, or a source "
    "such as mini",
    folder=("my_runs/", "vasprun.xml files and id_prop.csv"),
)
