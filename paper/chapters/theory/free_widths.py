r"""Mixtures of Gaussians whose components have widths of their own, and what the likelihood does.

With widths :math:`\sigma_k` the energy of a component has the log-determinant as its second term,

.. math:: E_k(x) = \frac{|x - \mu_k|^2}{2\sigma_k^2} + D \log\sigma_k,

which in the loss is a penalty on volume: it keeps a component from growing until it wins every
sample, and it rewards one that shrinks onto a single sample without bound (Day 1969; Bishop 2006,
section 9.2.1). :mod:`.mixture` has one known width, where neither can happen. Everything is
computed in float64.
"""

import math
from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor

from paper.chapters.theory.experiment import ring_mixture

#: Below this width a component is taken to lie on one sample, and stays there.
_FLOOR = 1e-9


def energies(x: Tensor, means: Tensor, widths: Tensor) -> Tensor:
    """E_nk of samples (N, D), the log-determinant included; shape (N, K).

    Args:
        x: Shape (N, D).
        means: Shape (K, D).
        widths: sigma > 0, shape (K,).
    """
    squared = (x.unsqueeze(1) - means).square().sum(-1)
    return squared / (2 * widths.square()) + x.shape[1] * widths.log()


def log_likelihood(x: Tensor, means: Tensor, widths: Tensor) -> Tensor:
    """Mean over samples of log 1/K sum_k N(x; mu_k, sigma_k^2 I), in nats."""
    constant = math.log(len(means)) + x.shape[1] / 2 * math.log(2 * math.pi)
    return torch.logsumexp(-energies(x, means, widths), -1).mean() - constant


def em_step(x: Tensor, means: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
    """Means (K, D) and widths (K,) after one step of EM, widths no smaller than 1e-9.

    sigma_k^2 = sum_n r_nk |x_n - mu_k|^2 / (D sum_n r_nk). A component without any responsibility
    stays as it is.
    """
    r = torch.softmax(-energies(x, means, widths), -1)
    mass = r.sum(0)
    moved = r.mT @ x / mass.unsqueeze(-1)
    squared = (x.unsqueeze(1) - moved).square().sum(-1)
    variance = (r * squared).sum(0) / (mass * x.shape[1])
    means = torch.where(mass.unsqueeze(-1) > 0, moved, means)
    return means, torch.where(mass > 0, variance.sqrt(), widths).clamp_min(_FLOOR)


def fit_free_widths(
    seeds: Iterable[int], components: int = 8, samples: int = 100, steps: int = 300
) -> pd.DataFrame:
    """EM with free widths on a mixture of four clusters of each seed, from ordinary starts.

    Means start at samples drawn at random, widths at the deviation of the data.

    Returns:
        Columns ``seed``, ``narrowest`` and ``widest`` (width at the end over the deviation of the
        data), and ``log_likelihood`` (mean over samples, nats).
    """
    rows = []
    for seed in seeds:
        x = ring_mixture(4, samples, seed)[0]
        deviation = x.var(0).mean().sqrt()
        chosen = torch.randperm(samples, generator=torch.Generator().manual_seed(seed))
        means, widths = x[chosen[:components]], deviation.repeat(components)
        for _ in range(steps):
            means, widths = em_step(x, means, widths)
        relative = widths / deviation
        ends = (relative.min(), relative.max(), log_likelihood(x, means, widths))
        rows.append((seed, *map(float, ends)))
    return pd.DataFrame(rows, columns=["seed", "narrowest", "widest", "log_likelihood"])
