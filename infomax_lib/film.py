"""Figures as a looping film that needs no script and no network: a GIF inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from PIL import Image

from infomax_lib.style import png

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["film"]

_COLOURS = 48
_HOLD = 2000  # milliseconds that the last picture stays


def film(figures: Sequence[Figure], alt: str, seconds: float = 6.0, width: int = 420) -> HTML:
    """The figures one after another, as IPython HTML with alternative text.

    Args:
        figures: Pictures in order, all of one size; the last is held for two seconds.
        alt: What the film shows, for readers who cannot see it; required.
        seconds: Length of the film without the hold.
        width: Of the film, in pixels.

    Raises:
        ValueError: ``alt`` is empty, or there are no figures.
    """
    from IPython.display import HTML

    if not alt.strip():
        raise ValueError("say in alt what the film shows")
    if not figures:
        raise ValueError("a film needs at least one figure")
    pictures = []
    for figure in figures:
        picture = Image.open(io.BytesIO(png(figure, dpi=width / figure.get_figwidth())))
        pictures.append(picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[int(1000 * seconds / len(pictures))] * (len(pictures) - 1) + [_HOLD],
        loop=0,
    )
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return HTML(
        f'<img src="data:image/gif;base64,{data}" alt="{escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto;">'
    )
