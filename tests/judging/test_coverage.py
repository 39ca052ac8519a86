"""Coverage of intervals: against theory for normal values, and on values that are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from paper.judging.coverage import (
    bootstrap_coverage,
    coverage_table,
    residuals,
    student_coverage,
)

NORMAL = np.random.default_rng(0).normal(size=100_000)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_students_interval_covers_the_mean_of_normal_values(n):
    assert student_coverage(NORMAL, n) == pytest.approx(0.95, abs=0.006)


def test_it_covers_less_where_values_are_skewed():
    skewed = np.random.default_rng(1).lognormal(sigma=1.5, size=100_000)
    direct = [
        stats.ttest_1samp(sample, skewed.mean()).pvalue >= 0.05
        for sample in np.random.default_rng(2).choice(skewed, (2000, 5))
    ]
    found = student_coverage(skewed, 5)
    assert found == pytest.approx(np.mean(direct), abs=0.03)
    assert found < 0.9


def test_the_bootstrap_covers_less_than_it_says_in_small_samples():
    five, twenty = (bootstrap_coverage(NORMAL, n, samples=500) for n in (5, 20))
    assert five < 0.88
    assert five < twenty < 0.96


def test_residuals_are_taken_within_settings():
    rng = np.random.default_rng(3)
    runs = pd.DataFrame(
        {
            "setting": np.repeat(["a", "b", "few"], [20, 30, 19]),
            "x": np.concatenate([5 + rng.normal(size=20), 100 * rng.normal(size=49)]),
            "same": 1.0,
            "holes": np.concatenate([[np.nan], rng.normal(size=68)]),
        }
    )
    found = residuals(runs, ["x", "same", "holes"], ["setting"])
    assert {name: len(values) for name, values in found.items()} == {"x": 50, "holes": 30}
    assert found["x"][:20].mean() == pytest.approx(0, abs=1e-12)
    assert found["x"][20:].std(ddof=1) == pytest.approx(1)


def test_the_table_has_a_row_for_each_metric_and_two_for_all():
    table = coverage_table({"x": NORMAL[:200], "y": NORMAL[200:400]}, (5,))
    assert list(table.index) == ["x", "y", "all metrics", "all metrics, BCa bootstrap"]
    assert table.loc["all metrics", 5] == pytest.approx(95, abs=1.5)
    assert table.loc["all metrics, BCa bootstrap", 5] < 90
