"""Figures in one form each: the lighter one, with its width, the same bytes whenever drawn."""

import base64
import io
import re

import numpy as np
import pytest
from IPython.core.pylabtools import print_figure
from PIL import Image

from paper.figures.pictures import PNG, SVG, one_form
from paper.figures.style import panels


def drawn(figure):
    """The figure as matplotlib writes it."""
    return print_figure(figure, fmt="svg", metadata={"Date": None})


@pytest.fixture
def lines():
    figure, axes = panels()
    axes.plot([1, 3, 2])
    return figure


@pytest.fixture
def many_points():
    figure, axes = panels()
    axes.plot(np.random.default_rng(0).standard_normal(9000), "o", markersize=1)
    return figure


def heat_map():
    figure, axes = panels()
    axes.imshow(np.arange(6.0).reshape(2, 3))
    return figure


def test_few_lines_stay_vectors(lines):
    data, about = one_form(lines)
    assert data.keys() == {SVG}
    assert data[SVG].startswith("<svg")
    assert len(data[SVG]) < 0.8 * len(drawn(lines))
    assert about == {}


def test_many_points_become_pixels_of_the_width_of_their_figure(many_points):
    data, about = one_form(many_points)
    assert data.keys() == {PNG}
    assert len(data[PNG]) < len(drawn(many_points))
    image = Image.open(io.BytesIO(base64.b64decode(data[PNG])))
    points = float(re.search(r'width="([\d.]+)pt"', drawn(many_points))[1])
    assert about[PNG]["width"] == pytest.approx(points * 96 / 72, abs=1)
    assert image.width == pytest.approx(2 * many_points.dpi * points / 72, rel=0.02)


def test_nothing_is_shown_of_an_empty_figure():
    figure, axes = panels()
    axes.remove()
    assert one_form(figure) == ({}, {})


def test_the_same_figure_drawn_again_gives_the_same_bytes():
    first, again = heat_map(), heat_map()
    assert drawn(first) != drawn(again)  # else this shows nothing
    assert one_form(first) == one_form(again)


def test_names_are_found_and_belong_to_one_figure(lines):
    found = []
    for figure in (lines, heat_map()):
        text = one_form(figure)[0][SVG]
        names = re.findall(r' id="([^"]+)"', text)
        assert len(names) == len(set(names)) > 3
        assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) <= set(names)
        found.append(set(names))
    assert not found[0] & found[1]
