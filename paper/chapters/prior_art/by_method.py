"""Lookups in the tables of methods and seeds that the rules of the prior-art chapter read.

A method counts as measured where a measure is finite for at least 3 seeds. One that is in the
table with fewer failed: rules about every baseline leave it out and name it. One that is not in
the table at all is missing evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import Interval, where
from paper.chapters.prior_art.comparison import LABELS, REFERENCES, unsupervised_baselines
from paper.judging.evidence import Evidence, MissingEvidence, describe
from paper.judging.measured import MIN_SEEDS_PER_METHOD, Measured
from paper.methods.methods import METHODS

__all__ = [
    "BASELINES",
    "MIN_METHODS",
    "at_least",
    "at_most",
    "by_method",
    "names",
]

#: Fewer methods than this have no median and no rank correlation worth a verdict.
MIN_METHODS = 6
#: Every method that "better than prior art" has to hold against.
BASELINES = tuple(name for name in METHODS if name not in REFERENCES)

_ROUNDING = 1e-9  # shares of units and differences of accuracies meet their limits to within this


class ByMethod(Measured):
    """One measure of the methods of the comparison, paired by seed."""

    @property
    def baselines(self) -> list[str]:
        """Measured methods of prior art: neither InfoMax nor a reference."""
        return unsupervised_baselines(pd.DataFrame({"method": list(self.values.columns)}))

    @property
    def absent(self) -> list[str]:
        """Baselines that the table does not have."""
        return [m for m in BASELINES if m not in self.values.columns and m not in self.failed]

    def infomax(self) -> list[str]:
        """The measured configurations of this work.

        Raises:
            MissingEvidence: One of the three is not in the table, or all of them failed.
        """
        found = [m for m in INFOMAX if m in self.values.columns]
        lacking = [m for m in INFOMAX if m not in found and (m not in self.failed or not found)]
        if lacking:
            raise MissingEvidence(f"{self.name} of {names(lacking)}")
        return found

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


def at_least(interval: Interval, limit: float) -> bool | None:
    """Whether a measure is ``limit`` or more: None where its interval goes to both sides."""
    if interval.low >= limit - _ROUNDING:
        return True
    return False if interval.high < limit - _ROUNDING else None


def at_most(interval: Interval, limit: float) -> bool | None:
    """Whether a measure is ``limit`` or less: None where its interval goes to both sides."""
    return at_least(interval.scaled(-1), -limit)
