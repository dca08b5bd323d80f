"""One file with all that training needs: features, targets, splits, for machines with a backend and little else.

    /                              cells, a list in JSON of what is to be trained, for `experiments.run.packing`
    /element_vectors/<name>        table (119, length), there (119,)
    /sources/<name>                id, formula, targets/<target>; digests of the data that they were made from
    /sources/<name>/features/<f>   rows (n,), the materials that have them; bad, id -> reason in JSON;
                                   <field>/values and <field>/length, flat
    /sources/<name>/splits/<hash>  train, validation, test: row numbers

What a model makes of a formula alone is made again where it is trained, from the formula.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from common.chem.element_vectors import ElementVectors
from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split
from common.errors import UserError
from common.features.featurized import Featurized
from common.features.ragged import Flat, Ragged, ShardedRagged
from common.io.hdf5 import cached_dataset, open_hdf5, writing_hdf5

FORMAT = 1
#: Bytes of a compressed chunk; a row of the largest features, densities of states, has 54 kB.
CHUNK = 2**18


class PackedTable(MaterialsDataset):
    """A table whose features have been made elsewhere. It has no structures."""

    def __init__(self, *arguments, features=None, digests: dict | None = None, **options):
        super().__init__(*arguments, **options)
        self.packed, self.digests = features, digests or {}

    def take(self, rows: np.ndarray) -> PackedTable:
        part = super().take(rows)
        return PackedTable(
            part.ids,
            part.formulas,
            targets=part.targets,
            origin=part.origin,
            rows=part._rows,
            features=self.packed,
            digests=self.digests,
        )

    def digest(self, target: str | None = None, *, densities: bool = False) -> str:
        """That of the table of which this one was made, with the rows that know the target."""
        name = digest_name(target, densities)
        if name not in self.digests:
            raise UserError(f"{self.origin} was not packed for the target {target!r}; pack it again")
        return self.digests[name]


def digest_name(target: str | None, densities: bool) -> str:
    return f"{target} with densities of states" if densities else str(target)


class PackedFeatures:
    """The features of a source, by the name of what made them; read when they are asked for."""

    def __init__(self, group, ids: np.ndarray):
        self.group, self.ids = group, ids
        self._read: dict[str, tuple[Ragged, dict[str, int], dict[str, str]]] = {}

    def __call__(self, name: str, table: MaterialsDataset, *, on_disk: bool) -> Featurized:
        """What `common.features.cache.featurize` gives."""
        if name not in self.group:
            raise UserError(f"{table.origin} has no features {name}; pack the tables that need them")
        ragged, place, bad = self._load(name, on_disk)
        ids = table.ids.tolist()
        good = [row for row, one in enumerate(ids) if one in place]
        where = [place[ids[row]] for row in good]
        left_out = {one: bad.get(one, "its features are not in the file") for one in ids if one not in place}
        if not good:
            return Featurized(None, np.zeros(0, np.int64), left_out)
        found = ShardedRagged([ragged], [(0, k) for k in where]) if on_disk else ragged.take(np.array(where))
        return Featurized(found, np.array(good, dtype=np.int64), left_out)

    def _load(self, name: str, on_disk: bool):
        if name not in self._read:
            group = self.group[name]
            fields = {}
            for field in group["fields"]:
                offset = np.concatenate([[0], np.cumsum(group[f"fields/{field}/length"][:].astype(np.int64))])
                path = f"{group.name}/fields/{field}/values"
                values = cached_dataset(group.file, path) if on_disk else group[f"fields/{field}/values"][:]
                fields[field] = Flat(values, offset)
            place = {str(self.ids[row]): k for k, row in enumerate(group["rows"][:].tolist())}
            self._read[name] = Ragged(fields), place, json.loads(group.attrs["bad"])
        return self._read[name]


class Pack:
    """A file of features, open for reading.

    >>> pack = Pack("matbench.h5")
    >>> model.fit(pack.source("matbench-dielectric"), "n", pack.split("matbench-dielectric", digest))
    """

    def __init__(self, path: str | Path):
        self.path, self.file = Path(path), open_hdf5(path)
        if self.file.attrs.get("format") != FORMAT or "cells" not in self.file:
            raise UserError(f"{path} is no file of features of this version; write it with matrepro features pack")
        self.cells = json.loads(self.file["cells"][()])

    @property
    def sources(self) -> list[str]:
        return list(self.file["sources"])

    def source(self, name: str) -> PackedTable:
        """The materials of a source that the cells of this file use."""
        if name not in self.file["sources"]:
            raise UserError(f"{self.path} has no materials of {name}; it has: {', '.join(self.sources)}")
        group = self.file["sources"][name]
        ids, formulas = (group[column].asstr("utf-8")[:] for column in ("id", "formula"))
        targets = {}
        for target, data in group["targets"].items():
            axis = data.attrs.get("axis")
            targets[target] = Target(data[:], str(data.attrs["unit"]), axis, str(data.attrs.get("axis_unit", "")))
        return PackedTable(
            ids,
            formulas,
            targets=targets,
            origin=f"{self.path}: {name}",
            features=PackedFeatures(group["features"], ids),
            digests=json.loads(group.attrs["digests"]),
        )

    def split(self, source: str, digest: str) -> Split:
        group = self.file["sources"][source]
        ids = group["id"].asstr("utf-8")[:]
        parts = group["splits"][digest]
        return Split(*(tuple(ids[parts[name][:]].tolist()) for name in ("train", "validation", "test")))

    def element_vectors(self) -> list[ElementVectors]:
        found = self.file["element_vectors"]
        return [ElementVectors(name, group["table"][:], group["there"][:]) for name, group in found.items()]


class Contents:
    """What goes into a file, gathered source by source."""

    def __init__(self):
        self.cells: list[dict] = []
        self.vectors: dict[str, ElementVectors] = {}
        self.tables: dict[str, MaterialsDataset] = {}
        self.digests: dict[str, dict[str, str]] = {}
        self.splits: dict[str, dict[str, Split]] = {}
        self.features: dict[str, dict[str, tuple[Ragged, np.ndarray, dict[str, str]]]] = {}

    def write(self, path: str | Path) -> None:
        with writing_hdf5(path) as file:
            file.attrs["format"] = FORMAT
            file["cells"] = json.dumps(self.cells)
            group = file.create_group("element_vectors")
            for name, vectors in self.vectors.items():
                group[f"{name}/table"], group[f"{name}/there"] = vectors.table, vectors.available
            for name, table in self.tables.items():
                self._write_source(file.create_group(f"sources/{name}"), name, table)

    def _write_source(self, group, name: str, table: MaterialsDataset) -> None:
        group["id"], group["formula"] = (np.char.encode(text, "utf-8") for text in (table.ids, table.formulas))
        group.attrs["digests"] = json.dumps(self.digests.get(name, {}))
        targets = group.create_group("targets")
        for target, (values, unit, axis, axis_unit) in table.targets.items():
            data = targets.create_dataset(target, data=values, compression="gzip")
            data.attrs["unit"] = unit
            if axis is not None:
                data.attrs["axis"], data.attrs["axis_unit"] = axis, axis_unit
        splits = group.create_group("splits")
        for digest, split in self.splits.get(name, {}).items():
            for part, ids in split.parts().items():
                splits[f"{digest}/{part}"] = table.rows_of(ids)
        features = group.create_group("features")
        for maker, (ragged, ids, bad) in self.features.get(name, {}).items():
            inner = features.create_group(maker)
            inner["rows"], inner.attrs["bad"] = table.rows_of(ids), json.dumps(bad)
            for field, flat in ragged.fields.items():
                length = np.diff(flat.offset).astype(np.uint32)
                inner.create_dataset(f"fields/{field}/length", data=length, compression="gzip")
                chunk = (max(1, min(len(flat.values), CHUNK // flat.values.dtype.itemsize)),)
                options = {"chunks": chunk, "compression": "gzip", "shuffle": True} if len(flat.values) else {}
                inner.create_dataset(f"fields/{field}/values", data=flat.values, **options)
