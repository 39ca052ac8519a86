"""Counts of regions by formula, by deletion and restriction, and by Whitney's theorem."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paper.measures.regions import (
    count_regions,
    expected_occupied,
    occupancy,
    occupied_regions,
    regions_in_general_position,
)


def whitney(weight, bias):
    """Zaslavsky's theorem with Whitney's: sum of (-1)^(|B| - rank B) over all B that meet."""
    total = 0
    for size in range(len(weight) + 1):
        for chosen in combinations(range(len(weight)), size):
            rows, offsets = weight[list(chosen)], bias[list(chosen)]
            rank = np.linalg.matrix_rank(rows, tol=1e-9) if size else 0
            extended = np.column_stack([rows, offsets])
            meet = size == 0 or np.linalg.matrix_rank(extended, tol=1e-9) == rank
            total += (-1) ** (size - rank) if meet else 0
    return total


def arrangement(seed, hyperplanes, dimension):
    """Small integers, so that parallel, repeated and concurrent hyperplanes are common."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-1, 2, (hyperplanes, dimension)).astype(float)
    weight[~weight.any(1)] = 1.0
    return weight, rng.integers(-1, 2, hyperplanes).astype(float)


class TestFormula:
    def test_by_hand(self):
        assert [regions_in_general_position(k, 2) for k in range(5)] == [1, 2, 4, 7, 11]
        assert [regions_in_general_position(k, 1) for k in range(4)] == [1, 2, 3, 4]
        assert [regions_in_general_position(k, 2, central=True) for k in range(5)] == [
            1,
            2,
            4,
            6,
            8,
        ]
        assert regions_in_general_position(5, 0) == 1
        assert regions_in_general_position(5, 0, central=True) == 1
        assert regions_in_general_position(16, 784) == 2**16
        assert regions_in_general_position(16, 784, central=True) == 2**16

    @given(st.integers(0, 12), st.integers(1, 12))
    def test_two_to_the_k_only_while_k_is_at_most_n(self, k, n):
        assert (regions_in_general_position(k, n) == 2**k) == (k <= n)
        central = regions_in_general_position(k, n, central=True)
        assert central <= regions_in_general_position(k, n)
        assert (central == 2**k) == (k <= n)

    @pytest.mark.parametrize("size", [(-1, 2), (2, -1)])
    def test_negative_counts(self, size):
        with pytest.raises(ValueError, match="neither can be negative"):
            regions_in_general_position(*size)


class TestArrangement:
    @pytest.mark.parametrize("size", [(3, 1), (6, 2), (5, 3), (4, 4), (3, 7)])
    @pytest.mark.parametrize("biased", [True, False])
    def test_general_position(self, size, biased):
        rng = np.random.default_rng(sum(size))
        weight = rng.standard_normal(size)
        bias = rng.standard_normal(size[0]) if biased else None
        expected = regions_in_general_position(*size, central=not biased)
        assert count_regions(weight, bias) == expected

    @settings(max_examples=40)
    @given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3))
    def test_degenerate_arrangements(self, seed, hyperplanes, dimension):
        weight, bias = arrangement(seed, hyperplanes, dimension)
        expected = whitney(weight, bias)
        assert count_regions(weight, bias) == expected
        assert expected <= regions_in_general_position(hyperplanes, dimension)

    def test_repeated_and_parallel_hyperplanes_make_fewer_regions(self):
        rng = np.random.default_rng(1)
        weight, bias = rng.standard_normal((4, 2)), rng.standard_normal(4)
        full = count_regions(weight, bias)
        assert full == 11
        repeated = np.vstack([weight, -3 * weight[:1]]), np.append(bias, -3 * bias[0])
        assert count_regions(*repeated) == full
        parallel = np.vstack([weight, weight[:1]]), np.append(bias, bias[0] + 1)
        assert count_regions(*parallel) == full + 4
        assert regions_in_general_position(5, 2) == full + 5
        stack = np.ones((6, 1)) * [[1.0, 2.0]]
        assert count_regions(stack, np.arange(6.0)) == 7

    def test_a_row_of_zeros_cuts_nothing(self):
        assert count_regions([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], [0.5, 2.0, 0.0]) == 2

    def test_scale_and_place_do_not_matter(self):
        rng = np.random.default_rng(2)
        weight, bias = rng.standard_normal((5, 3)), rng.standard_normal(5)
        expected = count_regions(weight, bias)
        rescaled = np.geomspace(1e-3, 1e3, 5)
        assert count_regions(weight * rescaled[:, None], bias * rescaled) == expected
        assert count_regions(weight, bias + weight @ [30.0, -20.0, 5.0]) == expected
        assert count_regions(torch.from_numpy(weight), torch.from_numpy(bias)) == expected

    def test_inputs_of_many_dimensions(self):
        weight = np.random.default_rng(3).standard_normal((6, 784))
        assert count_regions(weight, np.ones(6)) == 2**6
        weight[5] = weight[:5].sum(0)  # in the span of the others: five dimensions are left
        assert count_regions(weight) == regions_in_general_position(6, 5, central=True)

    def test_bad_input(self):
        with pytest.raises(ValueError, match=r"shape \(K, n\)"):
            count_regions(np.ones(3))
        with pytest.raises(ValueError, match="2 hyperplanes need as many biases"):
            count_regions(np.ones((2, 2)), np.ones(3))
        with pytest.raises(ValueError, match="must be finite"):
            count_regions([[1.0, math.nan]])
        with pytest.raises(ValueError, match=r"too many to enumerate.*occupied_regions"):
            count_regions(np.random.default_rng(0).standard_normal((40, 6)), np.ones(40))


