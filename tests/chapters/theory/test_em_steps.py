"""The step of EM on a layer's responsibilities, and angle and length of another step against it."""

import pytest
import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from paper.chapters.theory import em_steps as module
from paper.chapters.theory import mixture
from paper.chapters.theory.em_steps import RATE, against_em, em_steps, m_step


def test_the_m_step_is_that_of_the_mixture_where_the_layer_is_one():
    x = torch.randn(40, 3, dtype=torch.float64)
    layer = InfoMaxLayer(3, 4, "identity", "softmax", seed=0).double()
    with torch.no_grad():
        layer.bias.copy_(-layer.weight.square().sum(-1) / 2)
        moved = layer.weight + m_step(layer, x)
        torch.testing.assert_close(moved, mixture.em_step(x, layer.weight, 1.0))


def test_steps_are_compared_by_angle_and_length():
    em = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    assert against_em(0.5 * em, em) == pytest.approx({"cosine": 1, "between": 1, "length": 0.5})
    # rows that go the same way on the whole, and the other way from each other
    turned = against_em(em.flip(0), em)
    assert turned == pytest.approx({"cosine": 0.6, "between": -1, "length": 1})


def test_untrained_layers_and_one_run(monkeypatch):
    monkeypatch.setattr(module, "_EPOCHS", 2)
    table = em_steps("digits", [0, 3], store="memory", samples=100)
    at = table.groupby("step")[["epoch", "seed"]].apply(lambda rows: list(map(tuple, rows.values)))
    assert at["InfoMax"] == at["LSE term"] == [(0, 0), (0, 3), (1, 0), (2, 0)]
    assert table["cosine"].abs().max() <= 1
    # the step of the LSE term by hand
    x = load_dataset("digits").train[:100]
    layer = InfoMaxLayer(x.shape[1], 16, "relu", "softmax", seed=3)
    with torch.no_grad():
        fires = layer.preactivation(x) > 0
        step = RATE * (layer(x) * fires).mT @ x / len(x)
        expected = against_em(step, m_step(layer, x))
    row = table[(table["step"] == "LSE term") & (table["seed"] == 3)].iloc[0]
    assert row[["cosine", "between", "length"]].to_dict() == pytest.approx(expected, rel=1e-4)
