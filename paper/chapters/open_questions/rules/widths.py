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

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import (
    Interval,
    holm,
    mean_interval,
    sign_flip_p,
    where,
)
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    DEAD,
    LEVEL,
    NAMES,
    OVER_RANDOM,
    PROBE,
    PROBE_BEFORE,
    REDUNDANCY,
    REDUNDANCY_MARGIN,
    A,
    B,
    beyond,
    gain,
    own,
    relative,
)
from paper.judging.claims import Finding, Part, claim, finding, inside
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    POINT,
    differences,
    every,
    part_above,
    part_below,
    part_points,
    percent,
    points,
    values,
)


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
