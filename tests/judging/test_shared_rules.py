"""Small tests that several rules use: what holds, fails or stays open, and in which words."""

import math

import pandas as pd
import pytest
from scipy import stats
from synthetic_evidence import GRID as TRIED
from synthetic_evidence import LONG as TRIED_LONG

from infomax_lib.stats import Interval
from paper.judging import shared_rules
from paper.judging.claims import Part
from paper.judging.decisions import Decision, Share
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence
from paper.judging.shared_rules import (
    accuracy_difference,
    difference,
    differences,
    doubling,
    grid_runs,
    hsic_ratio,
    longest,
    longest_epochs,
    part_above,
    part_below,
    part_different,
    part_independent,
    part_points,
    part_similar,
    percent,
    points,
    relative_difference,
    relu,
    rows,
    share_of_seeds,
    softmax,
    values,
)

INTERVAL = Interval(0.2, 0.1, 0.3, 20)


def missing(function, *args):
    with pytest.raises(MissingEvidence) as found:
        function(*args)
    return found.value.args[0]


def test_thresholds_are_those_that_were_written_down_before_the_runs():
    thresholds = {
        "GRID": TRIED,
        "LONG": TRIED_LONG,
        "POINT": 0.01,
        "HALF_POINT": 0.005,
        "AT_REST": 0.05,
        "UNCORRELATED": 0.5,
        "DIVERSE": 1.0,
        "TWICE": 2.0,
        "INDEPENDENT": 0.25,
        "RELATED": 0.5,
    }
    assert {name: getattr(shared_rules, name) for name in thresholds} == thresholds


def test_the_two_architectures():
    assert relu(1) == {"competition": "none", "lambda_tc": 1.0}
    assert softmax(0, epochs=500) == {"competition": "softmax", "lambda_tc": 0.0, "epochs": 500}
    assert relu(1, bias=False)["bias"] is False
    assert isinstance(relu(1)["lambda_tc"], float)
    assert isinstance(softmax(1)["lambda_tc"], float)


