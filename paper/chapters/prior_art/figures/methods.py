"""Figures that compare methods; house style and helpers from :mod:`paper.figures.seeds_and_grids`.

Colours are families of methods, the same in all figures; names stand beside points and lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from infomax_lib.stats import Interval, mean_interval
from paper.chapters.prior_art.comparison import LABELS, OWN, method_order
from paper.figures.label_placement import NamedPoint, ink, label_points
from paper.figures.marks import check_rows, panel_list
from paper.figures.style import GREY, OKABE_ITO, label, panels
from paper.methods.methods import METHODS

#: Colour of a family of methods; within a family, markers tell methods apart.
FAMILY_COLOURS = {
    "control": GREY,
    "components": OKABE_ITO["blue"],
    "density": OKABE_ITO["green"],
    "reconstruction": OKABE_ITO["orange"],
    "prediction": OKABE_ITO["purple"],
    "two views": OKABE_ITO["sky"],
    "InfoMax": OKABE_ITO["vermillion"],
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "*", "<", ">", "p")
WIDTH = 7.0  # of a figure, in inches, if nothing else is said
_ZERO = 1e-3  # on a symmetric log axis, what lies below is drawn as zero
_SHARES = {"probe_accuracy", "held_out_r2", "cka", "purity", "owner_similarity", "named_units"}
_ONE_BLOCK = 16  # methods; pictures of more are set in two columns


def family_of(method: str) -> str:
    """What a method learns from: a family of `METHODS`, or "InfoMax"."""
    return "InfoMax" if method in OWN else METHODS[method].family


def method_looks() -> dict[str, tuple[str, str]]:
    """Colour and marker of every method, the same in all figures."""
    members: dict[str, list[str]] = {}
    for name in LABELS:
        members.setdefault(family_of(name), []).append(name)
    return {
        name: (FAMILY_COLOURS[family], marker)
        for family, names in members.items()
        for name, marker in zip(names, cycle(_MARKERS), strict=False)
    }


def named_point(method: str, x: float, y: float) -> NamedPoint:
    """A point with the method's name in the colour of its family, bold for InfoMax."""
    return NamedPoint(LABELS[method], x, y, *method_looks()[method], method in OWN)


def family_legend(figure: Figure, methods: Iterable[str], *more: Line2D) -> None:
    """Colours of the families among ``methods``, above the panels; ``more`` lines after them."""
    present = {family_of(method) for method in methods}
    colours = [item for item in FAMILY_COLOURS.items() if item[0] in present]
    patches = [Patch(color=colour, label=family) for family, colour in colours]
    figure.legend(handles=[*patches, *more], loc="outside upper center", ncols=4, handlelength=1.2)


