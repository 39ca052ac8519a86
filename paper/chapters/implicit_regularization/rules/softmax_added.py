"""Rules for source 000, Part 2, first table: what the softmax adds at equal everything.

Three of them speak of a course in time. They are judged at the end of the longest runs there are,
and say from when on what they find holds. They were registered for runs of 1000 epochs, on seeds
that nothing else here uses (``sweeps/trajectories.yaml``), before these were made.
"""

import math
from dataclasses import replace

import numpy as np

from infomax_lib.stats import Interval, format_number, mean_interval, paired_differences
from paper.judging.claims import (
    Finding,
    Part,
    bar_passed,
    claim,
    decided,
    finding,
    measured,
)
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.published import combine_numbers, number_verdict, printed_number
from paper.judging.shared_rules import (
    AT_REST,
    GRID,
    LONG,
    POINT,
    doubling,
    longest,
    longest_epochs,
    part_above,
    part_below,
    part_different,
    part_points,
    part_similar,
    relative_difference,
    relu,
    softmax,
)

REDUNDANCY = "weight_redundancy"

#: A fifth less, as log2 of a ratio: the smallest difference of redundancy of interest. Seeds of one
#: setting differ by about as much.
FIFTH = math.log2(1 / 0.8)


def log_ratios(e: Evidence, lambda_tc: float) -> dict[int, Interval]:
    """log2 of redundancy of B over A, paired over seeds, by epoch of the longest runs."""
    conditions = at_the_end(e, lambda_tc)
    found = {}
    for epoch in e.measured_epochs(REDUNDANCY, **conditions[0]):
        b, a = (np.log2(e.at_epoch(REDUNDANCY, epoch, **c)) for c in conditions)
        if epoch > 0:
            found[epoch] = mean_interval(paired_differences(b, a))
    return found


def at_the_end(e: Evidence, lambda_tc: float) -> tuple[dict[str, object], dict[str, object]]:
    """B and A at one λ_tc, trained as long as the shorter of their longest runs, 500 at least."""
    epochs = min(longest_epochs(e, make(lambda_tc), 500) for make in (softmax, relu))
    return softmax(lambda_tc, epochs=epochs), relu(lambda_tc, epochs=epochs)


def lower_when(ratios: dict[int, Interval]) -> str:
    """In which of the recorded epochs B lies below A, in words."""
    lower = [epoch for epoch, ratio in ratios.items() if ratio.high < 0]
    if not lower:
        return "never lower"
    runs = [[lower[0]]]
    recorded = list(ratios)
    for epoch in lower[1:]:
        if recorded.index(epoch) == recorded.index(runs[-1][-1]) + 1:
            runs[-1].append(epoch)
        else:
            runs.append([epoch])
    return "lower at epochs " + ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs
    )


@claim(
    "000.2",
    place="Summary 2; key finding 2",
    quote="Softmax provides implicit weight regularization. Adding softmax after the activation "
    "creates EM structure that prevents the loophole and stabilizes training.",
    statement="Softmax after the activation acts as implicit weight regularization.",
    test="Architecture B against A at the same λ_tc, λ_wr, epochs, batches and seeds, followed for "
    "500 epochs or more. (The source compares B at λ_tc = 0 after 200 epochs with A at 1 and 100.)",
    rule="log2 of the redundancy of B over that of A, paired, at the end of the longest runs, at "
    "λ_tc = 0, 1, 10 and 100: below −0.32, that is at least a fifth less. Each of the four "
    "decides: a regularizer acts whatever the pressure. The opposite is a ratio above 1. Beside "
    "it: the epochs from which on B is below A; redundancy of B at λ_tc = 0 below that of rows "
    "drawn from the data's own covariance, which a layer trained on these data has without any "
    "regularizer.",
    decisive="log2 of the redundancy of B over A at the end of training, at each λ_tc",
    smallest="0.32, a fifth of the redundancy: seeds of one setting differ by about as much",
    before="mixed",
    amended="The rule counted significant signs at 100 epochs, which longer training reverses, "
    "and called a layer diverse by random rows in all directions. Now the end of the longest runs "
    "decides, with a smallest effect.",
)
def implicit_weight_regularization(e: Evidence) -> Finding:
    parts = []
    for t in LONG:
        ratios = log_ratios(e, t)
        end = max(ratios)
        part = part_below(f"λ_tc={t:g}, epoch {end}", ratios[end], -FIFTH, FIFTH, neutral=0)
        parts.append(replace(part, text=f"{part.text}; {lower_when(ratios)}"))
    null = e.interval("redundancy_over_data", **softmax(0))
    parts.append(
        part_below("B at λ_tc=0 over rows from the data", null, 1, 0.2, neutral=1, decisive=False)
    )
    return finding(parts, intro="log2 of redundancy, B over A.")


