"""Principal component analysis (Pearson 1901; Hotelling 1933): decorrelated by construction.

a = C (x - mean), with the K unit eigenvectors of the covariance that have the largest eigenvalues
as rows of C. The projections are signed; `activation="relu"` keeps one half of each, which makes
them comparable with a ReLU layer but correlated again.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods.encoders import FitError, LinearEncoder, each_seed
from paper.methods.methods import Method, Outcomes

#: Times n³: what all eigenvectors of a symmetric matrix (n, n) cost, in floating-point operations.
EIGENVECTORS = 14 / 3
_ROWS = 8192  # rows per block of the covariance sum, which bounds the float64 copy


def principal_components(X: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), `count` largest variances (count,) and their directions (count, D), float64.

    Variances are unbiased (N - 1). Raises FitError when the data have fewer dimensions.
    """
    mean = X.mean(0, dtype=torch.float64)
    covariance = mean.new_zeros(len(mean), len(mean))
    for block in X.split(_ROWS):
        centred = block.double() - mean
        covariance.addmm_(centred.T, centred)
    covariance /= len(X) - 1
    variances, directions = torch.linalg.eigh(covariance)
    # Eigenvalues this small are rounding: the data do not move along those directions.
    rounding = variances[-1] * len(mean) * torch.finfo(torch.float64).eps
    rank = int((variances > rounding).sum())
    if count > rank:
        raise FitError(
            f"{count} components asked for, but the data span only {rank} dimensions; "
            f"use hidden_dim <= {rank}"
        )
    return mean, variances[-count:].flip(0), directions[:, -count:].T.flip(0)


def whitening_of(X: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean (D,), and the matrix (count, D) that gives uncorrelated unit variances, float64.

    Raises FitError when the data have fewer dimensions.
    """
    mean, variances, directions = principal_components(X, count)
    return mean, directions / variances.sqrt()[:, None]


def projection(
    weight: Tensor, mean: Tensor, X: Tensor, activation: str = "identity", note: str | None = None
) -> LinearEncoder:
    """f(W (x - mean)), with the type and device of X; weight (K, D) and mean (D,) float64."""
    return LinearEncoder(weight.to(X), (-weight @ mean).to(X), activation, note)


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    activation: str = "identity",
    progress: str | None = None,
) -> Outcomes:
    """Projections on the K leading principal directions of X (N, D).

    The sign of a direction is arbitrary: the seed draws it. That is all that depends on the seed,
    and it matters only under a ReLU, which keeps one of the two halves.
    """
    mean, _, directions = principal_components(X, hidden_dim)

    def fit(seed: int) -> LinearEncoder:
        signs = torch.randint(0, 2, (hidden_dim, 1), generator=generator(seed, "signs")) * 2 - 1
        return projection(directions * signs.to(directions), mean, X, activation)

    return each_seed(fit, seeds, progress)


def flops(n: int, d: int, k: int, t: int) -> float:
    """2ND² + 14D³/3: a covariance and its eigenvectors."""
    return 2 * n * d**2 + EIGENVECTORS * d**3


def whitening_flops(n: int, d: int, k: int) -> float:
    """PCA + 2NKD + 2K²D: whitened data, and the directions in input space of a rotation of them."""
    return flops(n, d, k, 0) + 2 * n * k * d + 2 * k**2 * d


METHODS = (
    Method("pca", "PCA", fit_many, layer=False, flops=flops),
    Method("pca_relu", "PCA + ReLU", partial(fit_many, activation="relu"), flops=flops),
)
