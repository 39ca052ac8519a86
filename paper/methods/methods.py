"""The table of baselines: name -> how to fit it, which settings it has, and its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor
from tqdm import tqdm

from paper.methods.components import fastica, pca, picard, rica, sparse_filtering
from paper.methods.controls import supervised, untrained
from paper.methods.density import gmm, kmeans, rbm, softhebb
from paper.methods.encoders import Encoder, FitError
from paper.methods.reconstruction import (
    autoencoder,
    denoising,
    pixel_prediction,
    sparse_autoencoder,
    vae,
)
from paper.methods.two_views import barlow_twins, byol, mcr2, moco, simclr, swav, vicreg, wmse

SETTINGS = ("epochs", "learning_rate", "batch_size")
FAMILIES = ("control", "components", "density", "reconstruction", "prediction", "two views")
Outcomes = Sequence[Encoder | FitError]


@dataclass(frozen=True)
class Method:
    """One baseline.

    Attributes:
        fit_many: (X (N, D), hidden_dim, seeds, **settings, progress) -> one Encoder or FitError
            per seed; takes `labels` too when the method is supervised.
        label: Name for tables and figures.
        family: What it learns from, one of `FAMILIES`.
        defaults: The settings the method has, with their default values; a method without a
            setting (PCA has no epochs) refuses it.
        reads_labels: Whether training sees the classes.
    """

    fit_many: Callable[..., Outcomes]
    label: str
    family: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    reads_labels: bool = False

    def fit(self, X: Tensor, hidden_dim: int, seeds: Sequence[int], **settings: Any) -> Outcomes:
        """What `fit_many` gives; where it fails as a whole, every seed failed for that reason."""
        try:
            return self.fit_many(X, hidden_dim, seeds, **settings)
        except FitError as failure:
            return [failure] * len(seeds)


def _each(fit: Callable[..., Encoder]) -> Callable[..., Outcomes]:
    """Lift a method for one seed to many; a seed that fails does not stop the others."""

    def fit_many(
        X: Tensor, hidden_dim: int, seeds: Sequence[int], *, progress: str | None = None, **settings
    ) -> Outcomes:
        outcomes: list[Encoder | FitError] = []
        for seed in tqdm(seeds, desc=progress, disable=progress is None, leave=False):
            try:
                outcomes.append(fit(X, hidden_dim, seed, **settings))
            except FitError as failure:
                outcomes.append(failure)
        return outcomes

    return fit_many


_DESCENT = {"epochs": 100, "learning_rate": 1e-3, "batch_size": 128}
_BOLTZMANN = _DESCENT | {"learning_rate": 0.05}

METHODS: dict[str, Method] = {
    # controls
    "untrained": Method(_each(untrained.fit), "untrained ReLU", "control"),
    "supervised": Method(
        supervised.fit_many, "supervised layer", "control", _DESCENT, reads_labels=True
    ),
    # directions of the data
    "pca": Method(pca.fit_many, "PCA", "components"),
    "pca_relu": Method(partial(pca.fit_many, activation="relu"), "PCA + ReLU", "components"),
    "fastica": Method(fastica.fit_many, "FastICA", "components", {"epochs": 200}),
    "picard": Method(picard.fit_many, "Picard", "components", {"epochs": 200}),
    "rica": Method(rica.fit_many, "RICA", "components", _DESCENT),
    "sparse_filtering": Method(
        sparse_filtering.fit_many, "sparse filtering", "components", {"epochs": 200}
    ),
    # where the data lie
    "kmeans": Method(_each(kmeans.fit), "k-means triangle", "density", {"epochs": 300}),
    "gmm": Method(_each(gmm.fit), "Gaussian mixture", "density", {"epochs": 100}),
    "softhebb": Method(softhebb.fit_many, "SoftHebb", "density", _DESCENT | {"learning_rate": 0.1}),
    "rbm": Method(rbm.fit_many, "RBM, CD-1", "density", _BOLTZMANN),
    "rbm_cd5": Method(partial(rbm.fit_many, steps=5), "RBM, CD-5", "density", _BOLTZMANN),
    "rbm_pcd": Method(partial(rbm.fit_many, persistent=True), "RBM, PCD", "density", _BOLTZMANN),
    # reconstruction of the input, and prediction of a part of it
    "autoencoder": Method(autoencoder.fit_many, "autoencoder", "reconstruction", _DESCENT),
    "denoising_autoencoder": Method(
        denoising.fit_many, "denoising autoencoder", "reconstruction", _DESCENT
    ),
    "sparse_autoencoder": Method(
        sparse_autoencoder.fit_many, "sparse autoencoder, L1", "reconstruction", _DESCENT
    ),
    "topk_autoencoder": Method(
        partial(sparse_autoencoder.fit_many, sparsity="top_k"),
        "sparse autoencoder, top-k",
        "reconstruction",
        _DESCENT,
    ),
    "vae": Method(vae.fit_many, "VAE means", "reconstruction", _DESCENT),
    "masked_prediction": Method(
        pixel_prediction.fit_masked, "masked prediction", "prediction", _DESCENT
    ),
    "autoregressive_prediction": Method(
        pixel_prediction.fit_autoregressive, "autoregressive prediction", "prediction", _DESCENT
    ),
    # two views of an image
    "simclr": Method(simclr.fit_many, "SimCLR", "two views", _DESCENT),
    "moco": Method(moco.fit_many, "MoCo", "two views", _DESCENT),
    "byol": Method(byol.fit_many, "BYOL", "two views", _DESCENT),
    "swav": Method(swav.fit_many, "SwAV", "two views", _DESCENT),
    "barlow_twins": Method(barlow_twins.fit_many, "Barlow Twins", "two views", _DESCENT),
    "vicreg": Method(vicreg.fit_many, "VICReg", "two views", _DESCENT),
    "wmse": Method(wmse.fit_many, "W-MSE", "two views", _DESCENT),
    "mcr2": Method(mcr2.fit_many, "MCR²", "two views", _DESCENT),
}
