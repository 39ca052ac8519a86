"""How a rule is registered, and how the parts of a claim combine."""

import math

import pytest

from infomax_lib.stats import Interval
from paper.judging import claims
from paper.judging.claims import (
    Claim,
    Finding,
    Part,
    above,
    below,
    claim,
    combine,
    finding,
    inside,
    measured,
)
from paper.judging.evidence import MissingEvidence

TEXTS = {"place": "p", "statement": "s", "test": "t", "rule": "r"}


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(claims, "CLAIMS", {})
    return claims.CLAIMS


def rule_in(module):
    def rule(evidence):
        return Finding("supported", "it is so")

    rule.__module__ = module
    return rule


class TestRegistration:
    def test_says_where_the_claim_belongs(self, registered):
        rule = rule_in("paper.chapters.prior_art.rules.others")
        assert claim("002.10", **TEXTS)(rule) is rule
        assert registered == {
            "002.10": Claim("002.10", "002", "p", "s", "t", "r", "prior_art", rule)
        }

    @pytest.mark.parametrize("id", ["seven", "7", "000.", ".7", "000.7.1", "a.7", "000.b"])
    def test_of_no_claim_id_is_refused(self, id, registered):
        with pytest.raises(ValueError, match="claim id") as refusal:
            claim(id, **TEXTS)
        assert str(refusal.value) == f'claim id must look like "000.7", got {id!r}'

    def test_of_a_second_rule_is_refused(self, registered):
        first, second = (rule_in("paper.chapters.theory.rules") for _ in range(2))
        claim("000.1", **TEXTS)(first)
        with pytest.raises(ValueError, match="two rules") as refusal:
            claim("000.1", **TEXTS)(second)
        assert str(refusal.value) == f"claim 000.1 has two rules: {first} and {second}"
        assert registered["000.1"].function is first

    @pytest.mark.parametrize(
        "module", ["test_parts", "paper.chapters", "paper.judging.claims", "other.chapters.theory"]
    )
    def test_of_a_rule_outside_the_chapters_is_refused(self, module, registered):
        with pytest.raises(ValueError, match="put it into the rules") as refusal:
            claim("000.1", **TEXTS)(rule_in(module))
        assert str(refusal.value) == (
            f"the rule rule stands in {module}: put it into the rules of a chapter, "
            "paper/chapters/<chapter>/rules.py"
        )
        assert registered == {}


def part(holds, decisive=True):
    return Part("p", holds, "t", decisive)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(True), part(True)], "supported"),
        ([part(False), part(False)], "refuted"),
        ([part(True), part(False)], "mixed"),
        ([part(True), part(None)], "inconclusive"),
        ([part(False), part(None)], "inconclusive"),
        ([part(False), part(True, decisive=False)], "refuted"),
        ([part(True), part(False, decisive=False)], "mixed"),
        ([part(None), part(False, decisive=False)], "inconclusive"),
        ([part(False, decisive=False)], "refuted"),
        ([part(True, decisive=False), part(False, decisive=False)], "mixed"),
    ],
)
def test_combination_of_parts(parts, expected):
    assert combine(parts) == expected


def test_parts_are_decisive_unless_a_rule_says_otherwise():
    assert Part("p", True, "t").decisive


def test_no_parts_are_no_claim():
    with pytest.raises(ValueError, match=r"^a claim needs at least one part$"):
        combine([])


class TestSides:
    """Of an interval from 1 to 3; a limit itself belongs to the side that is named."""

    interval = Interval(2.0, 1.0, 3.0, 20)

    @pytest.mark.parametrize(
        ("limit", "is_above", "is_below"),
        [(0.9, True, False), (1.0, None, False), (2.0, None, None), (3.0, False, None),
         (3.1, False, True)],
    )  # fmt: skip
    def test_of_one_limit(self, limit, is_above, is_below):
        assert above(self.interval, limit) is is_above
        assert below(self.interval, limit) is is_below

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [(0, 4, True), (1, 3, True), (0, 2, None), (1.5, 4, None), (3, 5, None), (-1, 1, None),
         (3.1, 5, False), (-1, 0.9, False)],
    )  # fmt: skip
    def test_of_two_limits(self, low, high, expected):
        assert inside(self.interval, low, high) is expected

    def test_of_one_run_stay_open(self):
        one = Interval(2.0, math.nan, math.nan, 1)
        assert above(one, 0) is below(one, 4) is inside(one, 0, 4) is None


class TestMeasured:
    def test_part_is_what_was_measured(self):
        assert measured("moon", lambda: part(True)) == part(True)

    @pytest.mark.parametrize("decisive", [True, False])
    def test_part_not_measured_stays_open(self, decisive):
        def fails():
            raise MissingEvidence("runs of the moon")

        text = "not measured (needs runs of the moon)"
        assert measured("moon", fails, decisive) == Part("moon", None, text, decisive)
        assert measured("moon", fails).decisive


def test_finding_lists_every_part_with_its_outcome():
    parts = [
        Part("near", True, "1 against 2"),
        Part("far", False, "3 against 2"),
        Part("between", None, "too few"),
    ]
    text = "near — holds: 1 against 2; far — fails: 3 against 2; between — open: too few."
    assert finding(parts) == Finding("mixed", text, "not applicable")
    assert finding(parts, "partly", "Of 20 seeds:") == Finding(
        "mixed", f"Of 20 seeds: {text}", "partly"
    )
    assert Finding("mixed", text).number == "not applicable"


@pytest.mark.parametrize(
    "record",
    [part(True), Finding("mixed", "e"), Claim("0.1", "0", "p", "s", "t", "r", "c", combine)],
)
def test_what_was_found_cannot_be_changed(record):
    for name in record.__dataclass_fields__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)
