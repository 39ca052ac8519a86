"""Blocks of layers against automatic differentiation of the formulas, in both orders in memory."""

import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib import RunSpec
from infomax_lib.block import Block
from infomax_lib.competition import COMPETITIONS, GROUPED, competition
from infomax_lib.layer import ACTIVATIONS
from infomax_lib.objective import OBJECTIVES, free_energy
from infomax_lib.reference import plain_loss

DOUBLE = torch.float64
GROUPS, UNITS, SAMPLES = 2, 4, 9
# A temperature means nothing without competition and free energy.
SETTINGS = [
    (name, temperature, lambda_lse)
    for name in ("none", "softmax", "sparsemax")
    for temperature in (1.0, 0.5)
    for lambda_lse in (0.0, 0.7)
    if name != "none" or lambda_lse or temperature == 1
]
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def specs_of(**changes):
    """Two groups of layers, of every activation one each, with second terms of their own."""
    base = RunSpec(hidden_dim=UNITS, **changes)
    return [
        base.but(seed=group, activation=activation, lambda_tc=0.3 + n + group)
        for group in range(GROUPS)
        for n, activation in enumerate(ACTIVATIONS)
    ]


def drawn(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)


def in_memory(z, order):
    """The same pre-activations (L, K, B): samples side by side, or the units of all layers."""
    return z.clone() if order == "samples" else z.permute(2, 0, 1).contiguous().permute(1, 2, 0)


def by_formula(spec, z):
    """Loss, its second term and the gradient by z (K, B) of one layer."""
    z = z.clone().requires_grad_()
    h = ACTIVATIONS[spec.activation](z.T)
    a = competition(spec.competition, spec.temperature, spec.group_size)(h, -1)
    if spec.objective == "infomax":
        loss, tc = plain_loss(a, torch.empty(0), spec.lambda_tc, 0.0)
    else:
        loss, tc = OBJECTIVES[spec.objective](a, spec.lambda_tc)
    loss = loss + spec.lambda_lse * free_energy(h, spec.temperature)
    loss.backward()
    return loss.detach(), tc.detach(), z.grad


def check(specs, order):
    z = drawn((len(specs), UNITS, SAMPLES))
    block = Block(specs, GROUPS, dtype=DOUBLE)
    found = block.gradient(in_memory(z, order))
    for n, spec in enumerate(specs):
        loss, tc, by_z = by_formula(spec, z[n])
        assert_allclose(found.loss[n], loss, err_msg=str(spec), **CLOSE)
        assert_allclose(found.tc[n], tc, err_msg=str(spec), **CLOSE)
        assert_allclose(found.z[n], by_z, err_msg=str(spec), **CLOSE)


@pytest.mark.parametrize("order", ["samples", "units"])
class TestGradient:
    @pytest.mark.parametrize(("name", "temperature", "lambda_lse"), SETTINGS)
    def test_every_activation(self, name, temperature, lambda_lse, order):
        check(specs_of(competition=name, temperature=temperature, lambda_lse=lambda_lse), order)

    @pytest.mark.parametrize("name", COMPETITIONS)
    def test_every_competition(self, name, order):
        check(specs_of(competition=name, group_size=2 if name in GROUPED else 1), order)

    @pytest.mark.parametrize("competition", ["none", "softmax"])
    @pytest.mark.parametrize("name", ["log_det", "decorrelation", "hsic"])
    def test_every_objective_of_one_view(self, name, competition, order):
        check(specs_of(objective=name, competition=competition), order)


@pytest.mark.parametrize("order", ["samples", "units"])
def test_rows_are_neighbours_of_their_layer(order):
    block = Block(specs_of(), GROUPS, dtype=DOUBLE)
    layers = drawn((2 * len(ACTIVATIONS), UNITS, SAMPLES))
    rows = block.rows(in_memory(layers, order))
    assert rows.shape == (GROUPS, len(ACTIVATIONS) * UNITS, SAMPLES)
    assert torch.equal(rows[1, UNITS : 2 * UNITS], layers[len(ACTIVATIONS) + 1])
    assert torch.equal(block.layers(rows), layers)


def test_outputs_of_sparse_maps_are_overwritten_where_they_lie():
    """Units side by side: then no part of a step copies them."""
    block = Block(specs_of(competition="softmax"), GROUPS, dtype=DOUBLE)
    rows = drawn((SAMPLES, GROUPS, len(ACTIVATIONS) * UNITS)).permute(1, 2, 0)
    found = block.gradient(block.layers(rows))
    assert found.z.data_ptr() == rows.data_ptr()
    assert torch.equal(block.rows(found.z), rows)
