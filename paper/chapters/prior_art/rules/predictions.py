"""Rules for the four predictions of source 002: pruning, transfer, smaller matches larger, names.

This work is represented by three configurations, ``infomax_relu`` (A), ``infomax_softmax`` (B)
and ``infomax_lse``; for every measure the best of them counts. Baselines are all other methods
except ``untrained`` and ``supervised``, which are references. Tables in ``Evidence.extra``:

- ``pruning``: method, seed, order, removed, share_removed, accuracy;
- ``transfer``: method, seed, family, target, accuracy;
- ``widths``: method, hidden_dim, seed, probe_accuracy;
- ``factors``: method, seed, mig, rotated_mig (95th percentile of 200 random rotations of the same
  features), dci_disentanglement, named_units (share of units with a class AUROC of 0.9 or more).

Accuracies and shares are in [0, 1].
"""

import math
from functools import partial

import pandas as pd
from scipy import stats

from infomax_lib.stats import Interval, format_number, mean_interval
from paper.chapters.prior_art.by_method import ByMethod, at_least, at_most, by_method, names
from paper.chapters.prior_art.comparison import LABELS
from paper.judging.claims import Finding, Part, above, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import differences
from paper.judging.shared_rules import POINT, percent, points
from paper.measures.pruning import ORDERS, removable_share

PLACE = "The InfoMax hypothesis, prediction"

#: P1: a layer of which this share can go at most cannot be pruned …
NOT_PRUNABLE = 0.10
#: … by so much less than baselines of the same accuracy …
PRUNING_MARGIN = 0.10
#: … and from this share on it can.
PRUNABLE = 0.25

#: P2: the kinds of target, and how many of them must show the advantage.
FAMILIES = ("datasets", "classes", "rotation", "few labels")
ENOUGH_FAMILIES = 3
#: P2: refuted where the whole interval of the advantage lies below this.
NO_ADVANTAGE = 0.005

#: P3: the larger widths 2K, and the margin of non-inferiority.
DOUBLE_WIDTHS = (64, 128, 256)
INFERIORITY_MARGIN = 0.005
ONE_SIDED = 0.95

#: P4: how far above random rotations, above which methods, and how many units have a name.
OVER_ROTATIONS = 2.0
NAMED = 0.8
ALIGNED_RIVALS = ("pca", "kmeans", "sparse_autoencoder")


# ------------------------------------------------------------------------------ 1: cannot be pruned


def full_accuracy(e: Evidence) -> ByMethod:
    """Accuracy of the probe with all units, as the pruning curves begin."""
    table = e.table("pruning", ["method", "seed", "removed", "accuracy"])
    whole = table[table["removed"] == 0].groupby(["method", "seed"])["accuracy"].mean()
    return ByMethod.of_frame("accuracy in “pruning”", whole.unstack("method"))


def removable(e: Evidence, level: pd.Series | None = None) -> ByMethod:
    """Share of units that can go in the order in which most can.

    Args:
        e: Evidence with the table ``pruning``. A fit without all three orders is not measured.
        level: Accuracy by seed down to which units are removed; if left out, the accuracy of each
            fit with all of its units less one point. Nothing can go from a fit that starts lower.
    """
    columns = ["method", "seed", "order", "removed", "share_removed", "accuracy"]
    shares: dict[tuple[str, int, str], float] = {}
    for (method, seed, order), curve in e.table("pruning", columns).groupby(columns[:3]):
        lost = POINT
        if level is not None:
            full = float(curve.loc[curve["removed"] == 0, "accuracy"].mean())
            lost = full - float(level.get(seed, math.nan))
        share = math.nan if math.isnan(lost) else 0.0
        shares[method, seed, order] = removable_share(curve, lost) if lost >= 0 else share
    by_order = pd.Series(shares, dtype=float).rename_axis(columns[:3]).unstack("order")
    most = by_order.reindex(columns=list(ORDERS)).max(axis=1, skipna=False)
    return ByMethod.of_frame("removable share in “pruning”", most.unstack("method"))


