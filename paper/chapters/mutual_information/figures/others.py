"""Figures of estimates whose truth is known, of autoencoders, and of the layers of this book.

Information is in nats, accuracies are shares. Every seed is a point or a thin line, means carry
their 95 % interval, and what a number has to be compared with is drawn in: the true information,
the cap log N. Values that are not finite, those of failed seeds, are left out.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from infomax_lib.stats import format_number
from paper.chapters.mutual_information.figures.shared import NAMES
from paper.figures.label_placement import NamedPoint, label_points
from paper.figures.marks import (
    check_rows,
    curves,
    finite,
    key,
    mean_line,
    seeds_beside_mean,
    stacked,
)
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, label, looks, name, panels
from paper.information.bounds import cap


def capped_estimates(table: pd.DataFrame) -> Figure:
    """I_NCE over the number of pairs N, one line per true information, and the cap log N.

    Dashed lines are the true informations, in the colour of their estimates.

    Args:
        table: Columns ``information, pairs, seed, estimate``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows, or more informations than can be told apart.
    """
    check_rows(table, ["information", "pairs", "seed", "estimate"])
    informations = sorted(set(table["information"]), reverse=True)
    styles = looks(informations)
    figure, (axes,) = stacked(1, 4.4)
    sizes = np.array(sorted(set(table["pairs"])), dtype=float)
    edge = np.geomspace(sizes.min(), sizes.max(), 100)
    found = finite(table["estimate"])
    top = 1.15 * max(found.max(initial=0.0), *informations)
    axes.fill_between(edge, np.log(edge), max(top, np.log(edge[-1])), color="#e9eef3", lw=0)
    axes.plot(edge, np.log(edge), color="black", lw=2.2)
    for information in informations:
        colour, marker, _ = styles[information]
        rows = table[table["information"] == information]
        axes.axhline(information, color=colour, lw=1.2, ls=LINES[1], zorder=1)
        axes.plot(rows["pairs"], rows["estimate"], marker, color=colour, ms=3.5, alpha=0.35, mew=0)
        mean_line(axes, rows, "pairs", "estimate", (colour, marker, "-"))
        axes.plot(
            [], [], color=colour, marker=marker, mec="white", label=f"{format_number(information)}"
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(sizes.min() / 1.1, sizes.max() * 1.1)
    axes.set_ylim(found.min(initial=0.0) - 0.1, top)
    axes.set_xlabel("pairs in a batch N")
    axes.set_ylabel("$I_{NCE}$ of the best critic (nats)")
    axes.annotate(
        "cap log N: no estimate lies above", (0.02, 0.97), xycoords="axes fraction", va="top",
        fontsize=10,
    )  # fmt: skip
    figure.legend(
        title="true information (nats), dashed lines", loc="outside lower center",
        ncols=len(informations), handletextpad=0.4, columnspacing=1.2,
    )  # fmt: skip
    return figure


def autoencoders_over_draws(table: pd.DataFrame) -> Figure:
    """Bound, inference gap and probe of autoencoders over the draws of their bound.

    Thin lines join the same seed.

    Args:
        table: Columns ``draws, seed, bound, inference_gap, accuracy``.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    texts = {
        "bound": "bound on log p(x)\n(nats)",
        "inference_gap": "inference gap\n(nats)",
        "accuracy": "probe accuracy\n(share)",
    }
    check_rows(table, ["draws", "seed", *texts])
    draws = sorted(set(table["draws"]))
    figure, every = stacked(len(texts), 2.0)
    for axes, (column, text) in zip(every, texts.items(), strict=True):
        wide = table.pivot(index="draws", columns="seed", values=column).astype(float)
        for seed in wide:
            places = range(len(draws))
            axes.plot(places, wide.loc[draws, seed], color=CYCLE[0], lw=0.7, alpha=0.3, zorder=1)
        for place, count in enumerate(draws):
            values = table.loc[table["draws"] == count, column]
            seeds_beside_mean(axes, place, values, CYCLE[0], MARKERS[0], aside=False)
        axes.set_xticks(range(len(draws)), [f"{count:g}" for count in draws])
        axes.set_xlim(-0.3, len(draws) - 0.5)
        axes.grid(axis="x", visible=False)
        axes.set_ylabel(text)
        axes.tick_params(axis="x", labelbottom=axes is every[-1])
    every[-1].set_xlabel("draws of the bound that was trained")
    return figure


