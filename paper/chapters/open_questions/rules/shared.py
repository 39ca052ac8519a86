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
- ``similarities``: hidden_dim, level, epochs, seed and CKA of A's codes with B's;
- ``layerwise``: form, level, epoch, seed and a bound on a layer's information;
- ``auxiliary``: competition, lambda_ce, seed and measures;
- ``robustness``: configuration, seed, measures of dependence, probe_accuracy, and the shares of it
  that are left under noise (``noise_retained``) and without some units (``loss_retained``).

A statement about several widths, depths or targets is one part: the place closest to failing
decides (:func:`everywhere`).

The rules were fixed before the runs, and some were amended since: each says how, and why. Known
beforehand were the verdicts of first, smaller forms: 000.30 at K = 16 with identity and tanh,
000.31 at K = 64 with five seeds.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, mean_interval
from paper.judging.claims import Part, decided
from paper.judging.closest import of_all
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence
from paper.judging.shared_rules import difference, rows, values

REDUNDANCY = "weight_redundancy"
OVER_RANDOM = "redundancy_over_random"
CORRELATION = "output_correlation"
COFIRING = "cofiring_excess"
PROBE = "probe_accuracy"
PROBE_BEFORE = "probe_accuracy_pre"
UNTRAINED = "untrained_probe_accuracy"

#: Differences of redundancy up to this share of the reference count as none.
REDUNDANCY_MARGIN = 0.2
#: The same for output correlation.
CORRELATION_MARGIN = 0.1
#: At most this share of the units may be dead, and what matters about it.
DEAD = 0.05
DEAD_MATTERS = 0.01
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


def few_dead(name: str, e: Evidence, table: str, condition: Mapping[str, object]) -> Part:
    """Whether fewer than 5 % of the units are dead under one condition; it informs."""
    found = rows(e, table, condition, "dead_units", "hidden_dim")
    share = mean_interval(found["dead_units"] / found["hidden_dim"])
    return decided(name, Decision(share, "below", DEAD, DEAD_MATTERS), False, 100, "%")


def no_increase(name: str, change: Interval, margin: float, *, decisive: bool = True) -> Part:
    """Holds when a relative change lies below the margin; the opposite is an increase beyond it."""
    return decided(name, Decision(change, "below", margin, margin / 4, 0.0), decisive, 100, "%")


def own(letter: str, **fields: object) -> dict[str, object]:
    """Architecture A or B at the pressure that the sources give it."""
    return {**ARCHITECTURES[letter], **fields}


def everywhere(name: str, places: Sequence[Part], *, decisive: bool = True) -> Part:
    """What is said of several places as one part: the place closest to failing decides.

    The opposite holds only where it does at every place; one such place among others is a failure.
    """
    worst = of_all(places)
    return Part(
        name, worst.outcome, _listed(places, worst), decisive, worst.decision, tuple(places)
    )


def _listed(places: Sequence[Part], worst: Part) -> str:
    """Every place with its numbers; a bar that all share once, with what the worst one lacks."""
    split = [place.text.partition(" against ") for place in places]
    bars = {after.partition(" (")[0] for _, _, after in split}
    if bars == {""} or len(bars) > 1:
        return "; ".join(f"{place.name}: {place.text}" for place in places)
    numbers = "; ".join(f"{place.name}: {t[0]}" for place, t in zip(places, split, strict=True))
    return f"{numbers}; against {worst.text.partition(' against ')[2]}"
