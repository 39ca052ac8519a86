"""Figures of encoders over their training: bounds, probes, and how encoders can be inverted.

Information is in nats, accuracies are shares. Every seed is a thin line, means carry their 95 %
interval, and what a number has to be compared with is drawn in: the cap log N, the accuracy of raw
pixels. Values that are not finite, those of failed seeds, are left out, and panels say how many
seeds failed. Tables are those of :func:`.train_halves` and :func:`.train_adversarially`; halves
have one more column, ``experiment``.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infomax_lib.stats import format_number
from paper.chapters.mutual_information.figures.shared import (
    ACCURACY,
    LEAST,
    LOOKS,
    NAMES,
    estimator_keys,
    rows_of,
)
from paper.figures.label_placement import ink
from paper.figures.marks import (
    check_rows,
    curves,
    finite,
    key,
    named_level,
    over_steps,
    same_height,
    say_failed,
    stacked,
    step_axis,
)
from paper.figures.style import CYCLE, GREY, LINES, MARKERS
from paper.information.bounds import cap

#: Inversion error up to which an encoder is called invertible.
_INVERTIBLE = 0.01
#: Colour and line of the first, a middle and the last step.
_MOMENTS = (("black", "-"), (CYCLE[2], LINES[2]), (CYCLE[3], LINES[1]))


def bijective_training(halves: pd.DataFrame, raw: float) -> Figure:
    """Bounds and probes of bijective encoders over training, for both estimators.

    Above the bound on training images (solid) and on test images (dashed, hollow marks) with the
    cap of I_NCE, below the accuracy of the probe with that of raw pixels.

    Args:
        halves: Columns ``experiment, bound, seed, step, training, held_out, accuracy,
            batch_size``; rows of the experiment "bijective" are drawn.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["bound", "seed", "step", "training", "held_out", "accuracy", "batch_size"]
    rows = rows_of(halves, "bijective", columns)
    figure, (above, below) = stacked(2, 3.0)
    for bound, (colour, marker, _) in LOOKS.items():
        own = rows[rows["bound"] == bound]
        over_steps(above, own, "training", (colour, marker, "-"))
        over_steps(above, own, "held_out", (colour, marker, LINES[1]), hollow=True)
        over_steps(below, own, "accuracy", (colour, marker, "-"))
    for size in sorted(set(rows.loc[rows["bound"] == "nce", "batch_size"])):
        named_level(above, f"cap of $I_{{NCE}}$, log {size:g}", cap(size))
    _floor(above, rows[["training", "held_out"]])
    above.set_ylabel("bound (nats)")
    below.set_ylabel(ACCURACY)
    named_level(below, "raw pixels", raw)
    step_axis([above, below], rows["step"])
    say_failed(below, rows, "accuracy", ["bound", "seed"])
    handles = [
        *estimator_keys(),
        key(color=GREY, ls="-", marker="o", mec="white", label="training images"),
        key(color=GREY, ls=LINES[1], marker="o", mfc="white", label="test images"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def adversarial_training(table: pd.DataFrame, raw: float) -> Figure:
    """Probe of invertible encoders trained to hide the class, and how exactly they invert.

    Args:
        table: Columns ``seed, step, accuracy, inversion_error``.
        raw: Accuracy of the probe of raw pixels.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows.
    """
    check_rows(table, ["seed", "step", "accuracy", "inversion_error"])
    figure, (above, below) = stacked(2, 2.6)
    look = (CYCLE[0], MARKERS[0], "-")
    over_steps(above, table, "accuracy", look)
    over_steps(below, table, "inversion_error", look)
    named_level(above, "raw pixels", raw)
    named_level(below, f"invertible: at most {_INVERTIBLE:g}", _INVERTIBLE)
    above.set_ylabel(ACCURACY)
    below.set_ylabel("largest inversion error")
    below.set_yscale("log")
    below.margins(y=0.2)
    step_axis([above, below], table["step"])
    say_failed(above, table, "accuracy", ["seed"])
    return figure


def conditioning_and_spectra(halves: pd.DataFrame) -> Figure:
    """How hard encoders that start invertible are to invert, and the singular values behind it.

    Above the median condition number over training, below it for each estimator the singular
    values of the Jacobian, largest first, at the first, a middle and the last step: whether the
    largest grow or the smallest vanish.

    Args:
        halves: Columns ``experiment, bound, seed, step, log_condition, spectrum`` (lists of log10
            of singular values); rows of the experiment "residual" are drawn.

    Raises:
        KeyError: A column is missing.
        ValueError: No rows of the experiment.
    """
    columns = ["bound", "seed", "step", "log_condition", "spectrum"]
    rows = rows_of(halves, "residual", columns)
    figure, (above, *spectra) = stacked(3, 2.7)
    for bound, (colour, marker, line) in LOOKS.items():
        own = rows[rows["bound"] == bound]
        over_steps(above, own, "log_condition", (colour, marker, line))
    above.set_ylabel("log₁₀ condition number")
    above.legend(handles=estimator_keys())
    step_axis([above], rows["step"])
    say_failed(above, rows, "log_condition", ["bound", "seed"])
    steps = sorted(set(rows["step"]))
    moments = list(dict.fromkeys([steps[0], steps[len(steps) // 2], steps[-1]]))
    styles = dict(zip(moments, _MOMENTS, strict=False))
    for axes, (bound, text) in zip(spectra, NAMES.items(), strict=True):
        for step, (colour, line) in styles.items():
            own = rows[(rows["bound"] == bound) & (rows["step"] == step)]
            known = [sorted(values, reverse=True) for values in own["spectrum"] if len(values) > 1]
            if known:
                curves(axes, np.arange(1, len(known[0]) + 1), np.array(known), colour, line)
        axes.set_ylabel("log₁₀ singular value")
        axes.set_title(text, loc="left", color=ink(LOOKS[bound][0]))
    handles = [
        key(color=colour, ls=line, lw=2.2, label=f"step {step}")
        for step, (colour, line) in styles.items()
    ]
    spectra[0].legend(handles=handles, loc="lower left")
    same_height(spectra)
    spectra[-1].set_xlabel("singular value, largest first")
    return figure


def _floor(axes: Axes, values: pd.DataFrame) -> None:
    """End the panel at a few nats below zero, and say what lies below."""
    numbers = finite(values.to_numpy().ravel())
    if numbers.size and numbers.min() < LEAST:
        axes.set_ylim(bottom=LEAST)
        axes.annotate(
            f"▼ down to {format_number(numbers.min())} nats", (0.98, 0.04), ha="right",
            xycoords="axes fraction", fontsize=9, color=GREY,
        )  # fmt: skip
