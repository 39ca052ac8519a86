r"""Regions that the hyperplanes of K units cut the input space into, and those that data occupy.

Unit k fires where :math:`w_k \cdot x + b_k > 0`; a region is the set of inputs with one firing
pattern. Source 001 counts :math:`2^K` regions of K independent binary partitions. K hyperplanes in
:math:`\mathbb{R}^n` make that many only while K <= n; in general position they make

.. math:: \sum_{i=0}^{n} \binom{K}{i}, \qquad\text{or}\qquad 2 \sum_{i=0}^{n-1} \binom{K-1}{i}

if all pass through the origin (Schläfli; Cover 1965; Zaslavsky 1975), and fewer otherwise.
"""

from math import comb, expm1, log1p
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

_MOST_REGIONS = 20_000  # more take too long to count
_SAME = 1e-9  # relative difference below which two hyperplanes are one


def regions_in_general_position(hyperplanes: int, dimension: int, central: bool = False) -> int:
    """Number of regions that K hyperplanes in general position cut R^n into.

    Args:
        hyperplanes: K >= 0.
        dimension: n >= 0.
        central: All pass through the origin (no bias).

    Raises:
        ValueError: A negative count.
    """
    if hyperplanes < 0 or dimension < 0:
        raise ValueError(
            f"{hyperplanes} hyperplanes in {dimension} dimensions: neither can be negative"
        )
    if central:
        if hyperplanes == 0 or dimension == 0:
            return 1
        return 2 * sum(comb(hyperplanes - 1, i) for i in range(dimension))
    return sum(comb(hyperplanes, i) for i in range(dimension + 1))


def count_regions(weight: ArrayLike, bias: ArrayLike | None = None) -> int:
    """Exact number of regions of one arrangement, by deletion and restriction (Zaslavsky 1975).

    A hyperplane cuts as many regions in two as the others cut it into, so
    r = 1 + sum_k r(hyperplanes before k, restricted to hyperplane k): the same count one dimension
    lower. Repeated and parallel hyperplanes need no special care.

    Args:
        weight: Rows (K, n), one per hyperplane. A row of zeros cuts nothing.
        bias: Shape (K,); zeros if left out.

    Raises:
        ValueError: Shapes that do not fit, numbers that are not finite, or more than 20 000
            regions to be expected.
    """
    normals, offsets = _normalised(weight, bias)
    _refuse_too_many(normals, offsets)
    return _count(normals, offsets)


def _count(normals: np.ndarray, offsets: np.ndarray) -> int:
    normals, offsets = _distinct(normals, offsets)
    hyperplanes, dimension = normals.shape
    if dimension == 1:
        return 1 + hyperplanes
    regions = 1
    for k in range(hyperplanes):
        _, _, axes = np.linalg.svd(normals[k : k + 1])
        along = axes[1:].T  # an orthonormal basis of the hyperplane
        shift = offsets[:k] - offsets[k] * (normals[:k] @ normals[k])
        regions += _count(normals[:k] @ along, shift)
    return regions


def _distinct(normals: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hyperplanes as unit normals and offsets, each of them once, without rows of zeros."""
    lengths = np.linalg.norm(normals, axis=1)
    cuts = lengths > _SAME
    planes = np.column_stack([normals[cuts], offsets[cuts]]) / lengths[cuts, None]
    size = 1 + np.abs(planes[:, -1:])
    kept: list[int] = []
    for k in range(len(planes)):
        others = planes[kept]
        close = _SAME * size[k]
        same = np.abs(others - planes[k]).max(1, initial=0) < close
        opposite = np.abs(others + planes[k]).max(1, initial=0) < close
        if not (same | opposite).any():
            kept.append(k)
    return planes[kept, :-1], planes[kept, -1]


def _refuse_too_many(normals: np.ndarray, offsets: np.ndarray) -> None:
    hyperplanes, dimension = normals.shape
    expected = regions_in_general_position(hyperplanes, dimension, not offsets.any())
    if expected > _MOST_REGIONS:
        raise ValueError(
            f"{hyperplanes} hyperplanes in {dimension} dimensions make up to {expected} regions, "
            f"too many to enumerate (at most {_MOST_REGIONS}); use fewer, or count those that data "
            f"occupy with occupied_regions"
        )


def _normalised(weight: ArrayLike, bias: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals and offsets whose largest is 1, without rows of zeros."""
    rows = np.asarray(weight).astype(float)
    if rows.ndim != 2:
        raise ValueError(f"weight must have shape (K, n), got {rows.shape}")
    offsets = np.zeros(len(rows)) if bias is None else np.asarray(bias).astype(float)
    if offsets.shape != (len(rows),):
        raise ValueError(f"{len(rows)} hyperplanes need as many biases, got {offsets.shape}")
    if not (np.isfinite(rows).all() and np.isfinite(offsets).all()):
        raise ValueError("weights and biases must be finite")
    if rows.shape[1] > len(rows):  # nothing is cut outside the span of the rows
        rows = np.asarray(np.linalg.qr(rows.T, mode="r")).T
    lengths = np.linalg.norm(rows, axis=1)
    cuts = lengths > 0
    offsets = offsets[cuts] / lengths[cuts]
    return rows[cuts] / lengths[cuts, None], offsets / (np.abs(offsets).max(initial=0) or 1)


# --- data ----------------------------------------------------------------------------------------


class Occupancy(NamedTuple):
    """Regions that samples occupy.

    Attributes:
        regions: Number of different firing patterns.
        entropy: Of the patterns' frequencies, in bits.
        bits: K, the entropy of independent partitions that each halve the data.
    """

    regions: int
    entropy: float
    bits: int


def occupancy(fires: ArrayLike) -> Occupancy:
    """Occupied regions from firing patterns (N, K), true where a unit fires on a sample.

    The entropy is that of the observed frequencies, at most log2 N and too low where N is not far
    above the number of regions: compare with shuffled patterns.
    """
    patterns = np.asarray(fires, bool)
    if patterns.ndim != 2 or not patterns.size:
        raise ValueError(f"firing patterns must have shape (N, K), got {patterns.shape}")
    packed = np.packbits(patterns, axis=1)
    _, counts = np.unique(packed, axis=0, return_counts=True)
    share = counts / len(patterns)
    entropy = float(-(share * np.log2(share)).sum())
    return Occupancy(len(counts), abs(entropy), patterns.shape[1])


def occupied_regions(
    weight: torch.Tensor, bias: torch.Tensor, x: torch.Tensor, shuffled: bool = False
) -> Occupancy:
    """Regions of K hyperplanes that samples occupy.

    Args:
        weight: Rows (K, D).
        bias: Shape (K,).
        x: Samples (N, D).
        shuffled: Permute every unit's firing over the samples by itself first: what units that
            fire as often, but independently of each other, would occupy with as many samples.
    """
    with torch.no_grad():
        fires = (x @ weight.mT + bias > 0).cpu().numpy()
    if shuffled:
        fires = np.random.default_rng(0).permuted(fires, axis=0)
    return occupancy(fires)


def expected_occupied(units: int, samples: int) -> float:
    """Regions that N samples are expected to occupy if K partitions are independent and balanced.

    2^K (1 - (1 - 2^-K)^N): about N while 2^K is far above N.
    """
    return -(2.0**units) * expm1(samples * log1p(-(2.0**-units)))
