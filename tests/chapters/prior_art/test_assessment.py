"""Further measures of encoders, against the functions they are made of, and what is stored."""

import dataclasses
import math
import shutil
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch

from infomax_lib import RunSpec, load_dataset, open_store
from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.similarity import linear_cka
from infomax_lib.model.streams import generator
from infomax_lib.results.runs import trained_layer
from paper.chapters.open_questions.transfer import ReferenceSpec
from paper.chapters.prior_art.measured import assessment, measures
from paper.chapters.prior_art.measured.assessment import assess
from paper.chapters.prior_art.measured.factors import known_factors
from paper.chapters.prior_art.measured.measures import MEASURES, other_classes
from paper.chapters.prior_art.tables import pruning_table, transfer_table
from paper.measures.disentanglement import class_auroc, dci, mutual_information_gap, rotated_mig
from paper.measures.few_labels import few_label_accuracy
from paper.measures.prototypes import owner_similarity, purity
from paper.measures.pruning import ORDERS, pruning_curve, removal_order, removal_steps
from paper.measures.replaceability import held_out_r2
from paper.methods import BaselineSpec, BaselineWarning, FitError, fitted_encoder
from paper.methods import runs as baseline_runs
from paper.methods.methods import METHODS
from paper.methods.two_views.augment import moved

