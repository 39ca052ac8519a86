"""Figures in one form each: vectors, or pixels where they weigh less.

Both on a page are twice what a reader loads, and twice what every clone carries. Vectors stay where
they are not heavier: they are sharp at any size. Scour takes out of them what does not show; pixels
are two for one, as sharp screens have them, in 256 colours, more than a figure has. The notebook
itself shows this form, so that running a page again gives what is on the page.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re

from IPython.core.pylabtools import print_figure, retina_figure
from matplotlib.figure import Figure
from PIL import Image
from scour import scour

SVG, PNG = "image/svg+xml", "image/png"
_COLOURS = 256


def one_form(figure: Figure) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """What a notebook shows of a figure: the lighter of SVG and PNG, without dates.

    Returns:
        Contents by type, and by type what belongs to them: for pixels the ``width`` that the
        vectors would have in a browser, where an inch is 96 pixels and 72 points.
    """
    drawn = print_figure(figure, fmt="svg", metadata={"Date": None})
    retina = retina_figure(figure, metadata={"Date": None})
    if drawn is None or retina is None:  # nothing in it
        return {}, {}
    vectors, pixels = _shrunk(drawn), _quantized(retina[0])
    if len(vectors) <= len(pixels):
        return {SVG: vectors}, {}
    points = float(re.search(r'<svg [^>]*width="([\d.]+)pt"', drawn)[1])  # type: ignore[index]
    return {PNG: pixels}, {PNG: {"width": round(points * 96 / 72)}}


def _shrunk(svg: str) -> str:
    options = scour.sanitizeOptions()
    options.digits, options.cdigits = 5, 4
    options.strip_comments = options.remove_metadata = options.strip_xml_prolog = True
    options.indent_type, options.newlines = "none", False
    options.strip_ids = options.shorten_ids = True
    text = scour.scourString(svg, options)
    text = text[text.index("<svg") :].strip()
    # Those of one figure must not be those of another on the same page. What they are called by
    # matplotlib, which is random where there are pictures, has gone by now.
    own = f"f{hashlib.sha256(text.encode()).hexdigest()[:4]}"
    return re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{own}", text)


def _quantized(png: bytes) -> str:
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(_COLOURS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
