"""Sentences of the prior-art chapter, written from its tables: what was covered, what to use."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from infomax_lib.model.architectures import INFOMAX
from paper.chapters.prior_art.comparison import (
    LABELS,
    best,
    in_words,
    paired,
    unsupervised_baselines,
)
from paper.figures.style import name
from paper.methods.methods import METHODS

__all__ = ["beats_every_baseline", "budget_answer", "coverage", "coverage_table", "recommendation"]

Tables = Mapping[tuple[str, str], pd.DataFrame]  # (dataset, budget) -> one row per fit


def coverage_table(tables: Tables) -> pd.DataFrame:
    """What was fitted: one row per dataset, width and budget, with methods, seeds and failures."""
    rows = []
    for (dataset, budget), table in tables.items():
        for width, fits in table.groupby("hidden_dim"):
            seeds = fits.groupby("method")["seed"].nunique()
            least, most = int(seeds.min()), int(seeds.max())
            rows.append(
                {
                    "dataset": name(dataset),
                    "K": int(width),
                    "budget": budget,
                    "methods": f"{len(seeds)} of {len(LABELS)}",
                    "seeds": str(least) if least == most else f"{least} to {most}",
                    "failed fits": int(fits["failed"].notna().sum()),
                }
            )
    return pd.DataFrame(rows)


def coverage(tables: Tables) -> str:
    """The coverage in a sentence: "Covered: MNIST at K = 64 (equal epochs, 32 methods …)"."""
    parts = [
        f"{row['dataset']} at K = {row['K']} ({row['budget']}: {row['methods']} methods, "
        f"{row['seeds']} seeds)"
        for row in coverage_table(tables).to_dict("records")
    ]
    return f"Covered: {'; '.join(parts)}."


def _ours(table: pd.DataFrame) -> list[str]:
    return [method for method in INFOMAX if method in set(table["method"])]


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
    shared = set.intersection(*(set(_ours(table)) for table in tables.values()))
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
        if at_cost is not None and len(ours := _ours(at_cost)):
            own = best(at_cost, ours)
            if beats_every_baseline(at_cost, own):
                rival = best(at_cost, unsupervised_baselines(at_cost))
                sentences.append(
                    f"At equal training cost {LABELS[own]} is better there than every baseline: "
                    f"{in_words(at_cost, own, rival)}."
                )
    return " ".join(sentences)


def _choice(table: pd.DataFrame) -> str:
    """What to use on one dataset, as the rest of a sentence."""
    baselines = unsupervised_baselines(table)
    leader, own = best(table, baselines), best(table, _ours(table))
    if beats_every_baseline(table, own):
        return f"use {LABELS[own]}: {in_words(table, own, leader)}"
    gap = paired(table, "probe_accuracy", leader, own)
    if not gap.low > 0:
        return f"use one of the two best: {in_words(table, leader, own)}"
    text = f"use {LABELS[leader]}: {in_words(table, leader, own)}"
    plain = [method for method in baselines if METHODS[method].family != "two views"]
    if METHODS[leader].family == "two views" and plain:
        other = best(table, plain)
        text += (
            ". It has to be told what does not change a class; without such views, use "
            f"{LABELS[other]}: {in_words(table, other, own)}"
        )
    return text


def budget_answer(epochs: pd.DataFrame, flops: pd.DataFrame) -> str:
    """Who is best when training costs the same, and by how much."""
    leader, own = best(flops, unsupervised_baselines(flops)), best(flops, _ours(flops))
    before = best(epochs, unsupervised_baselines(epochs))
    change = "" if leader == before else f", no longer {LABELS[before]}"
    return (
        f"At equal training cost the best unsupervised baseline is {LABELS[leader]}{change}; "
        f"{in_words(flops, own, leader)}."
    )
