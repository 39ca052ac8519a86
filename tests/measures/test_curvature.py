"""Hessian-vector products against the whole Hessian, and Lanczos against its eigenvalues."""

import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks.plain_loop import plain_loss
from infomax_lib.measures.curvature import extreme_curvature, hessian_vector_product
from infomax_lib.model.competition import compete
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.model.objective import infomax_objective

UNITS, INPUTS, SAMPLES = 3, 4, 20
SIZE = UNITS * (INPUTS + 1)
# one layer per pair: without and with each of the two terms
LAMBDAS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.5, 3.0]], dtype=torch.float64)


def function(activation, competition):
    return lambda z: compete(ACTIVATIONS[activation](z), competition)


def infomax(output, lambda_tc=LAMBDAS[:, 0]):
    return lambda z: infomax_objective(output(z), lambda_tc=lambda_tc).loss


def problem(seed=0):
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    layers = len(LAMBDAS)
    return normal(layers, UNITS, INPUTS), normal(layers, UNITS), normal(SAMPLES, INPUTS)


def dense_hessians(weight, bias, x, output, lambdas=LAMBDAS):
    """One (SIZE, SIZE) Hessian per layer, by automatic differentiation of the plain loss."""
    hessians = []
    for w, b, (tc, wr) in zip(weight, bias, lambdas.tolist(), strict=True):

        def loss(flat, tc=tc, wr=wr):
            both = flat.view(UNITS, INPUTS + 1)
            rows, offset = both[:, :-1], both[:, -1]
            return plain_loss(output(x @ rows.T + offset), rows, tc, wr)[0]

        flat = torch.cat([w, b.unsqueeze(-1)], -1).flatten()
        hessians.append(torch.autograd.functional.hessian(loss, flat))
    return torch.stack(hessians)


def as_matrix(product, like):
    """The matrices behind a linear function on (L, K, D+1), column by column."""
    columns = []
    for place in range(SIZE):
        v = torch.zeros_like(like).view(len(like), -1)
        v[:, place] = 1
        columns.append(product(v.view_as(like)).reshape(len(like), -1))
    return torch.stack(columns, -1)


@pytest.mark.parametrize("competition", ["none", "softmax"])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "softplus"])
def test_products_are_those_of_the_hessian(activation, competition):
    weight, bias, x = problem()
    output = function(activation, competition)
    product = hessian_vector_product(weight, bias, x, infomax(output), LAMBDAS[:, 1])
    found = as_matrix(product, torch.zeros(len(LAMBDAS), UNITS, INPUTS + 1, dtype=torch.float64))
    expected = dense_hessians(weight, bias, x, output)
    assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * expected.abs().max())
    assert_allclose(found, found.mT, rtol=1e-8, atol=1e-8 * expected.abs().max())


@pytest.mark.parametrize("competition", ["none", "softmax"])
def test_extremes_are_those_of_the_hessian(competition):
    weight, bias, x = problem(1)
    output = function("tanh", competition)
    product = hessian_vector_product(weight, bias, x, infomax(output), LAMBDAS[:, 1])
    like = torch.zeros(len(LAMBDAS), UNITS, INPUTS + 1, dtype=torch.float64)
    eigenvalues = torch.linalg.eigvalsh(dense_hessians(weight, bias, x, output))
    smallest, largest = extreme_curvature(product, like, steps=SIZE)
    assert_allclose(smallest, eigenvalues[:, 0], rtol=1e-6, atol=1e-8)
    assert_allclose(largest, eigenvalues[:, -1], rtol=1e-6, atol=1e-8)


def diagonal(values):
    return (lambda v: v * values), torch.zeros_like(values)


def test_sixteen_steps_find_the_extremes_of_a_large_spectrum_from_inside():
    spread = torch.linspace(-1, 1, 2000, dtype=torch.float64)
    values = torch.stack([spread, spread]).unsqueeze(1)
    values[0, 0, 0], values[0, 0, -1] = -30, 50
    smallest, largest = extreme_curvature(*diagonal(values))
    assert_allclose([smallest[0], largest[0]], [-30, 50], rtol=1e-6)
    assert -1 < smallest[1] < -0.9
    assert 0.9 < largest[1] < 1


def test_starting_vector_comes_from_its_own_seed():
    values = torch.linspace(-1, 1, 200, dtype=torch.float64).view(1, 1, -1)
    state = torch.random.get_rng_state()
    first = extreme_curvature(*diagonal(values), steps=4)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first == extreme_curvature(*diagonal(values), steps=4)
    assert first != extreme_curvature(*diagonal(values), steps=4, seed=1)


def test_flat_loss_has_no_curvature():
    values = torch.zeros(2, 3, 4)
    smallest, largest = extreme_curvature(*diagonal(values))
    assert smallest.tolist() == largest.tolist() == [0, 0]


def test_a_nan_stays_in_its_layer():
    weight, bias, x = problem()
    output = function("relu", "none")
    like = torch.zeros(len(LAMBDAS), UNITS, INPUTS + 1, dtype=torch.float64)
    before = extreme_curvature(
        hessian_vector_product(weight, bias, x, infomax(output), LAMBDAS[:, 1]), like
    )
    weight[1, 0, 0] = torch.nan
    after = extreme_curvature(
        hessian_vector_product(weight, bias, x, infomax(output), LAMBDAS[:, 1]), like
    )
    for clean, spoiled in zip(before, after, strict=True):
        assert spoiled.isnan().tolist() == [False, True, False]
        assert torch.equal(clean[[0, 2]], spoiled[[0, 2]])
