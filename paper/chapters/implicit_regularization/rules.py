"""Rules for source 000, Part 2, first table: what the softmax adds at equal everything."""

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import Interval, format_number, holm, mean_interval, sign_flip_p
from paper.judging.claims import Finding, Part, above, below, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.published import combine_numbers, number_verdict, printed_number
from paper.judging.shared_rules import (
    DIVERSE,
    GRID,
    POINT,
    part_above,
    part_below,
    part_similar,
    percent,
    points,
    relative_difference,
    relu,
    share_of_seeds,
    softmax,
)

REDUNDANCY = "weight_redundancy"


@claim(
    "000.2",
    place="Summary 2; key finding 2",
    statement="Softmax after the activation acts as implicit weight regularization.",
    test="Architecture B against A at the same λ_tc, λ_wr, epochs, batches and seeds over the "
    "λ_tc grid. (The source compares B at λ_tc = 0 with A at 1 and 100.)",
    rule="Redundancy of B minus A, paired, sign-flip test with Holm correction over the grid "
    "(level 0.05). (a) lower at λ_tc = 0; (b) lower at at least 6 of the 8 values (fails if at "
    "2 or fewer); (c) below twice random weights at λ_tc = 0, as a regularizer of directions "
    "would leave it. (a) and (b) are decisive. Where Fashion-MNIST was run, (d): the same sign "
    "there at λ_tc = 0.",
)
def implicit_weight_regularization(e: Evidence) -> Finding:
    differences = {t: e.differences(REDUNDANCY, softmax(t), relu(t)) for t in GRID}
    intervals = {t: mean_interval(d) for t, d in differences.items()}
    adjusted = holm([sign_flip_p(d) for d in differences.values()])
    significant = dict(zip(GRID, adjusted < 0.05, strict=True))
    lower = [t for t in GRID if significant[t] and intervals[t].mean < 0]
    higher = [t for t in GRID if significant[t] and intervals[t].mean > 0]
    at_zero = True if 0.0 in lower else False if 0.0 in higher else None
    enough = True if len(lower) >= 6 else False if len(lower) <= 2 else None
    shown = ", ".join(f"{i} at {t:g}" for t, i in intervals.items())
    parts = [
        Part("(a) lower at λ_tc=0", at_zero, f"{intervals[0.0]}"),
        Part(
            "(b) lower over the grid",
            enough,
            f"lower at {len(lower)}, higher at {len(higher)} of {len(GRID)} values ({shown})",
        ),
        part_below(
            "(c) redundancy over random at λ_tc=0",
            e.interval("redundancy_over_random", **softmax(0)),
            DIVERSE,
            decisive=False,
        ),
    ]
    try:
        other = {"dataset": "fashion-mnist"}
        there = e.difference(REDUNDANCY, softmax(0, **other), relu(0, **other))
        parts.append(part_below("(d) lower on Fashion-MNIST at λ_tc=0", there, 0, decisive=False))
    except MissingEvidence:
        pass  # a second data set strengthens the claim; its absence does not weaken it
    return finding(parts)


@claim(
    "000.4",
    place="Summary 4; conclusion",
    statement="The same objective gives different geometry depending on the mechanism.",
    test="B against A at the same λ_tc (0 and 1), paired: redundancy and effective rank of W, "
    "and alignment of the closest rows.",
    rule="At both λ_tc: redundancy differs by more than 20 % of A's; effective rank differs by "
    "more than 10 % of A's; largest |cosine| differs by more than 0.05. Each of the six is a "
    "part that holds when the paired interval lies wholly beyond the threshold on one side.",
)
def mechanism_changes_geometry(e: Evidence) -> Finding:
    parts = []
    for t in (0, 1):
        checks: list[tuple[str, Interval, float]] = [
            ("redundancy", relative_difference(e, REDUNDANCY, softmax(t), relu(t)), 0.2),
            ("effective rank", relative_difference(e, "effective_rank", softmax(t), relu(t)), 0.1),
            ("largest |cosine|", e.difference("max_abs_cosine", softmax(t), relu(t)), 0.05),
        ]
        for label, d, limit in checks:
            differs = True if d.low > limit or d.high < -limit else None
            if -limit <= d.low and d.high <= limit:
                differs = False
            unit = "" if label.startswith("largest") else " × A's"
            parts.append(Part(f"{label} at λ_tc={t}", differs, f"difference {d}{unit}"))
    return finding(parts)


