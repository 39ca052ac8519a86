"""Verdicts on source 003 follow the tables: both ways and between."""

from __future__ import annotations

import mutual_information_worlds as worlds
import numpy as np
import pandas as pd
import pytest
from mutual_information_worlds import RAW, tables

from paper.chapters import judge, registry
from paper.chapters.mutual_information.words import (
    adversarial_answer,
    autoencoder_answer,
    batch_answer,
    bijective_answer,
    bridge_answer,
    condition_answer,
    condition_reason,
    critic_answer,
    failures,
    lossy_answer,
    matched_answer,
    plain_answer,
    quoted,
    size_words,
    takeaway,
    together_answer,
    with_verdict,
)
from paper.judging.evidence import Evidence
from paper.judging.verdicts import Verdicts

CHAPTER = "mutual_information"

IDS = [f"003.{n}" for n in range(1, 13)]


#: Tables that each rule reads.
NEEDS = {
    "003.1": ["entropies", "independence"],
    "003.2": ["invariance"],
    "003.3": ["caps"],
    "003.4": ["classifiers"],
    "003.5": ["halves", "adversarial", "raw"],
    "003.6": ["halves"],
    "003.7": ["adversarial", "raw"],
    "003.8": ["halves"],
    "003.9": ["halves"],
    "003.10": ["autoencoders"],
    "003.11": ["halves"],
    "003.12": ["batches"],
}


def verdict_on(claim_id, evidence):
    return next(found for found in judge(CHAPTER, evidence) if found.id == claim_id)


def outcome(claim_id, **changed):
    """The verdict on one claim, from the tables of the good world that it needs, changed."""
    world = tables() | changed
    everything = pd.DataFrame({"key": ["k"], "seed": [0]})
    evidence = Evidence(everything, extra={name: world[name] for name in NEEDS[claim_id]})
    return verdict_on(claim_id, evidence)


def edited(name, change, **rows):
    """A table of the good world with ``change`` made to a column of some rows."""
    table = tables()[name].copy()
    mask = np.ones(len(table), bool)
    for column, value in rows.items():
        mask &= table[column].isin(value if isinstance(value, list) else [value]).to_numpy()
    assert mask.any()
    for column, function in change.items():
        table.loc[mask, column] = function(table.loc[mask, column])
    return {name: table}


def test_every_claim_of_the_source_has_a_rule_of_this_chapter():
    assert [c.id for c in registry().values() if c.chapter == CHAPTER] == IDS


@pytest.mark.parametrize("claim_id", IDS)
def test_supported_where_everything_is_as_the_source_says(claim_id):
    found = outcome(claim_id)
    assert found.interpretation_verdict == "supported", found.evidence


LAST = {"step": 2000}
REFUTED = {
    "003.2": edited("invariance", {"after": lambda x: x + 0.1}),
    "003.6": edited("halves", {"accuracy": lambda x: x - 0.1}, experiment="bijective", **LAST),
    "003.8": edited("halves", {"log_condition": lambda x: x - 2.5}, experiment="residual", **LAST),
    "003.9": edited(
        "halves",
        {"accuracy": lambda x: x + 0.2, "training": lambda x: x - 2},
        experiment="critics",
        critic=["separable", "concatenated"],
        **LAST,
    ),
    "003.10": edited(
        "autoencoders",
        {
            "bound": lambda x: x - 9,
            "inference_gap": lambda x: x - 9,
            "accuracy": lambda x: x + 0.1,
        },
        draws=50,
    ),
    "003.11": edited(
        "halves",
        {"accuracy": lambda x: x - 0.1},
        experiment="matched",
        bound="nwj",
        **LAST,
    ),
}


@pytest.mark.parametrize("claim_id", REFUTED)
def test_refuted_where_the_opposite_is_seen(claim_id):
    found = outcome(claim_id, **REFUTED[claim_id])
    assert found.interpretation_verdict == "refuted", found.evidence


