"""How often intervals hold the mean they are for, measured on the metrics of this book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from infomax_lib.stats import student

#: Fewer seeds than this say too little about the shape of a metric's distribution.
_SEEDS = 20
_BOOTSTRAPPED = 500


def residuals(runs: pd.DataFrame, metrics: Sequence[str], settings: Sequence[str]) -> dict:
    """How single runs of a setting lie around its mean, by metric, in standard deviations.

    Args:
        runs: One row per run.
        metrics: Columns to look at; a setting in which one does not vary is left out of it.
        settings: Columns that tell settings apart; those with fewer than 20 seeds are left out.

    Returns:
        For each metric the standardised values of all settings, shape (number of runs,).
    """
    found: dict[str, list[np.ndarray]] = {}
    for _, rows in runs.groupby(list(settings), dropna=False):
        for metric in metrics:
            values = rows[metric].to_numpy(dtype=float)
            values = values[np.isfinite(values)]
            if len(values) >= _SEEDS and np.ptp(values) > 1e-9 * np.abs(values).max():
                spread = (values - values.mean()) / values.std(ddof=1)
                found.setdefault(metric, []).append(spread)
    return {metric: np.concatenate(parts) for metric, parts in found.items()}


def student_coverage(pool: np.ndarray, n: int, samples: int = 20_000) -> float:
    """Share of samples of n values whose Student interval holds the mean of the pool."""
    drawn = np.random.default_rng(0).choice(pool, (samples, n))
    error = drawn.std(axis=1, ddof=1) / np.sqrt(n)
    half = student(n) * error
    return float((np.abs(drawn.mean(axis=1) - pool.mean()) <= half).mean())


def bootstrap_coverage(pool: np.ndarray, n: int, samples: int = 2_000) -> float:
    """The same of the bias-corrected and accelerated bootstrap interval (BCa; Efron 1987)."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(pool, (samples, n))
    drawn = drawn[np.ptp(drawn, axis=1) > 0]  # it is not defined for equal values
    held = []
    for part in np.array_split(drawn, max(1, len(drawn) // _BOOTSTRAPPED)):
        interval = stats.bootstrap(
            (part,), np.mean, axis=1, n_resamples=999, method="BCa", rng=rng
        ).confidence_interval
        held.append((interval.low <= pool.mean()) & (pool.mean() <= interval.high))
    return float(np.concatenate(held).mean())


def coverage_table(pools: Mapping[str, np.ndarray], sizes: Sequence[int]) -> pd.DataFrame:
    """Coverage in per cent by metric and sample size; last rows: all metrics, and with BCa.

    Args:
        pools: As returned by :func:`residuals`.
        sizes: Seeds per sample.
    """
    together = np.concatenate(list(pools.values()))
    rows = {
        metric: {n: student_coverage(pool, n) for n in sizes}
        for metric, pool in {**pools, "all metrics": together}.items()
    }
    rows["all metrics, BCa bootstrap"] = {n: bootstrap_coverage(together, n) for n in sizes}
    return 100 * pd.DataFrame(rows).T
