"""What a fitted baseline is: a map from inputs to K features, and how a method says it failed."""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

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

    @property
    def kept(self) -> tuple[str, list[Tensor]]:
        """For the store: a name in `ACTIVATIONS` or `KINDS`, and columns (K,) beside ``weight``."""


AnyEncoder = TypeVar("AnyEncoder", bound=Encoder)


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

    @property
    def kept(self) -> tuple[str, list[Tensor]]:
        """The activation, and the biases."""
        return self.activation, [self.bias]


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

    @property
    def kept(self) -> tuple[str, list[Tensor]]:
        """Centres have no biases: a column of zeros."""
        return "triangle", [torch.zeros_like(self.centres[:, 0])]


#: Encoders that are no `LinearEncoder`, by the name in ``kept``: (numbers (K, D + columns), note)
#: -> the encoder.
KINDS: dict[str, Callable[[Tensor, str | None], Encoder]] = {
    "triangle": lambda table, note: TriangleEncoder(table[:, :-1], note)
}


def as_table(encoder: Encoder) -> tuple[str, Tensor]:
    """How features follow from the numbers, and the numbers: weight (K, D) and 1 or 2 columns."""
    kind, columns = encoder.kept
    return kind, torch.cat([encoder.weight, *(column[:, None] for column in columns)], 1)


def from_table(kind: str, table: Tensor, note: str | None = None) -> Encoder:
    """The encoder that `as_table` made numbers of."""
    if kind in KINDS:
        return KINDS[kind](table, note)
    return LinearEncoder(table[:, :-1], table[:, -1], kind, note)


_fitting = threading.Lock()


@contextmanager
def by_package() -> Iterator[None]:
    """Fits by a package that changes what the whole process has: warning filters, BLAS threads.

    One at a time, for two that overlap leave each other's settings behind. That an iteration did
    not converge is for the encoder's note to say.
    """
    with _fitting, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*did not converge")
        yield


def each_seed(
    fit: Callable[[int], AnyEncoder], seeds: Sequence[int], progress: str | None = None
) -> list[AnyEncoder | FitError]:
    """Fit one seed after another; one that fails does not stop the others.

    `progress` is the title of a bar, None shows none.
    """
    outcomes: list[AnyEncoder | FitError] = []
    for seed in tqdm(seeds, desc=progress, disable=progress is None, leave=False):
        try:
            outcomes.append(fit(seed))
        except FitError as failure:
            outcomes.append(failure)
    return outcomes


def finite(weight: Tensor, bias: Tensor, activation: str) -> LinearEncoder:
    """A layer of weights (K, D) and biases (K,). Raises FitError when they are not finite."""
    if not (weight.isfinite().all() and bias.isfinite().all()):
        raise FitError("diverged: the weights are no longer finite numbers")
    return LinearEncoder(weight, bias, activation)


def encoders_of(weight: Tensor, bias: Tensor, activation: str) -> list[LinearEncoder | FitError]:
    """Split stacked layers, (S, K, D) and (S, K), into encoders; a layer with NaN is a failure."""
    # Clones, so that an encoder does not keep the whole stack alive.
    return each_seed(
        lambda s: finite(weight[s].clone(), bias[s].clone(), activation), range(len(weight))
    )
