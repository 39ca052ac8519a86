"""Which method of prior art or of this work to use, from the tables of fits."""

from collections.abc import Mapping

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from paper.chapters.prior_art.comparison import (
    LABELS,
    ON_VIEWS,
    best,
    configurations,
    equals,
    in_words,
    leaders,
    paired,
    unsupervised_baselines,
)
from paper.figures.style import name


def beats_every_baseline(table: pd.DataFrame, method: str) -> bool:
    """Whether a method's probe lies above that of every unsupervised baseline, by paired intervals.

    Baselines that were not measured do not count.
    """
    gaps = [
        paired(table, "probe_accuracy", method, other) for other in unsupervised_baselines(table)
    ]
    return all(gap.low > 0 for gap in gaps if gap.n)


def recommendation(
    tables: Mapping[str, pd.DataFrame], cheap: Mapping[str, pd.DataFrame] | None = None
) -> str:
    """Which method to use, from one table per dataset: the rule, its outcome, and what it costs.

    A configuration of this work is recommended if on every dataset its linear probe lies above that
    of every unsupervised baseline. If there is none, each dataset has its own answer: the best
    baseline, with the best that needs no views of an image, or both where the best configuration of
    this work cannot be told from it.

    Args:
        tables: Fits at equal epochs, by dataset.
        cheap: Fits at equal cost, where a configuration may win that does not at equal epochs.
    """
    shared = set.intersection(*(set(configurations(table)) for table in tables.values()))
    winners = [
        method
        for method in INFOMAX
        if method in shared
        and all(beats_every_baseline(table, method) for table in tables.values())
    ]
    everywhere = " and on ".join(map(name, tables))
    if winners:
        first = next(iter(tables.values()))
        chosen = best(first, winners)
        return (
            f"{LABELS[chosen]}: its linear probe lies above that of every unsupervised baseline on "
            f"{everywhere}."
        )
    sentences = [
        "No configuration of this work has a better linear probe than every baseline on "
        f"{everywhere}."
    ]
    for dataset, table in tables.items():
        sentences.append(f"On {name(dataset)}, {_choice(table)}.")
        at_cost = (cheap or {}).get(dataset)
        if at_cost is not None and configurations(at_cost):
            rival, own = leaders(at_cost)
            if beats_every_baseline(at_cost, own):
                sentences.append(
                    f"At equal training cost {LABELS[own]} is better there than every baseline: "
                    f"{in_words(at_cost, own, rival)}."
                )
    return " ".join(sentences)


def _choice(table: pd.DataFrame) -> str:
    """What to use on one dataset, as the rest of a sentence."""
    leader, own = leaders(table)
    if beats_every_baseline(table, own):
        return f"use {LABELS[own]}: {in_words(table, own, leader)}"
    gap = paired(table, "probe_accuracy", leader, own)
    if not gap.low > 0:
        return f"use one of the two best: {in_words(table, leader, own)}"
    text = f"use {LABELS[leader]}: {in_words(table, leader, own)}"
    if without := _without_views(table, leader):
        other, own = without
        text += (
            ". It has to be told what does not change a class; without such views, use "
            f"{LABELS[other]}: {in_words(table, other, own)}"
        )
    return text


def _without_views(table: pd.DataFrame, leader: str) -> tuple[str, str] | None:
    """Where the best baseline needs views: the best that needs none, and this work beside it."""
    plain = [m for m in unsupervised_baselines(table) if m not in ON_VIEWS]
    if leader not in ON_VIEWS or not plain:
        return None
    other, ours = best(table, plain), configurations(table)
    return other, best(table, equals(other, ours) or ours)


def advice(tables: Mapping[str, pd.DataFrame]) -> str:
    """Which method to use on each dataset, and which without views, in a sentence each."""
    sentences = []
    for dataset, table in tables.items():
        leader, own = leaders(table)
        if beats_every_baseline(table, own):
            sentences.append(f"On {name(dataset)}, {LABELS[own]} has the best linear probe.")
            continue
        text = f"On {name(dataset)}, {_or_equal(table, leader, own)}"
        if without := _without_views(table, leader):
            text += (
                ", which has to be told what changes of an image do not matter; where nobody can "
                f"say, {_or_equal(table, *without)}"
            )
        sentences.append(f"{text}.")
    return " ".join(sentences)


def _or_equal(table: pd.DataFrame, leader: str, own: str) -> str:
    """The best method, and a configuration of this work where it cannot be told from it."""
    if paired(table, "probe_accuracy", leader, own).low > 0:
        return f"{LABELS[leader]} has the best linear probe"
    return (
        f"{LABELS[leader]} and {LABELS[own]} have the best linear probes, and cannot be told apart"
    )
