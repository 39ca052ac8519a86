"""One function per kind of figure.

Functions that fill a panel take axes first and return them; functions that lay out several
panels return a figure. Make axes with :func:`panels`. Every seed is a point (or a thin line)
wherever there is room, means carry their 95 % interval, and axes say their unit.
"""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from infomax_lib.stats import format_number, mean_interval
from paper.figures.marks import as_array, check_rows, heat_cells, panel_list
from paper.figures.style import (
    GREY,
    OKABE_ITO,
    label,
    looks,
    name,
)

#: Decades between the smallest positive value of a broken log axis and the place of zero.
_ZERO_GAP = 0.7


def seeds_by_condition(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    hue: str | None = None,
    order: Sequence[object] | None = None,
    floors: Mapping[str, float] | None = None,
) -> Axes:
    """Every seed a point, beside it mean and 95 % interval, for each value of ``x`` (and ``hue``).

    ``order`` fixes the order of the values of ``x``; ``floors`` are horizontal lines.
    """
    check_rows(table, [x, y, *([hue] if hue else [])])
    values = list(order) if order is not None else list(dict.fromkeys(table[x]))
    groups = _by_hue(table, hue)
    styles = looks(groups if hue else values)
    width = 0.8 / len(groups)
    for position, value in enumerate(values):
        for offset, (group, members) in enumerate(groups.items()):
            points = members.loc[members[x] == value, y].astype(float).dropna().to_numpy()
            colour, marker, _ = styles[group if hue else value]
            centre = position + (offset - (len(groups) - 1) / 2) * width
            _seeds(axes, centre, points, 0.3 * width, color=colour, marker=marker, ms=4, alpha=0.45)
            interval = mean_interval(points)
            if interval.n:
                _mean_mark(axes, centre + width * 0.2, interval, colour, marker)
    axes.set_xticks(range(len(values)), [name(v) for v in values])
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_xlabel(label(x))
    axes.grid(axis="x", visible=False)
    return _finish(axes, y, floors, False, styles if hue else {})


def along_grid(
    axes: Axes,
    table: pd.DataFrame,
    y: str,
    x: str = "lambda_tc",
    hue: str | None = "competition",
    floors: Mapping[str, float] | None = None,
    log_y: bool = False,
) -> Axes:
    """A measure along a grid on a logarithmic axis; zero has its own place beyond a break.

    Points are seeds, the line joins means, the band is their 95 % interval.
    """
    check_rows(table, [x, y, *([hue] if hue else [])])
    grid = np.sort(table[x].astype(float).unique())
    place = _log_places(grid)
    groups = _by_hue(table, hue)
    styles = looks(groups)
    for index, (group, rows) in enumerate(groups.items()):
        colour, marker, line = styles[group]
        xs, intervals = [], []
        for value, members in rows.groupby(x):
            points = members[y].astype(float).dropna().to_numpy()
            if points.size == 0:
                continue
            centre = place(float(value)) + (index - (len(groups) - 1) / 2) * 0.08
            _seeds(axes, centre, points, 0.05, color=colour, marker=marker, ms=3.5, alpha=0.35)
            xs.append(centre)
            intervals.append(mean_interval(points))
        _line_and_band(axes, np.array(xs), intervals, colour, marker, line)
    _log_axis(axes, grid, place, label(x))
    return _finish(axes, y, floors, log_y, styles if hue else {})


