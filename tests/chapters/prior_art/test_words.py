"""Sentences of the prior-art chapter follow from its tables."""

import re

import numpy as np
import pandas as pd
import pytest
from prior_art_worlds import METHODS, baselines, factors, pruning, transfer, widths
from scipy import stats

from paper.chapters import judge_claim
from paper.chapters.prior_art.advice import advice, beats_every_baseline, recommendation
from paper.chapters.prior_art.comparison import EQUALS, LABELS, leaders
from paper.chapters.prior_art.words import (
    against_the_best,
    before_softmax,
    budget_answer,
    coverage,
    coverage_table,
    dead_units,
    edges,
    elsewhere,
    explained,
    judged,
    measured,
    not_linear,
    takeaway,
)
from paper.judging.evidence import Evidence
from paper.judging.verdicts import Verdict
from paper.measures.pruning import removal_steps

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


def test_advice_is_the_recommendation_without_numbers():
    assert advice({"mnist": WINNING}) == "On MNIST, InfoMax A (ReLU) has the best linear probe."
    equal = table(infomax_relu=0.92, simclr=0.92)
    assert advice({"mnist": equal}).startswith(
        "On MNIST, SimCLR and InfoMax A (ReLU) have the best"
    )
    assert "On MNIST, SimCLR has the best" in (
        text := advice({"fashion-mnist": WINNING, "mnist": LOSING})
    )
    assert text.endswith("where nobody can say, autoencoder has the best linear probe.")
    assert text.startswith("On Fashion-MNIST, InfoMax A (ReLU) has")


def test_measured_is_the_number_of_the_decisive_part():
    texts = ["p", "s", "t", "r", "e", "not applicable", "refuted", "prior_art"]
    effect = "over all families: −1.26 [−1.41, −1.11] against 1 points; other: 3 [2, 4] against 5"
    assert measured(Verdict("002.13", "002", *texts, effect=effect)) == ("−1.26", "[−1.41, −1.11]")
    assert measured(Verdict("002.13", "002", *texts, effect="2 against 3")) == ("2", "")


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
    assert (
        f"MNIST at K = 64 (equal epochs: 7 of {len(LABELS)} methods, 2 to 6 seeds); digits at K"
        in text
    )


def test_nothing_of_this_work_is_an_error():
    with pytest.raises(ValueError, match="none of"):
        recommendation({"mnist": table(simclr=0.9)})


def test_the_best_and_the_ceiling_stand_beside_each_other():
    text = against_the_best(LOSING)
    assert text.startswith("The best unsupervised baseline by linear probe is SimCLR. This work")
    assert re.search(r"InfoMax B \(softmax\) lies 8\S* \[.*\] points below autoencoder", text)
    assert "With labels against without: supervised layer lies 4.97" in text


def test_dead_units_are_means_over_seeds_of_those_who_have_some():
    dead = LOSING.assign(
        dead_units=[int(m == "pca") * s for m, s in LOSING[["method", "seed"]].to_numpy()]
    )
    assert dead_units(dead) == "Methods with dead units (mean over seeds): PCA 2.5."
    assert dead_units(dead.assign(dead_units=0)) == "No method has a dead unit."


def test_methods_at_the_edge_of_their_rates_are_named_by_dataset():
    found = pd.DataFrame(
        [
            ("rica", 0.1, 0.9),
            ("rica", 0.3, 0.5),
            ("vae", 0.1, 0.1),
            ("vae", 0.3, 0.9),
            ("vae", 1.0, 0.2),
        ],
        columns=["method", "learning_rate", "probe_accuracy"],
    )
    tried = {"mnist": found, "digits": found[found["method"] == "vae"]}
    assert edges(tried) == (
        "On MNIST, still best at the edge of what was tried: RICA. "
        "On digits, still best at the edge of what was tried: no method."
    )


