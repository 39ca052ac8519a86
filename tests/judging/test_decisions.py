"""What an interval decides, for which bars that stands, and how often chance alone decides so."""

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from infomax_lib.stats import Interval, mean_interval
from paper.judging.claims import decided
from paper.judging.decisions import Decision, Outcome, Share

OPEN = ("at threshold", "underpowered")
MIRRORED = {"above": "below", "below": "above", "within": "within", "beyond": "beyond"}


def decision(low, high, side, bar, smallest=1.0, neutral=None, n=20):
    return Decision(Interval((low + high) / 2, low, high, n), side, bar, smallest, neutral)


def outcome(low, high, side, bar, smallest=1.0, neutral=None):
    return decision(low, high, side, bar, smallest, neutral).outcome


# --------------------------------------------------------------------------------- what comes out

ABOVE_FIVE = [
    (5.1, 9, "holds"),
    (5, 9, "underpowered"),  # a limit on the bar has not passed it
    (4.2, 5.8, "at threshold"),
    (4, 6, "at threshold"),
    (4, 6.1, "underpowered"),
    (3.9, 6, "underpowered"),
    (-9, 9, "underpowered"),
    (4, 5, "fails"),
    (4.8, 4.9, "fails"),
    (-9, 2, "fails"),
    (-9, -2, "fails"),
]
#: The bar is 5, and without effect the value is 0: between them a claim fails, below 0 the
#: opposite of it is seen.
ABOVE_FIVE_FROM_ZERO = [
    *((low, high, found) for low, high, found in ABOVE_FIVE if high != -2),
    (-9, -2, "opposite"),
    (-0.2, -0.1, "opposite"),
    (-9, 0, "fails"),
    (-0.5, 0.5, "fails"),
]
#: Any effect counts that is at least 1: a measured zero fails, and so does an effect that is seen
#: and small.
ANY_ABOVE = [
    (0.1, 1.0, "holds"),
    (2, 3, "holds"),
    (0.1, 0.9, "fails"),
    (-0.9, 0.9, "fails"),
    (0, 0, "fails"),
    (-0.9, -0.1, "fails"),
    (-1.0, 0, "fails"),
    (-1.0, -0.1, "opposite"),
    (-3, -2, "opposite"),
    (-1.0, 1.0, "at threshold"),
    (-1.0, 0.9, "at threshold"),
    (-1.1, 0.9, "underpowered"),
    (-0.9, 1.1, "underpowered"),
    (0, 1.1, "underpowered"),
]
WITHIN_FIVE = [
    (-5, 5, "holds"),
    (-1, 1, "holds"),
    (4, 5, "holds"),
    (5.1, 9, "opposite"),
    (-9, -5.1, "opposite"),
    (5, 9, "underpowered"),
    (4, 6, "at threshold"),
    (-6, -4, "at threshold"),
    (4, 6.1, "underpowered"),
    (-6.1, -4, "underpowered"),
    (-6, -3.9, "underpowered"),
    (-9, 9, "underpowered"),
]
BEYOND_FIVE = [
    (low, high, {"holds": "fails", "opposite": "holds"}.get(found, found))
    for low, high, found in WITHIN_FIVE
]


class TestOutcome:
    @pytest.mark.parametrize(("low", "high", "expected"), ABOVE_FIVE)
    def test_above_a_bar(self, low, high, expected):
        assert outcome(low, high, "above", 5) == expected

    @pytest.mark.parametrize(("low", "high", "expected"), ABOVE_FIVE_FROM_ZERO)
    def test_above_a_bar_beyond_no_effect(self, low, high, expected):
        assert outcome(low, high, "above", 5, neutral=0) == expected

    @pytest.mark.parametrize(("low", "high", "expected"), ANY_ABOVE)
    @pytest.mark.parametrize("neutral", [0, 1])
    def test_of_any_effect(self, neutral, low, high, expected):
        shifted = (low + neutral, high + neutral)
        assert outcome(*shifted, "above", neutral, neutral=neutral) == expected

    @pytest.mark.parametrize(("low", "high", "expected"), WITHIN_FIVE)
    def test_within_a_margin(self, low, high, expected):
        assert outcome(low, high, "within", 5) == expected

    @pytest.mark.parametrize(("low", "high", "expected"), BEYOND_FIVE)
    def test_beyond_a_margin(self, low, high, expected):
        assert outcome(low, high, "beyond", 5) == expected

    @pytest.mark.parametrize("side", MIRRORED)
    @pytest.mark.parametrize(("low", "high"), [(math.nan, math.nan), (1, math.inf)])
    def test_without_an_interval_is_not_measured(self, side, low, high):
        found = decision(low, high, side, 5)
        assert (found.outcome, found.stands_for) == ("not measured", "")

    def test_has_a_name_and_there_are_no_others(self):
        tables = (ABOVE_FIVE_FROM_ZERO, WITHIN_FIVE)
        found = {found for table in tables for *_, found in table}
        assert set(get_args(Outcome)) == found | {"not measured", "proved", "disproved"}

    def test_bar_of_no_effect_counts_any_effect_only_where_it_is_named(self):
        assert outcome(0.1, 0.9, "above", 0) == "holds"
        assert outcome(0.1, 0.9, "above", 0, neutral=0) == "fails"


