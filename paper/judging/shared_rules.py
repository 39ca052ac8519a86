"""Conditions, floors and small tests that several rules use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from infomax_lib.stats import (
    Interval,
    by_seed,
    format_number,
    mean_interval,
    where,
)
from paper.judging.claims import Part, above, below, inside
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.published import number_verdict

#: The λ_tc grid that three chapters share.
GRID = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

#: One percentage point of probe accuracy: smaller differences do not matter here.
POINT = 0.01

#: Outputs are called uncorrelated when Σ r² over ordered pairs is below this: for K = 16 a mean r²
#: of 0.002, above the 0.04 … 0.28 that the source calls independent and far below its 3.13.
UNCORRELATED = 0.5

#: Weights are called diverse when their redundancy is at most twice that of random weights.
DIVERSE = 2.0

#: HSIC up to twice its sampling floor is called independence.
INDEPENDENT = 2.0

NO_SOFTMAX: dict[str, object] = {"competition": "none"}
SOFTMAX: dict[str, object] = {"competition": "softmax"}


def relu(lambda_tc: float, **fields: object) -> dict[str, object]:
    """Architecture A at one λ_tc."""
    return {"competition": "none", "lambda_tc": float(lambda_tc), **fields}


def softmax(lambda_tc: float, **fields: object) -> dict[str, object]:
    """Architecture B at one λ_tc."""
    return {"competition": "softmax", "lambda_tc": float(lambda_tc), **fields}


def grid_runs(evidence: Evidence, competition: str) -> pd.DataFrame:
    """All runs of one architecture over the whole λ_tc grid; MissingEvidence if incomplete."""
    runs = evidence.select(competition=competition, lambda_tc=list(GRID))
    if runs["lambda_tc"].nunique() < len(GRID):
        raise MissingEvidence(f"the whole λ_tc grid with competition={competition}")
    return runs


def hsic_ratio(evidence: Evidence, condition: Mapping[str, object]) -> Interval:
    """HSIC over its sampling floor, per seed."""
    hsic = evidence.values("hsic", **condition)
    return mean_interval(hsic / evidence.values("hsic_floor", **condition))


def relative_difference(
    evidence: Evidence,
    metric: str,
    a: Mapping[str, object],
    b: Mapping[str, object],
) -> Interval:
    """Paired difference a − b divided by the absolute mean of b."""
    scale = abs(evidence.interval(metric, **b).mean)
    return evidence.difference(metric, a, b).scaled(1 / scale if scale else float("nan"))


def percent(interval: Interval) -> str:
    """An interval of a fraction in per cent: "12 [10, 14] %"."""
    return f"{interval.scaled(100)} %"


def points(interval: Interval) -> str:
    """An interval of a difference of accuracies in percentage points."""
    return f"{interval.scaled(100)} points"


def part_above(name: str, interval: Interval, threshold: float, decisive: bool = True) -> Part:
    """Holds when the interval lies above the threshold."""
    text = f"{interval} against {format_number(threshold)}"
    return Part(name, above(interval, threshold), text, decisive)


def part_below(name: str, interval: Interval, threshold: float, decisive: bool = True) -> Part:
    """Holds when the interval lies below the threshold."""
    text = f"{interval} against {format_number(threshold)}"
    return Part(name, below(interval, threshold), text, decisive)


def part_similar(
    name: str, interval: Interval, margin: float, decisive: bool = True, as_points: bool = False
) -> Part:
    """Holds when a (relative) difference lies within ±margin."""
    unit = "points" if as_points else "%"
    shown = points(interval) if as_points else percent(interval)
    text = f"{shown} against ±{format_number(100 * margin, 0)} {unit}"
    return Part(name, inside(interval, -margin, margin), text, decisive)


def share_of_seeds(name: str, share: float, seeds: int, least: float, **kwargs: bool) -> Part:
    """Holds when at least ``least`` of the seeds do; fails when at most 1 − ``least`` do."""
    holds = True if share >= least else False if share <= 1 - least else None
    text = f"{round(share * seeds)} of {seeds} seeds"
    return Part(name, holds, text, **kwargs)


def number(evidence: Evidence, printed: str, metric: str, condition: Mapping[str, object]) -> str:
    """Number verdict on one printed number; not applicable outside the sources' setting."""
    if not evidence.is_source_setting:
        return "not applicable"
    return number_verdict(printed, evidence.values(metric, **condition))


#: Rank correlations from here on count as a relation, as in 002.10.
RELATED = 0.5


def every(outcomes: Sequence[bool | None]) -> bool | None:
    """Holds where all do, fails where one does, open otherwise."""
    if False in outcomes:
        return False
    return True if all(outcome is True for outcome in outcomes) else None


def part_points(name: str, interval: Interval, limit: float, decisive: bool = True) -> Part:
    """Holds when a difference of accuracies lies above the limit."""
    held = part_above("", interval, limit).holds
    return Part(name, held, f"{points(interval)} against {format_number(100 * limit)}", decisive)


def rows(e: Evidence, table: str, condition: Mapping[str, object], *metrics: str) -> pd.DataFrame:
    """Rows of one condition of a table, with the record of what was used; 5 seeds at least."""
    found = where(e.table(table, ["seed", *condition, *metrics]), condition)
    if found["seed"].nunique() < MIN_SEEDS:
        seeds = found["seed"].nunique()
        raise MissingEvidence(
            f"“{table}” with {describe(condition)}, at least {MIN_SEEDS} seeds (found {seeds})"
        )
    if "key" in found.columns:
        e.used.update(found["key"].astype(str))
    return found


def values(e: Evidence, table: str, metric: str, condition: Mapping[str, object]) -> pd.Series:
    """One measure of one condition, indexed by seed."""
    return by_seed(rows(e, table, condition, metric), metric, {})


def differences(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> pd.Series:
    """Paired differences a − b over shared seeds."""
    gap = (values(e, table, metric, a) - values(e, table, metric, b)).dropna()
    if len(gap) < MIN_SEEDS:
        raise MissingEvidence(
            f"{metric} in “{table}”, at least {MIN_SEEDS} seeds shared by {describe(a)} and "
            f"{describe(b)}"
        )
    return gap


def difference(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """Mean of the paired differences a − b with its interval."""
    return mean_interval(differences(e, table, metric, a, b))
