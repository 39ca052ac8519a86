"""The loss terms against NumPy loops, in values and gradients, and the properties they need."""

import math

import loops
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from benchmarks.plain_loop import plain_loss
from infomax_lib.model.objective import (
    EPSILON,
    correlation,
    covariance,
    gradient_by_covariance,
    infomax_objective,
    log_variance,
    objective_of_covariance,
    redundancy_of_gram,
    squared_distance_to_identity,
    total_correlation,
    weight_redundancy,
)

SIZES = [(2, 2, 3), (5, 3, 2), (17, 4, 6), (40, 6, 9)]  # samples, units, inputs


def draw(samples, units, inputs=3, seed=0):
    """Correlated outputs (N, K) of uneven scale, and weights (K, D)."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((samples, units)) @ rng.standard_normal((units, units))
    return a * np.geomspace(0.2, 5, units) + 3, rng.standard_normal((units, inputs))


def tensor(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


seeds = st.integers(0, 10_000)
unit_counts = st.integers(2, 6)


class TestAgainstLoops:
    @pytest.mark.parametrize("size", SIZES)
    def test_covariance_and_correlation(self, size):
        a, _ = draw(*size)
        x, close = torch.from_numpy(a), {"rtol": 1e-11, "atol": 1e-11}
        assert_allclose(covariance(x), loops.covariance(a), **close)
        assert_allclose(correlation(x), loops.correlation(a), **close)
        assert_allclose(correlation(x, eps=0.5), loops.correlation(a, eps=0.5), **close)

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [(log_variance, loops.log_variance), (total_correlation, loops.total_correlation)],
    )
    def test_output_terms(self, ours, theirs, size):
        a, _ = draw(*size)
        x = tensor(a)
        value = ours(x)
        value.backward()
        assert_allclose(value.item(), theirs(a), rtol=1e-11)
        expected = loops.numeric_gradient(theirs, a)
        assert_allclose(x.grad, expected, rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize("size", SIZES)
    def test_weight_redundancy(self, size):
        _, w = draw(*size)
        rows = tensor(w)
        value = weight_redundancy(rows)
        value.backward()
        assert_allclose(value.item(), loops.weight_redundancy(w), rtol=1e-11)
        expected = loops.numeric_gradient(loops.weight_redundancy, w)
        assert_allclose(rows.grad, expected, rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("lambdas", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (3.5, 0.25)])
    def test_whole_loss(self, lambdas, size):
        a, w = draw(*size)
        x, rows = tensor(a), tensor(w)
        loss, tc = infomax_objective(x, rows, *lambdas)
        assert_allclose(loss.item(), loops.loss(a, w, *lambdas), rtol=1e-11)
        assert_allclose(tc.item(), loops.total_correlation(a), rtol=1e-11)
        loss.backward()
        by_outputs = loops.numeric_gradient(lambda v: loops.loss(v, w, *lambdas), a)
        by_weights = loops.numeric_gradient(lambda v: loops.loss(a, v, *lambdas), w)
        assert_allclose(x.grad, by_outputs, rtol=1e-5, atol=1e-6)
        assert_allclose(rows.grad, by_weights, rtol=1e-5, atol=1e-6)

    def test_plain_loss_of_the_reference_loop(self):
        a, w = draw(17, 4, 6)
        loss, tc = plain_loss(tensor(a), tensor(w), 3.5, 0.25)
        assert_allclose(loss.item(), loops.loss(a, w, 3.5, 0.25), rtol=1e-11)
        assert_allclose(tc.item(), loops.total_correlation(a), rtol=1e-11)

    def test_gradcheck(self):
        a, w = draw(9, 3, 4)
        assert torch.autograd.gradcheck(
            lambda x, rows: infomax_objective(x, rows, 2.0, 0.5), (tensor(a), tensor(w))
        )

    def test_second_derivatives(self):
        a, _ = draw(7, 3)
        assert torch.autograd.gradgradcheck(
            lambda x: infomax_objective(x, lambda_tc=2.0).loss, (tensor(a),)
        )


class TestOfMatrices:
    """The same terms as functions of covariance and Gram matrix, which the population uses."""

    @pytest.mark.parametrize("lambda_tc", [0.0, 1.0, 100.0])
    def test_gradient_through_the_covariance(self, lambda_tc):
        a = tensor(draw(19, 5, 3)[0]).requires_grad_()
        expected = infomax_objective(a, lambda_tc=lambda_tc)
        (by_output,) = torch.autograd.grad(expected.loss, a)

        cov = covariance(a.detach()).requires_grad_()
        found = objective_of_covariance(cov, lambda_tc)
        (by_cov,) = torch.autograd.grad(found.loss, cov)
        centred = a.detach() - a.detach().mean(0)
        assert_allclose(found.loss.item(), expected.loss.item(), rtol=1e-12)
        assert_allclose(found.tc.item(), expected.tc.item(), rtol=1e-12)
        assert_allclose(2 / 18 * centred @ by_cov, by_output, rtol=1e-9, atol=1e-12)

    def test_gradient_by_the_covariance(self):
        covs = torch.stack([covariance(tensor(draw(19, 5, 3, seed)[0])) for seed in range(4)])
        covs[3, 2] = covs[3, :, 2] = 0  # a dead unit
        lambdas = torch.tensor([0.0, 1.0, 100.0, 3.0], dtype=torch.float64)
        leaf = covs.detach().requires_grad_()
        expected = objective_of_covariance(leaf, lambdas)
        (by_cov,) = torch.autograd.grad(expected.loss.sum(), leaf)
        given = covs.detach().clone()
        found, (loss, tc) = gradient_by_covariance(given, lambdas)
        assert_allclose(found, by_cov, rtol=1e-10, atol=1e-10)
        assert_allclose(loss, expected.loss.detach(), rtol=1e-12)
        assert_allclose(tc, expected.tc.detach(), rtol=1e-12)
        assert torch.equal(given, covs.detach())

    def test_gradient_through_the_gram_matrix(self):
        w = tensor(draw(5, 4, 7)[1]).requires_grad_()
        expected = weight_redundancy(w)
        (by_weight,) = torch.autograd.grad(expected, w)
        gram = (w @ w.mT).detach().requires_grad_()
        found = redundancy_of_gram(gram)
        (by_gram,) = torch.autograd.grad(found, gram)
        assert_allclose(found.item(), expected.item(), rtol=1e-12)
        assert_allclose(2 * by_gram @ w.detach(), by_weight, rtol=1e-9, atol=1e-12)

    def test_a_zero_row_has_no_direction_and_no_gradient(self):
        w = tensor(draw(5, 4, 7)[1]).detach()
        w[2] = 0
        gram = (w @ w.mT).requires_grad_()
        value = redundancy_of_gram(gram)
        (by_gram,) = torch.autograd.grad(value, gram)
        assert_allclose(value.item(), weight_redundancy(w).item(), rtol=1e-12)
        assert by_gram.isfinite().all()
        assert not (by_gram @ w)[2].any()


class TestByHand:
    def test_two_samples(self):
        # Both units have variance 1/2 and move together: R = [[1, 1], [1, 1]] up to epsilon.
        a = torch.tensor([[0.0, 2.0], [1.0, 3.0]], dtype=torch.float64)
        loss, tc = infomax_objective(a, lambda_tc=10.0)
        r = 0.5 / (0.5 + EPSILON)
        assert_allclose(tc, 2 * (1 - r) ** 2 + 2 * r**2, rtol=1e-12)
        assert_allclose(loss, -2 * math.log(0.5 + EPSILON) + 10 * tc, rtol=1e-12)
        assert loss.item() == pytest.approx(2 * math.log(2) + 20, abs=1e-3)

    def test_epsilon_is_the_source_s(self):
        assert EPSILON == 1e-6

    @pytest.mark.parametrize("units", [2, 3, 8])
    def test_copies_have_every_pair_at_one(self, units):
        rng = np.random.default_rng(0)
        a = torch.from_numpy(np.repeat(rng.standard_normal((50, 1)), units, axis=1))
        w = torch.from_numpy(np.repeat(rng.standard_normal((1, 5)), units, axis=0))
        assert total_correlation(a, eps=0).item() == pytest.approx(units * (units - 1))
        assert weight_redundancy(w).item() == pytest.approx(units * (units - 1))

    def test_orthogonal_is_zero(self):
        basis = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))[0]
        assert weight_redundancy(3 * basis[:5]).item() == pytest.approx(0, abs=1e-12)
        centred = basis - basis.mean(0)
        outputs = torch.linalg.qr(centred[:, :5])[0]
        assert total_correlation(outputs - outputs.mean(0), eps=0).item() < 1e-12

    def test_zero_row_counts_its_diagonal(self):
        w = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
        assert weight_redundancy(w).item() == 1.0

    def test_distance_to_identity(self):
        m = torch.tensor([[[2.0, 3.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
        assert squared_distance_to_identity(m).tolist() == [10.0, 0.0]

    @pytest.mark.parametrize("samples", [0, 1])
    def test_one_sample_has_no_variance(self, samples):
        with pytest.raises(ValueError, match=f"at least 2 samples, got {samples}"):
            infomax_objective(torch.zeros(samples, 3))


class TestProperties:
    @given(seeds, unit_counts)
    def test_order_of_units_and_samples_does_not_matter(self, seed, units):
        a, w = draw(15, units, 4, seed)
        rng = np.random.default_rng(seed)
        order, places = rng.permutation(units), rng.permutation(15)
        before = infomax_objective(tensor(a), tensor(w), 2.0, 3.0)
        after = infomax_objective(tensor(a[places][:, order]), tensor(w[order]), 2.0, 3.0)
        assert_allclose(after.loss.item(), before.loss.item(), rtol=1e-9)
        assert_allclose(after.tc.item(), before.tc.item(), rtol=1e-9)

    @given(seeds, st.floats(-100, 100))
    def test_constants_do_not_matter(self, seed, constant):
        a, _ = draw(15, 4, seed=seed)
        before, after = infomax_objective(tensor(a)), infomax_objective(tensor(a + constant))
        assert_allclose(after.loss.item(), before.loss.item(), rtol=1e-7)

    @given(seeds, st.floats(0.01, 100))
    def test_scaling_one_unit(self, seed, scale):
        a, w = draw(15, 4, seed=seed)
        factor = np.array([1, scale, 1, 1])
        gain = log_variance(tensor(a * factor), eps=0) - log_variance(tensor(a), eps=0)
        assert gain.item() == pytest.approx(2 * math.log(scale), abs=1e-9)
        before, after = total_correlation(tensor(a), 0), total_correlation(tensor(a * factor), 0)
        assert_allclose(after.item(), before.item(), rtol=1e-9)
        scaled = weight_redundancy(tensor(w * factor[:, None]))
        assert_allclose(scaled.item(), weight_redundancy(tensor(w)).item(), rtol=1e-9)

    @given(seeds)
    def test_flipping_a_unit_changes_nothing(self, seed):
        a, w = draw(15, 4, seed=seed)
        flip = np.array([1, -1, 1, -1])
        before = infomax_objective(tensor(a), tensor(w), 2.0, 3.0).loss.item()
        after = infomax_objective(tensor(a * flip), tensor(w * flip[:, None]), 2.0, 3.0).loss.item()
        assert_allclose(after, before, rtol=1e-9)

    @given(seeds, unit_counts)
    def test_redundancy_is_invariant_under_rotation_of_the_inputs(self, seed, units):
        _, w = draw(5, units, 4, seed)
        rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((4, 4)))[0]
        assert_allclose(
            weight_redundancy(tensor(w @ rotation)).item(),
            weight_redundancy(tensor(w)).item(),
            rtol=1e-9,
            atol=1e-12,
        )

    @given(seeds, unit_counts)
    def test_bounds(self, seed, units):
        a, w = draw(15, units, 4, seed)
        for value in (total_correlation(tensor(a)), weight_redundancy(tensor(w))):
            assert 0 <= value.item() <= units * (units - 1) + 1e-6

    @given(seeds, st.integers(2, 5))
    def test_a_duplicated_unit_adds_its_own_correlations_once_more(self, seed, units):
        a, _ = draw(15, units, seed=seed)
        r = loops.correlation(a, eps=0)
        doubled = np.concatenate([a, a[:, :1]], axis=1)
        added = 2 * sum(r[0, j] ** 2 for j in range(units))
        expected = loops.total_correlation(a, eps=0) + added
        assert_allclose(total_correlation(tensor(doubled), eps=0).item(), expected, rtol=1e-9)

    @given(seeds)
    def test_a_dead_unit_adds_its_missing_diagonal_and_log_epsilon(self, seed):
        a, _ = draw(15, 3, seed=seed)
        dead = np.concatenate([a, np.full((15, 1), 0.7)], axis=1)
        before = infomax_objective(tensor(a), lambda_tc=2.0)
        after = infomax_objective(tensor(dead), lambda_tc=2.0)
        assert after.tc.item() - before.tc.item() == pytest.approx(1, abs=1e-9)
        gained = after.loss.item() - before.loss.item()
        assert gained == pytest.approx(2 - math.log(EPSILON), abs=1e-8)

    @given(seeds, unit_counts)
    def test_the_loss_has_no_lower_bound_in_scale(self, seed, units):
        a, _ = draw(15, units, seed=seed)
        small, large = (infomax_objective(tensor(a * s), eps=0).loss.item() for s in (1, 1000))
        assert small - large == pytest.approx(2 * units * math.log(1000), rel=1e-9)


class TestManyLayers:
    def test_layers_are_independent(self):
        layers = [draw(15, 4, 3, seed) for seed in range(6)]
        a = torch.from_numpy(np.stack([a for a, _ in layers])).reshape(2, 3, 15, 4)
        w = torch.from_numpy(np.stack([w for _, w in layers])).reshape(2, 3, 4, 3)
        lambdas = torch.arange(6, dtype=torch.float64).reshape(2, 3)
        loss, tc = infomax_objective(a, w, lambdas, 6 - lambdas)
        assert loss.shape == tc.shape == (2, 3)
        for layer, (outputs, rows) in enumerate(layers):
            expected = loops.loss(outputs, rows, float(layer), 6.0 - layer)
            assert_allclose(loss.flatten()[layer], expected, rtol=1e-11)

    def test_without_weights_the_redundancy_term_is_left_to_the_caller(self):
        a, w = draw(15, 4, 3)
        with_weights = infomax_objective(tensor(a), tensor(w), 2.0, 0.0).loss.item()
        assert infomax_objective(tensor(a), lambda_tc=2.0).loss.item() == with_weights

    def test_a_nan_stays_in_its_layer(self):
        layers = torch.from_numpy(np.stack([draw(15, 4, seed=s)[0] for s in range(3)]))
        clean = layers.clone().requires_grad_()
        infomax_objective(clean).loss.sum().backward()
        layers[1, 3, 2] = torch.nan
        spoiled = layers.requires_grad_()
        loss, tc = infomax_objective(spoiled)
        loss.sum().backward()
        assert loss.isnan().tolist() == tc.isnan().tolist() == [False, True, False]
        assert torch.equal(spoiled.grad[[0, 2]], clean.grad[[0, 2]])


class TestSimplexFloor:
    @given(seeds, unit_counts)
    def test_outputs_that_sum_to_one_stay_above_it(self, seed, units):
        logits = np.random.default_rng(seed).standard_normal((20, units)) * 3
        a = torch.softmax(torch.from_numpy(logits), -1)
        assert total_correlation(a, eps=0).item() >= units / (units - 1) - 1e-9

    @pytest.mark.parametrize("units", [2, 3, 16])
    def test_balanced_one_hot_outputs_attain_it(self, units):
        a = torch.eye(units, dtype=torch.float64).repeat(50, 1)
        assert total_correlation(a, eps=0).item() == pytest.approx(units / (units - 1), abs=1e-9)


def test_redundancy_term_without_weight_is_refused():
    with pytest.raises(ValueError, match="lambda_wr needs the weight"):
        infomax_objective(torch.randn(8, 3), lambda_wr=torch.tensor([0.0, 1.0]))