def measures_by_method(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Two panels a row, one per measure, one line per method (best probe on top), seeds as points.

    Raises:
        KeyError: A measure is not a column.
        ValueError: The table has no rows.
    """
    check_rows(table, ["method", "probe_accuracy", *metrics])
    methods = method_order(table)
    rows = -(-len(metrics) // 2)
    figure, every = panel_list(rows, 2, width=8.0, height=0.9 + 0.26 * len(methods))
    for index, (axes, metric) in enumerate(zip(every, metrics, strict=False)):
        method_dots(axes, methods, {m: _values(table, m, metric) for m in methods})
        axes.tick_params(axis="y", labelleft=index % 2 == 0)
        axes.set_xlabel(label(metric), fontsize=10)
        _show_range(axes, metric, table[metric])
    for axes in every[len(metrics) :]:
        axes.set_axis_off()
    family_legend(figure, methods)
    return figure


def method_dots(
    axes: Axes, methods: Sequence[str], samples: Mapping[str, Sequence[float] | np.ndarray]
) -> None:
    """One line per method, first on top: a point per seed, above them mean and 95 % interval.

    A method without finite values keeps an empty line.
    """
    looks = method_looks()
    for position, method in enumerate(methods):
        colour, marker = looks[method][0], "D" if method in OWN else "o"
        values = np.asarray(samples[method], dtype=float)
        values = values[np.isfinite(values)]
        spread = position - 0.12 + 0.24 * np.linspace(0, 1, values.size)
        axes.plot(values, spread, marker, color=colour, ms=4, alpha=0.45, mew=0)
        _cross(axes, mean_interval(values), position, colour, marker)
    name_rows(axes, methods)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def name_rows(axes: Axes, methods: Sequence[str]) -> None:
    """Names of the methods left of their rows, in the colours of their families."""
    looks = method_looks()
    axes.set_yticks(range(len(methods)), [LABELS[m] for m in methods])
    for text, method in zip(axes.get_yticklabels(), methods, strict=True):
        text.set(color=ink(looks[method][0]), weight="bold" if method in OWN else "normal")


def against_probe(
    table: pd.DataFrame,
    metrics: Sequence[str],
    correlations: Mapping[str, Interval] | None = None,
) -> Figure:
    """Probe accuracy against measures, a panel each: seeds small, their mean large and named.

    Args:
        table: Columns ``method``, ``probe_accuracy`` and the measures.
        metrics: Measures along the horizontal axes.
        correlations: Rank correlation over methods by measure, written above its panel.

    Raises:
        KeyError: A measure is not a column.
        ValueError: The table has no rows.
    """
    check_rows(table, ["method", "probe_accuracy", *metrics])
    figure, every = panel_list(len(metrics), width=7.5, height=5.6)
    looks = method_looks()
    methods = method_order(table)
    means: dict[str, list[NamedPoint]] = {metric: [] for metric in metrics}
    for axes, metric in zip(every, metrics, strict=True):
        for method in methods:
            colour, marker = looks[method]
            rows = table[table["method"] == method][[metric, "probe_accuracy"]]
            rows = rows.astype(float).dropna()
            if rows.empty:
                continue
            x, y = rows[metric], rows["probe_accuracy"]
            axes.plot(x, y, marker, color=colour, ms=4.5, alpha=0.25, mew=0)
            axes.plot(x.mean(), y.mean(), marker, color=colour, ms=9, mec="white", zorder=4)
            means[metric].append(named_point(method, x.mean(), y.mean()))
        axes.margins(0.08)
        axes.set_xlabel(label(metric))
        axes.set_ylabel(label("probe_accuracy"))
        _show_range(axes, metric, table[metric])
        if correlations is not None and metric in correlations:
            title = f"rank correlation over methods: {correlations[metric]}"
            axes.set_title(title, fontsize=10, loc="left")
    family_legend(figure, methods)
    for axes, metric in zip(every, metrics, strict=True):
        label_points(axes, means[metric])
    return figure


def features_side_by_side(
    weights: Mapping[str, Tensor], image_shape: tuple[int, int], count: int | None = None
) -> Figure:
    """The first ``count`` rows of W of every method as pictures in a line under its name.

    Blue is negative, red positive; every picture is scaled by its own largest |w|. More than 16
    methods stand in two columns, the first half on the left.

    Args:
        weights: Name → W (K, D).
        image_shape: Height and width of a picture, whose product is D.
        count: Pictures of a method, at most; 10, or 6 in two columns.

    Raises:
        ValueError: No methods.
    """
    if not weights:
        raise ValueError("there are no weights: give those of at least one method")
    blocks = 1 if len(weights) <= _ONE_BLOCK else 2
    if count is None:
        count = 10 if blocks == 1 else 6
    count = min(count, *(len(rows) for rows in weights.values()))
    lines = -(-len(weights) // blocks)
    figure, grid = panels(lines, blocks, width=0.66 * count * blocks, height=0.87)
    figure.set_layout_engine("constrained", w_pad=0.12)  # inches: columns stand clearly apart
    # down the left column first, then down the right one
    places = list(np.asarray(grid).reshape(lines, blocks).T.flat)
    for axes, (name, rows) in zip(places, weights.items(), strict=False):
        strip = _strip(rows[:count].cpu().numpy(), image_shape)
        axes.imshow(strip, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="none")
        axes.set_title(name, fontsize=10, loc="left", pad=3)
    for axes in places:
        axes.set_axis_off()
    return figure


def _strip(rows: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Rows (count, D) as pictures in one line, each over its largest |w|, with a gap between."""
    gap = -(-image_shape[1] // 14)
    largest = np.abs(rows).max(1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1)
    pictures = scaled.reshape(len(rows), *image_shape)
    padded = np.pad(pictures, ((0, 0), (0, 0), (0, gap)), constant_values=np.nan)
    return np.hstack(list(padded))[:, :-gap]


def _values(table: pd.DataFrame, method: str, metric: str) -> np.ndarray:
    return table.loc[table["method"] == method, metric].astype(float).dropna().to_numpy()


def _cross(axes: Axes, interval: Interval, y: float, colour: str, marker: str) -> None:
    if interval.n and np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [y, y], color=colour, lw=2.5, zorder=3)
    if interval.n:
        axes.plot(interval.mean, y, marker, color=colour, ms=7, mec="white", mew=1, zorder=4)


def _show_range(axes: Axes, metric: str, values: pd.Series) -> None:
    """A logarithmic axis with a place for zero, where values span more than two decades.

    Measures that are shares stay linear. Values below zero, as an estimate of what cannot be
    negative may have, stay on the axis.
    """
    if metric in _SHARES:
        return
    numbers = values.astype(float).dropna()
    positive = numbers[numbers > _ZERO]
    if len(positive) and positive.max() > 100 * max(numbers.min(), _ZERO):
        least = 10.0 ** np.floor(np.log10(positive.min()))
        axes.set_xscale("symlog", linthresh=least, linscale=0.5)
        axes.set_xlim(min(-0.15 * least, 1.6 * numbers.min()), 1.6 * positive.max())
