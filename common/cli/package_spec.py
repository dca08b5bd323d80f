"""What the shared commands must know of one paper's package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from common.data.loading import load_data
from common.errors import UserError

TABLE_HELP = "a folder with id_prop.csv, a CSV with a formula or cif column, an .h5 table, or a source such as mini"
FILES_HELP = (
    "structure files (CIF, POSCAR, ...) and folders of them, or one table: a CSV, an .h5 file, a source such as mini"
)


@dataclass(frozen=True)
class PackageSpec:
    """What the shared commands must know of a paper.

    networks: name on the command line -> "module:Class" of a `Regressor`, imported when used; the first is the default.
    formulas: whether chemical formulas may stand in place of files. tables, folder: what DATA may be, and a folder of
    one's own as an example, with what is in it. settings: names of options of `train` that are choices of the network.
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

    def regressor(self, name: str):
        from importlib import import_module

        if name not in self.networks:
            raise UserError(
                f"a {name} model is none of {self.name}'s ({', '.join(self.networks)}); use its own command"
            )
        module, _, member = self.networks[name].partition(":")
        return getattr(import_module(module), member)

    def read(self, data: str | Sequence[str], **options):
        """The table behind DATA for `train` and `evaluate`, and for `predict` with `formulas`."""
        return load_data(data, **options)

    def load(self, folder: str):
        """A saved model of any of the paper's networks, or an ensemble of them."""
        from common.train.ensemble import Ensemble, member_folders
        from common.train.regressor import read_card

        if member_folders(folder):
            return Ensemble.load(folder, self.load)
        return self.regressor(read_card(folder).get("model", "?")).load(folder)
