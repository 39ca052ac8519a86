"""The fits of the prior-art chapter: which, at which rates, and at which budgets."""

import pandas as pd
import pytest

from infomax_lib import RunSpec, load_dataset
from infomax_lib.model.architectures import INFOMAX
from paper.chapters.prior_art.comparison import method_of
from paper.chapters.prior_art.experiment import (
    DEEP_RATES,
    SEARCH_SEEDS,
    STARTS,
    ablation_specs,
    at_equal_flops,
    compared,
    deep_networks,
    head_start_specs,
    measured,
    search_rates,
    view_distance_specs,
)
from paper.chapters.prior_art.measured.deep_starts import STARTS as DEEP_STARTS
from paper.chapters.prior_art.measured.flops import parameters, training_flops
from paper.chapters.prior_art.measured.view_ablation import view_ablations
from paper.chapters.prior_art.measured.view_distances import COMPARED, HARD
from paper.chapters.prior_art.tables import (
    ablation_summary,
)
from paper.methods import BaselineSpec
from paper.methods.methods import METHODS

FEW = ("pca", "autoencoder", "infomax_relu", "infomax_lse")


def test_every_method_at_every_seed_and_at_its_own_rate():
    specs = compared("digits", 8, [3, 5], epochs=2, rates={"rica": 0.5, "infomax_softmax": 0.25})
    named = {(method_of(spec), spec.seed) for spec in specs}
    assert named == {(name, seed) for name in (*METHODS, *INFOMAX) for seed in (3, 5)}
    assert len(named) == len(specs) == len(set(specs))
    assert {spec.hidden_dim for spec in specs} == {8}
    assert {spec.epochs for spec in specs if spec.batch_size is not None} == {2}
    rates = {method_of(spec): spec.learning_rate for spec in specs}
    assert rates["rica"] == 0.5
    assert rates["infomax_softmax"] == 0.25
    assert rates["infomax_relu"] == RunSpec().learning_rate


def test_unknown_method_is_named():
    with pytest.raises(ValueError, match="boltzmann"):
        compared("digits", 8, [0], epochs=1, methods=["boltzmann"])


def test_equal_flops_are_those_of_a_to_within_half_an_epoch():
    data = load_dataset("digits")
    specs = compared("digits", 8, [0], epochs=6, methods=FEW)
    cost = {method_of(s): training_flops(s, *data.train.shape) for s in specs}
    equal = {method_of(s): s for s in at_equal_flops(specs, data)}
    assert equal["pca"] == specs[0]
    assert equal["infomax_relu"].epochs == 6
    assert equal["autoencoder"].epochs < 6
    for name in ("autoencoder", "infomax_lse"):
        one = training_flops(equal[name].but(epochs=1), *data.train.shape)
        spent = training_flops(equal[name], *data.train.shape)
        assert abs(spent - cost["infomax_relu"]) <= one / 2


def test_equal_flops_need_a():
    specs = compared("digits", 8, [0], epochs=6, methods=["pca", "autoencoder"])
    with pytest.raises(ValueError, match="infomax_relu"):
        at_equal_flops(specs, load_dataset("digits"))


def test_one_row_per_fit_with_its_cost(tmp_path):
    specs = compared("digits", 8, [0, 1], epochs=1, methods=FEW)
    table = measured(specs, device="cpu", store=tmp_path)
    assert set(zip(table["method"], table["seed"], strict=True)) == {
        (method_of(s), s.seed) for s in specs
    }
    shape = load_dataset("digits").train.shape
    for spec, (_, row) in zip(specs, table.iterrows(), strict=True):
        assert row["key"] == spec.key
        assert row["flops"] == training_flops(spec, *shape)
        assert row["parameters"] == parameters(spec, shape[1])
    assert table["probe_accuracy"].between(0.1, 1).all()
    again = measured(specs, device="cpu", store=tmp_path)
    assert again["probe_accuracy"].equals(table["probe_accuracy"])


@pytest.mark.parametrize("methods", [[], ["pca"], ["infomax_relu"]])
def test_one_kind_of_fit_or_none_is_enough(methods, tmp_path):
    specs = compared("digits", 8, [0], epochs=1, methods=methods)
    table = measured(specs, device="cpu", store=tmp_path)
    assert len(table) == len(methods)
    assert {"flops", "parameters"} <= set(table.columns)


def test_search_covers_the_methods_that_have_a_rate(tmp_path):
    found = search_rates("digits", 6, epochs=1, methods=FEW, device="cpu", store=tmp_path)
    assert set(found["method"]) == {"autoencoder", "infomax_relu", "infomax_lse"}


