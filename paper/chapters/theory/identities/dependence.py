"""Measures of dependence: Barlow Twins and HSIC."""

from itertools import permutations
from math import perm

import numpy as np
import torch
from torch import Tensor

from infomax_lib.measures import hsic
from infomax_lib.model.objective import total_correlation
from paper.chapters.theory.identities.check import Check, normal, off_diagonal, outputs


def _gram_distance(z: Tensor) -> Tensor:
    c = z / z.norm(dim=0)
    return (c.mT @ c - torch.eye(z.shape[1], dtype=torch.float64)).square().sum()


def _gaussian_kernel(x: Tensor, width: float) -> Tensor:
    column = x.reshape(len(x), -1)
    squared = (column.unsqueeze(0) - column.unsqueeze(1)).square().sum(-1)
    return (-squared / (2 * width**2)).exp()


def _v_statistic(k: Tensor, m: Tensor) -> Tensor:
    n = len(k)
    together = (k * m).sum() / n**2
    apart = torch.einsum("ij,qr->", k, m) / n**4
    return together + apart - 2 * torch.einsum("ij,iq->", k, m) / n**3


def _u_statistic(k: Tensor, m: Tensor) -> Tensor:
    n = len(k)
    terms = [
        k[i, j] * m[i, j] + k[i, j] * m[q, r] - 2 * k[i, j] * m[i, q]
        for i, j, q, r in permutations(range(n), 4)
    ]
    return torch.stack(terms).sum() / perm(n, 4)


def _quadrature_hsic(r: float) -> Tensor:
    """HSIC of a Gaussian pair by quadrature over the two differences in each expectation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def mean(rho: float) -> float:
        # E exp(-(u^2 + v^2)/2), u and v of variance 2 and correlation rho
        u = np.sqrt(2) * nodes[:, None]
        v = np.sqrt(2) * (rho * nodes[:, None] + np.sqrt(1 - rho**2) * nodes[None, :])
        return float(weights @ np.exp(-(u**2 + v**2) / 2) @ weights)

    # both differences of one pair; of two pairs; of two pairs with one sample in common
    return torch.tensor(mean(r) + mean(0.0) - 2 * mean(r / 2), dtype=torch.float64)


CHECKS = {
    "barlow_twins_of_equal_views": Check(
        draw=lambda g: (outputs(g), 0.7),
        left=lambda a, weight: hsic.barlow_twins_loss(a, a, weight, eps=0.0),
        right=lambda a, weight: weight * off_diagonal(torch.corrcoef(a.mT)).square().sum(),
    ),
    "column_normalised": Check(
        draw=lambda g: (outputs(g),),
        left=lambda z: _gram_distance(z - z.mean(0)),
        right=lambda z: total_correlation(z, 0.0),
    ),
    "hsic_biased": Check(
        draw=lambda g: (normal(g, 7, 2), normal(g, 7)),
        left=lambda x, y: hsic.hsic(x, y, widths=(1.5, 0.8), memory=500),
        right=lambda x, y: _v_statistic(_gaussian_kernel(x, 1.5), _gaussian_kernel(y, 0.8)),
    ),
    "hsic_unbiased": Check(
        draw=lambda g: (normal(g, 7, 2), normal(g, 7)),
        left=lambda x, y: hsic.hsic(x, y, "unbiased", widths=(1.5, 0.8), memory=500),
        right=lambda x, y: _u_statistic(_gaussian_kernel(x, 1.5), _gaussian_kernel(y, 0.8)),
    ),
    "gaussian_hsic": Check(
        draw=lambda g: (2 * torch.rand(3, generator=g, dtype=torch.float64) - 1,),
        left=lambda r: hsic.gaussian_hsic(r, normalised=False),
        right=lambda r: torch.stack([_quadrature_hsic(float(value)) for value in r]),
    ),
}
