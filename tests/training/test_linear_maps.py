"""The linear maps of many layers against autograd in float64."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib.training.tensors.linear_maps import LinearMaps, Rows
from infomax_lib.training.tensors.optimizers import OPTIMIZERS

DOUBLE = torch.float64
LAYERS = [(3, 1), (5, 2), (4, 1)]  # units of each layer, and how many: for each order
ORDERS, SAMPLES = 2, 6
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


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


def maps_of(rows, data, train_bias=True):
    return LinearMaps(rows, data.train.to(rows[0].weight.dtype), train_bias)


def outputs_of(maps, batch):
    """Z of a batch, at every place; nothing is moved."""
    found = []

    def at(place, z):
        found.append(z.clone())
        return z, None

    maps.gradients(batch, at)
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


def test_every_batch(tiny):
    rows = rows_of(tiny.num_features)
    maps = maps_of(rows, tiny)
    for part in parts_of(tiny):
        expected = products_of(rows, tiny.train.to(DOUBLE)[part])
        for z, wanted in zip(outputs_of(maps, part), expected, strict=True):
            assert_allclose(z, wanted, **CLOSE)


def test_gradients_and_what_is_added(tiny):
    rows = rows_of(tiny.num_features)
    maps, (part, *_) = maps_of(rows, tiny), parts_of(tiny)
    leaves = [Rows(*(t.clone().requires_grad_() for t in own[:2]), own.rates) for own in rows]
    z = products_of(leaves, tiny.train.to(DOUBLE)[part])
    z_grads, (more,) = noise_like([t.detach() for t in z]), noise_like([rows[1].weight])
    loss = sum((own * grad).sum() for own, grad in zip(z, z_grads, strict=True))
    (loss + (leaves[1].weight * more).sum()).backward()

    def at(place, z):
        return z_grads[place], more if place == 1 else None

    OPTIMIZERS["sgd"](maps.parameters).step(maps.gradients(part, at))
    for place, order, _, own in each_layer():
        found = maps.layer(place, order, own)
        for value, start in zip(found, leaves[place][:2], strict=True):
            assert_allclose(value, (start - 0.1 * start.grad).detach()[order, own], **CLOSE)


def test_weights_at_every_place(tiny):
    rows = rows_of(tiny.num_features)
    maps = maps_of(rows, tiny)
    for place, own in enumerate(rows):
        assert torch.equal(maps.weights(place), own.weight)


def test_layers_are_views(tiny):
    maps = maps_of(rows_of(tiny.num_features), tiny)
    weight, bias = maps.layer(1, 1, slice(5, 10))
    assert weight.shape == (5, tiny.num_features)
    for parameter in maps.parameters:
        parameter.value.zero_()
    assert not weight.any()
    assert not bias.any()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(
    "rates", [0.1, [0.1, 0.1, 0.2, 0.2], [0.1, 0.2, 0.1, 0.1], [[0.1] * 4, [0.3] * 4]]
)
def test_step_sizes_and_frozen_biases(optimizer, rates, tiny):
    rows = rows_of(tiny.num_features, rates=rates)
    maps = maps_of(rows, tiny, train_bias=False)
    moved = OPTIMIZERS[optimizer](maps.parameters)
    layers, rates = list(each_layer()), np.broadcast_to(rates, (ORDERS, 4))
    groups = [
        {"params": [rows[place].weight[order, own].clone().requires_grad_()]}
        | {"lr": rates[order, number]}
        for place, order, number, own in layers
    ]
    torch_optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](groups)
    for part in parts_of(tiny):
        z_grads = noise_like(products_of(rows, tiny.train.to(DOUBLE)[part]))
        moved.step(maps.gradients(part, lambda place, z, by_z=z_grads: (by_z[place], None)))
        for group, (place, order, _, own) in zip(groups, layers, strict=True):
            x = tiny.train.to(DOUBLE)[part[order]]
            group["params"][0].grad = z_grads[place][order, own] @ x
        torch_optimizer.step()
    for group, (place, order, _, own) in zip(groups, layers, strict=True):
        found, bias = maps.layer(place, order, own)
        assert_allclose(found, group["params"][0].detach(), rtol=1e-9, atol=1e-9)
        assert torch.equal(bias, rows[place].bias[order, own])


def test_a_row_that_is_not_finite_stays_alone(tiny):
    rows = rows_of(tiny.num_features, torch.float32)
    spoiled = [own._replace(weight=own.weight.clone()) for own in rows]
    spoiled[1].weight[0, 4] = torch.nan
    (part, *_), others = parts_of(tiny), [n for n in range(10) if n != 4]
    found = []
    for start in (rows, spoiled):
        maps = maps_of(start, tiny)
        z = outputs_of(maps, part)
        OPTIMIZERS["adam"](maps.parameters).step(maps.gradients(part, lambda place, z: (z, None)))
        found.append([*z, *(maps.weights(place) for place in range(len(LAYERS)))])
    for n, (calm, wild) in enumerate(zip(*found, strict=True)):
        if n % len(LAYERS) == 1:
            assert wild[0, 4].isnan().all()
            assert torch.equal(calm[0, others], wild[0, others])
            assert torch.equal(calm[1], wild[1])
        else:
            assert torch.equal(calm, wild)
