"""MIG, DCI and AUROC against scikit-learn, SciPy, and codes of which they are known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import entropy, ortho_group
from sklearn.metrics import mutual_info_score, roc_auc_score

from paper.measures.disentanglement import (
    class_auroc,
    dci,
    mutual_information,
    mutual_information_gap,
    rotated_mig,
)

seeds = st.integers(0, 10_000)


def samples(n=600, units=5, factors=3, seed=0):
    """Units of several shapes, the first of which know something about the factors."""
    rng = np.random.default_rng(seed)
    levels = np.stack([rng.integers(0, 2 + f, n) for f in range(factors)], 1)
    x = rng.standard_normal((n, units))
    for unit, f in zip(range(units), range(factors), strict=False):
        x[:, unit] += levels[:, f]
    x[:, -1] = np.maximum(x[:, -1], 0)  # as behind a ReLU
    return x * np.geomspace(0.01, 100, units), levels


def codes(n=600, factors=4, levels=5, seed=0):
    """Factor levels, and units that are the factors but for scale, sign and order."""
    table = np.random.default_rng(seed).integers(0, levels, (n, factors))
    return table, (table * np.array([3.0, -0.1, 10, 1][:factors]))[:, ::-1]


def plain_mutual_information(x, levels, bins):
    """Binned as in disentanglement_lib, the code of Locatello et al. (2019)."""
    table = np.zeros((x.shape[1], levels.shape[1]))
    for k, unit in enumerate(x.T):
        edges = np.histogram(unit, bins)[1]
        for f, column in enumerate(levels.T):
            table[k, f] = mutual_info_score(np.digitize(unit, edges[:-1]), column)
    return table


class TestMutualInformation:
    @pytest.mark.parametrize("bins", [2, 20])
    @pytest.mark.parametrize("seed", range(3))
    def test_equals_that_of_scikit_learn(self, bins, seed):
        x, levels = samples(seed=seed)
        found = mutual_information(x, levels, bins)
        assert found.shape == (5, 3)
        assert_allclose(found, plain_mutual_information(x, levels, bins), atol=1e-12)

    def test_of_a_factor_with_itself_is_its_entropy(self):
        levels, _ = codes()
        found = mutual_information(levels, levels)
        assert_allclose(
            found.diagonal(), [entropy(np.bincount(column)) for column in levels.T], rtol=1e-12
        )

    def test_twenty_bins_by_default(self):
        x, levels = samples()
        assert_allclose(mutual_information(x, levels), mutual_information(x, levels, 20), rtol=0)
        assert np.abs(mutual_information(x, levels) - mutual_information(x, levels, 19)).max() > 0

    def test_a_constant_unit_knows_nothing(self):
        x, levels = samples()
        x[:, 1] = 0.1  # not a sum of powers of two
        for size in range(30, 600, 30):
            found = mutual_information(x[:size], levels[:size])[1]
            assert_allclose(found, 0, atol=1e-12)
            assert (found >= 0).all()

    @given(seeds)
    def test_depends_neither_on_scale_nor_on_order_nor_on_names_of_levels(self, seed):
        x, levels = samples(seed=seed)
        found = mutual_information(x, levels)
        rng = np.random.default_rng(seed)
        for other in (x * 2.0 ** rng.integers(-600, 600, 5), x.astype(np.longdouble)):
            assert_allclose(mutual_information(other, levels), found, rtol=1e-10, atol=1e-12)
        rows, units = rng.permutation(len(x)), rng.permutation(5)
        shuffled = mutual_information(x[rows][:, units], 7 - 3 * levels[rows])
        assert_allclose(shuffled, found[units], rtol=1e-10, atol=1e-12)
        heights = [entropy(np.bincount(column)) for column in levels.T]
        assert (found >= 0).all()
        assert (found <= np.array(heights) + 1e-12).all()

    def test_takes_tensors(self):
        x, levels = samples()
        found = mutual_information(torch.from_numpy(x), torch.from_numpy(levels))
        assert_allclose(found, mutual_information(x, levels), rtol=0)


class TestGap:
    def test_by_hand(self):
        x, levels = samples()
        table = plain_mutual_information(x, levels, 20)
        gaps = []
        for f in range(3):
            second, first = sorted(table[:, f])[-2:]
            gaps.append((first - second) / mutual_info_score(levels[:, f], levels[:, f]))
        found = mutual_information_gap(x, levels)
        assert_allclose(found.by_factor, gaps, rtol=1e-9)
        assert found.mean == pytest.approx(sum(gaps) / 3, rel=1e-9)

    def test_is_one_for_the_factors_themselves(self):
        # all combinations once each: not even by chance does a unit know of another's factor
        levels = np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3)
        found = mutual_information_gap(levels @ np.diag([3.0, -0.2, 7])[:, [2, 0, 1]], levels)
        assert_allclose(found.by_factor, 1, rtol=1e-12)

    def test_is_zero_when_two_units_know_as_much(self):
        levels, x = codes()
        assert mutual_information_gap(np.repeat(x, 2, 1), levels).mean == pytest.approx(0)

    def test_a_dead_unit_changes_nothing(self):
        x, levels = samples()
        with_dead = np.concatenate([x, np.full((len(x), 1), 0.3)], 1)
        assert_allclose(
            mutual_information_gap(with_dead, levels).by_factor,
            mutual_information_gap(x, levels).by_factor,
            rtol=1e-12,
        )


class TestRotations:
    def test_of_copies_of_one_unit_have_no_gap(self):
        levels, x = codes()
        copies = x[:, :1] + np.random.default_rng(0).standard_normal((600, 1))
        found = rotated_mig(np.repeat(copies, 4, 1), levels, 20, 0)
        assert found.shape == (20,)
        # all units are multiples of one; at the edges of bins, rounding and sign decide
        assert (found < 0.03).all()
        assert mutual_information_gap(x, levels).mean > 0.9

    def test_are_spread_evenly_over_the_circle(self):
        """Two units: MIG over all angles, of features standardised by hand."""
        x, levels = samples(300, 2, 2)
        z = (x - x.mean(0)) / x.std(0)
        angles = np.linspace(0, 2 * np.pi, 721)[:-1]
        circle = [
            mutual_information_gap(z @ [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], levels)
            for a in angles
        ]
        expected = np.array([gap.mean for gap in circle])
        found = rotated_mig(x, levels, 800, 1)
        error = expected.std() / np.sqrt(800)
        assert abs(found.mean() - expected.mean()) < 4 * error < 0.1 * expected.mean()
        quantiles = [0.1, 0.5, 0.9]
        assert_allclose(
            np.quantile(found, quantiles), np.quantile(expected, quantiles), atol=6 * error
        )

    def test_lie_far_below_features_that_are_aligned_with_factors(self):
        levels, x = codes()
        found = rotated_mig(x, levels, 50, 0)
        assert mutual_information_gap(x, levels).mean > 2 * np.percentile(found, 95)

    def test_of_rotated_features_are_like_any_other(self):
        """White features: whether they were rotated before makes no difference on average."""
        rng = np.random.default_rng(0)
        levels = rng.integers(0, 3, (400, 3))
        x = rng.standard_normal((400, 3))
        x[:, 0] += 2 * levels[:, 0]
        values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
        white = (x - x.mean(0)) @ vectors / np.sqrt(values)
        turned = white @ ortho_group.rvs(3, random_state=1)
        one, other = rotated_mig(white, levels, 600, 0), rotated_mig(turned, levels, 600, 1)
        error = np.hypot(one.std(), other.std()) / np.sqrt(600)
        assert abs(one.mean() - other.mean()) < 4 * error < 0.2 * one.mean()

    def test_depend_on_the_seed_and_not_on_scales(self):
        x, levels = samples()
        found = rotated_mig(x, levels, 5, 3)
        assert_allclose(rotated_mig(x, levels, 5, 3), found, rtol=0)
        assert (rotated_mig(x, levels, 5, 4) != found).all()
        assert len(set(found)) == 5
        powers = 2.0 ** np.arange(-400, 600, 200)  # squares of such units are not numbers any more
        assert_allclose(rotated_mig(x * powers, levels, 5, 3), found, rtol=0)

    def test_a_constant_unit_stays_out(self):
        """Its place gets a mixture of the others."""
        x, levels = samples()
        dead = np.concatenate([x, np.full((600, 1), 0.1)], 1)
        rotation = ortho_group.rvs(6, random_state=np.random.default_rng(0))
        z = np.concatenate([(x - x.mean(0)) / x.std(0), np.zeros((600, 1))], 1)
        expected = mutual_information_gap(z @ rotation, levels).mean
        assert_allclose(rotated_mig(dead, levels, 1, 0), expected, rtol=1e-9)


class TestDCI:
    def test_scores_follow_from_importances(self):
        x, levels = samples()
        found = dci(x, levels)
        shares = found.importance
        assert shares.shape == (5, 3)
        assert_allclose(shares.sum(0), 1)
        per_unit = [1 - entropy(row, base=3) for row in shares]
        weights = shares.sum(1) / shares.sum()
        assert found.disentanglement == pytest.approx(sum(weights * per_unit))
        per_factor = [1 - entropy(column, base=5) for column in shares.T]
        assert found.completeness == pytest.approx(np.mean(per_factor))

    def test_of_a_code_with_a_unit_for_every_factor(self):
        levels, x = codes()
        found = dci(x, levels)
        assert found.disentanglement > 0.95
        assert found.completeness > 0.95
        assert found.informativeness == 1
        assert_allclose(found.importance, np.eye(4)[::-1], atol=0.05)

    def test_of_a_rotated_code(self):
        levels, x = codes()
        turned = (x / x.std(0)) @ ortho_group.rvs(4, random_state=0)
        found = dci(turned, levels)
        assert found.disentanglement < 0.5
        assert found.completeness < 0.5
        assert found.informativeness > 0.35  # of five levels

    def test_disentangled_and_complete_are_different_things(self):
        levels, _ = codes()
        noise = np.random.default_rng(0).standard_normal((600, 4))
        # two noisy units for each factor: every unit serves one factor, no factor has one unit
        apart = dci(levels[:, [0, 0, 1, 1]] + noise, levels[:, :2])
        assert apart.disentanglement > apart.completeness + 0.2
        # one unit for two factors, and one unit that knows nothing
        both = np.stack([levels[:, 0] + 5 * levels[:, 1], noise[:, 0]], 1)
        mixed = dci(both, levels[:, :2])
        assert mixed.completeness > 0.8
        assert mixed.disentanglement < 0.1

    def test_accuracy_is_that_of_samples_held_out(self):
        rng = np.random.default_rng(0)
        found = dci(rng.standard_normal((2000, 3)), rng.integers(0, 4, (2000, 2)))
        # 800 predictions at chance: standard error 0.015
        assert found.informativeness == pytest.approx(0.25, abs=0.06)

    def test_units_and_factors_without_importance(self):
        levels, x = codes()
        dead = dci(np.concatenate([x, np.full((600, 1), 0.1)], 1), levels)
        assert (dead.importance[-1] == 0).all()
        assert dead.disentanglement > 0.95
        silent = dci(np.full((600, 3), 0.1), levels)
        assert (silent.importance == 0).all()
        assert_allclose(silent[:2], 0, atol=1e-12)
        assert silent.informativeness < 0.4

    def test_a_seed_repeats(self):
        x, levels = samples()
        first, again, other = (dci(x, levels, seed) for seed in (2**62, 2**62, 1))
        assert first[:3] == again[:3]
        assert_allclose(first.importance, again.importance, rtol=0)
        assert np.abs(first.importance - other.importance).max() > 0


class TestAuroc:
    @given(seeds, st.sampled_from([1, 3, 1000]))
    def test_equals_that_of_scikit_learn(self, seed, distinct):
        rng = np.random.default_rng(seed)
        labels = np.concatenate([np.arange(4), rng.integers(0, 4, 56)])
        x = np.round(distinct * rng.random((60, 3)) + labels[:, None] % 2) - distinct  # ties
        expected = [
            max(roc_auc_score(labels == c, sign * unit) for c in range(4) for sign in (1, -1))
            for unit in x.T
        ]
        assert_allclose(class_auroc(x, 3 * labels - 2), expected, rtol=1e-12)

    def test_of_perfect_inverted_and_dead_units(self):
        labels = np.repeat([0, 1, 2], 20)
        x = np.stack([labels == 2, -1.0 * (labels == 1), np.full(60, 0.1)], 1)
        assert class_auroc(x, labels).tolist() == [1, 1, 0.5]

    def test_of_overlapping_classes_by_hand(self):
        # of the four pairs of a sample outside and one inside three are in order and one is a tie
        assert class_auroc([[0.0], [1], [1], [2]], [0, 0, 1, 1]) == 3.5 / 4

    def test_a_class_between_others_cannot_be_told(self):
        """Four classes along a line, outer ones mixed: the best cut is between the two halves."""
        labels = np.repeat([0, 1, 2, 3], 20)
        x = np.array([-3.0, -1, 1, 3])[labels] * np.tile([1, 1, 1, -1], 20)
        expected = max(roc_auc_score(labels == c, s * x) for c in range(4) for s in (1, -1))
        assert 0.5 < expected < 1
        assert class_auroc(x[:, None], labels) == pytest.approx(expected)


class TestErrors:
    @pytest.mark.parametrize("measure", [mutual_information, mutual_information_gap, dci])
    def test_refuse_what_cannot_be_measured(self, measure):
        x, levels = samples(50)
        with pytest.raises(ValueError, match="same samples"):
            measure(x[1:], levels)
        with pytest.raises(ValueError, match="same samples"):
            measure(x, levels[:, 0])
        with pytest.raises(ValueError, match="units and 0 factors"):
            measure(x, levels[:, :0])
        with pytest.raises(ValueError, match="integers"):
            measure(x, levels * 1.0)
        one_level = levels.copy()
        one_level[:, 1] = 4
        with pytest.raises(ValueError, match="column 1 has fewer than two levels"):
            measure(x, one_level)
        with pytest.raises(ValueError, match="fewer than two levels"):
            measure(x[:0], levels[:0])
        for damage in (np.nan, np.inf):
            x[3, 1] = damage
            with pytest.raises(ValueError, match="finite"):
                measure(x, levels)

    @pytest.mark.parametrize("measure", [mutual_information_gap, rotated_mig, dci])
    def test_one_unit_has_no_second(self, measure):
        x, levels = samples(50)
        with pytest.raises(ValueError, match="got 1 units"):
            measure(x[:, :1], levels)

    def test_numbers_out_of_range(self):
        x, levels = samples(50)
        with pytest.raises(ValueError, match="bins=1"):
            mutual_information(x, levels, 1)
        with pytest.raises(ValueError, match="rotations=0"):
            rotated_mig(x, levels, 0)
        with pytest.raises(ValueError, match="at least two"):
            dci(x, levels[:, :1])

    def test_auroc(self):
        x, levels = samples(50)
        with pytest.raises(ValueError, match=r"labels need shape \(N,\)"):
            class_auroc(x, levels)
        with pytest.raises(ValueError, match="fewer than two levels or classes"):
            class_auroc(x, np.zeros(50, dtype=int))
        with pytest.raises(ValueError, match="same samples"):
            class_auroc(x[1:], levels[:, 0])
        with pytest.raises(ValueError, match="integers"):
            class_auroc(x, levels[:, 0] == 1)