def fewer_than_baselines(e: Evidence, own: str) -> tuple[bool, str]:
    """Whether every baseline at matched accuracy has so many more units to spare, and the closest.

    At matched accuracy: all are pruned to the accuracy of the configuration less one point, and
    those that start below it, by their mean over seeds, do not count.
    """
    full = full_accuracy(e)
    level = full.of(own) - POINT
    matched = removable(e, level)
    start = level.mean() - 1e-9
    rivals = [b for b in matched.baselines if full.of(b).mean() >= start]
    if not rivals:
        return False, f"no baseline starts at the accuracy of {LABELS[own]}"
    gaps = {rival: matched.difference(rival, own) for rival in rivals}
    closest = min(gaps, key=lambda rival: gaps[rival].low)
    text = (
        f"at the accuracy of {LABELS[own]}, {len(rivals)} baselines; least more can go from "
        f"{names([closest])}, {points(gaps[closest])} more"
    )
    return all(at_least(gap, PRUNING_MARGIN) is True for gap in gaps.values()), text


@claim(
    "002.12",
    place=f"{PLACE} 1",
    statement="InfoMax-pretrained models cannot be pruned: each feature carries unique "
    "information.",
    test="Units are removed at random, by least unique variance, and greedily, and the probe is "
    "refitted. The removable share of a fit is the largest over the three orders of the share of "
    "units that can go with a probe within 1 point of that on all of its units.",
    rule="Supported if for some configuration of InfoMax the interval of this share ends at or "
    "below 10 %, and at matched accuracy its share lies 10 points or more below that of every "
    "baseline (paired interval at or above 10 points). At matched accuracy: every baseline whose "
    "mean accuracy starts at or above that of the configuration less 1 point, pruned to that same "
    "level; there has to be one, and all baselines have to be measured. Refuted if the interval of "
    "the least prunable configuration lies at or above 25 %. Inconclusive otherwise.",
)
def cannot_be_pruned(e: Evidence) -> Finding:
    shares = removable(e)
    ours = shares.infomax()
    spared = {own: shares.interval(own) for own in ours}
    least = min(ours, key=lambda own: spared[own].mean)
    texts = [f"{LABELS[own]} {percent(spared[own])}" for own in ours]
    if shares.baselines:
        firm = min(shares.baselines, key=lambda b: shares.of(b).mean())
        texts.append(f"least prunable baseline {names([firm])} {percent(shares.interval(firm))}")
    verdict = "refuted" if at_least(spared[least], PRUNABLE) is True else "inconclusive"
    for own in ours:
        if at_most(spared[own], NOT_PRUNABLE) is True:
            fewer, text = fewer_than_baselines(e, own)
            texts.append(text)
            if fewer:
                shares.needs_every_baseline()
                verdict = "supported"
    return Finding(verdict, f"Removable: {'; '.join(texts)}.{shares.left_out()}")


# ------------------------------------------------------------------------------ 2: transfers better


def family_means(e: Evidence) -> dict[str, ByMethod]:
    """Mean accuracy over the targets of each family that the table has, by method and seed.

    A fit that lacks a target of the family has no mean: targets differ in how hard they are.
    """
    columns = ["method", "seed", "family", "target", "accuracy"]
    table = e.table("transfer", columns)
    found = {}
    for family in FAMILIES:
        rows = table[table["family"] == family]
        if rows.empty:
            continue
        wide = rows.pivot(index=["method", "seed"], columns="target", values="accuracy")
        means = wide.mean(axis=1, skipna=False)
        found[family] = ByMethod.of_frame(f"family “{family}” of “transfer”", means.unstack(0))
    return found


