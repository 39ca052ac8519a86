"""Conditions, floors and small tests that several rules use."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from infomax_lib.stats import (
    Interval,
    by_seed,
    format_number,
    image_error,
    mean_interval,
    where,
    with_images_drawn,
)
from paper.judging.claims import Part, decided
from paper.judging.decisions import Decision, Share, Side
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe

#: The λ_tc grid that three chapters share.
GRID = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

#: Of them, those of the long runs and of the multiverse (``sweeps/trajectories.yaml``).
LONG = (0.0, 1.0, 10.0, 100.0)

#: One percentage point of probe accuracy: smaller differences do not matter here.
POINT = 0.01

#: Half a point is the smallest difference of accuracies of interest: about the standard error of an
#: accuracy of 0.8 measured on 10 000 images.
HALF_POINT = 0.005

#: Test images of MNIST and of Fashion-MNIST, as in the reason for half a point.
TEST_IMAGES = 10_000

#: A measure is at rest when doubling the training changes it by less than this share.
AT_REST = 0.05

#: Outputs are called uncorrelated when Σ r² over ordered pairs is below this: for K = 16 a mean r²
#: of 0.002, above the 0.04 … 0.28 that the source calls independent and far below its 3.13.
UNCORRELATED = 0.5

#: Weights are called diverse when they are no more redundant than rows from the data's covariance.
DIVERSE = 1.0

#: Twice what chance gives: of the redundancy of isotropic rows, of the sampling floor of HSIC.
TWICE = 2.0

#: Units are called independent when, beyond the noise of counting, they fire together less than a
#: quarter more or less often than by chance.
INDEPENDENT = 0.25

#: Rank correlations from here on count as a relation, as in 002.10.
RELATED = 0.5


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


def longest_epochs(e: Evidence, condition: Mapping[str, object], least: int) -> int:
    """The longest training there is of a condition, which must reach ``least`` epochs."""
    epochs = e.longest(**condition)
    if epochs < least:
        raise MissingEvidence(f"runs of at least {least} epochs with {describe(condition)}")
    return epochs


def longest(e: Evidence, condition: Mapping[str, object], least: int) -> dict[str, object]:
    """The condition at the longest training there is, which must reach ``least`` epochs."""
    return {**condition, "epochs": longest_epochs(e, condition, least)}


def doubling(
    e: Evidence, metric: str, condition: Mapping[str, object]
) -> tuple[Interval, int, int]:
    """Relative change of a measure over the last doubling of training, and its two epochs."""
    recorded = e.measured_epochs(metric, **condition)
    end = recorded[-1]
    start = max(epoch for epoch in recorded if 2 * epoch <= end)
    first, last = (e.at_epoch(metric, epoch, **condition) for epoch in (start, end))
    return mean_interval((last / first - 1).dropna()), start, end


def part_independent(
    name: str, e: Evidence, condition: Mapping[str, object], *, decisive: bool = True
) -> Part:
    """Holds when units fire together about as often as by chance, on all test images."""
    decision = Decision(
        e.interval("joint_firing", **condition), "below", INDEPENDENT, INDEPENDENT / 2
    )
    part = decided(name, decision, decisive, scale=100, unit="% of chance")
    seen = 100 * e.interval("joint_firing_noise", **condition).mean
    return replace(part, text=f"{part.text}; counting hides {format_number(seen, 0)} %")


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


def error_of_images(*accuracies: pd.Series) -> float:
    """:func:`image_error` of accuracies that are compared, one value per seed each."""
    return image_error(*(float(each.mean()) for each in accuracies), images=TEST_IMAGES)


def on_new_images(gap: Interval, *accuracies: pd.Series) -> Interval:
    """A difference of accuracies over seeds, with test images taken as drawn as well.

    Args:
        gap: Its interval over seeds.
        accuracies: The accuracies that are compared, one value per seed each.
    """
    return with_images_drawn(gap, error_of_images(*accuracies))


def part_above(
    name: str,
    interval: Interval,
    bar: float,
    smallest: float,
    *,
    neutral: float | None = None,
    decisive: bool = True,
) -> Part:
    """Holds when the interval lies above the bar, see :class:`paper.judging.decisions.Decision`."""
    return decided(name, Decision(interval, "above", bar, smallest, neutral), decisive)


def part_below(
    name: str,
    interval: Interval,
    bar: float,
    smallest: float,
    *,
    neutral: float | None = None,
    decisive: bool = True,
) -> Part:
    """Holds when the interval lies below the bar, see :class:`paper.judging.decisions.Decision`."""
    return decided(name, Decision(interval, "below", bar, smallest, neutral), decisive)


def part_points(
    name: str, interval: Interval, bar: float, *, side: Side = "above", decisive: bool = True
) -> Part:
    """Holds when a difference of accuracies lies on that side of the bar; half a point matters.

    The opposite lies beyond no difference.
    """
    decision = Decision(interval, side, bar, HALF_POINT, 0.0)
    return decided(name, decision, decisive, scale=100, unit="points")


def part_similar(
    name: str, interval: Interval, margin: float, *, decisive: bool = True, as_points: bool = False
) -> Part:
    """Holds when a (relative) difference lies within ±margin; a quarter of it is narrow."""
    decision = Decision(interval, "within", margin, margin / 4)
    return decided(name, decision, decisive, scale=100, unit="points" if as_points else "%")


def part_different(name: str, interval: Interval, margin: float, *, decisive: bool = True) -> Part:
    """Holds when a (relative) difference lies beyond ±margin, in either direction."""
    return decided(name, Decision(interval, "beyond", margin, margin / 4), decisive, 100, "%")


def share_of_seeds(
    name: str, share: float, seeds: int, least: float, *, decisive: bool = True, text: str = ""
) -> Part:
    """Holds when at least ``least`` of the seeds do; the opposite when at most 1 − ``least`` do."""
    test = Share(round(share * seeds), seeds, least)
    shown = f"{test.true} of {seeds} seeds, against {least:.0%}" + (f", {text}" if text else "")
    return Part(name, test.outcome, shown, decisive, test)


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


def accuracy_difference(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """The same of accuracies, with test images taken as drawn as well."""
    each = [values(e, table, metric, condition) for condition in (a, b)]
    return on_new_images(difference(e, table, metric, a, b), *each)
