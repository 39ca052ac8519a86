"""House style of the figures: colours, names of measures with units, size, determinism.

Figures are white (legible on light and dark pages), in colours that colour-blind readers tell
apart (Okabe & Ito 2008), never told apart by colour alone, and large enough in print to be read
at the width of a phone. The same figure always gives the same bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

OKABE_ITO: Mapping[str, str] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "yellow": "#F0E442",
}
CYCLE = [c for name, c in OKABE_ITO.items() if name != "yellow"]  # yellow is unreadable on white
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2))]
GREY = "#5a6270"

#: Fixed colour, marker and line for values that recur, so that they look alike in every chapter.
FIXED: Mapping[object, int] = {"softmax": 0, "none": 1, "adam": 0, "sgd": 1}

NAMES: Mapping[object, str] = {
    "none": "no softmax (A)",
    "softmax": "softmax (B)",
    "adam": "Adam",
    "sgd": "SGD",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "entmax15": "entmax-1.5",
    "log_softmax": "log-softmax",
    "group_softmax": "group softmax",
    "softmax_gate": "softmax gate",
    "top_k": "top-k",
    "full": "full batch",
    "xavier": "random start",
    "twins": "twins",
    "offset_twins": "twins, thresholds apart",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "digits": "digits",
}

LABELS: Mapping[str, str] = {
    "weight_redundancy": "weight redundancy ‖G−I‖²",
    "redundancy_over_random": "redundancy / random weights",
    "rms_cosine": "rms cosine between rows",
    "max_abs_cosine": "largest |cosine| of two rows",
    "max_cosine": "largest cosine of two rows",
    "aligned_pairs": "pairs with cosine > 0.9",
    "threshold_gap": "threshold gap (input units)",
    "output_correlation": "output correlation ‖R−I‖²",
    "mean_r2_excess": "mean r² above sampling floor",
    "effective_rank": "effective rank of W",
    "entropy_rank": "entropy rank of W",
    "dead_units": "dead units",
    "dead_share": "share of dead units",
    "min_relative_variance": "least variance / mean variance",
    "firing_rate": "firing rate",
    "cofiring_excess": "co-firing beyond independence",
    "hsic": "normalised HSIC",
    "lower": "lower bound (nats)",
    "upper": "upper bound (nats)",
    "gaussian": "bound by Gaussian outputs (nats)",
    "closed_form": "true information (nats)",
    "row_norm": "mean row norm ‖w‖",
    "max_responsibility": "mean largest responsibility",
    "probe_accuracy": "probe accuracy (share correct)",
    "probe_accuracy_pre": "probe accuracy before competition",
    "probe_gain": "probe gain over untrained (points)",
    "curvature_max": "largest Hessian eigenvalue",
    "curvature_min": "smallest Hessian eigenvalue",
    "loss": "loss L (nats)",
    "train_tc": "TC term ‖R−I‖², training batches",
    "lambda_tc": "λ_tc (weight of the TC term)",
    "lambda_wr": "λ_wr (weight of the WR term)",
    "lambda_ce": "λ_ce (weight of the cross-entropy)",
    "learning_rate": "learning rate",
    "hidden_dim": "units K",
    "epoch": "epoch",
    "epochs": "epochs",
    "competition": "competition",
    "optimizer": "optimizer",
    "initial": "initial weights",
    "activation": "activation",
    "dataset": "data set",
    "method": "method",
    "held_out_r2": "held-out R² from the other units",
    "cka": "CKA with another seed",
    "purity": "purity of owned images",
    "owner_similarity": "cosine of w and mean owned image",
    "seconds": "training time (s)",
    "flops": "training FLOPs",
    "parameters": "parameters",
    "accuracy": "test accuracy (share correct)",
    "share_removed": "share of units removed",
    "removable_share": "share of units removable",
    "mig": "mutual information gap (MIG)",
    "rotated_mig": "MIG of random rotations, 95th percentile",
    "dci_disentanglement": "DCI disentanglement",
    "dci_completeness": "DCI completeness",
    "dci_informativeness": "DCI informativeness",
    "named_units": "share of units with class AUROC ≥ 0.9",
    "batch_size": "batch size",
    "views": "views of an image",
    "target": "target",
    "family": "family",
}

_RC: dict[Any, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs everywhere
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=CYCLE),
    "svg.hashsalt": "infomax",
    "svg.fonttype": "path",
}


def use_style() -> None:
    """Set the house style; in a notebook also emit every figure as SVG and PNG, without dates.

    PNG has two pixels for one, as sharp screens do.
    """
    mpl.rcParams.update(_RC)
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # plain Python
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", "retina", metadata={"Date": None})


def panels(
    rows: int = 1, columns: int = 1, width: float | None = None, height: float = 3.6
) -> tuple[Figure, Axes | np.ndarray]:
    """A figure and its axes; ``height`` is that of one row, in inches.

    The figure belongs to nobody but the caller (it is not registered with pyplot): end a
    notebook cell with ``fig`` to show it, once.
    """
    width = width or (6.0 if columns == 1 else min(4.6 * columns, 10.0))
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width, height * rows), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns)


def label(name: str) -> str:
    """Axis label of a column, with its unit; unknown columns are shown by their name."""
    return LABELS.get(name, name.replace("_", " "))


def name(value: object) -> str:
    """How a value of a spec field is called in a legend: "softmax (B)", "top-k of 4"."""
    first, space, rest = str(value).partition(" ")
    if first in NAMES:
        return NAMES[first] + space + rest
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def looks(values: Iterable[object]) -> dict[object, tuple[str, str, object]]:
    """Colour, marker and line of each value: fixed for those that recur, else by position.

    Raises
    ------
    ValueError
        If there are more values than distinguishable looks.
    """
    wanted = list(dict.fromkeys(values))
    if len(wanted) > len(CYCLE):
        raise ValueError(
            f"{len(wanted)} values cannot be told apart in one panel (at most {len(CYCLE)}); "
            "spread them over panels or use a heat map"
        )
    taken = {FIXED[v] for v in wanted if v in FIXED}
    free = iter([i for i in range(len(CYCLE)) if i not in taken])
    index: dict[object, int] = {}
    for value in wanted:
        preferred = FIXED.get(value)
        clash = preferred is None or preferred in index.values()
        index[value] = next(free) if clash else preferred  # type: ignore[assignment]
    return {v: (CYCLE[i], MARKERS[i], LINES[i]) for v, i in index.items()}


def png(figure: Figure, dpi: float = 110) -> bytes:
    """The figure as PNG without any date or version in it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def thumbnail(figure: Figure, width: int = 480, limit: int = 40_000) -> str:
    """The figure as a small base64 PNG for a card: at most ``limit`` bytes before encoding.

    Starts at ``width`` pixels and 64 colours and shrinks until it fits.

    Raises
    ------
    ValueError
        If even 80 pixels do not fit.
    """
    while width >= 80:
        image = Image.open(io.BytesIO(png(figure, dpi=width / figure.get_figwidth())))
        buffer = io.BytesIO()
        image.convert("RGB").quantize(64).save(buffer, format="PNG", optimize=True)
        if buffer.tell() <= limit:
            return base64.b64encode(buffer.getvalue()).decode("ascii")
        width = int(width * 0.8)
    raise ValueError(f"no thumbnail of at least 80 pixels fits into {limit} bytes")
