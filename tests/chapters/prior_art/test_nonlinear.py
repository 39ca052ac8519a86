"""Probes that are not linear: what they see of a map of the code, and what is stored."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.neighbors import KNeighborsClassifier

from infomax_lib import RunSpec, load_dataset
from paper.chapters.prior_art.measured import nonlinear as module
from paper.chapters.prior_art.measured.nonlinear import nonlinear_probes, probes
from paper.methods import BaselineSpec
from paper.methods.runs import fitted_encoder


@pytest.fixture(scope="module")
def code():
    """Four independent units, of which one tells the class: its sign."""
    rng = np.random.default_rng(0)
    train, test = (rng.laplace(size=(n, 4)).astype(np.float32) for n in (3000, 1000))
    return train, test, train[:, 0] > 0, test[:, 0] > 0


def mapped(code, matrix):
    train, test, *labels = code
    return probes(*((a @ matrix).astype(np.float32) for a in (train, test)), *labels)


def test_neighbours_see_every_linear_map_but_rotations(code):
    found, turned = probes(*code), mapped(code, ortho_group.rvs(4, random_state=0))
    assert turned["neighbour_accuracy"] == found["neighbour_accuracy"]
    mixed = mapped(code, np.diag([0.02, 1, 1, 1]))
    assert mixed["neighbour_accuracy"] < found["neighbour_accuracy"] - 0.2


def test_trees_see_rotations_and_no_scale(code):
    found, turned = probes(*code), mapped(code, ortho_group.rvs(4, random_state=0))
    assert found["tree_accuracy"] > 0.99
    assert turned["tree_accuracy"] < found["tree_accuracy"] - 0.03
    assert mapped(code, np.diag([0.5, 4, 1, 2]))["tree_accuracy"] == found["tree_accuracy"]


def test_encoders_are_probed_on_standardised_outputs_and_known_again(tmp_path, monkeypatch):
    specs = [
        RunSpec(dataset="digits", hidden_dim=4, epochs=1, seed=0),
        BaselineSpec(dataset="digits", method="pca", hidden_dim=8, seed=0),
        BaselineSpec(dataset="digits", method="pca", hidden_dim=99, seed=0),
    ]
    table = nonlinear_probes(specs, device="cpu", store=tmp_path, progress=False)
    assert list(table["method"]) == ["infomax_relu", "pca", "pca"]
    data, encoder = load_dataset("digits"), fitted_encoder(specs[1], tmp_path)
    train, test = (encoder.transform(x).double().numpy() for x in (data.train, data.test))
    mean, std = train.mean(0), train.std(0, ddof=1)
    model = KNeighborsClassifier(10).fit((train - mean) / std, data.train_labels)
    expected = model.score((test - mean) / std, data.test_labels)
    assert table["neighbour_accuracy"][1] == pytest.approx(expected, abs=0.003)
    assert table["tree_accuracy"].between(0.3, 1)[:2].all()
    assert "99 components" in table["failed"][2]
    assert np.isnan(table["tree_accuracy"][2])

    def accuracies(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "_accuracies", accuracies)
    again = nonlinear_probes(specs, device="cpu", store=tmp_path, progress=False)
    assert again["tree_accuracy"].equals(table["tree_accuracy"])
