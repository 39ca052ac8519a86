"""Entropy and total correlation, and which λ is the joint entropy."""

from math import log, pi

import torch
from torch import Tensor

from infomax_lib.model.objective import (
    correlation,
    covariance,
    infomax_objective,
    log_det_objective,
    log_variance,
)
from paper.chapters.theory.identities.check import (
    LIMIT,
    Check,
    correlation_of,
    direction,
    gaussian_mean,
    identity_plus,
    log_density,
    normal,
    off_diagonal,
    outputs,
    spd,
)


def _gaussian_tc(r: Tensor) -> Tensor:
    return -torch.logdet(r) / 2


def _gaussian_tc_error(step: float, direction: Tensor) -> Tensor:
    return _gaussian_tc(identity_plus(step, direction)) - (step * direction).square().sum() / 4


def _implied_lambda(cov: Tensor) -> Tensor:
    dependence_part = cov.diagonal().log().sum() - torch.logdet(cov)
    return dependence_part / off_diagonal(correlation_of(cov)).square().sum()


def _source_001_loss(cov: Tensor, weight: float) -> Tensor:
    return -torch.logdet(cov) + weight * off_diagonal(cov).square().sum()


def _batch_norm(z: Tensor) -> Tensor:
    """Every unit (N, K) with mean 0 and unbiased variance 1."""
    return (z - z.mean(0)) / z.std(0)


def _coupling(z: Tensor) -> Tensor:
    """Second derivatives of the variance term between the samples of a unit z (N,); (N, N)."""
    return torch.autograd.functional.hessian(lambda at: -log_variance(at.unsqueeze(-1), 0.0), z)


def _batch_norm_coupling(z: Tensor) -> Tensor:
    score, deviation, freedom = _batch_norm(z), z.std(), len(z) - 1
    jacobian = torch.autograd.functional.jacobian(_batch_norm, z)
    return (
        -2 / (freedom * deviation) * (jacobian - torch.outer(score, score) / (freedom * deviation))
    )


CHECKS = {
    "gaussian_entropy": Check(
        draw=lambda g: (spd(g),),
        left=lambda cov: gaussian_mean(cov, lambda z: -log_density(cov, z)),
        right=lambda cov: (len(cov) * (log(2 * pi) + 1) + torch.logdet(cov)) / 2,
    ),
    "gaussian_total_correlation": Check(
        draw=lambda g: (spd(g),),
        left=lambda cov: gaussian_mean(
            cov,
            lambda z: log_density(cov, z) - log_density(torch.diag(cov.diagonal()), z),
        ),
        right=lambda cov: -torch.logdet(correlation_of(cov)) / 2,
    ),
    "joint_entropy": Check(
        draw=lambda g: (spd(g),),
        left=lambda cov: (
            -(((2 * pi * cov.diagonal()).log() + 1).sum() + torch.logdet(correlation_of(cov))) / 2
        ),
        right=lambda cov: gaussian_mean(cov, lambda z: log_density(cov, z)),
    ),
    "log_det_splits": Check(
        draw=lambda g: (outputs(g),),
        left=lambda a: -torch.logdet(covariance(a)),
        right=lambda a: -log_variance(a, 0.0) - torch.logdet(correlation(a, 0.0)),
    ),
    "log_det_objective": Check(
        draw=lambda g: (outputs(g), 0.1),
        left=lambda a, eps: log_det_objective(a, 1.0, eps).loss,
        right=lambda a, eps: (
            -torch.linalg.eigvalsh(
                covariance(a) + eps * torch.eye(a.shape[-1], dtype=torch.float64)
            )
            .log()
            .sum()
        ),
    ),
    "tc_second_order": Check(
        draw=lambda g: (direction(g),),
        left=lambda s: _gaussian_tc(identity_plus(1e-3, s)) / (1e-3 * s).square().sum(),
        right=lambda s: 0.25,
        tolerance=LIMIT / 4,
    ),
    "tc_third_order": Check(
        # positive entries keep tr S^3 away from zero
        draw=lambda g: (direction(g).abs(),),
        left=lambda s: _gaussian_tc_error(1e-3, s) / 1e-9,
        right=lambda s: -(s @ s @ s).trace() / 6,
        tolerance=LIMIT,
    ),
    "tc_error_rate": Check(
        draw=lambda g: (direction(g).abs(),),
        left=lambda s: (_gaussian_tc_error(2e-3, s) / _gaussian_tc_error(1e-3, s)).log2(),
        right=lambda s: 3.0,
        tolerance=LIMIT,
    ),
    "lambda_of_joint_entropy": Check(
        draw=lambda g: (direction(g), normal(g, 5).exp()),
        left=lambda s, scale: _implied_lambda(identity_plus(1e-3, s) * scale.unsqueeze(-1) * scale),
        right=lambda s, scale: 0.5,
        tolerance=LIMIT / 2,
    ),
    "counted_twice": Check(
        draw=lambda g: (identity_plus(1e-3, direction(g)), 0.8),
        left=lambda r, weight: _source_001_loss(r, weight) / off_diagonal(r).square().sum(),
        right=lambda r, weight: weight + 0.5,
        tolerance=LIMIT,
    ),
    "covariance_penalty_knows_scale": Check(
        draw=lambda g: (outputs(g), 1.7),
        left=lambda a, s: off_diagonal(covariance(s * a)).square().sum(),
        right=lambda a, s: (
            s**4
            * (torch.outer(a.var(0), a.var(0)) * off_diagonal(torch.corrcoef(a.mT)).square()).sum()
        ),
    ),
    "couples_like_batch_norm": Check(
        draw=lambda g: (2 * normal(g, 9) + 1,),
        left=_coupling,
        right=_batch_norm_coupling,
    ),
    "batch_norm_fixes_entropy": Check(
        draw=lambda g: (outputs(g), 0.7),
        left=lambda z, tc: infomax_objective(_batch_norm(z), lambda_tc=tc, eps=0.0).loss,
        right=lambda z, tc: tc * off_diagonal(correlation(z, 0.0)).square().sum(),
    ),
}
