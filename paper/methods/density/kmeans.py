"""k-means with triangle features (Coates, Ng & Lee 2011), the simplest strong single layer.

Centres from scikit-learn's Lloyd iterations with k-means++ seeding. Coates et al. whiten small
patches first; here the inputs are whole images, unwhitened, so that every method sees the same.
"""

import math
from collections.abc import Sequence

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from paper.methods.encoders import FitError, TriangleEncoder, by_package, each_seed
from paper.methods.methods import Method, Outcomes


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], *, epochs: int, progress: str | None = None
) -> Outcomes:
    """K centres of X (N, D) after at most `epochs` Lloyd iterations (one pass over X each)."""
    if hidden_dim > len(X):
        raise FitError(f"{hidden_dim} centres cannot be told apart by {len(X)} samples")

    def fit(seed: int) -> TriangleEncoder:
        model = KMeans(
            hidden_dim, n_init=1, max_iter=epochs, random_state=seed, algorithm="lloyd", copy_x=True
        )
        with by_package():
            model.fit(X.cpu().numpy())
        return TriangleEncoder(torch.from_numpy(model.cluster_centers_).to(X))

    return each_seed(fit, seeds, progress)


def seeding_flops(n: int, d: int, k: int) -> float:
    """I = 2ND (1 + (K - 1)(2 + ⌊log K⌋)), of greedy k-means++.

    Distances of all samples to 2 + log K candidates for every further seed.
    """
    return 2 * n * d * (1 + (k - 1) * (2 + int(math.log(k))))


def flops(n: int, d: int, k: int, t: int) -> float:
    """I + T 2ND (K + 1) + 2NKD: a sample's share in a mean costs D multiply-adds."""
    iteration = 2 * n * d * (k + 1)
    return seeding_flops(n, d, k) + t * iteration + 2 * n * k * d


METHODS = (
    Method(
        *("kmeans", "k-means triangle", fit_many, {"epochs": 300}),
        layer=False,
        flops=flops,
        kept_per_unit=0,
        sources=("coates2011",),
    ),
)
