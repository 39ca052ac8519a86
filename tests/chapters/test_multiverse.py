"""The page on the multiverse: effects, on which side they lie, and the curve that shows them."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_evidence import evidence

from infomax_lib import RunSpec, grid, open_store, run
from infomax_lib.stats import Interval
from paper.chapters.multiverse.effects import CHOICES, FINDINGS, counts, effects, side
from paper.chapters.multiverse.figures import specification_curve
from paper.chapters.multiverse.search import searched, stored_points
from paper.chapters.multiverse.words import sentence, shares_of_variance
from paper.judging.evidence import SOURCE_SETTING
from paper.judging.universes import FORMS, Universe


def known(s):
    """Redundancy of A is 2^λ times that of B, and correlation of B 2^λ times that at 0."""
    t, soft = float(s["lambda_tc"]), s["competition"] == "softmax"
    adam = s["optimizer"] == "adam"
    return {
        "weight_redundancy": 1.0 if soft else 2.0 ** (t / 10),
        "redundancy_over_data": 4.0,
        "redundancy_over_random": 0.5,
        "output_correlation": 2.0 ** (t / 10) if soft else 1.0,
        "probe_accuracy_pre": 0.8 + 0.03 * adam * (not soft) + 0.01 * adam * soft,
    }


@pytest.fixture(scope="module")
def universe():
    return Universe("mnist", 16, "0 to 19", 100, next(iter(FORMS)), evidence(known))


def mean(table, pressure, measure):
    (effect,) = table[(table["pressure"] == pressure) & (table["measure"] == measure)]["effect"]
    return effect.mean


def test_effects_are_those_of_made_up_runs(universe):
    loophole = effects("bias_loophole", [universe])
    assert mean(loophole, "100", "rows from the data") == pytest.approx(2, abs=0.05)
    assert mean(loophole, "10", "isotropic rows") == pytest.approx(-1, abs=0.05)
    apart = effects("implicit_regularization", [universe])
    for pressure, doublings in (("0", 0), ("10", 1), ("100", 10)):
        found = mean(apart, pressure, "redundancy")
        assert found == pytest.approx(doublings, abs=0.05)
    raised = effects("tc_pressure", [universe])
    assert mean(raised, "10", "correlation") == pytest.approx(1, abs=0.05)
    needed = effects("optimizer_comparison", [universe])
    assert mean(needed, "SGD 1", "code before it") == pytest.approx(2, abs=0.1)


def test_other_forms_and_what_is_not_measured_are_left_out(universe):
    others = [replace(universe, form=form) for form in FORMS]
    assert len(effects("bias_loophole", others)) == len(effects("bias_loophole", [universe])) == 4
    unmeasured = replace(universe.evidence, base={"epochs": 7})
    nothing = effects("bias_loophole", [replace(universe, evidence=unmeasured)])
    assert nothing.empty
    assert list(nothing.columns) == [*CHOICES, "seeds", "effect"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.2, 0.4, "for"),
        (0.05, 0.4, "open"),
        (-0.05, 0.05, "none"),
        (-0.4, -0.2, "against"),
        (-0.4, 0.05, "open"),
        (math.nan, math.nan, "diverged"),
    ],
)
def test_sides(low, high, expected):
    assert side(Interval((low + high) / 2, low, high, 5), 0.1) == expected


def table_of(*means, dataset="mnist", half=0.01):
    rows = [
        {
            "dataset": dataset,
            "units": "16",
            "epochs": "100",
            "pressure": str(place % 2),
            "measure": "redundancy",
            "seeds": "0 to 4",
            "effect": Interval(value, value - half, value + half, 0 if math.isnan(value) else 5),
        }
        for place, value in enumerate(means)
    ]
    return pd.DataFrame(rows)


def test_universes_that_diverged_are_shown():
    table = table_of(1.0, math.nan, -1.0, 0.0)
    assert counts("implicit_regularization", table).loc["mnist"].to_dict() == {
        "for": 1,
        "none": 1,
        "against": 1,
        "open": 0,
        "diverged": 1,
    }
    text = sentence("implicit_regularization", table)
    assert "all runs diverged in 1" in text
    assert "hollow" not in text
    figure = specification_curve("implicit_regularization", table)
    assert [t.get_text() for t in figure.axes[0].texts] == ["diverged"]


def test_universes_that_diverged_in_part_are_told_apart():
    table = table_of(1.0, 2.0, 3.0)
    table["effect"] = [
        replace(e, dropped=d) for e, d in zip(table["effect"], (0, 2, 0), strict=True)
    ]
    text = sentence("implicit_regularization", table)
    assert "In 1 some runs diverged" in text
    curve = specification_curve("implicit_regularization", table).axes[0]
    hollow = [line.get_xydata().tolist() for line in curve.lines if line.get_mfc() == "white"]
    assert [[1.0, 2.0]] in hollow


def test_the_choice_that_decides_is_named():
    table = table_of(0.0, 4.0, 0.1, 4.1)
    shares = shares_of_variance(table)
    assert list(shares.index) == ["pressure"]
    assert shares.iloc[0] == pytest.approx(1, abs=0.01)
    assert "the pressure matters most" in sentence("implicit_regularization", table)
    assert "the learning rate matters most" in sentence("optimizer_comparison", table)


def test_a_curve_rises_and_every_universe_has_its_choices():
    rng = np.random.default_rng(0)
    first = table_of(*rng.normal(size=6))
    second = table_of(*rng.normal(size=6), dataset="fashion-mnist")
    table = pd.concat([first, second], ignore_index=True)
    figure = specification_curve("implicit_regularization", table)
    curve, below = figure.axes
    points = np.concatenate(
        [line.get_xydata() for line in curve.lines if len(line.get_xdata()) > 2]
    )
    points = points[np.argsort(points[:, 0])]
    assert points[:, 0].tolist() == list(range(12))
    assert (np.diff(points[:, 1]) > 0).all()
    names = [tick.get_text() for tick in below.get_yticklabels()]
    assert names == ["MNIST", "Fashion-MNIST", "0", "1"]  # choices that vary, and no others
    for line in below.lines:
        assert len(line.get_xdata()) == 6


def test_every_finding_has_a_smallest_effect():
    assert all(finding.smallest > 0 for finding in FINDINGS.values())


def points_of(*rows):
    """Measured points of runs: (key, what differs from the source's setting, and measures)."""
    return pd.DataFrame(
        [
            {
                **SOURCE_SETTING,
                "competition": "softmax",
                "lambda_tc": 0.0,
                "epoch": 100,
                "loss": 0.0,
                "train_tc": 0.0,
                "key": key,
                **values,
            }
            for key, values in rows
        ]
    )


def test_the_setting_that_meets_a_printed_row_is_found():
    met = {"weight_redundancy": 3.3149, "output_correlation": 1.0751, "epoch": 10}
    near = {"weight_redundancy": 3.31, "output_correlation": 1.0749, "lambda_tc": 1.0}
    found = searched(points_of(("a", met), ("a", met), ("b", near)), ["softmax_tc"])
    row = found.set_index("printed").loc["B, λ_tc 1, epoch 100: redundancy 3.31, correlation 1.08"]
    assert row["runs that meet it"] == "1"  # one run, at two points; the other misses a digit
    assert row["where"] == "B, λ_tc 0, epoch 10"


def test_without_one_the_nearest_is_named_with_its_numbers():
    far = {"weight_redundancy": 1.8, "output_correlation": 13.5}
    near = {"weight_redundancy": 1.85, "output_correlation": 13.0, "optimizer": "sgd"}
    found = searched(points_of(("a", far), ("b", near)), ["softmax_tc"]).set_index("printed")
    row = found.loc["B, λ_tc 10, epoch 100: redundancy 1.80, correlation 13.03"]
    assert row["runs that meet it"] == "none"
    assert row["where"] == "nearest 1.85 / 13.00: B, λ_tc 0, epoch 100, optimizer SGD"


def test_rows_of_words_and_rows_printed_twice_are_not_searched_again():
    found = searched(points_of(("a", {"weight_redundancy": 1.0, "output_correlation": 1.0})))
    assert found["printed"].is_unique
    assert not found["printed"].str.contains("slow").any()


def test_stored_points_are_the_measured_epochs_of_that_width(tmp_path):
    specs = grid(RunSpec(dataset="digits", epochs=3), hidden_dim=[2, 3], seed=[0, 1])
    store = open_store(tmp_path)
    run(specs, store=store, progress=False)
    points = stored_points(store, "digits", 3)
    assert set(points["key"]) == {spec.key for spec in specs if spec.hidden_dim == 3}
    assert sorted(set(points["epoch"])) == [0, 1, 2, 3]
