r"""The InfoMax objective and its alternatives, pure functions of the outputs a (..., N, K).

.. math:: L = -\sum_j \log(\mathrm{Var}(a_j) + \varepsilon)
              + \lambda_{tc} \|R - I\|_F^2 + \lambda_{wr} \|G - I\|_F^2

R is the correlation matrix of the outputs over the batch, G the Gram matrix of the unit-length
rows of W. Sums run over ordered pairs; variances are unbiased (N - 1). Leading dimensions are
layers. :data:`OBJECTIVES` holds what may stand in place of the first two terms.
Sources: "Initial InfoMax Experiment Results", Experimental Setup; "InfoMax as the Objective for
Implicit EM", Practical Computation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "EPSILON",
    "OBJECTIVES",
    "Objective",
    "barlow_objective",
    "correlation",
    "covariance",
    "decorrelation_objective",
    "dependence",
    "free_energy",
    "gradient_by_covariance",
    "hsic_objective",
    "infomax_objective",
    "log_det_gradient_by_covariance",
    "log_det_objective",
    "log_variance",
    "mixture_infomax_objective",
    "mixture_objective",
    "no_objective",
    "objective_of_covariance",
    "redundancy_of_gram",
    "squared_distance_to_identity",
    "total_correlation",
    "weight_redundancy",
]

EPSILON = 1e-6
_SHORTEST = 1e-12  # a shorter row has no direction; the bound of torch.nn.functional.normalize


class Objective(NamedTuple):
    """Value of the loss, and of the term in it that lambda_tc weighs, one per layer."""

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
    cov: Tensor, lambda_tc: Tensor, eps: float = EPSILON, entropy: float = 1.0
) -> tuple[Tensor, Objective]:
    r"""Gradient M of :func:`objective_of_covariance`, and its value.

    .. math:: M = 2\lambda_{tc} E \circ ss' - e\, \mathrm{diag}(1/v)
                  - 2\lambda_{tc}\, \mathrm{diag}((q + \mathrm{diag} E) / v)

    with e the weight of the entropy term, E = R - I, v the variances plus eps, s = v^{-1/2} and q
    the row sums of E squared.

    The outputs enter the loss through their covariance alone: with c the centred outputs (N, K),
    its gradient by the outputs is 2 c M / (N - 1). That takes two small products, instead of a
    backward pass through everything of size N.

    Args:
        cov: Covariances (L, K, K).
        lambda_tc: Weight of the correlation term (L,).
        eps: Added to every variance.
        entropy: Weight of the entropy term; 0 for :func:`decorrelation_objective`.

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
    through_scale = weight.mul(rows.add_(diagonal)).add_(entropy).div_(variance)
    off *= (weight * scale).unsqueeze(-1)
    off *= scale.unsqueeze(-2)
    diagonal -= through_scale
    return off, Objective(lambda_tc * tc - entropy * variance.log_().sum(-1), tc)


def decorrelation_objective(a: Tensor, lambda_tc: float | Tensor = 1.0) -> Objective:
    """lambda_tc ||R - I||_F^2 alone: source 001's "decorrelation proxy", blind to scale."""
    tc = total_correlation(a)
    return Objective(lambda_tc * tc, tc)


def log_det_objective(
    a: Tensor, lambda_tc: float | Tensor = 1.0, eps: float = EPSILON
) -> Objective:
    """-sum_j log(Var(a_j) + eps) - lambda_tc log det R: total correlation of a Gaussian, exactly.

    R is the correlation matrix of Sigma + eps I. At lambda_tc = 1 the loss is
    -log det(Sigma + eps I), minus twice the joint entropy of a Gaussian but for a constant.
    """
    entropies, joint = _gaussian_terms(covariance(a), eps)
    tc = entropies - joint
    return Objective(lambda_tc * tc - entropies, tc)


def log_det_gradient_by_covariance(
    cov: Tensor, lambda_tc: Tensor, eps: float = EPSILON
) -> tuple[Tensor, Objective]:
    """Gradient of :func:`log_det_objective` by the covariance (L, K, K), and its values (L,).

    M = -(1 - lambda_tc) diag(1 / v) - lambda_tc (Sigma + eps I)^-1, in float64 within, because a
    competition that fixes the sum of the outputs makes Sigma singular.
    """
    entropies, joint = _gaussian_terms(cov, eps)
    tc = entropies - joint
    inverse = torch.linalg.inv_ex(_regularised(cov, eps)).inverse.to(cov.dtype)
    weight = lambda_tc.unsqueeze(-1)
    gradient = inverse.mul_(-weight.unsqueeze(-1))
    gradient.diagonal(dim1=-2, dim2=-1).sub_((1 - weight) / (cov.diagonal(dim1=-2, dim2=-1) + eps))
    return gradient, Objective(lambda_tc * tc - entropies, tc)


def _regularised(cov: Tensor, eps: float) -> Tensor:
    eye = torch.eye(cov.shape[-1], dtype=torch.float64, device=cov.device)
    return cov.double() + eps * eye