@claim(
    "000.13",
    place="Part 2, first table",
    statement="Softmax at λ_tc = 0: redundancy, output correlation, loss 2.85/1.07/46.53 after "
    "100 epochs and 2.89/1.08/47.60 after 200.",
    test="Runs of 100 epochs, and the longer trajectories at epochs 100 and 200.",
    rule="Numbers: the number rule on all six (100 epochs over all seeds, 200 from the long "
    "trajectories). Interpretation (both rows are points of one training run, so its loss rises "
    "from 46.53 to 47.60): supported if the paired change of loss from epoch 100 to 200 is above "
    "0, refuted if it is below, inconclusive if its interval holds 0.",
)
def softmax_rows(e: Evidence) -> Finding:
    long = softmax(0, epochs=_trajectory_epochs(e, softmax(0), 200))
    metrics = (REDUNDANCY, "output_correlation", "loss")
    ours = {(100, m): e.values(m, **softmax(0)) for m in metrics}
    ours |= {(200, m): e.at_epoch(m, 200, **long) for m in metrics}
    verdicts = [
        number_verdict(printed_number("softmax_epochs", m, epochs=n), values)
        for (n, m), values in ours.items()
    ]
    number = combine_numbers(verdicts) if e.is_source_setting else "not applicable"
    change = mean_interval((ours[200, "loss"] - e.at_epoch("loss", 100, **long)).dropna())
    shown = "; ".join(
        f"{n} epochs: " + " / ".join(str(mean_interval(ours[n, m])) for m in metrics)
        for n in (100, 200)
    )
    parts = [part_above("loss rises from epoch 100 to 200", change, 0)]
    return finding(parts, number, intro=f"Redundancy / correlation / loss, {shown}.")


@claim(
    "000.14",
    place="Part 2, first finding",
    statement="Under softmax redundancy stabilises without any explicit regularization.",
    test="Softmax trajectories at λ_tc = 0 to 500 epochs; A at λ_tc = 0 of equal length as "
    "control.",
    rule="Change of redundancy relative to its value at epoch 100, paired: within ±5 % from "
    "epoch 100 to 200 and within ±5 % from 200 to 500.",
)
def stabilises(e: Evidence) -> Finding:
    def change(condition: dict[str, object], start: int, end: int) -> Interval:
        condition = {**condition, "epochs": _trajectory_epochs(e, condition, end)}
        first = e.at_epoch(REDUNDANCY, start, **condition)
        last = e.at_epoch(REDUNDANCY, end, **condition)
        scale = e.at_epoch(REDUNDANCY, 100, **condition).mean()
        return mean_interval(((last - first) / scale).dropna())

    parts = [
        part_similar(f"epoch {a} to {b}", change(softmax(0), a, b), 0.05)
        for a, b in ((100, 200), (200, 500))
    ]
    try:
        control = percent(change(relu(0), 200, 500))
    except MissingEvidence:
        control = "not measured"
    return finding(parts, intro=f"Control without softmax, epoch 200 to 500: {control}.")


