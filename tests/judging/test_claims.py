"""Every claim of the sources has one rule, and every rule turns when the data turn."""

import dataclasses
import functools
import re

import numpy as np
import pytest
from synthetic_evidence import evidence
from worlds import (
    CLAIMED,
    DISPROVED,
    OPPOSITE,
    PROVED,
    built,
    changed,
    claimed,
    gradients,
    opposite,
    printed_world,
    steps_of_twins,
)

from paper.chapters import SYNTHESIS, judge, judge_claim, judge_synthesis, registry
from paper.chapters.ledger.rules import SAYS, outcome
from paper.judging.claims import Finding
from paper.judging.verdicts import INTERPRETATION_VERDICTS, Verdict, Verdicts
from paper.pages.page import chapters, project_root

#: Judged from tables of their own, and tested with them.
CHAPTERS = chapters(project_root())
OWN_TABLES = (SYNTHESIS, "prior_art", "theory", "open_questions", "mutual_information")
MEASURED_IN = [name for name in CHAPTERS if name not in OWN_TABLES]
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
    return judge_claim(claim_id, dataclasses.replace(world(measure), extra=extra))


# ------------------------------------------------------------------------------ the registry


def test_every_claim_of_source_000_has_one_rule():
    ids = [i for i in registry() if i.startswith("000.")]
    assert ids == [f"000.{n}" for n in range(1, 39)]


#: Verdicts under which a claim may have stood before its rule was amended.
BEFORE = ("supported", "not supported", "mixed", "refuted", "inconclusive", "underpowered")
BEFORE += ("untestable here", "at threshold")


def test_claims_are_complete():
    for c in registry().values():
        assert c.chapter in (*CHAPTERS, SYNTHESIS)
        assert c.quote.strip(), c.id  # the source's own words, with its own spaces
        for text in (c.place, c.statement, c.test, c.rule, c.decisive, c.smallest):
            assert text, c.id
            assert "  " not in text, c.id
        assert c.before in ("", *BEFORE), c.id
        assert "  " not in c.amended, c.id


def test_rules_name_a_threshold_a_proof_or_the_claims_they_rest_on():
    named = re.compile(r"\d|all|proved if|Untestable here")
    vague = [c.id for c in registry().values() if not named.search(c.rule)]
    assert vague == []


def test_rules_speak_in_verdicts_that_there_are():
    old = [c.id for c in registry().values() if re.search("inconclusive", c.rule, re.IGNORECASE)]
    assert old == []


# --------------------------------------------------------------------- verdicts follow data


@pytest.mark.parametrize("claim_id", [i for i in MEASURED if i not in DISPROVED])
def test_claim_is_supported_where_the_source_is_right(claim_id):
    measure, extra = CLAIMED.get(claim_id, (claimed, {}))
    found = verdict(claim_id, measure, extra)
    expected = "proved" if claim_id in PROVED else "supported"
    assert found.interpretation_verdict == expected, found.evidence


@pytest.mark.parametrize("claim_id", [i for i in MEASURED if i not in PROVED])
def test_claim_is_not_where_the_source_is_wrong(claim_id):
    measure, extra, expected = OPPOSITE.get(claim_id, (opposite, {}, "refuted"))
    found = verdict(claim_id, measure, extra)
    assert found.interpretation_verdict == expected, found.evidence


@pytest.mark.parametrize("claim_id", PROVED)
def test_theorems_hold_where_the_source_is_wrong(claim_id):
    assert verdict(claim_id, opposite).interpretation_verdict == "proved"


@functools.cache
def only_fashion():
    return evidence(claimed, keep=lambda s: s["dataset"] == "fashion-mnist")


@pytest.mark.parametrize("claim_id", MEASURED)
def test_missing_runs_are_not_measured_and_named(claim_id):
    found = judge_claim(claim_id, only_fashion())
    assert found.interpretation_verdict == "not measured"
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
    # no long runs were made on it, and claim 4 says that it needs them
    assert found.find("000.4").interpretation_verdict == "not measured"
    assert "lambda_tc=1" in found.find("000.4").evidence


