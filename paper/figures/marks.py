"""What figures of several kinds draw alike: checks of their tables, marks, axes."""

import math
from collections.abc import Sequence
from functools import partial

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator

from infomax_lib.stats import Interval, mean_interval
from paper.figures.label_placement import ink
from paper.figures.style import GREY, OKABE_ITO, panels

#: An entry of a legend that is no line of any panel; takes the looks of a line, and its label.
key = partial(Line2D, [], [])
_OUTLINE = [withStroke(linewidth=3, foreground="white")]
_DASHED = (0, (4, 3))


def check_rows(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a table that cannot be drawn.

    Raises:
        KeyError: A column is missing; the message names those there are.
        ValueError: No rows.
    """
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise KeyError(f"no column {', '.join(absent)}; there are {', '.join(table.columns)}")
    if table.empty:
        raise ValueError("the table has no rows: nothing to draw")


def finite(values: pd.Series | np.ndarray) -> np.ndarray:
    """The finite ones."""
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]


def same_height(every: Sequence[Axes]) -> None:
    """Give panels the same limits of y, those that hold all of them."""
    low = min(axes.get_ylim()[0] for axes in every)
    high = max(axes.get_ylim()[1] for axes in every)
    for axes in every:
        axes.set_ylim(low, high)


def over_steps(axes: Axes, rows: pd.DataFrame, y: str, look: tuple, hollow: bool = False) -> None:
    """A thin line per seed over training, and their mean with its interval."""
    for _, own in rows.sort_values("step").groupby("seed"):
        values = own[y].astype(float).replace([np.inf, -np.inf], np.nan)
        axes.plot(own["step"], values, color=look[0], ls=look[2], lw=0.7, alpha=0.3, zorder=1)
    mean_line(axes, rows, "step", y, look, hollow)


def mean_line(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, look: tuple, hollow: bool = False
) -> None:
    """Means over seeds joined by a line, with the band of their intervals."""
    colour, marker, line = look
    found = {at: mean_interval(own[y].astype(float)) for at, own in rows.groupby(x)}
    found = {at: interval for at, interval in found.items() if interval.n}
    if not found:
        return
    at = list(found)
    low, high = ([getattr(i, side) for i in found.values()] for side in ("low", "high"))
    if np.isfinite(low).any():
        axes.fill_between(at, low, high, color=colour, alpha=0.2, lw=0, zorder=2)
    # hollow marks are larger and lie below, so that equal values show both
    axes.plot(
        at, [i.mean for i in found.values()], color=colour, ls=line, marker=marker,
        ms=8 if hollow else 5, mec=colour if hollow else "white", zorder=3 if hollow else 3.5,
        mfc="white" if hollow else colour,
    )  # fmt: skip


def step_axis(every: Sequence[Axes], steps: pd.Series) -> None:
    """A logarithmic axis of training steps that holds zero; only the last panel is labelled."""
    at = np.array(sorted(set(steps)), dtype=float)
    positive = at[at > 0]
    first, last = (positive[0], positive[-1]) if positive.size else (1.0, 1.0)
    powers = range(math.ceil(math.log10(first)), math.floor(math.log10(last)) + 1)
    ticks = [0.0, *(10.0**power for power in powers)]
    ticks += [last] if last > 2.3 * ticks[-1] else []  # further right than its label is wide
    for axes in every:
        axes.set_xscale("symlog", linthresh=first, linscale=0.6)
        axes.set_xticks(ticks, [f"{tick:g}" if tick < 1e6 else f"{tick:.0e}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(-0.15 * first, last * 1.12)
        axes.tick_params(axis="x", labelbottom=axes is every[-1])
    every[-1].set_xlabel("training step")


def say_failed(axes: Axes, rows: pd.DataFrame, y: str, runs: Sequence[str]) -> None:
    """How many runs have no finite value at the last step, if any."""
    last = rows[rows["step"] == rows["step"].max()].drop_duplicates(list(runs))
    failed = len(last) - finite(last[y]).size
    if failed:
        axes.annotate(
            f"{failed} of {len(last)} runs failed", (0.02, 0.96), xycoords="axes fraction",
            va="top", fontsize=9, color=ink(OKABE_ITO["vermillion"]),
        )  # fmt: skip


def curves(axes: Axes, x: np.ndarray, values: np.ndarray, colour: str, line: object) -> None:
    """A thin line per seed, values (seeds, n) over x (n,), and the mean of the seeds."""
    values = np.ma.masked_invalid(values)
    for own in values.filled(np.nan):
        axes.plot(x, own, color=colour, lw=0.7, alpha=0.3, zorder=1)
    axes.plot(x, values.mean(0).filled(np.nan), color=colour, ls=line, lw=2.2, zorder=3)


def seeds_beside_mean(
    axes: Axes, place: float, values: pd.Series, colour: str, marker: str, aside: bool = True
) -> None:
    """Seeds as points, side by side or all at the place, and to their right mean and interval."""
    numbers = finite(values)
    if not numbers.size:
        return
    places = np.full(numbers.size, float(place))
    if aside:
        places += np.linspace(-0.23, -0.01, numbers.size)
    axes.plot(places, numbers, marker, color=colour, ms=4, alpha=0.4, mew=0)
    mean_cross(axes, place + 0.14, mean_interval(numbers), colour, marker)


def mean_cross(axes: Axes, x: float, interval: Interval, colour: str, marker: str) -> None:
    """A mean as a mark, its interval as a vertical line."""
    if np.isfinite(interval.low):
        axes.plot([x, x], [interval.low, interval.high], color=colour, lw=2.5, zorder=3)
    axes.plot(x, interval.mean, marker, color=colour, ms=7.5, mec="white", mew=1, zorder=4)


def named_level(axes: Axes, text: str, value: float) -> None:
    """A horizontal line that numbers are compared with; its name stays legible over curves."""
    axes.axhline(value, color=GREY, lw=1.2, ls=_DASHED, zorder=1)
    axes.annotate(
        text, (1, value), xycoords=("axes fraction", "data"), xytext=(-3, 3), ha="right",
        textcoords="offset points", fontsize=9, color=GREY, zorder=5, path_effects=_OUTLINE,
    )  # fmt: skip


def named_place(axes: Axes, text: str, value: float) -> None:
    """A vertical reference line with its name along it."""
    axes.axvline(value, color=GREY, lw=1.2, ls=_DASHED, zorder=1)
    axes.annotate(
        text, (value, 0.97), xycoords=("data", "axes fraction"), xytext=(-3, 0), rotation=90,
        textcoords="offset points", ha="right", va="top", fontsize=9, color=GREY,
    )  # fmt: skip


def panel_list(
    rows: int = 1, columns: int = 1, width: float | None = None, height: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """The figure of :func:`.panels` and its axes in a list, row by row, also a single one."""
    figure, grid = panels(rows, columns, width, height)
    return figure, list(np.atleast_1d(np.asarray(grid)).flat)


def as_array(values: object) -> np.ndarray:
    """A tensor, on whatever device and with gradients or not, or a list as a float array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)


def heat_cells(
    axes: Axes,
    cells: np.ndarray,
    texts: Sequence[Sequence[str]],
    limits: tuple[float, float] = (0, 1),
    fontsize: float = 10,
    linespacing: float = 1.2,
) -> None:
    """Coloured cells with a text in each, white on dark ones; cells that are NaN are grey.

    Args:
        axes: Where to draw.
        cells: Values (rows, columns).
        texts: What is written into each of them.
        limits: Ends of the colour scale.
        fontsize: Of the texts, in points.
        linespacing: Of texts of several lines, in heights of the font.
    """
    low, high = limits
    colours = mpl.colormaps["cividis"].with_extremes(bad="#eceef0")
    axes.imshow(np.ma.masked_invalid(cells), cmap=colours, vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(cells.shape):
        dark = cells[row, column] - low < 0.55 * (high - low)
        axes.text(
            column, row, texts[row][column], ha="center", va="center", fontsize=fontsize,
            linespacing=linespacing, color="white" if dark else "black",
        )  # fmt: skip
    axes.grid(visible=False)
