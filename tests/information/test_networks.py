"""Critics against loops over pairs; encoders against inverses, autograd and dense algebra."""

from __future__ import annotations

import math
import sys
from functools import partial

import pytest
import torch
from torch import nn

from paper.information.conditioning import condition_number, jacobian, singular_values
from paper.information.critics import CRITICS, Concatenated, mlp
from paper.information.encoders import ConvNet, ResidualMLP, coupling_flow

F64 = torch.float64


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(*shape, seed=0):
    return torch.randn(*shape, generator=stream(seed), dtype=F64)


@pytest.mark.parametrize(
    "make",
    [
        *(partial(make, 4, 4) for make in CRITICS.values()),
        partial(ResidualMLP, 6),
        partial(ConvNet, (8, 8)),
        partial(coupling_flow, 6, couplings=2, hidden=(4,)),
    ],
)
def test_first_weights_leave_the_global_random_state_alone(make):
    before = torch.random.get_rng_state()
    made = make(generator=stream())
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(99)
    again = make(generator=stream())
    assert all(map(torch.equal, again.state_dict().values(), made.state_dict().values()))
    assert all(parameter.requires_grad for parameter in made.parameters())


# --- critics -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CRITICS))
def test_scores_are_those_of_single_pairs(name):
    second = 4 if name == "inner" else 3
    critic = CRITICS[name](4, second, stream()).double()
    x, y = batch(5, 4), batch(5, second, seed=1)
    scores = critic(x, y)
    assert scores.shape == (5, 5)
    for i, j in ((0, 0), (1, 3), (4, 2)):
        alone = critic(x[i : i + 1], y[j : j + 1])
        assert scores[i, j].item() == pytest.approx(alone.item())


def test_concatenated_critic_is_a_network_of_both():
    critic = Concatenated(4, 3, stream(), hidden=6, layers=2).double()
    x, y = batch(5, 4), batch(5, 3, seed=1)
    for i, j in ((0, 1), (2, 2)):
        hidden = critic.first(torch.cat([x[i], y[j]])).relu()
        assert critic(x, y)[i, j].item() == pytest.approx(critic.rest(hidden).item())


@pytest.mark.parametrize("name", ["bilinear", "separable", "concatenated"])
def test_a_seed_fixes_the_weights(name):
    first, again, other = (CRITICS[name](4, 3, stream(seed)).state_dict() for seed in (0, 0, 1))
    assert all(first[key].equal(again[key]) for key in first)
    assert not all(first[key].equal(other[key]) for key in first)


def test_network_has_no_activation_at_its_end():
    network = mlp([3, 4, 2], stream())
    assert [type(layer) for layer in network] == [nn.Linear, nn.ReLU, nn.Linear]
    assert network[0].bias.abs().max() == 0
    assert network[0].weight.abs().max() <= math.sqrt(6 / 7)


# --- encoders ------------------------------------------------------------------------------------


def loud(module, scale=0.3):
    """The module with large random weights, far from where training starts."""
    draws = stream(9)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=draws))
    return module.double()


@pytest.mark.parametrize("shift_only", [True, False])
def test_flow_is_undone_by_its_inverse(shift_only):
    flow = loud(coupling_flow(6, stream(), 5, (8,), shift_only))
    x = batch(20, 6)
    y = flow(x)
    assert (y - x).abs().max() > 0.1
    assert torch.allclose(flow.inverse(y), x)
    assert torch.allclose(flow(flow.inverse(x)), x)


@pytest.mark.parametrize("shift_only", [True, False])
def test_log_determinant_of_a_flow_is_that_of_its_jacobian(shift_only):
    flow = loud(coupling_flow(5, stream(), 4, (8,), shift_only))
    x = batch(7, 5)
    dense = torch.linalg.slogdet(jacobian(flow, x)).logabsdet
    assert torch.allclose(flow.log_abs_det(x), dense)
    assert (flow.log_abs_det(x).abs().max() < 1e-12) == shift_only


