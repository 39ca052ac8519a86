"""Rules for source 001: mechanism and objective as two choices, and what the mechanism does.

The swap grid crosses every mechanism with every objective at λ_tc = 1. A further table,
``destinations`` (seed, method, log_likelihood), says where prototypes end.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from infomax_lib.stats import mean_interval
from paper.chapters.theory.experiment import MECHANISMS, OBJECTIVES, SOFTMIN, cell
from paper.chapters.theory.rules.parts import MARGIN, disproved, most_seeds, proved, vanishes
from paper.judging.claims import Finding, Part, above, below, claim, finding, inside
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.shared_rules import (
    DIVERSE,
    INDEPENDENT,
    POINT,
    hsic_ratio,
    part_above,
    part_below,
    part_similar,
    percent,
    points,
    relative_difference,
)

#: Two effects are called separable when their interaction is less than this share of the variance.
INTERACTION = 0.1
#: A swap works when it costs fewer points of accuracy than this.
SWAPPED = 0.05
#: Difference of mean log-likelihoods (nats) from which two mixtures are different models.
SAME_MODEL, OTHER_MODEL = 0.01, 0.1


@claim(
    "001.1",
    place="The Separation; What Each Part Contributes",
    statement="Mechanism and objective are orthogonal, separable design choices.",
    test="The swap grid: five mechanisms × four objectives. Separable choices can be combined "
    "freely, and the effect of one does not depend on the other: a two-way analysis of variance "
    "per seed has no interaction.",
    rule="(a) in every one of the 20 cells at most one seed in ten diverges; the interaction is "
    "less than 10 % of the variance between cells of (b) log output correlation, (c) log weight "
    "redundancy, (d) probe accuracy. (b) to (d) are decisive.",
)
def separable(e: Evidence) -> Finding:
    parts = [_trains(e)]
    for label, metric, log in (
        ("(b) interaction, output correlation", "output_correlation", True),
        ("(c) interaction, weight redundancy", "weight_redundancy", True),
        ("(d) interaction, probe accuracy", "probe_accuracy", False),
    ):
        columns = {(m, o): e.values(metric, **cell(m, o)) for m in MECHANISMS for o in OBJECTIVES}
        table = pd.DataFrame(columns).dropna()
        if len(table) < MIN_SEEDS:
            raise MissingEvidence(f"{metric} of the whole swap grid, at least {MIN_SEEDS} seeds")
        share = mean_interval(interaction_shares(table, log))
        text = f"{percent(share)} of the variance against 10 %"
        parts.append(Part(label, below(share, INTERACTION), text))
    return finding(parts)


def interaction_shares(table: pd.DataFrame, log: bool = False) -> pd.Series:
    """Share of the variance between cells that is interaction, for every row (a seed).

    A row's values are split into mechanism + objective + rest (two-way analysis of variance); the
    share is the rest's sum of squares over the total. A row with equal cells has no interaction.

    Args:
        table: One row per seed, columns (mechanism, objective), complete.
        log: Of the logarithms of the values, those below 1e-6 taken as that.
    """
    values = np.log(table.clip(lower=1e-6)) if log else table
    cube = np.stack([row.unstack().to_numpy(float) for _, row in values.iterrows()])
    centred = cube - cube.mean((1, 2), keepdims=True)
    additive = centred.mean(1, keepdims=True) + centred.mean(2, keepdims=True)
    total = np.square(centred).sum((1, 2))
    rest = np.square(centred - additive).sum((1, 2))
    shares = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)
    return pd.Series(shares, table.index)


@claim(
    "001.9",
    place="The Architecture",
    statement="Responsibilities are softmax(−z) and the loss is on z; source 000 trains "
    "softmax(+h) with the loss on it, and takes it for the same model.",
    test="Loss of softmax(−z) against softmax(+z) with mirrored weights, exactly; trained layers "
    "under softmin against softmax; trained layers with the loss on h against the loss on "
    "softmax(h). All InfoMax at λ_tc = 1.",
    rule="(a) without activation the sign is a reflection: losses differ by at most 1e-9; with "
    "ReLU, (b) softmin and softmax have redundancy within ±10 % and probe accuracy within ±1 "
    "point; (c) so have loss on h and loss on softmax(h). (c) is decisive.",
)
def conventions(e: Evidence) -> Finding:
    b, a = cell("softmax (B)", "InfoMax"), cell("none (A)", "InfoMax")
    parts = [vanishes(e, "sign", "(a) sign, no activation", decisive=False)]
    for label, first, decisive in (
        ("(b) softmin − softmax", SOFTMIN, False),
        ("(c) loss on h − loss on softmax(h)", a, True),
    ):
        redundancy = relative_difference(e, "weight_redundancy", first, b)
        probe = e.difference("probe_accuracy", first, b)
        parts.append(part_similar(f"{label}, redundancy", redundancy, MARGIN, decisive))
        parts.append(part_similar(f"{label}, probe", probe, POINT, decisive, as_points=True))
    return finding(parts)


@claim(
    "001.10",
    place="The Architecture; The Full Picture",
    statement="Gradients flow through softmax to W; the chain rule delivers responsibility-"
    "weighted updates.",
    test="Autograd in float64: the gradient of the source's own loss, on z; of the LSE term; of "
    "source 000's loss, on softmax(h).",
    rule="(a) the loss on z: fails if the identity holds by which its gradient is the centred z "
    "times a matrix, without responsibilities; (b) the LSE term: holds if its gradient is "
    "−responsibility/N; (c) the loss on softmax(h): holds if its gradient is the responsibility "
    "times a difference. (a) is about the source's own architecture; all are decisive.",
)
def responsibility_weighted(e: Evidence) -> Finding:
    return finding(
        [
            disproved(e, "(a) loss on z", "gradient_on_z"),
            proved(e, "(b) LSE term", "lse_gradient", "free_energy_gradient"),
            proved(e, "(c) loss on softmax(h)", "softmax_jacobian", "gradient_through_softmax"),
        ]
    )


@claim(
    "001.11",
    place="What Each Part Contributes",
    statement="InfoMax could be swapped for another unsupervised objective, softmax for another "
    "competitive activation.",
    test="The swap grid. A swap works if training does not diverge and the features stay usable: "
    "probe accuracy against the reference, InfoMax under softmax, paired.",
    rule="(a) in every cell at most one seed in ten diverges; (b) under softmax each of −log det, "
    "Barlow and HSIC costs less than 5 points of probe accuracy; (c) under InfoMax each of the "
    "LSE term, sparsemax and entmax-1.5 does. (b) and (c) are decisive; they fail if none does.",
)
def swappable(e: Evidence) -> Finding:
    reference = cell("softmax (B)", "InfoMax")

    def swaps(name: str, cells: Mapping[str, Mapping[str, object]]) -> Part:
        gaps = {n: e.difference("probe_accuracy", c, reference) for n, c in cells.items()}
        outcomes = {above(gap, -SWAPPED) for gap in gaps.values()}
        holds = outcomes.pop() if len(outcomes) == 1 else None
        return Part(name, holds, ", ".join(f"{n} {points(gap)}" for n, gap in gaps.items()))

    objectives = {o: cell("softmax (B)", o) for o in ("−log det", "Barlow", "HSIC")}
    mechanisms = {m: cell(m, "InfoMax") for m in ("LSE term", "sparsemax", "entmax-1.5")}
    return finding(
        [
            _trains(e),
            swaps("(b) objectives, probe accuracy", objectives),
            swaps("(c) mechanisms, probe accuracy", mechanisms),
        ]
    )


def _trains(e: Evidence) -> Part:
    """Holds when at most one seed in ten diverges in every cell of the swap grid."""
    cells = {f"{m} × {o}": cell(m, o) for m in MECHANISMS for o in OBJECTIVES}
    diverged = {n: float(e.select(**c)["diverged_at"].notna().mean()) for n, c in cells.items()}
    failing = [n for n, share in diverged.items() if share > 0.1]
    text = f"{len(cells) - len(failing)} of {len(cells)}" + (
        f" (not {', '.join(failing)})" if failing else ""
    )
    return Part("(a) combinations that train", not failing, text, decisive=False)


@claim(
    "001.12",
    place="Connection to Classical EM",
    statement="GMM-EM and implicit EM with InfoMax share the mechanism; the destination differs: "
    "features, not density.",
    test="Two-dimensional mixtures on which explicit EM can be computed, from the same starts: "
    "mean log-likelihood of the prototypes that explicit EM, gradient descent on the LSE term "
    "(implicit EM), and InfoMax on the same distances end with, paired over seeds.",
    rule="(a) same objective, same destination: implicit less explicit EM within ±0.01 nats; (b) "
    "InfoMax ends more than 0.1 nats below explicit EM. (b) is decisive.",
)
def destination(e: Evidence) -> Finding:
    table = e.table("destinations", ["seed", "method", "log_likelihood"])
    wide = table.pivot(index="seed", columns="method", values="log_likelihood")
    absent = [m for m in ("explicit", "implicit", "infomax") if m not in wide.columns]
    if absent or len(wide) < MIN_SEEDS:
        raise MissingEvidence(f"mixtures fitted in all three ways, {MIN_SEEDS} seeds")
    # what float64 leaves of zero differs between machines, and is not shown
    same = mean_interval((wide["implicit"] - wide["explicit"]).round(9))
    other = mean_interval(wide["infomax"] - wide["explicit"])
    return finding(
        [
            Part(
                "(a) implicit − explicit EM",
                inside(same, -SAME_MODEL, SAME_MODEL),
                f"{same} nats",
                decisive=False,
            ),
            part_below("(b) InfoMax − explicit EM, nats", other, -OTHER_MODEL),
        ]
    )


@claim(
    "001.20",
    place="The Full Picture",
    statement="The layer learns K prototypes that cover different parts of the input space, "
    "detect independent features, are all utilized and not redundant.",
    test="Four measures on held-out data of layers trained with the LSE term and InfoMax, the "
    "mechanism and the objective of the source.",
    rule="(a) cover: the effective number of winning units is above K/2; (b) independent: HSIC "
    "below twice its sampling floor; (c) used: no dead unit in at least 9 of 10 seeds; (d) not "
    "redundant: weight redundancy below twice that of random weights. All are decisive.",
)
def full_picture(e: Evidence) -> Finding:
    layer = cell("LSE term", "InfoMax")
    units = int(e.select(**layer)["hidden_dim"].iloc[0])
    return finding(
        [
            part_above(
                "(a) effective winners", e.interval("effective_winners", **layer), units / 2
            ),
            part_below("(b) HSIC over its floor", hsic_ratio(e, layer), INDEPENDENT),
            most_seeds("(c) no dead unit", e.values("dead_units", **layer) < 1),
            part_below(
                "(d) redundancy over random",
                e.interval("redundancy_over_random", **layer),
                DIVERSE,
            ),
        ]
    )
