"""Pictures of layers with two inputs: hyperplanes, firing regions, and how training moves them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from paper.figures.style import CYCLE, GREY, LINES, panels, png


class Frame(NamedTuple):
    """One moment of training: what to write above it, weights (K, 2) and biases (K,)."""

    title: str
    weights: object
    biases: object


def firing_regions_2d(
    axes: Axes,
    weights: object,
    biases: object,
    points: object = None,
    limits: tuple[float, float] = (-3.0, 3.0),
) -> Axes:
    """Regions of the plane by how many units fire in them, and the hyperplane of each unit.

    Unit j fires where wⱼ·x + bⱼ > 0, the side its arrow points to. Darker regions have more
    firing units.

    Parameters
    ----------
    weights, biases
        (K, 2) and (K,), tensors or arrays; at most seven units can be told apart.
    points
        Optional (N, 2) data, drawn as dots.
    limits
        Both axes' limits, in input units.

    Raises
    ------
    ValueError
        If the shapes are not those of a layer with two inputs.
    """
    w, b = _array(weights), _array(biases)
    if w.ndim != 2 or w.shape[1] != 2 or b.shape != (len(w),):
        raise ValueError(f"need weights (K, 2) and biases (K,), got {w.shape} and {b.shape}")
    if len(w) > len(CYCLE):
        raise ValueError(f"{len(w)} units cannot be told apart; at most {len(CYCLE)}")
    low, high = limits
    line = np.linspace(low, high, 241)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    count = ((plane @ w.T + b) > 0).sum(-1)
    axes.imshow(
        count,
        extent=(low, high, low, high),
        origin="lower",
        cmap="Greys",
        vmin=0,
        vmax=3 * len(w),  # stays light: points and lines are drawn on it
        interpolation="nearest",
        zorder=0,
    )
    if points is not None:
        data = _array(points)
        axes.plot(data[:, 0], data[:, 1], ".", color=GREY, ms=2.5, alpha=0.6, zorder=1)
    for unit, (row, offset) in enumerate(zip(w, b, strict=True)):
        _hyperplane(axes, row, float(offset), CYCLE[unit], LINES[unit], high - low)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set_xlabel("input x₁")
    axes.set_ylabel("input x₂")
    axes.grid(visible=False)
    return axes


def _hyperplane(
    axes: Axes, row: np.ndarray, offset: float, colour: str, line: object, span: float
) -> None:
    """The line w·x + b = 0 and an arrow to the side where the unit fires."""
    norm = float(np.linalg.norm(row))
    if norm == 0:
        return  # no direction, no hyperplane
    direction = row / norm
    foot = -offset / norm * direction
    along = np.array([-direction[1], direction[0]]) * 2 * span
    ends = np.stack([foot - along, foot + along])
    axes.plot(ends[:, 0], ends[:, 1], color=colour, lw=2, ls=line, zorder=3)
    axes.annotate(
        "",
        tuple(foot + direction * span / 9),
        tuple(foot),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2},
        annotation_clip=True,
        zorder=4,
    )


def film_strip(
    frames: Sequence[Frame | tuple[str, object, object]],
    points: object = None,
    limits: tuple[float, float] = (-3.0, 3.0),
    columns: int = 3,
) -> Figure:
    """Moments of training side by side, for print and for readers who cannot see a film."""
    if not frames:
        raise ValueError("a film strip needs at least one frame")
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    figure, grid = panels(rows, columns, width=2.6 * columns + 0.8, height=2.9)
    for index, axes in enumerate(np.atleast_1d(np.asarray(grid)).flat):
        if index >= len(frames):
            axes.set_axis_off()
            continue
        title, weights, biases = frames[index]
        firing_regions_2d(axes, weights, biases, points, limits)
        axes.set_title(title)
        axes.label_outer()
    return figure


def animate_2d(
    frames: Sequence[Frame | tuple[str, object, object]],
    alt: str,
    points: object = None,
    limits: tuple[float, float] = (-3.0, 3.0),
    seconds: float = 6.0,
    width: int = 420,
):
    """The frames as a looping GIF in IPython HTML, with alternative text.

    Parameters
    ----------
    frames
        Moments of training in order; the last is held for two seconds.
    alt
        What the film shows, for readers who cannot see it; required.
    seconds
        Length of the film without the hold.

    Raises
    ------
    ValueError
        If ``alt`` is empty or there are no frames.
    """
    from IPython.display import HTML

    if not alt.strip():
        raise ValueError("say in alt what the film shows")
    if not frames:
        raise ValueError("a film needs at least one frame")
    pictures = []
    for title, weights, biases in frames:
        figure, axes = panels(width=4.2, height=4.2)
        firing_regions_2d(axes, weights, biases, points, limits)  # type: ignore[arg-type]
        axes.set_title(title)  # type: ignore[union-attr]
        picture = Image.open(io.BytesIO(png(figure, dpi=width / 4.2))).convert("RGB")
        pictures.append(picture.quantize(48, dither=Image.Dither.NONE))
    durations = [int(1000 * seconds / len(pictures))] * (len(pictures) - 1) + [2000]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
    )
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return HTML(
        f'<img src="data:image/gif;base64,{data}" alt="{escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto;">'
    )


def _array(values: object) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)
