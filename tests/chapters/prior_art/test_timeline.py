"""The timeline of prior art: years, authors, formulas, figure, and the mathematics it states.

Bibliography by pybtex; identities between objectives in float64 by NumPy.
"""

import codecs
import re
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import latexcodec  # noqa: F401 - registers the codec "ulatex"
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import same_color
from matplotlib.mathtext import MathTextParser
from pybtex.database import parse_file

from paper.chapters.prior_art.figures.methods import method_looks
from paper.chapters.prior_art.timeline import LANES, TIMELINE, Work, timeline_figure, timeline_table
from paper.figures.style import use_style
from paper.methods.methods import METHODS

BIBLIOGRAPHY = parse_file(Path(__file__).parents[3] / "book" / "references.bib").entries
KEYS = [work.key for work in TIMELINE]
WORKS = pytest.mark.parametrize("work", TIMELINE, ids=KEYS)


def plain(latex):
    return re.sub(r"[{}]", "", codecs.decode(latex, "ulatex"))


def formulas(work):
    """All TeX of a work, with the dollar signs taken off."""
    return [work.objective, *re.findall(r"\$(.+?)\$", work.shares)]


@WORKS
def test_year_is_that_of_the_bibliography(work):
    assert work.year == int(BIBLIOGRAPHY[work.key].fields["year"])


@WORKS
def test_authors_are_those_of_the_bibliography(work):
    names = [plain(" ".join(p.last_names)) for p in BIBLIOGRAPHY[work.key].persons["author"]]
    assert work.authors == (" & ".join(names) if len(names) < 3 else f"{names[0]} et al.")


@WORKS
def test_formulas_parse(work):
    assert work.shares.count("$") % 2 == 0
    assert "$" not in work.objective
    for tex in formulas(work):
        for opening, closing in ("{}", "()", "[]"):
            assert tex.count(opening) == tex.count(closing), tex
        width, height, *_ = MathTextParser("path").parse(f"${tex}$")
        assert min(width, height) > 0


@WORKS
def test_family_is_a_lane_and_that_of_its_methods(work):
    assert work.family in LANES
    assert {METHODS[name].family for name in work.methods} <= {work.family}


def test_a_work_has_all_its_fields_and_no_other_and_a_family_with_a_lane():
    fields = TIMELINE[0].model_dump()
    assert Work(**fields) == TIMELINE[0]
    for changes, message in (
        ({"family": "pictures"}, "family\n.*choose one of InfoMax, components"),
        ({"year": "soon"}, "year\n.*integer"),
        ({"journal": "Nature"}, "journal\n.*not permitted"),
    ):
        with pytest.raises(ValueError, match=message):
            Work(**fields | changes)
    with pytest.raises(ValueError, match=r"objective\n.*required"):
        Work(**{name: value for name, value in fields.items() if name != "objective"})


def test_works_stand_in_order_and_once():
    assert [(w.year, w.key) for w in TIMELINE] == sorted({(w.year, w.key) for w in TIMELINE})


def test_every_method_with_a_paper_of_its_own_has_a_work():
    sources = {name: method.sources for name, method in METHODS.items() if method.sources}
    shown = {name: tuple(w.key for w in TIMELINE if name in w.methods) for name in METHODS}
    assert {name: keys for name, keys in shown.items() if keys} == sources
    # No one paper: controls, PCA (1901, before the timeline begins) and an L1 penalty on a code.
    without = {"untrained", "supervised", "pca", "pca_relu", "sparse_autoencoder"}
    assert not without & sources.keys()


@pytest.fixture(scope="module")
def drawn():
    with rc_context():
        use_style()
        figure = timeline_figure()
        figure.canvas.draw()
        yield figure


def test_labels_neither_overlap_nor_leave_the_figure(drawn):
    texts = drawn.axes[0].texts
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    assert len(boxes) > len(TIMELINE) + len(LANES)
    page = drawn.bbox
    for name, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, name
        assert page.y0 <= box.y0 < box.y1 <= page.y1, name
    for (name, box), (other, second) in combinations(boxes, 2):
        assert not box.overlaps(second), (name, other)


def test_labels_cover_no_dot(drawn):
    axes = drawn.axes[0]
    for line in axes.lines:
        if line.get_marker() in ("o", "D"):
            centre = axes.transData.transform(np.column_stack(line.get_data()))[0]
            radius = line.get_markersize() / 2 * drawn.dpi / 72
            for text in axes.texts:
                box = text.get_window_extent().padded(radius)
                assert not box.contains(*centre), text.get_text()


def test_labels_are_readable_at_the_width_of_a_phone(drawn):
    pixels_per_point = 390 / (72 * drawn.get_figwidth())
    assert min(text.get_fontsize() for text in drawn.axes[0].texts) * pixels_per_point > 9.5


def test_every_work_is_a_dot_in_the_lane_and_colour_of_its_family(drawn):
    axes = drawn.axes[0]
    place = {text.get_text(): text.get_position()[0] for text in axes.texts}
    looks = method_looks()
    colours = {METHODS[name].family: looks[name][0] for name in METHODS}
    colours["InfoMax"] = looks["infomax_relu"][0]
    dots = [line for line in axes.lines if line.get_marker() == "o"][: len(TIMELINE)]
    for row, (work, dot) in enumerate(zip(TIMELINE, dots, strict=True)):
        (x,), (y,) = dot.get_data()
        assert (x, y) == (place[LANES[work.family]], row)
        assert same_color(dot.get_markeredgecolor(), colours[work.family])
        face = colours[work.family] if work.methods else "white"
        assert same_color(dot.get_markerfacecolor(), face)


