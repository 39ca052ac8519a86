"""Limiting cases equal their closed forms, which are written down here once more."""

import math

import numpy as np
import pytest
import torch

from paper.chapters.theory.experiment import (
    compare_destinations,
    count_arrangements,
    fit_infomax,
    random_arrangement,
    ring_mixture,
)
from paper.chapters.theory.limiting_cases import (
    limiting_cases,
    one_hot_correlation,
    one_hot_total_correlation,
    white_outputs,
)


@pytest.fixture(scope="module")
def cases():
    return limiting_cases().set_index("case")


def test_every_case_is_its_closed_form(cases):
    assert cases.index.is_unique
    assert (cases["value"] - cases["expected"]).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("case", "value"),
    [
        ("joint_entropy_0.5", 0.25 * math.log(0.75)),
        ("joint_entropy_1", 0.0),
        ("joint_entropy_2", -0.5 * math.log(0.75)),
        ("dead_entropy", 0.5 * math.log(2 * math.pi * math.e) - 6 * math.log(10)),
        ("dominant_correlation", 0.0),
        ("copy_gradient", 0.0),
        ("sign", 0.0),
        ("moments", 0.0),
    ],
)
def test_cases_by_hand(cases, case, value):
    assert cases.loc[case, "value"] == pytest.approx(value, abs=1e-9)


def test_a_dominant_unit_raises_the_proxy_and_lowers_total_correlation(cases):
    p = np.array([0.99] + [0.01 / 15] * 15)

    def binary(q):
        return -q * np.log(q) - (1 - q) * np.log(1 - q)

    def exact(q):
        return binary(q).sum() + (q * np.log(q)).sum()

    even = np.full(16, 1 / 16)
    assert cases.loc["dominant_exact", "value"] == pytest.approx(exact(p) - exact(even))
    cov = np.diag(p) - np.outer(p, p)
    r = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    rise = np.square(r - np.eye(16)).sum() - 16 / 15
    assert cases.loc["dominant_proxy", "value"] == pytest.approx(rise)
    assert one_hot_correlation(torch.tensor(p)).item() == pytest.approx(rise + 16 / 15)
    assert one_hot_total_correlation(torch.tensor(p)).item() == pytest.approx(exact(p))


def test_white_outputs_are_white():
    a = white_outputs(40, 6, seed=3)
    assert torch.allclose(a.mean(0), torch.zeros(6, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(torch.cov(a.mT), torch.eye(6, dtype=torch.float64), atol=1e-12)
    with pytest.raises(ValueError, match="more than 6"):
        white_outputs(6, 6)


# ------------------------------------------------------------------- arrangements, destinations


def test_arrangements_follow_the_formula_and_copies_fall_short():
    table = count_arrangements(range(1, 6), (1, 2, 3))
    plain, copied = table[~table["copied"]], table[table["copied"]]
    assert (plain["counted"] == plain["formula"]).all()
    few = plain["hyperplanes"] <= plain["dimension"]
    assert ((plain["counted"] == 2 ** plain["hyperplanes"]) == few).all()
    # a copy adds nothing: as many regions as one hyperplane fewer makes
    fewer = plain.set_index(["dimension", "hyperplanes"])["counted"]
    for _, row in copied.iterrows():
        assert row["counted"] == fewer[row["dimension"], row["hyperplanes"] - 1]


def test_random_arrangement_has_unit_normals():
    weight, bias = random_arrangement(5, 3, seed=1)
    assert np.allclose(np.linalg.norm(weight, axis=1), 1)
    assert bias.shape == (5,)


def test_em_ends_alike_and_infomax_elsewhere():
    table = compare_destinations([0, 1], components=3, samples=150, steps=100)
    ends = table.set_index(["seed", "method"])["log_likelihood"].unstack()
    assert np.allclose(ends["explicit"], ends["implicit"], atol=1e-3)
    assert (ends["infomax"] < ends["explicit"] - 1).all()
    spread = table.set_index(["seed", "method"])["spread"].unstack()
    assert (spread["infomax"] > spread["explicit"]).all()


def test_infomax_descends_its_own_loss():
    from infomax_lib.model.objective import infomax_objective
    from paper.chapters.theory.mixture import energies

    x, _, start, variance = ring_mixture(3, 100, 0)
    fit = fit_infomax(x, start, variance, 30)
    losses = [infomax_objective(-energies(x, m, variance)).loss.item() for m in fit.means]
    assert losses[-1] < losses[0]
    assert torch.equal(fit.means[0], start)
    assert torch.allclose(fit.responsibilities.sum(-1), torch.ones(31, 100, dtype=torch.float64))


def test_ring_mixture_lies_on_its_ring():
    x, means, start, variance = ring_mixture(4, 300, 5)
    assert torch.allclose(means.norm(dim=-1), torch.full((4,), 3.0, dtype=torch.float64))
    assert x.shape == (300, 2)
    assert start.shape == (4, 2)
    assert variance == 1.0
