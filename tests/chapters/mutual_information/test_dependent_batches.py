"""Pairs that share a part within a batch: their distribution, and what critics make of them."""

from __future__ import annotations

import math

import pytest
import torch

from infomax_lib import SpecError, grid
from paper.chapters.mutual_information.measured.dependent_batches import (
    DependentBatchesSpec,
    dependent_batches,
    draw_batch,
    true_information,
)
from paper.information.bounds import info_nce, nwj
from paper.information.entropy import density_ratio, gaussian_mutual_information

QUICK = DependentBatchesSpec(steps=60, batch_size=32, hidden=4, layers=1, learning_rate=1e-2)


def test_truth_is_that_of_the_covariance():
    covariance = torch.tensor([[2, 0.4], [0.4, 2]], dtype=torch.float64)
    expected = gaussian_mutual_information(covariance, 1).item()
    assert true_information(-0.5, 0.9) == pytest.approx(expected)
    assert true_information(-0.5, 0.9) == pytest.approx(-0.5 * math.log(0.96))


@pytest.mark.parametrize("shared", [True, False])
def test_a_single_pair_has_the_same_distribution_either_way(shared):
    draw = torch.Generator().manual_seed(0)
    spec = DependentBatchesSpec(shared=shared, batch_size=2)
    firsts = torch.stack([draw_batch(spec, draw)[0] for _ in range(20_000)])
    expected = torch.tensor([[2, 0.4], [0.4, 2]])
    assert (torch.cov(firsts.T) - expected).abs().max() < 0.08


def test_pairs_of_a_batch_depend_on_each_other_only_if_they_share():
    draw = torch.Generator().manual_seed(1)
    for shared, expected in ((True, 1.0), (False, 0.0)):
        spec = DependentBatchesSpec(shared=shared, batch_size=2)
        pairs = torch.stack([draw_batch(spec, draw).flatten() for _ in range(20_000)])
        assert torch.cov(pairs.T)[0, 2].item() == pytest.approx(expected, abs=0.06)


def test_known_ratios_bound_independent_batches_only():
    """No training: the ratio of eps is a critic, and lifts shared batches above the truth."""
    truth = true_information(-0.5, 0.9)
    for bound, shift in ((info_nce, 0.0), (nwj, 1.0)):
        for shared, rho, scale in ((True, 0.9, 1.0), (False, 0.2, math.sqrt(2))):
            spec, draw = DependentBatchesSpec(shared=shared), torch.Generator().manual_seed(2)
            values = []
            for _ in range(300):
                pairs = draw_batch(spec, draw).double() / scale
                if shared:
                    pairs = pairs - pairs.mean(0)  # a critic of the batch could do so
                values.append(bound(density_ratio(pairs[:, :1], pairs[:, 1:], rho) + shift))
            values = torch.stack(values)
            error = values.std().item() / math.sqrt(300)
            if shared:
                assert values.mean().item() > truth + 4 * error
            else:
                assert values.mean().item() < truth + 4 * error


def test_trained_critics_exceed_the_truth_on_shared_batches_only(tmp_path):
    base = DependentBatchesSpec(steps=400, learning_rate=3e-3, batch_size=64)
    specs = grid(base, shared=[True, False], seed=[0, 1])
    table = dependent_batches(specs, "cpu", tmp_path, progress=False)
    means = table.groupby("shared")["estimate"].mean()
    assert means[True] > table["truth"].iloc[0] + 0.05
    assert means[False] < table["truth"].iloc[0] + 0.02
    assert [len(curve) for curve in table["curve"]] == [50] * 4
    again = dependent_batches(specs, "cpu", tmp_path, progress=False)
    assert again["estimate"].tolist() == table["estimate"].tolist()


def test_a_seed_is_the_same_alone_and_among_others(tmp_path):
    both = dependent_batches(grid(QUICK, seed=[3, 4]), "cpu", tmp_path / "both", progress=False)
    alone = dependent_batches(QUICK.but(seed=4), "cpu", tmp_path / "alone", progress=False)
    assert both["estimate"][1] == pytest.approx(alone["estimate"][0], rel=1e-4)


def test_a_critic_that_blows_up_is_said_to():
    broken = QUICK.but(learning_rate=1e30, bound="nwj", seed=0)
    row = dependent_batches(broken, "cpu", None, progress=False).iloc[0]
    assert "not finite at step" in row["failed"]
    assert math.isnan(row["estimate"])


def test_impossible_settings_are_refused():
    for fields in ({"bound": "mine"}, {"of_pair": 1.0}, {"batch_size": 1}):
        with pytest.raises(SpecError):
            DependentBatchesSpec(**fields)
    with pytest.raises(TypeError, match="DependentBatchesSpec"):
        dependent_batches(["nce"], "cpu", None)
