"""Rules on what objectives optimize, and on what InfoMax gets from EM and costs, source 002.

What other methods leave open is judged in :mod:`.others`, the predictions (002.12–15) in
:mod:`.predictions`. Tables in ``Evidence.extra``, one row per method and seed:

- ``baselines``: method, seed, hidden_dim, probe_accuracy, redundancy_over_random,
  output_correlation, weight_redundancy, hsic, hsic_floor, labels_10, seconds, flops, cka (with the
  fit at the seed before), purity and owner_similarity of the images that units own;
- ``nonlinear``: method, seed, neighbour_accuracy and tree_accuracy of the fits of one seed;
- ``transfer``: as in :mod:`.predictions`;
- ``head_start``: as in :mod:`.others`;
- ``overlap``: mixture ("distinct"; "doubled", with every component twice at half its weight),
  seed, log_likelihood, redundancy (mean over components of the largest \\|cosine\\| of its centred
  mean with another's).
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from infomax_lib.stats import Interval, format_exact, mean_interval, rank_correlation
from paper.chapters.prior_art.by_method import (
    B_BEFORE,
    ROUNDING,
    A,
    B,
    ByMethod,
    against_median,
    baseline,
    by_method,
    cost_step,
    names,
    negligible_correlation,
    one_fit,
    over_methods,
    part_of_gap,
)
from paper.chapters.prior_art.comparison import BASELINES, LABELS
from paper.chapters.prior_art.rules.predictions import family_means
from paper.judging.claims import (
    Finding,
    Part,
    claim,
    decided,
    disproved,
    finding,
    measured,
    proved,
)
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import differences
from paper.judging.shared_rules import (
    HALF_POINT,
    POINT,
    RELATED,
    on_new_images,
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

#: A rank correlation below this orders two methods right in fewer than 57 of 100 cases.
FAINT_RELATION = 0.2
#: Differences of linear CKA or of cosines below this are of no interest.
SMALL_COSINE = 0.05
#: log10 of a ratio of variations: a quarter more or less.
QUARTER = 0.1
#: A tenth of the cost is the smallest difference of interest.
TENTH = 0.1

#: Objectives of others that name non-redundancy, and by which term.
TARGETS_NON_REDUNDANCY = {
    "picard": "the likelihood of independent sources, Bell and Sejnowski's infomax",
    "fastica": "components that are as independent as can be",
    "barlow_twins": "squares of correlations between different units",
    "vicreg": "squares of covariances between different units",
    "wmse": "white outputs",
}


# ----------------------------------------------------------- what each objective actually optimizes


@claim(
    "002.7",
    place="What each objective actually optimizes",
    quote="But modeling P(x) doesn't require non-redundant features. A mixture of Gaussians with "
    "overlapping components still models the density.",
    statement="Modelling density does not require non-redundant features: a mixture of Gaussians "
    "with overlapping components still models the density.",
    test="A construction: a mixture with distinct components, and the same with every component "
    "twice at half its weight. Half the weight twice adds up to the whole, so that the density is "
    "the same at every point.",
    rule="Proved if on every seed the two log-likelihoods of the built mixtures are the same to "
    "1e-9 (relative to their size where it is above 1) and every component of the doubled one has "
    "a copy (redundancy at least 1 − 1e-6). Otherwise the construction was not made: a "
    "possibility is not refuted by one attempt.",
    decisive="Whether a mixture with a copy of every component has the likelihood of the one "
    "without copies.",
    smallest="None: the two densities are equal, and 1e-9 is what rounding leaves of that.",
    before="supported",
    amended="That something is possible is shown by building it, so that the construction proves "
    "the claim; that copies are more redundant than distinct components is no longer a test of "
    "its own.",
)
def overlap_models_density(e: Evidence) -> Finding:
    likelihood, redundancy = (
        by_method(e, "overlap", metric, column="mixture")
        for metric in ("log_likelihood", "redundancy")
    )
    distinct = likelihood.of("distinct")
    gap = differences(likelihood.of("doubled"), distinct, "log_likelihood in “overlap”").abs()
    error = float((gap / distinct.abs().clip(lower=1)).max())
    copied = bool(redundancy.of("doubled").min() >= COPIES)
    text = (
        f"largest relative difference of the log-likelihoods {format_exact(error)}; redundancy "
        f"{redundancy.interval('doubled')}, {redundancy.interval('distinct')} without the copies"
    )
    built = error <= SAME_LIKELIHOOD and copied
    return finding([proved("the same density with every component twice", built, text)])


@claim(
    "002.8",
    place="What each objective actually optimizes",
    quote="InfoMax is the only objective that explicitly targets non-redundancy.",
    statement="InfoMax is the only objective that explicitly targets non-redundancy.",
    test="The text of other objectives: which of them have a term for independent or uncorrelated "
    "outputs. What each of them achieves is another question; output correlations of PCA and "
    "FastICA less those of A and B are shown beside it.",
    rule="Disproved if one objective of others has such a term: a word like “only” falls with one "
    "counterexample. Nothing that is measured decides.",
    decisive="Whether another objective in the literature names non-redundancy.",
    smallest="None: one counterexample is enough.",
    before="refuted",
    amended="The old rule compared the output correlations that methods reach, which is not what "
    "they target. The texts of the objectives decide now, and the measured correlations inform.",
)
def only_objective(e: Evidence) -> Finding:
    found = "; ".join(f"{names([m])} ({term})" for m, term in TARGETS_NON_REDUNDANCY.items())
    return finding(
        [
            disproved("other objectives that target it", bool(found), found),
            *(
                measured(
                    f"output correlation, {names([method])} − {names([own])}",
                    partial(_less_correlated, e, method, own),
                    decisive=False,
                )
                for method in ("pca", "fastica")
                for own in (A, B)
            ),
        ]
    )


def _less_correlated(e: Evidence, method: str, own: str) -> Part:
    gap = baseline(e, "output_correlation").difference(method, own)
    name = f"output correlation below, {names([method])} − {names([own])}"
    smallest = negligible_correlation(e)
    return part_below(name, gap, 0, smallest, neutral=0, decisive=False)


@claim(
    "002.9",
    place="Why RBM pretraining died",
    quote="The standard story: better tools made it unnecessary.\n\nA deeper story: the objective "
    "was wrong.",
    statement="RBM pretraining died because its objective was wrong, not only because better tools "
    "made it unnecessary.",
    test="None: why a field stopped using a method cannot be measured. What its features are worth "
    "beside those of others is, in the claims on RBM (002.2, 002.6, 002.18).",
    rule="Untestable here, whatever is measured: the quality of the features of 1 layer does not "
    "say why people abandoned the method.",
    decisive="None: the cause of a historical change is not a quantity.",
    smallest="None: nothing is measured.",
    before="untestable here",
    amended="Nothing but the record: the source's words stand beside ours now.",
)
def why_abandoned(e: Evidence) -> Finding:
    return Finding(
        "untestable here",
        "The cause of a historical change: features of Boltzmann machines can be better or worse "
        "here under either story.",
    )


@claim(
    "002.10",
    place="Why RBM pretraining died; The InfoMax hypothesis",
    quote="Good features are independent factors of variation.",
    statement="Good features are independent factors.",
    test="Rank correlation over methods between independence of the outputs (low HSIC less its "
    "sampling floor) and probe accuracy. A linear probe does not see a linear mixing of features, "
    "so that it credits independence only as far as methods differ in more than that. Beside it "
    "stand two probes that are not linear, of the first seed: ten nearest neighbours, which see "
    "all linear maps of standardised outputs but rotations, and trees, which split on one unit at "
    "a time and see rotations, too; low output correlation; and accuracy with ten labels.",
    rule="Over the methods (means over seeds, supervised ceiling left out, at least 6): Spearman "
    "correlation of probe accuracy with −(HSIC − floor). Supported if its whole 95 % interval over "
    "methods lies above 0.5, refuted if it lies below 0, not supported if it lies below 0.5.",
    decisive="Rank correlation over methods of probe accuracy with low HSIC above its floor.",
    smallest="0.2: below it, of two methods the more independent one is the better one in fewer "
    "than 57 of 100 cases, where 50 are chance.",
    before="refuted",
    amended="One quantity decides, dependence as HSIC sees it, of which the floor that differs "
    "between methods with rarely and often active units is taken away; correlation, which any "
    "linear map changes and no linear probe sees, informs. The interval over methods decides, "
    "where the estimate alone did. Probes that are not linear inform since a third reading.",
)
def independence_is_quality(e: Evidence) -> Finding:
    probe = baseline(e, "probe_accuracy")
    hsic = baseline(e, "hsic")
    dependence = ByMethod.of_frame(
        "hsic less its floor", hsic.values - baseline(e, "hsic_floor").values
    )
    few_labels = "accuracy with ten labels per class with −HSIC"
    return finding(
        [
            _relation("probe with −HSIC", probe, dependence),
            _relation(
                "probe with −output correlation",
                probe,
                baseline(e, "output_correlation"),
                decisive=False,
            ),
            *(
                measured(name, partial(_nonlinear, e, name, metric, dependence), decisive=False)
                for name, metric in (
                    ("nearest neighbours with −HSIC", "neighbour_accuracy"),
                    ("trees with −HSIC", "tree_accuracy"),
                )
            ),
            measured(
                few_labels,
                lambda: _relation(few_labels, baseline(e, "labels_10"), dependence, decisive=False),
                decisive=False,
            ),
        ],
        intro=probe.left_out().strip(),
    )


def _nonlinear(e: Evidence, name: str, metric: str, dependence: ByMethod) -> Part:
    return _relation(name, one_fit(e, "nonlinear", metric), dependence, decisive=False)


def _relation(name: str, good: ByMethod, bad: ByMethod, *, decisive: bool = True) -> Part:
    """Holds when over methods one measure is the better the lower the other is."""
    pairs = over_methods(good, bad)
    rho = rank_correlation(pairs[0], -pairs[1])
    shown = f"{name}, over {len(pairs)} methods"
    return part_above(shown, rho, RELATED, FAINT_RELATION, neutral=0, decisive=decisive)


@claim(
    "002.11",
    place="Why end-to-end training works (mostly)",
    quote="Features not needed for the task aren't learned (gaps)\n- Features can be redundant if "
    "redundancy doesn't hurt the task (waste)\n- Features are task-specific, not universal",
    statement="End-to-end training leaves gaps (features that the task does not need are not "
    "learned) and redundancy, and it transfers poorly.",
    test="A supervised layer of the same K. Gaps: linear probe on the half of the classes that it "
    "was not trained on, against the median of the unsupervised baselines on the images as they "
    "are. Redundancy: output correlation against the outputs of B, after its softmax. Transfer: "
    "linear probe on the other data set, against the same median. Test images are taken as drawn, "
    "with the bound of 002.4 on their error. Output correlation against B before its softmax, and "
    "redundancy of the weights, are shown beside them.",
    rule="Three parts, all decisive, as the source lists them; supported if all hold. (a) Gaps: "
    "accuracy on the classes not trained on lies more than 1 point below the median of the "
    "unsupervised baselines (at least 6). (b) Redundancy: output correlation lies above that of B. "
    "(c) Transfer: accuracy on the other data set lies more than 1 point below that median. All "
    "by whole paired intervals; the opposite lies beyond no difference.",
    decisive="Accuracy on classes not trained on and on the other data set, each less the median "
    "of layers trained without labels, and output correlation less that of B.",
    smallest="Accuracy: half a point, the standard error of an accuracy of 0.8 on 10 000 images. "
    "Output correlation: 8.4 for 64 units, a mean r² of 0.002 per pair, up to which this book "
    "calls outputs uncorrelated.",
    before="mixed",
    amended="The median is that of baselines that saw the same images, without methods of two "
    "views, and B before its softmax informs. Earlier, from mixed: redundancy alone was tested, "
    "twice; gaps and transfer are tested now, and redundancy rests on the outputs, as “features” "
    "are outputs, while that of the weights informs. In a third amendment (mixed before it) the "
    "error of test images joined the intervals of (a) and (c).",
)
def end_to_end_gaps(e: Evidence) -> Finding:
    redundant = partial(part_of_gap, e, a="supervised", b=B)
    outputs = redundant("output_correlation")
    return finding(
        [
            _below_median(e, "(a) gaps: classes not trained on", "classes"),
            replace(outputs, name=f"(b) redundancy: {outputs.name}"),
            _below_median(e, "(c) transfer: the other data set", "datasets"),
            measured(
                "redundancy over random",
                lambda: redundant("redundancy_over_random", decisive=False),
                decisive=False,
            ),
            measured(
                "output correlation against B before its softmax",
                partial(
                    part_of_gap, e, "output_correlation", "supervised", B_BEFORE, decisive=False
                ),
                decisive=False,
            ),
        ]
    )


def _below_median(e: Evidence, name: str, family: str) -> Part:
    """Holds when the supervised layer lies below the median baseline on a family of targets."""

    def part() -> Part:
        families = family_means(e)
        if family not in families:
            raise MissingEvidence(f"“transfer” to {family}")
        accuracy = families[family]
        gap = against_median(accuracy, "supervised")
        typical = accuracy.median(accuracy.rivals("supervised"))
        gap = on_new_images(gap, accuracy.of("supervised"), typical)
        return part_points(name, gap, -POINT, side="below")

    return measured(name, part)


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
    quote="May be unstable, initialization-dependent",
    statement="Without EM training may be unstable and depend on initialisation; with EM it is "
    "stable and structured.",
    test="B against A over seeds: similarity of the features of neighbouring seeds (linear CKA), "
    "and coefficients of variation over seeds. Both are read as h = relu(W x + b), B before its "
    "softmax, each at the learning rate with the best probe of that code. The two differ in λ_tc "
    "as well, each at the value that the source gives it. B read after its softmax, at a rate "
    "chosen there, is shown beside it.",
    rule="Supported if CKA between seeds of B lies above that of A (whole paired interval above "
    "0), refuted if it lies below 0 by more than can be called no difference, not supported if the "
    "difference lies within ±0.05. The same after the softmax, and the coefficients of variation "
    "over seeds of probe accuracy, output correlation and weight redundancy, as log10 of the ratio "
    "of B to A (below 0; within ±0.1 none), inform.",
    decisive="Similarity (CKA) of the features that two seeds end with, B before its softmax less "
    "A.",
    smallest="0.05 of CKA, of which 1 means the same geometry and 0 none in common; 0.1 of log10 "
    "of a ratio of variations, a quarter more or less.",
    before="mixed",
    amended="Similarity of the features between seeds decides, and how much single numbers vary "
    "informs. A second amendment (refuted before it) compares like with like, as the source speaks "
    "of training: the same code, each layer at the rate that is best for it. After the softmax the "
    "smallest rate is best, and a layer that has hardly learned says little on where training "
    "leads.",
)
def stable_with_em(e: Evidence) -> Finding:
    parts = [
        _alike(e, B_BEFORE, "before its softmax"),
        measured(
            "CKA, B after its softmax",
            partial(_alike, e, B, "after its softmax", decisive=False),
            decisive=False,
        ),
    ]
    for metric in ("probe_accuracy", "output_correlation", "weight_redundancy"):
        label = f"variation of {metric.replace('_', ' ')}, log10 of B over A"
        parts.append(measured(label, partial(_varies_less, e, metric, label), decisive=False))
    return finding(parts)


def _alike(e: Evidence, method: str, where: str, *, decisive: bool = True) -> Part:
    """Holds when two seeds of B end with more similar features than two seeds of A."""
    cka = baseline(e, "cka")
    name = f"CKA, B {where} {cka.interval(method)}, A {cka.interval(A)}, difference"
    gap = cka.difference(method, A)
    return part_above(name, gap, 0, SMALL_COSINE, neutral=0, decisive=decisive)


def _varies_less(e: Evidence, metric: str, name: str) -> Part:
    values = baseline(e, metric)
    ratio = variation_ratio(values.of(B_BEFORE), values.of(A))
    return part_below(name, ratio, 0, QUARTER, neutral=0, decisive=False)


@claim(
    "002.17",
    place="What InfoMax gets from EM",
    quote="Features aren't just uncorrelated—they're prototypes that own regions of input space.",
    statement="With EM, features are prototypes that own regions of input space.",
    test="Every test image is given to the unit with the largest standardised output. Purity: the "
    "share of images whose class is the majority class of their unit; owner similarity: cosine "
    "between the weights of a unit and the mean of its images less the mean image. B, read after "
    "its softmax, which is what gives an image an owner, against k-means, whose units are "
    "prototypes, against untrained weights and against A. Test images are taken as drawn, with the "
    "bound of 002.4 on their error. B before its softmax is shown beside.",
    rule="Supported if the purity of B lies not more than 5 points below that of k-means (whole "
    "paired interval above −5 points), not supported if it lies below. Shown beside it: purity of "
    "B more than 1 point above untrained weights and A; owner similarity not more than 0.1 below "
    "that of k-means, and above untrained weights and A.",
    decisive="Purity of the images that a unit owns, B less k-means.",
    smallest="Half a point of purity, about its standard error on 10 000 images; 0.05 of a cosine.",
    before="inconclusive",
    amended="One of six comparisons decides, purity against k-means, the method whose units are "
    "prototypes; owner similarity cannot, as centres hold the mean image that is taken from what "
    "they own. In a second amendment B before its softmax, at a rate of its own, was added to "
    "inform, in a third (underpowered before it) the error of test images joined the intervals.",
)
def prototypes(e: Evidence) -> Finding:
    purity, similarity = baseline(e, "purity"), baseline(e, "owner_similarity")
    gaps = {other: purity.accuracy_gap(B, other) for other in ("kmeans", "untrained", A)}
    as_pure = f"purity, B − {names(['kmeans'])}"
    decision = Decision(gaps.pop("kmeans"), "above", -PURITY_MARGIN, HALF_POINT)
    parts = [decided(as_pure, decision, scale=100, unit="points")]
    for other, gap in gaps.items():
        parts.append(part_points(f"purity, B − {names([other])}", gap, POINT, decisive=False))
    for other, limit in (("kmeans", -COSINE_MARGIN), ("untrained", 0.0), (A, 0.0)):
        gap = similarity.difference(B, other)
        name = f"owner similarity, B − {names([other])}"
        neutral = None if limit else 0.0
        parts.append(part_above(name, gap, limit, SMALL_COSINE, neutral=neutral, decisive=False))
    before = f"purity, {names([B_BEFORE])} − {names(['kmeans'])}"
    parts.append(measured(before, partial(_pure_before, purity, before), decisive=False))
    return finding(parts)


def _pure_before(purity: ByMethod, name: str) -> Part:
    gap = purity.accuracy_gap(B_BEFORE, "kmeans")
    return part_points(name, gap, -PURITY_MARGIN, decisive=False)


# ------------------------------------------------------------------------------------- what remains


@claim(
    "002.18",
    place="What remains from prior art",
    quote="**From RBMs:** The idea that local unsupervised objectives can initialize good "
    "features.",
    statement="Local unsupervised objectives can initialise good features.",
    test="A supervised layer is fine-tuned from the weights of an RBM (CD-1), and from random "
    "weights; test accuracy after the first epoch, when the start still tells, with test images "
    "taken as drawn. The bound of 002.4 gives them a half width of 0.6 points; what five seeds of "
    "both starts get right gives 0.15, with which the lead is firmer than shown. The same from A "
    "and from the autoencoder, and after the last epoch, are shown beside it.",
    rule="Supported if after the first epoch accuracy from the weights of the RBM lies above that "
    "from random weights (whole paired interval above 0); refuted if it lies below; not supported "
    "if the difference lies within ±0.5 points. One objective that does it shows that such "
    "objectives can; a lead that random weights make up later was one of the start, and the "
    "evidence says from when to when it holds.",
    decisive="Accuracy after one epoch of fine-tuning, from the RBM's weights less from random "
    "ones.",
    smallest="Half a point, about the standard error of an accuracy of 0.8 on 10 000 images.",
    before="mixed",
    amended="The source says that such objectives can, not that all of them do, and says it of "
    "Boltzmann machines: these decide, where three methods had to before. The epochs at which the "
    "lead holds are told. In a second amendment (supported before it) the error of test images "
    "joined the intervals, so that a lead after epoch 2 is no longer told from none.",
)
def head_start(e: Evidence) -> Finding:
    epochs = sorted({int(epoch) for epoch in e.table("head_start", ["epoch"])["epoch"]} - {0})
    leads: dict[int, Mapping[str, Part]] = {}
    for epoch in epochs:
        accuracy = by_method(e, "head_start", "accuracy", {"epoch": epoch})
        leads[epoch] = {
            method: part_points(
                f"{names([method])} − random, epoch {epoch}",
                accuracy.accuracy_gap(method, "random"),
                0,
                decisive=(method, epoch) == ("rbm", 1),
            )
            for method in ("rbm", A, "autoencoder")
        }
    if 1 not in leads:
        raise MissingEvidence("“head_start” with epoch=1")
    ahead = [str(epoch) for epoch in epochs if leads[epoch]["rbm"].outcome == "holds"]
    return finding(
        [*leads[1].values(), *(leads[epochs[-1]].values() if len(epochs) > 1 else ())],
        intro=f"{names(['rbm'])} is ahead after epochs {', '.join(ahead) or 'none'} of "
        f"{epochs[0]} to {epochs[-1]}.",
    )


@claim(
    "002.19",
    place="InfoMax + implicit EM (this work)",
    quote="**Training:** Standard backprop with batch statistics. Cheap.",
    statement="InfoMax with implicit EM is cheap: standard backpropagation with batch statistics, "
    "without sampling.",
    test="FLOPs of one fit of B against the autoencoder, which the source's table calls as cheap, "
    "at equal epochs, K and data; against the baselines that descend in minibatches; and seconds. "
    "That nothing is sampled is a property of the program.",
    rule="Supported if FLOPs of B are at most those of the autoencoder (whole interval of the "
    "ratio at or below 1), refuted if they are more. Shown beside it: FLOPs below the median of "
    "all baselines that descend in minibatches, and seconds below the autoencoder's.",
    decisive="Operations of one fit, B over the autoencoder.",
    smallest="A tenth of the cost: operations are counted without error, and prices differ by "
    "more than that between machines.",
    before="supported",
    amended="The source's row is InfoMax with EM, so that B stands where A did (their operations "
    "are the same), and the autoencoder decides, to which the table gives the same word, low. The "
    "median of the baselines and seconds inform.",
)
def low_cost(e: Evidence) -> Finding:
    flops = baseline(e, "flops")
    descending = [m for m in BASELINES if "batch_size" in METHODS[m].defaults]
    rivals = [m for m in descending if m not in flops.failed]
    typical = f"FLOPs over the median of {len(rivals)} baselines"
    seconds = f"seconds, {LABELS[B]} over {names(['autoencoder'])}"
    return finding(
        [
            part_below(
                f"FLOPs, {LABELS[B]} over {names(['autoencoder'])}",
                flops.ratio(B, "autoencoder"),
                1 + ROUNDING,
                TENTH,
                neutral=1,
            ),
            measured(
                typical,
                lambda: part_below(
                    typical, cost_step(flops, [B], rivals), 1, TENTH, neutral=1, decisive=False
                ),
                decisive=False,
            ),
            measured(
                seconds,
                lambda: part_below(
                    seconds,
                    baseline(e, "seconds").ratio(B, "autoencoder"),
                    1,
                    TENTH,
                    neutral=1,
                    decisive=False,
                ),
                decisive=False,
            ),
        ]
    )
