"""Transfer and robustness of features, against scikit-learn on layers trained by plain loops."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from benchmarks.plain_loop import train_reference
from infomax_lib import InfoMaxLayer, RunSpec, SpecError, grid, load_dataset, run
from infomax_lib.measures.probes import LinearReadout, linear_probe
from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.data import SOURCES, part_of
from infomax_lib.model.streams import generator
from paper.chapters.open_questions import transfer
from paper.chapters.open_questions.transfer import (
    FeatureSpec,
    FeatureWarning,
    ReferenceSpec,
    evaluate_features,
    evaluate_references,
    level_columns,
    target_of,
)
from paper.methods import FitError

ONE_IMAGE = 1.5 / 170  # of the smaller half of the test set: rounding may turn one label over


def quick(**values):
    base = FeatureSpec(dataset="digits", hidden_dim=8, epochs=2)
    return grid(base, **values)


class Probe:
    """scikit-learn's classifier on features standardised by the training set, in float64."""

    def __init__(self, train, labels):
        train = np.asarray(train, float)
        self.mean, std = train.mean(0), train.std(0, ddof=1)
        self.std = np.where(std > 0, std, 1)
        self.model = LogisticRegression(max_iter=10000, tol=1e-8)
        self.model.fit((train - self.mean) / self.std, labels)

    def accuracy(self, test, labels):
        return self.model.score((np.asarray(test, float) - self.mean) / self.std, labels)


# --- specs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "odd"}, "choose one of all, low, high"),
        ({"noise": (0.1, -0.2)}, "all of them different and above 0"),
        ({"noise": (0.0,)}, "above 0"),
        ({"noise": ()}, "at least one level"),
        ({"noise": (float("inf"),)}, "above 0"),
        ({"noise": (float("nan"),)}, "above 0"),
        ({"noise": 0.1}, "valid tuple"),
        ({"unit_loss": (0.5, 0.5)}, "all of them different"),
        ({"unit_loss": (1.5,)}, "above 0 and at most 1"),
        ({"draws": 0}, "greater than or equal to 1"),
        ({"sources": "all"}, "unknown field .sources.: the fields are"),
    ],
)
@pytest.mark.parametrize("kind", [FeatureSpec, ReferenceSpec])
def test_impossible_tests_are_refused_with_what_is_allowed(kind, fields, message):
    with pytest.raises(SpecError, match=message):
        kind(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "ica"}, "choose one of pixels, pca"),
        ({"dataset": "cifar"}, "choose one of digits"),
        ({"method": "pca"}, "hidden_dim=None is not possible for pca: pca needs a number"),
        ({"method": "pixels", "hidden_dim": 4}, "pixels have none"),
    ],
)
def test_impossible_references_are_refused_with_what_is_allowed(fields, message):
    with pytest.raises(SpecError, match=message):
        ReferenceSpec(**fields)


def test_levels_enter_the_key_and_may_be_a_list():
    spec = FeatureSpec(dataset="digits")
    assert FeatureSpec(dataset="digits", noise=list(spec.noise)).key == spec.key
    changed = [spec.but(noise=(0.3,)), spec.but(unit_loss=(0.3,)), spec.but(source="low")]
    assert len({s.key for s in [spec, *changed, RunSpec(dataset="digits")]}) == 5


def test_columns_are_named_by_kind_and_level():
    names = ["noise_accuracy_0.1", "noise_accuracy_2", "loss_accuracy_0.25"]
    assert level_columns((0.1, 2.0), (0.25,)) == dict(zip(names, (0.1, 2.0, 0.25), strict=True))


