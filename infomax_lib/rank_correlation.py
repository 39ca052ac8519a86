"""Rank correlation between two measures over configurations, with its interval."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import stats

from infomax_lib.stats import CONFIDENCE, Interval

__all__ = ["rank_correlation"]

_RESAMPLES = 4999


def rank_correlation(first: Iterable[float], second: Iterable[float]) -> Interval:
    """Spearman's rank correlation with a 95 % percentile bootstrap interval over the pairs.

    Pairs of which one value is not finite are left out and counted. The interval is NaN below
    four pairs, where resampling says nothing, and everything is NaN where one side is constant.
    Resamples in which one side is constant have no correlation and are left out.

    Args:
        first: One value per configuration, shape (n,).
        second: The other value of the same configurations, shape (n,).

    Returns:
        Correlation in [-1, 1] as the mean of an interval.

    Raises:
        ValueError: The two have different lengths.
    """
    x, y = (np.asarray(list(values), dtype=float) for values in (first, second))
    if x.shape != y.shape:
        raise ValueError(f"a correlation needs pairs: got {x.size} and {y.size} values")
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    dropped = int((~finite).sum())
    n = int(x.size)
    if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Interval(np.nan, np.nan, np.nan, 0, dropped)
    rho = float(stats.spearmanr(x, y).statistic)
    if n < 4:
        return Interval(rho, np.nan, np.nan, n, dropped)
    picked = np.random.default_rng(0).integers(0, n, (_RESAMPLES, n))
    ranks = [stats.rankdata(values[picked], axis=1) for values in (x, y)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    spread = np.sqrt(np.square(centred[0]).sum(1) * np.square(centred[1]).sum(1))
    known = spread > 0
    resampled = (centred[0] * centred[1]).sum(1)[known] / spread[known]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return Interval(rho, float(low), float(high), n, dropped)
