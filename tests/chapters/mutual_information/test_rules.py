"""Verdicts on source 003 follow the tables, where mathematics does not decide."""

from __future__ import annotations

from dataclasses import replace

import mutual_information_worlds as worlds
import numpy as np
import pandas as pd
import pytest
from mutual_information_worlds import RAW, tables

from infomax_lib.stats import rank_correlation
from paper.chapters import judge_claim, registry
from paper.chapters.mutual_information.words import (
    adversarial_answer,
    autoencoder_answer,
    batch_answer,
    bijective_answer,
    bridge_answer,
    condition_answer,
    condition_reason,
    critic_answer,
    dimension_answer,
    failures,
    lossy_answer,
    matched_answer,
    metric_answer,
    plain_answer,
    quoted,
    size_words,
    takeaway,
    together_answer,
    trees_answer,
    with_verdict,
)
from paper.judging.evidence import Evidence
from paper.judging.verdicts import INTERPRETATION_VERDICTS, Verdicts

CHAPTER = "mutual_information"

IDS = [f"003.{n}" for n in range(1, 16)]


#: Tables that each rule reads.
NEEDS = {
    "003.1": ["entropies", "independence"],
    "003.2": ["invariance"],
    "003.3": ["caps"],
    "003.4": ["classifiers"],
    "003.5": ["halves"],
    "003.6": ["halves"],
    "003.7": ["adversarial", "raw"],
    "003.8": ["halves"],
    "003.9": ["halves"],
    "003.10": ["autoencoders"],
    "003.11": ["halves"],
    "003.12": ["batches"],
    "003.13": ["splits", "parity"],
    "003.14": ["dimensions"],
    "003.15": ["metric"],
}


def verdict_on(claim_id, evidence):
    return judge_claim(claim_id, evidence)


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


PROVED = ["003.1", "003.2", "003.3", "003.4", "003.7", "003.13"]


@pytest.mark.parametrize("claim_id", IDS)
def test_everything_is_as_the_source_says(claim_id):
    found = outcome(claim_id)
    expected = "proved" if claim_id in PROVED else "supported"
    assert found.interpretation_verdict == expected, found.evidence


LAST = {"step": 2000}
REFUTED = {
    "003.6": edited("halves", {"accuracy": lambda x: x - 0.1}, experiment="bijective", **LAST),
    "003.8": edited("halves", {"log_condition": lambda x: x - 4}, experiment="residual", **LAST),
    "003.10": edited("autoencoders", {"inference_gap": lambda x: x - 9}, draws=50),
    "003.14": edited("dimensions", {"estimate": lambda x: 2.1 - x}),
}


@pytest.mark.parametrize("claim_id", REFUTED)
def test_refuted_where_the_opposite_is_seen(claim_id):
    found = outcome(claim_id, **REFUTED[claim_id])
    assert found.interpretation_verdict == "refuted", found.evidence


DISPROVED = {
    "003.1": edited("independence", {"information": lambda x: x + 0.1}, strength=0.0)
    | edited("entropies", {"entropy": lambda x: 1 - x}),
    # one of two maps
    "003.2": edited("invariance", {"after": lambda x: x + 0.1}, map="flow"),
    # pairs that share nothing, and are told apart
    "003.4": edited("classifiers", {"accuracy": lambda x: x + 0.3}, information=0.0),
}


@pytest.mark.parametrize("claim_id", DISPROVED)
def test_a_counterexample_disproves_a_theorem(claim_id):
    found = outcome(claim_id, **DISPROVED[claim_id])
    assert found.interpretation_verdict == "disproved by construction", found.evidence


MIXED = {
    "003.1": edited("independence", {"information": lambda x: x + 0.1}, strength=0.0),
    "003.12": edited("batches", {"estimate": lambda x: x + 0.3}, shared=False),
}


@pytest.mark.parametrize("claim_id", MIXED)
def test_mixed_where_one_of_two_things_claimed_is_not_so(claim_id):
    found = outcome(claim_id, **MIXED[claim_id])
    assert found.interpretation_verdict == "mixed", found.evidence


def flat(**rows):
    """Accuracies of the last step moved to those of the first, but for a little noise."""
    halves = tables()["halves"].copy()
    mask = np.ones(len(halves), bool)
    for column, value in rows.items():
        mask &= (halves[column] == value).to_numpy()
    first = halves[mask & (halves["step"] == 0)]["accuracy"].to_numpy()
    noise = 0.002 * np.random.default_rng(0).normal(size=len(first))
    halves.loc[mask & (halves["step"] == LAST["step"]), "accuracy"] = first + noise
    return {"halves": halves}


