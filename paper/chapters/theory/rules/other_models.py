"""Rules for source 001: what it says of other models, and how its own compares with them.

Mixtures of Gaussians, BatchNorm, supervised cross-entropy, and the step of classical EM. Tables:
``free_widths`` (seed, narrowest) of :mod:`paper.chapters.theory.free_widths`, and ``em_steps``
(step, epoch, seed, cosine, between, length) of :mod:`paper.chapters.theory.em_steps`.
"""

import math

import numpy as np
import pandas as pd

from infomax_lib.stats import format_number, mean_interval
from paper.chapters.theory.experiment import BATCH_NORM, cell
from paper.chapters.theory.rules.parts import (
    NOTHING_RANDOM,
    counterexample,
    most_seeds,
    theorem,
)
from paper.judging.claims import Finding, Part, bar_passed, claim, decided, finding, measured
from paper.judging.decisions import Decision
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.shared_rules import POINT, part_above, part_similar

#: A component whose width is below this share of the data's deviation has collapsed.
COLLAPSED = 1e-3
#: Cosine of two steps from which one is an approximation of the other, 45°: the best step size
#: then leaves less than half of the squared length; and the difference that matters.
APPROXIMATES, COSINE_STEP = math.sqrt(0.5), 0.1
#: Steps are as long as each other within a factor of two: of log2 of the ratio.
FACTOR_TWO = 1.0


@claim(
    "001.26",
    place="Connection to Volume Control",
    quote="GMMs prevent collapse with the log-determinant (volume penalty).",
    statement="The log-determinant in the likelihood of a mixture of Gaussians prevents collapse.",
    test="The likelihood of a component on one sample as its width goes to zero, and the pull of "
    "the log-determinant on a width, exactly. In the plane: EM with free widths, 8 components on "
    "100 samples of 4 clusters.",
    rule="(a) Disproved if the identities hold by which the likelihood of a component on one of N "
    "samples rises by (D/N) log(1/σ) without bound, and by which the log-determinant pulls every "
    "width towards zero, as strongly as the component is responsible: that component owns one "
    "sample and is all but dead, and a dead one feels nothing. (b) That the log-determinant stops "
    "the other collapse, by which a width grows until its component wins all, and (c) that in at "
    "least 9 of 10 mixtures EM ends without a width below 0.001 of the data's deviation inform.",
    decisive="(a) the likelihood of a mixture one of whose components shrinks onto one sample.",
    smallest=NOTHING_RANDOM,
)
def log_determinant(e: Evidence) -> Finding:
    wide, run = "(b) no width grows without end", "(c) EM ends without a collapsed component"

    def ends() -> Part:
        narrowest = e.table("free_widths", ["seed", "narrowest"]).set_index("seed")["narrowest"]
        if len(narrowest) < MIN_SEEDS:
            raise MissingEvidence(f"mixtures with free widths, {MIN_SEEDS} seeds")
        return most_seeds(run, narrowest >= COLLAPSED, False)

    return finding(
        [
            counterexample(e, "(a) no collapse", "component_on_a_sample", "pull_on_a_width"),
            measured(wide, lambda: theorem(e, wide, "pull_on_a_width", decisive=False), False),
            measured(run, ends, decisive=False),
        ]
    )


@claim(
    "001.29",
    place="Batch Dependence",
    quote="Like BatchNorm, InfoMax couples samples within a batch.",
    statement="InfoMax couples the samples of a batch as BatchNorm does.",
    test="How the gradient of one sample depends on the others, exactly, under the variance term "
    "and under BatchNorm. Layers with BatchNorm in place of the entropy term, which fixes every "
    "variance, so that decorrelation alone is left. (Whether a motivation is principled is no "
    "measurement.)",
    rule="(a) Proved if the identity holds by which the second derivative of the variance term "
    "between two samples is the Jacobian of BatchNorm times a factor, and a multiple of the same "
    "product of standard scores. (b) That BatchNorm leaves of the loss the TC term alone "
    "(identity), and that with it (c) no unit is silent in at least 9 of 10 seeds and (d) probe "
    "accuracy is within ±1 point of InfoMax's inform.",
    decisive="(a) the coupling of two samples by the variance term against that by BatchNorm.",
    smallest=NOTHING_RANDOM,
)
def couples_samples(e: Evidence) -> Finding:
    left, silent = "(b) BatchNorm leaves the TC term", "(c) BatchNorm, no silent unit"
    probe = "(d) BatchNorm − InfoMax, probe"

    def as_accurate() -> Part:
        gap = e.difference("probe_accuracy", BATCH_NORM, cell("none (A)", "InfoMax"))
        return part_similar(probe, gap, POINT, decisive=False, as_points=True)

    return finding(
        [
            theorem(e, "(a) the same coupling", "couples_like_batch_norm"),
            measured(
                left, lambda: theorem(e, left, "batch_norm_fixes_entropy", decisive=False), False
            ),
            measured(
                silent,
                lambda: most_seeds(silent, e.values("silent_units", **BATCH_NORM) < 1, False),
                decisive=False,
            ),
            measured(probe, as_accurate, decisive=False),
        ]
    )


