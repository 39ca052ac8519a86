"""Every measure against NumPy loops, at its floor, at its ceiling, and under damage."""

import math

import loops
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.measures.weights_and_outputs import (
    aligned_pairs,
    cofiring_excess,
    data_squared_cosine,
    dead_units,
    describe_outputs,
    describe_weights,
    effective_rank,
    entropy_rank,
    firing_rate,
    max_responsibility,
    mean_r2_excess,
    min_relative_variance,
    one_hot_loss,
    output_correlation,
    random_redundancy,
    rms_cosine,
    simplex_floor,
    threshold_gap,
    weight_redundancy,
)

seeds = st.integers(0, 10_000)
unit_counts = st.integers(2, 6)


def weights(units, inputs, seed=0):
    """Random rows of uneven length; the last two point almost the same way."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((units, inputs)) * rng.uniform(0.5, 3, (units, 1))
    w[-1] = 1.7 * w[-2] + 0.05 * rng.standard_normal(inputs)
    return w, rng.standard_normal(units)


def outputs(samples, units, seed=0):
    """Correlated outputs, some exactly zero as behind a ReLU, of uneven scale."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((samples, units)) @ rng.standard_normal((units, units)) + 0.3
    return np.maximum(a, 0) * np.geomspace(0.1, 10, units)


class TestAgainstLoops:
    @pytest.mark.parametrize("size", [(2, 3), (4, 7), (6, 4)])
    def test_weights(self, size):
        w, b = weights(*size)
        found = describe_weights(torch.from_numpy(w), torch.from_numpy(b))
        expected = loops.weight_measures(w, b)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            # the loops take singular values from the Gram matrix, which halves the digits
            tolerance = 1e-6 if "rank" in name else 1e-10
            assert_allclose(found[name], value, rtol=tolerance, err_msg=name)

    @pytest.mark.parametrize("size", [(3, 2), (40, 5), (300, 4)])
    def test_outputs(self, size):
        a = outputs(*size)
        a[:, -1] = 5e-7  # below the threshold of firing
        a[0, -1] = 1  # fires once: dead in the large set alone
        a[:5, -2], a[5:, -2] = 1, 0  # five times of 300: just alive
        found = describe_outputs(torch.from_numpy(a))
        expected = loops.output_measures(a)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)

    @pytest.mark.parametrize("size", [(10, 2), (40, 5)])
    def test_hsic(self, size):
        a = np.random.default_rng(0).random(size) @ np.random.default_rng(1).random((size[1],) * 2)
        assert_allclose(mean_hsic(torch.from_numpy(a)), loops.hsic(a), rtol=1e-9)

    @pytest.mark.parametrize("size", [(3, 2), (40, 5)])
    def test_max_responsibility(self, size):
        a = torch.softmax(torch.from_numpy(outputs(*size)), -1)
        expected = loops.mean([max(sample) for sample in a.tolist()])
        assert_allclose(max_responsibility(a), expected, rtol=1e-12)

    def test_layers_are_measured_each_by_itself(self):
        pairs = [weights(4, 7, seed) for seed in range(6)]
        w = torch.from_numpy(np.stack([w for w, _ in pairs])).reshape(2, 3, 4, 7)
        b = torch.from_numpy(np.stack([b for _, b in pairs])).reshape(2, 3, 4)
        a = torch.from_numpy(np.stack([outputs(30, 4, seed) for seed in range(6)]))
        a = a.reshape(2, 3, 30, 4)
        bundles = [
            (lambda i: describe_weights(w[i], b[i])),
            (lambda i: describe_outputs(a[i])),
            (
                lambda i: {
                    "hsic": mean_hsic(a[i]),
                    "floor": mean_hsic(a[i], shuffled=True),
                }
            ),
            (lambda i: {"responsibility": max_responsibility(a[i])}),
        ]
        for bundle in bundles:
            for name, values in bundle(...).items():
                assert values.shape == (2, 3), name
                alone = [[bundle((i, j))[name].item() for j in range(3)] for i in range(2)]
                assert_allclose(values, alone, rtol=1e-10, err_msg=name)


