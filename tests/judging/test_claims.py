"""Every claim of the sources has one rule, and every rule turns when the data turn."""

import dataclasses
import functools
import re

import pytest
from synthetic_evidence import evidence
from worlds import CLAIMED, OPPOSITE, claimed, gradients, opposite, printed_world

from paper.chapters import SYNTHESIS, judge, judge_synthesis, registry
from paper.judging.claims import Finding
from paper.judging.verdicts import Verdict
from paper.pages.page import chapters, project_root

#: Judged from tables of their own, and tested with them.
CHAPTERS = chapters(project_root())
OWN_TABLES = (SYNTHESIS, "prior_art", "theory", "open_questions", "mutual_information")
MEASURED = [i for i, c in registry().items() if c.chapter not in OWN_TABLES]


@functools.cache
def world(measure):
    return evidence(measure)


@functools.cache
def judged(chapter, measure):
    return judge(chapter, world(measure))


def verdict(claim_id, measure, extra=None):
    chapter = registry()[claim_id].chapter
    if not extra:
        return judged(chapter, measure).find(claim_id)
    return judge(chapter, dataclasses.replace(world(measure), extra=extra)).find(claim_id)


# ------------------------------------------------------------------------------ the registry


def test_every_claim_of_source_000_has_one_rule():
    ids = [i for i in registry() if i.startswith("000.")]
    assert ids == [f"000.{n}" for n in range(1, 36)]


def test_claims_are_complete():
    for c in registry().values():
        assert c.chapter in (*CHAPTERS, SYNTHESIS)
        for text in (c.place, c.statement, c.test, c.rule):
            assert text, c.id
            assert "  " not in text, c.id


def test_rules_name_a_threshold_or_the_claims_they_rest_on():
    vague = [c.id for c in registry().values() if not re.search(r"\d|all|Inconclusive", c.rule)]
    assert vague == []


# --------------------------------------------------------------------- verdicts follow data


@pytest.mark.parametrize("claim_id", MEASURED)
def test_claim_is_supported_where_the_source_is_right(claim_id):
    measure, extra = CLAIMED.get(claim_id, (claimed, {}))
    found = verdict(claim_id, measure, extra)
    assert found.interpretation_verdict == "supported", found.evidence


@pytest.mark.parametrize("claim_id", MEASURED)
def test_claim_is_refuted_where_the_source_is_wrong(claim_id):
    measure, extra = OPPOSITE.get(claim_id, (opposite, {}))
    found = verdict(claim_id, measure, extra)
    assert found.interpretation_verdict == "refuted", found.evidence


@functools.cache
def only_fashion():
    return evidence(claimed, keep=lambda s: s["dataset"] == "fashion-mnist")


@pytest.mark.parametrize("claim_id", MEASURED)
def test_missing_runs_are_inconclusive_and_named(claim_id):
    found = judge(registry()[claim_id].chapter, only_fashion()).find(claim_id)
    assert found.interpretation_verdict == "inconclusive"
    assert "needs" in found.evidence
    assert found.number_verdict == "not applicable"
    assert found.runs == 0


NUMBERS = ["000.10", "000.11", "000.13", "000.17", "000.22", "000.23"]
WORLDS = {factor: printed_world(factor) for factor in (1.0, 1.1, 2.0)}


@pytest.mark.parametrize("claim_id", NUMBERS)
@pytest.mark.parametrize(
    ("factor", "expected"), [(1.0, "reproduced"), (1.1, "partly"), (2.0, "not reproduced")]
)
def test_number_verdict_follows_the_numbers(claim_id, factor, expected):
    if claim_id == "000.11" and factor == 2.0:
        expected = "partly"  # twice a printed 0.00 is 0.00
    assert verdict(claim_id, WORLDS[factor]).number_verdict == expected


def test_first_table_at_the_caption_and_beside_it():
    at_caption = verdict("000.7", CLAIMED["000.7"][0])
    beside = verdict("000.7", OPPOSITE["000.7"][0])
    assert (at_caption.number_verdict, at_caption.interpretation_verdict) == (
        "reproduced",
        "supported",
    )
    assert (beside.number_verdict, beside.interpretation_verdict) == ("partly", "refuted")
    assert "λ_tc=100: 12 of 12" in beside.evidence