@claim(
    "001.30",
    place="The Separation",
    quote="In supervised learning, cross-entropy provides the objective: match labels. The EM "
    "mechanism implements it via soft competition among classes.",
    statement="Supervised cross-entropy is implemented by soft competition among classes, the "
    "mechanism of EM: gradients weighted by responsibilities.",
    test="The gradient of cross-entropy by the scores z, exactly, against the responsibilities "
    "softmax(z); its terms against the log-sum-exp term that implicit EM descends.",
    rule="(a) Proved if the identity ∂CE/∂z = (p − y)/N holds (1e-9): every class but the "
    "labelled one is weighted by its responsibility. (b) That this is a step of EM informs: "
    "disproved if the identity holds by which cross-entropy holds the log-sum-exp term with the "
    "other sign, so that it climbs the likelihood that EM climbs only in the labelled class.",
    decisive="(a) the gradient of cross-entropy by a score, against responsibility less label.",
    smallest=NOTHING_RANDOM,
)
def cross_entropy(e: Evidence) -> Finding:
    step = "(b) a step of EM"
    return finding(
        [
            theorem(e, "(a) responsibility less label", "cross_entropy_gradient"),
            measured(
                step,
                lambda: counterexample(e, step, "cross_entropy_splits", decisive=False),
                decisive=False,
            ),
        ]
    )


@claim(
    "001.31",
    place="Summary",
    quote="The EM dynamics implement this efficiently.",
    statement="The dynamics of EM implement the objective efficiently: the gradient step of a "
    "softmax layer approximates the step of classical EM, which needs no learning rate.",
    test="Architecture B, λ_tc = 0, random layers on 10 000 training images: its gradient step by "
    "the weights against the exact M-step on its own responsibilities, which moves every row to "
    "its weighted mean. The LSE term in place of the InfoMax loss is the control.",
    rule="(a) The cosine of the two steps between units, without the motion that all rows share "
    "and that a softmax does not see, is above 0.707 (45°: the best step size leaves less than "
    "half of the squared step): supported; less: not supported; below −0.1, where steps begin to "
    "go apart: refuted. (b) The same of all weights together; (c) of all weights with the LSE "
    "term; (d) that at the source's rate 1e-3 the step is as long as EM's within a factor of two; "
    "and (e) the cosine after training, one stored run, inform.",
    decisive="(a) cosine, between units, of the gradient step of B and the exact EM step on the "
    "same responsibilities, in untrained layers.",
    smallest="0.1 of the cosine: a tenth of the step.",
    before="supported",
    amended="All weights together decided. Most of that step is a motion that all rows share, "
    "towards the mean image, which changes no responsibility; judged on other seeds since.",
)
def approximates_em(e: Evidence) -> Finding:
    table = e.table("em_steps", ["step", "epoch", "seed", "cosine", "between", "length"])

    def at_start(step: str, metric: str) -> pd.Series:
        found = table[(table["step"] == step) & (table["epoch"] == 0)]
        if found["seed"].nunique() < MIN_SEEDS:
            raise MissingEvidence(f"steps of untrained layers, {step}, {MIN_SEEDS} seeds")
        return found.set_index("seed")[metric]

    def alike(name: str, step: str, metric: str, decisive: bool = False) -> Part:
        cosine = mean_interval(at_start(step, metric))
        apart = -COSINE_STEP
        return part_above(name, cosine, APPROXIMATES, COSINE_STEP, neutral=apart, decisive=decisive)

    length = mean_interval(np.log2(at_start("InfoMax", "length")))
    as_long = Decision(length, "within", FACTOR_TWO, FACTOR_TWO / 4)
    return finding(
        [
            alike(
                "(a) cosine with the EM step, between units", "InfoMax", "between", decisive=True
            ),
            alike("(b) all weights together", "InfoMax", "cosine"),
            alike("(c) the LSE term", "LSE term", "cosine"),
            decided("(d) log2 of the length at rate 1e-3 over EM's", as_long, decisive=False),
            measured("(e) after training", lambda: _after_training(table), decisive=False),
        ]
    )


def _after_training(table: pd.DataFrame) -> Part:
    """Whether the steps of the stored run are alike at its end."""
    run = table[(table["step"] == "InfoMax") & (table["epoch"] > 0)].sort_values("epoch")
    if run.empty:
        raise MissingEvidence("steps of a trained layer")
    last = run.iloc[-1]
    text = (
        f"cosine {format_number(last['cosine'])} after {last['epoch']} epochs, one seed; "
        f"{format_number(run['cosine'].min())} to {format_number(run['cosine'].max())} on the way"
    )
    return bar_passed("(e) after training", last["cosine"] > APPROXIMATES, text, decisive=False)
