"""Blocks of layers against automatic differentiation of the formulas."""

import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks.plain_loop import plain_loss
from infomax_lib import RunSpec
from infomax_lib.model.competition import COMPETITIONS, GROUPED, competition
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.model.objective import OBJECTIVES, free_energy
from infomax_lib.training.tensors.block import Block

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


def check(specs):
    z = drawn((len(specs), UNITS, SAMPLES))
    block = Block(specs, GROUPS, dtype=DOUBLE)
    found = block.gradient(z.clone())
    for n, spec in enumerate(specs):
        loss, tc, by_z = by_formula(spec, z[n])
        assert_allclose(found.loss[n], loss, err_msg=str(spec), **CLOSE)
        assert_allclose(found.tc[n], tc, err_msg=str(spec), **CLOSE)
        assert_allclose(found.z[n], by_z, err_msg=str(spec), **CLOSE)


class TestGradient:
    @pytest.mark.parametrize(("name", "temperature", "lambda_lse"), SETTINGS)
    def test_every_activation(self, name, temperature, lambda_lse):
        check(specs_of(competition=name, temperature=temperature, lambda_lse=lambda_lse))

    @pytest.mark.parametrize("name", COMPETITIONS)
    def test_every_competition(self, name):
        check(specs_of(competition=name, group_size=2 if name in GROUPED else 1))

    @pytest.mark.parametrize("competition", ["none", "softmax"])
    @pytest.mark.parametrize("name", ["log_det", "decorrelation", "hsic"])
    def test_every_objective_of_one_view(self, name, competition):
        check(specs_of(objective=name, competition=competition))


def test_rows_are_neighbours_of_their_layer():
    block = Block(specs_of(), GROUPS, dtype=DOUBLE)
    layers = drawn((2 * len(ACTIVATIONS), UNITS, SAMPLES))
    rows = block.rows(layers)
    assert rows.shape == (GROUPS, len(ACTIVATIONS) * UNITS, SAMPLES)
    assert torch.equal(rows[1, UNITS : 2 * UNITS], layers[len(ACTIVATIONS) + 1])
    assert torch.equal(block.layers(rows), layers)


def test_what_it_is_given_is_overwritten():
    block = Block(specs_of(competition="softmax"), GROUPS, dtype=DOUBLE)
    z = drawn((2 * len(ACTIVATIONS), UNITS, SAMPLES))
    assert block.gradient(z).z.data_ptr() == z.data_ptr()
