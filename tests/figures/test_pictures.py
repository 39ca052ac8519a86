"""Figures on executed pages: one form each, the lighter one, with its width and its text."""

import base64
import io
import re

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


def heat_map():
    figure, axes = panels()
    axes.imshow(np.arange(6.0).reshape(2, 3))
    return cell_with(figure)


def test_the_same_figure_drawn_again_gives_the_same_bytes():
    first, again = heat_map(), heat_map()
    assert first.outputs[0].data[SVG] != again.outputs[0].data[SVG]  # else this shows nothing
    for cell in (first, again):
        keep_one_form(cell)
    assert first.outputs == again.outputs


def test_names_are_found_and_belong_to_one_figure(lines):
    found = []
    for cell in (lines, heat_map()):
        keep_one_form(cell)
        text = cell.outputs[0].data[SVG]
        names = re.findall(r' id="([^"]+)"', text)
        assert len(names) == len(set(names)) > 3
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) <= set(names)
        found.append(set(names))
    assert not found[0] & found[1]


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
