r"""Dependence of samples beyond what one batch in memory shows: HSIC, and two-view correlation.

With Gaussian kernels :math:`K_{ij} = \exp(-|x_i - x_j|^2 / 2w^2)`, L likewise of y, and
H = I - 11'/N, the *biased* estimator is :math:`\mathrm{tr}(KHLH)/N^2` (Gretton et al. 2005), and
the *unbiased* one, with :math:`\tilde K, \tilde L` lacking their diagonals,

.. math:: \frac{1}{N(N-3)} \left[ \mathrm{tr}(\tilde K \tilde L)
    + \frac{1'\tilde K 1 \; 1'\tilde L 1}{(N-1)(N-2)} - \frac{2}{N-2} 1'\tilde K \tilde L 1 \right]

(Song et al. 2012). Both need no more than sums of the kernels' entries, rows and products; these
are summed over blocks of rows, so that no N x N matrix is ever held.

:func:`mean_hsic` is the quick measure of a layer (biased, first 500 samples).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from infomax_lib.model.objective import EPSILON, barlow_objective

__all__ = [
    "barlow_twins_loss",
    "gaussian_hsic",
    "hsic",
    "hsic_floor",
    "mean_hsic",
    "r2_floor",
]

_ESTIMATORS = ("biased", "unbiased")

_SAMPLES = 500  # the kernel matrices are quadratic in this
_UNITS = 128  # one kernel matrix per unit is held at once
# Entries of kernel matrices worked on at once: what a core's cache holds, enough to fill a GPU.
_AT_ONCE_CPU, _AT_ONCE_GPU = 2**18, 2**26

_MEMORY = 256 * 2**20  # bytes of kernel blocks held at once
_BYTES = 8  # float64


# --- HSIC of two samples -------------------------------------------------------------------------


def hsic(
    x: Tensor,
    y: Tensor,
    estimator: str = "biased",
    widths: tuple[float | None, float | None] = (None, None),
    memory: int = _MEMORY,
) -> float:
    """Hilbert-Schmidt independence criterion of two samples; 0 in expectation if independent.

    Args:
        x: Shape (N,) or (N, P).
        y: Shape (N,) or (N, Q), drawn together with x.
        estimator: ``biased`` (never negative, floor of order 1/N), or ``unbiased`` (N >= 4; may be
            negative).
        widths: Of the two Gaussian kernels; None for the root of the sample's total variance, in
            one dimension its standard deviation.
        memory: Bytes that blocks of kernels may take.

    Raises:
        ValueError: Samples of different length, too few, or not finite; or so many that not even
            one row of the kernels fits into ``memory``.
    """
    return float(_hsic(_moments([x, y], widths, memory), estimator)[0, 1])


def hsic_floor(
    x: Tensor,
    y: Tensor,
    widths: tuple[float | None, float | None] = (None, None),
    memory: int = _MEMORY,
) -> float:
    r"""Biased HSIC that remains when all dependence is broken by permuting one sample.

    The exact mean over all N! permutations,
    :math:`(1 - \bar K)(1 - \bar L) / (N - 1)` with the kernels' mean entries. The unbiased
    estimator has none. Arguments and errors are those of :func:`hsic`.
    """
    moments = _moments([x, y], widths, memory)
    samples = moments.rows.shape[-1]
    mean = moments.rows.sum(-1) / samples**2
    return float((1 - mean).prod() / (samples - 1))


def gaussian_hsic(correlation: Tensor, normalised: bool = True) -> Tensor:
    r"""HSIC of two Gaussian variables of one correlation r, kernels as wide as their deviations.

    .. math:: \frac{1}{\sqrt{9 - 4r^2}} + \frac13 - \frac{2}{\sqrt{9 - r^2}}

    What a measured HSIC exceeds it by is dependence that correlation does not see. To second order
    in r it is r^2/27.

    Args:
        correlation: Any shape, in [-1, 1].
        normalised: Divide by the value at r = 1.
    """
    squared = torch.as_tensor(correlation, dtype=torch.float64).square()
    value = (9 - 4 * squared).rsqrt() + 1 / 3 - 2 * (9 - squared).rsqrt()
    return value / (5**-0.5 + 1 / 3 - 2 * 8**-0.5) if normalised else value


class _Moments(NamedTuple):
    products: Tensor  # sum_ij of the products of two kernels (M, M)
    rows: Tensor  # row sums of every kernel (M, N)


def _moments(samples: Sequence[Tensor], widths: Sequence[float | None], memory: int) -> _Moments:
    columns = [_column(sample) for sample in samples]
    count = len(columns[0])
    if any(len(column) != count for column in columns):
        lengths = ", ".join(str(len(column)) for column in columns)
        raise ValueError(f"samples must be drawn together, but have lengths {lengths}")
    if count < 2:
        raise ValueError(f"HSIC needs at least 2 samples, got {count}")
    # one block of every kernel, and at most two temporary copies of one of them
    row_bytes = _BYTES * count * (len(columns) + 2)
    block = memory // row_bytes
    if block < 1:
        raise ValueError(
            f"one row of {len(columns)} kernels of {count} samples takes {row_bytes} bytes, but "
            f"memory={memory}: allow more, or use a subset of the samples"
        )
    scaled = [
        column / (_width(column) if width is None else _checked_width(width))
        for column, width in zip(columns, widths, strict=True)
    ]
    products = torch.zeros(len(columns), len(columns), dtype=torch.float64)
    rows = torch.zeros(len(columns), count, dtype=torch.float64)
    # allocated once: a new block would be built while the last one is still held
    space = torch.empty(len(columns) * min(block, count) * count, dtype=torch.float64)
    for start in range(0, count, block):
        part = slice(start, min(start + block, count))
        shape = (len(columns), part.stop - start, count)
        kernels = space[: shape[0] * shape[1] * shape[2]].view(shape)
        for kernel, column in zip(kernels, scaled, strict=True):
            kernel.copy_(_kernel(column[part], column))
        rows[:, part] = kernels.sum(-1)
        flat = kernels.flatten(1)
        products += flat @ flat.mT
    return _Moments(products, rows)


def _column(sample: Tensor) -> Tensor:
    if sample.ndim not in (1, 2):
        raise ValueError(f"a sample must have shape (N,) or (N, P), got {tuple(sample.shape)}")
    if not sample.isfinite().all():
        raise ValueError("a sample must be finite: it holds NaN or infinity")
    return sample.detach().cpu().double().reshape(len(sample), -1)


def _width(column: Tensor) -> Tensor:
    # A constant sample has no width; any will do, for all its differences are zero.
    return column.var(0).sum().sqrt().clamp_min(EPSILON)


def _checked_width(width: float) -> float:
    if not width > 0:
        raise ValueError(f"width={width} is not possible: choose a number above 0, or None")
    return width


def _kernel(some: Tensor, all_: Tensor) -> Tensor:
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(some, all_, compute_mode=exact).square_().mul_(-0.5).exp_()


def _hsic(moments: _Moments, estimator: str) -> Tensor:
    if estimator not in _ESTIMATORS:
        allowed = ", ".join(_ESTIMATORS)
        raise ValueError(f"unknown estimator {estimator!r}: choose one of {allowed}")
    products, rows = moments
    n = rows.shape[-1]
    if estimator == "biased":
        total = rows.sum(-1)
        trace = products - 2 / n * rows @ rows.mT + torch.outer(total, total) / n**2
        return trace / n**2
    if n < 4:
        raise ValueError(f"the unbiased estimator needs at least 4 samples, got {n}")
    products, rows = products - n, rows - 1  # the diagonal of a Gaussian kernel is 1
    total = rows.sum(-1)
    outer = torch.outer(total, total) / ((n - 1) * (n - 2))
    return (products + outer - 2 / (n - 2) * rows @ rows.mT) / (n * (n - 3))


# --- HSIC of a layer's units ----------------------------------------------------------------------


def mean_hsic(a: Tensor, shuffled: bool = False) -> Tensor:
    """Mean normalised HSIC over pairs of different units: dependence that correlation cannot see.

    HSIC(i, j) / sqrt(HSIC(i, i) HSIC(j, j)), biased estimator with Gaussian kernels whose width is
    the unit's standard deviation (Gretton et al. 2005), on the first 500 samples and at most the
    first 128 units; in [0, 1].
    A constant unit depends on nothing and counts as 0.

    Args:
        a: Outputs (..., N, K), N >= 2.
        shuffled: Break every dependence first, by rotating unit j's samples by j N/K places;
            what remains is the estimator's floor. The samples must come in random order.
    """
    part = a[..., :_SAMPLES, :_UNITS]
    n, k = part.shape[-2:]
    layers = part.reshape(-1, n, k)
    if shuffled:
        places = torch.arange(n, device=a.device).unsqueeze(-1)
        shift = torch.arange(k, device=a.device) * (n // k)
        layers = layers.gather(-2, ((places + shift) % n).expand_as(layers))
    kernels = layers.new_empty(k, n, n)
    means = [_of_pairs(layer, kernels) for layer in layers]
    return torch.stack(means).reshape(a.shape[:-2])


def _of_pairs(a: Tensor, kernels: Tensor) -> Tensor:
    """Of outputs (N, K); kernels (K, N, N) are memory to work in."""
    n, k = a.shape
    scaled = (a / a.std(-2).clamp_min(EPSILON)).mT
    at_once = max(1, (_AT_ONCE_CPU if a.device.type == "cpu" else _AT_ONCE_GPU) // n**2)
    for unit, kernel in zip(scaled.split(at_once), kernels.split(at_once), strict=True):
        torch.sub(unit.unsqueeze(-1), unit.unsqueeze(-2), out=kernel)
        kernel.square_().mul_(-0.5).exp_()
        mean = kernel.mean(-1)  # of rows and, being symmetric, of columns
        kernel -= mean.unsqueeze(-1)
        kernel -= (mean - mean.mean(-1, keepdim=True)).unsqueeze(-2)
    flat = kernels.view(k, n * n)
    products = flat @ flat.mT
    norms = products.diagonal().clamp_min(0).sqrt()
    alive = norms > EPSILON * n
    # NaN outputs must stay visible: `alive` is False for them, so the sum is poisoned explicitly.
    normalised = products / (norms.unsqueeze(-1) * norms.unsqueeze(-2))
    normalised = torch.where(alive.unsqueeze(-1) & alive.unsqueeze(-2), normalised, 0.0)
    between = (normalised.sum() - normalised.diagonal().sum()) / (k * (k - 1))
    return torch.where(a.isfinite().all(), between, torch.nan)


# --- correlation within one view and between two -------------------------------------------------


def barlow_twins_loss(
    first: Tensor, second: Tensor, lambda_tc: float = 1.0, eps: float = EPSILON
) -> Tensor:
    """sum_i (1 - C_ii)^2 + lambda_tc sum_{i != j} C_ij^2, C the cross-correlation of two views.

    Zbontar et al. (2021). The first sum asks for invariance to what makes the views differ. With
    equal views C is R, the first sum vanishes, and what is left is
    :func:`.decorrelation_objective`, which therefore is not Barlow Twins but its half without
    views.

    Args:
        first: Outputs (..., N, K) of one view.
        second: Outputs of another view of the same samples, of the same shape.
        lambda_tc: Weight of the second sum.
        eps: Added to every variance.

    Raises:
        ValueError: Views of different shape.
    """
    _check_views(first, second)
    return barlow_objective(torch.cat([first, second], -2), lambda_tc, eps).loss


def _check_views(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(
            f"views of the same samples have the same shape, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )


def r2_floor(samples: int) -> float:
    """Expected squared correlation of two independent samples of size N, 1/(N - 1).

    The exact mean over all permutations of either sample, whatever its distribution. K units on a
    batch therefore have ||R - I||^2 of about K(K-1)/(N-1) even if they are independent.

    Raises:
        ValueError: Fewer than two samples.
    """
    if samples < 2:
        raise ValueError(f"a correlation needs at least 2 samples, got {samples}")
    return 1 / (samples - 1)