class TestParts:
    @pytest.mark.parametrize(
        ("part", "bar", "outcome", "text"),
        [
            (part_above, 0.05, "holds", "0.20 [0.10, 0.30] against 0.05"),
            (part_above, 0.2, "at threshold", "0.20 [0.10, 0.30] against 0.2"),
            (part_above, 0.4, "fails", "0.20 [0.10, 0.30] against 0.4"),
            (part_below, 0.4, "holds", "0.20 [0.10, 0.30] against 0.4"),
            (part_below, 0.2, "at threshold", "0.20 [0.10, 0.30] against 0.2"),
            (part_below, 0.05, "fails", "0.20 [0.10, 0.30] against 0.05"),
        ],
    )
    def test_on_one_side_of_a_bar(self, part, bar, outcome, text):
        found = part("gap", INTERVAL, bar, 0.1)
        assert (found.name, found.outcome, found.text) == ("gap", outcome, text)
        side = part.__name__.removeprefix("part_")
        assert found.decision == Decision(INTERVAL, side, bar, 0.1)
        assert found.decisive
        assert not part("gap", INTERVAL, bar, 0.1, decisive=False).decisive

    def test_on_one_side_of_no_effect(self):
        assert part_below("gap", INTERVAL, 0.0, 0.1).outcome == "fails"
        assert part_below("gap", INTERVAL, 0.0, 0.1, neutral=0).outcome == "opposite"
        assert part_below("gap", INTERVAL, 0.0, 0.4, neutral=0).outcome == "fails"
        assert part_above("gap", INTERVAL, 1.0, 0.1, neutral=0.5).outcome == "opposite"
        assert part_above("gap", INTERVAL, 0.0, 0.4, neutral=0).outcome == "fails"

    @pytest.mark.parametrize(
        ("part", "margin", "outcome", "text"),
        [
            (part_similar, 0.4, "holds", "20 [10, 30] against ±40 %"),
            (part_similar, 0.2, "underpowered", "20 [10, 30] against ±20 %"),
            (part_similar, 0.703, "holds", "20 [10, 30] against ±70.3 %"),
            (part_similar, 0.05, "opposite", "20 [10, 30] against ±5 %"),
            (part_different, 0.4, "fails", "20 [10, 30] against ±40 %"),
            (part_different, 0.2, "underpowered", "20 [10, 30] against ±20 %"),
            (part_different, 0.05, "holds", "20 [10, 30] against ±5 %"),
        ],
    )
    def test_within_and_beyond_a_margin(self, part, margin, outcome, text):
        for interval, sign in ((INTERVAL, ""), (INTERVAL.scaled(-1), "−")):
            found = part("gap", interval, margin)
            assert (found.name, found.outcome) == ("gap", outcome)
            shown = text if not sign else text.replace("20 [10, 30]", "−20 [−30, −10]")
            assert found.text.removesuffix(" seeds would decide)").startswith(shown)
            assert found.decision.smallest == margin / 4
        assert part("gap", INTERVAL, margin).decisive
        assert not part("gap", INTERVAL, margin, decisive=False).decisive

    def test_a_quarter_of_the_margin_is_narrow(self):
        assert part_similar("gap", Interval(0.4, 0.31, 0.49, 20), 0.4).outcome == "at threshold"
        assert part_similar("gap", Interval(0.4, 0.29, 0.5, 20), 0.4).outcome == "underpowered"

    @pytest.mark.parametrize(
        ("low", "high", "above", "below"),
        [
            (0.011, 0.02, "holds", "opposite"),
            (0.007, 0.013, "at threshold", "at threshold"),
            (0.001, 0.02, "underpowered", "underpowered"),
            (-0.02, 0.005, "fails", "holds"),
            (-0.02, -0.005, "opposite", "holds"),
        ],
    )
    def test_of_points_of_accuracy(self, low, high, above, below):
        interval = Interval((low + high) / 2, low, high, 20)
        found = part_points("gap", interval, 0.01)
        assert (found.name, found.outcome, found.decisive) == ("gap", above, True)
        assert part_points("gap", interval, 0.01, side="below").outcome == below
        assert not part_points("gap", interval, 0.01, decisive=False).decisive

    def test_of_points_in_words(self):
        assert part_points("gap", INTERVAL, 0.05).text == "20 [10, 30] against 5 points"
        below = Interval(-0.02, -0.03, -0.01, 20)
        found = part_similar("gap", below, 0.05, as_points=True)
        assert found.text == "−2.0 [−3.0, −1.0] against ±5 points"

    def test_fractions_in_per_cent_and_points(self):
        wide = Interval(0.5, 0.25, 0.75, 20)
        assert percent(wide) == "50 [25, 75] %"
        assert points(wide) == "50 [25, 75] points"

    @pytest.mark.parametrize(
        ("share", "outcome"),
        [
            (1.0, "holds"),
            (0.9, "holds"),
            (0.85, "at threshold"),
            (0.5, "fails"),
            (0.15, "fails"),
            (0.1, "opposite"),
            (0.05, "opposite"),
        ],
    )
    def test_share_of_seeds(self, share, outcome):
        found = share_of_seeds("loophole", share, 20, 0.9)
        true = round(share * 20)
        text = f"{true} of 20 seeds, against 90%"
        assert found == Part("loophole", outcome, text, True, Share(true, 20, 0.9))

    def test_share_of_seeds_that_informs_and_says_more(self):
        found = share_of_seeds("loophole", 0.25, 20, 0.75, decisive=False, text="largest 0.5")
        text = "5 of 20 seeds, against 75%, largest 0.5"
        assert found == Part("loophole", "opposite", text, False, Share(5, 20, 0.75))


def runs(measures, **changes):
    settings = {**SOURCE_SETTING, "competition": "softmax", "lambda_tc": 0.0, **changes}
    return [
        {"key": f"{sorted(changes.items())}{seed}", **settings, "seed": seed, **measure}
        for seed, measure in enumerate(measures)
    ]