@claim(
    "000.4",
    place="Summary 4; conclusion",
    quote="The same InfoMax objective produces different geometry depending on whether EM "
    "structure is present.",
    statement="The same objective gives different geometry depending on the mechanism.",
    test="B against A at the same λ_tc (0 and 1), paired, at the end of the longest runs: "
    "effective rank and redundancy of W, and alignment of the closest rows.",
    rule="Geometry differs if it does in one of its measures. Decisive: redundancy at λ_tc = 1, "
    "where A has a pressure of its own, after 500 epochs or more, differs by more than 20 % of "
    "A's, in either direction. Beside it: the same at λ_tc = 0; effective rank by more than 10 %; "
    "largest |cosine| by more than 0.05; and redundancy at λ_tc = 1 after 100 epochs.",
    decisive="relative difference of redundancy, B minus A, at λ_tc = 1, at the end of training",
    smallest="20 % of the redundancy: seeds of one setting differ by about as much",
    before="mixed",
    amended="Six parts of equal weight made a verdict impossible. The measure of the source's own "
    "tables decides, where the objective is whole (its pressure not zero); and at the end of the "
    "longest runs, as in 000.2, because the first hundred epochs do not last.",
)
def mechanism_changes_geometry(e: Evidence) -> Finding:
    parts = []
    for t in (1, 0):
        b, a = at_the_end(e, t)
        checks: list[tuple[str, Interval, float]] = [
            ("redundancy", relative_difference(e, REDUNDANCY, b, a), 0.2),
            ("effective rank", relative_difference(e, "effective_rank", b, a), 0.1),
            ("largest |cosine|", e.difference("max_abs_cosine", b, a), 0.05),
        ]
        for label, difference, limit in checks:
            decisive = t == 1 and label == "redundancy"
            name = f"{label} at λ_tc={t}, epoch {b['epochs']}"
            parts.append(part_different(name, difference, limit, decisive=decisive))

    def early() -> Part:
        gap = relative_difference(e, REDUNDANCY, softmax(1), relu(1))
        return part_different("redundancy at λ_tc=1, reference length", gap, 0.2, decisive=False)

    return finding([*parts, measured("redundancy at λ_tc=1, reference length", early, False)])


@claim(
    "000.13",
    place="Part 2, first table",
    quote="100 | 2.85 | 1.07 | 46.53 … 200 | 2.89 | 1.08 | 47.60",
    statement="Softmax at λ_tc = 0: redundancy, output correlation, loss 2.85/1.07/46.53 after "
    "100 epochs and 2.89/1.08/47.60 after 200.",
    test="Runs of 100 epochs, and the longer trajectories at epochs 100 and 200.",
    rule="Numbers: the number rule on all six (100 epochs over all seeds, 200 from the long "
    "trajectories). Interpretation (both rows are points of one training run, so its loss rises "
    "from 46.53 to 47.60): the paired change of loss from epoch 100 to 200 is above 0; changes of "
    "less than 0.05 nats count as none.",
    decisive="change of the loss from epoch 100 to 200",
    smallest="0.05 nats, a twentieth of the rise that is printed",
    before="refuted",
    amended="A smallest effect was added: without it a change of any size decided.",
)
def softmax_rows(e: Evidence) -> Finding:
    condition = longest(e, softmax(0), 200)
    metrics = (REDUNDANCY, "output_correlation", "loss")
    ours = {(100, m): e.values(m, **softmax(0)) for m in metrics}
    ours |= {(200, m): e.at_epoch(m, 200, **condition) for m in metrics}
    verdicts = [
        number_verdict(printed_number("softmax_epochs", m, epochs=n), values)
        for (n, m), values in ours.items()
    ]
    number = combine_numbers(verdicts) if e.is_source_setting else "not applicable"
    change = mean_interval((ours[200, "loss"] - e.at_epoch("loss", 100, **condition)).dropna())
    shown = "; ".join(
        f"{n} epochs: " + " / ".join(str(mean_interval(ours[n, m])) for m in metrics)
        for n in (100, 200)
    )
    parts = [part_above("loss rises from epoch 100 to 200", change, 0, 0.05, neutral=0)]
    return finding(parts, number, intro=f"Redundancy / correlation / loss, {shown}.")


