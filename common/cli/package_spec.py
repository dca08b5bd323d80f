"""What the shared commands must know of a package: its networks, and how it reads data and loads models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

from common.errors import UserError

TABLE_HELP = "a folder with id_prop.csv, a CSV with a formula or cif column, an .h5 table, or a source such as mini"
FILES_HELP = (
    "structure files (CIF, POSCAR, ...) and folders of them, or one table: a CSV, an .h5 file, a source such as mini"
)


@dataclass(frozen=True)
class PackageSpec:
    """One package, as the shared commands see it. It names modules instead of importing them, to keep `--help` fast.

    networks: name on the command line -> "module:Class" of a `Regressor`; the first is the default.
    formulas: whether chemical formulas may be given instead of files. tables: help text for DATA. folder: an example of
    a user's own data folder, and what it contains. settings: options of `train` that configure the network.
    """

    name: str
    description: str
    networks: dict[str, str]
    variants: Sequence[str] = field(default=("released", "paper", "corrected"))
    formulas: bool = False
    tables: str = TABLE_HELP
    folder: tuple[str, str] = ("my_crystals/", "CIFs and id_prop.csv")
    settings: Sequence[str] = ()

    @property
    def default(self) -> str:
        return next(iter(self.networks))

    def regressor(self, name: str) -> type:
        if name not in self.networks:
            known = ", ".join(self.networks)
            raise UserError(f"{name!r} is not a network of {self.name} ({known}); use the command of its package")
        return resolve_name(self.networks[name])

    def read(self, data: str | Sequence[str], **options: Any) -> Any:
        """The dataset behind DATA for `train` and `evaluate`, and for `predict` with `formulas`."""
        return resolve_name("common.data.loading:load_data")(data, **options)

    def load(self, folder: str) -> Any:
        """A preset, or a saved model of any of the package's networks, or an ensemble of them."""
        return resolve_name("common.presets.load:load_model")(folder, self.regressor)