class TestRuns:
    def test_of_a_whole_grid(self):
        whole = [row for t in TRIED for row in runs([{}] * 5, lambda_tc=t)]
        others = runs([{}] * 5, lambda_tc=0.5) + runs([{}] * 5, competition="none")
        assert len(grid_runs(Evidence(pd.DataFrame(whole + others)), "softmax")) == 40
        part = [row for row in whole if row["lambda_tc"] != 30.0]
        assert missing(grid_runs, Evidence(pd.DataFrame(part)), "softmax") == (
            "the whole λ_tc grid with competition=softmax"
        )

    def test_hsic_over_its_floor(self):
        measures = [{"hsic": 2.0 * n, "hsic_floor": float(n)} for n in range(1, 6)]
        others = runs([{"hsic": 7.0, "hsic_floor": 1.0}] * 5, lambda_tc=1.0)
        e = Evidence(pd.DataFrame(runs(measures) + others))
        assert hsic_ratio(e, softmax(0)) == Interval(2.0, 2.0, 2.0, 5)

    def test_relative_difference_to_the_mean_of_the_second(self):
        one = runs([{"loss": -1.0}] * 5)
        other = runs([{"loss": float(n)} for n in (-6, -5, -4, -3, -2)], lambda_tc=1.0)
        zero = runs([{"loss": 0.0}] * 5, lambda_tc=3.0)
        e = Evidence(pd.DataFrame(one + other + zero))
        assert relative_difference(e, "loss", softmax(0), softmax(1)).mean == 3 / 4
        assert math.isnan(relative_difference(e, "loss", softmax(0), softmax(3)).mean)


class TestLongRuns:
    """Redundancy of softmax layers that doubles with every doubling of training."""

    def evidence(self, ends=(100, 1000), recorded=(0, 1, 10, 100, 500, 1000)):
        table = [row for end in ends for row in runs([{}] * 5, epochs=end)]
        history = [
            {**row, "epoch": epoch, "weight_redundancy": float(epoch * (1 + row["seed"]))}
            for row in table
            for epoch in recorded
            if epoch <= row["epochs"]
        ]
        return Evidence(pd.DataFrame(table), pd.DataFrame(history))

    def test_of_a_condition(self):
        e = self.evidence()
        assert longest_epochs(e, softmax(0), 500) == 1000
        assert longest(e, softmax(0), 500) == softmax(0, epochs=1000)
        assert longest(e, softmax(0), 1000) == softmax(0, epochs=1000)

    def test_that_are_too_short_are_missing(self):
        text = "runs of at least 500 epochs with competition=softmax, lambda_tc=0"
        assert missing(longest, self.evidence(ends=(100, 200)), softmax(0), 500) == text

    @pytest.mark.parametrize(
        ("recorded", "start", "end", "change"),
        [
            ((0, 1, 10, 100, 500, 1000), 500, 1000, 1.0),
            ((0, 1, 10, 100, 400, 501, 1000), 400, 1000, 1.5),
            ((0, 1, 10, 100), 10, 100, 9.0),
        ],
    )
    def test_change_over_the_last_doubling(self, recorded, start, end, change):
        e = self.evidence(recorded=recorded)
        moved, *epochs = doubling(e, "weight_redundancy", softmax(0, epochs=1000))
        assert epochs == [start, end]
        assert (moved.mean, moved.low, moved.n) == pytest.approx((change, change, 5))


class TestIndependence:
    @pytest.mark.parametrize(
        ("values", "outcome"),
        [
            ((0.2, 0.01), "holds"),
            ((-0.5, 0.01), "holds"),
            ((0.25, 0.02), "at threshold"),
            ((0.25, 0.5), "underpowered"),
            ((0.4, 0.01), "fails"),
        ],
    )
    def test_is_joint_firing_by_chance(self, values, outcome):
        mean, spread = values
        measures = [
            {"joint_firing": mean + spread * n, "joint_firing_noise": 0.0649}
            for n in (-2, -1, 0, 1, 2)
        ]
        others = runs([{"joint_firing": 9.0, "joint_firing_noise": 9.0}] * 5, lambda_tc=1.0)
        e = Evidence(pd.DataFrame(runs(measures) + others))
        found = part_independent("independent", e, softmax(0))
        assert (found.name, found.outcome) == ("independent", outcome)
        assert found.text.endswith("counting hides 6 %")
        assert " % of chance" in found.text
        assert found.decision.bar == 2 * found.decision.smallest == 0.25
        assert found.decisive

    def test_that_informs(self):
        measures = [{"joint_firing": 0.2, "joint_firing_noise": 0.064}] * 5
        e = Evidence(pd.DataFrame(runs(measures)))
        found = part_independent("independent", e, softmax(0), decisive=False)
        assert not found.decisive
        assert found.text == "20 [20, 20] against 25 % of chance; counting hides 6 %"


