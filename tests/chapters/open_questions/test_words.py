"""The answers to the open questions say what the tables hold."""

from __future__ import annotations

from functools import partial

import pytest
from question_worlds import (
    activation_runs,
    auxiliary_helps,
    competitions_same,
    evidence,
    hsic_left,
    independence_pays,
    redundant_planes,
    robust,
    scale_same,
    stacks_compose,
)

from infomax_lib.stats import Interval, mean_interval
from paper.chapters import judge
from paper.chapters.open_questions import experiment, words
from paper.chapters.open_questions.rules.mechanisms import other_mechanisms
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
    found = answers.give(scale.extra, {"000.31": words.width_answer})
    assert "Yes. At equal λ_tc = 0 the softmax changes redundancy by −66.67" in found
    found = answers.give(scale.extra, {"000.34": words.competition_answer})
    assert "Open. Not measured: needs the table “competitions”." in found
    answers.give(scale.extra, {"000.31": "It grows."})
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
    found = words.stack_answer(stacks)
    assert "A with 2 layers 25.0" in found  # 0.83 against 0.58
    assert "B with 3 layers 30.0" in found  # 0.86 against 0.56
    assert "changes by 3.0" in words.second_layer_answer(stacks)


def test_layerwise_answer_has_the_change_from_before_training_at_every_level():
    def measure(v):
        return {"lower": 4 + (0.1 * v["level"] if v["epoch"] == 10 else 0.0)}

    layerwise = evidence(["layerwise"], {"layerwise": measure}).extra["layerwise"]
    text = words.layerwise_answer(layerwise)
    assert "10 epochs" in text
    assert "in the source's own form by 0.100" in text
    assert text.count("0.30004 [") == 3
    assert "; in B by 0.100" in text


def test_width_answers_have_redundancy_against_no_softmax_at_every_width():
    scale = evidence(["scale", "similarities"], {"scale": scale_same})
    found = words.width_answer(scale)
    assert found.count("−66.67 ") == 3
    assert found.count("1.0101 ") == 3  # times the floor
    found = words.structure_answer(scale)
    assert "at K = 256" in found
    assert "by 5.0" in found
    assert found.count(" at K = 64") == 2  # behind the softmax and before it
    assert found.count(" in layer ") == 3


def test_pressure_answer_is_about_the_best_weight():
    def costly(v):
        left = hsic_left(infomax=0.001, log_det=0.003, hsic=0.002)(v)
        return left | {"probe_accuracy": 0.6 if v["lambda_tc"] == 1 else 0.8}

    found = words.pressure_answer(evidence(["objectives"], {"objectives": costly}))
    assert "at λ_tc = 1, where the probe is −20" in found


def lowered(v):
    """Redundancy that falls by 2 under the softmax, by 1 under sparsemax."""
    at = {"none": 3.0, "softmax": 1.0, "sparsemax": 2.0, "top_k of 4": 6.0}
    return {"weight_redundancy": at.get(v["mechanism"], 1.5)}


def test_competition_answer_has_shares_of_the_fall():
    found = words.competition_answer(evidence(["competitions"], {"competitions": lowered}))
    assert "lowers redundancy at λ_tc = 0 by 2.00" in found
    named, others = found.split("The others: ")
    assert "sparsemax 50.0" in named
    assert "group softmax of 8 75.0" in named
    assert "top-k of 4 −150" in others
    flat = evidence(["competitions"])
    assert "sparsemax nothing to share" in words.competition_answer(flat)


def test_works_answer_has_the_worst_mechanisms():
    found = words.works_answer(evidence(["competitions"], {"competitions": lowered}))
    assert "Redundancy is 6.0" in found
    assert "times that under the softmax with top-k of 4, the worst" in found
    assert "less than twice with group softmax of 4, group softmax of 8." in found
    same = evidence(["competitions"], {"competitions": competitions_same})
    assert "20.0" in words.works_answer(same)  # 0.8 against 0.6
    assert len(other_mechanisms(same.extra["competitions"])) == 4


def test_hyperplane_answer_has_the_correlation_of_z():
    changes = dict.fromkeys(("hyperplanes", "competitions"), redundant_planes)
    found = words.hyperplane_answer(evidence(list(changes), changes))
    assert "on test images is 5.0" in found
    assert "below 0.5" in found


def test_auxiliary_answer_reports_the_weight_that_the_rule_chooses():
    helps = evidence(["auxiliary"], {"auxiliary": auxiliary_helps})
    assert "A, λ_ce = 1: probe +10" in words.auxiliary_answer(helps)

    def costs(v):  # the best probe has outputs that depend on each other
        dear = v["lambda_ce"] == 1
        probe = 0.8 + 0.2 * v["lambda_ce"]
        return {"probe_accuracy": probe, "output_correlation": 9.0 if dear else 1.0}

    found = words.auxiliary_answer(evidence(["auxiliary"], {"auxiliary": costs}))
    assert "A, λ_ce = 0.1: probe +2.0" in found
    assert "B, λ_ce = 0.1" in found


def test_shares_in_words():
    found = words.shares_answer(
        {"a": Interval(0.5, 0.4, 0.6, 9), "b": None, "c": mean_interval([])}
    )
    assert "a 50 [40, 60] %" in found
    assert "b nothing to remove" in found
    assert "c not measured" in found


def test_shares_are_of_all_dependence_without_softmax():
    left = hsic_left(infomax=0.002, log_det=0.004, hsic=0.001)
    shares = experiment.removed_shares(evidence(["objectives"], {"objectives": left}))
    means = {text: share.mean for text, share in shares.items() if share}
    assert means == pytest.approx(
        {
            "HSIC by decorrelation": 0.9,
            "HSIC by log det": 0.8,
            "co-firing by decorrelation": 0.9,
            "co-firing by log det": 0.8,
        },
        rel=1e-2,
    )


def test_target_answer_is_the_trend_along_the_pressure_in_a():
    pays = evidence(["robustness"], {"robustness": independence_pays})
    found = words.target_answer(pays)
    assert "left is 1 [1, 1] under noise and 1 [1, 1] after losing units" in found
    falls = robust()
    few = type(pays)(falls[["key", "seed"]], extra={"robustness": falls[falls["seed"] < 3]})
    with pytest.raises(MissingEvidence, match="5 seeds"):
        words.target_answer(few)
