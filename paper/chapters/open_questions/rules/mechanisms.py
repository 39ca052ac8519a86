"""Rules on mechanisms and objectives, and on the target: is it independence that pays?"""

from collections.abc import Mapping

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, holm, mean_interval, rank_correlation, sign_flip_p, where
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    DEAD,
    LEVEL,
    OVER_RANDOM,
    PROBE,
    REDUNDANCY,
    REDUNDANCY_MARGIN,
    dead_share,
    excess,
    gain,
    relative,
)
from paper.judging.claims import Finding, Part, above, below, claim, finding
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence, describe
from paper.judging.shared_rules import (
    DIVERSE,
    POINT,
    RELATED,
    difference,
    differences,
    every,
    part_points,
    percent,
    points,
    values,
)

#: "Good enough": this share of the removable dependence is removed.
GOOD_ENOUGH = 0.8
#: Fewer configurations than this give no rank correlation worth a verdict.
MIN_CONFIGURATIONS = 8
#: The mechanisms that source 000 names, as they are called in the table of competitions.
NAMED_MECHANISMS = ("sparsemax", "group_softmax of 4", "group_softmax of 8")


def other_mechanisms(competitions: pd.DataFrame) -> list[str]:
    """Mechanisms besides none and the softmax at any temperature, in the order of the table."""
    others = competitions[~competitions["competition"].isin(["none", "softmax"])]
    if others.empty:
        raise MissingEvidence("“competitions” with a mechanism besides the softmax")
    return list(dict.fromkeys(others["mechanism"]))


def mechanism(name: str, lambda_tc: float) -> dict[str, object]:
    """One mechanism at one pressure."""
    return {"mechanism": name, "lambda_tc": lambda_tc}


@claim(
    "000.34",
    place="Open question 5",
    statement="(Question) Other competition mechanisms (sparsemax, group softmax) do the same.",
    test="The same objective at λ_tc = 0 under other competitions, K = 16, against no competition "
    "and against the softmax, paired over seeds.",
    rule="A mechanism does the same if (a) it changes redundancy against no competition in the "
    "direction in which the softmax does (sign-flip tests, Holm-corrected over the mechanisms, "
    "below 0.05), (b) the probe on its outputs is not more than 1 point below that of the softmax, "
    "and (c) fewer than 5 % of its units are dead. Each mechanism is a part: it holds if (a), (b) "
    "and (c) do and fails if one of them fails. Those that the source names are decisive: "
    "sparsemax, and group softmax with groups of 4 and of 8.",
)
def other_competition(e: Evidence) -> Finding:
    names = other_mechanisms(e.table("competitions", ["competition", "mechanism"]))
    soft, none = mechanism("softmax", 0.0), mechanism("none", 0.0)
    against_none = {
        name: differences(e, "competitions", REDUNDANCY, mechanism(name, 0.0), none)
        for name in ("softmax", *names)
    }
    adjusted = holm([sign_flip_p(d) for d in against_none.values()])
    sign = {
        name: (1 if d.mean() > 0 else -1) if p < LEVEL else 0
        for (name, d), p in zip(against_none.items(), adjusted, strict=True)
    }
    parts = []
    for name in names:
        probe = difference(e, "competitions", PROBE, mechanism(name, 0.0), soft)
        dead = dead_share(e, "competitions", mechanism(name, 0.0))
        same = sign[name] == sign["softmax"] if sign[name] and sign["softmax"] else None
        outcome = every([same, above(probe, -POINT), below(dead, DEAD)])
        text = (
            f"redundancy {mean_interval(against_none[name])}, probe {points(probe)}, dead "
            f"{percent(dead)}"
        )
        parts.append(Part(name, outcome, text, decisive=name in NAMED_MECHANISMS))
    if not any(part.decisive for part in parts):
        raise MissingEvidence(f"“competitions” with {', '.join(NAMED_MECHANISMS)}")
    change = mean_interval(against_none["softmax"])
    intro = f"Softmax against none: redundancy {change}."
    return finding(parts, intro=f"{intro} Redundancy against none, probe against softmax.")


