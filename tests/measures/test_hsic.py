"""HSIC in blocks against its definition, its floors, and correlation within and between views."""

import math
from itertools import permutations

import loops
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from infomax_lib.measures import hsic as dependence
from infomax_lib.measures.hsic import (
    barlow_twins_loss,
    gaussian_hsic,
    hsic,
    hsic_floor,
    mean_hsic,
    r2_floor,
)
from infomax_lib.model import objective

seeds = st.integers(0, 10_000)


def normalised(x, y, estimator="biased"):
    """1 for copies."""
    return hsic(x, y, estimator) / math.sqrt(hsic(x, x, estimator) * hsic(y, y, estimator))


def pair(samples=30, seed=0, strength=1.0):
    """Two dependent samples; x in two dimensions, y a noisy square of it."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, 2))
    y = strength * x[:, 0] ** 2 + rng.standard_normal(samples)
    return torch.from_numpy(x), torch.from_numpy(y)


def kernel(sample, width):
    """Gaussian kernel matrix, entry by entry."""
    rows = sample.reshape(len(sample), -1).tolist()
    return np.array(
        [
            [
                math.exp(-sum((u - v) ** 2 for u, v in zip(a, b, strict=True)) / (2 * width**2))
                for b in rows
            ]
            for a in rows
        ]
    )


def biased(k, m):
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ m @ h) / n**2


def unbiased(k, m):
    """The U-statistic over all quadruples of different samples."""
    total, count = 0.0, 0
    for i, j, q, r in permutations(range(len(k)), 4):
        total += k[i, j] * m[i, j] + k[i, j] * m[q, r] - 2 * k[i, j] * m[i, q]
        count += 1
    return total / count


class TestHsic:
    @pytest.mark.parametrize(
        ("estimator", "definition"), [("biased", biased), ("unbiased", unbiased)]
    )
    @pytest.mark.parametrize("samples", [4, 5, 9])
    def test_against_the_definition(self, estimator, definition, samples):
        x, y = pair(samples)
        expected = definition(kernel(x, 1.3), kernel(y, 0.7))
        found = hsic(x, y, estimator, widths=(1.3, 0.7))
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-14)

    @pytest.mark.parametrize("estimator", ["biased", "unbiased"])
    def test_blocks_do_not_matter(self, estimator):
        x, y = pair(53)
        whole = hsic(x, y, estimator)
        row = 8 * 53 * 4
        for memory in (row, 7 * row, 52 * row):  # blocks of 1, 7 and 52 rows
            assert hsic(x, y, estimator, memory=memory) == pytest.approx(whole, rel=1e-12)

    def test_never_holds_more_than_it_may(self, monkeypatch):
        """Sizes of all kernel blocks; the bound itself is the identity of the blocks above."""
        sizes = []
        original = dependence._kernel

        def recording(some, all_):
            block = original(some, all_)
            sizes.append(block.numel() * block.element_size())
            return block

        monkeypatch.setattr(dependence, "_kernel", recording)
        x, y = pair(2000)
        memory = 2**20
        hsic(x, y, memory=memory)
        assert 4 * max(sizes) <= memory < 2000**2 * 8
        assert sum(sizes) == 2 * 2000**2 * 8

    @pytest.mark.parametrize("estimator", ["biased", "unbiased"])
    def test_default_widths_are_the_deviations(self, estimator):
        x, y = pair()
        width = math.sqrt(sum(loops.cov(x[:, d], x[:, d]) for d in range(2)))
        widths = (width, math.sqrt(loops.cov(y, y)))
        assert hsic(x, y, estimator) == pytest.approx(hsic(x, y, estimator, widths), rel=1e-10)
        assert hsic(x, y, estimator, (2 * width, None)) != pytest.approx(hsic(x, y, estimator))

    def test_the_unbiased_estimator_is_unbiased(self):
        rng = np.random.default_rng(0)
        values = [
            [hsic(*pair(6, seed=int(s), strength=0.0), estimator, (1.0, 1.0)) for s in draws]
            for estimator in ("biased", "unbiased")
            for draws in [rng.integers(0, 10**6, 1500)]
        ]
        error = np.std(values[1]) / math.sqrt(1500)
        assert abs(np.mean(values[1])) < 4 * error
        assert np.mean(values[0]) > 20 * error

    @given(seeds, st.integers(4, 25))
    def test_properties(self, seed, samples):
        x, y = pair(samples, seed)
        for estimator in ("biased", "unbiased"):
            value = hsic(x, y, estimator)
            close = {"rel": 1e-8, "abs": 1e-12}
            assert hsic(y, x, estimator) == pytest.approx(value, **close)
            order = torch.from_numpy(np.random.default_rng(seed).permutation(samples))
            assert hsic(x[order], y[order], estimator) == pytest.approx(value, **close)
            assert hsic(5 - 3 * x, 0.1 * y, estimator) == pytest.approx(value, **close)
        assert hsic(x, y) >= 0
        assert 0 <= normalised(x, y) <= 1

    def test_sees_what_correlation_does_not(self):
        x = torch.linspace(-1, 1, 301, dtype=torch.float64)
        assert abs(float(torch.corrcoef(torch.stack([x, x.square()]))[0, 1])) < 1e-10
        assert hsic(x, x.square()) > 20 * hsic_floor(x, x.square())

    @pytest.mark.parametrize("estimator", ["biased", "unbiased"])
    def test_a_constant_sample_depends_on_nothing(self, estimator):
        x, _ = pair()
        constant = torch.full((30,), 0.3)
        assert hsic(x, constant, estimator) == pytest.approx(0, abs=1e-12)
        assert hsic_floor(x, constant) == pytest.approx(0, abs=1e-12)


class TestOfPairs:
    def test_is_the_mean_over_pairs_of_units_and_that_of_the_objective(self):
        a = torch.rand(200, 5, dtype=torch.float64) @ torch.rand(5, 5, dtype=torch.float64)
        matrix = torch.tensor([[normalised(u, v) for u in a.mT] for v in a.mT], dtype=torch.float64)
        mean = (matrix.sum() - 5) / 20
        assert mean.item() == pytest.approx(mean_hsic(a).item(), rel=1e-9)
        assert_allclose(matrix, objective.dependence(a, eps=0.0), rtol=1e-9)


class TestFloors:
    def test_hsic_floor_is_the_mean_over_permutations(self):
        x, y = pair(5)
        values = [hsic(x, y[list(order)]) for order in permutations(range(5))]
        assert hsic_floor(x, y) == pytest.approx(np.mean(values), rel=1e-10)

    def test_independent_samples_sit_at_the_floor(self):
        found, floor = [], []
        for seed in range(300):
            x, y = pair(40, seed, strength=0.0)
            found.append(hsic(x, y))
            floor.append(hsic_floor(x, y))
        error = np.std(np.subtract(found, floor)) / math.sqrt(300)
        assert abs(np.mean(found) - np.mean(floor)) < 4 * error < 0.1 * np.mean(floor)

    @pytest.mark.parametrize("samples", [2, 3, 6])
    def test_r2_floor_is_the_mean_over_permutations(self, samples):
        rng = np.random.default_rng(samples)
        x, y = rng.standard_normal(samples), rng.exponential(size=samples)
        squares = [
            np.corrcoef(x, y[list(order)])[0, 1] ** 2 for order in permutations(range(samples))
        ]
        assert r2_floor(samples) == pytest.approx(np.mean(squares), rel=1e-10)

    def test_r2_floor_of_one_sample(self):
        with pytest.raises(ValueError, match="at least 2 samples, got 1"):
            r2_floor(1)


class TestGaussianHsic:
    def test_known_values(self):
        assert gaussian_hsic(torch.tensor(0.0)).item() == pytest.approx(0, abs=1e-12)
        assert gaussian_hsic(torch.tensor([-1.0, 1.0])).tolist() == pytest.approx([1, 1])
        small = gaussian_hsic(torch.tensor(1e-2, dtype=torch.float64), normalised=False)
        assert small.item() == pytest.approx(1e-4 / 27, rel=1e-3)

    @pytest.mark.parametrize("r", [0.0, 0.5, -0.9])
    def test_is_the_limit_of_the_estimator(self, r):
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
        y = r * z[:, 0] + math.sqrt(1 - r**2) * z[:, 1]
        exact = gaussian_hsic(torch.tensor(r), normalised=False).item()
        found = hsic(z[:, 0], y, "unbiased", widths=(1.0, 1.0))
        assert found == pytest.approx(exact, rel=0.05, abs=2e-4)

    @given(st.floats(0, 0.99))
    def test_grows_with_the_correlation(self, r):
        smaller, larger, opposite = gaussian_hsic(torch.tensor([r, r + 0.01, -r])).tolist()
        assert 0 <= smaller + 1e-12 < larger <= 1 + 1e-12
        assert opposite == smaller


class TestViews:
    @pytest.mark.parametrize("weight", [0.0, 0.005, 2.0])
    def test_barlow_twins_by_definition(self, weight):
        first, second = torch.randn(2, 20, 4, dtype=torch.float64)
        c = torch.corrcoef(torch.cat([first, second], -1).mT)[:4, 4:]
        on = sum((1 - c[i, i].item()) ** 2 for i in range(4))
        other = sum(c[i, j].item() ** 2 for i, j in loops.different(4))
        loss = barlow_twins_loss(first, second, weight, eps=0.0).item()
        assert loss == pytest.approx(on + weight * other, rel=1e-9)

    def test_equal_views_leave_decorrelation(self):
        a = torch.randn(3, 20, 4, dtype=torch.float64)
        assert_allclose(
            barlow_twins_loss(a, a, 0.7), objective.decorrelation_objective(a, 0.7).loss, rtol=1e-4
        )  # eps moves the diagonals
        assert (barlow_twins_loss(a, a + 0.5 * torch.randn_like(a), 0.7) > 0.1).all()

    def test_two_views_ask_for_invariance_which_one_view_cannot(self):
        """Noise of its own in each view is uncorrelated, which satisfies a single view."""
        generator = torch.Generator().manual_seed(0)
        first, second = torch.randn(2, 5000, 3, generator=generator, dtype=torch.float64)
        assert objective.decorrelation_objective(first, 1.0).loss.item() < 0.01
        assert barlow_twins_loss(first, second).item() == pytest.approx(3, abs=0.2)

    def test_gradients_flow(self):
        first, second = torch.randn(2, 10, 3, dtype=torch.float64)
        first.requires_grad_()
        assert torch.autograd.gradcheck(lambda a: barlow_twins_loss(a, second, 0.7), first)

    def test_views_of_different_shape(self):
        with pytest.raises(ValueError, match=r"same shape, got \(4, 2\) and \(5, 2\)"):
            barlow_twins_loss(torch.zeros(4, 2), torch.zeros(5, 2))


class TestBadInput:
    def test_more_samples_than_memory_are_refused(self):
        x, y = pair(100)
        with pytest.raises(ValueError, match=r"takes 3200 bytes, but memory=3000: allow more"):
            hsic(x, y, memory=3000)
        assert hsic(x, y, memory=3200) > 0

    def test_too_few_samples(self):
        with pytest.raises(ValueError, match="at least 2 samples, got 1"):
            hsic(torch.zeros(1), torch.zeros(1))
        x, y = pair(3)
        with pytest.raises(ValueError, match="unbiased estimator needs at least 4 samples, got 3"):
            hsic(x, y, "unbiased")

    def test_other_errors(self):
        x, y = pair()
        with pytest.raises(ValueError, match="drawn together, but have lengths 30, 29"):
            hsic(x, y[1:])
        with pytest.raises(ValueError, match="unknown estimator 'exact': choose one of biased"):
            hsic(x, y, "exact")
        with pytest.raises(ValueError, match="width=0 is not possible"):
            hsic(x, y, widths=(0, None))
        with pytest.raises(ValueError, match=r"shape \(N,\) or \(N, P\), got \(2, 2, 2\)"):
            hsic(torch.zeros(2, 2, 2), torch.zeros(2))
        y[3] = math.nan
        with pytest.raises(ValueError, match="must be finite"):
            hsic(x, y)
