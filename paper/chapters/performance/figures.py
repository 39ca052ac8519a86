"""Figures of the stored benchmarks, see :mod:`paper.chapters.performance.records`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from paper.chapters.performance.records import OURS, SHARED_OUT
from paper.figures.marks import panel_list
from paper.figures.style import GREY, looks

_CONTESTANTS = (OURS + SHARED_OUT, OURS, "bmm", "vmap", "plain loop")
_FACTORS = {
    "layers": "layers",
    "units": "units K of each layer",
    "inputs": "inputs D",
    "batch": "batch size B",
}


def throughput_figure(record: Mapping[str, Any]) -> Figure:
    """Layer-steps per second against the number of layers, with the machine's limit."""
    rows = record["throughput"]
    layers = [row["layers"] for row in rows]
    figure, (axes,) = panel_list(height=4.4)
    for contestant, (colour, marker, line) in looks(_CONTESTANTS).items():
        own = [row for row in rows if contestant in row["layer_steps"]]
        if own:
            values = [row["layer_steps"][contestant] for row in own]
            xs = [row["layers"] for row in own]
            _line(axes, xs, values, color=colour, marker=marker, ls=line, label=contestant)
    limit = [row["layer_steps"]["limit"]["median"] for row in rows]
    axes.plot(layers, limit, color="black", linewidth=2.5, label="limit of the machine")
    axes.fill_between(layers, limit, 2 * max(limit), color=GREY, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", ylabel="layer-steps per second")
    axes.set_ylim(top=1.6 * max(limit))
    _count_axis(axes, layers, f"layers (K = {rows[0]['units']}, B = 128, one seed)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def growth_figure(record: Mapping[str, Any], what: str) -> Figure:
    """Time per step (``what="seconds"``) or memory (``"memory"``) against each factor.

    Beside the time, the two matrix products at the median of the measured peaks.
    """
    found = {row["grows"] for row in record["growth"]}
    factors = [factor for factor in _FACTORS if factor in found]
    peak = np.median([row["peak_flops"]["median"] for row in record["throughput"]])
    figure, all_axes = panel_list(len(factors), height=2.7)
    for axes, factor in zip(all_axes, factors, strict=True):
        rows = [row for row in record["growth"] if row["grows"] == factor]
        xs = [row[factor] for row in rows]
        style: dict[str, Any] = {"color": looks(_CONTESTANTS)[_CONTESTANTS[0]][0], "marker": "o"}
        if what == "seconds":
            milliseconds = [{k: 1e3 * v for k, v in row["seconds"].items()} for row in rows]
            _line(axes, xs, milliseconds, label="step of all layers", **style)
            least = [1e3 * row["flops"] / peak for row in rows]
            axes.plot(xs, least, color="black", label="its two products at the peak")
            axes.set(yscale="log", ylabel="ms per step")
            _plain_log_ticks(axes)
        else:
            memory = [np.nan if r["memory"] is None else r["memory"] / 2**20 for r in rows]
            axes.plot(xs, memory, label="peak beyond the data", **style)
            axes.set(ylabel="MiB", ylim=(0, None))
        axes.set_xscale("log")
        _count_axis(axes, xs, _growth_label(factor, rows[0]))
    all_axes[0].legend()
    return figure


def _growth_label(factor: str, row: Mapping[str, Any]) -> str:
    letters = {"layers": "L", "units": "K", "inputs": "D", "batch": "B"}
    fixed = [f"{letters[other]} = {row[other]}" for other in letters if other != factor]
    return f"{_FACTORS[factor]} ({', '.join(fixed)})"


def _line(axes: Axes, xs: Sequence[float], spreads: Sequence[Mapping], **style) -> None:
    axes.plot(xs, [value["median"] for value in spreads], **style)
    low, high = ([value[end] for value in spreads] for end in ("low", "high"))
    axes.fill_between(xs, low, high, color=style["color"], alpha=0.2, linewidth=0)


def _count_axis(axes: Axes, ticks: Sequence[int], text: str) -> None:
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.minorticks_off()
    axes.set_xlabel(text)


def _plain_log_ticks(axes: Axes) -> None:
    """Powers of ten, written out; on an axis of less than three of them also their 2 and 5."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high > 1000 * low else (1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
