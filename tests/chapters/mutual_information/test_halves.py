"""Encoders of halves: what is measured of them, that training climbs, and what can go wrong."""

from __future__ import annotations

import math
import tempfile

import numpy as np
import pytest
import torch

from infomax_lib import SpecError, load_dataset
from infomax_lib.measures.probes import linear_probe
from paper.chapters.mutual_information.measured import halves
from paper.chapters.mutual_information.measured.halves import (
    ENCODERS,
    HalvesSpec,
    train_halves,
)
from paper.chapters.mutual_information.measured.recording import (
    half_probe,
    halves_of,
    invertibility,
    raw_pixels,
)
from paper.information.bounds import cap

QUICK = HalvesSpec(
    dataset="digits", steps=20, couplings=2, hidden=8, learning_rate=1e-3, batch_size=32, seed=0
)


def trained(spec, store=None):
    """Trained now if no store is given: the one in memory would remember it for other tests."""
    with tempfile.TemporaryDirectory() as folder:
        return train_halves(spec, "cpu", store or folder, progress=False)


def test_halves_are_the_upper_and_the_lower_rows():
    data = load_dataset("digits")
    top, bottom, test_top, _, shape = halves_of(data)
    assert shape == (4, 8)
    assert torch.equal(torch.cat([top, bottom], 1), data.train)
    assert torch.equal(top[0].view(4, 8), data.train[0].view(8, 8)[:4])
    assert len(test_top) == len(data.test)
    with pytest.raises(ValueError, match="even height"):
        halves_of(load_dataset("synthetic"))


def test_raw_pixels_are_probed_like_representations():
    data = load_dataset("digits")
    top, _, test, *_ = halves_of(data)
    expected = linear_probe(top, data.train_labels, test, data.test_labels).item()
    assert raw_pixels("digits") == pytest.approx(expected)
    draw = torch.Generator().manual_seed(0)
    assert half_probe(torch.nn.Identity(), top, test, data, 5.0, draw) < expected


def test_training_climbs_and_every_step_has_its_measures(tmp_path):
    table = trained(QUICK.but(steps=200), tmp_path)
    assert table["step"].tolist() == [0, 10, 20, 50, 100, 200]
    assert table["failed"].isna().all()
    first, last = table.iloc[0], table.iloc[-1]
    assert last["training"] > first["training"] + 1
    assert (table["training"] <= cap(32)).all()
    assert table["accuracy"].between(0, 1).all()
    assert table["log_condition"].isna().all()  # fewer outputs than inputs: nothing to invert
    again = trained(QUICK.but(steps=200), tmp_path)
    assert again["training"].tolist() == table["training"].tolist()


@pytest.mark.parametrize("bound", ["nce", "nwj", "donsker_varadhan", "jensen_shannon", "mine"])
def test_every_bound_is_climbed(bound):
    table = trained(QUICK.but(bound=bound, steps=100))
    assert table["training"].iloc[-1] > table["training"].iloc[0] + 0.3


@pytest.mark.parametrize("critic", ["inner", "bilinear", "separable", "concatenated"])
def test_every_critic_learns(critic):
    table = trained(QUICK.but(critic=critic, steps=50))
    assert table["training"].iloc[-1] > table["training"].iloc[0]


@pytest.mark.parametrize("encoder", ["shift_flow", "affine_flow"])
def test_flows_are_invertible_at_every_step(encoder):
    table = trained(QUICK.but(encoder=encoder, steps=50))
    assert (table["inversion_error"] < 1e-3).all()
    assert table["log_condition"].iloc[0] == pytest.approx(0, abs=0.1 if "shift" in encoder else 1)
    assert table["log_condition"].iloc[-1] > table["log_condition"].iloc[0]
    assert all(len(values) == 32 for values in table["spectrum"])
    if encoder == "shift_flow":  # keeps volumes: the logarithms sum to zero
        assert all(abs(np.sum(values)) < 1e-3 for values in table["spectrum"])


def test_residual_encoder_starts_well_conditioned():
    table = trained(QUICK.but(encoder="residual", steps=50))
    assert table["log_condition"].iloc[0] < 0.01
    assert table["log_condition"].iloc[-1] > 0.1
    assert table["inversion_error"].isna().all()


@pytest.mark.parametrize("encoder", ["shift_flow", "residual"])
def test_an_encoder_that_has_exploded_has_no_condition(encoder):
    spec = HalvesSpec(dataset="digits", encoder=encoder, couplings=2, hidden=8)
    broken = ENCODERS[encoder](32, (4, 8), spec, torch.Generator().manual_seed(0))
    with torch.no_grad():
        next(broken.parameters()).fill_(math.nan)
    found = invertibility(broken, torch.rand(20, 32))
    assert math.isnan(found["log_condition"])
    assert found["spectrum"] == []


def test_the_dense_encoder_has_the_sizes_of_the_paper():
    layers = ENCODERS["mlp"](392, (14, 28), QUICK, torch.Generator().manual_seed(0))
    assert [layer.out_features for layer in layers if hasattr(layer, "bias")] == [300, 300, 100]


def test_target_is_reached_and_not_passed():
    table = trained(QUICK.but(target=1.0, steps=200))
    assert table["training"].iloc[-1] == pytest.approx(1.0, abs=0.15)


def test_a_seed_fixes_everything_and_another_changes_it():
    first, again = (trained(QUICK) for _ in range(2))
    assert first["training"].tolist() == again["training"].tolist()
    assert trained(QUICK.but(seed=1))["training"].tolist() != first["training"].tolist()


def test_a_training_that_blows_up_is_kept_with_its_reason():
    table = trained(QUICK.but(bound="nwj", learning_rate=1e6))
    assert "not a finite number at step" in table["failed"].iloc[-1]
    assert math.isfinite(table["training"].iloc[0])
    assert math.isnan(table["training"].iloc[-1])


def test_an_encoder_that_stops_being_invertible_is_said_to(monkeypatch):
    def lossy(self, y):
        return torch.zeros_like(y)

    monkeypatch.setattr(halves.CouplingFlow, "inverse", lossy)
    table = trained(QUICK.but(encoder="shift_flow"))
    assert "does not give the pixels back at step 0" in table["failed"].iloc[0]


def test_an_estimate_above_its_cap_is_said_to_be(monkeypatch):
    monkeypatch.setattr(halves, "cap", lambda pairs: -1.0)
    table = trained(QUICK)
    assert "above its cap" in table["failed"].iloc[0]


def test_impossible_settings_are_refused():
    for fields in ({"encoder": "cnn"}, {"batch_size": 1}, {"target": 0.0}, {"noise": -1.0}):
        with pytest.raises(SpecError):
            HalvesSpec(**fields)
    with pytest.raises(ValueError, match="even height"):
        trained(QUICK.but(dataset="synthetic"))
