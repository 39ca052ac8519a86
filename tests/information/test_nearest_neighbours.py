"""Entropy by nearest neighbours: known distributions, and how it moves when samples are mapped."""

import math

import numpy as np
import pytest

from paper.information.nearest_neighbours import (
    nearest_neighbour_entropy,
    nearest_neighbour_total_correlation,
)

RNG = np.random.default_rng(0)


def test_three_points_on_a_line_by_hand():
    """Neighbours at 1, 1 and 3; a ball of radius one on a line is two long."""
    logs = (math.log(1) + math.log(1) + math.log(3)) / 3
    digamma = 1 + 1 / 2  # of 3 less that of 1
    expected = digamma + math.log(2) + logs
    assert nearest_neighbour_entropy(np.array([[0.0], [1.0], [4.0]])) == pytest.approx(expected)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_gaussians_have_the_entropy_of_the_closed_form(size):
    x = RNG.standard_normal((20_000, size))
    known = size / 2 * math.log(2 * math.pi * math.e)
    assert nearest_neighbour_entropy(x) == pytest.approx(known, abs=0.06)


def test_scaling_adds_its_logarithm_and_rotation_nothing():
    x = RNG.standard_normal((200, 3))
    turn = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    before = nearest_neighbour_entropy(x)
    assert nearest_neighbour_entropy(5 * x @ turn) == pytest.approx(before + 3 * math.log(5))


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_total_correlation_of_a_gaussian_pair(rho):
    x = RNG.standard_normal((20_000, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T
    known = -math.log(1 - rho**2) / 2
    assert nearest_neighbour_total_correlation(x) == pytest.approx(known, abs=0.05)


def test_samples_without_a_density_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        nearest_neighbour_entropy(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="no density"):
        nearest_neighbour_entropy(np.array([[0.0], [0.0], [1.0]]))