def advantage(family: ByMethod) -> tuple[Interval, str]:
    """Best configuration of InfoMax minus best baseline, paired, and the sentence about it."""
    own, rival = family.best(family.infomax()), family.best(family.baselines)
    gap = family.difference(own, rival)
    return gap, f"{LABELS[own]} − {names([rival])} {points(gap)}"


@claim(
    "002.13",
    place=f"{PLACE} 2",
    statement="InfoMax features transfer better: they are universal, not task-specific.",
    test="Linear probes on frozen encoders. Four families of targets: the other data set, the "
    "classes not trained on, rotated images, few labels. The value of a family is the mean over "
    "its targets, per seed; in each the best configuration of InfoMax against the best baseline.",
    rule="A family holds if the mean difference is at least 1 point and its paired interval lies "
    "above 0. Supported if at least 3 of the 4 families hold, all baselines being measured. "
    "Otherwise refuted if, over the mean of all four families, the interval of the best "
    "configuration minus the best baseline lies entirely below 0.5 points. Inconclusive otherwise.",
)
def transfers_better(e: Evidence) -> Finding:
    families = family_means(e)
    lacking = [family for family in FAMILIES if family not in families]
    held, texts = [], []
    for family, values in families.items():
        gap, text = advantage(values)
        holds = gap.mean >= POINT - 1e-9 and gap.low > 0
        held += [family] if holds else []
        texts.append(f"{family} — {'holds' if holds else 'does not hold'}: {text}")
        if values.failed:
            texts[-1] += f" ({values.left_out().strip()})"
    listed = "; ".join(texts)
    if len(held) >= ENOUGH_FAMILIES:
        for family in held:
            families[family].needs_every_baseline()
        return Finding("supported", f"{listed}.")
    if lacking:
        raise MissingEvidence(f"“transfer” to {', '.join(lacking)}")
    overall = sum(values.values for values in families.values()) / len(families)
    gap, text = advantage(ByMethod.of_frame("mean over families of “transfer”", overall))
    verdict = "refuted" if gap.high < NO_ADVANTAGE else "inconclusive"
    return Finding(verdict, f"{listed}; over all four: {text}.")


# ------------------------------------------------------------------------ 3: smaller matches larger


def lower_limit(gaps: pd.Series) -> float:
    """One-sided 95 % lower limit of a mean difference: mean − t₀.₉₅(n − 1) s / √n."""
    n = len(gaps)
    return float(gaps.mean() - stats.t.ppf(ONE_SIDED, n - 1) * gaps.std(ddof=1) / math.sqrt(n))


