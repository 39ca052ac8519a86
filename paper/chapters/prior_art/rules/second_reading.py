"""Rules on what a second reading of source 002 found: claims that the first list had left out.

Tables in ``Evidence.extra``, one row per method and seed where nothing else is said:

- ``deep_starts``: start (a name in :data:`.STARTS`), seed, epoch, accuracy of a deep network that
  starts so, reach (log10 of the share of the gradient that arrives at the first layer before
  training);
- ``uses``: method, seed, reconstruction_r2 and foreground_iou of linear maps from the outputs,
  view_ratio as below;
- ``views``: method (SimCLR with hard negatives besides), seed, view_ratio (distance of two views
  of an image over that of two images), found, probe_accuracy;
- ``copies``: objective, seed, copies of every feature, loss, redundancy;
- ``baselines`` and ``transfer``: as in :mod:`.objectives` and :mod:`.predictions`.
"""

from functools import partial

import torch

from infomax_lib.stats import format_exact, format_number, rank_correlation
from paper.chapters.prior_art.by_method import (
    ByMethod,
    baseline,
    by_method,
    names,
    one_fit,
    over_methods,
)
from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.measured.deep_starts import STARTS
from paper.chapters.prior_art.measured.view_distances import HARD
from paper.chapters.prior_art.rules.objectives import FAINT_RELATION
from paper.chapters.prior_art.rules.others import CONTRASTIVE, TENTH, least
from paper.chapters.prior_art.rules.predictions import family_means
from paper.judging.claims import Finding, Part, claim, fact, finding, measured, proved
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import POINT, RELATED, part_above, part_below, part_points
from paper.methods.two_views.byol import regression
from paper.methods.two_views.simclr import nt_xent

#: log10 of a factor of two.
DOUBLING = 0.3
#: Two losses are the same to within this share, and two features with such a cosine are copies.
SAME_LOSS, COPIES = 1e-9, 1 - 1e-9
#: How often every feature is there, in the source's example.
TEN = 10
#: Years of what the source says was there by 2012, with the keys of the bibliography.
LATER = {"He initialisation": ("he2015", 2015), "BatchNorm": ("ioffe2015", 2015)}
BY_THEN = 2012


# ------------------------------------------------------------------------------ deep networks


@claim(
    "002.24",
    place="RBM pretraining",
    quote="**Why it helped:** Initialized weights in good basins. Prevented vanishing gradients in "
    "sigmoid networks. Each layer started with meaningful features.\n\n**Why it died:** ReLU "
    "solved gradient flow. BatchNorm stabilized training. Better initialization (Xavier, He) "
    "worked.",
    statement="Layer-wise RBM pretraining put deep sigmoid networks into good basins and prevented "
    "vanishing gradients; ReLU, Xavier and He initialisation and BatchNorm made it unnecessary.",
    test="Networks of five layers on 10 000 images, all trained with labels by gradient descent "
    "with momentum: logistic units from small random weights, from a stack of RBMs, from Xavier's, "
    "and from Xavier's with BatchNorm; ReLU from He's with and without BatchNorm. Each has a rate "
    "of its own, chosen on a validation split. Test accuracy after the last epoch, with test "
    "images taken as drawn (bound of 002.4 on their error). Before training: the share of the "
    "gradient at the sums of the last layer that arrives at those of the first.",
    rule="Two parts decide, one for each half of the claim. (a) It helped: accuracy from the stack "
    "of RBMs lies more than 1 point above that from small random weights. (b) It became "
    "unnecessary: accuracy of the ReLU network from He's weights, without pretraining or "
    "BatchNorm, lies not more than 1 point below that of the pretrained logistic network. Whole "
    "paired intervals; the opposite lies beyond no difference. The share of the gradient, which is "
    "the source's reason, informs: from the stack over the other starts, as log10 of the ratio "
    "(above 0); so do the other starts, and how the lead of the stack changes with epochs.",
    decisive="Accuracy after the last epoch: from RBMs less from small random weights, and of ReLU "
    "from He's weights less from RBMs.",
    smallest="Half a point, about the standard error of an accuracy of 0.8 on 10 000 images; of "
    "the share of a gradient, a factor of 2.",
    before="supported",
    amended="The error of test images joined the intervals, as the claim is about more than these.",
)
def deep_pretraining(e: Evidence) -> Finding:
    epochs = sorted(int(epoch) for epoch in e.table("deep_starts", ["epoch"])["epoch"].unique())
    accuracy = {
        epoch: by_method(e, "deep_starts", "accuracy", {"epoch": epoch}, column="start")
        for epoch in epochs
    }
    end = accuracy[epochs[-1]]
    gap = end.accuracy_gap
    parts = [
        part_points("(a) sigmoid, RBMs − small random", gap("rbm", "small"), POINT),
        part_points("(b) ReLU, He − sigmoid, RBMs", gap("he", "rbm"), -POINT),
    ]
    for start in ("xavier", "xavier_norm", "he_norm"):
        label = f"{STARTS[start].label} − sigmoid, RBMs"
        informs = partial(_start_against_stack, end, start, label)
        parts.append(measured(label, informs, decisive=False))
    first = accuracy[epochs[0]].accuracy_gap("rbm", "small")
    name = f"the same as (a) after epoch {epochs[0]}"
    parts.append(part_points(name, first, POINT, decisive=False))
    reach = by_method(e, "deep_starts", "reach", {"epoch": epochs[-1]}, column="start")
    for start, label in (("small", "small random"), ("xavier", "Xavier"), ("he", "ReLU, He")):
        name = f"gradient at the first layer, RBMs over {label}, log10"
        more = reach.difference("rbm", start)
        parts.append(part_above(name, more, 0, DOUBLING, neutral=0, decisive=False))
    shares = "; ".join(
        f"{STARTS[start].label} {format_number(10 ** reach.interval(start).mean)}"
        for start in STARTS
        if start in reach.values.columns
    )
    return finding(parts, intro=f"Share of the gradient that arrives (geometric mean): {shares}.")


