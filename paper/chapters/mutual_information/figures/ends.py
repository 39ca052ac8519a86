"""Figures of the experiments on mutual information: bounds beside what they are worth.

Information is in nats, accuracies are shares. Every seed is a point or a thin line, means carry
their 95 % interval, and what a number has to be compared with is drawn in: the true information,
the cap log N, the accuracy of raw pixels. Values that are not finite, those of failed seeds, are
left out, and panels over training say how many seeds failed. Tables are those of
:func:`.train_halves` and its neighbours; halves have one more column,
``experiment``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullFormatter, NullLocator

from infomax_lib.stats import Interval, format_number, mean_interval, rank_correlation
from paper.chapters.mutual_information.experiment import by_kind, last_steps
from paper.figures.label_placement import NamedPoint, ink, label_points
from paper.figures.marks import check_rows
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, OKABE_ITO, label, looks, name, panels
from paper.information.bounds import cap

_ESTIMATORS = {"nce": "$I_{NCE}$", "nwj": "$I_{NWJ}$"}
_ENCODERS = {
    "shift_flow": "shift-only flow",
    "affine_flow": "affine flow",
    "residual": "residual network",
    "mlp": "MLP",
    "convnet": "ConvNet",
}
_EXPERIMENTS = {
    "bijective": "bijective",
    "residual": "starts invertible",
    "critics": "critics",
    "matched": "matched bounds",
}
_CRITICS = ("bilinear", "separable", "concatenated")
_LOOKS = {
    "nce": (CYCLE[0], MARKERS[0], LINES[0]),
    "nwj": (CYCLE[1], MARKERS[1], LINES[1]),
}
#: Colour and line of the first, a middle and the last step.
_MOMENTS = (("black", "-"), (CYCLE[2], LINES[2]), (CYCLE[3], LINES[1]))
_ACCURACY = "probe accuracy (share)"
_STEP = "training step"
_OUTLINE = [withStroke(linewidth=3, foreground="white")]
#: Nats: estimates below are drawn at the edge of the panel. I_NWJ has no lower end.
_LEAST = -2.0


# --- the cap -------------------------------------------------------------------------------------


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
    figure, (axes,) = _stacked(1, 4.4)
    sizes = np.array(sorted(set(table["pairs"])), dtype=float)
    edge = np.geomspace(sizes.min(), sizes.max(), 100)
    found = _numbers(table["estimate"])
    top = 1.15 * max(found.max(initial=0.0), *informations)
    axes.fill_between(edge, np.log(edge), max(top, np.log(edge[-1])), color="#e9eef3", lw=0)
    axes.plot(edge, np.log(edge), color="black", lw=2.2)
    for information in informations:
        colour, marker, _ = styles[information]
        rows = table[table["information"] == information]
        axes.axhline(information, color=colour, lw=1.2, ls=LINES[1], zorder=1)
        axes.plot(rows["pairs"], rows["estimate"], marker, color=colour, ms=3.5, alpha=0.35, mew=0)
        _mean_line(axes, rows, "pairs", "estimate", (colour, marker, "-"))
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


# --- halves over training ------------------------------------------------------------------------


def bijective_training(halves: pd.DataFrame, raw: float) -> Figure:
    """Bounds and probes of bijective encoders over training, for both estimators.

    Above the bound on training images (solid) and on test images (dashed, hollow marks) with the
    cap of I_NCE, below the accuracy of the probe with that of raw pixels.

    Args:
        halves: Columns ``experiment, bound, seed, step, training, held_out, accuracy,
            batch_size``; rows of the experiment "bijective" are drawn.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["bound", "seed", "step", "training", "held_out", "accuracy", "batch_size"]
    rows = _experiment(halves, "bijective", columns)
    figure, (above, below) = _stacked(2, 3.0)
    for bound, (colour, marker, _) in _LOOKS.items():
        own = rows[rows["bound"] == bound]
        _over_steps(above, own, "training", (colour, marker, "-"))
        _over_steps(above, own, "held_out", (colour, marker, LINES[1]), hollow=True)
        _over_steps(below, own, "accuracy", (colour, marker, "-"))
    _draw_caps(above, rows)
    _floor(above, rows[["training", "held_out"]])
    above.set_ylabel("bound (nats)")
    below.set_ylabel(_ACCURACY)
    _reference(below, "raw pixels", raw)
    _step_axis([above, below], rows["step"])
    _say_failed(below, rows, "accuracy", ["bound", "seed"])
    handles = [
        *_estimator_handles(),
        Line2D([], [], color=GREY, ls="-", marker="o", mec="white", label="training images"),
        Line2D([], [], color=GREY, ls=LINES[1], marker="o", mfc="white", label="test images"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def adversarial_training(table: pd.DataFrame, raw: float, tolerance: float = 0.01) -> Figure:
    """Probe of invertible encoders trained to hide the class, and how exactly they invert.

    Args:
        table: Columns ``seed, step, accuracy, inversion_error``.
        raw: Accuracy of the probe of raw pixels.
        tolerance: Inversion error up to which an encoder is called invertible.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["seed", "step", "accuracy", "inversion_error"])
    figure, (above, below) = _stacked(2, 2.6)
    look = (CYCLE[0], MARKERS[0], "-")
    _over_steps(above, table, "accuracy", look)
    _over_steps(below, table, "inversion_error", look)
    _reference(above, "raw pixels", raw)
    _reference(below, f"invertible: at most {tolerance:g}", tolerance)
    above.set_ylabel(_ACCURACY)
    below.set_ylabel("largest inversion error")
    below.set_yscale("log")
    below.margins(y=0.2)
    _step_axis([above, below], table["step"])
    _say_failed(above, table, "accuracy", ["seed"])
    return figure


def conditioning_and_spectra(halves: pd.DataFrame) -> Figure:
    """How hard encoders that start invertible are to invert, and the singular values behind it.

    Above the median condition number over training, below it for each estimator the singular
    values of the Jacobian, largest first, at the first, a middle and the last step: whether the
    largest grow or the smallest vanish.

    Args:
        halves: Columns ``experiment, bound, seed, step, log_condition, spectrum`` (lists of log10
            of singular values); rows of the experiment "residual" are drawn.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["bound", "seed", "step", "log_condition", "spectrum"]
    rows = _experiment(halves, "residual", columns)
    figure, (above, *spectra) = _stacked(3, 2.7)
    for bound, (colour, marker, line) in _LOOKS.items():
        own = rows[rows["bound"] == bound]
        _over_steps(above, own, "log_condition", (colour, marker, line))
    above.set_ylabel("log₁₀ condition number")
    above.legend(handles=_estimator_handles())
    _step_axis([above], rows["step"])
    _say_failed(above, rows, "log_condition", ["bound", "seed"])
    steps = sorted(set(rows["step"]))
    moments = list(dict.fromkeys([steps[0], steps[len(steps) // 2], steps[-1]]))
    styles = dict(zip(moments, _MOMENTS, strict=False))
    for axes, (bound, text) in zip(spectra, _ESTIMATORS.items(), strict=True):
        for step, (colour, line) in styles.items():
            own = rows[(rows["bound"] == bound) & (rows["step"] == step)]
            _spectra(axes, own["spectrum"], colour, line)
        axes.set_ylabel("log₁₀ singular value")
        axes.set_title(text, loc="left", color=ink(_LOOKS[bound][0]))
    handles = [
        Line2D([], [], color=colour, ls=line, lw=2.2, label=f"step {step}")
        for step, (colour, line) in styles.items()
    ]
    spectra[0].legend(handles=handles, loc="lower left")
    _same_height(spectra)
    spectra[-1].set_xlabel("singular value, largest first")
    return figure


# --- halves at the end of training ---------------------------------------------------------------


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
    rows = last_steps(_experiment(halves, "critics", columns))
    critics = [critic for critic in _CRITICS if critic in set(rows["critic"])]
    styles = looks(critics)
    figure, every = _stacked(2, 3.1)
    for axes, (bound, text) in zip(every, _ESTIMATORS.items(), strict=True):
        own = rows[rows["bound"] == bound]
        for critic in critics:
            colour, marker, _ = styles[critic]
            members = own[own["critic"] == critic]
            for column, face in (("held_out", "white"), ("training", colour)):
                _cloud(axes, members[column], members["accuracy"], colour, marker, face)
        _reference(axes, "raw pixels", raw)
        if bound == "nce":
            for size in sorted(set(own["batch_size"])):
                _vertical(axes, f"cap log {size:g}", cap(size))
        axes.set_xlabel(f"{text} (nats)")
        axes.set_ylabel(_ACCURACY)
        axes.margins(0.08)
    handles = [
        Line2D([], [], color=colour, marker=marker, ms=8, ls="", mec="white", label=critic)
        for critic, (colour, marker, _) in styles.items()
    ]
    handles += [
        Line2D([], [], color=GREY, marker="o", ms=7, ls="", label="training images"),
        Line2D([], [], color=GREY, marker="o", ms=7, ls="", mfc="white", label="test images"),
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
    rows = last_steps(_experiment(halves, "matched", columns))
    targets = sorted(set(rows["target"].dropna()))
    encoders = [encoder for encoder in _ENCODERS if encoder in set(rows["encoder"])]
    cells = [(encoder, bound) for encoder in encoders for bound in _ESTIMATORS]
    figure, grid = panels(2, len(targets), width=max(4.0, 3.3 * len(targets)), height=2.6)
    every = np.asarray(grid).reshape(2, len(targets))
    for (above, below), target in zip(every.T, targets, strict=True):
        own = rows[rows["target"] == target]
        for place, (encoder, bound) in enumerate(cells):
            colour, marker, _ = _LOOKS[bound]
            members = own[(own["encoder"] == encoder) & (own["bound"] == bound)]
            _seeds(above, place, members["accuracy"], colour, marker)
            _seeds(below, place, members["training"], colour, marker)
        above.set_title(f"target {target:g} nats", loc="left")
        _reference(above, "raw pixels", raw)
        below.axhline(target, color=GREY, lw=1.2, ls=LINES[1], zorder=1)
        reached = _numbers(own["training"])
        below.set_ylim(
            min(target - 0.6, reached.min(initial=target) - 0.1),
            max(target + 0.6, reached.max(initial=target) + 0.1),
        )
        for axes in (above, below):
            middles = [len(_ESTIMATORS) * i + 0.5 for i in range(len(encoders))]
            axes.set_xticks(middles, [_ENCODERS[encoder] for encoder in encoders])
            axes.set_xlim(-0.6, len(cells) - 0.4)
            axes.grid(axis="x", visible=False)
            axes.tick_params(axis="x", length=0)
        above.tick_params(axis="x", labelbottom=False)
    _same_height(every[0])
    for axes in every[0, 1:]:
        axes.tick_params(axis="y", labelleft=False)
    every[0, 0].set_ylabel(_ACCURACY)
    every[1, 0].set_ylabel("bound reached (nats)")
    handles = [*_estimator_handles(""), Line2D([], [], color=GREY, ls=LINES[1], label="target")]
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
    figure, (axes,) = _stacked(1, 4.2)
    for table, size, alpha in ((rows, 3.5, 0.3), (means, 9.0, 1.0)):
        for (experiment, bound), own in table.groupby(["experiment", "bound"]):
            colour, marker, _ = styles[experiment]
            face = "white" if bound == "nwj" else colour
            _marks(axes, own["held_out"], own["accuracy"], colour, marker, face, size, alpha)
    _reference(axes, "raw pixels", raw)
    rho = rank_correlation(means["held_out"], means["accuracy"])
    axes.set_title(f"rank correlation {rho} over {len(means)} kinds", loc="left", fontsize=11)
    axes.set_xlabel("bound on test images (nats)")
    axes.set_ylabel(_ACCURACY)
    axes.margins(0.06)
    handles = [
        Line2D([], [], color=c, marker=m, ms=8, ls="", label=_EXPERIMENTS.get(str(e), str(e)))
        for e, (c, m, _) in styles.items()
    ]
    handles += [
        Line2D([], [], color=GREY, marker="o", ms=8, ls="", mfc=face, label=f"by {text}")
        for face, text in zip((GREY, "white"), _ESTIMATORS.values(), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handletextpad=0.2)
    return figure


# --- other experiments ---------------------------------------------------------------------------


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
    figure, every = _stacked(len(texts), 2.0)
    for axes, (column, text) in zip(every, texts.items(), strict=True):
        wide = table.pivot(index="draws", columns="seed", values=column).astype(float)
        for seed in wide:
            places = range(len(draws))
            axes.plot(places, wide.loc[draws, seed], color=CYCLE[0], lw=0.7, alpha=0.3, zorder=1)
        for place, count in enumerate(draws):
            values = table.loc[table["draws"] == count, column]
            _seeds(axes, place, values, CYCLE[0], MARKERS[0], aside=False)
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
    bounds = [bound for bound in _ESTIMATORS if bound in set(table["bound"])]
    figure, grid = panels(len(bounds), 2, width=7.0, height=2.7)
    every = np.asarray(grid).reshape(len(bounds), 2)
    for (left, right), bound in zip(every, bounds, strict=True):
        own = table[table["bound"] == bound]
        for place, (shared, (colour, marker, line)) in enumerate(styles.items()):
            rows = own[own["shared"] == shared]
            if len(rows):
                curves = np.array(rows["curve"].tolist(), dtype=float)
                stretches = curves.shape[1]
                _curves(left, 100 * (np.arange(stretches) + 0.5) / stretches, curves, colour, line)
            _seeds(right, place, rows["estimate"], colour, marker)
        truths = sorted(set(own["truth"]))
        for axes in (left, right):
            for truth in truths:
                axes.axhline(truth, color="black", lw=1.4, ls=LINES[3], zorder=1.5)
        left.set_ylabel(f"{_ESTIMATORS[bound]} (nats)")
        right.set_xticks(range(2), list(texts.values()))
        right.set_xlim(-0.6, 1.6)
        right.grid(axis="x", visible=False)
        # the first steps of I_NWJ can be far below everything that follows
        later = [_numbers(np.asarray(curve)[len(curve) // 2 :]) for curve in own["curve"]]
        ends = np.concatenate([_numbers(own["estimate"]), truths, *later])
        reach = max(0.1, float(np.ptp(ends)))
        left.set_ylim(float(ends.min()) - 0.35 * reach, float(ends.max()) + 0.1 * reach)
        right.set_ylim(left.get_ylim())
        right.tick_params(axis="y", labelleft=False)
    for axes in every[:-1].flat:
        axes.tick_params(axis="x", labelbottom=False)
    every[-1, 0].set_xlabel("share of the training (%)")
    every[-1, 1].set_xlabel("last 500 batches")
    handles = [
        Line2D([], [], color=c, marker=m, ls=line, mec="white", label=texts[shared])
        for shared, (c, m, line) in styles.items()
    ]
    handles.append(Line2D([], [], color="black", ls=LINES[3], label="true information"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def information_of_layers(table: pd.DataFrame) -> Figure:
    """Information in the noisy outputs of layers, over their probe and over their redundancy.

    A vertical line reaches from the lower to the upper bound (means over seeds; pale ones are
    seeds), a hollow diamond is the Gaussian bound; a thin line follows lambda_tc. Untrained layers
    (``epochs`` of 0, if the table has that column) stand apart, and are named.

    Args:
        table: Columns ``competition, lambda_tc, seed, lower, upper, gaussian, probe_accuracy,
            weight_redundancy`` of layers that differ in nothing else; ``images``, if there, gives
            the cap of the lower bound.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    settings, measures = ["competition", "lambda_tc"], ["probe_accuracy", "weight_redundancy"]
    settings = ["trained", *settings]
    bounds = ["lower", "upper", "gaussian"]
    check_rows(table, [*settings[1:], "seed", *bounds, *measures])
    rows = table.astype(dict.fromkeys([*bounds, *measures], float))
    rows["trained"] = rows["epochs"] > 0 if "epochs" in rows else True
    rows = rows.replace({"upper": {np.inf: np.nan}}).dropna(subset=["lower", *measures])
    competitions = list(dict.fromkeys(table["competition"]))
    styles = looks(competitions)
    means = rows.groupby(settings, as_index=False)[[*bounds, *measures]].mean()
    sizes = sorted(set(rows["images"])) if "images" in rows else []
    figure, every = _stacked(2, 3.6)
    for axes, measure in zip(every, measures, strict=True):
        for competition, (colour, marker, line) in styles.items():
            seeds = rows[rows["competition"] == competition]
            own = means[means["competition"] == competition].sort_values("lambda_tc")
            _segments(axes, seeds, measure, colour, 0.8, 0.3)
            _segments(axes, own, measure, colour, 3.0, 1.0)
            axes.plot(own[measure], own["lower"], marker, color=colour)
            path = own[own["trained"]]
            axes.plot(path[measure], path["lower"], color=colour, lw=1.0, ls=line)
            axes.plot(own[measure], own["gaussian"], "D", color=colour, mfc="white", ms=6, zorder=4)
        values = _numbers(means[measure])
        if values.size and values.min() > 0 and values.max() > 30 * values.min():
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label(measure))
        axes.set_ylabel("information (nats)")
        axes.margins(0.1)
        for size in sizes:
            axes.axhline(cap(size), color=GREY, lw=1.2, ls=LINES[1], zorder=1)
    handles = [
        Line2D([], [], color=c, marker=m, ls=line, label=name(competition))
        for competition, (c, m, line) in styles.items()
    ]
    handles += [
        Line2D([], [], color=GREY, lw=3, label="lower to upper bound"),
        Line2D([], [], color=GREY, marker="D", ls="", mfc="white", label="Gaussian outputs"),
    ]
    handles += [
        Line2D([], [], color=GREY, lw=1.2, ls=LINES[1], label=f"cap of the lower: log {size:g}")
        for size in sizes
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    for axes, measure in zip(every, measures, strict=True):
        label_points(axes, _layer_names(means, measure, styles))
    return figure


# --- helpers -------------------------------------------------------------------------------------


def _experiment(halves: pd.DataFrame, experiment: str, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of one experiment, which has to be there."""
    check_rows(halves, ["experiment", "seed", *columns])
    rows = halves[halves["experiment"] == experiment]
    if rows.empty:
        there = ", ".join(sorted(set(halves["experiment"])))
        raise ValueError(f"no rows of the experiment {experiment!r}: there are {there}")
    return rows


def _stacked(rows: int, height: float) -> tuple[Figure, list[Axes]]:
    """Panels one above the other, which stay readable on a phone."""
    figure, grid = panels(rows, 1, width=6.0, height=height)
    return figure, list(np.atleast_1d(np.asarray(grid)))


def _numbers(values: pd.Series | np.ndarray) -> np.ndarray:
    """The finite ones."""
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]


def _over_steps(axes: Axes, rows: pd.DataFrame, y: str, look: tuple, hollow: bool = False) -> None:
    """A thin line per seed over training, and their mean with its interval."""
    for _, own in rows.sort_values("step").groupby("seed"):
        values = own[y].astype(float).replace([np.inf, -np.inf], np.nan)
        axes.plot(own["step"], values, color=look[0], ls=look[2], lw=0.7, alpha=0.3, zorder=1)
    _mean_line(axes, rows, "step", y, look, hollow)


def _mean_line(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, look: tuple, hollow: bool = False
) -> None:
    """Means over seeds joined by a line, with the band of their intervals."""
    colour, marker, line = look
    found = {at: mean_interval(own[y].astype(float)) for at, own in rows.groupby(x)}
    found = {at: interval for at, interval in found.items() if interval.n}
    if not found:
        return
    at = list(found)
    low, high = ([getattr(i, side) for i in found.values()] for side in ("low", "high"))
    if np.isfinite(low).any():
        axes.fill_between(at, low, high, color=colour, alpha=0.2, lw=0, zorder=2)
    # hollow marks are larger and lie below, so that equal values show both
    axes.plot(
        at, [i.mean for i in found.values()], color=colour, ls=line, marker=marker,
        ms=8 if hollow else 5, mec=colour if hollow else "white", zorder=3 if hollow else 3.5,
        mfc="white" if hollow else colour,
    )  # fmt: skip


def _step_axis(every: Sequence[Axes], steps: pd.Series) -> None:
    """A logarithmic axis of training steps that holds zero; only the last panel is labelled."""
    at = np.array(sorted(set(steps)), dtype=float)
    positive = at[at > 0]
    first, last = (positive[0], positive[-1]) if positive.size else (1.0, 1.0)
    powers = range(math.ceil(math.log10(first)), math.floor(math.log10(last)) + 1)
    ticks = [0.0, *(10.0**power for power in powers)]
    ticks += [last] if last > 2.3 * ticks[-1] else []  # further right than its label is wide
    for axes in every:
        axes.set_xscale("symlog", linthresh=first, linscale=0.6)
        axes.set_xticks(ticks, [f"{tick:g}" if tick < 1e6 else f"{tick:.0e}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(-0.15 * first, last * 1.12)
        axes.tick_params(axis="x", labelbottom=axes is every[-1])
    every[-1].set_xlabel(_STEP)


def _say_failed(axes: Axes, rows: pd.DataFrame, y: str, runs: Sequence[str]) -> None:
    """How many runs have no finite value at the last step, if any."""
    last = rows[rows["step"] == rows["step"].max()].drop_duplicates(list(runs))
    failed = len(last) - _numbers(last[y]).size
    if failed:
        axes.annotate(
            f"{failed} of {len(last)} runs failed", (0.02, 0.96), xycoords="axes fraction",
            va="top", fontsize=9, color=ink(OKABE_ITO["vermillion"]),
        )  # fmt: skip


def _draw_caps(axes: Axes, rows: pd.DataFrame) -> None:
    """The cap of I_NCE, for every size of a batch."""
    sizes = sorted(set(rows.loc[rows["bound"] == "nce", "batch_size"]))
    for size in sizes:
        _reference(axes, f"cap of $I_{{NCE}}$, log {size:g}", cap(size))


def _floor(axes: Axes, values: pd.DataFrame) -> None:
    """End the panel at a few nats below zero, and say what lies below."""
    numbers = _numbers(values.to_numpy().ravel())
    if numbers.size and numbers.min() < _LEAST:
        axes.set_ylim(bottom=_LEAST)
        axes.annotate(
            f"▼ down to {format_number(numbers.min())} nats", (0.98, 0.04), ha="right",
            xycoords="axes fraction", fontsize=9, color=GREY,
        )  # fmt: skip


def _estimator_handles(line: str = "-") -> list[Line2D]:
    return [
        Line2D(
            [], [], color=_LOOKS[bound][0], marker=_LOOKS[bound][1], ls=line, mec="white",
            ms=7, label=text,
        )
        for bound, text in _ESTIMATORS.items()
    ]  # fmt: skip


def _spectra(axes: Axes, spectra: pd.Series, colour: str, line: object) -> None:
    """Singular values by their place, largest first."""
    known = [np.sort(np.asarray(s, dtype=float))[::-1] for s in spectra if np.size(s) > 1]
    if known:
        values = np.array(known)
        _curves(axes, np.arange(1, values.shape[1] + 1), values, colour, line)


def _curves(axes: Axes, x: np.ndarray, values: np.ndarray, colour: str, line: object) -> None:
    """A thin line per seed, values (seeds, n) over x (n,), and the mean of the seeds."""
    values = np.ma.masked_invalid(values)
    for own in values.filled(np.nan):
        axes.plot(x, own, color=colour, lw=0.7, alpha=0.3, zorder=1)
    axes.plot(x, values.mean(0).filled(np.nan), color=colour, ls=line, lw=2.2, zorder=3)


def _seeds(
    axes: Axes, place: float, values: pd.Series, colour: str, marker: str, aside: bool = True
) -> None:
    """Seeds as points, side by side or all at the place, and to their right mean and interval."""
    numbers = _numbers(values)
    if not numbers.size:
        return
    places = np.full(numbers.size, float(place))
    if aside:
        places += np.linspace(-0.23, -0.01, numbers.size)
    axes.plot(places, numbers, marker, color=colour, ms=4, alpha=0.4, mew=0)
    _cross(axes, place + 0.14, mean_interval(numbers), colour, marker)


def _cross(axes: Axes, x: float, interval: Interval, colour: str, marker: str) -> None:
    if np.isfinite(interval.low):
        axes.plot([x, x], [interval.low, interval.high], color=colour, lw=2.5, zorder=3)
    axes.plot(x, interval.mean, marker, color=colour, ms=7.5, mec="white", mew=1, zorder=4)


def _cloud(axes: Axes, x: pd.Series, y: pd.Series, colour: str, marker: str, face: str) -> None:
    """Seeds as small marks, their mean as a large one with the intervals both ways."""
    _marks(axes, x, y, colour, marker, face, 3.5, 0.35)
    across, up = mean_interval(x.astype(float)), mean_interval(y.astype(float))
    if not across.n or not up.n:
        return
    centre = max(across.mean, _LEAST)
    if np.isfinite(across.low) and across.high > _LEAST:
        axes.plot([max(across.low, _LEAST), across.high], [up.mean] * 2, color=colour, lw=2)
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
    beyond = across < _LEAST
    look: dict[str, Any] = {"color": colour, "ms": size, "alpha": alpha, "ls": ""}
    look |= {"zorder": 2 + alpha, "mfc": face, "mec": colour if face == "white" else "white"}
    look["mew"] = 0 if size < 5 and face != "white" else 1.2
    axes.plot(across[~beyond], up[~beyond], marker, **look)
    if beyond.any():
        axes.plot(np.full(beyond.sum(), _LEAST), up[beyond], "<", **look)


def _reference(axes: Axes, text: str, value: float) -> None:
    """A horizontal line that numbers are compared with; its name stays legible over curves."""
    axes.axhline(value, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
    axes.annotate(
        text, (1, value), xycoords=("axes fraction", "data"), xytext=(-3, 3), ha="right",
        textcoords="offset points", fontsize=9, color=GREY, zorder=5, path_effects=_OUTLINE,
    )  # fmt: skip


def _vertical(axes: Axes, text: str, value: float) -> None:
    """A vertical reference line with its name along it."""
    axes.axvline(value, color=GREY, lw=1.2, ls=(0, (4, 3)), zorder=1)
    axes.annotate(
        text, (value, 0.97), xycoords=("data", "axes fraction"), xytext=(-3, 0), rotation=90,
        textcoords="offset points", ha="right", va="top", fontsize=9, color=GREY,
    )  # fmt: skip


def _segments(
    axes: Axes, rows: pd.DataFrame, x: str, colour: str, width: float, alpha: float
) -> None:
    """Vertical lines from lower to upper bounds."""
    known = rows.dropna(subset=["lower", "upper", x])
    if known.empty:
        return
    axes.vlines(known[x], known["lower"], known["upper"], color=colour, lw=width, alpha=alpha)


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


def _same_height(every: Sequence[Axes]) -> None:
    low = min(axes.get_ylim()[0] for axes in every)
    high = max(axes.get_ylim()[1] for axes in every)
    for axes in every:
        axes.set_ylim(low, high)
