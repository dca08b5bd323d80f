"""The paper's classical models: KRR, SVR, random forest, XGBoost and a dense network on moments of the channels.

The paper does not publish their hyperparameters. Ours are selected from small grids by five-fold cross-validation on
training and validation set; if the split is grouped by element combination, so are the inner folds. These models serve
for comparison and cannot be saved, which would need pickle.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from common.baselines.classical import ClassicalModel
from common.data.materials import MaterialsDataset
from common.data.splits import Split, chemical_systems
from common.errors import UserError
from common.features.cache import featurize
from esnet.energies import check_use, unrelaxed_energies
from esnet.features import VERSION, composition, moment_row

ELEMENTS = 111
INNER_FOLDS = 5


class _OnMoments(ClassicalModel):
    """90 moments (filling, centre, width, skewness, kurtosis of 18 channels) and the composition vector, standardized.

    energy: use of the unrelaxed energy, as in `ESNetConfig`.
    """

    grid: dict[str, list]
    uses_densities = True

    def __init__(self, *, seed: int = 0, energy: str = "", **grid):
        check_use(energy)
        super().__init__(seed=seed)
        self.energy = energy
        self.hyperparameters = {**self.grid, **grid}
        self.chosen: dict = {}

    def settings(self) -> dict:
        """Includes the selected hyperparameters after `fit`."""
        optional = {"energy": self.energy, "chosen": self.chosen}
        return {**super().settings(), **{name: value for name, value in optional.items() if value}}

    def fit(
        self, table: MaterialsDataset, target: str, split: Split, *, folder: Path | None = None, jobs: int = 1
    ) -> _OnMoments:
        split.check()
        self.target, self.unit = target, table.target(target).unit
        rest = table.select((*split.train, *split.validation)).known(target)
        x, good = self._features(rest, jobs)
        if len(good) < 2:
            raise UserError(f"{self.name}: the training and validation sets have fewer than two usable materials")
        groups = _groups(rest.take(good), table.select(split.test))
        x, offsets = self._parts(x)
        self._search(x, rest.target(target).values[good] - offsets, groups, jobs)
        return self

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
        """Inputs of the estimator and the known contribution to its target."""
        return (x[:, :-1], x[:, -1]) if self.energy == "delta" else (x, 0.0)

    def _features(self, table: MaterialsDataset, jobs: int) -> tuple[np.ndarray, np.ndarray]:
        """Moments, composition and, as the last column, the unrelaxed energy if it is used; numbers of the rows."""
        made = featurize(table, f"{VERSION}-moments", moment_row, jobs=jobs, of="densities")
        self.left_out = dict(made.errors)
        energies, reasons = unrelaxed_energies(table) if self.energy else (None, {})
        rows, used = [], []
        for place, row in enumerate(made.rows.tolist()):
            name = str(table.ids[row])
            try:
                if name in reasons:
                    raise UserError(reasons[name])
                elements = composition(made.features.field("elements").row(place), ELEMENTS)
                energy = [] if energies is None else [energies[row]]
                rows.append(np.concatenate([made.features.field("moments").row(place), elements, energy]))
                used.append(row)
            except UserError as error:
                self.left_out[name] = str(error)
        return np.array(rows).reshape(len(used), -1), np.array(used, dtype=np.int64)

    def _search(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray | None, jobs: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        folds = min(INNER_FOLDS, len(y) if groups is None else len(set(groups)))
        inner = KFold(folds, shuffle=True, random_state=self.seed) if groups is None else GroupKFold(folds)
        pipeline = make_pipeline(StandardScaler(), self._estimator())
        last = pipeline.steps[-1][0]
        grid = {f"{last}__{name}": values for name, values in self.hyperparameters.items()}
        search = GridSearchCV(pipeline, grid, scoring="neg_mean_absolute_error", cv=inner, n_jobs=jobs)
        # Threads slow down matrices of this size, tenfold on a busy machine.
        with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the dense network has a fixed number of epochs
            self.best = search.fit(x, y, groups=groups).best_estimator_
        self.chosen = {name.removeprefix(f"{last}__"): value for name, value in search.best_params_.items()}

    def _predict(self, x: np.ndarray) -> np.ndarray:
        x, offsets = self._parts(x)
        return self.best.predict(x) + offsets


def _groups(table: MaterialsDataset, test: MaterialsDataset) -> np.ndarray | None:
    """The element combination of every row if the split is grouped by them, else None."""
    systems, others = chemical_systems(table), chemical_systems(test)
    grouped = others and len(set(systems)) > 1 and not set(systems) & set(others)
    return np.array(systems) if grouped else None


class KRR(_OnMoments):
    """Kernel ridge regression."""

    name = "esnet-krr"
    grid = {"kernel": ["rbf", "laplacian"], "alpha": [0.003, 0.03, 0.3], "gamma": [0.001, 0.003, 0.01]}

    def _estimator(self):
        from sklearn.kernel_ridge import KernelRidge

        return KernelRidge()


class SVR(_OnMoments):
    """Support vector regression with a Gaussian kernel."""

    name = "esnet-svr"
    grid = {"C": [1, 10, 100], "gamma": [0.001, 0.003, 0.01], "epsilon": [0.01, 0.05]}

    def _estimator(self):
        from sklearn.svm import SVR as Estimator

        return Estimator()


class RandomForest(_OnMoments):
    """Random forest of 200 trees."""

    name = "esnet-rf"
    grid = {"max_features": [1.0, 0.33, "sqrt"], "min_samples_leaf": [1, 2]}

    def _estimator(self):
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(200, random_state=self.seed)


class XGBoost(_OnMoments):
    """Gradient-boosted trees."""

    name = "esnet-xgb"
    grid = {"max_depth": [3, 5], "learning_rate": [0.05], "n_estimators": [300, 800]}

    def _estimator(self):
        try:
            from xgboost import XGBRegressor
        except ImportError:
            raise UserError("XGBoost is not installed; install the extra: pip install -e '.[baselines]'") from None
        return XGBRegressor(random_state=self.seed, subsample=0.8, colsample_bytree=0.5, n_jobs=1)


class DNN(_OnMoments):
    """Two dense layers with ReLU, trained by Adam for at most 200 epochs."""

    name = "esnet-dnn"
    grid = {"hidden_layer_sizes": [(64, 64), (256, 128)], "alpha": [0.01, 1.0]}

    def _estimator(self):
        from sklearn.neural_network import MLPRegressor

        return MLPRegressor(max_iter=200, batch_size=32, n_iter_no_change=10, random_state=self.seed)
