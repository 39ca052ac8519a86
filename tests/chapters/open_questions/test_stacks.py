"""Stacks of layers, against plain loops that share nothing with them but starts and batches."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.plain_loop import PlainLoop, plain_loss
from infomax_lib import RunSpec, SpecError, grid, load_dataset, run
from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.layer import ACTIVATIONS, initial_parameters
from infomax_lib.model.streams import batches, generator
from infomax_lib.training.population import Population
from paper.chapters.open_questions import stacks
from paper.chapters.open_questions.stacks import TRAININGS, StackSpec, run_stacks, train_stacks

CLOSE = {"rtol": 0, "atol": 1e-10}
EPS = 1e-6


@pytest.fixture
def data(tiny):
    return tiny.to("cpu", torch.float64)


def small(**fields):
    return StackSpec(**{"hidden_dim": 4, "batch_size": 16, "epochs": 3} | fields)


def plain_run(spec, **fields):
    """The single layer with the settings of a stack."""
    shared = {name: getattr(spec, name) for name in RunSpec.model_fields}
    return RunSpec(**shared | fields)


def start_of(spec, width, level):
    seed = generator(spec.seed, f"layer {level + 1}").initial_seed() if level else spec.seed
    return [part.double() for part in initial_parameters(width, spec.hidden_dim, seed)]


def outputs_of(spec, z):
    h = ACTIVATIONS[spec.activation](z)
    return torch.softmax(h, -1) if spec.competition == "softmax" else h


def standardised(a, mean, variance):
    return (a - mean) / (variance + EPS).sqrt()


def stack_loss(spec, parameters, x):
    """Loss of the last layer's outputs, every layer written out with batch statistics."""
    for n, (weight, bias) in enumerate(parameters):
        x = standardised(x, x.mean(0), x.var(0)) if n else x
        x = outputs_of(spec, x @ weight.T + bias)
    return plain_loss(x, weight, spec.lambda_tc, spec.lambda_wr)[0]


# --- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depth": 0}, "greater than or equal to 1"),
        ({"depth": 4}, "less than or equal to 3"),
        ({"training": "jointly"}, "choose one of greedy, random, end_to_end"),
        ({"batch_size": "full"}, "choose an integer"),
        ({"layers": 2}, "the fields are dataset"),
    ],
)
def test_impossible_stacks_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        StackSpec(**fields)


def test_depth_and_training_enter_the_key():
    specs = grid(StackSpec(dataset="digits"), depth=[1, 2, 3], training=TRAININGS)
    assert len({spec.key for spec in specs}) == 9


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", ["greedy", "end_to_end"])
@pytest.mark.parametrize(
    "fields",
    [
        {"competition": "none"},
        {"competition": "softmax", "lambda_tc": 0.0},
        {"competition": "softmax", "optimizer": "sgd", "bias": False, "lambda_wr": 0.5},
        {"competition": "none", "activation": "tanh", "lambda_lse": 0.3, "objective": "log_det"},
    ],
)
def test_one_layer_is_the_plain_run(data, training, fields):
    spec = small(training=training, **fields)
    (level,) = train_stacks(spec, [7, 8], data)
    for place, seed in enumerate([7, 8]):
        loop = PlainLoop(plain_run(spec, seed=seed), data, torch.float64)
        for _ in range(spec.epochs):
            loss, tc = loop.epoch()
        torch.testing.assert_close(level.weight[place], loop.weight.detach(), **CLOSE)
        torch.testing.assert_close(level.bias[place], loop.bias.detach(), **CLOSE)
        assert float(level.loss[place]) == pytest.approx(loss, abs=1e-10)
        assert float(level.train_tc[place]) == pytest.approx(tc, abs=1e-10)


def test_one_layer_is_the_layer_of_a_population(data):
    spec = small(competition="softmax")
    (level,) = train_stacks(spec, [0, 1], data)
    population = Population(grid(plain_run(spec), seed=[0, 1]), data, "cpu", torch.float64)
    for _ in range(spec.epochs):
        population.epoch()
    for own, reference in zip(level.weight, population.weight, strict=True):
        torch.testing.assert_close(own, reference, **CLOSE)


