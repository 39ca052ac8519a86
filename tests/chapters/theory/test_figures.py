"""Figures of the theory chapter hold what they should; so do films and lists of identities."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from infomax_lib.stats import mean_interval
from paper.chapters.theory.experiment import ring_mixture
from paper.chapters.theory.figures import (
    architectures,
    arrangement_panels,
    interval_grid,
    mixture_figure,
    mixture_moments,
    region_growth,
)
from paper.chapters.theory.identities import check_identities
from paper.chapters.theory.mixture import fit_explicit, fit_implicit
from paper.chapters.theory.words import identity_list
from paper.figures.film import film
from paper.figures.style import panels

pytestmark = pytest.mark.usefixtures("house_style")


@pytest.fixture(scope="module")
def fits():
    x, _, start, variance = ring_mixture(4, 100, 2)
    explicit = fit_explicit(x, start, variance, 5)
    return x, {"explicit EM": explicit, "implicit EM": fit_implicit(x, start, variance, 5, 4.0)}


def test_diagrams_show_where_the_loss_and_the_softmax_are():
    figure = architectures()
    titles = [axes.get_title("left") for axes in figure.axes]
    assert len(titles) == 4
    a, b, source, lse = figure.axes
    count = [sum(isinstance(p, FancyBboxPatch) for p in axes.patches) for axes in figure.axes]
    assert count == [4, 5, 4, 6]
    assert "softmax" not in " ".join(t.get_text() for t in a.texts)
    assert "a = softmax(h)" in [t.get_text() for t in b.texts]
    assert "r = softmax(−z)" in [t.get_text() for t in source.texts]
    assert "−softmax(h) / N" in [t.get_text() for t in lse.texts]
    # the one dashed arrow of source 001 leads to the softmax, through which nothing is learned
    dashed = [t for t in source.texts if getattr(t, "arrow_patch", None) is not None]
    dashed = [t.arrow_patch.get_linestyle() for t in dashed]
    assert len([line for line in dashed if line not in ("-", "solid")]) == 1


def test_no_two_boxes_overlap():
    for axes in architectures().axes:
        boxes = [p.get_bbox() for p in axes.patches if isinstance(p, FancyBboxPatch)]
        for i, first in enumerate(boxes):
            assert not any(first.overlaps(other) for other in boxes[i + 1 :])


def test_mixture_shows_samples_prototypes_and_their_way(fits):
    x, both = fits
    figure = mixture_figure(both, x, 3)
    assert len(figure.axes) == 2
    for axes, fit in zip(figure.axes, both.values(), strict=True):
        (samples,) = axes.collections
        assert len(samples.get_offsets()) == len(x)
        ends = [line.get_xydata()[-1] for line in axes.lines if len(line.get_xydata()) == 1]
        assert np.allclose(ends, fit.means[3].numpy())
        ways = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 4]
        assert len(ways) == 4
        assert f"{float(fit.log_likelihood[3]):.2f}".lstrip("-") in axes.get_title()


def test_colours_are_mixed_by_responsibility(fits):
    x, both = fits
    (samples,) = mixture_figure(both, x, 5).axes[0].collections
    sure = both["explicit EM"].responsibilities[5].max(1).values > 0.999
    winner = both["explicit EM"].responsibilities[5].argmax(1)
    colours = samples.get_facecolors()[:, :3]
    for unit in range(4):
        own = colours[(sure & (winner == unit)).numpy()]
        assert len(own)
        assert np.abs(own - own[0]).max() < 0.01


def test_a_shorter_fit_shows_its_last_moment_and_strays_are_counted(fits):
    x, both = fits
    far = both["explicit EM"]
    far = far._replace(means=far.means * 100)
    title = mixture_figure({"far": far}, x, 99).axes[0].get_title()
    assert "step 5" in title
    assert "4 outside" in title


def test_moments_are_dense_at_first_and_end_at_the_end():
    moments = mixture_moments(60)
    assert moments[:4] == [0, 1, 2, 3]
    assert moments[-1] == 60
    assert len(moments) <= 25
    assert mixture_moments(0) == [0]


def test_film_has_its_frames_and_its_alternative_text(fits):
    x, both = fits
    html = film(
        [mixture_figure(both, x, t) for t in (0, 2, 5)], 'four "prototypes"', width=300
    ).data
    assert 'alt="four &quot;prototypes&quot;"' in html
    data = re.search(r"base64,([^\"]+)", html).group(1)
    gif = Image.open(io.BytesIO(base64.b64decode(data)))
    assert gif.n_frames == 3
    assert gif.width == 300
    gif.seek(2)
    assert gif.info["duration"] == 2000


def test_film_without_text_or_figures_is_refused(fits):
    x, both = fits
    with pytest.raises(ValueError, match="alt"):
        film([mixture_figure(both, x, 0)], " ")
    with pytest.raises(ValueError, match="figure"):
        film([], "nothing")


def test_arrangements_name_their_regions():
    titles = [axes.get_title() for axes in arrangement_panels().axes]
    assert [int(re.search(r"(\d+) regions", t).group(1)) for t in titles] == [4, 7, 11, 16]
    assert ["32" in titles[-1], "lines" in titles[0]] == [True, True]


def test_region_growth_draws_the_formula_and_every_layer():
    _, axes = panels()
    region_growth(axes, range(1, 9), (2, 8), {"A": [100, 120], "untrained": [50]})
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["2 dimensions"].get_ydata()) == [
        1 + k + k * (k - 1) // 2 for k in range(1, 9)
    ]
    assert list(lines["8 dimensions"].get_ydata()) == [2**k for k in range(1, 9)]
    assert list(lines["occupied, A"].get_ydata()) == [100, 120]
    assert set(lines["occupied, A"].get_xdata()) != set(lines["occupied, untrained"].get_xdata())
    assert axes.get_yscale() == "log"


def grid_table():
    values = {("p", "u"): 1.0, ("p", "v"): 10.0, ("q", "u"): 100.0}
    rows = [
        {"row": r, "column": c, "value": v * (1 + 0.01 * seed), "seed": seed}
        for (r, c), v in values.items()
        for seed in range(5)
    ]
    return pd.DataFrame(rows)


def test_interval_grid_writes_mean_and_interval():
    table = grid_table()
    _, axes = panels()
    interval_grid(axes, table, "column", "row", "value", log=True, title="values")
    texts = [t.get_text() for t in axes.texts]
    expected = mean_interval(table[(table["row"] == "p") & (table["column"] == "v")]["value"])
    assert texts[1].replace("\n", " ") == str(expected)
    assert texts[3] == "–"  # there is no run of (q, v)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["u", "v"]
    assert axes.get_title() == "values"
    shades = axes.images[0].get_array()
    # on a logarithmic scale the middle value lies in the middle
    assert shades[0, 1] - shades[0, 0] == pytest.approx(shades[1, 0] - shades[0, 1])


def test_interval_grid_of_equal_or_missing_values():
    table = grid_table().assign(value=2.0)
    _, axes = panels()
    interval_grid(axes, table, "column", "row", "value")
    assert axes.texts[0].get_text().startswith("2\n")
    _, axes = panels()
    interval_grid(axes, table.assign(value=np.nan), "column", "row", "value")
    assert {t.get_text() for t in axes.texts} == {"–"}
    with pytest.raises(KeyError, match="nothing"):
        interval_grid(axes, table, "nothing", "row", "value")
    with pytest.raises(ValueError, match="no rows"):
        interval_grid(axes, table.iloc[:0], "column", "row", "value")


def test_identities_are_listed_with_formula_and_check():
    checked = check_identities(seeds=[0])
    text = identity_list(checked, "collapse")
    rows = checked[checked["section"] == "collapse"]
    assert text.index("unit without variance") < text.index("the same on every sample")
    assert text.count("$$") == 2 * len(rows) > 0
    for _, row in rows.iterrows():
        assert row["latex"] in text
        assert row["claims"] in text
    assert "so it holds" in text
    listed = identity_list(checked.assign(holds=False, difference=0.25), "collapse")
    assert "**does not hold**" in listed
    assert r"$2 \cdot 10^{-1}$" in listed
    with pytest.raises(KeyError, match="moon"):
        identity_list(checked, "moon")
