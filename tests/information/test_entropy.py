"""Entropy and mutual information against sums, quadrature and sampling."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from paper.information.entropy import (
    correlated_gaussians,
    correlation_for,
    density_ratio,
    entropy,
    gaussian_entropy,
    gaussian_mutual_information,
    mutual_information,
    paired_mutual_information,
)

F64 = torch.float64


def random_table(shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_entropy_is_least_for_certainty_and_largest_for_balance():
    assert entropy(torch.tensor([1.0, 0, 0], dtype=F64)) == 0
    assert entropy(torch.full((8,), 1 / 8, dtype=F64)).item() == pytest.approx(math.log(8))
    skewed = torch.tensor([0.9, 0.1], dtype=F64)
    assert entropy(skewed).item() == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    p = random_table((50, 6))
    values = entropy(p / p.sum(-1, keepdim=True))
    assert ((values > 0) & (values < math.log(6))).all()


def test_entropy_agrees_with_scipy():
    p = random_table(7)
    p = p / p.sum()
    assert entropy(p).item() == pytest.approx(stats.entropy(p.numpy()))


def test_information_is_zero_exactly_for_products():
    rows, columns = random_table(4, 1), random_table(5, 2)
    product = torch.outer(rows / rows.sum(), columns / columns.sum())
    assert abs(mutual_information(product).item()) < 1e-14
    bent = product.clone()
    bent[0, 0] += 0.002
    bent[1, 1] += 0.002
    bent[0, 1] -= 0.002
    bent[1, 0] -= 0.002
    assert mutual_information(bent).item() > 1e-6


def test_information_is_the_divergence_from_the_product():
    joint = random_table((3, 4, 5), 3)
    joint = joint / joint.sum((-2, -1), keepdim=True)
    expected = [
        sum(
            float(p[i, j] * (p[i, j] / (p[i].sum() * p[:, j].sum())).log())
            for i in range(4)
            for j in range(5)
        )
        for p in joint
    ]
    assert mutual_information(joint).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.5, -0.5]])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match="sum to 1"):
        entropy(torch.tensor(p))
    with pytest.raises(ValueError, match="sum to 1"):
        mutual_information(torch.tensor([p]))


def test_gaussian_entropy_agrees_with_scipy():
    root = random_table((3, 4, 4), 4)
    covariance = root @ root.mT + torch.eye(4, dtype=F64)
    expected = [stats.multivariate_normal(cov=c.numpy()).entropy() for c in covariance]
    assert gaussian_entropy(covariance).tolist() == pytest.approx(expected)
    assert gaussian_entropy(torch.ones(2, 2, dtype=F64)) == -math.inf
    with pytest.raises(ValueError, match="negative determinant"):
        gaussian_entropy(torch.tensor([[0.0, 1], [1, 0]]))


@given(st.floats(0, 0.99), st.integers(1, 20))
def test_pairs_are_a_gaussian_with_that_covariance(rho, pairs):
    eye = torch.eye(pairs, dtype=F64)
    covariance = torch.cat([torch.cat([eye, rho * eye]), torch.cat([rho * eye, eye])], 1)
    information = gaussian_mutual_information(covariance, pairs).item()
    assert information == pytest.approx(paired_mutual_information(rho, pairs), abs=1e-9)
    assert correlation_for(information, pairs) == pytest.approx(rho, abs=1e-6)


def test_information_does_not_change_under_linear_maps_of_each_part():
    root = random_table((6, 6), 5)
    covariance = root @ root.T + torch.eye(6, dtype=F64)
    maps = torch.block_diag(random_table((2, 2), 6) + 1, random_table((4, 4), 7) + torch.eye(4))
    moved = maps @ covariance @ maps.T
    assert gaussian_mutual_information(moved, 2).item() == pytest.approx(
        gaussian_mutual_information(covariance, 2).item()
    )
    for split in (0, 6):
        with pytest.raises(ValueError, match="use 1 to 5"):
            gaussian_mutual_information(covariance, split)


def test_density_ratio_is_that_of_scipy_and_its_mean_is_the_information():
    rho, pairs = 0.7, 2
    x, y = correlated_gaussians(rho, pairs, 50, torch.Generator().manual_seed(0), F64)
    found = density_ratio(x, y, rho)
    for i, j in ((0, 0), (3, 8)):
        both = sum(
            stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).logpdf([x[i, k], y[j, k]])
            - stats.norm.logpdf(x[i, k])
            - stats.norm.logpdf(y[j, k])
            for k in range(pairs)
        )
        assert found[i, j].item() == pytest.approx(both)
    x, y = correlated_gaussians(rho, pairs, 4000, torch.Generator().manual_seed(1), F64)
    ratios = density_ratio(x, y, rho).diagonal()
    error = ratios.std().item() / math.sqrt(4000)
    assert abs(ratios.mean().item() - paired_mutual_information(rho, pairs)) < 4 * error


def test_samples_have_the_correlation_that_was_asked_for():
    x, y = correlated_gaussians(0.6, 3, 20_000, torch.Generator().manual_seed(2), torch.float32)
    assert x.dtype == y.dtype == torch.float32
    found = torch.corrcoef(torch.cat([x, y], 1).T)
    expected = torch.eye(6) + 0.6 * torch.eye(6).roll(3, 0)
    assert (found - expected).abs().max() < 0.03


@pytest.mark.parametrize(
    "call",
    [
        lambda: paired_mutual_information(1.0, 2),
        lambda: paired_mutual_information(0.5, 0),
        lambda: correlation_for(-0.1, 2),
        lambda: correlation_for(1.0, 0),
    ],
)
def test_impossible_pairs_are_refused(call):
    with pytest.raises(ValueError, match="not possible"):
        call()
