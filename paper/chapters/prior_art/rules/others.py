"""Rules on the prior art of source 002: its history, what others leave open, and its table.

What each objective optimizes, and this work, is judged in :mod:`.objectives`, the predictions
(002.12–15) in :mod:`.predictions`. Tables in ``Evidence.extra``, one row per method and seed where
nothing else is said:

- ``baselines``: method, seed, hidden_dim, probe_accuracy, redundancy_over_random,
  output_correlation, dead_units, effective_rank (of the weights), seconds, flops;
- ``pruning``: see the predictions;
- ``ablation``: method, views ("all", "none"), batch_size, seed, probe_accuracy;
- ``head_start``: method ("random" besides), seed, epoch (1 is after the first), accuracy of a
  supervised layer that starts from the weights of the method.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import Interval, mean_interval
from paper.chapters.prior_art.by_method import (
    A,
    B,
    against_median,
    baseline,
    by_method,
    cost_step,
    names,
    negligible_correlation,
    part_of_gap,
)
from paper.chapters.prior_art.rules.predictions import removable
from paper.judging.claims import Finding, Part, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import differences
from paper.judging.shared_rules import (
    POINT,
    TWICE,
    on_new_images,
    part_above,
    part_below,
    part_points,
    percent,
)

CONTRASTIVE = ("simclr", "moco", "byol", "swav")
PREDICTION = ("masked_prediction", "autoregressive_prediction")
BOLTZMANN = ("rbm", "rbm_cd5", "rbm_pcd")

#: One method costs more than another if its FLOPs are at least this multiple.
COSTLIER = 1.5
#: A tenth of the cost is the smallest difference of interest.
TENTH = 0.1
#: The sizes of a batch in the ablation, smallest first.
BATCHES = (32, 128, 512)
#: Weights whose effective rank is at most this share of K have collapsed.
COLLAPSED = 0.5
#: Shares of K below this are of no interest.
SMALL_SHARE = 0.05
#: Half a unit, and half of the redundancy of random weights.
HALF = 0.5


# -------------------------------------------------------------------------------------- the history


@claim(
    "002.1",
    place="The history",
    quote="Then it stopped mattering. By 2012, end-to-end training with ReLU, dropout, and better "
    "initialization worked fine. Pretraining became unnecessary.",
    statement="Layer-wise pretraining made deep learning work in 2006; by 2012 it had stopped "
    "mattering.",
    test="None: a statement about the history of a field, which is cited.",
    rule="Untestable here, whatever is measured: experiments with single layers cannot decide "
    "which methods made deep networks of 2006 and 2012 trainable.",
    decisive="None: the history of a field is not a quantity.",
    smallest="None: nothing is measured.",
    before="untestable here",
    amended="Nothing but the record: the source's words stand beside ours now.",
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
    quote="**Training:** Contrastive divergence. Approximate MCMC. Expensive.",
    statement="Boltzmann machines model density by sampling, at a high cost.",
    test="FLOPs of one fit by contrastive divergence with one step, the procedure of 2006, "
    "relative to the autoencoder's, at equal epochs, K and data. That the objective is a density "
    "and that it is trained by sampling are definitions. CD-5, persistent CD and seconds are "
    "shown beside it.",
    rule="Supported if FLOPs of CD-1 are more than 1.5 times those of the autoencoder (whole "
    "interval of the ratio), refuted if they are fewer than the autoencoder's, not supported in "
    "between.",
    decisive="Operations of one fit, RBM with CD-1 over the autoencoder.",
    smallest="A tenth of the cost: operations are counted without error, and prices differ by "
    "more than that between machines.",
    before="mixed",
    amended="The heading is “Hinton 2006”, where one step of contrastive divergence was made: it "
    "decides alone, and five steps inform. The bar, 1.5 times the autoencoder, is the old one.",
)
def boltzmann_cost(e: Evidence) -> Finding:
    def cost(method: str, metric: str, decisive: bool) -> Part:
        name = f"{'FLOPs' if metric == 'flops' else metric}, {names([method])} over autoencoder"

        def part() -> Part:
            ratio = baseline(e, metric).ratio(method, "autoencoder")
            return part_above(name, ratio, COSTLIER, TENTH, neutral=1, decisive=decisive)

        return part() if decisive else measured(name, part, decisive)

    first, *others = BOLTZMANN
    parts = [cost(first, "flops", True), *(cost(m, "flops", False) for m in others)]
    return finding([*parts, *(cost(m, "seconds", False) for m in BOLTZMANN)])


# --------------------------------------------------------------------------- what others leave open


@claim(
    "002.3",
    place="Autoencoders",
    quote="**Limitation:** Reconstruction doesn't prevent redundancy. Multiple features can encode "
    "the same information.",
    statement="Autoencoders are cheap, but reconstruction does not prevent redundancy.",
    test="Output correlation of the autoencoder against PCA, which reconstructs with uncorrelated "
    "features, at equal K. Output correlation against untrained weights and B, redundancy of the "
    "weights against untrained ones, and FLOPs against those of the RBM are shown beside it.",
    rule="Supported if the output correlation of the autoencoder lies above that of PCA (whole "
    "paired interval above 0), refuted if it lies below, not supported if the difference is "
    "smaller than a mean r² of 0.002 per pair.",
    decisive="Output correlation of the autoencoder less that of PCA.",
    smallest="8.4 for 64 units: a mean r² of 0.002 per pair, up to which this book calls outputs "
    "uncorrelated.",
    before="supported",
    amended="One of three comparisons decides: features are outputs, and PCA shows that "
    "reconstruction can do without their correlation. Weights against random directions, which "
    "are no fair null for weights that follow images, and B, which does not reconstruct, inform; "
    "so does cost, which the old rule left out.",
)
def autoencoder_redundancy(e: Evidence) -> Finding:
    parts = [part_of_gap(e, "output_correlation", "autoencoder", "pca")]
    for metric, other in (
        ("output_correlation", "untrained"),
        ("output_correlation", B),
        ("redundancy_over_random", "untrained"),
    ):
        name = f"{metric.replace('_', ' ')}, autoencoder − {names([other])}"
        gap = partial(part_of_gap, e, metric, "autoencoder", other, decisive=False)
        parts.append(measured(name, gap, decisive=False))
    cost = f"FLOPs, autoencoder over {names(['rbm'])}"
    parts.append(
        measured(
            cost,
            lambda: part_below(
                cost,
                baseline(e, "flops").ratio("autoencoder", "rbm"),
                1,
                TENTH,
                neutral=1,
                decisive=False,
            ),
            decisive=False,
        )
    )
    return finding(parts)


@claim(
    "002.4",
    place="Contrastive learning",
    quote="**Limitation:** Requires augmentation strategy. What augmentations to use? "
    "Domain-specific. Also doesn't explicitly prevent redundancy—features can be correlated if "
    "they all help the contrastive task.",
    statement="Contrastive learning needs augmentations and large batches, and does not prevent "
    "redundancy.",
    test="SimCLR with and without augmentations and with batches of 32, 128 and 512 at equal "
    "epochs and one learning rate, chosen at batches of 128 with augmentations: (b) speaks of that "
    "rate, at which larger batches make fewer steps, and not of the best that either size could "
    "do. Output correlation of SimCLR, MoCo, BYOL and SwAV against PCA, whose outputs are "
    "uncorrelated. Redundancy of their weights against untrained ones is shown beside it. Test "
    "images are taken as drawn: the variance that they give to a difference of accuracies a and b "
    "on M images is at most (a(1 − a) + b(1 − b)) / M. Of 595 pairs of first fits it is 51 % of "
    "that on average, 88 % at most; over five seeds, whose errors cancel, 7 and 9 % in two "
    "comparisons.",
    rule="Three parts, all decisive, as the source lists them. (a) Augmentations: the probe with "
    "them is more than 1 point above that without at the size of a batch where they gain least. "
    "(b) Large batches: with augmentations, the probe with batches of 512 is more than 1 point "
    "above that with 32. (c) Redundancy: the output correlation of the least correlated of the "
    "four methods lies above that of PCA. All by whole paired intervals; the opposite lies beyond "
    "no difference.",
    decisive="Gain of the probe by augmentations and by batches of 512 instead of 32, and output "
    "correlation less that of PCA: the worst case of each.",
    smallest="Half a point of accuracy, its standard error on 10 000 images; an output "
    "correlation of 8.4 for 64 units, a mean r² of 0.002 per pair.",
    before="mixed",
    amended="Each of the three things that the source lists is one quantity now, the worst case "
    "of several, where a list had to hold. “Features can be correlated” is about outputs; weights "
    "against random directions inform. In a second amendment (mixed before it) the error of test "
    "images joined the intervals of (a) and (b).",
)
def contrastive_needs(e: Evidence) -> Finding:
    def probe(views: str, batch_size: int) -> pd.Series:
        at = {"views": views, "batch_size": batch_size}
        return by_method(e, "ablation", "probe_accuracy", at).of("simclr")

    def gap(first: tuple[str, int], second: tuple[str, int]) -> Interval:
        what = f"probe_accuracy in “ablation” of simclr with {first} and {second}"
        each = probe(*first), probe(*second)
        return on_new_images(mean_interval(differences(*each, what)), *each)

    gains = {f"batches of {size}": gap(("all", size), ("none", size)) for size in BATCHES}
    size = least(gains)
    correlated = {
        method: baseline(e, "output_correlation").difference(method, "pca")
        for method in CONTRASTIVE
    }
    method = least(correlated)
    large = gap(("all", BATCHES[-1]), ("all", BATCHES[0]))
    parts = [
        part_points(f"(a) augmentations, least gain, {size}", gains[size], POINT),
        part_points("(b) batches of 512 against 32", large, POINT),
        part_above(
            f"(c) output correlation above PCA, least of four, {names([method])}",
            correlated[method],
            0,
            negligible_correlation(e),
            neutral=0,
        ),
    ]
    for method in CONTRASTIVE:
        name = f"redundancy over random, {names([method])} − {names(['untrained'])}"
        above = partial(
            part_of_gap, e, "redundancy_over_random", method, "untrained", decisive=False
        )
        parts.append(measured(name, above, decisive=False))
    return finding(parts)


def least(gaps: Mapping[str, Interval]) -> str:
    """Of several intervals, the key of the one with the lowest lower limit."""
    return min(gaps, key=lambda key: gaps[key].low)


@claim(
    "002.5",
    place="Modern foundation models",
    quote="**Limitation:** Redundancy is rampant. Models can be pruned 50-90%.",
    statement="Foundation models are redundant: 50–90 % (of their weights) can be pruned.",
    test="None: what holds for large models is cited. Beside it, without a verdict on it: single "
    "layers trained by masked and by autoregressive prediction of pixels, and the largest share, "
    "over three orders of removal, of units that can go within 1 point of probe accuracy.",
    rule="Untestable here, whatever is measured: the share of weights that large models can lose "
    "does not follow from the share of units that a layer of this size can lose.",
    decisive="None: foundation models are cited, not tested.",
    smallest="None: nothing is measured on foundation models.",
    before="refuted",
    amended="A statement about weights of foundation models had been judged by units of single "
    "layers under a heading that says cited, not tested. Their shares are shown without a verdict.",
)
def prediction_is_redundant(e: Evidence) -> Finding:
    try:
        shares = removable(e)
        texts = [f"{names([m])} {percent(shares.interval(m))}" for m in PREDICTION]
        beside = f"Units that single layers trained by prediction can lose: {'; '.join(texts)}."
    except MissingEvidence:
        beside = "Single layers trained by prediction were not pruned with these parameters."
    return Finding(
        "untestable here",
        f"It rests on the literature about large models, and weights are not units. {beside}",
    )


# ------------------------------------------------------------------------------- the source's table


@claim(
    "002.6",
    place="The comparison",
    quote="| Foundation models | Prediction | Nothing specific | Extreme |\n| InfoMax + EM | "
    "Independence | Redundancy, collapse | Low |",
    statement="What each objective prevents, and its cost: RBM poor initialisation (high), "
    "autoencoder information loss (low), contrastive collapse (medium), prediction nothing "
    "specific, InfoMax with EM redundancy and collapse (low).",
    test="Every cell with what the tables have for it; the worst case where a cell stands for "
    "several methods. Accuracies with test images taken as drawn, as in 002.4. The row of "
    "foundation models is cited: what single layers trained by prediction show is beside it, and "
    "their extreme cost comes from their size.",
    rule="A table of several statements, so that each cell is a decisive part. RBM: after one "
    "epoch of fine-tuning, accuracy from the weights of CD-1 lies above that from random weights. "
    "Autoencoder: its probe is more than 1 point above that of untrained weights. Contrastive: the "
    "effective rank of the weights is above half of K in the lowest of SimCLR, MoCo, BYOL and "
    "SwAV. InfoMax with EM (B): its output correlation lies below the median of the baselines "
    "that saw the same images (at least 6), and fewer than 1 of its units is dead. Cost: median "
    "FLOPs of the contrastive methods are more than 1.5 times those of the dearest of the "
    "autoencoder, A and B; those of the Boltzmann machines (CD-1, CD-5, PCD) more than 1.5 times "
    "those of the contrastive methods. All by whole intervals; the opposite lies beyond no "
    "difference (ratio 1).",
    decisive="One quantity for each cell of the table, the worst case where it stands for several "
    "methods.",
    smallest="Half a point of accuracy; 5 % of K; half a unit; an output correlation of 8.4 for "
    "64 units, a mean r² of 0.002 per pair; a tenth of the cost.",
    before="mixed",
    amended="The median is that of baselines that saw the images which B saw, without methods of "
    "two views. Earlier, from mixed: each cell became one quantity. Collapse of a representation "
    "is a loss of rank, so that single dead units of contrastive methods inform. The row is "
    "InfoMax with EM, so that B decides, by the correlation that the source says is penalised; "
    "redundancy of weights informs for all, and so does prediction, as foundation models are cited "
    "and not tested. In a third amendment (mixed before it) the error of test images joined the "
    "intervals of accuracies.",
)
def comparison_table(e: Evidence) -> Finding:
    start = by_method(e, "head_start", "accuracy", {"epoch": 1}).accuracy_gap("rbm", "random")
    probe = baseline(e, "probe_accuracy").accuracy_gap("autoencoder", "untrained")
    correlation = against_median(baseline(e, "output_correlation"), B)
    small = negligible_correlation(e)
    flops = baseline(e, "flops")
    low = {m: cost_step(flops, CONTRASTIVE, [m]) for m in ("autoencoder", A, B)}
    dearest = least(low)
    return finding(
        [
            part_points("RBM, initialisation", start, 0),
            part_points("autoencoder, information loss", probe, POINT),
            _rank(e),
            part_below("InfoMax with EM, redundancy", correlation, 0, small, neutral=0),
            _dead(e, "InfoMax with EM, collapse", B, decisive=True),
            part_above(
                f"cost, contrastive over low ({names([dearest])})",
                low[dearest],
                COSTLIER,
                TENTH,
                neutral=1,
            ),
            part_above(
                "cost, RBM over contrastive",
                cost_step(flops, BOLTZMANN, CONTRASTIVE),
                COSTLIER,
                TENTH,
                neutral=1,
            ),
            *(_dead(e, f"dead units, {names([m])}", m) for m in CONTRASTIVE),
            *(_diverse(e, method) for method in (*INFOMAX, *PREDICTION)),
        ]
    )


def _rank(e: Evidence) -> Part:
    """Holds when the weights of each contrastive method span enough directions."""
    rank, width = baseline(e, "effective_rank"), baseline(e, "hidden_dim")
    shares = {m: mean_interval((rank.of(m) / width.of(m)).dropna()) for m in CONTRASTIVE}
    lowest = least(shares)
    name = f"contrastive, collapse (lowest share of K, {names([lowest])})"
    return part_above(name, shares[lowest], COLLAPSED, SMALL_SHARE)


def _dead(e: Evidence, name: str, method: str, *, decisive: bool = False) -> Part:
    """Holds when a method has fewer than one dead unit."""
    return part_below(name, baseline(e, "dead_units").interval(method), 1, HALF, decisive=decisive)


def _diverse(e: Evidence, method: str) -> Part:
    """Holds when the weights of a method are at most twice as redundant as random ones."""
    name = f"redundancy over random, {names([method])}"

    def part() -> Part:
        redundancy = baseline(e, "redundancy_over_random").interval(method)
        return part_below(name, redundancy, TWICE, HALF, decisive=False)

    return measured(name, part, decisive=False)
