"""Implicit EM, and what the two conventions of the sources imply for the gradient."""

from math import log, pi

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.model.objective import (
    EPSILON,
    covariance,
    free_energy,
    gradient_by_covariance,
    infomax_objective,
)
from paper.chapters.theory import free_widths, mixture
from paper.chapters.theory.identities.check import (
    Check,
    gradient,
    log_density,
    normal,
    outputs,
    softmax,
)


def _mixture_log_density(x: Tensor, means: Tensor, variance: float) -> Tensor:
    covariance_ = variance * torch.eye(means.shape[1], dtype=torch.float64)
    total = sum(np.exp(log_density(covariance_, (x - mean).numpy())) for mean in means)
    return torch.from_numpy(np.log(total / len(means))).mean()


def _posterior(x: Tensor, means: Tensor, weights: Tensor) -> Tensor:
    density = (-(x.unsqueeze(1) - means).square().sum(-1) / 2).exp() * weights
    return density / density.sum(-1, keepdim=True)


def _weighted_by_responsibility(a: Tensor, lambda_tc: float) -> Tensor:
    g = gradient(lambda at: infomax_objective(at, lambda_tc=lambda_tc).loss, a)
    return a * (g - (a * g).sum(-1, keepdim=True))


def _gradient_by_covariance(z: Tensor, lambda_tc: float) -> Tensor:
    weight = torch.tensor([lambda_tc], dtype=torch.float64)
    return gradient_by_covariance(covariance(z).unsqueeze(0), weight)[0].squeeze(0)


def _one_hot(labels: Tensor) -> Tensor:
    return F.one_hot(labels, 5).double()


def _widths(g: torch.Generator, components: int = 4) -> Tensor:
    """Widths between 0.4 and 1.2."""
    return 0.4 + 0.8 * torch.rand(components, generator=g, dtype=torch.float64)


def _width_gradient(x: Tensor, means: Tensor, widths: Tensor) -> Tensor:
    return gradient(lambda at: -free_widths.log_likelihood(x, means, at.exp()), widths.log())


def _pulls(x: Tensor, means: Tensor, widths: Tensor) -> Tensor:
    r = torch.softmax(-free_widths.energies(x, means, widths), -1)
    squared = (x.unsqueeze(1) - means).square().sum(-1) / widths.square()
    return (r * (x.shape[1] - squared)).mean(0)


def _on_a_sample(x: Tensor, means: Tensor, widths: Tensor, width: float) -> Tensor:
    """Log likelihood with one more component, of that width, on the first sample."""
    narrow = torch.tensor([width], dtype=torch.float64)
    return free_widths.log_likelihood(x, torch.cat([means, x[:1]]), torch.cat([widths, narrow]))