@claim(
    "001.23",
    place="What remains 3",
    statement="(Question) InfoMax works with other competitive activations, too.",
    test="The whole objective (λ_tc = 1) under other competitions, K = 16: is what it promises "
    "reached? The softmax at the same λ_tc is shown beside them.",
    rule="It works with a mechanism if (a) the probe on the outputs is more than 1 point above the "
    "same layer untrained, (b) redundancy is at most twice that of random weights, and (c) fewer "
    "than 5 % of the units are dead. Each mechanism is a part: it holds if all three do and fails "
    "if one fails.",
)
def works_with_others(e: Evidence) -> Finding:
    def check(name: str) -> tuple[bool | None, str]:
        at = mechanism(name, 1.0)
        probe = mean_interval(gain(e, "competitions", at))
        redundancy = mean_interval(values(e, "competitions", OVER_RANDOM, at))
        dead = dead_share(e, "competitions", at)
        outcome = every([above(probe, POINT), below(redundancy, DIVERSE), below(dead, DEAD)])
        text = f"probe {points(probe)}, redundancy over random {redundancy}, dead {percent(dead)}"
        return outcome, text

    names = other_mechanisms(e.table("competitions", ["competition", "mechanism"]))
    parts = [Part(name, *check(name)) for name in names]
    return finding(parts, intro=f"Softmax: {check('softmax')[1]}.")


@claim(
    "001.21",
    place="What remains 1",
    statement="(Question) InfoMax produces non-redundant hyperplanes on real data.",
    test="The source's own form (no activation, loss on z, λ_tc = 1), alone and with the "
    "log-sum-exp term that makes the gradient a responsibility; A (λ_tc = 1) and B (λ_tc = 0) of "
    "source 000 beside it.",
    rule="In each form: redundancy at most twice that of random weights, and fewer than 0.5 pairs "
    "of rows with a cosine above 0.9. A form is a part: it holds if both do and fails if one "
    "fails. The source's own form without the extra term is decisive.",
)
def hyperplanes(e: Evidence) -> Finding:
    forms: dict[str, tuple[str, dict[str, object]]] = {
        "loss on z": ("hyperplanes", {"lambda_lse": 0.0}),
        "loss on z with log-sum-exp": ("hyperplanes", {"lambda_lse": 1.0}),
        "A": ("competitions", mechanism("none", 1.0)),
        "B": ("competitions", mechanism("softmax", 0.0)),
    }
    parts = []
    for name, (table, condition) in forms.items():
        redundancy = mean_interval(values(e, table, OVER_RANDOM, condition))
        aligned = mean_interval(values(e, table, "aligned_pairs", condition))
        outcome = every([below(redundancy, DIVERSE), below(aligned, 0.5)])
        text = f"redundancy over random {redundancy}, aligned pairs {aligned}"
        parts.append(Part(name, outcome, text, decisive=name == "loss on z"))
    return finding(parts)


@claim(
    "001.24",
    place="What remains 4",
    statement="(Question) A supervised signal works as an auxiliary loss: better features, no less "
    "independent.",
    test="Cross-entropy of a linear read-out added with weight λ_ce to the objectives of A and B; "
    "λ_ce = 0 is InfoMax alone.",
    rule="For A and B, at the λ_ce > 0 with the best mean probe: (a) the probe is more than 1 "
    "point above that at λ_ce = 0; (b) redundancy at most 20 % above it; (c) output correlation at "
    "most 10 % above it.",
)
def auxiliary_loss(e: Evidence) -> Finding:
    table = e.table("auxiliary", ["competition", "lambda_ce", "seed", PROBE])
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        c = architecture["competition"]
        weights = sorted(set(table[table["competition"] == c]["lambda_ce"]) - {0.0})
        if not weights:
            raise MissingEvidence(f"“auxiliary” with λ_ce above 0 for competition={c}")
        at = {w: {"competition": c, "lambda_ce": float(w)} for w in (0.0, *weights)}
        best = max(weights, key=lambda w: values(e, "auxiliary", PROBE, at[w]).mean())
        pair = at[best], at[0.0]
        probe = difference(e, "auxiliary", PROBE, *pair)
        name = f"{letter}, λ_ce={best:g}"
        parts.append(part_points(f"{name}, probe", probe, POINT))
        for metric, label, limit in (
            (REDUNDANCY, "redundancy", REDUNDANCY_MARGIN),
            (CORRELATION, "output correlation", CORRELATION_MARGIN),
        ):
            change = relative(e, "auxiliary", metric, *pair)
            text = f"change {percent(change)}"
            parts.append(Part(f"{name}, {label}", below(change, limit), text))
    return finding(parts)


def hsic_excess(e: Evidence, condition: Mapping[str, object]) -> pd.Series:
    """Dependence of the outputs above what sampling alone shows, per seed."""
    return excess(e, "objectives", condition, "hsic", "hsic_floor")


def best_pressure(e: Evidence, competition: str, objective: str) -> dict[str, object]:
    """The λ_tc > 0 at which an objective leaves the least dependence, by its mean over seeds."""
    same = {"competition": competition, "objective": objective}
    table = where(e.table("objectives", ["lambda_tc", *same]), same)
    pressures = sorted(set(table["lambda_tc"]) - {0.0})
    if not pressures:
        raise MissingEvidence(f"“objectives” with {describe(same)} and λ_tc above 0")
    return min(
        ({**same, "lambda_tc": float(t)} for t in pressures),
        key=lambda c: hsic_excess(e, c).mean(),
    )


