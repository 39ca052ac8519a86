"""What figures of several kinds draw alike: checks of their tables, marks, axes."""

from __future__ import annotations

from collections.abc import Sequence

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
