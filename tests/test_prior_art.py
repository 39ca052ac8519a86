"""The fits of the prior-art chapter: which, at which rates, and at which budgets."""

from __future__ import annotations

import pytest

from infomax_lib import RunSpec, load_dataset
from infomax_lib.baselines import BaselineSpec
from infomax_lib.baselines.comparison import INFOMAX, method_of
from infomax_lib.baselines.flops import parameters, training_flops
from infomax_lib.baselines.methods import METHODS
from infomax_lib.prior_art import at_equal_flops, compared, measured, search_rates

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


def test_search_covers_the_methods_that_have_a_rate(tmp_path):
    found = search_rates("digits", 6, epochs=1, methods=FEW, device="cpu", store=tmp_path)
    assert set(found["method"]) == {"autoencoder", "infomax_relu", "infomax_lse"}


def test_specs_of_both_kinds_know_their_method():
    kinds = {type(s) for s in compared("digits", 8, [0], epochs=1, methods=FEW)}
    assert kinds == {BaselineSpec, RunSpec}