MIXED = {
    "003.1": edited("independence", {"information": lambda x: x + 0.1}, strength=0.0),
    "003.3": edited("caps", {"estimate": lambda x: x + 1}, pairs=[2], information=1.0),
    "003.4": edited("classifiers", {"estimate": lambda x: x + 1}, information=3.0),
    "003.6": edited(
        "halves", {"accuracy": lambda x: x - 0.1}, experiment="bijective", bound="nwj", **LAST
    ),
    "003.9": edited(
        "halves",
        {"accuracy": lambda x: x + 0.2},
        experiment="critics",
        critic="separable",
        **LAST,
    ),
    "003.10": edited("autoencoders", {"accuracy": lambda x: x + 0.1}, draws=50),
    "003.12": edited("batches", {"estimate": lambda x: x + 0.3}, shared=False),
}


@pytest.mark.parametrize("claim_id", MIXED)
def test_mixed_where_a_part_fails(claim_id):
    found = outcome(claim_id, **MIXED[claim_id])
    assert found.interpretation_verdict == "mixed", found.evidence


OPEN = {
    # an encoder that is not invertible proves nothing about invertible ones
    "003.6": edited("halves", {"inversion_error": lambda x: x + 0.5}, experiment="bijective"),
    "003.7": edited("adversarial", {"inversion_error": lambda x: x + 0.5}),
    # bounds that miss their targets are not matched
    "003.11": edited("halves", {"training": lambda x: x - 1}, experiment="matched", **LAST),
    "003.10": {"autoencoders": tables()["autoencoders"].query("draws == 1")},
    "003.3": {"caps": tables()["caps"].query("information < 3")},
    # bound and probe that rise and fall together, over encoders that differ in nothing else
    "003.5": edited("halves", {"accuracy": lambda x: x - 0.2}, experiment="bijective", **LAST)
    | edited("adversarial", {"accuracy": lambda x: x + 0.5}, **LAST),
}


@pytest.mark.parametrize("claim_id", OPEN)
def test_inconclusive_where_the_data_leave_it_open(claim_id):
    world = OPEN[claim_id]
    found = outcome(claim_id, **world)
    assert found.interpretation_verdict == "inconclusive", found.evidence


def test_an_attempt_that_fails_does_not_refute_that_something_exists():
    found = outcome("003.7", **edited("adversarial", {"accuracy": lambda x: x + 0.5}, **LAST))
    assert found.interpretation_verdict == "inconclusive", found.evidence


def test_a_bound_that_predicts_the_probe_refutes_that_they_differ():
    halves = tables()["halves"]
    halves["accuracy"] = 0.5 + halves["held_out"] / 10
    found = outcome("003.5", halves=halves)
    assert found.interpretation_verdict == "refuted", found.evidence


@pytest.mark.parametrize("claim_id", IDS)
def test_without_its_table_a_claim_is_inconclusive(claim_id):
    everything = pd.DataFrame({"key": ["k"], "seed": [0]})
    found = verdict_on(claim_id, Evidence(everything))
    assert found.interpretation_verdict == "inconclusive"


@pytest.mark.parametrize("claim_id", ["003.6", "003.7", "003.8", "003.9", "003.10", "003.12"])
def test_two_seeds_are_not_a_measurement(claim_id):
    few = {
        name: table[table["seed"] < 2] if "seed" in table else table
        for name, table in tables().items()
    }
    assert outcome(claim_id, **few).interpretation_verdict == "inconclusive"


def test_failed_seeds_are_left_out():
    halves = edited("halves", {"accuracy": lambda x: x * np.nan}, seed=3)
    assert outcome("003.6", **halves).interpretation_verdict == "supported"


def test_two_rows_of_a_seed_are_refused():
    halves = tables()["halves"]
    with pytest.raises(ValueError, match="cannot be paired"):
        outcome("003.9", halves=pd.concat([halves, halves]))


# ------------------------------------------------------------------------------------ sentences