def _start_against_stack(end: ByMethod, start: str, name: str) -> Part:
    return part_points(name, end.accuracy_gap(start, "rbm"), -POINT, decisive=False)


# ------------------------------------------------------------------- what features are good for


@claim(
    "002.25",
    place="The InfoMax hypothesis",
    quote="If you find them, they're useful for everything. Classification, generation, "
    "segmentation, transfer—all become easy.",
    statement="With the right features, classification, generation, segmentation and transfer all "
    "become easy.",
    test="If features are right for everything, a method that is good at one task is good at all. "
    "Over the methods of the comparison: linear probe; explained variance of the pixels by a "
    "linear decoder; overlap of the digit with what a linear map per pixel takes for it "
    "(intersection over union); linear probe on the other data set. Decoder and map are fitted to "
    "the encoders of seed 0, whose weights are kept; the methods are the sample.",
    rule="Spearman correlation over the methods (supervised ceiling left out, at least 6) of the "
    "probe with each of the other three. The one with the lowest limit decides: supported if its "
    "whole 95 % interval lies above 0.5, refuted if it lies below 0, not supported if it lies "
    "below 0.5.",
    decisive="The least of three rank correlations over methods: of classification with "
    "generation, segmentation and transfer.",
    smallest="0.2: below it, of two methods the better one at one task is the better one at the "
    "other in fewer than 57 of 100 cases, where 50 are chance.",
)
def useful_for_everything(e: Evidence) -> Finding:
    probe = baseline(e, "probe_accuracy")
    families = family_means(e)
    if "datasets" not in families:
        raise MissingEvidence("“transfer” to another data set")
    tasks = {
        "generation": one_fit(e, "uses", "reconstruction_r2"),
        "segmentation": one_fit(e, "uses", "foreground_iou"),
        "transfer": families["datasets"],
    }
    pairs = {task: over_methods(probe, measure) for task, measure in tasks.items()}
    found = {task: rank_correlation(rows[0], rows[1]) for task, rows in pairs.items()}
    lowest = least(found)
    parts = [
        part_above(
            f"classification with {task}, over {len(pairs[task])} methods",
            found[task],
            RELATED,
            FAINT_RELATION,
            neutral=0,
            decisive=task == lowest,
        )
        for task in tasks
    ]
    # of methods that span the same directions, and differ by rounding, the first is named
    winners = [
        f"{task} {names([str(rows[column].reindex(LABELS).round(4).idxmax())])}"
        for task, rows, column in (
            ("classification", pairs["transfer"], 0),
            *((task, rows, 1) for task, rows in pairs.items()),
        )
    ]
    return finding(parts, intro=f"Best at {', '.join(winners)}.")