class TestWeights:
    def test_random_directions_have_redundancy_k_k_minus_1_over_d(self):
        units, inputs = 16, 100
        w = torch.randn(400, units, inputs, generator=torch.Generator().manual_seed(0))
        found = weight_redundancy(w.double())
        expected = units * (units - 1) / inputs
        assert random_redundancy(units, inputs) == expected
        error = found.std() / math.sqrt(len(found))
        assert abs(found.mean() - expected) < 4 * error < 0.03 * expected
        over = describe_weights(w.double())["redundancy_over_random"]
        assert over.mean().item() == pytest.approx(1, abs=0.03)

    def test_ranks_by_hand(self):
        w = torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64))
        assert effective_rank(w).item() == pytest.approx(9 / 5)
        entropy = math.log(3) - 2 / 3 * math.log(2)
        assert entropy_rank(w).item() == pytest.approx(math.exp(entropy))

    @pytest.mark.parametrize("rank", [effective_rank, entropy_rank])
    def test_ranks_count_directions(self, rank):
        basis = torch.linalg.qr(torch.randn(7, 7, dtype=torch.float64))[0]
        assert rank(5 * basis[:4]).item() == pytest.approx(4)
        one = basis[:1].expand(4, -1)
        assert rank(one).item() == pytest.approx(1, abs=1e-6)

    @given(seeds, unit_counts)
    def test_properties(self, seed, units):
        w, b = (torch.from_numpy(part) for part in weights(units, 5, seed))
        rng = np.random.default_rng(seed)
        order = torch.from_numpy(rng.permutation(units))
        values = describe_weights(w, b)
        for name, value in describe_weights(w[order], b[order]).items():
            assert_allclose(value, values[name], rtol=1e-8, err_msg=f"permuted: {name}")
        scale = torch.from_numpy(rng.uniform(0.1, 10, (units, 1)))
        scaled = describe_weights(w * scale, b * scale.squeeze())
        unchanged = {name for name in values if "rank" not in name and name != "row_norm"}
        for name in unchanged:  # hyperplanes stay where they are when w and b grow together
            assert_allclose(scaled[name], values[name], rtol=1e-8, err_msg=f"scaled: {name}")
        larger = describe_weights(3 * w, b)
        assert_allclose(larger["row_norm"], 3 * values["row_norm"], rtol=1e-10)
        assert_allclose(larger["effective_rank"], values["effective_rank"], rtol=1e-10)
        assert_allclose(larger["entropy_rank"], values["entropy_rank"], rtol=1e-10)
        for rank in ("effective_rank", "entropy_rank"):
            assert 1 <= values[rank].item() <= min(units, 5) + 1e-9

    def test_rms_cosine_is_redundancy_per_pair(self):
        w = torch.from_numpy(weights(5, 4)[0])
        expected = torch.sqrt(weight_redundancy(w) / (5 * 4))
        assert_allclose(rms_cosine(w), expected, rtol=1e-10)

    def test_opposite_rows_are_aligned_in_absolute_value_alone(self):
        w = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])
        found = describe_weights(w)
        assert found["max_abs_cosine"] == 1
        assert found["max_cosine"] == -1
        assert found["aligned_pairs"] == 0

    def test_copies(self):
        w = torch.tensor([[3.0, 4.0]]).repeat(5, 1)
        found = describe_weights(w)
        assert found["weight_redundancy"].item() == pytest.approx(5 * 4)
        assert found["rms_cosine"].item() == pytest.approx(1)
        assert found["aligned_pairs"] == 10
        assert found["row_norm"] == 5

    def test_aligned_means_a_cosine_above_0_9(self):
        angles = torch.tensor([0.0, math.acos(0.89), math.acos(0.89) + math.acos(0.91)])
        w = torch.stack([angles.cos(), angles.sin()], -1)
        assert aligned_pairs(w) == 1

    def test_threshold_gap_of_parallel_hyperplanes(self):
        # x = 0.5 and x = 2 along the first axis; the third unit is far from both
        w = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        b = torch.tensor([-1.0, 9.0, -2.0])
        assert threshold_gap(w, b).item() == pytest.approx(1.5)
        assert describe_weights(w)["threshold_gap"] == 0  # without biases

    def test_a_single_unit_has_no_pairs(self):
        found = describe_weights(torch.tensor([[3.0, 4.0]]))
        assert found["row_norm"] == 5
        for name in ("rms_cosine", "max_cosine", "max_abs_cosine", "redundancy_over_random"):
            assert found[name].isnan(), name


