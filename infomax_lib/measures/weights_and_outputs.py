"""Measures of weights (..., K, D) and outputs (..., N, K), with the floors that make them readable.

Leading dimensions are layers; every function returns one number per layer (leading shape).
Measures of pairs of units are NaN for a single unit. Nothing here is differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.model.objective import EPSILON, correlation, total_correlation, weight_redundancy

__all__ = [
    "ALIGNED_ABOVE",
    "aligned_pairs",
    "cofiring_excess",
    "data_squared_cosine",
    "dead_units",
    "describe_outputs",
    "describe_weights",
    "effective_rank",
    "entropy_rank",
    "firing_rate",
    "max_cosine",
    "max_responsibility",
    "mean_r2_excess",
    "min_relative_variance",
    "one_hot_loss",
    "output_correlation",
    "random_redundancy",
    "rms_cosine",
    "row_norm",
    "simplex_floor",
    "threshold_gap",
    "weight_redundancy",
]

_FIRES_ABOVE = 1e-6  # |a| above this counts as firing
_DEAD_BELOW = 0.01  # a unit that fires on a smaller share of inputs is dead
ALIGNED_ABOVE = 0.9  # cosine above which two rows count as the same direction


def random_redundancy(hidden_dim: int, num_features: int) -> float:
    """Expected weight redundancy K(K-1)/D of K independent random directions in D dimensions."""
    return hidden_dim * (hidden_dim - 1) / num_features


def data_squared_cosine(x: Tensor) -> float:
    """Expected squared cosine of two random rows drawn from the data's own covariance.

    Rows in all directions alike have 1/D (:func:`random_redundancy`); rows w ~ N(0, C), with C the
    covariance of ``x`` and λ its eigenvalues, have Σᵢ E[λᵢgᵢ²/Σₖλₖgₖ²]² with g standard normal,
    where each expectation is ∫₀^∞ λᵢ/(1 + 2sλᵢ) · Πₖ(1 + 2sλₖ)^(−1/2) ds. K(K−1) times it is their
    redundancy.

    Args:
        x: Samples (N, D), not all alike.
    """
    centred = x.double()
    centred = centred - centred.mean(0)
    eigenvalues = torch.linalg.eigvalsh(centred.mT @ centred).clamp(min=0).cpu()
    spectrum = eigenvalues / eigenvalues.sum()
    # On a logarithmic axis the integrand is smooth, and 0 at both ends to float64.
    log_s = torch.linspace(-40, 40, 2001, dtype=torch.float64)
    s = log_s.exp()[:, None]
    weight = (-0.5 * torch.log1p(2 * s * spectrum).sum(1, keepdim=True)).exp() * s
    shares = (weight * spectrum / (1 + 2 * s * spectrum)).sum(0) * (log_s[1] - log_s[0])
    return float(shares.square().sum())


def simplex_floor(hidden_dim: int) -> float:
    """Least ||R - I||^2 of K outputs that sum to one, K/(K-1).

    Their covariance has the vector of ones in its null space; the least distance to the identity
    under that constraint has every correlation at -1/(K-1).
    """
    return hidden_dim / (hidden_dim - 1)


def one_hot_loss(hidden_dim: int) -> float:
    """Loss K log(K^2/(K-1)) of perfectly balanced one-hot outputs, without correlation term."""
    k = torch.tensor(float(hidden_dim), dtype=torch.float64)
    return float(k * torch.log(k**2 / (k - 1)))


# --- weights -----------------------------------------------------------------------------------


def _cosines(weight: Tensor) -> Tensor:
    """Cosines between different rows; the diagonal is zero. Shape (..., K, K)."""
    rows = F.normalize(weight, dim=-1)
    cosines = rows @ rows.mT
    return cosines - torch.diag_embed(cosines.diagonal(dim1=-2, dim2=-1))


def rms_cosine(weight: Tensor) -> Tensor:
    """Root mean square cosine between different rows, sqrt(redundancy / K(K-1))."""
    k = weight.shape[-2]
    return _cosines(weight).square().sum((-2, -1)).div(k * (k - 1)).sqrt()


def max_cosine(weight: Tensor, absolute: bool = False) -> Tensor:
    """Largest cosine (or absolute cosine) between two different rows, in [-1, 1]."""
    cosines = _cosines(weight)
    k = weight.shape[-2]
    if k == 1:
        return weight.new_full(weight.shape[:-2], torch.nan)
    off = ~torch.eye(k, dtype=torch.bool, device=weight.device)
    pairs = cosines[..., off]
    return (pairs.abs() if absolute else pairs).amax(-1)


def aligned_pairs(weight: Tensor) -> Tensor:
    """Number of unordered pairs of rows with cosine above 0.9."""
    return (_cosines(weight) > ALIGNED_ABOVE).sum((-2, -1)) / 2


def threshold_gap(weight: Tensor, bias: Tensor) -> Tensor:
    """Distance |t_i - t_j| between the thresholds t = -b/||w|| of the two most aligned rows.

    In units of the input: how far apart the two nearly parallel hyperplanes lie.
    """
    k = weight.shape[-2]
    cosines = _cosines(weight) - 2 * torch.eye(k, dtype=weight.dtype, device=weight.device)
    best = cosines.flatten(-2).argmax(-1, keepdim=True)
    thresholds = -bias / weight.norm(dim=-1)
    first, second = best // k, best % k
    return (thresholds.gather(-1, first) - thresholds.gather(-1, second)).abs().squeeze(-1)


def effective_rank(weight: Tensor) -> Tensor:
    """Participation ratio (sum s)^2 / sum s^2 of the singular values, between 1 and min(K, D)."""
    s = _singular_values(weight)
    return s.sum(-1).square() / s.square().sum(-1)


def entropy_rank(weight: Tensor) -> Tensor:
    """exp(H(s / sum s)) of the singular values (Roy & Vetterli 2007), between 1 and min(K, D)."""
    s = _singular_values(weight)
    p = s / s.sum(-1, keepdim=True)
    return torch.special.entr(p).sum(-1).exp()


def _singular_values(weight: Tensor) -> Tensor:
    """Singular values, NaN for weights that are not finite (which LAPACK refuses)."""
    finite = weight.isfinite().all(-1).all(-1)
    safe = torch.where(finite[..., None, None], weight, torch.zeros_like(weight))
    return torch.where(finite[..., None], torch.linalg.svdvals(safe.double()), torch.nan)


def row_norm(weight: Tensor) -> Tensor:
    """Mean Euclidean length of a row: how far W has grown."""
    return weight.norm(dim=-1).mean(-1)


def describe_weights(weight: Tensor, bias: Tensor | None = None) -> dict[str, Tensor]:
    """All measures of weights (..., K, D), by column name."""
    k, d = weight.shape[-2:]
    bias = weight.new_zeros(weight.shape[:-1]) if bias is None else bias
    redundancy = weight_redundancy(weight)
    return {
        "weight_redundancy": redundancy,
        "redundancy_over_random": redundancy / random_redundancy(k, d),
        "rms_cosine": rms_cosine(weight),
        "max_abs_cosine": max_cosine(weight, absolute=True),
        "max_cosine": max_cosine(weight),
        "aligned_pairs": aligned_pairs(weight),
        "threshold_gap": threshold_gap(weight, bias),
        "effective_rank": effective_rank(weight),
        "entropy_rank": entropy_rank(weight),
        "row_norm": row_norm(weight),
    }


# --- outputs -----------------------------------------------------------------------------------


def output_correlation(a: Tensor, eps: float = EPSILON) -> Tensor:
    """||R - I||^2 over the samples; a dead unit adds 1 to it."""
    return total_correlation(a, eps)


def mean_r2_excess(a: Tensor) -> Tensor:
    """Mean squared correlation of different units, less its sampling floor 1/(N-1)."""
    n, k = a.shape[-2:]
    r2 = correlation(a).square()
    off_diagonal = r2.sum((-2, -1)) - r2.diagonal(dim1=-2, dim2=-1).sum(-1)
    return off_diagonal / (k * (k - 1)) - 1 / (n - 1)


def dead_units(a: Tensor) -> Tensor:
    """Number of units that fire (|a| > 1e-6) on less than 1 % of the samples."""
    return ((a.abs() > _FIRES_ABOVE).double().mean(-2) < _DEAD_BELOW).sum(-1)


def firing_rate(a: Tensor) -> Tensor:
    """Share of (sample, unit) pairs with |a| > 1e-6."""
    return (a.abs() > _FIRES_ABOVE).double().mean((-2, -1))


def cofiring_excess(a: Tensor) -> Tensor:
    """Mean |P(i and j fire) - P(i)P(j)| over pairs of different units: zero when independent."""
    fires = (a.abs() > _FIRES_ABOVE).to(a.dtype)
    n, k = a.shape[-2:]
    rate = fires.mean(-2)
    excess = (fires.mT @ fires / n - rate.unsqueeze(-1) * rate.unsqueeze(-2)).abs()
    off_diagonal = excess.sum((-2, -1)) - excess.diagonal(dim1=-2, dim2=-1).sum(-1)
    return off_diagonal / (k * (k - 1))


def min_relative_variance(a: Tensor) -> Tensor:
    """Smallest variance of a unit over the mean variance: near zero for a unit dead by scale."""
    variance = a.var(-2)
    return variance.amin(-1) / variance.mean(-1)


def max_responsibility(a: Tensor) -> Tensor:
    """Mean over samples of the largest output: 1/K when competition is undecided, 1 when hard."""
    return a.amax(-1).mean(-1)


def describe_outputs(a: Tensor) -> dict[str, Tensor]:
    """All cheap measures of outputs (..., N, K), by column name (everything but HSIC)."""
    return {
        "output_correlation": output_correlation(a),
        "mean_r2_excess": mean_r2_excess(a),
        "dead_units": dead_units(a),
        "firing_rate": firing_rate(a),
        "cofiring_excess": cofiring_excess(a),
        "min_relative_variance": min_relative_variance(a),
    }
