"""The table of baselines: name -> how to fit it, which settings it has, and its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor
from tqdm import tqdm

from infomax_lib.baselines import (
    autoencoder,
    fastica,
    kmeans,
    pca,
    rbm,
    supervised,
    untrained,
)
from infomax_lib.baselines.encoders import Encoder, FitError

SETTINGS = ("epochs", "learning_rate", "batch_size")
Outcomes = Sequence[Encoder | FitError]


@dataclass(frozen=True)
class Method:
    """One baseline.

    Attributes:
        fit_many: (X (N, D), hidden_dim, seeds, **settings, progress) -> one Encoder or FitError
            per seed; takes `labels` too when the method is supervised.
        label: Name for tables and figures.
        defaults: The settings the method has, with their default values; a method without a
            setting (PCA has no epochs) refuses it.
        reads_labels: Whether training sees the classes.
    """

    fit_many: Callable[..., Outcomes]
    label: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    reads_labels: bool = False


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

METHODS: dict[str, Method] = {
    "untrained": Method(_each(untrained.fit), "untrained ReLU"),
    "pca": Method(pca.fit_many, "PCA"),
    "pca_relu": Method(partial(pca.fit_many, activation="relu"), "PCA + ReLU"),
    "kmeans": Method(_each(kmeans.fit), "k-means triangle", {"epochs": 300}),
    "fastica": Method(fastica.fit_many, "FastICA", {"epochs": 200}),
    "autoencoder": Method(autoencoder.fit_many, "autoencoder", _DESCENT),
    "rbm": Method(rbm.fit_many, "RBM, CD-1", _DESCENT | {"learning_rate": 0.05}),
    "supervised": Method(supervised.fit_many, "supervised layer", _DESCENT, reads_labels=True),
}