def test_uncorrelated_but_dependent_is_mixed():
    dependent = changed(claimed, lambda s: {"joint_firing": 0.6})
    found = verdict("000.1", dependent)
    assert found.interpretation_verdict == "mixed"
    assert "output correlation — holds" in found.evidence


def test_diverse_means_less_redundant_than_the_datas_rows():
    # five times as redundant as rows in all directions, and less than what the data give
    found = verdict("000.1", changed(claimed, lambda s: {"redundancy_over_data": 0.5}))
    assert found.interpretation_verdict == "mixed"
    assert "redundancy over isotropic rows — holds" in found.evidence


def test_one_setting_that_does_without_the_penalty_is_a_counterexample():
    def early(s):
        return {"redundancy_over_data": 0.5} if s["batch_size"] == "full" else {}

    found = verdict("000.12", changed(claimed, early))
    assert found.interpretation_verdict == "disproved by construction"
    assert "full batch, λ_tc=100 (" in found.evidence
    assert "full batch, λ_tc=1 (" in found.evidence
    assert found.false_support is None


def test_a_penalty_that_fails_does_not_support_that_it_is_required():
    def fails(s):
        return {"redundancy_over_data": 2.0} if s["lambda_wr"] else {}

    assert verdict("000.12", changed(claimed, fails)).interpretation_verdict == "not supported"


@pytest.mark.parametrize(
    ("cosine", "over_floor", "expected"),
    [
        (1.0, 1.2, "disproved by construction"),
        (0.91, 1.0, "disproved by construction"),
        (0.9, 1.0, "not measured"),
        (1.0, 1.21, "not measured"),
    ],
)
def test_the_loophole_under_softmax_is_judged_by_what_was_built(cosine, over_floor, expected):
    found = verdict("000.16", claimed, built(cosine, over_floor))
    assert found.interpretation_verdict == expected
    assert "equal lengths forbid it — holds" in found.evidence


def test_one_run_in_twenty_with_the_loophole_is_told():
    def rare(s):
        hit = s["competition"] == "softmax" and s["initial"] == "twins" and s["seed"] == 3
        return {"aligned_pairs": 1.0, "output_correlation": 1.1} if hit else {}

    found = verdict("000.16", changed(claimed, rare), built(1.0, 1.01))
    assert "trained there — holds: 2 of 240 runs show it" in found.evidence
    never = verdict("000.16", claimed, built(1.0, 1.01))
    assert "trained there — fails: 0 of 240 runs show it" in never.evidence
    assert found.interpretation_verdict == never.interpretation_verdict


@pytest.mark.parametrize(
    ("power", "expected", "words"),
    [
        (0.0, "supported", ""),
        (0.05, "supported", ""),
        (0.2, "refuted", ""),
        (-0.2, "not supported", "it still falls"),
    ],
)
def test_only_what_rises_is_the_opposite_of_stable(power, expected, words):
    def course(s):
        soft = s["competition"] == "softmax"
        return {"weight_redundancy": max(s["epoch"], 1) ** power} if soft else {}

    found = verdict("000.14", changed(claimed, course))
    assert found.interpretation_verdict == expected
    assert words in found.evidence
    assert "epoch 500 to 1000" in found.evidence


def test_lower_at_three_of_four_pressures_is_mixed():
    def lost(s):
        return {"weight_redundancy": 99.0} if s["competition"] == "softmax" else {}

    at_ten = changed(claimed, lambda s: lost(s) if s["lambda_tc"] == 10 else {})
    assert verdict("000.2", at_ten).interpretation_verdict == "mixed"
    # what counts is the end: until epoch 500 the softmax is above
    early = changed(claimed, lambda s: lost(s) if s["epoch"] <= 500 else {})
    found = verdict("000.2", early)
    assert found.interpretation_verdict == "supported"
    assert found.evidence.count("lower at epochs 1000") == 4


