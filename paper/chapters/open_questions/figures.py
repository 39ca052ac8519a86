"""Figures of the open questions: differences with margins, many mechanisms, many configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from infomax_lib.stats import Interval, format_number, mean_interval, rank_correlation
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, label, looks, name, panels

__all__ = ["by_mechanism", "dependence_against_outcomes", "differences_from", "shares_removed"]

_WITHIN = "#e9eef3"  # inside a margin: a difference that does not matter


def differences_from(
    differences: pd.DataFrame,
    field: str,
    margins: Mapping[str, tuple[float, bool]],
    hue: str = "hidden_dim",
    reference: str = "",
) -> Figure:
    """Paired differences by value of ``field``, one panel per measure, one look per ``hue``.

    Every seed is a point; the large mark is the mean with its 95 % interval. Differences within
    the margin lie in the shaded band.

    Args:
        differences: Columns ``measure, difference, reference, seed``, ``field`` and ``hue``, as
            :func:`paper.chapters.open_questions.tables.against` makes them.
        field: What is varied; its values are the places along the horizontal axis.
        margins: Measure → its margin, and whether that is a share of the reference's mean: such
            differences are drawn in per cent of it. One panel for each, in this order.
        hue: What sets the groups apart.
        reference: Name of what the others are compared to, for the axis.

    Raises:
        ValueError: There is nothing to draw for a measure.
    """
    values = list(dict.fromkeys(differences[field]))
    groups = sorted(set(differences[hue]))
    styles = looks(groups)
    width = 0.8 / len(groups)
    figure, grid = panels(len(margins), 1, width=7.5, height=2.5)
    every = np.atleast_1d(np.asarray(grid))
    for axes, (measure, (margin, relative)) in zip(every, margins.items(), strict=True):
        rows = differences[differences["measure"] == measure]
        if rows.empty:
            raise ValueError(
                f"no differences of {measure}: measures are {sorted(set(differences['measure']))}"
            )
        for offset, group in enumerate(groups):
            colour, marker, _ = styles[group]
            for place, value in enumerate(values):
                chosen = rows[(rows[field] == value) & (rows[hue] == group)]
                shown = chosen["difference"].astype(float)
                if relative:
                    shown = 100 * shown / chosen["reference"].abs()
                centre = place + (offset - (len(groups) - 1) / 2) * width
                _column(axes, centre, width, shown.dropna().to_numpy(), colour, marker)
        size = 100 * margin if relative else margin
        axes.axhspan(-size, size, color=_WITHIN, zorder=0, lw=0)
        axes.axhline(0, color=GREY, lw=1.2, zorder=1)
        axes.set_xticks(range(len(values)), [name(v) for v in values])
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.grid(axis="x", visible=False)
        axes.set_title(label(measure), loc="left")
        unit = " (%)" if relative else ""
        axes.set_ylabel((f"change from {reference}" if reference else "difference") + unit)
    for group in groups:
        colour, marker, _ = styles[group]
        every[0].plot([], [], marker, color=colour, label=f"{label(hue)} = {name(group)}")
    figure.legend(loc="outside upper right", ncols=len(groups))
    return figure


def by_mechanism(
    table: pd.DataFrame,
    metrics: Sequence[str],
    hue: str = "lambda_tc",
    references: Mapping[str, Mapping[str, float]] | None = None,
    columns: int = 2,
) -> Figure:
    """One panel per measure, one line per ``mechanism`` in order of appearance, seeds as points.

    Args:
        table: Runs with the column ``mechanism``.
        metrics: Measures, one panel each.
        hue: Groups drawn above each other within a line.
        references: Measure → vertical lines by name.
        columns: Panels side by side.
    """
    mechanisms = list(dict.fromkeys(table["mechanism"]))
    groups = sorted(set(table[hue]))
    styles = looks(groups)
    step = 0.7 / len(groups)
    lines = -(-len(metrics) // columns)
    figure, grid = panels(lines, columns, width=10.0, height=0.9 + 0.34 * len(mechanisms))
    flat = list(np.atleast_1d(np.asarray(grid)).flat)
    for index, (axes, metric) in enumerate(zip(flat, metrics, strict=False)):
        for position, mechanism in enumerate(mechanisms):
            for offset, group in enumerate(groups):
                rows = table[(table["mechanism"] == mechanism) & (table[hue] == group)]
                values = rows[metric].astype(float).dropna().to_numpy()
                centre = position + (offset - (len(groups) - 1) / 2) * step
                colour, marker, _ = styles[group]
                _line(axes, centre, step, values, colour, marker)
        for text, value in (references or {}).get(metric, {}).items():
            axes.axvline(value, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
            axes.annotate(
                text, (value, 1), xycoords=("data", "axes fraction"), xytext=(3, 2),
                textcoords="offset points", fontsize=9, color=GREY,
            )  # fmt: skip
        axes.set_yticks(range(len(mechanisms)), [name(m) for m in mechanisms])
        axes.set_ylim(len(mechanisms) - 0.5, -0.5)
        axes.tick_params(axis="y", labelleft=index % columns == 0)
        axes.set_xlabel(label(metric))
        _wide(axes, table[metric])
    for axes in flat[len(metrics) :]:
        axes.set_axis_off()
    for group in groups:
        colour, marker, _ = styles[group]
        flat[0].plot([], [], marker, color=colour, label=f"{_short(hue)} = {name(group)}")
    figure.legend(loc="outside upper right", ncols=len(groups))
    return figure


def dependence_against_outcomes(
    table: pd.DataFrame, measures: Sequence[str], outcomes: Mapping[str, str]
) -> Figure:
    """Outcomes against measures of dependence: a panel for each pair, a mark per configuration.

    Small marks are seeds, large ones means over seeds; colours and shapes are mechanisms, and each
    panel says the rank correlation over configurations with its interval.

    Args:
        table: Columns ``configuration``, ``mechanism``, the measures and the outcomes.
        measures: Columns along the horizontal axes, which are logarithmic.
        outcomes: Column → label of the vertical axis; one row of panels each.
    """
    mechanisms = list(dict.fromkeys(table["mechanism"]))
    styles = looks(mechanisms)
    figure, grid = panels(len(outcomes), len(measures), width=9.0, height=2.9)
    cells = np.asarray(grid).reshape(len(outcomes), len(measures))
    for row, (outcome, text) in enumerate(outcomes.items()):
        for column, measure in enumerate(measures):
            axes = cells[row, column]
            for mechanism in mechanisms:
                colour, marker, _ = styles[mechanism]
                rows = table[table["mechanism"] == mechanism]
                axes.plot(
                    rows[measure], rows[outcome], marker, color=colour, ms=3.5, alpha=0.3, mew=0
                )
                means = rows.groupby("configuration")[[measure, outcome]].mean()
                axes.plot(means[measure], means[outcome], marker, color=colour, ms=8, mec="white")
            axes.set_xscale("log")
            means = table.groupby("configuration")[[measure, outcome]].mean()
            rho = rank_correlation(means[measure], means[outcome])
            axes.set_title(f"rank correlation {rho}", fontsize=10, loc="left")
            axes.set_xlabel(label(measure))
            if column == 0:
                axes.set_ylabel(text)
    for mechanism in mechanisms:
        colour, marker, _ = styles[mechanism]
        cells[0, 0].plot([], [], marker, color=colour, ms=8, mec="white", label=name(mechanism))
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def shares_removed(axes: Axes, shares: Mapping[str, Interval | None], enough: float) -> Axes:
    """Share of the removable dependence that each objective removes, in per cent, one line each.

    A dashed line marks ``enough``. None stands for "nothing to remove", and says so; an interval
    of no values is written as "not measured".
    """
    colour, marker = CYCLE[0], MARKERS[0]
    for position, interval in enumerate(shares.values()):
        if interval is None or not interval.n:
            text = "nothing to remove" if interval is None else str(interval)
            axes.text(3, position, text, va="center", fontsize=10)
            continue
        shown = interval.scaled(100)
        if np.isfinite(shown.low):
            axes.plot([shown.low, shown.high], [position] * 2, color=colour, lw=3)
        axes.plot(shown.mean, position, marker, color=colour, ms=8, mec="white")
    axes.axvline(100 * enough, color=GREY, lw=1.2, ls=LINES[1], zorder=1)
    axes.axvline(100, color=GREY, lw=1.2, zorder=1)
    axes.set_yticks(range(len(shares)), list(shares))
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_xlabel("share of the removable HSIC that is removed (%)")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0), max(high, 105))
    axes.annotate(
        f"good enough: {format_number(100 * enough)} %", (100 * enough, 0), rotation=90,
        xycoords=("data", "axes fraction"), xytext=(-4, 6), textcoords="offset points",
        ha="right", fontsize=9, color=GREY,
    )  # fmt: skip
    return axes


# ------------------------------------------------------------------------------------- helpers


def _column(
    axes: Axes, centre: float, width: float, values: np.ndarray, colour: str, marker: str
) -> None:
    """Seeds side by side, and to their right the mean with its interval."""
    if not values.size:
        return
    places = centre + width * (np.linspace(-0.3, 0.1, values.size) if values.size > 1 else 0.0)
    axes.plot(
        np.broadcast_to(places, values.shape),
        values,
        marker,
        color=colour,
        ms=3.5,
        alpha=0.4,
        mew=0,
    )
    interval = mean_interval(values)
    right = centre + width * 0.28
    if np.isfinite(interval.low):
        axes.plot([right, right], [interval.low, interval.high], color=colour, lw=2.5, zorder=3)
    axes.plot(right, interval.mean, marker, color=colour, ms=6.5, mec="white", mew=1, zorder=4)


def _line(
    axes: Axes, centre: float, height: float, values: np.ndarray, colour: str, marker: str
) -> None:
    if not values.size:
        return
    spread = np.linspace(-0.25, 0.25, values.size) if values.size > 1 else np.zeros(1)
    axes.plot(values, centre + height * spread, marker, color=colour, ms=3.5, alpha=0.4, mew=0)
    interval = mean_interval(values)
    if np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [centre] * 2, color=colour, lw=2.5, zorder=3)
    axes.plot(interval.mean, centre, marker, color=colour, ms=6.5, mec="white", mew=1, zorder=4)


def _wide(axes: Axes, values: pd.Series) -> None:
    """A logarithmic axis where positive values span more than a factor of thirty."""
    numbers = values.astype(float).dropna()
    if len(numbers) and numbers.min() > 0 and numbers.max() > 30 * numbers.min():
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))


def _short(column: str) -> str:
    """The label of a column without its explanation in brackets."""
    return label(column).split(" (")[0]
