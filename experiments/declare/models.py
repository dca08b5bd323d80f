"""The registry of models: name in a declaration -> class, and what the model needs to know of a material.

A model of the suite is one line here. A paper outside of the suite registers its models under `models` in its own
`tables.yaml`; see experiments/README.md.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import UserError, unknown
from experiments.declare.folders import extra_folders, raw
from experiments.declare.located_yaml import at
from experiments.declare.schema import Model
from experiments.declare.validate import check


@dataclass(frozen=True)
class ModelEntry:
    """path: "module:Class". needs: formula, structure, dos or image. network: trained by a recipe, on a backend."""

    path: str
    needs: tuple[str, ...]
    network: bool = True

    @property
    def package(self) -> str:
        return self.path.partition(":")[0].partition(".")[0]

    def load(self) -> Any:
        """The class; its module is imported now."""
        try:
            return pkgutil.resolve_name(self.path)
        except (ImportError, AttributeError) as error:
            raise UserError(f"the model {self.path} cannot be imported: {error}") from None


FORMULA, STRUCTURE, DOS, IMAGE = ("formula",), ("structure",), ("dos",), ("formula", "image")

MODELS: dict[str, ModelEntry] = {
    "profitnet": ModelEntry("profitnet.regressor:PROFiTNet", STRUCTURE),
    "ofmcnn": ModelEntry("profitnet.regressor:OFMCNN", STRUCTURE),
    "finder": ModelEntry("finder.regressor:Finder", FORMULA),
    "finder-crystal": ModelEntry("finder.regressor:CrystalFinder", STRUCTURE),
    "rescnn": ModelEntry("finder.rescnn:ResCNN", FORMULA),
    # Composition alone, with `cv_nodes: 10`, needs no image.
    "diffcomp": ModelEntry("diffcomp.regressor:DiffComp", IMAGE),
    "esnet": ModelEntry("esnet.regressor:ESNet", DOS),
    "esnet-cnn": ModelEntry("esnet.cnn:CNN", DOS),
    "cgcnn": ModelEntry("common.baselines.cgcnn:CGCNN", STRUCTURE),
    "cgcnn-hd": ModelEntry("common.baselines.cgcnn_hd:CGCNNHD", STRUCTURE),
    "megnet": ModelEntry("common.baselines.megnet:MEGNet", STRUCTURE),
    "ogcnn": ModelEntry("common.baselines.ogcnn:OGCNN", STRUCTURE),
    "roost": ModelEntry("common.baselines.roost:Roost", FORMULA),
    "wren": ModelEntry("common.baselines.wren:Wren", STRUCTURE),
    "dummy": ModelEntry("common.baselines.classical:Median", (), network=False),
    "rf-magpie": ModelEntry("common.baselines.classical:RandomForestMagpie", FORMULA, network=False),
    "xgb-magpie": ModelEntry("common.baselines.classical:XGBoostMagpie", FORMULA, network=False),
    "unrelaxed-energy": ModelEntry("esnet.energies:UnrelaxedEnergy", DOS, network=False),
    "unrelaxed-energy-linear": ModelEntry("esnet.energies:LinearUnrelaxedEnergy", DOS, network=False),
    "esnet-dnn": ModelEntry("esnet.baselines:DNN", DOS, network=False),
    "esnet-krr": ModelEntry("esnet.baselines:KRR", DOS, network=False),
    "esnet-svr": ModelEntry("esnet.baselines:SVR", DOS, network=False),
    "esnet-rf": ModelEntry("esnet.baselines:RandomForest", DOS, network=False),
    "esnet-xgb": ModelEntry("esnet.baselines:XGBoost", DOS, network=False),
    "rf-cv": ModelEntry("diffcomp.forest:RandomForestVectors", FORMULA, network=False),
}
#: The networks of the suite.
NETWORKS = {name: entry for name, entry in MODELS.items() if entry.network}


def extra_models() -> dict[str, ModelEntry]:
    """The models that papers in the folders of `MATREPRO_PAPERS` register."""
    found: dict[str, ModelEntry] = {}
    for folder in extra_folders():
        for path in sorted(folder.glob("*/tables.yaml")):
            models = raw(path.parent).get("models", {})
            check(models, dict[str, Model], "models", raw(path.parent), "models")
            for name, one in models.items():
                if ":" not in one["class"]:
                    raise UserError(f"{at(one, 'class')}models.{name}.class is {one['class']!r}; write module:Class")
                found[name] = ModelEntry(one["class"], tuple(one["needs"]), one.get("network", True))
    return found


def entry_of(model: str) -> ModelEntry:
    """The entry of a model of the suite, or of a paper in the folders of `MATREPRO_PAPERS`."""
    if model in MODELS:
        return MODELS[model]
    extra = extra_models()
    if model not in extra:
        raise UserError(unknown("model", model, [*MODELS, *extra]))
    return extra[model]


def is_network(settings: Mapping[str, Any]) -> bool:
    """Whether the model of these settings of a run is a network."""
    return entry_of(settings["model"]).network


def make_model(settings: Mapping[str, Any]) -> Any:
    """The regressor of a run."""
    entry = entry_of(settings["model"])
    config = settings.get("config", {})
    if not entry.network:
        return entry.load()(seed=settings["seed"], **config)
    return entry.load()(settings["variant"], seed=settings["seed"], **settings["recipe"], **config)


def package_of(model: str) -> str:
    """The package that a model belongs to."""
    return entry_of(model).package


def preset(model: str, name: str) -> dict[str, Any]:
    """The changes that a recipe of a model, such as `fast`, makes to the paper's."""
    recipes: dict[str, dict[str, Any]] = {"paper": {}, **getattr(entry_of(model).load(), "recipes", {})}
    if name not in recipes:
        raise UserError(unknown(f"recipe of {model}", name, recipes))
    return dict(recipes[name])
