"""The layer against its formula, and its first weights against the source's own calls."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from infomax_lib import InfoMaxLayer
from infomax_lib.model.layer import ACTIVATIONS, INITIALS, initial_parameters

FORMULAS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


class TestInitialParameters:
    @pytest.mark.parametrize("seed", [42, 0, 7])
    def test_repeats_the_source_s_calls(self, seed):
        torch.manual_seed(seed)
        linear = nn.Linear(784, 16)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        weight, bias = initial_parameters(784, 16, seed)
        assert torch.equal(weight, linear.weight)
        assert torch.equal(bias, linear.bias)
        assert weight.dtype == bias.dtype == torch.float32

    def test_leaves_the_global_random_state_alone(self):
        before = torch.random.get_rng_state()
        for initial in INITIALS:
            initial_parameters(5, 4, 42, initial)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_seeds_differ_and_repeat(self):
        first, second = initial_parameters(5, 4, 1), initial_parameters(5, 4, 2)
        assert not torch.equal(first[0], second[0])
        assert torch.equal(first[0], initial_parameters(5, 4, 1)[0])

    @pytest.mark.parametrize("units", [6, 7])
    def test_twins_are_nearly_copies(self, units):
        single, _ = initial_parameters(200, units, 3)
        weight, bias = initial_parameters(200, units, 3, "twins")
        assert torch.equal(weight[0::2], single[0::2])  # and so is the odd one out
        first, second = weight[0:6:2], weight[1:6:2]
        assert not torch.equal(first, second)
        distance = (first - second).norm(dim=1) / first.norm(dim=1)
        assert_allclose(distance, 1e-3, rtol=0.3)
        assert not bias.any()

    @pytest.mark.parametrize("units", [6, 7])
    def test_offset_twins_differ_in_their_thresholds_alone(self, units):
        single, _ = initial_parameters(20, units, 3)
        weight, bias = initial_parameters(20, units, 3, "offset_twins")
        assert torch.equal(weight[0::2], single[0::2])
        assert torch.equal(weight[0:6:2], weight[1:6:2])
        assert bias.tolist() == [0.5, -0.5] * 3 + [0.0] * (units % 2)

    @pytest.mark.parametrize(
        ("initial", "biases"), [("winner", [10, 0, 0, 0, 0]), ("dead", [-10, -10, 0, 0, 0])]
    )
    def test_starts_inside_a_collapse_change_biases_alone(self, initial, biases):
        usual, _ = initial_parameters(20, 5, 3)
        weight, bias = initial_parameters(20, 5, 3, initial)
        assert torch.equal(weight, usual)
        assert bias.tolist() == biases

    def test_which_collapse_they_start_in(self):
        x = torch.rand(500, 64)
        winner = InfoMaxLayer(64, 8, competition="softmax", seed=1, initial="winner")
        assert (winner(x).argmax(-1) == 0).all()
        assert (winner(x)[:, 0] > 0.99).all()
        dead = InfoMaxLayer(64, 8, seed=1, initial="dead")
        assert not dead(x)[:, :4].any()
        assert dead(x)[:, 4:].any()

    def test_unknown_start(self):
        with pytest.raises(ValueError, match=r"'zeros'.*xavier.*twins"):
            initial_parameters(5, 4, 0, "zeros")


class TestLayer:
    @pytest.mark.parametrize("competition", ["none", "softmax"])
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_is_g_of_f_of_wx_plus_b(self, activation, competition):
        layer = InfoMaxLayer(5, 4, activation, competition, seed=1).double()
        with torch.no_grad():
            layer.bias.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0]))
        x = torch.randn(7, 5, dtype=torch.float64)
        w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        z = np.array([[sum(w[k] * row) + b[k] for k in range(4)] for row in x.numpy()])
        h = FORMULAS[activation](z)
        a = np.exp(h) / np.exp(h).sum(1, keepdims=True) if competition == "softmax" else h
        assert_allclose(layer.preactivation(x).detach(), z, rtol=1e-10, atol=1e-12)
        assert_allclose(layer.hidden(x).detach(), h, rtol=1e-10, atol=1e-12)
        assert_allclose(layer(x).detach(), a, rtol=1e-10, atol=1e-12)
        assert layer(x[0]).shape == (4,)
        assert layer(x.view(1, 7, 5)).shape == (1, 7, 4)

    def test_every_activation_is_covered(self):
        assert FORMULAS.keys() == ACTIVATIONS.keys()

    def test_softmax_shares_one_among_the_units(self):
        layer = InfoMaxLayer(5, 4, competition="softmax")
        outputs = layer(100 * torch.randn(50, 5))
        assert_allclose(outputs.sum(-1).detach(), 1, rtol=1e-6)
        assert (outputs >= 0).all()

    def test_starts_from_the_initial_parameters(self):
        layer = InfoMaxLayer(9, 4, seed=5, initial="offset_twins")
        weight, bias = initial_parameters(9, 4, 5, "offset_twins")
        assert torch.equal(layer.weight, weight)
        assert torch.equal(layer.bias, bias)
        assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
        assert all(parameter.requires_grad for parameter in layer.parameters())

    def test_prints_its_sizes_and_names(self):
        text = repr(InfoMaxLayer(9, 4, "tanh", "softmax"))
        assert text == "InfoMaxLayer(9 -> 4, tanh, competition=softmax)"

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ({"activation": "gelu"}, r"unknown activation 'gelu'.*identity, relu.*softplus"),
            ({"competition": "max"}, r"unknown competition 'max'.*none, softmax"),
        ],
    )
    def test_unknown_names(self, names, message):
        with pytest.raises(ValueError, match=message):
            InfoMaxLayer(9, 4, **names)
