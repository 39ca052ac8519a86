"""Lookups in the tables of methods and seeds that the rules of the prior-art chapter read.

A method counts as measured where a measure is finite for at least 3 seeds. One that is in the
table with fewer failed: rules about every baseline leave it out and name it. One that is not in
the table at all is missing evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import Interval, mean_interval, where
from paper.chapters.prior_art.comparison import LABELS, REFERENCES, unsupervised_baselines
from paper.judging.evidence import Evidence, MissingEvidence, describe
from paper.methods.methods import METHODS

__all__ = [
    "BASELINES",
    "MIN_METHODS",
    "MIN_SEEDS",
    "Measured",
    "at_least",
    "at_most",
    "by_method",
    "differences",
    "names",
]

#: Fewer finite seeds than this, and a method counts as not measured.
MIN_SEEDS = 3
#: Fewer methods than this have no median and no rank correlation worth a verdict.
MIN_METHODS = 6
#: Every method that "better than prior art" has to hold against.
BASELINES = tuple(name for name in METHODS if name not in REFERENCES)

_ROUNDING = 1e-9  # shares of units and differences of accuracies meet their limits to within this


@dataclass(frozen=True)
class Measured:
    """One measure of several methods, paired by seed.

    Attributes:
        name: What was measured, for messages.
        values: Seeds in rows and methods in columns, those with at least `MIN_SEEDS` finite values.
        failed: Methods of the table that have fewer.
    """

    name: str
    values: pd.DataFrame
    failed: tuple[str, ...] = ()

    @classmethod
    def of_frame(cls, name: str, frame: pd.DataFrame) -> Measured:
        """Seeds × methods, methods without enough finite values set apart."""
        frame = frame.astype(float).replace([np.inf, -np.inf], np.nan)
        enough = frame.notna().sum() >= MIN_SEEDS
        failed = tuple(str(method) for method in frame.columns[~enough])
        return cls(name, frame.loc[:, enough], failed)

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
        return f" Left out, fewer than {MIN_SEEDS} finite seeds: {names(self.failed)}."

    def of(self, method: str) -> pd.Series:
        """Values of one method by seed; MissingEvidence if it was not measured."""
        if method not in self.values.columns:
            raise MissingEvidence(
                f"{self.name} of the method “{method}” over at least {MIN_SEEDS} seeds"
            )
        return self.values[method].dropna()

    def interval(self, method: str) -> Interval:
        """Mean over seeds of one method, with its 95 % interval."""
        return mean_interval(self.of(method))

    def difference(self, a: str, b: str) -> Interval:
        """Paired difference a − b over shared seeds."""
        what = f"{self.name} of {a} and {b}"
        return mean_interval(differences(self.of(a), self.of(b), what))

    def ratio(self, a: str, b: str) -> Interval:
        """Ratio a / b over shared seeds."""
        return mean_interval((self.of(a) / self.of(b)).dropna())

    def median(self, methods: Sequence[str]) -> pd.Series:
        """Median over methods by seed; every one of them has to be measured."""
        return pd.concat([self.of(method) for method in methods], axis=1).median(axis=1)

    def best(self, methods: Sequence[str]) -> str:
        """The method with the largest mean; of equals, the first.

        Raises:
            MissingEvidence: There is none to choose from.
        """
        if not methods:
            raise MissingEvidence(f"{self.name} of at least one baseline")
        return str(self.values[list(methods)].mean().idxmax())


def by_method(
    e: Evidence,
    table: str,
    metric: str,
    condition: Mapping[str, object] | None = None,
    column: str = "method",
) -> Measured:
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
    return Measured.of_frame(name, rows.pivot(index="seed", columns=column, values=metric))


def differences(a: pd.Series, b: pd.Series, what: str) -> pd.Series:
    """a − b over the seeds that both have; MissingEvidence if there are too few."""
    gap = (a - b).dropna()
    if len(gap) < MIN_SEEDS:
        raise MissingEvidence(f"{what} over at least {MIN_SEEDS} shared seeds")
    return gap


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
