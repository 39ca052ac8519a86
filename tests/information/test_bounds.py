"""Bounds on mutual information: against loops, finite differences, and Gaussians of known value."""

from __future__ import annotations

import math

import pytest
import torch

from paper.information.bounds import (
    BOUNDS,
    cap,
    donsker_varadhan,
    from_jensen_shannon,
    info_nce,
    jensen_shannon,
    mine,
    nwj,
)
from paper.information.entropy import (
    correlated_gaussians,
    correlation_for,
    density_ratio,
    paired_mutual_information,
)

F64 = torch.float64


def scores_of(shape, seed=0, scale=1.0):
    stream = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=stream, dtype=F64)


def softplus(value):
    return math.log1p(math.exp(value))


def loops(name, f):
    """The formulas, term by term."""
    n = len(f)
    joint = [f[i][i] for i in range(n)]
    apart = [f[i][j] for i in range(n) for j in range(n) if i != j]
    if name == "nce":
        terms = [f[i][i] - math.log(sum(math.exp(v) for v in f[i])) for i in range(n)]
        return math.log(n) + sum(terms) / n
    if name == "nwj":
        return sum(joint) / n - sum(math.exp(v - 1) for v in apart) / len(apart)
    if name == "donsker_varadhan":
        return sum(joint) / n - math.log(sum(math.exp(v) for v in apart) / len(apart))
    if name == "triplet":
        lacks = [max(0, 1 + f[i][j] - f[i][i]) for i in range(n) for j in range(n) if i != j]
        return -sum(lacks) / len(lacks)
    return -sum(softplus(-v) for v in joint) / n - sum(softplus(v) for v in apart) / len(apart)


@pytest.mark.parametrize("name", list(BOUNDS))
def test_values_and_gradients_are_those_of_the_formulas(name):
    scores = scores_of((2, 5, 5), scale=2.0).requires_grad_()
    found = BOUNDS[name](scores)
    assert found.tolist() == pytest.approx([loops(name, f) for f in scores.tolist()])
    assert torch.autograd.gradcheck(BOUNDS[name], scores)


@pytest.mark.parametrize("name", list(BOUNDS))
def test_critics_side_by_side_do_not_touch_each_other(name):
    scores = scores_of((3, 6, 6))
    alone = BOUNDS[name](scores)
    broken = scores.clone()
    broken[1] = math.nan
    found = BOUNDS[name](broken)
    assert found[[0, 2]].equal(alone[[0, 2]])
    assert found[1].isnan()


@pytest.mark.parametrize("name", list(BOUNDS))
def test_batch_of_one_and_other_shapes_are_refused(name):
    with pytest.raises(ValueError, match="at least 2"):
        BOUNDS[name](torch.zeros(1, 1))
    with pytest.raises(ValueError, match=r"\(\.\.\., N, N\)"):
        BOUNDS[name](torch.zeros(3, 4))


@pytest.mark.parametrize("name", ["nwj", "donsker_varadhan", "jensen_shannon", "nce"])
def test_a_critic_that_knows_nothing_estimates_nothing(name):
    constant = {"nwj": 1.0, "jensen_shannon": 0.0}.get(name, 3.0)
    found = BOUNDS[name](torch.full((4, 4), constant, dtype=F64)).item()
    assert found == pytest.approx(-2 * math.log(2) if name == "jensen_shannon" else 0)


def test_nce_does_not_exceed_its_cap_and_reaches_it():
    for scale in (1.0, 30.0, 1e4):
        assert (info_nce(scores_of((50, 8, 8), scale=scale)) <= cap(8) + 1e-9).all()
    sure = 1e4 * torch.eye(8, dtype=F64)
    assert info_nce(sure).item() == pytest.approx(cap(8))


def test_invariances():
    scores = scores_of((6, 6))
    assert info_nce(scores + scores_of((6, 1), 1)).item() == pytest.approx(info_nce(scores).item())
    moved = donsker_varadhan(scores + 2.5).item()
    assert moved == pytest.approx(donsker_varadhan(scores).item())
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for bound in BOUNDS.values():
        assert bound(scores[order][:, order]).item() == pytest.approx(bound(scores).item())