class TestOccupancy:
    def test_by_hand(self):
        fires = [[0, 0], [0, 0], [0, 1], [1, 1]]
        found = occupancy(fires)
        assert found.regions == 3
        assert found.entropy == pytest.approx(1.5)
        assert found.bits == 2
        assert occupancy(np.zeros((5, 3))) == (1, 0.0, 3)

    def test_all_patterns_equally_often_have_k_bits(self):
        fires = (np.arange(8)[:, None] >> np.arange(3)) & 1
        found = occupancy(np.tile(fires, (5, 1)))
        assert found.regions == 8
        assert found.entropy == pytest.approx(3)

    @given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 40))
    def test_bounds(self, seed, units, samples):
        fires = np.random.default_rng(seed).random((samples, units)) < 0.4
        found = occupancy(fires)
        assert found.regions == len({tuple(row) for row in fires})
        assert 1 <= found.regions <= min(2**units, samples)
        assert 0 <= found.entropy <= math.log2(found.regions) + 1e-9

    def test_occupied_regions_are_feasible_and_few_in_one_dimension(self):
        rng = np.random.default_rng(0)
        weight, bias = rng.standard_normal((6, 2)), rng.standard_normal(6)
        x = torch.from_numpy(4 * rng.standard_normal((20_000, 2)))
        found = occupied_regions(torch.from_numpy(weight), torch.from_numpy(bias), x)
        assert 7 < found.regions <= count_regions(weight, bias) == 22
        line = torch.outer(x[:, 0], x[0])
        on_line = occupied_regions(torch.from_numpy(weight), torch.from_numpy(bias), line)
        assert on_line.regions <= 7

    def test_copies_lose_what_shuffling_gives_back(self):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(4000, 5, generator=generator)
        weight = torch.eye(5)[[0, 0, 1, 1]]
        found = occupied_regions(weight, torch.zeros(4), x)
        assert found.regions == 4
        assert found.entropy == pytest.approx(2, abs=0.01)
        shuffled = occupied_regions(weight, torch.zeros(4), x, shuffled=True)
        assert shuffled.regions == 16
        assert shuffled.entropy == pytest.approx(4, abs=0.01)

    def test_shuffling_keeps_how_often_each_unit_fires(self):
        # of a unit that never fires, one that always does, and one that fires on half the samples
        x = torch.linspace(-1, 1, 100).unsqueeze(-1)
        weight, bias = torch.tensor([[0.0], [0.0], [1.0]]), torch.tensor([-1.0, 1.0, 0.0])
        shuffled = occupied_regions(weight, bias, x, shuffled=True)
        assert shuffled == occupied_regions(weight, bias, x)
        assert shuffled.regions == 2

    def test_expected_occupied(self):
        rng = np.random.default_rng(0)
        simulated = [occupancy(rng.random((50, 5)) < 0.5).regions for _ in range(2000)]
        assert expected_occupied(5, 50) == pytest.approx(np.mean(simulated), rel=0.01)
        assert expected_occupied(1, 1) == pytest.approx(1)
        assert expected_occupied(60, 1000) == pytest.approx(1000)

    def test_bad_input(self):
        with pytest.raises(ValueError, match=r"shape \(N, K\)"):
            occupancy(np.zeros(4))
        with pytest.raises(ValueError, match=r"shape \(N, K\)"):
            occupancy(np.zeros((0, 4)))