def half_as_wide(e: Evidence, double: int) -> Part:
    """Whether some configuration at K is non-inferior to every baseline at 2K.

    False needs all configurations but not all baselines: each configuration has to miss against
    one that was measured, and further baselines cannot undo that.
    """
    small = by_method(e, "widths", "probe_accuracy", {"hidden_dim": double // 2})
    large = by_method(e, "widths", "probe_accuracy", {"hidden_dim": double})
    ours, rivals = small.infomax(), large.baselines
    best = large.best(rivals)

    def gaps(own: str, rival: str) -> pd.Series:
        what = f"probe_accuracy in “widths” of {own} at K={double // 2} and {rival} at K={double}"
        return differences(small.of(own), large.of(rival), what)

    def worst(own: str) -> float:
        return min(lower_limit(gaps(own, rival)) for rival in rivals)

    leader = max(ours, key=worst)
    reached = worst(leader) > -INFERIORITY_MARGIN
    if reached:
        large.needs_every_baseline()
    gap = mean_interval(gaps(leader, best))
    text = (
        f"{LABELS[leader]} at K={double // 2} − best baseline {names([best])} at K={double} "
        f"{points(gap)}, least one-sided limit over {len(rivals)} baselines "
        f"{format_number(100 * worst(leader), 2)} points.{small.left_out()}{large.left_out()}"
    )
    return Part(f"2K={double}", reached, text.rstrip("."))


@claim(
    "002.14",
    place=f"{PLACE} 3",
    statement="Smaller InfoMax models match larger conventional models: same information, fewer "
    "parameters.",
    test="Probe accuracy of InfoMax with K units against baselines with 2K = 64, 128, 256 units, "
    "paired over seeds. Non-inferior: the one-sided 95 % lower limit of the mean difference "
    "(Student's t) lies above −0.5 points.",
    rule="Supported if at each of the three widths some configuration of InfoMax is non-inferior "
    "to every baseline, all of them being measured at 2K. Refuted if at none of the three any "
    "configuration is non-inferior to every baseline: one baseline that no configuration reaches "
    "decides this, whether or not the others were measured. Inconclusive otherwise, also while "
    "widths are not measured.",
)
def smaller_matches_larger(e: Evidence) -> Finding:
    e.table("widths", ["method", "hidden_dim", "seed", "probe_accuracy"])
    parts = [measured(f"2K={double}", partial(half_as_wide, e, double)) for double in DOUBLE_WIDTHS]
    outcomes = [part.holds for part in parts]
    verdict = "inconclusive"
    if all(outcome is True for outcome in outcomes):
        verdict = "supported"
    if all(outcome is False for outcome in outcomes):
        verdict = "refuted"
    return Finding(verdict, finding(parts).evidence)


# --------------------------------------------------------------------------------- 4: interpretable


@claim(
    "002.15",
    place=f"{PLACE} 4",
    statement="InfoMax features are interpretable: each corresponds to an independent factor, and "
    "can be named.",
    test="Mutual information gap (MIG) against known factors — class, rotation, scale, shift, "
    "thickness — beside that of 200 random rotations of the same features and of PCA, k-means and "
    "a sparse autoencoder; share of units that tell one class from the rest (AUROC 0.9 or more).",
    rule="Supported if for some one configuration of InfoMax MIG is at least twice the 95th "
    "percentile of the rotations (interval of MIG less twice the percentile at or above 0), MIG "
    "lies above that of PCA, k-means and the sparse autoencoder (paired intervals above 0), and at "
    "least 80 % of the units have a name (interval at or above it). Refuted if MIG lies within the "
    "range of the rotations for every configuration: on average at or below the percentile. "
    "Inconclusive otherwise. DCI is reported beside it.",
)
def interpretable(e: Evidence) -> Finding:
    mig, rotated = (by_method(e, "factors", metric) for metric in ("mig", "rotated_mig"))
    named = by_method(e, "factors", "named_units")
    dci = by_method(e, "factors", "dci_disentanglement")
    ours = mig.infomax()

    def over(own: str, factor: float) -> Interval:
        what = f"mig and rotated_mig in “factors” of {own}"
        return mean_interval(differences(mig.of(own), factor * rotated.of(own), what))

    excess = {own: over(own, 1.0) for own in ours}
    if all(gap.mean <= 0 for gap in excess.values()):
        verdict, rivals = "refuted", [m for m in ALIGNED_RIVALS if m in mig.values.columns]
    else:
        verdict, rivals = "inconclusive", list(ALIGNED_RIVALS)
    texts = []
    for own in ours:
        gaps = {rival: mig.difference(own, rival) for rival in rivals}
        conditions = (
            at_least(over(own, OVER_ROTATIONS), 0),
            *(above(gap, 0) for gap in gaps.values()),
            at_least(named.interval(own), NAMED),
        )
        if verdict != "refuted" and all(condition is True for condition in conditions):
            verdict = "supported"
        beside = "".join(f", less that of {names([r])} {gap}" for r, gap in gaps.items())
        texts.append(
            f"{LABELS[own]}: MIG {mig.interval(own)}, less the rotations' percentile "
            f"{excess[own]}{beside}; units with a name {percent(named.interval(own))}; DCI "
            f"{dci.interval(own)}"
        )
    return Finding(verdict, f"{'. '.join(texts)}.{mig.left_out()}")
