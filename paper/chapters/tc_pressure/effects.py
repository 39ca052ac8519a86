"""What changing one setting does to each measure: better, worse, equal within a margin, or open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from infomax_lib.stats import (
    Interval,
    by_seed,
    holm,
    mean_interval,
    paired_differences,
    sign_flip_p,
    signed,
)
from paper.figures.style import label, name

#: Family-wise level of the verdicts of one table of effects.
LEVEL = 0.05


@dataclass(frozen=True)
class Measure:
    """A measure, which direction of it is better, and the least difference that matters.

    Attributes:
        column: Name of the column.
        better: ``"lower"`` or ``"higher"``.
        margin: In the unit of the measure, or a share of the baseline's mean if ``relative``.
        relative: See ``margin``.
    """

    column: str
    better: Literal["lower", "higher"]
    margin: float = 0.05
    relative: bool = True

    def __post_init__(self) -> None:
        if self.better not in ("lower", "higher"):
            raise ValueError(f'better is "lower" or "higher", got {self.better!r}')
        if not self.margin >= 0:
            raise ValueError(f"a margin is at least 0, got {self.margin!r}")


@dataclass(frozen=True)
class Effect:
    """What a setting does to one measure, paired over seeds against a baseline.

    ``p`` is the two-sided sign-flip p value after Holm's correction over the whole table;
    ``verdict`` is *better*, *worse*, *no difference* or *open*.
    """

    measure: Measure
    value: float
    baseline: Interval
    difference: Interval
    p: float
    verdict: str


def effects(
    table: pd.DataFrame,
    measures: Sequence[Measure],
    field: str,
    values: Iterable[float],
    baseline: float,
) -> list[Effect]:
    """Effect of each value of ``field`` on each measure, against ``field`` = ``baseline``.

    *Worse* (*better*) needs an adjusted p below 0.05 and an interval of the paired difference that
    lies beyond the margin on the worse (better) side; *no difference* an interval inside the
    margin; everything else is *open*. Two constant measures that are equal make no difference.

    Raises:
        ValueError: The table leaves another setting open, or two conditions share no seed.
    """
    drafts = []
    for measure in measures:
        at_baseline = by_seed(table, measure.column, {field: baseline})
        start = mean_interval(at_baseline)
        margin = measure.margin * (abs(start.mean) if measure.relative else 1.0)
        for value in values:
            at_value = by_seed(table, measure.column, {field: value})
            gaps = paired_differences(at_value, at_baseline)
            p = sign_flip_p(gaps)
            drafts.append((measure, float(value), start, mean_interval(gaps), margin, p))
    adjusted = holm([1.0 if pd.isna(draft[-1]) else draft[-1] for draft in drafts])
    return [
        Effect(measure, value, start, gap, float(p), _verdict(measure, gap, margin, p))
        for (measure, value, start, gap, margin, _), p in zip(drafts, adjusted, strict=True)
    ]


def _verdict(measure: Measure, gap: Interval, margin: float, p: float) -> str:
    if abs(gap.low) <= margin and abs(gap.high) <= margin:
        return "no difference"
    if p >= LEVEL or not (gap.low > margin or gap.high < -margin):
        return "open"
    return "better" if (gap.mean < 0) == (measure.better == "lower") else "worse"


def effects_grid(found: Sequence[Effect], field: str) -> pd.DataFrame:
    """Effects as text: one row per measure, one column per value of ``field``."""
    rows: dict[str, dict[str, str]] = {}
    for effect in found:
        column = effect.measure.column
        start = {"better": effect.measure.better, "baseline": str(effect.baseline)}
        row = rows.setdefault(column, {"measure": label(column)} | start)
        row[f"{field} = {name(effect.value)}"] = f"{effect.verdict}: {signed(effect.difference)}"
    return pd.DataFrame(list(rows.values()))
