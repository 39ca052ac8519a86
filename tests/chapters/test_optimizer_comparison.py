"""The page on the optimizers compares by the probe that decides."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from paper.chapters.optimizer_comparison import rates as module
from paper.chapters.optimizer_comparison.words import (
    answer,
    sentence_best,
    sentence_steps,
)
from paper.figures.style import label

RATES = (0.01, 0.1, 1.0)
#: Under the softmax SGD is best at 1 before it, and at 0.01 after it.
BEFORE = {"sgd": (0.80, 0.81, 0.83), "adam": (0.82, 0.70, 0.60)}
AFTER = {"sgd": (0.70, 0.60, 0.50), "adam": (0.65, 0.60, 0.50)}


@pytest.fixture
def runs():
    rows = []
    grid = itertools.product(("none", "softmax"), ("sgd", "adam"), range(3), range(5))
    for competition, optimizer, n, seed in grid:
        before = 0.8 if competition == "none" else BEFORE[optimizer][n]
        after = before if competition == "none" else AFTER[optimizer][n]
        rows.append(
            {
                "competition": competition,
                "optimizer": optimizer,
                "learning_rate": RATES[n],
                "seed": seed,
                "probe_accuracy_pre": before + 0.001 * seed,
                "probe_accuracy": after + 0.001 * seed,
                "loss": 1.0,
                "row_norm": 1.0,
                "hidden_dim": 16,
                "diverged_at": None,
            }
        )
    return module.with_losses(pd.DataFrame(rows))


def test_best_rates_are_chosen_by_the_probe_that_is_compared(runs):
    before = module.adam_minus_sgd(runs, RATES)
    after = module.adam_minus_sgd(runs, RATES, module.PROBE_AFTER)
    assert before["softmax", "each at its best"].mean == pytest.approx(-0.01)  # 0.82 − 0.83
    assert after["softmax", "each at its best"].mean == pytest.approx(-0.05)  # 0.65 − 0.70
    assert before["softmax", "1"].mean == pytest.approx(-0.23)
    assert before["none", "0.1"].mean == pytest.approx(0)


def test_sentences_rest_on_the_probe_before_the_softmax(runs):
    means = module.mean_probe(runs)
    assert "SGD with softmax 1 (0.832)" in sentence_best(runs, means)
    assert "SGD stays within one point of its best rate at 3 of 3" in sentence_steps(means)
    assert "and at 1 with it; Adam at 3 and 1" in sentence_steps(means)
    places = [("softmax", module.PROBE), ("none", module.PROBE), ("softmax", module.PROBE_AFTER)]
    gaps = [
        module.adam_minus_sgd(runs, RATES, probe)[competition, "each at its best"]
        for competition, probe in places
    ]
    found = answer(*gaps)
    assert "is −1 [−1, −1] points with softmax" in found
    assert "After the softmax it is −5 " in found


@pytest.mark.usefixtures("house_style")
def test_panels_before_and_after_the_softmax(runs):
    none, before, after = module.probes_along_rates(runs, runs.assign(epoch=0)).axes
    assert "before" not in none.get_title()
    assert before.get_title().endswith("before the softmax")
    assert after.get_title().endswith("after the softmax")
    assert after.get_xlabel() == label("learning_rate")
    assert before.get_ylim()[1] > 0.8 > after.get_ylim()[1]
