"""Competitions against independent formulas and the entmax package, in float64."""

import entmax
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib.model.competition import COMPETITIONS, GROUPED, UNSCALED, compete, competition

K = 6
ON_SIMPLEX = ("softmax", "softmin", "sparsemax", "entmax15")


def normal(*shape, seed=0, scale=2.0):
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=draw, dtype=torch.float64)


def settings(name, **others):
    return {"name": name, "group_size": 3 if name in GROUPED else 1} | others


def by_definition(h, name, temperature):
    """One sample at a time, h (N, K)."""
    rows = []
    for row in (h / temperature).tolist():
        powers = torch.tensor(row, dtype=torch.float64).exp()
        if name == "softmin":
            powers = 1 / powers
        rows.append(powers / powers.sum())
    return torch.stack(rows)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
class TestValues:
    @pytest.mark.parametrize("name", ["softmax", "softmin"])
    def test_softmax_and_softmin(self, name, temperature):
        h = normal(20, K)
        found = compete(h, name, temperature=temperature)
        assert_allclose(found, by_definition(h, name, temperature), rtol=1e-12)

    def test_log_softmax_and_gate(self, temperature):
        h = normal(20, K)
        share = by_definition(h, "softmax", temperature)
        assert_allclose(compete(h, "log_softmax", temperature=temperature), share.log(), rtol=1e-10)
        assert_allclose(compete(h, "softmax_gate", temperature=temperature), h * share, rtol=1e-10)

    @pytest.mark.parametrize("dim", [-1, 0, 1])
    @pytest.mark.parametrize(
        ("name", "reference"), [("sparsemax", entmax.sparsemax), ("entmax15", entmax.entmax15)]
    )
    def test_simplex_projections_are_those_of_the_entmax_package(
        self, name, reference, dim, temperature
    ):
        h = normal(5, 7, K, seed=3)
        found = compete(h, name, dim, temperature)
        assert_allclose(found, reference(h / temperature, dim), atol=1e-12)

    @pytest.mark.parametrize(
        ("name", "reference"), [("sparsemax", entmax.sparsemax), ("entmax15", entmax.entmax15)]
    )
    def test_and_so_are_their_gradients(self, name, reference, temperature):
        h, weight = normal(50, K, seed=4).requires_grad_(), normal(50, K, seed=5)
        found, expected = (
            torch.autograd.grad((a * weight).sum(), h)[0]
            for a in (compete(h, name, temperature=temperature), reference(h / temperature, -1))
        )
        assert_allclose(found, expected, atol=1e-10)

    def test_group_softmax_is_a_softmax_per_group(self, temperature):
        h = normal(4, 9, K)
        found = compete(h, "group_softmax", temperature=temperature, group_size=2)
        groups = [compete(h[..., i : i + 2], "softmax", -1, temperature) for i in (0, 2, 4)]
        assert_allclose(found, torch.cat(groups, -1), rtol=1e-12)


class TestProperties:
    @pytest.mark.parametrize("name", COMPETITIONS)
    def test_units_may_lie_along_any_dimension(self, name):
        h = normal(4, K, 9)
        found = compete(h, dim=1, **settings(name))
        expected = compete(h.mT, **settings(name)).mT
        assert_allclose(found, expected, rtol=1e-12)
        assert_allclose(compete(h, dim=-2, **settings(name)), expected, rtol=1e-12)

    @pytest.mark.parametrize("name", COMPETITIONS)
    @pytest.mark.parametrize("dim", [-1, -2])
    def test_gradients_against_finite_differences(self, name, dim):
        h = normal(K, K, seed=7).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: compete(x, dim=dim, **settings(name)), h)

    @pytest.mark.parametrize("name", ON_SIMPLEX)
    @pytest.mark.parametrize("scale", [1e-9, 1.0, 1e3])
    def test_outputs_on_the_simplex(self, name, scale):
        a = compete(normal(100, K, scale=scale), name)
        assert (a >= 0).all()
        assert_allclose(a.sum(-1), 1, rtol=1e-9)

    @pytest.mark.parametrize("name", ["softmax", "softmin", "sparsemax", "entmax15", "log_softmax"])
    def test_a_common_constant_changes_nothing(self, name):
        h = normal(100, K)
        assert_allclose(compete(h + 123.0, name), compete(h, name), atol=1e-10)

    @pytest.mark.parametrize("name", ["softmax", "sparsemax", "entmax15"])
    def test_equal_activations_share_equally(self, name):
        h = torch.zeros(3, K, dtype=torch.float64, requires_grad=True)
        a = compete(h, name)
        assert_allclose(a.detach(), 1 / K, rtol=1e-12)
        (gradient,) = torch.autograd.grad(a[:, 0].sum(), h)
        assert gradient.isfinite().all()

    @pytest.mark.parametrize("name", ["softmax", "sparsemax", "entmax15", "group_softmax"])
    def test_a_small_temperature_leaves_one_winner(self, name):
        h = normal(100, K)
        a = compete(h, temperature=1e-4, **settings(name))
        groups = a.unflatten(-1, (-1, 3)) if name == "group_softmax" else a
        assert_allclose(groups.amax(-1), 1, rtol=1e-6)

    def test_sparsemax_and_entmax_reach_zero_where_softmax_does_not(self):
        h = normal(100, K)
        zeros = {name: int((compete(h, name) == 0).sum()) for name in ON_SIMPLEX}
        assert zeros["softmax"] == 0
        assert zeros["sparsemax"] > zeros["entmax15"] > 0

    def test_top_k_keeps_the_largest(self):
        h = normal(50, K)
        a = compete(h, "top_k", group_size=3)
        for row, kept in zip(h, a, strict=True):
            second = row.sort(descending=True).values[1]
            assert torch.equal(kept, torch.where(row >= second, row, 0))

    @pytest.mark.parametrize("name", COMPETITIONS)
    def test_a_spoiled_layer_leaves_its_neighbours_alone(self, name):
        h = normal(3, K, 20)
        clean = compete(h, dim=-2, **settings(name))
        h[1, 2, 3] = torch.nan
        spoiled = compete(h, dim=-2, **settings(name))
        assert torch.equal(spoiled[0], clean[0])
        assert torch.equal(spoiled[2], clean[2])
        assert not spoiled[1, :, 3].isfinite().all()

    @pytest.mark.parametrize("name", COMPETITIONS)
    def test_float32_stays_float32(self, name):
        assert compete(normal(5, K).float(), **settings(name)).dtype == torch.float32


class TestBadInput:
    def test_unknown_name(self):
        with pytest.raises(ValueError, match=r"'hardmax'.*none, softmax.*top_k"):
            competition("hardmax")

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
    @pytest.mark.parametrize("name", sorted(set(COMPETITIONS) - set(UNSCALED)))
    def test_temperature_is_above_zero(self, name, temperature):
        with pytest.raises(ValueError, match=r"temperature=.*above 0"):
            compete(torch.zeros(2, K), temperature=temperature, **settings(name))

    @pytest.mark.parametrize("name", GROUPED)
    def test_groups_divide_the_units(self, name):
        with pytest.raises(ValueError, match="group_size=4 does not divide the 6 units"):
            compete(torch.zeros(2, K), name, group_size=4)
        with pytest.raises(ValueError, match="needs a group_size"):
            compete(torch.zeros(2, K), name)