hundredths = st.integers(-999, 999)
intervals = st.tuples(hundredths, hundredths).map(lambda pair: tuple(n / 100 for n in sorted(pair)))
bars = hundredths.map(lambda n: n / 100)
sizes = st.integers(1, 999).map(lambda n: n / 100)
sides = st.sampled_from(list(MIRRORED))
neutrals = st.none() | bars


@given(intervals, sides, bars, sizes, neutrals, st.booleans())
def test_sides_are_mirrors_of_each_other(interval, side, bar, smallest, neutral, any_effect):
    low, high = interval
    if side in ("within", "beyond"):
        assume(bar > 0)
        mirrored_bar, neutral = bar, None
    else:
        neutral = bar if any_effect else neutral
        mirrored_bar = -bar
    mirrored_neutral = None if neutral is None else -neutral
    there = decision(low, high, side, bar, smallest, neutral)
    back = decision(-high, -low, MIRRORED[side], mirrored_bar, smallest, mirrored_neutral)
    assert there.outcome == back.outcome
    assert there.seeds_to_decide == back.seeds_to_decide


# ------------------------------------------------------------------------------ what it stands for


def named_range(text):
    """Limits of "below 3", "above 3", "from 3" and "1 to 3"."""
    text = text.replace("−", "-")
    if " to " in text:
        low, high = text.split(" to ")
        return float(low), float(high)
    word, value = text.rsplit(" ", 1)
    return {
        "below": (-math.inf, float(value)),
        "above": (float(value), math.inf),
        "from": (float(value), math.inf),
    }[word]


def kind(found):
    """Which of the two open outcomes it is depends on the smallest effect of interest too."""
    return "open" if found in OPEN else found


@given(intervals, sides, bars, sizes, neutrals, bars)
def test_the_range_of_bars_is_where_the_outcome_stays(
    interval, side, bar, smallest, neutral, moved
):
    low, high = interval
    if side in ("within", "beyond"):
        assume(bar > 0 and moved > 0)
        neutral = None
    assume(neutral is None or neutral not in (bar, moved))
    here = decision(low, high, side, bar, smallest, neutral)
    start, end = named_range(here.stands_for)
    assume(moved not in (start, end))
    there = decision(low, high, side, moved, smallest, neutral)
    assert start <= bar <= end
    assert (kind(there.outcome) == kind(here.outcome)) == (start < moved < end)


@given(intervals, st.sampled_from(["above", "below"]), bars, sizes, sizes)
def test_an_effect_that_is_too_small_stands_for_larger_smallest_effects(
    interval, side, bar, smallest, moved
):
    low, high = interval[0] / 10, interval[1] / 10
    here = decision(bar + low, bar + high, side, bar, smallest, bar)
    reach = max(abs(low), abs(high))
    # beside the limit, where the sum of bar and effect is rounded
    assume(min(abs(reach - moved), abs(reach - smallest)) > 1e-3)
    assume(reach < smallest)
    assert here.outcome == "fails"
    words, _, value = here.stands_for.rpartition(" ")
    assert words == "smallest effects above"
    assert float(value) == pytest.approx(reach, abs=1e-3)
    there = decision(bar + low, bar + high, side, bar, moved, bar)
    if moved > reach:
        assert there.outcome == "fails"
    else:
        assert there.stands_for.split()[0] != "smallest"


