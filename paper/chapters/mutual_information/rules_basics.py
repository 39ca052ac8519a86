"""Rules for source 003: more mutual information is not a better representation.

Tables in ``Evidence.extra``, all information in nats and all accuracies in [0, 1]:

- ``entropies``: p, entropy; ``independence``: strength, information, of tables that are products at
  strength 0 alone;
- ``invariance``: map, before, after, of the mean log density ratio;
- ``caps``: information, pairs, seed, estimate, of I_NCE with the best critic;
- ``classifiers``: information, seed, accuracy, estimate, of critics trained to tell pairs apart;
- ``halves``: experiment ("bijective", "residual", "critics" or "matched"), encoder, critic, bound,
  target, seed, step, training, held_out, accuracy, log_condition, inversion_error; first and last
  steps are compared;
- ``adversarial``: seed, step, accuracy, inversion_error; ``raw``: accuracy of raw pixels, one row;
- ``autoencoders``: draws, seed, bound, inference_gap, accuracy;
- ``batches``: bound, shared, seed, estimate, truth.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from infomax_lib.stats import (
    Interval,
    format_exact,
    format_number,
    mean_interval,
    rank_correlation,
    where,
)
from paper.judging.claims import Finding, Part, above, below, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import MIN_SEEDS_PER_METHOD, Measured
from paper.judging.shared_rules import points

#: Both estimators of the paper, as their figures name them.
ESTIMATORS = {"nce": "I_NCE", "nwj": "I_NWJ"}
#: Critics from the weakest to the strongest.
CRITICS = ("bilinear", "separable", "concatenated")
#: Nats at which encoders are compared.
TARGETS = (2.0, 4.0)

#: Differences of exact quantities below this are rounding.
EXACT = 1e-6
#: A Jacobian is ill-conditioned when its condition number has grown by this many powers of ten.
DECADES = 1.0
#: A flow is invertible in float32 while it gives pixels in [0, 1] back to within this.
INVERTED = 0.01
#: An estimate reaches its target within this many nats.
MATCHED = 0.5
#: I_NCE comes near the information when it lacks no more than this many nats.
NEAR = 0.5
#: "Exponentially many": the log of the number of samples grows by at least this much per nat.
EXPONENT = 0.5
#: Rank correlation over trained encoders from which a larger bound predicts a better probe.
PREDICTIVE = 0.5


def ends(e: Evidence, experiment: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of one experiment at the first and at the last step."""
    table = e.table("halves", ["experiment", "seed", "step", "accuracy"])
    rows = table[table["experiment"] == experiment]
    if rows.empty:
        raise MissingEvidence(f"the experiment “{experiment}” in “halves”")
    return rows[rows["step"] == rows["step"].min()], rows[rows["step"] == rows["step"].max()]


def paired(rows: pd.DataFrame, column: str, metric: str) -> Measured:
    """One measure by seed, with a column for each value of ``column``."""
    doubles = rows.duplicated([column, "seed"]).any()
    if doubles:
        raise ValueError(f"two rows of one {column} and seed cannot be paired")
    wide = rows.pivot(index="seed", columns=column, values=metric)
    return Measured.of_frame(f"{metric} by {column}", wide)


def change(first: pd.DataFrame, last: pd.DataFrame, metric: str) -> Interval:
    """Last minus first by seed; MissingEvidence with too few seeds."""
    gap = last.set_index("seed")[metric] - first.set_index("seed")[metric]
    gap = gap.astype(float).replace([np.inf, -np.inf], np.nan).dropna()
    if len(gap) < MIN_SEEDS_PER_METHOD:
        raise MissingEvidence(
            f"{metric} at both ends of training over {MIN_SEEDS_PER_METHOD} seeds"
        )
    return mean_interval(gap)


def last_steps(halves: pd.DataFrame) -> pd.DataFrame:
    """Rows at the last step of each experiment."""
    return halves[halves["step"] == halves.groupby("experiment")["step"].transform("max")]


