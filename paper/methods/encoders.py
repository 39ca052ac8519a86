"""What a fitted baseline is: a map from inputs to K features, and how a method says it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}


class FitError(RuntimeError):
    """A method cannot be fitted to this data with these settings: a result, not a defect.

    Raised for what a rerun would only repeat (more components than the data have dimensions,
    weights that diverged, inputs out of range), so it may be stored.
    """


class Encoder(Protocol):
    """A fitted feature map.

    ``note`` says what a reader of its numbers should know (an iteration that had not converged),
    or is None.
    """

    @property
    def note(self) -> str | None:
        """A remark on this fit, or None."""

    @property
    def weight(self) -> Tensor:
        """Directions in input space, (K, D), one row per unit."""

    def transform(self, X: Tensor) -> Tensor:
        """Features of the rows of X, (N, D) -> (N, K)."""


@dataclass(frozen=True)
class LinearEncoder:
    """a = f(W x + b): one layer, however its weights were found.

    weight (K, D), bias (K,), activation a name in `ACTIVATIONS`.
    """

    weight: Tensor
    bias: Tensor
    activation: str = "identity"
    note: str | None = None

    def transform(self, X: Tensor) -> Tensor:
        """Features of the rows of X, (N, D) -> (N, K)."""
        weight, bias = self.weight.to(X), self.bias.to(X)
        return ACTIVATIONS[self.activation](torch.addmm(bias, X, weight.T))


@dataclass(frozen=True)
class TriangleEncoder:
    """Triangle features of K centres c_k (Coates, Ng & Lee 2011, eq. 1).

    f_k(x) = max(0, mean_j ||x - c_j|| - ||x - c_k||): zero for every centre that is farther
    than average, so about half of the features are off for any x.
    """

    centres: Tensor
    note: str | None = None

    @property
    def weight(self) -> Tensor:
        """The centres, (K, D): f_k sees x through c_k . x and norms alone."""
        return self.centres

    def transform(self, X: Tensor) -> Tensor:
        """Features of the rows of X, (N, D) -> (N, K)."""
        distance = torch.cdist(X, self.centres.to(X))
        return torch.relu(distance.mean(dim=1, keepdim=True) - distance)
