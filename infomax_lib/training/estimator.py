"""A scikit-learn face: InfoMax features of one's own data, inside pipelines and grid searches."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from infomax_lib.model.architectures import outputs
from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec, SpecError
from infomax_lib.training.devices import resolve_device
from infomax_lib.training.population import Population

__all__ = ["InfoMax"]

# What scikit-learn calls some fields of RunSpec.
_NAMES = {"hidden_dim": "n_components", "epochs": "max_iter", "seed": "random_state"}


class InfoMax(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """One InfoMax layer as a scikit-learn transformer.

    Args:
        n_components: Number of units K.
        activation: f in a = g(f(Wx + b)), see :data:`infomax_lib.model.layer.ACTIVATIONS`.
        competition: g, see :data:`infomax_lib.model.competition.COMPETITIONS`.
        lambda_tc: Weight of the objective's second term.
        lambda_wr: Weight of the weight-redundancy term.
        optimizer: ``"adam"`` or ``"sgd"``.
        learning_rate: Step size.
        batch_size: Samples per step, or ``"full"``.
        max_iter: Epochs.
        random_state: Integer seed of initial weights and data order.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``.
        objective: See :data:`infomax_lib.model.objective.OBJECTIVES`.
        lambda_lse: Weight of the free energy.
        temperature: Of competition and free energy.
        group_size: Of the competition, see :func:`infomax_lib.model.competition.compete`.

    Attributes:
        components_: Weights, shape (n_components, n_features).
        intercept_: Biases, shape (n_components,).
        loss_curve_: Mean loss of each epoch.
        n_iter_: Epochs run.

    Raises:
        FloatingPointError: Training diverged; the message names the epoch.
    """

    def __init__(
        self,
        n_components: int = 16,
        *,
        activation: str = "relu",
        competition: str = "none",
        lambda_tc: float = 1.0,
        lambda_wr: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        batch_size: int | Literal["full"] = 128,
        max_iter: int = 100,
        random_state: int = 0,
        device: str = "auto",
        objective: str = "infomax",
        lambda_lse: float = 0.0,
        temperature: float = 1.0,
        group_size: int = 1,
    ) -> None:
        self.n_components = n_components
        self.activation = activation
        self.competition = competition
        self.lambda_tc = lambda_tc
        self.lambda_wr = lambda_wr
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.random_state = random_state
        self.device = device
        self.objective = objective
        self.lambda_lse = lambda_lse
        self.temperature = temperature
        self.group_size = group_size

    def fit(self, X: ArrayLike, y: object = None) -> InfoMax:
        """Train the layer on X of shape (n_samples, n_features); y is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        # a copy of what may only be read, such as what joblib lends its workers
        inputs = torch.from_numpy(np.require(X, np.float32, ["C_CONTIGUOUS", "WRITEABLE"]))
        nothing = torch.zeros(0, dtype=torch.int64)
        data = Dataset("arrays", inputs, nothing, inputs[:0], nothing, None, "")
        population = Population([self._spec()], data, resolve_device(self.device), torch.float32)
        self.loss_curve_ = []
        for epoch in range(1, self.max_iter + 1):
            loss, _ = population.epoch()
            if not (loss.isfinite().all() and population.weight[0].isfinite().all()):
                raise FloatingPointError(
                    f"training diverged in epoch {epoch}: lower learning_rate "
                    f"(now {self.learning_rate}) or use optimizer='adam'"
                )
            self.loss_curve_.append(loss.item())
        self.components_ = population.weight[0].cpu().numpy()
        self.intercept_ = population.bias[0].cpu().numpy()
        self.n_iter_ = self.max_iter
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Outputs of the layer, shape (n_samples, n_components)."""
        check_is_fitted(self)
        x: np.ndarray = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        z = torch.from_numpy(x @ self.components_.T.astype(x.dtype) + self.intercept_)
        return outputs(self._spec(), z).numpy()

    @property
    def _n_features_out(self) -> int:
        return self.components_.shape[0]

    def _spec(self) -> RunSpec:
        """The validated settings, under RunSpec's names."""
        own_names = {theirs: own for own, theirs in _NAMES.items()}
        settings = self.get_params(deep=False)
        del settings["device"]
        try:
            return RunSpec(**{own_names.get(name, name): v for name, v in settings.items()})
        except SpecError as refusal:
            named = re.sub(r"(?<!')\b\w+", lambda word: _NAMES.get(word[0], word[0]), str(refusal))
            raise SpecError(named) from None
