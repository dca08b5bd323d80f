"""CGCNN-HD: CGCNN with hyperbolic tangents and Monte Carlo dropout for uncertainties.

J. Noh, G. H. Gu, S. Kim and Y. Jung, "Uncertainty-quantified hybrid machine learning/density functional theory high
throughput screening method for crystals", J. Chem. Inf. Model. 60, 1996 (2020). Sizes and recipe are those of the
authors' program, kaist-amsg/CGCNN-HD, `cgcnn_hd.py` and `model_train.py`: as CGCNN, but

    graph     the 8 nearest neighbours within 4 angstrom, 21 Gaussians
    5 layers  of 90 channels, hyperbolic tangent in place of softplus
    head      two dense layers of 180, dropout 0.2 after the second
    parameters  242,011 by the layer sizes of the program: embedding 8,370, five convolutions of 36,900, dense layers
                16,380 and 32,580, output 181

The prediction is that of the network without dropout. The standard deviation is that of 100 networks with a fifth of
the last hidden layer dropped, always the same units, so that it depends on the material alone. The authors' program
does not state its number of samples. The standard deviation is epistemic: it excludes the noise of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from common.baselines.cgcnn import CGCNN, CGCNNConfig
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.features.featurized import Featurized
from common.train.loop import predict
from common.train.recipes.recipe import COSINE, Recipe


@dataclass(frozen=True)
class CGCNNHDConfig(CGCNNConfig):
    """As `CGCNNConfig`. samples: number of networks with dropped units for the standard deviation."""

    channels: int = 90
    layers: int = 5
    hidden: int = 180
    dense: int = 2
    cutoff: float = 4.0
    most: int = 8
    activation: str = "tanh"
    dropout: float = 0.2
    samples: int = 100


class CGCNNHD(CGCNN):
    """CGCNN with a standard deviation from Monte Carlo dropout.

    >>> CGCNNHD(epochs=100).fit(table, "formation_energy", split).predict(other_table).std
    """

    name = "cgcnn-hd"
    variants = {"released": CGCNNHDConfig(ties="cut"), "corrected": CGCNNHDConfig()}
    #: MSE on standardized targets, Adam 1e-3 times 0.97 per epoch, batch size 64, 200 epochs.
    recipe = Recipe(loss="mse", learning_rate=1e-3, decay=0.97, batch=64, epochs=200, standardize=True)
    recipes = {
        "paper": {},
        "fast": {**COSINE, "loss": "mae", "learning_rate": 3e-3, "batch": 64, "epochs": 60, "decay": 1.0},
    }

    def predict_features(
        self, table: MaterialsDataset, made: Featurized, *, bar: bool = True, outputs: np.ndarray | None = None
    ) -> Predictions:
        predicted = super().predict_features(table, made, bar=bar, outputs=outputs)
        std = self.scaler.factor * self._samples(made).std(axis=1) if len(predicted) else np.zeros(0)
        return replace(predicted, std=std)

    def _samples(self, made: Featurized) -> np.ndarray:
        """Outputs (n, samples) of the network with units dropped."""
        from keras import Model

        network = Model(self.model.inputs, self.model.get_layer("dense_1").output)
        # (samples, n, hidden) in every layer; the first layer is the same for all samples.
        x = predict(network, made.features, np.arange(len(made.rows)), self.predict_batch)[None]
        random = np.random.default_rng(self.seed)
        for number in range(2, self.config.dense + 1):
            kernel, bias = self.model.get_layer(f"dense_{number}").get_weights()
            x = np.logaddexp(0.0, x @ kernel + bias)
            mask = random.uniform(size=(self.config.samples, 1, self.config.hidden)) >= self.config.dropout
            x = x * mask / (1 - self.config.dropout)
        kernel, bias = self.model.get_layer("output").get_weights()
        return (x @ kernel + bias)[:, :, 0].T
