"""Figures of what fitted encoders can do: pruning, transfer, few labels, cost, width, factors.

Tables hold one row per measurement with the columns ``method`` and ``seed``; accuracies are shares
in [0, 1], and NaN where a fit failed. Curves are means over seeds: InfoMax is bold, controls are
dashed, and those named beside the panel have a band, the 95 % interval of their mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter, NullLocator
from torch import Tensor

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.model.data import Dataset
from infomax_lib.model.streams import generator
from infomax_lib.stats import format_number, mean_interval
from paper.chapters.prior_art.comparison import (
    LABELS,
    REFERENCES,
    method_order,
    unsupervised_baselines,
)
from paper.chapters.prior_art.figures.methods import (
    family_legend,
    family_of,
    method_dots,
    method_looks,
    named_point,
)
from paper.figures.label_placement import NamedPoint, ink, label_ends, label_points
from paper.figures.marks import check_rows
from paper.figures.style import GREY, label, name, panels
from paper.measures.pruning import ORDERS, removable_share
from paper.methods.two_views.augment import two_views

__all__ = [
    "cost_against_quality",
    "disentanglement",
    "example_views",
    "few_label_curves",
    "head_start_curves",
    "pruning_curves",
    "removable_shares",
    "transfer_matrix",
    "views_shown",
    "widths_against_probe",
]

_ORDER_NAMES = {
    "random": "in random order",
    "least_unique": "least unique variance first",
    "greedy": "least useful first (greedy, reads labels)",
}
_BEST = 3  # baselines that are named without being asked for
_MARKS = 10  # on a curve, at most
_WIDTH = 7.0  # inches


# --------------------------------------------------------------------------------------- curves


def pruning_curves(
    table: pd.DataFrame,
    orders: Sequence[str] = ORDERS,
    highlight: Sequence[str] | None = None,
) -> Figure:
    """Accuracy lost (points) against the share of units removed, a panel for each order.

    The loss is that of each seed against its own accuracy with all units. The axis is linear
    up to one point, dashed, and logarithmic beyond.

    Args:
        table: Columns ``method, seed, order, share_removed, accuracy``.
        orders: Panels, from top to bottom; those that the table lacks are left out.
        highlight: Methods to name besides InfoMax; by default the controls and the three
            baselines that lose least over all steps of the panel.

    Raises:
        KeyError: A column is missing.
        ValueError: No row for any of the orders.
    """
    check_rows(table, ["method", "seed", "order", "share_removed", "accuracy"])
    shown = [order for order in orders if (table["order"] == order).any()]
    if not shown:
        raise ValueError(
            f"no rows for the orders {', '.join(orders)}: the table has "
            f"{', '.join(sorted(set(table['order'])))}"
        )
    whole = table[table["share_removed"] == 0].groupby(["method", "order", "seed"])["accuracy"]
    without = set(table["method"]) - {method for method, _, _ in whole.groups}
    if without:
        raise ValueError(
            f"no rows of {', '.join(sorted(without))} with share_removed = 0, against which "
            "losses are taken: measure that step, too"
        )
    rows = table.join(whole.first().rename("whole"), on=["method", "order", "seed"])
    rows = rows.assign(
        percent=100 * rows["share_removed"], lost=100 * (rows["whole"] - rows["accuracy"])
    )
    figure, grid = panels(len(shown), 1, width=_WIDTH, height=3.9)
    ends = []
    for axes, order in zip(np.atleast_1d(np.asarray(grid)), shown, strict=True):
        members = rows[rows["order"] == order]
        named = _named(members, "percent", "lost", highlight, least=True)
        axes.set_yscale("symlog", linthresh=1, linscale=0.6)
        ends.append((axes, _curves(axes, members, "percent", "lost", named)))
        ticks = [-10, -1, 0, 1, 3, 10, 30]
        axes.set_yticks(ticks, [format_number(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(NullLocator())
        low, high = axes.dataLim.intervaly
        axes.set_ylim(min(1.2 * low, -0.5), max(1.2 * high, 1.5))
        axes.axhline(1, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
        axes.set_title(_ORDER_NAMES.get(order, order), loc="left")
        axes.set_ylabel("accuracy lost (points)")
        axes.set_xlabel("units removed (%)")
        axes.set_xlim(left=0)
    family_legend(figure, set(table["method"]))
    _label_all(ends)
    return figure


def few_label_curves(table: pd.DataFrame, highlight: Sequence[str] | None = None) -> Figure:
    """Accuracy against the number of labels per class on a logarithmic axis, a panel per data set.

    Args:
        table: Columns ``method, seed, target, accuracy``; rows whose ``family``, if there is such
            a column, is "few labels". Targets are called like "mnist, 10 labels per class"; "all"
            in place of the number stands one decade beyond the largest.
        highlight: Methods to name besides InfoMax; by default the controls, PCA and the three
            best baselines.

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
    figure, grid = panels(len(datasets), 1, width=_WIDTH, height=4.6)
    ends = []
    for axes, data in zip(np.atleast_1d(np.asarray(grid)), datasets, strict=True):
        members = rows[rows["data"] == data]
        named = _named(members, "labels", "percent", highlight, controls=(*REFERENCES, "pca"))
        ends.append((axes, _curves(axes, members, "labels", "percent", named)))
        axes.set_xscale("log")
        axes.set_xticks(list(ticks.values()), list(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("labels per class")
        axes.set_ylabel("test accuracy (%)")
        axes.set_title(name(data), loc="left")
    family_legend(figure, set(rows["method"]))
    _label_all(ends)
    return figure


def _labels_in(target: str) -> tuple[str, float]:
    """Data set and number of labels of a target, which is infinite for "all"."""
    found = re.fullmatch(r"(?:(.*), )?(\d+|all)(?: labels?)?(?: per class)?", target)
    if found is None:
        raise ValueError(
            f"target {target!r} says no number of labels: call it like "
            "'mnist, 10 labels per class', with 'all' for all of them"
        )
    return found[1] or "", np.inf if found[2] == "all" else float(found[2])


def widths_against_probe(table: pd.DataFrame, highlight: Sequence[str] | None = None) -> Figure:
    """Probe accuracy (%) against units K, whose axis is logarithmic to the base 2.

    Args:
        table: Columns ``method, seed, hidden_dim, probe_accuracy``; widths may be missing.
        highlight: Methods to name besides InfoMax; by default the controls and the three best
            baselines. Names stand at the right, so that only methods of the largest width have one.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["method", "seed", "hidden_dim", "probe_accuracy"])
    rows = table.assign(percent=100 * table["probe_accuracy"].astype(float))
    figure, axes = panels(width=_WIDTH, height=5.2)
    assert isinstance(axes, Axes)
    widest = rows.loc[rows["hidden_dim"] == rows["hidden_dim"].max(), "method"]
    named = _named(rows[rows["method"].isin(set(widest))], "hidden_dim", "percent", highlight)
    ends = _curves(axes, rows, "hidden_dim", "percent", named)
    axes.set_xscale("log", base=2)
    widths = sorted(set(rows["hidden_dim"]))
    axes.set_xticks(widths, [f"{width:g}" for width in widths])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label("hidden_dim"))
    axes.set_ylabel("probe accuracy (%)")
    family_legend(figure, set(rows["method"]))
    _label_all([(axes, ends)])
    return figure


def head_start_curves(table: pd.DataFrame, highlight: Sequence[str] | None = None) -> Figure:
    """Accuracy from a method's weights less that from random ones (points), epoch by epoch.

    Differences are taken seed by seed.

    Args:
        table: Columns ``method, seed, epoch, accuracy``, with the method "random".
        highlight: Methods to name besides InfoMax; by default the three best at the start, and
            all if there are no more than eight.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows, none of "random", or none of a method.
    """
    check_rows(table, ["method", "seed", "epoch", "accuracy"])
    random = table[table["method"] == "random"].set_index(["seed", "epoch"])["accuracy"]
    rows = table[table["method"] != "random"]
    if random.empty or rows.empty:
        raise ValueError(
            "a head start is against random weights: the table needs rows of the method 'random' "
            f"and of another, it has {', '.join(sorted(set(table['method'])))}"
        )
    rows = rows.join(random.rename("random"), on=["seed", "epoch"])
    rows = rows.assign(gain=100 * (rows["accuracy"].astype(float) - rows["random"].astype(float)))
    methods = list(dict.fromkeys(rows["method"]))
    if highlight is None and len(methods) <= 8:
        highlight = methods
    figure, axes = panels(width=_WIDTH, height=4.6)
    assert isinstance(axes, Axes)
    named = _named(rows, "epoch", "gain", highlight)
    ends = _curves(axes, rows, "epoch", "gain", named)
    axes.axhline(0, color="black", lw=1.2, zorder=1)
    axes.set_xlabel("epoch of fine-tuning")
    axes.set_xticks(sorted(table["epoch"].unique()))
    axes.set_ylabel("accuracy above random weights (points)")
    family_legend(figure, methods)
    _label_all([(axes, ends)])
    return figure


def _named(
    table: pd.DataFrame,
    x: str,
    y: str,
    highlight: Sequence[str] | None,
    controls: Iterable[str] = REFERENCES,
    least: bool = False,
) -> list[str]:
    """Methods to name: InfoMax and those asked for, else controls and the best baselines.

    The best have the highest (``least``: lowest) mean distance from the mean of all methods at the
    same x, so that a method without some x is not judged by which it has.
    """
    present = set(table["method"])
    if highlight is None:
        above = table[y].astype(float) - table.groupby(x)[y].transform("mean").astype(float)
        mean = above.groupby(table["method"]).mean().dropna().sort_values(ascending=least)
        baselines = set(unsupervised_baselines(table))
        highlight = [*[m for m in mean.index if m in baselines][:_BEST], *controls]
    return [m for m in dict.fromkeys([*INFOMAX, *highlight]) if m in present]


def _curves(
    axes: Axes, table: pd.DataFrame, x: str, y: str, named: Sequence[str]
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


def _label_all(ends: Iterable[tuple[Axes, Sequence[NamedPoint]]]) -> None:
    """Labels last: they need the limits and places of all panels."""
    for axes, points in ends:
        label_ends(axes, points)


# ------------------------------------------------------------------------------- one value each


def removable_shares(table: pd.DataFrame, points: float = 0.01) -> Figure:
    """Share of units (%) that can go within ``points`` of accuracy, the least first.

    Of each seed the largest over the orders of removal, see
    :func:`paper.measures.pruning.removable_share`.

    Args:
        table: Columns ``method, seed, order, removed, share_removed, accuracy``.
        points: Accuracy that may be lost, as a share (0.01 is one point).

    Raises:
        KeyError: A column is missing.
        ValueError: No rows, or a curve that does not start at 0 removed units.
    """
    check_rows(table, ["method", "seed", "order", "removed", "share_removed", "accuracy"])
    shares = pd.Series(
        {
            key: 100 * removable_share(curve, points)
            for key, curve in table.groupby(["method", "seed", "order"], sort=False)
        }
    )
    largest = shares.groupby(level=[0, 1], sort=False).max()
    samples = {str(method): values.to_numpy() for method, values in largest.groupby(level=0)}
    methods = _by_mean(samples, ascending=True)
    figure, axes = panels(width=_WIDTH, height=1.2 + 0.26 * len(methods))
    assert isinstance(axes, Axes)
    method_dots(axes, methods, samples)
    axes.set_xlim(left=min(-1, axes.get_xlim()[0]))
    axes.set_xlabel(f"units removable within {format_number(100 * points)} point of accuracy (%)")
    family_legend(figure, methods)
    return figure


def disentanglement(table: pd.DataFrame) -> Figure:
    """MIG of every method, the largest first, and the share of units that name a class.

    A black bar marks what random rotations of the same features reach: the mean over seeds of the
    95th percentile.

    Args:
        table: Columns ``method, seed, mig, rotated_mig, named_units``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["method", "seed", "mig", "rotated_mig", "named_units"])
    rows = table.astype({"mig": float, "rotated_mig": float, "named_units": float})
    by_method = rows.groupby("method", sort=False)
    mig = {str(method): members["mig"].to_numpy() for method, members in by_method}
    units = {str(method): 100 * members["named_units"].to_numpy() for method, members in by_method}
    methods = _by_mean(mig, ascending=False)
    figure, grid = panels(1, 2, width=8.0, height=1.2 + 0.26 * len(methods))
    left, right = np.asarray(grid)
    method_dots(left, methods, mig)
    rotated = by_method["rotated_mig"].mean().reindex(methods)
    left.plot(rotated, range(len(methods)), "|", color="black", ms=13, mew=2, zorder=5)
    left.set_xlabel(label("mig"))
    method_dots(right, methods, units)
    right.tick_params(axis="y", labelleft=False)
    right.set_xlabel("units with class AUROC ≥ 0.9 (%)")
    bar = Line2D([], [], ls="none", marker="|", color="black", ms=13, mew=2,
                 label="95th percentile of rotations")  # fmt: skip
    family_legend(figure, methods, bar)
    return figure


def _by_mean(samples: Mapping[str, np.ndarray], ascending: bool) -> list[str]:
    """Methods by their mean over finite values; those without any are last."""
    means = pd.Series({method: mean_interval(values).mean for method, values in samples.items()})
    return list(means.sort_values(ascending=ascending, na_position="last", kind="stable").index)


def transfer_matrix(table: pd.DataFrame) -> Figure:
    """Accuracy (%) of every method on every target, methods by their mean over targets.

    Columns are grouped by family of targets, and each is coloured over its own range. A frame
    marks the best method of a column that learns without labels. Methods that miss a target are
    last, by the mean of those they have.

    Args:
        table: Columns ``method, seed, family, target, accuracy``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["method", "seed", "family", "target", "accuracy"])
    rows = table.assign(percent=100 * table["accuracy"].astype(float))
    families = list(dict.fromkeys(rows["family"]))
    targets = [
        (family, target)
        for family in families
        for target in dict.fromkeys(rows.loc[rows["family"] == family, "target"])
    ]
    wide = rows.pivot_table(
        index="method", columns=["family", "target"], values="percent", sort=False, dropna=False
    )
    wide = wide.reindex(
        columns=pd.MultiIndex.from_tuples(targets), index=dict.fromkeys(rows["method"])
    )
    ranked = pd.DataFrame({"holes": wide.isna().any(axis=1), "mean": -wide.mean(axis=1)})
    wide = wide.loc[ranked.sort_values(["holes", "mean"], kind="stable").index]
    methods, cells = list(wide.index), wide.to_numpy(float)

    longest = max(len(str(target)) for _, target in targets)
    width, height = 2.2 + 0.5 * len(targets), 1.3 + 0.07 * longest + 0.26 * len(methods)
    figure, axes = panels(width=max(width, _WIDTH), height=height)
    assert isinstance(axes, Axes)
    shades = np.column_stack([_within_range(column) for column in cells.T])
    colours = mpl.colormaps["cividis"].with_extremes(bad="#eceef0")
    axes.imshow(np.ma.masked_invalid(shades), cmap=colours, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(cells.shape):
        value = cells[row, column]
        known = np.isfinite(value)
        axes.text(
            column, row, f"{value:.1f}" if known else "–", ha="center", va="center", fontsize=9,
            color="white" if known and shades[row, column] < 0.55 else "black",
        )  # fmt: skip
    _frame_best(axes, methods, cells)
    axes.set_xticks(range(len(targets)), [str(target) for _, target in targets], rotation=60)
    for text in axes.get_xticklabels():
        text.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(methods)), [LABELS[method] for method in methods])
    looks = method_looks()
    for text, method in zip(axes.get_yticklabels(), methods, strict=True):
        text.set(color=ink(looks[method][0]), weight="bold" if method in INFOMAX else "normal")
    _head_families(axes, [family for family, _ in targets])
    axes.set_xlabel(
        "test accuracy (%); colours: range of the column; frame: best without labels", fontsize=9
    )
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def _within_range(column: np.ndarray) -> np.ndarray:
    """Values as shares of the column's range; one half where it has none."""
    known = column[np.isfinite(column)]
    if known.size == 0 or np.ptp(known) == 0:
        return np.where(np.isfinite(column), 0.5, np.nan)
    return (column - known.min()) / np.ptp(known)


def _frame_best(axes: Axes, methods: Sequence[str], cells: np.ndarray) -> None:
    unsupervised = [index for index, method in enumerate(methods) if method not in REFERENCES]
    for column in range(cells.shape[1]):
        values = cells[unsupervised, column]
        if not np.isfinite(values).any():
            continue
        row = unsupervised[int(np.nanargmax(values))]
        place = (column - 0.46, row - 0.44)
        axes.add_patch(Rectangle(place, 0.92, 0.88, fill=False, ec="black", lw=2, zorder=3))


def _head_families(axes: Axes, families: Sequence[str]) -> None:
    """Names of the families above their columns, which white lines set apart."""
    starts = [i for i, family in enumerate(families) if i == 0 or family != families[i - 1]]
    for start, end in zip(starts, [*starts[1:], len(families)], strict=True):
        axes.axvline(end - 0.5, color="white", lw=5)
        text = str(families[start]).replace(" ", "\n") if end - start < 2 else families[start]
        axes.annotate(
            text, ((start + end - 1) / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
            textcoords="offset points", ha="center", va="bottom", fontsize=10,
        )  # fmt: skip


def cost_against_quality(table: pd.DataFrame) -> Figure:
    """Probe accuracy (%) against training FLOPs, and against seconds, a point per method.

    The line is the Pareto front: the best that methods without labels reach at most at this cost.
    Named are the methods on it, InfoMax, the references and the best of every family; where many
    cost the same, the names of all would hide the points.

    Args:
        table: Columns ``method, seed, probe_accuracy, flops, seconds``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["method", "probe_accuracy", "flops", "seconds"])
    costs = ["flops", "seconds"]
    means = table.groupby("method", sort=False)[[*costs, "probe_accuracy"]]
    means = means.agg(lambda values: values.astype(float).mean())
    methods = method_order(table)
    looks = method_looks()
    figure, grid = panels(2, 1, width=7.5, height=5.4)
    placed = []
    for axes, cost in zip(np.asarray(grid), costs, strict=True):
        known = means.loc[methods, [cost, "probe_accuracy"]].dropna()
        points = [named_point(str(m), x, 100 * y) for m, x, y in known.itertuples(name=None)]
        for method, point in zip(known.index, points, strict=True):
            colour, marker = looks[str(method)]
            axes.plot(point.x, point.y, marker, color=colour, ms=9, mec="white", zorder=4)
        _log_cost(axes, known[cost])
        front = _front(known.drop("supervised", errors="ignore"), cost)
        leaders = known["probe_accuracy"].groupby(family_of).idxmax()
        named = {*front.index, *leaders, *INFOMAX, *REFERENCES}
        axes.plot(front[cost], 100 * front["probe_accuracy"], color=GREY, lw=1.4,
                  drawstyle="steps-post", zorder=2)  # fmt: skip
        axes.margins(y=0.12)
        axes.set_xlabel(label(cost))
        axes.set_ylabel("probe accuracy (%)")
        shown = [
            point if method in named else replace(point, text="")  # labels keep off all points
            for method, point in zip(known.index, points, strict=True)
        ]
        placed.append((axes, shown))
    line = Line2D([], [], color=GREY, lw=1.4, label="Pareto front")
    family_legend(figure, methods, line)
    for axes, shown in placed:
        label_points(axes, shown)
    return figure


def _front(means: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Rows that no row of the same or lower cost equals or beats, cheapest first."""
    rows = means.sort_values([cost, "probe_accuracy"], ascending=[True, False], kind="stable")
    before = rows["probe_accuracy"].cummax().shift(fill_value=-np.inf)
    return rows[rows["probe_accuracy"] > before]


def _log_cost(axes: Axes, values: pd.Series) -> None:
    """A logarithmic axis, with a place for zero if something costs nothing."""
    positive = values[values > 0]
    if positive.empty:
        return
    least = 10.0 ** np.floor(np.log10(positive.min()))
    if (values == 0).any():
        axes.set_xscale("symlog", linthresh=least, linscale=0.5)
        decades = 10.0 ** np.arange(np.log10(least), np.log10(positive.max()) + 1)
        axes.set_xticks([0, *decades])
        axes.set_xlim(-0.4 * least, 6 * positive.max())
    else:
        axes.set_xscale("log")
        axes.set_xlim(positive.min() / 4, 6 * positive.max())
    axes.xaxis.set_minor_formatter(NullFormatter())


# --------------------------------------------------------------------------------------- views


def example_views(
    dataset: Dataset, count: int = 5, views: int = 8, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """The first training image of each of the first ``count`` classes, and random views of it.

    Args:
        dataset: Square images with D pixels.
        count: Images, at most the number of classes.
        views: Of each image.
        seed: Of the views.

    Returns:
        Images (count, D) and views (count, views, D).

    Raises:
        ValueError: Less than one image or view, or more images than classes.
        FitError: The images are not square.
    """
    labels = dataset.train_labels.cpu()
    classes = labels.unique()
    if not 1 <= count <= len(classes) or views < 1:
        raise ValueError(
            f"count={count} and views={views} are not possible: choose 1 to {len(classes)} "
            f"images, one for each class of {dataset.name}, and at least one view"
        )
    first = [int((labels == c).nonzero()[0]) for c in classes[:count]]
    images = dataset.train[first].cpu()
    pairs = -(-views // 2)
    drawn = two_views(images.repeat(pairs, 1)[None], [generator(seed, "example views")])
    return images, drawn.view(2 * pairs, count, -1).transpose(0, 1)[:, :views]


def views_shown(images: Tensor, views: Tensor, image_shape: tuple[int, int]) -> Figure:
    """One row per image: the original, then its views, all from black (0) to white (1).

    Args:
        images: Shape (count, D).
        views: Shape (count, V, D), as `example_views` gives them.
        image_shape: Height and width, whose product is D.

    Raises:
        ValueError: No images, or shapes that do not belong together.
    """
    pixels = image_shape[0] * image_shape[1]
    fits = images.shape == (len(views), pixels) and views.shape[2:] == (pixels,)
    if not len(images) or not fits:
        raise ValueError(
            f"images {tuple(images.shape)} and views {tuple(views.shape)} do not belong together: "
            f"give (count, {pixels}) and (count, views, {pixels}) with at least one image"
        )
    pictures = torch.cat([images[:, None], views], 1).cpu().numpy()
    count, columns, _ = pictures.shape
    figure, grid = panels(count, columns, width=0.78 * columns, height=0.8)
    cells = np.asarray(grid).reshape(count, columns)
    for axes, picture in zip(cells.flat, pictures.reshape(-1, *image_shape), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
    cells[0, 0].set_title("image", fontsize=10)
    cells[0, 1].set_title("views", fontsize=10)
    return figure
