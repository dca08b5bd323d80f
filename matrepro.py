"""The Python API: models by name or folder, the classes of all four papers, and featurizers for matminer.

>>> import matrepro
>>> matrepro.load("finder-gap").predict(["SrTiO3", "NaCl"], interval=0.9).to_frame()
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from common import __version__

#: Public name -> module. Modules are imported when a name is used, so that `import matrepro` is fast.
_MODULES = {
    "Finder": "finder.regressor",
    "CrystalFinder": "finder.regressor",
    "PROFiTNet": "profitnet.regressor",
    "DiffComp": "diffcomp.regressor",
    "ESNet": "esnet.regressor",
    "Ensemble": "common.train.ensemble",
    "MaterialsDataset": "common.data.materials",
    "Target": "common.data.materials",
    "Predictions": "common.data.predictions",
    "Split": "common.data.splits",
    "UserError": "common.errors",
    "as_dataset": "common.sources.inputs",
    "load_source": "common.sources",
    "presets": "common.presets.find",
    "PROFiTMatrix": "profitnet.matminer",
    "OrbitalFieldMatrix": "profitnet.matminer",
    "DOSMoments": "esnet.matminer",
    "CompositionVector": "diffcomp.matminer",
    "read_table": "common.sources.files",
}
__all__ = ["__version__", "from_pretrained", "load", *_MODULES]


def load(name_or_folder: str) -> Any:
    """The model of a preset or of a folder that `train` or `save` wrote; see its `predict`."""
    from common.presets.load import load_model

    return load_model(name_or_folder)


def from_pretrained(name_or_folder: str, *, head_only: bool = False, **changes: Any) -> Any:
    """An untrained model of the same network, whose `fit` starts from the weights of a preset or of a saved model.

    Of an ensemble it is the first member. head_only, changes: see `Regressor.fine_tuning`.
    """
    from common.presets.find import locate

    loaded = load(name_or_folder)
    first = getattr(loaded, "members", [loaded])[0]
    return first.fine_tuning(name=locate(name_or_folder).resolve().name, head_only=head_only, **changes)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'matrepro' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
