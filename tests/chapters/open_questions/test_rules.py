"""Verdicts on the open questions follow the tables: both ways, in between, and when they lack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from question_worlds import (
    AGAINST,
    DENIED,
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
    stacks_compose,
    transfer_well,
    wide,
)
from scipy import stats

from infomax_lib.stats import rank_correlation
from paper.chapters import judge, judge_claim, registry
from paper.judging.evidence import Evidence

CHAPTER = "open_questions"


def verdict(claim_id, **changes):
    return judge_claim(claim_id, evidence(TABLES[claim_id], changes))


CLAIMS = [i for i, c in registry().items() if c.chapter == CHAPTER]


def test_every_open_question_has_a_rule_here():
    wanted = [f"000.{n}" for n in range(30, 35)]
    wanted += [f"001.{n}" for n in (*range(21, 26), 27)] + [f"002.{n}" for n in range(20, 24)]
    assert wanted == CLAIMS
    assert set(SUPPORTED) == set(DENIED) == set(AGAINST) == set(TABLES) == set(CLAIMS)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_yes_where_the_tables_say_yes(claim_id):
    found = verdict(claim_id, **SUPPORTED[claim_id])
    assert found.interpretation_verdict == "supported", found.evidence
    assert found.runs > 0
    assert found.seeds == len(SEEDS)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_no_where_the_tables_say_no(claim_id):
    found = verdict(claim_id, **DENIED[claim_id])
    assert found.interpretation_verdict == AGAINST[claim_id], found.evidence


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_without_the_experiment_it_is_not_measured_and_named(claim_id):
    found = judge(CHAPTER, Evidence(pd.DataFrame())).find(claim_id)
    assert found.interpretation_verdict == "not measured"
    assert "needs the table" in found.evidence


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_three_seeds_decide_nothing(claim_id):
    whole = evidence(TABLES[claim_id], SUPPORTED[claim_id])
    few = {n: t[t["seed"] < 3] for n, t in whole.extra.items()}
    found = judge_claim(claim_id, Evidence(whole.runs, extra=few))
    assert found.interpretation_verdict == "not measured", found.evidence


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_verdicts_say_what_they_rest_on(claim_id):
    found = verdict(claim_id, **SUPPORTED[claim_id])
    assert found.effect
    assert found.stands_for
    assert found.false_support is not None
    # what was judged before the rules had one part that decides
    assert bool(found.before) == bool(found.amended) == (claim_id != "001.27")


# ----------------------------------------------------------------------------- between yes and no


def test_one_layer_that_loses_information_is_enough_against_each():
    def lost(v):
        gain = 0.1 * (-1 if v["level"] == 1 else 1)
        return {"lower": 4 + gain * v["epoch"]}

    found = verdict("001.27", layerwise=lost)
    assert found.interpretation_verdict == "not supported", found.evidence


def test_what_other_forms_of_a_layer_do_decides_nothing_about_the_source_s():
    def others(v):
        return {"lower": 4 + 0.1 * v["epoch"] * (1 if v["form"] == "source" else -1)}

    assert verdict("001.27", layerwise=others).interpretation_verdict == "supported"


def test_one_width_alone_does_not_make_an_activation_matter():
    def once(v):
        hit = v["activation"] == "tanh" and v["hidden_dim"] == 32
        return {"weight_redundancy": 2.0 if hit else 1.0}

    assert verdict("000.30", activations=once).interpretation_verdict == "not supported"


def test_opposite_directions_do_not_add_up():
    def torn(v):
        by_width = {16: 2.0, 32: 1.0, 64: 0.5}
        return {
            "weight_redundancy": by_width[v["hidden_dim"]] if v["activation"] == "tanh" else 1.0
        }

    assert verdict("000.30", activations=torn).interpretation_verdict == "not supported"


def test_differences_in_few_seeds_leave_the_activation_open():
    """Seven seeds up, three down: the interval holds the limit, and more seeds would decide."""

    def uneven(v):
        if v["activation"] != "tanh":
            return {}
        return {
            "weight_redundancy": 1.9 if v["seed"] < 7 else 0.9,
            "probe_accuracy": 0.9 if v["seed"] < 7 else 0.78,
        }

    found = verdict("000.30", activations=uneven)
    assert "redundancy — underpowered" in found.evidence
    assert found.interpretation_verdict == "underpowered"


def test_an_interval_beyond_the_limit_counts_only_with_the_corrected_test():
    """Eight seeds up, two down: beyond the limit, but nine comparisons ask for more."""

    def uneven(v):
        more = 3.0 if v["seed"] >= 2 else 0.95
        return {"weight_redundancy": more} if v["activation"] == "tanh" else {}

    found = verdict("000.30", activations=uneven)
    assert "redundancy — underpowered" in found.evidence


def test_an_activation_that_changes_one_of_the_two_measures_is_mixed_and_named():
    change = {"weight_redundancy": 2.0, "probe_accuracy_pre": 0.7}
    found = verdict("000.30", activations=activation(tanh=change))
    assert found.interpretation_verdict == "mixed"
    assert "(tanh more at K=16, 32, 64)" in found.evidence
    assert "probe — fails: not affected" in found.evidence
    assert "probe before softmax — holds: affected" in found.evidence


def test_only_the_probe_before_the_softmax_does_not_decide():
    change = {"probe_accuracy_pre": 0.7, "dead_units": 8.0}
    found = verdict("000.30", activations=activation(tanh=change))
    assert found.interpretation_verdict == "not supported"


def test_activations_that_the_source_does_not_name_are_told_apart():
    change = {"weight_redundancy": 2.0, "probe_accuracy": 0.7}
    found = verdict("000.30", activations=activation(softplus=change))
    assert found.interpretation_verdict == "supported"
    assert "probe, identity and tanh — fails" in found.evidence


def test_one_width_that_fails_is_enough_against_carrying_over():
    def one(v):
        return scale_same(v) | ({"output_correlation": 5.0} if wide(v) and softmax(v) else {})

    found = verdict("000.31", scale=one)
    assert found.interpretation_verdict == "mixed"
    assert "(a) redundancy against no softmax — holds" in found.evidence
    assert "(b) correlation over floor — fails" in found.evidence


def test_architectures_at_unequal_pressure_do_not_decide_carrying_over():
    """At λ_tc = 1 A is the less redundant one; at the same λ_tc = 0 it is B."""

    def torn(v):
        pressed = not softmax(v) and v["lambda_tc"] == 1.0
        low = {"redundancy_over_random": 0.1, "weight_redundancy": 0.1}
        return scale_same(v) | (low if pressed else {})

    assert verdict("000.31", scale=torn).interpretation_verdict == "supported"


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


def test_wider_layers_that_are_better_untrained_do_not_scale():
    """Every step to more units pays, and training adds nothing at the widest."""

    def born(v):
        return scale_same(v) | ({"untrained_probe_accuracy": 0.88} if wide(v) else {})

    found = verdict("002.20", scale=born)
    assert found.interpretation_verdict == "not supported"
    assert "each step pays — holds" in found.evidence


def test_convergence_at_scale_is_noticed():
    """A and B still differ by more than the limits, but by less than half as much."""

    def closer(v):
        k = v["hidden_dim"]
        extra = {16: 3.0, 64: 2.0, 256: 1.3}[k] if not softmax(v) else 1.0
        before = {16: 0.2, 64: 0.1, 256: 0.02}[k] if softmax(v) else 0.0
        return {"weight_redundancy": k * extra, "probe_accuracy_pre": 0.6 + before}

    found = verdict("002.22", scale=closer)
    assert found.interpretation_verdict == "supported"
    assert "probe differs — holds" in found.evidence
    assert "probe does not converge — fails" in found.evidence


def codes(**gaps):
    """CKA of A with B this far from that of two seeds after training, by width or by layer."""

    def measure(v):
        own = gaps["by"][v["hidden_dim"] if v["level"] == 1 else v["level"]]
        across = 0.7 - own if v["epochs"] else 0.7
        return {"across": across, "within_a": 0.8, "within_b": 0.6}

    return measure


@pytest.mark.parametrize(
    ("gaps", "alike", "closer"),
    [
        ({16: 0.3, 64: 0.3, 2: 0.3, 3: 0.3, 256: 0.3}, "holds", "fails"),
        ({16: 0.3, 64: 0.3, 2: 0.2, 3: 0.05, 256: 0.05}, "fails", "holds"),
        ({16: 0.2, 64: 0.2, 2: 0.2, 3: 0.4, 256: 0.4}, "holds", "opposite"),
        ({16: -0.1, 64: -0.1, 2: -0.1, 3: -0.1, 256: -0.1}, "opposite", "fails"),
    ],
)
def test_codes_that_are_as_alike_as_two_seeds_are_noticed(gaps, alike, closer):
    found = verdict("002.22", scale=scale_same, similarities=codes(by=gaps))
    assert found.interpretation_verdict == "supported"
    for way in ("width", "layer"):
        assert f"codes less alike than two seeds, by {way} — {alike}" in found.evidence
        assert f"gap closes with {way} — {closer}" in found.evidence


def test_codes_of_one_width_leave_the_verdict_and_are_said_to_be_missing():
    whole = evidence(["scale", "similarities"], {"scale": scale_same})
    alike = whole.extra["similarities"]
    extra = {**whole.extra, "similarities": alike[alike["hidden_dim"] == 16]}
    found = judge_claim("002.22", Evidence(whole.runs, extra=extra))
    assert found.interpretation_verdict == "supported"
    assert "gap closes with width — not measured" in found.evidence


def test_a_bar_that_all_places_share_is_said_once():
    found = verdict("000.33", stacks=stacks_compose)
    assert found.effect.count("against") == 1
    assert found.effect.endswith("against 1 points")


def test_one_target_on_which_features_do_not_transfer_is_enough():
    def one(v):
        bad = v["target"] == "fashion-mnist" and v["method"] == "infomax_softmax"
        return {"probe_accuracy": 0.5} if bad else transfer_well(v)

    found = verdict("000.32", transfer=one)
    assert found.interpretation_verdict == "not supported"


def test_features_that_transfer_may_be_below_pca():
    def below(v):
        return {"probe_accuracy": 0.95} if v["method"] == "pca" else transfer_well(v)

    found = verdict("000.32", transfer=below)
    assert found.interpretation_verdict == "supported"
    assert "B, not below PCA — opposite" in found.evidence


def test_a_named_mechanism_that_lowers_redundancy_by_less_does_not_do_the_same():
    def one(v):
        half = v["mechanism"] == "sparsemax"
        return competitions_same(v) | ({"weight_redundancy": 2.0} if half else {})

    found = verdict("000.34", competitions=one)
    assert found.interpretation_verdict == "not supported"
    assert "sparsemax: 50" in found.evidence


def test_a_mechanism_that_is_not_named_does_not_decide():
    def one(v):
        bad = v["mechanism"] == "top_k of 4"
        return competitions_same(v) | ({"weight_redundancy": 9.0} if bad else {})

    found = verdict("000.34", competitions=one)
    assert found.interpretation_verdict == "supported"
    assert "others' share — opposite" in found.evidence


def test_temperatures_are_no_mechanism_of_their_own():
    assert "T = 0.1" not in verdict("000.34", competitions=competitions_same).evidence


def test_softmax_without_effect_leaves_nothing_to_share():
    found = verdict("000.34", competitions=lambda v: {})
    assert found.interpretation_verdict == "not measured"
    assert "the softmax lowers nothing" in found.evidence


def test_a_mechanism_that_is_informative_and_redundant_is_mixed():
    def one(v):
        return {"weight_redundancy": 3.0 if v["mechanism"] == "top_k of 4" else 1.0}

    found = verdict("001.23", competitions=one)
    assert found.interpretation_verdict == "mixed"
    assert "(a) probe above untrained — holds" in found.evidence
    assert "(b) redundancy over the softmax's — fails" in found.evidence


def test_redundancy_against_random_pixels_does_not_decide_on_hyperplanes():
    def alike(v):
        return {"output_correlation": 0.1, "redundancy_over_random": 6.0}

    found = verdict("001.21", hyperplanes=alike)
    assert found.interpretation_verdict == "supported"
    assert "loss on z, redundancy over random — fails" in found.evidence


def test_one_weight_at_which_both_signals_get_along_is_enough():
    """The weight with the best probe costs independence, a smaller one does not."""

    def guided(v):
        costly = v["lambda_ce"] == 1.0
        probe = {0.0: 0.8, 0.1: 0.84, 1.0: 0.9}[v["lambda_ce"]]
        return {"probe_accuracy": probe, "output_correlation": 2.0 if costly else 1.0}

    found = verdict("001.24", auxiliary=guided)
    assert found.interpretation_verdict == "supported"
    assert "A, λ_ce=1, output correlation opposite" in found.evidence


def test_a_weight_that_helps_nowhere_without_cost_is_not_enough():
    def guided(v):
        more = v["lambda_ce"] > 0
        return {"probe_accuracy": 0.8 + 0.1 * more, "output_correlation": 1.0 + more}

    assert verdict("001.24", auxiliary=guided).interpretation_verdict == "not supported"


def test_hsic_training_that_removes_nothing_does_not_decide_on_the_approximation():
    found = verdict("001.25", objectives=hsic_left(infomax=0.003, log_det=0.003, hsic=0.02))
    assert "without softmax — not measured" in found.evidence
    assert "removes nothing" in found.evidence
    assert found.interpretation_verdict == "supported"


def test_share_is_that_of_the_excess_over_the_sampling_floor():
    found = verdict("001.25", objectives=hsic_left(infomax=0.011, log_det=0.0065, hsic=0.002))
    # of all: 0.009 and 0.0135 of 0.02; of what HSIC removes: of 0.018
    assert "decorrelation, HSIC: 45" in found.evidence
    assert "without softmax — fails: decorrelation: 50" in found.evidence
    assert "log det: 75" in found.evidence


def test_what_the_best_weight_costs_informs():
    def costly(v):
        left = hsic_left(infomax=0.001, log_det=0.003, hsic=0.002)(v)
        return left | {"probe_accuracy": 0.6 if v["lambda_tc"] == 1 else 0.8}

    found = verdict("001.25", objectives=costly)
    assert found.interpretation_verdict == "supported"
    assert "what decorrelation costs — opposite: −20" in found.evidence


def test_cofiring_alone_is_enough_against_the_approximation():
    def unseen(v):
        seen = hsic_left(infomax=0.003, log_det=0.003, hsic=0.002)(v)
        return seen | {"cofiring_excess": 0.1 if v["lambda_tc"] == 0 else 0.06}

    found = verdict("001.25", objectives=unseen)
    assert found.interpretation_verdict == "not supported"
    assert "decorrelation, co-firing: 40" in found.evidence


def test_costs_of_depth_below_those_of_random_layers_do_not_decide():
    def lossy(v):
        """Both fall with depth; the trained stack by less."""
        slope = {"greedy": -0.02, "random": -0.1, "end_to_end": 0.0}[v["training"]]
        return {"probe_accuracy": 0.8 + slope * (v["depth"] - 1)}

    found = verdict("002.23", stacks=lossy)
    assert found.interpretation_verdict == "refuted"
    assert "change less that of random — holds" in found.evidence


def test_depth_that_neither_pays_nor_costs_composes_sensibly():
    found = verdict("002.23", stacks=lambda v: {"probe_accuracy": 0.8})
    assert found.interpretation_verdict == "supported"
    assert "depth pays — fails" in found.evidence


def test_comparisons_that_do_not_judge_are_reported():
    found = verdict("000.32", transfer=transfer_well)
    assert "B − pixels" in found.evidence
    assert "A − untrained" in found.evidence


def test_few_pressures_give_no_trend():
    whole = evidence(["robustness"], {"robustness": independence_pays})
    table = whole.extra["robustness"]
    few = {"robustness": table[table["n"] < 3]}
    found = judge_claim("002.21", Evidence(whole.runs, extra=few))
    assert found.interpretation_verdict == "not measured"
    assert "at 4 or more λ_tc" in found.evidence


def test_configurations_that_differ_in_more_do_not_decide_on_the_target():
    """Within A independence pays; B is more robust and less independent than all of A."""

    def confounded(v):
        found = independence_pays(v)
        if v["mechanism"] == "softmax":
            found |= {"output_correlation": 100.0, "noise_retained": 0.99, "loss_retained": 0.99}
        return found

    assert verdict("002.21", robustness=confounded).interpretation_verdict == "supported"


def test_robustness_of_one_kind_is_not_enough():
    def torn(v):
        return independence_pays(v) | {"loss_retained": 0.9 - 0.02 * v["n"]}

    found = verdict("002.21", robustness=torn)
    assert found.interpretation_verdict == "not supported"


def test_robustness_that_stays_the_same_is_no_relation():
    def flat(v):
        return independence_pays(v) | {"noise_retained": 0.9, "loss_retained": 0.9}

    found = verdict("002.21", robustness=flat)
    assert found.interpretation_verdict == "not supported"


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
