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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import (
    Interval,
    by_seed,
    format_number,
    holm,
    mean_interval,
    rank_correlation,
    sign_flip_p,
    where,
)
from paper.judging.claims import Finding, Part, claim, finding, inside
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    DIVERSE,
    POINT,
    RELATED,
    every,
    part_above,
    part_below,
    part_points,
    percent,
    points,
)

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
#: "Good enough": this share of the removable dependence is removed.
GOOD_ENOUGH = 0.8
#: Fewer configurations than this give no rank correlation worth a verdict.
MIN_CONFIGURATIONS = 8
#: Family-wise level of Holm's correction, one family per measure.
LEVEL = 0.05

A, B = "none", "softmax"
NAMES = {A: "A", B: "B"}
#: The sources' own pressure for each architecture.
OWN_TC = {A: 1.0, B: 0.0}


# ------------------------------------------------------------------------------ looking things up


def rows(e: Evidence, table: str, condition: Mapping[str, object], *metrics: str) -> pd.DataFrame:
    """Rows of one condition of a table, with the record of what was used; 5 seeds at least."""
    found = where(e.table(table, ["seed", *condition, *metrics]), condition)
    if found["seed"].nunique() < MIN_SEEDS:
        seeds = found["seed"].nunique()
        raise MissingEvidence(
            f"“{table}” with {describe(condition)}, at least {MIN_SEEDS} seeds (found {seeds})"
        )
    if "key" in found.columns:
        e.used.update(found["key"].astype(str))
    return found


def values(e: Evidence, table: str, metric: str, condition: Mapping[str, object]) -> pd.Series:
    """One measure of one condition, indexed by seed."""
    return by_seed(rows(e, table, condition, metric), metric, {})


