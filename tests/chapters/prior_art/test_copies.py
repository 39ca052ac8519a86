"""Copies of features: the losses cannot tell, and a change of one copy shows."""

import pytest
import torch

from paper.chapters.prior_art.measured.copies import copied, copied_features, redundancy
from paper.methods.reconstruction.autoencoder import loss_and_gradients

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def test_ten_copies_cost_nothing_and_are_copies():
    table = copied_features([3, 4], copies=10)
    assert list(table["copies"].unique()) == [1, 10]
    assert len(table) == 8
    for _, rows in table.groupby(["objective", "seed"]):
        once, often = rows["loss"]
        assert often == pytest.approx(once, rel=1e-12)
        assert once > 0.1
        least, most = rows["redundancy"]
        assert least < 0.99
        assert most == pytest.approx(1, abs=1e-12)
    assert table["loss"].nunique() >= 4


def test_an_autoencoder_with_copies_reconstructs_the_same_and_not_without_the_division():
    parameters = {
        "weight": draw(1, 3, 5),
        "bias": draw(1, 3, seed=1),
        "decoder": draw(1, 3, 5, seed=2),
        "offset": draw(1, 5, seed=3),
    }
    x = draw(1, 20, 5, seed=4).sigmoid()
    twice = copied(parameters, 2)
    assert twice["weight"].shape == twice["decoder"].shape == (1, 6, 5)
    code = torch.relu(x[0] @ twice["weight"][0].T + twice["bias"][0])
    logits = code @ twice["decoder"][0] + twice["offset"][0]
    expected = ((logits.sigmoid() - x[0]) ** 2).sum(1).mean()
    assert float(loss_and_gradients(parameters, x)[0]) == pytest.approx(float(expected), rel=1e-12)
    wrong = twice | {"decoder": twice["decoder"] * 2}
    assert abs(float(loss_and_gradients(wrong, x)[0]) - float(expected)) > 1e-3


def test_redundancy_is_that_of_the_most_alike():
    features = torch.tensor([[1.0, 2, 0], [0, 0, 1]], dtype=DOUBLE)
    assert redundancy(features) == pytest.approx(2 / 3)
