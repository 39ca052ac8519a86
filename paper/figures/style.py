"""House style of the figures: colours, names of measures with units, size, determinism.

Figures are white (legible on light and dark pages), in colours that colour-blind readers tell
apart (Okabe & Ito 2008), never told apart by colour alone, and large enough in print to be read
at the width of a phone. The same figure always gives the same bytes.
"""

import base64
import io
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
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

_HOUSE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
NAMES: Mapping[object, str] = _HOUSE["names"]
LABELS: Mapping[str, str] = _HOUSE["labels"]
_RC: dict[Any, Any] = _HOUSE["rc"] | {"axes.prop_cycle": cycler(color=CYCLE)}


def use_style() -> None:
    """Set the house style; in a notebook also show every figure in one form, the lighter one."""
    _set_parameters()
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # plain Python
        return
    if (shell := get_ipython()) is not None:
        from paper.figures.pictures import one_form

        set_matplotlib_formats()  # none of IPython's own
        shell.display_formatter.mimebundle_formatter.for_type(Figure, one_form)


def _set_parameters() -> None:
    mpl.rcdefaults()  # not what the user's own matplotlibrc says
    mpl.rcParams.update(_RC)


def panels(
    rows: int = 1, columns: int = 1, width: float | None = None, height: float = 3.6
) -> tuple[Figure, Axes | np.ndarray]:
    """A figure and its axes; ``height`` is that of one row, in inches.

    The figure belongs to nobody but the caller (it is not registered with pyplot): end a
    notebook cell with ``fig`` to show it, once.
    """
    width = width or (6.0 if columns == 1 else min(4.6 * columns, 10.0))
    with mpl.rc_context():
        _set_parameters()
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

    Raises:
        ValueError: There are more values than distinguishable looks.
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

    Raises:
        ValueError: Even 80 pixels do not fit.
    """
    while width >= 80:
        image = Image.open(io.BytesIO(png(figure, dpi=width / figure.get_figwidth())))
        buffer = io.BytesIO()
        image.convert("RGB").quantize(64).save(buffer, format="PNG", optimize=True)
        if buffer.tell() <= limit:
            return base64.b64encode(buffer.getvalue()).decode("ascii")
        width = int(width * 0.8)
    raise ValueError(f"no thumbnail of at least 80 pixels fits into {limit} bytes")
