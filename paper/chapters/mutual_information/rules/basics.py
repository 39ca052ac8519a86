"""Rules for source 003, the basics: what mutual information is, keeps, and costs to see.

All four are theorems. What the tables hold can be a counterexample to them, and informs otherwise.

Tables in ``Evidence.extra``, all information in nats and all accuracies in [0, 1]:

- ``entropies``: p, entropy; ``independence``: strength, information, of tables that are products at
  strength 0 alone;
- ``invariance``: map, before, after, of the mean log density ratio;
- ``caps``: information, pairs, seed, estimate, of I_NCE with the best critic;
- ``classifiers``: information, seed, accuracy, estimate, of critics trained to tell pairs apart.
"""

from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from infomax_lib.stats import format_exact, format_number, mean_interval, rank_correlation
from paper.chapters.mutual_information.rules.proofs import (
    EXACT,
    certificate_is_sound,
    certified,
    least_samples,
    theorem,
)
from paper.judging.claims import Finding, Part, bar_passed, claim, finding, measured, proved
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import part_above, part_below

#: I_NCE comes near the information when it lacks no more than this many nats.
NEAR = 0.5
#: "Exponentially many": the log of the number of samples grows by at least this much per nat.
EXPONENT = 0.5
#: "High confidence": a bound may be wrong in this share of samples.
ERROR = 0.05
#: Sizes in nats for which the least number of samples is computed.
SIZES = (4, 6, 8, 10, 12)
#: An estimate this far above the truth contradicts a theorem; less may be chance.
CHANCE = 0.01
#: Accuracy and information are in the same order from this rank correlation on.
SAME_ORDER = 0.9


def numbers(e: Evidence, table: str, columns: list[str]) -> pd.DataFrame:
    """A table whose named columns are all numbers; MissingEvidence if one is not finite."""
    found = e.table(table, columns)
    if found.empty or not np.isfinite(found[columns].astype(float)).all(axis=None):
        raise MissingEvidence(f"finite numbers in the table “{table}”")
    return found


@claim(
    "003.1",
    place="01 Mutual Information",
    quote="when X & Y independent <==> I(X,Y) = 0",
    statement="Entropy is low for skewed and high for balanced distributions, and I(X; Y) = 0 if "
    "and only if X and Y are independent.",
    test="Mathematics: the entropy of two outcomes is strictly concave and symmetric, and "
    "information is a divergence, zero between equal distributions alone (Gibbs). Both are looked "
    "at in float64: over the probability, and over tables that leave the product of their margins "
    "step by step.",
    rule="Proved, unless a number contradicts. Entropy: 0 at certainty (to 10⁻⁶ nats), rising to "
    "its largest value at balance, then falling. Independence: information of at most 10⁻⁶ nats "
    "for products, and above that for every other table. A contradiction disproves.",
    decisive="Two things are claimed, and both decide: the shape of entropy, and zero information "
    "at independence alone.",
    smallest="10⁻⁶ nats: far above the rounding of float64, far below the information of the "
    "least dependent table.",
    before="supported",
    amended="These are theorems, so that the verdict is now proved; before, a sample of tables "
    "supported them. The numbers can still contradict.",
)
def entropy_and_independence(e: Evidence) -> Finding:
    return finding(
        [
            measured("balance", partial(_balance, e)),
            measured("independence", partial(_independence, e)),
        ]
    )


def _balance(e: Evidence) -> Part:
    entropies = numbers(e, "entropies", ["p", "entropy"]).sort_values("p")
    p, values = (entropies[name].to_numpy(float) for name in ("p", "entropy"))
    top = int(values.argmax())
    rises = (np.diff(values[: top + 1]) > 0).all() and (np.diff(values[top:]) < 0).all()
    ends = max(values[0], values[-1]) < EXACT
    return theorem(
        "balance",
        bool(rises and ends and abs(p[top] - 0.5) < EXACT),
        f"largest at p = {format_number(p[top], 2)}, {format_number(values[top], 3)} nats; "
        f"{format_number(values[0], 3)} at certainty",
    )


