"""How a rule is registered, and how the parts of a claim combine."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from infomax_lib.stats import Interval, format_number, limits_of_skewed, mean_interval
from paper.judging import claims
from paper.judging.claims import (
    Claim,
    Finding,
    Part,
    bar_passed,
    claim,
    combine,
    decided,
    disproved,
    fact,
    finding,
    measured,
    proved,
)
from paper.judging.decisions import Decision
from paper.judging.evidence import MissingEvidence
from paper.judging.verdicts import INTERPRETATION_VERDICTS

TEXTS = {
    "place": "p", "quote": "q", "statement": "s", "test": "t", "rule": "r", "decisive": "d",
    "smallest": "e",
}  # fmt: skip


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
            "002.10": Claim(
                id="002.10", source="002", chapter="prior_art", function=rule, **TEXTS
            )
        }  # fmt: skip

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

    @pytest.mark.parametrize("name", TEXTS)
    def test_without_a_text_is_refused(self, name, registered):
        with pytest.raises(TypeError, match=name):
            claim("000.1", **{n: text for n, text in TEXTS.items() if n != name})
        for empty in ("", " \n"):
            with pytest.raises(ValueError, match="says nothing") as refusal:
                claim("000.1", **TEXTS | {name: empty})
            assert str(refusal.value) == f"claim 000.1 says nothing under {name}"
        assert registered == {}

    def test_names_every_text_that_is_absent(self, registered):
        with pytest.raises(ValueError, match=r"^claim 000\.1 says nothing under quote, smallest$"):
            claim("000.1", **TEXTS | {"quote": "", "smallest": ""})

    def test_says_what_was_amended_and_what_was_said_before(self, registered):
        rule = rule_in("paper.chapters.theory.rules")
        claim("000.1", **TEXTS, before="refuted", amended="A bar was added.")(rule)
        found = registered["000.1"]
        assert (found.before, found.amended) == ("refuted", "A bar was added.")

    @pytest.mark.parametrize("half", [{"before": "refuted"}, {"amended": "A bar was added."}])
    def test_of_half_an_amendment_is_refused(self, half, registered):
        with pytest.raises(ValueError, match="amendment") as refusal:
            claim("000.1", **TEXTS, **half)
        assert str(refusal.value) == (
            "claim 000.1: an amendment needs both, the verdict before and the reason"
        )


def part(outcome, decisive=True):
    return Part("p", outcome, "t", decisive)


#: Outcomes of the decisive parts → the verdict, in any order.
COMBINED = [
    (["holds"], "supported"),
    (["holds", "holds"], "supported"),
    (["proved"], "proved"),
    (["proved", "proved"], "proved"),
    (["proved", "holds"], "supported"),
    (["disproved"], "disproved by construction"),
    (["disproved", "disproved"], "disproved by construction"),
    (["opposite"], "refuted"),
    (["opposite", "disproved"], "refuted"),
    (["fails"], "not supported"),
    (["fails", "opposite"], "not supported"),
    (["fails", "disproved"], "not supported"),
    (["fails", "opposite", "disproved"], "not supported"),
    (["holds", "fails"], "mixed"),
    (["holds", "opposite"], "mixed"),
    (["holds", "disproved"], "mixed"),
    (["proved", "fails"], "mixed"),
    (["proved", "opposite"], "mixed"),
    # what is mixed stays so, whatever comes out of the open parts
    (["holds", "fails", "underpowered"], "mixed"),
    (["holds", "opposite", "not measured", "at threshold"], "mixed"),
    (["at threshold"], "at threshold"),
    (["holds", "at threshold"], "at threshold"),
    (["fails", "at threshold"], "at threshold"),
    (["underpowered"], "underpowered"),
    (["proved", "underpowered"], "underpowered"),
    (["opposite", "underpowered"], "underpowered"),
    (["underpowered", "at threshold"], "underpowered"),
    (["not measured"], "not measured"),
    (["holds", "not measured"], "not measured"),
    (["disproved", "not measured"], "not measured"),
    (["underpowered", "not measured", "at threshold"], "not measured"),
]


class TestCombination:
    @pytest.mark.parametrize(("outcomes", "expected"), COMBINED)
    def test_of_decisive_parts(self, outcomes, expected):
        for order in itertools.permutations(outcomes):
            assert combine([part(outcome) for outcome in order]) == expected

    def test_gives_every_verdict_but_that_of_what_is_not_tested_here(self):
        given = {expected for _, expected in COMBINED}
        assert given == set(INTERPRETATION_VERDICTS) - {"untestable here"}

    @pytest.mark.parametrize(
        "informs", sorted({outcome for outcomes, _ in COMBINED for outcome in outcomes})
    )
    def test_leaves_out_what_only_informs(self, informs):
        for outcome, expected in (("holds", "supported"), ("fails", "not supported")):
            parts = [part(informs, decisive=False), part(outcome), part(informs, decisive=False)]
            assert combine(parts) == expected

    @pytest.mark.parametrize("parts", [[], [part("holds", decisive=False)]])
    def test_needs_a_decisive_part(self, parts):
        with pytest.raises(ValueError, match=r"^a claim needs at least one decisive part$"):
            combine(parts)
        with pytest.raises(ValueError, match="decisive"):
            finding(parts)


def test_parts_are_decisive_unless_a_rule_says_otherwise():
    assert Part("p", "holds", "t").decisive
    assert Part("p", "holds", "t").decision is None


class TestParts:
    @pytest.mark.parametrize(
        ("make", "value", "outcome"),
        [
            (fact, True, "holds"),
            (fact, False, "opposite"),
            (fact, None, "not measured"),
            (bar_passed, True, "holds"),
            (bar_passed, False, "fails"),
            (proved, True, "proved"),
            (proved, False, "not measured"),
            (disproved, True, "disproved"),
            (disproved, False, "not measured"),
        ],
    )
    def test_that_are_so_or_not(self, make, value, outcome):
        assert make("name", value, "text") == Part("name", outcome, "text", decisive=True)
        assert make("name", value, "text", False) == Part("name", outcome, "text", decisive=False)

    @pytest.mark.parametrize(
        ("side", "bar", "outcome", "text"),
        [
            ("above", 0.05, "holds", "20 [10, 30] against 5 %"),
            ("below", 0.05, "fails", "20 [10, 30] against 5 %"),
            ("within", 0.4, "holds", "20 [10, 30] against ±40 %"),
            ("beyond", 0.4, "fails", "20 [10, 30] against ±40 %"),
        ],
    )
    def test_that_a_quantity_decides(self, side, bar, outcome, text):
        decision = Decision(Interval(0.2, 0.1, 0.3, 20), side, bar, 0.01)
        found = decided("gap", decision, False, scale=100, unit="%")
        shown = replace(decision, scale=100, unit="%")
        assert found == Part("gap", outcome, text, False, shown)
        assert decided("gap", decision).decisive
        assert decided("gap", decision).text.startswith("0.20 [0.10, 0.30] against ")

    def test_that_more_seeds_would_decide_say_how_many(self):
        wide = Decision(Interval(0.2, 0.1, 0.3, 20), "above", 0.15, 0.01)
        assert decided("gap", wide) == Part(
            "gap",
            "underpowered",
            "0.20 [0.10, 0.30] against 0.15 (about 80 seeds would decide)",
            True,
            wide,
        )

    def test_that_test_images_leave_open_say_that_more_seeds_would_not_decide(self):
        wide = Decision(Interval(0.2, 0.1, 0.3, 20, images=0.08), "above", 0.15, 0.01)
        assert decided("gap", wide).text == (
            "0.20 [0.10, 0.30] against 0.15 (more seeds alone would not decide)"
        )

    def test_that_skewness_turned_say_within_which_limits(self):
        values = np.array([*range(9), 100.0])  # one far above the others
        student, high = mean_interval(values), float(limits_of_skewed(values)[1])
        skewed = Decision(student, "below", high - 1, 0.1)
        text = decided("gap", skewed, scale=100, unit="%").text
        shown = " to ".join(format_number(100 * limit) for limit in (student.low, high))
        assert text.endswith(f" seeds would decide) (allowing for skewness {shown} %)")

    def test_of_one_run_are_not_measured(self):
        one = Decision(Interval(0.2, math.nan, math.nan, 1), "above", 0.1, 0.01)
        assert decided("gap", one) == Part(
            "gap", "not measured", "0.2 (one run) against 0.1", True, one
        )


class TestMeasured:
    def test_part_is_what_was_measured(self):
        assert measured("moon", lambda: part("fails")) == part("fails")

    @pytest.mark.parametrize("decisive", [True, False])
    def test_part_without_evidence_is_not_measured(self, decisive):
        def fails():
            raise MissingEvidence("runs of the moon")

        text = "needs runs of the moon"
        assert measured("moon", fails, decisive) == Part("moon", "not measured", text, decisive)
        assert measured("moon", fails).decisive

    def test_other_errors_are_errors(self):
        with pytest.raises(ZeroDivisionError):
            measured("moon", lambda: part("holds" if 1 / 0 else "fails"))


class TestFinding:
    def test_lists_every_part_with_its_outcome(self):
        parts = [
            Part("near", "holds", "1 against 2"),
            Part("far", "fails", "3 against 2"),
            Part("built", "disproved", "a layer"),
            Part("between", "not measured", "needs more"),
        ]
        text = (
            "near — holds: 1 against 2; far — fails: 3 against 2; built — disproved by "
            "construction: a layer; between — not measured: needs more."
        )
        assert finding(parts) == Finding("mixed", text, "not applicable", tuple(parts))
        assert finding(parts, "partly", "Of 20 seeds:") == Finding(
            "mixed", f"Of 20 seeds: {text}", "partly", tuple(parts)
        )
        assert Finding("mixed", text).number == "not applicable"
        assert Finding("mixed", text).parts == ()

    def test_names_the_decisive_parts_first_and_else_keeps_the_order(self):
        parts = [
            Part(name, "holds", "t", decisive)
            for name, decisive in (("a", False), ("b", True), ("c", False), ("d", True))
        ]
        found = finding(parts)
        assert [p.name for p in found.parts] == ["b", "d", "a", "c"]
        assert found.evidence == "b — holds: t; d — holds: t; a — holds: t; c — holds: t."


@pytest.mark.parametrize(
    "record",
    [
        part("holds"),
        Finding("mixed", "e"),
        Claim(id="0.1", source="0", chapter="c", function=combine, **TEXTS),
    ],
)
def test_what_was_found_cannot_be_changed(record):
    for name in record.__dataclass_fields__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)
