"""Linear maps from a code: against scikit-learn, at their limits, and stored."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from infomax_lib import RunSpec, load_dataset
from paper.chapters.prior_art.measured import uses as module
from paper.chapters.prior_art.measured.uses import maps, uses
from paper.methods import BaselineSpec


@pytest.fixture(scope="module")
def images():
    data = load_dataset("digits")
    return data.train, data.test


def test_maps_are_least_squares(images):
    train, test = images

    directions = torch.randn(64, 7, generator=torch.Generator().manual_seed(0))

    def code(x):
        return torch.relu(x @ directions.to(x))

    found = maps(code, train, test)
    model = LinearRegression().fit(code(train).double(), train.double())
    pixels = model.predict(code(test).double())
    left = ((test.numpy() - pixels) ** 2).sum() / ((test - test.mean(0)).numpy() ** 2).sum()
    assert found["reconstruction_r2"] == pytest.approx(1 - left, abs=1e-4)
    mask = LinearRegression().fit(code(train).double(), (train > 0.5).double())
    predicted, true = mask.predict(code(test).double()) > 0.5, test.numpy() > 0.5
    overlap = (predicted & true).sum() / (predicted | true).sum()
    assert found["foreground_iou"] == pytest.approx(overlap, abs=1e-3)


def test_all_pixels_reconstruct_and_none_give_the_mean(images):
    whole = maps(lambda x: x, *images)
    assert whole["reconstruction_r2"] == pytest.approx(1, abs=1e-4)
    assert 0.7 < whole["foreground_iou"] < 1
    nothing = maps(lambda x: torch.ones(len(x), 3), *images)
    assert nothing["reconstruction_r2"] == pytest.approx(0, abs=0.05)
    copies = maps(lambda x: torch.cat([x, x], 1), *images)
    assert copies["reconstruction_r2"] == pytest.approx(whole["reconstruction_r2"], abs=1e-4)


def test_baselines_and_layers_stand_in_order_and_are_known_again(tmp_path, monkeypatch):
    specs = [
        RunSpec(dataset="digits", hidden_dim=4, epochs=1, seed=0),
        BaselineSpec(dataset="digits", method="pca", hidden_dim=8, seed=0),
        BaselineSpec(dataset="digits", method="pca", hidden_dim=99, seed=0),
    ]
    table = uses(specs, device="cpu", store=tmp_path, progress=False)
    assert list(table["method"]) == ["infomax_relu", "pca", "pca"]
    layer, pca, failed = table.to_dict("records")
    assert pca["reconstruction_r2"] > layer["reconstruction_r2"] > 0
    assert 0 < pca["view_ratio"] < 1
    assert "99 components" in failed["failed"]
    assert np.isnan(failed["reconstruction_r2"])

    def compute(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "_measures", compute)
    again = uses(specs, device="cpu", store=tmp_path, progress=False)
    assert again["foreground_iou"].equals(table["foreground_iou"])
