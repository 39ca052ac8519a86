"""What the rules of the open questions share: names of measures, margins, readings of tables.

A question is judged as the statement that it asks about. Each experiment has a table of its own
in ``Evidence.extra``, because they differ in length and width;
:mod:`paper.chapters.open_questions.experiment` makes them:

- ``activations``, ``scale``, ``hyperplanes``, ``competitions``, ``objectives``: runs, one row per
  run, with ``untrained_probe_accuracy`` (the same layer before its first step) where a rule asks
  for it;
- ``transfer``: method, hidden_dim, target, seed, probe_accuracy;
- ``stacks``: competition, training (greedy, random, end_to_end), depth, seed and measures of the
  top layer;
- ``auxiliary``: competition, lambda_ce, seed and measures;
- ``robustness``: configuration, seed, measures of dependence, probe_accuracy, and the shares of it
  that are left under noise (``noise_retained``) and without some units (``loss_retained``).

The rules were fixed before the runs. Known beforehand were the verdicts of first, smaller forms:
000.30 at K = 16 with identity and tanh, 000.31 at K = 64 with five seeds.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, mean_interval
from paper.judging.claims import Part, inside
from paper.judging.evidence import Evidence
from paper.judging.shared_rules import difference, every, rows, values

REDUNDANCY = "weight_redundancy"
OVER_RANDOM = "redundancy_over_random"
CORRELATION = "output_correlation"
PROBE = "probe_accuracy"
PROBE_BEFORE = "probe_accuracy_pre"
UNTRAINED = "untrained_probe_accuracy"

#: Differences of redundancy up to this share of the reference count as none.
REDUNDANCY_MARGIN = 0.2
#: The same for output correlation.
CORRELATION_MARGIN = 0.1
#: At most this share of the units may be dead.
DEAD = 0.05
#: Family-wise level of Holm's correction, one family per measure.
LEVEL = 0.05


def relative(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """Paired difference a − b over the absolute mean of b."""
    scale = abs(values(e, table, metric, b).mean())
    return difference(e, table, metric, a, b).scaled(1 / scale if scale else float("nan"))


def excess(
    e: Evidence, table: str, condition: Mapping[str, object], metric: str, base: str
) -> pd.Series:
    """One measure less another one of the same run, per seed."""
    found = rows(e, table, condition, metric, base)
    return pd.Series((found[metric] - found[base]).to_numpy(float), index=found["seed"])


def gain(e: Evidence, table: str, condition: Mapping[str, object]) -> pd.Series:
    """Probe accuracy on the outputs above that of the same layer before its first step."""
    return excess(e, table, condition, PROBE, UNTRAINED)


def beyond(interval: Interval, limit: float) -> bool | None:
    """Whether a difference is larger than ±limit: None when its interval crosses a limit."""
    within = inside(interval, -limit, limit)
    if within is True:
        return False
    return True if interval.low > limit or interval.high < -limit else None


def dead_share(e: Evidence, table: str, condition: Mapping[str, object]) -> Interval:
    """Share of dead units under one condition."""
    found = rows(e, table, condition, "dead_units", "hidden_dim")
    return mean_interval(found["dead_units"] / found["hidden_dim"])


def own(letter: str, **fields: object) -> dict[str, object]:
    """Architecture A or B at the pressure that the sources give it."""
    return {**ARCHITECTURES[letter], **fields}


def everywhere(name: str, places: Sequence[Part], after: str = "") -> Part:
    """What is tested at several places: holds where all parts do, fails where one does."""
    text = "; ".join(f"{place.name}: {place.text}" for place in places)
    return Part(name, every([place.holds for place in places]), text + after)
