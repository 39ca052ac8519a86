"""Held-out measures: what they are, that they are kept, and that nothing is trained twice."""

import math

import numpy as np
import pytest
import torch

from infomax_lib import RunSpec, grid, load_dataset, run, trained_layer
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.results.store import Store
from paper.chapters.theory import held_out as module
from paper.chapters.theory.held_out import (
    MEASURES,
    held_out_measures,
    matrix_operations,
    measure_layer,
)

SPECS = grid(
    RunSpec(dataset="digits", epochs=1, hidden_dim=4), competition=["none", "softmax"], seed=[0, 1]
)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def layer(digits):
    return InfoMaxLayer(digits.num_features, 4, "relu", "none", seed=0)


def test_measures_of_one_layer(digits, layer):
    found = measure_layer(layer, digits)
    assert set(found) == set(MEASURES)
    with torch.no_grad():
        z = layer.preactivation(digits.test).double().numpy()
    fires, h = z > 0, np.maximum(z, 0)
    patterns, counts = np.unique(fires, axis=0, return_counts=True)
    share = counts / len(z)
    assert found["occupied"] == len(patterns)
    assert found["pattern_entropy"] == pytest.approx(-(share * np.log2(share)).sum())
    assert found["silent_units"] == ((h > 1e-6).mean(0) < 0.01).sum()
    wins = np.bincount(h.argmax(1), minlength=4) / len(h)
    assert found["largest_share"] == pytest.approx(wins.max())
    positive = wins[wins > 0]
    assert found["effective_winners"] == pytest.approx(
        math.exp(-(positive * np.log(positive)).sum())
    )
    soft = np.exp(h) / np.exp(h).sum(1, keepdims=True)
    assert found["responsibility"] == pytest.approx(soft.max(1).mean(), rel=1e-5)
    cov = np.cov(h.T) + 1e-6 * np.eye(4)
    scale = np.sqrt(np.diag(cov))
    sign, log_det = np.linalg.slogdet(cov / np.outer(scale, scale))
    assert sign == 1
    assert found["log_det"] == pytest.approx(-log_det, rel=1e-4)
    varies = fires.std(0) > 0
    r = np.zeros((4, 4))
    r[np.ix_(varies, varies)] = np.corrcoef(fires[:, varies].T.astype(float))
    off = r[~np.eye(4, dtype=bool)]
    assert found["bit_correlation"] == pytest.approx(np.square(off).mean(), rel=1e-3)


def test_two_views_cost_more_than_one(digits, layer):
    found = measure_layer(layer, digits)
    # the diagonal of the cross-correlation falls short of one wherever the views differ
    assert found["view_loss"] > found["view_correlation"] > 0


def test_independent_units_have_no_linear_dependence(digits):
    layer = InfoMaxLayer(digits.num_features, 4, "identity", "none", seed=0)
    x = digits.test.double()
    _, _, basis = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    with torch.no_grad():
        layer.weight.copy_(basis[:4].float())
    found = measure_layer(layer, digits)
    assert found["hsic_linear"] < 1e-8
    assert abs(found["log_det"]) < 1e-4


def test_known_measures_are_not_computed_again(tmp_path, monkeypatch):
    store = Store(tmp_path)
    first = held_out_measures(SPECS, store=store)
    assert list(first["key"]) == [spec.key for spec in SPECS]
    assert store.keys("runs") == {spec.key for spec in SPECS}
    assert store.keys("weights") == set()  # they are too large to keep

    def never(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "train", never)
    again = held_out_measures([*SPECS[::-1], SPECS[0]], store=Store(tmp_path))
    assert again.equals(first.iloc[[3, 2, 1, 0, 0]].reset_index(drop=True))


def test_they_belong_to_the_runs_of_the_same_key(tmp_path, digits):
    store = Store(tmp_path)
    (row,) = held_out_measures(SPECS[:1], store=store).to_dict("records")
    table = run(SPECS[:1], store=store, progress=False)
    layer = trained_layer(SPECS[0], store=Store(tmp_path / "other"))
    assert row["occupied"] == measure_layer(layer, digits, SPECS[0].seed)["occupied"]
    assert table["output_correlation"].notna().all()


def test_runs_that_are_known_already_are_left_alone(tmp_path):
    store = Store(tmp_path)
    before = run(SPECS, store=store, progress=False)
    files = {f.path.name for f in store.files("runs")}
    held_out_measures(SPECS, store=store)
    assert {f.path.name for f in store.files("runs")} == files
    assert run(SPECS, store=store).equals(before)


def test_diverged_layers_have_no_measures(tmp_path):
    spec = RunSpec(dataset="digits", epochs=2, optimizer="sgd", learning_rate=1e30, hidden_dim=4)
    table = held_out_measures([spec], store=Store(tmp_path))
    assert table[list(MEASURES)].isna().all(axis=None)


def test_no_specs_give_an_empty_table(tmp_path):
    assert list(held_out_measures([], store=Store(tmp_path)).columns) == ["key", *MEASURES]


def test_operations_grow_as_the_formulas_say():
    k, n = 16, 128
    # forward Z'Z and two products of the same size back, 2 K^2 N operations each
    assert matrix_operations("infomax", k, n) == 3 * 2 * k * k * n
    assert matrix_operations("hsic", k, n) > 2 * k * k * n * n
    ratio = matrix_operations("hsic", k, 2 * n) / matrix_operations("hsic", k, n)
    assert ratio == pytest.approx(4, rel=0.05)
