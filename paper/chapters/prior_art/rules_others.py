"""Rules for the prior-art chapter: what source 002 says about other methods and about this one.

The predictions (002.12–15) have rules of their own, :mod:`.predictions`. Tables in
``Evidence.extra``, one row per method and seed where nothing else is said:

- ``baselines``: method, seed, hidden_dim, probe_accuracy, weight_redundancy,
  redundancy_over_random, output_correlation, hsic, dead_units, effective_rank (of the weights),
  seconds, flops, cka (with the fit at the seed before), purity and owner_similarity of the images
  that units own;
- ``pruning``: see the predictions;
- ``ablation``: method, views ("all", "none"), batch_size, seed, probe_accuracy;
- ``head_start``: method ("random" besides), seed, epoch (1 is after the first), accuracy of a
  supervised layer that starts from the weights of the method;
- ``overlap``: mixture ("distinct"; "doubled", with every component twice at half its weight),
  seed, log_likelihood, redundancy (mean over components of the largest \\|cosine\\| of its centred
  mean with another's).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import CONFIDENCE, Interval, format_exact, mean_interval, rank_correlation
from paper.chapters.prior_art.by_method import (
    BASELINES,
    MIN_METHODS,
    ByMethod,
    at_least,
    at_most,
    by_method,
    names,
)
from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.rules.predictions import removable
from paper.judging.claims import Finding, Part, below, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import MIN_SEEDS_PER_METHOD, differences
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
from paper.methods.methods import METHODS

A, B = "infomax_relu", "infomax_softmax"
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
#: Two log-likelihoods are the same to within this share.
SAME_LIKELIHOOD = 1e-9
#: Two components with a |cosine| from here on are copies.
COPIES = 1 - 1e-6
#: Purity and cosine that prototypes may lie below those of k-means.
PURITY_MARGIN, COSINE_MARGIN = 0.05, 0.1

_RESAMPLES = 4999


def baseline(e: Evidence, metric: str) -> ByMethod:
    """One measure of the table of baselines."""
    return by_method(e, "baselines", metric)


def part_of_gap(e: Evidence, metric: str, a: str, b: str) -> Part:
    """Holds when method a lies above method b in a measure."""
    name = f"{metric.replace('_', ' ')}, {names([a])} − {names([b])}"
    return part_above(name, baseline(e, metric).difference(a, b), 0)


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


def cost_step(flops: ByMethod, dear: Sequence[str], cheap: Sequence[str]) -> Interval:
    """Median FLOPs of some methods over those of others, paired by seed."""
    return mean_interval((flops.median(dear) / flops.median(cheap)).dropna())


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


# ----------------------------------------------------------- what each objective actually optimizes


@claim(
    "002.7",
    place="What each objective actually optimizes",
    statement="Modelling density does not require non-redundant features: a mixture of Gaussians "
    "with overlapping components still models the density.",
    test="A construction: a mixture with distinct components, and the same with every component "
    "twice at half its weight.",
    rule="(a) On every seed the two log-likelihoods are the same to 1e-9 (relative to their size "
    "where it is above 1). (b) Every component of the doubled mixture has a copy: redundancy at "
    "least 1 − 1e-6 on every seed, and above that of the distinct mixture (paired interval above "
    "0). A part fails if it does not hold.",
)
def overlap_models_density(e: Evidence) -> Finding:
    likelihood, redundancy = (
        by_method(e, "overlap", metric, column="mixture")
        for metric in ("log_likelihood", "redundancy")
    )
    distinct = likelihood.of("distinct")
    gap = differences(likelihood.of("doubled"), distinct, "log_likelihood in “overlap”").abs()
    error = float((gap / distinct.abs().clip(lower=1)).max())
    more = redundancy.difference("doubled", "distinct")
    copied = bool(redundancy.of("doubled").min() >= COPIES) and more.low > 0
    text = f"{redundancy.interval('doubled')}, {redundancy.interval('distinct')} without the copies"
    return finding(
        [
            Part(
                "(a) same log-likelihood",
                error <= SAME_LIKELIHOOD,
                f"largest relative difference {format_exact(error)}",
            ),
            Part("(b) redundancy", copied, text),
        ]
    )


@claim(
    "002.8",
    place="What each objective actually optimizes",
    statement="InfoMax is the only objective that explicitly targets non-redundancy.",
    test="Counterexamples: PCA (uncorrelated outputs by construction) and FastICA (independence "
    "is its objective).",
    rule="Refuted if PCA or FastICA has an output correlation below that of both A and B (paired "
    "intervals below 0); supported if both methods lie above both; mixed otherwise.",
)
def only_objective(e: Evidence) -> Finding:
    correlation = baseline(e, "output_correlation")
    lower, higher, texts = [], [], []
    for method in ("pca", "fastica"):
        gaps = [correlation.difference(method, own) for own in (A, B)]
        lower.append(all(part_below("", g, 0).holds is True for g in gaps))
        higher.append(all(part_above("", g, 0).holds is True for g in gaps))
        texts.append(f"{method} − A {gaps[0]}, {method} − B {gaps[1]}")
    verdict = "refuted" if any(lower) else "supported" if all(higher) else "mixed"
    return Finding(verdict, f"Output correlation: {'; '.join(texts)}.")


@claim(
    "002.9",
    place="Why RBM pretraining died",
    statement="RBM pretraining died because its objective was wrong, not only because better tools "
    "made it unnecessary.",
    test="None: why a field stopped using a method cannot be measured. What its features are worth "
    "beside those of others is, in the claims on RBM (002.2, 002.6, 002.18).",
    rule="Untestable here, whatever is measured: the quality of the features of 1 layer does not "
    "say why people abandoned the method.",
)
def why_abandoned(e: Evidence) -> Finding:
    return Finding(
        "untestable here",
        "The cause of a historical change: features of Boltzmann machines can be better or worse "
        "here under either story.",
    )


@claim(
    "002.10",
    place="Why RBM pretraining died",
    statement="Good features are independent factors.",
    test="Rank correlation over methods between independence of the outputs (low HSIC, low "
    "output correlation) and probe accuracy.",
    rule="Over the methods (means over seeds, supervised ceiling left out, at least 6): Spearman "
    "correlation of probe accuracy with −HSIC and with −output correlation. A part holds at or "
    "above 0.5, fails at or below 0, and is open between. Its 95 % bootstrap interval over methods "
    "is shown and does not decide.",
)
def independence_is_quality(e: Evidence) -> Finding:
    probe = baseline(e, "probe_accuracy")
    parts = []
    for metric, label in (("hsic", "HSIC"), ("output_correlation", "output correlation")):
        means = pd.concat([probe.values.mean(), baseline(e, metric).values.mean()], axis=1)
        pairs = means.drop(index="supervised", errors="ignore").dropna()
        if len(pairs) < MIN_METHODS:
            raise MissingEvidence(
                f"probe accuracy and {label} of at least {MIN_METHODS} methods with "
                f"{MIN_SEEDS_PER_METHOD} "
                f"seeds (found {len(pairs)})"
            )
        rho = rank_correlation(pairs[0], -pairs[1])
        holds = True if rho.mean >= RELATED else False if rho.mean <= 0 else None
        parts.append(Part(f"probe with −{label}", holds, f"{rho} over {len(pairs)} methods"))
    return finding(parts, intro=probe.left_out().strip())


@claim(
    "002.11",
    place="Why end-to-end training works (mostly)",
    statement="End-to-end training leaves gaps and redundancy.",
    test="A supervised layer of the same K against architecture B: redundancy of its weights and "
    "outputs.",
    rule="Supported if the supervised layer's weight redundancy and output correlation are both "
    "above B's (paired intervals above 0); refuted if both are not.",
)
def supervised_redundancy(e: Evidence) -> Finding:
    metrics = ("weight_redundancy", "output_correlation")
    return finding([part_of_gap(e, metric, "supervised", B) for metric in metrics])


# ------------------------------------------------------------------------ what InfoMax gets from EM


def variation_ratio(first: pd.Series, second: pd.Series) -> Interval:
    """Coefficient of variation (s / |mean|) over seeds of one series over that of another.

    With a 95 % percentile bootstrap interval over the seeds that both have, drawn together, with a
    fixed random state. Resamples in which the second does not vary are left out.
    """
    pairs = pd.concat([first, second], axis=1).dropna().to_numpy(float)
    picked = np.random.default_rng(0).integers(0, len(pairs), (_RESAMPLES, len(pairs)))
    drawn = np.concatenate([pairs[None], pairs[picked]])
    variation = drawn.std(axis=1, ddof=1) / np.abs(drawn.mean(axis=1))
    ratio = np.divide(
        variation[:, 0],
        variation[:, 1],
        out=np.full(len(drawn), np.nan),
        where=variation[:, 1] > 0,
    )
    resampled = ratio[1:][np.isfinite(ratio[1:])]
    if not np.isfinite(ratio[0]):
        return Interval(np.nan, np.nan, np.nan, 0)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return Interval(float(ratio[0]), float(low), float(high), len(pairs))


@claim(
    "002.16",
    place="What InfoMax gets from EM",
    statement="Without EM training is unstable and depends on initialisation; with EM it is stable "
    "and structured.",
    test="B (softmax) against A over seeds: similarity of the features of neighbouring seeds "
    "(linear CKA), and coefficients of variation over seeds.",
    rule="(a) CKA of B is above that of A (paired interval above 0). (b)–(d) The coefficient of "
    "variation over seeds of probe accuracy, output correlation and weight redundancy is smaller "
    "for B: holds if the 95 % bootstrap interval of the ratio B over A, over seeds, lies below 1, "
    "fails if it lies at or above 1.",
)
def stable_with_em(e: Evidence) -> Finding:
    cka = baseline(e, "cka")
    label = f"(a) CKA, B {cka.interval(B)}, A {cka.interval(A)}, difference"
    parts = [part_above(label, cka.difference(B, A), 0)]
    for letter, metric in zip(
        "bcd", ("probe_accuracy", "output_correlation", "weight_redundancy"), strict=True
    ):
        values = baseline(e, metric)
        ratio = variation_ratio(values.of(B), values.of(A))
        label = f"({letter}) variation of {metric.replace('_', ' ')}, B over A"
        parts.append(part_below(label, ratio, 1))
    return finding(parts)


@claim(
    "002.17",
    place="What InfoMax gets from EM",
    statement="With EM, features are prototypes that own regions of input space.",
    test="Every test image is given to the unit with the largest standardised output. Purity: the "
    "share of images whose class is the majority class of their unit; owner similarity: cosine "
    "between the weights of a unit and the mean of its images less the mean image. B against "
    "k-means, whose units are prototypes, against untrained weights and against A.",
    rule="Purity of B (a) not more than 5 points below that of k-means (interval above −5 points), "
    "(b) more than 1 point above untrained weights, (c) more than 1 point above A. Owner "
    "similarity of B (d) not more than 0.1 below that of k-means, (e) above untrained weights, (f) "
    "above A (paired intervals).",
)
def prototypes(e: Evidence) -> Finding:
    purity, similarity = baseline(e, "purity"), baseline(e, "owner_similarity")
    parts = []
    for letter, other, limit in zip(
        "abc", ("kmeans", "untrained", A), (-PURITY_MARGIN, POINT, POINT), strict=True
    ):
        gap = purity.difference(B, other)
        parts.append(part_points(f"({letter}) purity, B − {names([other])}", gap, limit))
    for letter, other, limit in zip(
        "def", ("kmeans", "untrained", A), (-COSINE_MARGIN, 0, 0), strict=True
    ):
        gap = similarity.difference(B, other)
        parts.append(part_above(f"({letter}) owner similarity, B − {names([other])}", gap, limit))
    return finding(parts)


# ------------------------------------------------------------------------------------- what remains


@claim(
    "002.18",
    place="What remains from prior art",
    statement="Local unsupervised objectives can initialise good features.",
    test="A supervised layer is fine-tuned from the weights of A, of the autoencoder and of the "
    "RBM, and from random weights; test accuracy after the first and after the last epoch.",
    rule="For each of the three methods: accuracy after the first epoch is above that from random "
    "weights (paired interval above 0; decisive), and after the last epoch, too (not decisive).",
)
def head_start(e: Evidence) -> Finding:
    last = int(e.table("head_start", ["epoch"])["epoch"].max())
    parts = []
    for epoch in (1, last):
        accuracy = by_method(e, "head_start", "accuracy", {"epoch": epoch})
        for method in (A, "autoencoder", "rbm"):
            gap = accuracy.difference(method, "random")
            name = f"{names([method])} − random, epoch {epoch}"
            parts.append(part_points(name, gap, 0, decisive=epoch == 1))
    return finding(parts)


@claim(
    "002.19",
    place="InfoMax + implicit EM (this work)",
    statement="InfoMax is cheap: standard backpropagation with batch statistics, without sampling.",
    test="FLOPs of one fit of A against the autoencoder and against the baselines that descend in "
    "minibatches, at equal epochs, K and data. That nothing is sampled is a property of the "
    "program.",
    rule="(a) FLOPs of A are at most those of the autoencoder (interval of the ratio at or below "
    "1). (b) They are below the median of all baselines that descend in minibatches. A part fails "
    "if its interval lies on the other side.",
)
def low_cost(e: Evidence) -> Finding:
    flops = baseline(e, "flops")
    against = flops.ratio(A, "autoencoder")
    descending = [m for m in BASELINES if "batch_size" in METHODS[m].defaults]
    rivals = [m for m in descending if m not in flops.failed]
    ratio = cost_step(flops, [A], rivals)
    seconds = baseline(e, "seconds").ratio(A, "autoencoder")
    return finding(
        [
            Part("(a) FLOPs over those of the autoencoder", at_most(against, 1), f"{against}"),
            part_below(f"(b) FLOPs over the median of {len(rivals)} baselines", ratio, 1),
        ],
        intro=f"{LABELS[A]}: {seconds} times the seconds of the autoencoder.",
    )
