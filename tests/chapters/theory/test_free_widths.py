"""Mixtures with free widths: likelihood, EM, and the collapse that the likelihood rewards."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from paper.chapters.theory import mixture
from paper.chapters.theory.experiment import ring_mixture
from paper.chapters.theory.free_widths import (
    em_step,
    energies,
    fit_free_widths,
    log_likelihood,
)

WIDTHS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)


@pytest.fixture
def world():
    x, means, _, _ = ring_mixture(3, 60, 1)
    return x, means + 0.3


def test_likelihood_is_that_of_scipy(world):
    x, means = world
    densities = [
        multivariate_normal(mean.numpy(), float(width) ** 2).pdf(x.numpy())
        for mean, width in zip(means, WIDTHS, strict=True)
    ]
    expected = np.log(np.mean(densities, 0)).mean()
    assert float(log_likelihood(x, means, WIDTHS)) == pytest.approx(expected)


def test_equal_widths_are_the_mixture_of_one_width(world):
    x, means = world
    widths = torch.full((3,), 1.5, dtype=torch.float64)
    torch.testing.assert_close(
        torch.softmax(-energies(x, means, widths), -1),
        mixture.responsibilities(x, means, 1.5**2),
    )
    torch.testing.assert_close(em_step(x, means, widths)[0], mixture.em_step(x, means, 1.5**2))


def test_em_never_lowers_the_likelihood_and_ends_at_rest(world):
    x, means = world
    widths, path = WIDTHS, []
    for _ in range(200):
        path.append(float(log_likelihood(x, means, widths)))
        means, widths = em_step(x, means, widths)
    assert (np.diff(path) >= -1e-12).all()
    assert path[-1] > path[0] + 0.01
    slope = torch.autograd.functional.jacobian(lambda w: log_likelihood(x, means, w), widths)
    assert slope.abs().max() < 1e-6


def test_a_component_on_one_sample_shrinks_to_the_floor_and_beats_the_truth(world):
    x, means = world
    at, widths = torch.cat([means, x[:1]]), torch.cat([WIDTHS, WIDTHS.new_tensor([1e-3])])
    for _ in range(3):
        at, widths = em_step(x, at, widths)
    assert widths[3] == 1e-9
    assert (widths[:3] > 0.1).all()
    unit = torch.ones(3, dtype=torch.float64)
    widths[3] = 1e-60
    assert log_likelihood(x, at, widths) > log_likelihood(x, ring_mixture(3, 60, 1)[1], unit)


def test_a_component_without_responsibility_stays(world):
    x, means = world
    far = torch.cat([means, torch.full((1, 2), 1e4, dtype=torch.float64)])
    widths = torch.cat([WIDTHS, WIDTHS.new_ones(1)])
    moved, kept = em_step(x, far, widths)
    assert torch.equal(moved[3], far[3])
    assert kept[3] == 1


def test_fits_are_measured_against_the_deviation_of_the_data():
    table = fit_free_widths([0, 1], components=4, samples=60, steps=20)
    assert list(table["seed"]) == [0, 1]
    assert (table["narrowest"] <= table["widest"]).all()
    (alone,) = fit_free_widths([0], components=1, samples=60, steps=2).itertuples()
    # the biased deviation of all samples, in units of the unbiased one
    assert alone.narrowest == alone.widest == pytest.approx(np.sqrt(59 / 60))
