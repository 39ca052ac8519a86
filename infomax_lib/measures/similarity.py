r"""How alike two sets of features of the same samples are: CKA, and units matched one to one.

With features x (N, K) and y (N, L), centred over the samples, linear *centred kernel alignment*
(Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited", eq. 5) is

.. math:: \mathrm{CKA}(x, y) = \frac{\|x' y\|_F^2}{\|x' x\|_F \, \|y' y\|_F} \in [0, 1],

HSIC with linear kernels, normalised. It does not see rotations of the feature space nor one scale
for all features, but it does see any other linear map. Independent features do not reach zero: its
mean over all permutations of the samples of y is

.. math:: \frac{\sqrt{r_x r_y}}{N - 1}, \qquad
    r = \Big( \sum_i \lambda_i \Big)^2 \Big/ \sum_i \lambda_i^2

with the eigenvalues λ of each covariance, at most √(KL)/(N-1).

Matching asks for more: that single units reappear (Li et al. 2016, "Convergent Learning", who
match by correlation; its absolute value is taken here, for the sign of a unit may be arbitrary).
"""

from __future__ import annotations

from itertools import combinations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["centred", "linear_cka", "matched_correlation", "stability"]


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


@torch.no_grad()
def stability(features: Tensor) -> Tensor:
    """Linear CKA of all pairs of seeds of one method: 1 where every seed finds the same geometry.

    Args:
        features: (S, N, K), one layer per seed, all for the same samples.

    Returns:
        Shape (S(S-1)/2,), float64, in the order (0, 1), (0, 2), ..., (S-2, S-1); NaN as in
        :func:`linear_cka`.

    Raises:
        ValueError: Another number of dimensions, or fewer than two seeds.
    """
    if features.ndim != 3 or len(features) < 2:
        raise ValueError(
            f"stability compares features (S, N, K) of at least 2 seeds, got shape "
            f"{tuple(features.shape)}: stack the features of several seeds"
        )
    layers = centred(features)
    own = _overlap(layers, layers)
    pairs = combinations(range(len(features)), 2)
    return torch.stack(
        [_overlap(layers[i], layers[j]) / (own[i] * own[j]).sqrt() for i, j in pairs]
    )


@torch.no_grad()
def matched_correlation(x: Tensor, y: Tensor) -> Tensor:
    r"""Mean absolute correlation of units after the best one-to-one matching.

    .. math:: \max_\pi \frac1m \sum_{k=1}^{m} |\mathrm{corr}(x_k, y_{\pi(k)})|,
        \qquad m = \min(K, L)

    Units of the larger set that are left over do not count. A constant unit has correlation zero
    with every other.

    Args:
        x: Outputs (N, K).
        y: Outputs (N, L) of the same samples.

    Returns:
        Scalar in [0, 1], float64; NaN where all units of x or of y are constant, or one is not
        finite.

    Raises:
        ValueError: Different samples, or another number of dimensions.
    """
    if x.ndim != 2:
        raise ValueError(
            f"units are matched in outputs (N, K), got shape {tuple(x.shape)}: match one layer "
            "at a time"
        )
    _check_samples(x, y)
    tiny = torch.finfo(torch.float64).tiny  # keeps constant units at zero, and is met by no other
    scaled = [normalize(centred(outputs), dim=0, eps=tiny) for outputs in (x, y)]
    size = (scaled[0].mT @ scaled[1]).abs()
    # a sum of squares is zero where all units are constant, and NaN where one is not finite
    if not all(outputs.square().sum() > 0 for outputs in scaled):
        return size.new_tensor(torch.nan)
    rows, columns = linear_sum_assignment(size.cpu().numpy(), maximize=True)
    return size[rows, columns].mean()


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
