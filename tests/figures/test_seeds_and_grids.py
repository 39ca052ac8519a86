"""Figures hold what they should: every seed, means, floors, labels; and the same bytes."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from synthetic_evidence import GRID, evidence
from worlds import claimed

from infomax_lib.stats import mean_interval
from paper.figures.plane import animate_2d, film_strip, firing_regions_2d
from paper.figures.seeds_and_grids import (
    along_grid,
    heatmap_grid,
    published_beside_ours,
    seeds_by_condition,
    trajectories,
    weight_images,
)
from paper.figures.style import CYCLE, LABELS, NAMES, looks, panels, png, thumbnail
from paper.judging.published import compare

pytestmark = pytest.mark.usefixtures("house_style")


@pytest.fixture(scope="module")
def data():
    return evidence(claimed)


@pytest.fixture(scope="module")
def grid(data):
    return data.select(competition=["none", "softmax"], lambda_tc=list(GRID))


def points(axes):
    """All markers drawn without a line and seen through: the seeds."""
    return sum(
        len(line.get_xdata())
        for line in axes.lines
        if line.get_linestyle() == "None" and (line.get_alpha() or 1) < 1
    )


def test_every_seed_is_a_point(grid):
    _, axes = panels()
    seeds_by_condition(axes, grid[grid["lambda_tc"] == 1], "competition", "weight_redundancy")
    means = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert points(axes) == 40
    assert len(means) == 2
    expected = grid[(grid["lambda_tc"] == 1) & (grid["competition"] == "none")]
    assert means[0].get_ydata()[0] == pytest.approx(expected["weight_redundancy"].mean())
    assert [t.get_text() for t in axes.get_xticklabels()] == ["no softmax (A)", "softmax (B)"]
    assert axes.get_ylabel() == LABELS["weight_redundancy"]


def test_order_and_hue_of_conditions(grid):
    _, axes = panels()
    seeds_by_condition(axes, grid, "lambda_tc", "hsic", "competition", order=[100.0, 0.0])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["100", "0"]
    assert points(axes) == 80
    assert {t.get_text() for t in axes.get_legend().get_texts()} == {
        "no softmax (A)",
        "softmax (B)",
    }


def test_grid_has_every_seed_zero_and_floor(grid):
    _, axes = panels()
    along_grid(axes, grid, "weight_redundancy", floors={"random weights": 0.306})
    assert points(axes) == len(grid) == 320
    ticks = dict(
        zip([t.get_text() for t in axes.get_xticklabels()], axes.get_xticks(), strict=True)
    )
    assert list(ticks) == ["0", "0.1", "0.3", "1", "3", "10", "30", "100"]
    assert ticks["1"] == pytest.approx(0.0)
    assert ticks["100"] == pytest.approx(2.0)
    assert ticks["0"] < ticks["0.1"] - 0.5
    texts = [t.get_text() for t in axes.texts]
    assert "random weights" in texts
    assert texts.count("/") == 2  # the axis is broken
    assert any(np.allclose(line.get_ydata(), 0.306) for line in axes.lines)


def test_grid_band_is_the_interval(grid):
    _, axes = panels()
    only = grid[grid["competition"] == "none"]
    along_grid(axes, only, "weight_redundancy")
    band = axes.collections[0].get_paths()[0].vertices
    interval = mean_interval(only[only["lambda_tc"] == 100]["weight_redundancy"])
    at_100 = band[np.isclose(band[:, 0], 2.0), 1]
    assert at_100.min() == pytest.approx(interval.low)
    assert at_100.max() == pytest.approx(interval.high)


def test_diverged_seeds_are_left_out_not_drawn_as_numbers(grid):
    holes = grid.copy()
    holes.loc[holes["seed"] < 5, "weight_redundancy"] = np.nan
    _, axes = panels()
    along_grid(axes, holes, "weight_redundancy")
    assert points(axes) == 320 * 15 // 20


def test_trajectories_draw_every_run(data):
    h = data.history
    rows = h[(h["epochs"] == 1000) & (h["lambda_tc"] == 0) & (h["dataset"] == "mnist")]
    _, axes = panels()
    trajectories(axes, rows, "weight_redundancy", floors={"random": 0.3})
    thin = [line for line in axes.lines if line.get_linewidth() == 0.7]
    assert len(thin) == 10
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "10", "100", "1000"]
    thick = [line for line in axes.lines if line.get_linewidth() == 1.8 and len(line.get_xdata())]
    soft = rows[(rows["competition"] == "softmax") & (rows["epoch"] == 1000)]
    ends = [line.get_ydata()[-1] for line in thick]
    assert any(end == pytest.approx(soft["weight_redundancy"].mean()) for end in ends)


def test_heatmap_writes_the_means(data):
    runs = data.runs
    rows = runs[(runs["competition"] == "none") & (runs["epochs"] == 100)]
    rows = rows[(rows["lambda_tc"] == 1) & (rows["learning_rate"] != 1e-3)]
    rows = rows[rows["hidden_dim"] == 16].copy()
    rows.loc[(rows["optimizer"] == "sgd") & (rows["learning_rate"] == 10), "loss"] = np.nan
    _, axes = panels()
    heatmap_grid(axes, rows, "learning_rate", "optimizer", "loss", digits=0)
    texts = [t.get_text() for t in axes.texts]
    assert len(texts) == 10
    assert texts.count("–") == 1
    assert "−100" in texts


def test_published_numbers_are_diamonds(data):
    comparison = compare("optimizers", data)
    figure = published_beside_ours(comparison)
    diamonds = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    assert len(diamonds) == 6  # two cells hold words
    assert any(d.get_xdata()[0] == -202.07 for d in diamonds)
    assert len(figure.axes) == 2


def test_weight_images_show_every_row():
    weights = np.arange(32.0).reshape(8, 4) - 16
    figure = weight_images(weights, (2, 2), titles=[f"unit {i}" for i in range(8)])
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(pictures) == 8
    assert np.array_equal(pictures[3].get_array(), weights[3].reshape(2, 2))
    assert pictures[0].get_clim() == (-16, 16)
    with pytest.raises(ValueError, match="pictures"):
        weight_images(weights, (3, 2))


def test_firing_regions_count_firing_units():
    _, axes = panels()
    firing_regions_2d(axes, [[1.0, 0.0], [0.0, 2.0]], [1.0, -1.0], np.zeros((5, 2)))
    count = np.asarray(axes.images[0].get_array())
    # Unit 0 fires where x₁ > −1, unit 1 where x₂ > 0.5; rows of the picture run along x₂.
    left, right, low, high = (round(40 * (x + 3)) for x in (-1.1, -0.9, 0.4, 0.6))
    assert count[low, left] == 0
    assert count[low, right] == count[high, left] == 1
    assert count[high, right] == 2
    lines = [line for line in axes.lines if line.get_linewidth() == 2]
    assert len(lines) == 2
    assert np.allclose(lines[0].get_xdata(), -1)
    assert np.allclose(lines[1].get_ydata(), 0.5)
    assert lines[0].get_color() != lines[1].get_color()
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


@pytest.mark.parametrize(
    ("weights", "biases"),
    [(np.ones((2, 3)), np.ones(2)), (np.ones((2, 2)), np.ones(3)), (np.ones((9, 2)), np.ones(9))],
)
def test_firing_regions_refuse_other_layers(weights, biases):
    _, axes = panels()
    with pytest.raises(ValueError, match=r"need weights|told apart"):
        firing_regions_2d(axes, weights, biases)


FRAMES = [(f"epoch {i}", [[1.0, 0.1 * i], [0.0, 1.0]], [0.1 * i, 0.0]) for i in range(3)]


def test_film_strip_has_one_panel_per_frame():
    figure = film_strip(FRAMES, columns=2)
    assert [axes.get_title() for axes in figure.axes if axes.images] == [t for t, _, _ in FRAMES]


def test_animation_is_a_gif_with_alternative_text():
    html = animate_2d(FRAMES, 'Two "lines" turn', width=200).data
    data = re.search(r"base64,([^\"]+)\"", html).group(1)
    film = Image.open(io.BytesIO(base64.b64decode(data)))
    assert film.format == "GIF"
    assert film.n_frames == 3
    assert film.width == 200
    assert 'alt="Two &quot;lines&quot; turn"' in html
    with pytest.raises(ValueError, match="alt"):
        animate_2d(FRAMES, " ")


def test_thumbnail_fits():
    figure = film_strip(FRAMES)
    picture = base64.b64decode(thumbnail(figure, limit=12_000))
    assert len(picture) <= 12_000
    assert Image.open(io.BytesIO(picture)).format == "PNG"
    with pytest.raises(ValueError, match="80 pixels"):
        thumbnail(figure, limit=100)


def draw(format_):
    figure, axes = panels()
    axes.plot([1.0, 3.0], label="value")
    axes.legend()
    if format_ == "png":
        return png(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


@pytest.mark.parametrize("format_", ["png", "svg"])
def test_the_same_figure_has_the_same_bytes(format_):
    first = draw(format_)
    assert first == draw(format_)
    assert b"Date" not in first
    assert b"dc:date" not in first


def test_text_is_large_enough(grid):
    figure, axes = panels()
    along_grid(axes, grid, "hsic", floors={"floor": 0.001})
    figure.canvas.draw()
    sizes = [t.get_fontsize() for t in [*axes.get_xticklabels(), *axes.texts, axes.xaxis.label]]
    assert min(sizes) >= 9


def test_looks_are_fixed_and_distinct():
    forwards, backwards = looks(["none", "softmax"]), looks(["softmax", "none"])
    assert forwards["none"] == backwards["none"]
    many = looks(["softmax", "a", "none", "b"])
    for position in range(3):
        assert len({repr(look[position]) for look in many.values()}) == 4
    with pytest.raises(ValueError, match="told apart"):
        looks(range(len(CYCLE) + 1))


def test_empty_and_wrong_tables_are_refused(grid):
    _, axes = panels()
    with pytest.raises(ValueError, match="no rows"):
        along_grid(axes, grid[:0], "hsic")
    with pytest.raises(KeyError, match="hsik"):
        along_grid(axes, grid, "hsik")
    with pytest.raises(ValueError, match="negative"):
        along_grid(axes, grid.assign(lambda_tc=-1.0), "hsic")


def test_spec_values_have_names():
    assert {"none", "softmax", "adam", "sgd", "twins", "offset_twins"} <= set(NAMES)
