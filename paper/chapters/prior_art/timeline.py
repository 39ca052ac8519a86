r"""Prior art by year: objective of each work, and what of it stands in the objective of this one.

Notation: an input x with D numbers has outputs a = relu(h) (A) or a = softmax(h) (B), h = W x + b,
of K units; Σ is the covariance of the outputs, R their correlation, G the Gram matrix of the rows
of W at unit length. This work minimises, with small constants left out,

.. math:: L = -\sum_j \log \mathrm{Var}(a_j)
              + \lambda_{tc} \|R - I\|_F^2 + \lambda_{wr} \|G - I\|_F^2

(:mod:`infomax_lib.model.objective`). Where a work says a thing in words or in other symbols, its
objective is written in these. Formulas are TeX that both MathJax and matplotlib read.
"""

import re
import tomllib
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import BaseModel

from infomax_lib.model.spec import names_among
from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.figures.methods import FAMILY_COLOURS
from paper.figures.style import GREY, panels
from paper.figures.tables import table_html
from paper.methods.methods import FAMILIES

#: Families in the order of their lanes, and how readers see them called.
LANES = {"InfoMax": "information"} | {name: name for name in FAMILIES if name != "control"}


class Work(BaseModel, frozen=True, extra="forbid"):
    """One work of prior art.

    Attributes:
        year: Of publication, as in the bibliography.
        authors: One or two surnames, or the first with "et al.".
        name: Short name of the idea, as the figure shows it.
        family: A key of `LANES`; that of the methods it is measured by.
        objective: What is optimised, a TeX formula without dollar signs.
        shares: What of it is a term of this work's objective; TeX between dollar signs.
        key: Its entry in the bibliography.
        methods: Keys of `METHODS` by which the chapter measures it; none where it only cites.
    """

    year: int
    authors: str
    name: str
    family: str
    objective: str
    shares: str
    key: str
    methods: tuple[str, ...] = ()

    _known_names = names_among(family=LANES)


#: In order of years.
TIMELINE = tuple(
    Work(**work)
    for work in tomllib.loads(Path(__file__).with_name("timeline.toml").read_text("utf-8"))["work"]
)

_ROW = 0.235  # height of a row, in inches
_WIDTH = 5.5  # so narrow that it can be read at the width of a phone
_NAMES = len(LANES) - 0.3  # where the names begin, in lanes
_INK = "#1d2430"


def timeline_figure() -> Figure:
    """The works from top to bottom, one row each, a dot in the lane of its family.

    Rows are in order of years, not to scale; filled dots are measured in the chapter, open ones
    are cited. This work is the last row.
    """
    figure, axes = panels(width=_WIDTH, height=_ROW * (len(TIMELINE) + 6.5))
    assert isinstance(axes, Axes)
    lanes = {family: lane for lane, family in enumerate(LANES)}
    last = len(TIMELINE)
    for family, lane in lanes.items():
        rows = [row for row, work in enumerate(TIMELINE) if work.family == family]
        end = last if family == "InfoMax" else rows[-1]
        axes.plot([lane, lane], [rows[0], end], color=FAMILY_COLOURS[family], lw=3, alpha=0.35)
        axes.text(lane, -0.8, LANES[family], rotation=90, ha="center", va="bottom", color=_INK)
    for row, work in enumerate(TIMELINE):
        if not row or work.year != TIMELINE[row - 1].year:
            axes.axhline(row - 0.5, color="#e3e6ea", lw=0.8, zorder=0)
            axes.text(-0.5, row, str(work.year), ha="right", va="center", color=GREY)
        colour = FAMILY_COLOURS[work.family]
        face = colour if work.methods else "white"
        axes.plot(lanes[work.family], row, "o", ms=8, mfc=face, mec=colour, mew=2)
        text = f"{work.name}, {work.authors.split()[0]}"
        axes.text(_NAMES, row, text, va="center", color=_INK)
    axes.axhline(last - 0.5, color="#e3e6ea", lw=0.8, zorder=0)
    axes.plot(lanes["InfoMax"], last, "D", ms=9, color=FAMILY_COLOURS["InfoMax"])
    axes.text(_NAMES, last, "this work", va="center", color=_INK, weight="bold")
    for place, (face, text) in enumerate((("white", "cited"), (GREY, "measured here"))):
        x = _NAMES + 0.15 + 2.2 * place
        axes.plot(x, last + 1.5, "o", ms=8, mfc=face, mec=GREY, mew=2)
        axes.text(x + 0.35, last + 1.5, text, va="center", color=_INK)
    axes.set(xlim=(-1.8, _NAMES + 8.6), ylim=(last + 2, -5.2))
    axes.set_axis_off()
    return figure


def timeline_table() -> str:
    r"""The works as HTML: who, when, what; the objective and what it shares; measured as.

    Formulas stand between \\( and \\) in a box that MathJax is told to process, also where the
    page around it is left out.
    """
    table = pd.DataFrame(
        [
            {
                "work": f"{work.authors} {work.year}: {work.name}",
                "objective, and the terms of this work's objective that it shares": (
                    rf"\({work.objective}\) — {_inline(work.shares)}"
                ),
                "measured as": ", ".join(LABELS[name] for name in work.methods) or "–",
            }
            for work in TIMELINE
        ]
    )
    return f'<div class="timeline mathjax_process">{table_html(table)}</div>'


def _inline(text: str) -> str:
    r"""$...$ as \\(...\\), which MathJax reads without being told to."""
    return re.sub(r"\$(.+?)\$", r"\\(\1\\)", text)