@claim(
    "000.15",
    place="Part 2, text below the first table",
    statement="ReLU alone drifts to redundancy 3.52 at 100 000 full-batch epochs and keeps "
    "rising, while softmax is stable at 2.89.",
    test="Full-batch runs of equal length with and without softmax (λ_tc = 0, seed 42). The "
    "source sets 100 000 full-batch epochs (100 000 steps) beside 200 minibatch epochs (93 800 "
    "steps): steps are alike, samples seen are not.",
    rule="Numbers: 3.52 must be met to its digits by the run at epoch 100 000 (partly: within "
    "15 %); not applicable if the run is shorter. Interpretation, from the last recorded "
    "epoch of the first half to the end: redundancy of ReLU still rises by more than 1 %; that "
    "of softmax changes by at most 5 %; and softmax ends below ReLU. Runs shorter than 1000 "
    "epochs count as not measured.",
)
def drift(e: Evidence) -> Finding:
    full = {"batch_size": "full", "seed": 42}
    epochs = min(e.longest(**relu(0, **full)), e.longest(**softmax(0, **full)))
    if epochs < 1000:
        raise MissingEvidence("full-batch runs of at least 1000 epochs, seed 42, λ_tc=0")

    def value(condition: dict[str, object], epoch: int) -> float:
        return float(e.at_epoch(REDUNDANCY, epoch, 1, **condition).iloc[0])

    conditions = {
        name: make(0, epochs=epochs, **full) for name, make in (("A", relu), ("B", softmax))
    }
    end = {name: value(c, epochs) for name, c in conditions.items()}
    recorded = e.measured_epochs(REDUNDANCY, **conditions["A"])
    middle = max(epoch for epoch in recorded if epoch <= epochs / 2)
    half = {name: value(c, middle) for name, c in conditions.items()}
    change = {name: end[name] / half[name] - 1 for name in end}
    number = "not applicable"
    if e.is_source_setting and epochs >= 100_000:
        number = number_verdict("3.52", [value(conditions["A"], 100_000)])
    show = {n: f"{format_number(end[n])} ({format_number(100 * change[n], 1)} %)" for n in end}
    return finding(
        [
            Part("ReLU still rises", change["A"] > 0.01, show["A"]),
            Part("softmax is stable", abs(change["B"]) <= 0.05, show["B"]),
            Part("softmax ends lower", end["B"] < end["A"], f"after {epochs} epochs"),
        ],
        number,
        intro=f"Redundancy at epoch {epochs} (change since epoch {middle}), one seed.",
    )


@claim(
    "000.16",
    place="Part 2; key finding 2",
    statement="Under softmax the loophole (independent outputs from redundant weights) is "
    "structurally impossible.",
    test="Look for it: softmax runs over the λ_tc grid, and softmax started from pairs of equal "
    "rows with equal or with far-apart thresholds. Independent means as uncorrelated as the "
    "simplex allows.",
    rule="A run shows the loophole if a pair of rows has a cosine above 0.9 while output "
    "correlation is within 20 % of the floor K/(K−1). Supported if no run in any condition shows "
    "it; refuted if in some condition at least half of the seeds do; mixed otherwise.",
)
def structurally_impossible(e: Evidence) -> Finding:
    conditions = {f"λ_tc={t:g}": softmax(t) for t in GRID}
    started = {
        f"{initial}, λ_tc={t}": softmax(t, initial=initial)
        for initial in ("twins", "offset_twins")
        for t in (0, 1)
    }
    shares = {}
    for name, condition in (conditions | started).items():
        runs = e.select(**condition)
        floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
        shows = (runs["aligned_pairs"] > 0) & (runs["output_correlation"] <= 1.2 * floor)
        shares[name] = (int(shows.sum()), len(runs))
    worst = max(shares.values(), key=lambda s: s[0] / s[1])
    verdict = "supported" if worst[0] == 0 else "mixed"
    if worst[0] >= worst[1] / 2:
        verdict = "refuted"
    listed = ", ".join(f"{name}: {a} of {n}" for name, (a, n) in shares.items() if a)
    return Finding(verdict, f"Seeds that show the loophole under softmax: {listed or 'none'}.")


@claim(
    "000.20",
    place="Part 2, second finding",
    statement="With EM structure the entropy term alone is sufficient.",
    test="Softmax at λ_tc = 0: dead units, geometry, correlation floor, and probe accuracy "
    "against untrained weights and against the best λ_tc.",
    rule="(a) dead units below 0.5 of 16; (b) output correlation within 10 % of the floor "
    "K/(K−1); (c) redundancy below twice random weights; (d) probe accuracy on the outputs above "
    "that of the same layer untrained by more than 1 point; (e) not more than 1 point below the "
    "λ_tc of the grid with the best mean probe accuracy.",
)
def entropy_suffices(e: Evidence) -> Finding:
    zero = softmax(0)
    floor = simplex_floor(int(e.select(**zero)["hidden_dim"].iloc[0]))
    correlation = e.interval("output_correlation", **zero).scaled(1 / floor)

    best = max(GRID, key=lambda t: e.interval("probe_accuracy", **softmax(t)).mean)
    loss = e.difference("probe_accuracy", softmax(best), zero)
    return finding(
        [
            part_below("(a) dead units", e.interval("dead_units", **zero), 0.5),
            part_below("(b) correlation over floor", correlation, 1.1),
            part_below(
                "(c) redundancy over random",
                e.interval("redundancy_over_random", **zero),
                DIVERSE,
            ),
            _above_untrained(e, "(d) probe above untrained", zero),
            Part(
                "(e) close to the best λ_tc",
                True if best == 0 else below(loss, POINT),
                f"best λ_tc={best:g}, ahead by {points(loss)}",
            ),
        ]
    )