def test_longer_runs_decide_what_is_said_of_a_course():
    short = evidence(claimed, keep=lambda s: s["epochs"] != 1000)
    for claim_id in ("000.2", "000.14", "000.15"):
        found = judge_claim(claim_id, short)
        assert found.interpretation_verdict == "not measured"
        assert "at least 500 epochs" in found.evidence


def noisy(size):
    """Seeds of softmax differ by ± that share at λ_tc = 10, around twice what they are at 0."""

    def measure(s):
        if s["competition"] != "softmax":
            return {}
        factor = 2 + size * (-1) ** int(s["seed"]) if s["lambda_tc"] == 10 else 1
        return {"output_correlation": factor * 1.1}

    return changed(claimed, measure)


def test_more_seeds_would_decide_what_is_underpowered_and_not_what_is_at_the_threshold():
    narrow, wide = (verdict("000.17", noisy(size)) for size in (0.1, 1.0))
    assert narrow.interpretation_verdict == "at threshold"
    assert "would decide" not in narrow.evidence
    assert wide.interpretation_verdict == "underpowered"
    seeds = int(re.search(r"about (\d+) seeds would decide", wide.evidence)[1])
    assert seeds > 200  # ± half a share from 20 seeds, to a tenth of it
    assert float(wide.detectable) == pytest.approx(0.68, abs=0.05)


def test_verdicts_say_how_far_to_trust_them():
    found = verdict("000.10", claimed)
    assert found.decisive == registry()["000.10"].decisive
    assert found.smallest == registry()["000.10"].smallest
    assert found.quote.startswith("Higher TC pressure")
    for text in (found.effect, found.detectable, found.stands_for):
        assert [name.split(": ")[0] for name in text.split("; ")] == [
            "redundancy rises",
            "rise left with biases frozen",
        ]
    assert 0 <= found.false_support < 0.05


@pytest.mark.parametrize("measure", [claimed, opposite])
def test_chance_supports_few_claims_and_only_random_ones_have_a_rate(measure):
    rates = {v.id: v.false_support for c in MEASURED_IN for v in judged(c, measure)}
    assert rates["000.19"] is rates["000.12"] is None
    measured = [rate for rate in rates.values() if rate is not None]
    assert len(measured) > 10
    assert max(measured) < 0.15  # ten uneven seeds
    assert np.mean(measured) < 0.04


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
@pytest.mark.parametrize(
    ("interpretation", "expected"),
    [
        ("supported", "supported"),
        ("proved", "supported"),
        ("not supported", "not supported"),
        ("mixed", "not supported"),
        ("refuted", "refuted"),
        ("disproved by construction", "refuted"),
        ("at threshold", "at threshold"),
        ("underpowered", "underpowered"),
        ("not measured", "not measured"),
        ("untestable here", "not measured"),
    ],
)
def test_synthesis_follows_the_other_verdicts(claim_id, interpretation, expected):
    found = judge_synthesis(chapter_verdicts(interpretation)).find(claim_id)
    assert found.interpretation_verdict == expected


def test_synthesis_knows_what_every_verdict_says():
    assert set(SAYS) | {"not measured", "untestable here"} == set(INTERPRETATION_VERDICTS)


def but(verdicts, **interpretations):
    """The verdicts, of which some are others: ``{"000.9": "refuted"}``."""
    named = {f"000.{name[1:]}": value for name, value in interpretations.items()}
    return [
        dataclasses.replace(
            v, interpretation_verdict=named.get(v.id, v.interpretation_verdict)
        )
        for v in verdicts
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("same", "necessary", "expected"),
    [
        ("supported", "refuted", "supported"),
        ("refuted", "supported", "not supported"),
        ("not supported", "supported", "not supported"),
        ("not measured", "supported", "not measured"),
    ],
)
def test_results_on_another_model_validate_nothing(same, necessary, expected):
    verdicts = [
        dataclasses.replace(v, interpretation_verdict=same) if v.id == "001.9" else v
        for v in but(chapter_verdicts("supported"), n27=necessary)
    ]
    found = judge_synthesis(verdicts).find("000.38")
    assert found.interpretation_verdict == expected
    assert f"000.27 {necessary}" in found.evidence