def by_kind(halves: pd.DataFrame) -> pd.DataFrame:
    """Held-out bound and accuracy at the end of each kind of training, means over seeds."""
    columns = ["experiment", "encoder", "critic", "bound", "target"]
    last = last_steps(halves)
    cells = last.assign(target=last["target"].fillna(0)).groupby(columns)
    return cells[["held_out", "accuracy"]].mean().dropna()


# ------------------------------------------------------------------------------------ the basics


@claim(
    "003.1",
    place="01 Mutual Information",
    statement="Entropy is low for skewed and high for balanced distributions, and I(X; Y) = 0 if "
    "and only if X and Y are independent.",
    test="Entropy of two outcomes over their probability; information of tables that leave the "
    "product of their margins step by step.",
    rule="Holds in float64: entropy is 0 at certainty, rises to its largest value at balance and "
    "falls again; information is 0 (to 10⁻⁶ nats) for the product and above that for every other "
    "table.",
)
def entropy_and_independence(e: Evidence) -> Finding:
    entropies = e.table("entropies", ["p", "entropy"]).sort_values("p")
    values = entropies["entropy"].to_numpy(float)
    top = int(values.argmax())
    rises = (np.diff(values[: top + 1]) > 0).all() and (np.diff(values[top:]) < 0).all()
    balanced = math.isclose(entropies["p"].iloc[top], 0.5, abs_tol=1e-9)
    certain = max(values[0], values[-1]) < EXACT
    table = e.table("independence", ["strength", "information"])
    product = table[table["strength"] == 0]["information"].abs().max()
    least = table[table["strength"] != 0]["information"].min()
    return finding(
        [
            Part(
                "balance",
                bool(rises and balanced and certain),
                f"largest at p = {format_number(entropies['p'].iloc[top], 2)}, "
                f"{format_number(values[top], 3)} nats; {format_number(values[0], 3)} at certainty",
            ),
            Part(
                "independence",
                bool(product < EXACT < least),
                f"{format_exact(product)} nats for products, at least {least:.0e} for others",
            ),
        ]
    )


@claim(
    "003.2",
    place="01 Mutual Information, Important Property",
    statement="Mutual information is invariant under homeomorphisms of each variable.",
    test="Gaussian pairs before and after maps of each side: linear ones in closed form, RealNVP "
    "with random weights by the densities that its inverse and log-determinant give.",
    rule="Supported if no map changes the information by more than 10⁻⁶ nats in float64; refuted "
    "if all do.",
)
def invariance(e: Evidence) -> Finding:
    table = e.table("invariance", ["map", "before", "after"])
    return finding(
        [
            Part(
                str(row["map"]),
                bool(abs(row["after"] - row["before"]) <= EXACT),
                f"{format_number(row['before'], 3)} nats, changed by "
                f"{format_exact(abs(row['after'] - row['before']))}",
            )
            for row in table.to_dict("records")
        ]
    )


@claim(
    "003.3",
    place="01 Mutual Information, Important Property",
    statement="Distribution-free high-confidence lower bounds need exponentially many samples.",
    test="I_NCE with the best critic on Gaussian pairs of known information, over the number N of "
    "pairs in a batch. The general theorem (McAllester and Stratos 2020) is cited, not tested.",
    rule="Supported if no mean estimate lies above log N, and the least N whose mean estimate "
    "lacks at most half a nat grows exponentially: the slope of its logarithm over the information "
    "is at least 0.5. Refuted if neither holds.",
)
def exponentially_many_samples(e: Evidence) -> Finding:
    table = e.table("caps", ["information", "pairs", "estimate"])
    means = table.groupby(["information", "pairs"])["estimate"].mean().reset_index()
    capped = (means["estimate"] <= np.log(means["pairs"]) + EXACT).all()
    near = means[means["estimate"] >= means["information"] - NEAR]
    needed = near.groupby("information")["pairs"].min()
    if len(needed) < 3:
        raise MissingEvidence("three values of the information that some batch reaches")
    slope = stats.linregress(needed.index.to_numpy(float), np.log(needed.to_numpy(float))).slope
    listed = ", ".join(f"{n} for {i:g} nats" for i, n in needed.items())
    return finding(
        [
            Part("cap", bool(capped), "no mean above log N" if capped else "means above log N"),
            Part(
                "exponential",
                bool(slope >= EXPONENT),
                f"least pairs within half a nat: {listed}; log N grows by "
                f"{format_number(slope, 2)} per nat",
            ),
        ]
    )


