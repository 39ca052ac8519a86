"""Rules for the sources' open questions (000.30–34, 001.21–25, 002.20–23).

A question is judged as the statement that it asks about. Each experiment has a table of its own
in ``Evidence.extra``, because they differ in length and width; :mod:`.tables`
makes them, and says which columns they have:

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

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from infomax_lib.stats import (
    Interval,
    format_number,
    mean_interval,
)
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    DEAD,
    NAMES,
    PROBE,
    A,
    B,
    relative,
)
from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import (
    POINT,
    differences,
    every,
    part_above,
    part_below,
    part_points,
    percent,
    points,
    rows,
)

# ------------------------------------------------------------------------- transfer and stacking


@claim(
    "000.32",
    place="Open question 3",
    statement="(Question) The features transfer: a linear probe on other tasks.",
    test="Layers trained on one data set, probe trained and tested on another: B against "
    "untrained weights, PCA fitted on the same source, and raw pixels.",
    rule="On every target B's probe is more than 1 point above untrained weights and not more than "
    "1 point below PCA of the same K; each pair of target and K is two parts. Raw pixels, and the "
    "same comparisons of A, are reported beside them.",
)
def transfer(e: Evidence) -> Finding:
    columns = ["method", "target", "hidden_dim", "seed", PROBE]
    table = e.table("transfer", columns)
    parts, beside = [], []
    for (target, k), members in table.groupby(["target", "hidden_dim"], sort=False):
        at = {"target": target, "hidden_dim": int(k)}
        for other, limit in (("untrained", POINT), ("pca", -POINT)):
            pair = ({"method": "infomax_softmax", **at}, {"method": other, **at})
            gap = mean_interval(differences(e, "transfer", PROBE, *pair))
            parts.append(part_points(f"{target}, K={k}, B − {other}", gap, limit))
        for other in ("untrained", "pca", "pixels"):
            present = set(members["method"])
            for method, name in (("infomax_softmax", "B"), ("infomax_relu", "A")):
                if {method, other} <= present and (name, other) not in (
                    ("B", "untrained"),
                    ("B", "pca"),
                ):
                    pair = ({"method": method, **at}, {"method": other, **at})
                    gap = mean_interval(differences(e, "transfer", PROBE, *pair))
                    beside.append(f"{target}, K={k}, {name} − {other}: {points(gap)}")
    if not parts:
        raise MissingEvidence("“transfer” with at least one target")
    intro = f"Not judged: {'; '.join(beside)}." if beside else ""
    return finding(parts, intro=intro)


def stack(competition: str, depth: int, training: str = "greedy") -> dict[str, object]:
    """One kind of stack."""
    return {"competition": competition, "training": training, "depth": depth}


def deeper(e: Evidence) -> list[int]:
    """Depths above one in the table of stacks."""
    depths = sorted({int(d) for d in e.table("stacks", ["depth"])["depth"]})
    if 1 not in depths or len(depths) < 2:
        raise MissingEvidence("“stacks” of one layer and of more")
    return [d for d in depths if d > 1]


def _at_depths(name: str, e: Evidence, difference: Callable[[int], Interval], limit: float) -> Part:
    """Holds when a difference of accuracies lies above the limit at every depth above one."""
    found = {d: difference(d) for d in deeper(e)}
    outcome = every([part_above("", gap, limit).holds for gap in found.values()])
    text = "; ".join(f"{d} layers: {points(gap)}" for d, gap in found.items())
    return Part(name, outcome, f"{text} against {format_number(100 * limit)}")


@claim(
    "000.33",
    place="Open question 4",
    statement="(Question) InfoMax-trained layers compose when stacked.",
    test="Stacks of two and three layers trained one after the other (greedily), against the same "
    "stacks untrained and trained end to end with the same objective; linear probe on the top "
    "layer, for A and B.",
    rule="For A (λ_tc = 1) and B (λ_tc = 0): (a) the greedy stack is more than 1 point above the "
    "random one; (b) it is not more than 1 point below the end-to-end one. A part holds if it does "
    "at every depth above one and fails if it fails at one.",
)
def stacking(e: Evidence) -> Finding:
    parts = []
    for c in (A, B):

        def against(other: str, c: str = c) -> Callable[[int], Interval]:
            return lambda d: mean_interval(
                differences(e, "stacks", PROBE, stack(c, d), stack(c, d, other))
            )

        parts.append(_at_depths(f"{NAMES[c]}, greedy − random", e, against("random"), POINT))
        parts.append(
            _at_depths(f"{NAMES[c]}, greedy − end to end", e, against("end_to_end"), -POINT)
        )
    return finding(parts)


@claim(
    "001.22",
    place="What remains 2",
    statement="(Question) A second InfoMax layer finds in the outputs of the first what it needs: "
    "InfoMax composes.",
    test="Greedy stacks: the measures of layers two and three beside those of layer one.",
    rule="For A and B, at every depth above one: (a) the probe is not more than 1 point below that "
    "of the layer before; (b) dead units are below 5 % of the layer; (c) output correlation is at "
    "most 10 % above that of layer one. A part fails if it fails at one depth.",
)
def layer_two(e: Evidence) -> Finding:
    parts = []
    for c in (A, B):

        def step(d: int, c: str = c) -> Interval:
            return mean_interval(differences(e, "stacks", PROBE, stack(c, d), stack(c, d - 1)))

        parts.append(_at_depths(f"{NAMES[c]}, probe, less the layer before", e, step, -POINT))
        dead, correlation = {}, {}
        for d in deeper(e):
            found = rows(e, "stacks", stack(c, d), "dead_units", "hidden_dim")
            dead[d] = mean_interval(found["dead_units"] / found["hidden_dim"])
            correlation[d] = relative(e, "stacks", CORRELATION, stack(c, d), stack(c, 1))
        for name, found, limit in (
            ("dead units", dead, DEAD),
            ("output correlation, change from layer one", correlation, CORRELATION_MARGIN),
        ):
            outcome = every([part_below("", i, limit).holds for i in found.values()])
            text = "; ".join(f"{d} layers: {percent(i)}" for d, i in found.items())
            parts.append(Part(f"{NAMES[c]}, {name}", outcome, text))
    return finding(parts)


@claim(
    "002.23",
    place="Open question: how does InfoMax interact with depth?",
    statement="(Question) Depth composes sensibly: independent features of independent features "
    "are better features.",
    test="Greedy stacks of two and three layers against one layer, with random stacks as control.",
    rule="For A and B: (a) at every depth above one the probe is more than 1 point above that of "
    "one layer; (b) depth costs less than without training: the change from one layer is more "
    "than 1 point above the same change of random stacks. A part fails if it fails at one depth.",
)
def depth(e: Evidence) -> Finding:
    parts = []
    for c in (A, B):

        def change(d: int, training: str, c: str = c) -> pd.Series:
            return differences(e, "stacks", PROBE, stack(c, d, training), stack(c, 1, training))

        def deep(d: int, change: Callable[[int, str], pd.Series] = change) -> Interval:
            return mean_interval(change(d, "greedy"))

        def more(d: int, change: Callable[[int, str], pd.Series] = change) -> Interval:
            return mean_interval((change(d, "greedy") - change(d, "random")).dropna())

        parts.append(_at_depths(f"{NAMES[c]}, above one layer", e, deep, POINT))
        parts.append(_at_depths(f"{NAMES[c]}, change less that of random stacks", e, more, POINT))
    return finding(parts)
