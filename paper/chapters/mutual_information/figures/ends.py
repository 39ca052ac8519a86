"""Figures of encoders of halves at the end of training: bounds beside what they are worth.

Information is in nats, accuracies are shares. Every seed is a point, means carry their 95 %
interval, and the accuracy of raw pixels and the cap log N are drawn in. Values that are not finite,
those of failed seeds, are left out. Tables are those of :func:`.halves_table`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infomax_lib.stats import mean_interval, rank_correlation
from paper.chapters.mutual_information.experiment import CRITICS, by_kind, last_steps
from paper.chapters.mutual_information.figures.shared import (
    ACCURACY,
    LEAST,
    LOOKS,
    NAMES,
    estimator_keys,
    rows_of,
)
from paper.figures.marks import (
    check_rows,
    finite,
    key,
    named_level,
    named_place,
    same_height,
    seeds_beside_mean,
    stacked,
)
from paper.figures.style import GREY, LINES, looks, panels
from paper.information.bounds import cap

_ENCODERS = {"mlp": "MLP", "convnet": "ConvNet"}
_EXPERIMENTS = {
    "bijective": "bijective",
    "residual": "starts invertible",
    "critics": "critics",
    "matched": "matched bounds",
}


def bounds_against_accuracy(halves: pd.DataFrame, raw: float) -> Figure:
    """Probe over bound for critics of rising capacity, one panel per estimator.

    Filled marks are bounds on training images, hollow ones on test images; small marks are seeds,
    large ones means with intervals both ways.

    Args:
        halves: Columns ``experiment, bound, critic, seed, step, training, held_out, accuracy,
            batch_size``; last steps of the experiment "critics" are drawn.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["bound", "critic", "step", "training", "held_out", "accuracy", "batch_size"]
    rows = last_steps(rows_of(halves, "critics", columns))
    critics = [critic for critic in CRITICS if critic in set(rows["critic"])]
    styles = looks(critics)
    figure, every = stacked(2, 3.1)
    for axes, (bound, text) in zip(every, NAMES.items(), strict=True):
        own = rows[rows["bound"] == bound]
        for critic in critics:
            colour, marker, _ = styles[critic]
            members = own[own["critic"] == critic]
            for column, face in (("held_out", "white"), ("training", colour)):
                _cloud(axes, members[column], members["accuracy"], colour, marker, face)
        named_level(axes, "raw pixels", raw)
        if bound == "nce":
            for size in sorted(set(own["batch_size"])):
                named_place(axes, f"cap log {size:g}", cap(size))
        axes.set_xlabel(f"{text} (nats)")
        axes.set_ylabel(ACCURACY)
        axes.margins(0.08)
    handles = [
        key(color=colour, marker=marker, ms=8, ls="", mec="white", label=critic)
        for critic, (colour, marker, _) in styles.items()
    ]
    handles += [
        key(color=GREY, marker="o", ms=7, ls="", label="training images"),
        key(color=GREY, marker="o", ms=7, ls="", mfc="white", label="test images"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handletextpad=0.2)
    return figure


def matched_encoders(halves: pd.DataFrame, raw: float) -> Figure:
    """Probes of encoders by estimators at the same target, above the bounds that they reached.

    Args:
        halves: Columns ``experiment, encoder, bound, target, seed, step, training, accuracy``; last
            steps of the experiment "matched" are drawn, one column of panels per target.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["encoder", "bound", "target", "step", "training", "accuracy"]
    rows = last_steps(rows_of(halves, "matched", columns))
    targets = sorted(set(rows["target"].dropna()))
    encoders = [encoder for encoder in _ENCODERS if encoder in set(rows["encoder"])]
    cells = [(encoder, bound) for encoder in encoders for bound in NAMES]
    figure, grid = panels(2, len(targets), width=max(4.0, 3.3 * len(targets)), height=2.6)
    every = np.asarray(grid).reshape(2, len(targets))
    for (above, below), target in zip(every.T, targets, strict=True):
        own = rows[rows["target"] == target]
        for place, (encoder, bound) in enumerate(cells):
            colour, marker, _ = LOOKS[bound]
            members = own[(own["encoder"] == encoder) & (own["bound"] == bound)]
            seeds_beside_mean(above, place, members["accuracy"], colour, marker)
            seeds_beside_mean(below, place, members["training"], colour, marker)
        above.set_title(f"target {target:g} nats", loc="left")
        named_level(above, "raw pixels", raw)
        below.axhline(target, color=GREY, lw=1.2, ls=LINES[1], zorder=1)
        reached = finite(own["training"])
        below.set_ylim(
            min(target - 0.6, reached.min(initial=target) - 0.1),
            max(target + 0.6, reached.max(initial=target) + 0.1),
        )
        for axes in (above, below):
            middles = [len(NAMES) * i + 0.5 for i in range(len(encoders))]
            axes.set_xticks(middles, [_ENCODERS[encoder] for encoder in encoders])
            axes.set_xlim(-0.6, len(cells) - 0.4)
            axes.grid(axis="x", visible=False)
            axes.tick_params(axis="x", length=0)
        above.tick_params(axis="x", labelbottom=False)
    same_height(every[0])
    for axes in every[0, 1:]:
        axes.tick_params(axis="y", labelleft=False)
    every[0, 0].set_ylabel(ACCURACY)
    every[1, 0].set_ylabel("bound reached (nats)")
    handles = [*estimator_keys(""), key(color=GREY, ls=LINES[1], label="target")]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def accuracy_of_all_encoders(halves: pd.DataFrame, raw: float) -> Figure:
    """Probe over held-out bound, one large mark per kind of trained encoder, small ones per seed.

    Colours and shapes are experiments, hollow marks were trained by I_NWJ. The title is the rank
    correlation over kinds. Bounds below -2 nats are drawn at the edge, as triangles.

    Args:
        halves: Columns ``experiment, encoder, critic, bound, target, seed, step, held_out,
            accuracy``; the last step of each experiment is drawn.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    kinds = ["experiment", "encoder", "critic", "bound", "target"]
    check_rows(halves, [*kinds, "seed", "step", "held_out", "accuracy"])
    rows, means = last_steps(halves), by_kind(halves).reset_index()
    experiments = list(dict.fromkeys(rows["experiment"]))
    styles = looks(experiments)
    figure, (axes,) = stacked(1, 4.2)
    for table, size, alpha in ((rows, 3.5, 0.3), (means, 9.0, 1.0)):
        for (experiment, bound), own in table.groupby(["experiment", "bound"]):
            colour, marker, _ = styles[experiment]
            face = "white" if bound == "nwj" else colour
            _marks(axes, own["held_out"], own["accuracy"], colour, marker, face, size, alpha)
    named_level(axes, "raw pixels", raw)
    rho = rank_correlation(means["held_out"], means["accuracy"])
    axes.set_title(f"rank correlation {rho} over {len(means)} kinds", loc="left", fontsize=11)
    axes.set_xlabel("bound on test images (nats)")
    axes.set_ylabel(ACCURACY)
    axes.margins(0.06)
    handles = [
        key(color=c, marker=m, ms=8, ls="", label=_EXPERIMENTS.get(str(e), str(e)))
        for e, (c, m, _) in styles.items()
    ]
    handles += [
        key(color=GREY, marker="o", ms=8, ls="", mfc=face, label=f"by {text}")
        for face, text in zip((GREY, "white"), NAMES.values(), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handletextpad=0.2)
    return figure


def _cloud(axes: Axes, x: pd.Series, y: pd.Series, colour: str, marker: str, face: str) -> None:
    """Seeds as small marks, their mean as a large one with the intervals both ways."""
    _marks(axes, x, y, colour, marker, face, 3.5, 0.35)
    across, up = mean_interval(x.astype(float)), mean_interval(y.astype(float))
    if not across.n or not up.n:
        return
    centre = max(across.mean, LEAST)
    if np.isfinite(across.low) and across.high > LEAST:
        axes.plot([max(across.low, LEAST), across.high], [up.mean] * 2, color=colour, lw=2)
    if np.isfinite(up.low):
        axes.plot([centre] * 2, [up.low, up.high], color=colour, lw=2)
    _marks(axes, [across.mean], [up.mean], colour, marker, face, 8.5, 1.0)


def _marks(
    axes: Axes,
    x: pd.Series | Sequence[float],
    y: pd.Series | Sequence[float],
    colour: str,
    marker: str,
    face: str,
    size: float,
    alpha: float,
) -> None:
    """Marks at (x, y); those left of the least shown value become triangles at the edge."""
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    beyond = across < LEAST
    look: dict[str, Any] = {"color": colour, "ms": size, "alpha": alpha, "ls": ""}
    look |= {"zorder": 2 + alpha, "mfc": face, "mec": colour if face == "white" else "white"}
    look["mew"] = 0 if size < 5 and face != "white" else 1.2
    axes.plot(across[~beyond], up[~beyond], marker, **look)
    if beyond.any():
        axes.plot(np.full(beyond.sum(), LEAST), up[beyond], "<", **look)