NOT_SUPPORTED = {
    # the weaker estimator decides: no gain, a loss, growth that is less than tenfold
    "003.6": flat(experiment="bijective", bound="nwj"),
    "003.6, one loses": edited(
        "halves", {"accuracy": lambda x: x - 0.1}, experiment="bijective", bound="nwj", **LAST
    ),
    "003.8": edited(
        "halves", {"log_condition": lambda x: x - 2.5}, experiment="residual", bound="nwj", **LAST
    ),
    # an example that is none refutes no existence
    "003.9": edited(
        "halves",
        {"accuracy": lambda x: x + 0.3},
        experiment="critics",
        critic="concatenated",
        **LAST,
    ),
    "003.9, looser": edited(
        "halves",
        {"held_out": lambda x: x - 1},
        experiment="critics",
        critic="concatenated",
        bound="nce",
        **LAST,
    ),
    "003.10": edited("autoencoders", {"inference_gap": lambda x: x / 100}),
    "003.11": edited(
        "halves", {"accuracy": lambda x: x - 0.1}, experiment="matched", bound="nwj", **LAST
    ),
    "003.14": edited("dimensions", {"estimate": lambda x: x + 1.4}, dimensions=392, bound="nwj"),
    "003.15": edited("metric", {"accuracy": lambda x: x - 0.03}, bound="triplet", **LAST),
}


@pytest.mark.parametrize("case", NOT_SUPPORTED)
def test_not_supported_where_the_effect_is_absent(case):
    found = outcome(case.partition(",")[0], **NOT_SUPPORTED[case])
    assert found.interpretation_verdict == "not supported", found.evidence


INFORMING = {
    # one pair that is both suffices, on images that no critic was trained on
    "003.9": edited(
        "halves", {"accuracy": lambda x: x + 0.2}, experiment="critics", critic="separable", **LAST
    ),
    "003.9, training": edited(
        "halves", {"training": lambda x: 0 * x}, experiment="critics", **LAST
    ),
    # inference models are not probes
    "003.10": edited("autoencoders", {"accuracy": lambda x: x + 0.1}, draws=50),
    # one target suffices
    "003.11": edited(
        "halves", {"training": lambda x: x - 1}, experiment="matched", target=4.0, **LAST
    ),
    # what was trained or sampled does not touch what is proved
    "003.3": edited("caps", {"estimate": lambda x: x + 1}, pairs=[2], information=1.0),
    "003.4": edited("classifiers", {"estimate": lambda x: x + 1}, information=3.0),
    "003.7": edited("adversarial", {"accuracy": lambda x: x + 0.5}, **LAST),
    # a tree's later splits are looked for in a part of the data
    "003.13": edited("splits", {"first": lambda x: -x}),
    "003.14": edited("dimensions", {"known": lambda x: x - 1}, dimensions=392),
    "003.15": edited("metric", {"accuracy": lambda x: x + 0.2}, bound="triplet", step=0),
}


@pytest.mark.parametrize("case", INFORMING)
def test_what_informs_decides_nothing(case):
    claim_id = case.partition(",")[0]
    found, good = outcome(claim_id, **INFORMING[case]), outcome(claim_id)
    assert found.interpretation_verdict == good.interpretation_verdict, found.evidence
    assert found.evidence != good.evidence


def test_the_weaker_estimator_is_the_effect_that_is_shown():
    halves = tables()["halves"]
    weaker = (halves["experiment"] == "bijective") & (halves["bound"] == "nwj")
    halves.loc[weaker & (halves["step"] == LAST["step"]), "accuracy"] -= 0.04
    found = outcome("003.6", halves=halves)
    assert found.interpretation_verdict == "supported"
    assert found.effect.startswith("probe better by 2.2 "), found.effect
    assert found.evidence.startswith("I_NWJ"), "the part that decides comes first"


def test_an_estimate_far_below_zero_is_as_wrong_as_zero():
    """I_NWJ has no lower bound: one critic at minus thousands must not hide that all are wrong."""
    one = edited(
        "dimensions", {"estimate": lambda x: x - 6000}, dimensions=392, bound="nwj", seed=3
    )
    found = outcome("003.14", **one)
    assert found.interpretation_verdict == "supported", found.evidence


def test_one_coin_that_tells_the_parity_is_no_parity():
    table = edited("parity", {"information": lambda x: x + 0.1}, variables="first")
    assert outcome("003.13", **table).interpretation_verdict != "proved"


def test_targets_are_chosen_by_how_equal_the_bounds_are():
    """At two nats the estimator matters more; at four, which is reached better, it does not."""
    rows = {"experiment": "matched", "target": 2.0, "bound": "nwj", **LAST}
    halves = edited(
        "halves",
        {"accuracy": lambda x: x - 0.1, "training": lambda x: x - 0.2},
        **rows,
    )
    assert outcome("003.11", **halves).interpretation_verdict == "supported"
    halves = edited("halves", {"accuracy": lambda x: x - 0.1}, **rows | {"target": 4.0})["halves"]
    reached = (halves["experiment"] == "matched") & (halves["target"] == 4.0)
    halves.loc[reached, "training"] = 4.0
    assert outcome("003.11", halves=halves).interpretation_verdict == "not supported"