def trajectories(
    axes: Axes,
    history: pd.DataFrame,
    y: str,
    hue: str | None = "competition",
    floors: Mapping[str, float] | None = None,
    log_y: bool = False,
) -> Axes:
    """A measure along training: thin lines are runs, the thick line their mean with interval.

    Epochs are on a logarithmic axis; epoch 0, the untrained layer, has its own place beyond a
    break. Means are drawn at the epochs that every run of a group has.
    """
    check_rows(history, ["epoch", y, "seed", *([hue] if hue else [])])
    rows = history[history[y].notna()]
    epochs = np.sort(rows["epoch"].astype(float).unique())
    place = _log_places(epochs)
    groups = _by_hue(rows, hue)
    styles = looks(groups)
    run = "key" if "key" in rows.columns else "seed"
    for group, members in groups.items():
        colour, _, line = styles[group]
        wide = members.pivot(index="epoch", columns=run, values=y).astype(float)
        xs = np.array([place(e) for e in wide.index])
        for key in wide.columns:
            axes.plot(xs, wide[key], color=colour, lw=0.7, alpha=0.3, zorder=1)
        complete = wide.dropna()
        if len(wide.columns) > 1 and len(complete):
            thin = _thinned(complete.index.to_numpy(float))
            intervals = [mean_interval(complete.iloc[i]) for i in thin]
            centres = np.array([place(complete.index[i]) for i in thin])
            _line_and_band(axes, centres, intervals, colour, None, line)
        else:
            axes.plot(xs, wide.iloc[:, 0], color=colour, ls=line, zorder=3)
    ticks = epochs[(epochs == 0) | np.isclose(np.log10(np.maximum(epochs, 1)) % 1, 0)]
    _log_axis(axes, ticks, place, label("epoch"))
    axes.set_xlim(place(epochs[0]) - 0.1, place(epochs[-1]) + 0.1)
    without = {group: (colour, None, line) for group, (colour, _, line) in styles.items()}
    return _finish(axes, y, floors, log_y, without if hue else {})


