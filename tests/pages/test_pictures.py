"""Figures on executed pages: one form each, the lighter one, with its width and its text."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from paper.figures.style import panels, png
from paper.pages.pictures import PNG, SVG, keep_one_form


def cell_with(figure, alt="what is seen"):
    vectors = io.StringIO()
    figure.savefig(vectors, format="svg", metadata={"Date": None})
    pixels = base64.b64encode(png(figure, dpi=220)).decode()
    output = nbformat.v4.new_output(
        "display_data",
        {SVG: vectors.getvalue(), PNG: pixels, "text/plain": "<Figure>"},
        metadata={PNG: {"width": 660}},
    )
    metadata = {"mystnb": {"image": {"alt": alt}}}
    return nbformat.v4.new_code_cell("fig", outputs=[output], metadata=metadata)


@pytest.fixture
def lines():
    figure, axes = panels()
    axes.plot([1, 3, 2])
    return cell_with(figure)


@pytest.fixture
def many_points():
    figure, axes = panels()
    axes.plot(np.random.default_rng(0).standard_normal(9000), "o", markersize=1)
    return cell_with(figure)


def test_few_lines_stay_vectors(lines):
    before = len(lines.outputs[0].data[SVG])
    keep_one_form(lines)
    data = lines.outputs[0].data
    assert PNG not in data
    assert data[SVG].startswith("<svg")
    assert len(data[SVG]) < 0.8 * before
    assert "width" not in lines.metadata.mystnb.image


def test_many_points_become_pixels_of_the_width_of_their_figure(many_points):
    vectors = many_points.outputs[0].data[SVG]
    keep_one_form(many_points)
    data = many_points.outputs[0].data
    assert SVG not in data
    assert len(data[PNG]) < len(vectors)
    image = Image.open(io.BytesIO(base64.b64decode(data[PNG])))
    width = float(many_points.metadata.mystnb.image.width.removesuffix("px"))
    assert width == pytest.approx(96 * image.width / 220, rel=0.01)
    assert many_points.metadata.mystnb.image.alt == "what is seen"


def test_the_same_figure_gives_the_same_bytes(lines):
    again = nbformat.from_dict(lines)
    keep_one_form(lines)
    keep_one_form(again)
    assert again == lines


def test_other_outputs_stay_as_they_are():
    outputs = [
        nbformat.v4.new_output("stream", text="text"),
        nbformat.v4.new_output("display_data", {PNG: "abc"}),
        nbformat.v4.new_output("display_data", {"text/html": "<table>"}),
    ]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs)
    before = nbformat.from_dict(cell)
    keep_one_form(cell)
    assert cell == before
