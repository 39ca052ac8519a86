"""The loophole under the lens: closed forms, the inequality, and the film against the real run."""

import numpy as np
import pandas as pd
import pytest
import torch

from infomax_lib.measures.weights_and_outputs import max_cosine, threshold_gap, weight_redundancy
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.spec import RunSpec, grid
from infomax_lib.results.runs import run, trained_layer
from infomax_lib.results.store import open_store
from infomax_lib.stats import Interval
from paper.chapters.bias_loophole import words
from paper.chapters.bias_loophole.experiment import (
    describe_pair,
    exact_rerun,
    film_frames,
    firing_by_class,
    least_redundancy,
    most_aligned_pair,
    redundancy_beside_shared_direction,
    same_direction_correlation,
    setting_names,
    toy_table,
)
from paper.chapters.bias_loophole.figures import (
    goal_map,
    goal_paths,
    printed_points,
    same_direction_curves,
)
from paper.figures.style import panels
from paper.judging.evidence import Evidence


def layer_with(weight: list[list[float]], bias: list[float]) -> InfoMaxLayer:
    layer = InfoMaxLayer(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_most_aligned_pair_agrees_with_the_metrics():
    weight, bias = torch.randn(9, 20), torch.randn(9)
    first, second = most_aligned_pair(weight)
    cosine = torch.cosine_similarity(weight[first], weight[second], dim=0)
    assert first < second
    torch.testing.assert_close(cosine, max_cosine(weight))
    thresholds = -bias / weight.norm(dim=1)
    gap = (thresholds[first] - thresholds[second]).abs()
    torch.testing.assert_close(gap, threshold_gap(weight, bias))


def test_an_opposite_pair_is_not_an_aligned_one():
    assert most_aligned_pair(torch.tensor([[1.0, 0], [-1, 0], [0.6, 0.8]])) == (0, 2)


def test_a_single_unit_has_no_pair():
    with pytest.raises(ValueError, match="two units"):
        most_aligned_pair(torch.ones(1, 3))


@pytest.mark.parametrize(("units", "features"), [(2, 2), (4, 2), (6, 2), (7, 3), (3, 10)])
def test_least_redundancy_is_a_bound_and_is_reached(units, features):
    least = least_redundancy(units, features)
    drawn = weight_redundancy(torch.randn(200, units, features, dtype=torch.float64))
    assert drawn.min() > least - 1e-9
    if units <= features:
        reached = weight_redundancy(torch.eye(features, dtype=torch.float64)[:units])
    elif features == 2:  # equally spaced lines
        angle = torch.arange(units, dtype=torch.float64) * torch.pi / units
        reached = weight_redundancy(torch.stack([angle.cos(), angle.sin()], 1))
    else:
        return
    assert reached.item() == pytest.approx(least, abs=1e-12)


def test_redundancy_of_one_shared_direction_vanishes_with_it():
    rows = torch.eye(6)[:, :5] * 0
    rows = torch.cat([torch.eye(5), torch.full((5, 1), 0.8)], dim=1)
    assert weight_redundancy(rows) > 2
    # what is left are the corners of a regular simplex: cosines -1/4 each
    assert redundancy_beside_shared_direction(rows) == pytest.approx(20 / 16, abs=1e-5)


def test_redundancy_in_separate_pairs_stays():
    pairs = torch.eye(400).repeat_interleave(2, 0)
    assert redundancy_beside_shared_direction(pairs) == pytest.approx(800, rel=0.02)


def test_describe_pair_of_one_direction():
    # x uniform on [0, 1]; thresholds 1/2 and 3/4, so the second fires inside the first
    x = torch.linspace(0, 1, 10_001).unsqueeze(1)
    found = describe_pair(layer_with([[2.0], [4.0]], [-1.0, -3.0]), x)
    assert found["units"] == "0 and 1"
    assert found["cosine of the rows"] == pytest.approx(1)
    assert found["threshold of the first"] == pytest.approx(0.5)
    assert found["threshold of the second"] == pytest.approx(0.75)
    assert found["first fires on"] == pytest.approx(0.5, abs=1e-3)
    assert found["both fire on"] == pytest.approx(0.25, abs=1e-3)
    assert found["both, if independent"] == pytest.approx(0.125, abs=1e-3)
    assert found["correlation before ReLU"] == pytest.approx(1, abs=1e-4)
    # E[(x-1/2)+ (x-3/4)+] and the moments of both, integrated by hand
    covariance = 1 / 192 + 1 / 128 - 1 / 8 * 1 / 32
    variances = (1 / 24 - 1 / 64) * (1 / 192 - 1 / 1024)
    expected = covariance / variances**0.5
    assert found["correlation of the outputs"] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("power", [0.3, 1.0, 4.0])
def test_one_direction_never_gives_uncorrelated_outputs(power):
    skewed = torch.rand(5, 4000, dtype=torch.float64) ** power
    rates = [0.99, 0.5, 0.05]
    found = same_direction_correlation(skewed, rates)
    assert found.shape == (5, 3, 3)
    assert found.min() > 0
    torch.testing.assert_close(found.diagonal(dim1=1, dim2=2), torch.ones(5, 3).double())
    thresholds = np.quantile(skewed[0].numpy(), [0.01, 0.95])
    outputs = np.maximum(skewed[0].numpy() - thresholds[:, None], 0)
    assert found[0, 0, 2].item() == pytest.approx(np.corrcoef(outputs)[0, 1], abs=1e-9)


def test_firing_rates_are_shares():
    with pytest.raises(ValueError, match="between 0 and 1"):
        same_direction_correlation(torch.rand(1, 10), [0.5, 1.0])


def test_firing_by_class_averages_to_the_firing_rate():
    layer = InfoMaxLayer(64, 3, seed=1)
    table = firing_by_class(layer, [0, 2], "digits")
    assert list(table.columns) == ["unit", "class", "share"]
    assert sorted(table["class"].unique()) == list(range(10))
    from infomax_lib import load_dataset

    data = load_dataset("digits")
    counts = torch.bincount(data.test_labels).numpy()
    rate = (layer(data.test) > 0).double().mean(0)
    shares = table[table["unit"] == 2].sort_values("class")["share"].to_numpy()
    assert (shares * counts).sum() / counts.sum() == pytest.approx(rate[2].item())


def test_the_film_shows_the_run_itself():
    spec = RunSpec(dataset="synthetic", hidden_dim=3, lambda_tc=10.0, epochs=5, seed=4)
    store = open_store("memory")
    frames = film_frames(spec, [5, 0, 2, 3])
    assert [frame.title for frame in frames] == ["epoch 0", "epoch 2", "epoch 3", "epoch 5"]
    for frame, epoch in ((frames[0], 0), (frames[1], 2), (frames[3], 5)):
        layer = trained_layer(spec, store=store, epoch=epoch)
        torch.testing.assert_close(frame.weights, layer.weight.detach())
        torch.testing.assert_close(frame.biases, layer.bias.detach())
    assert not torch.equal(frames[1].weights, frames[2].weights)


PRINTED = {
    1: (0.287, 2.98, 4.52),
    10: (0.286, 0.25, 0.25),
    50: (0.329, 0.08, 0.04),
    100: (0.535, 0.04, 0.005),
}


def made_up_rerun() -> Evidence:
    """Seed 42 has the printed numbers at lambda_tc = 100; other seeds and lambdas have others."""
    runs, rows = [], []
    for value in (1.0, 100.0):
        for seed in (42, *range(6)):
            spec = RunSpec(batch_size="full", lambda_tc=value, seed=seed)
            fields = {"key": f"{value:g}-{seed}", **spec.model_dump()}
            runs.append(fields)
            shift = 0.0 if (value, seed) == (100.0, 42) else 0.9
            rows += [
                fields
                | {
                    "epoch": epoch,
                    "weight_redundancy": numbers[0] + shift,
                    "output_correlation": numbers[1] + shift + 0.001 * (seed % 6),
                    "train_tc": numbers[2] + shift,
                }
                for epoch, numbers in PRINTED.items()
            ]
    return Evidence(pd.DataFrame(runs), pd.DataFrame(rows))


def test_exact_rerun_marks_what_rounds_to_the_printed_digits():
    table, agreeing = exact_rerun(made_up_rerun(), [1.0, 10.0, 100.0])
    assert agreeing == {1.0: 0, 10.0: 0, 100.0: 12}
    assert list(table.columns) == [
        *("epoch", "measure", "printed"),
        *("λ_tc = 1", "λ_tc = 10", "λ_tc = 100"),
    ]
    assert len(table) == 12
    assert table["λ_tc = 100"].str.endswith(" ✓").all()
    assert not table["λ_tc = 1"].str.endswith(" ✓").any()
    assert (table["λ_tc = 10"] == "not measured").all()
    assert table.loc[0, "printed"] == "0.287"
    assert table.loc[0, "λ_tc = 100"] == "0.2870 ✓"


def test_rerun_over_seeds_shows_intervals():
    table, agreeing = exact_rerun(made_up_rerun(), [100.0], seed=None)
    assert table["λ_tc = 100"].str.contains(r"\[.+, .+\]").all()
    assert agreeing[100.0] < 12


def test_setting_names_say_what_differs():
    base = RunSpec()
    specs = [
        base,
        base.but(competition="softmax"),
        base.but(bias=False),
        base.but(batch_size="full", lambda_wr=10.0),
        base.but(initial="twins"),
    ]
    table = pd.DataFrame([spec.model_dump() for spec in specs])
    assert setting_names(table) == [
        "reference",
        "softmax (B)",
        "biases frozen",
        "full batch, λ_wr = 10",
        "twins",
    ]


def test_printed_points_lie_at_the_printed_numbers():
    _, axes = panels()
    printed_points(axes, "full_batch", "train_tc")
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_xdata(), [0, 1, np.log10(50), 2])
    np.testing.assert_allclose(line.get_ydata(), [4.52, 0.25, 0.04, 0.005])