ONE_IMAGE = 1.5 / 360
CURVES = [f"pruning_{order}" for order in ORDERS]
UNTRAINED = BaselineSpec(dataset="digits", hidden_dim=8, seed=0)
LAYER = RunSpec(dataset="digits", hidden_dim=8, epochs=1, seed=0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few images with factors, and as many rotations as show the percentile."""
    monkeypatch.setattr(measures, "FACTOR_IMAGES", 120)
    monkeypatch.setattr(measures, "ROTATIONS", 7)


@pytest.fixture
def fits(monkeypatch):
    """Specs of every call that fits baselines, and of every one that trains layers."""
    calls = {"run_baselines": [], "run": []}
    for name, seen in calls.items():

        def counted(specs, *args, _seen=seen, _call=getattr(assessment, name), **settings):
            _seen.append(list(specs))
            return _call(specs, *args, **settings)

        monkeypatch.setattr(assessment, name, counted)
    return calls


def assessed(specs, store):
    return assess(specs, device="cpu", store=store, progress=False)


def seeds(spec, *numbers):
    return [spec.but(seed=seed) for seed in numbers]


def outputs_of(spec, store, x):
    if isinstance(spec, BaselineSpec):
        encoder = fitted_encoder(spec, store)
        return encoder.transform(x), encoder.weight
    with torch.no_grad():
        layer = trained_layer(spec, store)
        return layer(x), layer.weight.detach()


def probe(spec, store, data):
    (train, _), (test, _) = (outputs_of(spec, store, x) for x in (data.train, data.test))
    return float(linear_probe(train, data.train_labels, test, data.test_labels))


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [UNTRAINED.but(method="kmeans", seed=2), LAYER.but(competition="softmax", seed=2)],
    ids=["baseline", "layer"],
)
def test_measures_are_those_of_the_encoder(spec, tmp_path):
    row = assessed(spec, tmp_path).iloc[0]
    data = load_dataset("digits")
    (train, weight), (test, _) = (outputs_of(spec, tmp_path, x) for x in (data.train, data.test))
    labels, test_labels = data.train_labels, data.test_labels
    before, _ = outputs_of(spec.but(seed=1), tmp_path, data.test)
    values = {
        "held_out_r2": float(held_out_r2(train, test).nanmean()),
        "cka": float(linear_cka(test, before)),
        "purity": purity(train, labels, test, test_labels),
        "owner_similarity": owner_similarity(weight, train, data.train),
        "named_units": float(np.mean(class_auroc(test.numpy(), test_labels.numpy()) >= 0.9)),
    }
    assert row["cka"] < 1
    for count in (1, 10, 100):
        drawn = few_label_accuracy(train, labels, test, test_labels, count, 5, measures.SEED)
        values[f"labels_{count}"] = float(drawn.mean())
    for name, value in values.items():
        assert row[name] == pytest.approx(value, abs=1e-6), name
    assert row["labels_1"] < row["labels_10"] < row["labels_100"]
    # outputs that sum to one have no unique share: rounding decides who goes first
    same = [name for name in ORDERS if name != "least_unique" or isinstance(spec, BaselineSpec)]
    for name in same:
        order = removal_order(name, train, labels, 2)
        curve = pruning_curve(order, train, labels, test, test_labels)
        assert list(row[f"pruning_{name}"]) == pytest.approx(
            list(curve["accuracy"]), abs=ONE_IMAGE
        ), name
    assert len({tuple(row[name]) for name in CURVES}) == 3
    assert row["failed"] is None
    assert np.isnan(row["to_partner"])
    assert np.isnan(row["to_other_classes"])


def test_factors_are_drawn_into_test_images_that_are_the_same_for_all(tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "FACTOR_IMAGES", 200)
    rows = assessed(seeds(UNTRAINED.but(method="pca"), 0, 1), tmp_path)
    data = load_dataset("digits")
    drawn = torch.randperm(360, generator=generator(measures.SEED, "images with factors"))[:200]
    made = known_factors(data.test[drawn], data.test_labels[drawn], (8, 8), measures.SEED)
    for seed in (0, 1):
        outputs, _ = outputs_of(UNTRAINED.but(method="pca", seed=seed), tmp_path, made.images)
        features, levels = outputs.numpy(), made.levels.numpy()
        rotated = rotated_mig(features, levels, 7, measures.SEED)
        found = dci(features, levels, measures.SEED)
        expected = {
            "mig": mutual_information_gap(features, levels).mean,
            "rotated_mig": np.percentile(rotated, 95),
            "dci_disentanglement": found.disentanglement,
            "dci_completeness": found.completeness,
            "dci_informativeness": found.informativeness,
        }
        for name, value in expected.items():
            assert rows[name][seed] == pytest.approx(value, rel=1e-9), name


def test_the_pruning_probes_see_the_first_training_images(tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "PRUNING_IMAGES", 150)
    row = assessed(UNTRAINED, tmp_path).iloc[0]
    data = load_dataset("digits")
    train, _ = outputs_of(UNTRAINED, tmp_path, data.train[:150])
    test, _ = outputs_of(UNTRAINED, tmp_path, data.test)
    labels = data.train_labels[:150]
    order = removal_order("greedy", train, labels, 0)
    curve = pruning_curve(order, train, labels, test, data.test_labels)
    assert list(row["pruning_greedy"]) == pytest.approx(list(curve["accuracy"]), abs=ONE_IMAGE)


def test_rotated_images_are_turned_by_up_to_45_degrees_alike_for_all(tmp_path):
    data = load_dataset("digits")
    stream = generator(measures.SEED, "rotations")
    parts = []
    for images in (data.train, data.test):
        angle = (torch.rand(len(images), generator=stream) * 2 - 1) * math.pi / 4
        assert 0.7 < angle.abs().max() < math.pi / 4
        still = torch.ones(len(images)), torch.zeros(len(images), 2)
        parts.append(moved(images.view(-1, 8, 8), angle, *still).flatten(1))
    turned = dataclasses.replace(data, train=parts[0], test=parts[1])
    specs = [UNTRAINED, LAYER]
    table = assessed(specs, tmp_path)
    for spec, found in zip(specs, table["to_rotation"], strict=True):
        assert found == pytest.approx(probe(spec, tmp_path, turned), abs=ONE_IMAGE)
        assert found != pytest.approx(probe(spec, tmp_path, data), abs=ONE_IMAGE)


def test_features_are_read_on_the_other_half_of_the_classes(tmp_path):
    specs = [UNTRAINED.but(dataset="digits-low"), UNTRAINED.but(dataset="digits-high")]
    table = assessed(specs, tmp_path)
    for spec, found in zip(specs, table["to_other_classes"], strict=True):
        target = load_dataset(
            {"digits-low": "digits-high", "digits-high": "digits-low"}[spec.dataset]
        )
        assert set(target.train_labels.tolist()).isdisjoint(
            load_dataset(spec.dataset).train_labels.tolist()
        )
        assert found == pytest.approx(probe(spec, tmp_path, target), abs=2 * ONE_IMAGE)
    assert table["to_other_classes"][0] != table["to_other_classes"][1]
    rest = [name for name in MEASURES if name != "to_other_classes"]
    assert table[rest].isna().all(axis=None)


def test_features_are_read_on_the_partner(tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "PARTNERS", {"digits": "digits-high"})
    row = assessed(UNTRAINED, tmp_path).iloc[0]
    expected = probe(UNTRAINED, tmp_path, load_dataset("digits-high"))
    assert row["to_partner"] == pytest.approx(expected, abs=2 * ONE_IMAGE)


def test_halves_have_another_half_and_whole_datasets_none():
    assert other_classes("mnist-low") == "mnist-high"
    assert other_classes("fashion-mnist-high") == "fashion-mnist-low"
    for name in ("mnist", "fashion-mnist", "digits-tuning", "synthetic"):
        assert other_classes(name) is None


def test_what_is_not_an_image_has_neither_rotations_nor_factors(tmp_path):
    row = assessed(BaselineSpec(dataset="synthetic", hidden_dim=4, seed=0), tmp_path).iloc[0]
    absent = {"cka", "to_partner", "to_other_classes", "to_rotation"}
    absent |= {name for name in MEASURES if name.startswith(("mig", "rotated", "dci", "named"))}
    assert set(row[list(MEASURES)].index[row[list(MEASURES)].isna()]) == absent


def test_a_single_unit_has_no_factors_to_itself(tmp_path):
    row = assessed(LAYER.but(hidden_dim=1), tmp_path).iloc[0]
    assert np.isnan(row["mig"])
    assert np.isnan(row["dci_completeness"])
    assert row["named_units"] in (0, 1)
    assert len(row["pruning_random"]) == len(removal_steps(1))


def test_cka_compares_with_the_seed_before_even_if_it_was_not_asked_for(tmp_path, fits):
    spec = UNTRAINED.but(method="autoencoder", epochs=1)
    table = assessed(seeds(spec, 4, 0, 1), tmp_path)
    assert fits["run_baselines"] == [seeds(spec, 4, 3, 0, 1)]
    data = load_dataset("digits")
    outputs = {s: outputs_of(spec.but(seed=s), tmp_path, data.test)[0] for s in (0, 1, 3, 4)}
    assert table["cka"][0] == pytest.approx(float(linear_cka(outputs[4], outputs[3])), abs=1e-6)
    assert np.isnan(table["cka"][1])
    assert table["cka"][2] == pytest.approx(float(linear_cka(outputs[1], outputs[0])), abs=1e-6)


# --- order, stores and failures ------------------------------------------------------------------


def test_all_fits_of_a_kind_are_made_in_one_call_and_rows_keep_their_order(tmp_path, fits):
    specs = [
        LAYER.but(seed=1),
        UNTRAINED.but(seed=1),
        LAYER.but(competition="softmax"),
        UNTRAINED.but(method="pca"),
        UNTRAINED,
        LAYER.but(seed=1),
    ]
    table = assessed(specs, tmp_path)
    assert list(table["key"]) == [spec.key for spec in specs]
    assert list(table["method"]) == [
        *("infomax_relu", "untrained", "infomax_softmax", "pca", "untrained", "infomax_relu")
    ]
    assert list(table["seed"]) == [1, 1, 0, 0, 0, 1]
    assert table["purity"].nunique() == 5
    assert table["failed"].isna().all()
    assert fits["run_baselines"] == [[specs[1], UNTRAINED, specs[3]]]
    assert fits["run"] == [[specs[0], LAYER, specs[2]]]
    # the same encoder whatever it was measured with
    alone = assessed(specs[2], tmp_path / "alone").iloc[0]
    for name in ("purity", "mig", "to_rotation", "labels_10"):
        assert alone[name] == pytest.approx(table[name][2], abs=2 * ONE_IMAGE), name


def test_known_measures_need_neither_weights_nor_datasets(tmp_path, fits, monkeypatch):
    specs = [*seeds(UNTRAINED, 0, 1), LAYER]
    table = assessed(specs, tmp_path)
    for kind in ("weights", "baselines", "runs"):
        shutil.rmtree(tmp_path / kind)
    for module, name in (
        (measures, "load_dataset"),
        (assessment, "fitted_encoder"),
        (assessment, "trained_layer"),
    ):
        monkeypatch.setattr(module, name, lambda *args: pytest.fail("all is known"))
    for calls in fits.values():
        calls.clear()
    pd.testing.assert_frame_equal(assessed(specs, tmp_path), table)
    assert fits == {"run_baselines": [], "run": []}
    assert assessed([], tmp_path).empty


def test_only_what_is_missing_is_fitted_again(tmp_path, fits):
    table = assessed([*seeds(UNTRAINED, 0, 1), LAYER], tmp_path)
    shutil.rmtree(tmp_path / "weights")
    fits["run_baselines"].clear()
    fits["run"].clear()
    more = assessed([*seeds(UNTRAINED, 0, 1, 2), LAYER], tmp_path)
    assert fits == {"run_baselines": [seeds(UNTRAINED, 2, 1)], "run": []}
    assert more["cka"].notna().tolist() == [False, True, True, False]
    assert list(more["purity"][[0, 1, 3]]) == list(table["purity"])


def test_finished_methods_survive_what_stops_the_next_one(tmp_path, fits, monkeypatch):
    specs = [UNTRAINED, UNTRAINED.but(method="pca")]

    def stop(spec, *args):
        if spec.method == "pca":
            raise KeyboardInterrupt
        return fitted_encoder(spec, *args)

    with monkeypatch.context() as patch:
        patch.setattr(assessment, "fitted_encoder", stop)
        with pytest.raises(KeyboardInterrupt):
            assessed(specs, tmp_path)
    assert open_store(tmp_path).keys("assessments") == {specs[0].key}
    assert assessed(specs, tmp_path)["purity"].notna().all()
    assert fits["run_baselines"][1] == [specs[1]]


def test_materials_are_made_once_for_each_dataset(tmp_path, monkeypatch):
    made, make = [], assessment.materials.__wrapped__
    counted = lru_cache(maxsize=1)(lambda name, device: made.append(name) or make(name, device))
    monkeypatch.setattr(assessment, "materials", counted)
    other = BaselineSpec(dataset="synthetic", hidden_dim=4, seed=0)
    assessed([UNTRAINED, other, LAYER, other.but(seed=1), UNTRAINED.but(seed=1)], tmp_path)
    assert sorted(made) == ["digits", "synthetic"]


def test_large_datasets_are_shared_out_among_processes(tmp_path, monkeypatch):
    specs = [*seeds(UNTRAINED, 0, 1), *seeds(LAYER, 0, 1)]
    here = assessed(specs, tmp_path / "here")
    monkeypatch.setattr(baseline_runs, "_LARGE", ("digits",))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    shared = assessed(specs, tmp_path / "shared")
    # the workers know nothing of the few images with factors that these tests use
    alike = ["key", *(name for name in MEASURES if "mig" not in name and "dci" not in name)]
    pd.testing.assert_frame_equal(shared[alike], here[alike], rtol=1e-4)
    files = open_store(tmp_path / "shared").files("assessments")
    assert {file.metadata["threads"] for file in files} == {1}


def test_fits_that_fail_are_rows_without_numbers_and_are_stored(tmp_path, fits):
    broken = UNTRAINED.but(method="autoencoder", epochs=1, learning_rate=1e38)
    diverged = LAYER.but(optimizer="sgd", learning_rate=1e30)
    table = assessed([*seeds(broken, 0, 1), diverged, LAYER], tmp_path)
    assert table["failed"][:2].str.contains("diverged: the weights").all()
    assert table["failed"][2] == "diverged at epoch 1"
    assert pd.isna(table["failed"][3])
    assert table.loc[:2, list(MEASURES)].isna().all(axis=None)
    for name in CURVES:
        assert all(np.isnan(curve).all() for curve in table[name][:3])
        assert not np.isnan(table[name][3]).any()
    fits["run_baselines"].clear()
    pd.testing.assert_frame_equal(
        assessed([*seeds(broken, 0, 1), diverged, LAYER], tmp_path), table
    )
    assert fits["run_baselines"] == []


def fails_at(method, seed, error):
    """The method, failing at one seed."""
    fit_many = METHODS[method].fit_many

    def fit(X, hidden_dim, seeds, **settings):
        outcomes = fit_many(X, hidden_dim, seeds, **settings)
        return [error if s == seed else o for s, o in zip(seeds, outcomes, strict=True)]

    return dataclasses.replace(METHODS[method], fit_many=fit)


def test_there_is_no_cka_with_a_predecessor_that_failed(tmp_path, monkeypatch):
    failure = FitError("not for this seed")
    monkeypatch.setitem(METHODS, "untrained", fails_at("untrained", 0, failure))
    table = assessed(seeds(UNTRAINED, 0, 1, 2), tmp_path)
    assert table["failed"].fillna("").tolist() == ["not for this seed", "", ""]
    assert table["cka"].notna().tolist() == [False, False, True]
    assert table["purity"].notna().tolist() == [False, True, True]
    assert len(open_store(tmp_path).keys("assessments")) == 3


def test_what_stopped_for_a_passing_reason_is_tried_again(tmp_path, monkeypatch):
    def out_of_memory(*args, **settings):
        raise MemoryError("no room")

    specs = [UNTRAINED.but(seed=1), LAYER]
    broken = dataclasses.replace(METHODS["untrained"], fit_many=out_of_memory)
    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "untrained", broken)
        with pytest.warns(BaselineWarning, match="no room") as caught:
            table = assessed(specs, tmp_path)
    assert len(caught) == 1
    assert "no room" in table["failed"][0]
    assert open_store(tmp_path).keys("assessments") == {LAYER.key}
    assert assessed(specs, tmp_path)["purity"].notna().all()


def test_a_predecessor_that_stopped_for_a_passing_reason_is_tried_again(tmp_path, monkeypatch):
    def out_of_memory(*args, **settings):
        raise MemoryError("no room")

    spec = UNTRAINED.but(seed=1)
    fitted_encoder(spec, tmp_path)
    broken = dataclasses.replace(METHODS["untrained"], fit_many=out_of_memory)
    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "untrained", broken)
        with pytest.warns(BaselineWarning, match="no room"):
            row = assessed(spec, tmp_path).iloc[0]
    assert np.isnan(row["cka"])
    assert row["purity"] > 0
    assert not open_store(tmp_path).keys("assessments")
    assert assessed(spec, tmp_path)["cka"].notna().all()


def test_outputs_that_are_not_finite_are_a_failure(tmp_path, monkeypatch):
    fit_many = METHODS["untrained"].fit_many

    def overflowing(*args, **settings):
        return [
            dataclasses.replace(encoder, bias=encoder.bias + torch.inf)
            for encoder in fit_many(*args, **settings)
        ]

    broken = dataclasses.replace(METHODS["untrained"], fit_many=overflowing)
    monkeypatch.setitem(METHODS, "untrained", broken)
    row = assessed(UNTRAINED, tmp_path).iloc[0]
    assert "not finite" in row["failed"]
    assert row[list(MEASURES)].isna().all()


def test_only_fits_of_the_comparison_are_assessed(tmp_path, fits):
    with pytest.raises(TypeError, match="BaselineSpec or RunSpec objects, got ReferenceSpec"):
        assessed([ReferenceSpec(dataset="digits")], tmp_path)
    with pytest.raises(ValueError, match=r"competition='softmin'.*is not in the comparison"):
        assessed([LAYER.but(competition="softmin")], tmp_path)
    assert fits == {"run_baselines": [], "run": []}


def test_tables_are_made_of_what_assess_gives(tmp_path):
    assessed_rows = assessed([UNTRAINED, LAYER], tmp_path)
    transfer, pruning = transfer_table(assessed_rows), pruning_table(assessed_rows)
    assert set(transfer["method"]) == set(pruning["method"]) == {"untrained", "infomax_relu"}
    rotated = transfer[transfer["family"] == "rotation"]["accuracy"]
    assert list(rotated) == list(assessed_rows["to_rotation"])
    assert transfer["accuracy"].between(0, 1).all()
    assert pruning["accuracy"].between(0, 1).all()
