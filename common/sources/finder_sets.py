"""The data sets of the Finder paper as its authors publish them, doi:10.6084/m9.figshare.19308407.

Put the files into the data directory as finder/<name>.csv. Each has the columns id, formula, target and cif, the last
one with the whole text of a CIF. Parsing 68,699 of these takes minutes; it is done once and kept as HDF5 in the cache.
"""

from __future__ import annotations

from functools import partial

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.cache import cache_root
from common.io.files import file_digest
from common.io.messages import note, report_left_out
from common.sources.datadir import place

#: File -> name of the target and unit.
SETS = {
    "e_form": ("formation_energy", "eV/atom"),
    "e_dft": ("total_energy", "eV/atom"),
    "e_gap": ("band_gap", "eV"),
    "n": ("n", "1"),
    "log_k": ("log10_K_VRH", "log10(GPa)"),
    "log_g": ("log10_G_VRH", "log10(GPa)"),
}


def finder_set(name: str) -> MaterialsDataset:
    """A data set of the Finder paper (figshare), structures included."""
    from common.sources.files import load

    path = place(f"finder/{name}.csv")
    if not path.exists():
        raise UserError(
            f"{path} is not there; run matrepro data get finder-mp-2021, or put the files of "
            f"doi:10.6084/m9.figshare.19308407 into {path.parent}"
        )
    kept = cache_root() / "tables" / f"finder-{name}-{file_digest(path)}.h5"
    if not kept.exists():
        note(f"reading the structures of {path} once; this takes minutes for a large file")
        table, left_out = load(path, target="target", jobs=-1)
        report_left_out(left_out, len(table))
        table.to_hdf5(kept)
    table = MaterialsDataset.from_hdf5(kept)
    target, unit = SETS[name]
    table = table.with_target(target, table.target("target").values, unit)
    table.origin = f"finder-{name}"
    return table.known(target)


SOURCES = {f"finder-{name.replace('_', '-')}": partial(finder_set, name) for name in SETS}
