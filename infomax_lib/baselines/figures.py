"""Figures that compare methods; house style and helpers from :mod:`infomax_lib.figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from infomax_lib.baselines.comparison import INFOMAX, LABELS, REFERENCES, method_order
from infomax_lib.baselines.methods import METHODS
from infomax_lib.stats import Interval, mean_interval
from infomax_lib.style import GREY, OKABE_ITO, label, panels

#: Colour and marker of a kind of method, where names stand beside the points.
_KINDS = {
    "prior art": (OKABE_ITO["blue"], "o"),
    "InfoMax": (OKABE_ITO["vermillion"], "D"),
    "references": (GREY, "s"),
}
#: Colour of a family of methods; within a family, markers tell methods apart.
_FAMILY_COLOURS = {
    "control": GREY,
    "components": OKABE_ITO["blue"],
    "density": OKABE_ITO["green"],
    "reconstruction": OKABE_ITO["orange"],
    "prediction": OKABE_ITO["purple"],
    "two views": OKABE_ITO["sky"],
    "InfoMax": OKABE_ITO["vermillion"],
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_ZERO = 1e-3  # on a symmetric log axis, what lies below is drawn as zero


def _kind(method: str) -> str:
    if method in INFOMAX:
        return "InfoMax"
    return "references" if method in REFERENCES else "prior art"


def method_looks() -> dict[str, tuple[str, str]]:
    """Colour and marker of every method, the same in all figures."""
    families = {name: method.family for name, method in METHODS.items()}
    families |= dict.fromkeys(INFOMAX, "InfoMax")
    members: dict[str, list[str]] = {}
    for name, family in families.items():
        members.setdefault(family, []).append(name)
    return {
        name: (_FAMILY_COLOURS[family], marker)
        for family, names in members.items()
        for name, marker in zip(names, _MARKERS[: len(names)], strict=True)
    }


def measures_by_method(table: pd.DataFrame, metrics: Sequence[str], columns: int = 2) -> Figure:
    """One panel per measure, one line per method (best probe on top), every seed a point."""
    methods = method_order(table)
    rows = -(-len(metrics) // columns)
    figure, grid = panels(rows, columns, width=10.0, height=0.7 + 0.28 * len(methods))
    flat = np.atleast_1d(np.asarray(grid)).flat
    for index, (axes, metric) in enumerate(zip(flat, metrics, strict=False)):
        for position, method in enumerate(methods):
            colour, marker = _KINDS[_kind(method)]
            values = _values(table, method, metric)
            spread = position - 0.12 + 0.24 * np.linspace(0, 1, values.size)
            axes.plot(values, spread, marker, color=colour, ms=4, alpha=0.45, mew=0)
            _cross(axes, mean_interval(values), position, colour, marker)
        axes.set_yticks(range(len(methods)), [LABELS[m] for m in methods])
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.tick_params(axis="y", labelleft=index % columns == 0)
        axes.set_xlabel(label(metric))
        _wide_range(axes, table[metric])
    for axes in list(flat)[len(metrics) :]:
        axes.set_axis_off()
    return figure


def against_probe(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Probe accuracy against measures of redundancy, one panel each: every seed a small point,
    the mean over seeds a large one."""
    figure, grid = panels(1, len(metrics), width=10.0, height=4.4)
    flat = np.atleast_1d(np.asarray(grid))
    looks = method_looks()
    for index, (axes, metric) in enumerate(zip(flat, metrics, strict=True)):
        for method in method_order(table):
            colour, marker = looks[method]
            rows = table[table["method"] == method][[metric, "probe_accuracy"]].dropna()
            if rows.empty:
                continue
            x, y = rows[metric].astype(float).clip(lower=0), rows["probe_accuracy"].astype(float)
            axes.plot(x, y, marker, color=colour, ms=4.5, alpha=0.4, mew=0)
            axes.plot(
                x.mean(),
                y.mean(),
                marker,
                color=colour,
                ms=10,
                mec="white",
                label=None if index else LABELS[method],
            )
        axes.set_xlabel(label(metric))
        axes.sharey(flat[0])
        axes.tick_params(axis="y", labelleft=index == 0)
        _wide_range(axes, table[metric])
    flat[0].set_ylabel(label("probe_accuracy"))
    figure.legend(loc="outside right upper", labelspacing=0.9)
    return figure


def features_side_by_side(
    weights: Mapping[str, Tensor], image_shape: tuple[int, int], count: int = 10
) -> Figure:
    """The first ``count`` rows of W of every method as pictures, one line per method.

    Blue is negative, red positive; every picture is scaled by its own largest |w|.
    """
    count = min(count, *(len(rows) for rows in weights.values()))
    figure, grid = panels(len(weights), count, width=0.62 * count + 2.2, height=0.66)
    grid = np.asarray(grid).reshape(len(weights), count)
    for line, (name, rows) in zip(grid, weights.items(), strict=True):
        for axes, row in zip(line, rows[:count].cpu().numpy(), strict=True):
            limit = np.abs(row).max() or 1.0
            axes.imshow(row.reshape(image_shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def _values(table: pd.DataFrame, method: str, metric: str) -> np.ndarray:
    return table.loc[table["method"] == method, metric].astype(float).dropna().to_numpy()


def _cross(axes: Axes, interval: Interval, y: float, colour: str, marker: str) -> None:
    if interval.n and np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [y, y], color=colour, lw=2.5, zorder=3)
    if interval.n:
        axes.plot(interval.mean, y, marker, color=colour, ms=7, mec="white", mew=1, zorder=4)


def _wide_range(axes: Axes, values: pd.Series) -> None:
    """A logarithmic axis with a place for zero, where values span more than two decades."""
    numbers = values.astype(float).clip(lower=0).dropna()
    positive = numbers[numbers > _ZERO]
    if len(positive) and positive.max() > 100 * max(numbers.min(), _ZERO):
        least = 10.0 ** np.floor(np.log10(positive.min()))
        axes.set_xscale("symlog", linthresh=least, linscale=0.5)
        axes.set_xlim(-0.15 * least, 1.6 * positive.max())