def test_flow_begins_as_a_permutation():
    flow = coupling_flow(6, stream(), 5, (8,))
    x = torch.randn(10, 6, generator=stream(1))
    y = flow(x)
    assert torch.allclose(y.sort(-1).values, x.sort(-1).values, atol=1e-3)
    assert not torch.allclose(y, x, atol=1e-3)


def test_residual_network_begins_as_the_identity_and_is_what_it_says():
    encoder = ResidualMLP(6, stream(), layers=3)
    x = torch.randn(10, 6, generator=stream(1))
    assert torch.allclose(encoder(x), x, atol=1e-2)
    encoder, x = loud(encoder), x.double()
    first, second, last = encoder.layers
    hidden = x + first(x).relu()
    hidden = hidden + second(hidden).relu()
    assert torch.allclose(encoder(x), hidden + last(hidden))


def test_convolutions_see_the_picture_and_do_not_mix_samples():
    encoder = ConvNet((6, 8), stream(), channels=3, outputs=4).double()
    x = batch(5, 48)
    y = encoder(x)
    assert y.shape == (5, 4)
    assert torch.allclose(encoder(x[2:3]), y[2:3])
    order = torch.randperm(48, generator=stream(2))
    assert not torch.allclose(encoder(x[:, order]), y)
    pooled = torch.nn.functional.layer_norm(
        encoder.second(encoder.first(x.view(5, 1, 6, 8)).relu()).relu(), (6, 2, 2)
    ).mean((2, 3))
    assert torch.allclose(encoder.last(pooled), y)


def test_sizes_of_the_paper():
    assert len(ResidualMLP(8, stream()).layers) == 5


@pytest.mark.parametrize("make", [ResidualMLP, coupling_flow])
def test_a_seed_fixes_an_encoder(make):
    first, again, other = (make(6, stream(seed)).state_dict() for seed in (3, 3, 4))
    assert all(first[key].equal(again[key]) for key in first)
    assert not all(first[key].equal(other[key]) for key in first)


def test_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko.flows.coupling", None)
    with pytest.raises(ImportError, match=r"\[information\]"):
        coupling_flow(4, stream())


# --- conditioning --------------------------------------------------------------------------------


def test_jacobian_of_each_sample_is_that_of_autograd():
    encoder = loud(ResidualMLP(4, stream(), 2))
    x = batch(3, 4)
    for sample, found in zip(x, jacobian(encoder, x), strict=True):
        dense = torch.autograd.functional.jacobian(lambda v: encoder(v[None])[0], sample)
        assert torch.allclose(found, dense)


def test_condition_number_is_that_of_a_dense_decomposition():
    weight = batch(5, 4, seed=3)
    values = singular_values(lambda x: x @ weight.T, batch(2, 4))
    expected = torch.linalg.svd(weight).S
    assert torch.allclose(values, expected.expand(2, 4))
    assert torch.allclose(condition_number(values), torch.linalg.cond(weight).expand(2))


def test_a_direction_that_is_lost_has_an_infinite_condition():
    values = singular_values(lambda x: x * torch.tensor([2.0, 1.0, 0.0], dtype=F64), batch(2, 3))
    assert condition_number(values).tolist() == [math.inf, math.inf]


def test_samples_that_influence_each_other_are_refused():
    with pytest.raises(ValueError, match="influence each other"):
        jacobian(lambda x: x - x.mean(0), batch(4, 3))


def test_outputs_of_any_size_may_round():
    def far(x):
        """Large outputs that cancel, so that rounding is large beside the smallest of them."""
        return torch.stack([1e6 * x[:, 0], 1e-3 * x[:, 1] + 1e-2 * len(x)], 1)

    x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)) + 1
    found = jacobian(far, x)
    torch.testing.assert_close(found[0], torch.tensor([[1e6, 0.0], [0.0, 1e-3]]))
