"""Rules on mechanisms and objectives, and on the target: is it independence that pays?"""

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, mean_interval, rank_correlation, spearman_trend, where
from paper.chapters.open_questions.rules.shared import (
    COFIRING,
    CORRELATION,
    CORRELATION_MARGIN,
    OVER_RANDOM,
    PROBE,
    REDUNDANCY,
    REDUNDANCY_MARGIN,
    everywhere,
    excess,
    few_dead,
    gain,
    no_increase,
    relative,
)
from paper.judging.claims import Finding, Part, claim, decided, finding
from paper.judging.closest import RANK, closest_to_failing
from paper.judging.decisions import Decision
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    POINT,
    RELATED,
    TWICE,
    UNCORRELATED,
    difference,
    differences,
    part_above,
    part_below,
    part_points,
    values,
)

#: "Good enough": this share of the dependence is removed; and what matters about the share.
GOOD_ENOUGH = 0.8
SHARE_MATTERS = 0.05
#: Of the fall of redundancy under the softmax, what another mechanism has to reach to do the same.
SAME_FALL = 1 - REDUNDANCY_MARGIN
#: Fewer configurations than this give no rank correlation worth a look.
MIN_CONFIGURATIONS = 8
#: Fewer pressures than this give no trend within a seed.
MIN_PRESSURES = 4
#: Twice what sampling alone gives Σ r² for K = 16 on 10 000 images.
CORRELATION_MATTERS = 0.05
#: The mechanisms that source 000 names, as they are called in the table of competitions.
NAMED_MECHANISMS = ("sparsemax", "group_softmax of 4", "group_softmax of 8")

_HALF_A_POINT = (
    "half a point of accuracy: about the standard error of an accuracy of 0.8 on 10 000 images"
)


def other_mechanisms(competitions: pd.DataFrame) -> list[str]:
    """Mechanisms besides none and the softmax at any temperature, in the order of the table."""
    others = competitions[~competitions["competition"].isin(["none", "softmax"])]
    if others.empty:
        raise MissingEvidence("“competitions” with a mechanism besides the softmax")
    return list(dict.fromkeys(others["mechanism"]))


def mechanism(name: str, lambda_tc: float) -> dict[str, object]:
    """One mechanism at one pressure."""
    return {"mechanism": name, "lambda_tc": lambda_tc}


def _share_part(name: str, share: Interval | None, bar: float, of: str) -> Part:
    """Holds when a share lies above the bar; not measured where there is nothing to share."""
    if share is None:
        return Part(name, "not measured", of)
    return decided(name, Decision(share, "above", bar, SHARE_MATTERS, 0.0), True, 100, "%")


def fall(e: Evidence, name: str = "softmax") -> pd.Series:
    """How much a mechanism lowers redundancy at λ_tc = 0 against no competition, per seed."""
    none = mechanism("none", 0.0)
    return differences(e, "competitions", REDUNDANCY, none, mechanism(name, 0.0))


def share_of_fall(e: Evidence, name: str) -> Interval | None:
    """The fall of redundancy as a share of that under the softmax; None where that has none."""
    soft = fall(e)
    if not mean_interval(soft).low > 0:
        return None
    return mean_interval(fall(e, name) / soft.mean())