def test_goal_figures_shade_the_corner_of_both_goals():
    specs = grid(
        RunSpec(dataset="digits", hidden_dim=4, epochs=2), lambda_tc=[1.0, 10.0], seed=[0, 1]
    )
    table = run(specs, progress=False).assign(setting="reference")
    _, axes = panels()
    goal_map(axes, table, "setting", "lambda_tc", diverse=2.0, uncorrelated=0.5)
    (region,) = axes.patches
    left, low = axes.get_xlim()[0], axes.get_ylim()[0]
    assert region.get_xy() == pytest.approx((left, low))
    assert left + region.get_width() == pytest.approx(2.0)
    assert low + region.get_height() == pytest.approx(0.5)
    assert {text.get_text() for text in axes.texts} == {"1", "10"}
    assert sum(len(line.get_xdata()) == 4 for line in axes.get_lines()) == 1  # every seed

    _, axes = panels()
    goal_map(axes, table.assign(redundancy_over_random=1e-7), "setting", "lambda_tc", 2.0, 0.5)
    assert set(axes.get_lines()[0].get_xdata()) == {0.01}
    assert "≤ 0.01" in axes.get_xlabel()

    history = pd.DataFrame(
        {
            "epoch": [0, 1, 2, 5],
            "path": "a",
            "redundancy_over_random": [1.0, 2.0, 3.0, 4.0],
            "output_correlation": [1.0, 0.5, 0.2, 0.1],
        }
    )
    _, axes = panels()
    goal_paths(axes, history, "path", diverse=2.0, uncorrelated=0.5)
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), [2, 3, 4])
    assert [text.get_text() for text in axes.texts] == ["1", "2", "5"]


