"""What figures of several kinds draw alike: checks of their tables, marks, axes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


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


def as_array(values: object) -> np.ndarray:
    """A tensor, on whatever device and with gradients or not, or a list as a float array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)
