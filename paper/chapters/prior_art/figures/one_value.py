"""Figures with one value per method: what can be removed, transfer, cost, known factors.

Tables hold one row per measurement with the columns ``method`` and ``seed``; accuracies are shares
in [0, 1], and NaN where a fit failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import mean_interval
from paper.chapters.prior_art.comparison import REFERENCES, method_order
from paper.chapters.prior_art.figures.methods import (
    WIDTH,
    family_legend,
    family_of,
    method_dots,
    method_looks,
    name_rows,
    named_point,
)
from paper.figures.label_placement import label_points
from paper.figures.marks import check_rows, heat_cells, panel_list
from paper.figures.style import GREY, label
from paper.judging.shared_rules import POINT
from paper.measures.pruning import removable_share


def removable_shares(table: pd.DataFrame) -> Figure:
    """Share of units (%) that can go within one point of accuracy, the least first.

    Of each seed the largest over the orders of removal, see
    :func:`paper.measures.pruning.removable_share`.

    Args:
        table: Columns ``method, seed, order, removed, share_removed, accuracy``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows, or a curve that does not start at 0 removed units.
    """
    check_rows(table, ["method", "seed", "order", "removed", "share_removed", "accuracy"])
    shares = pd.Series(
        {
            key: 100 * removable_share(curve, POINT)
            for key, curve in table.groupby(["method", "seed", "order"], sort=False)
        }
    )
    largest = shares.groupby(level=[0, 1], sort=False).max()
    samples = {str(method): values.to_numpy() for method, values in largest.groupby(level=0)}
    methods = _by_mean(samples, ascending=True)
    figure, (axes,) = panel_list(width=WIDTH, height=1.2 + 0.26 * len(methods))
    method_dots(axes, methods, samples)
    axes.set_xlim(left=min(-1, axes.get_xlim()[0]))
    axes.set_xlabel("units removable within 1 point of accuracy (%)")
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
    figure, (left, right) = panel_list(1, 2, width=8.0, height=1.2 + 0.26 * len(methods))
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
    figure, (axes,) = panel_list(width=max(width, WIDTH), height=height)
    shades = np.column_stack([_within_range(column) for column in cells.T])
    texts = [[f"{cell:.1f}" if np.isfinite(cell) else "–" for cell in row] for row in cells]
    heat_cells(axes, shades, texts, fontsize=9)
    _frame_best(axes, methods, cells)
    axes.set_xticks(range(len(targets)), [str(target) for _, target in targets], rotation=60)
    for text in axes.get_xticklabels():
        text.set(ha="right", rotation_mode="anchor")
    name_rows(axes, methods)
    _head_families(axes, [family for family, _ in targets])
    axes.set_xlabel(
        "test accuracy (%); colours: range of the column; frame: best without labels", fontsize=9
    )
    axes.tick_params(length=0)
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
    figure, both = panel_list(2, width=7.5, height=5.4)
    placed = []
    for axes, cost in zip(both, costs, strict=True):
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
