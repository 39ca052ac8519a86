"""The measurements that the rules judge, and the error that says which of them are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import pandas as pd

from infomax_lib.stats import Interval, by_seed, mean_interval, paired_differences, where

#: The settings of source 000 (SPEC "Source settings"); a rule names only what it changes.
SOURCE_SETTING: dict[str, object] = {
    "dataset": "mnist",
    "activation": "relu",
    "hidden_dim": 16,
    "lambda_wr": 0.0,
    "bias": True,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 128,
    "epochs": 100,
    "initial": "xavier",
    "objective": "infomax",
    "lambda_lse": 0.0,
    "temperature": 1.0,
    "group_size": 1,
}

#: Fields that came later: a table without such a column has the setting of the sources.
ADDED_FIELDS = ("objective", "lambda_lse", "temperature", "group_size")

#: Fewer seeds than this give no interval worth a verdict.
MIN_SEEDS = 5

#: Metrics are recorded at log-spaced epochs: the nearest within this ratio stands for an epoch.
EPOCH_RATIO = 1.1


class MissingEvidence(LookupError):
    """The runs, columns or tables that a rule needs are not in the evidence."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a chapter measured.

    Attributes:
        runs: The table returned by ``run``: one row per run (``key``, spec fields, metrics).
        history: The table returned by ``history``: one row per run and epoch.
        extra: Further tables by name, for rules that need more than runs ("baselines", ...).
        base: Fields in which the chapter's reference setting differs from :data:`SOURCE_SETTING`
            (its ``dataset`` and ``epochs``, when somebody changed the parameters).
        used: Keys of the runs that were looked at; :func:`paper.chapters.judge` starts a fresh
            set for every claim.
    """

    runs: pd.DataFrame
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    extra: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    base: Mapping[str, object] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _selected: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.base) - set(SOURCE_SETTING)
        if unknown:
            raise ValueError(
                f"base knows no field {sorted(unknown)}; allowed: {sorted(SOURCE_SETTING)}"
            )
        for table in ("runs", "history"):
            rows = getattr(self, table)
            absent = {n: SOURCE_SETTING[n] for n in ADDED_FIELDS if n not in rows.columns}
            if absent and not rows.empty:
                object.__setattr__(self, table, rows.assign(**absent))
        # Chapters concatenate tables that share runs: the same run must not count twice.
        if "key" in self.runs.columns:
            object.__setattr__(self, "runs", self.runs.drop_duplicates("key"))
        if {"key", "epoch"} <= set(self.history.columns):
            object.__setattr__(self, "history", self.history.drop_duplicates(["key", "epoch"]))

    @property
    def is_source_setting(self) -> bool:
        """Whether the reference setting is the sources' own, so that printed numbers apply."""
        return all(SOURCE_SETTING[name] == value for name, value in self.base.items())

    def tracked(self) -> Evidence:
        """The same evidence, and what was selected from it, with an empty record of used runs."""
        other = copy(self)  # its tables are in order already
        object.__setattr__(other, "used", set())
        return other

    def condition(self, **fields: object) -> dict[str, object]:
        """The full condition: source setting, then the chapter's base, then ``fields``."""
        return {**SOURCE_SETTING, **self.base, **fields}

    def select(self, min_seeds: int = MIN_SEEDS, /, **fields: object) -> pd.DataFrame:
        """Runs of one condition: the reference setting with ``fields`` changed.

        Raises:
            MissingEvidence: Fewer than ``min_seeds`` seeds of it were run; the message names the
                condition.
        """
        return self._rows(self.runs, "runs", min_seeds, fields)

    def values(self, metric: str, min_seeds: int = MIN_SEEDS, /, **fields: object) -> pd.Series:
        """One metric of one condition, indexed by seed."""
        rows = self.select(min_seeds, **fields)
        return by_seed(_with_column(rows, metric, fields), metric, {})

    def interval(self, metric: str, /, **fields: object) -> Interval:
        """Mean and 95 % interval over seeds of one metric of one condition."""
        return mean_interval(self.values(metric, **fields))

    def difference(self, metric: str, a: Mapping[str, object], b: Mapping[str, object]) -> Interval:
        """Paired difference a − b over shared seeds with its 95 % interval."""
        return mean_interval(self.differences(metric, a, b))

    def differences(
        self, metric: str, a: Mapping[str, object], b: Mapping[str, object]
    ) -> pd.Series:
        """The paired differences a − b themselves, indexed by seed."""
        need = f"at least {MIN_SEEDS} seeds shared by {describe(a)} and {describe(b)}"
        return paired(self.values(metric, **a), self.values(metric, **b), need, MIN_SEEDS)

    def at_epoch(
        self, metric: str, epoch: int, min_seeds: int = MIN_SEEDS, /, **fields: object
    ) -> pd.Series:
        """One metric at one epoch of one condition, indexed by seed.

        Metrics other than loss and TC are recorded at log-spaced epochs only: the nearest
        recorded epoch counts if it is within a factor of :data:`EPOCH_RATIO`.
        """
        along = self._along(metric, min_seeds, fields)
        ratio = {recorded: _ratio(recorded, epoch) for recorded in along}
        near = sorted((at for at in along if ratio[at] <= EPOCH_RATIO), key=ratio.__getitem__)
        values = along[near].bfill(axis=1).iloc[:, 0].dropna() if near else pd.Series(dtype=float)
        if len(values) < min_seeds:
            raise MissingEvidence(f"{metric} at epoch {epoch} of {describe(fields)}")
        return values

    def longest(self, **fields: object) -> int:
        """The largest ``epochs`` among the runs of a condition that leaves epochs open."""
        condition = self.condition(**fields)
        condition.pop("epochs")
        _require_columns(self.runs, condition, "runs")
        rows = self._where(self.runs, "runs", condition)
        if rows.empty:
            raise MissingEvidence(f"runs with {describe(fields)}")
        return int(rows["epochs"].max())

    def measured_epochs(self, metric: str, /, **fields: object) -> list[int]:
        """Epochs at which a metric was recorded for a condition, in order."""
        rows = self._rows(self.history, "histories", 1, fields)
        rows = _with_column(rows, metric, fields)
        return sorted(int(epoch) for epoch in rows[rows[metric].notna()]["epoch"].unique())

    def table(self, name: str, columns: Sequence[str] = ()) -> pd.DataFrame:
        """A further table by name, checked for the columns that a rule needs."""
        if name not in self.extra:
            raise MissingEvidence(f"the table “{name}”")
        table = self.extra[name]
        absent = [column for column in columns if column not in table.columns]
        if absent:
            raise MissingEvidence(f"column {', '.join(absent)} of the table “{name}”")
        return table

    def _along(self, metric: str, min_seeds: int, fields: Mapping[str, object]) -> pd.DataFrame:
        """One metric of one condition over time: a row for each seed, a column for each epoch."""
        rows = self._rows(self.history, "histories", min_seeds, fields)
        name = (f"{metric} along", repr(self.condition(**fields)))
        if name not in self._selected:
            rows = _with_column(rows, metric, fields)
            table = rows.pivot(index="seed", columns="epoch", values=metric).astype(float)
            self._selected[name] = table.dropna(axis="columns", how="all")
        return self._selected[name]

    def _where(
        self, table: pd.DataFrame, what: str, condition: Mapping[str, object]
    ) -> pd.DataFrame:
        # Rules look at the same condition many times, and a history is long.
        name = (what, repr(condition))
        if name not in self._selected:
            self._selected[name] = where(table, condition)
        return self._selected[name]

    def _rows(
        self, table: pd.DataFrame, what: str, min_seeds: int, fields: Mapping[str, object]
    ) -> pd.DataFrame:
        condition = self.condition(**fields)
        _require_columns(table, [*condition, "seed"], what)
        rows = self._where(table, what, condition)
        found = rows["seed"].nunique()
        if found < min_seeds:
            seeds = f"at least {min_seeds} seeds" if min_seeds > 1 else "one seed"
            raise MissingEvidence(
                f"{what} with {describe({**self.base, **fields})}, {seeds} (found {found})"
            )
        if "key" in rows.columns:
            self.used.update(map(str, rows["key"].unique()))  # once for each run of a history
        return rows