def dependent_estimates(table: pd.DataFrame) -> Figure:
    """Estimates from batches of dependent and of independent pairs, and the true information.

    A row of panels per estimator: over training on the left, at the end on the right.

    Args:
        table: Columns ``bound, shared, seed, estimate, curve, truth``; ``curve`` are lists.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["bound", "shared", "seed", "estimate", "curve", "truth"])
    styles = {True: (CYCLE[1], MARKERS[1], "-"), False: (CYCLE[0], MARKERS[0], LINES[1])}
    texts = {True: "shared part", False: "independent"}
    bounds = [bound for bound in NAMES if bound in set(table["bound"])]
    figure, grid = panels(len(bounds), 2, width=7.0, height=2.7)
    every = np.asarray(grid).reshape(len(bounds), 2)
    for (left, right), bound in zip(every, bounds, strict=True):
        own = table[table["bound"] == bound]
        for place, (shared, (colour, marker, line)) in enumerate(styles.items()):
            rows = own[own["shared"] == shared]
            if len(rows):
                values = np.array(rows["curve"].tolist(), dtype=float)
                middles = (np.arange(values.shape[1]) + 0.5) / values.shape[1]
                curves(left, 100 * middles, values, colour, line)
            seeds_beside_mean(right, place, rows["estimate"], colour, marker)
        truths = sorted(set(own["truth"]))
        for axes in (left, right):
            for truth in truths:
                axes.axhline(truth, color="black", lw=1.4, ls=LINES[3], zorder=1.5)
        left.set_ylabel(f"{NAMES[bound]} (nats)")
        right.set_xticks(range(2), list(texts.values()))
        right.set_xlim(-0.6, 1.6)
        right.grid(axis="x", visible=False)
        # the first steps of I_NWJ can be far below everything that follows
        later = [finite(np.asarray(curve)[len(curve) // 2 :]) for curve in own["curve"]]
        ends = np.concatenate([finite(own["estimate"]), truths, *later])
        reach = max(0.1, float(np.ptp(ends)))
        left.set_ylim(float(ends.min()) - 0.35 * reach, float(ends.max()) + 0.1 * reach)
        right.set_ylim(left.get_ylim())
        right.tick_params(axis="y", labelleft=False)
    for axes in every[:-1].flat:
        axes.tick_params(axis="x", labelbottom=False)
    every[-1, 0].set_xlabel("share of the training (%)")
    every[-1, 1].set_xlabel("last 500 batches")
    handles = [
        key(color=c, marker=m, ls=line, mec="white", label=texts[shared])
        for shared, (c, m, line) in styles.items()
    ]
    handles.append(key(color="black", ls=LINES[3], label="true information"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def information_of_layers(table: pd.DataFrame) -> Figure:
    """Information in the noisy outputs of layers, over their probe and over their redundancy.

    A vertical line reaches from the lower to the upper bound (means over seeds; pale ones are
    seeds), a hollow diamond is the Gaussian bound; a thin line follows lambda_tc. Untrained layers
    (``epochs`` of 0) stand apart, and are named.

    Args:
        table: Columns ``competition, lambda_tc, epochs, seed, lower, upper, gaussian, images,
            probe_accuracy, weight_redundancy`` of layers that differ in nothing else; the number
            of ``images`` gives the cap of the lower bound.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    settings, measures = ["competition", "lambda_tc"], ["probe_accuracy", "weight_redundancy"]
    bounds = ["lower", "upper", "gaussian"]
    check_rows(table, [*settings, "epochs", "seed", *bounds, "images", *measures])
    rows = table.astype(dict.fromkeys([*bounds, *measures], float))
    rows["trained"] = rows["epochs"] > 0
    rows = rows.replace({"upper": {np.inf: np.nan}}).dropna(subset=["lower", *measures])
    styles = looks(table["competition"])
    means = rows.groupby(["trained", *settings], as_index=False)[[*bounds, *measures]].mean()
    sizes = sorted(set(rows["images"]))
    figure, every = stacked(2, 3.6)
    for axes, measure in zip(every, measures, strict=True):
        for competition, (colour, marker, line) in styles.items():
            seeds = rows[rows["competition"] == competition]
            own = means[means["competition"] == competition].sort_values("lambda_tc")
            for reached, width, alpha in ((seeds, 0.8, 0.3), (own, 3.0, 1.0)):
                ends = reached.dropna(subset="upper")
                axes.vlines(
                    ends[measure], ends["lower"], ends["upper"], color=colour, lw=width, alpha=alpha
                )
            axes.plot(own[measure], own["lower"], marker, color=colour)
            path = own[own["trained"]]
            axes.plot(path[measure], path["lower"], color=colour, lw=1.0, ls=line)
            axes.plot(own[measure], own["gaussian"], "D", color=colour, mfc="white", ms=6, zorder=4)
        values = finite(means[measure])
        if values.size and values.min() > 0 and values.max() > 30 * values.min():
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label(measure))
        axes.set_ylabel("information (nats)")
        axes.margins(0.1)
        for size in sizes:
            axes.axhline(cap(size), color=GREY, lw=1.2, ls=LINES[1], zorder=1)
    handles = [
        key(color=c, marker=m, ls=line, label=name(competition))
        for competition, (c, m, line) in styles.items()
    ]
    handles += [
        key(color=GREY, lw=3, label="lower to upper bound"),
        key(color=GREY, marker="D", ls="", mfc="white", label="Gaussian outputs"),
    ]
    handles += [
        key(color=GREY, lw=1.2, ls=LINES[1], label=f"cap of the lower: log {size:g}")
        for size in sizes
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    for axes, measure in zip(every, measures, strict=True):
        label_points(axes, _layer_names(means, measure, styles))
    return figure


def _layer_names(
    means: pd.DataFrame, measure: str, styles: Mapping[object, tuple[str, str, object]]
) -> list[NamedPoint]:
    """Names of layers at their lower bounds; nameless points keep them off the other bounds."""
    points = []
    for row in means.to_dict("records"):
        colour, marker, _ = styles[row["competition"]]
        text = f"λ {row['lambda_tc']:g}" if row["trained"] else "untrained"
        points.append(NamedPoint(text, row[measure], row["lower"], colour, marker))
        middle = (row["lower"] + row["upper"]) / 2
        others = (middle, row["upper"], row["gaussian"])
        points += [
            NamedPoint("", row[measure], y, colour, marker) for y in others if np.isfinite(y)
        ]
    return points
