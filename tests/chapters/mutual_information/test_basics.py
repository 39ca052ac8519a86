"""Tables of the basics: against sums, quadrature, Jacobians and the best classifier there is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import nn

from infomax_lib.model.streams import generator
from paper.chapters.mutual_information.basics import classifiers, tables
from paper.chapters.mutual_information.basics.classifiers import classifier_scores, classifier_table
from paper.chapters.mutual_information.basics.tables import (
    cap_table,
    entropies,
    independence_table,
    invariance_table,
    lossy_table,
)
from paper.information.bounds import info_nce
from paper.information.entropy import (
    correlated_gaussians,
    correlation_for,
    density_ratio,
    paired_mutual_information,
)

F64 = torch.float64
QUICK = {"_SIDE": 3, "_STEPS": 60, "_HIDDEN": 8, "_TESTS": 2}


def sized(monkeypatch, **sizes):
    """Classifiers of other sizes than those of the page."""
    for name, size in sizes.items():
        monkeypatch.setattr(classifiers, name, size)


def test_entropy_of_two_outcomes_is_that_of_scipy_and_largest_at_balance():
    table = entropies()
    p = table["p"].to_numpy()
    np.testing.assert_allclose(p, np.linspace(0, 1, 101), atol=1e-15)
    expected = stats.entropy(np.stack([p, 1 - p]))
    np.testing.assert_allclose(table["entropy"], expected, atol=1e-15)
    assert table["p"][table["entropy"].idxmax()] == 0.5
    assert table["entropy"].iloc[[0, -1]].tolist() == [0, 0]


def test_tables_are_independent_at_strength_zero_alone(monkeypatch):
    seen = []
    measure = tables.mutual_information

    def kept(joint):
        seen.append(joint)
        return measure(joint)

    monkeypatch.setattr(tables, "mutual_information", kept)
    table = independence_table()
    assert table["strength"].unique().tolist() == pytest.approx(np.linspace(0, 1, 11).tolist())
    assert table[table["strength"] == 0]["information"].abs().max() < 1e-14
    assert table[table["strength"] > 0]["information"].min() > 1e-6
    for joint, (_, rows) in zip(seen, table.groupby("table"), strict=True):
        assert (rows["information"].diff().dropna() > 0).all()
        for part, found in zip(joint.numpy(), rows["information"], strict=True):
            np.testing.assert_allclose(part.sum(0), joint[0].numpy().sum(0))  # margins stay
            np.testing.assert_allclose(part.sum(1), joint[0].numpy().sum(1))
            apart = np.outer(part.sum(1), part.sum(0))
            assert stats.entropy(part.ravel(), apart.ravel()) == pytest.approx(found, abs=1e-14)
        assert joint[-1].min() < 1e-15  # as far as this direction goes
    assert len({joint[0, 0, 0].item() for joint in seen}) == 5


@pytest.mark.parametrize("information", [0.0, 0.3, 3.0])
def test_no_invertible_map_changes_the_information(information):
    table = invariance_table(information).set_index("map")
    assert list(table.index) == [
        "rotation",
        "scale of each coordinate",
        "any matrix",
        "sinh of each coordinate",
        "RealNVP",
    ]
    assert (table["after"] - table["before"]).abs().max() < 1e-9
    assert table["before"]["rotation"] == pytest.approx(information)
    rho = correlation_for(information, 4)
    x, y = correlated_gaussians(rho, 4, 1000, generator(0, "invariance: pairs"), F64)
    expected = density_ratio(x, y, rho).diagonal().mean().item()
    assert table["before"]["RealNVP"] == pytest.approx(expected)


def test_random_flows_bend():
    flow = tables._random_flow(torch.Generator().manual_seed(0))
    z = torch.randn(500, 4, generator=torch.Generator().manual_seed(1), dtype=F64)
    mapped = flow(z).detach()
    design = torch.cat([z, torch.ones(500, 1, dtype=F64)], 1)
    left = mapped - design @ torch.linalg.lstsq(design, mapped).solution
    share = left.var(0) / mapped.var(0)
    assert share.min() > 0.01  # no coordinate is a linear function of the points
    assert share.max() > 0.2
    assert (flow.inverse(flow(z)) - z).abs().max() < 1e-9
    assert flow.log_abs_det(z).std() > 0.3  # and volumes change from point to point


@pytest.mark.parametrize("broken", ["inverse", "log_abs_det"])
def test_a_wrong_inverse_or_determinant_shows(monkeypatch, broken):
    right = getattr(tables.CouplingFlow, broken)

    def wrong(self, z):
        return right(self, z) * 1.01

    monkeypatch.setattr(tables.CouplingFlow, broken, wrong)
    table = invariance_table().set_index("map")
    change = (table["after"] - table["before"]).abs()
    assert change["RealNVP"] > 1e-5
    assert change.drop("RealNVP").max() < 1e-9


def test_maps_that_lose_something_lose_information():
    table = lossy_table(1.5).set_index("map")
    rho = correlation_for(1.5, 4)
    assert table["before"].tolist() == pytest.approx([1.5] * 3)
    after = table["after"]
    assert after["one coordinate dropped"] == pytest.approx(1.5 * 3 / 4)
    assert after["noise added"] == pytest.approx(paired_mutual_information(rho / 2, 4))
    both = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
    same, _ = integrate.dblquad(lambda u, v: both.pdf([u, v]), 0, 9, 0, 9, epsabs=1e-7)
    p = np.array([same, 0.5 - same, 0.5 - same, same])
    assert after["signs alone"] == pytest.approx(4 * (2 * math.log(2) - stats.entropy(p)), rel=1e-4)
    independent = lossy_table(0.0)
    assert independent["after"].abs().max() < 1e-12
    for call in (lossy_table, invariance_table):
        with pytest.raises(ValueError, match="not possible"):
            call(information=-1.0)


# --- the cap -------------------------------------------------------------------------------------


def test_caps_are_the_mean_over_batches(monkeypatch):
    monkeypatch.setattr(tables, "_ENTRIES", 40)  # a few batches at a time
    table = cap_table((0.5, 2.0), (2, 4, 16), seeds=2, dimensions=3, samples=18)
    assert len(table) == 12
    rho = correlation_for(2.0, 3)
    x, y = correlated_gaussians(rho, 3, 18, generator(1, "cap"), F64)
    rows = table[(table["information"] == 2.0) & (table["seed"] == 1)].set_index("pairs")
    for count, whole in ((2, 18), (4, 16), (16, 16)):
        values = [
            info_nce(density_ratio(x[i : i + count], y[i : i + count], rho)).item()
            for i in range(0, whole, count)
        ]
        assert rows["estimate"][count] == pytest.approx(np.mean(values))


def test_no_estimate_passes_the_cap_and_large_batches_come_near():
    table = cap_table((1.0, 2.0, 3.0), (2, 8, 32, 128), seeds=2, dimensions=4, samples=1024)
    means = table.groupby(["information", "pairs"])["estimate"].mean()
    for (information, pairs), mean in means.items():
        assert mean <= math.log(pairs)
        assert mean < information + 0.1
    assert (means.unstack().diff(axis=1).iloc[:, 1:] > 0).all(axis=None)  # it grows with N
    assert means[1.0, 128] > 0.9
    assert means[3.0, 8] < math.log(8) < 3 - 0.5
    needed = [means[i][means[i] >= i - 0.5].index.min() for i in (1.0, 2.0, 3.0)]
    assert needed == sorted(set(needed))
    with pytest.raises(ValueError, match="no batch of 128"):
        cap_table(samples=100, pairs=(128,))
    with pytest.raises(ValueError, match="batch of one"):
        cap_table(pairs=(1,), seeds=1)


# --- classifiers ---------------------------------------------------------------------------------


class Optimum(nn.Module):
    """The best classifier of pairs of correlation 0.9, in place of a critic that learns."""

    def __init__(self, *sizes_and_generator):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, y):
        """Log density ratios of all pairs."""
        return density_ratio(x, y, 0.9) + 0 * self.scale


def test_accuracy_and_bound_of_the_best_classifier(monkeypatch):
    """One coordinate, where both follow from integrals over the plane."""
    monkeypatch.setattr(classifiers, "Separable", Optimum)
    information = paired_mutual_information(0.9, 1)
    sized(monkeypatch, _SIDE=1, _STEPS=1, _TESTS=30)
    table = classifier_table([information], seeds=4)
    grid = torch.linspace(-8, 8, 1601, dtype=F64)[:, None]
    ratio = density_ratio(grid, grid, 0.9)
    normal = torch.exp(-grid.square() / 2) / math.sqrt(2 * math.pi) * 0.01
    product = normal * normal.T
    joint = product * ratio.exp()
    expected = (joint[ratio > 0].sum() + product[ratio < 0].sum()).item() / 2
    spread = table["accuracy"].std() / 2
    assert spread < 0.005
    assert table["accuracy"].mean() == pytest.approx(expected, abs=5 * spread)
    assert table["estimate"].mean() == pytest.approx(information, abs=0.05)


def test_odds_that_are_off_certify_less(monkeypatch):
    """With log odds too large by c, the bound loses exp(c) - 1 - c; that of I_NCE would not."""

    class TooSure(Optimum):
        def forward(self, x, y):
            return super().forward(x, y) + 0.5

    monkeypatch.setattr(classifiers, "Separable", TooSure)
    information = paired_mutual_information(0.9, 1)
    sized(monkeypatch, _SIDE=1, _STEPS=1, _TESTS=30)
    table = classifier_table([information], seeds=4)
    expected = information - (math.exp(0.5) - 1.5)
    assert table["estimate"].mean() == pytest.approx(expected, abs=0.05)


def test_more_information_is_told_apart_more_often_and_never_overstated(monkeypatch):
    sized(monkeypatch, _SIDE=5, _STEPS=300, _TESTS=8)
    table = classifier_table((0.0, 1.0, 3.0), seeds=2)
    means = table.groupby("information").mean()
    assert means["accuracy"][0.0] == pytest.approx(0.5, abs=0.01)
    assert 0.65 < means["accuracy"][1.0] < 0.85 < means["accuracy"][3.0]
    assert means["estimate"][0.0] == pytest.approx(0, abs=0.05)
    assert 0.6 < means["estimate"][1.0] < 1.05
    assert 1.5 < means["estimate"][3.0] < 3.1
    assert list(table["seed"]) == [0, 1] * 3


def test_scores_of_a_histogram_are_those_of_the_table_s_critic(monkeypatch):
    sized(monkeypatch, **QUICK)
    alone = classifier_scores(1.0, seed=1, pairs=256)
    trained = classifiers._Classifiers([(0.5, 0), (1.0, 1)])
    ((x, y),) = trained.pairs("classifier: held out", 1, 256)
    scores = trained.scores(x, y)[1].detach().numpy()
    np.testing.assert_allclose(alone[0], np.diag(scores), rtol=1e-3, atol=1e-3)
    mixed = [scores[i, i - 1] for i in range(256)]
    np.testing.assert_allclose(alone[1], mixed, rtol=1e-3, atol=1e-3)
    assert alone[0].mean() > alone[1].mean() + 0.2


def test_a_critic_is_the_same_alone_and_among_others(monkeypatch):
    sized(monkeypatch, **QUICK)
    both = classifier_table((0.5, 1.0), seeds=2)
    alone = classifier_table((1.0,), seeds=1)
    columns = ["accuracy", "estimate"]
    found, expected = both[columns].iloc[2].tolist(), alone[columns].iloc[0].tolist()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_accuracy_weighs_both_kinds_of_pairs_the_same():
    scores = torch.tensor([[1.0, -1, -1], [2, 3, -1], [-1, 2, -4]])
    assert classifiers._balanced_accuracy(scores).item() == pytest.approx((2 / 3 + 4 / 6) / 2)
    stacked = classifiers._balanced_accuracy(torch.stack([scores, -scores]))
    assert stacked.tolist() == pytest.approx([2 / 3, 1 / 3])
