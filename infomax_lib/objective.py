r"""The InfoMax objective, each term a pure function with any leading (batch of layers) dimensions.

.. math:: L = -\sum_j \log(\mathrm{Var}(a_j) + \varepsilon)
              + \lambda_{tc} \|R - I\|_F^2 + \lambda_{wr} \|G - I\|_F^2

R is the correlation matrix of the outputs over the batch, G the Gram matrix of the unit-length
rows of W. Sums run over ordered pairs; variances are unbiased (N - 1).
Source: "Initial InfoMax Experiment Results", Experimental Setup.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "EPSILON",
    "Objective",
    "correlation",
    "covariance",
    "gradient_by_covariance",
    "infomax_objective",
    "log_variance",
    "objective_of_covariance",
    "redundancy_of_gram",
    "squared_distance_to_identity",
    "total_correlation",
    "weight_redundancy",
]

EPSILON = 1e-6
_SHORTEST = 1e-12  # a shorter row has no direction; the bound of torch.nn.functional.normalize


class Objective(NamedTuple):
    """Value of the loss and of the correlation term within it, one per layer (leading shape)."""

    loss: Tensor
    tc: Tensor


def covariance(a: Tensor) -> Tensor:
    """Unbiased covariance of outputs a (..., N, K) over the N samples; shape (..., K, K).

    Raises:
        ValueError: Fewer than two samples, for which it is not defined.
    """
    samples = a.shape[-2]
    if samples < 2:
        raise ValueError(f"a covariance needs at least 2 samples, got {samples}")
    centred = a - a.mean(-2, keepdim=True)
    return centred.mT @ centred / (samples - 1)


def correlation(a: Tensor, eps: float = EPSILON) -> Tensor:
    """R_jk = Sigma_jk / sqrt((Sigma_jj + eps)(Sigma_kk + eps)); shape (..., K, K).

    With eps inside the standard deviations, a constant unit has R_jj = 0, not 1.
    """
    return _correlation(covariance(a), eps)


def _correlation(cov: Tensor, eps: float) -> Tensor:
    scale = (cov.diagonal(dim1=-2, dim2=-1) + eps).rsqrt()
    return cov * scale.unsqueeze(-1) * scale.unsqueeze(-2)


def squared_distance_to_identity(matrix: Tensor) -> Tensor:
    """||M - I||_F^2 of matrices (..., K, K); shape (...)."""
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return (matrix - eye).square().sum((-2, -1))


def log_variance(a: Tensor, eps: float = EPSILON) -> Tensor:
    """sum_j log(Var(a_j) + eps) of outputs (..., N, K): the entropy proxy, without its sign."""
    return (covariance(a).diagonal(dim1=-2, dim2=-1) + eps).log().sum(-1)


def total_correlation(a: Tensor, eps: float = EPSILON) -> Tensor:
    """||R - I||_F^2 of outputs (..., N, K): the source's proxy for total correlation."""
    return squared_distance_to_identity(correlation(a, eps))


def weight_redundancy(weight: Tensor) -> Tensor:
    """||G - I||_F^2 with G the Gram matrix of the unit-length rows of (..., K, D); shape (...).

    Zero for orthogonal rows; K(K-1)/D in expectation for random directions; K(K-1) for K copies.
    A zero row has no direction and contributes its own missing diagonal, 1.
    """
    rows = F.normalize(weight, dim=-1)
    return squared_distance_to_identity(rows @ rows.mT)


def redundancy_of_gram(gram: Tensor) -> Tensor:
    """:func:`weight_redundancy` as a function of W W' (..., K, K); shape (...)."""
    length = gram.diagonal(dim1=-2, dim2=-1).clamp_min(_SHORTEST**2).sqrt()
    unit = gram / (length.unsqueeze(-1) * length.unsqueeze(-2))
    return squared_distance_to_identity(unit)


def infomax_objective(
    a: Tensor,
    weight: Tensor | None = None,
    lambda_tc: float | Tensor = 1.0,
    lambda_wr: float | Tensor = 0.0,
    eps: float = EPSILON,
) -> Objective:
    """The InfoMax loss of outputs a (..., N, K), and its correlation term.

    Args:
        a: Outputs over one batch.
        weight: Rows (..., K, D); may be None when ``lambda_wr`` is 0, and is then not looked at.
        lambda_tc: Weight of the correlation term, a number or one per layer.
        lambda_wr: Weight of the redundancy term, a number or one per layer.
        eps: Added to every variance.

    Raises:
        ValueError: ``lambda_wr`` is not 0, but there is no weight to be redundant.
    """
    if weight is None and torch.as_tensor(lambda_wr).any():
        raise ValueError("lambda_wr needs the weight: pass infomax_objective(a, weight, ...)")
    loss, tc = objective_of_covariance(covariance(a), lambda_tc, eps)
    if weight is not None:
        loss = loss + lambda_wr * weight_redundancy(weight)
    return Objective(loss, tc)


def objective_of_covariance(
    cov: Tensor, lambda_tc: float | Tensor = 1.0, eps: float = EPSILON
) -> Objective:
    """The objective without redundancy term, as a function of the covariance (..., K, K)."""
    tc = squared_distance_to_identity(_correlation(cov, eps))
    loss = lambda_tc * tc - (cov.diagonal(dim1=-2, dim2=-1) + eps).log().sum(-1)
    return Objective(loss, tc)


def gradient_by_covariance(
    cov: Tensor, lambda_tc: Tensor, eps: float = EPSILON
) -> tuple[Tensor, Objective]:
    r"""Gradient M of :func:`objective_of_covariance`, and its value.

    .. math:: M = 2\lambda_{tc} E \circ ss' - \mathrm{diag}(1/v)
                  - 2\lambda_{tc}\, \mathrm{diag}((q + \mathrm{diag} E) / v)

    with E = R - I, v the variances plus eps, s = v^{-1/2} and q the row sums of E squared.

    The outputs enter the loss through their covariance alone: with c the centred outputs (N, K),
    its gradient by the outputs is 2 c M / (N - 1). That takes two small products, instead of a
    backward pass through everything of size N.

    Args:
        cov: Covariances (L, K, K).
        lambda_tc: Weight of the correlation term (L,).
        eps: Added to every variance.

    Returns:
        M (L, K, K) and the objective's two values (L,).
    """
    variance = cov.diagonal(dim1=-2, dim2=-1) + eps
    scale = variance.rsqrt()
    off = cov * scale.unsqueeze(-1)
    off *= scale.unsqueeze(-2)
    diagonal = off.diagonal(dim1=-2, dim2=-1)
    diagonal -= 1
    rows = (off * off).sum(-1)
    tc = rows.sum(-1)
    weight = 2 * lambda_tc.unsqueeze(-1)
    through_scale = weight.mul(rows.add_(diagonal)).add_(1).div_(variance)
    off *= (weight * scale).unsqueeze(-1)
    off *= scale.unsqueeze(-2)
    diagonal -= through_scale
    return off, Objective(lambda_tc * tc - variance.log_().sum(-1), tc)
