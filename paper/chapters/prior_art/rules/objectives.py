"""Rules on what objectives optimize, and on what InfoMax gets from EM and costs, source 002.

What other methods leave open is judged in :mod:`.others`, the predictions (002.12–15) in
:mod:`.predictions`. Tables in ``Evidence.extra``, one row per method and seed:

- ``baselines``: method, seed, probe_accuracy, weight_redundancy, output_correlation, hsic, seconds,
  flops, cka (with the fit at the seed before), purity and owner_similarity of the images that units
  own;
- ``head_start``: as in :mod:`.others`;
- ``overlap``: mixture ("distinct"; "doubled", with every component twice at half its weight),
  seed, log_likelihood, redundancy (mean over components of the largest \\|cosine\\| of its centred
  mean with another's).
"""

import numpy as np
import pandas as pd

from infomax_lib.stats import CONFIDENCE, Interval, format_exact, rank_correlation
from paper.chapters.prior_art.by_method import (
    A,
    B,
    at_most,
    baseline,
    by_method,
    cost_step,
    names,
    over_methods,
    part_of_gap,
)
from paper.chapters.prior_art.comparison import BASELINES, LABELS
from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import Evidence
from paper.judging.measured import differences
from paper.judging.shared_rules import (
    POINT,
    RELATED,
    part_above,
    part_below,
    part_points,
)
from paper.methods.methods import METHODS

#: Two log-likelihoods are the same to within this share.
SAME_LIKELIHOOD = 1e-9
#: Two components with a |cosine| from here on are copies.
COPIES = 1 - 1e-6
#: Purity and cosine that prototypes may lie below those of k-means.
PURITY_MARGIN, COSINE_MARGIN = 0.05, 0.1


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
        pairs = over_methods(probe, baseline(e, metric))
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
    """log10 of the coefficient of variation (s / |mean|) over seeds of one series over another's.

    Leaving out one seed at a time gives pseudovalues (jackknife), over which the interval is the
    usual one. Nothing is known where one of the two does not vary.
    """
    pairs = pd.concat([first, second], axis=1).dropna().to_numpy(float)

    def log_ratio(values: np.ndarray) -> float:
        variation = values.std(axis=0, ddof=1) / np.abs(values.mean(axis=0))
        return float(np.log10(variation[0] / variation[1])) if variation.all() else np.nan

    n, whole = len(pairs), log_ratio(pairs)
    left_out = np.array([log_ratio(np.delete(pairs, i, axis=0)) for i in range(n)])
    return mean_interval(n * whole - (n - 1) * left_out)


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
