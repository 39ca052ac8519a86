"""Two sides of an identity, the random inputs that they are computed on, and tools they share."""

from collections.abc import Callable
from itertools import product
from math import log, pi
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from infomax_lib.stats import EXACT

#: For the order and the coefficient of an error, measured at small but finite size.
LIMIT = 0.02


class Check(NamedTuple):
    """How an identity left = right is computed, along two different ways.

    Attributes:
        draw: Random inputs from a generator.
        left: One side, from these inputs.
        right: The other side.
        tolerance: Largest difference at which it holds.
    """

    draw: Callable[[Generator], tuple[Any, ...]]
    left: Callable[..., Tensor | float]
    right: Callable[..., Tensor | float]
    tolerance: float = EXACT


# --- random inputs -------------------------------------------------------------------------------


def normal(g: Generator, *shape: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=g, dtype=torch.float64)


def outputs(g: Generator, samples: int = 40, units: int = 5) -> Tensor:
    """Correlated outputs of uneven scale, not centred."""
    scale = torch.logspace(-0.5, 0.5, units, dtype=torch.float64)
    return normal(g, samples, units) @ normal(g, units, units) * scale + normal(g, units)


def spd(g: Generator, units: int = 4) -> Tensor:
    """A covariance matrix, positive definite and of uneven scale."""
    root = normal(g, units, units)
    return root @ root.mT + 0.3 * torch.eye(units, dtype=torch.float64)


def direction(g: Generator, units: int = 5) -> Tensor:
    """A symmetric matrix with zero diagonal: a direction in which correlations grow."""
    s = normal(g, units, units)
    return off_diagonal((s + s.mT) / 2)


def correlation_of(cov: Tensor) -> Tensor:
    """The correlation matrix of a covariance matrix."""
    scale = cov.diagonal().rsqrt()
    return cov * scale.unsqueeze(-1) * scale


def identity_plus(step: float, direction: Tensor) -> Tensor:
    """I + step * direction, float64."""
    return torch.eye(len(direction), dtype=torch.float64) + step * direction


def off_diagonal(matrix: Tensor) -> Tensor:
    """The matrix with zeros on its diagonal."""
    return matrix - torch.diag(matrix.diagonal())


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """By autograd."""
    at = at.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(at), at)
    return gradient


def gaussian_mean(cov: Tensor, function: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """E f(z) of z ~ N(0, cov) by Gauss-Hermite quadrature, exact for polynomials of degree 5."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    units = len(cov)
    grid = np.array(list(product(nodes, repeat=units)))
    weight = np.array(list(product(weights / weights.sum(), repeat=units))).prod(1)
    points = grid @ np.linalg.cholesky(cov.numpy()).T
    return torch.tensor(float(weight @ function(points)), dtype=torch.float64)


def log_density(cov: Tensor, points: np.ndarray) -> np.ndarray:
    """Log density of N(0, cov) at points (M, K)."""
    whitened = np.linalg.solve(np.linalg.cholesky(cov.numpy()), points.T)
    log_scale = np.log(np.diag(np.linalg.cholesky(cov.numpy()))).sum()
    return -0.5 * (whitened**2).sum(0) - log_scale - len(cov) / 2 * log(2 * pi)


def softmax(h: Tensor) -> Tensor:
    """By its definition."""
    return h.exp() / h.exp().sum(-1, keepdim=True)
