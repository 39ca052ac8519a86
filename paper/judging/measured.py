"""One measure of several methods or settings, paired by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from infomax_lib.stats import Interval, mean_interval
from paper.judging.evidence import MissingEvidence, paired

#: Fewer finite seeds than this, and a method counts as not measured.
MIN_SEEDS_PER_METHOD = 3


@dataclass(frozen=True)
class Measured:
    """One measure of several methods, paired by seed.

    Attributes:
        name: What was measured, for messages.
        values: Seeds in rows and methods in columns, those with at least `MIN_SEEDS_PER_METHOD`
            finite values.
        failed: Methods of the table that have fewer.
    """

    name: str
    values: pd.DataFrame
    failed: tuple[str, ...] = ()

    @classmethod
    def of_frame(cls, name: str, frame: pd.DataFrame) -> Self:
        """Seeds × methods, methods without enough finite values set apart."""
        frame = frame.astype(float).replace([np.inf, -np.inf], np.nan)
        enough = frame.notna().sum() >= MIN_SEEDS_PER_METHOD
        failed = tuple(str(method) for method in frame.columns[~enough])
        return cls(name, frame.loc[:, enough], failed)

    def of(self, method: str) -> pd.Series:
        """Values of one method by seed; MissingEvidence if it was not measured."""
        if method not in self.values.columns:
            raise MissingEvidence(
                f"{self.name} of the method “{method}” over at least {MIN_SEEDS_PER_METHOD} seeds"
            )
        return self.values[method].dropna()

    def interval(self, method: str) -> Interval:
        """Mean over seeds of one method, with its 95 % interval."""
        return mean_interval(self.of(method))

    def difference(self, a: str, b: str) -> Interval:
        """Paired difference a − b over shared seeds."""
        return mean_interval(differences(self.of(a), self.of(b), f"{self.name} of {a} and {b}"))

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


def differences(a: pd.Series, b: pd.Series, what: str) -> pd.Series:
    """a − b over the seeds that both have; MissingEvidence if there are too few."""
    need = f"{what} over at least {MIN_SEEDS_PER_METHOD} shared seeds"
    return paired(a.dropna(), b.dropna(), need, MIN_SEEDS_PER_METHOD)
