"""Small tests that several rules use: what holds, fails or stays open, and in which words."""

import math

import pandas as pd
import pytest
from synthetic_evidence import GRID as TRIED

from infomax_lib.stats import Interval
from paper.judging import shared_rules
from paper.judging.claims import Part
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence
from paper.judging.shared_rules import (
    difference,
    differences,
    every,
    grid_runs,
    hsic_ratio,
    part_above,
    part_below,
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
    names = ("GRID", "POINT", "UNCORRELATED", "DIVERSE", "INDEPENDENT", "RELATED")
    assert [getattr(shared_rules, name) for name in names] == [TRIED, 0.01, 0.5, 2.0, 2.0, 0.5]


def test_the_two_architectures():
    assert relu(1) == {"competition": "none", "lambda_tc": 1.0}
    assert softmax(0, epochs=500) == {"competition": "softmax", "lambda_tc": 0.0, "epochs": 500}
    assert relu(1, bias=False)["bias"] is False
    assert isinstance(relu(1)["lambda_tc"], float)
    assert isinstance(softmax(1)["lambda_tc"], float)


class TestParts:
    @pytest.mark.parametrize(
        ("part", "limit", "holds", "text"),
        [
            (part_above, 0.05, True, "0.20 [0.10, 0.30] against 0.05"),
            (part_above, 0.2, None, "0.20 [0.10, 0.30] against 0.2"),
            (part_above, 0.4, False, "0.20 [0.10, 0.30] against 0.4"),
            (part_below, 0.4, True, "0.20 [0.10, 0.30] against 0.4"),
            (part_below, 0.2, None, "0.20 [0.10, 0.30] against 0.2"),
            (part_below, 0.05, False, "0.20 [0.10, 0.30] against 0.05"),
            (part_points, 0.05, True, "20 [10, 30] points against 5"),
            (part_points, 0.4, False, "20 [10, 30] points against 40"),
            (part_similar, 0.4, True, "20 [10, 30] % against ±40 %"),
            (part_similar, 0.2, None, "20 [10, 30] % against ±20 %"),
            (part_similar, 0.703, True, "20 [10, 30] % against ±70 %"),
            (part_similar, 0.05, False, "20 [10, 30] % against ±5 %"),
        ],
    )
    def test_hold_fail_or_stay_open(self, part, limit, holds, text):
        assert part("gap", INTERVAL, limit) == Part("gap", holds, text, decisive=True)
        assert part("gap", INTERVAL, limit, decisive=False) == Part("gap", holds, text, False)

    def test_similar_on_both_sides_and_in_points(self):
        below = Interval(-0.02, -0.03, -0.01, 20)
        assert part_similar("gap", below, 0.05, as_points=True) == Part(
            "gap", True, "−2.0 [−3.0, −1.0] points against ±5 points"
        )
        assert part_similar("gap", below, 0.005).holds is False

    def test_fractions_in_per_cent_and_points(self):
        wide = Interval(0.5, 0.25, 0.75, 20)
        assert percent(wide) == "50 [25, 75] %"
        assert points(wide) == "50 [25, 75] points"

    @pytest.mark.parametrize(
        ("share", "holds"),
        [(1.0, True), (0.9, True), (0.89, None), (0.5, None), (0.11, None), (0.05, False)],
    )
    def test_share_of_seeds(self, share, holds):
        found = share_of_seeds("loophole", share, 20, 0.9)
        assert found == Part("loophole", holds, f"{round(share * 20)} of 20 seeds", decisive=True)

    def test_share_of_seeds_at_its_lower_limit(self):
        assert share_of_seeds("loophole", 0.25, 20, 0.75, decisive=False) == Part(
            "loophole", False, "5 of 20 seeds", decisive=False
        )

    @pytest.mark.parametrize(
        ("outcomes", "expected"),
        [
            ([True, True], True),
            ([True, None], None),
            ([True, False], False),
            ([None, False], False),
            ([], True),
        ],
    )
    def test_every(self, outcomes, expected):
        assert every(outcomes) is expected


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

    def test_differences_need_five_seeds_that_both_have(self):
        a, b = {"method": "a"}, {"method": "b"}
        table = self.table()
        shared = table[(table["method"] == "a") | (table["seed"] > 0)]
        assert len(differences(self.evidence(shared), "gains", "gain", a, b)) == 5
        shifted = shared.assign(seed=shared["seed"] + (shared["method"] == "b"))
        assert missing(differences, self.evidence(shifted), "gains", "gain", a, b) == (
            "gain in “gains”, at least 5 seeds shared by method=a and method=b"
        )
