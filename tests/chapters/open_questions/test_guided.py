"""InfoMax with a supervised signal, against plain loops with automatic differentiation."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss

from benchmarks.plain_loop import PlainLoop, plain_loss
from infomax_lib import RunSpec, SpecError, grid, load_dataset, run
from infomax_lib.model.layer import ACTIVATIONS, initial_parameters
from infomax_lib.model.streams import batches, generator
from paper.chapters.open_questions import guided
from paper.chapters.open_questions.guided import (
    AuxiliarySpec,
    GuidedStep,
    run_auxiliary,
    train_guided,
)
from paper.methods.descent import xavier

CLOSE = {"rtol": 0, "atol": 1e-10}


@pytest.fixture
def data(tiny):
    return tiny.to("cpu", torch.float64)


def small(**fields):
    return AuxiliarySpec(**{"hidden_dim": 4, "batch_size": 16, "epochs": 3} | fields)


def plain_run(spec, **fields):
    shared = {name: getattr(spec, name) for name in RunSpec.model_fields}
    return RunSpec(**shared | fields)


def outputs_of(spec, z):
    h = ACTIVATIONS[spec.activation](z)
    return torch.softmax(h, -1) if spec.competition == "softmax" else h


def losses(spec, weight, bias, head, head_bias, x, labels):
    """InfoMax with lambda_ce cross-entropy, and the cross-entropy, of one layer."""
    a = outputs_of(spec, x @ weight.T + bias)
    logits = a @ head.T + head_bias
    likelihood = logits.exp() / logits.exp().sum(1, keepdim=True)
    cross_entropy = -likelihood[torch.arange(len(x)), labels].log().mean()
    infomax, _ = plain_loss(a, weight, spec.lambda_tc, spec.lambda_wr)
    return infomax + spec.lambda_ce * cross_entropy, cross_entropy


SETTINGS = [
    {"competition": "none"},
    {"competition": "softmax", "lambda_tc": 0.0},
    {"competition": "softmax", "activation": "tanh", "lambda_wr": 0.5},
    {"competition": "none", "activation": "identity", "bias": False, "optimizer": "sgd"},
]

# --- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lambda_ce": -1.0}, "lambda_ce=-1.0 is not possible.*greater than or equal to 0"),
        ({"lambda_ce": float("inf")}, "finite number"),
        ({"batch_size": "full"}, "choose an integer"),
        ({"objective": "barlow"}, "two views"),
        ({"lambda_c": 1.0}, "the fields are dataset"),
    ],
)
def test_impossible_settings_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        AuxiliarySpec(**fields)


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", SETTINGS)
def test_gradients_are_those_of_the_two_losses(data, fields):
    lambdas, seeds, samples = [0.0, 2.5], 2, 12
    specs = [small(seed=s, lambda_ce=v, **fields) for s in range(seeds) for v in lambdas]
    shapes = {"weight": (4, 10), "bias": (4,), "head": (3, 4), "head_bias": (3,)}
    p = {name: torch.randn(4, *shape, dtype=torch.float64) for name, shape in shapes.items()}
    x, labels = torch.randn(seeds, samples, 10, dtype=torch.float64), torch.randint(0, 3, (2, 12))
    found = GuidedStep(specs, p["weight"]).gradients(p, x, labels)
    for n, spec in enumerate(specs):
        own = [part[n].clone().requires_grad_() for part in p.values()]
        loss, cross_entropy = losses(spec, *own, x[n // 2], labels[n // 2])
        expected = [
            *torch.autograd.grad(loss, own[:2], retain_graph=True),
            *torch.autograd.grad(cross_entropy, own[2:]),
        ]
        for name, gradient in zip(p, expected, strict=True):
            torch.testing.assert_close(found[name][n], gradient, **CLOSE)


@pytest.mark.parametrize("fields", SETTINGS)
def test_without_weight_the_layer_is_the_plain_run(data, fields):
    specs = [small(seed=seed, **fields) for seed in (4, 5)]
    layers = train_guided(specs, data)
    for spec, weight, bias in zip(specs, layers.weight, layers.bias, strict=True):
        loop = PlainLoop(plain_run(spec), data, torch.float64)
        for _ in range(spec.epochs):
            loop.epoch()
        torch.testing.assert_close(weight, loop.weight.detach(), **CLOSE)
        torch.testing.assert_close(bias, loop.bias.detach(), **CLOSE)


@pytest.mark.parametrize("fields", SETTINGS)
def test_training_is_plain_descent_of_the_two_losses(data, fields):
    spec = small(seed=5, lambda_ce=3.0, **fields)
    layers = train_guided([spec.but(seed=4), spec], data)
    weight, bias = (part.double() for part in initial_parameters(10, 4, 5))
    head = xavier([5], 3, 4, "head", weight)[0]
    own = [part.requires_grad_() for part in (weight, bias, head, head.new_zeros(3))]
    trained = [part for part in own if spec.bias or part is not bias]
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[spec.optimizer]
    optimizer = kind(trained, lr=spec.learning_rate)
    order = generator(5, "order")
    for _ in range(spec.epochs):
        for rows in batches(len(data.train), spec.batch_size, [order]):
            batch = data.train[rows[0]], data.train_labels[rows[0]]
            loss, cross_entropy = losses(spec, *own, *batch)
            gradients = torch.autograd.grad(loss, own[:2], retain_graph=True)
            gradients += torch.autograd.grad(cross_entropy, own[2:])
            for part, gradient in zip(own, gradients, strict=True):
                part.grad = gradient
            optimizer.step()
    for found, expected in zip(layers, own, strict=True):
        torch.testing.assert_close(found[1], expected.detach(), **CLOSE)


def test_layers_trained_together_are_those_trained_alone(data):
    specs = [
        small(seed=s, lambda_ce=ce, lambda_tc=tc)
        for s in (0, 1)
        for ce, tc in ((0.0, 1.0), (10.0, 1.0), (10.0, 0.0))
    ]
    together = train_guided(specs, data)
    for n, spec in enumerate(specs):
        for many, one in zip(together, train_guided([spec], data), strict=True):
            torch.testing.assert_close(many[n], one[0], **CLOSE)


def test_a_layer_that_diverges_leaves_its_neighbours_alone(data, monkeypatch):
    def poisoned(width, units, seed, initial):
        weight, bias = initial_parameters(width, units, seed, initial)
        return (weight * torch.nan if seed == 1 else weight), bias

    spec = small(seed=2, lambda_ce=1.0)
    alone = train_guided([spec], data)
    monkeypatch.setattr(guided, "initial_parameters", poisoned)
    together = train_guided([spec.but(seed=1), spec], data)
    assert together.weight[0].isnan().all()
    torch.testing.assert_close(together.weight[1], alone.weight[0], **CLOSE)


# --- running and storing -------------------------------------------------------------------------


@pytest.fixture
def trained(monkeypatch):
    """(seed, lambda_ce) of the layers of each training."""
    calls = []

    def counted(specs, *args):
        calls.append([(spec.seed, spec.lambda_ce) for spec in specs])
        return train_guided(specs, *args)

    monkeypatch.setattr(guided, "train_guided", counted)
    return calls


def quick(**values):
    base = AuxiliarySpec(dataset="digits", hidden_dim=6, epochs=2)
    return grid(base, **{"lambda_ce": [0.0, 5.0], "seed": [0, 1]} | values)


def test_layers_are_measured_stored_and_not_computed_again(tmp_path, trained):
    specs = quick()
    table = run_auxiliary(specs, device="cpu", store=tmp_path, progress=False)
    assert trained == [[(0, 0.0), (0, 5.0), (1, 0.0), (1, 5.0)]]
    assert list(table["key"]) == [spec.key for spec in specs]
    trained.clear()
    again = run_auxiliary(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert trained == []


def test_what_is_left_of_a_chunk_is_trained_in_parts_that_fit_together(tmp_path, trained):
    known = run_auxiliary(quick()[1], device="cpu", store=tmp_path, progress=False)
    trained.clear()
    table = run_auxiliary(quick(), device="cpu", store=tmp_path, progress=False)
    assert trained == [[(0, 0.0), (0, 5.0)], [(1, 5.0)]]
    assert list(table["lambda_ce"]) == [0, 0, 5, 5]
    pd.testing.assert_frame_equal(table.iloc[[1]].reset_index(drop=True), known)
    whole = run_auxiliary(quick(), device="cpu", store=tmp_path / "other", progress=False)
    # not the head: InfoMax does not see a bias of a unit that is always on, which Adam moves by
    # rounding
    for name in ("weight_redundancy", "row_norm"):
        np.testing.assert_allclose(table[name], whole[name], rtol=1e-4)


def test_seeds_with_different_settings_are_kept_apart(tmp_path, trained):
    specs = [quick()[0], quick()[3], *quick(seed=[2], lambda_tc=[0.5])]
    table = run_auxiliary(specs, device="cpu", store=tmp_path, progress=False)
    assert trained == [[(0, 0.0)], [(1, 5.0)], [(2, 0.0), (2, 5.0)]]
    assert list(table["key"]) == [spec.key for spec in specs]


def test_many_settings_are_trained_a_bounded_number_at_a_time(monkeypatch):
    monkeypatch.setattr(guided, "_MAX_LAYERS", 4)
    specs = quick(seed=range(5))
    sizes = [len(chunk) for chunk in guided._chunks(specs)]
    assert sizes == [4, 4, 2]
    settings = quick(seed=[0], lambda_ce=[float(v) for v in range(6)])
    assert [len(chunk) for chunk in guided._chunks(settings)] == [4, 2]


def test_columns_are_measures_of_layer_and_head(tmp_path):
    (spec,) = quick(lambda_ce=[2.0], seed=[1], competition=["softmax"], epochs=[3])
    row = run_auxiliary(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    digits = load_dataset("digits")
    layer = train_guided([spec], digits)
    weight, bias, head, head_bias = (part[0].double() for part in layer)
    a = outputs_of(spec, digits.test.double() @ weight.T + bias)
    logits = (a @ head.T + head_bias).numpy()
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    expected = log_loss(digits.test_labels, probabilities)
    assert row["head_cross_entropy"] == pytest.approx(expected, rel=1e-4)
    correct = (logits.argmax(1) == digits.test_labels.numpy()).mean()
    assert row["head_accuracy"] == pytest.approx(correct, abs=1.5 / 360)
    correlation = np.corrcoef(a.numpy().T)
    distance = ((correlation - np.eye(6)) ** 2).sum()
    assert row["output_correlation"] == pytest.approx(distance, rel=1e-2)
    assert row["row_norm"] == pytest.approx(float(weight.norm(dim=1).mean()), rel=1e-4)


def test_without_weight_the_numbers_are_those_of_the_run(tmp_path):
    spec = AuxiliarySpec(dataset="digits", hidden_dim=8, epochs=2, competition="softmax")
    own = run_auxiliary(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    reference = run(plain_run(spec), device="cpu", store=tmp_path, progress=False).iloc[0]
    for name in ("weight_redundancy", "output_correlation", "row_norm", "dead_units"):
        assert own[name] == pytest.approx(reference[name], rel=1e-3), name
    assert own["probe_accuracy"] == pytest.approx(reference["probe_accuracy"], abs=1.5 / 360)


def test_labels_help_the_head_more_the_more_they_weigh(tmp_path):
    specs = quick(lambda_ce=[0.0, 1e3], epochs=[30], learning_rate=[1e-2])
    table = run_auxiliary(specs, device="cpu", store=tmp_path, progress=False)
    mean = table.groupby("lambda_ce")[["head_accuracy", "head_cross_entropy"]].mean()
    assert mean["head_accuracy"][1e3] > mean["head_accuracy"][0.0] + 0.1
    assert mean["head_cross_entropy"][1e3] < 0.5 * mean["head_cross_entropy"][0.0]


def test_layers_that_diverge_are_results(tmp_path):
    (spec,) = quick(seed=[0], lambda_ce=[1.0], optimizer=["sgd"], learning_rate=[1e30])
    row = run_auxiliary(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    for name in ("probe_accuracy", "head_accuracy", "head_cross_entropy", "weight_redundancy"):
        assert np.isnan(row[name]), name