def _gaussian_terms(cov: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """sum_j log(Sigma_jj + eps) and log det(Sigma + eps I)."""
    entropies = (cov.diagonal(dim1=-2, dim2=-1) + eps).log().sum(-1)
    return entropies, torch.linalg.slogdet(_regularised(cov, eps)).logabsdet.to(cov.dtype)


def barlow_objective(a: Tensor, lambda_tc: float | Tensor = 1.0, eps: float = EPSILON) -> Objective:
    """sum_i (1 - C_ii)^2 + lambda_tc sum_{i != j} C_ij^2 (Barlow Twins, Zbontar et al. 2021).

    C is the cross-correlation of two views of the same samples: the first half of the N rows of
    ``a`` and the second. With equal views it is :func:`decorrelation_objective`.
    """
    first, second = (_standardised(view, eps) for view in a.tensor_split(2, -2))
    cross = first.mT @ second / (first.shape[-2] - 1)
    diagonal = cross.diagonal(dim1=-2, dim2=-1)
    invariance = (1 - diagonal).square().sum(-1)
    tc = cross.square().sum((-2, -1)) - diagonal.square().sum(-1)
    return Objective(invariance + lambda_tc * tc, tc)


def hsic_objective(a: Tensor, lambda_tc: float | Tensor = 1.0, eps: float = EPSILON) -> Objective:
    """-sum_j log(Var(a_j) + eps) + lambda_tc sum_{i != j} of :func:`dependence`."""
    matrix = dependence(a, eps)
    tc = matrix.sum((-2, -1)) - matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    return Objective(lambda_tc * tc - log_variance(a, eps), tc)


def dependence(a: Tensor, eps: float = EPSILON) -> Tensor:
    """Normalised HSIC of every pair of units, HSIC_ij / sqrt(HSIC_ii HSIC_jj); (..., K, K).

    Biased estimator with Gaussian kernels whose width is the unit's standard deviation (Gretton
    et al. 2005). Memory grows with K N^2. A constant unit depends on nothing.
    """
    scaled = _standardised(a, eps).mT
    kernels = torch.exp(-0.5 * (scaled.unsqueeze(-1) - scaled.unsqueeze(-2)).square())
    kernels = kernels - kernels.mean(-1, keepdim=True)
    kernels = kernels - kernels.mean(-2, keepdim=True)
    flat = kernels.flatten(-2)
    hsic = flat @ flat.mT / a.shape[-2] ** 2
    scale = (hsic.diagonal(dim1=-2, dim2=-1) + eps).rsqrt()
    return hsic * scale.unsqueeze(-1) * scale.unsqueeze(-2)


def _standardised(a: Tensor, eps: float) -> Tensor:
    centred = a - a.mean(-2, keepdim=True)
    variance = centred.square().sum(-2, keepdim=True) / (a.shape[-2] - 1)
    return centred * (variance + eps).rsqrt()


def no_objective(a: Tensor, lambda_tc: float | Tensor = 1.0) -> Objective:
    """Zero: what is left is the free energy, or the redundancy term."""
    nothing = 0 * a.mean((-2, -1))
    return Objective(nothing, nothing)


def mixture_objective(a: Tensor) -> Tensor:
    """-sum_n log sum_k exp(-a_nk) of outputs a (..., N, K) taken for energies; shape (...).

    The negative log-likelihood of a mixture of equal components, but for a constant. It is a sum
    over the batch, unlike :func:`free_energy`, and its gradient by a_nk is the responsibility
    softmax(-a_n)_k itself: a unit that answers for a sample is drawn towards zero on it.
    """
    return a.shape[-2] * free_energy(-a)


def mixture_infomax_objective(a: Tensor, lambda_tc: float | Tensor = 1.0) -> Objective:
    """:func:`mixture_objective` and :func:`infomax_objective`, the published "decoder-free" loss.

    Its correlation term leaves the diagonal out, which is constant where variances exceed eps.
    Source: github.com/alanoursland/implicit_em_in_neural_activations, January 2026.
    """
    loss, tc = infomax_objective(a, lambda_tc=lambda_tc)
    return Objective(loss + mixture_objective(a), tc)


# Outputs a (..., N, K) and the weight of the second term (...) -> loss and second term (...).
OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "infomax": lambda a, lambda_tc: infomax_objective(a, lambda_tc=lambda_tc),
    "log_det": log_det_objective,
    "decorrelation": decorrelation_objective,
    "barlow": barlow_objective,
    "hsic": hsic_objective,
    "mixture": lambda a, lambda_tc: Objective(mixture_objective(a), no_objective(a).tc),
    "mixture_infomax": mixture_infomax_objective,
    "none": no_objective,
}


def free_energy(h: Tensor, temperature: float = 1.0) -> Tensor:
    """-T mean_n log sum_k exp(h_nk / T) of activations (..., N, K); shape (...).

    The log-sum-exp term of source 001 for energies E = -h. Its gradient by h_nk is minus the
    responsibility softmax(h_n / T)_k over N: the M-step of implicit EM as a gradient.
    """
    return -temperature * torch.logsumexp(h / temperature, -1).mean(-1)
