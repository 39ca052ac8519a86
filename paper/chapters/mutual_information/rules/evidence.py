"""Rules for source 003: more mutual information is not a better representation.

Tables in ``Evidence.extra``, all information in nats and all accuracies in [0, 1]:

- ``halves``: experiment ("bijective", "residual", "critics" or "matched"), encoder, critic, bound,
  target, seed, step, training, held_out, accuracy, log_condition, inversion_error; first and last
  steps are compared;
- ``adversarial``: seed, step, accuracy, inversion_error; ``raw``: accuracy of raw pixels, one row;
- ``autoencoders``: draws, seed, bound, inference_gap, accuracy;
- ``batches``: bound, shared, seed, estimate, truth.
"""

from collections.abc import Callable
from functools import partial

import pandas as pd

from infomax_lib.stats import Interval, format_number, mean_interval, rank_correlation, where
from paper.chapters.mutual_information.experiment import (
    CRITICS,
    ESTIMATORS,
    TARGETS,
    by_kind,
    last_steps,
)
from paper.judging.claims import Finding, Part, above, below, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.measured import Measured, differences
from paper.judging.shared_rules import points

#: A Jacobian is ill-conditioned when its condition number has grown by this many powers of ten.
DECADES = 1.0
#: A flow is invertible in float32 while it gives pixels in [0, 1] back to within this.
INVERTED = 0.01
#: An estimate reaches its target within this many nats.
MATCHED = 0.5
#: Rank correlation over trained encoders from which a larger bound predicts a better probe.
PREDICTIVE = 0.5


def rows_of(e: Evidence, experiment: str) -> pd.DataFrame:
    """Rows of one experiment on halves."""
    table = e.table("halves", ["experiment", "seed", "step", "accuracy"])
    rows = table[table["experiment"] == experiment]
    if rows.empty:
        raise MissingEvidence(f"the experiment “{experiment}” in “halves”")
    return rows


def paired(rows: pd.DataFrame, column: str, metric: str) -> Measured:
    """One measure by seed, with a column for each value of ``column``, as text."""
    if rows.duplicated([column, "seed"]).any():
        raise ValueError(f"two rows of one {column} and seed cannot be paired")
    wide = rows.pivot(index="seed", columns=column, values=metric).rename(columns=str)
    return Measured.of_frame(f"{metric} by {column}", wide)


def change(rows: pd.DataFrame, metric: str) -> Interval:
    """Last minus first step by seed; MissingEvidence with too few seeds."""
    first, last = str(rows["step"].min()), str(rows["step"].max())
    return paired(rows, "step", metric).difference(last, first)


def for_each_estimator(part: Callable[[str], Part]) -> Finding:
    """A part for each estimator, open where it was not measured."""
    return finding([measured(name, partial(part, bound)) for bound, name in ESTIMATORS.items()])


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
    every = rows_of(e, "bijective")

    def part(bound: str) -> Part:
        rows = where(every, {"bound": bound})
        gain = change(rows, "accuracy")
        error = float(last_steps(rows)["inversion_error"].max())
        holds = above(gain, 0)
        if holds and not error <= INVERTED:
            holds = None
        text = f"probe {points(gain)} better; inverse exact to {error:.0e}"
        return Part(ESTIMATORS[bound], holds, text)

    return for_each_estimator(part)


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
    accuracy = last["accuracy"].astype(float)
    same = pd.Series(raw, accuracy.index)  # the pixels are those of every seed
    gap = mean_interval(differences(accuracy, same, "adversarial encoders"))
    error = float(last["inversion_error"].max())
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
    rows = rows_of(e, "residual")

    def part(bound: str) -> Part:
        growth = change(where(rows, {"bound": bound}), "log_condition")
        return Part(ESTIMATORS[bound], above(growth, DECADES), f"grows by {growth} powers of ten")

    return for_each_estimator(part)


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
    last = last_steps(rows_of(e, "critics"))

    def tighter(label: str, rows: pd.DataFrame, critic: str) -> Part:
        gap = paired(rows, "critic", "training").difference(critic, CRITICS[0])
        return Part(f"{label}, tighter", above(gap, 0), f"{gap} nats")

    def worse(label: str, rows: pd.DataFrame, critic: str) -> Part:
        gap = paired(rows, "critic", "accuracy").difference(critic, CRITICS[0])
        return Part(f"{label}, worse", below(gap, 0), points(gap))

    parts = []
    for bound, name in ESTIMATORS.items():
        rows = where(last, {"bound": bound})
        for critic in CRITICS[1:]:
            label = f"{name}, {critic}"
            parts += [
                measured(label, partial(part, label, rows, critic)) for part in (tighter, worse)
            ]
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
    bound, inference, probe = (
        paired(table, "draws", metric).difference(str(most), "1")
        for metric in ("bound", "inference_gap", "accuracy")
    )
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
    last = last_steps(rows_of(e, "matched"))

    def part(target: float) -> Part:
        rows = where(last, {"target": target})
        rows = rows.assign(cell=rows["encoder"] + "/" + rows["bound"])
        probes = paired(rows, "cell", "accuracy")
        of = probes.of
        by_bound = [(of(f"convnet/{b}") - of(f"mlp/{b}")).abs() for b in ESTIMATORS]
        by_encoder = [(of(f"{a}/nce") - of(f"{a}/nwj")).abs() for a in ("mlp", "convnet")]
        architecture, estimator = sum(by_bound) / 2, sum(by_encoder) / 2
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

    def part(label: str, bound: str, shared: bool) -> Part:
        rows = where(table, {"bound": bound, "shared": shared})
        gap = mean_interval(differences(rows["estimate"], rows["truth"], "estimates"))
        return Part(label, above(gap, 0) if shared else gap.low <= 0, f"{gap} nats above the truth")

    return finding(
        [
            measured(label, partial(part, label, bound, shared))
            for bound, name in ESTIMATORS.items()
            for shared, label in ((True, f"{name}, not i.i.d."), (False, f"{name}, i.i.d."))
        ]
    )


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
