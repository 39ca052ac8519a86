"""Deep networks by plain words: starts, BatchNorm, the reach of a gradient, training, the table."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from infomax_lib import SpecError, grid, load_dataset
from infomax_lib.model.streams import batches, generator
from paper.chapters.prior_art.measured.deep_starts import (
    STARTS,
    DeepStartSpec,
    accuracy,
    deep_starts,
    network,
    reach,
    stack,
    started,
)
from paper.methods.density import rbm

SMALL = DeepStartSpec(
    dataset="digits", layers=3, hidden_dim=6, images=200, pretraining_epochs=2, epochs=2
)


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").to("cpu", torch.float32)


def module(parameters, spec, place=0):
    """The same network out of PyTorch's own layers."""
    start, layers = STARTS[spec.start], []
    for layer in range(spec.layers):
        weight = parameters[f"weight.{layer}"][place]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = weight.clone(), parameters[f"bias.{layer}"][place]
        if start.norm:
            norm = nn.BatchNorm1d(len(weight), momentum=None)
            norm.bias.data = linear.bias.data
            linear.bias.data = torch.zeros(len(weight))
            layers += [linear, norm]
        else:
            layers.append(linear)
        layers.append(nn.ReLU() if start.activation == "relu" else nn.Sigmoid())
    head = nn.Linear(spec.hidden_dim, parameters["head"].shape[1])
    head.weight.data = parameters["head"][place].clone()
    head.bias.data = parameters["head_bias"][place].clone()
    return nn.Sequential(*layers, head)


@pytest.mark.parametrize("start", STARTS)
def test_network_is_that_of_plain_layers(start, data):
    spec = SMALL.but(start=start)
    parameters = started(spec, [3, 4], data.train[:200], 10)
    logits = network(parameters, spec, data.train[:50].expand(2, -1, -1))[0]
    for place in (0, 1):
        expected = module(parameters, spec, place)(data.train[:50])
        torch.testing.assert_close(logits[place], expected, rtol=1e-4, atol=1e-5)


def test_starts_have_their_deviations_and_heads_are_shared(data):
    X = data.train[:200]
    found = {s: started(SMALL.but(start=s, hidden_dim=400), [1], X, 10) for s in ("small", "he")}
    assert float(found["small"]["weight.1"].std()) == pytest.approx(0.01, rel=0.02)
    assert float(found["he"]["weight.1"].std()) == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert float(found["he"]["weight.0"].std()) == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    xavier = started(SMALL.but(start="xavier", hidden_dim=400), [1], X, 10)
    assert float(xavier["weight.1"].abs().max()) == pytest.approx((6 / 800) ** 0.5, rel=0.01)
    assert torch.equal(found["small"]["head"], xavier["head"])
    assert not any(found["he"][f"bias.{layer}"].any() for layer in range(3))


def test_a_stack_reads_what_the_machine_below_makes_of_the_images(data):
    X, spec = data.train[:200], SMALL.but(start="rbm")
    machines = stack(spec, 5, X)
    assert [m.weight.shape for m in machines] == [(6, 64), (6, 6), (6, 6)]
    assert not torch.equal(machines[1].weight, machines[2].weight)
    code = X
    for machine in machines:
        code = torch.sigmoid(code @ machine.weight.T + machine.kept[1][0])
    parameters = started(spec, [5], X, 10)
    sums = network(parameters, spec, X[None])[1]
    torch.testing.assert_close(sums[-1][0].sigmoid(), code, rtol=1e-4, atol=1e-5)
    other = started(spec, [6], X, 10)
    assert not torch.equal(other["weight.0"], parameters["weight.0"])


def test_machines_of_a_stack_and_of_its_neighbours_draw_from_streams_of_their_own(
    data, monkeypatch
):
    fit_many, seeds = rbm.fit_many, []

    def fit(X, width, own, descent):
        seeds.extend(own)
        return fit_many(X, width, own, descent)

    monkeypatch.setattr(rbm, "fit_many", fit)
    started(SMALL.but(start="rbm", pretraining_epochs=1), [0, 1, 2], data.train[:50], 10)
    assert len(set(seeds)) == len(seeds) == 9


