"""Figures with a curve per method: pruning, few labels, widths, head starts.

Tables hold one row per measurement with the columns ``method`` and ``seed``; accuracies are shares
in [0, 1], and NaN where a fit failed. Curves are means over seeds: InfoMax is bold, controls are
dashed, and those named beside the panel have a band, the 95 % interval of their mean.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import format_number, mean_interval
from paper.chapters.prior_art.comparison import REFERENCES, unsupervised_baselines
from paper.chapters.prior_art.figures.methods import (
    WIDTH,
    family_legend,
    method_looks,
    named_point,
)
from paper.figures.label_placement import NamedPoint, label_ends
from paper.figures.marks import check_rows, panel_list
from paper.figures.style import GREY, label, name

_ORDERS = {
    "random": "in random order",
    "least_unique": "least unique variance first",
    "greedy": "least useful first (greedy, reads labels)",
}
_BEST = 3  # baselines that are named without being asked for
_MARKS = 10  # on a curve, at most


def pruning_curves(table: pd.DataFrame) -> Figure:
    """Accuracy lost (points) against the share of units removed, a panel for each order.

    The loss is that of each seed against its own accuracy with all units. The axis is linear
    up to one point, dashed, and logarithmic beyond. Named are InfoMax, the controls and the three
    baselines that lose least over all steps of the panel.

    Args:
        table: Columns ``method, seed, order, share_removed, accuracy``.

    Raises:
        KeyError: A column is missing.
        ValueError: No row for any of the orders, or a method without the step at which nothing
            is removed.
    """
    check_rows(table, ["method", "seed", "order", "share_removed", "accuracy"])
    shown = [order for order in _ORDERS if (table["order"] == order).any()]
    if not shown:
        raise ValueError(
            f"no rows for the orders {', '.join(_ORDERS)}: the table has "
            f"{', '.join(sorted(set(table['order'])))}"
        )
    whole = table[table["share_removed"] == 0]
    without = set(table["method"]) - set(whole["method"])
    if without:
        raise ValueError(
            f"no rows of {', '.join(sorted(without))} with share_removed = 0, against which "
            "losses are taken: measure that step, too"
        )
    rows = _points_above(table, whole, ["method", "order", "seed"])
    rows = rows.assign(percent=100 * rows["share_removed"], lost=-rows["above"])
    figure, every = panel_list(len(shown), width=WIDTH, height=3.9)
    ends = {}
    for axes, order in zip(every, shown, strict=True):
        members = rows[rows["order"] == order]
        named = _leading(members, "percent", "lost", least=True)
        ends[axes] = _curves(axes, members, "percent", "lost", named)
        axes.set_yscale("symlog", linthresh=1, linscale=0.6)
        ticks = [-10, -1, 0, 1, 3, 10, 30]
        axes.set_yticks(ticks, [format_number(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
        low, high = axes.dataLim.intervaly
        axes.set_ylim(min(1.2 * low, -0.5), max(1.2 * high, 1.5))
        axes.axhline(1, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
        axes.set_title(_ORDERS[order], loc="left")
        axes.set_ylabel("accuracy lost (points)")
        axes.set_xlabel("units removed (%)")
        axes.set_xlim(left=0)
    return _finished(figure, set(table["method"]), ends)


def few_label_curves(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of labels per class on a logarithmic axis, a panel per data set.

    Named are InfoMax, the controls, PCA and the three best baselines.

    Args:
        table: Columns ``method, seed, target, accuracy``; rows whose ``family``, if there is such
            a column, is "few labels". Targets are called like "mnist, 10 labels per class"; "all"
            in place of the number stands one decade beyond the largest.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of few labels, or a target without a number of labels.
    """
    check_rows(table, ["method", "seed", "target", "accuracy"])
    rows = table[table["family"] == "few labels"] if "family" in table.columns else table
    if rows.empty:
        raise ValueError("the table has no rows of the family 'few labels': nothing to draw")
    read = {target: _labels_in(str(target)) for target in set(rows["target"])}
    numbers = sorted({count for _, count in read.values() if np.isfinite(count)})
    beyond = 10 * max(numbers, default=1)
    ticks = {f"{count:g}": count for count in numbers}
    if any(np.isinf(count) for _, count in read.values()):
        ticks["all"] = beyond
    rows = rows.assign(
        data=rows["target"].map({target: data for target, (data, _) in read.items()}),
        labels=rows["target"].map({t: min(count, beyond) for t, (_, count) in read.items()}),
        percent=100 * rows["accuracy"].astype(float),
    )
    datasets = list(dict.fromkeys(rows["data"]))
    figure, every = panel_list(len(datasets), width=WIDTH, height=4.6)
    ends = {}
    for axes, data in zip(every, datasets, strict=True):
        members = rows[rows["data"] == data]
        named = _leading(members, "labels", "percent", controls=(*REFERENCES, "pca"))
        ends[axes] = _curves(axes, members, "labels", "percent", named)
        axes.set_xscale("log")
        axes.set_xticks(list(ticks.values()), list(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("labels per class")
        axes.set_ylabel("test accuracy (%)")
        axes.set_title(name(data), loc="left")
    return _finished(figure, set(rows["method"]), ends)


def _labels_in(target: str) -> tuple[str, float]:
    """Data set and number of labels of a target, which is infinite for "all"."""
    found = re.fullmatch(r"(?:(.*), )?(\d+|all)(?: labels?)?(?: per class)?", target)
    if found is None:
        raise ValueError(
            f"target {target!r} says no number of labels: call it like "
            "'mnist, 10 labels per class', with 'all' for all of them"
        )
    return found[1] or "", np.inf if found[2] == "all" else float(found[2])


def widths_against_probe(table: pd.DataFrame) -> Figure:
    """Probe accuracy (%) against units K, whose axis is logarithmic to the base 2.

    Named are InfoMax, the controls and the three best baselines. Names stand at the right, so that
    only methods of the largest width have one.

    Args:
        table: Columns ``method, seed, hidden_dim, probe_accuracy``; widths may be missing.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["method", "seed", "hidden_dim", "probe_accuracy"])
    rows = table.assign(percent=100 * table["probe_accuracy"].astype(float))
    figure, (axes,) = panel_list(width=WIDTH, height=5.2)
    widest = rows.loc[rows["hidden_dim"] == rows["hidden_dim"].max(), "method"]
    named = _leading(rows[rows["method"].isin(set(widest))], "hidden_dim", "percent")
    ends = _curves(axes, rows, "hidden_dim", "percent", named)
    axes.set_xscale("log", base=2)
    widths = sorted(set(rows["hidden_dim"]))
    axes.set_xticks(widths, [f"{width:g}" for width in widths])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label("hidden_dim"))
    axes.set_ylabel("probe accuracy (%)")
    return _finished(figure, set(rows["method"]), {axes: ends})


def head_start_curves(table: pd.DataFrame) -> Figure:
    """Accuracy from a method's weights less that from random ones (points), epoch by epoch.

    Differences are taken seed by seed. Named are all methods if there are no more than eight, else
    InfoMax, the controls and the three best at the start.

    Args:
        table: Columns ``method, seed, epoch, accuracy``, with the method "random".

    Raises:
        KeyError: A column is missing.
        ValueError: No rows, none of "random", or none of a method.
    """
    check_rows(table, ["method", "seed", "epoch", "accuracy"])
    random, rows = table[table["method"] == "random"], table[table["method"] != "random"]
    if random.empty or rows.empty:
        raise ValueError(
            "a head start is against random weights: the table needs rows of the method 'random' "
            f"and of another, it has {', '.join(sorted(set(table['method'])))}"
        )
    rows = _points_above(rows, random, ["seed", "epoch"])
    methods = list(dict.fromkeys(rows["method"]))
    named = methods if len(methods) <= 8 else _leading(rows, "epoch", "above")
    figure, (axes,) = panel_list(width=WIDTH, height=4.6)
    ends = _curves(axes, rows, "epoch", "above", named)
    axes.axhline(0, color="black", lw=1.2, zorder=1)
    axes.set_xlabel("epoch of fine-tuning")
    axes.set_xticks(sorted(table["epoch"].unique()))
    axes.set_ylabel("accuracy above random weights (points)")
    return _finished(figure, methods, {axes: ends})


def _points_above(rows: pd.DataFrame, reference: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows with ``above``: points of accuracy above the reference alike in ``by``."""
    there = reference.groupby(by)["accuracy"].first().rename("reference")
    rows = rows.join(there, on=by)
    above = rows["accuracy"].astype(float) - rows["reference"].astype(float)
    return rows.assign(above=100 * above)


def _leading(
    table: pd.DataFrame,
    x: str,
    y: str,
    controls: Iterable[str] = REFERENCES,
    least: bool = False,
) -> list[str]:
    """InfoMax, the controls and the best baselines of the table.

    The best have the highest (``least``: lowest) mean distance from the mean of all methods at the
    same x, so that a method without some x is not judged by which it has.
    """
    above = table[y].astype(float) - table.groupby(x)[y].transform("mean").astype(float)
    mean = above.groupby(table["method"]).mean().dropna().sort_values(ascending=least)
    baselines = set(unsupervised_baselines(table))
    best = [m for m in mean.index if m in baselines][:_BEST]
    present = set(table["method"])
    return [m for m in dict.fromkeys([*INFOMAX, *best, *controls]) if m in present]


def _curves(
    axes: Axes, table: pd.DataFrame, x: str, y: str, named: Collection[str]
) -> list[NamedPoint]:
    """Mean of y at every x, one line per method; the ends of the named ones."""
    looks, ends = method_looks(), []
    for method, rows in table.groupby("method", sort=False):
        method = str(method)
        points = rows.assign(**{y: rows[y].astype(float)}).dropna(subset=[y]).groupby(x)[y]
        means = points.mean()
        if means.empty:
            continue
        colour, marker = looks[method]
        style: dict[str, Any] = {"color": colour, "lw": 0.9, "alpha": 0.6, "zorder": 2}
        if method in named:
            style = {"color": colour, "lw": 1.8, "zorder": 3}
            intervals = [mean_interval(values) for _, values in points]
            low, high = ([getattr(i, side) for i in intervals] for side in ("low", "high"))
            axes.fill_between(means.index, low, high, color=colour, alpha=0.18, lw=0, zorder=2)
            ends.append(named_point(method, means.index[-1], means.iloc[-1]))
            every = -(-len(means) // _MARKS)
            style |= {"marker": marker, "ms": 6, "mec": "white", "markevery": every}
        if method in INFOMAX:
            style |= {"lw": 3.0, "zorder": 4}
        if method in REFERENCES:
            style |= {"ls": (0, (4, 2))}
        axes.plot(means.index, means, **style)
    return ends


def _finished(
    figure: Figure, methods: Iterable[str], ends: Mapping[Axes, list[NamedPoint]]
) -> Figure:
    """The figure with its legend, and then its labels, which need the places of all panels."""
    family_legend(figure, methods)
    for axes, points in ends.items():
        label_ends(axes, points)
    return figure
