"""Sentences of the mutual information chapter, written from its tables.

They say how much, with intervals; whether that is yes or no by the rule is for the verdicts.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from infomax_lib.stats import (
    Interval,
    by_seed,
    format_number,
    mean_interval,
    rank_correlation,
    where,
)
from paper.chapters.mutual_information.experiment import (
    CRITICS,
    ESTIMATORS,
    TARGETS,
    bijective_specs,
    by_kind,
    last_steps,
)
from paper.judging.shared_rules import percent, points


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
    ours, theirs = (bijective_specs("digits", 1, name)[0] for name in (size, "paper"))
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


def bijective_answer(halves: pd.DataFrame, raw: float) -> str:
    """Probes of encoders that lose nothing, before and after training."""
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(halves, {"experiment": "bijective", "bound": bound})
        ends = [mean_interval(_at(rows, step)["accuracy"]) for step in (0, rows["step"].max())]
        parts.append(f"from {percent(ends[0])} to {percent(ends[1])} with {text}")
    return (
        f"The probe of encoders that keep all information goes {' and '.join(parts)}; raw pixels "
        f"give {format_number(100 * raw, 1)} %."
    )


def adversarial_answer(adversarial: pd.DataFrame, raw: float) -> str:
    """The probe of an invertible encoder that hides the classes, and its inverse."""
    last = _at(adversarial, adversarial["step"].max())
    return (
        f"Trained against linear classifiers, an invertible encoder comes to "
        f"{percent(mean_interval(last['accuracy']))}, against {format_number(100 * raw, 1)} % of "
        f"raw pixels; its inverse gives every pixel back to within "
        f"{float(last['inversion_error'].max()):.1g}."
    )


def condition_answer(halves: pd.DataFrame) -> str:
    """How the condition number grows."""
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(halves, {"experiment": "residual", "bound": bound})
        gap = _growth(rows, lambda row: row["log_condition"])
        parts.append(f"{gap} powers of ten with {text}")
    return f"The condition number of the Jacobian grows by {' and '.join(parts)}."


def condition_reason(halves: pd.DataFrame) -> str:
    """Which end of the spectrum moves, and how many directions are left."""
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(halves, {"experiment": "residual", "bound": bound})
        rows = rows[rows["spectrum"].map(len) > 0]
        largest = _growth(rows, lambda row: row["spectrum"][0])
        smallest = _growth(rows, lambda row: row["spectrum"][-1])
        half = _growth(rows, lambda row: float(np.median(row["spectrum"])))
        parts.append(
            f"with {text} the largest singular value changes by {largest} powers of ten, the "
            f"median one by {half}, and the smallest by {smallest}"
        )
    return f"What moves: {'; '.join(parts)}."


def critic_answer(halves: pd.DataFrame) -> str:
    """Bound and probe of the strongest critic against the weakest."""
    parts = []
    for bound, text in ESTIMATORS.items():
        rows = where(last_steps(halves), {"experiment": "critics", "bound": bound})
        strongest, weakest = ({"critic": critic} for critic in (CRITICS[-1], CRITICS[0]))
        tighter = _gap(rows, "training", strongest, weakest)
        better = _gap(rows, "accuracy", strongest, weakest)
        parts.append(f"{tighter} nats on the bound and {points(better)} on the probe with {text}")
    return f"The concatenated critic against the bilinear one: {'; '.join(parts)}."


def autoencoder_answer(autoencoders: pd.DataFrame) -> str:
    """What the most draws change against one."""
    most = int(autoencoders["draws"].max())
    gaps = {
        measure: _gap(autoencoders, measure, {"draws": most}, {"draws": 1})
        for measure in ("bound", "inference_gap", "accuracy")
    }
    return (
        f"{most} draws against one: a bound {gaps['bound']} nats tighter, an inference gap "
        f"{gaps['inference_gap']} nats larger, a probe that differs by {points(gaps['accuracy'])}."
    )


def matched_answer(halves: pd.DataFrame) -> str:
    """How far architectures and estimators are apart at each target."""
    parts = []
    for target in TARGETS:
        rows = where(last_steps(halves), {"experiment": "matched", "target": target})
        encoders = [
            _gap(
                rows, "accuracy", {"encoder": "convnet", "bound": b}, {"encoder": "mlp", "bound": b}
            )
            for b in ESTIMATORS
        ]
        estimators = [
            _gap(rows, "accuracy", {"encoder": e, "bound": "nce"}, {"encoder": e, "bound": "nwj"})
            for e in ("mlp", "convnet")
        ]
        parts.append(
            f"at {target:g} nats the ConvNet differs from the MLP by "
            f"{' and '.join(points(gap) for gap in encoders)}, I_NCE from I_NWJ by "
            f"{' and '.join(points(gap) for gap in estimators)}"
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


def _at(table: pd.DataFrame, step: int) -> pd.DataFrame:
    return table[table["step"] == step]


def _growth(rows: pd.DataFrame, measure) -> Interval:
    """Last less first step of a function of a row, paired by seed."""
    ends = [
        _at(rows, step).set_index("seed").apply(measure, axis=1).astype(float)
        for step in (rows["step"].min(), rows["step"].max())
    ]
    return mean_interval((ends[1] - ends[0]).dropna())


def _gap(table: pd.DataFrame, measure: str, a: dict, b: dict) -> Interval:
    return mean_interval((by_seed(table, measure, a) - by_seed(table, measure, b)).dropna())