def test_another_dataset_has_its_own_best_budget_and_correlations():
    places = {method: place for place, method in enumerate(dict.fromkeys(LOSING["method"]))}
    rows = LOSING.assign(
        hsic=LOSING["probe_accuracy"], output_correlation=-LOSING["probe_accuracy"]
    )
    assert len(places) == 7
    text = elsewhere("fashion-mnist", rows, WINNING)
    assert text.startswith("On Fashion-MNIST the best unsupervised baseline is SimCLR; InfoMax A")
    assert budget_answer(rows, WINNING) in text
    assert re.search(r"rank correlation of 1\S* \[.*\] with HSIC and of −1\S* \[.*\] with o", text)


def test_best_of_this_work_is_one_that_saw_what_the_leader_saw():
    rows = table(infomax_relu=0.9, infomax_relu_views=0.89, simclr=0.92)
    assert leaders(rows) == ("simclr", "infomax_relu_views")
    assert leaders(rows[rows["method"] != "simclr"]) == ("autoencoder", "infomax_relu")
    text = against_the_best(rows)
    assert re.search(r"InfoMax A \(ReLU\) lies 2\S* \[.*\] points above autoencoder", text)
    assert re.search(r"InfoMax A, on views lies 3\S* \[.*\] points below SimCLR", text)


def test_the_softmax_is_taken_from_b_alone():
    rows = LOSING.assign(probe_accuracy_pre=LOSING["probe_accuracy"] + 0.25)
    rows.loc[rows["method"] != "infomax_softmax", "probe_accuracy_pre"] = 7
    assert before_softmax(rows) == "It changes by 25 [25, 25] points."
    before = rows[rows["method"] == "infomax_softmax"].assign(method="infomax_softmax_before")
    before["probe_accuracy"] += 0.5
    text = before_softmax(pd.concat([rows, before]))
    assert text.startswith("It changes by 25 [25, 25] points, and by 50 [50, 50] at the learning")


def test_verdicts_stand_before_their_evidence_and_in_the_takeaway():
    verdict = judge_claim("002.9", Evidence(pd.DataFrame()))
    assert judged(verdict, "Cause") == f"Cause: **untestable here**. {verdict.evidence}"
    text = takeaway("mnist", 64, LOSING, verdict)
    assert text.startswith("At K = 64 on MNIST, SimCLR is the best unsupervised baseline by ")
    assert "InfoMax A (ReLU) lies 5" in text
    assert text.endswith("That good features are independent ones is untestable here.")


# --------------------------------------------------- why the predictions came out as they did

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
    left = len(METHODS) - len(SOFTMAX) - len(EQUALS) - 1
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
    targets = transfer(accuracy, ["rotation", "datasets"])
    targets["target"] = "mnist, " + targets["target"]
    elsewhere = targets.assign(
        target="fashion-" + targets["target"], accuracy=1 - targets["accuracy"]
    )  # encoders of another dataset, which have another home
    both = pd.concat([targets, elsewhere])
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
        return {32: 0.79, 64: 0.85}[width] if method == "rica" else 0.5

    table = widths(ours, theirs, dims=(32, 64), methods=("rica", "pca", *list(METHODS)[-3:]))
    text = explain(widths=table)["002.14"]
    assert "from 32 to 64 units RICA gains 6" in text
    assert text.count("gains") == 2  # the sentence, and the one width that has its double
    assert "at 32 the lead of" in text
    small = table[table["hidden_dim"] == 32].pivot(
        index="seed", columns="method", values="probe_accuracy"
    )
    lead = 100 * (small["infomax_relu"] - small["rica"]).mean()
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


def test_probes_that_are_not_linear_are_told_of_the_methods_that_were_fitted():
    rows = {"method": ["pca", "gmm"], "neighbour_accuracy": [0.95, 0.5], "tree_accuracy": [0.9, 1]}
    text = not_linear(pd.DataFrame(rows), ["pca", "fastica"])
    assert "rotations leave (PCA 95.0 %); trees look at one unit at a time (PCA 90.0 %)." in text