def test_one_refuted_claim_makes_the_comparison_mixed():
    found = judge_synthesis(but(chapter_verdicts("supported"), n9="refuted")).find("000.28")
    assert found.interpretation_verdict == "mixed"
    assert "Bias loophole — opposite: 000.9 refuted, 000.16 supported" in found.evidence


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("supported", "proved", "holds"),
        ("supported", "mixed", "fails"),
        ("mixed", "disproved by construction", "opposite"),
        ("underpowered", "not supported", "fails"),
        ("underpowered", "not measured", "not measured"),
        ("at threshold", "underpowered", "underpowered"),
        ("supported", "at threshold", "at threshold"),
    ],
)
def test_a_row_that_needs_two_claims_is_decided_by_the_one_that_does_not_hold(
    first, second, expected
):
    for pair in ((first, second), (second, first)):
        verdicts = but(chapter_verdicts("supported"), n9=pair[0], n16=pair[1])
        assert outcome(Verdicts(verdicts), ("000.9", "000.16")) == expected


def test_synthesis_without_a_chapter_is_not_measured():
    partial = [v for v in chapter_verdicts("supported") if v.chapter != "tc_pressure"]
    found = judge_synthesis(partial).find("000.28")
    assert found.interpretation_verdict == "not measured"
    assert "needs verdicts on 000.18" in found.evidence


def test_too_few_seeds_measure_nothing():
    few = evidence(claimed, keep=lambda s: s["seed"] < 3)
    assert {v.interpretation_verdict for v in judge("tc_pressure", few)} == {"not measured"}


def test_diverged_runs_are_measured_not_missing():
    def diverging(s):
        sgd = s["optimizer"] == "sgd" and s["learning_rate"] == 10
        nan = {"probe_accuracy": float("nan"), "loss": float("nan"), "diverged_at": 1.0}
        return claimed(s) | (nan if sgd else {})

    found = verdict("000.21", diverging)
    assert "100% of the seeds diverge" in found.evidence
    assert found.interpretation_verdict == "refuted"


def test_gradients_of_twins_decide_and_training_from_twins_informs():
    without = verdict("000.25", claimed)
    assert without.interpretation_verdict == "not measured"
    assert "needs the table “twin_gradients”" in without.evidence
    stay = changed(claimed, lambda s: {"aligned_pairs": 8.0})
    found = verdict("000.25", stay, gradients(0.5))
    assert found.interpretation_verdict == "supported"
    assert "twins separate — opposite: 0 of 20 seeds" in found.evidence


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(45, "supported"), (44, "at threshold"), (6, "not supported"), (5, "refuted")],
)
def test_near_twins_are_pushed_apart_in_nine_layers_of_ten(layers, expected):
    table = steps_of_twins(layers)["twin_steps"]
    decides = (table["competition"] == "softmax") & (table["cosine"] == 0.99)
    others = table["apart"].where(decides, -table["apart"])
    found = verdict("000.36", claimed, {"twin_steps": table.assign(apart=others)})
    assert found.interpretation_verdict == expected
    assert f"{layers} of 50 seeds, against 90%" in found.evidence
    few = verdict("000.36", claimed, {"twin_steps": table[table["seed"] < 4]})
    assert few.interpretation_verdict == "not measured"


@pytest.mark.parametrize(
    ("cosine", "over_floor", "owned", "expected"),
    [
        (0.91, 1.0, 0.032, "disproved by construction"),
        (0.89, 1.0, 0.06, "not measured"),
        (1.0, 1.3, 0.06, "not measured"),
        (1.0, 1.0, 0.031, "not measured"),
    ],
)
def test_units_of_one_direction_that_each_own_a_slice_disprove(cosine, over_floor, owned, expected):
    found = verdict("000.37", claimed, built(cosine, over_floor, owned))
    assert found.interpretation_verdict == expected
    assert "equal lengths forbid it — holds" in found.evidence


def test_finding_is_what_a_rule_returns():
    assert isinstance(registry()["000.1"].function(world(claimed)), Finding)
