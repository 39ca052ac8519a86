"""The open questions: which runs are asked for, and their tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from infomax_lib import SpecError
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.results.sweep import read_sweep, sweep_specs
from paper.chapters.open_questions import experiment as questions
from paper.chapters.open_questions.rules.mechanisms import NAMED_MECHANISMS

SWEEP = Path(__file__).parents[3] / "sweeps" / "activations.yaml"


# ---------------------------------------------------------------------------------- what is run


def test_activation_sweep_is_that_of_its_file():
    specs = questions.activation_specs("mnist", ACTIVATIONS, [16, 32, 64], 10, 100)
    assert len(specs) == 180
    assert {s.key for s in specs} == {s.key for s in sweep_specs(read_sweep(SWEEP))}


def test_activation_sweep_follows_the_parameters():
    specs = questions.activation_specs("digits", ["relu", "tanh"], [8], 2, 5)
    assert len(specs) == 4
    assert {(s.dataset, s.epochs) for s in specs} == {("digits", 5)}
    assert {s.seed for s in specs} == {0, 1}


def test_scale_has_a_pair_that_differs_in_the_competition_alone():
    specs = questions.scale_specs("digits", [16, 32], 2, 3)
    settings = {(s.competition, s.lambda_tc) for s in specs}
    assert settings == {("none", 1.0), ("softmax", 0.0), ("none", 0.0)}
    assert len(specs) == len(set(specs)) == 12


def test_rules_find_the_mechanisms_that_are_run():
    specs = questions.competition_specs("digits", 2, 3)
    named = {questions.mechanism_name(s.model_dump()) for s in specs}
    assert set(NAMED_MECHANISMS) <= named
    assert {"none", "softmax", "softmax, T = 0.1"} <= named
    assert len({s.key for s in specs}) == len(specs) == 2 * (2 * 10 + 4)


def test_pressureless_objectives_are_run_once():
    specs = questions.objective_specs("digits", [1.0, 10.0], 1, 1, 3)
    settings = [(s.competition, s.objective, s.lambda_tc) for s in specs]
    assert len(settings) == len(set(settings)) == 2 * 6
    assert {s[1] for s in settings if s[2] == 0} == {"infomax"}
    with pytest.raises(SpecError, match="above 0"):
        questions.objective_specs("digits", [0.0], 1, 1, 3)


def test_only_hsic_has_fewer_seeds():
    specs = questions.objective_specs("digits", [1.0, 10.0], 4, 2, 3)
    seeds = {o: {s.seed for s in specs if s.objective == o} for o in ("infomax", "log_det", "hsic")}
    assert {o: len(found) for o, found in seeds.items()} == {"infomax": 4, "log_det": 4, "hsic": 2}


def test_control_without_cross_entropy_is_always_there():
    specs = questions.auxiliary_specs("digits", [1, 10], 2, 3)
    assert {s.lambda_ce for s in specs} == {0.0, 1.0, 10.0}
    assert {s.competition for s in specs if s.lambda_ce == 0} == {"none", "softmax"}


def test_only_a_dataset_with_a_partner_is_a_source_as_a_whole():
    with_partner, references = questions.transfer_specs("mnist", [16], 1, 3)
    without, _ = questions.transfer_specs("digits", [16], 1, 3)
    assert {s.source for s in with_partner} == {s.source for s in references}
    assert {s.source for s in with_partner} == {"all", "low", "high"}
    assert {s.source for s in without} == {"low", "high"}
    assert {s.epochs for s in with_partner} == {0, 3}


def test_hyperplanes_are_without_activation_and_competition():
    specs = questions.hyperplane_specs("digits", 2, 3)
    assert {(s.activation, s.competition, s.lambda_tc) for s in specs} == {
        ("identity", "none", 1.0)
    }
    assert {s.lambda_lse for s in specs} == {0.0, 1.0}


def test_stacks_have_every_training_and_depth():
    specs = questions.stack_specs("digits", 8, 2, 3)
    assert len(set(specs)) == len(specs) == 2 * 3 * 3 * 2


def test_robustness_has_enough_configurations_for_its_rule():
    specs = questions.robustness_specs("mnist", [0.0, 0.1, 1.0, 10.0, 100.0], 2, 3)
    frame = questions.robustness_table(pd.DataFrame([s.model_dump() for s in specs]))
    assert frame["configuration"].nunique() == 18
    assert set(frame.groupby("configuration")["seed"].nunique()) == {2}


# --------------------------------------------------------------------------------------- tables


def test_untrained_probe_is_that_of_epoch_zero():
    runs = pd.DataFrame({"key": ["a", "b"], "probe_accuracy": [0.9, 0.8]})
    past = pd.DataFrame(
        {
            "key": ["b", "a", "a", "b"],
            "epoch": [0, 0, 5, 5],
            "probe_accuracy": [0.5, 0.6, 0.9, 0.8],
            "probe_accuracy_pre": [0.55, 0.65, 0.9, 0.8],
        }
    )
    found = questions.with_untrained(runs, past)
    assert list(found["untrained_probe_accuracy"]) == [0.6, 0.5]
    assert list(found["untrained_probe_accuracy_pre"]) == [0.65, 0.55]
    assert list(found["probe_gain"]) == pytest.approx([30.0, 30.0])


def test_transfer_table_names_methods_and_repeats_pixels_for_every_width():
    layers = [
        {
            "key": f"{c}{k}{e}{t}", "competition": c, "hidden_dim": k, "epochs": e, "target": t,
            "seed": 0, "transfer_accuracy": 0.5, "probe_accuracy": 0.7,
        }
        for c, k, e, t in [
            ("none", 16, 3, "t"), ("softmax", 16, 3, "t"), ("none", 16, 0, "t"),
            ("none", 64, 3, "t"), ("none", 16, 3, None),
        ]
    ]  # fmt: skip
    beside = [
        {
            "key": m, "method": m, "hidden_dim": k, "target": "t", "seed": 0,
            "transfer_accuracy": 0.9, "probe_accuracy": 0.95,
        }
        for m, k in (("pixels", None), ("pca", 16))
    ]  # fmt: skip
    found = questions.transfer_table(pd.DataFrame(layers), pd.DataFrame(beside))
    pairs = set(zip(found["method"], found["hidden_dim"], strict=True))
    assert pairs == {
        ("infomax_relu", 16),
        ("infomax_softmax", 16),
        ("untrained", 16),
        ("infomax_relu", 64),
        ("pca", 16),
        ("pixels", 16),
        ("pixels", 64),
    }
    assert len(found) == 7  # the layer without a target is left out
    assert set(found.loc[found["method"] == "pixels", "probe_accuracy"]) == {0.9}
    assert set(found.loc[found["method"] == "pixels", "source_accuracy"]) == {0.95}


def test_differences_are_paired_by_seed_and_width():
    rows = [
        {"activation": a, "hidden_dim": k, "seed": s, "m": base + 10 * s + k}
        for a, base in (("relu", 1.0), ("tanh", 3.0))
        for k in (16, 32)
        for s in (0, 1)
    ]
    found = questions.against(pd.DataFrame(rows), ["m"], "activation", "relu")
    assert list(found["difference"]) == [2.0] * 4
    means = found.groupby("hidden_dim")["reference"].first()
    assert dict(means) == {16: 1 + 5 + 16, 32: 1 + 5 + 32}
    with pytest.raises(ValueError, match="sigmoid"):
        questions.against(pd.DataFrame(rows), ["m"], "activation", "sigmoid")


def test_measures_that_compare_over_widths():
    runs = pd.DataFrame(
        {
            "competition": ["softmax"], "lambda_tc": [0.0], "hidden_dim": [4],
            "output_correlation": [8 / 3], "dead_units": [1.0],
        }
    )  # fmt: skip
    found = questions.per_width(runs).iloc[0]
    assert found["correlation_over_floor"] == pytest.approx(2.0)  # the floor is 4/3
    assert found["dead_share"] == 0.25
    assert found["setting"] == "softmax (B), λ_tc = 0"
