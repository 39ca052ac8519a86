"""Information of noisy outputs: against loops, and linear Gaussian channels that are known."""

from __future__ import annotations

import math

import pytest
import torch

from paper.information import noisy_outputs
from paper.information.noisy_outputs import gaussian_information, noisy_information

F64 = torch.float64


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def linear_outputs(samples, units=3, inputs=4, seed=0):
    weight = torch.randn(units, inputs, generator=stream(seed), dtype=F64)
    return torch.randn(samples, inputs, generator=stream(seed + 1), dtype=F64) @ weight.T


def test_bounds_are_those_of_the_formulas(monkeypatch):
    a, noise = linear_outputs(7), 0.5
    found = noisy_information(a, noise, stream(5))
    scaled = (a - a.mean(0)) / a.std(0)
    y = scaled + noise * torch.randn(7, 3, generator=stream(5), dtype=F64)
    normal = torch.distributions.MultivariateNormal
    f = [
        [normal(s, noise**2 * torch.eye(3, dtype=F64)).log_prob(v).item() for s in scaled]
        for v in y
    ]
    lower = sum(f[i][i] - math.log(sum(math.exp(v) for v in f[i]) / 7) for i in range(7)) / 7
    upper = sum(
        f[i][i] - math.log(sum(math.exp(f[i][j]) for j in range(7) if j != i) / 6)
        for i in range(7)
    ) / 7  # fmt: skip
    assert found.lower == pytest.approx(lower)
    assert found.upper == pytest.approx(upper)
    monkeypatch.setattr(noisy_outputs, "_ENTRIES", 10)  # a row at a time
    assert noisy_information(a, noise, stream(5)) == pytest.approx(found)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_linear_gaussian_channel_lies_between_the_bounds(noise):
    weight = torch.randn(3, 4, generator=stream(2), dtype=F64)
    covariance = weight @ weight.T
    scale = covariance.diagonal().rsqrt()
    r = covariance * scale[:, None] * scale
    truth = torch.linalg.slogdet(torch.eye(3, dtype=F64) + r / noise**2).logabsdet.item() / 2
    found = [
        noisy_information(
            torch.randn(1500, 4, generator=stream(10 + i), dtype=F64) @ weight.T, noise, stream(i)
        )
        for i in range(8)
    ]
    lower, upper, gaussian = (torch.tensor(v) for v in zip(*found, strict=True))
    for values in (lower, upper, gaussian):
        assert values.std() < 0.1
    assert lower.mean() - 4 * lower.std() / math.sqrt(8) < truth
    assert upper.mean() + 4 * upper.std() / math.sqrt(8) > truth
    assert gaussian.mean().item() == pytest.approx(truth, rel=0.02)
    assert (lower < upper).all()
    if noise >= 1:  # far below log N both are tight
        assert lower.mean().item() == pytest.approx(truth, rel=0.05)
        assert upper.mean().item() == pytest.approx(truth, rel=0.05)


def test_more_noise_less_information_and_a_cap():
    a = linear_outputs(300)
    values = [noisy_information(a, noise, stream()).lower for noise in (1e-3, 0.1, 1.0, 10.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(math.log(300))
    assert abs(values[-1]) < 0.05


def test_scale_of_a_unit_does_not_matter_and_a_constant_unit_says_nothing():
    a = linear_outputs(200)
    moved = a * torch.tensor([10.0, 0.1, 3.0], dtype=F64) + 5
    assert noisy_information(moved, 0.5, stream()) == pytest.approx(
        noisy_information(a, 0.5, stream())
    )
    constant = torch.cat([a, torch.ones(200, 1, dtype=F64)], 1)
    assert gaussian_information(constant, 0.5) == pytest.approx(gaussian_information(a, 0.5))


def test_twins_carry_little_more_than_one_of_them():
    a = linear_outputs(500, units=1)
    one = gaussian_information(a, 0.2)
    twice = gaussian_information(torch.cat([a, a], 1), 0.2)
    other = gaussian_information(torch.cat([a, linear_outputs(500, 1, seed=9)], 1), 0.2)
    assert one < twice < one + 0.4 < other


@pytest.mark.parametrize("a", [torch.zeros(1, 3), torch.full((4, 3), math.nan)])
def test_impossible_outputs_are_refused(a):
    with pytest.raises(ValueError, match="at least 2"):
        noisy_information(a, 0.5, stream())
    with pytest.raises(ValueError, match="without noise"):
        noisy_information(torch.zeros(4, 3), 0.0, stream())