@claim(
    "000.34",
    place="Open question 5",
    quote="Other competition mechanisms?",
    statement="(Question) Other competition mechanisms (sparsemax, group softmax) regularise the "
    "weights as the softmax does.",
    test="The same objective at λ_tc = 0 under other competitions, K = 16, against no competition "
    "and against the softmax, paired over seeds.",
    rule="Each mechanism that the source names (sparsemax, and group softmax with groups of 4 and "
    "of 8) lowers redundancy against no competition by more than 80 % of what the softmax lowers "
    "it by; the one that is closest to failing decides, and the opposite holds only if all raise "
    "it. Where the softmax itself lowers nothing, there is no share. The other mechanisms, the "
    "probe on the outputs (not more than 1 point below that of the softmax) and dead units (below "
    "5 %) are reported beside it.",
    decisive="The fall of redundancy against no competition as a share of the fall under the "
    "softmax, for the named mechanism where it is smallest.",
    smallest="5 % of the softmax's fall, a quarter of the 20 % by which redundancies may differ "
    "and still count as the same.",
    before="mixed",
    amended="Redundancy, probe and dead units were joined for each mechanism. What the source "
    "finds the softmax to do is implicit regularisation of the weights, so that redundancy "
    "decides; and the direction alone, before, was too little to be the same, because without "
    "competition at λ_tc = 0 nearly all rows agree and any push lowers redundancy.",
)
def other_competition(e: Evidence) -> Finding:
    names = other_mechanisms(e.table("competitions", ["competition", "mechanism"]))
    if not set(names) & set(NAMED_MECHANISMS):
        raise MissingEvidence(f"“competitions” with {', '.join(NAMED_MECHANISMS)}")
    soft = mechanism("softmax", 0.0)

    def share(name: str) -> Part:
        return _share_part(name, share_of_fall(e, name), SAME_FALL, "the softmax lowers nothing")

    def probe(name: str) -> Part:
        gap = difference(e, "competitions", PROBE, mechanism(name, 0.0), soft)
        return part_points(name, gap, -POINT)

    named = [name for name in names if name in NAMED_MECHANISMS]
    others = [name for name in names if name not in NAMED_MECHANISMS]
    dead = [few_dead(name, e, "competitions", mechanism(name, 0.0)) for name in names]
    parts = [
        everywhere("share of the softmax's fall", list(map(share, named))),
        everywhere("probe as with the softmax", list(map(probe, names)), decisive=False),
        everywhere("dead units", dead, decisive=False),
    ]
    if others:
        parts.append(everywhere("others' share", list(map(share, others)), decisive=False))
    change = mean_interval(-fall(e))
    return finding(parts, intro=f"Redundancy under the softmax against none: {change}.")


def informative(e: Evidence, name: str) -> Part:
    """Whether training under a mechanism with the whole objective adds to the probe."""
    return part_points(name, mean_interval(gain(e, "competitions", mechanism(name, 1.0))), POINT)


def diverse(e: Evidence, name: str) -> Part:
    """Whether redundancy stays below twice that under the softmax at the same λ_tc."""
    soft, own = (
        values(e, "competitions", REDUNDANCY, mechanism(m, 1.0)) for m in ("softmax", name)
    )
    return part_below(name, mean_interval(own / soft.mean()), TWICE, REDUNDANCY_MARGIN / 2)


@claim(
    "001.23",
    place="What remains 3",
    quote="We derived this with softmax. Does it work with other competitive activations?",
    statement="(Question) InfoMax works with other competitive activations, too: its prototypes "
    "are informative and diverse.",
    test="The whole objective (λ_tc = 1) under other competitions, K = 16: informative against the "
    "same layer untrained, diverse against the softmax at the same λ_tc.",
    rule="With every mechanism (a) the probe on the outputs is more than 1 point above the same "
    "layer untrained, and (b) redundancy is less than twice that under the softmax. Of each, the "
    "mechanism that is closest to failing decides, and the opposite holds only if it does for all. "
    "Both are decisive: the source says of the objective that it gives “diverse, informative "
    "prototypes”. Redundancy over that of random directions and dead units (below 5 %) are "
    "reported beside them.",
    decisive="Gain of the probe over the untrained layer, and redundancy over that under the "
    "softmax, each for the mechanism where it is worst.",
    smallest=f"For the probe {_HALF_A_POINT}; for redundancy a tenth of that under the softmax, "
    "half of the 20 % by which redundancies may differ and still count as the same.",
    before="refuted",
    amended="Redundancy was compared with twice that of random directions, which the softmax "
    "itself does not reach, so that no mechanism could pass: the question is about other "
    "activations beside the softmax, which is the measure now. Each mechanism was a part; the "
    "parts are the two things that the objective is for.",
)
def works_with_others(e: Evidence) -> Finding:
    names = other_mechanisms(e.table("competitions", ["competition", "mechanism"]))

    def over_random(name: str) -> str:
        found = values(e, "competitions", OVER_RANDOM, mechanism(name, 1.0))
        return f"{name} {mean_interval(found)}"

    dead = [few_dead(name, e, "competitions", mechanism(name, 1.0)) for name in names]
    return finding(
        [
            everywhere("(a) probe above untrained", [informative(e, name) for name in names]),
            everywhere("(b) redundancy over the softmax's", [diverse(e, name) for name in names]),
            everywhere("dead units", dead, decisive=False),
        ],
        intro="Redundancy over that of random directions: "
        f"{'; '.join(map(over_random, ('softmax', *names)))}.",
    )