@claim(
    "000.14",
    place="Part 2, first finding",
    quote="Redundancy stabilizes without any explicit regularization.",
    statement="Under softmax redundancy stabilises without any explicit regularization.",
    test="Softmax trajectories at λ_tc = 0, followed for 500 epochs or more; A of equal length as "
    "control.",
    rule="Relative change of redundancy over the last doubling of training, paired: within ±5 % "
    "it is stable. Above +5 % it rises, which refutes the claim; below −5 % it still falls, and "
    "the claim is not supported as far as training went. Beside it: the last doubling of A at "
    "λ_tc = 0, 1, 10 and 100.",
    decisive="relative change of redundancy over the last doubling of training",
    smallest="5 % per doubling: at that pace a tenfold longer training changes it by a sixth",
    before="refuted",
    amended="Falling had counted as the opposite of stabilising, and 500 epochs as the end.",
)
def stabilises(e: Evidence) -> Finding:
    change, start, end = doubling(e, REDUNDANCY, longest(e, softmax(0), 500))
    part = part_similar(f"epoch {start} to {end}", change, AT_REST)
    if part.outcome == "opposite" and change.mean < 0:
        part = replace(part, outcome="fails", text=f"{part.text}: it still falls")
    parts = [part]
    for t in LONG:
        name = f"control, A at λ_tc={t:g}"

        def control(t=t, name=name) -> Part:
            moved = doubling(e, REDUNDANCY, longest(e, relu(t), 500))[0]
            return part_similar(name, moved, AT_REST, decisive=False)

        parts.append(measured(name, control, decisive=False))
    return finding(parts)


@claim(
    "000.15",
    place="Part 2, text below the first table",
    quote="ReLU alone (100k epochs): Redundancy drifted to 3.52 and kept increasing. "
    "ReLU → Softmax (200 epochs): Redundancy stable at 2.89",
    statement="ReLU alone drifts to redundancy 3.52 at 100 000 full-batch epochs and keeps "
    "rising, while softmax is stable at 2.89.",
    test="A at λ_tc = 1, the pressure that the source gives it, over the last doubling of the "
    "longest minibatch runs; full-batch runs of equal length with and without softmax beside it "
    "(seed 42). The source sets 100 000 full-batch epochs (100 000 steps) beside 200 minibatch "
    "epochs (93 800 steps): steps are alike, samples seen are not.",
    rule="Numbers: 3.52 must be met to its digits by the full-batch run at epoch 100 000 (partly: "
    "within 15 %); not applicable if the run is shorter. Interpretation: redundancy of A still "
    "rises by more than 5 % over the last doubling; the opposite is a fall. Beside it: B, and the "
    "full-batch runs from half of their length to the end.",
    decisive="relative change of the redundancy of A at λ_tc = 1 over the last doubling of "
    "training",
    smallest="5 % per doubling, as for the softmax in 000.14",
    before="mixed",
    amended="One full-batch run of 2000 steps decided. The longest minibatch runs do "
    "now, over seeds, at the λ_tc that the source uses without softmax.",
)
def drift(e: Evidence) -> Finding:
    change, start, end = doubling(e, REDUNDANCY, longest(e, relu(1), 500))
    rises = Decision(change, "above", AT_REST, AT_REST, 0.0)
    parts = [decided(f"A rises, epoch {start} to {end}", rises, scale=100, unit="%")]
    moved = doubling(e, REDUNDANCY, longest(e, softmax(0), 500))[0]
    parts.append(part_similar("B is stable", moved, AT_REST, decisive=False))
    number = "not applicable"
    full = {"batch_size": "full", "seed": 42}
    try:
        epochs = min(e.longest(**make(0, **full)) for make in (relu, softmax))
    except MissingEvidence:
        return finding(parts, number)
    for name, make in (("A", relu), ("B", softmax)):
        condition = make(0, epochs=epochs, **full)
        middle = max(n for n in e.measured_epochs(REDUNDANCY, **condition) if n <= epochs / 2)
        first, last = (
            float(e.at_epoch(REDUNDANCY, n, 1, **condition).iloc[0]) for n in (middle, epochs)
        )
        share = 100 * (last / first - 1)
        text = f"{format_number(last)}, {format_number(share, 1)} % since epoch {middle}, one seed"
        moves = share > 100 * AT_REST if name == "A" else abs(share) <= 100 * AT_REST
        verb = "rises" if name == "A" else "is stable"
        parts.append(bar_passed(f"full batch, {name} {verb}", moves, text, decisive=False))
    if e.is_source_setting and epochs >= 100_000:
        at = float(e.at_epoch(REDUNDANCY, 100_000, 1, **relu(0, epochs=epochs, **full)).iloc[0])
        number = number_verdict("3.52", [at])
    return finding(parts, number)