def removed_share(e: Evidence, competition: str, objective: str) -> Interval | None:
    """Share of the HSIC that the HSIC objective removes which another objective removes, too.

    None if the HSIC objective itself removes nothing (its interval holds zero).
    """
    start = {"competition": competition, "objective": "infomax", "lambda_tc": 0.0}
    before = hsic_excess(e, start)
    removable = mean_interval(
        (before - hsic_excess(e, best_pressure(e, competition, "hsic"))).dropna()
    )
    if not removable.low > 0:
        return None
    removed = (before - hsic_excess(e, best_pressure(e, competition, objective))).dropna()
    return mean_interval(removed / removable.mean)


@claim(
    "001.25",
    place="What remains 5",
    statement="(Question) The Gaussian and decorrelation approximations are good enough; nonlinear "
    "dependence does not matter.",
    test="The same layers trained with ‖R − I‖², with −log det R and with HSIC in its place, K = "
    "16; HSIC above its sampling floor on test images. Each objective at the λ_tc of the grid that "
    "leaves the least.",
    rule="Removable is the fall of HSIC from λ_tc = 0 under the HSIC objective. Without softmax: "
    "(a) decorrelation and (b) log det remove more than 80 % of it; (c) the probe after training "
    "with HSIC is not more than 1 point above that after decorrelation. Under softmax: (d) as (a), "
    "not decisive. A share is open where the HSIC objective removes nothing.",
)
def approximation(e: Evidence) -> Finding:
    def part(name: str, competition: str, objective: str, decisive: bool = True) -> Part:
        share = removed_share(e, competition, objective)
        if share is None:
            return Part(name, None, "the HSIC objective removes nothing", decisive)
        return Part(name, above(share, GOOD_ENOUGH), percent(share), decisive)

    pair = (best_pressure(e, "none", "hsic"), best_pressure(e, "none", "infomax"))
    probe = difference(e, "objectives", PROBE, *pair)
    under_softmax = "(d) removed by decorrelation under softmax"
    return finding(
        [
            part("(a) removed by decorrelation", "none", "infomax"),
            part("(b) removed by log det", "none", "log_det"),
            Part("(c) probe, HSIC − decorrelation", below(probe, POINT), points(probe)),
            part(under_softmax, "softmax", "infomax", decisive=False),
        ]
    )


# ------------------------------------------------------------------------------ the right target


@claim(
    "002.21",
    place="Open question: is independence the right target?",
    statement="(Question) Independence is the right target: the less redundant the units, the "
    "better and the more robust the features.",
    test="Trained layers over λ_tc and competitions: rank correlation over configurations of "
    "redundancy and output correlation with the probe on clean images, and with the share of it "
    "that is left under noise and after losing units.",
    rule="Spearman correlation over at least 8 configurations (means over seeds) of minus weight "
    "redundancy and of minus output correlation with each of the three outcomes, with a 95 % "
    "bootstrap interval over configurations. A part holds if it is at or above 0.5 and its "
    "interval above 0, fails if it is at or below 0, and is open otherwise.",
)
def right_target(e: Evidence) -> Finding:
    outcomes = {
        PROBE: "clean probe",
        "noise_retained": "left under noise",
        "loss_retained": "left after losing units",
    }
    measures = {OVER_RANDOM: "redundancy", CORRELATION: "output correlation"}
    table = e.table("robustness", ["configuration", "seed", *outcomes, *measures])
    seeds = table.groupby("configuration")["seed"].nunique()
    enough = table[table["configuration"].isin(seeds[seeds >= MIN_SEEDS].index)]
    found = enough["configuration"].nunique()
    if found < MIN_CONFIGURATIONS:
        raise MissingEvidence(
            f"“robustness” of at least {MIN_CONFIGURATIONS} configurations with {MIN_SEEDS} seeds "
            f"each (found {found})"
        )
    if "key" in enough.columns:
        e.used.update(enough["key"].astype(str))
    means = enough.groupby("configuration")[[*outcomes, *measures]].mean()
    parts = []
    for measure, name in measures.items():
        for outcome, label in outcomes.items():
            rho = rank_correlation(-means[measure], means[outcome])
            holds = True if rho.mean >= RELATED and rho.low > 0 else None
            if rho.mean <= 0:
                holds = False
            parts.append(Part(f"−{name} with {label}", holds, f"{rho}"))
    return finding(parts, intro=f"Over {found} configurations.")
