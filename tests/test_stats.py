"""Intervals against SciPy and hand computation, and every degenerate sample."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from infomax_lib.stats import (
    Interval,
    by_seed,
    format_exact,
    format_number,
    holm,
    image_error,
    limits_of_skewed,
    matches,
    mean_interval,
    paired_differences,
    rank_correlation,
    sign_flip_p,
    spearman_trend,
    where,
    with_images_drawn,
)

SAMPLE = np.random.default_rng(7).gamma(2.0, size=20)


def test_interval_is_students():
    low, high = scipy_stats.t.interval(
        0.95, len(SAMPLE) - 1, loc=SAMPLE.mean(), scale=scipy_stats.sem(SAMPLE)
    )
    ours = mean_interval(SAMPLE)
    assert (ours.low, ours.high) == pytest.approx((low, high), rel=1e-12)
    assert ours.mean == pytest.approx(SAMPLE.mean())
    assert ours.n == 20


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e200])
def test_interval_scales_with_the_sample(scale):
    ours, scaled = mean_interval(SAMPLE), mean_interval(SAMPLE * scale)
    assert (scaled.low / scale, scaled.high / scale) == pytest.approx((ours.low, ours.high))


def test_interval_does_not_depend_on_order_or_call():
    first = mean_interval(SAMPLE)
    shuffled = mean_interval(np.random.default_rng(1).permutation(SAMPLE))
    assert (shuffled.low, shuffled.high) == (first.low, first.high)
    assert mean_interval(SAMPLE) == first


def test_interval_covers_the_mean_of_most_samples():
    rng = np.random.default_rng(3)
    for n in (5, 10, 20):
        intervals = [mean_interval(sample) for sample in rng.normal(1.0, 1.0, (2000, n))]
        covered = np.mean([interval.low <= 1.0 <= interval.high for interval in intervals])
        assert 0.935 <= covered <= 0.965


def test_no_value():
    interval = mean_interval([])
    assert interval.n == 0
    assert math.isnan(interval.mean)
    assert str(interval) == "not measured"


def test_one_value_has_no_interval():
    interval = mean_interval([2.5])
    assert (interval.mean, interval.n) == (2.5, 1)
    assert math.isnan(interval.low)
    assert str(interval) == "2.5 (one run)"


@pytest.mark.parametrize("value", [0.0, -3.0, 0.1, 1e300])
def test_equal_values_have_width_zero(value):
    interval = mean_interval([value] * 5)
    assert interval.low == interval.high == pytest.approx(value)


def test_values_equal_up_to_rounding_are_equal():
    interval = mean_interval([0.1 + 0.2, 0.3, 0.3])
    assert interval.low == interval.high


def test_values_not_finite_are_dropped_and_counted():
    interval = mean_interval([1.0, 2.0, math.nan, 3.0, math.inf])
    assert (interval.n, interval.dropped) == (3, 2)
    assert interval.mean == pytest.approx(2.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12))
def test_interval_lies_around_the_mean(values):
    interval = mean_interval(values)
    slack = 1e-9 * (1 + max(abs(v) for v in values))
    assert interval.mean == pytest.approx(np.mean(values), abs=slack)
    assert interval.mean - interval.low == pytest.approx(interval.high - interval.mean, abs=slack)
    assert interval.low <= interval.mean <= interval.high


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(2.8512, 2.7911, 2.9104, 20), "2.85 [2.79, 2.91]"),
        (Interval(-202.07, -203.4, -200.9, 20), "−202.1 [−203.4, −200.9]"),
        (Interval(0.00043, 0.00041, 0.00046, 20), "0.000430 [0.000410, 0.000460]"),
        (Interval(-0.0001, -0.06, 0.06, 20), "0.00 [−0.06, 0.06]"),
        (Interval(0.0, 0.0, 0.0, 5), "0 [0, 0]"),
        (Interval(12345.0, 12000.0, 12700.0, 5), "12345 [12000, 12700]"),
    ],
)
def test_interval_prints_the_digits_it_knows(interval, text):
    assert str(interval) == text


def test_scaling_by_a_negative_factor_keeps_the_order():
    scaled = Interval(1.0, 0.5, 2.0, 5).scaled(-100)
    assert (scaled.mean, scaled.low, scaled.high) == (-100, -200, -50)


@pytest.mark.parametrize("factor", [100, -100])
def test_scaling_keeps_the_values(factor):
    interval = mean_interval([3.0, 1.0, math.nan, 2.0])
    assert interval.sample == (1.0, 2.0, 3.0)
    scaled = interval.scaled(factor)
    assert scaled.sample == tuple(sorted(factor * value for value in (1.0, 2.0, 3.0)))
    again = mean_interval(scaled.sample)
    assert (again.mean, again.low, again.high) == pytest.approx(
        (scaled.mean, scaled.low, scaled.high)
    )
    assert (scaled.n, scaled.dropped) == (3, 1)


def test_values_are_not_shown_and_not_compared():
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval == Interval(interval.mean, interval.low, interval.high, 3)
    assert "sample" not in repr(interval)
    assert mean_interval([2.0, 2.0]).sample == (2.0, 2.0)
    assert mean_interval([2.0]).sample == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (-1.5, "−1.5"), (0.30612, "0.306"), (123456.0, "123456")],
)
def test_numbers_for_reading(value, text):
    assert format_number(value) == text


def table():
    rows = [
        {"seed": s, "competition": c, "batch_size": b, "redundancy": value}
        for s in range(3)
        for c, b, value in (
            ("none", 128, 1.0 + s),
            ("softmax", 128, 3.0 + 2 * s),
            ("none", "full", 9.0),
        )
    ]
    return pd.DataFrame(rows)


SOFTMAX = {"competition": "softmax"}
NONE = {"competition": "none", "batch_size": 128}


def gaps(t):
    return paired_differences(by_seed(t, "redundancy", SOFTMAX), by_seed(t, "redundancy", NONE))


def test_paired_differences_by_hand():
    assert gaps(table()).to_dict() == {0: 2.0, 1: 3.0, 2: 4.0}
    assert mean_interval(gaps(table())).mean == pytest.approx(3.0)


def test_pairs_are_made_by_seed_not_by_row():
    shuffled = table().sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(gaps(shuffled), gaps(table()))


def test_only_shared_seeds_are_paired():
    t = table()
    t = t[~((t["seed"] == 0) & (t["competition"] == "softmax"))]
    assert gaps(t).to_dict() == {1: 3.0, 2: 4.0}


def test_ambiguous_condition_is_refused():
    with pytest.raises(ValueError, match="batch_size"):
        by_seed(table(), "redundancy", {"competition": "none"})


def test_no_shared_seed_is_refused():
    t = table()
    t.loc[t["competition"] == "softmax", "seed"] += 100
    with pytest.raises(ValueError, match="share no seed"):
        gaps(t)


def test_unknown_column_is_named():
    with pytest.raises(KeyError, match="lambda_tx"):
        where(table(), {"lambda_tx": 1})


def test_matching_of_types():
    mixed = pd.Series(["128", "full", 128, 64], dtype=object)
    assert matches(mixed, 128).tolist() == [True, False, True, False]
    assert matches(mixed, "full").tolist() == [False, True, False, False]
    assert matches(mixed, ["full", 64]).tolist() == [False, True, False, True]
    assert matches(pd.Series([True, False]), False).tolist() == [False, True]
    assert matches(pd.Series([0.1 + 0.2, 0.0]), 0.3).tolist() == [True, False]


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made monotone: .04 .06 .06 .06.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


@pytest.mark.parametrize("bad", [[0.1, math.nan], [1.2], [-0.1]])
def test_holm_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match="p values"):
        holm(bad)


def test_sign_flip_by_enumeration():
    # |mean| ≥ 2 of ±1 ±2 ±3 happens for the signs +++ and --- only.
    assert sign_flip_p([1.0, 2.0, 3.0]) == pytest.approx(2 / 8)
    assert sign_flip_p([1.0, -1.0]) == 1.0
    assert math.isnan(sign_flip_p([math.nan]))


def test_sign_flip_of_many_seeds():
    rng = np.random.default_rng(0)
    assert sign_flip_p(1 + 0.1 * rng.normal(size=20)) == pytest.approx(1e-4)
    assert sign_flip_p(rng.normal(size=20)) > 0.05


def test_spearman_trend_over_seeds():
    rows = [
        {"seed": s, "x": x, "up": x**3 + s, "mixed": -x if s else x, "flat": 1.0}
        for s in range(2)
        for x in range(5)
    ]
    t = pd.DataFrame(rows)
    assert spearman_trend(t, "x", "up").mean == pytest.approx(1.0)
    assert spearman_trend(t, "x", "mixed").mean == pytest.approx(0.0)
    assert spearman_trend(t, "x", "flat").mean == 0.0
    assert spearman_trend(t[t["x"] < 2], "x", "up").dropped == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-4e-16, "0"), (1e-9, "0"), (1.1e-9, "1.1e−09"), (0.25, "0.25"), (-3, "−3")],
)
def test_what_rounding_leaves_of_zero_is_shown_as_zero(value, shown):
    assert format_exact(value) == shown


class TestRankCorrelation:
    @pytest.mark.parametrize("n", [10, 25, 60])
    @pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
    def test_interval_covers_that_of_normal_pairs(self, rho, n):
        rng = np.random.default_rng(round(100 * rho) + n)
        true = 6 / math.pi * math.asin(rho / 2)  # Spearman's of a bivariate normal
        first, noise = rng.normal(size=(2, 1000, n))
        second = rho * first + math.sqrt(1 - rho**2) * noise
        found = [rank_correlation(x, y) for x, y in zip(first, second, strict=True)]
        covered = np.mean([interval.low <= true <= interval.high for interval in found])
        assert covered == pytest.approx(0.95, abs=0.025)

    def test_is_scipys(self):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(2, 30))
        found = rank_correlation(x, x + y)
        assert found.mean == pytest.approx(scipy_stats.spearmanr(x, x + y).statistic)
        assert -1 <= found.low < found.mean < found.high <= 1
        assert found.n == 30
        assert found.sample == ()

    def test_interval_by_hand(self):
        # One swap of neighbours among four pairs of ten: 1 - 6 * 8 / (10 * 99).
        swapped = [1, 0, 3, 2, 5, 4, 7, 6, 8, 9]
        rho = 1 - 48 / 990
        half = 1.959964 * math.sqrt((1 + rho**2 / 2) / 7)
        found = rank_correlation(range(10), swapped)
        assert (found.mean, found.low, found.high) == pytest.approx(
            (rho, math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)), abs=1e-6
        )

    def test_of_ranks_alone(self):
        x = np.arange(1.0, 9.0)
        y = np.array([2.0, 1, 4, 3, 6, 5, 8, 7])
        expected = rank_correlation(x, y)
        assert rank_correlation(np.exp(x), y**3) == expected
        turned = rank_correlation(x, -y)
        assert (turned.mean, turned.low, turned.high) == pytest.approx(
            (-expected.mean, -expected.high, -expected.low)
        )

    def test_that_is_perfect_is_narrow_and_finite(self):
        found = rank_correlation(range(10), range(10))
        assert found.mean == pytest.approx(1)
        assert 0.99 < found.low <= found.high <= 1

    def test_of_few_or_constant_pairs(self):
        three = rank_correlation([1, 2, 3, math.nan], [1, 2, 4, 5])
        assert (three.mean, three.n, three.dropped) == (pytest.approx(1), 3, 1)
        assert math.isnan(three.low)
        assert math.isfinite(rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]).low)
        constant = rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
        assert math.isnan(constant.mean)
        assert constant.n == 0
        with pytest.raises(ValueError, match="needs pairs: got 2 and 3 values"):
            rank_correlation([1, 2], [1, 2, 3])


class TestLimitsOfSkewed:
    def test_of_symmetric_values_are_students(self):
        values = np.array([-3.0, -1.0, -0.5, 0.5, 1.0, 3.0])
        student_s = mean_interval(values)
        assert limits_of_skewed(values) == pytest.approx((student_s.low, student_s.high), abs=1e-5)

    def test_solve_halls_equation(self):
        values = np.random.default_rng(0).gamma(1.0, size=(3, 12))
        for sample, *limits in zip(values, *limits_of_skewed(values), strict=True):
            spread = sample.std(ddof=1)
            skewness = np.mean((sample - sample.mean()) ** 3) / spread**3
            for limit, t in zip(limits, scipy_stats.t.ppf([0.975, 0.025], 11), strict=True):
                s = (sample.mean() - limit) / spread
                bent = s + skewness * s**2 / 3 + skewness**2 * s**3 / 27 + skewness / (6 * 12)
                assert np.sqrt(12) * bent == pytest.approx(t)

    def test_hold_the_mean_of_skewed_values_more_often_than_students(self):
        values = np.random.default_rng(1).gamma(1.0, size=(4000, 10))
        low, high = limits_of_skewed(values)
        held = np.mean((low <= 1) & (high >= 1))
        assert held > 0.925 > np.mean([i.low <= 1 <= i.high for i in map(mean_interval, values)])


class TestImagesDrawn:
    """Two methods and several seeds on the same test images, which are drawn anew each time."""

    IMAGES, SEEDS, DRAWS = 400, 5, 600

    def coverage(self, hard, easy, varied):
        """Share of intervals over seeds, and of the wider ones, that hold the difference of means.

        An image is hard or easy for both methods, and each of them gets it right with the chance
        that its kind has; of a share ``varied`` of the images every seed has an answer of its own.
        """
        rng, true = np.random.default_rng(0), (hard[0] + easy[0] - hard[1] - easy[1]) / 2
        seeds_only, wider = 0, 0
        for _ in range(self.DRAWS):
            is_hard = rng.random(self.IMAGES) < 0.5
            chance = np.where(is_hard[:, None], hard, easy)  # (images, methods)
            shared = rng.random(chance.shape) < chance
            own = rng.random((self.SEEDS, *chance.shape)) < chance
            right = np.where(rng.random((self.SEEDS, self.IMAGES, 1)) < varied, own, shared)
            accuracy = right.mean(1)
            interval = mean_interval(accuracy[:, 0] - accuracy[:, 1])
            error = image_error(*accuracy.mean(0), images=self.IMAGES)
            drawn = with_images_drawn(interval, error)
            seeds_only += interval.low <= true <= interval.high
            wider += drawn.low <= true <= drawn.high
        return seeds_only / self.DRAWS, wider / self.DRAWS

    def test_covers_where_the_bound_is_met(self):
        """Seeds that agree, and methods whose errors have nothing to do with each other."""
        seeds_only, wider = self.coverage((0.8, 0.7), (0.8, 0.7), varied=0.0)
        assert seeds_only < 0.2
        assert wider == pytest.approx(0.95, abs=0.02)

    @pytest.mark.parametrize("varied", [0.05, 1.0])
    def test_covers_more_where_images_are_hard_for_both_or_seeds_differ(self, varied):
        _, wider = self.coverage((0.6, 0.5), (1.0, 0.95), varied)
        assert wider > 0.95

    def test_error_is_that_of_discordant_images(self):
        first, second, images = 0.9, 0.7, 1000
        discordant = 0.9 * 0.3 + 0.1 * 0.7
        variance = (discordant - 0.2**2) / images
        assert image_error(first, second, images=images) == pytest.approx(math.sqrt(variance))
        assert image_error(0.8, images=10_000) == pytest.approx(0.004)

    def test_half_widths_add_in_squares_and_say_what_seeds_leave(self):
        drawn = with_images_drawn(Interval(0.5, 0.2, 0.8, 5), 0.4 / 1.959964)
        assert (drawn.low, drawn.high) == pytest.approx((0.0, 1.0), abs=1e-6)
        assert drawn.scaled(-100).images == pytest.approx(40)
        assert drawn.sample == ()
        assert math.isnan(with_images_drawn(mean_interval([0.5]), 0.1).low)
