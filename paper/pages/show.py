"""What a notebook says and shows where it stands, alike in Jupyter and on the page."""

from __future__ import annotations

import pandas as pd
from IPython.display import HTML, Markdown, display
from myst_nb import glue

from paper.figures.tables import table_html


def say(*sentences: str) -> None:
    """Display sentences as one paragraph; Markdown, with formulas between dollar signs."""
    display(Markdown(" ".join(sentences)))


def shown(table: pd.DataFrame) -> HTML:
    """A table in the style of the book."""
    return HTML(table_html(table))


def quote(**texts: str) -> None:
    """Keep texts that the head of the page quotes, as {glue:text}`name`, before they are known.

    Everything else stands where it is computed, see :func:`say`.
    """
    for name, text in texts.items():
        glue(name, text, display=False)
