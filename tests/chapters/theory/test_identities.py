"""Every identity holds, and no longer does when one symbol of its formula is altered."""

from dataclasses import replace
from itertools import pairwise
from math import comb, e, log, pi

import pytest
import torch
from torch.nn import functional as F

from infomax_lib.measures import hsic
from infomax_lib.model.objective import (
    correlation,
    covariance,
    free_energy,
    infomax_objective,
    log_det_objective,
    log_variance,
    total_correlation,
)
from paper.chapters.theory import mixture
from paper.chapters.theory.identities import IDENTITIES, check_identities

SEEDS = range(3)


def weighted(x, means):
    """An M-step that divides by N instead of by each component's responsibility."""
    r = mixture.responsibilities(x, means, 0.7)
    return len(means) * r.mT @ x / len(x)


def off(matrix):
    return (matrix - torch.diag(matrix.diagonal())).square().sum()


def relu_loss(x, w, b):
    return infomax_objective(torch.relu(F.linear(x, w, b)), lambda_tc=0.7, eps=0.0).loss


def kernel(x, width):
    x = x.reshape(len(x), -1)
    return (-torch.cdist(x, x).square() / (2 * width**2)).exp()


def centred_trace(x, y, divisor):
    """tr(KHLH) of the kernels in the identities of HSIC, over a divisor."""
    n = len(x)
    h = torch.eye(n, dtype=torch.float64) - 1 / n
    return (kernel(x, 1.5) @ h @ kernel(y, 0.8) @ h).trace() / divisor


# One altered right side for each identity: a lost factor, a wrong sign, a forgotten term.
ALTERED = {
    "lse_gradient": lambda e_: torch.softmax(e_, -1),
    "em_as_gradient_step": lambda x, means, _: weighted(x, means),
    "mixture_likelihood": lambda x, means, v: -mixture.log_likelihood(x, means, v) - log(4),
    "linear_layer_mixture": lambda x, w: mixture.responsibilities(x, w, 2.0),
    "free_norms": lambda x, w, b: mixture.responsibilities(x, w, 1.0),
    "softmax_invariance": lambda h, c: torch.softmax(h * (1 + 0.01 * c), -1),
    "lse_unbounded": lambda h, c: free_energy(h),
    "free_energy_gradient": lambda h, t: -torch.softmax(h / t, -1) / t / len(h),
    "pull_on_a_width": lambda x, means, widths: width_gradient_without_responsibilities(
        x, means, widths
    ),
    "component_on_a_sample": lambda x, means, widths: (
        torch.tensor([10.0, 1e30, 1e60], dtype=torch.float64).log() / len(x)
    ),
    "cross_entropy_gradient": lambda z, y: torch.softmax(z, -1) / len(z),
    "cross_entropy_splits": lambda z, y: free_energy(z) - z[range(len(z)), y].mean(),
    "softmax_jacobian": lambda h: torch.diag(torch.softmax(h, -1)),
    "gradient_through_softmax": lambda h, tc: softmax_gradient_without_mean(h, tc),
    "gradient_on_z": lambda z, tc: torch.softmax(-z, -1) * gradient(z, tc),
    "gradient_of_variance_on_z": lambda z: -1 / (len(z) - 1) * (z - z.mean(0)) / z.var(0),
    "sign_of_z": lambda z, signs: infomax_objective(z.abs(), lambda_tc=0.7).loss,
    "gaussian_entropy": lambda cov: (len(cov) * log(2 * pi) + torch.logdet(cov)) / 2,
    "gaussian_total_correlation": lambda cov: -torch.logdet(correlation_of(cov)),
    "joint_entropy": lambda cov: -(len(cov) * log(2 * pi * e) + cov.diagonal().log().sum()) / 2,
    "log_det_splits": lambda a: -log_variance(a, 0.0) - torch.logdet(correlation(a, 0.0)) / 2,
    "log_det_objective": lambda a, eps: -torch.logdet(covariance(a)),
    "tc_second_order": lambda s: 0.5,
    "tc_third_order": lambda s: (s @ s @ s).trace() / 6,
    "tc_error_rate": lambda s: 4.0,
    "lambda_of_joint_entropy": lambda s, scale: 1.0,
    "counted_twice": lambda r, weight: weight,
    "covariance_penalty_knows_scale": lambda a, s: s**2 * off(covariance(a)),
    "couples_like_batch_norm": lambda z: (
        -2 / (len(z) - 1) / z.std() * torch.autograd.functional.jacobian(standard_score, z)
    ),
    "batch_norm_fixes_entropy": lambda z, tc: infomax_objective(z, lambda_tc=tc, eps=0.0).loss,
    "dead_unit": lambda a, eps: torch.tensor([0.0, 0.0]),
    "silent_unit": lambda x, w, b: torch.zeros(4, 6),  # as if the slope were 0
    "constant_winner": lambda a, constant: total_correlation(a),
    "winner_takes_all": lambda a: torch.tensor([a.shape[1] - 1.0, 0.0]),
    "two_copies": lambda a: torch.tensor([1.0, 3.0, 10.0]),
    "two_copies_log_det": lambda a, eps: torch.log(a[:, 0].var() / eps),
    "scale_unbounded": lambda x, w, b, s: relu_loss(x, w, b) - len(w) * log(s),
    "gradient_along_the_weights": lambda x, w, b: 0.0,
    "simplex_floor": lambda a: 1.0,
    "simplex_floor_attained": lambda p: (len(p) - 1) / len(p),
    "one_hot_loss": lambda a: a.shape[1] * log(a.shape[1]),
    "random_weights_floor": lambda rows: rows.shape[0] ** 2 / rows.shape[1],
    "sampling_floor": lambda x, y: 1 / len(x),
    "hsic_sampling_floor": lambda x, y: hsic.hsic_floor(x, y) * (len(x) - 1) / len(x),
    "barlow_twins_of_equal_views": lambda a, weight: off(correlation(a, 0.0)),
    "column_normalised": lambda z: off(F.normalize(z, dim=0).mT @ F.normalize(z, dim=0)),
    "hsic_biased": lambda x, y: centred_trace(x, y, (len(x) - 1) ** 2),
    "hsic_unbiased": lambda x, y: centred_trace(x, y, len(x) ** 2),
    "gaussian_hsic": lambda r: r.square() / 27,
    "regions": lambda planes: torch.tensor([2 ** len(p) for p in planes]),
    "central_regions": lambda planes: torch.tensor(
        [sum(comb(len(p), i) for i in range(p.shape[1] + 1)) for p in planes]
    ),
    "two_to_the_k": lambda sizes: torch.tensor([k < n for k, n in sizes]),
    "correlated_partitions": lambda w, b: torch.tensor([1 + 5 + 10, 2]),
}