#: The forms of source 001, which has no activation and puts the loss on z, and A and B: the table
#: and the condition of each. The first decides.
FORMS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "loss on z": ("hyperplanes", {"lambda_lse": 0.0}),
    "loss on z with log-sum-exp": ("hyperplanes", {"lambda_lse": 1.0}),
    "A": ("competitions", mechanism("none", 1.0)),
    "B": ("competitions", mechanism("softmax", 0.0)),
}


def of_form(e: Evidence, metric: str, form: str) -> Interval:
    """A measure of one of the :data:`FORMS`."""
    table, condition = FORMS[form]
    return mean_interval(values(e, table, metric, condition))


@claim(
    "001.21",
    place="What remains 1",
    quote="Does this actually produce non-redundant hyperplanes on real data?",
    statement="(Question) InfoMax produces non-redundant hyperplanes on real data.",
    test="The source's own form (no activation, loss on z, λ_tc = 1) on held-out images; the same "
    "with the log-sum-exp term that makes the gradient a responsibility, and A (λ_tc = 1) and B "
    "(λ_tc = 0) of source 000, beside it.",
    rule="In the source's own form, without the extra term: Σ r² between different outputs z on "
    "test images is below 0.5 (K = 16). Without activation this is the redundancy of the rows in "
    "the metric of the data: two hyperplanes are redundant there if they measure the same of the "
    "images. In plain angles, redundancy over that of random directions (less than twice) and "
    "pairs of rows with a cosine above 0.9 (fewer than 0.5) are reported beside it for every form.",
    decisive="Σ r² between different outputs z on test images.",
    smallest="0.05, twice what sampling alone gives to Σ r² for 16 units on 10 000 images.",
    before="refuted",
    amended="Redundancy of the rows was compared with random directions in the space of all "
    "pixels alone, where images fill few directions and whatever is learned from them is more "
    "alike. Source 001 calls prototypes redundant if they measure the same thing and have "
    "correlated outputs: this decides now, and holds the rows against the data they are for.",
)
def hyperplanes(e: Evidence) -> Finding:
    z, with_term, *_ = FORMS
    parts = [
        part_below(
            f"outputs {text}",
            of_form(e, CORRELATION, form),
            UNCORRELATED,
            CORRELATION_MATTERS,
            decisive=form == z,
        )
        for text, form in (("of the loss on z", z), ("with log-sum-exp", with_term))
    ]
    for form in FORMS:
        over_random, aligned = of_form(e, OVER_RANDOM, form), of_form(e, "aligned_pairs", form)
        parts += [
            part_below(f"{form}, redundancy over random", over_random, TWICE, 0.1, decisive=False),
            part_below(f"{form}, aligned pairs", aligned, 0.5, 0.1, decisive=False),
        ]
    return finding(parts)


def guided_by(letter: str, weight: float) -> dict[str, object]:
    """A or B with one weight of the cross-entropy."""
    return {"competition": ARCHITECTURES[letter]["competition"], "lambda_ce": float(weight)}


def guided_weights(e: Evidence, letter: str) -> list[float]:
    """The weights λ_ce > 0 of A or B, ascending."""
    table = e.table("auxiliary", ["competition", "lambda_ce", "seed", PROBE])
    c = ARCHITECTURES[letter]["competition"]
    weights = sorted(set(table[table["competition"] == c]["lambda_ce"]) - {0.0})
    if not weights:
        raise MissingEvidence(f"“auxiliary” with λ_ce above 0 for competition={c}")
    return [float(w) for w in weights]


def better_and_independent(e: Evidence, letter: str, weight: float) -> list[Part]:
    """What one weight gives to the probe, and what it does to output correlation."""
    name = f"{letter}, λ_ce={weight:g}"
    pair = guided_by(letter, weight), guided_by(letter, 0.0)
    probe = difference(e, "auxiliary", PROBE, *pair)
    change = relative(e, "auxiliary", CORRELATION, *pair)
    correlation = no_increase(f"{name}, output correlation", change, CORRELATION_MARGIN)
    return [part_points(f"{name}, probe", probe, POINT), correlation]


def _mean_probe(e: Evidence, letter: str, weight: float) -> float:
    return float(values(e, "auxiliary", PROBE, guided_by(letter, weight)).mean())


def best_weight(e: Evidence, letter: str) -> float:
    """The weight that serves probe and independence best: by outcome, then by mean probe."""

    def worth(weight: float) -> tuple[int, float]:
        parts = better_and_independent(e, letter, weight)
        return RANK[closest_to_failing(parts).outcome], _mean_probe(e, letter, weight)

    return max(guided_weights(e, letter), key=worth)


