"""One-sentence answers to the open questions, written from the tables.

They say how much, with intervals; whether that is yes or no by the rule is for the verdicts.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import (
    Interval,
    format_number,
    mean_interval,
    paired_difference,
    rank_correlation,
    signed,
    where,
)
from paper.chapters.open_questions.experiment import evidence_of
from paper.chapters.open_questions.rules.depth import METHODS, stack
from paper.chapters.open_questions.rules.mechanisms import other_mechanisms
from paper.chapters.open_questions.rules.shared import LEVEL
from paper.chapters.open_questions.rules.widths import Comparison, comparisons, matters
from paper.figures.style import label, name
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import percent, points
from paper.judging.verdicts import Verdicts

_PLAIN = {
    **dict.fromkeys(("proved", "supported"), "Yes."),
    **dict.fromkeys(("not supported", "refuted", "disproved by construction"), "No."),
    "mixed": "In part.",
    **dict.fromkeys(("at threshold", "underpowered", "untestable here", "not measured"), "Open."),
}
#: How an outcome for one measure begins its list.
_SIDES: Mapping[str, str] = {"holds": "yes for", "fails": "no for"}


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

    def give(
        self, tables: Mapping[str, pd.DataFrame], sentences: Mapping[str, str | tuple[str, str]]
    ) -> str:
        """What a section says: to every claim yes, no, in part or open, and the sentence on it.

        A pair, what is said at the head of the page and what is added in the section, says yes
        or no itself.
        """
        verdicts = self._judge(evidence_of(tables))
        for claim, sentence in sentences.items():
            verdict = verdicts.find(claim).interpretation_verdict
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


def width_answer(scale: pd.DataFrame) -> str:
    """What becomes of the findings at K = 16 in the wider layers."""
    low, high = _ends(scale)
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        start, end = (
            _mean(scale, "redundancy_over_random", **architecture, hidden_dim=k)
            for k in (low, high)
        )
        parts.append(f"{start} to {end} in {letter}")
    soft = {**ARCHITECTURES["B"], "hidden_dim": high}
    return (
        f"From K = {low} to {high}, redundancy over random goes from {' and from '.join(parts)}; "
        f"at K = {high}, B has {percent(_mean(scale, 'dead_share', **soft))} dead units and "
        f"{_mean(scale, 'correlation_over_floor', **soft)} times the least output correlation."
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


def structure_answer(scale: pd.DataFrame) -> str:
    """How far apart A and B are at equal λ_tc = 0, narrow and wide."""
    parts = []
    for k in _ends(scale):
        pair = [{"competition": c, "lambda_tc": 0.0, "hidden_dim": k} for c in ("softmax", "none")]
        redundancy = _gap(scale, "redundancy_over_random", *pair)
        probe = _gap(scale, "probe_accuracy_pre", *pair)
        parts.append(f"{redundancy} and {points(probe)} at K = {k}")
    return (
        "With the same λ_tc = 0, softmax less none is, in redundancy over random and in the probe "
        f"before the competition, {', '.join(parts)}."
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
    """The deepest greedy stack against the random one and the one trained end to end."""
    deep = int(stacks["depth"].max())
    parts = []
    for letter in ARCHITECTURES:
        greedy, random, whole = (
            stack(letter, deep, training) for training in ("greedy", "random", "end_to_end")
        )
        parts.append(
            f"{letter} {_probe_gap(stacks, greedy, random)} from random and "
            f"{_probe_gap(stacks, greedy, whole)} from end to end"
        )
    return f"With {deep} layers, greedy training differs in the probe by — {'; '.join(parts)}."


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


# ---------------------------------------------------------------------- mechanisms and objectives


def competition_answer(competitions: pd.DataFrame) -> str:
    """Which mechanisms lower redundancy at λ_tc = 0, and which reads out best."""
    zero = where(competitions, {"lambda_tc": 0.0})
    softmax, *others = (
        _gap(zero, "weight_redundancy", {"mechanism": m}, {"mechanism": "none"})
        for m in ("softmax", *other_mechanisms(zero))
    )
    sides: dict[str, list[str]] = {"lower": [], "higher": [], "not told apart": []}
    for m, gap in zip(other_mechanisms(zero), others, strict=True):
        sides[_side(gap)].append(name(m))
    best = str(zero.groupby("mechanism")["probe_accuracy"].mean().idxmax())
    listed = "; ".join(f"{side} with {', '.join(names)}" for side, names in sides.items() if names)
    return (
        f"Against no competition, redundancy at λ_tc = 0 is {_side(softmax)} with the softmax "
        f"({softmax}); {listed}. Best probe on the outputs: {name(best)}, "
        f"{_mean(zero, 'probe_accuracy', mechanism=best)}; softmax: "
        f"{_mean(zero, 'probe_accuracy', mechanism='softmax')}."
    )


def _side(interval: Interval) -> str:
    if interval.high < 0:
        return "lower"
    return "higher" if interval.low > 0 else "not told apart"


def works_answer(competitions: pd.DataFrame) -> str:
    """What training with the whole objective adds, from the worst to the best mechanism."""
    one = where(competitions, {"lambda_tc": 1.0})
    gains = {m: _mean(one, "probe_gain", mechanism=m) for m in other_mechanisms(one)}
    worst, best = (f(gains, key=lambda m: gains[m].mean) for f in (min, max))
    return (
        f"At λ_tc = 1 training adds between {gains[worst]} ({name(worst)}) and "
        f"{gains[best]} points ({name(best)}) to the probe, and "
        f"{_mean(one, 'probe_gain', mechanism='softmax')} under the softmax."
    )


def hyperplane_answer(forms: Mapping[str, pd.DataFrame]) -> str:
    """Redundancy over that of random directions, form by form."""
    listed = "; ".join(
        f"{text} {mean_interval(rows['redundancy_over_random'])}" for text, rows in forms.items()
    )
    return f"Redundancy over that of random directions (1 would be as diverse): {listed}."


def auxiliary_answer(guided: pd.DataFrame) -> str:
    """What the best weight of the cross-entropy brings, and what it costs."""
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        rows = where(guided, {"competition": architecture["competition"]})
        means = rows[rows["lambda_ce"] > 0].groupby("lambda_ce")["probe_accuracy"].mean()
        best = float(means.idxmax())
        pair = {"lambda_ce": best}, {"lambda_ce": 0.0}
        redundancy, correlation = (
            _gap(rows, measure, *pair).scaled(1 / _mean(rows, measure, lambda_ce=0.0).mean)
            for measure in ("weight_redundancy", "output_correlation")
        )
        parts.append(
            f"{letter} at λ_ce = {best:g} changes by {_probe_gap(rows, *pair)} of probe accuracy, "
            f"{percent(redundancy)} of its redundancy and {percent(correlation)} of its output "
            "correlation"
        )
    return "; ".join(parts) + "."


def shares_answer(shares: Mapping[str, Interval | None]) -> str:
    """The shares of the removable HSIC in words."""
    listed = "; ".join(
        f"{text}: {'nothing to remove' if share is None else percent(share) if share.n else share}"
        for text, share in shares.items()
    )
    return f"Share of the removable HSIC that is removed — {listed}."


def target_answer(robust: pd.DataFrame, outcomes: Mapping[str, str]) -> str:
    """Rank correlations of the two measures of dependence with every outcome."""
    measures = {"redundancy_over_random": "redundancy", "output_correlation": "output correlation"}
    means = robust.groupby("configuration")[[*measures, *outcomes]].mean()
    parts = []
    for outcome, text in outcomes.items():
        found = [
            format_number(rank_correlation(means[m], means[outcome]).mean, 2) for m in measures
        ]
        parts.append(f"{text} {' and '.join(found)}")
    return (
        f"Rank correlation over {len(means)} configurations with "
        f"{' and with '.join(measures.values())}: {'; '.join(parts)} (the target is right where it "
        "is negative)."
    )