def _independence(e: Evidence) -> Part:
    table = numbers(e, "independence", ["strength", "information"])
    independent = table["strength"] == 0
    if independent.all() or not independent.any():
        raise MissingEvidence("tables that are products, and tables that are not")
    product = table.loc[independent, "information"].abs().max()
    least = table.loc[~independent, "information"].min()
    return theorem(
        "independence",
        bool(product < EXACT < least),
        f"{format_exact(product)} nats for products, at least {least:.0e} for others",
    )


@claim(
    "003.2",
    place="01 Mutual Information, Important Property",
    quote="MI is invariant under reparametrization of the variables",
    statement="Mutual information is invariant under homeomorphisms (smooth invertible maps) of "
    "each variable.",
    test="Mathematics: the Jacobian determinant of the pair is the product of those of both sides, "
    "so that density ratios stay what they are at every point. Looked at on Gaussian pairs: linear "
    "maps in closed form, RealNVP with random weights by the densities that its inverse and "
    "log-determinant give.",
    rule="Proved, unless one of the maps changes the information by more than 10⁻⁶ nats in "
    "float64, which disproves.",
    decisive="The largest change of the information by any of the maps.",
    smallest="10⁻⁶ nats: far above the rounding of float64 through these maps, far below the nat "
    "that the pairs share.",
    before="supported",
    amended="A theorem, so that the verdict is now proved. The map that changes most decides, "
    "where every map was a part of its own.",
)
def invariance(e: Evidence) -> Finding:
    e.table("invariance", ["map"])
    table = numbers(e, "invariance", ["before", "after"])
    changed = (table["after"] - table["before"]).abs()
    worst = table.loc[changed.idxmax()]
    return finding(
        [
            theorem(
                "invariance",
                bool(changed.max() <= EXACT),
                f"{len(table)} maps change the information by at most "
                f"{format_exact(changed.max())} nats, most of all “{worst['map']}”, where it is "
                f"{format_number(worst['before'], 3)} nats before",
            )
        ]
    )


@claim(
    "003.3",
    place="01 Mutual Information, Important Property",
    quote="any distribution-free high-confidence lower bound on entropy requires a sample size "
    "exponential in the size of the bound",
    statement="Any distribution-free high-confidence lower bound on entropy requires a sample size "
    "exponential in the size of the bound.",
    test="Mathematics (McAllester and Stratos 2020): a sample without repetitions tells a uniform "
    "distribution from none of larger entropy, so that a bound of 95 % confidence may certify the "
    "entropy of a uniform distribution only from as many samples as almost never lack a "
    "repetition. That number is computed. Beside it: I_NCE with the best critic on Gaussian pairs, "
    "whose cap is the logarithm of the number N of pairs.",
    rule="Proved if the least number of samples for 4, 6, 8, 10 and 12 nats, computed exactly, "
    "obeys the inequality of the proof, N(N − 1) ≥ 2 · 0.95 · exp(nats). I_NCE informs: no mean "
    "estimate lies above log N, and the logarithm of the least N whose mean estimate lacks at most "
    "half a nat grows by at least 0.5 per nat.",
    decisive="The least number of samples from which a bound of 95 % confidence can certify so "
    "many nats of entropy.",
    smallest="None is needed of a theorem. For I_NCE half a nat, the distance at which this "
    "chapter calls two estimates the same.",
    before="supported",
    amended="The source speaks of bounds on entropy; the old rule judged one bound on information "
    "by samples. Now the proof on entropy decides, and I_NCE informs.",
)
def exponentially_many_samples(e: Evidence) -> Finding:
    needed = np.array([least_samples(size, ERROR) for size in SIZES])
    obeyed = needed * (needed - 1) >= 2 * (1 - ERROR) * np.exp(SIZES)
    growth = stats.linregress(SIZES, np.log(needed)).slope
    listed = ", ".join(f"{n} for {size} nats" for n, size in zip(needed, SIZES, strict=True))
    return finding(
        [
            proved(
                "entropy",
                bool(obeyed.all()),
                f"no fewer samples than {listed}; log N grows by {format_number(growth, 2)} per "
                "nat",
            ),
            measured("cap of I_NCE", partial(_cap, e), decisive=False),
            measured("growth with I_NCE", partial(_growth, e), decisive=False),
        ]
    )