@claim(
    "001.24",
    place="What remains 4",
    quote="How does a supervised signal interact with InfoMax? Auxiliary loss? Constraint?",
    statement="(Question) A supervised signal can work as an auxiliary loss: better features, no "
    "less independent.",
    test="Cross-entropy of a linear read-out added with weight λ_ce to the objectives of A and B; "
    "λ_ce = 0 is InfoMax alone.",
    rule="For A and for B there is a weight λ_ce > 0 at which the probe is more than 1 point above "
    "that at λ_ce = 0 and output correlation at most 10 % above it. At each weight the one of the "
    "two that is closer to failing counts; of the weights the best one counts, and of A and B the "
    "one that is closer to failing decides. Redundancy (at most 20 % above), and both measures at "
    "the weight with the best mean probe, are reported beside it.",
    decisive="Gain of the probe or rise of output correlation, whichever is closer to failing, at "
    "the best weight.",
    smallest=f"For the probe {_HALF_A_POINT}; for output correlation 2.5 % of it, a quarter of the "
    "margin.",
    before="mixed",
    amended="Only the weight with the best probe was judged, which is the one that costs most; the "
    "page's prediction says that there is a weight at which both go together. Independence is "
    "that of the outputs, so that redundancy of the weights informs. At threshold until the "
    "interval that allows for skewness had to agree: of ten values of A's correlation one lies far "
    "off.",
)
def auxiliary_loss(e: Evidence) -> Finding:
    together, redundancy, beside = [], [], []
    for letter in ARCHITECTURES:
        best = best_weight(e, letter)
        most = max(guided_weights(e, letter), key=partial(_mean_probe, e, letter))
        together += better_and_independent(e, letter, best)
        for part in better_and_independent(e, letter, most):
            beside.append(f"{part.name} {part.outcome}: {part.text}")
        pair = guided_by(letter, best), guided_by(letter, 0.0)
        change = relative(e, "auxiliary", REDUNDANCY, *pair)
        redundancy.append(no_increase(f"{letter}, λ_ce={best:g}", change, REDUNDANCY_MARGIN))
    return finding(
        [
            everywhere("better and as independent", together),
            everywhere("redundancy", redundancy, decisive=False),
        ],
        intro=f"At the weight with the best probe: {'; '.join(beside)}.",
    )


# ----------------------------------------------------------------------------- the approximation


def hsic_excess(e: Evidence, condition: Mapping[str, object]) -> pd.Series:
    """Dependence of the outputs above what sampling alone shows, per seed."""
    return excess(e, "objectives", condition, "hsic", "hsic_floor")


def cofiring(e: Evidence, condition: Mapping[str, object]) -> pd.Series:
    """Mean excess of co-firing over chance on all test images, per seed."""
    return values(e, "objectives", COFIRING, condition)


Dependence = Callable[[Evidence, Mapping[str, object]], pd.Series]


def best_pressure(
    e: Evidence, competition: str, objective: str, left: Dependence = hsic_excess
) -> dict[str, object]:
    """The λ_tc > 0 at which an objective leaves the least dependence, by its mean over seeds."""
    same = {"competition": competition, "objective": objective}
    table = where(e.table("objectives", ["lambda_tc", *same]), same)
    pressures = sorted(set(table["lambda_tc"]) - {0.0})
    if not pressures:
        raise MissingEvidence(f"“objectives” with {describe(same)} and λ_tc above 0")
    return min(
        ({**same, "lambda_tc": float(t)} for t in pressures),
        key=lambda c: left(e, c).mean(),
    )


def _start(competition: str) -> dict[str, object]:
    """The layer without pressure."""
    return {"competition": competition, "objective": "infomax", "lambda_tc": 0.0}


def removed_share(e: Evidence, competition: str, objective: str) -> Interval | None:
    """Share of the HSIC that the HSIC objective removes which another objective removes, too.

    None if the HSIC objective itself removes nothing (its interval holds zero).
    """
    before = hsic_excess(e, _start(competition))
    removable = mean_interval(
        (before - hsic_excess(e, best_pressure(e, competition, "hsic"))).dropna()
    )
    if not removable.low > 0:
        return None
    removed = (before - hsic_excess(e, best_pressure(e, competition, objective))).dropna()
    return mean_interval(removed / removable.mean)


