"""Rules on the prior art of source 002: its history, what others leave open, and its table.

What each objective optimizes, and this work, is judged in :mod:`.objectives`, the predictions
(002.12–15) in :mod:`.predictions`. Tables in ``Evidence.extra``, one row per method and seed where
nothing else is said:

- ``baselines``: method, seed, hidden_dim, probe_accuracy, weight_redundancy,
  redundancy_over_random, output_correlation, dead_units, effective_rank (of the weights), seconds,
  flops;
- ``pruning``: see the predictions;
- ``ablation``: method, views ("all", "none"), batch_size, seed, probe_accuracy;
- ``head_start``: method ("random" besides), seed, epoch (1 is after the first), accuracy of a
  supervised layer that starts from the weights of the method.
"""

from collections.abc import Sequence

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import Interval, mean_interval
from paper.chapters.prior_art.by_method import (
    MIN_METHODS,
    A,
    B,
    at_least,
    at_most,
    baseline,
    by_method,
    cost_step,
    names,
    part_of_gap,
)
from paper.chapters.prior_art.rules.predictions import removable
from paper.judging.claims import Finding, Part, below, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import differences
from paper.judging.shared_rules import (
    DIVERSE,
    POINT,
    every,
    part_above,
    part_points,
    percent,
    points,
)

CONTRASTIVE = ("simclr", "moco", "byol", "swav")
PREDICTION = ("masked_prediction", "autoregressive_prediction")
BOLTZMANN = ("rbm", "rbm_cd5", "rbm_pcd")

#: One method costs more than another if its FLOPs are at least this multiple.
COSTLIER = 1.5
#: The smaller printed bound of what can be pruned from foundation models.
PRUNABLE_HALF = 0.5
#: The sizes of a batch in the ablation, smallest first.
BATCHES = (32, 128, 512)
#: Weights whose effective rank is at most this share of K have collapsed.
COLLAPSED = 0.5


def some(outcomes: Sequence[bool | None]) -> bool | None:
    """Holds where one does, fails where all do, open otherwise."""
    if True in outcomes:
        return True
    return False if all(outcome is False for outcome in outcomes) else None


# -------------------------------------------------------------------------------------- the history


@claim(
    "002.1",
    place="The history",
    statement="Layer-wise pretraining made deep learning work in 2006; by 2012 it had stopped "
    "mattering.",
    test="None: a statement about the history of a field, which is cited.",
    rule="Untestable here, whatever is measured: experiments with single layers cannot decide "
    "which methods made deep networks of 2006 and 2012 trainable.",
)
def history(e: Evidence) -> Finding:
    return Finding(
        "untestable here",
        "A statement about the history of a field: it rests on the literature, and no measurement "
        "of single layers speaks for or against it.",
    )


@claim(
    "002.2",
    place="RBM pretraining",
    statement="Boltzmann machines model density by sampling, at a high cost.",
    test="FLOPs and seconds of one fit relative to the autoencoder's, at equal epochs, K and data. "
    "That the objective is a density and that it is trained by sampling are definitions.",
    rule="A part each for CD-1 and CD-5: holds if the FLOPs are at least 1.5 times those of the "
    "autoencoder (interval), fails if they are fewer. Supported if both hold. Persistent CD and "
    "seconds are reported beside them.",
)
def boltzmann_cost(e: Evidence) -> Finding:
    flops, seconds = baseline(e, "flops"), baseline(e, "seconds")
    parts = []
    for method in ("rbm", "rbm_cd5"):
        ratio = flops.ratio(method, "autoencoder")
        parts.append(Part(names([method]), at_least(ratio, COSTLIER), f"{ratio} times the FLOPs"))
    times = ", ".join(f"{names([m])} {seconds.ratio(m, 'autoencoder')}" for m in BOLTZMANN)
    persistent = flops.ratio("rbm_pcd", "autoencoder")
    intro = f"Against the autoencoder: seconds {times}; FLOPs of {names(['rbm_pcd'])} {persistent}."
    return finding(parts, intro=intro)


# --------------------------------------------------------------------------- what others leave open


