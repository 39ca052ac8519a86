"""What figures of several kinds draw alike: checks of their tables, marks, axes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper.figures.style import panels


def check_rows(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a table that cannot be drawn.

    Raises:
        KeyError: A column is missing; the message names those there are.
        ValueError: No rows.
    """
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise KeyError(f"no column {', '.join(absent)}; there are {', '.join(table.columns)}")
    if table.empty:
        raise ValueError("the table has no rows: nothing to draw")


def panel_list(
    rows: int = 1, columns: int = 1, width: float | None = None, height: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """The figure of :func:`.panels` and its axes in a list, row by row, also a single one."""
    figure, grid = panels(rows, columns, width, height)
    return figure, list(np.atleast_1d(np.asarray(grid)).flat)


def heat_cells(
    axes: Axes,
    cells: np.ndarray,
    texts: Sequence[Sequence[str]],
    limits: tuple[float, float] = (0, 1),
    fontsize: float = 10,
) -> None:
    """Coloured cells with a text in each, white on dark ones; cells that are NaN are grey.

    Args:
        axes: Where to draw.
        cells: Values (rows, columns).
        texts: What is written into each of them.
        limits: Ends of the colour scale.
        fontsize: Of the texts, in points.
    """
    low, high = limits
    colours = mpl.colormaps["cividis"].with_extremes(bad="#eceef0")
    axes.imshow(np.ma.masked_invalid(cells), cmap=colours, vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(cells.shape):
        dark = cells[row, column] - low < 0.55 * (high - low)
        axes.text(
            column, row, texts[row][column], ha="center", va="center", fontsize=fontsize,
            color="white" if dark else "black",
        )  # fmt: skip
    axes.grid(visible=False)
