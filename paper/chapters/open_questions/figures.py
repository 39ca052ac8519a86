"""Figures of the open questions: differences with margins, many mechanisms, many configurations."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from infomax_lib.stats import Interval, format_number, mean_interval, rank_correlation
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, label, looks, name, panels

_WITHIN = "#e9eef3"  # inside a margin: a difference that does not matter


def differences_from(
    differences: pd.DataFrame,
    field: str,
    margins: Mapping[str, tuple[float, bool]],
    reference: str = "",
) -> Figure:
    """Paired differences by value of ``field``, one panel per measure, one look per width.

    Every seed is a point; the large mark is the mean with its 95 % interval. Differences within
    the margin lie in the shaded band.

    Args:
        differences: Columns ``measure, difference, reference, seed, hidden_dim`` and ``field``,
            as :func:`paper.chapters.open_questions.experiment.against` makes them.
        field: What is varied; its values are the places along the horizontal axis.
        margins: Measure → its margin, and whether that is a share of the reference's mean: such
            differences are drawn in per cent of it. One panel for each, in this order.
        reference: Name of what the others are compared to, for the axis.

    Raises:
        ValueError: There is nothing to draw for a measure.
    """
    values = list(dict.fromkeys(differences[field]))
    groups = _side_by_side(differences["hidden_dim"], 0.8)
    figure, grid = panels(len(margins), 1, width=7.5, height=2.5)
    every = np.atleast_1d(np.asarray(grid))
    for axes, (measure, (margin, relative)) in zip(every, margins.items(), strict=True):
        rows = differences[differences["measure"] == measure]
        if rows.empty:
            raise ValueError(
                f"no differences of {measure}: measures are {sorted(set(differences['measure']))}"
            )
        for group, look in groups.items():
            for place, value in enumerate(values):
                chosen = rows[(rows[field] == value) & (rows["hidden_dim"] == group)]
                shown = chosen["difference"].astype(float)
                if relative:
                    shown = 100 * shown / chosen["reference"].abs()
                _seeds_and_mean(axes, shown, place, look, upright=True)
        size = 100 * margin if relative else margin
        axes.axhspan(-size, size, color=_WITHIN, zorder=0, lw=0)
        axes.axhline(0, color=GREY, lw=1.2, zorder=1)
        axes.set_xticks(range(len(values)), [name(v) for v in values])
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.grid(axis="x", visible=False)
        axes.set_title(label(measure), loc="left")
        unit = " (%)" if relative else ""
        axes.set_ylabel((f"change from {reference}" if reference else "difference") + unit)
    _legend(figure, every[0], groups, label("hidden_dim"))
    return figure


def by_mechanism(
    table: pd.DataFrame,
    metrics: Sequence[str],
    references: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """One panel per measure, one line per ``mechanism``, a look per λ_tc, seeds as points.

    Args:
        table: Runs with the column ``mechanism``.
        metrics: Measures, one panel each.
        references: Measure → vertical lines by name.
    """
    mechanisms = list(dict.fromkeys(table["mechanism"]))
    groups = _side_by_side(table["lambda_tc"], 0.7)
    rows_of_panels = -(-len(metrics) // 2)
    figure, grid = panels(rows_of_panels, 2, width=10.0, height=0.9 + 0.34 * len(mechanisms))
    flat = list(np.atleast_1d(np.asarray(grid)).flat)
    for index, (axes, metric) in enumerate(zip(flat, metrics, strict=False)):
        for position, mechanism in enumerate(mechanisms):
            for group, look in groups.items():
                rows = table[(table["mechanism"] == mechanism) & (table["lambda_tc"] == group)]
                _seeds_and_mean(axes, rows[metric], position, look, upright=False)
        for text, value in (references or {}).get(metric, {}).items():
            axes.axvline(value, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
            axes.annotate(
                text, (value, 1), xycoords=("data", "axes fraction"), xytext=(3, 2),
                textcoords="offset points", fontsize=9, color=GREY,
            )  # fmt: skip
        axes.set_yticks(range(len(mechanisms)), [name(m) for m in mechanisms])
        axes.set_ylim(len(mechanisms) - 0.5, -0.5)
        axes.tick_params(axis="y", labelleft=index % 2 == 0)
        axes.set_xlabel(label(metric))
        _wide(axes, table[metric])
    for axes in flat[len(metrics) :]:
        axes.set_axis_off()
    _legend(figure, flat[0], groups, label("lambda_tc").split(" (")[0])  # without its explanation
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


def shares_removed(
    axes: Axes, shares: Mapping[str, Interval | None], enough: float, of: str
) -> Axes:
    """Share of some dependence that each objective removes, in per cent, one line each.

    ``of`` says of what, on the axis. A dashed line marks ``enough``. None stands for "nothing to
    remove", and says so; an interval of no values is written as "not measured".
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
    axes.set_xlabel(f"removed of {of} (%)")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0), max(high, 105))
    axes.annotate(
        f"good enough: {format_number(100 * enough)} %", (100 * enough, 0), rotation=90,
        xycoords=("data", "axes fraction"), xytext=(-4, 6), textcoords="offset points",
        ha="right", fontsize=9, color=GREY,
    )  # fmt: skip
    return axes


# ------------------------------------------------------------------------------------- helpers


class _Look(NamedTuple):
    """Where a group lies beside the others at one place of an axis, and how it is drawn."""

    shift: float
    width: float
    colour: str
    marker: str


def _side_by_side(values: pd.Series, width: float) -> dict[object, _Look]:
    """The looks of all groups, which share ``width`` at every place."""
    groups = sorted(set(values))
    step, styles = width / len(groups), looks(groups)
    return {
        group: _Look((offset - (len(groups) - 1) / 2) * step, step, *styles[group][:2])
        for offset, group in enumerate(groups)
    }


def _seeds_and_mean(
    axes: Axes, values: pd.Series, place: float, look: _Look, upright: bool
) -> None:
    """Seeds side by side, and their mean with its interval: to the right, or on top of them.

    ``upright`` puts the values along the vertical axis, otherwise they lie along the other one.
    """
    seeds = values.astype(float).dropna().to_numpy()
    if not seeds.size:
        return
    centre, width = place + look.shift, look.width
    low, high, right = (-0.3, 0.1, 0.28) if upright else (-0.25, 0.25, 0.0)
    spread = np.linspace(low, high, seeds.size) if seeds.size > 1 else np.zeros(1)

    def draw(across: ArrayLike, along: ArrayLike, *marks: str, **how: Any) -> None:
        axes.plot(*((across, along) if upright else (along, across)), *marks, **how)

    draw(centre + width * spread, seeds, look.marker, color=look.colour, ms=3.5, alpha=0.4, mew=0)
    interval, middle = mean_interval(seeds), centre + width * right
    if np.isfinite(interval.low):
        draw([middle] * 2, [interval.low, interval.high], color=look.colour, lw=2.5, zorder=3)
    draw(
        middle, interval.mean, look.marker, color=look.colour, ms=6.5, mec="white", mew=1, zorder=4
    )


def _legend(figure: Figure, axes: Axes, groups: Mapping[object, _Look], title: str) -> None:
    for group, look in groups.items():
        axes.plot([], [], look.marker, color=look.colour, label=f"{title} = {name(group)}")
    figure.legend(loc="outside upper right", ncols=len(groups))


def _wide(axes: Axes, values: pd.Series) -> None:
    """A logarithmic axis where positive values span more than a factor of thirty."""
    numbers = values.astype(float).dropna()
    if len(numbers) and numbers.min() > 0 and numbers.max() > 30 * numbers.min():
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
