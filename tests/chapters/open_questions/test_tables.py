"""The open questions: which runs are asked for, their tables, figures and sentences."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from question_worlds import SEEDS, evidence, stacks_compose, table
from scipy import stats

from infomax_lib import SpecError
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.results.sweep import read_sweep, sweep_specs
from infomax_lib.stats import Interval, mean_interval
from paper.chapters.open_questions import tables as questions
from paper.chapters.open_questions import words
from paper.chapters.open_questions.figures import (
    by_mechanism,
    dependence_against_outcomes,
    differences_from,
    shares_removed,
)
from paper.chapters.open_questions.rules.mechanisms import NAMED_MECHANISMS
from paper.figures.seeds_and_grids import panels, use_style
from paper.judging.evidence import MissingEvidence

SWEEP = Path(__file__).parents[3] / "sweeps" / "activations.yaml"


@pytest.fixture(autouse=True)
def _style():
    with rc_context():
        use_style()
        yield


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
    specs = questions.objective_specs("digits", [1.0, 10.0], 1, 3)
    settings = [(s.competition, s.objective, s.lambda_tc) for s in specs]
    assert len(settings) == len(set(settings)) == 2 * 6
    assert {s[1] for s in settings if s[2] == 0} == {"infomax"}
    with pytest.raises(SpecError, match="above 0"):
        questions.objective_specs("digits", [0.0], 1, 3)


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
    found = questions.relative_to_untrained(questions.with_untrained(runs, past))
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


# -------------------------------------------------------------------------------------- figures


def marks(axes):
    """Large marks (means) and small ones (seeds) of a panel."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    small = [line for line in lines if (line.get_alpha() or 1) < 1]
    large = [line for line in lines if line not in small and len(line.get_xdata())]
    return small, large


def activation_runs(change=1.0):
    def measure(v):
        return {"weight_redundancy": change if v["activation"] == "tanh" else 1.0}

    return evidence(["activations"], {"activations": measure})


def test_differences_are_drawn_in_per_cent_of_the_reference():
    runs = activation_runs(1.5).extra["activations"]
    gaps = questions.against(runs, ["weight_redundancy", "probe_accuracy"], "activation", "relu")
    figure = differences_from(
        gaps, "activation", {"weight_redundancy": (0.2, True), "probe_accuracy": (0.01, False)}
    )
    first, second = figure.axes
    small, large = marks(first)
    names = [t.get_text() for t in first.get_xticklabels()]
    at_tanh = [
        float(line.get_ydata()[0])
        for line in large
        if round(float(line.get_xdata()[0])) == names.index("tanh")
    ]
    assert at_tanh == pytest.approx([50.0] * 3, rel=1e-3)  # three widths
    assert sum(len(line.get_xdata()) for line in small) == 3 * 3 * len(SEEDS)
    bands = [[p.get_y(), p.get_height()] for p in (first.patches[0], second.patches[0])]
    assert bands == [pytest.approx([-20, 40]), pytest.approx([-0.01, 0.02])]
    with pytest.raises(ValueError, match="no differences of hsic"):
        differences_from(gaps, "activation", {"hsic": (0.1, True)})


def test_every_mechanism_is_a_line_with_all_seeds():
    runs = evidence(["competitions"]).extra["competitions"]
    figure = by_mechanism(
        runs, ["redundancy_over_random", "dead_units", "hsic"],
        references={"hsic": {"nothing": 0.0}},
    )  # fmt: skip
    first, second, third, empty = figure.axes
    small, large = marks(first)
    assert sum(len(line.get_xdata()) for line in small) == len(runs)
    assert len(large) == runs["mechanism"].nunique() * 2
    assert [t.get_text() for t in first.get_yticklabels()][:2] == ["no softmax (A)", "softmax (B)"]
    assert "nothing" in [t.get_text() for t in third.texts]
    assert not empty.axison
    assert second.get_xscale() == "linear"


def test_wide_measures_get_a_logarithmic_axis():
    runs = evidence(
        ["competitions"],
        {"competitions": lambda v: {"hsic": 100.0 if v["mechanism"] == "softmax" else 1.0}},
    ).extra["competitions"]
    (axes,) = by_mechanism(runs, ["hsic"], columns=1).axes
    assert axes.get_xscale() == "log"


def robust():
    settings = [
        {"mechanism": m, "lambda_tc": t}
        for m, t in itertools.product(("none", "softmax"), (0.0, 1.0, 10.0, 100.0))
    ]

    def measure(v):
        level = np.log10(1 + v["lambda_tc"]) + (v["mechanism"] == "none")
        return {"redundancy_over_random": 1 + level, "noise_retained": 0.9 - 0.1 * level}

    rows = table(settings, measure)
    labels = [f"{m}, {t:g}" for m, t in zip(rows["mechanism"], rows["lambda_tc"], strict=True)]
    return rows.assign(configuration=labels)


def test_panels_state_the_rank_correlation_over_configurations():
    rows = robust()
    figure = dependence_against_outcomes(
        rows, ["redundancy_over_random"], {"noise_retained": "left"}
    )
    (axes,) = figure.axes
    small, large = marks(axes)
    assert sum(len(line.get_xdata()) for line in small) == len(rows)
    assert sum(len(line.get_xdata()) for line in large) == 8
    means = rows.groupby("configuration")[["redundancy_over_random", "noise_retained"]].mean()
    rho = stats.spearmanr(*means.to_numpy().T).statistic
    assert rho == pytest.approx(-1)
    assert "rank correlation −1" in axes.get_title(loc="left")


def test_shares_say_what_cannot_be_drawn():
    _, axes = panels()
    shares = {
        "a": Interval(0.9, 0.85, 0.95, 10),
        "b": None,
        "c": mean_interval([]),
    }
    shares_removed(axes, shares, 0.8)
    _, large = marks(axes)
    assert [float(line.get_xdata()[0]) for line in large] == [90.0]
    texts = [t.get_text() for t in axes.texts]
    assert "nothing to remove" in texts
    assert "not measured" in texts
    assert axes.get_xlim()[0] <= 0
    assert axes.get_xlim()[1] >= 100


# ---------------------------------------------------------------------------------------- words


def test_activation_answer_names_measures_and_activations():
    found = questions.activation_answer(activation_runs(3.0))
    assert found.startswith("Yes for weight redundancy")
    assert "no for probe accuracy" in found
    assert "tanh 3 of 15, identity 0 of 15" in found
    largest = questions.largest_differences(activation_runs(3.0))
    assert "tanh at K = " in largest
    assert "+2.0" in largest
    assert questions.largest_differences(activation_runs()) == ""
    assert questions.affected_measures(activation_runs(3.0)) == "1 of 5"
    assert questions.activation_answer(activation_runs()).startswith("No for weight redundancy")


def test_activation_answer_needs_five_seeds():
    whole = activation_runs(3.0)
    few = whole.extra["activations"]
    few = type(whole)(whole.runs, extra={"activations": few[few["seed"] < 3]})
    assert "five seeds" in questions.activation_answer(few)
    assert questions.largest_differences(few) == ""
    assert questions.affected_measures(few) == "not judged"
    with pytest.raises(MissingEvidence):
        questions.activation_table(few)


def test_stars_of_the_activation_table():
    found = questions.activation_table(activation_runs(1.1))
    row = found[(found["measure"].str.startswith("weight")) & (found["activation"] == "tanh")]
    assert row["K = 16"].item().endswith("]" + " *")  # significant, and within 20 %
    far = questions.activation_table(activation_runs(3.0))
    assert far.loc[row.index, "K = 64"].item().endswith("**")


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
