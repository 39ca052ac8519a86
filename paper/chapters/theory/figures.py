"""Figures of the theory chapter: diagrams, mixtures in the plane, arrangements, the swap grid."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from infomax_lib.stats import Interval, format_number, mean_interval
from paper.chapters.theory.experiment import random_arrangement
from paper.chapters.theory.mixture import MixtureFit
from paper.figures.marks import check_rows, heat_cells
from paper.figures.plane import firing_regions_2d
from paper.figures.style import CYCLE, GREY, LINES, MARKERS, label, panels
from paper.measures.regions import count_regions, regions_in_general_position

# --- diagrams ------------------------------------------------------------------------------------

_INK = "#1d2430"
_FILLS = {
    "data": "#eceff3",
    "step": "#d8e8f4",
    "mechanism": "#fbe3cf",
    "objective": "#d6eee4",
}
_STEP = 2.3  # between the left sides of two boxes
_BOX = (1.75, 0.86)  # width and height


class Box(NamedTuple):
    """A box of a diagram: two lines of text, what kind of part it is, and its column and row."""

    title: str
    text: str
    kind: str
    column: float
    row: float = 0.0


class Arrow(NamedTuple):
    """From box to box, by position in the list; dashed where nothing is learned through it."""

    start: int
    end: int
    learns: bool = True


_FORWARD = [Box("input", "x", "data", 0), Box("linear", "z = Wx + b", "step", 1)]
_ACTIVATION = Box("activation", "h = f(z)", "step", 2)
_LOSS = "−Σ log Var + λ‖R−I‖²"

#: Name, boxes and arrows of every architecture that the sources speak of.
_DIAGRAMS: tuple[tuple[str, list[Box], list[Arrow]], ...] = (
    (
        "Source 000, architecture A: the loss on h",
        [*_FORWARD, _ACTIVATION, Box("loss on h", _LOSS, "objective", 4)],
        [Arrow(0, 1), Arrow(1, 2), Arrow(2, 3)],
    ),
    (
        "Source 000, architecture B: the loss on softmax(+h)",
        [
            *_FORWARD,
            _ACTIVATION,
            Box("competition", "a = softmax(h)", "mechanism", 3),
            Box("loss on a", _LOSS, "objective", 4),
        ],
        [Arrow(0, 1), Arrow(1, 2), Arrow(2, 3), Arrow(3, 4)],
    ),
    (
        "Source 001: the loss on z; softmax(−z) only interprets",
        [
            *_FORWARD,
            Box("loss on z", _LOSS, "objective", 4, 0.55),
            Box("read off", "r = softmax(−z)", "mechanism", 3, -0.55),
        ],
        [Arrow(0, 1), Arrow(1, 2), Arrow(1, 3, learns=False)],
    ),
    (
        "LSE term: a loss whose gradient is the responsibility",
        [
            *_FORWARD,
            _ACTIVATION,
            Box("loss on h", _LOSS, "objective", 4, 0.55),
            Box("LSE term", "− mean LSE(h)", "mechanism", 3, -0.55),
            Box("gradient", "−softmax(h) / N", "data", 4, -0.55),
        ],
        [Arrow(0, 1), Arrow(1, 2), Arrow(2, 3), Arrow(2, 4), Arrow(4, 5, learns=False)],
    ),
)


def architectures() -> Figure:
    """The two architectures, the two conventions and the LSE term, as one row of boxes each.

    Solid arrows carry gradients back; through dashed ones nothing is learned.
    """
    figure, grid = panels(len(_DIAGRAMS), 1, width=8.6, height=1.75)
    for axes, (name, boxes, arrows) in zip(np.ravel(np.asarray(grid)), _DIAGRAMS, strict=True):
        axes.set_title(name, loc="left", fontsize=12, color=_INK)
        for box in boxes:
            _draw_box(axes, box)
        for arrow in arrows:
            _draw_arrow(axes, boxes[arrow.start], boxes[arrow.end], arrow.learns)
        axes.set_xlim(-0.15, 4 * _STEP + 2.4)
        axes.set_ylim(-1.1, 1.1)
        axes.set_axis_off()
    return figure


def _width(box: Box) -> float:
    return 2.25 if box.kind == "objective" else _BOX[0]


def _draw_box(axes: Axes, box: Box) -> None:
    left, bottom = box.column * _STEP, box.row - _BOX[1] / 2
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom),
            _width(box),
            _BOX[1],
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=_FILLS[box.kind],
            edgecolor=_INK,
            lw=1.2,
        )
    )
    middle = left + _width(box) / 2
    axes.text(middle, box.row + 0.18, box.title, ha="center", va="center", fontsize=9, color=GREY)
    axes.text(middle, box.row - 0.16, box.text, ha="center", va="center", fontsize=10, color=_INK)


def _draw_arrow(axes: Axes, start: Box, end: Box, learns: bool) -> None:
    tail = (start.column * _STEP + _width(start), start.row)
    head = (end.column * _STEP, end.row)
    axes.annotate(
        "",
        head,
        tail,
        arrowprops={
            "arrowstyle": "-|>",
            "color": _INK if learns else GREY,
            "lw": 1.5,
            "ls": "-" if learns else (0, (3, 2)),
            "shrinkA": 2,
            "shrinkB": 2,
        },
    )


# --- mixtures in the plane -----------------------------------------------------------------------


_EDGE = 6  # of the pictures, in both directions


def mixture_moments(steps: int) -> list[int]:
    """Steps to show of a fit: dense at first, where the means move, and the last one."""
    if steps < 1:
        return [0]
    spaced = np.geomspace(1, steps, 23).round().astype(int)
    return sorted({0, *spaced.tolist(), steps})


def mixture_figure(fits: Mapping[str, MixtureFit], x: object, step: int) -> Figure:
    """One moment of several fits side by side: who is responsible for what, and the way so far.

    Every sample has the colour of its components, mixed by their responsibilities; crosses are the
    prototypes, lines the way they have come.

    Args:
        fits: At most seven components each.
        x: Samples (N, 2).
        step: Which moment; a fit that is shorter shows its last. Prototypes outside the picture are
            counted in its title.
    """
    points = np.asarray(x, dtype=float)
    figure, grid = panels(1, len(fits), width=4.1 * len(fits), height=5.0)
    for axes, (name, fit) in zip(np.ravel(np.asarray(grid)), fits.items(), strict=True):
        at = min(step, len(fit.means) - 1)
        responsible = fit.responsibilities[at].numpy()
        units = responsible.shape[1]
        colours = np.array([mpl.colors.to_rgb(c) for c in CYCLE[:units]])
        axes.scatter(*points.T, c=responsible @ colours, s=7, alpha=0.7, lw=0, rasterized=True)
        path = fit.means[: at + 1].numpy()
        for unit in range(units):
            axes.plot(*path[:, unit].T, color=CYCLE[unit], lw=1.6, ls=LINES[unit])
            axes.plot(
                *path[-1, unit],
                MARKERS[unit],
                color=CYCLE[unit],
                ms=10,
                mec="white",
                mew=1.5,
                zorder=5,
            )
        outside = int((np.abs(path[-1]) > _EDGE).any(-1).sum())
        away = f", {outside} outside" if outside else ""
        fitted = format_number(float(fit.log_likelihood[at]), 2)
        axes.set_title(f"{name}, step {at}\nlog-likelihood {fitted}{away}", fontsize=11)
        axes.set_xlim(-_EDGE, _EDGE)
        axes.set_ylim(-_EDGE, _EDGE)
        axes.set_aspect("equal")
        axes.set_xlabel("input x₁")
        axes.set_ylabel("input x₂")
        axes.label_outer()
        axes.grid(visible=False)
    return figure


# --- regions -------------------------------------------------------------------------------------


def arrangement_panels() -> Figure:
    """Two to five random lines in the plane, regions counted; arrows point where a unit fires.

    The seed is one whose first five lines all meet within the picture, and apart.
    """
    counts, seed = (2, 3, 4, 5), 3532
    figure, grid = panels(1, len(counts), width=2.7 * len(counts), height=3.7)
    for axes, count in zip(np.ravel(np.asarray(grid)), counts, strict=True):
        weight, bias = random_arrangement(count, 2, seed)
        firing_regions_2d(axes, weight, bias, limits=(-2.5, 2.5))
        axes.set_title(
            f"{count} lines: {count_regions(weight, bias)} regions\n($2^{count}$ = {2**count})",
            fontsize=11,
        )
        axes.label_outer()
    return figure


def region_growth(
    axes: Axes,
    units: Iterable[int],
    dimensions: Sequence[int],
    occupied: Mapping[str, Iterable[float]],
    occupied_units: int = 16,
) -> Axes:
    """Regions of K hyperplanes against K: 2^K, and the most that n dimensions allow.

    Args:
        axes: Where to draw.
        units: Numbers of hyperplanes K.
        dimensions: One line each.
        occupied: Regions that data occupy in single layers, by name; drawn as points.
        occupied_units: K of these layers.
    """
    at = list(units)
    axes.plot(at, [2.0**k for k in at], color="black", ls="-", lw=1.2, label="$2^K$")
    for index, dimension in enumerate(dimensions):
        values = [regions_in_general_position(k, dimension) for k in at]
        axes.plot(
            at,
            values,
            color=CYCLE[index],
            marker=MARKERS[index],
            ls=LINES[index + 1],
            ms=4,
            label=f"{dimension} dimensions",
        )
    for index, (name, counts) in enumerate(occupied.items()):
        points = np.asarray(list(counts), dtype=float)
        spread = occupied_units + 0.35 * (index - (len(occupied) - 1) / 2)
        axes.plot(
            np.full(points.size, spread),
            points,
            MARKERS[-1 - index],
            color=CYCLE[-1 - index],
            ms=5,
            alpha=0.6,
            mew=0,
            ls="none",
            label=f"occupied, {name}",
        )
    axes.set_yscale("log")
    axes.set_xlabel(label("hidden_dim"))
    axes.set_ylabel("regions")
    axes.legend(fontsize=9)
    return axes


# --- tables as pictures --------------------------------------------------------------------------


def interval_grid(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    log: bool = False,
    title: str | None = None,
) -> Axes:
    """A heat table: mean and 95 % interval over seeds in every cell, "–" where nothing is known.

    Rows and columns are in order of appearance. The colour says the mean, on a logarithmic scale
    if ``log``, from dark (low) to light (high).

    Raises:
        KeyError: A name is not a column.
        ValueError: The table is empty.
    """
    check_rows(table, [x, y, value])
    columns, rows = (list(dict.fromkeys(table[name])) for name in (x, y))
    cells = {
        (row, column): mean_interval(table.loc[(table[y] == row) & (table[x] == column), value])
        for row in rows
        for column in columns
    }
    means = np.array([[cells[row, column].mean for column in columns] for row in rows])
    shades = np.log(np.clip(means, 1e-9, None)) if log else means
    finite = shades[np.isfinite(shades)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    texts = [[_cell_text(cells[row, column]) for column in columns] for row in rows]
    limits = (low, low + ((high - low) or 1.0))
    heat_cells(axes, shades, texts, limits, fontsize=9, linespacing=1.25)
    axes.set_xticks(range(len(columns)), [str(column) for column in columns])
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_title(title or label(value))
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    return axes


def _cell_text(interval: Interval) -> str:
    if not interval.n:
        return "–"
    mean, _, rest = str(interval).partition(" ")
    return f"{mean}\n{rest}" if rest else mean
