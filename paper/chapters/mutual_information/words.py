"""Sentences of the mutual information chapter, written from its tables.

They say how much, with intervals; whether that is yes or no by the rule is for the verdicts.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from infomax_lib.stats import (
    Interval,
    format_number,
    mean_interval,
    paired_difference,
    rank_correlation,
    where,
)
from paper.chapters.mutual_information.experiment import (
    CRITICS,
    ESTIMATORS,
    TARGETS,
    by_kind,
    halves_specs,
    last_steps,
)
from paper.judging.shared_rules import percent, points
from paper.judging.verdicts import Verdict, Verdicts

#: What each verdict makes of the question in the head of the page.
_PLAIN = {
    **dict.fromkeys(("proved", "supported"), "Yes."),
    "mixed": "In part.",
    **dict.fromkeys(("at threshold", "underpowered", "not measured", "untestable here"), "Open."),
    **dict.fromkeys(("not supported", "refuted", "disproved by construction"), "No."),
}
#: That something can be is not excluded by one example that is none.
_POSSIBLE = {"not supported": "Not here."}
#: Answers to questions of another kind. The statement of 003.5 is the negation of its question, and
#: a bound that predicts in part is neither.
_OTHERS = {
    "003.5": {"supported": "No.", "not supported": "In part.", "refuted": "Yes."},
    "003.9": _POSSIBLE,
    "003.15": _POSSIBLE,
    "003.11": _POSSIBLE,
}


def plain_answer(verdict: Verdict, sentence: str) -> str:
    """Yes, no, in part or open, by the verdict, and the sentence with the numbers."""
    answers = _PLAIN | _OTHERS.get(verdict.id, {})
    return f"{answers[verdict.interpretation_verdict]} {sentence}"


def with_verdict(answer: str, verdict: Verdict) -> str:
    """The answer as it stands below its figure."""
    return f"**Plain answer.** {answer} Verdict: **{verdict.interpretation_verdict}**."


def quoted(answers: Mapping[str, str], verdicts: Verdicts) -> dict[str, str]:
    """Answers by claim and the verdicts beside them, by the names that the page's head quotes."""
    texts = {}
    for claim, answer in answers.items():
        name = claim.replace(".", "_")
        texts[f"answer_{name}"] = answer
        texts[f"verdict_{name}"] = verdicts.find(claim).interpretation_verdict
    return texts


def takeaway(answers: Mapping[str, str]) -> str:
    """The chapter in two questions and their answers."""
    return (
        f"Is a bound on mutual information a measure of a representation? {answers['003.5']} Does "
        f"quality improve while information stays? {answers['003.6']}"
    )


def failures(tables: Sequence[pd.DataFrame]) -> str:
    """How many trainings failed, with the first reason; that none did if so."""
    lost = pd.concat([table.dropna(subset="failed")[["key", "failed"]] for table in tables])
    lost = lost.drop_duplicates("key")
    count = sum(table["key"].nunique() for table in tables)
    if lost.empty:
        return f"None of {count} trainings failed."
    return f"{len(lost)} of {count} trainings failed, the first because {lost['failed'].iloc[0]}."


def size_words(size: str, seeds: int) -> str:
    """What was trained for how long, beside the paper."""
    ours, theirs = (halves_specs("bijective", "digits", 1, name)[0] for name in (size, "paper"))
    if size == "paper":
        return f"Sizes are the paper's ({ours.steps} training steps), over {seeds} seeds."
    return (
        f"Networks and training are smaller than the paper's, over {seeds} seeds: encoders take "
        f"{ours.steps} steps instead of {theirs.steps}, some at higher learning rates. The "
        "paper's sizes are those of the parameter size=paper."
    )


def lossy_answer(lossy: pd.DataFrame) -> str:
    """What maps that cannot be inverted leave."""
    worst = lossy.loc[(lossy["after"] / lossy["before"]).idxmin()]
    return (
        f"Least is left by “{worst['map']}”: {format_number(worst['after'], 2)} of "
        f"{format_number(worst['before'], 2)} nats."
    )


def trees_answer(splits: pd.DataFrame) -> str:
    """How much the best and the worst unit say, and where the tree begins."""
    of_tree = splits.groupby("seed")["gain"]
    return (
        "Of the units of an untrained layer, the best one says "
        f"{mean_interval(of_tree.max())} nats about the class by one threshold, the worst one "
        f"{mean_interval(of_tree.min())}; a tree begins with the best."
    )


