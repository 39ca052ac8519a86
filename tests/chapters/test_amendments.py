"""The page of amendments: what was counted before and now, and a row for each."""

from paper.chapters.ledger.amendments import amendments_html, counts_before_and_now
from paper.judging.verdicts import Verdict, Verdicts

TEXTS = ("place", "a <b> statement", "test", "rule", "evidence", "not applicable")


def verdict(name, now, **amendment):
    return Verdict(name, "000", *TEXTS, now, "theory", **amendment)


VERDICTS = Verdicts(
    [
        verdict("000.1", "supported"),
        verdict("000.2", "refuted", before="inconclusive", amended="the wrong <null>"),
        verdict("000.3", "refuted", before="mixed", amended="no smallest effect"),
    ]
)


def test_a_claim_that_was_not_amended_counts_the_same_on_both_sides():
    table = counts_before_and_now(VERDICTS)
    assert table.to_dict("list") == {
        "verdict": ["supported", "mixed", "refuted", "inconclusive"],
        "before": [1, 1, 0, 1],
        "now": [1, 0, 2, 0],
    }


def test_every_amendment_is_a_row_with_both_verdicts_and_the_reason():
    html = amendments_html(VERDICTS)
    assert html.count("<tr>") == 3
    assert "000.1<" not in html
    assert 'href="ledger.html#claim-000-2"' in html
    assert "the wrong &lt;null&gt;" in html
    assert "a &lt;b&gt; statement" in html
    assert '<span class="badge-verdict inconclusive">inconclusive</span>' in html