def test_same_direction_curves_draw_every_direction():
    rates = [0.9, 0.1]
    correlations = same_direction_correlation(torch.rand(3, 500), rates)
    _, axes = panels()
    same_direction_curves(axes, correlations, rates, [0.9])
    thin = [line for line in axes.get_lines() if line.get_linewidth() == 0.7]
    assert len(thin) == 3
    np.testing.assert_allclose(thin[1].get_ydata(), correlations[1, 0])


# ------------------------------------------------------------------------------------------ words


def interval(mean):
    return Interval(mean, 0.9 * mean, 1.1 * mean, 20)


@pytest.mark.parametrize(
    ("agreeing", "caption", "follows"),
    [
        ({1.0: 3, 10.0: 5, 100.0: 12}, "come from λ_tc = 100", "its caption, λ_tc = 1, is wrong"),
        ({1.0: 12, 10.0: 5, 100.0: 12}, "", "The caption holds."),
        ({1.0: 3, 10.0: 5, 100.0: 11}, "", "No setting tried gives all twelve."),
        ({}, "", "these parameters differ"),
    ],
)
def test_words_on_the_first_table(agreeing, caption, follows):
    assert caption in words.wrong_caption(agreeing, 1.0)
    assert bool(words.wrong_caption(agreeing, 1.0)) == bool(caption)
    assert follows in words.exact(agreeing, 1.0)