@pytest.mark.parametrize("start", ["small", "xavier_norm", "he"])
def test_reach_is_the_share_of_the_gradient_that_arrives(start, data):
    spec = SMALL.but(start=start)
    parameters = started(spec, [7], data.train, 10)
    x, labels = data.train[:80], data.train_labels[:80]
    net, kept = module(parameters, spec).double(), []
    h = x.double()
    for layer in net:
        h = layer(h)
        h.retain_grad()
        kept.append(h)
    nn.functional.cross_entropy(h, labels).backward()
    units = nn.ReLU | nn.Sigmoid
    sums = [h for h, after in zip(kept, net[1:], strict=False) if isinstance(after, units)]
    sizes = [float(z.grad.square().mean().sqrt()) for z in (sums[0], sums[-1])]
    found = float(reach(parameters, spec, x, labels))
    assert found == pytest.approx(np.log10(sizes[0] / sizes[1]), abs=1e-3)


def test_small_weights_let_the_gradient_vanish_and_he_does_not(data):
    x, labels = data.train[:200], data.train_labels[:200]
    spec = SMALL.but(layers=5, hidden_dim=32)
    found = {
        s: float(reach(started(spec.but(start=s), [0], x, 10), spec.but(start=s), x, labels))
        for s in ("small", "xavier", "he")
    }
    assert found["small"] < found["xavier"] - 2 < -3
    assert abs(found["he"]) < 0.5


def test_batch_norm_tests_by_the_statistics_of_the_training_images(data):
    spec = SMALL.but(start="he_norm")
    parameters = started(spec, [2], data.train, 10)
    X = data.train[:200]
    net = module(parameters, spec)
    net(X)  # collects statistics, as the only batch of a mean over all batches
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.BatchNorm1d):  # biased, as in training
                layer.running_var *= (len(X) - 1) / len(X)
        predicted = net.eval()(data.test).argmax(1)
    expected = float((predicted == data.test_labels).double().mean())
    assert float(accuracy(parameters, spec, X, data)) == pytest.approx(expected, abs=1e-9)


def test_training_is_plain_descent_with_momentum(data):
    spec = SMALL.but(start="he", seed=3, learning_rate=0.05, batch_size=50, epochs=20)
    X, labels = data.train[:200], data.train_labels[:200]
    net = module(started(spec, [3], X, 10), spec)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    order = generator(3, "order")
    for _ in range(20):
        for rows in batches(200, 50, [order]):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[rows[0]]), labels[rows[0]]).backward()
            optimizer.step()
    expected = float((net(data.test).argmax(1) == data.test_labels).double().mean())
    table = deep_starts([spec, spec.but(seed=8)], device="cpu", store="memory", progress=False)
    assert list(table["epoch"]) == [1, 2, 5, 10, 20] * 2
    assert table["accuracy"].iloc[4] == pytest.approx(expected, abs=1e-9)
    assert expected > 0.3


def test_a_network_whose_logits_are_not_finite_has_no_accuracy(data):
    spec = SMALL.but(start="he")
    parameters = started(spec, [0, 1], data.train, 10)
    parameters["head"][0, 3, 2] = torch.inf
    broken, whole = accuracy(parameters, spec, data.train[:200], data).tolist()
    assert np.isnan(broken)
    assert 0 < whole < 1


def test_what_is_known_is_not_trained_again(tmp_path):
    specs = grid(SMALL, start=["small", "rbm"], seed=[0, 1])
    table = deep_starts(specs, device="cpu", store=tmp_path, progress=False)
    assert table["reach"].notna().all()
    again = deep_starts(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert deep_starts([], store="memory").empty


def test_unknown_starts_are_refused():
    with pytest.raises(SpecError, match="choose one of small, rbm"):
        DeepStartSpec(start="orthogonal")
    with pytest.raises(SpecError, match=r"layers.*greater than or equal to 2"):
        DeepStartSpec(layers=1)