class TestTables:
    def table(self, **columns):
        seeds = range(6)
        return pd.DataFrame(
            [
                {"method": m, "seed": s, "gain": gain * s, "key": f"{m}{s}"}
                for m, gain in (("a", 3.0), ("b", 1.0))
                for s in seeds
            ]
        ).assign(**columns)

    def evidence(self, table):
        return Evidence(pd.DataFrame(), extra={"gains": table})

    def test_rows_of_a_condition_are_recorded(self):
        e = self.evidence(self.table())
        assert list(rows(e, "gains", {"method": "a"}, "gain")["gain"]) == [0, 3, 6, 9, 12, 15]
        assert e.used == {f"a{n}" for n in range(6)}
        without = self.evidence(self.table().drop(columns="key"))
        assert len(rows(without, "gains", {"method": "a"})) == 6
        assert without.used == set()

    def test_rows_need_columns_and_five_seeds(self):
        e = self.evidence(self.table())
        assert missing(rows, e, "gains", {"width": 3}, "loss") == (
            "column width, loss of the table “gains”"
        )
        five = self.table()[lambda t: t["seed"] < 5]
        assert len(rows(self.evidence(five), "gains", {"method": "a"})) == 5
        four = five[lambda t: t["seed"] < 4]
        assert missing(rows, self.evidence(four), "gains", {"method": "a"}) == (
            "“gains” with method=a, at least 5 seeds (found 4)"
        )
        assert missing(rows, self.evidence(four.drop(columns="seed")), "gains", {}) == (
            "column seed of the table “gains”"
        )

    def test_values_and_paired_differences(self):
        e = self.evidence(self.table()[::-1])
        a, b = {"method": "a"}, {"method": "b"}
        assert values(e, "gains", "gain", a).to_dict() == {n: 3.0 * n for n in range(6)}
        assert differences(e, "gains", "gain", a, b).to_dict() == {n: 2.0 * n for n in range(6)}
        assert difference(e, "gains", "gain", a, b).mean == 5.0
        assert missing(values, e, "gains", "loss", a) == "column loss of the table “gains”"

    def test_accuracies_differ_on_new_seeds_and_on_new_images(self):
        a, b = {"method": "a"}, {"method": "b"}
        gaps = [0.02, 0.03, 0.04, 0.05, 0.06, 0.10]
        of = {"a": [0.7 + gap for gap in gaps], "b": [0.7] * 6}
        e = self.evidence(self.table(gain=[*of["a"], *of["b"]])[::-1])
        found = accuracy_difference(e, "gains", "gain", a, b)
        # Over seeds, and of two shares of 10 000 images, (0.75 · 0.25 + 0.7 · 0.3) / 10 000.
        seeds = stats.t.ppf(0.975, 5) * stats.sem(gaps)
        images = stats.norm.ppf(0.975) * math.sqrt(0.3975) / 100
        half = math.hypot(seeds, images)
        assert (found.mean, found.low, found.high) == pytest.approx(
            (0.05, 0.05 - half, 0.05 + half)
        )
        assert (found.n, found.images) == (6, pytest.approx(images))

    def test_differences_need_five_seeds_that_both_have(self):
        a, b = {"method": "a"}, {"method": "b"}
        table = self.table()
        shared = table[(table["method"] == "a") | (table["seed"] > 0)]
        assert len(differences(self.evidence(shared), "gains", "gain", a, b)) == 5
        shifted = shared.assign(seed=shared["seed"] + (shared["method"] == "b"))
        assert missing(differences, self.evidence(shifted), "gains", "gain", a, b) == (
            "gain in “gains”, at least 5 seeds shared by method=a and method=b"
        )
