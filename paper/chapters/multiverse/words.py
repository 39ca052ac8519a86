"""Sentences of the page on the multiverse."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from paper.chapters.multiverse.effects import CHOICES, FINDINGS, side

_CALLED = {
    "dataset": "the dataset",
    "units": "the number of units",
    "epochs": "the length of training",
    "measure": "the measure",
}


def shares_of_variance(table: pd.DataFrame) -> pd.Series:
    """Share of the variance of the effect between universes that lies between values of a choice.

    η² of each choice by itself, largest first; universes in which runs diverged are left out.
    """
    means = np.array([effect.mean for effect in table["effect"]])
    kept = table[np.isfinite(means)]
    effect = pd.Series(means[np.isfinite(means)], index=kept.index)
    total = ((effect - effect.mean()) ** 2).sum()
    shares = {
        choice: ((effect.groupby(kept[choice]).transform("mean") - effect.mean()) ** 2).sum()
        for choice in CHOICES
        if kept[choice].nunique() > 1
    }
    return (pd.Series(shares, dtype=float) / total).sort_values(ascending=False, kind="stable")


def sentence(finding: str, table: pd.DataFrame) -> str:
    """How many universes say what, and which choice matters most."""
    asked = FINDINGS[finding]
    sides = Counter(side(effect, asked.smallest) for effect in table["effect"])
    parts = [f"Yes in {sides['for']} of {len(table)} universes"]
    parts += [
        f"{words} in {sides[word]}"
        for word, words in (
            ("against", "the opposite"),
            ("none", "no effect of interest"),
            ("open", "not decided by five seeds"),
            ("diverged", "all runs diverged"),
        )
        if sides[word]
    ]
    text = f"{asked.title} {', '.join(parts)}."
    partly = sum(effect.n > 0 and effect.dropped > 0 for effect in table["effect"])
    if partly:
        text += f" In {partly} some runs diverged and are not in the mean; their points are hollow."
    shares = shares_of_variance(table)
    if len(shares):
        most = _CALLED.get(shares.index[0], asked.turned)
        text += (
            f" Of what can be chosen, {most} matters most: it accounts for "
            f"{100 * shares.iloc[0]:.0f} % of the variance between universes."
        )
    return text