def test_sentences_say_the_numbers_of_the_tables():
    world, halves = tables(), worlds.halves(noise=0)
    assert "from 84 [84, 84] % to 90 [90, 90] % with I_NCE" in bijective_answer(halves, RAW)
    assert "raw pixels give 85.0 %" in bijective_answer(halves, RAW)
    assert "to 62" in adversarial_answer(world["adversarial"], RAW)
    # spectra go from all zeros to 0.84 at the upper end and -2.45 at the lower one
    assert "by 3.29" in condition_answer(halves)
    reason = condition_reason(halves).replace("−", "-")
    assert "largest singular value changes by 0.84" in reason
    assert "smallest by -2.4" in reason
    # the strongest critic would be 0.9 nats tighter, but for the cap of I_NCE at log 128
    assert "0.9 [0.9, 0.9] nats" in critic_answer(halves)
    assert "50 draws against one" in autoencoder_answer(world["autoencoders"])
    assert "at 2 nats the ConvNet differs from the MLP by 7 [7, 7] points" in matched_answer(halves)
    assert "The truth is 0.020 nats" in batch_answer(world["batches"])
    assert "18 kinds" in together_answer(halves)


def test_answers_are_yes_or_no_by_the_verdict_and_negated_where_the_claim_is():
    better, same = outcome("003.6"), outcome("003.5")
    answers = {
        "003.6": plain_answer(better, "It rises."),
        "003.5": plain_answer(same, "They differ."),
    }
    assert answers == {"003.6": "Yes. It rises.", "003.5": "No. They differ."}
    assert with_verdict(answers["003.6"], better) == (
        "**Plain answer.** Yes. It rises. Verdict: **supported**."
    )
    texts = quoted(answers, Verdicts([better, same]))
    assert texts["answer_003_5"] == "No. They differ."
    assert texts["verdict_003_6"] == "supported"
    assert takeaway(answers).endswith("while information stays? Yes. It rises.")


def test_what_was_trained_is_said_beside_the_paper():
    assert "1000 steps instead of 21000" in size_words("small", 5)
    assert size_words("paper", 20) == "Sizes are the paper's (21000 training steps), over 20 seeds."


def test_the_map_that_loses_most_is_named():
    table = pd.DataFrame({"map": ["a", "b"], "before": [1.0, 2.0], "after": [0.5, 0.4]})
    assert lossy_answer(table) == "Least is left by “b”: 0.40 of 2.00 nats."


def test_information_of_layers_is_set_beside_their_probes():
    rows = [
        {
            "competition": competition,
            "lambda_tc": pressure,
            "epochs": epochs,
            "lower": information,
            "probe_accuracy": accuracy,
            "output_correlation": 5 - information,
        }
        for competition, pressure, epochs, information, accuracy in (
            ("none", 1.0, 0, 4.0, 0.5),
            ("none", 1.0, 10, 4.5, 0.9),
            ("softmax", 0.0, 10, 3.0, 0.7),
            ("softmax", 1.0, 10, 2.0, 0.6),
        )
        for _ in range(5)
    ]
    text = bridge_answer(pd.DataFrame(rows))
    assert "Over 4 settings" in text
    assert "of −1 [−1, −1] with the correlation" in text
    assert "most information is in A at λ_tc = 1, the best probe in A at λ_tc = 1" in text
    assert "Untrained layers carry 4 [4, 4] nats, from which a probe reads 50 [50, 50] %" in text
    assert "softmax carry 3 [3, 3] nats" in text


def test_failures_are_counted_once_per_training():
    halves = tables()["halves"]
    count = halves["key"].nunique()
    assert failures([halves]) == f"None of {count} trainings failed."
    halves.loc[halves["key"] == halves["key"].iloc[0], "failed"] = "the bound is not finite"
    text = failures([halves, tables()["batches"]])
    assert text.startswith(f"1 of {count + 4 * 5} trainings failed")
    assert "the bound is not finite" in text
