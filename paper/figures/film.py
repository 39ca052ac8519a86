"""Figures as a looping film that needs no script and no network: a GIF inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from PIL import Image

from paper.figures.style import png

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["film", "pictures"]

_COLOURS = 48
_HOLD = 2000  # milliseconds that the last picture stays


def pictures(
    figures: Sequence[Figure], alt: str, width: int, shown: str = "film"
) -> list[Image.Image]:
    """The figures as images of so many pixels across, in few enough colours for a page.

    Args:
        figures: In order.
        alt: The alternative text that will go with them, which may not be missing.
        width: In pixels.
        shown: What they are shown as, for errors.

    Raises:
        ValueError: ``alt`` is empty, or there are no figures.
    """
    if not alt.strip():
        raise ValueError(f"say in alt what the {shown} shows")
    if not figures:
        raise ValueError(f"a {shown} needs at least one figure")
    images = []
    for figure in figures:
        image = Image.open(io.BytesIO(png(figure, dpi=width / figure.get_figwidth())))
        images.append(
            # by the spread of colours, not by their area: a single mark keeps its own
            image.convert("RGB").quantize(
                _COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
            )
        )
    return images


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

    images = pictures(figures, alt, width)
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=[int(1000 * seconds / len(images))] * (len(images) - 1) + [_HOLD],
        loop=0,
    )
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return HTML(
        f'<img src="data:image/gif;base64,{data}" alt="{escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto;">'
    )