def dimension_answer(dimensions: pd.DataFrame) -> str:
    """Estimates in the fewest and in the most dimensions, and with the ratio known."""
    few, many = dimensions["dimensions"].min(), dimensions["dimensions"].max()
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(dimensions, {"bound": bound})
        low, high = (where(rows, {"dimensions": d})["estimate"] for d in (few, many))
        least = f"{format_number(float(high.min()))} to {format_number(float(high.max()))}"
        parts.append(f"{text} gives {mean_interval(low)} in {few} dimensions and {least} in {many}")
    known = where(dimensions, {"dimensions": many}).groupby("bound")["known"].mean()
    listed = " and ".join(format_number(float(known[bound]), 2) for bound in ESTIMATORS)
    truth = format_number(float(dimensions["truth"].iloc[0]))
    return (
        f"Of {truth} nats, {'; '.join(parts)}. With the density ratio known they give {listed} "
        "there: it is the critic that is hard to find."
    )


def metric_answer(metric: pd.DataFrame) -> str:
    """Both losses at the end."""
    last = metric[metric["step"] == metric["step"].max()]
    gap = paired_difference(last, "accuracy", {"bound": "triplet"}, {"bound": "nce"})
    by_loss = last.groupby("bound")["accuracy"]
    return (
        f"A triplet loss gives a probe of {percent(mean_interval(by_loss.get_group('triplet')))}, "
        f"I_NCE {percent(mean_interval(by_loss.get_group('nce')))}; the difference is "
        f"{points(gap)}."
    )


def bijective_answer(halves: pd.DataFrame, raw: float) -> str:
    """Probes of encoders that lose nothing, before and after training."""

    def part(rows: pd.DataFrame) -> str:
        first, last = (
            percent(mean_interval(rows.loc[rows["step"] == step, "accuracy"]))
            for step in (0, rows["step"].max())
        )
        return f"from {first} to {last}"

    return (
        "The probe of encoders that keep all information goes "
        f"{' and '.join(_by_estimator(halves, 'bijective', part))}; raw pixels give "
        f"{format_number(100 * raw, 1)} %."
    )


def adversarial_answer(adversarial: pd.DataFrame, raw: float) -> str:
    """That invertible maps can hide the classes, and what training one against them came to."""
    last = adversarial[adversarial["step"] == adversarial["step"].max()]
    return (
        "Two shears, which can be undone exactly, send points to any places on a line, and "
        "leave a linear probe with chance. Trained against linear classifiers, an invertible "
        f"encoder comes to {percent(mean_interval(last['accuracy']))}, against "
        f"{format_number(100 * raw, 1)} % of raw pixels; its inverse gives every pixel back to "
        f"within {float(last['inversion_error'].max()):.1g}."
    )


def condition_answer(halves: pd.DataFrame) -> str:
    """How the condition number grows."""
    parts = _by_estimator(
        halves, "residual", lambda rows: f"{_growth(rows, 'log_condition')} powers of ten"
    )
    return f"The condition number of the Jacobian grows by {' and '.join(parts)}."


def condition_reason(halves: pd.DataFrame) -> str:
    """Which end of the spectrum moves, and how many directions are left."""
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(halves, {"experiment": "residual", "bound": bound})
        rows = rows[rows["spectrum"].map(len) > 0]
        spectra = rows["spectrum"]
        rows = rows.assign(
            largest=spectra.str[0], median=spectra.map(np.median), smallest=spectra.str[-1]
        )
        parts.append(
            f"with {text} the largest singular value changes by {_growth(rows, 'largest')} powers "
            f"of ten, the median one by {_growth(rows, 'median')}, and the smallest by "
            f"{_growth(rows, 'smallest')}"
        )
    return f"What moves: {'; '.join(parts)}."


def critic_answer(halves: pd.DataFrame) -> str:
    """Held-out bound and probe of the strongest critic against the weakest."""
    ends = {"critic": CRITICS[-1]}, {"critic": CRITICS[0]}

    def part(rows: pd.DataFrame) -> str:
        tighter, better = (
            paired_difference(last_steps(rows), measure, *ends)
            for measure in ("held_out", "accuracy")
        )
        return f"{tighter} nats on the held-out bound and {points(better)} on the probe"

    parts = _by_estimator(halves, "critics", part)
    return f"The concatenated critic against the bilinear one: {'; '.join(parts)}."


def autoencoder_answer(autoencoders: pd.DataFrame) -> str:
    """What the most draws change against one."""
    most = int(autoencoders["draws"].max())
    tighter, further, probe = (
        paired_difference(autoencoders, measure, {"draws": most}, {"draws": 1})
        for measure in ("bound", "inference_gap", "accuracy")
    )
    return (
        f"{most} draws against one: a bound {tighter} nats tighter, an inference gap {further} "
        f"nats larger, a probe that differs by {points(probe)}."
    )


