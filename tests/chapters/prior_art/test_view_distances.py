"""Distances of views, hard negatives by formula, and methods that are those of the comparison."""

import numpy as np
import pandas as pd
import pytest
import torch
from fits import fit

from infomax_lib import SpecError, grid, load_dataset
from paper.chapters.prior_art.measured.view_distances import (
    COMPARED,
    HARD,
    ViewDistanceSpec,
    compared,
    hard_nt_xent,
    view_distances,
    views_of,
)
from paper.methods.two_views.simclr import nt_xent

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


# --- hard negatives ------------------------------------------------------------------------------


def test_without_hardness_it_is_nt_xent():
    z = draw(3, 10, 4)
    torch.testing.assert_close(hard_nt_xent(z, hardness=0.0), nt_xent(z), rtol=1e-12, atol=0)


@pytest.mark.parametrize("hardness", [0.5, 1.0])
def test_negatives_are_weighted_by_how_alike_they_are(hardness):
    z = draw(1, 8, 3, seed=1)
    unit = z[0].numpy() / np.linalg.norm(z[0].numpy(), axis=1, keepdims=True)
    losses = []
    for i in range(8):
        other = (i + 4) % 8
        negatives = [unit[i] @ unit[k] / 0.5 for k in range(8) if k not in (i, other)]
        weights = np.exp(hardness * np.array(negatives))
        mean = np.sum(weights / weights.sum() * np.exp(negatives))
        own = np.exp(unit[i] @ unit[other] / 0.5)
        losses.append(-np.log(own / (own + 6 * mean)))
    found = float(hard_nt_xent(z, hardness=hardness))
    assert found == pytest.approx(np.mean(losses), rel=1e-12)
    assert found > float(nt_xent(z))


# --- distances -----------------------------------------------------------------------------------


def test_ratio_and_found_are_those_of_plain_words():
    views = draw(2, 6, 4)
    found = compared(lambda x: x, views)
    both = views.flatten(0, 1).numpy()
    first, second = np.split((both - both.mean(0)) / both.std(0, ddof=1), 2)
    table = np.linalg.norm(first[:, None] - second[None], axis=-1)
    between = table[~np.eye(6, dtype=bool)].mean()
    assert found["view_ratio"] == pytest.approx(np.diag(table).mean() / between, rel=1e-12)
    assert found["found"] == np.mean(table.argmin(1) == np.arange(6))


def test_limits_equal_views_independent_ones_and_a_constant_code():
    images = draw(300, 5)
    same = compared(lambda x: x, torch.stack([images, images]))
    assert same == {"view_ratio": 0.0, "found": 1.0}
    apart = compared(lambda x: x, torch.stack([images, draw(300, 5, seed=9)]))
    assert apart["view_ratio"] == pytest.approx(1, abs=0.05)
    assert apart["found"] < 0.03
    assert np.isnan(compared(lambda x: torch.ones_like(x), draw(2, 9, 3))["view_ratio"])


def test_units_count_alike_whatever_their_scale():
    views = draw(2, 20, 4)
    scale = torch.tensor([1.0, 10, 100, 0], dtype=DOUBLE)
    whole = compared(lambda x: x[:, :3], views)["view_ratio"]
    assert compared(lambda x: x * scale, views)["view_ratio"] == pytest.approx(whole, rel=1e-12)


def test_views_are_the_same_for_all():
    images = load_dataset("digits").test
    assert torch.equal(views_of(images), views_of(images))
    assert views_of(images).shape == (2, len(images), 64)


# --- the table -----------------------------------------------------------------------------------


def test_methods_are_those_of_the_comparison_and_known_again(tmp_path):
    base = ViewDistanceSpec(dataset="digits", hidden_dim=6, epochs=2, learning_rate=1e-2)
    specs = grid(base, method=list(COMPARED), seed=[0, 1])
    table = view_distances(specs, device="cpu", store=tmp_path, progress=False)
    assert list(zip(table["method"], table["seed"], strict=True)) == [
        (m, s) for m in COMPARED for s in (0, 1)
    ]
    assert table["failed"].isna().all()
    assert table["view_ratio"].between(0.1, 1.2).all()
    data = load_dataset("digits")
    settings = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 128}
    alone = fit("simclr", data.train.float(), 6, 1, **settings)
    expected = compared(alone.transform, views_of(data.test.float()))
    row = table[(table["method"] == "simclr") & (table["seed"] == 1)].iloc[0]
    assert row["view_ratio"] == pytest.approx(expected["view_ratio"], abs=1e-3)
    hard = table[table["method"] == HARD]["view_ratio"].to_numpy()
    assert (np.abs(hard - table[table["method"] == "simclr"]["view_ratio"].to_numpy()) > 0).all()
    again = view_distances(specs, device="cpu", store=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again, table)


def test_what_is_not_compared_is_refused():
    with pytest.raises(SpecError, match="choose one of untrained, simclr"):
        ViewDistanceSpec(method="pca")
