"""Pictures for sliders: entropy, independence, invariance and classification, step by step.

Each function gives the figures of one slider and the text of its value at each of them, so that
``slider(*entropy_frames(table), alt=..., name=...)`` shows them. Panels keep their limits from one
figure to the next: only what is shown moves. Information is in nats.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.feature_selection import mutual_info_regression

from infomax_lib.model.streams import generator
from infomax_lib.stats import format_number, mean_interval
from paper.figures.marks import check_rows
from paper.figures.seeds_and_grids import draw_floors
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, panels
from paper.information.entropy import (
    correlated_gaussians,
    mutual_information,
    paired_mutual_information,
)

_WIDTH = 6.4  # inches: two panels side by side that stay readable on a phone
#: Probabilities p(x) and p(y) of the joint tables.
_MARGINS = (0.2, 0.3, 0.5), (0.25, 0.25, 0.5)
_RHO = 0.8  # correlation of two variables before they are bent
#: Smooth invertible maps of the two coordinates of `invariance_frames`, and their names.
_WARPS = (
    (lambda x: 2 * np.tanh(x), "2 tanh x"),
    (lambda y: np.exp(y) - 1, "exp y − 1"),
)
#: How scores are drawn: pairs that were drawn together, and the others.
_KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("together", CYCLE[0], {"fill": True, "color": CYCLE[0], "alpha": 0.55}),
    ("apart", CYCLE[1], {"fill": False, "hatch": "///", "edgecolor": CYCLE[1]}),
)


class Frames(NamedTuple):
    """The figures of a slider, and its value at each of them as text."""

    figures: list[Figure]
    labels: list[str]


def entropy_frames(entropies: pd.DataFrame) -> Frames:
    """Two outcomes as bars, and where their probability lies on the curve of entropy.

    Args:
        entropies: Columns ``p`` and ``entropy`` (nats); eleven rows, evenly spaced from the first
            to the last, become a picture.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(entropies, ["p", "entropy"])
    table = entropies.sort_values("p").reset_index(drop=True)
    shown = np.unique(np.linspace(0, len(table) - 1, 11).round().astype(int))
    figures, labels = [], []
    for _, (p, value) in table.loc[shown, ["p", "entropy"]].iterrows():
        figure, (bars, curve) = _two(3.0)
        bars.bar(["0", "1"], [1 - p, p], color=[CYCLE[5], CYCLE[0]], width=0.6)
        bars.set_ylim(0, 1)
        bars.set_xlabel("outcome")
        bars.set_ylabel("probability")
        bars.grid(axis="x", visible=False)
        curve.plot(table["p"], table["entropy"], color=CYCLE[0])
        _point(curve, p, value)
        draw_floors(curve, {"log 2": math.log(2)})
        curve.set_ylim(-0.02, 0.8)
        curve.set_xlabel("probability p of outcome 1")
        curve.set_ylabel("entropy (nats)")
        curve.set_title(f"entropy {format_number(value, 2)} nats", loc="left")
        figures.append(figure)
        labels.append(format_number(p, 2))
    return Frames(figures, labels)


def joint_tables() -> dict[float, np.ndarray]:
    r"""Tables of the same margins, from their product to the one that rises in step.

    At strength s a table is :math:`(1 - s) p(x) p(y) + s c(x, y)`, where c has the distribution
    function :math:`\min(F(x), G(y))` of the margins' F and G (the upper bound of Fréchet).

    Returns:
        Strength, from 0 to 1 → probabilities (n, m).
    """
    rows, columns = _MARGINS
    together = np.minimum.outer(np.cumsum(rows), np.cumsum(columns))
    rising = np.diff(np.diff(together, axis=0, prepend=0), axis=1, prepend=0).clip(0)  # rounding
    product = np.outer(rows, columns)
    return {s: (1 - s) * product + s * rising for s in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)}


