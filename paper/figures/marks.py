"""What figures of several kinds draw alike: checks of their tables, marks, axes."""

from collections.abc import Sequence

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


def as_array(values: object) -> np.ndarray:
    """A tensor, on whatever device and with gradients or not, or a list as a float array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)
