"""Tables as readers see them: intervals as text, column names in words, stable HTML."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from infomax_lib.stats import Interval, mean_interval
from paper.figures.style import label, name


def interval_table(
    groups: Mapping[str, pd.DataFrame],
    metrics: Sequence[str] | Mapping[str, str],
    by: str = "",
    count: bool = True,
) -> pd.DataFrame:
    """One row per named group of runs: mean and 95 % interval over seeds of each measure.

    Args:
        groups: Rows of a run table by the name of their setting; empty ones are left out.
        metrics: Columns to summarise; headed by their label with unit, or what a mapping says.
        by: Heading of the first column.
        count: Say in a last column how many seeds there are.
    """
    heads = metrics if isinstance(metrics, Mapping) else {m: label(m) for m in metrics}
    return pd.DataFrame(
        [
            {by: setting, **{head: str(mean_interval(rows[m])) for m, head in heads.items()}}
            | ({"seeds": rows["seed"].nunique()} if count else {})
            for setting, rows in groups.items()
            if len(rows)
        ]
    )


def grouped_table(table: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Mean with 95 % interval as text, one row per group in order of appearance.

    Headings are the measures' labels; groups are shown by their reading names.

    Raises:
        KeyError: A name is not a column of the table.
    """
    absent = [c for c in [*by, *columns] if c not in table.columns]
    if absent:
        raise KeyError(f"no column {', '.join(absent)}; there are {', '.join(table.columns)}")
    rows = []
    for group, members in table.groupby(list(by), sort=False, dropna=False):
        row = {label(field): name(value) for field, value in zip(by, group, strict=True)}
        row |= {label(column): str(mean_interval(members[column])) for column in columns}
        rows.append(row)
    return pd.DataFrame(rows)


def published_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison of :func:`paper.judging.published.compare` for display.

    The prediction interval of one run is what a printed number of one run is to be compared with;
    the last but one column says which of the two intervals hold it.
    """
    shown = comparison.assign(
        measure=[label(metric) for metric in comparison["metric"]],
        one_run=[_limits(run) for run in comparison["one_run"]],
    )
    names = {
        "row": "setting",
        "ours": "ours [95 %]",
        "one_run": "one run [95 %]",
        "n": "seeds",
        "holds": "held by",
    }
    columns = ["row", "measure", "published", "ours", "one_run", "n", "holds", "verdict"]
    return shown[columns].rename(columns=names)


def _limits(interval: Interval) -> str:
    """``[2.1, 2.9]``, to the digits that the interval of the mean has; empty without one."""
    _, bracket, limits = str(interval).partition("[")
    return bracket + limits


def table_html(table: pd.DataFrame) -> str:
    """A data frame as a plain HTML table in the style of the book, without its index."""
    numeric = set(table.select_dtypes("number").columns)
    head = "".join(_cell("th", name, name in numeric) for name in table.columns)
    body = "".join(
        "<tr>"
        + "".join(_cell("td", value, name in numeric) for name, value in row.items())
        + "</tr>\n"
        for row in table.to_dict("records")
    )
    return f'<table class="facts"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>'


def _cell(tag: str, value: object, number: bool) -> str:
    style = ' class="number"' if number else ""
    text = f"{value:,}" if number and tag == "td" else str(value)
    return f"<{tag}{style}>{escape(text)}</{tag}>"
