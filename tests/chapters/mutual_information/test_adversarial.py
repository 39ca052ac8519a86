"""An invertible encoder that hides the class: it stays invertible, and hides."""

from __future__ import annotations

import pytest

from infomax_lib import SpecError
from paper.chapters.mutual_information.measured import adversarial
from paper.chapters.mutual_information.measured.adversarial import (
    AdversarialSpec,
    train_adversarially,
)

QUICK = AdversarialSpec(
    dataset="digits", couplings=3, hidden=16, warm_up=50, steps=10, classifier_steps=3, seed=0
)


def trained(spec, folder):
    return train_adversarially(spec, "cpu", folder, progress=False)


def test_class_is_hidden_by_an_encoder_that_can_be_inverted(tmp_path):
    spec = QUICK.but(encoder_rate=3e-3, steps=200, classifier_rate=1e-2)
    table = trained(spec, tmp_path)
    first, last = table.iloc[0], table.iloc[-1]
    assert table["failed"].isna().all()
    assert last["accuracy"] < first["accuracy"] - 0.05
    assert last["classifier_loss"] > first["classifier_loss"]
    assert (table["inversion_error"] < 1e-2).all()
    again = trained(spec, tmp_path)
    assert again["accuracy"].tolist() == table["accuracy"].tolist()


def test_encoder_stays_as_it_is_without_steps_of_its_own(tmp_path):
    slow = trained(QUICK.but(encoder_rate=1e-12), tmp_path / "slow")
    none = trained(QUICK.but(steps=0), tmp_path / "none")
    assert slow["accuracy"].nunique() == 1
    assert none["accuracy"].iloc[0] == slow["accuracy"].iloc[0]


def test_lost_inverse_is_said(tmp_path, monkeypatch):
    wrong = {"inversion_error": 5.0, "log_condition": 0.0, "spectrum": []}
    monkeypatch.setattr(adversarial, "invertibility", lambda encoder, x: wrong)
    table = trained(QUICK, tmp_path)
    assert "does not give the pixels back at step 0" in table["failed"].iloc[0]
    assert table["accuracy"].isna().all()


def test_impossible_settings_are_refused():
    for fields in ({"steps": -1}, {"classifier_steps": 0}, {"encoder_rate": 0.0}):
        with pytest.raises(SpecError):
            AdversarialSpec(**fields)