def _mean_caps(e: Evidence) -> pd.DataFrame:
    table = numbers(e, "caps", ["information", "pairs", "estimate"])
    return table.groupby(["information", "pairs"])["estimate"].mean().reset_index()


def _cap(e: Evidence) -> Part:
    means = _mean_caps(e)
    capped = bool((means["estimate"] <= np.log(means["pairs"]) + EXACT).all())
    text = "no mean above log N" if capped else "means above log N"
    return bar_passed("cap of I_NCE", capped, text, decisive=False)


def _growth(e: Evidence) -> Part:
    means = _mean_caps(e)
    near = means[means["estimate"] >= means["information"] - NEAR]
    needed = near.groupby("information")["pairs"].min()
    if len(needed) < 3:
        raise MissingEvidence("three values of the information that some batch reaches")
    slope = stats.linregress(needed.index.to_numpy(float), np.log(needed.to_numpy(float))).slope
    listed = ", ".join(f"{n} for {i:g} nats" for i, n in needed.items())
    return bar_passed(
        "growth with I_NCE",
        bool(slope >= EXPONENT),
        f"least pairs within half a nat: {listed}; log N grows by {format_number(slope, 2)} per "
        "nat",
        decisive=False,
    )


@claim(
    "003.4",
    place="02 InfoMax Estimate in Representation Learning, Lower bounds on MI",
    quote="If a classifier can accurately distinguish between samples drawn from the joint "
    "p(x, y) and those drawn from the product of marginals p(x)p(y), then X and Y have a high MI.",
    statement="If a classifier accurately tells samples of the joint distribution from those of "
    "the product of the marginals, the mutual information is high.",
    test="Mathematics: a classifier that decides rightly with probability a certifies at least "
    "−log(1 − (2a − 1)²) nats (data processing; Bretagnolle and Huber 1979). Looked at with "
    "critics trained to tell pairs of Gaussians of known information apart: held-out accuracy, and "
    "the bound that the critic certifies.",
    rule="Proved, unless critics whose mean accuracy, at the lower end of its interval, certifies "
    "more than the true information by 0.01 nats, which disproves. Informing: accuracy and true "
    "information have a rank correlation above 0.9; the critics' own bounds exceed the truth by "
    "less than 0.01 nats.",
    decisive="Information certified by the accuracy of the critics, less the true information, "
    "where it is largest.",
    smallest="0.01 nats: less is certified by chance where accuracy is one half but for the "
    "sampling of held-out pairs. For rank correlations 0.05, half of what is left above 0.9.",
    before="supported",
    amended="An implication that is a theorem, which decides now. The order of trained critics and "
    "their bounds, which were a sample of it, inform.",
)
def classification_is_information(e: Evidence) -> Finding:
    table = numbers(e, "classifiers", ["information", "accuracy", "estimate"])
    groups = list(table.groupby("information"))
    least = {value: mean_interval(rows["accuracy"]).low for value, rows in groups}
    excess = {value: float(certified(max(low, 0.5))) - value for value, low in least.items()}
    if not np.isfinite(list(excess.values())).all():
        raise MissingEvidence("at least two critics for each value of the information")
    worst = max(excess.values())
    over = max(
        (mean_interval(rows["estimate"] - value) for value, rows in groups),
        key=lambda gap: gap.low,
    )
    rho = rank_correlation(table["accuracy"], table["information"])
    examples = ", ".join(f"{format_number(float(certified(a)), 1)} at {a}" for a in (0.9, 0.99))
    return finding(
        [
            theorem(
                "certified information",
                certificate_is_sound() and worst <= CHANCE,
                f"an accuracy certifies {examples} (nats); critics' accuracies certify "
                f"{format_number(worst, 3)} nats more than the truth at most",
            ),
            part_above("order", rho, SAME_ORDER, 0.05, decisive=False),
            part_below("critics' bounds over the truth", over, CHANCE, CHANCE, decisive=False),
        ]
    )
