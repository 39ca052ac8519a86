"""One measure of several methods: which were measured, and how they are compared seed by seed."""

import math

import pandas as pd
import pytest

from paper.judging.evidence import MissingEvidence
from paper.judging.measured import Measured, differences

NAN = math.nan


@pytest.fixture
def accuracy():
    return Measured.of_frame(
        "accuracy",
        pd.DataFrame(
            {
                "pca": [1, 2, 3, 6],
                "ica": [4, 2, NAN, 3],
                "few": [1, math.inf, -math.inf, 2],
                3: [NAN, 5.0, 6.0, 7.0],
            },
            index=[0, 1, 2, 3],
        ),
    )


def missing(function, *args):
    with pytest.raises(MissingEvidence) as found:
        function(*args)
    return found.value.args[0]


def test_methods_with_three_finite_seeds_are_measured(accuracy):
    assert list(accuracy.values.columns) == ["pca", "ica", 3]
    assert accuracy.failed == ("few",)
    assert accuracy.of("ica").to_dict() == {0: 4.0, 1: 2.0, 3: 3.0}
    assert set(map(str, accuracy.values.dtypes)) == {"float64"}
    assert Measured("x", accuracy.values).failed == ()
    with pytest.raises(AttributeError):
        accuracy.failed = ()
    infinite = Measured.of_frame("loss", pd.DataFrame({"a": [1, 2, 3, math.inf, -math.inf]}))
    assert list(infinite.of("a")) == [1.0, 2.0, 3.0]


def test_what_was_not_measured_is_named(accuracy):
    assert missing(accuracy.of, "few") == "accuracy of the method “few” over at least 3 seeds"
    assert missing(accuracy.median, ["pca", "few"]).startswith("accuracy of the method “few”")
    assert missing(accuracy.best, []) == "accuracy of at least one baseline"


def test_means_differences_and_ratios_use_the_seeds_that_both_have(accuracy):
    assert accuracy.interval("pca").mean == 3.0
    assert accuracy.interval("ica").n == 3
    assert accuracy.difference("pca", "ica").mean == pytest.approx((-3 + 0 + 3) / 3)
    ratio = accuracy.ratio("pca", "ica")
    assert (ratio.mean, ratio.n, ratio.dropped) == (pytest.approx((1 / 4 + 1 + 2) / 3), 3, 0)


def test_differences_need_three_shared_seeds(accuracy):
    assert missing(accuracy.difference, "ica", 3) == (
        "accuracy of ica and 3 over at least 3 shared seeds"
    )
    a, b = pd.Series([1.0, 2.0, 3.0, NAN]), pd.Series([1.0, 1.0, 1.0, 1.0])
    assert list(differences(a, b, "loss")) == [0.0, 1.0, 2.0]
    assert missing(differences, b, b.where(b.index < 2), "loss") == (
        "loss over at least 3 shared seeds"
    )


def test_median_over_methods_by_seed(accuracy):
    assert accuracy.median(["pca", "ica", 3]).to_dict() == {0: 2.5, 1: 2.0, 2: 4.5, 3: 6.0}


def test_best_has_the_largest_mean_and_of_equals_is_the_first(accuracy):
    assert accuracy.best(["pca", "ica", 3]) == "3"
    assert accuracy.best(["ica", "pca"]) == "ica"
    assert accuracy.best(["pca", "ica"]) == "pca"
