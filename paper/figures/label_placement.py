"""Names beside what they name, where a legend of all methods would be too long to read.

Sizes are those of the laid-out figure: limits, scales, titles and legends come first, labels last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from sklearn.isotonic import IsotonicRegression

SIZE = 9.0  # points
_DISTANCES = (6, 12, 20, 30, 42, 56, 72, 90, 110)  # of a label from its point, in points
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_LEADER = 15  # points; a label further away is tied to its point by a line
_SWEEPS = 4  # over all labels, each moved to the best place that the others leave
# What a place costs, in points of distance: another label, a point or a leader under the text, and
# a leader that leads over a point or crosses another.
_ON_LABEL, _ON_POINT, _ON_LEADER = 1000.0, 40.0, 100.0
_OVER_POINT, _CROSSING = 12.0, 40.0
_STEPS = np.linspace(0.15, 1, 12)[:, None]  # where on a leader it is looked for


@dataclass(frozen=True)
class NamedPoint:
    """A point in data coordinates, with its name, its look, and whether the name is bold."""

    text: str
    x: float
    y: float
    colour: str
    marker: str = "o"
    bold: bool = False

    @property
    def weight(self) -> str:
        return "bold" if self.bold else "normal"


def ink(colour: str) -> str:
    """The colour, darkened until text in it has a contrast of 4.5 on white (WCAG 2.1)."""
    rgb = np.array(to_rgb(colour))
    while 1.05 / (_luminance(rgb) + 0.05) < 4.5:
        rgb = rgb * 0.95
    return str(to_hex(tuple(rgb)))


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def spread_apart(wanted: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Places at least ``gap`` apart within [low, high], nearest to the wanted ones.

    Least squares under the order of the wanted places: with y sorted, y_i - i gap is an isotonic
    regression. A gap that would not fit becomes the largest that does.
    """
    y = np.asarray(wanted, dtype=float)
    if y.size < 2:
        return np.clip(y, low, high)
    gap = min(gap, (high - low) / (y.size - 1))
    order = np.argsort(y, kind="stable")
    steps = gap * np.arange(y.size)
    fit = IsotonicRegression(y_min=low, y_max=high - steps[-1])
    places = np.empty_like(y)
    places[order] = fit.fit_transform(np.arange(y.size), y[order] - steps) + steps
    return places


def label_ends(axes: Axes, ends: Sequence[NamedPoint]) -> None:
    """Name curves right of the panel, in the order of their ends, without overlap.

    A line ties each name to its end; the marker of the curve stands before it.
    """
    if not ends:
        return
    _figure(axes).draw_without_rendering()
    box = axes.get_window_extent()
    at = axes.transData.transform([(end.x, end.y) for end in ends])
    heights = (at[:, 1] - box.y0) / box.height
    line = 1.25 * SIZE * _figure(axes).dpi / 72 / box.height
    places = spread_apart(heights, line, line / 2, 1 - line / 2)
    for end, place in zip(ends, places, strict=True):
        axes.annotate(
            end.text, (end.x, end.y), xytext=(1.08, place), textcoords="axes fraction",
            va="center", fontsize=SIZE, color=ink(end.colour), weight=end.weight,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": end.colour, "lw": 0.8, "relpos": (0, 0.5),
                "shrinkA": 12, "shrinkB": 3,
            },
        )  # fmt: skip
        axes.plot(
            1.06, place, end.marker, color=end.colour, ms=5.5, mec="white", clip_on=False,
            transform=axes.transAxes, zorder=5,
        )  # fmt: skip


def label_points(axes: Axes, points: Sequence[NamedPoint]) -> None:
    """Name points inside the panel, each label as near as the others allow.

    Labels take the cheapest of many places around their points, one after the other, several
    times over; those that end far away are tied to their points by a line. A point with an empty
    name gets no label and keeps the others off.
    """
    named = [index for index, point in enumerate(points) if point.text]
    if not named:
        return
    figure = _figure(axes)
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    frame = axes.get_window_extent()
    at = axes.transData.transform([(point.x, point.y) for point in points])
    texts = {
        index: axes.annotate(
            points[index].text, (points[index].x, points[index].y), xytext=(0, 0),
            textcoords="offset points", zorder=6, fontsize=SIZE, color=ink(points[index].colour),
            weight=points[index].weight, ha="center", va="center",
            arrowprops={
                "arrowstyle": "-", "color": points[index].colour, "lw": 0.7, "shrinkA": 0,
                "shrinkB": 3,
            },
        )
        for index in named
    }  # fmt: skip
    halves = np.zeros((len(points), 2))
    halves[named] = np.array([_half_size(texts[index]) for index in named]) + scale
    places = {index: _around(at[index], halves[index], scale) for index in named}
    centres: list[np.ndarray | None] = [None] * len(points)
    for _ in range(_SWEEPS):
        for index in named:
            cost = _cost(index, places[index], at, halves, centres, frame, scale)
            centres[index] = places[index][int(cost.argmin())]
    for index, text in texts.items():
        centre = centres[index]
        assert centre is not None
        text.set_position(tuple((centre - at[index]) / scale))
        text.set_in_layout(False)
        beyond = np.hypot(*np.maximum(np.abs(centre - at[index]) - halves[index], 0))
        if text.arrow_patch is not None:
            text.arrow_patch.set_visible(bool(beyond > _LEADER * scale))


def _figure(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def _half_size(text: Annotation) -> tuple[float, float]:
    box = Text.get_window_extent(text)  # that of an annotation includes its arrow
    return box.width / 2, box.height / 2


def _around(point: np.ndarray, half: np.ndarray, scale: float) -> np.ndarray:
    """Centres (P, 2) of a label of the given half size around a point, nearest first."""
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1)
    return np.concatenate([point + (r * scale + half) * directions for r in _DISTANCES])


def _cost(index, places, at, halves, centres, frame, scale) -> np.ndarray:
    """Of each place (P,) of one label, in points, given where the others are."""
    half = halves[index]
    cost = np.hypot(*(np.maximum(np.abs(places - at[index]) - half, 0) / scale).T)
    low, high = np.array([frame.x0, frame.y0]), np.array([frame.x1, frame.y1])
    cost[((places - half < low) | (places + half > high)).any(1)] += 1e6
    leaders = at[index] + _STEPS * (places - at[index])[:, None]  # (P, steps, 2)
    for other, centre in enumerate(centres):
        reach = half + 4 * scale
        cost += _ON_POINT * _within(places - at[other], reach)
        if other == index:
            continue
        cost += _OVER_POINT * _within(leaders - at[other], 3 * scale).any(1)
        if centre is None:
            continue
        cost += _CROSSING * _cross(at[index], places, at[other], centre)
        cost += _ON_LABEL * _within(places - centre, half + halves[other])
        cost += _ON_LEADER * _within(leaders - centre, halves[other]).any(1)
        across = at[other] + _STEPS * (centre - at[other])
        cost += _ON_LEADER * _within(places[:, None] - across, half).any(1)
    return cost


def _within(away: np.ndarray, half: np.ndarray | float) -> np.ndarray:
    """Whether each (..., 2) lies in the open box of this half size; all(-1) is slow over two."""
    inside = np.abs(away) < half
    return inside[..., 0] & inside[..., 1]


def _cross(a: np.ndarray, ends: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Which of the segments from a to each of ``ends`` (P, 2) cross the one from c to d."""

    def side(p, q, r):
        return (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]

    apart = side(c, d, a) * side(c, d, ends) < 0
    return apart & (side(a, ends, c) * side(a, ends, d) < 0)