class TestRowsFromTheData:
    """Squared cosine of two rows drawn from the covariance of the data."""

    def drawn(self, x, rows=4000):
        """Mean squared cosine of pairs, and its standard error."""
        generator = torch.Generator().manual_seed(0)
        values, directions = torch.linalg.eigh(torch.cov(x.double().mT))
        normal = torch.randn(2, rows, x.shape[1], generator=generator, dtype=torch.float64)
        pairs = (normal * values.clamp(min=0).sqrt()) @ directions.mT
        squared = torch.cosine_similarity(*pairs, dim=1).square()
        return float(squared.mean()), float(squared.std() / math.sqrt(rows))

    @pytest.mark.parametrize("features", [1, 2, 10, 64])
    def test_of_data_alike_in_all_directions_is_one_over_d(self, features):
        x = torch.cat([torch.eye(features), -torch.eye(features)]).double()
        assert data_squared_cosine(x) == pytest.approx(1 / features, rel=1e-8)

    def test_of_data_along_one_direction_is_one(self):
        x = torch.outer(torch.arange(9.0), torch.tensor([1.0, -2, 0.5])).double()
        assert data_squared_cosine(x) == pytest.approx(1, rel=1e-6)

    @pytest.mark.parametrize(("kept", "features"), [(2, 5), (3, 30)])
    def test_counts_the_directions_that_vary(self, kept, features):
        varying = torch.cat([torch.eye(features)[:kept], -torch.eye(features)[:kept]]).double()
        assert data_squared_cosine(varying) == pytest.approx(1 / kept, rel=1e-6)

    @pytest.mark.parametrize("decay", [0.0, 0.3, 1.0, 3.0])
    def test_is_that_of_rows_drawn_one_by_one(self, decay):
        scales = torch.arange(1.0, 13.0, dtype=torch.float64) ** -decay
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(500, 12, generator=generator, dtype=torch.float64) * scales
        mixed = x @ torch.linalg.qr(torch.randn(12, 12, generator=generator).double()).Q + 5
        mean, error = self.drawn(mixed)
        assert data_squared_cosine(mixed) == pytest.approx(mean, abs=4 * error)

    def test_does_not_depend_on_scale_place_or_rotation(self):
        generator = torch.Generator().manual_seed(2)
        x = torch.randn(100, 6, generator=generator, dtype=torch.float64) * torch.arange(1.0, 7)
        turn = torch.linalg.qr(torch.randn(6, 6, generator=generator).double()).Q
        expected = data_squared_cosine(x)
        for other in (1e-6 * x, 1e6 * x, x + 1000, x @ turn, x.flip(0)):
            assert data_squared_cosine(other) == pytest.approx(expected, rel=1e-6)
        assert data_squared_cosine(x.float()) == pytest.approx(expected, rel=1e-5)