@claim(
    "003.4",
    place="02 InfoMax Estimate in Representation Learning, Lower bounds on MI",
    statement="If a classifier accurately tells samples of the joint distribution from those of "
    "the product of the marginals, the mutual information is high.",
    test="Critics trained to tell pairs of Gaussians apart at several values of the information: "
    "held-out accuracy, and the bound on the information that the critic certifies.",
    rule="Supported if over all critics accuracy and true information have a rank correlation of "
    "at least 0.9, and no mean bound lies above the truth (intervals not above it). Refuted if "
    "neither holds.",
)
def classification_is_information(e: Evidence) -> Finding:
    table = e.table("classifiers", ["information", "seed", "accuracy", "estimate"])
    rho = rank_correlation(table["accuracy"], table["information"])
    excess = {
        value: mean_interval(rows["estimate"] - value)
        for value, rows in table.groupby("information")
    }
    worst = max(excess.values(), key=lambda gap: gap.low)
    return finding(
        [
            Part("order", bool(rho.mean >= 0.9), f"rank correlation {rho}"),
            Part(
                "bound",
                bool(all(gap.low <= 0 for gap in excess.values())),
                f"largest excess over the truth {worst} nats",
            ),
        ]
    )


# ---------------------------------------------------------------------------------- five pieces


@claim(
    "003.6",
    place="3.1 Evidence, 1",
    statement="With a bijective encoder, whose true information never changes, representation "
    "quality improves during training.",
    test="Shift-only coupling flows with a bilinear critic, trained by I_NCE and by I_NWJ: linear "
    "probe at the end minus at the start, paired over seeds; inversion error at the end.",
    rule="For each estimator: the interval of the change of accuracy lies above 0 while the "
    "inverse gives all pixels back to within 0.01. Supported if both hold, refuted if the change "
    "lies at or below 0 for both.",
)
def better_at_constant_information(e: Evidence) -> Finding:
    first, last = ends(e, "bijective")

    def part(bound: str) -> Part:
        at_end = where(last, {"bound": bound})
        gain = change(where(first, {"bound": bound}), at_end, "accuracy")
        error = float(at_end["inversion_error"].max())
        holds = above(gain, 0)
        if holds and not error <= INVERTED:
            holds = None
        return Part(
            ESTIMATORS[bound],
            holds,
            f"probe {points(gain)} better; inverse exact to {error:.0e}",
        )

    return finding([measured(name, partial(part, bound)) for bound, name in ESTIMATORS.items()])


@claim(
    "003.7",
    place="3.1 Evidence, 1",
    statement="Some invertible encoders give representations worse than raw pixels.",
    test="An invertible encoder trained against a linear classifier: accuracy of a new linear "
    "probe at the end, against the same probe of the pixels.",
    rule="Supported if the interval of the difference to raw pixels lies below 0 and the inverse "
    "gives all pixels back to within 0.01. Inconclusive otherwise: that these encoders are no "
    "worse does not refute that others are.",
)
def worse_than_raw_pixels(e: Evidence) -> Finding:
    table = e.table("adversarial", ["seed", "step", "accuracy", "inversion_error"])
    raw = float(e.table("raw", ["accuracy"])["accuracy"].iloc[0])
    last = table[table["step"] == table["step"].max()]
    values = last["accuracy"].astype(float).dropna()
    if len(values) < MIN_SEEDS_PER_METHOD:
        raise MissingEvidence(f"adversarial encoders over at least {MIN_SEEDS_PER_METHOD} seeds")
    gap, error = mean_interval(values - raw), float(last["inversion_error"].max())
    holds = True if below(gap, 0) and error <= INVERTED else None
    text = f"{points(gap)} against raw pixels; inverse exact to {error:.0e}"
    return finding([Part("probe", holds, text)])


