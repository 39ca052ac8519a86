"""Explicit EM against scikit-learn and loops, implicit EM against explicit EM."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from paper.chapters.theory import mixture

VARIANCE = 0.6
TRUTH = torch.tensor([[4.0, 0.0], [-3.0, 3.0], [0.0, -4.0]], dtype=torch.float64)

seeds = st.integers(0, 10_000)


def problem(seed=0, samples=50, components=3, dimension=2):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, dimension)) * 2
    means = rng.standard_normal((components, dimension))
    return torch.from_numpy(x), torch.from_numpy(means)


class TestModel:
    @pytest.mark.parametrize("size", [(20, 3, 2), (5, 1, 4), (9, 6, 1)])
    def test_against_densities(self, size):
        x, means = problem(1, *size)
        covariance = VARIANCE * np.eye(size[2])
        density = np.stack([multivariate_normal.pdf(x, m, covariance) for m in means.numpy()], -1)
        density = density.reshape(size[:2])
        assert_allclose(
            mixture.responsibilities(x, means, VARIANCE),
            density / density.sum(-1, keepdims=True),
            rtol=1e-10,
        )
        expected = np.log(density.mean(-1)).mean()
        assert mixture.log_likelihood(x, means, VARIANCE).item() == pytest.approx(expected)

    def test_energies_by_hand(self):
        found = mixture.energies(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2), 0.5)
        assert found.item() == pytest.approx(25)

    def test_energies_keep_their_digits_far_from_the_origin(self):
        x, means = problem()
        far = mixture.energies(x + 1e6, means + 1e6, VARIANCE)
        assert_allclose(far, mixture.energies(x, means, VARIANCE), rtol=1e-6)

    def test_samples_have_the_moments_of_the_mixture(self):
        x, component = mixture.sample_mixture(TRUTH, VARIANCE, 20_000, seed=3)
        for k in range(3):
            own = x[component == k]
            assert len(own) == pytest.approx(20_000 / 3, rel=0.05)
            assert_allclose(own.mean(0), TRUTH[k], atol=0.05)
            assert_allclose(np.cov(own.numpy().T), VARIANCE * np.eye(2), atol=0.03)
        again, _ = mixture.sample_mixture(TRUTH, VARIANCE, 20_000, seed=3)
        assert torch.equal(x, again)
        other, _ = mixture.sample_mixture(TRUTH, VARIANCE, 20_000, seed=4)
        assert not torch.equal(x, other)

    def test_float32_is_computed_in_float64(self):
        x, means = problem()
        r = mixture.responsibilities(x.float(), means.float(), VARIANCE)
        assert r.dtype == torch.float64


class TestSteps:
    def test_em_step_by_loops(self):
        x, means = problem()
        r = mixture.responsibilities(x, means, VARIANCE).numpy()
        for k, mean in enumerate(mixture.em_step(x, means, VARIANCE)):
            weighted = sum(r[n, k] * x[n].numpy() for n in range(len(x)))
            assert_allclose(mean, weighted / sum(r[:, k]), rtol=1e-10)

    @given(seeds, st.integers(1, 5), st.integers(1, 4))
    def test_one_gradient_step_of_the_right_size_is_the_em_step(self, seed, components, dimension):
        x, means = problem(seed, 30, components, dimension)
        size = mixture.em_step_size(x, means, VARIANCE)
        assert size.shape == (components,)
        assert (size >= VARIANCE).all()  # sigma^2 over a mean responsibility of at most one
        implicit = mixture.implicit_step(x, means, VARIANCE, size)
        assert_allclose(implicit, mixture.em_step(x, means, VARIANCE), rtol=1e-8, atol=1e-10)
        assert not torch.allclose(mixture.implicit_step(x, means, VARIANCE, 0.5 * size), implicit)

    def test_balanced_components_all_need_k_times_the_variance(self):
        corners = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]).double()
        size = mixture.em_step_size(2 * corners, corners, VARIANCE)
        assert_allclose(size, 4 * VARIANCE)

    def test_a_component_without_responsibility_stays(self):
        x, means = problem()
        means[0] = 1e4
        size = mixture.em_step_size(x, means, VARIANCE)
        assert size[0] == 0
        for moved in (
            mixture.em_step(x, means, VARIANCE),
            mixture.implicit_step(x, means, VARIANCE, size),
        ):
            assert torch.equal(moved[0], means[0])
            assert moved.isfinite().all()

    def test_equal_means_stay_equal_and_move_to_the_centre(self):
        x, means = problem()
        collapsed = means[:1].expand(3, -1)
        assert_allclose(
            mixture.em_step(x, collapsed, VARIANCE), x.mean(0).expand(3, -1), rtol=1e-10
        )


class TestFits:
    def test_explicit_em_steps_as_scikit_learn_does_and_finds_the_truth(self):
        x, _ = mixture.sample_mixture(TRUTH, VARIANCE, 300)
        fit = mixture.fit_explicit(x, TRUTH + 0.5, VARIANCE, 100)
        # scikit-learn fits weights and variances too; on one update of the means they agree
        peer = GaussianMixture(
            3,
            covariance_type="spherical",
            max_iter=1,
            weights_init=np.full(3, 1 / 3),
            means_init=(TRUTH + 0.5).numpy(),
            precisions_init=np.full(3, 1 / VARIANCE),
        )
        with pytest.warns(ConvergenceWarning):
            peer.fit(x.numpy())
        assert_allclose(fit.means[1], peer.means_, rtol=1e-9)
        assert mixture.matched_distance(fit.means[-1], TRUTH) < 0.15

    def test_the_likelihood_never_falls_and_trajectories_are_complete(self):
        x, means = problem(samples=80)
        fit = mixture.fit_explicit(x, means, VARIANCE, 25)
        assert fit.means.shape == (26, 3, 2)
        assert fit.responsibilities.shape == (26, 80, 3)
        assert fit.log_likelihood.shape == (26,)
        assert torch.equal(fit.means[0], means)
        assert (fit.log_likelihood.diff() >= -1e-12).all()
        assert fit.log_likelihood[-1] > fit.log_likelihood[0] + 0.1
        for step in (0, 7, 25):
            r = mixture.responsibilities(x, fit.means[step], VARIANCE)
            assert torch.equal(fit.responsibilities[step], r)

    def test_implicit_em_reaches_the_optimum_of_explicit_em(self):
        x, _ = mixture.sample_mixture(TRUTH, VARIANCE, 200)
        start = TRUTH / 3
        explicit = mixture.fit_explicit(x, start, VARIANCE, 200)
        implicit = mixture.fit_implicit(x, start, VARIANCE, 150, 3 * VARIANCE)
        assert_allclose(implicit.means[-1], explicit.means[-1], atol=1e-4)
        assert implicit.means.shape == (151, 3, 2)
        assert torch.equal(implicit.means[0], start)
        # but on another way
        assert (implicit.means[1] - explicit.means[1]).abs().max() > 0.01

    def test_plain_gradient_descent_is_repeated_implicit_steps(self):
        x, means = problem()
        fit = mixture.fit_implicit(x, means, VARIANCE, 3, 0.2)
        at = means
        for step in range(3):
            at = mixture.implicit_step(x, at, VARIANCE, 0.2)
            assert_allclose(fit.means[step + 1], at, rtol=1e-10)

    def test_the_start_is_left_alone(self):
        x, means = problem()
        before = means.clone()
        mixture.fit_implicit(x, means, VARIANCE, 2, 0.2)
        mixture.fit_explicit(x, means, VARIANCE, 2)
        assert torch.equal(means, before)
        assert not means.requires_grad

    def test_matched_distance(self):
        assert mixture.matched_distance(TRUTH[[2, 0, 1]], TRUTH) == 0
        shifted = TRUTH[[1, 2, 0]] + torch.tensor([3.0, 4.0])
        near = TRUTH + torch.tensor([0.03, 0.04])
        assert mixture.matched_distance(near[[1, 2, 0]], TRUTH) == pytest.approx(0.05)
        assert mixture.matched_distance(shifted, TRUTH) <= 5 + 1e-12


class TestLinearLayer:
    def test_biases_of_minus_half_the_squared_norm_give_equal_weights(self):
        _, means = problem()
        implied = mixture.implied_mixture(means, -means.square().sum(-1) / 2)
        assert_allclose(implied.means, means, rtol=1e-12)
        assert_allclose(implied.weights, 1 / 3, rtol=1e-12)

    def test_free_norms_give_long_rows_more_weight(self):
        w = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
        weights = mixture.implied_mixture(w, torch.zeros(2)).weights
        assert (weights[1] / weights[0]).item() == pytest.approx(math.exp((9 - 1) / 2))
        assert weights.sum().item() == pytest.approx(1)


class TestBadInput:
    @pytest.mark.parametrize("variance", [0.0, -1.0, math.nan])
    @pytest.mark.parametrize(
        "function",
        [
            lambda v: mixture.energies(*problem(), v),
            lambda v: mixture.em_step(*problem(), v),
            lambda v: mixture.sample_mixture(TRUTH, v, 3),
        ],
    )
    def test_variance(self, function, variance):
        with pytest.raises(ValueError, match=r"variance=.* choose a number above 0"):
            function(variance)

    def test_shapes(self):
        x, means = problem()
        with pytest.raises(ValueError, match=r"\(50, 2\) do not lie in the 3 dimensions"):
            mixture.energies(x, torch.zeros(4, 3), 1.0)
        with pytest.raises(ValueError, match=r"means must have shape \(K, D\)"):
            mixture.energies(x, means[0], 1.0)

    def test_fit(self):
        x, means = problem()
        with pytest.raises(ValueError, match="step_size=0 is not possible"):
            mixture.fit_implicit(x, means, 1.0, 1, 0)