@pytest.mark.parametrize(
    ("side", "bar", "neutral", "expected"),
    [
        ("above", 1, None, "below 2"),
        ("above", 2, None, "2 to 3"),
        ("above", 2.5, None, "2 to 3"),
        ("above", 3, None, "above 3"),
        ("above", 4, None, "above 3"),
        ("below", 1, None, "below 2"),
        ("below", 2, None, "below 2"),
        ("below", 3, None, "2 to 3"),
        ("below", 4, None, "above 3"),
        ("within", 1, None, "below 2"),
        ("within", 2.5, None, "2 to 3"),
        ("within", 3, None, "from 3"),
        ("beyond", 1, None, "below 2"),
        ("beyond", 4, None, "from 3"),
        ("above", 0, 0, "below 2"),
        ("below", 0, 0, "below 2"),
    ],
)
def test_the_range_in_words(side, bar, neutral, expected):
    assert decision(2, 3, side, bar, 1.0, neutral).stands_for == expected


def test_the_range_of_a_margin_around_zero():
    assert decision(-3, 1, "within", 2).stands_for == "0 to 3"
    assert decision(-3, 1, "within", 4).stands_for == "from 3"
    assert decision(-3, -1, "beyond", 0.5).stands_for == "below 1"


# --------------------------------------------------------------------------- how much it could see


@pytest.mark.parametrize("n", [5, 10, 20])
def test_four_of_five_experiments_see_the_least_detectable_effect(n):
    rng = np.random.default_rng(n)
    exact = stats.norm.ppf((np.arange(n) + 0.5) / n)
    sample = exact / exact.std(ddof=1)  # spread 1
    distance = Decision(mean_interval(sample), "above", 7.0, 0.1).least_detectable
    drawn = rng.normal(7.0 + distance, 1.0, (4000, n))
    seen = [Decision(mean_interval(x), "above", 7.0, 0.1).outcome == "holds" for x in drawn]
    lost = {5: 0.0, 10: 0.05, 20: 0.02}[n]
    assert np.mean(seen) == pytest.approx(0.8 - lost, abs=0.025)


def test_without_an_interval_no_effect_is_detectable():
    one = Decision(mean_interval([3.0]), "above", 0.0, 1.0)
    assert math.isnan(one.least_detectable)


def test_two_values_see_what_is_far_away():
    two = Decision(mean_interval([1.0, 3.0]), "above", 0.0, 1.0)  # their standard error is 1
    expected = stats.t.ppf(0.975, 1) + stats.t.ppf(0.8, 1)
    assert two.least_detectable == pytest.approx(expected)


@pytest.mark.parametrize(
    ("side", "bar", "smallest", "seeds"),
    [
        ("above", 6, 0.1, 80),  # half as far as the half-width: four times the seeds
        ("below", 6, 0.1, 80),
        ("above", 5, 0.5, 320),  # on the bar: until a quarter of the half-width
        ("above", 4.9, 0.5, 320),
        ("within", 6, 0.1, 80),
        ("beyond", 6, 0.1, 80),
        ("above", 9, 0.1, 5),
    ],
)
def test_seeds_that_would_decide(side, bar, smallest, seeds):
    assert decision(3, 7, side, bar, smallest).seeds_to_decide == seeds


def test_the_nearer_edge_of_a_margin_counts():
    assert decision(-7, -3, "within", 6, 0.1).seeds_to_decide == 80


@pytest.mark.parametrize(
    ("side", "distance"), [("above", 5), ("below", 5), ("within", 3), ("beyond", 3)]
)
def test_a_margin_has_two_edges_and_a_bar_has_one(side, distance):
    found = decision(-8, 6, side, 4, 0.1)  # around -1, and half as wide as 14
    assert found.seeds_to_decide == math.ceil(20 * (7 / distance) ** 2)


def test_seeds_narrow_the_interval_down_to_what_images_leave():
    def seeds(images):
        return Decision(Interval(5, 0, 10, 20, images=images), "above", 9, 0.1).seeds_to_decide

    assert seeds(0) == math.ceil(20 * 25 / 16)
    assert seeds(3) == math.ceil(20 * (25 - 9) / (16 - 9))
    assert seeds(4) is None
    only = decided("x", Decision(Interval(5, 0, 10, 20, images=4), "above", 9, 0.1))
    assert only.outcome == "underpowered"
    assert "more seeds alone would not decide" in only.text


# -------------------------------------------------------------------------------- chance alone


def simulated(found, sample):
    """Share of samples, drawn again around the bar, that hold: by its words, one at a time."""
    rng = np.random.default_rng(99)
    centred = np.asarray(sample) - np.mean(sample)
    held = 0
    for _ in range(2000):
        interval = mean_interval(found.bar + rng.choice(centred, len(centred)))
        moved = Decision(interval, found.side, found.bar, found.smallest, found.neutral)
        held += moved.outcome == "holds"
    return held / 2000