@claim(
    "003.8",
    place="3.1 Evidence, 2",
    statement="Encoders that start invertible and need not stay so become ill-conditioned and hard "
    "to invert when a bound is maximised.",
    test="Residual networks that start as the identity: median over test images of the condition "
    "number of the Jacobian, at the end over that at the start.",
    rule="For each estimator: the interval of the growth lies above a factor of 10. Supported if "
    "both hold, refuted if both lie at or below it.",
)
def ill_conditioned(e: Evidence) -> Finding:
    first, last = ends(e, "residual")

    def part(bound: str) -> Part:
        growth = change(
            where(first, {"bound": bound}), where(last, {"bound": bound}), "log_condition"
        )
        return Part(ESTIMATORS[bound], above(growth, DECADES), f"grows by {growth} powers of ten")

    return finding([measured(name, partial(part, bound)) for bound, name in ESTIMATORS.items()])


@claim(
    "003.9",
    place="3.1 Evidence, 3",
    statement="Critics of higher capacity give tighter bounds and worse representations.",
    test="The same encoders trained with a bilinear, a separable and a concatenated critic: bound "
    "on training images and linear probe at the end, paired over seeds.",
    rule="For each estimator and each of the two stronger critics against the bilinear one: "
    "“tighter” holds if the interval of the bound's difference lies above 0, “worse” if that of "
    "the accuracy lies below 0; both parts decide.",
)
def tighter_and_worse(e: Evidence) -> Finding:
    _, last = ends(e, "critics")
    parts = []
    for bound, name in ESTIMATORS.items():
        rows = where(last, {"bound": bound})
        for critic in CRITICS[1:]:

            def tighter(rows=rows, critic=critic, name=name) -> Part:
                gap = paired(rows, "critic", "training").difference(critic, CRITICS[0])
                return Part(f"{name}, {critic}, tighter", above(gap, 0), f"{gap} nats")

            def worse(rows=rows, critic=critic, name=name) -> Part:
                gap = paired(rows, "critic", "accuracy").difference(critic, CRITICS[0])
                return Part(f"{name}, {critic}, worse", below(gap, 0), points(gap))

            parts += [measured(f"{name}, {critic}", tighter), measured(f"{name}, {critic}", worse)]
    return finding(parts)


@claim(
    "003.10",
    place="3.1 Evidence, 3",
    statement="The same holds for variational autoencoders: looser bounds give better inference "
    "models.",
    test="Autoencoders trained by importance-weighted bounds with 1 draw and with the most draws: "
    "the bound, the divergence of the encoder from the posterior, and a linear probe of its means.",
    rule="With the most draws against one, paired over seeds: the bound is tighter (interval above "
    "0), the inference gap larger (above 0), and the probe worse (below 0).",
)
def autoencoders_too(e: Evidence) -> Finding:
    table = e.table("autoencoders", ["draws", "seed", "bound", "inference_gap", "accuracy"])
    most = int(table["draws"].max())
    if most == 1:
        raise MissingEvidence("autoencoders with more than one draw")

    def gap(metric: str) -> Interval:
        by_draws = paired(table.assign(draws=table["draws"].astype(str)), "draws", metric)
        return by_draws.difference(str(most), "1")

    bound, inference, probe = gap("bound"), gap("inference_gap"), gap("accuracy")
    return finding(
        [
            Part(f"bound with {most} draws", above(bound, 0), f"{bound} nats tighter"),
            Part("inference gap", above(inference, 0), f"{inference} nats larger"),
            Part("probe", below(probe, 0), f"{points(probe)} against one draw"),
        ]
    )