def _ratio(one: int, other: int) -> float:
    """The later of two epochs over the earlier; before training counts as half an epoch."""
    earlier, later = sorted((max(one, 0.5), max(other, 0.5)))
    return later / earlier


def paired(a: pd.Series, b: pd.Series, need: str, least: int) -> pd.Series:
    """a − b by seed; MissingEvidence that says what is needed below ``least`` shared seeds."""
    if len(a.index.intersection(b.index)) < least:
        raise MissingEvidence(need)
    return paired_differences(a, b)


def describe(fields: Mapping[str, object]) -> str:
    """``{"lambda_tc": 0.0, "bias": False}`` → ``lambda_tc=0, bias=False``."""
    return ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in fields.items()
    )


def _require_columns(table: pd.DataFrame, names: object, what: str) -> None:
    absent = [name for name in names if name not in table.columns]  # type: ignore[attr-defined]
    if absent:
        raise MissingEvidence(f"{what} with the column {', '.join(absent)}")


def _with_column(rows: pd.DataFrame, metric: str, fields: Mapping[str, object]) -> pd.DataFrame:
    absent = metric not in rows.columns
    # A diverged run was measured: its numbers are not finite, and that is the result.
    if not absent and rows[metric].isna().all():
        absent = "diverged_at" not in rows.columns or rows["diverged_at"].isna().any()
    if absent:
        raise MissingEvidence(f"the measure {metric} of {describe(fields)}")
    return rows
