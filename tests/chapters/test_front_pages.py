"""What the front pages take from executed chapters."""

import nbformat
import pytest
import yaml

from paper.chapters.ledger.front_pages import answer, takeaway, verdict_counts_html
from paper.judging.verdicts import INTERPRETATION_VERDICTS, Card, Verdict, Verdicts

CARD = Card("first", "First", "It is so.", "2", "mixed", "A number.", takeaway="It is two.")


@pytest.fixture
def book(tmp_path):
    """A checkout with one chapter, whose page shows the card that ``show`` is given."""
    toc = {"root": "landing", "parts": [{"chapters": [{"file": "findings/first"}]}]}
    (tmp_path / "book" / "findings").mkdir(parents=True)
    (tmp_path / "book" / "_toc.yml").write_text(yaml.safe_dump(toc), "utf8")

    def show(*cards):
        outputs = [
            nbformat.v4.new_output("display_data", data=card._repr_mimebundle_()) for card in cards
        ]
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("card", outputs=outputs)])
        nbformat.write(page, tmp_path / "book" / "findings" / "first.ipynb")
        return tmp_path

    return show


def test_takeaway_is_the_cards(book):
    assert takeaway("first", book(CARD)) == "It is two."
    assert "It is two." not in CARD.html()


def test_no_takeaway_is_empty(book, tmp_path):
    book()
    assert takeaway("first", tmp_path) == ""
    book(Card("first", "First", "It is so.", "2", "mixed", "A number."))
    assert takeaway("first", tmp_path) == ""
    (tmp_path / "book" / "findings" / "first.ipynb").unlink()
    assert takeaway("first", tmp_path) == ""


def test_every_verdict_is_counted_with_a_badge_of_its_own():
    texts = ["p", "s", "t", "r", "e", "not applicable"]
    given = ["proved", "not supported", "not supported", "disproved by construction"]
    verdicts = Verdicts(
        Verdict(f"000.{n}", "000", *texts, interpretation, "theory")
        for n, interpretation in enumerate(given)
    )
    html = verdict_counts_html(verdicts)
    for name in INTERPRETATION_VERDICTS:
        css = name.replace(" ", "-")
        assert f'badge-verdict {css}">{name}</span> {given.count(name)}</span>' in html
    assert 'badge-verdict proved" style="flex: 1"></span>' in html
    assert 'badge-verdict not-supported" style="flex: 2"></span>' in html
    assert 'refuted" style' not in html


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        ("supported", "end up less alike than without"),
        ("refuted", "no less alike"),
        ("underpowered", "is open"),
        (None, "is open (claim 000.2: **not judged**)."),
    ],
)
def test_the_answer_follows_the_verdicts(verdict, says):
    texts = ["p", "s", "t", "r", "e", "not applicable"]
    given = [] if verdict is None else [Verdict("000.2", "000", *texts, verdict, "c")]
    said = answer(Verdicts(given)).split(". ")
    assert says in said[0] + "."
    assert "000.2" in said[0]
    assert "is open (claim 002.13: **not judged**)" in answer(Verdicts(given))