# --- sources and targets -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "synthetic"])
def test_halves_share_no_class_and_together_are_all(name):
    data = load_dataset(name)
    low, high = part_of(data, "low"), part_of(data, "high")
    classes = data.train_labels.unique()
    assert torch.equal(low.train_labels.unique(), classes[: len(classes) // 2])
    assert torch.equal(high.test_labels.unique(), classes[len(classes) // 2 :])
    assert len(low.train) + len(high.train) == len(data.train)
    assert len(low.test) + len(high.test) == len(data.test)
    one = data.train[data.train_labels == 1]
    assert torch.equal(low.train[low.train_labels == 1], one)
    assert part_of(data, "all") is data


def test_targets_have_names():
    assert target_of("mnist") == "fashion-mnist"
    assert target_of("fashion-mnist") == "mnist"
    assert target_of("digits") is None
    assert target_of("mnist", "low") == "mnist 5–9"
    assert target_of("mnist", "high") == "mnist 0–4"
    assert target_of("synthetic", "low") == "synthetic 3–5"


# --- the readout ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_the_readout_is_the_linear_probe(digits):
    readout = LinearReadout.fit(digits.train, digits.train_labels)
    (own,) = readout.accuracy(digits.test, digits.test_labels)
    probe = linear_probe(digits.train, digits.train_labels, digits.test, digits.test_labels)
    assert float(own) == pytest.approx(float(probe), abs=1.5 / 360)
    reference = Probe(digits.train, digits.train_labels)
    expected = reference.accuracy(digits.test, digits.test_labels)
    assert float(own) == pytest.approx(expected, abs=1.5 / 360)


def test_a_lost_feature_is_its_training_mean(digits):
    train, test = digits.train[:, 20:30].double(), digits.test[:, 20:30].double()
    readout = LinearReadout.fit(train, digits.train_labels)
    kept = torch.ones(2, 10)
    kept[1, [2, 7]] = 0
    whole, without = readout.accuracy(test, digits.test_labels, kept).tolist()
    reference = Probe(train, digits.train_labels)
    test[:, [2, 7]] = train.mean(0)[[2, 7]]
    assert without == pytest.approx(reference.accuracy(test, digits.test_labels), abs=1.5 / 360)
    assert without < whole


def test_the_readout_does_not_see_scale_and_survives_constant_features(digits):
    train, test = digits.train[:, 20:30].double(), digits.test[:, 20:30].double()
    scale = 10.0 ** torch.arange(-12, 8, 2)

    def accuracy(train, test):
        readout = LinearReadout.fit(train, digits.train_labels)
        return float(readout.accuracy(test, digits.test_labels))

    expected = accuracy(train, test)
    assert accuracy(train * scale, test * scale) == pytest.approx(expected, abs=1.5 / 360)
    constant = [torch.full((len(x), 1), 0.1, dtype=torch.float64) for x in (train, test)]
    constant[1] += 1  # a feature that is constant in training says nothing in testing
    wider = [torch.cat(pair, 1) for pair in zip((train, test), constant, strict=True)]
    assert accuracy(*wider) == pytest.approx(expected, abs=1.5 / 360)


def test_a_readout_of_features_that_are_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite features"):
        LinearReadout.fit(torch.tensor([[1.0], [torch.nan]]), torch.tensor([0, 1]))


# --- layers --------------------------------------------------------------------------------------


def trained_alone(spec, part):
    """Outputs of the layer of a spec, trained by a plain loop on one part of the data."""
    settings = {name: getattr(spec, name) for name in RunSpec.model_fields}
    weight, bias, _ = train_reference(RunSpec(**settings), part)
    return lambda x: layer_outputs(spec, weight, bias, x)


@pytest.mark.parametrize("competition", ["none", "softmax"])
@pytest.mark.parametrize("source", ["low", "high"])
def test_layers_see_one_half_and_probes_read_both(digits, tmp_path, competition, source):
    (spec,) = quick(competition=[competition], source=[source], seed=[3], epochs=[4])
    row = evaluate_features(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    own, other = (part_of(digits, s) for s in (source, {"low": "high", "high": "low"}[source]))
    encode = trained_alone(spec, own)
    for part, column in ((own, "probe_accuracy"), (other, "transfer_accuracy")):
        probe = Probe(encode(part.train), part.train_labels)
        expected = probe.accuracy(encode(part.test), part.test_labels)
        assert row[column] == pytest.approx(expected, abs=ONE_IMAGE), column
    assert row["target"] == target_of("digits", source)


def test_noise_and_lost_units_meet_the_probe_of_clean_images(digits, tmp_path):
    (spec,) = quick(
        competition=["softmax"], seed=[3], noise=[(0.05, 0.5)], unit_loss=[(0.1, 0.5)], draws=[3]
    )
    row = evaluate_features(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    encode = trained_alone(spec, digits)
    train, test = encode(digits.train), encode(digits.test)
    probe = Probe(train, digits.train_labels)
    noise = torch.randn(digits.test.shape, generator=generator(3, "noise"))
    expected = [
        probe.accuracy(encode(digits.test + s * noise), digits.test_labels) for s in (0.05, 0.5)
    ]
    stream = generator(3, "lost units")
    orders = [torch.randperm(8, generator=stream) for _ in range(3)]
    for count in (1, 4):
        draws = []
        for order in orders:
            damaged = test.clone()
            lost = order < count
            damaged[:, lost] = train.mean(0)[lost]
            draws.append(probe.accuracy(damaged, digits.test_labels))
        expected.append(np.mean(draws))
    columns = list(level_columns(spec.noise, spec.unit_loss))
    np.testing.assert_allclose(row[columns].astype(float), expected, atol=1.5 / 360)
    clean = row["probe_accuracy"]
    for kind, values in (("noise", expected[:2]), ("loss", expected[2:])):
        assert row[f"{kind}_drop"] == pytest.approx(clean - np.mean(values), abs=1.5 / 360)
        assert row[f"{kind}_retained"] == pytest.approx(np.mean(values) / clean, abs=3 / 360)
    assert row["noise_drop"] > 0.1
    assert row["loss_drop"] > 0.1


def test_the_numbers_of_the_own_task_are_those_of_the_run(tmp_path):
    specs = quick(competition=["none", "softmax"], seed=[0, 1])
    table = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    settings = [{name: getattr(s, name) for name in RunSpec.model_fields} for s in specs]
    reference = run([RunSpec(**s) for s in settings], "cpu", tmp_path, progress=False)
    for name in ("weight_redundancy", "redundancy_over_random", "output_correlation"):
        np.testing.assert_allclose(table[name], reference[name], rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(table["probe_accuracy"], reference["probe_accuracy"], atol=1.5 / 360)
    assert table["transfer_accuracy"].isna().all()
    assert table["target"].isna().all()


def test_no_epochs_are_the_untrained_control(digits, tmp_path):
    (spec,) = quick(epochs=[0], competition=["softmax"], seed=[5])
    row = evaluate_features(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    layer = InfoMaxLayer(64, 8, competition="softmax", seed=5)
    with torch.no_grad():
        train, test = layer(digits.train), layer(digits.test)
    probe = linear_probe(train, digits.train_labels, test, digits.test_labels)
    assert row["probe_accuracy"] == pytest.approx(float(probe), abs=1.5 / 360)


def test_a_layer_evaluated_with_others_is_the_one_evaluated_alone(tmp_path):
    specs = quick(source=SOURCES, competition=["none", "softmax"], seed=[0, 1])
    together = evaluate_features(specs, device="cpu", store=tmp_path / "a", progress=False)
    for n in (0, 3, 9):
        alone = evaluate_features(specs[n], device="cpu", store=tmp_path / "b", progress=False)
        for name in ("probe_accuracy", "noise_accuracy_0.2", "loss_accuracy_0.25"):
            assert together[name][n] == pytest.approx(alone[name][0], abs=2 * ONE_IMAGE), name


def test_without_any_unit_every_sample_gets_the_same_class(digits, tmp_path):
    specs = quick(epochs=[0], unit_loss=[(1.0,)], competition=["none", "softmax"])
    table = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    shares = {float((digits.test_labels == c).double().mean()) for c in range(10)}
    assert set(table["loss_accuracy_1"]) <= shares


def test_noise_and_lost_units_are_those_of_the_seed_whatever_the_features(digits):
    spec = ReferenceSpec(dataset="digits")
    readout = LinearReadout.fit(digits.train, digits.train_labels)
    seen = []

    def accuracies(spec):
        encode = lambda x: seen.append(x) or x  # noqa: E731
        lost = transfer._without_units(readout, encode, digits, spec)
        return transfer._under_noise(readout, encode, digits, spec), lost

    first, again, other = (accuracies(spec.but(seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    # levels of one seed scale one draw, so that they can be compared
    small, large = seen[1] - digits.test, seen[2] - digits.test
    torch.testing.assert_close(large, small * spec.noise[1] / spec.noise[0], rtol=0, atol=1e-5)


def test_weak_noise_costs_nothing_and_strong_noise_everything(tmp_path):
    (spec,) = quick(noise=[(1e-6, 100.0)], seed=[0])
    row = evaluate_features(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    assert row["noise_accuracy_1e-06"] == row["probe_accuracy"] > 0.5
    assert row["noise_accuracy_100"] < 0.3


def test_layers_that_diverge_are_results_and_leave_their_neighbours_alone(tmp_path):
    specs = quick(optimizer=["sgd"], source=["low"], learning_rate=[1e30, 1e-3])
    table = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    accuracies = ["probe_accuracy", "transfer_accuracy", *level_columns(), "noise_retained"]
    assert table.loc[0, accuracies].isna().all()
    assert table.loc[1, accuracies].notna().all()
    again = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)


@pytest.fixture
def trained(monkeypatch):
    """Specs of the layers of each training."""
    calls = []
    population = transfer.Population

    def counted(specs, *args):
        calls.append(list(specs))
        return population(specs, *args)

    monkeypatch.setattr(transfer, "Population", counted)
    return calls


def test_features_are_stored_and_not_computed_again(tmp_path, trained):
    specs = quick(seed=[0, 1], source=["low", "high"])
    table = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    assert [len(call) for call in trained] == [2, 2]
    assert list(table["key"]) == [spec.key for spec in specs]
    trained.clear()
    again = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)
    assert trained == []
    evaluate_features(
        [*specs, *quick(seed=[2], source=["low"])], device="cpu", store=tmp_path, progress=False
    )
    assert trained == [quick(seed=[2], source=["low"])]


def test_what_is_left_of_a_population_is_trained_in_parts_that_fit_together(tmp_path, trained):
    specs = quick(seed=[0, 1], competition=["none", "softmax"])
    evaluate_features(specs[0], device="cpu", store=tmp_path, progress=False)
    trained.clear()
    table = evaluate_features(specs, device="cpu", store=tmp_path, progress=False)
    assert sorted(len(call) for call in trained) == [1, 2]
    assert table["probe_accuracy"].notna().all()


# --- transfer to another dataset -----------------------------------------------------------------


def test_features_are_read_on_the_partner(digits, tmp_path, monkeypatch):
    turned = dataclasses.replace(digits, train=digits.train.flip(1), test=digits.test.flip(1))

    def load(name):
        return turned if name == "mnist" else load_dataset(name)

    monkeypatch.setattr(transfer, "PARTNERS", {"digits": "mnist"})
    monkeypatch.setattr(transfer, "load_dataset", load)
    (spec,) = quick(seed=[3])
    row = evaluate_features(spec, device="cpu", store=tmp_path, progress=False).iloc[0]
    encode = trained_alone(spec, digits)
    probe = Probe(encode(turned.train), turned.train_labels)
    expected = probe.accuracy(encode(turned.test), turned.test_labels)
    assert row["transfer_accuracy"] == pytest.approx(expected, abs=1.5 / 360)
    assert row["target"] == "mnist"
    assert row["transfer_accuracy"] != row["probe_accuracy"]


def test_without_the_partner_results_are_shown_but_not_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "PARTNERS", {"digits": "mnist"})
    monkeypatch.setenv("INFOMAX_DATA", str(tmp_path / "empty"))
    (spec,) = quick(seed=[3])
    with pytest.warns(FeatureWarning, match="digits to mnist is not measured.*INFOMAX_DATA"):
        table = evaluate_features(spec, device="cpu", store=tmp_path, progress=False)
    assert table["transfer_accuracy"].dtype == float
    assert table["transfer_accuracy"].isna().all()
    assert table["target"].tolist() == ["mnist"]
    assert table["probe_accuracy"].notna().all()
    monkeypatch.setattr(transfer, "PARTNERS", {"digits": "digits"})  # now it is at hand
    again = evaluate_features(spec, device="cpu", store=tmp_path, progress=False)
    assert (again["transfer_accuracy"] == again["probe_accuracy"]).all()


# --- references ----------------------------------------------------------------------------------


def test_references_are_pixels_and_components_of_the_source(digits, tmp_path):
    specs = [
        ReferenceSpec(dataset="digits", source="low"),
        ReferenceSpec(dataset="digits", source="low", method="pca", hidden_dim=6),
    ]
    table = evaluate_references(specs, device="cpu", store=tmp_path, progress=False)
    low, high = part_of(digits, "low"), part_of(digits, "high")
    components = PCA(6, svd_solver="full").fit(low.train.double())
    for row, encode in zip(
        table.to_dict("records"), (np.asarray, components.transform), strict=True
    ):
        for part, column in ((low, "probe_accuracy"), (high, "transfer_accuracy")):
            train, test = (encode(x.double().numpy()) for x in (part.train, part.test))
            expected = Probe(train, part.train_labels).accuracy(test, part.test_labels)
            assert row[column] == pytest.approx(expected, abs=ONE_IMAGE), column
    assert list(table["target"]) == ["digits 5–9"] * 2
    again = evaluate_references(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)


def test_probes_of_references_are_fitted_once_for_all_seeds(tmp_path, monkeypatch):
    fits = []
    fit = LinearReadout.fit
    monkeypatch.setattr(LinearReadout, "fit", lambda *args: fits.append(0) or fit(*args))
    spec = ReferenceSpec(dataset="digits", method="pca", hidden_dim=6, noise=(0.3,))
    specs = [spec.but(seed=seed) for seed in range(4)]
    table = evaluate_references(specs, device="cpu", store=tmp_path, progress=False)
    assert len(fits) == 1
    assert table["probe_accuracy"].nunique() == 1
    assert table["noise_accuracy_0.3"].nunique() > 1
    assert table["loss_accuracy_0.5"].nunique() > 1


def test_references_that_cannot_be_say_why(tmp_path):
    spec = ReferenceSpec(dataset="digits", method="pca", hidden_dim=65)
    with pytest.raises(FitError, match="use hidden_dim <= "):
        evaluate_references(spec, device="cpu", store=tmp_path, progress=False)
    with pytest.raises(TypeError, match="expected FeatureSpec objects, got ReferenceSpec"):
        evaluate_features([spec], store=tmp_path)


def test_half_of_a_half_is_refused():
    for name in ("digits-low", "digits-high"):
        for source in ("low", "high"):
            with pytest.raises(
                ValueError, match=rf"{name} holds half .*{source} half of the whole"
            ):
                part_of(load_dataset(name), source)
