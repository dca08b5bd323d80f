"""One file with all that training needs: features, targets, splits, for machines with a backend and little else.

    /                              cells, a list of the runs in JSON, for `experiments.run.packing`
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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common.chem.element_vectors import ElementVectors
from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split
from common.errors import UserError
from common.features.featurized import Featurized, Featurizer
from common.features.ragged import Ragged, ShardedRagged
from common.features.ragged_hdf5 import read_ragged, write_ragged
from common.io.hdf5 import guarded, open_hdf5, writing_hdf5
from common.io.hdf5_probe import probe

if TYPE_CHECKING:
    import h5py

FORMAT = 1


class PackedDataset(MaterialsDataset):
    """A dataset whose features have been made elsewhere, stored under the name `source` in a `Pack`.

    It has no structures. digests: target -> digest of the data from which it was made.
    """

    def __init__(self, *arguments: Any, source: str, digests: dict[str, str], **options: Any):
        super().__init__(*arguments, **options)
        self.source, self.digests = source, digests

    def take(self, rows: np.ndarray) -> PackedDataset:
        some = super().take(rows)
        return PackedDataset(
            some.ids,
            some.formulas,
            targets=some.targets,
            origin=some.origin,
            rows=some._rows,
            source=self.source,
            digests=self.digests,
        )

    def digest(self, target: str | None = None, *, densities: bool = False) -> str:
        """That of the dataset from which this one was made, with the rows where the target is known."""
        name = digest_name(target, densities)
        if name not in self.digests:
            raise UserError(f"{self.origin} was not packed for the target {target!r}; pack it again")
        return self.digests[name]


def digest_name(target: str | None, densities: bool) -> str:
    return f"{target} with densities of states" if densities else str(target)


class Stored(NamedTuple):
    """Features of one featurizer in a file: place of each id among them, and id -> reason for refused materials."""

    features: Ragged
    place: dict[str, int]
    errors: dict[str, str]


class Pack:
    """A file of features, open for reading; it is the feature store of its datasets.

    >>> pack = Pack("matbench.h5")
    >>> model = PROFiTNet(store=pack)
    >>> model.fit(pack.source("matbench-dielectric"), "n", pack.split("matbench-dielectric", digest))
    """

    def __init__(self, path: str | Path):
        probe(path)
        self.path, self.file = Path(path), open_hdf5(path)
        with guarded(path):
            if self.file.attrs.get("format") != FORMAT or "cells" not in self.file:
                raise UserError(f"{path} is no file of features of this version; write it with matrepro features pack")
            self.runs = json.loads(self.file["cells"][()])
        self._stored: dict[tuple[str, str], Stored] = {}

    @property
    def sources(self) -> list[str]:
        with guarded(self.path):
            return list(self.file["sources"])

    def source(self, name: str) -> PackedDataset:
        """The materials of a source that the runs of this file use."""
        if name not in self.sources:
            raise UserError(f"{self.path} has no materials of {name}; it has: {', '.join(self.sources)}")
        with guarded(self.path):
            return self._source(name, self.file["sources"][name])

    def _source(self, name: str, group: h5py.Group) -> PackedDataset:
        ids, formulas = (group[column].asstr("utf-8")[:] for column in ("id", "formula"))
        targets = {}
        for target, data in group["targets"].items():
            axis = data.attrs.get("axis")
            targets[target] = Target(data[:], str(data.attrs["unit"]), axis, str(data.attrs.get("axis_unit", "")))
        return PackedDataset(
            ids,
            formulas,
            targets=targets,
            origin=f"{self.path}: {name}",
            source=name,
            digests=json.loads(group.attrs["digests"]),
        )

    def featurize(self, dataset: MaterialsDataset, featurizer: Featurizer, jobs: int = 1) -> Featurized:
        """The stored features of a dataset of this file; nothing is computed."""
        if not isinstance(dataset, PackedDataset):
            raise UserError(f"{dataset.origin or 'dataset'} does not come from {self.path}; pack it first")
        with guarded(self.path):
            stored = self._features(dataset, featurizer)
            ids = dataset.ids.tolist()
            valid = [row for row, name in enumerate(ids) if name in stored.place]
            errors = {
                name: stored.errors.get(name, "its features are not in the file")
                for name in ids
                if name not in stored.place
            }
            if not valid:
                return Featurized(None, np.zeros(0, np.int64), errors)
            features: Ragged | ShardedRagged
            places = np.array([stored.place[ids[row]] for row in valid])
            if featurizer.on_disk:
                features = ShardedRagged([stored.features], [(0, place) for place in places.tolist()])
            else:
                features = stored.features.take(places)
            return Featurized(features, np.array(valid, dtype=np.int64), errors)

    def _features(self, dataset: PackedDataset, featurizer: Featurizer) -> Stored:
        key = dataset.source, featurizer.name
        if key not in self._stored:
            source = self.file["sources"][dataset.source]
            if featurizer.name not in source["features"]:
                raise UserError(f"{dataset.origin} has no features {featurizer.name}; pack the tables that need them")
            group, ids = source["features"][featurizer.name], source["id"].asstr("utf-8")[:]
            rows = group["rows"][:].tolist()
            features = read_ragged(group["fields"], group["fields"], len(rows), on_disk=featurizer.on_disk)
            place = {str(ids[row]): k for k, row in enumerate(rows)}
            self._stored[key] = Stored(features, place, json.loads(group.attrs["bad"]))
        return self._stored[key]

    def split(self, source: str, digest: str) -> Split:
        with guarded(self.path):
            group = self.file["sources"][source]
            ids = group["id"].asstr("utf-8")[:]
            parts = group["splits"][digest]
            return Split(*(tuple(ids[parts[name][:]].tolist()) for name in ("train", "validation", "test")))

    def element_vectors(self) -> list[ElementVectors]:
        with guarded(self.path):
            found = self.file["element_vectors"]
            return [ElementVectors(name, group["table"][:], group["there"][:]) for name, group in found.items()]


class Contents:
    """What goes into a file, gathered source by source."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.vectors: dict[str, ElementVectors] = {}
        self.tables: dict[str, MaterialsDataset] = {}
        self.digests: dict[str, dict[str, str]] = {}
        self.splits: dict[str, dict[str, Split]] = {}
        self.features: dict[str, dict[str, tuple[Ragged, np.ndarray, dict[str, str]]]] = {}

    def write(self, path: str | Path) -> None:
        with writing_hdf5(path) as file:
            file.attrs["format"] = FORMAT
            file["cells"] = json.dumps(self.runs)
            group = file.create_group("element_vectors")
            for name, vectors in self.vectors.items():
                group[f"{name}/table"], group[f"{name}/there"] = vectors.table, vectors.available
            for name, table in self.tables.items():
                self._write_source(file.create_group(f"sources/{name}"), name, table)

    def _write_source(self, group: h5py.Group, name: str, table: MaterialsDataset) -> None:
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
            for part, names in split.subsets().items():
                splits[f"{digest}/{part}"] = table.rows_of(names)
        features = group.create_group("features")
        for maker, (ragged, ids, bad) in self.features.get(name, {}).items():
            inner = features.create_group(maker)
            inner["rows"], inner.attrs["bad"] = table.rows_of(ids), json.dumps(bad)
            write_ragged(inner.create_group("fields"), ragged, compress=True)