def test_other_data_set_has_no_number_verdict():
    def fashion(s):
        return s["dataset"] == "fashion-mnist"

    e = evidence(claimed, keep=fashion, base={"dataset": "fashion-mnist"})
    assert not e.is_source_setting
    found = judge("implicit_regularization", e)
    assert {v.number_verdict for v in found} == {"not applicable"}
    # λ_tc 0 and 1 were run on it, and claim 4 needs no more
    assert found.find("000.4").interpretation_verdict == "supported"


def test_uncorrelated_but_dependent_is_mixed():
    def dependent(s):
        return claimed(s) | {"hsic": 0.05}

    assert verdict("000.1", dependent).interpretation_verdict == "mixed"


def test_only_shorter_training_reaching_both_goals_is_mixed():
    def early(s):
        full = s["batch_size"] == "full"
        return claimed(s) | ({"redundancy_over_random": 1.5} if full else {})

    assert verdict("000.12", early).interpretation_verdict == "mixed"


def test_one_run_in_twenty_with_the_loophole_is_mixed():
    def rare(s):
        hit = s["competition"] == "softmax" and s["initial"] == "twins" and s["seed"] == 3
        return claimed(s) | ({"aligned_pairs": 1.0} if hit else {})

    found = verdict("000.16", rare)
    assert found.interpretation_verdict == "mixed"
    assert "twins, λ_tc=0: 1 of 20" in found.evidence


def test_evidence_says_which_runs_it_used():
    found = verdict("000.10", claimed)
    assert found.runs == len(found.keys) == 80  # λ_tc 1 and 100, with and without biases
    assert found.seeds == 20
    keys = set(world(claimed).runs["key"].str[:8])
    assert set(found.keys) <= keys


def test_evidence_is_rounded():
    for chapter in CHAPTERS:
        for v in judged(chapter, claimed):
            assert not re.search(r"\d\.\d{7}", v.evidence), v.evidence
            assert "nan" not in v.evidence, v.evidence


# -------------------------------------------------------------------------------- synthesis


def chapter_verdicts(interpretation):
    return [
        Verdict(
            c.id, c.source, c.place, c.statement, c.test, c.rule, "", "not applicable",
            interpretation, c.chapter,
        )
        for c in registry().values()
        if c.chapter != SYNTHESIS
    ]  # fmt: skip


@pytest.mark.parametrize("claim_id", ["000.28", "000.29", "000.35"])
@pytest.mark.parametrize("interpretation", ["supported", "refuted", "inconclusive"])
def test_synthesis_follows_the_other_verdicts(claim_id, interpretation):
    found = judge_synthesis(chapter_verdicts(interpretation)).find(claim_id)
    assert found.interpretation_verdict == interpretation


def test_one_refuted_claim_makes_the_comparison_mixed():
    verdicts = [
        dataclasses.replace(v, interpretation_verdict="refuted") if v.id == "000.9" else v
        for v in chapter_verdicts("supported")
    ]
    found = judge_synthesis(verdicts).find("000.28")
    assert found.interpretation_verdict == "mixed"
    assert "Bias loophole — fails" in found.evidence


def test_synthesis_without_a_chapter_is_inconclusive():
    partial = [v for v in chapter_verdicts("supported") if v.chapter != "tc_pressure"]
    found = judge_synthesis(partial).find("000.28")
    assert found.interpretation_verdict == "inconclusive"
    assert "000.18" in found.evidence


def test_too_few_seeds_are_inconclusive():
    few = evidence(claimed, keep=lambda s: s["seed"] < 3)
    assert {v.interpretation_verdict for v in judge("tc_pressure", few)} == {"inconclusive"}


def test_diverged_runs_are_measured_not_missing():
    def diverging(s):
        sgd = s["optimizer"] == "sgd" and s["learning_rate"] == 10
        nan = {"probe_accuracy": float("nan"), "loss": float("nan"), "diverged_at": 1.0}
        return claimed(s) | (nan if sgd else {})

    found = verdict("000.21", diverging)
    assert "100% of the seeds diverge" in found.evidence
    assert found.interpretation_verdict in ("refuted", "mixed")


def test_gradients_of_twins_decide_a_part():
    with_table = verdict("000.25", claimed, gradients(0.5))
    without = verdict("000.25", claimed)
    assert with_table.interpretation_verdict == "supported"
    assert without.interpretation_verdict == "inconclusive"


def test_finding_is_what_a_rule_returns():
    assert isinstance(registry()["000.1"].function(world(claimed)), Finding)
