"""Rules on activation and width: does the activation matter, does InfoMax scale, does structure?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    UNTRAINED,
    everywhere,
    few_dead,
    gain,
    own,
    relative,
)
from paper.chapters.open_questions.rules.similarity import similarity_parts
from paper.judging.claims import Finding, Part, claim, decided, finding
from paper.judging.closest import RANK
from paper.judging.decisions import Decision, Outcome
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    POINT,
    accuracy_difference,
    difference,
    differences,
    on_new_images,
    part_below,
    part_different,
    part_points,
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
    def beyond(self) -> bool:
        """Whether the whole interval lies beyond the margin, and the corrected test agrees."""
        return any(self.towards(sign).outcome == "holds" for sign in (1, -1)) and self.p < LEVEL

    def towards(self, sign: int) -> Decision:
        """Whether the difference, in margins, lies beyond the margin in one direction."""
        return Decision(self.difference.scaled(sign / self.margin), "above", 1.0, 0.25)


@dataclass(frozen=True)
class Affected:
    """Whether some activation changes a measure.

    Attributes:
        outcome: Holds if one does, fails if none does, and otherwise open.
        decision: The difference from ReLU on which that rests, in margins.
        named: The activations that do, with direction and widths.
    """

    outcome: Outcome
    decision: Decision
    named: tuple[str, ...]


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


def matters(compared: Sequence[Comparison]) -> Affected:
    """Whether some activation differs from ReLU on a measure in one direction at two widths.

    (At the only width, if there is one.) Of each activation and direction the second farthest
    width counts, and of these the one that comes closest to a difference decides.
    """
    least = min(2, len({c.hidden_dim for c in compared}))
    found, named = [], []
    for activation in dict.fromkeys(c.activation for c in compared):
        own_widths = [c for c in compared if c.activation == activation]
        for sign, word in ((1, "more"), (-1, "less")):
            farthest = sorted(own_widths, key=lambda c: -c.towards(sign).estimate.mean)
            found.append(_at_every_width(farthest[:least], sign))
            at = [c for c in own_widths if c.beyond and c.difference.mean * sign > 0]
            if len(at) >= least:
                widths = ", ".join(str(c.hidden_dim) for c in at)
                named.append(f"{activation} {word} at K={widths}")
    outcome, decision = max(found, key=lambda f: (RANK[f[0]], f[1].estimate.low))
    return Affected(outcome, decision, tuple(named))


def _at_every_width(compared: Sequence[Comparison], sign: int) -> tuple[Outcome, Decision]:
    """The worst outcome of some widths; not yet decided where the corrected test is not passed."""
    decisions = [c.towards(sign) for c in compared]
    worst = min(decisions, key=lambda d: (RANK[d.outcome], d.estimate.low))
    if worst.outcome == "holds" and any(c.p >= LEVEL for c in compared):
        return "underpowered", worst
    return worst.outcome, worst


_WORDS: Mapping[Outcome, str] = {"holds": "affected", "fails": "not affected"}


def _affected_part(name: str, compared: Sequence[Comparison], decisive: bool) -> Part:
    found = matters(compared)
    text = f"{_WORDS.get(found.outcome, 'open')}, by {found.decision.estimate} margins"
    if found.named:
        text += f" ({'; '.join(found.named)})"
    return Part(name, found.outcome, text, decisive, found.decision)


#: The activations that the source names, besides ReLU.
NAMED_ACTIVATIONS = ("identity", "tanh")


@claim(
    "000.30",
    place="Open question 1; next experiment",
    quote="Does the activation before softmax affect weight redundancy and feature quality?",
    statement="(Question) The activation before the softmax affects weight redundancy and feature "
    "quality.",
    test="The announced sweep in full: six activations, K = 16, 32, 64, ten seeds, softmax at "
    "λ_tc = 0; each activation against ReLU at the same K, paired over seeds.",
    rule="An activation differs from ReLU at one K if the whole interval lies beyond the limit "
    "(20 % of ReLU's redundancy; 1 point of probe accuracy on the outputs) and the sign-flip "
    "test, Holm-corrected over all activations and widths of the measure, is below 0.05. A "
    "measure is affected if some activation differs in the same direction at two widths or more, "
    "and unaffected if none can (for every activation and direction, at most one width may lie "
    "beyond the limit). Redundancy and probe are decisive: the source asks for both. The same for "
    "the activations that the source names (identity, tanh), and output correlation (10 %), dead "
    "units (5 % of K) and the probe before the softmax (1 point), are reported beside them.",
    decisive="For redundancy and for the probe: the difference from ReLU, in limits, of the "
    "activation that comes closest to differing at two widths.",
    smallest="A quarter of the limits: 5 % of ReLU's redundancy, which seeds alone can make, and a "
    "quarter of a point of accuracy.",
    before="supported",
    amended="One of the two measures was enough; the source asks for redundancy and for quality, "
    "so that both are parts, and mixed would name the one that differs. What lies beyond the limit "
    "at one width alone left the question open, and now counts as no effect, as the rule says.",
)
def activation_matters(e: Evidence) -> Finding:
    names = ("redundancy", "probe", "output correlation", "dead units", "probe before softmax")
    parts = []
    for name, (metric, compared) in zip(names, comparisons(e).items(), strict=True):
        decisive = metric in (REDUNDANCY, PROBE)
        parts.append(_affected_part(name, compared, decisive))
        own_three = [c for c in compared if c.activation in NAMED_ACTIVATIONS]
        if decisive and own_three:
            parts.append(_affected_part(f"{name}, identity and tanh", own_three, False))
    return finding(parts, intro="Against ReLU.")


def less_redundant(e: Evidence, k: int) -> Interval:
    """Redundancy with the softmax less that without, at λ_tc = 0, as a share of the latter."""
    pair = ({"competition": c, "lambda_tc": 0.0, "hidden_dim": k} for c in ("softmax", "none"))
    return relative(e, "scale", REDUNDANCY, *pair)


def over_floor(e: Evidence, k: int) -> Interval:
    """Output correlation of B at one K, over the least that a simplex allows."""
    return mean_interval(values(e, "scale", CORRELATION, own("B", hidden_dim=k)) / simplex_floor(k))


@claim(
    "000.31",
    place="Open question 2",
    quote="Does this scale?",
    statement="(Question) The findings on the softmax at K = 16 carry over to wider layers.",
    test="B at λ_tc = 0 with K = 16, 64 and 256, equally long, against the same layers without "
    "softmax; A at λ_tc = 1 beside it.",
    rule="At every K > 16 with at least 5 seeds: (a) redundancy is more than 20 % below that of "
    "the same layer without softmax at the same λ_tc = 0; (b) output correlation is less than 10 % "
    "above the floor K/(K−1). Of each the width that is closest to failing decides. Both are "
    "decisive: they are the two findings on the softmax that the source gives numbers for. "
    "Reported beside them: redundancy over random less than twice that at K = 16; the probe of B "
    "more than 1 point above that of the same layer untrained; dead units below 5 %; and B less A "
    "at λ_tc = 1, in redundancy over random.",
    decisive="Redundancy with the softmax relative to that without, and output correlation over "
    "its floor, each at the width where it is worst.",
    smallest="A quarter of each margin: 5 % of redundancy, 2.5 % of the floor.",
    before="mixed",
    amended="Five parts are now the two findings that the source puts numbers to. B and A were "
    "compared at unequal λ_tc (0 and 1), and agreement with K = 16 in sign was enough; at the same "
    "λ_tc they differ in the softmax alone, and the size counts. Of the five, dead units could not "
    "fail under a softmax, and level and probe are no findings of the source; they inform.",
)
def scales(e: Evidence) -> Finding:
    wide = wider_than_16(e, own("B"))
    narrow = own("B", hidden_dim=16)
    small = values(e, "scale", OVER_RANDOM, narrow).mean()

    def places(part: Callable[[str, int], Part], widths: Iterable[int] = wide) -> list[Part]:
        return [part(f"K={k}", k) for k in widths]

    def less(place: str, k: int) -> Part:
        margin = REDUNDANCY_MARGIN
        below = Decision(less_redundant(e, k), "below", -margin, margin / 4, 0.0)
        return decided(place, below, True, 100, "%")

    def at_floor(place: str, k: int) -> Part:
        bar = 1 + CORRELATION_MARGIN
        return part_below(place, over_floor(e, k), bar, CORRELATION_MARGIN / 4)

    def level(place: str, k: int) -> Part:
        ratio = mean_interval(values(e, "scale", OVER_RANDOM, own("B", hidden_dim=k)) / small)
        return part_below(place, ratio, 2.0, REDUNDANCY_MARGIN / 2)

    def taught(place: str, k: int) -> Part:
        return part_points(place, mean_interval(gain(e, "scale", own("B", hidden_dim=k))), POINT)

    def dead(place: str, k: int) -> Part:
        return few_dead(place, e, "scale", own("B", hidden_dim=k))

    def unequal(k: int) -> str:
        pair = (own(letter, hidden_dim=k) for letter in ("B", "A"))
        return f"K={k} {difference(e, 'scale', OVER_RANDOM, *pair)}"

    beside = "; ".join(map(unequal, (16, *wide)))
    return finding(
        [
            everywhere("(a) redundancy against no softmax", places(less)),
            everywhere("(b) correlation over floor", places(at_floor)),
            everywhere("redundancy relative to K=16", places(level), decisive=False),
            everywhere("probe above untrained", places(taught, (16, *wide)), decisive=False),
            everywhere("dead units", places(dead), decisive=False),
        ],
        intro=f"B less A at λ_tc=1, in redundancy over random: {beside}.",
    )


@claim(
    "002.20",
    place="Open question: does InfoMax scale?",
    quote="Does InfoMax scale?",
    statement="(Question) InfoMax scales: wider layers learn better features, and training keeps "
    "paying.",
    test="A at λ_tc = 1 and B at λ_tc = 0 with K = 16, 64 and 256: probe accuracy on the outputs, "
    "against the same layers untrained and against the next smaller K. One layer on small images; "
    "scale in data and depth is not tested here.",
    rule="For A and for B, at every K > 16 with at least 5 seeds, the probe lies more than 1 point "
    "above the same layer untrained; the architecture and K closest to failing decide, and the "
    "opposite holds only if training costs accuracy at all of them. That each step to the next "
    "such K raises the probe by more than 1 point is reported beside it.",
    decisive="Gain of the probe over the same layer untrained, at the architecture and width where "
    "it is smallest.",
    smallest="half a point of accuracy: about the standard error of an accuracy of 0.8 on 10 000 "
    "images",
    before="mixed",
    amended="Four parts are now one that decides. More units make better features without any "
    "training, too, so that a step that pays does not show that InfoMax scales; what training adds "
    "at each width does, and decides. In a second amendment (not supported before it) the error of "
    "test images joined the intervals, by the bound of 002.4.",
)
def infomax_scales(e: Evidence) -> Finding:
    gains, steps = [], []
    for letter in ARCHITECTURES:
        at = {k: own(letter, hidden_dim=k) for k in (16, *wider_than_16(e, own(letter)))}
        for small, large in pairwise(at):
            taught = [values(e, "scale", m, at[large]) for m in (PROBE, UNTRAINED)]
            found = on_new_images(mean_interval(gain(e, "scale", at[large])), *taught)
            gains.append(part_points(f"{letter}, K={large}", found, POINT))
            step = accuracy_difference(e, "scale", PROBE, at[large], at[small])
            steps.append(part_points(f"{letter}, K={small} to {large}", step, POINT))
    return finding(
        [
            everywhere("probe above untrained", gains),
            everywhere("each step pays", steps, decisive=False),
        ]
    )


@claim(
    "002.22",
    place="Open question: does EM structure matter at scale?",
    quote="With enough parameters and data, does the learning mechanism matter? Or does everything "
    "converge to similar features eventually?",
    statement="(Question) EM structure still matters at scale; features do not become alike with "
    "enough units.",
    test="B against A at the same λ_tc = 0 for K = 16 up to the largest K with at least 5 seeds, "
    "paired. Scale in units only, not in data or depth.",
    rule="At the largest K, redundancy with and without softmax differs by more than 20 % of that "
    "without. Reported beside it: the probe before the competition differs by more than 1 point; "
    "and, of both, no convergence (the difference is more than half as large as at K = 16). Of the "
    "outputs of A (λ_tc = 1) and of B, linear CKA on test images: that between the two is more "
    "than 0.1 below the mean of those between two seeds of each, at every K and in every layer of "
    "a stack of three; and whether that changes from the smallest K to the largest and from the "
    "first layer to the last, by more than 0.025.",
    decisive="The difference in redundancy at the largest K, relative to the layer without "
    "softmax.",
    smallest="5 % of redundancy, a quarter of the margin.",
    before="supported",
    amended="Redundancy and probe were both decisive. The sources expect of the mechanism that it "
    "decides the geometry of the weights, so that redundancy decides alone; the probe undoes "
    "linear mixing, and informs. Last, how alike the codes themselves are was added, and informs.",
)
def structure_at_scale(e: Evidence) -> Finding:
    def pair(k: int) -> tuple[dict[str, object], dict[str, object]]:
        same = {"lambda_tc": 0.0, "hidden_dim": k}
        return {"competition": "softmax", **same}, {"competition": "none", **same}

    k = wider_than_16(e, {"competition": "none", "lambda_tc": 0.0})[-1]
    redundancy = {n: less_redundant(e, n) for n in (16, k)}
    probe = {n: difference(e, "scale", PROBE_BEFORE, *pair(n)) for n in (16, k)}

    def stays(name: str, found: Mapping[int, Interval], unit: str) -> Part:
        half = abs(found[16].mean) / 2
        if not half > 0:
            return Part(name, "not measured", "no difference at K=16", False)
        beyond = Decision(found[k], "beyond", half, half / 4)
        part = decided(name, beyond, False, 100, unit)
        return replace(part, text=f"{found[16].scaled(100)} at K=16, then {part.text}")

    return finding(
        [
            part_different("redundancy differs", redundancy[k], REDUNDANCY_MARGIN),
            decided(
                "probe differs",
                Decision(probe[k], "beyond", POINT, POINT / 4),
                False,
                100,
                "points",
            ),
            stays("redundancy does not converge", redundancy, "%"),
            stays("probe does not converge", probe, "points"),
            *similarity_parts(e),
        ],
        intro=f"B − A at λ_tc=0 and K={k}.",
    )