class TestOutputs:
    def test_independent_outputs_sit_at_the_sampling_floor(self):
        samples, units = 50, 8
        a = torch.randn(600, samples, units, generator=torch.Generator().manual_seed(0)).double()
        expected = units * (units - 1) / (samples - 1)
        found = output_correlation(a)
        error = found.std().item() / math.sqrt(len(found))
        assert abs(found.mean().item() - expected) < 4 * error < 0.05 * expected
        excess = mean_r2_excess(a)
        assert abs(excess.mean()) < 4 * excess.std() / math.sqrt(len(excess)) < 0.05 / (samples - 1)

    def test_copies(self):
        a = torch.randn(30, 1, dtype=torch.float64).repeat(1, 4)
        assert output_correlation(a, eps=0).item() == pytest.approx(4 * 3)
        assert mean_r2_excess(a).item() == pytest.approx(1 - 1 / 29, abs=1e-5)

    @pytest.mark.parametrize("units", [2, 3, 10])
    def test_simplex_floor_is_respected_and_attained(self, units):
        floor = simplex_floor(units)
        assert floor == pytest.approx(units / (units - 1))
        hard = torch.eye(units, dtype=torch.float64).repeat(20, 1)
        assert output_correlation(hard, eps=0).item() == pytest.approx(floor)
        logits = torch.randn(50, 30, units, generator=torch.Generator().manual_seed(0)).double()
        soft = torch.softmax(3 * logits, -1)
        assert (output_correlation(soft, eps=0) >= floor - 1e-9).all()

    @pytest.mark.parametrize("units", [2, 3, 16])
    def test_one_hot_loss(self, units):
        # Var = p(1 - p) N/(N - 1) with p = 1/K; the library's N large, the formula's infinite
        samples = units * 10_000
        a = np.tile(np.eye(units), (10_000, 1))
        exact = -sum(math.log(a[:, j].var()) for j in range(units))
        assert one_hot_loss(units) == pytest.approx(exact, rel=1e-12)
        assert one_hot_loss(units) == pytest.approx(
            units * math.log(units**2 / (units - 1)), rel=1e-12
        )
        assert samples == len(a)

    def test_dead_means_firing_on_less_than_one_percent(self):
        a = torch.zeros(1000, 4)
        a[:10, 1] = 1  # exactly 1 % is alive
        a[:9, 2] = -1  # negative outputs fire too
        a[:, 3] = 1e-6  # not above the threshold
        assert dead_units(a) == 3
        assert firing_rate(a).item() == pytest.approx(19 / 4000)

    def test_cofiring(self):
        fires = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        assert cofiring_excess(fires) == 0  # independent
        together = fires[:, :1].expand(-1, 2)
        assert cofiring_excess(together) == 0.25
        apart = torch.stack([fires[:, 0], 1 - fires[:, 0]], -1)
        assert cofiring_excess(apart) == 0.25

    def test_min_relative_variance(self):
        a = torch.randn(100, 3, dtype=torch.float64) * torch.tensor([1, 1, 0])
        assert min_relative_variance(a) == 0
        even = torch.eye(4, dtype=torch.float64).repeat(5, 1)
        assert min_relative_variance(even).item() == pytest.approx(1)

    def test_max_responsibility(self):
        assert max_responsibility(torch.full((7, 4), 0.25)) == 0.25
        assert max_responsibility(torch.eye(4)) == 1

    @given(seeds, unit_counts)
    def test_properties(self, seed, units):
        a = torch.from_numpy(outputs(40, units, seed))
        order = torch.from_numpy(np.random.default_rng(seed).permutation(units))
        values = describe_outputs(a)
        for name, value in describe_outputs(a[:, order]).items():
            assert_allclose(value, values[name], rtol=1e-8, atol=1e-12, err_msg=f"permuted: {name}")
        shifted = describe_outputs(a + 5)
        for name in ("output_correlation", "mean_r2_excess", "min_relative_variance"):
            assert_allclose(shifted[name], values[name], rtol=1e-6, err_msg=f"shifted: {name}")
        assert shifted["firing_rate"] == 1
        assert 0 <= values["cofiring_excess"] <= 0.25
        assert 0 <= values["min_relative_variance"] <= 1


