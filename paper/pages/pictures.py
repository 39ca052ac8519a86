"""Figures of an executed page in one form each: vectors, or pixels where they weigh less.

A notebook emits every figure as SVG and as PNG with two pixels for one. Both on a page are twice
what a reader loads, and twice what every clone carries. Vectors stay where they are not heavier:
they are sharp at any size. Scour takes out of them what does not show; pixels keep 256 colours,
more than a figure has.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re

from nbformat import NotebookNode
from PIL import Image
from scour import scour

SVG, PNG = "image/svg+xml", "image/png"
_COLOURS = 256


def keep_one_form(cell: NotebookNode) -> None:
    """Leave the lighter of SVG and PNG in each output of a cell that has both, in place.

    A PNG gets the width that its figure has as SVG, beside the alternative text in the cell's
    metadata, where the book looks for it.
    """
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if not {SVG, PNG} <= data.keys():
            continue
        vectors, pixels = _shrunk(data[SVG]), _quantized(data[PNG])
        if len(vectors) <= len(pixels):
            data[SVG] = vectors
            del data[PNG]
        else:
            image = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
            image["width"] = _width(data[SVG])
            data[PNG] = pixels
            del data[SVG]
        output.metadata = NotebookNode()  # the size of the pixels


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


def _quantized(png: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(_COLOURS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _width(svg: str) -> str:
    """The width that a figure has in a browser, where an inch is 96 pixels and 72 points."""
    points = float(re.search(r'<svg [^>]*width="([\d.]+)pt"', svg)[1])  # type: ignore[index]
    return f"{points * 96 / 72:.0f}px"