@claim(
    "002.3",
    place="Autoencoders",
    statement="Autoencoders are cheap, but reconstruction does not prevent redundancy.",
    test="Weight redundancy and output correlation of the autoencoder against PCA, untrained "
    "weights and architecture B at equal K.",
    rule="Supported if the autoencoder's output correlation is above that of PCA and of B, and "
    "its weight redundancy above that of untrained weights (paired intervals above 0); refuted "
    "if all three fail.",
)
def autoencoder_redundancy(e: Evidence) -> Finding:
    return finding(
        [
            part_of_gap(e, "output_correlation", "autoencoder", "pca"),
            part_of_gap(e, "output_correlation", "autoencoder", B),
            part_of_gap(e, "weight_redundancy", "autoencoder", "untrained"),
        ]
    )


@claim(
    "002.4",
    place="Contrastive learning",
    statement="Contrastive learning needs augmentations and large batches, and does not prevent "
    "redundancy.",
    test="SimCLR with and without augmentations and with batches of 32, 128 and 512 at equal "
    "epochs; redundancy of SimCLR, MoCo, BYOL and SwAV against untrained weights, PCA and B.",
    rule="(a) Augmentations: the probe with them is more than 1 point above that without at all "
    "three sizes of a batch; fails if not at one. (b) Large batches: with augmentations, the probe "
    "with batches of 512 is more than 1 point above that with 32. (c) A part for each of the four "
    "methods: holds if its weight redundancy is above that of untrained weights and of B, and its "
    "output correlation above that of PCA and of B (paired intervals above 0); fails if one of "
    "these does.",
)
def contrastive_needs(e: Evidence) -> Finding:
    def probe(views: str, batch_size: int) -> pd.Series:
        at = {"views": views, "batch_size": batch_size}
        return by_method(e, "ablation", "probe_accuracy", at).of("simclr")

    def gap(first: tuple[str, int], second: tuple[str, int]) -> Interval:
        what = f"probe_accuracy in “ablation” of simclr with {first} and {second}"
        return mean_interval(differences(probe(*first), probe(*second), what))

    views = [
        part_points(f"batches of {size}", gap(("all", size), ("none", size)), POINT)
        for size in BATCHES
    ]
    text = "; ".join(f"{part.name} {part.text}" for part in views)
    large = gap(("all", BATCHES[-1]), ("all", BATCHES[0]))
    parts = [
        Part("(a) augmentations", every([part.holds for part in views]), text),
        part_points("(b) batches of 512 against 32", large, POINT),
    ]
    for method in CONTRASTIVE:
        gaps = [
            part_of_gap(e, metric, method, other)
            for metric, others in (
                ("weight_redundancy", ("untrained", B)),
                ("output_correlation", ("pca", B)),
            )
            for other in others
        ]
        text = "; ".join(f"{part.name} {part.text}" for part in gaps)
        parts.append(Part(f"(c) {names([method])} redundant", every([p.holds for p in gaps]), text))
    return finding(parts)


@claim(
    "002.5",
    place="Modern foundation models",
    statement="Models trained by prediction are redundant: 50–90 % can be pruned.",
    test="At this scale only: single layers trained by masked and by autoregressive prediction of "
    "pixels; the largest share, over three orders of removal, of units that can go within 1 point "
    "of probe accuracy. What holds for large models is cited, not measured.",
    rule="A part for each of the two: holds if the interval of the removable share lies at or "
    "above 50 %, fails if it lies below.",
)
def prediction_is_redundant(e: Evidence) -> Finding:
    shares = removable(e)
    parts = []
    for method in PREDICTION:
        share = shares.interval(method)
        parts.append(Part(names([method]), at_least(share, PRUNABLE_HALF), percent(share)))
    return finding(parts, intro="Removable share of single layers.")


# ------------------------------------------------------------------------------- the source's table


