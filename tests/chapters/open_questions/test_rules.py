"""Verdicts on the open questions follow the tables: both ways, in between, and when they lack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from question_worlds import (
    REFUTED,
    SEEDS,
    SUPPORTED,
    TABLES,
    activation,
    competitions_same,
    evidence,
    hsic_left,
    independence_pays,
    scale_same,
    softmax,
    transfer_well,
    wide,
)
from scipy import stats

from infomax_lib.stats import rank_correlation
from paper.chapters import judge, registry
from paper.judging.evidence import Evidence

CHAPTER = "open_questions"


def verdict(claim_id, **changes):
    return judge(CHAPTER, evidence(TABLES[claim_id], changes)).find(claim_id)


CLAIMS = [i for i, c in registry().items() if c.chapter == CHAPTER]


def test_every_open_question_has_a_rule_here():
    wanted = [f"000.{n}" for n in range(30, 35)]
    wanted += [f"001.{n}" for n in range(21, 26)] + [f"002.{n}" for n in range(20, 24)]
    assert wanted == CLAIMS
    assert set(SUPPORTED) == set(REFUTED) == set(TABLES) == set(CLAIMS)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_yes_where_the_tables_say_yes(claim_id):
    found = verdict(claim_id, **SUPPORTED[claim_id])
    assert found.interpretation_verdict == "supported", found.evidence
    assert found.runs > 0
    assert found.seeds == len(SEEDS)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_no_where_the_tables_say_no(claim_id):
    found = verdict(claim_id, **REFUTED[claim_id])
    assert found.interpretation_verdict == "refuted", found.evidence


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_without_the_experiment_it_is_open_and_named(claim_id):
    found = judge(CHAPTER, Evidence(pd.DataFrame())).find(claim_id)
    assert found.interpretation_verdict == "inconclusive"
    assert "needs the table" in found.evidence


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_three_seeds_decide_nothing(claim_id):
    whole = evidence(TABLES[claim_id], SUPPORTED[claim_id])
    few = {n: t[t["seed"] < 3] for n, t in whole.extra.items()}
    found = judge(CHAPTER, Evidence(whole.runs, extra=few)).find(claim_id)
    assert found.interpretation_verdict == "inconclusive", found.evidence


# ----------------------------------------------------------------------------- between yes and no


def test_one_width_alone_does_not_make_an_activation_matter():
    def once(v):
        hit = v["activation"] == "tanh" and v["hidden_dim"] == 32
        return {"weight_redundancy": 2.0 if hit else 1.0}

    assert verdict("000.30", activations=once).interpretation_verdict == "inconclusive"


def test_opposite_directions_do_not_add_up():
    def torn(v):
        by_width = {16: 2.0, 32: 1.0, 64: 0.5}
        return {
            "weight_redundancy": by_width[v["hidden_dim"]] if v["activation"] == "tanh" else 1.0
        }

    assert verdict("000.30", activations=torn).interpretation_verdict == "inconclusive"


def test_a_large_difference_in_few_seeds_is_not_significant():
    """Seven seeds down, three up: the interval may lie apart, the corrected test may not."""

    def uneven(v):
        if v["activation"] != "tanh":
            return {}
        return {"weight_redundancy": 1.9 if v["seed"] < 7 else 0.9}

    found = verdict("000.30", activations=uneven)
    assert "redundancy: open" in found.evidence
    assert found.interpretation_verdict == "inconclusive"


def test_what_an_activation_changes_is_named():
    change = {"weight_redundancy": 2.0, "probe_accuracy_pre": 0.7}
    found = verdict("000.30", activations=activation(tanh=change))
    assert "redundancy: affected (tanh more at K=16, 32, 64)" in found.evidence
    assert "probe: not affected" in found.evidence
    assert "probe before softmax: affected (tanh less" in found.evidence


def test_only_the_probe_before_the_softmax_does_not_decide():
    change = {"probe_accuracy_pre": 0.7, "dead_units": 8.0}
    found = verdict("000.30", activations=activation(tanh=change))
    assert found.interpretation_verdict == "refuted"


def test_one_width_that_fails_is_enough_against_carrying_over():
    def one(v):
        return scale_same(v) | ({"dead_units": 100.0} if wide(v) and softmax(v) else {})

    found = verdict("000.31", scale=one)
    assert found.interpretation_verdict == "mixed"
    assert "(a) dead units — fails" in found.evidence


def test_widest_layer_with_three_seeds_is_left_out():
    more = evidence(["scale"], {"scale": scale_same})
    scale = more.extra["scale"]
    widest = scale[(scale["hidden_dim"] == 256) & (scale["seed"] < 3)]
    widest = widest.assign(hidden_dim=1024, dead_units=1024.0, probe_accuracy=0.0)
    extra = {**more.extra, "scale": pd.concat([scale, widest])}
    verdicts = judge(CHAPTER, Evidence(more.runs, extra=extra))
    for claim_id in ("000.31", "002.20", "002.22"):
        assert verdicts.find(claim_id).interpretation_verdict == "supported"
        assert "1024" not in verdicts.find(claim_id).evidence


def test_convergence_at_scale_is_noticed():
    """A and B still differ by more than the limits, but by less than half as much."""

    def closer(v):
        k = v["hidden_dim"]
        extra = {16: 3.0, 64: 2.0, 256: 1.3}[k] if not softmax(v) else 1.0
        before = {16: 0.2, 64: 0.1, 256: 0.02}[k] if softmax(v) else 0.0
        return {"weight_redundancy": k * extra, "probe_accuracy_pre": 0.6 + before}

    found = verdict("002.22", scale=closer)
    assert found.interpretation_verdict == "mixed"
    assert "(b) probe differs — holds" in found.evidence
    assert "(d) probe does not converge — fails" in found.evidence


def test_a_mechanism_that_fails_beside_others_that_hold_is_mixed():
    def one(v):
        bad = v["mechanism"] == "sparsemax"
        return competitions_same(v) | ({"dead_units": 12.0} if bad else {})

    found = verdict("000.34", competitions=one)
    assert found.interpretation_verdict == "mixed"
    assert "sparsemax — fails" in found.evidence
    assert "group_softmax of 4 — holds" in found.evidence


def test_temperatures_are_no_mechanism_of_their_own():
    assert "T = 0.1" not in verdict("000.34", competitions=competitions_same).evidence


def test_softmax_without_effect_leaves_mechanisms_open():
    found = verdict("000.34", competitions=lambda v: {})
    assert found.interpretation_verdict == "inconclusive"


def test_share_is_open_where_hsic_training_removes_nothing():
    found = verdict("001.25", objectives=hsic_left(infomax=0.003, log_det=0.003, hsic=0.02))
    assert "removes nothing" in found.evidence
    assert found.interpretation_verdict == "inconclusive"


def test_share_is_that_of_the_excess_over_the_sampling_floor():
    found = verdict("001.25", objectives=hsic_left(infomax=0.011, log_det=0.0065, hsic=0.002))
    # 0.009 and 0.0135 of 0.018: one half and three quarters
    assert "(a) removed by decorrelation — fails: 50" in found.evidence
    assert "(b) removed by log det — fails: 75" in found.evidence


def test_depth_is_judged_against_what_random_layers_lose():
    def lossy(v):
        """Both fall with depth; the trained stack by less."""
        slope = {"greedy": -0.02, "random": -0.1, "end_to_end": 0.0}[v["training"]]
        return {"probe_accuracy": 0.8 + slope * (v["depth"] - 1)}

    found = verdict("002.23", stacks=lossy)
    assert found.interpretation_verdict == "mixed"
    assert "A, above one layer — fails" in found.evidence
    assert "A, change less that of random stacks — holds" in found.evidence


def test_comparisons_that_do_not_judge_are_reported():
    found = verdict("000.32", transfer=transfer_well)
    assert "B − pixels" in found.evidence
    assert "A − untrained" in found.evidence


def test_few_configurations_give_no_rank_correlation():
    whole = evidence(["robustness"], {"robustness": independence_pays})
    table = whole.extra["robustness"]
    few = {"robustness": table[table["n"] < 7]}
    found = judge(CHAPTER, Evidence(whole.runs, extra=few)).find("002.21")
    assert "at least 8 configurations" in found.evidence


# ------------------------------------------------------------------------------ rank correlation


def test_rank_correlation_is_spearmans_with_ties():
    generator = np.random.default_rng(3)
    x = generator.integers(0, 5, 40)
    y = x + generator.normal(size=40)
    found = rank_correlation(x, y)
    assert found.mean == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert found.low < found.mean < found.high
    assert found.n == 40


def test_interval_of_a_rank_correlation_covers_the_truth():
    """Bivariate normal with correlation r has Spearman's 6/π asin(r/2)."""
    truth = 6 / np.pi * np.arcsin(0.7 / 2)
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        x, noise = generator.normal(size=(2, 40))
        found = rank_correlation(x, 0.7 * x + np.sqrt(1 - 0.49) * noise)
        covered += found.low <= truth <= found.high
    assert 51 <= covered <= 60


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_pairs_have_rank_correlation_one(sign):
    x = np.arange(9.0)
    found = rank_correlation(x, sign * np.exp(x))
    assert (found.mean, found.low, found.high) == pytest.approx((sign, sign, sign))


def test_degenerate_rank_correlations():
    constant = rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
    assert constant.n == 0
    assert np.isnan(constant.mean)
    three = rank_correlation([1, 2, 3], [1, 2, 3])
    assert three.mean == pytest.approx(1)
    assert np.isnan(three.low)
    holes = rank_correlation([1, 2, np.nan, 4, 5, 6], [1, 2, 3, np.inf, 5, 7])
    assert (holes.n, holes.dropped) == (4, 2)
    with pytest.raises(ValueError, match="2 and 3"):
        rank_correlation([1, 2], [1, 2, 3])