@claim(
    "002.26",
    place="Contrastive learning",
    quote="**Training:** Large batches, hard negatives, careful augmentation.\n\n**What it "
    "learns:** Features invariant to augmentation, distinctive across instances.",
    statement="Contrastive features are invariant to augmentation and distinctive across "
    "instances, and hard negatives matter.",
    test="Mean distance of two views of a test image over that of views of two images, in "
    "standardised outputs, after two passes over the training images: SimCLR, MoCo, BYOL and SwAV "
    "against untrained weights. SimCLR with negatives weighted by how hard they are (Robinson et "
    "al. 2021) against SimCLR, with test images taken as drawn: the bound of 002.4 gives them a "
    "half width of 0.65 points, what five seeds of both get right 0.19.",
    rule="Two parts, both decisive, as the source lists them. (a) The ratio of distances of the "
    "worst of the four methods lies below that of untrained weights (whole interval of the paired "
    "quotient below 1). (b) The probe of SimCLR with hard negatives lies above that without (whole "
    "paired interval above 0). The opposite lies beyond no difference, and within a tenth, or half "
    "a point, there is none. The share of images whose other view is the nearest of 2 000, and the "
    "ratios after the passes of the other tables (seed 0), inform.",
    decisive="Distance within over between images, worst of four methods over untrained weights; "
    "probe of SimCLR, hard negatives less none.",
    smallest="A tenth of the ratio of untrained weights: less would not show among views of "
    "different sizes of change. Half a point of accuracy, its standard error on 10 000 images.",
    before="supported",
    amended="The error of test images joined the interval of (b), as the claim is about more than "
    "these.",
)
def invariant_and_distinctive(e: Evidence) -> Finding:
    ratio = by_method(e, "views", "view_ratio")
    against = {method: ratio.ratio(method, "untrained") for method in CONTRASTIVE}
    worst = max(against, key=lambda method: against[method].high)
    probe = by_method(e, "views", "probe_accuracy")
    gain = probe.accuracy_gap(HARD, "simclr")
    name = f"(a) distance within over between images, over untrained, {names([worst])}"
    parts = [
        part_below(name, against[worst], 1, TENTH, neutral=1),
        part_points("(b) SimCLR, hard negatives − without", gain, 0),
    ]
    found = by_method(e, "views", "found")
    for method in CONTRASTIVE:
        name = f"views found, {names([method])} − untrained"
        more = found.difference(method, "untrained")
        parts.append(part_points(name, more, 0, decisive=False))
    later = partial(_later_ratios, e)
    parts.append(measured("ratios of the longer fits", later, decisive=False))
    listed = ", ".join(f"{names([m])} {ratio.interval(m)}" for m in ("untrained", *CONTRASTIVE))
    hard = ratio.interval(HARD)
    return finding(parts, intro=f"Ratios of distances: {listed}; with hard negatives {hard}.")


def _later_ratios(e: Evidence) -> Part:
    """Whether all four methods lie below untrained weights in the fits of the other tables."""
    after = one_fit(e, "uses", "view_ratio").values.iloc[0]
    missing = [m for m in ("untrained", *CONTRASTIVE) if m not in after.index]
    if missing:
        raise MissingEvidence(f"view_ratio in “uses” of {names(missing)}")
    text = ", ".join(
        f"{names([m])} {format_number(after[m], 2)}" for m in ("untrained", *CONTRASTIVE)
    )
    below = bool((after[list(CONTRASTIVE)] < after["untrained"]).all())
    return fact("ratios of the longer fits below untrained", below, text, decisive=False)


# ------------------------------------------------------------------------- copies cost nothing