class TestHsic:
    def test_copies_have_one(self):
        a = torch.randn(50, 1, dtype=torch.float64).repeat(1, 3)
        assert mean_hsic(a).item() == pytest.approx(1)

    def test_independent_units_stay_near_the_shuffled_floor(self):
        a = torch.randn(10, 500, 6, generator=torch.Generator().manual_seed(0)).double()
        found, floor = mean_hsic(a), mean_hsic(a, shuffled=True)
        assert (found < 0.02).all()
        assert found.mean().item() == pytest.approx(floor.mean().item(), rel=0.2)

    def test_shuffling_breaks_the_dependence_of_copies(self):
        a = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)).double().repeat(1, 4)
        assert mean_hsic(a) > 0.99
        assert mean_hsic(a, shuffled=True) < 0.02

    def test_sees_what_correlation_cannot(self):
        x = torch.linspace(-1, 1, 401, dtype=torch.float64)
        a = torch.stack([x, x.square()], -1)
        assert mean_r2_excess(a).item() == pytest.approx(0, abs=0.01)
        assert mean_hsic(a) > 0.2

    @given(seeds, unit_counts)
    def test_properties(self, seed, units):
        a = np.random.default_rng(seed).random((30, units))
        order = np.random.default_rng(seed).permutation(units)
        value = mean_hsic(torch.from_numpy(a)).item()
        assert 0 <= value <= 1
        for same in (a[:, order], a * np.geomspace(0.1, 10, units) - 7, -a, a[::-1].copy()):
            assert mean_hsic(torch.from_numpy(same)).item() == pytest.approx(value, rel=1e-6)

    def test_a_constant_unit_depends_on_nothing(self):
        a = torch.randn(60, 1, dtype=torch.float64).repeat(1, 2)
        constant = torch.cat([a, torch.full((60, 1), 0.3, dtype=torch.float64)], -1)
        assert mean_hsic(constant).item() == pytest.approx(1 / 3)  # one pair of three depends

    def test_uses_the_first_500_samples_and_128_units(self):
        a = torch.randn(600, 3, dtype=torch.float64)
        assert mean_hsic(a) == mean_hsic(a[:500])
        wide = torch.randn(20, 130, dtype=torch.float64)
        assert mean_hsic(wide) == mean_hsic(wide[:, :128])


class TestDamage:
    def test_nan_weights_are_seen_and_stay_in_their_layer(self):
        clean = torch.stack([torch.from_numpy(weights(4, 6, seed)[0]) for seed in range(3)])
        spoiled = clean.clone()
        spoiled[1, 2, 3] = torch.nan
        before, after = (
            describe_weights(clean),
            describe_weights(spoiled),
        )
        for name in before:
            assert torch.equal(before[name][[0, 2]], after[name][[0, 2]]), name
            if name != "aligned_pairs":  # a count
                assert after[name][1].isnan(), name

    @pytest.mark.parametrize("bad", [torch.nan, torch.inf])
    def test_outputs_that_are_not_finite_are_seen_and_stay_in_their_layer(self, bad):
        clean = torch.stack([torch.from_numpy(outputs(30, 4, seed)) for seed in range(3)])
        spoiled = clean.clone()
        spoiled[1, 2, 3] = bad
        before, after = (
            describe_outputs(clean),
            describe_outputs(spoiled),
        )
        before["hsic"], after["hsic"] = (
            mean_hsic(clean),
            mean_hsic(spoiled),
        )
        for name in before:
            assert torch.equal(before[name][[0, 2]], after[name][[0, 2]]), name
        for name in ("output_correlation", "mean_r2_excess", "min_relative_variance", "hsic"):
            assert after[name][1].isnan(), name

    def test_ranks_of_infinite_weights_are_nan_instead_of_an_error(self):
        w = torch.full((2, 3), torch.inf)
        assert effective_rank(w).isnan()
        assert entropy_rank(w).isnan()