def test_nwj_is_never_above_donsker_varadhan():
    scores = scores_of((100, 7, 7), scale=3.0)
    assert (nwj(scores) <= donsker_varadhan(scores) + 1e-12).all()
    best = scores - (torch.logsumexp(scores.masked_fill(torch.eye(7) == 1, -math.inf).flatten(1), 1)
                     - math.log(42) - 1)[:, None, None]  # fmt: skip
    assert nwj(best).tolist() == pytest.approx(donsker_varadhan(scores).tolist())


def estimates(bound, information, pairs, shift=0.0, batches=400, size=32):
    """Estimates by the best critic from independent batches."""
    rho = correlation_for(information, pairs)
    stream = torch.Generator().manual_seed(0)
    found = []
    for _ in range(batches):
        x, y = correlated_gaussians(rho, pairs, size, stream, F64)
        found.append(bound(density_ratio(x, y, rho) + shift))
    values = torch.stack(found)
    return values.mean().item(), values.std().item() / math.sqrt(batches)


@pytest.mark.parametrize("pairs", [1, 5, 20])
@pytest.mark.parametrize("information", [0.25, 1.0, 2.0, 6.0])
def test_nce_is_below_the_truth_and_below_its_cap(information, pairs):
    mean, error = estimates(info_nce, information, pairs)
    assert mean <= min(information, cap(32)) + 4 * error
    if information <= 1:  # far from the cap the best critic is nearly tight
        assert mean >= 0.85 * information - 4 * error


@pytest.mark.parametrize("pairs", [1, 5, 20])
@pytest.mark.parametrize("information", [0.25, 1.0, 2.0])
def test_nwj_of_the_best_critic_is_unbiased(information, pairs):
    mean, error = estimates(nwj, information, pairs, shift=1.0)
    assert abs(mean - information) <= 4 * error
    other, _ = estimates(from_jensen_shannon, information, pairs)
    assert other == pytest.approx(mean)


@pytest.mark.parametrize("information", [0.5, 2.0])
def test_worse_critics_bound_from_below(information):
    rho = correlation_for(information, 4)
    stream = torch.Generator().manual_seed(1)
    for bound, shift in ((info_nce, 0.0), (nwj, 1.0)):
        for slope in (0.3, 0.7):
            values = torch.stack(
                [
                    bound(slope * density_ratio(*xy, rho) + shift)
                    for xy in (correlated_gaussians(rho, 4, 32, stream, F64) for _ in range(200))
                ]
            )
            error = values.std().item() / math.sqrt(200)
            assert values.mean().item() < paired_mutual_information(rho, 4) + 4 * error


def test_best_critic_is_where_the_gradient_vanishes():
    """In expectation: with the true ratio, moving the critic's slope changes no bound."""
    rho = correlation_for(0.5, 1)
    stream = torch.Generator().manual_seed(2)
    for bound, shift in ((nwj, 1.0), (jensen_shannon, 0.0), (donsker_varadhan, 0.0)):
        slopes = []
        for _ in range(300):
            x, y = correlated_gaussians(rho, 1, 64, stream, F64)
            slope = torch.ones((), dtype=F64, requires_grad=True)
            value = bound(slope * density_ratio(x, y, rho) + shift)
            slopes.append(torch.autograd.grad(value, slope)[0])
        values = torch.stack(slopes)
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(300)


def test_gradient_of_mine_is_over_the_moving_average():
    average, decay, slopes = None, 0.9, []
    expected = None
    for step in range(4):
        scores = scores_of((2, 5, 5), step).requires_grad_()
        value, average = mine(scores, average, decay)
        (slope,) = torch.autograd.grad(value.sum(), scores)
        slopes.append(slope)
        assert value.detach().tolist() == pytest.approx(donsker_varadhan(scores).tolist())
        off = ~torch.eye(5, dtype=torch.bool)
        now = scores.detach().exp()[:, off].mean(1)
        expected = now if expected is None else decay * expected + (1 - decay) * now
        wanted = torch.where(
            off, -scores.detach().exp() / 20 / expected[:, None, None], torch.tensor(0.2, dtype=F64)
        )
        assert torch.allclose(slope, wanted)
        assert torch.allclose(average.exp(), expected)
