"""Short answers to the open questions, written from the tables.

They say how much, with intervals, and the numbers on which the rules decide first; whether that is
yes or no is for the verdicts.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, mean_interval, paired_difference, signed, where
from paper.chapters.open_questions.experiment import evidence_of
from paper.chapters.open_questions.rules.depth import METHODS, stack
from paper.chapters.open_questions.rules.mechanisms import (
    FORMS,
    NAMED_MECHANISMS,
    ROBUSTNESS,
    best_pressure,
    best_weight,
    better_and_independent,
    diverse,
    fall,
    guided_by,
    informative,
    of_form,
    other_mechanisms,
    pressure_cost,
    share_of_fall,
    trend_along_pressure,
)
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    LEVEL,
    OVER_RANDOM,
    PROBE_BEFORE,
    REDUNDANCY,
    own,
    relative,
)
from paper.chapters.open_questions.rules.similarity import less_than_seeds, places
from paper.chapters.open_questions.rules.widths import (
    Comparison,
    comparisons,
    less_redundant,
    matters,
    over_floor,
    wider_than_16,
)
from paper.figures.style import label, name
from paper.judging.claims import Part
from paper.judging.closest import closest_to_failing
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import RELATED, UNCORRELATED, difference, percent, points
from paper.judging.verdicts import Verdicts

_PLAIN = {
    **dict.fromkeys(("proved", "supported"), "Yes."),
    **dict.fromkeys(("not supported", "refuted", "disproved by construction"), "No."),
    "mixed": "In part.",
    **dict.fromkeys(("at threshold", "underpowered", "untestable here", "not measured"), "Open."),
}
#: How an outcome for one measure begins its list.
_SIDES: Mapping[str, str] = {"holds": "yes for", "fails": "no for"}


#: A sentence, one that is read off the evidence, or a pair (see :meth:`Answers.give`).
Sentence = str | Callable[[Evidence], str] | tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """The answer to a question in words.

    Attributes:
        text: What is said at the head of the page.
        verdict: The one on the statement that the question asks about.
        more: What is added in the section of the question.
    """

    text: str
    verdict: str
    more: str = ""

    def __str__(self) -> str:
        return f"{f'{self.text} {self.more}'.rstrip()} Verdict: **{self.verdict}**."


class Answers(dict[str, Answer]):
    """The answers so far, by claim.

    Args:
        judge: Gives the verdicts on the claims of the chapter.
    """

    def __init__(self, judge: Callable[[Evidence], Verdicts]) -> None:
        self._judge = judge

    def give(self, tables: Mapping[str, pd.DataFrame], sentences: Mapping[str, Sentence]) -> str:
        """What a section says: to every claim yes, no, in part or open, and the sentence on it.

        A pair, what is said at the head of the page and what is added in the section, says yes
        or no itself. A sentence that is read off what the rules judge says what is missing, where
        runs are.
        """
        evidence = evidence_of(tables)
        verdicts = self._judge(evidence)
        for claim, given in sentences.items():
            verdict = verdicts.find(claim).interpretation_verdict
            sentence = _read(given, evidence) if callable(given) else given
            whole = (f"{_PLAIN[verdict]} {sentence}", "") if isinstance(sentence, str) else sentence
            self[claim] = Answer(whole[0], verdict, whole[1])
        head = "**Plain answer.**" if len(sentences) == 1 else "**Plain answers.**"
        return f"{head} " + "\n\n".join(str(self[claim]) for claim in sentences)

    def quoted(self) -> dict[str, str]:
        """Answers and verdicts by the names under which the head of the page quotes them."""
        texts: dict[str, str] = {}
        for claim, answer in self.items():
            place = claim.replace(".", "_")
            texts |= {f"answer_{place}": answer.text, f"verdict_{place}": answer.verdict}
        return texts


def _read(sentence: Callable[[Evidence], str], e: Evidence) -> str:
    try:
        return sentence(e)
    except MissingEvidence as missing:
        return f"Not measured: needs {missing.args[0]}."


# ------------------------------------------------------------------------------------- activation


def activation_answer(e: Evidence) -> tuple[str, str]:
    """Whether the activation matters, for which measures and which ones do; and where most."""
    try:
        judged = comparisons(e)
    except MissingEvidence:
        return "Not decided: that takes at least five seeds.", ""
    measures: dict[str, list[str]] = {"yes for": [], "no for": [], "open for": []}
    beyond: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    farthest = []
    for measure, members in judged.items():
        outside = [c for c in members if c.beyond]
        measures[_SIDES.get(matters(members).outcome, "open for")].append(label(measure))
        compared.update(c.activation for c in members)
        beyond.update(c.activation for c in outside)
        if outside:
            most = max(outside, key=lambda c: abs(c.difference.mean) / max(c.margin, 1e-12))
            farthest.append(
                f"{label(measure)}: {name(most.activation)} at K = {most.hidden_dim}, "
                f"{signed(most.difference)} against ReLU"
            )
    sentence = "; ".join(f"{side} {', '.join(names)}" for side, names in measures.items() if names)
    counts = ", ".join(
        f"{name(activation)} {beyond[activation]} of {number}"
        for activation, number in sorted(compared.items(), key=lambda item: -beyond[item[0]])
    )
    answer = (
        f"{sentence[:1].upper()}{sentence[1:]}. Differences from ReLU beyond the margin, over "
        f"measures and widths: {counts}."
    )
    return answer, f"Farthest beyond the margin: {'; '.join(farthest)}." if farthest else ""


def affected_measures(e: Evidence) -> str:
    """How many measures some activation changes, "3 of 5"; "not judged" with too few seeds."""
    try:
        outcomes = [matters(members).outcome for members in comparisons(e).values()]
    except MissingEvidence:
        return "not judged"
    return f"{outcomes.count('holds')} of {len(outcomes)}"


def activation_table(e: Evidence) -> pd.DataFrame:
    """Every activation against ReLU, as text: a row per measure and activation, a column per K.

    A star marks an adjusted p below 0.05, two a difference that also lies beyond the margin.

    Raises:
        MissingEvidence: Fewer than five seeds, or no ReLU.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for measure, members in comparisons(e).items():
        for c in members:
            row = {"measure": label(measure), "activation": name(c.activation)}
            row = rows.setdefault((measure, c.activation), row)
            row[f"K = {c.hidden_dim}"] = signed(c.difference) + _stars(c)
    return pd.DataFrame(list(rows.values()))


