"""Baselines described, run, stored and set beside InfoMax."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from fits import fit

from infomax_lib import RunSpec, SpecError, grid, load_dataset, open_store, run
from infomax_lib.measures.probes import linear_probe
from paper.chapters.prior_art import comparison
from paper.chapters.prior_art.figures import methods
from paper.methods import (
    METHODS,
    BaselineSpec,
    BaselineWarning,
    FitError,
    every_method,
    fitted_encoder,
    run_baselines,
)
from paper.methods import runs as baseline_runs
from paper.methods.methods import FAMILIES

# --- specs ---------------------------------------------------------------------------------------


def test_settings_default_to_what_the_method_needs():
    assert BaselineSpec(method="rbm").learning_rate == METHODS["rbm"].defaults["learning_rate"]
    spec = BaselineSpec(method="autoencoder", epochs=7)
    assert (spec.epochs, spec.batch_size) == (7, 128)
    assert BaselineSpec(method="pca").epochs is None
    changed = spec.but(method="kmeans")
    assert changed == BaselineSpec(method="kmeans")
    assert spec.but(method="supervised", learning_rate=0.5).learning_rate == 0.5
    assert spec.but(hidden_dim=8).epochs == 7


def test_one_computation_has_one_key_and_every_field_enters_it():
    spec = BaselineSpec(dataset="digits", method="autoencoder")
    defaults = METHODS["autoencoder"].defaults
    assert spec.key == BaselineSpec(dataset="digits", method="autoencoder", **defaults).key
    changes = {
        "dataset": "synthetic",
        "method": "supervised",
        "hidden_dim": 8,
        "epochs": 3,
        "learning_rate": 0.1,
        "batch_size": 16,
        "seed": 1,
    }
    assert set(changes) == set(BaselineSpec.model_fields)
    keys = {spec.but(**{name: value}).key for name, value in changes.items()}
    assert len(keys | {spec.key}) == len(changes) + 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "svm"}, "choose one of untrained, supervised, pca"),
        ({"dataset": "cifar"}, "choose one of digits, mnist"),
        ({"epoch": 3}, "the fields are dataset, method, hidden_dim"),
        ({"method": "pca", "epochs": 3}, "pca has no such setting .it has none of epochs"),
        ({"method": "kmeans", "learning_rate": 0.1}, "kmeans has no such setting .it has epochs"),
        ({"method": "rbm", "epochs": 0}, "greater than or equal to 1"),
        ({"method": "rbm", "learning_rate": float("inf")}, "finite number"),
        ({"method": "rbm", "batch_size": "full"}, "valid integer"),
        ({"hidden_dim": 1}, "greater than or equal to 2"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_impossible_specs_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        BaselineSpec(**fields)


def test_every_method_shares_the_budget_of_the_descending_ones():
    specs = every_method("digits", 8, [0, 1], epochs=3)
    assert {s.method for s in specs} == set(METHODS)
    assert len(specs) == 2 * len(METHODS)
    descending = {name for name, m in METHODS.items() if "batch_size" in m.defaults}
    assert {"autoencoder", "rbm", "simclr", "supervised"} <= descending
    assert {s.method for s in specs if s.epochs == 3} == descending
    assert next(s for s in specs if s.method == "kmeans").epochs == 300


# --- running and storing -------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """Count the seeds that each method fits."""
    fitted = {}
    for name, method in METHODS.items():

        def fit_many(X, hidden_dim, seeds, *how, _name=name, _fit=method.fit_many, **settings):
            fitted[_name] = fitted.get(_name, 0) + len(seeds)
            return _fit(X, hidden_dim, seeds, *how, **settings)

        monkeypatch.setitem(METHODS, name, dataclasses.replace(method, fit_many=fit_many))
    return fitted


def quick(seeds=(0, 1), **changes):
    return [s.but(**changes) for s in every_method("digits", 8, seeds, epochs=2)]


def test_baselines_are_measured_stored_and_not_computed_again(tmp_path, counted):
    table = run_baselines(quick(), device="cpu", store=tmp_path, progress=False)
    assert counted == dict.fromkeys(METHODS, 2)
    assert list(table["key"]) == [s.key for s in quick()]
    assert table["failed"].isna().all()
    assert (table["probe_accuracy"] > 0.25).all()
    assert (table["shuffled_probe_accuracy"] < 0.3).all()
    assert (table["hsic"] > 0).all()
    assert (table["seconds"] > 0).all()
    counted.clear()

    again = run_baselines(quick(), device="cpu", store=tmp_path, progress=False)
    assert counted == {}
    pd.testing.assert_frame_equal(again, table)
    more = run_baselines(quick(seeds=[0, 5, 1]), device="cpu", store=tmp_path, progress=False)
    assert counted == dict.fromkeys(METHODS, 1)
    assert list(more["seed"])[:3] == [0, 5, 1]


def test_measures_are_those_of_the_encoder(tmp_path):
    spec = BaselineSpec(dataset="digits", method="kmeans", hidden_dim=8, seed=3)
    row = run_baselines(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    data = load_dataset("digits")
    encoder = fit("kmeans", data.train, 8, 3, epochs=300)
    outputs = encoder.transform(data.test)
    cosines = np.corrcoef(outputs.T.double().numpy()) - np.eye(8)
    assert row["output_correlation"] == pytest.approx((cosines**2).sum(), rel=1e-3)
    rows = encoder.centres.double().numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert row["weight_redundancy"] == pytest.approx(((rows @ rows.T - np.eye(8)) ** 2).sum())
    accuracy = linear_probe(
        encoder.transform(data.train), data.train_labels, outputs, data.test_labels
    )
    assert row["probe_accuracy"] == pytest.approx(float(accuracy))


@pytest.mark.parametrize("method", METHODS)
def test_stored_weights_give_the_same_encoder(method, tmp_path, counted):
    spec = next(s for s in quick() if s.method == method)
    run_baselines([spec], device="cpu", store=tmp_path, progress=False, keep_weights=[0])
    encoder = fitted_encoder(spec, store=tmp_path)
    assert counted == {method: 1}
    data = load_dataset("digits")
    settings = {n: getattr(spec, n) for n in METHODS[method].defaults}
    if method == "supervised":
        settings["labels"] = data.train_labels
    fresh = fit(method, data.train, 8, 0, **settings)
    torch.testing.assert_close(encoder.transform(data.test), fresh.transform(data.test))


def test_weights_asked_for_later_are_fitted_then(tmp_path, counted):
    spec = BaselineSpec(dataset="digits", method="pca", hidden_dim=8)
    run_baselines(spec, device="cpu", store=tmp_path, progress=False)
    assert fitted_encoder(spec, store=tmp_path).weight.shape == (8, 64)
    assert counted == {"pca": 2}


def test_a_failure_is_a_row_with_its_reason_and_is_stored(tmp_path, counted):
    specs = [
        BaselineSpec(dataset="synthetic", method=method, hidden_dim=8, seed=seed)
        for method in ("pca", "untrained")
        for seed in (0, 1)
    ]
    table = run_baselines(specs, device="cpu", store=tmp_path, progress=False)
    assert (
        table["failed"].str.contains("hidden_dim <= 2", na=False).tolist()
        == [True] * 2 + [False] * 2
    )
    assert table["probe_accuracy"].isna().tolist() == [True] * 2 + [False] * 2
    run_baselines(specs, device="cpu", store=tmp_path, progress=False, keep_weights=[0, 1])
    assert counted == {"pca": 2, "untrained": 4}  # a failure has no weights to ask for
    with pytest.raises(FitError, match="span only 2"):
        fitted_encoder(specs[0], store=tmp_path)


def test_runs_that_diverge_are_recorded_beside_the_others(tmp_path):
    specs = [
        BaselineSpec(
            dataset="digits", method="autoencoder", hidden_dim=8, epochs=2, seed=seed, **lr
        )
        for lr in ({}, {"learning_rate": 1e38})
        for seed in (0, 1)
    ]
    table = run_baselines(specs, device="cpu", store=tmp_path, progress=False)
    assert table["failed"].str.contains("diverged", na=False).tolist() == [False] * 2 + [True] * 2
    assert table["probe_accuracy"].notna().tolist() == [True] * 2 + [False] * 2


def test_trouble_in_one_method_does_not_stop_the_others_and_is_tried_again(tmp_path, monkeypatch):
    def out_of_memory(*args, **settings):
        raise MemoryError("no room")

    specs = quick(seeds=[0])
    broken = dataclasses.replace(METHODS["pca"], fit_many=out_of_memory)
    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "pca", broken)
        with pytest.warns(BaselineWarning, match="pca on digits stopped .MemoryError: no room"):
            table = run_baselines(specs, device="cpu", store=tmp_path, progress=False)
    failed = table.set_index("method")["failed"]
    assert "no room" in failed["pca"]
    assert failed.drop("pca").isna().all()
    table = run_baselines(specs, device="cpu", store=tmp_path, progress=False)
    assert table["failed"].isna().all()


def test_large_datasets_are_shared_out_among_processes(tmp_path, monkeypatch):
    specs = grid(BaselineSpec(dataset="digits", hidden_dim=8), method=["pca", "rica"], seed=[0, 1])
    here = run_baselines(specs, device="cpu", store=tmp_path / "here", progress=False)
    monkeypatch.setattr(baseline_runs, "_LARGE", ("digits",))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    folder = tmp_path / "shared"
    shared = run_baselines(specs, device="cpu", store=folder, progress=False, keep_weights=[1])
    timing = ["seconds"]
    pd.testing.assert_frame_equal(shared.drop(columns=timing), here.drop(columns=timing), rtol=1e-4)
    assert {file.metadata["threads"] for file in open_store(folder).files("baselines")} == {1}
    assert len(open_store(folder).keys("weights")) == 2


def test_only_specs_are_run():
    with pytest.raises(TypeError, match="BaselineSpec objects, got dict"):
        run_baselines([{"method": "pca"}])


# --- beside InfoMax ------------------------------------------------------------------------------


@pytest.fixture
def table():
    """Three methods over three seeds; k-means failed once, the untrained layer is the control."""
    accuracy = {
        "pca": [0.86, 0.86, 0.86],
        "kmeans": [0.80, 0.84, np.nan],
        "untrained": [0.5, 0.6, 0.7],
        "infomax_relu": [0.83, 0.85, 0.87],
    }
    rows = [
        {
            "method": method,
            "seed": seed,
            "probe_accuracy": value,
            "weight_redundancy": 1e-14 if method == "pca" else 2.0 + seed,
            "device": "cpu",
            "note": "stopped early" if method == "untrained" else None,
            "failed": "no room" if np.isnan(value) else None,
        }
        for method, values in accuracy.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_summary_shows_intervals_and_exact_values(table):
    shown = comparison.summary(table, ["probe_accuracy", "weight_redundancy"])
    shown = shown.set_index("method")
    assert list(shown.index) == ["PCA", "InfoMax A (ReLU)", "k-means triangle", "untrained ReLU"]
    assert list(shown.loc["PCA"]) == ["0.860", "0"]
    assert shown.loc["InfoMax A (ReLU)"].iloc[0] == "0.85 [0.80, 0.90]"  # Student, three seeds
    nothing = comparison.summary(table[table["failed"].notna()], ["probe_accuracy"])
    assert nothing.iloc[0, 1] == "–"
    narrow = table.assign(probe_accuracy=0.5 + 1e-6 * table["seed"])
    assert set(comparison.summary(narrow, ["probe_accuracy"]).iloc[:, 1]) == {"0.500"}


def test_equal_methods_stand_in_the_order_of_the_table(table):
    swapped = pd.concat([table[table["method"] == "untrained"], table]).drop_duplicates()
    equal = swapped.assign(probe_accuracy=0.5)
    assert comparison.method_order(equal) == ["untrained", "pca", "kmeans", "infomax_relu"]


def test_remarks_say_what_failed_and_how_often(table):
    assert comparison.remarks(table) == (
        "Remarks: k-means triangle, 1 of 3 seeds: no room; "
        "untrained ReLU, 3 of 3 seeds: stopped early."
    )
    assert "No fit failed" in comparison.remarks(table[table["method"] == "pca"])


def test_best_counts_what_it_is_told_to(table):
    assert comparison.unsupervised_baselines(table) == ["pca", "kmeans"]
    assert comparison.best(table, ["pca", "kmeans"]) == "pca"
    assert comparison.best(table, ["untrained", "kmeans"]) == "kmeans"
    assert comparison.best(table, ["infomax_relu"]) == "infomax_relu"
    with pytest.raises(ValueError, match="none of rbm"):
        comparison.best(table, ["rbm"])


def test_differences_are_paired_over_the_seeds_that_both_have(table):
    gap = comparison.paired(table, "probe_accuracy", "infomax_relu", "kmeans")
    assert (gap.n, gap.mean) == (2, pytest.approx(0.02))
    assert comparison.in_words(table, "pca", "untrained").startswith("PCA lies 2")
    assert comparison.in_words(table, "untrained", "pca").startswith("untrained ReLU lies 2")
    assert "below PCA" in comparison.in_words(table, "untrained", "pca")
    assert "−" not in comparison.in_words(table, "untrained", "pca")
    assert "cannot be told apart" in comparison.in_words(table, "infomax_relu", "pca")
    table.loc[table["method"] == "pca", "probe_accuracy"] = np.nan
    assert "not both measured" in comparison.in_words(table, "pca", "kmeans")
    assert "not both measured" in comparison.in_words(table, "vicreg", "untrained")


def test_devices_are_named_and_told_apart(table):
    assert comparison.timed_on(table) == "cpu"
    table.loc[table["method"] == "pca", "device"] = "GPU"
    assert "GPU (PCA)" in comparison.timed_on(table)


def test_infomax_joins_the_table_with_its_time(tmp_path):
    store = open_store(tmp_path)
    specs = grid(
        RunSpec(dataset="digits", epochs=1, hidden_dim=8),
        competition=["none", "softmax"],
        seed=[0, 1],
    )
    runs = run(specs, device="cpu", store=store, progress=False)
    baselines = run_baselines(
        BaselineSpec(dataset="digits", hidden_dim=8), device="cpu", store=store, progress=False
    )
    runs["diverged_at"] = [np.nan, 3.0, np.nan, np.nan]
    both = comparison.with_infomax(baselines, runs, store)
    assert list(both["method"]) == ["untrained", *["infomax_relu"] * 2, *["infomax_softmax"] * 2]
    written = sum(f.metadata["seconds"] for f in store.files("runs"))
    assert both["seconds"].iloc[1:].sum() == pytest.approx(written)
    assert set(both["device"]) == {"cpu"}
    assert both["failed"].fillna("").tolist() == ["", "", "diverged at epoch 3", "", ""]
    assert both["probe_accuracy"].notna().all()


def test_features_of_all_methods_side_by_side(tmp_path):
    specs = [s for s in quick(seeds=[0]) if s.method in ("pca", "kmeans")]
    too_many = BaselineSpec(dataset="digits", method="pca", hidden_dim=64)
    layer = RunSpec(dataset="digits", epochs=1, hidden_dim=8, competition="softmax", seed=0)
    weights = comparison.feature_images([*specs, too_many, layer], store=tmp_path)
    assert {name: tuple(w.shape) for name, w in weights.items()} == dict.fromkeys(
        ["PCA", "k-means triangle", "InfoMax B (softmax)"], (8, 64)
    )
    figure = methods.features_side_by_side(weights, (8, 8), count=5)
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(weights)
    strip = np.asarray(figure.axes[1].images[0].get_array())
    assert strip.shape == (8, 5 * 9 - 1)  # pictures of 8 columns with a gap of 1
    centre = weights["k-means triangle"][0].reshape(8, 8)
    np.testing.assert_allclose(strip[:, :8], (centre / centre.abs().max()).numpy())


def test_figures_show_every_seed_of_every_method(table):
    drawn = methods.measures_by_method(table, ["probe_accuracy", "weight_redundancy"])
    assert len(drawn.axes) == 2
    seeds = [line for line in drawn.axes[0].lines if line.get_markersize() == 4]
    assert sorted(len(line.get_xdata()) for line in seeds) == [2, 3, 3, 3]
    assert drawn.axes[0].get_yticklabels()[0].get_text() == "PCA"
    plane = methods.against_probe(table, ["weight_redundancy"])
    small = [line for line in plane.axes[0].lines if line.get_markersize() == 4.5]
    assert sum(len(line.get_xdata()) for line in small) == 11
    assert plane.axes[0].get_xscale() == "symlog"


def test_every_method_has_a_name_and_a_look():
    assert (
        set(comparison.LABELS)
        == set(methods.method_looks())
        == {*METHODS, "infomax_relu", "infomax_softmax", "infomax_lse"}
    )
    assert len(set(comparison.LABELS.values())) == len(comparison.LABELS)
    assert len(set(methods.method_looks().values())) == len(methods.method_looks())
    assert {method.family for method in METHODS.values()} == set(FAMILIES)
