"""Principal component analysis (Pearson 1901; Hotelling 1933): decorrelated by construction.

a = C (x - mean), with the K unit eigenvectors of the covariance that have the largest eigenvalues
as rows of C. The projections are signed; `activation="relu"` keeps one half of each, which makes
them comparable with a ReLU layer but correlated again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods.descent import only
from paper.methods.encoders import FitError, LinearEncoder

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


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    activation: str = "identity",
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
    """Projections on the K leading principal directions of X (N, D).

    The sign of a direction is arbitrary: the seed draws it. That is all that depends on the seed,
    and it matters only under a ReLU, which keeps one of the two halves.
    """
    try:
        mean, _, directions = principal_components(X, hidden_dim)
    except FitError as failure:
        return [failure] * len(seeds)
    outcomes: list[LinearEncoder | FitError] = []
    for seed in seeds:
        signs = torch.randint(0, 2, (hidden_dim, 1), generator=generator(seed, "signs")) * 2 - 1
        weight = directions * signs.to(directions)
        outcomes.append(LinearEncoder(weight.to(X), (-weight @ mean).to(X), activation))
    return outcomes


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """One seed of `fit_many`. A failure is raised as FitError."""
    return only(fit_many(X, hidden_dim, [seed], **settings))
