"""One effect for each of findings 1 to 4, in every universe and for every form of its measure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from infomax_lib.stats import Interval, mean_interval, paired_differences
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import relu, softmax
from paper.judging.universes import FORMS, SGD_RATES, Universe

#: What was chosen in a universe, and in the form of its measure.
CHOICES = ("dataset", "units", "epochs", "pressure", "measure")


@dataclass(frozen=True)
class Finding:
    """A finding as one number: the effect that the source claims is positive.

    Attributes:
        title: What is asked.
        axis: What the effect is, with its unit.
        smallest: The smallest effect of interest, as in the rules on this finding.
        turned: What ``pressures`` are, in a sentence.
        pressures: λ_tc, or the learning rate of SGD, by the name shown.
        measures: Columns of a run, by the name shown.
        effect: (evidence, pressure, column) -> the effect by seed.
    """

    title: str
    axis: str
    smallest: float
    turned: str
    pressures: Mapping[str, float]
    measures: Mapping[str, str]
    effect: Callable[[Evidence, float, str], pd.Series]


def _log2_ratio(
    e: Evidence, column: str, a: Mapping[str, object], b: Mapping[str, object]
) -> pd.Series:
    over, under = (np.log2(e.values(column, **condition)) for condition in (a, b))
    return paired_differences(over, under)


def _over_chance(e: Evidence, pressure: float, column: str) -> pd.Series:
    return np.log2(e.values(column, **relu(pressure)))


def _kept_apart(e: Evidence, pressure: float, column: str) -> pd.Series:
    return _log2_ratio(e, column, relu(pressure), softmax(pressure))


def _raised(e: Evidence, pressure: float, column: str) -> pd.Series:
    return _log2_ratio(e, column, softmax(pressure), softmax(0))


def _less_needed(e: Evidence, rate: float, column: str) -> pd.Series:
    def lead(condition: dict[str, object]) -> pd.Series:
        sgd = {**condition, "optimizer": "sgd", "learning_rate": rate}
        return 100 * paired_differences(e.values(column, **condition), e.values(column, **sgd))

    return paired_differences(lead(relu(1)), lead(softmax(0)))


FINDINGS = {
    "bias_loophole": Finding(
        "Without competition, are rows more alike than chance?",
        "log₂ of redundancy over its null",
        math.log2(1.1),
        "the pressure",
        {"10": 10.0, "100": 100.0},
        {"rows from the data": "redundancy_over_data", "isotropic rows": "redundancy_over_random"},
        _over_chance,
    ),
    "implicit_regularization": Finding(
        "Does the softmax keep rows apart, at the same pressure?",
        "log₂ of A over B",
        math.log2(1 / 0.8),
        "the pressure",
        {"0": 0.0, "1": 1.0, "10": 10.0, "100": 100.0},
        {"redundancy": "weight_redundancy", "largest |cosine|": "max_abs_cosine"},
        _kept_apart,
    ),
    "tc_pressure": Finding(
        "Does pressure raise the dependence of softmax outputs?",
        "log₂ of dependence over that at λ_tc = 0",
        math.log2(1.1),
        "the pressure",
        {"1": 1.0, "10": 10.0, "100": 100.0},
        {"correlation": "output_correlation", "HSIC": "hsic"},
        _raised,
    ),
    "optimizer_comparison": Finding(
        "Does Adam lead SGD by more without the softmax?",
        "Adam's lead without it, less that with it (points)",
        0.5,
        "the learning rate",
        {f"SGD {rate:g}": rate for rate in SGD_RATES},
        {"code before it": "probe_accuracy_pre", "code after it": "probe_accuracy"},
        _less_needed,
    ),
}


def effects(finding: str, among: Iterable[Universe]) -> pd.DataFrame:
    """The effect of a finding in every universe: the choices, the seeds, and ``effect``.

    ``effect`` is an :class:`infomax_lib.stats.Interval` over the seeds whose runs did not diverge,
    and counts the others as dropped. What a universe did not measure is left out.
    """
    plain = next(iter(FORMS))
    asked = FINDINGS[finding]
    rows: list[dict[str, Any]] = []
    for universe in among:
        if universe.form != plain:
            continue
        for pressure, measure in itertools.product(asked.pressures, asked.measures):
            try:
                found = asked.effect(
                    universe.evidence, asked.pressures[pressure], asked.measures[measure]
                )
            except MissingEvidence:
                continue
            rows.append(
                {
                    "dataset": universe.dataset,
                    "units": str(universe.hidden_dim),
                    "epochs": str(universe.epochs),
                    "pressure": pressure,
                    "measure": measure,
                    "seeds": universe.seeds,
                    "effect": mean_interval(found),
                }
            )
    return pd.DataFrame(rows, columns=[*CHOICES, "seeds", "effect"])


def side(effect: Interval, smallest: float) -> str:
    """Where the whole interval lies: for the claim, against it, none of interest, or open."""
    if not math.isfinite(effect.mean):
        return "diverged"
    if effect.low > smallest:
        return "for"
    if effect.high < -smallest:
        return "against"
    return "none" if -smallest < effect.low and effect.high < smallest else "open"


def counts(finding: str, table: pd.DataFrame) -> pd.DataFrame:
    """How many universes of each dataset speak for, against, for no effect, or stay open."""
    smallest = FINDINGS[finding].smallest
    sides = table["effect"].map(lambda effect: side(effect, smallest))
    counted = pd.crosstab(table["dataset"], sides)
    heads = ("for", "none", "against", "open", "diverged")
    kept = [head for head in heads if head in counted.columns or head != "diverged"]
    return counted.reindex(columns=kept, fill_value=0).loc[list(dict.fromkeys(table["dataset"]))]