@claim(
    "000.20",
    place="Part 2, second finding",
    quote="With EM structure, the entropy term alone is sufficient.",
    statement="With EM structure the entropy term alone is sufficient.",
    test="Softmax at λ_tc = 0 against the λ_tc of the grid whose code is best, paired; dead units, "
    "correlation floor, redundancy and untrained weights beside it.",
    rule="Sufficient means that pressure adds nothing: probe accuracy of the code before the "
    "softmax at λ_tc = 0 is not more than 1 point below that at the best λ_tc of the grid. Beside "
    "it: the same after the softmax; dead units below 0.5; output correlation within 10 % of the "
    "floor; redundancy below that of rows drawn from the data's covariance; probe above untrained.",
    decisive="probe accuracy before the softmax at the best λ_tc minus that at λ_tc = 0",
    smallest="half a point of accuracy",
    before="mixed",
    amended="Five parts of equal weight; redundancy was held against random rows in all "
    "directions. That another term adds something is what would make this one insufficient.",
)
def entropy_suffices(e: Evidence) -> Finding:
    zero = softmax(0)
    hidden = int(e.select(**zero)["hidden_dim"].iloc[0])
    correlation = e.interval("output_correlation", **zero).scaled((hidden - 1) / hidden)
    parts = []
    for metric, where, decides in (
        ("probe_accuracy_pre", "before", True),
        ("probe_accuracy", "after", False),
    ):
        means = {t: e.interval(metric, **softmax(t)).mean for t in GRID}
        best = max(means, key=means.__getitem__)
        name = f"lead of the best λ_tc ({best:g}), probe {where} the softmax"
        if best == 0:
            parts.append(bar_passed(name, True, "λ_tc=0 is the best", decisive=decides))
        else:
            lead = e.difference(metric, softmax(best), zero)
            parts.append(part_points(name, lead, POINT, side="below", decisive=decides))
    return finding(
        [
            *parts,
            part_below("dead units", e.interval("dead_units", **zero), 0.5, 0.5, decisive=False),
            part_below("correlation over floor", correlation, 1.1, 0.05, decisive=False),
            part_below(
                "redundancy over rows from the data",
                e.interval("redundancy_over_data", **zero),
                *(1, 0.2),
                neutral=1,
                decisive=False,
            ),
            _above_untrained(e, "probe above untrained", zero, decisive=False),
        ]
    )


@claim(
    "000.27",
    place="Theoretical interpretation",
    quote="Both pieces are necessary: InfoMax without EM: achieves objective via loopholes; EM "
    "without InfoMax: no objective to optimize",
    statement="Objective and mechanism are both necessary: InfoMax without EM uses loopholes, EM "
    "without InfoMax has nothing to optimise, together they reach the objective.",
    test="Swap grid at equal λ_tc = 1, at the end of the longest runs: objective without mechanism "
    "(A trained), mechanism without objective (B untrained), both (B trained). Goals: diverse "
    "weights and informative features.",
    rule="The mechanism is necessary if without it a goal is missed: at λ_tc = 1, after 500 epochs "
    "or more, redundancy of trained B is at least a fifth below that of trained A (relative "
    "difference below −20 %). The objective is necessary if trained B is more accurate than "
    "untrained B by more than 1 point. Both decide. Beside them: the same at λ_tc = 0, and the "
    "probe before the softmax of B against A. (That the free energy alone is an objective, 001.13, "
    "is another chapter's.)",
    decisive="redundancy of B against A, and probe of B against B untrained, at λ_tc = 1, at the "
    "end of training",
    smallest="a fifth of the redundancy; half a point of accuracy",
    before="mixed",
    amended="Six parts of equal weight. Each of the two necessities has one now, where the "
    "objective is whole, at the end of the longest runs, as in 000.2; smallest effects were added.",
)
def both_necessary(e: Evidence) -> Finding:
    parts = []
    for t in (1, 0):
        decides = t == 1
        b, a = at_the_end(e, t)
        lower = Decision(relative_difference(e, REDUNDANCY, b, a), "below", -0.2, 0.2, 0.0)
        name = f"mechanism: redundancy, B − A, λ_tc={t}"
        parts.append(decided(name, lower, decides, scale=100, unit="% of A's"))
        name = f"objective: probe, B − B untrained, λ_tc={t}"
        parts.append(_above_untrained(e, name, b, decisive=decides))
        probe = e.difference("probe_accuracy_pre", b, a)
        name = f"probe before the softmax, B − A, λ_tc={t}"
        parts.append(part_points(name, probe, -POINT, decisive=False))
    return finding(parts)


def _above_untrained(
    e: Evidence, name: str, condition: dict[str, object], *, decisive: bool
) -> Part:
    """Holds when the probe on the outputs is a point above that of the same layers at epoch 0."""

    def gain() -> Part:
        before = e.at_epoch("probe_accuracy", 0, **condition)
        gain = mean_interval((e.values("probe_accuracy", **condition) - before).dropna())
        return part_points(name, gain, POINT, decisive=decisive)

    return measured(name, gain, decisive)