def prevents_redundancy(e: Evidence, method: str) -> tuple[bool | None, str]:
    """Whether a method prevents redundancy and collapse, and its numbers."""
    correlation = baseline(e, "output_correlation")
    rivals = correlation.baselines
    if len(rivals) < MIN_METHODS:
        raise MissingEvidence(f"output_correlation of at least {MIN_METHODS} baselines")
    own = correlation.of(method)
    gap = mean_interval(differences(own, correlation.median(rivals), "output_correlation"))
    redundancy = baseline(e, "redundancy_over_random").interval(method)
    dead = baseline(e, "dead_units").interval(method)
    outcome = every([at_most(redundancy, DIVERSE), below(dead, 1), below(gap, 0)])
    return outcome, (
        f"{names([method])}: redundancy over random {redundancy}, dead units {dead}, output "
        f"correlation less the baselines' median {gap}"
    )


def stands(e: Evidence, method: str) -> tuple[bool | None, str]:
    """Whether neither the units nor the weights of a method collapse, and its numbers."""
    rank = mean_interval(
        baseline(e, "effective_rank").of(method) / baseline(e, "hidden_dim").of(method)
    )
    dead = baseline(e, "dead_units").interval(method)
    outcome = every([below(dead, 1), part_above("", rank, COLLAPSED).holds])
    return outcome, f"{names([method])}: dead units {dead}, effective rank {percent(rank)} of K"


@claim(
    "002.6",
    place="The comparison",
    statement="What each objective prevents, and its cost: RBM poor initialisation (high), "
    "autoencoder information loss (low), contrastive collapse (medium), prediction nothing "
    "specific, InfoMax redundancy and collapse (low).",
    test="Every cell with what the tables have for it. The extreme cost of foundation models comes "
    "from their size and is not tested.",
    rule="RBM: after one epoch of fine-tuning, accuracy from its weights is above that from random "
    "weights (paired interval above 0). Autoencoder: its probe is more than 1 point above that of "
    "untrained weights. Contrastive: SimCLR, MoCo, BYOL and SwAV have fewer than 1 dead unit and "
    "an effective rank of the weights above half of K; fails if one does not. InfoMax: some "
    "configuration has a redundancy of at most twice that of random weights, fewer than 1 dead "
    "unit and an output correlation below the median of the baselines (at least 6). Prediction: "
    "masked and autoregressive prediction both fail at least one of these three conditions. Cost: "
    "median FLOPs of the contrastive methods are at least 1.5 times those of the autoencoder, of A "
    "and of B; those of the Boltzmann machines (CD-1, CD-5, PCD) at least 1.5 times those of the "
    "contrastive methods.",
)
def comparison_table(e: Evidence) -> Finding:
    start = by_method(e, "head_start", "accuracy", {"epoch": 1}).difference("rbm", "random")
    probe = baseline(e, "probe_accuracy").difference("autoencoder", "untrained")
    flops = baseline(e, "flops")
    collapse = [stands(e, method) for method in CONTRASTIVE]
    prediction = [prevents_redundancy(e, method) for method in PREDICTION]
    ours = [prevents_redundancy(e, method) for method in INFOMAX]
    unprevented = [None if holds is None else not holds for holds, _ in prediction]
    low = {m: cost_step(flops, CONTRASTIVE, [m]) for m in ("autoencoder", A, B)}
    high = cost_step(flops, BOLTZMANN, CONTRASTIVE)
    return finding(
        [
            Part("RBM, initialisation", part_above("", start, 0).holds, points(start)),
            part_points("autoencoder, information loss", probe, POINT),
            Part("contrastive, collapse", every([h for h, _ in collapse]), _texts(collapse)),
            Part("prediction, nothing specific", every(unprevented), _texts(prediction)),
            Part("InfoMax, redundancy and collapse", some([h for h, _ in ours]), _texts(ours)),
            Part(
                "cost, contrastive over low",
                every([at_least(ratio, COSTLIER) for ratio in low.values()]),
                ", ".join(f"{ratio} times {names([m])}" for m, ratio in low.items()),
            ),
            Part("cost, RBM over contrastive", at_least(high, COSTLIER), f"{high} times"),
        ]
    )


def _texts(found: Sequence[tuple[bool | None, str]]) -> str:
    return "; ".join(text for _, text in found)
