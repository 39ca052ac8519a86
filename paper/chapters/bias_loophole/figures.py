"""Figures of the bias-loophole chapter: printed points on trajectories, the two goals at once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from paper.figures.style import GREY, label, looks, name
from paper.judging.published import is_number, published

_GOAL_COLOUR = "#dff0e8"
_LEAST = 0.01  # redundancy over random that is drawn
_LABEL_PLACES = ((6, 4), (6, -12), (-8, 8), (-8, -16), (-24, 3))  # points, one for each group


def printed_points(axes: Axes, table_id: str, metric: str) -> Axes:
    """Black diamonds at a table's printed numbers over epochs; for axes of ``trajectories``."""
    rows = [row for row in published(table_id)["rows"] if row["epoch"] is not None]
    cells = [(row["epoch"], row["values"][metric]) for row in rows]
    cells = [(epoch, float(cell)) for epoch, cell in cells if is_number(cell)]
    epochs, values = np.array(cells, dtype=float).T
    axes.plot(
        np.log10(epochs),  # the place of an epoch on the broken logarithmic axis
        values,
        "D",
        color="black",
        mfc="none",
        mew=2,
        ms=8,
        ls="none",
        zorder=5,
        label="printed",
    )
    axes.legend()
    return axes


def _goal_axes(axes: Axes, diverse: float, uncorrelated: float) -> None:
    """Logarithmic axes of redundancy and output correlation, the region of both goals shaded."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(label("redundancy_over_random"))
    axes.set_ylabel(label("output_correlation"))
    limits = axes.get_xlim(), axes.get_ylim()
    (left, right), (low, high) = limits
    left, low = min(left, 0.5 * diverse), min(low, 0.5 * uncorrelated)
    right, high = max(right, 2 * diverse), max(high, 2 * uncorrelated)
    region = Rectangle(
        (left, low), diverse - left, uncorrelated - low, color=_GOAL_COLOUR, lw=0, zorder=0
    )
    axes.add_patch(region)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def goal_map(
    axes: Axes,
    table: pd.DataFrame,
    hue: str,
    text: str,
    diverse: float,
    uncorrelated: float,
) -> Axes:
    """Every run by weight redundancy (over random) and output correlation; both goals shaded.

    Small points are runs, large ones the geometric means of the runs that share ``hue`` and
    ``text``; the latter is written beside them. A redundancy below 0.01 is drawn there.
    """
    styles = looks(table[hue])
    metrics = ["redundancy_over_random", "output_correlation"]
    for index, (group, rows) in enumerate(table.groupby(hue, sort=False)):
        colour, marker, _ = styles[group]
        values = rows[metrics].astype(float)
        values["redundancy_over_random"] = values["redundancy_over_random"].clip(lower=_LEAST)
        axes.plot(
            *values.to_numpy().T, marker, color=colour, ms=3, alpha=0.35, mew=0, ls="none", zorder=2
        )
        for value, members in values.groupby(rows[text], sort=False):
            centre = np.exp(np.log(members).mean()).to_numpy()
            axes.plot(*centre, marker, color=colour, ms=8, mec="white", mew=1, zorder=4)
            axes.annotate(
                name(value),
                centre,
                _LABEL_PLACES[index % len(_LABEL_PLACES)],
                textcoords="offset points",
                fontsize=10,
                color=colour,
                zorder=5,
            )
        axes.plot([], [], marker, color=colour, ms=8, ls="none", label=name(group))
    _goal_axes(axes, diverse, uncorrelated)
    if (table["redundancy_over_random"] < _LEAST).any():
        axes.set_xlabel(f"{label('redundancy_over_random')} (≤ {_LEAST:g} drawn at {_LEAST:g})")
    axes.legend()
    return axes


def goal_paths(
    axes: Axes, history: pd.DataFrame, hue: str, diverse: float, uncorrelated: float
) -> Axes:
    """The same plane over training: mean path of each group, epochs written at some points."""
    rows = history[history["redundancy_over_random"].notna() & (history["epoch"] > 0)]
    styles = looks(rows[hue])
    for group, members in rows.groupby(hue, sort=False):
        colour, marker, line = styles[group]
        path = members.groupby("epoch")[["redundancy_over_random", "output_correlation"]].mean()
        axes.plot(*path.T.to_numpy(), color=colour, marker=marker, ls=line, ms=5, label=name(group))
        for epoch in (path.index[0], path.index[len(path) // 2], path.index[-1]):
            axes.annotate(
                f"{epoch:g}",
                path.loc[epoch],
                (5, 5),
                textcoords="offset points",
                fontsize=9,
                color=colour,
            )
    _goal_axes(axes, diverse, uncorrelated)
    axes.legend()
    return axes


def same_direction_curves(
    axes: Axes, correlations: Tensor, rates: Sequence[float], partners: Sequence[float]
) -> Axes:
    """Correlation of two units with one direction, by the firing rate of the second unit.

    Args:
        axes: Where to draw.
        correlations: (M, T, T) for M directions, from ``same_direction_correlation``.
        rates: The T firing rates.
        partners: Firing rates of the first unit, one colour each; members of ``rates``.
    """
    values = correlations.detach().cpu().numpy()
    positions = list(rates)
    styles = looks(partners)
    for partner in partners:
        colour, marker, line = styles[partner]
        curves = values[:, positions.index(partner)]
        axes.plot(rates, curves.T, color=colour, lw=0.7, alpha=0.35, zorder=1)
        axes.plot(
            rates,
            curves.mean(0),
            color=colour,
            marker=marker,
            ls=line,
            ms=5,
            label=f"first unit fires on {100 * partner:g} %",
        )
    axes.axhline(0, color=GREY, lw=1)
    axes.set_xscale("log")
    axes.set_xticks(rates, [f"{100 * rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set_xlabel("second unit fires on (% of inputs)")
    axes.set_ylabel("correlation of the outputs")
    axes.legend()
    return axes