def test_specs_of_both_kinds_know_their_method():
    kinds = {type(s) for s in compared("digits", 8, [0], epochs=1, methods=FEW)}
    assert kinds == {BaselineSpec, RunSpec}


def test_head_starts_pretrain_as_the_comparison_does():
    rates = {"rbm": 0.25, "infomax_lse": 0.125, "supervised": 0.5}
    specs = head_start_specs("digits", 8, [1, 2], epochs=3, rates=rates)
    assert [(s.method, s.seed) for s in specs] == [
        (method, seed) for method in ("random", *STARTS) for seed in (1, 2)
    ]
    assert {s.learning_rate for s in specs} == {0.5}
    assert {s.epochs for s in specs} == {3}
    found = {s.method: (s.pretraining_epochs, s.pretraining_rate) for s in specs}
    assert found["random"] == (None, None)
    assert found["rbm"] == (3, 0.25)
    assert found["infomax_lse"] == (3, 0.125)
    assert found["autoencoder"] == (3, BaselineSpec(method="autoencoder").learning_rate)
    few = head_start_specs("digits", 8, [1], epochs=3, methods=["pca", "rbm"])
    assert [s.method for s in few] == ["random", "rbm"]


def test_ablation_varies_views_and_batches_and_nothing_else():
    sizes = [16, 64]
    rates = {"simclr": 0.5, "infomax_relu": 0.25}
    specs = ablation_specs("digits", 8, [4], epochs=2, batch_sizes=sizes, rates=rates)
    layers = [s for s in specs if isinstance(s, RunSpec)]
    others = [s for s in specs if not isinstance(s, RunSpec)]
    assert [s.batch_size for s in layers] == sizes
    assert {(s.competition, s.lambda_tc, s.learning_rate) for s in layers} == {("none", 1.0, 0.25)}
    assert {(s.method, s.views, s.batch_size) for s in others} == {
        (method, views, size)
        for method in ("simclr", "barlow_twins")
        for views in ("all", "none")
        for size in sizes
    }
    assert {s.learning_rate for s in others if s.method == "simclr"} == {0.5}
    assert {(s.dataset, s.hidden_dim, s.epochs, s.seed) for s in specs} == {("digits", 8, 2, 4)}


def test_no_batch_size_is_no_ablation():
    assert ablation_specs("digits", 8, [4], epochs=2, batch_sizes=[]) == []
    assert ablation_summary(view_ablations([])).empty


def test_deep_networks_have_the_rate_that_is_best_on_held_out_images(monkeypatch):
    asked = []

    def trained(specs, **_):
        asked.append(specs)
        table = pd.DataFrame([spec.model_dump() for spec in specs])
        table = table.assign(epoch=table["epochs"])
        best = table["learning_rate"] == 0.3
        # networks from "small" are all alike, those from "he" diverge at every other rate
        accuracy = best.map({True: 0.9, False: 0.2}).mask(table["start"] == "small", 0.1)
        return table.assign(accuracy=accuracy.where((table["start"] != "he") | best))

    monkeypatch.setattr("paper.chapters.prior_art.experiment.deep_starts", trained)
    found = deep_networks("digits", [4, 5], epochs=3, store="memory")
    searched, chosen = asked
    assert {spec.dataset for spec in searched} == {"digits-tuning"}
    assert {spec.learning_rate for spec in searched} == set(DEEP_RATES)
    assert {spec.seed for spec in searched} == set(SEARCH_SEEDS)
    assert [(spec.start, spec.seed) for spec in chosen] == [
        (start, seed) for start in DEEP_STARTS for seed in (4, 5)
    ]
    rates = {spec.start: spec.learning_rate for spec in chosen}
    assert rates.pop("small") == min(DEEP_RATES)  # of equals, the smallest
    assert set(rates.values()) == {0.3}
    assert set(found["dataset"]) == {"digits"}
    assert set(found["epochs"]) == {3}


def test_hard_negatives_have_the_rate_of_simclr_and_come_with_it():
    specs = view_distance_specs("digits", 8, [1, 2], rates={"simclr": 0.5, "byol": 0.25})
    assert [(s.method, s.seed) for s in specs] == [(m, s) for m in COMPARED for s in (1, 2)]
    rates = {s.method: s.learning_rate for s in specs}
    assert (rates["simclr"], rates[HARD], rates["byol"]) == (0.5, 0.5, 0.25)
    few = view_distance_specs("digits", 8, [1], methods=["pca", "moco"])
    assert [s.method for s in few] == ["moco"]
