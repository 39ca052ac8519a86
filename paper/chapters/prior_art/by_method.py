"""Lookups in the tables of methods and seeds that the rules of the prior-art chapter read.

A method counts as measured where a measure is finite for at least 3 seeds. One that is in the
table with fewer failed: rules about every baseline leave it out and name it. One that is not in
the table at all is missing evidence.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import Interval, mean_interval, where
from paper.chapters.prior_art.comparison import (
    BASELINES,
    EQUALS,
    LABELS,
    ON_VIEWS,
    OWN,
    REFERENCES,
    equals,
)
from paper.judging.claims import Part
from paper.judging.evidence import Evidence, MissingEvidence, describe
from paper.judging.measured import MIN_SEEDS_PER_METHOD, Measured, differences
from paper.judging.shared_rules import UNCORRELATED, on_new_images, part_above

A, B, B_BEFORE = "infomax_relu", "infomax_softmax", "infomax_softmax_before"

#: Fewer methods than this have no median and no rank correlation worth a verdict.
MIN_METHODS = 6

#: Shares of units and differences of accuracies meet their limits to within this.
ROUNDING = 1e-9

_SOURCE_WIDTH = 16


class ByMethod(Measured):
    """One measure of the methods of the comparison, paired by seed."""

    @property
    def baselines(self) -> list[str]:
        """Measured methods of prior art: neither InfoMax nor a reference."""
        return [m for m in self.values.columns if m not in (*REFERENCES, *OWN)]

    @property
    def on_views(self) -> list[str]:
        """The measured configurations of this work that were trained on views."""
        return [m for m in EQUALS if m in ON_VIEWS and m in self.values.columns]

    def rivals(self, method: str) -> list[str]:
        """Measured baselines, the method itself left out, that were trained on what it saw."""
        return [rival for rival in equals(method, self.baselines) if rival != method]

    def accuracy_gap(self, a: str, b: str) -> Interval:
        """Paired difference a − b of accuracies, with test images taken as drawn as well."""
        return on_new_images(self.difference(a, b), self.of(a), self.of(b))

    @property
    def absent(self) -> list[str]:
        """Baselines that the table does not have."""
        return [m for m in BASELINES if m not in self.values.columns and m not in self.failed]

    def infomax(self) -> list[str]:
        """The measured configurations of this work on the images as they are.

        Raises:
            MissingEvidence: A, B or the one with LSE is not in the table, or all three failed.
        """
        found = [m for m in INFOMAX if m in self.values.columns]
        lacking = [m for m in INFOMAX if m not in found and (m not in self.failed or not found)]
        if lacking:
            raise MissingEvidence(f"{self.name} of {names(lacking)}")
        return found + [m for m in EQUALS if m not in ON_VIEWS and m in self.values.columns]

    def needs_every_baseline(self) -> None:
        """MissingEvidence that names the baselines which the table lacks, if it lacks one."""
        if self.absent:
            raise MissingEvidence(f"{self.name} of every baseline (lacks {names(self.absent)})")

    def left_out(self) -> str:
        """The sentence that names methods which failed, with a space before it, or nothing."""
        if not self.failed:
            return ""
        return f" Left out, fewer than {MIN_SEEDS_PER_METHOD} finite seeds: {names(self.failed)}."


def by_method(
    e: Evidence,
    table: str,
    metric: str,
    condition: Mapping[str, object] | None = None,
    column: str = "method",
) -> ByMethod:
    """One measure of a table in long form, of the rows that fulfil the condition.

    Args:
        e: The evidence with the table in ``extra``.
        table: Its name.
        metric: The column of the measure.
        condition: Values of further columns.
        column: Which column names the methods.

    Raises:
        MissingEvidence: No such table or column.
        ValueError: Two rows of one method and seed, which cannot be paired.
    """
    condition = condition or {}
    rows = where(e.table(table, [column, "seed", metric, *condition]), condition)
    twice = rows[rows.duplicated([column, "seed"])]
    if len(twice):
        method, seed = twice.iloc[0][[column, "seed"]]
        raise ValueError(
            f"the table {table!r} has two rows of {method!r} for seed {seed}: give one row per "
            "method and seed under each condition"
        )
    name = f"{metric} in “{table}”" + (f" with {describe(condition)}" if condition else "")
    return ByMethod.of_frame(name, rows.pivot(index="seed", columns=column, values=metric))


def names(methods: Iterable[str]) -> str:
    """Methods as readers know them, with commas between."""
    return ", ".join(LABELS.get(method, method) for method in methods)


def baseline(e: Evidence, metric: str) -> ByMethod:
    """One measure of the table of baselines."""
    return by_method(e, "baselines", metric)


def one_fit(e: Evidence, table: str, metric: str) -> ByMethod:
    """One measure of the fits of the first seed, one for each method."""
    rows = e.table(table, ["method", "seed", metric])
    rows = rows[rows["seed"] == rows["seed"].min()].dropna(subset=[metric])
    frame = rows.pivot(index="seed", columns="method", values=metric).astype(float)
    return ByMethod(f"{metric} in “{table}”", frame)


def negligible_correlation(e: Evidence) -> float:
    """Σ r² below which outputs of this width count as uncorrelated: 0.5 for 16 units, per pair."""
    width = int(e.table("baselines", ["hidden_dim"])["hidden_dim"].iloc[0])
    return UNCORRELATED * width * (width - 1) / (_SOURCE_WIDTH * (_SOURCE_WIDTH - 1))


def part_of_gap(e: Evidence, metric: str, a: str, b: str, *, decisive: bool = True) -> Part:
    """Holds when method a lies above method b in output correlation or in redundancy of weights.

    The smallest difference of interest is :func:`negligible_correlation` of the first, and the
    redundancy of one set of random weights of the second (``redundancy_over_random``).
    """
    name = f"{metric.replace('_', ' ')}, {names([a])} − {names([b])}"
    smallest = negligible_correlation(e) if metric == "output_correlation" else 1.0
    gap = baseline(e, metric).difference(a, b)
    return part_above(name, gap, 0, smallest, neutral=0, decisive=decisive)


def informing(parts: Iterable[Part]) -> list[Part]:
    """The same parts, on which the verdict does not rest."""
    return [replace(part, decisive=False) for part in parts]


def against_median(measure: ByMethod, method: str) -> Interval:
    """A method less the median of the baselines that saw the same images, paired by seed.

    Raises:
        MissingEvidence: Too few baselines for a median.
    """
    rivals = measure.rivals(method)
    if len(rivals) < MIN_METHODS:
        raise MissingEvidence(f"{measure.name} of at least {MIN_METHODS} baselines")
    return mean_interval(differences(measure.of(method), measure.median(rivals), measure.name))


def cost_step(flops: ByMethod, dear: Sequence[str], cheap: Sequence[str]) -> Interval:
    """Median FLOPs of some methods over those of others, paired by seed."""
    return mean_interval((flops.median(dear) / flops.median(cheap)).dropna())


def over_methods(first: ByMethod, second: ByMethod, without: Collection[str] = ()) -> pd.DataFrame:
    """Means over seeds of two measures (columns 0 and 1), of the methods that have both.

    The supervised ceiling, which reads labels, is left out, as are `EQUALS`, which would count this
    work twice, and those in ``without``.

    Raises:
        MissingEvidence: Too few methods for a rank correlation.
    """
    means = pd.concat([first.values.mean(), second.values.mean()], axis=1)
    pairs = means.drop(index=["supervised", *EQUALS, *without], errors="ignore").dropna()
    if len(pairs) < MIN_METHODS:
        raise MissingEvidence(
            f"{first.name} and {second.name} of at least {MIN_METHODS} methods with "
            f"{MIN_SEEDS_PER_METHOD} seeds (found {len(pairs)})"
        )
    return pairs