def _stars(c: Comparison) -> str:
    if c.beyond:
        return " **"
    return " *" if c.p < LEVEL else ""


# ------------------------------------------------------------------------------------------ width


def _mean(table: pd.DataFrame, measure: str, **condition: object) -> Interval:
    return mean_interval(where(table, condition)[measure])


def _gap(
    table: pd.DataFrame, measure: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """Mean of the paired differences a − b."""
    return paired_difference(table, measure, a, b)


def _ends(table: pd.DataFrame) -> tuple[int, int]:
    """The smallest and the largest K of the scale experiment that every setting has."""
    widths = table.groupby("setting")["hidden_dim"].unique()
    shared = sorted(set.intersection(*map(set, widths)))
    return int(shared[0]), int(shared[-1])


def width_answer(e: Evidence) -> str:
    """Redundancy against no softmax, and output correlation over its floor, at every width."""
    wide = wider_than_16(e, own("B"))
    less = ", ".join(f"{percent(less_redundant(e, k))} at K = {k}" for k in (16, *wide))
    over = ", ".join(f"{over_floor(e, k)} at K = {k}" for k in (16, *wide))
    return (
        f"At equal λ_tc = 0 the softmax changes redundancy by {less}. Output correlation of B, "
        f"over the least that a simplex allows, is {over}."
    )


def growth_answer(scale: pd.DataFrame) -> str:
    """What more units bring, and what training adds to untrained ones."""
    low, high = _ends(scale)
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        narrow, wide = ({**architecture, "hidden_dim": k} for k in (low, high))
        more = _gap(scale, "probe_accuracy", wide, narrow)
        parts.append(
            f"{letter} gains {points(more)} of probe accuracy from K = {low} to {high}, and "
            f"training adds {_mean(scale, 'probe_gain', **narrow)} points at the one and "
            f"{_mean(scale, 'probe_gain', **wide)} at the other"
        )
    return "; ".join(parts) + "."


def structure_answer(e: Evidence) -> str:
    """What the softmax changes at equal λ_tc = 0, narrow and wide."""
    wide = wider_than_16(e, {"competition": "none", "lambda_tc": 0.0})[-1]
    less = " and ".join(f"{percent(less_redundant(e, k))} at K = {k}" for k in (16, wide))
    pair = [{"competition": c, "lambda_tc": 0.0, "hidden_dim": wide} for c in ("softmax", "none")]
    probe = points(difference(e, "scale", PROBE_BEFORE, *pair))
    return (
        f"At equal λ_tc = 0 the softmax changes redundancy by {less}. At K = {wide} it changes the "
        f"probe before the competition by {probe}.{_less_alike(e)}"
    )


def _less_alike(e: Evidence) -> str:
    """How alike the codes of A and B are, beside two seeds of each, by width and by layer."""

    def listed(way: str, text: str, field: str, read: str = "") -> str:
        gaps = [(mean_interval(less_than_seeds(e, p, read)), p[field]) for p in places(e, way)]
        return ", ".join(f"{gap} {text} {value}" for gap, value in gaps)

    widths = ("width", "at K =", "hidden_dim")
    return (
        " CKA of A's code with B's, less that of two seeds of the same architecture, is "
        f"{listed(*widths)}, and in a stack {listed('layer', 'in layer', 'level')}; with B read "
        f"before its softmax it is {listed(*widths, '_before')}."
    )


# --------------------------------------------------------------------------- transfer and stacks


def _probe_gap(table: pd.DataFrame, a: Mapping[str, object], b: Mapping[str, object]) -> str:
    """Paired difference a − b of probe accuracies in points."""
    return points(_gap(table, "probe_accuracy", a, b))


def transfer_answer(transfer: pd.DataFrame) -> str:
    """A and B against untrained layers and PCA, target by target, at the largest width."""
    k = int(transfer["hidden_dim"].max())
    sentences = []
    for letter in ("B", "A"):
        parts = []
        for target in dict.fromkeys(transfer["target"]):
            ours, untrained, pca = (
                {"method": method, "target": target, "hidden_dim": k}
                for method in (METHODS[letter], "untrained", "pca")
            )
            gaps = [_probe_gap(transfer, ours, other) for other in (untrained, pca)]
            parts.append(f"{' and '.join(gaps)} on {name(target)}")
        sentences.append(f"{letter} less untrained layers and less PCA: {'; '.join(parts)}")
    return f"At K = {k}, {'. '.join(sentences)}."


def stack_answer(stacks: pd.DataFrame) -> str:
    """Greedy stacks against random ones and such trained end to end."""
    parts = []
    for deep in sorted({int(d) for d in stacks["depth"] if d > 1}):
        for letter in ARCHITECTURES:
            greedy, random, whole = (
                stack(letter, deep, training) for training in ("greedy", "random", "end_to_end")
            )
            parts.append(
                f"{letter} with {deep} layers {_probe_gap(stacks, greedy, random)} and "
                f"{_probe_gap(stacks, greedy, whole)}"
            )
    return f"Probe of greedy stacks less random ones, and less end to end: {'; '.join(parts)}."


def second_layer_answer(stacks: pd.DataFrame) -> str:
    """What layer two keeps of what layer one has found."""
    parts = []
    for letter in ARCHITECTURES:
        one, two = stack(letter, 1), stack(letter, 2)
        parts.append(
            f"in {letter} the probe changes by {_probe_gap(stacks, two, one)}, output correlation "
            f"goes from {_mean(stacks, 'output_correlation', **one)} to "
            f"{_mean(stacks, 'output_correlation', **two)}, and "
            f"{percent(_mean(stacks, 'dead_share', **two))} of the units are dead"
        )
    return f"From layer one to layer two, {'; '.join(parts)}."


def depth_answer(stacks: pd.DataFrame) -> str:
    """What the deepest stack adds to one layer, trained and random."""
    deep = int(stacks["depth"].max())
    parts = []
    for letter in ARCHITECTURES:
        greedy, random = (
            _probe_gap(stacks, stack(letter, deep, training), stack(letter, 1, training))
            for training in ("greedy", "random")
        )
        parts.append(f"{greedy} in {letter} (random layers: {random})")
    return f"From one layer to {deep}, the probe of greedy stacks changes by {'; '.join(parts)}."


def layerwise_answer(layerwise: pd.DataFrame) -> str:
    """What training changes in the information of each layer."""
    last = int(layerwise["epoch"].max())
    parts = []
    for form, rows in layerwise.groupby("form", sort=False):
        gaps = [
            str(paired_difference(level, "lower", {"epoch": last}, {"epoch": 0}))
            for _, level in rows.groupby("level")
        ]
        named = "the source's own form" if form == "source" else form
        parts.append(f"in {named} by {', '.join(gaps)}")
    return (
        f"From the first layer up, {last} epochs change the information of a layer's noisy outputs "
        f"about its input {'; '.join(parts)} (nats)."
    )


# ---------------------------------------------------------------------- mechanisms and objectives


def competition_answer(e: Evidence) -> str:
    """How much of the softmax's fall of redundancy others reach, and which reads out best."""
    zero = where(e.table("competitions", ["mechanism", "lambda_tc"]), {"lambda_tc": 0.0})
    names = other_mechanisms(zero)
    shares = {m: share_of_fall(e, m) for m in names}
    named, others = (
        ", ".join(
            f"{name(m)} {_share(shares[m], 'nothing to share')}"
            for m in names
            if (m in NAMED_MECHANISMS) == own
        )
        for own in (True, False)
    )
    best = str(zero.groupby("mechanism")["probe_accuracy"].mean().idxmax())
    beside = f" The others: {others}." if others else ""
    return (
        f"The softmax lowers redundancy at λ_tc = 0 by {mean_interval(fall(e))}. Of that fall the "
        f"mechanisms that the source names reach: {named}.{beside} Best probe on the outputs: "
        f"{name(best)}, {_mean(zero, 'probe_accuracy', mechanism=best)}; softmax: "
        f"{_mean(zero, 'probe_accuracy', mechanism='softmax')}."
    )


def _share(share: Interval | None, nothing: str) -> str:
    """A share in words; ``nothing`` where there is nothing of which it could be one."""
    if share is None:
        return nothing
    return percent(share) if share.n else str(share)


def works_answer(e: Evidence) -> str:
    """What training with the whole objective adds, and how redundant its rows are, at worst."""
    names = other_mechanisms(e.table("competitions", ["competition", "mechanism"]))
    gains = closest_to_failing([informative(e, m) for m in names])
    ratios = [diverse(e, m) for m in names]
    most = closest_to_failing(ratios)
    diverse_ones = ", ".join(name(r.name) for r in ratios if r.outcome == "holds")
    return (
        f"At λ_tc = 1 training adds least with {name(gains.name)}: {points(_estimate(gains))} of "
        f"probe accuracy. Redundancy is {_estimate(most)} times that under the softmax with "
        f"{name(most.name)}, the worst; it is less than twice with {diverse_ones or 'none'}."
    )


def _estimate(part: Part) -> Interval:
    assert isinstance(part.decision, Decision)
    return part.decision.estimate


def hyperplane_answer(e: Evidence) -> str:
    """How far the outputs of the loss on z are correlated; angles of the rows beside it."""
    z, with_term, *_ = FORMS
    listed = ", ".join(f"{form} {of_form(e, OVER_RANDOM, form)}" for form in FORMS)
    return (
        f"Σ r² between the outputs z on test images is {of_form(e, CORRELATION, z)}, and "
        f"{of_form(e, CORRELATION, with_term)} with log-sum-exp; uncorrelated would be below "
        f"{UNCORRELATED:g}. Beside it, redundancy over isotropic rows: {listed}."
    )


def auxiliary_answer(e: Evidence) -> str:
    """What the cross-entropy brings and costs at the weight that serves both best."""
    parts = []
    for letter in ARCHITECTURES:
        best = best_weight(e, letter)
        probe, correlation = map(_estimate, better_and_independent(e, letter, best))
        pair = guided_by(letter, best), guided_by(letter, 0.0)
        redundancy = relative(e, "auxiliary", REDUNDANCY, *pair)
        parts.append(
            f"{letter}, λ_ce = {best:g}: probe {signed(probe.scaled(100))} points, output "
            f"correlation {signed(correlation.scaled(100))} %, redundancy "
            f"{signed(redundancy.scaled(100))} %"
        )
    return f"At the weight that serves probe and independence best — {'; '.join(parts)}."


def shares_answer(shares: Mapping[str, Interval | None]) -> str:
    """The shares of all dependence in words."""
    listed = "; ".join(
        f"{text} {_share(share, 'nothing to remove')}" for text, share in shares.items()
    )
    return f"Share of all dependence at λ_tc = 0 that is removed, without softmax: {listed}."


def pressure_answer(e: Evidence) -> str:
    """At which weight decorrelation leaves least, what that does to the probe; or what lacks."""
    return _read(_pressure_cost, e)


def _pressure_cost(e: Evidence) -> str:
    weight = best_pressure(e, "none", "infomax")["lambda_tc"]
    return (
        f"Decorrelation leaves the least HSIC at λ_tc = {weight:g}, where the probe is "
        f"{points(pressure_cost(e))} from that without pressure."
    )


def target_answer(e: Evidence) -> str:
    """Rank correlations of independence with both kinds of robustness along λ_tc in A."""
    noise, loss = (trend_along_pressure(e, "A", outcome) for outcome in ROBUSTNESS)
    return (
        "Along λ_tc in A, within a seed, the rank correlation of minus output correlation with the "
        f"share of the probe that is left is {noise} under noise and {loss} after losing units. "
        f"An interval between −{RELATED:g} and {RELATED:g} would be no relation."
    )