def test_years_stand_at_their_first_work(drawn):
    shown = {
        int(text.get_text()): text.get_position()[1]
        for text in drawn.axes[0].texts
        if text.get_text().isdigit()
    }
    years = [work.year for work in TIMELINE]
    assert shown == {year: years.index(year) for year in years}


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.depth = [], 0

    def handle_starttag(self, tag, attrs):
        self.depth += 1
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.depth -= 1

    def handle_data(self, data):
        if data.strip():
            self.rows[-1][-1] += data


def test_table_has_a_row_per_work_with_its_formulas_for_mathjax():
    html = timeline_table()
    assert html.startswith('<div class="timeline mathjax_process">')
    parser = Cells()
    parser.feed(html)
    assert parser.depth == 0
    header, *rows = parser.rows
    assert len(header) == 3
    for work, row in zip(TIMELINE, rows, strict=True):
        name, formula, measured = row
        assert name == f"{work.authors} {work.year}: {work.name}"
        objective, shares = formula.split(" — ", 1)
        assert objective == rf"\({work.objective}\)"
        assert re.findall(r"\\\((.+?)\\\)", shares) == formulas(work)[1:]
        assert "$" not in shares
        assert measured == (", ".join(METHODS[m].label for m in work.methods) or "–")


# --- statements of the column "shares" -----------------------------------------------------------

RNG = np.random.default_rng(0)


def random_correlation(size=5, strength=1.0):
    x = RNG.normal(size=(40, size)) + strength * RNG.normal(size=(40, 1))
    return np.corrcoef(x, rowvar=False)


def test_log_det_of_a_correlation_is_half_the_squared_distance_to_second_order():
    off = random_correlation() - np.eye(5)
    for step in (1e-2, 1e-3):
        exact = -np.linalg.slogdet(np.eye(5) + step * off).logabsdet
        assert exact == pytest.approx(np.sum((step * off) ** 2) / 2, rel=10 * step)


def test_log_det_of_the_weight_holds_both_terms():
    weight, x = RNG.normal(size=(4, 4)), RNG.normal(size=(300, 4)) @ RNG.normal(size=(4, 4))
    a = x @ weight.T
    log_det = np.linalg.slogdet(np.corrcoef(a, rowvar=False)).logabsdet
    terms = np.log(a.var(0, ddof=1)).sum() + log_det
    constant = np.linalg.slogdet(np.cov(x, rowvar=False)).logabsdet
    assert 2 * np.linalg.slogdet(weight).logabsdet == pytest.approx(terms - constant)


def test_unpredictable_share_of_a_unit_is_the_inverse_of_the_inverse():
    x = RNG.normal(size=(200, 4)) @ RNG.normal(size=(4, 4))
    a = (x - x.mean(0)) / x.std(0)
    inverse = np.linalg.inv(np.corrcoef(a, rowvar=False))
    for j in range(4):
        others = np.delete(a, j, 1)
        rest = a[:, j] - others @ np.linalg.lstsq(others, a[:, j])[0]
        assert np.mean(rest**2) == pytest.approx(1 / inverse[j, j])


@pytest.mark.parametrize("rows", [3, 8])
def test_reconstruction_of_white_inputs_is_the_gram_term(rows):
    weight = RNG.normal(size=(rows, 5))
    x = np.linalg.qr(RNG.normal(size=(50, 5)))[0] * np.sqrt(50)  # mean of x x' is I
    cost = np.mean(np.sum((x @ weight.T @ weight - x) ** 2, 1))
    gram = np.sum((weight @ weight.T - np.eye(rows)) ** 2)
    assert cost == pytest.approx(gram + 5 - rows)


def test_one_hot_outputs_equally_often_are_best_for_variance_and_for_information():
    def values(a):
        entropy = -(a * np.log(np.maximum(a, 1e-300))).sum(1).mean()
        p = a.mean(0)
        return -np.log(a.var(0)).sum(), -(p * np.log(p)).sum() - entropy

    best_loss, most_information = values(np.tile(np.eye(4), (25, 1)))
    for scale in (0.3, 3.0, 30.0):
        h = scale * RNG.normal(size=(100, 4))
        a = np.exp(h - h.max(1, keepdims=True))
        loss, information = values(a / a.sum(1, keepdims=True))
        assert loss > best_loss
        assert information < most_information == pytest.approx(np.log(4))


def test_balanced_binary_outputs_are_best_for_variance_and_for_binary_information_gain():
    def values(a):
        p = a.mean()
        conditional = -(a * np.log(a) + (1 - a) * np.log(1 - a)).mean()
        return -np.log(a.var()), -(p * np.log(p) + (1 - p) * np.log(1 - p)) - conditional

    tiny = 1e-12
    best_loss, most = values(np.repeat([tiny, 1 - tiny], 50))
    assert most == pytest.approx(np.log(2))
    for scale, shift in ((0.5, 0.0), (5.0, 0.0), (5.0, 3.0)):
        loss, gain = values(1 / (1 + np.exp(-scale * RNG.normal(size=100) - shift)))
        assert loss > best_loss
        assert gain < most