class TestFalseSupport:
    normal = stats.norm.ppf((np.arange(20) + 0.5) / 20)

    @pytest.mark.parametrize("side", MIRRORED)
    @pytest.mark.parametrize("n", [10, 20])
    def test_is_at_most_about_a_fortieth_for_normal_values(self, side, n):
        sample = stats.norm.ppf((np.arange(n) + 0.5) / n)
        found = Decision(mean_interval(sample), side, 6.0, 0.1)
        assert 0.01 < found.false_support() < (0.05 if n == 10 else 0.04)
        unknown = Interval(found.estimate.mean, found.estimate.low, found.estimate.high, n)
        assert 0.018 < Decision(unknown, side, 6.0, 0.1).false_support() < 0.033

    @pytest.mark.parametrize("side", MIRRORED)
    def test_is_that_of_a_simulation(self, side):
        sample = np.random.default_rng(5).lognormal(size=12)
        found = Decision(mean_interval(sample), side, 2.0, 0.5)
        assert found.false_support() == pytest.approx(simulated(found, sample), abs=0.02)

    @pytest.mark.parametrize("n", [10, 20])
    def test_skewed_values_decide_wrongly_less_often_than_by_students_interval(self, n):
        rng = np.random.default_rng(n)
        drawn = rng.gamma(1.0, size=(4000, n))  # skewness 2, mean 1
        found = [Decision(mean_interval(x), "below", 1.0, 0.1) for x in drawn]
        wrong = np.mean([each.outcome == "holds" for each in found])
        by_student = np.mean([each.estimate.high < 1.0 for each in found])
        assert wrong < 0.065 < by_student

    def test_of_skewed_values_depends_on_the_side(self):
        sample = np.random.default_rng(5).lognormal(sigma=1.5, size=12)
        above, below = (Decision(mean_interval(sample), s, 2.0, 0.5) for s in ("above", "below"))
        assert above.false_support() < 0.01 < 0.05 < below.false_support()

    @pytest.mark.parametrize("n", [5, 9, 10])
    def test_few_values_are_taken_as_normal(self, n):
        sample = np.random.default_rng(7).lognormal(sigma=2.0, size=n)
        interval = mean_interval(sample)
        known = Decision(interval, "below", 2.0, 0.5).false_support()
        unknown = Interval(interval.mean, interval.low, interval.high, n)
        normal = Decision(unknown, "below", 2.0, 0.5).false_support()
        assert normal == pytest.approx(0.025, abs=0.008)
        assert (known == normal) == (n < 10)

    def test_of_any_effect_leaves_out_those_that_are_too_small(self):
        interval = mean_interval(self.normal)
        any_size, large = (Decision(interval, "above", 0.0, s, 0.0) for s in (1e-6, 5.0))
        assert any_size.false_support() > 0.01
        assert large.false_support() == 0

    @pytest.mark.parametrize("sample", [[2.0] * 8, [2.0]])
    @pytest.mark.parametrize("side", MIRRORED)
    def test_of_values_without_spread_is_none(self, side, sample):
        assert Decision(mean_interval(sample), side, 1.0, 0.5).false_support() == 0

    def test_does_not_depend_on_unit_or_call(self):
        interval = mean_interval(self.normal + 3)
        found = Decision(interval, "above", 2.0, 0.1, 1.0)
        hundredfold = Decision(interval.scaled(100), "above", 200.0, 10.0, 100.0)
        assert found.false_support() == found.false_support() == hundredfold.false_support()


class TestSkewness:
    """One value far above nine others says little on how high the mean is."""

    sample = (*(-0.4 + 0.001 * n for n in range(9)), 3.6)
    estimate = mean_interval(sample)

    def test_the_outer_limits_decide(self):
        low, high = Decision(self.estimate, "below", 1.0, 0.1).limits
        assert low == self.estimate.low
        assert high > self.estimate.high + 0.5
        mirrored = Decision(self.estimate.scaled(-1), "above", -1.0, 0.1).limits
        assert mirrored == pytest.approx((-high, -low))
        between = (self.estimate.high + high) / 2
        found = Decision(self.estimate, "below", between, 0.1)
        assert (found.outcome, found.turned_by_skewness) == ("underpowered", True)
        assert found.seeds_to_decide > 10
        beyond = Decision(self.estimate, "below", high + 0.01, 0.1)
        assert (beyond.outcome, beyond.turned_by_skewness) == ("holds", False)
        assert named_range(beyond.stands_for)[0] == pytest.approx(high, abs=0.01)

    def test_fewer_than_ten_show_no_shape(self):
        nine = mean_interval(self.sample[1:])
        assert Decision(nine, "below", 1.0, 0.1).limits == (nine.low, nine.high)

    def test_the_text_of_a_part_says_so(self):
        part = decided("x", Decision(self.estimate, "below", self.estimate.high + 0.1, 0.1))
        assert part.text.count("allowing for skewness") == 1
        assert "skewness" not in decided("x", Decision(self.estimate, "below", 9.0, 0.1)).text


