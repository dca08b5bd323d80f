"""The registry of models: name in a declaration -> class."""

from __future__ import annotations


def make_model(settings: dict):
    """The regressor of a cell, imported only now."""
    module, name = {**NETWORKS, **CLASSICAL}[settings["model"]]
    model_class = getattr(__import__(module, fromlist=[name]), name)
    if settings["model"] in CLASSICAL:
        return model_class(seed=settings["seed"], **settings.get("config", {}))
    return model_class(settings["variant"], seed=settings["seed"], **settings["recipe"], **settings.get("config", {}))


def package_of(model: str) -> str:
    """The package that a model of the tables belongs to."""
    return {**NETWORKS, **CLASSICAL}[model][0].partition(".")[0]


NETWORKS = {
    "profitnet": ("profitnet.regressor", "PROFiTNet"),
    "ofmcnn": ("profitnet.regressor", "OFMCNN"),
    "finder": ("finder.regressor", "Finder"),
    "finder-crystal": ("finder.regressor", "CrystalFinder"),
    "rescnn": ("finder.rescnn", "ResCNN"),
    "diffcomp": ("diffcomp.regressor", "DiffComp"),
    "esnet": ("esnet.regressor", "ESNet"),
    "esnet-cnn": ("esnet.cnn", "CNN"),
    "cgcnn": ("common.baselines.cgcnn", "CGCNN"),
    "cgcnn-hd": ("common.baselines.cgcnn_hd", "CGCNNHD"),
    "megnet": ("common.baselines.megnet", "MEGNet"),
    "ogcnn": ("common.baselines.ogcnn", "OGCNN"),
    "roost": ("common.baselines.roost", "Roost"),
    "wren": ("common.baselines.wren", "Wren"),
}


CLASSICAL = {
    "dummy": ("common.baselines.classical", "Median"),
    "rf-magpie": ("common.baselines.classical", "RandomForestMagpie"),
    "xgb-magpie": ("common.baselines.classical", "XGBoostMagpie"),
    "unrelaxed-energy": ("esnet.energies", "UnrelaxedEnergy"),
    "unrelaxed-energy-linear": ("esnet.energies", "LinearUnrelaxedEnergy"),
    "esnet-dnn": ("esnet.baselines", "DNN"),
    "esnet-krr": ("esnet.baselines", "KRR"),
    "esnet-svr": ("esnet.baselines", "SVR"),
    "esnet-rf": ("esnet.baselines", "RandomForest"),
    "esnet-xgb": ("esnet.baselines", "XGBoost"),
    "rf-cv": ("diffcomp.forest", "RandomForestVectors"),
}
