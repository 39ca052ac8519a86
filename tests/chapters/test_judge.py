"""The registry of rules, and the judge: which claims are judged from what, and what is recorded."""

import pandas as pd
import pytest

from paper.chapters import SYNTHESIS, judge, judge_synthesis, registry
from paper.judging.claims import CLAIMS, Claim, Finding
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence
from paper.judging.verdicts import Verdict, Verdicts

RUNS = pd.DataFrame(
    [
        {**SOURCE_SETTING, "competition": c, "key": f"{c:-<8}{seed:024d}", "seed": seed}
        for c in ("none", "softmax", "top_k")
        for seed in range(5, 10)
    ]
)


@pytest.fixture
def rule(monkeypatch):
    """Registers a function as the rule of a claim of the chapter "moon"."""

    def register(id, function, chapter="moon"):
        new = Claim(id, "009", "place", "statement", "test", "rule", chapter, function)
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
    assert ids[:35] == [f"000.{n}" for n in range(1, 36)]
    chapters = {c.chapter for c in registry().values()}
    assert {"theory", "prior_art", "tc_pressure", SYNTHESIS} <= chapters


def test_a_chapter_is_judged_claim_by_claim(rule):
    rule("009.1", select(["softmax", "top_k"]))
    rule("009.2", select("softmax"))
    rule("009.3", select("none"), chapter="sun")
    first, second = judge("moon", Evidence(RUNS))
    assert first == Verdict(
        "009.1", "009", "place", "statement", "test", "rule", "10 runs", "partly", "supported",
        "moon", runs=10, seeds=5, keys=("softmax-",) * 5 + ("top_k---",) * 5,
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


def test_missing_runs_are_inconclusive_and_named(rule):
    def fails(evidence):
        raise MissingEvidence("runs of the moon")

    rule("009.1", fails)
    (found,) = judge("moon", Evidence(RUNS))
    assert found.interpretation_verdict == "inconclusive"
    assert found.number_verdict == "not applicable"
    assert found.evidence == "Not measured with these parameters: needs runs of the moon."


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