@claim(
    "002.27",
    place="What each objective actually optimizes",
    quote="If feature 1 and feature 2 both encode the same information, reconstruction works. One "
    'is wasted, but the objective doesn\'t care. […] If 10 features all encode "is this a dog," '
    "the contrastive objective is satisfied. Wasteful but valid.",
    statement="Ten features may encode the same thing, at no cost for an autoencoder or for a "
    "contrastive loss.",
    test="A construction: an autoencoder and the contrastive loss of SimCLR, and the same with "
    "every feature ten times: the decoder's rows divided by ten, which leaves every "
    "reconstruction, and embeddings that are copied, which leaves every cosine. Inputs and "
    "parameters are random: the identity holds for all.",
    rule="Proved if for both objectives and every seed the two losses are the same to 1e-9 "
    "(relative) and every feature of the longer code has a copy (cosine at least 1 − 1e-9). "
    "Otherwise the construction was not made.",
    decisive="Whether a code with ten copies of every feature has the loss of the one without.",
    smallest="None: the losses are equal, and 1e-9 is what rounding leaves of that.",
)
def copies_at_no_cost(e: Evidence) -> Finding:
    columns = ["objective", "seed", "copies", "loss", "redundancy"]
    table = e.table("copies", columns)
    parts = []
    for objective in ("autoencoder", "contrastive"):
        rows = table[table["objective"] == objective].pivot(index="seed", columns="copies")
        if not {1, TEN} <= set(rows["loss"].columns) if len(rows) else True:
            raise MissingEvidence(f"“copies” of {objective} with 1 and {TEN} copies")
        loss, redundancy = rows["loss"], rows["redundancy"]
        error = float((loss[TEN] / loss[1] - 1).abs().max())
        alike = float(redundancy[TEN].min())
        built = error <= SAME_LOSS and alike >= COPIES
        text = (
            f"largest relative difference of the losses {format_exact(error)}; least cosine of a "
            f"feature with its copy {format_number(alike, 2)}, largest cosine without copies "
            f"{format_number(float(redundancy[1].max()), 2)}"
        )
        parts.append(proved(f"{objective}, the same loss with ten of every feature", built, text))
    return finding(parts)


# ------------------------------------------------------------------------------------ slips


@claim(
    "002.28",
    place="The history; RBM pretraining; Autoencoders; Contrastive learning",
    quote="By 2012, end-to-end training with ReLU, dropout, and better initialization worked fine. "
    "[…] BatchNorm stabilized training. Better initialization (Xavier, He) worked. […] "
    "Encoder-decoder per layer. Deterministic. […] Variational autoencoders: learn latent "
    "distribution […] Attract augmentations of same image, repel different images. […] SimCLR, "
    "MoCo, BYOL, SwAV. […] **From autoencoders:** The simplicity. No sampling, just backprop.",
    statement="BYOL and SwAV repel different images; a variational autoencoder is deterministic "
    "and does without sampling; He initialisation and BatchNorm had made pretraining unnecessary "
    "by 2012.",
    test="The objectives as their authors wrote them, and the years of publication. For BYOL, its "
    "loss where all images have one embedding, beside SimCLR's.",
    rule="Three statements, each a fact or not; all decide. The opposite holds of one if the work "
    "that it names says so: an objective without a term for different images, a code that is "
    "drawn, a year after 2012.",
    decisive="What the works say that the source names.",
    smallest="None: texts and years.",
)
def slips(e: Evidence) -> Finding:
    one_place = torch.ones(1, 8, 4, dtype=torch.float64)
    byol, simclr = float(regression(one_place, one_place)), float(nt_xent(one_place))
    years = ", ".join(f"{name} {year}" for name, (_, year) in LATER.items())
    return finding(
        [
            fact(
                "BYOL and SwAV repel different images",
                byol > SAME_LOSS,
                "BYOL has no term for different images (Grill et al. 2020): with one embedding for "
                f"all, its loss is {format_exact(byol)}, the least there is, and SimCLR's "
                f"{format_number(simclr, 2)}; SwAV compares images with prototypes, and what "
                "keeps them apart is that these are used equally (Caron et al. 2020)",
            ),
            fact(
                "a variational autoencoder is deterministic, without sampling",
                False,
                "its code is drawn from q(z | x), one sample for every image and step (Kingma and "
                "Welling 2014)",
            ),
            fact(
                "He initialisation and BatchNorm by 2012",
                all(year <= BY_THEN for _, year in LATER.values()),
                f"{years} (He et al.; Ioffe and Szegedy); Xavier's is of 2010",
            ),
        ]
    )