def test_words_turn_with_their_numbers():
    few, many = interval(1.0), interval(5.0)
    assert "before it raises it" in words.pressure(many, 1.0, few, 100.0, many)
    assert "before it raises it" not in words.pressure(few, 0.0, few, 100.0, many)
    assert "smaller than chance" in words.batch_floor(100.0, few, 1.9)
    assert "not below" in words.batch_floor(100.0, few, 1.0)
    assert "no redundancy beyond" in words.frozen(100.0, few, few)
    assert "as the loophole predicts" in words.frozen(100.0, many, few)
    assert "biases are not what makes it" in words.frozen(100.0, many, many)
    assert words.over_all_seeds(12, 100.0).endswith("λ_tc = 100.")
    assert "not typical" in words.over_all_seeds(7, 100.0)


def layers(**values):
    """Ten seeds at a weak and at a strong pressure; measures as pairs (weak, strong)."""
    rows = [
        {"setting": "reference", "lambda_tc": pressure, "seed": seed, "epoch": 3}
        | {name: pair[i] * (1 + 0.001 * seed) for name, pair in values.items()}
        for i, pressure in enumerate((1.0, 100.0))
        for seed in range(10)
    ]
    return pd.DataFrame(rows)


def test_words_on_both_goals():
    runs = layers(redundancy_over_data=(0.5, 3.0), output_correlation=(0.1, 0.1))
    text = words.goals(runs, runs[runs["lambda_tc"] == 1.0], 100.0)
    assert "training: reference at λ_tc = 1. " in text
    assert text.endswith("λ_tc = 100: 3.")
    none = runs.assign(output_correlation=2.0)
    assert words.goals(none, none, 100.0).count("none") == 2


@pytest.mark.parametrize(
    ("redundancy", "correlation", "reached"),
    [(0.9, 0.4, True), (0.995, 0.4, False), (0.9, 0.4976, False), (1.5, 0.4, False)],
)
def test_both_goals_are_passed_by_whole_intervals(redundancy, correlation, reached):
    rows = layers(redundancy_over_data=(redundancy, 1.0), output_correlation=(correlation, 1.0))
    assert words.both_goals(rows[rows["lambda_tc"] == 1.0]) is reached


def test_words_on_dependence():
    rates = {"output_correlation": (0.1, 0.1), "firing_rate": (0.5, 0.1)}
    text = words.dependence(
        layers(hsic_ratio=(5.0, 1.0), joint_firing=(0.1, 0.8), **rates), 1.0, 100.0
    )
    assert "by these rules: 100. " in text
    assert "HSIC is 5.022 " in text
    assert "differs from chance by 10.0" in text
    assert "fires on 50.2" in text
    assert text.endswith("it cannot see there what all test images show.")
    seen = words.dependence(
        layers(hsic_ratio=(5.0, 3.0), joint_firing=(0.8, 0.8), **rates), 1.0, 100.0
    )
    assert "by these rules: 1, 100. " in seen
    assert "it cannot see" not in seen
    none = words.dependence(
        layers(hsic_ratio=(5.0, 1.0), joint_firing=(0.1, 0.1), **rates), 1.0, 100.0
    )
    assert "by these rules: none. " in none
    assert none.endswith("at λ_tc = 100.")


def test_words_and_table_of_the_toy():
    columns = ["hidden_dim", "lambda_tc", "dead_units", "aligned_pairs", "weight_redundancy"]
    rows = [(4, 1.0, 0, 1, 5.0), (4, 1.0, 0, 0, 5.0), (4, 1.0, 1, 1, 5.0), (2, 1.0, 0, 0, 1.0)]
    runs = pd.DataFrame(rows, columns=columns).assign(output_correlation=0.1)
    table = toy_table(runs).set_index("units")
    assert table.loc[4, "seeds with all units alive"] == "2 of 3"
    assert table.loc[4, "of these with an aligned pair"] == 1
    assert table.loc[4, "least possible"] == "4"
    alive = runs[runs["dead_units"] == 0]
    assert words.toy(alive, 4) == "Seeds with an aligned pair: 1 of 2 with 4 units, λ_tc = 1."
    assert words.toy(alive, 3).startswith("No seed with 3 units")