@pytest.mark.parametrize("competition", ["none", "softmax"])
def test_the_second_greedy_layer_is_the_plain_run_on_standardised_outputs(data, competition):
    spec = small(competition=competition, depth=2, seed=3)
    first, second = train_stacks(spec, [3], data)
    inputs = standardised(first.train[0], first.train[0].mean(0), first.train[0].var(0))
    loop = PlainLoop(plain_run(spec), dataclasses.replace(data, train=inputs), torch.float64)
    with torch.no_grad():
        for own, start in zip((loop.weight, loop.bias), start_of(spec, 4, 1), strict=True):
            own.copy_(start)
    for _ in range(spec.epochs):
        loss, _ = loop.epoch()
    torch.testing.assert_close(second.weight[0], loop.weight.detach(), **CLOSE)
    assert float(second.loss[0]) == pytest.approx(loss, abs=1e-10)
    # test images are standardised as the training images, not by themselves
    outside = standardised(first.test[0], first.train[0].mean(0), first.train[0].var(0))
    expected = outputs_of(spec, outside @ loop.weight.detach().T + loop.bias.detach())
    torch.testing.assert_close(second.test[0], expected, **CLOSE)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize(
    "fields",
    [
        {"competition": "none"},
        {"competition": "softmax", "lambda_wr": 0.5},
        {"competition": "softmax", "activation": "tanh", "optimizer": "sgd"},
        {"competition": "none", "activation": "softplus", "bias": False},
    ],
)
def test_end_to_end_is_plain_descent_of_the_last_loss_by_all_layers(data, depth, fields):
    spec = small(training="end_to_end", depth=depth, epochs=2, seed=5, **fields)
    levels = list(train_stacks(spec, [4, 5], data))
    starts = [start_of(spec, 4 if n else 10, n) for n in range(depth)]
    parameters = [[part.requires_grad_() for part in layer] for layer in starts]
    trained = [p for weight, bias in parameters for p in ((weight, bias)[: 1 + spec.bias])]
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[spec.optimizer]
    optimizer = kind(trained, lr=spec.learning_rate)
    order = generator(5, "order")
    for _ in range(spec.epochs):
        losses = []
        for rows in batches(len(data.train), spec.batch_size, [order]):
            loss = stack_loss(spec, parameters, data.train[rows[0]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    for level, (weight, bias) in zip(levels, parameters, strict=True):
        torch.testing.assert_close(level.weight[1], weight.detach(), **CLOSE)
        torch.testing.assert_close(level.bias[1], bias.detach(), **CLOSE)
    assert float(levels[-1].loss[1]) == pytest.approx(np.mean(losses), abs=1e-10)
    assert levels[0].loss.isnan().all()


@pytest.mark.parametrize("training", ["greedy", "end_to_end"])
def test_a_stack_trained_with_others_is_the_one_trained_alone(data, training):
    spec = small(training=training, depth=3, competition="softmax")
    together = list(train_stacks(spec, [0, 1, 2], data))
    alone = list(train_stacks(spec, [1], data))
    for level, own in zip(together, alone, strict=True):
        torch.testing.assert_close(level.weight[1], own.weight[0], **CLOSE)
        torch.testing.assert_close(level.train[1], own.train[0], **CLOSE)


@pytest.mark.parametrize("training", ["greedy", "end_to_end"])
def test_a_stack_that_diverges_leaves_its_neighbours_alone(data, training, monkeypatch):
    def poisoned(width, units, seed, initial):
        weight, bias = initial_parameters(width, units, seed, initial)
        return (weight * torch.nan if seed == 1 else weight), bias

    spec = small(training=training, depth=2)
    alone = list(train_stacks(spec, [2], data))
    monkeypatch.setattr(stacks, "initial_parameters", poisoned)
    together = list(train_stacks(spec, [1, 2], data))
    for level, own in zip(together, alone, strict=True):
        assert level.train[0].isnan().all()
        torch.testing.assert_close(level.weight[1], own.weight[0], **CLOSE)


def test_random_layers_stay_as_they_start(data):
    spec = small(training="random", depth=3, seed=9)
    for n, level in enumerate(train_stacks(spec, [9], data)):
        weight, bias = start_of(spec, 4 if n else 10, n)
        assert torch.equal(level.weight[0], weight)
        assert torch.equal(level.bias[0], bias)
        assert level.loss.isnan().all()


def test_layers_of_a_stack_start_differently(data):
    levels = list(train_stacks(small(training="random", depth=3, hidden_dim=10), [0, 1], data))
    starts = torch.stack([weight for level in levels for weight in level.weight])
    assert torch.cdist(starts.flatten(1), starts.flatten(1)).fill_diagonal_(9).min() > 1


def test_a_dead_unit_stays_zero_for_the_layer_above(data):
    spec = small(initial="dead", training="greedy", depth=2, epochs=1)
    first, second = train_stacks(spec, [0], data)
    assert (first.train[0, :, :2] == 0).all()
    # so that nothing flows back into the weights that read it: they stay as they were
    start = initial_parameters(4, 4, generator(0, "layer 2").initial_seed(), "dead")[0]
    torch.testing.assert_close(second.weight[0, 2:, :2], start[2:, :2].double(), **CLOSE)
    assert not torch.equal(second.weight[0, 2:, 2:], start[2:, 2:].double())


# --- running and storing -------------------------------------------------------------------------


@pytest.fixture
def trained(monkeypatch):
    """What is trained, as (training, depth, seeds)."""
    calls = []

    def counted(spec, seeds, *args):
        calls.append((spec.training, spec.depth, tuple(seeds)))
        return train_stacks(spec, seeds, *args)

    monkeypatch.setattr(stacks, "train_stacks", counted)
    return calls


def quick(**values):
    base = StackSpec(dataset="digits", hidden_dim=5, epochs=1)
    return grid(base, **{"training": TRAININGS, "depth": [1, 2], "seed": [0, 1]} | values)


def test_stacks_are_measured_stored_and_not_computed_again(tmp_path, trained):
    specs = quick()
    table = run_stacks(specs, device="cpu", store=tmp_path, progress=False)
    assert sorted(trained) == [
        ("end_to_end", 1, (0, 1)),
        ("end_to_end", 2, (0, 1)),
        ("greedy", 2, (0, 1)),
        ("random", 2, (0, 1)),
    ]
    assert list(table["key"]) == [spec.key for spec in specs]
    trained.clear()
    again = run_stacks(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert trained == []
    more = run_stacks(quick(seed=[1, 2]), device="cpu", store=tmp_path, progress=False)
    assert {seeds for _, _, seeds in trained} == {(2,)}
    kept = more[more["seed"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, table[table["seed"] == 1].reset_index(drop=True))


def test_the_same_call_gives_the_same_rows(tmp_path):
    specs = quick(training=["greedy", "end_to_end"], depth=[2])
    first, second = (
        run_stacks(specs, device="cpu", store=tmp_path / name, progress=False) for name in "ab"
    )
    pd.testing.assert_frame_equal(first, second)


def test_columns_are_measures_of_the_top_layer(tmp_path):
    (spec,) = quick(training=["greedy"], depth=[2], seed=[1])
    row = run_stacks(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    digits = load_dataset("digits")
    *_, top = train_stacks(spec, [1], digits)
    a = top.test[0].double().numpy()
    s = np.linalg.svd(a - a.mean(0), compute_uv=False)
    share = s / s.sum()
    assert row["output_effective_rank"] == pytest.approx(s.sum() ** 2 / (s**2).sum(), rel=1e-4)
    entropy = -(share * np.log(share)).sum()
    assert row["output_entropy_rank"] == pytest.approx(np.exp(entropy), rel=1e-4)
    correlation = np.corrcoef(a.T)
    assert row["output_correlation"] == pytest.approx(((correlation - np.eye(5)) ** 2).sum(), 1e-3)
    cosines = torch.nn.functional.normalize(top.weight[0].double(), dim=1)
    expected = (cosines @ cosines.T - torch.eye(5)).square().sum()
    assert row["weight_redundancy"] == pytest.approx(float(expected), rel=1e-4)
    probe = linear_probe(top.train[0], digits.train_labels, top.test[0], digits.test_labels)
    assert row["probe_accuracy"] == float(probe)
    assert 0 < row["hsic_floor"] < row["hsic"] < 1
    assert np.isfinite([row["loss"], row["train_tc"]]).all()


def test_a_single_layer_has_the_numbers_of_its_run(tmp_path):
    spec = StackSpec(dataset="digits", hidden_dim=8, epochs=2, competition="softmax", seed=3)
    own = run_stacks(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    reference = run(plain_run(spec), device="cpu", store=tmp_path, progress=False).iloc[0]
    for name in ("weight_redundancy", "output_correlation", "row_norm", "hsic", "loss"):
        assert own[name] == pytest.approx(reference[name], rel=1e-3), name
    assert own["probe_accuracy"] == pytest.approx(reference["probe_accuracy"], abs=1.5 / 360)


def test_stacks_that_diverge_are_results(tmp_path):
    spec = StackSpec(
        dataset="digits", hidden_dim=4, epochs=2, optimizer="sgd", learning_rate=1e30, depth=2
    )
    row = run_stacks(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    assert np.isnan(row[["probe_accuracy", "weight_redundancy", "hsic"]].astype(float)).all()


def test_only_stack_specs_are_accepted(tmp_path):
    with pytest.raises(TypeError, match="expected StackSpec objects, got RunSpec"):
        run_stacks([RunSpec(dataset="digits")], store=tmp_path)
