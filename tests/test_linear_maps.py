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
LAYERS = [(3, 1), (5, 2), (4, 1)]  # units of each layer, and how many: for each order
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


def rows_of(inputs, dtype=DOUBLE, rates=0.1):
    """Rows of each width; the step sizes by layer, or by order and layer."""
    order = torch.Generator().manual_seed(1)
    rates = np.broadcast_to(rates, (ORDERS, sum(count for _, count in LAYERS)))
    found, start = [], 0
    for units, count in LAYERS:
        weight = torch.randn(ORDERS, units * count, inputs, generator=order, dtype=DOUBLE)
        bias = torch.randn(ORDERS, units * count, generator=order, dtype=DOUBLE)
        own = rates[:, start : start + count]
        found.append(Rows(weight.to(dtype), bias.to(dtype), own))
        start += count
    return found


def each_layer():
    """Place, order, number among the layers of its order, and rows of every layer."""
    for order in range(ORDERS):
        number = 0
        for place, (units, count) in enumerate(LAYERS):
            for n in range(count):
                yield place, order, number, slice(n * units, (n + 1) * units)
                number += 1


def maps_of(kind, rows, data, train_bias=True):
    copied = [own._replace(weight=own.weight.clone(), bias=own.bias.clone()) for own in rows]
    if kind == "sparse":
        return SparseMaps(copied, data, train_bias)
    return DenseMaps(copied, data.train.to(rows[0].weight.dtype), train_bias)


def outputs_of(maps, batch):
    """Z of a batch, at every place; nothing is moved."""
    found = []

    def at(place, z):
        found.append(z.clone())
        return z, None

    for _ in maps.gradients(batch, at):
        pass
    return found


def products_of(rows, x):
    return [own.weight @ x.mT + own.bias.unsqueeze(-1) for own in rows]


def noise_like(tensors):
    order = torch.Generator().manual_seed(3)
    return [torch.randn(t.shape, generator=order, dtype=t.dtype) for t in tensors]


def parts_of(data, count=4):
    order = torch.Generator().manual_seed(2)
    drawn = [
        torch.randint(len(data.train), (ORDERS, SAMPLES), generator=order) for _ in range(count)
    ]
    return [*drawn, drawn[0][:, :4]]  # the last one is shorter


CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("kind", ["dense", "sparse"])
class TestAgainstAutograd:
    def test_every_batch(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps, parts = maps_of(kind, rows, sparse), parts_of(sparse)
        for part, batch in zip(parts, maps.load(parts), strict=True):
            expected = products_of(rows, sparse.train.to(DOUBLE)[part])
            for z, wanted in zip(outputs_of(maps, batch), expected, strict=True):
                assert_allclose(z, wanted, **CLOSE)

    def test_gradients_and_what_is_added(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps, (part, *_) = maps_of(kind, rows, sparse), parts_of(sparse)
        leaves = [Rows(*(t.clone().requires_grad_() for t in own[:2]), own.rates) for own in rows]
        z = products_of(leaves, sparse.train.to(DOUBLE)[part])
        z_grads, (more,) = noise_like([t.detach() for t in z]), noise_like([rows[1].weight])
        loss = sum((own * grad).sum() for own, grad in zip(z, z_grads, strict=True))
        (loss + (leaves[1].weight * more).sum()).backward()

        def at(place, z):
            return z_grads[place], more if place == 1 else None

        (batch,) = maps.load([part])
        OPTIMIZERS["sgd"](maps.parameters).step(maps.gradients(batch, at))
        for place, order, _, own in each_layer():
            found = maps.layer(place, order, own)
            for value, start in zip(found, leaves[place][:2], strict=True):
                assert_allclose(value, (start - 0.1 * start.grad).detach()[order, own], **CLOSE)

    def test_weights_at_every_place(self, kind, sparse):
        rows = rows_of(sparse.num_features)
        maps = maps_of(kind, rows, sparse)
        for place, own in enumerate(rows):
            assert torch.equal(maps.weights(place), own.weight)

    def test_layers_are_views(self, kind, sparse):
        maps = maps_of(kind, rows_of(sparse.num_features), sparse)
        weight, bias = maps.layer(1, 1, slice(5, 10))
        assert weight.shape == (5, sparse.num_features)
        for parameter in maps.parameters:
            parameter.value.zero_()
        assert not weight.any()
        assert not bias.any()

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    @pytest.mark.parametrize(
        "rates", [0.1, [0.1, 0.1, 0.2, 0.2], [0.1, 0.2, 0.1, 0.1], [[0.1] * 4, [0.3] * 4]]
    )
    def test_step_sizes_and_frozen_biases(self, kind, optimizer, rates, sparse):
        rows = rows_of(sparse.num_features, rates=rates)
        maps, parts = maps_of(kind, rows, sparse, train_bias=False), parts_of(sparse)
        moved = OPTIMIZERS[optimizer](maps.parameters)
        layers, rates = list(each_layer()), np.broadcast_to(rates, (ORDERS, 4))
        groups = [
            {"params": [rows[place].weight[order, own].clone().requires_grad_()]}
            | {"lr": rates[order, number]}
            for place, order, number, own in layers
        ]
        torch_optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](groups)
        for part, batch in zip(parts, maps.load(parts), strict=True):
            z_grads = noise_like(products_of(rows, sparse.train.to(DOUBLE)[part]))
            moved.step(maps.gradients(batch, lambda place, z, by_z=z_grads: (by_z[place], None)))
            for group, (place, order, _, own) in zip(groups, layers, strict=True):
                x = sparse.train.to(DOUBLE)[part[order]]
                group["params"][0].grad = z_grads[place][order, own] @ x
            torch_optimizer.step()
        for group, (place, order, _, own) in zip(groups, layers, strict=True):
            found, bias = maps.layer(place, order, own)
            assert_allclose(found, group["params"][0].detach(), rtol=1e-9, atol=1e-9)
            assert torch.equal(bias, rows[place].bias[order, own])

    def test_a_row_that_is_not_finite_stays_alone(self, kind, sparse):
        rows = rows_of(sparse.num_features, torch.float32)
        spoiled = [own._replace(weight=own.weight.clone()) for own in rows]
        spoiled[1].weight[0, 4] = torch.nan
        (part, *_), others = parts_of(sparse), [n for n in range(10) if n != 4]
        found = []
        for start in (rows, spoiled):
            maps = maps_of(kind, start, sparse)
            (batch,) = maps.load([part])
            z = outputs_of(maps, batch)
            gradients = maps.gradients(batch, lambda place, z: (z, None))
            OPTIMIZERS["adam"](maps.parameters).step(gradients)
            found.append([*z, *(maps.weights(place) for place in range(len(LAYERS)))])
        for n, (calm, wild) in enumerate(zip(*found, strict=True)):
            if n % len(LAYERS) == 1:
                assert wild[0, 4].isnan().all()
                assert torch.equal(calm[0, others], wild[0, others])
                assert torch.equal(calm[1], wild[1])
            else:
                assert torch.equal(calm, wild)


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
        expected = products_of(rows, sparse.train.to(DOUBLE)[part])
        for z, wanted in zip(outputs_of(maps, batch), expected, strict=True):
            assert_allclose(z, wanted, **CLOSE)


@pytest.fixture
def eight_rows(monkeypatch):
    monkeypatch.setattr(linear_maps, "_TILE_ROWS", 8)


def tiles_of(units, rates):
    rates = np.array(rates)
    rows = units * rates.shape[1]
    start = Rows(torch.zeros(len(rates), rows, 2), torch.zeros(len(rates), rows), rates)
    return [
        (tile.order, tile.rows.start, tile.rows.stop, tile.rate)
        for tile in linear_maps._tiles(start)
    ]


@pytest.mark.usefixtures("eight_rows")
class TestTiles:
    def test_no_layer_is_cut(self):
        assert tiles_of(3, [[1.0] * 3]) == [(0, 0, 6, 1.0), (0, 6, 9, 1.0)]

    def test_a_layer_may_be_wider(self):
        assert tiles_of(20, [[1.0] * 2]) == [(0, 0, 20, 1.0), (0, 20, 40, 1.0)]

    def test_one_step_size_and_order_each(self):
        found = tiles_of(2, [[0.1, 0.2, 0.2], [0.1, 0.1, 0.1]])
        assert found == [(0, 0, 2, 0.1), (0, 2, 6, 0.2), (1, 0, 6, 0.1)]
