"""The specification curve: an effect under every choice, in order, and the choices below it."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper.chapters.multiverse.effects import CHOICES, FINDINGS, Finding
from paper.figures.style import GREY, looks, name, panels
from paper.judging.universes import DATASETS

#: Heights of the curve and of one choice, in inches.
_CURVE, _CHOICE = 2.6, 0.19


def specification_curve(finding: str, table: pd.DataFrame) -> Figure:
    """The effect in every universe with its 95 % interval, smallest first; its choices below.

    Colour and marker tell datasets apart (Simonsohn, Simmons & Nelson 2020). The band holds effects
    that are too small to be of interest. A point is hollow where some runs diverged and are not in
    it; universes in which all did stand at the right.
    """
    asked = FINDINGS[finding]
    order = table.assign(at=[effect.mean for effect in table["effect"]])
    order = order.sort_values("at", na_position="last", kind="stable").reset_index(drop=True)
    choices = {
        choice: list(dict.fromkeys(table[choice]))
        for choice in CHOICES
        if table[choice].nunique() > 1
    }
    lines = sum(map(len, choices.values())) + len(choices)
    figure, both = panels(2, 1, width=9.0, height=(_CURVE + _CHOICE * lines) / 2)
    curve, below = np.ravel(np.asarray(both))
    curve.get_gridspec().set_height_ratios([_CURVE, _CHOICE * lines])
    curve.sharex(below)
    _draw_curve(curve, order, asked)
    _draw_choices(below, order, choices)
    return figure


def _draw_curve(axes: Axes, order: pd.DataFrame, asked: Finding) -> None:
    axes.axhspan(-asked.smallest, asked.smallest, color=GREY, alpha=0.15, lw=0)
    axes.axhline(0, color=GREY, lw=1)
    styles = looks(DATASETS)
    for dataset, (colour, marker, _) in styles.items():
        rows = order[order["dataset"] == dataset]
        if rows.empty:
            continue
        effects = rows["effect"]
        means = np.array([effect.mean for effect in effects])
        ends = np.array([[effect.low, effect.high] for effect in effects])
        axes.vlines(rows.index, ends[:, 0], ends[:, 1], color=colour, lw=1, alpha=0.5)
        axes.plot(rows.index, means, marker, color=colour, ms=4, mew=0, label=name(dataset))
        partly = [effect.dropped > 0 for effect in effects]
        axes.plot(rows.index[partly], means[partly], marker, ms=4, mfc="white", mec=colour)
    for place in order.index[~np.isfinite(order["at"])]:
        axes.annotate("diverged", (place, 0), rotation=90, ha="center", va="bottom", fontsize=8)
    axes.set_ylabel("\n".join(wrap(asked.axis, 26)))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(DATASETS), borderaxespad=0)
    axes.grid(axis="x", visible=False)
    axes.tick_params(bottom=False, labelbottom=False)


def _draw_choices(axes: Axes, order: pd.DataFrame, choices: dict[str, list[str]]) -> None:
    heads = {"pressure": "λ_tc or rate"}
    ticks: list[float] = []
    names: list[str] = []
    line = 0.0
    for choice, values in choices.items():
        axes.annotate(
            heads.get(choice, choice),
            (0, line),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=9,
            fontweight="bold",
        )
        for value in values:
            line += 1
            places = order.index[order[choice] == value]
            axes.plot(places, np.full(len(places), line), "|", color="black", ms=6, mew=0.8)
            ticks.append(line)
            names.append(name(value))
        line += 1
    axes.set_yticks(ticks, names, fontsize=9)
    axes.set_ylim(line - 0.5, -0.5)
    axes.set_xlabel("universes, in order of the effect")
    axes.set_xticks([])
    axes.grid(visible=False)
    for edge in ("left", "bottom"):
        axes.spines[edge].set_visible(False)
    axes.tick_params(left=False)