@claim(
    "003.11",
    place="3.1 Evidence, 4",
    statement="At the same value of the bound, the encoder's architecture matters more than the "
    "estimator.",
    test="Encoders trained to reach a bound of 2 and of 4 nats, an MLP and a ConvNet, by I_NCE and "
    "by I_NWJ. Effect of the architecture, seed by seed: size of the difference of the probes of "
    "both architectures at the same estimator, averaged over estimators; of the estimator: the "
    "same with the roles exchanged.",
    rule="For each target: the interval over seeds of the architecture's effect minus the "
    "estimator's lies above 0, where all bounds come within half a nat of the target. Supported if "
    "both hold, refuted if both lie at or below 0.",
)
def architecture_matters_more(e: Evidence) -> Finding:
    _, last = ends(e, "matched")

    def part(target: float) -> Part:
        rows = where(last, {"target": target})
        rows = rows.assign(cell=rows["encoder"] + "/" + rows["bound"])
        probes = paired(rows, "cell", "accuracy")
        cells = {
            (encoder, bound): probes.of(f"{encoder}/{bound}")
            for encoder in ("mlp", "convnet")
            for bound in ESTIMATORS
        }
        wide = pd.DataFrame(cells).dropna()
        architecture = sum((wide["convnet", b] - wide["mlp", b]).abs() for b in ESTIMATORS) / len(
            ESTIMATORS
        )
        estimator = sum((wide[a, "nce"] - wide[a, "nwj"]).abs() for a in ("mlp", "convnet")) / 2
        gap = mean_interval(architecture - estimator)
        off = float((rows["training"] - target).abs().groupby(rows["cell"]).mean().max())
        holds = above(gap, 0) if off <= MATCHED else None
        return Part(
            f"{target:g} nats",
            holds,
            f"architecture {points(mean_interval(architecture))}, estimator "
            f"{points(mean_interval(estimator))}; bounds within {format_number(off, 2)} nats",
        )

    return finding([measured(f"{target:g} nats", partial(part, target)) for target in TARGETS])


@claim(
    "003.12",
    place="3.2 Alternative explanation, the importance of negative sampling",
    statement="With samples that are not i.i.d., I_NCE and I_NWJ exceed the true information; with "
    "i.i.d. samples both are lower bounds.",
    test="Gaussian pairs of known information in batches that share a common part, and in "
    "independent ones: estimates of trained critics minus the truth, over seeds.",
    rule="For each estimator: with a shared part the interval of the excess lies above 0, without "
    "it the interval does not lie above 0.",
)
def dependent_samples(e: Evidence) -> Finding:
    table = e.table("batches", ["bound", "shared", "seed", "estimate", "truth"])
    parts = []
    for bound, name in ESTIMATORS.items():
        for shared in (True, False):
            rows = where(table, {"bound": bound, "shared": shared})
            excess = (rows["estimate"] - rows["truth"]).dropna()
            label = f"{name}, {'not i.i.d.' if shared else 'i.i.d.'}"
            if len(excess) < MIN_SEEDS_PER_METHOD:
                parts.append(Part(label, None, f"not measured over {MIN_SEEDS_PER_METHOD} seeds"))
                continue
            gap = mean_interval(excess)
            holds = above(gap, 0) if shared else gap.low <= 0
            parts.append(Part(label, holds, f"{gap} nats above the truth"))
    return finding(parts)


@claim(
    "003.5",
    place="03 This Paper's Thoughts",
    statement="Maximising mutual information approximately is not the same as representation "
    "quality.",
    test="All encoders of halves together, each at the end of its training: rank correlation of "
    "the bound on held-out images with the linear probe.",
    rule="Supported if the correlation is below 0.5 with an interval that does not reach 0.9, and "
    "probes of encoders whose true information is the same differ (003.6 or 003.7 is supported). "
    "Refuted if the correlation is at least 0.9. Inconclusive otherwise.",
)
def not_the_same(e: Evidence) -> Finding:
    table = e.table("halves", ["experiment", "step", "held_out", "accuracy"])
    means = by_kind(table)
    if len(means) < 6:
        raise MissingEvidence("at least 6 kinds of trained encoders of halves")
    rho = rank_correlation(means["held_out"], means["accuracy"])
    at_constant = {
        name: rule(e).interpretation
        for name, rule in (
            ("003.6", better_at_constant_information),
            ("003.7", worse_than_raw_pixels),
        )
    }
    verdict = "inconclusive"
    if rho.mean >= 0.9:
        verdict = "refuted"
    elif rho.mean < PREDICTIVE and rho.high < 0.9 and "supported" in at_constant.values():
        verdict = "supported"
    listed = ", ".join(f"{name} {outcome}" for name, outcome in at_constant.items())
    return Finding(
        verdict,
        f"Rank correlation of held-out bound and probe {rho} over {len(means)} kinds of encoders; "
        f"{listed}.",
    )
