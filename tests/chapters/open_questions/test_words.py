"""The answers to the open questions say what the tables hold."""

from __future__ import annotations

from functools import partial

import pytest
from question_worlds import activation_runs, evidence, robust, scale_same, stacks_compose

from infomax_lib.stats import Interval, mean_interval
from paper.chapters import judge
from paper.chapters.open_questions import words
from paper.judging.evidence import MissingEvidence
from paper.judging.verdicts import INTERPRETATION_VERDICTS


def test_activation_answer_names_measures_and_activations():
    found, largest = words.activation_answer(activation_runs(3.0))
    assert found.startswith("Yes for weight redundancy")
    assert "no for probe accuracy" in found
    assert "tanh 3 of 15, identity 0 of 15" in found
    assert "tanh at K = " in largest
    assert "+2.0" in largest
    assert words.affected_measures(activation_runs(3.0)) == "1 of 5"
    found, largest = words.activation_answer(activation_runs())
    assert found.startswith("No for weight redundancy")
    assert largest == ""


def test_activation_answer_needs_five_seeds():
    whole = activation_runs(3.0)
    few = whole.extra["activations"]
    few = type(whole)(whole.runs, extra={"activations": few[few["seed"] < 3]})
    found, largest = words.activation_answer(few)
    assert "five seeds" in found
    assert largest == ""
    assert words.affected_measures(few) == "not judged"
    with pytest.raises(MissingEvidence):
        words.activation_table(few)


def test_stars_of_the_activation_table():
    found = words.activation_table(activation_runs(1.1))
    row = found[(found["measure"].str.startswith("weight")) & (found["activation"] == "tanh")]
    assert row["K = 16"].item().endswith("]" + " *")  # significant, and within 20 %
    far = words.activation_table(activation_runs(3.0))
    assert far.loc[row.index, "K = 64"].item().endswith("**")


def test_answers_begin_with_the_verdict_and_are_quoted_by_their_claim():
    answers = words.Answers(partial(judge, "open_questions"))
    scale = evidence(["scale"], {"scale": scale_same})
    assert answers.give(scale.extra, {"000.31": "It grows.", "000.33": "It stacks."}) == (
        "**Plain answers.** Yes. It grows. Verdict: **supported**.\n\n"
        "Open. It stacks. Verdict: **not measured**."
    )
    assert answers.give(
        activation_runs(3.0).extra, {"000.30": ("Yes for one.", "Most by far.")}
    ) == ("**Plain answer.** Yes for one. Most by far. Verdict: **mixed**.")
    assert answers.quoted()["answer_000_31"] == "Yes. It grows."
    assert answers.quoted()["answer_000_30"] == "Yes for one."
    assert answers.quoted()["verdict_000_33"] == "not measured"


def test_every_verdict_has_a_plain_answer():
    assert set(words._PLAIN) == set(INTERPRETATION_VERDICTS)


def test_depth_answers_have_the_paired_changes():
    stacks = evidence(["stacks"], {"stacks": stacks_compose}).extra["stacks"]
    stacks = stacks.assign(dead_share=0.0)
    assert "6.0" in words.depth_answer(stacks)  # three points a layer
    assert "random layers: −4.0" in words.depth_answer(stacks)
    assert "30.0" in words.stack_answer(stacks)  # 0.86 against 0.56
    assert "changes by 3.0" in words.second_layer_answer(stacks)


def test_competition_answer_sorts_mechanisms_by_side():
    def measure(v):
        lower = {"softmax": 1.0, "sparsemax": 0.5, "top_k of 4": 3.0}
        return {"weight_redundancy": lower.get(v["mechanism"], 2.0)}

    runs = evidence(["competitions"], {"competitions": measure}).extra["competitions"]
    found = words.competition_answer(runs)
    assert "is lower with the softmax" in found
    assert "lower with sparsemax" in found
    assert "higher with top-k of 4" in found


def test_auxiliary_answer_reports_the_best_weight():
    runs = evidence(
        ["auxiliary"], {"auxiliary": lambda v: {"probe_accuracy": 0.8 + 0.1 * v["lambda_ce"]}}
    ).extra["auxiliary"]
    found = words.auxiliary_answer(runs)
    assert "A at λ_ce = 1 changes by 10" in found


def test_shares_in_words():
    found = words.shares_answer(
        {"a": Interval(0.5, 0.4, 0.6, 9), "b": None, "c": mean_interval([])}
    )
    assert "a: 50 [40, 60] %" in found
    assert "b: nothing to remove" in found
    assert "c: not measured" in found


def test_target_answer_has_the_signs():
    found = words.target_answer(robust(), {"noise_retained": "share left under noise"})
    assert "−1" in found
    assert "over 8 configurations" in found