def test_constant_values_decide():
    interval = mean_interval([2.0] * 5)
    assert Decision(interval, "above", 1.0, 0.5).outcome == "holds"
    assert Decision(interval, "above", 2.0, 0.5).outcome == "fails"
    assert Decision(interval, "below", 1.0, 0.5, 1.5).outcome == "opposite"
    assert Decision(interval, "within", 2.0, 0.5).outcome == "holds"
    assert Decision(interval, "above", 1.0, 0.5).least_detectable == 0
    assert Decision(interval, "above", 1.0, 0.5).seeds_to_decide == 0


# --------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("record", [decision(1, 2, "above", 0), Share(1, 2, 0.5)])
def test_what_was_decided_cannot_be_changed(record):
    for name in record.__dataclass_fields__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)


@pytest.mark.parametrize("smallest", [0, -1, math.nan])
def test_every_effect_of_interest_has_a_size(smallest):
    with pytest.raises(ValueError, match="smallest effect") as refusal:
        decision(1, 2, "above", 0, smallest)
    assert str(refusal.value) == f"the smallest effect of interest must be > 0, got {smallest}"


def test_an_unknown_side_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="side must be") as refusal:
        decision(1, 2, "left", 0)
    assert str(refusal.value) == "side must be one of above, below, within, beyond; got 'left'"


@pytest.mark.parametrize("side", ["within", "beyond"])
@pytest.mark.parametrize("bar", [0, -1, math.nan])
def test_a_margin_has_a_width(side, bar):
    with pytest.raises(ValueError, match="needs a bar") as refusal:
        decision(1, 2, side, bar)
    assert str(refusal.value) == f"{side} ± a bar needs a bar > 0, got {bar}"


# --------------------------------------------------------------------------------- shares of seeds


class TestShare:
    @pytest.mark.parametrize(
        ("true", "least", "expected", "stands_for"),
        [
            (20, 0.8, "holds", "up to 1"),
            (16, 0.8, "holds", "up to 0.8"),
            (15, 0.8, "at threshold", "0.75 to 0.913"),
            (10, 0.8, "fails", "above 0.728"),  # of ten of twenty, [0.27, 0.73]
            (10, 0.7, "at threshold", "0.5 to 0.728"),
            (5, 0.8, "fails", "above 0.75"),
            (4, 0.8, "opposite", "0.2 to 0.8"),
            (2, 0.9, "opposite", "0.1 to 0.9"),
            (0, 0.8, "opposite", "0 to 1"),
            (10, 0.5, "holds", "up to 0.5"),
        ],
    )
    def test_of_twenty_seeds(self, true, least, expected, stands_for):
        found = Share(true, 20, least)
        assert (found.outcome, found.stands_for) == (expected, stands_for)

    def test_of_no_seeds_is_not_measured(self):
        assert (Share(0, 0, 0.8).outcome, Share(0, 0, 0.8).stands_for) == ("not measured", "")

    @given(st.integers(0, 20), st.integers(11, 20), st.integers(11, 20))
    def test_the_range_is_where_the_outcome_stays(self, true, least, moved):
        here, there = (Share(true, 20, n / 20) for n in (least, moved))
        text = here.stands_for.replace("up to", "0 to")
        start, end = named_range(text)
        assume(moved / 20 not in (start, end))
        assert (there.outcome == here.outcome) == (start < moved / 20 < end)

    @pytest.mark.parametrize(("seeds", "least"), [(20, 0.8), (10, 0.9), (7, 0.75), (5, 0.6)])
    def test_false_support_is_that_of_coins(self, seeds, least):
        held = [c for c in range(seeds + 1) if Share(c, seeds, least).outcome == "holds"]
        chance = sum(math.comb(seeds, c) for c in held) / 2**seeds
        assert Share(0, seeds, least).false_support() == pytest.approx(chance, abs=1e-12)