def matched_answer(halves: pd.DataFrame) -> str:
    """How far architectures and estimators are apart at each target."""
    parts = []
    for target in TARGETS:
        rows = where(last_steps(halves), {"experiment": "matched", "target": target})
        encoders = [
            _probe_gap(where(rows, {"bound": bound}), "encoder", "convnet", "mlp")
            for bound in ESTIMATORS
        ]
        estimators = [
            _probe_gap(where(rows, {"encoder": encoder}), "bound", "nce", "nwj")
            for encoder in ("mlp", "convnet")
        ]
        parts.append(
            f"at {target:g} nats the ConvNet differs from the MLP by "
            f"{' and '.join(encoders)}, I_NCE from I_NWJ by {' and '.join(estimators)}"
        )
    return f"In probe accuracy, {'; '.join(parts)}."


def batch_answer(batches: pd.DataFrame) -> str:
    """Estimates with dependent and with independent pairs, beside the truth."""
    parts = []
    for bound, text in ESTIMATORS.items():
        shared, alone = (
            mean_interval(where(batches, {"bound": bound, "shared": s})["estimate"])
            for s in (True, False)
        )
        parts.append(f"{text} says {shared} nats with a shared part and {alone} without")
    truth = format_number(float(batches["truth"].iloc[0]), 3)
    return f"The truth is {truth} nats; {'; '.join(parts)}."


def together_answer(halves: pd.DataFrame) -> str:
    """Rank correlation of bound and probe over all kinds of encoders."""
    return (
        f"Over {len(by_kind(halves))} kinds of trained encoders, held-out bound and probe have a "
        f"rank correlation of {together_number(halves)}."
    )


def together_number(halves: pd.DataFrame) -> str:
    """The rank correlation alone, with its interval."""
    means = by_kind(halves)
    return str(rank_correlation(means["held_out"], means["accuracy"]))


def bridge_answer(layers: pd.DataFrame) -> str:
    """Rank correlations of the information of InfoMax layers with their probe and redundancy."""
    fields = ["competition", "lambda_tc", "epochs"]
    means = layers.groupby(fields)[["lower", "probe_accuracy", "output_correlation"]].mean()
    means = means.dropna()
    probe = rank_correlation(means["lower"], means["probe_accuracy"])
    correlated = rank_correlation(means["lower"], means["output_correlation"])
    most = means["lower"].idxmax()
    best = means["probe_accuracy"].idxmax()
    extremes = ""
    untrained = layers[layers["epochs"] == 0]
    if len(untrained):
        trained = layers[(layers["epochs"] > 0) & (layers["competition"] == "softmax")]
        parts = [
            f"{text} carry {mean_interval(rows['lower'])} nats, from which a probe reads "
            f"{percent(mean_interval(rows['probe_accuracy']))} of the classes"
            for text, rows in (
                ("Untrained layers", untrained),
                ("trained layers with a softmax", trained[trained["lambda_tc"] == 0]),
            )
            if len(rows)
        ]
        extremes = f" {', '.join(parts)}."
    return (
        f"Over {len(means)} settings, the information that a layer's noisy outputs carry has a "
        f"rank correlation of {probe} with the probe and of {correlated} with the correlation of "
        f"the outputs. The most information is in {_layer(most)}, the best probe in "
        f"{_layer(best)}.{extremes}"
    )


def _layer(setting: tuple) -> str:
    competition, pressure, epochs = setting
    letter = {"none": "A", "softmax": "B"}.get(competition, competition)
    return f"{letter} at λ_tc = {pressure:g}" if epochs else f"{letter} untrained"


def _by_estimator(
    halves: pd.DataFrame, experiment: str, part: Callable[[pd.DataFrame], str]
) -> list[str]:
    """What is said of the rows of one experiment, for each estimator."""
    return [
        f"{part(where(halves, {'experiment': experiment, 'bound': bound}))} with {text}"
        for bound, text in ESTIMATORS.items()
    ]


def _growth(rows: pd.DataFrame, measure: str) -> Interval:
    """Last less first step of a measure, paired by seed."""
    ends = ({"step": step} for step in (rows["step"].max(), rows["step"].min()))
    return paired_difference(rows, measure, *ends)


def _probe_gap(rows: pd.DataFrame, column: str, a: str, b: str) -> str:
    """Accuracy at one value of a column less that at another, paired by seed."""
    return points(paired_difference(rows, "accuracy", {column: a}, {column: b}))