def removed_of_all(
    e: Evidence, competition: str, objective: str, left: Dependence
) -> Interval | None:
    """Share of all the dependence at λ_tc = 0 that an objective removes; None if there is none."""
    before = left(e, _start(competition))
    if not mean_interval(before).low > 0:
        return None
    after = left(e, best_pressure(e, competition, objective, left))
    return mean_interval((before - after).dropna() / before.mean())


def pressure_cost(e: Evidence) -> Interval:
    """Probe of decorrelated layers without softmax at their best weight, less without pressure."""
    best = best_pressure(e, "none", "infomax")
    return difference(e, "objectives", PROBE, best, _start("none"))


#: What is left of dependence, and the objectives that approximate it.
MEASURES: Mapping[str, Dependence] = {"HSIC": hsic_excess, "co-firing": cofiring}
APPROXIMATIONS = {"decorrelation": "infomax", "log det": "log_det"}


@claim(
    "001.25",
    place="What remains 5",
    quote="Is Gaussian/decorrelation good enough, or does nonlinear dependence matter?",
    statement="(Question) The Gaussian and decorrelation approximations are good enough; nonlinear "
    "dependence does not matter.",
    test="Layers trained with ‖R − I‖² and with −log det R, K = 16; what they remove of all "
    "dependence at λ_tc = 0: HSIC above its sampling floor, and co-firing beyond chance on all "
    "test images. The same layers trained with HSIC beside them (5 seeds); both it and "
    "decorrelation at λ_tc = 1, 10 and 100.",
    rule="Without softmax, decorrelation and log det, each at the λ_tc of its grid that leaves the "
    "least, remove more than 80 % of HSIC and of the excess of co-firing; of these four shares the "
    "one closest to failing decides. What no objective could remove counts against them. Reported "
    "beside it: the share of what the HSIC objective removes (more than 80 %), without and under "
    "softmax, whether the probe after training with HSIC is less than 1 point above that after "
    "decorrelation, and whether decorrelation costs it less than 1 point against λ_tc = 0, each at "
    "the λ_tc that leaves the least HSIC.",
    decisive="Share of all dependence (HSIC, co-firing) that an approximation removes, where it is "
    "smallest.",
    smallest="5 % of the dependence, a quarter of what may be left.",
    before="inconclusive",
    amended="The shares were those of what the HSIC objective removes, which was trained at one "
    "weight only and need not remove all that it could: they are shares of all the dependence "
    "now. HSIC looks at few images and sees little of units that fire rarely, so that co-firing "
    "on all test images stands beside it. A linear probe undoes linear mixing and cannot say "
    "whether dependence matters: it informs. Last, decorrelation and HSIC, trained at λ_tc = 1 "
    "alone until then (underpowered), got a grid up to 100; what the best weight costs informs.",
)
def approximation(e: Evidence) -> Finding:
    def of_all(text: str, left: Dependence, name: str) -> Part:
        share = removed_of_all(e, "none", APPROXIMATIONS[name], left)
        return _share_part(f"{name}, {text}", share, GOOD_ENOUGH, "there is nothing to remove")

    def of_removable(competition: str, name: str) -> Part:
        share = removed_share(e, competition, APPROXIMATIONS[name])
        return _share_part(name, share, GOOD_ENOUGH, "the HSIC objective removes nothing")

    pair = (best_pressure(e, "none", "hsic"), best_pressure(e, "none", "infomax"))
    probe = part_points(
        "probe, HSIC − decorrelation",
        difference(e, "objectives", PROBE, *pair),
        POINT,
        side="below",
        decisive=False,
    )
    cost = part_points("probe, what decorrelation costs", pressure_cost(e), -POINT, decisive=False)
    shares = [of_all(m, left, name) for m, left in MEASURES.items() for name in APPROXIMATIONS]
    removable = [
        everywhere(
            f"removed of what the HSIC objective removes, {place}",
            [of_removable(competition, name) for name in APPROXIMATIONS],
            decisive=False,
        )
        for competition, place in (("none", "without softmax"), ("softmax", "under softmax"))
    ]
    return finding(
        [
            everywhere("removed of all dependence", shares),
            *removable,
            probe,
            cost,
        ]
    )


# ------------------------------------------------------------------------------ the right target

#: Both kinds of robustness, and what the rule calls them.
ROBUSTNESS = {"noise_retained": "left under noise", "loss_retained": "left after losing units"}
_OUTCOMES = {**ROBUSTNESS, PROBE: "clean probe"}
_ONE_MINUS = {CORRELATION: "output correlation", OVER_RANDOM: "redundancy"}


