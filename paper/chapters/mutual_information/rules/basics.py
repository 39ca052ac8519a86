"""Rules for source 003, the basics: what mutual information is, keeps, and costs to see.

Tables in ``Evidence.extra``, all information in nats and all accuracies in [0, 1]:

- ``entropies``: p, entropy; ``independence``: strength, information, of tables that are products at
  strength 0 alone;
- ``invariance``: map, before, after, of the mean log density ratio;
- ``caps``: information, pairs, seed, estimate, of I_NCE with the best critic;
- ``classifiers``: information, seed, accuracy, estimate, of critics trained to tell pairs apart.
"""

import math

import numpy as np
from scipy import stats

from infomax_lib.stats import format_exact, format_number, mean_interval, rank_correlation
from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence

#: Differences of exact quantities below this are rounding.
EXACT = 1e-6
#: I_NCE comes near the information when it lacks no more than this many nats.
NEAR = 0.5
#: "Exponentially many": the log of the number of samples grows by at least this much per nat.
EXPONENT = 0.5


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