@claim(
    "000.25",
    place="Key finding 2",
    statement="Units must differentiate to receive gradient; redundant units lose the competition.",
    test="Gradient norm of rows that start as duplicates against single rows, and training from "
    "duplicated rows with and without softmax.",
    rule="(a) under softmax at the start, gradient norm of duplicated over single units below "
    "0.8 (table “twin_gradients”: competition, seed, ratio); (b) softmax started from twins at "
    "λ_tc = 0 ends with no pair of cosine above 0.9 in at least 80 % of the seeds; (c) it ends "
    "with fewer such pairs than the same start without softmax at λ_tc = 1 (both at 1, paired).",
)
def redundant_units_lose(e: Evidence) -> Finding:
    def gradient() -> Part:
        table = e.table("twin_gradients", ["competition", "seed", "ratio"])
        ratio = mean_interval(table[table["competition"] == "softmax"]["ratio"])
        return part_below("(a) gradient of duplicates over singles", ratio, 0.8)

    def separate() -> Part:
        runs = e.select(**softmax(0, initial="twins"))
        share = float((runs["aligned_pairs"] == 0).mean())
        return share_of_seeds("(b) twins separate", share, len(runs), 0.8)

    def fewer() -> Part:
        twins = {"initial": "twins"}
        d = e.difference("aligned_pairs", softmax(1, **twins), relu(1, **twins))
        return part_below("(c) aligned pairs, softmax − none", d, 0)

    return finding(
        [
            measured("(a) gradient of duplicates over singles", gradient),
            measured("(b) twins separate", separate),
            measured("(c) aligned pairs, softmax − none", fewer),
        ]
    )


@claim(
    "000.27",
    place="Theoretical interpretation",
    statement="Objective and mechanism are both necessary: InfoMax without EM uses loopholes, EM "
    "without InfoMax has nothing to optimise, together they reach the objective.",
    test="Swap grid at equal λ_tc = 0 and 1: objective without mechanism (A trained), mechanism "
    "without objective (B untrained), both (B trained). Goals: diverse weights and informative "
    "features.",
    rule="At λ_tc = 0 and 1: trained B has lower redundancy than trained A, and a probe on its "
    "pre-activations at least as accurate (not more than 1 point below); and trained B is more "
    "accurate than untrained B by more than 1 point.",
)
def both_necessary(e: Evidence) -> Finding:
    parts = []
    for t in (0, 1):
        redundancy = e.difference(REDUNDANCY, softmax(t), relu(t))
        parts.append(part_below(f"B less redundant at λ_tc={t}", redundancy, 0))
        probe = e.difference("probe_accuracy_pre", softmax(t), relu(t))
        held = above(probe, -POINT)
        parts.append(Part(f"B as informative at λ_tc={t}", held, points(probe)))
        parts.append(_above_untrained(e, f"B above untrained at λ_tc={t}", softmax(t)))
    return finding(parts)


def _above_untrained(e: Evidence, name: str, condition: dict[str, object]) -> Part:
    """Holds when the probe on the outputs is a point above that of the same layers at epoch 0."""

    def gain() -> Part:
        before = e.at_epoch("probe_accuracy", 0, **condition)
        gain = mean_interval((e.values("probe_accuracy", **condition) - before).dropna())
        return Part(name, above(gain, POINT), points(gain))

    return measured(name, gain)


def _trajectory_epochs(e: Evidence, condition: dict[str, object], least: int) -> int:
    """Length of the longest run of a condition, which must reach ``least`` epochs."""
    epochs = e.longest(**condition)
    if epochs < least:
        raise MissingEvidence(
            f"runs of at least {least} epochs with competition="
            f"{condition['competition']}, lambda_tc={condition['lambda_tc']:g}"
        )
    return epochs
