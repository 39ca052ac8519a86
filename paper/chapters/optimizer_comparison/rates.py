"""The grid of both optimizers, six learning rates and both architectures, as it is compared.

``rates`` is the run table with the columns that :func:`with_losses` adds; ``means`` are the mean
probe accuracies of :func:`mean_probe`. The probe of the code before the softmax decides; without a
softmax the two probes are the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infomax_lib.stats import Interval, by_seed, mean_interval, paired_differences
from paper.chapters.optimizer_comparison.rules import PROBE
from paper.chapters.optimizer_comparison.scale_growth import scale_free_loss
from paper.figures.marks import panel_list
from paper.figures.seeds_and_grids import along_grid, heatmap_grid, trajectories

#: The architectures as the source trains them, with their titles.
ARCHITECTURES = {"none": "no softmax (A), λ_tc = 1", "softmax": "softmax (B), λ_tc = 0"}
#: The probe of the code after the softmax.
PROBE_AFTER = "probe_accuracy"
#: A learning rate at which more runs than this diverge is no candidate for the best.
_MOST_DIVERGED = 0.1


def with_losses(rates: pd.DataFrame) -> pd.DataFrame:
    """The runs with ``diverged``, ``finite_loss`` and ``unit_norm_loss`` (NaN if diverged)."""
    diverged = rates["diverged_at"].notna()
    finite = rates["loss"].where(np.isfinite(rates["loss"]) & ~diverged)
    return rates.assign(
        diverged=diverged.astype(float),
        finite_loss=finite,
        unit_norm_loss=scale_free_loss(finite, rates["row_norm"], int(rates["hidden_dim"].iloc[0])),
    )


def mean_probe(rates: pd.DataFrame, probe: str = PROBE) -> pd.Series:
    """Mean probe accuracy by competition, optimizer and learning rate; NaN where runs diverge."""
    cells = rates.groupby(["competition", "optimizer", "learning_rate"])
    return cells[probe].mean().where(cells["diverged"].mean() <= _MOST_DIVERGED)


def best_of(means: pd.Series) -> pd.Series:
    """The learning rate with the best mean, by competition and optimizer."""
    return means.groupby(["competition", "optimizer"]).idxmax().str[2]


def adam_minus_sgd(
    rates: pd.DataFrame, learning_rates: Sequence[float], probe: str = PROBE
) -> dict[tuple[str, str], Interval]:
    """Paired gap in probe accuracy by competition and learning rates, in words.

    At equal learning rates, and "each at its best" by the same probe as the last of each
    architecture.
    """
    best = best_of(mean_probe(rates, probe))
    gaps = {}
    for competition in ARCHITECTURES:
        pairs = {f"{rate:g}": {"adam": rate, "sgd": rate} for rate in learning_rates}
        for text, pair in (pairs | {"each at its best": best[competition]}).items():
            adam, sgd = (
                by_seed(
                    rates,
                    probe,
                    {"competition": competition, "optimizer": name, "learning_rate": pair[name]},
                )
                for name in ("adam", "sgd")
            )
            gaps[competition, text] = mean_interval(paired_differences(adam, sgd))
    return gaps


def along_rates(
    rates: pd.DataFrame, column: str, ylabel: str | None = None, **looks: Any
) -> Figure:
    """One panel per architecture along the learning rate, the optimizers as colours."""
    figure, axes = panel_list(2, height=3.2)
    for axis, (competition, title) in zip(axes, ARCHITECTURES.items(), strict=True):
        rows = rates[rates["competition"] == competition]
        along_grid(axis, rows, column, x="learning_rate", hue="optimizer", **looks)
        axis.set_title(title)
        if ylabel:
            axis.set_ylabel(ylabel)
    return figure


def probes_along_rates(rates: pd.DataFrame, start: pd.DataFrame) -> Figure:
    """Both architectures by the probe before the softmax, and the softmax by that after it.

    Args:
        rates: Runs after training.
        start: The same before their first step, by ``competition`` and ``seed``.
    """
    figure, axes = panel_list(3, height=3.2)
    places = [(competition, PROBE) for competition in ARCHITECTURES] + [("softmax", PROBE_AFTER)]
    for axis, (competition, probe) in zip(axes, places, strict=True):
        untrained = start[start["competition"] == competition].drop_duplicates("seed")[probe]
        rows = rates[rates["competition"] == competition]
        floors = {"untrained": float(untrained.mean())}
        along_grid(axis, rows, probe, x="learning_rate", hue="optimizer", floors=floors)
        side = "after" if probe == PROBE_AFTER else "before"
        where = f", {side} the softmax" if competition == "softmax" else ""
        axis.set_title(f"{ARCHITECTURES[competition]}{where}")
        axis.set_ylabel("probe accuracy")
    return figure


def rate_maps(
    rates: pd.DataFrame,
    column: str,
    digits: int,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """One heat map per architecture, optimizer against learning rate."""
    figure, axes = panel_list(2, height=1.9)
    for axis, (competition, name) in zip(axes, ARCHITECTURES.items(), strict=True):
        rows = rates[rates["competition"] == competition]
        heatmap_grid(axis, rows, "learning_rate", "optimizer", column, digits, limits)
        axis.set_title(f"{title}, {name}")
    return figure


def by_pressure(
    history: pd.DataFrame, column: str, ylabel: str | None = None, **looks: Any
) -> Figure:
    """Trajectories of both architectures, one panel for λ_tc = 0 and one for 1."""
    figure, axes = panel_list(2, height=3.2)
    for axis, value in zip(axes, (0.0, 1.0), strict=True):
        trajectories(axis, history[history["lambda_tc"] == value], column, **looks)
        axis.set_title(f"λ_tc = {value:g}")
        if ylabel:
            axis.set_ylabel(ylabel)
    return figure