def _along_pressure(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """One mechanism along its grid of λ_tc, where nothing else differs."""
    found = table[table["mechanism"] == name]
    per_seed = found.groupby("seed")["lambda_tc"].nunique()
    found = found[found["seed"].isin(per_seed[per_seed >= MIN_PRESSURES].index)]
    if found["seed"].nunique() < MIN_SEEDS:
        raise MissingEvidence(
            f"“robustness” with {name} at {MIN_PRESSURES} or more λ_tc, at least {MIN_SEEDS} seeds "
            f"(found {found['seed'].nunique()})"
        )
    return found


def trend_along_pressure(
    e: Evidence, letter: str, outcome: str, measure: str = CORRELATION
) -> Interval:
    """Rank correlation of minus a measure of dependence with an outcome, along λ_tc in A or B.

    Within each seed, averaged over seeds.
    """
    columns = ["configuration", "mechanism", "lambda_tc", "seed", *_OUTCOMES, *_ONE_MINUS]
    along = _along_pressure(e.table("robustness", columns), ARCHITECTURES[letter]["competition"])
    if "key" in along.columns:
        e.used.update(along["key"].astype(str))
    return spearman_trend(along.assign(**{measure: -along[measure]}), measure, outcome)


def _related(name: str, rho: Interval) -> Part:
    """Holds when a rank correlation lies above 0; below one half it is no relation."""
    return part_above(name, rho, 0.0, RELATED, neutral=0.0)


@claim(
    "002.21",
    place="Open question: is independence the right target?",
    quote="Maybe some redundancy is good (robustness). Maybe some correlation captures real "
    "structure. InfoMax assumes independence is optimal. Is it?",
    statement="(Question) Independence is the right target: the less dependent the outputs, the "
    "more robust the features.",
    test="A along the grid of λ_tc, where only the pressure for independence differs: rank "
    "correlation within each seed of minus output correlation with the share of the clean probe "
    "that is left under noise and after losing units.",
    rule="The mean over seeds of Spearman's correlation (at least 4 values of λ_tc) is above 0 for "
    "both kinds of robustness; the one closest to failing decides, the opposite holds if both are "
    "below 0, and correlations between −0.5 and 0.5 are none. Reported beside it: the same for B, "
    "for minus redundancy of the weights and for the clean probe, and Spearman's correlation "
    "over all configurations (at least 8, means over seeds).",
    decisive="Rank correlation of independence with robustness along λ_tc in A, for the kind of "
    "robustness where it is smaller.",
    smallest="A rank correlation of 0.5, from which on correlations count as a relation in this "
    "book (002.10).",
    before="mixed",
    amended="Correlations over configurations compared unequal layers, with and without "
    "competition; along λ_tc of one architecture nothing else differs. Independence is that of "
    "the outputs and not of the weights; of a softmax, which sums to one, it cannot be reached, so "
    "that A decides. The clean linear probe undoes linear mixing and informs; robustness is what "
    "the source asks about.",
)
def right_target(e: Evidence) -> Finding:
    def trends(letter: str, measure: str, outcomes: Mapping[str, str]) -> list[Part]:
        return [
            _related(text, trend_along_pressure(e, letter, outcome, measure))
            for outcome, text in outcomes.items()
        ]

    parts = [
        everywhere("A, −output correlation", trends("A", CORRELATION, ROBUSTNESS)),
        everywhere("A, clean", trends("A", CORRELATION, {PROBE: "clean probe"}), decisive=False),
        everywhere("A, −redundancy", trends("A", OVER_RANDOM, _OUTCOMES), decisive=False),
    ]
    table = e.table("robustness", ["mechanism"])
    if "softmax" in set(table["mechanism"]):
        beside = trends("B", CORRELATION, _OUTCOMES)
        parts.append(everywhere("B, −output correlation", beside, decisive=False))
    return finding(parts, intro=_over_configurations(table))


def _over_configurations(table: pd.DataFrame) -> str:
    """Rank correlations over all configurations, in words; nothing where these are few."""
    means = table.groupby("configuration")[[*_OUTCOMES, *_ONE_MINUS]].mean()
    if len(means) < MIN_CONFIGURATIONS:
        return ""
    found = [
        f"−{name} with {text} {rank_correlation(-means[measure], means[outcome])}"
        for measure, name in _ONE_MINUS.items()
        for outcome, text in _OUTCOMES.items()
    ]
    return f"Over {len(means)} unequal configurations: {'; '.join(found)}."
