"""Rules on activation and width: does the activation matter, does InfoMax scale, does structure?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, holm, mean_interval, sign_flip_p, where
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    DEAD,
    LEVEL,
    OVER_RANDOM,
    PROBE,
    PROBE_BEFORE,
    REDUNDANCY,
    REDUNDANCY_MARGIN,
    beyond,
    dead_share,
    everywhere,
    gain,
    own,
    relative,
)
from paper.judging.claims import Finding, Part, above, below, claim, finding, inside
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    POINT,
    difference,
    differences,
    part_points,
    percent,
    points,
    values,
)

#: Measures of the activation sweep: the margin within which a difference from ReLU does not
#: matter, and whether that is a share of ReLU's value. Dead units count as their share of K.
MARGINS: Mapping[str, tuple[float, bool]] = {
    REDUNDANCY: (REDUNDANCY_MARGIN, True),
    PROBE: (POINT, False),
    CORRELATION: (CORRELATION_MARGIN, True),
    "dead_units": (DEAD, False),
    PROBE_BEFORE: (POINT, False),
}


def wider_than_16(e: Evidence, condition: Mapping[str, object]) -> list[int]:
    """Widths above the sources' own that were run with enough seeds, as 16 was, ascending."""
    found = where(e.table("scale", ["hidden_dim", "seed", *condition]), condition)
    seeds = found.groupby("hidden_dim")["seed"].nunique()
    widths = sorted(int(k) for k in seeds[seeds >= MIN_SEEDS].index)
    if not widths:
        raise MissingEvidence(f"“scale” with {describe(condition)}, at least {MIN_SEEDS} seeds")
    wide = [k for k in widths if k > 16]
    if 16 not in widths or not wide:
        raise MissingEvidence(f"“scale” at K=16 and a larger K with {describe(condition)}")
    return wide


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
    size, of_relu = MARGINS[metric]
    drafts = []
    for activation in others:
        for k in map(int, widths):
            one, relu = ({"activation": a, "hidden_dim": k} for a in (activation, "relu"))
            gap = differences(e, "activations", metric, one, relu)
            unit = k if metric == "dead_units" else 1
            if of_relu:
                unit = abs(values(e, "activations", metric, relu).mean())
            drafts.append((activation, k, mean_interval(gap), size * unit, sign_flip_p(gap)))
    adjusted = holm([draft[-1] for draft in drafts])
    return [Comparison(*draft[:-1], float(p)) for draft, p in zip(drafts, adjusted, strict=True)]


def comparisons(e: Evidence) -> dict[str, list[Comparison]]:
    """Every comparison with ReLU, by measure."""
    return {metric: against_relu(e, metric) for metric in MARGINS}


def matters(compared: Sequence[Comparison]) -> tuple[bool | None, list[str]]:
    """Whether some activation differs from ReLU on a measure, and which ones do.

    True if one differs in the same direction at two widths or more (at the only one, if there is
    one); False if every difference lies inside its margin; None otherwise.
    """
    widths = {c.hidden_dim for c in compared}
    least = min(2, len(widths))
    named = []
    for activation in dict.fromkeys(c.activation for c in compared):
        for sign, word in ((1, "more"), (-1, "less")):
            at = [
                c.hidden_dim
                for c in compared
                if c.activation == activation and c.beyond and c.difference.mean * sign > 0
            ]
            if len(at) >= least:
                named.append(f"{activation} {word} at K={', '.join(map(str, at))}")
    if named:
        return True, named
    return (False if all(c.beyond is False for c in compared) else None), []


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
    names = ("redundancy", "probe", "output correlation", "dead units", "probe before softmax")
    outcomes, texts = {}, []
    for name, (metric, compared) in zip(names, comparisons(e).items(), strict=True):
        outcomes[metric], named = matters(compared)
        word = {True: "affected", False: "not affected", None: "open"}[outcomes[metric]]
        texts.append(f"{name}: {word}" + (f" ({'; '.join(named)})" if named else ""))
    decisive = {outcomes[REDUNDANCY], outcomes[PROBE]}
    verdict = "supported" if True in decisive else "inconclusive"
    if decisive == {False}:
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
    def tests(k: int) -> dict[str, tuple[bool | None, str]]:
        soft, relu, narrow_soft, narrow_relu = (
            own(letter, hidden_dim=width) for width in (k, 16) for letter in ("B", "A")
        )
        small = values(e, "scale", OVER_RANDOM, narrow_soft).mean()
        large = mean_interval(values(e, "scale", OVER_RANDOM, soft) / small)
        signs = [
            difference(e, "scale", OVER_RANDOM, *pair)
            for pair in ((narrow_soft, narrow_relu), (soft, relu))
        ]
        sure = all(i.low > 0 or i.high < 0 for i in signs)
        same = (signs[0].mean > 0) == (signs[1].mean > 0) if sure else None
        gains = [mean_interval(gain(e, "scale", c)) for c in (narrow_soft, soft)]
        sides = [above(i, POINT) for i in gains]
        alike = None if None in sides else sides[0] == sides[1]
        dead = dead_share(e, "scale", soft)
        correlation = mean_interval(values(e, "scale", CORRELATION, soft) / simplex_floor(k))
        return {
            "(a) dead units": (below(dead, DEAD), percent(dead)),
            "(b) correlation over floor": (below(correlation, 1.1), f"{correlation}"),
            "(c) redundancy over random, relative to K=16": (inside(large, 0.5, 2), f"{large}"),
            "(d) same sign of B − A": (same, f"{signs[0]} and {signs[1]}"),
            "(e) probe above untrained as at K=16": (alike, " and ".join(map(points, gains))),
        }

    wide = wider_than_16(e, own("B"))
    found = {f"K={k}": tests(k) for k in wide}
    return finding(
        [
            everywhere(name, [Part(place, *at[name]) for place, at in found.items()])
            for name in found[f"K={wide[0]}"]
        ]
    )


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
    for letter in ARCHITECTURES:
        at = {k: own(letter, hidden_dim=k) for k in (16, *wider_than_16(e, own(letter)))}
        gains = [
            part_points(f"K={k}", mean_interval(gain(e, "scale", condition)), POINT)
            for k, condition in at.items()
            if k > 16
        ]
        steps = [
            part_points(
                f"K={small} to {large}",
                difference(e, "scale", PROBE, at[large], at[small]),
                POINT,
            )
            for small, large in pairwise(at)
        ]
        parts.append(everywhere(f"{letter}, above untrained", gains))
        parts.append(everywhere(f"{letter}, each step pays", steps))
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
        return {"competition": "softmax", **same}, {"competition": "none", **same}

    k = wider_than_16(e, {"competition": "none", "lambda_tc": 0.0})[-1]
    redundancy = {n: relative(e, "scale", REDUNDANCY, *pair(n)) for n in (16, k)}
    probe = {n: difference(e, "scale", PROBE_BEFORE, *pair(n)) for n in (16, k)}

    def stays(name: str, found: Mapping[int, Interval], show: Callable[[Interval], str]) -> Part:
        outcome = beyond(found[k], abs(found[16].mean) / 2)
        return Part(name, outcome, f"{show(found[16])} at K=16, {show(found[k])}", decisive=False)

    differs = beyond(redundancy[k], REDUNDANCY_MARGIN)
    return finding(
        [
            Part("(a) redundancy differs", differs, percent(redundancy[k])),
            Part("(b) probe differs", beyond(probe[k], POINT), points(probe[k])),
            stays("(c) redundancy does not converge", redundancy, percent),
            stays("(d) probe does not converge", probe, points),
        ],
        intro=f"B − A at λ_tc=0 and K={k}.",
    )
