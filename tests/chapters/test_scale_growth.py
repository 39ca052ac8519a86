"""Growth of scale: the identities hold on real layers, and the share counts what it says."""

import numpy as np
import pandas as pd
import pytest
import torch

from infomax_lib import InfoMaxLayer, infomax_objective, load_dataset
from paper.chapters.optimizer_comparison.scale_growth import (
    negative_curvature,
    scale_free_loss,
    scale_share,
    sgd_rate_for_loss,
    sgd_row_norm,
)


@pytest.fixture(scope="module")
def batch():
    return load_dataset("digits").train[:256].double()


def _loss(layer, x, eps=0.0):
    return infomax_objective(layer(x), lambda_tc=3.0, eps=eps).loss


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
def test_scale_free_loss_ignores_scale(batch, activation):
    layer = InfoMaxLayer(64, 8, activation=activation, seed=1).double()
    losses = []
    for factor in (1.0, 7.0):
        with torch.no_grad():
            layer.weight *= factor
            layer.bias *= factor
        norm = float(layer.weight.detach().norm(dim=-1).mean())
        losses.append(scale_free_loss(float(_loss(layer, batch).detach()), norm, 8))
    assert losses[0] == pytest.approx(losses[1], abs=1e-9)


def test_scale_free_loss_needs_unbounded_outputs(batch):
    layer = InfoMaxLayer(64, 8, competition="softmax", seed=1).double()
    before = float(_loss(layer, batch).detach())
    with torch.no_grad():
        layer.weight *= 7.0
    assert float(_loss(layer, batch).detach()) != pytest.approx(before - 16 * np.log(7), abs=1.0)


def test_gradient_along_the_weights_is_minus_2k(batch):
    layer = InfoMaxLayer(64, 8, seed=1).double()
    _loss(layer, batch).backward()
    radial = (layer.weight * layer.weight.grad).sum() + (layer.bias * layer.bias.grad).sum()
    assert float(radial.detach()) == pytest.approx(-16.0, abs=1e-9)


def test_sgd_follows_the_square_root_law(batch):
    layer = InfoMaxLayer(64, 8, seed=1).double()
    rate, steps = 1e-3, 200
    optimizer = torch.optim.SGD([layer.weight], lr=rate)
    initial = float(layer.weight.detach().square().sum(-1).mean().sqrt())
    for _ in range(steps):
        optimizer.zero_grad()
        _loss(layer, batch).backward()
        optimizer.step()
    reached = float(layer.weight.detach().square().sum(-1).mean().sqrt())
    predicted = sgd_row_norm(initial, rate, steps, units_alive=8, hidden_dim=8)
    assert predicted > 1.1 * initial
    assert reached == pytest.approx(predicted, rel=0.02)


def test_scale_share():
    def rows(key, losses, norms):
        return pd.DataFrame(
            {
                "key": key,
                "hidden_dim": 4,
                "epoch": [0, 1, 2, 3],
                "loss": [np.nan, *losses],
                "row_norm": [1.0, *norms],
            }
        )

    grown = 10 - 8 * np.log(3.0)
    table = pd.concat(
        [
            rows("scale only", [10.0, 5.0, grown], [1.0, np.nan, 3.0]),
            rows("no growth", [10.0, 5.0, 1.0], [2.0, 2.0, 2.0]),
            rows("rises", [10.0, 11.0, 12.0], [1.0, 2.0, 3.0]),
        ]
    )
    shares = scale_share(table)
    assert shares["scale only"] == pytest.approx(1.0)
    assert shares["no growth"] == 0.0
    assert np.isnan(shares["rises"])


def test_negative_curvature():
    smallest = np.array([-2.0, 3.0, -1.0])
    largest = np.array([6.0, 5.0, 0.0])
    assert negative_curvature(smallest, largest).tolist() == [0.25, 0.0, pytest.approx(1.0)]


def test_rate_for_loss_inverts_the_law():
    norm = sgd_row_norm(1.3, 0.7, 500, units_alive=7, hidden_dim=8)
    loss = 4.0 - 16 * np.log(norm)  # unit-norm loss 4 at that length
    assert sgd_rate_for_loss(loss, 4.0, 1.3, 500, 7, 8) == pytest.approx(0.7)
    assert sgd_rate_for_loss(5.0, 4.0, 1.3, 500, 7, 8) == 0.0
