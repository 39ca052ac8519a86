"""The registry of rules, and the judge: which claims are judged from what, and what is recorded."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from infomax_lib.stats import mean_interval
from paper.chapters import SYNTHESIS, judge, judge_claim, judge_synthesis, registry
from paper.judging.claims import CLAIMS, Claim, Finding, bar_passed, decided, finding, proved
from paper.judging.decisions import Decision, Share
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence
from paper.judging.halves import TOO_FEW
from paper.judging.shared_rules import share_of_seeds
from paper.judging.universes import Universe
from paper.judging.verdicts import Verdict, Verdicts

RUNS = pd.DataFrame(
    [
        {**SOURCE_SETTING, "competition": c, "key": f"{c:-<8}{seed:024d}", "seed": seed}
        for c in ("none", "softmax", "top_k")
        for seed in range(5, 10)
    ]
)


TEXTS = {
    name: name for name in ("place", "quote", "statement", "test", "rule", "decisive", "smallest")
}


@pytest.fixture
def rule(monkeypatch):
    """Registers a function as the rule of a claim of the chapter "moon"."""

    def register(id, function, chapter="moon", **texts):
        new = Claim(id=id, source="009", chapter=chapter, function=function, **TEXTS | texts)
        monkeypatch.setitem(CLAIMS, id, new)

    return register


def select(competition):
    def judged(evidence):
        found = evidence.select(competition=competition)
        return Finding("supported", f"{len(found)} runs", "partly")

    return judged


def test_rules_of_all_chapters_are_found_and_in_order(rule):
    rule("009.10", None)
    rule("009.9", None)
    ids = list(registry())
    assert ids[-2:] == ["009.9", "009.10"]
    assert ids[:38] == [f"000.{n}" for n in range(1, 39)]
    chapters = {c.chapter for c in registry().values()}
    assert {"theory", "prior_art", "tc_pressure", SYNTHESIS} <= chapters


def test_a_chapter_is_judged_claim_by_claim(rule):
    rule("009.1", select(["softmax", "top_k"]))
    rule("009.2", select("softmax"))
    rule("009.3", select("none"), chapter="sun")
    first, second = judge("moon", Evidence(RUNS))
    assert first == Verdict(
        "009.1", "009", "place", "statement", "test", "rule", "10 runs", "partly", "supported",
        "moon", quote="quote", decisive="decisive", smallest="smallest", runs=10, seeds=5,
        keys=("softmax-",) * 5 + ("top_k---",) * 5,
    )  # fmt: skip
    assert (second.id, second.runs, second.keys) == ("009.2", 5, ("softmax-",) * 5)


def test_runs_in_histories_count_too(rule):
    history = RUNS.assign(epoch=100, seed=RUNS["seed"] + 3, key="h" + RUNS["key"])

    def look(evidence):
        evidence.select(competition="none")
        evidence.measured_epochs("epoch", competition="softmax")
        return Finding("mixed", "seen")

    rule("009.1", look)
    (found,) = judge("moon", Evidence(RUNS, history))
    assert (found.runs, found.seeds) == (10, 8)  # seeds 5 to 9 and 8 to 12
    rule("009.1", select("none"))
    (found,) = judge("moon", Evidence(RUNS, history.drop(columns="seed")))
    assert (found.runs, found.seeds) == (5, 5)


def test_a_rule_that_looks_at_no_run_has_used_none(rule):
    rule("009.1", lambda evidence: Finding("mixed", "so"))
    (found,) = judge("moon", Evidence(pd.DataFrame()))
    assert (found.runs, found.seeds, found.keys) == (0, 0, ())


def test_missing_runs_are_not_measured_and_named(rule):
    def fails(evidence):
        raise MissingEvidence("runs of the moon")

    rule("009.1", fails)
    (found,) = judge("moon", Evidence(RUNS))
    assert found.interpretation_verdict == "not measured"
    assert found.number_verdict == "not applicable"
    assert found.evidence == "Not measured with these parameters: needs runs of the moon."


def test_an_amendment_is_told(rule):
    rule("009.1", select("none"), before="mixed", amended="A bar was added.")
    (found,) = judge("moon", Evidence(RUNS))
    assert (found.before, found.amended) == ("mixed", "A bar was added.")


class TestStrength:
    """What a verdict says about its decisive parts: none, one, or several."""

    gap = Decision(mean_interval([1.0, 2.0, 3.0, 2.0, 2.5]), "above", 1.0, 0.5)
    share = Share(9, 10, 0.8)

    def judged(self, rule, *parts):
        rule("009.1", lambda evidence: finding(parts))
        (found,) = judge("moon", Evidence(RUNS))
        return found.effect, found.detectable, found.stands_for, found.false_support

    def test_of_a_claim_that_nothing_random_decides(self, rule):
        informs = decided("gap", self.gap, decisive=False)
        found = self.judged(rule, informs, proved("theorem", True, "it is so"))
        assert found == ("it is so", "", "", None)

    def test_of_one_decisive_part(self, rule):
        effect, detectable, stands_for, rate = self.judged(
            rule, decided("gap", self.gap), decided("other", self.gap, decisive=False)
        )
        assert effect == "2.1 [1.2, 3.0] against 1"
        assert float(detectable) == pytest.approx(self.gap.least_detectable, rel=5e-3)
        assert stands_for == self.gap.stands_for
        assert rate == self.gap.false_support() > 0

    def test_names_what_is_decided_beside_a_test(self, rule):
        found = self.judged(rule, decided("gap", self.gap), bar_passed("bar", True, "so it is"))
        assert found[0] == "gap: 2.1 [1.2, 3.0] against 1; bar: so it is"
        assert found[2] == f"gap: {self.gap.stands_for}"

    def test_of_several_names_each_and_has_the_smallest_rate(self, rule):
        seeds = share_of_seeds("seeds", 0.9, 10, 0.8)
        constant = decided("exact", Decision(mean_interval([2.0] * 5), "above", 1.0, 0.5))
        effect, detectable, stands_for, rate = self.judged(
            rule, decided("gap", self.gap), seeds, bar_passed("bar", True, "so it is")
        )
        assert effect == (
            "gap: 2.1 [1.2, 3.0] against 1; seeds: 9 of 10 seeds, against 80%; bar: so it is"
        )
        # a share of seeds has no least detectable effect, a bar without a test has nothing
        assert detectable.startswith("gap: ")
        assert "; " not in detectable
        assert stands_for == f"gap: {self.gap.stands_for}; seeds: up to 0.9"
        assert rate == min(self.gap.false_support(), self.share.false_support())
        assert self.judged(rule, constant, decided("gap", self.gap))[3] == 0


@pytest.mark.parametrize("chapter", ["tc-pressure", SYNTHESIS])
def test_other_chapters_are_refused_with_those_there_are(chapter, rule):
    rule("009.1", select("none"))
    with pytest.raises(ValueError, match="no chapter") as refusal:
        judge(chapter, Evidence(RUNS))
    text = str(refusal.value)
    assert text.startswith(f"no chapter {chapter!r}; chapters are ")
    named = text.partition("are ")[2].split(", ")
    assert "tc_pressure" in named
    assert "moon" in named
    assert SYNTHESIS not in named
    assert len(set(named)) == len(named)


def test_one_claim_is_judged_alone_as_among_all_of_its_chapter(rule):
    rule("009.1", select("none"))
    rule("009.2", select("softmax"))
    evidence = Evidence(RUNS)
    for verdict in judge("moon", evidence):
        assert judge_claim(verdict.id, evidence) == verdict
    assert not evidence.used


def test_a_claim_that_no_evidence_decides_is_refused(rule):
    rule("009.2", select("none"), chapter=SYNTHESIS)
    for name in ("009.1", "009.2"):
        with pytest.raises(ValueError, match=f"no claim '{name}' rests on evidence"):
            judge_claim(name, Evidence(RUNS))


def test_claims_that_sum_up_are_judged_from_verdicts(rule, monkeypatch):
    def sums_up(verdicts):
        assert isinstance(verdicts, Verdicts)
        return Finding("supported", f"rests on {verdicts.find('009.1').evidence}")

    for id in [id for id, c in registry().items() if c.chapter == SYNTHESIS]:
        monkeypatch.delitem(CLAIMS, id)
    rule("009.1", select("none"))
    rule("009.2", sums_up, chapter=SYNTHESIS)
    (found,) = judge_synthesis(iter(judge("moon", Evidence(RUNS))))
    assert (found.id, found.evidence, found.runs) == ("009.2", "rests on 5 runs", 0)


class TestAskedAgain:
    """What a verdict says of its other choices: universes, halves of the seeds, or nothing."""

    @staticmethod
    def rule(verdict="supported"):
        def judged(evidence):
            seeds = sorted(evidence.table("made")["seed"])
            if len(seeds) < 5:
                raise MissingEvidence("five seeds")
            return Finding(verdict if 0 in seeds else "underpowered", f"seeds {seeds}")

        return judged

    @staticmethod
    def evidence(seeds):
        return Evidence(pd.DataFrame(), extra={"made": pd.DataFrame({"seed": range(seeds)})})

    def said(self, seeds, among=(), rule=None, register=None):
        register("009.1", rule or self.rule())
        (found,) = judge("moon", self.evidence(seeds), among)
        return found.universes

    def test_without_a_universe_halves_of_the_seeds_are_asked(self, rule):
        assert self.said(10, register=rule) == "1 of 2 halves of the seeds"
        assert self.said(9, register=rule) == TOO_FEW

    def test_a_first_look_asks_nothing_again(self, rule):
        assert self.said(10, among=None, register=rule) == ""

    def test_universes_come_first(self, rule):
        among = [Universe("mnist", 16, "0 to 6", 100, "as it is", self.evidence(7))]
        assert self.said(10, among, register=rule) == "1 of 1 universes (mnist 1 of 1)"
        same = [Universe("mnist", 16, "0 to 9", 100, "as it is", self.evidence(10))]
        assert self.said(10, same, register=rule) == "1 of 2 halves of the seeds"

    @pytest.mark.parametrize(
        "verdict", ["proved", "disproved by construction", "untestable here", "not measured"]
    )
    def test_what_is_certain_needs_no_share(self, rule, verdict):
        assert self.said(10, rule=self.rule(verdict), register=rule) == ""

    def test_a_rule_that_looks_at_no_seeds_has_none(self, rule):
        said = self.said(10, rule=lambda _: Finding("refuted", "so"), register=rule)
        assert said == ""


def test_of_several_places_that_all_have_to_hold_the_rarest_counts(rule):
    rng = np.random.default_rng(0)
    tests = [
        Decision(mean_interval(rng.gamma(0.2, size=10)), s, 9.0, 1.0) for s in ("above", "below")
    ]
    places = [decided("place", test) for test in tests]
    rates = [test.false_support() for test in tests]
    part = replace(places[rates.index(max(rates))], needs=tuple(places))
    rule("009.1", lambda _: finding([part]))
    (found,) = judge("moon", Evidence(pd.DataFrame()))
    assert found.false_support == min(rates) < max(rates)