def correlation_of(cov):
    return cov * cov.diagonal().rsqrt() * cov.diagonal().rsqrt().unsqueeze(-1)


def standard_score(z):
    return (z - z.mean(0)) / z.std(0)


def width_gradient_without_responsibilities(x, means, widths):
    squared = (x.unsqueeze(1) - means).square().sum(-1) / widths.square()
    return (x.shape[1] - squared).mean(0) / len(means)


def gradient(a, tc):
    a = a.clone().requires_grad_()
    infomax_objective(a, lambda_tc=tc).loss.backward()
    return a.grad


def softmax_gradient_without_mean(h, tc):
    a = torch.softmax(h, -1)
    return a * gradient(a, tc)


def with_sides(identity, **sides):
    return replace(identity, check=identity.check._replace(**sides))


def test_every_identity_has_an_altered_version():
    assert set(ALTERED) == set(IDENTITIES)


@pytest.mark.parametrize("name", IDENTITIES)
class TestIdentity:
    def test_holds(self, name):
        identity = IDENTITIES[name]
        for seed in SEEDS:
            assert identity.difference(seed) <= identity.check.tolerance

    def test_fails_when_the_formula_is_altered(self, name):
        altered = with_sides(IDENTITIES[name], right=ALTERED[name])
        for seed in SEEDS:
            # far apart, not merely beyond the tolerance
            assert altered.difference(seed) > max(10 * altered.check.tolerance, 1e-3)

    def test_its_inputs_are_random_but_repeatable(self, name):
        identity = IDENTITIES[name]
        first, again = identity.sides(seed=1), identity.sides(seed=1)
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])
        assert first[0].dtype == first[1].dtype == torch.float64
        assert first[0].shape == first[1].shape

    def test_its_sides_are_more_than_zero(self, name):
        left, right = IDENTITIES[name].sides()
        assert left.isfinite().all()
        assert left.abs().max() > 0
        assert right.abs().max() > 0

    def test_is_described(self, name):
        identity = IDENTITIES[name]
        assert identity.name == name
        assert identity.says.endswith(".")
        assert identity.proof.endswith((".", ")"))
        assert identity.latex.count("{") == identity.latex.count("}")
        assert identity.claims
        for claim in identity.claims.split(", "):
            source, number = claim.split(".")
            assert source in ("000", "001")
            assert int(number) >= 1


class TestCheckIdentities:
    def test_table(self):
        table = check_identities(seeds=range(2))
        assert list(table["name"]) == list(IDENTITIES)
        assert table["holds"].all()
        assert (table["difference"] <= table["tolerance"]).all()
        assert table["holds"].dtype == bool

    def test_worst_seed_counts(self):
        name = "tc_error_rate"
        worst = max(IDENTITIES[name].difference(seed) for seed in range(4))
        checked = check_identities(range(4)).set_index("name")
        assert checked.loc[name, "difference"] == worst

    def test_an_identity_that_fails_or_is_not_a_number_is_reported(self, monkeypatch):
        for wrong in (lambda *_: 0.3, lambda *_: float("nan")):
            sides = {"left": wrong, "right": lambda *_: torch.zeros(())}
            broken = with_sides(IDENTITIES["regions"], **sides)
            monkeypatch.setitem(IDENTITIES, "regions", broken)
            checked = check_identities(range(2)).set_index("name")["holds"]
            assert list(checked.index[~checked]) == ["regions"]


class TestWhatTheIdentitiesLeaveOpen:
    """Inequalities and limits that an equality cannot hold."""

    def test_total_correlation_of_copies_has_no_bound(self):
        a = torch.randn(20, 1, dtype=torch.float64).expand(-1, 2)
        prices = [log_det_objective(a, 1.0, eps).tc.item() for eps in (1e-3, 1e-6, 1e-9)]
        steps = [later - earlier for earlier, later in pairwise(prices)]
        assert steps == pytest.approx([log(1000)] * 2, rel=0.01)

    def test_simplex_outputs_never_fall_below_the_floor(self):
        a = torch.softmax(2 * torch.randn(200, 30, 5, dtype=torch.float64), -1)
        assert (total_correlation(a, 0.0) >= 5 / 4 - 1e-9).all()

    def test_balanced_one_hot_outputs_have_the_least_loss_on_the_simplex(self):
        hard = torch.eye(5, dtype=torch.float64).repeat(6, 1)
        least = -log_variance(hard, 0.0)
        soft = torch.softmax(20 * torch.randn(200, 30, 5, dtype=torch.float64), -1)
        assert (-log_variance(soft, 0.0) >= least).all()
        uneven = torch.cat([hard, hard[:1].repeat(3, 1), hard[1:2].repeat(3, 1)])
        assert -log_variance(uneven, 0.0) > least
