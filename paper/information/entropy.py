r"""Entropy and mutual information of discrete distributions and of Gaussians, in closed form.

Discrete: :math:`H(p) = -\sum_i p_i \log p_i` and, for a joint table p(x, y),
:math:`I(X; Y) = H(X) + H(Y) - H(X, Y)`. Gaussian with covariance :math:`\Sigma` of n variables:

.. math:: H = \tfrac12 \log\bigl((2 \pi e)^n \det \Sigma\bigr), \qquad
    I(X; Y) = \tfrac12 \log \frac{\det \Sigma_{xx} \det \Sigma_{yy}}{\det \Sigma}

Everything is in nats. Source: Cover and Thomas, Elements of Information Theory, chapters 2 and 8.
"""

import math

import torch
from torch import Tensor

_ROUNDING = 1e-6  # by how much probabilities may miss a sum of one


def entropy(p: Tensor) -> Tensor:
    """Entropy of distributions p (..., n) over n outcomes; shape (...).

    Zero for a certain outcome, log n if all are equally likely.

    Raises:
        ValueError: Probabilities that are negative, or do not sum to one.
    """
    _check(p, p.sum(-1))
    return torch.special.entr(p).sum(-1)


def mutual_information(joint: Tensor) -> Tensor:
    """Mutual information of the rows and columns of tables p (..., n, m); shape (...).

    Zero if and only if the table is the product of its margins.

    Raises:
        ValueError: Probabilities that are negative, or do not sum to one.
    """
    _check(joint, joint.sum((-2, -1)))
    margins = entropy(joint.sum(-1)) + entropy(joint.sum(-2))
    return margins - entropy(joint.flatten(-2))


def _check(p: Tensor, total: Tensor) -> None:
    if (p < 0).any() or not torch.allclose(total, torch.ones_like(total), atol=_ROUNDING):
        raise ValueError(
            f"probabilities have to be at least 0 and sum to 1: the least is {float(p.min()):g}, "
            f"sums lie between {float(total.min()):g} and {float(total.max()):g}"
        )


def gaussian_entropy(covariance: Tensor) -> Tensor:
    """Differential entropy of Gaussians with covariances (..., n, n); shape (...).

    Minus infinity where a covariance is singular.

    Raises:
        ValueError: A covariance with a negative determinant, which is none.
    """
    n = covariance.shape[-1]
    sign, log_det = torch.linalg.slogdet(covariance)
    if (sign < 0).any():
        raise ValueError("a covariance has no negative determinant: give a symmetric, definite one")
    return (n * (1 + math.log(2 * math.pi)) + log_det) / 2


def gaussian_mutual_information(covariance: Tensor, split: int) -> Tensor:
    """Mutual information of the first ``split`` variables and the others; shape (...).

    Args:
        covariance: Of all variables, shape (..., n, n).
        split: How many belong to the first part, 1 to n - 1.

    Raises:
        ValueError: A part without variables, or what is no covariance.
    """
    n = covariance.shape[-1]
    if not 0 < split < n:
        raise ValueError(f"split={split} leaves a part of {n} variables empty: use 1 to {n - 1}")
    first = gaussian_entropy(covariance[..., :split, :split])
    second = gaussian_entropy(covariance[..., split:, split:])
    return first + second - gaussian_entropy(covariance)


# --- pairs of correlated Gaussians ---------------------------------------------------------------


def paired_mutual_information(rho: float, pairs: int) -> float:
    r"""Mutual information of d independent pairs of variables, :math:`-\frac d2 \log(1 - \rho^2)`.

    Raises:
        ValueError: A correlation outside (-1, 1), or no pair.
    """
    if not -1 < rho < 1 or pairs < 1:
        raise ValueError(
            f"rho={rho:g} with {pairs} pairs is not possible: -1 < rho < 1, at least 1"
        )
    return -pairs / 2 * math.log1p(-(rho**2))


def correlation_for(information: float, pairs: int) -> float:
    """The correlation of each of ``pairs`` pairs that share so many nats together, at least 0.

    Raises:
        ValueError: Negative information, or no pair.
    """
    if information < 0 or pairs < 1:
        raise ValueError(
            f"information={information:g} with {pairs} pairs is not possible: at least 0 and 1"
        )
    return math.sqrt(-math.expm1(-2 * information / pairs))


def correlated_gaussians(
    rho: float, pairs: int, samples: int, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Samples of X and Y (N, d each), standard normal, with correlation rho in each coordinate."""
    x, noise = torch.randn(2, samples, pairs, generator=generator, dtype=torch.float64).unbind()
    return x.to(dtype), (rho * x + math.sqrt(1 - rho**2) * noise).to(dtype)


def density_ratio(x: Tensor, y: Tensor, rho: float) -> Tensor:
    r"""log p(x, y) / (p(x) p(y)) of correlated Gaussians for all pairs; shape (N, M).

    .. math:: \frac{\rho \, x^\top y - \frac12 \rho^2 (|x|^2 + |y|^2)}{1 - \rho^2}
        - \frac d2 \log(1 - \rho^2)

    The best critic there is; its mean over the joint distribution is the mutual information.
    """
    squares = x.square().sum(-1)[:, None] + y.square().sum(-1)[None]
    quadratic = (rho * x @ y.T - rho**2 / 2 * squares) / (1 - rho**2)
    return quadratic + paired_mutual_information(rho, x.shape[-1])
