"""Sentences of the prior-art chapter follow from its tables."""

from __future__ import annotations

import pandas as pd
import pytest

from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.words import (
    beats_every_baseline,
    budget_answer,
    coverage,
    coverage_table,
    recommendation,
)

SEEDS = range(6)
PLAIN = {"untrained": 0.8, "pca": 0.86, "autoencoder": 0.88, "supervised": 0.97}


def table(**means):
    """One row per method and seed; seeds differ a little, and alike for all methods."""
    rows = [
        {
            "method": method,
            "seed": seed,
            "hidden_dim": 64,
            "probe_accuracy": mean + 2e-4 * (seed * len(method) % 5 - 2),
            "failed": None,
        }
        for method, mean in (PLAIN | means).items()
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


WINNING = table(infomax_relu=0.93, simclr=0.92)
LOSING = table(infomax_relu=0.87, infomax_softmax=0.8, simclr=0.92)


def test_ceiling_and_control_are_no_baselines():
    assert beats_every_baseline(WINNING, "infomax_relu")
    assert not beats_every_baseline(LOSING, "infomax_relu")
    assert not beats_every_baseline(table(infomax_relu=0.92, simclr=0.92), "infomax_relu")


def test_own_configuration_is_recommended_only_if_it_wins_everywhere():
    text = recommendation({"mnist": WINNING, "fashion-mnist": WINNING})
    assert text.startswith("InfoMax A (ReLU): ")
    assert "MNIST and on Fashion-MNIST" in text
    text = recommendation({"mnist": WINNING, "fashion-mnist": LOSING})
    assert text.startswith("No configuration of this work has a better linear probe than every ")
    assert "baseline on MNIST and on Fashion-MNIST." in text
    assert "On MNIST, use InfoMax A (ReLU): InfoMax A (ReLU) lies" in text
    assert "On Fashion-MNIST, use SimCLR" in text


def test_two_that_cannot_be_told_apart_are_both_named():
    for probe in (0.9199, 0.92, 0.9201):
        text = recommendation({"mnist": table(infomax_relu=probe, simclr=0.92)})
        assert "use one of the two best: SimCLR and InfoMax A (ReLU) cannot be told apart" in text
        assert "views" not in text


def test_winning_at_equal_cost_only_is_said():
    text = recommendation({"mnist": LOSING}, {"mnist": WINNING})
    assert "At equal training cost InfoMax A (ReLU) is better there than every baseline" in text
    assert "equal training cost" not in recommendation({"mnist": LOSING}, {"mnist": LOSING})
    assert "equal training cost" not in recommendation({"mnist": WINNING}, {"mnist": WINNING})


def test_otherwise_the_best_baseline_is_and_the_best_without_views():
    text = recommendation({"mnist": LOSING})
    assert "use SimCLR: SimCLR lies " in text
    assert "without such views, use autoencoder: autoencoder lies " in text
    text = recommendation({"mnist": table(infomax_relu=0.7)})
    assert "views" not in text


def test_equal_cost_names_who_leads_now():
    assert "baseline is SimCLR; InfoMax A (ReLU) lies" in budget_answer(LOSING, LOSING)
    changed = table(infomax_relu=0.87, simclr=0.5)
    assert "baseline is autoencoder, no longer SimCLR" in budget_answer(LOSING, changed)


def test_coverage_counts_methods_seeds_and_failures():
    some = LOSING[~((LOSING["method"] == "pca") & (LOSING["seed"] > 1))].copy()
    some.loc[some["method"] == "simclr", "failed"] = "diverged"
    found = coverage_table({("mnist", "equal epochs"): some})
    assert found.to_dict("records") == [
        {
            "dataset": "MNIST",
            "K": 64,
            "budget": "equal epochs",
            "methods": f"7 of {len(LABELS)}",
            "seeds": "2 to 6",
            "failed fits": len(SEEDS),
        }
    ]
    text = coverage({("mnist", "equal epochs"): some, ("digits", "equal cost"): LOSING})
    of_all = f"7 of {len(LABELS)} methods, 2 to 6 seeds"
    assert f"MNIST at K = 64 (equal epochs: {of_all}); digits at K" in text


def test_nothing_of_this_work_is_an_error():
    with pytest.raises(ValueError, match="none of"):
        recommendation({"mnist": table(simclr=0.9)})
