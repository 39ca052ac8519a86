"""Text tables of intervals, and verdicts per measure."""

import numpy as np
import pandas as pd
import pytest

from paper.chapters.tc_pressure.effects import Measure, effects, effects_grid
from paper.figures.tables import grouped_table


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    seeds = np.arange(12)
    level = {0.0: 0.0, 1.0: 1.0, 10.0: 0.002}
    frames = [
        pd.DataFrame(
            {
                "lambda_tc": value,
                "seed": seeds,
                "up": 10 + shift + 0.01 * rng.standard_normal(12) + 0.1 * seeds,
                "noise": 5 + 3 * rng.standard_normal(12),
                "constant": 0.0,
                "missing": np.nan,
            }
        )
        for value, shift in level.items()
    ]
    return pd.concat(frames, ignore_index=True)


def test_verdicts(table):
    measures = [
        Measure("up", "lower"),
        Measure("up", "higher"),
        Measure("noise", "lower"),
        Measure("constant", "lower"),
        Measure("missing", "lower"),
    ]
    found = effects(table, measures, "lambda_tc", [1.0, 10.0], 0.0)
    verdicts = [(e.measure.column, e.measure.better, e.value, e.verdict) for e in found]
    assert verdicts == [
        ("up", "lower", 1.0, "worse"),
        ("up", "lower", 10.0, "no difference"),
        ("up", "higher", 1.0, "better"),
        ("up", "higher", 10.0, "no difference"),
        ("noise", "lower", 1.0, "open"),
        ("noise", "lower", 10.0, "open"),
        ("constant", "lower", 1.0, "no difference"),
        ("constant", "lower", 10.0, "no difference"),
        ("missing", "lower", 1.0, "open"),
        ("missing", "lower", 10.0, "open"),
    ]
    assert found[0].difference.mean == pytest.approx(1.0, abs=0.02)


def test_holm_counts_the_whole_family(table):
    alone = effects(table, [Measure("up", "lower")], "lambda_tc", [1.0], 0.0)
    family = [Measure("up", "lower")] * 200
    crowded = effects(table, family, "lambda_tc", [1.0], 0.0)
    assert alone[0].verdict == "worse"
    assert crowded[0].p == pytest.approx(min(1.0, 200 * alone[0].p))
    assert crowded[0].verdict == "open"


def test_an_effect_inside_the_margin_is_not_worse(table):
    (effect,) = effects(table, [Measure("up", "lower", 2.0, False)], "lambda_tc", [1.0], 0.0)
    assert effect.verdict == "no difference"


def test_three_seeds_leave_everything_open(table):
    few = table[table["seed"] < 3]
    (effect,) = effects(few, [Measure("up", "lower")], "lambda_tc", [1.0], 0.0)
    assert effect.verdict == "open"


def test_effects_as_text(table):
    measures = [Measure("up", "lower"), Measure("constant", "lower")]
    shown = effects_grid(effects(table, measures, "lambda_tc", [1.0, 10.0], 0.0), "λ_tc")
    assert list(shown.columns) == ["measure", "better", "baseline", "λ_tc = 1", "λ_tc = 10"]
    assert shown["λ_tc = 1"][0].startswith("worse: +")
    assert shown["λ_tc = 1"][1] == "no difference: 0 [0, 0]"


@pytest.mark.parametrize("wrong", [{"better": "up"}, {"better": "lower", "margin": -1.0}])
def test_impossible_measures_are_refused(wrong):
    with pytest.raises(ValueError, match=r"better|margin"):
        Measure("up", **wrong)


def test_grouped_table(table):
    shown = grouped_table(table, ["lambda_tc"], ["constant", "up"])
    assert list(shown.columns) == ["λ_tc (weight of the TC term)", "constant", "up"]
    assert list(shown["constant"]) == ["0 [0, 0]"] * 3
    assert shown.iloc[1, 0] == "1"
    with pytest.raises(KeyError, match="no column absent"):
        grouped_table(table, ["lambda_tc"], ["absent"])
