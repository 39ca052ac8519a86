"""Why predictions came out as they did: the sentences carry the tables' numbers and directions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from prior_art_worlds import METHODS, baselines, factors, pruning, transfer, widths
from scipy import stats

from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.prediction_words import explained
from paper.judging.evidence import Evidence
from paper.measures.pruning import removal_steps

PLACES = {method: place for place, method in enumerate(METHODS)}
SOFTMAX = {"softhebb", "gmm", "infomax_softmax"}


def explain(**tables):
    return explained(Evidence(pd.DataFrame(), extra=tables))


def of_all(column, value):
    """The baselines' table with one measure that depends on the method's place."""
    return baselines({m: {column: value(place)} for m, place in PLACES.items()})


def test_without_tables_there_is_nothing_to_explain():
    assert set(explain().values()) == {""}
    assert set(explain()) == {"002.12", "002.13", "002.14", "002.15"}


@pytest.mark.parametrize(("sign", "word"), [(1, "rises with"), (-1, "falls with")])
def test_relation_of_uniqueness_and_need_has_its_direction(sign, word):
    shares = {m: 0.1 + 0.02 * place for m, place in PLACES.items()}
    r2 = of_all("held_out_r2", lambda place: 0.5 + sign * 0.01 * place)
    text = explain(baselines=r2, pruning=pruning(shares, units=100))["002.12"]
    assert f"the removable share {word} how well" in text
    left = len(METHODS) - len(SOFTMAX) - 1
    assert f"over {left} methods" in text  # without the ceiling and what sums to one
    pca = max(step for step in removal_steps(100) if step <= 100 * shares["pca"])
    assert f"{LABELS['pca']} {0.5 + sign * 0.01 * PLACES['pca']:.2f} and {pca:.0f} %" in text


def test_no_relation_is_said_to_be_none():
    few = METHODS[:20]
    noise = dict(zip(few, np.random.default_rng(0).permutation(len(few)), strict=True))
    r2 = baselines({m: {"held_out_r2": 0.5 + 0.01 * n} for m, n in noise.items()}, few)
    shares = {m: 0.1 + 0.02 * PLACES[m] for m in few}
    text = explain(baselines=r2, pruning=pruning(shares, units=100, methods=few))["002.12"]
    chosen = [m for m in few if m not in SOFTMAX | {"supervised"}]
    rho = stats.spearmanr([PLACES[m] for m in chosen], [noise[m] for m in chosen]).statistic
    assert abs(rho) < 0.3
    assert "has no clear relation to how well the other units predict a unit (rank " in text
    assert f"{rho:.1f}".replace("-", "−") in text


def test_families_are_set_beside_the_own_probe():
    home = of_all("probe_accuracy", lambda place: 0.6 + 0.01 * place)
    accuracy = {
        (m, family): 0.5 + sign * 0.01 * place
        for m, place in PLACES.items()
        for family, sign in (("rotation", 1), ("datasets", -1))
    }
    table = transfer(accuracy, ["rotation", "datasets"])
    table["target"] = "mnist, " + table["target"]
    elsewhere = table.assign(
        target="fashion-" + table["target"], accuracy=1 - table["accuracy"]
    )  # encoders of another dataset, which have another home
    both = pd.concat([table, elsewhere])
    text = explain(baselines=home, transfer=both)["002.13"]
    assert "the probe on MNIST itself" in text
    assert "accuracy on “rotation” rises with it (rank correlation 1" in text
    assert "accuracy on “datasets” falls with it (rank correlation −1" in text
    assert "classes" not in text
    assert explain(baselines=home, transfer=elsewhere)["002.13"] == ""


def test_gain_of_doubling_beside_the_lead_at_equal_width():
    def ours(method, width):
        return 0.8 if width == 32 else 0.82

    def theirs(method, width):
        return {32: 0.79, 64: 0.85}[width] if method == "simclr" else 0.5

    table = widths(ours, theirs, dims=(32, 64), methods=("simclr", "pca", *list(METHODS)[-3:]))
    text = explain(widths=table)["002.14"]
    assert "from 32 to 64 units SimCLR gains 6" in text
    assert text.count("gains") == 2  # the sentence, and the one width that has its double
    assert "at 32 the lead of" in text
    small = table[table["hidden_dim"] == 32].pivot(
        index="seed", columns="method", values="probe_accuracy"
    )
    lead = 100 * (small["infomax_relu"] - small["simclr"]).mean()
    assert f"over it is {lead:.1f}" in text
    assert explain(widths=table[table["hidden_dim"] == 32])["002.14"] == ""


def test_names_and_the_gap_are_set_beside_dependence():
    dependent = of_all("hsic", lambda place: 0.01 * (1 + place))
    measures = factors(
        {m: {"named_units": 0.01 * p, "mig": 0.5 - 0.01 * p} for m, p in PLACES.items()}
    )
    text = explain(baselines=dependent, factors=measures)["002.15"]
    assert "with a name rises with HSIC (rank correlation 1" in text
    assert "to hold a factor alone, falls with it (rank correlation −1" in text
    few = list(METHODS)[:5]
    assert (
        explain(baselines=dependent[dependent["method"].isin(few)], factors=measures)["002.15"]
        == ""
    )