def correlated(noise):
    """Accuracies that follow the held-out bound, the more loosely the more noise."""
    halves = tables()["halves"]
    kinds = halves.groupby(["experiment", "encoder", "critic", "bound", "target"], dropna=False)
    shift = np.random.default_rng(0).normal(size=kinds.ngroups)[kinds.ngroup()]
    halves["accuracy"] = 0.5 + (halves["held_out"] + noise * shift) / 10
    return {"halves": halves}


@pytest.mark.parametrize(
    ("noise", "verdict"), [(0, "refuted"), (0.4, "not supported"), (1.0, "underpowered")]
)
def test_a_bound_that_predicts_the_probe_counts_against_that_they_differ(noise, verdict):
    found = outcome("003.5", **correlated(noise))
    assert found.interpretation_verdict == verdict, found.evidence
    assert ("kinds would decide" in found.evidence) == (verdict == "underpowered")


NOT_MEASURED = {
    # an encoder that is not invertible says nothing about invertible ones
    "003.6": edited("halves", {"inversion_error": lambda x: x + 0.5}, experiment="bijective"),
    # what still grows when training ends has not failed
    "003.8": edited(
        "halves",
        {"log_condition": lambda x: x - 2.5},
        experiment="residual",
        step=list(worlds.STEPS[1:]),
    ),
    # bounds that miss their targets are not matched
    "003.11": edited("halves", {"training": lambda x: x - 1}, experiment="matched", **LAST),
    "003.10": {"autoencoders": tables()["autoencoders"].query("draws == 1")},
    "003.2": edited("invariance", {"after": lambda x: x * np.nan}, map="flow"),
    "003.1": edited("independence", {"strength": lambda x: x + 1}),
    # what contradicts arithmetic is an error, and no evidence
    "003.13": edited("splits", {"decrease": lambda x: x - 0.01}),
}


@pytest.mark.parametrize("claim_id", NOT_MEASURED)
def test_not_measured_where_the_data_are_no_evidence(claim_id):
    found = outcome(claim_id, **NOT_MEASURED[claim_id])
    assert found.interpretation_verdict == "not measured", found.evidence


@pytest.mark.parametrize("claim_id", IDS)
def test_without_its_table_a_claim_is_not_measured_unless_it_needs_none(claim_id):
    everything = pd.DataFrame({"key": ["k"], "seed": [0]})
    found = verdict_on(claim_id, Evidence(everything))
    expected = "proved" if claim_id in ("003.3", "003.7") else "not measured"
    assert found.interpretation_verdict == expected
    assert "not measured" in found.evidence.lower()


@pytest.mark.parametrize(
    "claim_id", ["003.6", "003.8", "003.9", "003.10", "003.11", "003.12", "003.14", "003.15"]
)
def test_two_seeds_are_not_a_measurement(claim_id):
    few = {
        name: table[table["seed"] < 2] if "seed" in table else table
        for name, table in tables().items()
    }
    assert outcome(claim_id, **few).interpretation_verdict == "not measured"


def test_runs_that_were_looked_at_are_counted():
    everything = tables()["halves"][["key", "seed"]].drop_duplicates()
    evidence = Evidence(everything, extra=tables())
    assert (verdict_on("003.6", evidence).runs, verdict_on("003.6", evidence).seeds) == (10, 5)


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
    assert "0.9 [0.9, 0.9] nats on the held-out bound" in critic_answer(halves)
    assert "50 draws against one" in autoencoder_answer(world["autoencoders"])
    assert "at 2 nats the ConvNet differs from the MLP by 7 [7, 7] points" in matched_answer(halves)
    assert "The truth is 0.020 nats" in batch_answer(world["batches"])
    assert "18 kinds" in together_answer(halves)
    assert "the best one says 0.320 [0.300, 0.340] nats" in trees_answer(world["splits"])
    assert "give 1.95 and 1.95 there" in dimension_answer(world["dimensions"])
    assert "the difference is 0.1 [0.1, 0.1] points" in metric_answer(world["metric"])


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


@pytest.mark.parametrize(
    ("claim_id", "verdict", "plain"),
    [
        ("003.7", "proved", "Yes."),
        ("003.8", "not supported", "No."),
        ("003.9", "not supported", "Not here."),
        ("003.5", "not supported", "In part."),
        ("003.5", "refuted", "Yes."),
        ("003.1", "disproved by construction", "No."),
        ("003.12", "mixed", "In part."),
        ("003.6", "underpowered", "Open."),
    ],
)
def test_every_verdict_has_a_plain_answer(claim_id, verdict, plain):
    judged = replace(outcome(claim_id), interpretation_verdict=verdict)
    assert plain_answer(judged, "So much.") == f"{plain} So much."


def test_no_verdict_is_without_an_answer():
    judged = outcome("003.8")
    for verdict in INTERPRETATION_VERDICTS:
        assert plain_answer(replace(judged, interpretation_verdict=verdict), "So much.")


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
    reversed_order = rank_correlation([4.0, 4.5, 3.0, 2.0], [1.0, 0.5, 2.0, 3.0])
    assert f"of {reversed_order} with the correlation" in text
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