def heatmap_grid(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    digits: int = 2,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Mean of ``value`` for every pair (x, y), written into its cell; "–" where there is none.

    ``limits`` fixes the ends of the colour scale, so that panels can be compared.
    """
    check_rows(table, [x, y, value])
    wide = table.pivot_table(index=y, columns=x, values=value, aggfunc="mean", dropna=False)
    cells = wide.to_numpy(float)
    low, high = limits or (np.nanmin(cells), np.nanmax(cells))
    texts = [[format_number(c, digits) if np.isfinite(c) else "–" for c in row] for row in cells]
    heat_cells(axes, cells, texts, (low, high))
    axes.set_xticks(range(len(wide.columns)), [name(v) for v in wide.columns])
    axes.set_yticks(range(len(wide.index)), [name(v) for v in wide.index])
    axes.set_xlabel(label(x))
    axes.set_ylabel(label(y))
    axes.set_title(label(value))
    return axes


def published_beside_ours(comparison: pd.DataFrame) -> Figure:
    """Printed numbers (diamonds) beside ours (mean, interval, range), one panel per measure.

    ``comparison`` comes from :func:`paper.judging.published.compare`.
    """
    check_rows(comparison, ["row", "metric", "published", "mean", "low", "high", "min", "max"])
    metrics = list(dict.fromkeys(comparison["metric"]))
    labels = list(dict.fromkeys(comparison["row"]))
    shown = ["\n".join(wrap(text, 22)) for text in labels]
    lines = sum(1 + text.count("\n") for text in shown)
    figure, every = panel_list(len(metrics), height=0.9 + 0.34 * lines)
    blue, red = OKABE_ITO["blue"], OKABE_ITO["vermillion"]
    for axes, metric in zip(every, metrics, strict=True):
        for _, row in comparison[comparison["metric"] == metric].iterrows():
            position = labels.index(row["row"])
            axes.plot([row["min"], row["max"]], [position] * 2, color=blue, lw=2, alpha=0.3)
            axes.plot([row["low"], row["high"]], [position] * 2, color=blue, lw=5, alpha=0.7)
            axes.plot(row["mean"], position, "o", color=blue, ms=6, label="ours")
            try:
                printed = float(row["published"])
            except ValueError:
                continue
            axes.plot(printed, position, "D", color=red, ms=8, mfc="none", mew=2, label="published")
        axes.set_yticks(range(len(labels)), shown)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel(label(metric))
        axes.margins(x=0.08)
    handles, names = every[0].get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper right", ncols=2)
    return figure


def weight_images(
    weights: object,
    image_shape: tuple[int, int],
    titles: Sequence[str] | None = None,
    columns: int = 8,
) -> Figure:
    """Rows of W as pictures, blue negative and red positive, each scaled by its largest |w|.

    ``weights`` is a (K, D) tensor or array, or a layer with such a ``weight``.

    Raises:
        ValueError: D is not the product of ``image_shape``.
    """
    rows = as_array(getattr(weights, "weight", weights))
    if rows.ndim != 2 or rows.shape[1] != image_shape[0] * image_shape[1]:
        raise ValueError(f"weights of shape {rows.shape} are not (K, {image_shape}) pictures")
    columns = min(columns, len(rows))
    lines = -(-len(rows) // columns)
    height = 7.0 / columns + (0.25 if titles else 0.05)
    figure, every = panel_list(lines, columns, width=7.0, height=height)
    for index, axes in enumerate(every):
        axes.set_axis_off()
        if index < len(rows):
            picture = rows[index].reshape(image_shape)
            limit = np.abs(picture).max() or 1.0
            axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            if titles:
                axes.set_title(titles[index], fontsize=9)
    return figure


def draw_floors(axes: Axes, floors: Mapping[str, float] | None) -> Axes:
    """Horizontal reference lines with their names written on them."""
    for text, value in (floors or {}).items():
        axes.axhline(value, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
        axes.annotate(
            text,
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=GREY,
        )
    return axes


def _by_hue(table: pd.DataFrame, hue: str | None) -> dict[object, pd.DataFrame]:
    """The rows of each value of ``hue`` in order of appearance; all of them without a hue."""
    if hue is None:
        return {None: table}
    return {group: table[table[hue] == group] for group in dict.fromkeys(table[hue])}


def _seeds(axes: Axes, centre: float, points: np.ndarray, width: float, **looks: Any) -> None:
    """Points side by side around ``centre``; the same seed is always at the same place."""
    places = np.linspace(-0.5, 0.5, points.size) if points.size > 1 else np.zeros(points.size)
    axes.plot(centre + places * width, points, mew=0, ls="none", zorder=2, **looks)


def _finish(
    axes: Axes, y: str, floors: Mapping[str, float] | None, log_y: bool, styles: Mapping
) -> Axes:
    """Name and scale of the vertical axis, floors, and a legend of the styles if there are any."""
    axes.set_ylabel(label(y))
    if log_y:
        axes.set_yscale("log")
    draw_floors(axes, floors)
    for group, (colour, marker, line) in styles.items():
        axes.plot([], [], color=colour, marker=marker, ls=line, label=name(group))
    if styles:
        axes.legend()
    return axes


def _mean_mark(axes: Axes, x: float, interval, colour: str, marker: str) -> None:
    if np.isfinite(interval.low):
        axes.plot([x, x], [interval.low, interval.high], color=colour, lw=2.5, zorder=3)
    axes.plot(x, interval.mean, marker, color=colour, ms=7, mec="white", mew=1, zorder=4)


def _line_and_band(axes: Axes, xs: np.ndarray, intervals: list, colour, marker, line) -> None:
    means = np.array([i.mean for i in intervals])
    low, high = (np.array([getattr(i, side) for i in intervals]) for side in ("low", "high"))
    axes.fill_between(xs, low, high, color=colour, alpha=0.2, lw=0, zorder=2)
    axes.plot(xs, means, color=colour, ls=line, marker=marker, ms=5, mec="white", zorder=3)


def _log_places(values: np.ndarray):
    """Map values to log10, and zero to a place left of the smallest positive value."""
    if (values < 0).any():
        raise ValueError(f"a logarithmic axis holds no negative value, got {values.min():g}")
    positive = values[values > 0]
    zero = (np.log10(positive.min()) if positive.size else 0.0) - _ZERO_GAP

    def place(value: float) -> float:
        return float(np.log10(value)) if value > 0 else zero

    return place


def _log_axis(axes: Axes, ticks: np.ndarray, place, text: str) -> None:
    """Ticks at the given values, and two strokes where the axis is broken before zero."""
    axes.set_xticks([place(t) for t in ticks], [_power(t) for t in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(text)
    if ticks[0] == 0:
        for shift in (-0.03, 0.03):
            axes.annotate(
                "/",
                (place(0) + _ZERO_GAP / 2 + shift, 0),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="center",
                fontsize=11,
            )


def _power(value: float) -> str:
    return f"{value:g}" if value < 1e4 else f"10$^{{{np.log10(value):.0f}}}$"


def _thinned(epochs: np.ndarray, most: int = 60) -> list[int]:
    """Indices of at most ``most`` log-spaced epochs: a band needs no more, and is drawn faster."""
    if epochs.size <= most:
        return list(range(epochs.size))
    wanted = np.geomspace(max(epochs[0], 1), epochs[-1], most)
    found = np.searchsorted(epochs, wanted).clip(max=epochs.size - 1)
    return sorted({0, *found.tolist()})