def independence_frames(table: pd.DataFrame) -> Frames:
    """A joint table beside the product of its margins, and the information between them.

    Args:
        table: Columns ``strength, information, table``: the curves of other tables than those of
            :func:`joint_tables`, drawn pale.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["strength", "information", "table"])
    known = {s: torch.as_tensor(joint) for s, joint in joint_tables().items()}
    values = {s: float(mutual_information(joint)) for s, joint in known.items()}
    highest = max(float(joint.max()) for joint in known.values())
    others = table["information"].max()
    top = max(*values.values(), others)
    figures, labels = [], []
    for strength, joint in known.items():
        figure, grid = panels(1, 3, width=6.8, height=2.8)
        left, middle, right = np.asarray(grid)
        product = joint.sum(1, keepdim=True) * joint.sum(0)
        _table_image(left, joint.numpy(), highest, "p(x, y)")
        _table_image(middle, product.numpy(), highest, "p(x) p(y)")
        for _, rows in table.sort_values("strength").groupby("table"):
            right.plot(rows["strength"], rows["information"], color=GREY, lw=0.8, alpha=0.4)
        right.annotate(
            "random tables", (1, others), xytext=(0, 2), textcoords="offset points", ha="right",
            fontsize=9, color=GREY,
        )  # fmt: skip
        right.plot(list(values), list(values.values()), color=CYCLE[0])
        _point(right, strength, values[strength])
        right.set_ylim(-0.05 * top, 1.08 * top)
        right.set_xlabel("strength")
        right.set_ylabel("I (nats)")
        right.set_title(f"I = {format_number(values[strength], 3)} nats", fontsize=11)
        figures.append(figure)
        labels.append(format_number(strength, 2))
    return Frames(figures, labels)


def invariance_frames() -> Frames:
    r"""A pair of Gaussian variables, each bent by a smooth invertible map, and its information.

    At share t each coordinate x has become (1 - t) x + t warp(x). Beside the samples two curves:
    an estimate of the information from nearest neighbours, which stays, and
    :math:`-\frac12 \log(1 - r^2)` of the correlation r, which does not.

    Source of the estimate: Kraskov, Stögbauer and Grassberger 2004, as in scikit-learn.
    """
    truth = paired_mutual_information(_RHO, 1)
    drawn = generator(0, "invariance frames")
    pair = correlated_gaussians(_RHO, 1, 2000, drawn, torch.float64)
    flat = [values.numpy()[:, 0] for values in pair]
    bent = {
        share: [
            (1 - share) * values + share * warp(values)
            for values, (warp, _) in zip(flat, _WARPS, strict=True)
        ]
        for share in np.linspace(0, 1, 9)
    }
    neighbours, linear = {}, {}
    for share, (x, y) in bent.items():
        neighbours[share] = float(mutual_info_regression(x[:, None], y, random_state=0)[0])
        linear[share] = paired_mutual_information(float(np.corrcoef(x, y)[0, 1]), 1)
    # a few stragglers of a bent tail would squeeze all others
    ends = [np.percentile(values, [0.1, 99.9], axis=1) for values in bent.values()]
    low, high = np.min(ends, (0, 1)), np.max(ends, (0, 1))
    margin = 0.05 * (high - low)
    limits = np.stack([low - margin, high + margin], 1)
    figures, labels = [], []
    for share, (x, y) in bent.items():
        figure, (cloud, curves) = _two(3.4)
        cloud.plot(x, y, ".", color=CYCLE[0], ms=3, alpha=0.5, mew=0, rasterized=True)
        cloud.set_xlim(limits[0])
        cloud.set_ylim(limits[1])
        cloud.set_xlabel(f"x towards {_WARPS[0][1]}")
        cloud.set_ylabel(f"y towards {_WARPS[1][1]}")
        for found, colour, marker, line, text in (
            (neighbours, CYCLE[0], MARKERS[0], "-", "nearest neighbours"),
            (linear, CYCLE[1], MARKERS[1], LINES[1], "from the correlation"),
        ):
            curves.plot(list(found), list(found.values()), color=colour, ls=line, label=text)
            curves.plot(share, found[share], marker, color=colour, ms=9, mec="white", zorder=4)
        draw_floors(curves, {"true information": truth})
        curves.set_ylim(0, 1.5 * truth)
        curves.set_xlabel("share of the map")
        curves.set_ylabel("information (nats)")
        curves.legend(loc="lower left")
        figures.append(figure)
        labels.append(format_number(share, 3))
    return Frames(figures, labels)


def classification_frames(
    scores: Mapping[float, tuple[np.ndarray, np.ndarray]], table: pd.DataFrame
) -> Frames:
    """Log odds of pairs drawn together and apart, and what trained critics make of telling them.

    On the left the scores of both kinds by one critic, on the right the bound that all critics
    certify on held-out pairs, against the truth.

    Args:
        scores: Information → scores of pairs drawn together, and of others, in order; as
            :func:`.classifier_scores` gives them.
        table: Columns ``information, seed, accuracy, estimate`` of critics, of
            :func:`.classifier_table`.

    Raises:
        KeyError: A column is missing.
        ValueError: No scores or no rows, or an information of which there are no critics.
    """
    check_rows(table, ["information", "seed", "accuracy", "estimate"])
    if not scores:
        raise ValueError("no scores: nothing to draw")
    there = sorted(set(table["information"]))
    absent = [information for information in scores if information not in there]
    if absent:
        raise ValueError(
            f"no critics in the table at {', '.join(f'{i:g}' for i in absent)} nats: there are "
            f"some at {', '.join(f'{i:g}' for i in there)}"
        )
    every = np.concatenate([values for pair in scores.values() for values in pair])
    low, high = np.nanpercentile(every, [0.5, 99.5])
    edges = np.linspace(min(low, -1.0), max(high, 1.0), 41)
    tallest = 0.0
    figures, labels = [], []
    for information, pair in scores.items():
        figure, (left, right) = _two(3.4)
        for (kind, colour, style), values in zip(_KINDS, pair, strict=True):
            known = values[np.isfinite(values)].clip(edges[0], edges[-1])
            shares = 100 * np.histogram(known, edges)[0] / max(known.size, 1)
            left.stairs(shares, edges, label=f"drawn {kind}", lw=1.2, **style)
            left.stairs(shares, edges, color=colour, lw=1.2)
            # without information all scores are alike: the peak may leave the panel
            if information > 0 or len(scores) == 1:
                tallest = max(tallest, float(shares.max()))
        left.axvline(0, color=GREY, lw=1.2, ls=LINES[1])
        left.set_xlim(edges[0], edges[-1])
        left.set_xlabel("log odds that a critic gives")
        left.set_ylabel("share of the pairs (%)")
        critics = table[table["information"] == information]
        accuracy = mean_interval(critics["accuracy"].astype(float))
        told = f"{format_number(100 * accuracy.mean, 1)} %" if accuracy.n else "not measured"
        left.set_title(f"told apart: {told}", loc="left", fontsize=11)
        _certified(right, table, information)
        figures.append(figure)
        labels.append(f"{format_number(information)} nats")
    for figure in figures:
        left = figure.axes[0]
        left.set_ylim(0, 1.35 * (tallest or 100.0))
        left.legend(loc="upper left", fontsize=9)
    return Frames(figures, labels)


# --- helpers -------------------------------------------------------------------------------------


def _two(height: float) -> tuple[Figure, np.ndarray]:
    figure, grid = panels(1, 2, width=_WIDTH, height=height)
    return figure, np.asarray(grid)


def _point(axes: Axes, x: float, y: float) -> None:
    """Where on the curve this frame is."""
    axes.plot(x, y, MARKERS[0], color=CYCLE[1], ms=11, mec="white", zorder=4)


def _table_image(axes: Axes, cells: np.ndarray, highest: float, title: str) -> None:
    """Probabilities as shades, written into the cells."""
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=highest)
    for (row, column), value in np.ndenumerate(cells):
        axes.text(
            column, row, format_number(value, 2), ha="center", va="center", fontsize=10,
            color="white" if value > 0.6 * highest else "black",
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("y")
    axes.set_ylabel("x")
    axes.grid(visible=False)
    axes.set_title(title, fontsize=11)


def _certified(axes: Axes, table: pd.DataFrame, information: float) -> None:
    """Bounds of trained critics over the truth, one of them highlighted."""
    truths = sorted(set(table["information"]))
    span = [0.0, max(truths) or 1.0]
    axes.plot(span, span, color="black", lw=1.4, ls=LINES[3], label="truth")
    for truth in truths:
        values = table.loc[table["information"] == truth, "estimate"].astype(float)
        values = values[np.isfinite(values)]
        chosen = truth == information
        colour = CYCLE[1] if chosen else CYCLE[0]
        axes.plot(np.full(len(values), truth), values, "o", color=colour, ms=4, alpha=0.45, mew=0)
        interval = mean_interval(values)
        if interval.n:
            if np.isfinite(interval.low):
                axes.plot([truth] * 2, [interval.low, interval.high], color=colour, lw=2.5)
            axes.plot(truth, interval.mean, "o", color=colour, ms=11 if chosen else 7, mec="white")
    axes.set_ylim(-0.4, 1.08 * span[1])
    axes.set_xlabel("true information (nats)")
    axes.set_ylabel("certified by critics (nats)")
    axes.legend(loc="upper left", fontsize=9)
