"""Dense and sparse linear maps against autograd in float64, and when which of them is used."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib import RunSpec, grid, linear_maps
from infomax_lib.layer import ACTIVATIONS
from infomax_lib.linear_maps import DenseMaps, Rows, SparseMaps
from infomax_lib.optimizers import OPTIMIZERS
from infomax_lib.population import Population
from infomax_lib.reference import train_reference

DOUBLE = torch.float64
UNITS = [3, 5, 4]  # of the layers of each order
ORDERS, SAMPLES = 2, 6


@pytest.fixture
def sparse(tiny):
    """The tiny data with most inputs set to zero; one input and one sample are zero throughout."""
    keep = torch.rand(tiny.train.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    keep[:, 2] = False
    keep[5] = False
    return dataclasses.replace(tiny, train=tiny.train * keep)


@pytest.fixture
def always_sparse(monkeypatch):
    """Sparse maps also for few rows and dense data, with tiles that hold few layers."""
    monkeypatch.setattr(linear_maps, "_FEWEST_ROWS", 1)
    monkeypatch.setattr(linear_maps, "_LARGEST_SHARE", 1.0)
    monkeypatch.setattr(linear_maps, "_TILE_ROWS", 8)
    monkeypatch.setattr(linear_maps, "_LOADED_SAMPLES", 3 * ORDERS * SAMPLES)


def rows_of(inputs, dtype=DOUBLE, train_bias=True, rates=None):
    order = torch.Generator().manual_seed(1)
    weight = torch.randn(ORDERS, sum(UNITS), inputs, generator=order, dtype=DOUBLE).to(dtype)
    bias = torch.randn(ORDERS, sum(UNITS), generator=order, dtype=DOUBLE).to(dtype)
    rates = np.full((ORDERS, len(UNITS)), 0.1) if rates is None else np.array(rates)
    return Rows(weight, bias, UNITS, rates, train_bias)


def maps_of(kind, rows, data):
    copied = rows._replace(weight=rows.weight.clone(), bias=rows.bias.clone())
    train = data.train.to(rows.weight.dtype)
    return DenseMaps(copied, train) if kind == "dense" else SparseMaps(copied, data)


def parts_of(data, count=4):
    order = torch.Generator().manual_seed(2)
    drawn = [
        torch.randint(len(data.train), (ORDERS, SAMPLES), generator=order) for _ in range(count)
    ]
    return [*drawn, drawn[0][:, :4]]  # the last one is shorter


def layer_rows(n):
    start = sum(UNITS[:n])
    return slice(start, start + UNITS[n])


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("kind", ["dense", "sparse"])
class TestAgainstAutograd:
    def test_every_batch(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps, parts = maps_of(kind, rows, sparse), parts_of(sparse)
        for part, batch in zip(parts, maps.load(parts), strict=True):
            x = sparse.train.to(DOUBLE)[part]
            expected = rows.weight @ x.mT + rows.bias.unsqueeze(-1)
            assert_allclose(maps.forward(batch), expected, rtol=1e-12, atol=1e-12)

    def test_gradients_and_what_is_added(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps, (part, *_) = maps_of(kind, rows, sparse), parts_of(sparse)
        weight, bias = (t.clone().requires_grad_() for t in rows[:2])
        z = weight @ sparse.train.to(DOUBLE)[part].mT + bias.unsqueeze(-1)
        z_grad = torch.randn(z.shape, generator=torch.Generator().manual_seed(3), dtype=DOUBLE)
        middle = slice(2, 9)  # begins and ends within a layer
        more = torch.randn(ORDERS, 7, sparse.num_features, dtype=DOUBLE)
        ((z * z_grad).sum() + (weight[:, middle] * more).sum()).backward()
        maps.forward(next(iter(maps.load([part]))))
        OPTIMIZERS["sgd"](maps.parameters).step(maps.backward(z_grad, [(middle, more)]))
        for order in range(ORDERS):
            for n in range(len(UNITS)):
                own = layer_rows(n)
                found = maps.layer(order, own)
                for value, start in zip(found, (weight, bias), strict=True):
                    expected = (start - 0.1 * start.grad).detach()[order, own]
                    assert_allclose(value, expected, rtol=1e-12, atol=1e-12)

    def test_weights_of_any_rows(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps = maps_of(kind, rows, sparse)
        for wanted in (slice(0, 12), slice(2, 9), slice(8, 12)):
            assert torch.equal(maps.weights(wanted), rows.weight[:, wanted])

    def test_layers_are_views(self, kind, sparse):
        maps = maps_of(kind, rows_of(sparse.num_features), sparse)
        weight, bias = maps.layer(1, layer_rows(1))
        assert weight.shape == (5, sparse.num_features)
        for parameter in maps.parameters:
            parameter.value.zero_()
        assert not weight.any()
        assert not bias.any()

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    @pytest.mark.parametrize(
        "rates", [[[0.1] * 3] * 2, [[0.1, 0.1, 0.2]] * 2, [[0.1] * 3, [0.3] * 3]]
    )
    def test_step_sizes_and_frozen_biases(self, kind, optimizer, rates, sparse):
        rows = rows_of(sparse.num_features, train_bias=False, rates=rates)
        maps, parts = maps_of(kind, rows, sparse), parts_of(sparse)
        moved = OPTIMIZERS[optimizer](maps.parameters)
        weight = rows.weight.clone().requires_grad_()
        groups = [
            {"params": [weight[order, layer_rows(n)].detach().clone().requires_grad_()], "lr": rate}
            for order in range(ORDERS)
            for n, rate in enumerate(rates[order])
        ]
        torch_optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](groups)
        for part, batch in zip(parts, maps.load(parts), strict=True):
            maps.forward(batch)
            z_grad = torch.cos(torch.arange(ORDERS * 12 * part.shape[1], dtype=DOUBLE))
            z_grad = z_grad.view(ORDERS, 12, -1)
            by_weight = z_grad @ sparse.train.to(DOUBLE)[part]
            moved.step(maps.backward(z_grad))
            for place, group in enumerate(groups):
                own = by_weight[place // 3, layer_rows(place % 3)]
                group["params"][0].grad = own
            torch_optimizer.step()
        for place, group in enumerate(groups):
            found, bias = maps.layer(place // 3, layer_rows(place % 3))
            assert_allclose(found, group["params"][0].detach(), rtol=1e-9, atol=1e-9)
            assert torch.equal(bias, rows.bias[place // 3, layer_rows(place % 3)])

    def test_a_row_that_is_not_finite_stays_alone(self, kind, sparse):
        rows = rows_of(sparse.num_features, torch.float32)
        spoiled = rows._replace(weight=rows.weight.clone())
        spoiled.weight[0, 4] = torch.nan
        (part, *_), others = parts_of(sparse), [n for n in range(12) if n != 4]
        found = []
        for start in (rows, spoiled):
            maps = maps_of(kind, start, sparse)
            z = maps.forward(next(iter(maps.load([part]))))
            OPTIMIZERS["adam"](maps.parameters).step(maps.backward(z.clone()))
            found.append((z, maps.weights(slice(0, 12))))
        for calm, wild in zip(*found, strict=True):
            assert torch.equal(calm[1], wild[1])
            assert torch.equal(calm[0, others], wild[0, others])


@pytest.mark.usefixtures("always_sparse")
class TestSparsePopulations:
    """The trainings of test_population.py, by way of the sparse maps."""

    @pytest.mark.parametrize("batch_size", [16, 23, "full"])
    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    @pytest.mark.parametrize("train_bias", [True, False])
    def test_same_as_the_plain_loop(self, sparse, optimizer, batch_size, train_bias):
        base = RunSpec(batch_size=batch_size, optimizer=optimizer, bias=train_bias, epochs=3)
        specs = grid(
            base, seed=[3, 42], hidden_dim=[3, 5], competition=["none", "softmax"],
            activation=["relu", "tanh"], learning_rate=[1e-3, 1e-2], lambda_wr=[0.0, 2.0],
        )  # fmt: skip
        population = Population(specs, sparse, "cpu", DOUBLE)
        assert isinstance(population.maps, SparseMaps)
        losses = torch.stack([population.epoch()[0] for _ in range(base.epochs)], 1)
        for place, spec in enumerate(specs):
            weight, bias, history = train_reference(spec, sparse, DOUBLE)
            close = {"rtol": 1e-9, "atol": 1e-9, "err_msg": str(spec)}
            assert_allclose(population.weight[place], weight, **close)
            assert_allclose(population.bias[place], bias, **close)
            assert_allclose(losses[place], history["loss"], **close)

    def test_every_activation(self, sparse):
        specs = grid(
            RunSpec(hidden_dim=3, batch_size=16, epochs=2, lambda_lse=0.5), seed=[3, 42],
            competition=["none", "softmax", "sparsemax"], activation=list(ACTIVATIONS),
            temperature=[1.0, 0.5],
        )  # fmt: skip
        population = Population(specs, sparse, "cpu", DOUBLE)
        for _ in range(2):
            population.epoch()
        for place, spec in enumerate(specs):
            weight, bias, _ = train_reference(spec, sparse, DOUBLE)
            close = {"rtol": 1e-9, "atol": 1e-9, "err_msg": str(spec)}
            assert_allclose(population.weight[place], weight, **close)
            assert_allclose(population.bias[place], bias, **close)

    def test_twice_the_same(self, sparse):
        specs = grid(RunSpec(batch_size=16), seed=[3, 42], lambda_tc=[0.0, 1.0, 5.0])
        found = []
        for _ in range(2):
            population = Population(specs, sparse, "cpu", torch.float32)
            population.epoch()
            found.append(torch.stack(population.weight))
        assert torch.equal(*found)


class TestChoice:
    """Sparse maps serve where they are faster, and nowhere else."""

    @pytest.fixture(autouse=True)
    def few_rows(self, monkeypatch):
        monkeypatch.setattr(linear_maps, "_FEWEST_ROWS", 8)

    def kind(self, data, **changes):
        spec = RunSpec(**({"hidden_dim": 8, "batch_size": 16} | changes))
        return type(Population([spec], data, "cpu", torch.float32).maps)

    def test_sparse_data(self, sparse):
        assert self.kind(sparse) is SparseMaps

    @pytest.mark.parametrize(
        "changes",
        [
            {"hidden_dim": 7},
            {"precision": "bfloat16"},
            {"objective": "barlow"},
        ],
        ids=str,
    )
    def test_what_needs_whole_products(self, sparse, changes):
        assert self.kind(sparse, **changes) is DenseMaps

    @pytest.mark.parametrize("batch_size", [17, "full"])
    def test_large_batches(self, monkeypatch, sparse, batch_size):
        monkeypatch.setattr(linear_maps, "_LARGEST_BATCH", 16)
        assert self.kind(sparse, batch_size=16) is SparseMaps
        assert self.kind(sparse, batch_size=batch_size) is DenseMaps

    def test_dense_data(self, tiny):
        assert self.kind(tiny) is DenseMaps


def test_batches_are_loaded_as_they_are_asked_for(always_sparse, sparse):
    maps = maps_of("sparse", rows_of(sparse.num_features), sparse)
    asked = []

    def parts():
        for part in parts_of(sparse):
            asked.append(part)
            yield part

    next(iter(maps.load(parts())))
    assert len(asked) == 3  # no more than are sorted at once


def test_a_batch_may_be_larger_than_what_is_sorted_at_once(monkeypatch, always_sparse, sparse):
    monkeypatch.setattr(linear_maps, "_LOADED_SAMPLES", 1)
    rows, parts = rows_of(sparse.num_features), parts_of(sparse)
    maps = maps_of("sparse", rows, sparse)
    for part, batch in zip(parts, maps.load(parts), strict=True):
        x = sparse.train.to(DOUBLE)[part]
        expected = rows.weight @ x.mT + rows.bias.unsqueeze(-1)
        assert_allclose(maps.forward(batch), expected, rtol=1e-12, atol=1e-12)


def test_a_layer_wider_than_a_tile_is_not_cut(always_sparse):
    found = list(linear_maps._tiles([20, 3, 4, 2], np.ones((1, 4))))
    assert found == [slice(0, 20), slice(20, 27), slice(27, 29)]
