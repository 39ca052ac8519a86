"""Head starts: supervised training from given weights, against plain PyTorch and by property."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score

from benchmarks.plain_loop import PlainLoop
from infomax_lib import SpecError, grid, load_dataset
from infomax_lib.model.architectures import INFOMAX
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import batches, generator
from paper.chapters.prior_art.measured import head_start
from paper.chapters.prior_art.measured.head_start import (
    STARTS,
    HeadStartSpec,
    accuracy,
    head_starts,
    pretrained_layers,
    rescaled,
)
from paper.methods import METHODS, FitError, LinearEncoder
from paper.methods.controls import supervised
from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, xavier
from paper.methods.encoders import encoders_of
from paper.methods.methods import SETTINGS

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.fixture
def data(tiny):
    return tiny.to("cpu", DOUBLE)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def quick(**values):
    base = HeadStartSpec(dataset="digits", hidden_dim=6, epochs=3, learning_rate=1e-2)
    return grid(base, **{"method": ["random", "pca_relu"], "seed": [0, 1]} | values)


# --- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "kmeans"}, "method='kmeans' is not possible: choose one of random, pca_relu"),
        ({"dataset": "cifar"}, "dataset='cifar' is not possible: choose one of digits"),
        (
            {"method": "random", "pretraining_epochs": 3},
            "pretraining_epochs=3 is not possible: random has no such setting; leave it out",
        ),
        (
            {"method": "pca_relu", "pretraining_rate": 0.1},
            "pretraining_rate=0.1 is not possible: pca_relu has no such setting",
        ),
        ({"epochs": 0}, "epochs=0 is not possible.*greater than or equal to 1"),
        ({"rate": 0.1}, "unknown field 'rate': the fields are dataset, method"),
    ],
)
def test_impossible_settings_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        HeadStartSpec(**fields)


def test_settings_of_pretraining_are_those_of_the_method():
    assert HeadStartSpec().pretraining_epochs is None
    rbm = HeadStartSpec(method="rbm")
    assert (rbm.pretraining_epochs, rbm.pretraining_rate) == (100, 0.05)
    assert rbm.key == HeadStartSpec(method="rbm", pretraining_rate=0.05).key
    ours = rbm.but(method="infomax_relu")
    assert (ours.pretraining_epochs, ours.pretraining_rate) == (100, 1e-3)
    assert rbm.but(seed=3, pretraining_rate=0.1).pretraining_rate == 0.1
    assert rbm.but(method="random").pretraining_epochs is None


def test_starts_are_all_methods_with_relu_or_logistic_layers(digits):
    """Every method without labels is asked what it leaves after one epoch."""
    quickly = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 128}
    found = {"random", *INFOMAX}
    for name, method in METHODS.items():
        if method.reads_labels or name == "untrained":
            continue
        settings = {s: quickly[s] for s in SETTINGS if s in method.defaults}
        (outcome,) = method.fit(digits.train, 4, [0], **settings)
        if isinstance(outcome, LinearEncoder) and outcome.activation in ("relu", "sigmoid"):
            found.add(name)
    assert set(STARTS) == found


# --- scale ---------------------------------------------------------------------------------------


def test_rescaled_layers_have_the_norm_and_their_old_hyperplanes():
    weight, bias, like = 30 * draw(3, 4, 7), draw(3, 4, seed=1), draw(3, 4, 7, seed=2)
    rows, thresholds = rescaled(weight, bias, like)
    for s in range(3):
        assert np.linalg.norm(rows[s]) == pytest.approx(np.linalg.norm(like[s]), rel=1e-12)
        factor = np.linalg.norm(like[s]) / np.linalg.norm(weight[s])
        x = draw(50, 7, seed=3)
        z = x @ weight[s].T + bias[s]
        torch.testing.assert_close(x @ rows[s].T + thresholds[s], factor * z)


def test_random_weights_keep_their_scale_and_zero_ones_stay():
    weight, bias = draw(2, 4, 7), draw(2, 4, seed=1)
    same, unmoved = rescaled(weight, bias, weight)
    assert torch.equal(same, weight)
    assert torch.equal(unmoved, bias)
    nothing, offset = rescaled(torch.zeros(2, 4, 7), bias, weight)
    assert not nothing.any()
    assert torch.equal(offset, bias)


def test_scale_alone_is_no_head_start(data, monkeypatch):
    """Random weights 50 times as large, with their biases, train as random weights do."""

    def enlarged(specs, data, progress):
        weight, bias = initial_layers([s.seed for s in specs], 4, data.train)
        return encoders_of(50 * weight, 50 * bias, "relu")

    (spec,) = quick(method=["random"], seed=[3], hidden_dim=[4])
    expected = head_start._compute([spec], torch.device("cpu"), False)
    monkeypatch.setattr(head_start, "pretrained_layers", enlarged)
    found = head_start._compute([spec], torch.device("cpu"), False)
    assert found[0]["accuracy"] == pytest.approx(expected[0]["accuracy"], abs=1.5 / 360)


# --- training ------------------------------------------------------------------------------------


def trained_in_plain_words(weight, bias, data, seed, epochs, learning_rate, batch_size):
    """One network in torch.nn; also its test accuracy after every epoch."""
    classes = int(data.train_labels.max()) + 1
    layer = torch.nn.Linear(weight.shape[1], len(weight), dtype=DOUBLE)
    head = torch.nn.Linear(len(weight), classes, dtype=DOUBLE)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
        head.weight.copy_(xavier([seed], classes, len(weight), "head", weight)[0])
        head.bias.zero_()
    network = torch.nn.Sequential(layer, torch.nn.ReLU(), head)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    order, shares = generator(seed, "order"), []
    for _ in range(epochs):
        for rows in batches(len(data.train), batch_size, [order]):
            logits = network(data.train[rows[0]])
            loss = torch.nn.functional.cross_entropy(logits, data.train_labels[rows[0]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        predicted = network(data.test).argmax(1)
        shares.append(accuracy_score(data.test_labels, predicted))
    return network, shares


def test_training_from_given_weights_equals_a_plain_loop_for_every_seed(data):
    weight, bias, seeds = draw(3, 5, 10) / 3, draw(3, 5, seed=1) / 3, [4, 0, 9]
    before = weight.clone(), bias.clone()
    settings = {"epochs": 4, "learning_rate": 1e-2, "batch_size": 16}
    shares = {}
    found = supervised.train(
        *(weight, bias, data.train, data.train_labels, seeds, Descent(**settings)),
        on_epoch=lambda e, p: shares.update({e: accuracy(p, data.test, data.test_labels)}),
    )
    assert torch.equal(weight, before[0])
    assert torch.equal(bias, before[1])
    assert list(shares) == [1, 2, 3, 4]
    for s, seed in enumerate(seeds):
        network, expected = trained_in_plain_words(weight[s], bias[s], data, seed, **settings)
        for name, parameter in zip(
            ("weight", "bias", "head", "head_bias"), network.parameters(), strict=True
        ):
            torch.testing.assert_close(found[name][s], parameter.detach(), rtol=0, atol=1e-8)
        assert [float(shares[e][s]) for e in shares] == pytest.approx(expected)
    assert (found["weight"] - weight).abs().max() > 1e-2


def test_from_random_weights_it_is_the_supervised_layer(data):
    descent = Descent(epochs=3, learning_rate=1e-2, batch_size=16)
    encoders = supervised.fit_many(data.train, 5, [1, 2], descent, data.train_labels)
    start = initial_layers([1, 2], 5, data.train)
    found = supervised.train(*start, data.train, data.train_labels, [1, 2], descent)
    for s, encoder in enumerate(encoders):
        assert torch.equal(found["weight"][s], encoder.weight)
        assert torch.equal(found["bias"][s], encoder.bias)


def test_accuracies_are_those_of_a_plain_loop_from_rescaled_weights(digits):
    """PCA + ReLU on digits, from specs to numbers, in another precision."""
    (spec,) = quick(method=["pca_relu"], seed=[5], epochs=[2])
    encoder = METHODS["pca_relu"].fit(digits.train, 6, [5])[0]
    norm = np.linalg.norm(initial_parameters(64, 6, 5)[0])
    factor = norm / np.linalg.norm(encoder.weight)
    start = factor * encoder.weight.double(), factor * encoder.bias.double()
    _, shares = trained_in_plain_words(
        *start, digits.to("cpu", DOUBLE), 5, epochs=2, learning_rate=1e-2, batch_size=128
    )
    table = head_starts(spec, "cpu", progress=False)
    assert list(table["epoch"]) == [1, 2]
    assert list(table["accuracy"]) == pytest.approx(shares, abs=1.5 / 360)


def test_a_network_that_is_not_finite_has_no_accuracy(data):
    weight, bias = draw(2, 5, 10), draw(2, 5, seed=1)
    weight[0, 2, 3] = torch.nan
    descent = Descent(epochs=2, learning_rate=1e-2, batch_size=16)
    inputs = data.train, data.train_labels
    both = supervised.train(weight, bias, *inputs, [0, 1], descent)
    alone = supervised.train(weight[1:], bias[1:], *inputs, [1], descent)
    shares = accuracy(both, data.test, data.test_labels)
    assert shares[0].isnan()
    assert shares[1] == accuracy(alone, data.test, data.test_labels)[0]


# --- pretraining ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", INFOMAX)
def test_infomax_layers_are_those_of_plain_runs(data, method):
    spec = HeadStartSpec(
        method=method, hidden_dim=4, pretraining_epochs=2, pretraining_rate=2e-3, batch_size=16
    )
    layers = pretrained_layers([spec.but(seed=s) for s in (0, 1)], data)
    different = {
        "infomax_relu": {},
        "infomax_softmax": {"competition": "softmax", "lambda_tc": 0.0},
        "infomax_lse": {"lambda_lse": 1.0},
    }[method]
    for seed, layer in enumerate(layers):
        run = RunSpec(hidden_dim=4, learning_rate=2e-3, batch_size=16, seed=seed, **different)
        loop = PlainLoop(run, data, DOUBLE)
        for _ in range(2):
            loop.epoch()
        torch.testing.assert_close(layer.weight, loop.weight.detach(), rtol=0, atol=1e-10)
        torch.testing.assert_close(layer.bias, loop.bias.detach(), rtol=0, atol=1e-10)


def test_layers_of_prior_art_are_those_of_the_method_with_the_settings_of_the_spec(digits):
    spec = HeadStartSpec(
        dataset="digits", method="rbm", hidden_dim=5, pretraining_epochs=2, batch_size=64
    )
    layers = pretrained_layers([spec.but(seed=s) for s in (0, 3)], digits)
    settings = {"epochs": 2, "learning_rate": 0.05, "batch_size": 64}
    expected = METHODS["rbm"].fit(digits.train, 5, [0, 3], **settings)
    for found, known in zip(layers, expected, strict=True):
        assert torch.equal(found.weight, known.weight)
        assert torch.equal(found.bias, known.bias)


def test_random_starts_are_untrained_layers(digits):
    (layer,) = pretrained_layers([HeadStartSpec(hidden_dim=5, seed=7)], digits)
    weight, bias = initial_parameters(64, 5, 7)
    assert torch.equal(layer.weight, weight)
    assert torch.equal(layer.bias, bias)


# --- running and storing -------------------------------------------------------------------------


@pytest.fixture
def trained(monkeypatch):
    """(method, seeds) of every pretraining."""
    calls = []

    def counted(specs, *args):
        calls.append((specs[0].method, [spec.seed for spec in specs]))
        return pretrained_layers(specs, *args)

    monkeypatch.setattr(head_start, "pretrained_layers", counted)
    return calls


def test_rows_are_stored_and_not_computed_again(tmp_path, trained):
    specs = quick()
    table = head_starts(specs, "cpu", tmp_path, progress=False)
    assert trained == [("random", [0, 1]), ("pca_relu", [0, 1])]
    assert list(table["key"]) == [spec.key for spec in specs for _ in range(3)]
    assert list(table["epoch"]) == [1, 2, 3] * 4
    assert table["accuracy"].between(0, 1).all()
    assert table["failed"].isna().all()
    assert list(table["method"].unique()) == ["random", "pca_relu"]
    trained.clear()
    again = head_starts(specs, "cpu", tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert trained == []


def test_what_is_missing_alone_is_computed_and_seeds_do_not_mix(tmp_path, trained):
    specs = quick()
    head_starts(specs[1], "cpu", tmp_path, progress=False)
    trained.clear()
    rest = head_starts(specs, "cpu", tmp_path, progress=False)
    assert trained == [("random", [0]), ("pca_relu", [0, 1])]
    whole = head_starts(specs, "cpu", tmp_path / "other", progress=False)
    np.testing.assert_allclose(rest["accuracy"], whole["accuracy"], atol=1.5 / 360)


def test_reported_epochs_are_spaced_and_end_with_the_last(tmp_path):
    (spec,) = quick(method=["random"], seed=[0], epochs=[12], learning_rate=[3e-2])
    table = head_starts(spec, "cpu", tmp_path, progress=False)
    assert list(table["epoch"]) == [1, 2, 5, 10, 12]
    assert table["accuracy"].iloc[-1] > table["accuracy"].iloc[0] + 0.2


def test_a_seed_that_fails_has_no_numbers_and_leaves_the_others_alone(monkeypatch, tmp_path):
    def failing(specs, *args):
        layers = zip(specs, pretrained_layers(specs, *args), strict=True)
        return [FitError("no layer") if spec.seed == 1 else layer for spec, layer in layers]

    specs = quick(method=["pca_relu"], seed=[0, 1, 2])
    whole = head_starts(specs, "cpu", tmp_path / "other", progress=False)
    monkeypatch.setattr(head_start, "pretrained_layers", failing)
    table = head_starts(specs, "cpu", tmp_path, progress=False)
    failed = table["seed"] == 1
    assert list(table.loc[failed, "epoch"]) == [1, 2, 3]
    assert table.loc[failed, "accuracy"].isna().all()
    assert set(table.loc[failed, "failed"]) == {"no layer"}
    assert table.loc[~failed, "failed"].isna().all()
    pd.testing.assert_series_equal(table["accuracy"][~failed], whole["accuracy"][~failed])


def test_a_method_that_fails_for_all_seeds_is_a_result(tmp_path):
    specs = quick(method=["pca_relu"], hidden_dim=[100])  # digits have 64 pixels
    table = head_starts(specs, "cpu", tmp_path, progress=False)
    assert len(table) == 6
    assert table["accuracy"].isna().all()
    assert table["failed"].str.contains("100 components asked for").all()


def test_a_method_that_cannot_take_the_data_is_a_result(tmp_path):
    specs = quick(dataset=["synthetic"], method=["simclr"])
    table = head_starts(specs, "cpu", tmp_path, progress=False)
    assert table["accuracy"].isna().all()
    assert table["failed"].str.contains("2 inputs are not a square number").all()


def test_weights_that_diverge_in_pretraining_are_a_result(tmp_path):
    specs = quick(method=["infomax_relu", "simclr"], seed=[0], epochs=[1])
    specs = [spec.but(pretraining_epochs=1, pretraining_rate=1e38) for spec in specs]
    table = head_starts(specs, "cpu", tmp_path, progress=False)
    assert table["accuracy"].isna().all()
    assert table["failed"].str.contains("diverged").all()


def test_other_things_than_its_specs_are_refused():
    with pytest.raises(TypeError, match="expected HeadStartSpec objects, got RunSpec"):
        head_starts([RunSpec()], "cpu", progress=False)
    assert head_starts([], "cpu", progress=False).empty
