"""Mixtures with doubled components: the same density, as much redundancy as there can be."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from infomax_lib import SpecError, grid, load_dataset
from paper.chapters.prior_art.measured.overlap import (
    OverlapSpec,
    doubled,
    log_likelihood,
    overlapping_mixtures,
    redundancy,
)
from paper.methods import FitError
from paper.methods.density.gmm import MixtureEncoder

DOUBLE = torch.float64


def mixtures(seeds, store=None, **settings):
    specs = grid(OverlapSpec(dataset="digits", **settings), seed=seeds) if len(seeds) else []
    return overlapping_mixtures(specs, device="cpu", store=store, progress=False)


@pytest.fixture
def mixture():
    random = np.random.default_rng(0)
    weights = np.array([0.5, 0.2, 0.3])
    return MixtureEncoder(
        torch.from_numpy(random.standard_normal((3, 2))),
        torch.from_numpy(random.uniform(0.5, 2, 3)),
        torch.from_numpy(np.log(weights)),
    )


def density(mixture, x):
    """Sum of weighted normal densities, one component at a time."""
    total = np.zeros(len(x))
    for mean, variance, log_weight in zip(
        mixture.means.numpy(), mixture.variances.numpy(), mixture.log_weights.numpy(), strict=True
    ):
        total += np.exp(log_weight) * multivariate_normal(mean, variance * np.eye(2)).pdf(x)
    return total


def test_the_doubled_mixture_is_the_same_density_with_twice_the_components(mixture):
    x = np.random.default_rng(1).standard_normal((200, 2)) * 3
    twice = doubled(mixture)
    assert len(twice.means) == len(twice.variances) == 6
    assert float(twice.log_weights.exp().sum()) == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(density(twice, x), density(mixture, x), rtol=1e-13)
    for one in (mixture, twice):
        expected = np.log(density(mixture, x)).mean()
        assert log_likelihood(one, torch.from_numpy(x)) == pytest.approx(expected, rel=1e-12)


def test_redundancy_is_the_mean_of_largest_cosines():
    means = torch.randn(7, 4, generator=torch.Generator().manual_seed(2), dtype=DOUBLE) + 5
    centred = means.numpy() - means.numpy().mean(0)
    largest = []
    for i in range(7):
        cosines = [
            abs(centred[i] @ centred[j]) / np.linalg.norm(centred[i]) / np.linalg.norm(centred[j])
            for j in range(7)
            if j != i
        ]
        largest.append(max(cosines))
    assert redundancy(means) == pytest.approx(np.mean(largest), rel=1e-12)
    assert redundancy(means) < 0.99
    assert redundancy(means + 100) == pytest.approx(redundancy(means), rel=1e-9)
    assert redundancy(means.repeat(2, 1)) == pytest.approx(1, abs=1e-12)


def test_a_cross_has_the_redundancy_of_opposites_and_a_simplex_the_least():
    axes = torch.eye(3, dtype=DOUBLE)
    assert redundancy(torch.cat([axes, -axes])) == pytest.approx(1)
    assert redundancy(axes) == pytest.approx(0.5)  # cosine -1 / (K - 1)


def test_the_table_is_that_of_scikit_learn_on_its_own_components():
    table = mixtures([3, 4], components=5, dimensions=4)
    names = ["key", "dataset", "components", "dimensions", "seed"]
    assert list(table.columns) == [*names, "mixture", "log_likelihood", "redundancy"]
    assert list(table["mixture"]) == ["distinct", "doubled"] * 2
    assert list(table["seed"]) == [3, 3, 4, 4]
    digits = load_dataset("digits")
    pca = PCA(4, svd_solver="full").fit(digits.train.double())
    for seed in (3, 4):
        model = GaussianMixture(
            5, covariance_type="spherical", max_iter=500, init_params="k-means++", random_state=seed
        ).fit(pca.transform(digits.train.double()))
        expected = model.score(pca.transform(digits.test.double()))
        rows = table[table["seed"] == seed]
        # signs of directions are arbitrary, and k-means++ draws among samples: the optimum may
        # differ a little
        assert list(rows["log_likelihood"]) == pytest.approx([expected] * 2, abs=0.05)


def test_doubling_changes_redundancy_and_nothing_else():
    table = mixtures(range(3), components=8)
    by = table.pivot(index="seed", columns="mixture", values=["log_likelihood", "redundancy"])
    likelihood, redundant = by["log_likelihood"], by["redundancy"]
    np.testing.assert_allclose(likelihood["doubled"], likelihood["distinct"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(redundant["doubled"], 1, atol=1e-12)
    assert (redundant["distinct"] < 0.95).all()
    assert likelihood["distinct"].nunique() == 3
    assert mixtures([]).empty


def test_known_mixtures_are_not_fitted_again(tmp_path, monkeypatch):
    first = mixtures([0, 1], tmp_path)

    def fit(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr("paper.chapters.prior_art.measured.overlap.fit_mixture", fit)
    pd.testing.assert_frame_equal(mixtures([0, 1], tmp_path), first)
    with pytest.raises(AssertionError, match="fitted again"):
        mixtures([2], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"components": 2}, "components.*greater than or equal to 3"),
        ({"dimensions": 1}, "dimensions.*greater than or equal to 2"),
        ({"dataset": "cifar"}, "choose one of digits, mnist"),
    ],
)
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        OverlapSpec(**arguments)


def test_more_than_the_data_have_is_a_failure_that_says_so():
    with pytest.raises(FitError, match="70 components asked for, but the data span only"):
        mixtures([0], dimensions=70)
    with pytest.raises(FitError, match="9999 components cannot be told apart"):
        mixtures([0], components=9999)
