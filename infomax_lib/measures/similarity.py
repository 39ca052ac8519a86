r"""How alike two sets of features of the same samples are: linear CKA.

With features x (N, K) and y (N, L), centred over the samples, linear *centred kernel alignment*
(Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited", eq. 5) is

.. math:: \mathrm{CKA}(x, y) = \frac{\|x' y\|_F^2}{\|x' x\|_F \, \|y' y\|_F} \in [0, 1],

HSIC with linear kernels, normalised. It does not see rotations of the feature space nor one scale
for all features, but it does see any other linear map. Independent features do not reach zero: its
mean over all permutations of the samples of y is

.. math:: \frac{\sqrt{r_x r_y}}{N - 1}, \qquad
    r = \Big( \sum_i \lambda_i \Big)^2 \Big/ \sum_i \lambda_i^2

with the eigenvalues λ of each covariance, at most √(KL)/(N-1).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["centred", "linear_cka"]


@torch.no_grad()
def linear_cka(x: Tensor, y: Tensor) -> Tensor:
    """Linear CKA of two sets of features of the same samples, in [0, 1]; 1 for copies.

    A constant feature counts as zero.

    Args:
        x: Features (..., N, K).
        y: Features (..., N, L) of the same samples.

    Returns:
        Shape (...), float64; NaN where all features of x or of y are constant, or one is not
        finite.

    Raises:
        ValueError: Different samples or leading dimensions.
    """
    _check_samples(x, y)
    x, y = centred(x), centred(y)
    return _overlap(x, y) / (_overlap(x, x) * _overlap(y, y)).sqrt()


def _check_samples(x: Tensor, y: Tensor) -> None:
    if x.ndim < 2 or x.shape[:-1] != y.shape[:-1]:
        raise ValueError(
            f"features must be (..., N, K) and (..., N, L) of the same samples, got shapes "
            f"{tuple(x.shape)} and {tuple(y.shape)}"
        )


def centred(features: Tensor) -> Tensor:
    """Features less their mean, float64; a constant feature is exactly zero."""
    # the mean of equal numbers may be rounded, their differences are not
    shifted = features.double() - features[..., :1, :].double()
    return shifted - shifted.mean(-2, keepdim=True)


def _overlap(x: Tensor, y: Tensor) -> Tensor:
    """||x'y||_F^2 of centred features (..., N, K) and (..., N, L)."""
    return (x.mT @ y).square().sum((-2, -1))
