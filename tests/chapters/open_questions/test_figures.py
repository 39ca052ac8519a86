"""The figures of the open questions draw every seed, and say what cannot be drawn."""

from __future__ import annotations

import pytest
from question_worlds import SEEDS, activation_runs, evidence, robust
from scipy import stats

from infomax_lib.stats import Interval, mean_interval
from paper.chapters.open_questions import experiment
from paper.chapters.open_questions.figures import (
    by_mechanism,
    dependence_against_outcomes,
    differences_from,
    shares_removed,
)
from paper.figures.style import panels

pytestmark = pytest.mark.usefixtures("house_style")


def marks(axes):
    """Large marks (means) and small ones (seeds) of a panel."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    small = [line for line in lines if (line.get_alpha() or 1) < 1]
    large = [line for line in lines if line not in small and len(line.get_xdata())]
    return small, large


def test_differences_are_drawn_in_per_cent_of_the_reference():
    runs = activation_runs(1.5).extra["activations"]
    gaps = experiment.against(runs, ["weight_redundancy", "probe_accuracy"], "activation", "relu")
    figure = differences_from(
        gaps, "activation", {"weight_redundancy": (0.2, True), "probe_accuracy": (0.01, False)}
    )
    first, second = figure.axes
    small, large = marks(first)
    names = [t.get_text() for t in first.get_xticklabels()]
    at_tanh = [
        float(line.get_ydata()[0])
        for line in large
        if round(float(line.get_xdata()[0])) == names.index("tanh")
    ]
    assert at_tanh == pytest.approx([50.0] * 3, rel=1e-3)  # three widths
    assert sum(len(line.get_xdata()) for line in small) == 3 * 3 * len(SEEDS)
    bands = [[p.get_y(), p.get_height()] for p in (first.patches[0], second.patches[0])]
    assert bands == [pytest.approx([-20, 40]), pytest.approx([-0.01, 0.02])]
    with pytest.raises(ValueError, match="no differences of hsic"):
        differences_from(gaps, "activation", {"hsic": (0.1, True)})


def test_every_mechanism_is_a_line_with_all_seeds():
    runs = evidence(["competitions"]).extra["competitions"]
    figure = by_mechanism(
        runs, ["redundancy_over_random", "dead_units", "hsic"],
        references={"hsic": {"nothing": 0.0}},
    )  # fmt: skip
    first, second, third, empty = figure.axes
    small, large = marks(first)
    assert sum(len(line.get_xdata()) for line in small) == len(runs)
    assert len(large) == runs["mechanism"].nunique() * 2
    assert [t.get_text() for t in first.get_yticklabels()][:2] == ["no softmax (A)", "softmax (B)"]
    assert "nothing" in [t.get_text() for t in third.texts]
    assert not empty.axison
    assert second.get_xscale() == "linear"


def test_wide_measures_get_a_logarithmic_axis():
    runs = evidence(
        ["competitions"],
        {"competitions": lambda v: {"hsic": 100.0 if v["mechanism"] == "softmax" else 1.0}},
    ).extra["competitions"]
    axes, _ = by_mechanism(runs, ["hsic"]).axes
    assert axes.get_xscale() == "log"


def test_panels_state_the_rank_correlation_over_configurations():
    rows = robust()
    figure = dependence_against_outcomes(
        rows, ["redundancy_over_random"], {"noise_retained": "left"}
    )
    (axes,) = figure.axes
    small, large = marks(axes)
    assert sum(len(line.get_xdata()) for line in small) == len(rows)
    assert sum(len(line.get_xdata()) for line in large) == 8
    means = rows.groupby("configuration")[["redundancy_over_random", "noise_retained"]].mean()
    rho = stats.spearmanr(*means.to_numpy().T).statistic
    assert rho == pytest.approx(-1)
    assert "rank correlation −1" in axes.get_title(loc="left")


def test_shares_say_what_cannot_be_drawn():
    _, axes = panels()
    shares = {
        "a": Interval(0.9, 0.85, 0.95, 10),
        "b": None,
        "c": mean_interval([]),
    }
    shares_removed(axes, shares, 0.8, "all dependence")
    assert axes.get_xlabel() == "removed of all dependence (%)"
    _, large = marks(axes)
    assert [float(line.get_xdata()[0]) for line in large] == [90.0]
    texts = [t.get_text() for t in axes.texts]
    assert "nothing to remove" in texts
    assert "not measured" in texts
    assert axes.get_xlim()[0] <= 0
    assert axes.get_xlim()[1] >= 100
