"""Objectives beside InfoMax, the free energy and the two views: values, gradients, isolation."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib import RunSpec, SpecError
from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.model.masked_views import KEPT, two_views
from infomax_lib.model.objective import (
    EPSILON,
    OBJECTIVES,
    barlow_objective,
    decorrelation_objective,
    dependence,
    free_energy,
    hsic_objective,
    infomax_objective,
    log_det_objective,
)
from infomax_lib.training.tensors import gradients as gradients_module
from infomax_lib.training.tensors.gradients import OF_COVARIANCE, output_gradient


def normal(*shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(*shape, generator=draw, dtype=torch.float64)
    mix = torch.randn(shape[-1], shape[-1], generator=draw, dtype=torch.float64)
    return values @ mix


class TestValues:
    def test_log_det_is_minus_the_log_determinant_of_the_covariance(self):
        a = normal(200, 5)
        cov = np.cov(a.numpy(), rowvar=False)
        sign, expected = np.linalg.slogdet(cov + EPSILON * np.eye(5))
        assert sign == 1
        assert_allclose(log_det_objective(a, 1.0).loss, -expected, rtol=1e-10)

    @pytest.mark.parametrize("lambda_tc", [0.0, 0.3, 5.0])
    def test_log_det_weighs_the_log_determinant_of_the_correlation(self, lambda_tc):
        a = normal(200, 5)
        loss, tc = log_det_objective(a, lambda_tc)
        expected = np.linalg.slogdet(np.corrcoef(a.numpy(), rowvar=False))[1]
        assert_allclose(tc, -expected, rtol=1e-5)
        variances = a.numpy().var(0, ddof=1)
        assert_allclose(loss, -np.log(variances).sum() - lambda_tc * expected, rtol=1e-5)

    def test_log_det_of_outputs_on_the_simplex_is_finite(self):
        loss, tc = log_det_objective(torch.softmax(normal(200, 5), -1).float(), 1.0)
        assert loss.isfinite()
        assert tc > 5

    def test_barlow_against_numpy(self):
        a = normal(80, 4)
        first, second = a[:40].numpy(), a[40:].numpy()
        cross = np.corrcoef(first, second, rowvar=False)[:4, 4:]
        off = cross - np.diag(np.diag(cross))
        loss, tc = barlow_objective(a, 0.3)
        assert_allclose(tc, (off**2).sum(), rtol=1e-4)
        assert_allclose(loss, ((1 - np.diag(cross)) ** 2).sum() + 0.3 * (off**2).sum(), rtol=1e-4)

    def test_barlow_of_equal_views_is_decorrelation(self):
        a = normal(40, 4)
        twice = barlow_objective(torch.cat([a, a]), 1.0)
        assert_allclose(twice.loss, decorrelation_objective(a, 1.0).loss, rtol=1e-10)

    def test_dependence_by_its_definition(self):
        a = normal(30, 3)
        n = len(a)
        centring = np.eye(n) - 1 / n
        grams = []
        for unit in a.numpy().T:
            x = (unit - unit.mean()) / np.sqrt(unit.var(ddof=1) + EPSILON)
            grams.append(np.exp(-0.5 * np.subtract.outer(x, x) ** 2))
        hsic = np.array([[np.trace(f @ centring @ g @ centring) for g in grams] for f in grams])
        hsic /= n**2
        scale = 1 / np.sqrt(np.diag(hsic) + EPSILON)
        assert_allclose(dependence(a), hsic * np.outer(scale, scale), rtol=1e-10)

    def test_dependence_is_what_the_measure_takes_the_mean_of(self):
        a = normal(100, 4)
        off = dependence(a).fill_diagonal_(0).sum() / 12
        assert_allclose(mean_hsic(a), off, rtol=1e-4)

    def test_hsic_sees_what_correlation_cannot(self):
        x = torch.linspace(-1, 1, 101, dtype=torch.float64)
        a = torch.stack([x, x.square()], -1)
        assert infomax_objective(a).tc < 1e-3
        assert hsic_objective(a).tc > 0.5

    def test_a_constant_unit_depends_on_nothing(self):
        a = torch.cat([normal(50, 2), torch.full((50, 1), 3.0, dtype=torch.float64)], -1)
        matrix = dependence(a)
        assert_allclose(matrix[2], 0, atol=1e-10)
        assert hsic_objective(a).loss.isfinite()

    def test_free_energy(self):
        h = normal(7, 4)
        expected = -np.mean([0.5 * math.log(sum(math.exp(v / 0.5) for v in row)) for row in h])
        assert_allclose(free_energy(h, 0.5), expected, rtol=1e-12)

    def test_its_gradient_is_minus_the_responsibility(self):
        h = normal(7, 4).requires_grad_()
        (gradient,) = torch.autograd.grad(free_energy(h, 0.5), h)
        assert_allclose(gradient, -torch.softmax(h.detach() / 0.5, -1) / 7, rtol=1e-12)

    def test_mixture_is_the_likelihood_of_equal_components(self):
        a = normal(7, 4).abs()
        density = np.exp(-a.numpy()).mean(1)
        expected = -np.log(density).sum() - 7 * math.log(4)
        assert_allclose(OBJECTIVES["mixture"](a, 3.0).loss, expected, rtol=1e-12)
        whole = OBJECTIVES["mixture_infomax"](a, 3.0)
        assert_allclose(whole.loss - infomax_objective(a, lambda_tc=3.0).loss, expected, rtol=1e-10)
        assert whole.tc == infomax_objective(a).tc

    def test_its_gradient_is_the_responsibility_of_a_mixture(self):
        a = normal(7, 4).requires_grad_()
        (gradient,) = torch.autograd.grad(OBJECTIVES["mixture"](a, 1.0).loss, a)
        assert_allclose(gradient, torch.softmax(-a.detach(), -1), rtol=1e-12)


class TestGradients:
    @pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"none"}))
    def test_against_automatic_differentiation(self, name):
        a = normal(3, 24, 4).requires_grad_()
        weight = torch.tensor([0.0, 0.7, 5.0], dtype=torch.float64)
        expected = OBJECTIVES[name](a, weight)
        (gradient,) = torch.autograd.grad(expected.loss.sum(), a)
        found, (loss, tc) = output_gradient(name, a.detach().mT.contiguous(), weight)
        assert_allclose(found.mT, gradient, rtol=1e-8, atol=1e-10)
        assert_allclose(loss, expected.loss.detach(), rtol=1e-10)
        assert_allclose(tc, expected.tc.detach(), rtol=1e-10)

    @pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"none"}))
    def test_against_finite_differences(self, name):
        a = normal(12, 3).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: OBJECTIVES[name](x, 0.7).loss, a)

    def test_no_objective_has_no_gradient(self):
        found, (loss, tc) = output_gradient("none", normal(2, 4, 9), torch.ones(2))
        assert found is None
        assert loss.tolist() == tc.tolist() == [0, 0]

    def test_the_kernels_of_many_layers_are_held_few_at_a_time(self, monkeypatch):
        a, weight = normal(5, 4, 16), torch.linspace(0, 2, 5, dtype=torch.float64)
        whole = output_gradient("hsic", a, weight)
        monkeypatch.setattr(gradients_module, "_MAX_KERNEL", 4 * 16**2 * 2)
        parts = output_gradient("hsic", a, weight)
        assert_allclose(parts[0], whole[0], rtol=1e-10, atol=1e-12)
        assert_allclose(parts[1].loss, whole[1].loss, rtol=1e-12)

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_a_spoiled_layer_leaves_its_neighbours_alone(self, name):
        a, weight = normal(3, 4, 16), torch.ones(3, dtype=torch.float64)
        clean, _ = output_gradient(name, a.clone(), weight)
        a[1, 2, 3] = torch.nan
        found, (loss, _) = output_gradient(name, a, weight)
        assert loss[1].isnan()
        if found is not None:
            assert torch.equal(found[[0, 2]], clean[[0, 2]])

    def test_every_objective_of_the_covariance_is_one(self):
        a = normal(50, 4)
        turned = a.flip(0)
        for name in OF_COVARIANCE:
            before, after = (OBJECTIVES[name](x, 0.5).loss for x in (a, turned))
            assert_allclose(before, after, rtol=1e-10)


class TestViews:
    def test_both_halves_are_the_samples_with_inputs_missing(self):
        x = torch.rand(2, 50, 40) + 1
        seen = two_views(x, [torch.Generator().manual_seed(s) for s in (0, 1)])
        assert seen.shape == (2, 100, 40)
        for view in (seen[:, :50], seen[:, 50:]):
            kept = view != 0
            assert torch.equal(view[kept], x[kept])
            assert abs(kept.double().mean() - KEPT) < 0.03
        assert not torch.equal(seen[:, :50], seen[:, 50:])

    def test_a_generator_fixes_the_views_of_its_own_batch(self):
        x = torch.rand(2, 5, 6)
        seeds = [torch.Generator().manual_seed(s) for s in (3, 4)]
        both = two_views(x, seeds)
        alone = two_views(x[1:], [torch.Generator().manual_seed(4)])
        assert torch.equal(both[1:], alone)


class TestDescriptions:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"competition": "group_softmax"}, "group_size=1 is not possible for group_softmax"),
            ({"competition": "top_k", "group_size": 5}, "divisor of hidden_dim"),
            ({"competition": "softmax", "group_size": 4}, "group_size=4 means nothing"),
            ({"temperature": 2.0}, "temperature=2.0 means nothing"),
            ({"competition": "softmax", "temperature": 0.0}, "greater than 0"),
            ({"objective": "none"}, "nothing to minimise"),
            ({"objective": "barlow", "batch_size": "full"}, "batch by batch"),
            ({"objective": "hsic", "batch_size": "full"}, "at most 1024"),
            ({"objective": "hsic", "batch_size": 4096}, "at most 1024"),
            ({"objective": "entropy"}, "choose one of infomax, log_det"),
            ({"lambda_lse": -1.0}, "greater than or equal to 0"),
        ],
    )
    def test_what_means_nothing_is_refused(self, fields, message):
        with pytest.raises(SpecError, match=message):
            RunSpec(**fields)

    def test_what_means_something_is_not(self):
        RunSpec(competition="group_softmax", group_size=4)
        RunSpec(temperature=2.0, lambda_lse=1.0)
        RunSpec(objective="none", lambda_wr=1.0)
        RunSpec(objective="hsic", batch_size=1024)

    def test_the_keys_of_runs_described_before_stay(self):
        assert RunSpec(competition="softmax", lambda_tc=0.0).model_dump(exclude_defaults=True) == {
            "competition": "softmax",
            "lambda_tc": 0.0,
        }