def differences(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> pd.Series:
    """Paired differences a − b over shared seeds."""
    gap = (values(e, table, metric, a) - values(e, table, metric, b)).dropna()
    if len(gap) < MIN_SEEDS:
        raise MissingEvidence(
            f"{metric} in “{table}”, at least {MIN_SEEDS} seeds shared by {describe(a)} and "
            f"{describe(b)}"
        )
    return gap


def relative(
    e: Evidence, table: str, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """Paired difference a − b over the absolute mean of b."""
    gap = mean_interval(differences(e, table, metric, a, b))
    scale = abs(values(e, table, metric, b).mean())
    return gap.scaled(1 / scale if scale else float("nan"))


def gain(e: Evidence, table: str, condition: Mapping[str, object]) -> pd.Series:
    """Probe accuracy on the outputs above that of the same layer before its first step."""
    found = rows(e, table, condition, PROBE, UNTRAINED)
    difference = (found[PROBE] - found[UNTRAINED]).astype(float)
    return pd.Series(difference.to_numpy(), index=found["seed"])


def beyond(interval: Interval, limit: float) -> bool | None:
    """Whether a difference is larger than ±limit: None when its interval crosses a limit."""
    within = inside(interval, -limit, limit)
    if within is True:
        return False
    return True if interval.low > limit or interval.high < -limit else None


def judged_widths(e: Evidence, table: str, condition: Mapping[str, object]) -> list[int]:
    """Widths K that were run with enough seeds, ascending."""
    found = where(e.table(table, ["hidden_dim", "seed", *condition]), condition)
    seeds = found.groupby("hidden_dim")["seed"].nunique()
    widths = [int(k) for k in seeds[seeds >= MIN_SEEDS].index]
    if not widths:
        raise MissingEvidence(f"“{table}” with {describe(condition)}, at least {MIN_SEEDS} seeds")
    return sorted(widths)


def wider_than_16(e: Evidence, condition: Mapping[str, object]) -> list[int]:
    """Widths above the sources' own that can be judged beside it."""
    widths = judged_widths(e, "scale", condition)
    wide = [k for k in widths if k > 16]
    if 16 not in widths or not wide:
        raise MissingEvidence(f"“scale” at K=16 and a larger K with {describe(condition)}")
    return wide


def own(competition: str, **fields: object) -> dict[str, object]:
    """Architecture A or B at the pressure that the sources give it."""
    return {"competition": competition, "lambda_tc": OWN_TC[competition], **fields}


# ------------------------------------------------------------------------- activation and scale


@dataclass(frozen=True)
class Comparison:
    """One activation against ReLU at one width: difference, its margin, adjusted p."""

    activation: str
    hidden_dim: int
    difference: Interval
    margin: float
    p: float

    @property
    def beyond(self) -> bool | None:
        """True beyond the margin and significant, False inside it, None otherwise."""
        outcome = beyond(self.difference, self.margin)
        return None if outcome and self.p >= LEVEL else outcome


def against_relu(e: Evidence, metric: str) -> list[Comparison]:
    """Every activation against ReLU at every width, paired, Holm over the family of the measure."""
    table = e.table("activations", ["activation", "hidden_dim", "seed", metric])
    widths = sorted(table["hidden_dim"].unique())
    others = [a for a in dict.fromkeys(table["activation"]) if a != "relu"]
    if not others:
        raise MissingEvidence("“activations” with an activation besides ReLU")
    drafts = []
    for activation in others:
        for k in widths:
            one, relu = ({"activation": a, "hidden_dim": int(k)} for a in (activation, "relu"))
            gap = differences(e, "activations", metric, one, relu)
            reference = values(e, "activations", metric, relu).mean()
            margin = {
                PROBE: POINT,
                PROBE_BEFORE: POINT,
                "dead_units": DEAD * k,
                CORRELATION: CORRELATION_MARGIN * abs(reference),
            }.get(metric, REDUNDANCY_MARGIN * abs(reference))
            drafts.append((activation, int(k), mean_interval(gap), margin, sign_flip_p(gap)))
    adjusted = holm([draft[-1] for draft in drafts])
    return [Comparison(*draft[:-1], float(p)) for draft, p in zip(drafts, adjusted, strict=True)]


def matters(comparisons: Sequence[Comparison]) -> tuple[bool | None, list[str]]:
    """Whether some activation differs from ReLU on a measure, and which ones do.

    True if one differs in the same direction at two widths or more (at the only one, if there is
    one); False if every difference lies inside its margin; None otherwise.
    """
    widths = {c.hidden_dim for c in comparisons}
    least = min(2, len(widths))
    named = []
    for activation in dict.fromkeys(c.activation for c in comparisons):
        for sign, word in ((1, "more"), (-1, "less")):
            at = [
                c.hidden_dim
                for c in comparisons
                if c.activation == activation and c.beyond and c.difference.mean * sign > 0
            ]
            if len(at) >= least:
                named.append(f"{activation} {word} at K={', '.join(map(str, at))}")
    if named:
        return True, named
    return (False if all(c.beyond is False for c in comparisons) else None), []


@claim(
    "000.30",
    place="Open question 1; next experiment",
    statement="(Question) The activation before the softmax matters for weight redundancy or "
    "feature quality.",
    test="The announced sweep in full: six activations, K = 16, 32, 64, ten seeds, softmax at "
    "λ_tc = 0; each activation against ReLU at the same K, paired over seeds.",
    rule="An activation differs from ReLU at one K if the whole interval lies beyond the limit "
    "(20 % of ReLU's redundancy; 1 point of probe accuracy on the outputs) and the sign-flip "
    "test, Holm-corrected over all activations and widths of the measure, is below 0.05. A "
    "measure is affected if some activation differs in the same direction at two widths or more, "
    "unaffected if all intervals lie within the limits. Supported if redundancy or the probe is "
    "affected, refuted if both are unaffected, inconclusive otherwise. Output correlation (10 %), "
    "dead units (5 % of K) and the probe before the softmax (1 point) are reported beside them.",
)
def activation_matters(e: Evidence) -> Finding:
    outcomes, texts = [], []
    for metric, label, decides in (
        (REDUNDANCY, "redundancy", True),
        (PROBE, "probe", True),
        (CORRELATION, "output correlation", False),
        ("dead_units", "dead units", False),
        (PROBE_BEFORE, "probe before softmax", False),
    ):
        outcome, named = matters(against_relu(e, metric))
        if decides:
            outcomes.append(outcome)
        word = {True: "affected", False: "not affected", None: "open"}[outcome]
        texts.append(f"{label}: {word}" + (f" ({'; '.join(named)})" if named else ""))
    verdict = "supported" if True in outcomes else "inconclusive"
    if all(outcome is False for outcome in outcomes):
        verdict = "refuted"
    return Finding(verdict, f"Against ReLU — {'. '.join(texts)}.")


@claim(
    "000.31",
    place="Open question 2",
    statement="(Question) The findings at K = 16 carry over to wider layers.",
    test="B at λ_tc = 0 and A at λ_tc = 1, as in the source, with K = 16, 64 and 256, equally "
    "long.",
    rule="At every K > 16 with at least 5 seeds: (a) under softmax dead units below 5 % of K; (b) "
    "output correlation within 10 % of the floor K/(K−1); (c) redundancy over random within a "
    "factor 2 of that at K = 16; (d) the sign of B minus A in redundancy over random is the one "
    "at K = 16; (e) the probe of B is above that of the same layer untrained by more than 1 "
    "point, as at K = 16, or at neither. A part holds if it does at every such K and fails if it "
    "fails at one.",
)
def scales(e: Evidence) -> Finding:
    wide = wider_than_16(e, own(B))

    def at(k: int) -> list[Part]:
        soft, relu = own(B, hidden_dim=k), own(A, hidden_dim=k)
        narrow_soft, narrow_relu = own(B, hidden_dim=16), own(A, hidden_dim=16)
        small = values(e, "scale", OVER_RANDOM, narrow_soft).mean()
        large = mean_interval(values(e, "scale", OVER_RANDOM, soft) / small)
        floor = simplex_floor(k)
        signs = [
            mean_interval(differences(e, "scale", OVER_RANDOM, *pair))
            for pair in ((narrow_soft, narrow_relu), (soft, relu))
        ]
        sure = all(i.low > 0 or i.high < 0 for i in signs)
        same = (signs[0].mean > 0) == (signs[1].mean > 0) if sure else None
        gains = [mean_interval(gain(e, "scale", c)) for c in (narrow_soft, soft)]
        sides = [part_above("", i, POINT).holds for i in gains]
        alike = None if None in sides else sides[0] == sides[1]
        dead = mean_interval(values(e, "scale", "dead_units", soft) / k)
        correlation = mean_interval(values(e, "scale", CORRELATION, soft) / floor)
        return [
            Part("(a) dead units", part_below("", dead, DEAD).holds, percent(dead)),
            Part(
                "(b) correlation over floor",
                part_below("", correlation, 1.1).holds,
                f"{correlation}",
            ),
            Part("(c) redundancy over random, relative to K=16", inside(large, 0.5, 2), f"{large}"),
            Part("(d) same sign of B − A", same, f"{signs[0]} and {signs[1]}"),
            Part("(e) probe above untrained as at K=16", alike, " and ".join(map(points, gains))),
        ]

    return finding(_over_widths({k: at(k) for k in wide}))


def _over_widths(by_width: Mapping[int, Sequence[Part]]) -> list[Part]:
    """One part of each name, from the parts of every width."""
    joined = []
    for same in zip(*by_width.values(), strict=True):
        text = "; ".join(f"K={k}: {p.text}" for k, p in zip(by_width, same, strict=True))
        joined.append(Part(same[0].name, every([p.holds for p in same]), text, same[0].decisive))
    return joined


@claim(
    "002.20",
    place="Open question: does InfoMax scale?",
    statement="(Question) InfoMax scales: wider layers learn better features, and training keeps "
    "paying.",
    test="A at λ_tc = 1 and B at λ_tc = 0 with K = 16, 64 and 256: probe accuracy on the outputs, "
    "against the same layers untrained and against the next smaller K. One layer on small images; "
    "scale in data and depth is not tested here.",
    rule="For A and for B: (a) at every K > 16 with at least 5 seeds the probe lies more than 1 "
    "point above the untrained layer; (b) each step to the next such K raises it by more than 1 "
    "point. A part holds if it does at every K and fails if it fails at one.",
)
def infomax_scales(e: Evidence) -> Finding:
    parts = []
    for competition in (A, B):
        widths = [16, *wider_than_16(e, own(competition))]
        gains = []
        for k in widths[1:]:
            above_start = mean_interval(gain(e, "scale", own(competition, hidden_dim=k)))
            gains.append(part_points(f"K={k}", above_start, POINT))
        steps = []
        for small, large in pairwise(widths):
            pair = (own(competition, hidden_dim=large), own(competition, hidden_dim=small))
            step = mean_interval(differences(e, "scale", PROBE, *pair))
            steps.append(part_points(f"K={small} to {large}", step, POINT))
        for name, group in (("above untrained", gains), ("each step pays", steps)):
            text = "; ".join(f"{p.name}: {p.text}" for p in group)
            label = f"{NAMES[competition]}, {name}"
            parts.append(Part(label, every([p.holds for p in group]), text))
    return finding(parts)


@claim(
    "002.22",
    place="Open question: does EM structure matter at scale?",
    statement="(Question) EM structure still matters at scale; features do not become alike with "
    "enough units.",
    test="B against A at the same λ_tc = 0 for K = 16 up to the largest K with at least 5 seeds, "
    "paired. Scale in units only, not in data or depth.",
    rule="At the largest K: (a) redundancy differs by more than 20 % of A's; (b) the probe before "
    "the competition differs by more than 1 point; (c) no convergence: the relative difference in "
    "redundancy is more than half as large as at K = 16; (d) the same for the difference of "
    "probes, in points. (a) and (b) are decisive.",
)
def structure_at_scale(e: Evidence) -> Finding:
    def pair(k: int) -> tuple[dict[str, object], dict[str, object]]:
        same = {"lambda_tc": 0.0, "hidden_dim": k}
        return {"competition": B, **same}, {"competition": A, **same}

    k = wider_than_16(e, {"competition": A, "lambda_tc": 0.0})[-1]
    redundancy = {n: relative(e, "scale", REDUNDANCY, *pair(n)) for n in (16, k)}
    probe = {n: mean_interval(differences(e, "scale", PROBE_BEFORE, *pair(n))) for n in (16, k)}

    def stays(name: str, found: Mapping[int, Interval], show: Callable[[Interval], str]) -> Part:
        size = abs(found[16].mean)
        outcome = beyond(found[k], size / 2)
        return Part(name, outcome, f"{show(found[16])} at K=16, {show(found[k])}", decisive=False)

    return finding(
        [
            Part(
                "(a) redundancy differs",
                beyond(redundancy[k], REDUNDANCY_MARGIN),
                percent(redundancy[k]),
            ),
            Part("(b) probe differs", beyond(probe[k], POINT), points(probe[k])),
            stays("(c) redundancy does not converge", redundancy, percent),
            stays("(d) probe does not converge", probe, points),
        ],
        intro=f"B − A at λ_tc=0 and K={k}.",
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


# ------------------------------------------------------------------ mechanisms and objectives

#: The mechanisms that source 000 names, as they are called in the table of competitions.
NAMED_MECHANISMS = ("sparsemax", "group_softmax of 4", "group_softmax of 8")


def other_mechanisms(e: Evidence) -> list[str]:
    """Mechanisms besides none and the softmax at any temperature, in the order of the table."""
    table = e.table("competitions", ["competition", "mechanism"])
    others = table[~table["competition"].isin([A, B])]
    if others.empty:
        raise MissingEvidence("“competitions” with a mechanism besides the softmax")
    return list(dict.fromkeys(others["mechanism"]))


def mechanism(name: str, lambda_tc: float) -> dict[str, object]:
    """One mechanism at one pressure."""
    return {"mechanism": name, "lambda_tc": lambda_tc}


def _dead_share(e: Evidence, condition: Mapping[str, object]) -> Interval:
    found = rows(e, "competitions", condition, "dead_units", "hidden_dim")
    return mean_interval(found["dead_units"] / found["hidden_dim"])


@claim(
    "000.34",
    place="Open question 5",
    statement="(Question) Other competition mechanisms (sparsemax, group softmax) do the same.",
    test="The same objective at λ_tc = 0 under other competitions, K = 16, against no competition "
    "and against the softmax, paired over seeds.",
    rule="A mechanism does the same if (a) it changes redundancy against no competition in the "
    "direction in which the softmax does (sign-flip tests, Holm-corrected over the mechanisms, "
    "below 0.05), (b) the probe on its outputs is not more than 1 point below that of the softmax, "
    "and (c) fewer than 5 % of its units are dead. Each mechanism is a part: it holds if (a), (b) "
    "and (c) do and fails if one of them fails. Those that the source names are decisive: "
    "sparsemax, and group softmax with groups of 4 and of 8.",
)
def other_competition(e: Evidence) -> Finding:
    names = other_mechanisms(e)
    soft, none = mechanism(B, 0.0), mechanism(A, 0.0)
    against_none = {
        name: differences(e, "competitions", REDUNDANCY, mechanism(name, 0.0), none)
        for name in (B, *names)
    }
    adjusted = holm([sign_flip_p(d) for d in against_none.values()])
    sign = {
        name: (1 if d.mean() > 0 else -1) if p < LEVEL else 0
        for (name, d), p in zip(against_none.items(), adjusted, strict=True)
    }
    parts = []
    for name in names:
        probe = mean_interval(differences(e, "competitions", PROBE, mechanism(name, 0.0), soft))
        dead = _dead_share(e, mechanism(name, 0.0))
        same = sign[name] == sign[B] if sign[name] and sign[B] else None
        outcome = every(
            [same, part_above("", probe, -POINT).holds, part_below("", dead, DEAD).holds]
        )
        text = (
            f"redundancy {mean_interval(against_none[name])}, probe {points(probe)}, dead "
            f"{percent(dead)}"
        )
        parts.append(Part(name, outcome, text, decisive=name in NAMED_MECHANISMS))
    if not any(part.decisive for part in parts):
        raise MissingEvidence(f"“competitions” with {', '.join(NAMED_MECHANISMS)}")
    intro = (
        f"Softmax against none: redundancy {mean_interval(against_none[B])}. Redundancy against "
        "none, probe against softmax."
    )
    return finding(parts, intro=intro)


@claim(
    "001.23",
    place="What remains 3",
    statement="(Question) InfoMax works with other competitive activations, too.",
    test="The whole objective (λ_tc = 1) under other competitions, K = 16: is what it promises "
    "reached? The softmax at the same λ_tc is shown beside them.",
    rule="It works with a mechanism if (a) the probe on the outputs is more than 1 point above the "
    "same layer untrained, (b) redundancy is at most twice that of random weights, and (c) fewer "
    "than 5 % of the units are dead. Each mechanism is a part: it holds if all three do and fails "
    "if one fails.",
)
def works_with_others(e: Evidence) -> Finding:
    def check(name: str) -> tuple[bool | None, str]:
        at = mechanism(name, 1.0)
        probe = mean_interval(gain(e, "competitions", at))
        redundancy = mean_interval(values(e, "competitions", OVER_RANDOM, at))
        dead = _dead_share(e, at)
        outcome = every(
            [
                part_above("", probe, POINT).holds,
                part_below("", redundancy, DIVERSE).holds,
                part_below("", dead, DEAD).holds,
            ]
        )
        return outcome, (
            f"probe {points(probe)}, redundancy over random {redundancy}, dead {percent(dead)}"
        )

    parts = [Part(name, *check(name)) for name in other_mechanisms(e)]
    return finding(parts, intro=f"Softmax: {check(B)[1]}.")


@claim(
    "001.21",
    place="What remains 1",
    statement="(Question) InfoMax produces non-redundant hyperplanes on real data.",
    test="The source's own form (no activation, loss on z, λ_tc = 1), alone and with the "
    "log-sum-exp term that makes the gradient a responsibility; A (λ_tc = 1) and B (λ_tc = 0) of "
    "source 000 beside it.",
    rule="In each form: redundancy at most twice that of random weights, and fewer than 0.5 pairs "
    "of rows with a cosine above 0.9. A form is a part: it holds if both do and fails if one "
    "fails. The source's own form without the extra term is decisive.",
)
def hyperplanes(e: Evidence) -> Finding:
    forms: dict[str, tuple[str, dict[str, object]]] = {
        "loss on z": ("hyperplanes", {"lambda_lse": 0.0}),
        "loss on z with log-sum-exp": ("hyperplanes", {"lambda_lse": 1.0}),
        "A": ("competitions", mechanism(A, OWN_TC[A])),
        "B": ("competitions", mechanism(B, OWN_TC[B])),
    }
    parts = []
    for name, (table, condition) in forms.items():
        redundancy = mean_interval(values(e, table, OVER_RANDOM, condition))
        aligned = mean_interval(values(e, table, "aligned_pairs", condition))
        outcome = every(
            [
                part_below("", redundancy, DIVERSE).holds,
                part_below("", aligned, 0.5).holds,
            ]
        )
        text = f"redundancy over random {redundancy}, aligned pairs {aligned}"
        parts.append(Part(name, outcome, text, decisive=name == "loss on z"))
    return finding(parts)


@claim(
    "001.24",
    place="What remains 4",
    statement="(Question) A supervised signal works as an auxiliary loss: better features, no less "
    "independent.",
    test="Cross-entropy of a linear read-out added with weight λ_ce to the objectives of A and B; "
    "λ_ce = 0 is InfoMax alone.",
    rule="For A and B, at the λ_ce > 0 with the best mean probe: (a) the probe is more than 1 "
    "point above that at λ_ce = 0; (b) redundancy at most 20 % above it; (c) output correlation at "
    "most 10 % above it.",
)
def auxiliary_loss(e: Evidence) -> Finding:
    table = e.table("auxiliary", ["competition", "lambda_ce", "seed", PROBE])
    parts = []
    for c in (A, B):
        weights = sorted(set(table[table["competition"] == c]["lambda_ce"]) - {0.0})
        if not weights:
            raise MissingEvidence(f"“auxiliary” with λ_ce above 0 for competition={c}")
        at = {w: {"competition": c, "lambda_ce": float(w)} for w in (0.0, *weights)}
        best = max(weights, key=lambda w: values(e, "auxiliary", PROBE, at[w]).mean())
        pair = at[best], at[0.0]
        probe = mean_interval(differences(e, "auxiliary", PROBE, *pair))
        name = f"{NAMES[c]}, λ_ce={best:g}"
        parts.append(part_points(f"{name}, probe", probe, POINT))
        for metric, label, limit in (
            (REDUNDANCY, "redundancy", REDUNDANCY_MARGIN),
            (CORRELATION, "output correlation", CORRELATION_MARGIN),
        ):
            change = relative(e, "auxiliary", metric, *pair)
            held = part_below("", change, limit).holds
            parts.append(Part(f"{name}, {label}", held, f"change {percent(change)}"))
    return finding(parts)


def hsic_excess(e: Evidence, condition: Mapping[str, object]) -> pd.Series:
    """Dependence of the outputs above what sampling alone shows, per seed."""
    found = rows(e, "objectives", condition, "hsic", "hsic_floor")
    return pd.Series((found["hsic"] - found["hsic_floor"]).to_numpy(float), index=found["seed"])


def best_pressure(e: Evidence, competition: str, objective: str) -> dict[str, object]:
    """The λ_tc > 0 at which an objective leaves the least dependence, by its mean over seeds."""
    same = {"competition": competition, "objective": objective}
    table = where(e.table("objectives", ["lambda_tc", *same]), same)
    pressures = sorted(set(table["lambda_tc"]) - {0.0})
    if not pressures:
        raise MissingEvidence(f"“objectives” with {describe(same)} and λ_tc above 0")
    return min(
        ({**same, "lambda_tc": float(t)} for t in pressures),
        key=lambda c: hsic_excess(e, c).mean(),
    )


def removed_share(e: Evidence, competition: str, objective: str) -> Interval | None:
    """Share of the HSIC that the HSIC objective removes which another objective removes, too.

    None if the HSIC objective itself removes nothing (its interval holds zero).
    """
    start = {"competition": competition, "objective": "infomax", "lambda_tc": 0.0}
    before = hsic_excess(e, start)
    removable = mean_interval(
        (before - hsic_excess(e, best_pressure(e, competition, "hsic"))).dropna()
    )
    if not removable.low > 0:
        return None
    removed = (before - hsic_excess(e, best_pressure(e, competition, objective))).dropna()
    return mean_interval(removed / removable.mean)


@claim(
    "001.25",
    place="What remains 5",
    statement="(Question) The Gaussian and decorrelation approximations are good enough; nonlinear "
    "dependence does not matter.",
    test="The same layers trained with ‖R − I‖², with −log det R and with HSIC in its place, K = "
    "16; HSIC above its sampling floor on test images. Each objective at the λ_tc of the grid that "
    "leaves the least.",
    rule="Removable is the fall of HSIC from λ_tc = 0 under the HSIC objective. Without softmax: "
    "(a) decorrelation and (b) log det remove more than 80 % of it; (c) the probe after training "
    "with HSIC is not more than 1 point above that after decorrelation. Under softmax: (d) as (a), "
    "not decisive. A share is open where the HSIC objective removes nothing.",
)
def approximation(e: Evidence) -> Finding:
    def part(name: str, competition: str, objective: str, decisive: bool = True) -> Part:
        share = removed_share(e, competition, objective)
        if share is None:
            return Part(name, None, "the HSIC objective removes nothing", decisive)
        return Part(name, part_above("", share, GOOD_ENOUGH).holds, percent(share), decisive)

    pair = (best_pressure(e, A, "hsic"), best_pressure(e, A, "infomax"))
    probe = mean_interval(differences(e, "objectives", PROBE, *pair))
    held = part_below("", probe, POINT).holds
    return finding(
        [
            part("(a) removed by decorrelation", A, "infomax"),
            part("(b) removed by log det", A, "log_det"),
            Part("(c) probe, HSIC − decorrelation", held, points(probe)),
            part("(d) removed by decorrelation under softmax", B, "infomax", decisive=False),
        ]
    )


# ------------------------------------------------------------------------------ the right target


@claim(
    "002.21",
    place="Open question: is independence the right target?",
    statement="(Question) Independence is the right target: the less redundant the units, the "
    "better and the more robust the features.",
    test="Trained layers over λ_tc and competitions: rank correlation over configurations of "
    "redundancy and output correlation with the probe on clean images, and with the share of it "
    "that is left under noise and after losing units.",
    rule="Spearman correlation over at least 8 configurations (means over seeds) of minus weight "
    "redundancy and of minus output correlation with each of the three outcomes, with a 95 % "
    "bootstrap interval over configurations. A part holds if it is at or above 0.5 and its "
    "interval above 0, fails if it is at or below 0, and is open otherwise.",
)
def right_target(e: Evidence) -> Finding:
    outcomes = {
        PROBE: "clean probe",
        "noise_retained": "left under noise",
        "loss_retained": "left after losing units",
    }
    measures = {OVER_RANDOM: "redundancy", CORRELATION: "output correlation"}
    table = e.table("robustness", ["configuration", "seed", *outcomes, *measures])
    seeds = table.groupby("configuration")["seed"].nunique()
    enough = table[table["configuration"].isin(seeds[seeds >= MIN_SEEDS].index)]
    found = enough["configuration"].nunique()
    if found < MIN_CONFIGURATIONS:
        raise MissingEvidence(
            f"“robustness” of at least {MIN_CONFIGURATIONS} configurations with {MIN_SEEDS} seeds "
            f"each (found {found})"
        )
    if "key" in enough.columns:
        e.used.update(enough["key"].astype(str))
    means = enough.groupby("configuration")[[*outcomes, *measures]].mean()
    parts = []
    for measure, name in measures.items():
        for outcome, label in outcomes.items():
            rho = rank_correlation(-means[measure], means[outcome])
            holds = True if rho.mean >= RELATED and rho.low > 0 else None
            if rho.mean <= 0:
                holds = False
            parts.append(Part(f"−{name} with {label}", holds, f"{rho}"))
    return finding(parts, intro=f"Over {found} configurations.")