CHECKS = {
    "lse_gradient": Check(
        draw=lambda g: (3 * normal(g, 7, 5),),
        left=lambda e: gradient(lambda at: -torch.logsumexp(-at, -1).sum(), e),
        right=lambda e: (-e).exp() / (-e).exp().sum(-1, keepdim=True),
    ),
    "em_as_gradient_step": Check(
        draw=lambda g: (normal(g, 60, 3), normal(g, 4, 3), 0.7),
        left=lambda x, means, variance: mixture.implicit_step(
            x, means, variance, mixture.em_step_size(x, means, variance)
        ),
        right=mixture.em_step,
    ),
    "mixture_likelihood": Check(
        draw=lambda g: (normal(g, 30, 3), normal(g, 4, 3), 0.7),
        left=mixture.implicit_loss,
        right=lambda x, means, variance: (
            -_mixture_log_density(x, means, variance)
            - log(len(means))
            - means.shape[1] / 2 * log(2 * pi * variance)
        ),
    ),
    "linear_layer_mixture": Check(
        draw=lambda g: (normal(g, 30, 3), normal(g, 4, 3)),
        left=lambda x, w: torch.softmax(x @ w.mT - w.square().sum(-1) / 2, -1),
        right=lambda x, w: mixture.responsibilities(x, w, 1.0),
    ),
    "free_norms": Check(
        draw=lambda g: (normal(g, 30, 3), 1.5 * normal(g, 4, 3), normal(g, 4)),
        left=lambda x, w, b: torch.softmax(F.linear(x, w, b), -1),
        right=lambda x, w, b: _posterior(x, *mixture.implied_mixture(w, b)),
    ),
    "softmax_invariance": Check(
        draw=lambda g: (normal(g, 7, 5), 3 * normal(g, 7, 1)),
        left=lambda h, c: torch.softmax(h + c, -1),
        right=lambda h, c: h.exp() / h.exp().sum(-1, keepdim=True),
    ),
    "lse_unbounded": Check(
        draw=lambda g: (normal(g, 7, 5), 3 + normal(g, 1)),
        left=lambda h, c: free_energy(h + c),
        right=lambda h, c: free_energy(h) - c.squeeze(),
    ),
    "free_energy_gradient": Check(
        draw=lambda g: (normal(g, 7, 5), 0.4),
        left=lambda h, t: gradient(lambda at: free_energy(at, t), h),
        right=lambda h, t: -torch.softmax(h / t, -1) / len(h),
    ),
    "softmax_jacobian": Check(
        draw=lambda g: (normal(g, 5),),
        left=lambda h: torch.autograd.functional.jacobian(lambda at: torch.softmax(at, -1), h),
        right=lambda h: torch.diag(softmax(h)) - torch.outer(softmax(h), softmax(h)),
    ),
    "gradient_through_softmax": Check(
        draw=lambda g: (outputs(g), 0.7),
        left=lambda h, tc: gradient(
            lambda at: infomax_objective(torch.softmax(at, -1), lambda_tc=tc).loss, h
        ),
        right=lambda h, tc: _weighted_by_responsibility(softmax(h), tc),
    ),
    "gradient_on_z": Check(
        draw=lambda g: (outputs(g), 0.7),
        left=lambda z, tc: gradient(lambda at: infomax_objective(at, lambda_tc=tc).loss, z),
        right=lambda z, tc: 2 / (len(z) - 1) * (z - z.mean(0)) @ _gradient_by_covariance(z, tc),
    ),
    "gradient_of_variance_on_z": Check(
        draw=lambda g: (outputs(g),),
        left=lambda z: gradient(lambda at: infomax_objective(at, lambda_tc=0.0).loss, z),
        right=lambda z: -2 / (len(z) - 1) * (z - z.mean(0)) / (z.var(0) + EPSILON),
    ),
    "sign_of_z": Check(
        draw=lambda g: (outputs(g), torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0]).double()),
        left=lambda z, signs: infomax_objective(z * signs, lambda_tc=0.7).loss,
        right=lambda z, signs: infomax_objective(z, lambda_tc=0.7).loss,
    ),
    "pull_on_a_width": Check(
        draw=lambda g: (normal(g, 30, 3), normal(g, 4, 3), _widths(g)),
        left=_width_gradient,
        right=_pulls,
    ),
    "component_on_a_sample": Check(
        draw=lambda g: (normal(g, 30, 3), normal(g, 4, 3), _widths(g)),
        left=lambda x, means, widths: torch.stack(
            [
                _on_a_sample(x, means, widths, 1e-20 / c) - _on_a_sample(x, means, widths, 1e-20)
                for c in (10.0, 1e30, 1e60)
            ]
        ),
        right=lambda x, means, widths: (
            x.shape[1] / len(x) * torch.tensor([10.0, 1e30, 1e60], dtype=torch.float64).log()
        ),
    ),
    "cross_entropy_gradient": Check(
        draw=lambda g: (normal(g, 7, 5), torch.randint(5, (7,), generator=g)),
        left=lambda z, y: gradient(lambda at: F.cross_entropy(at, y), z),
        right=lambda z, y: (softmax(z) - _one_hot(y)) / len(z),
    ),
    "cross_entropy_splits": Check(
        draw=lambda g: (normal(g, 7, 5), torch.randint(5, (7,), generator=g)),
        left=lambda z, y: F.cross_entropy(z, y),
        right=lambda z, y: -(z * _one_hot(y)).sum(-1).mean() - free_energy(z),
    ),
}
