"""k-means with triangle features (Coates, Ng & Lee 2011), the simplest strong single layer.

Centres from scikit-learn's Lloyd iterations with k-means++ seeding. Coates et al. whiten small
patches first; here the inputs are whole images, unwhitened, so that every method sees the same.
"""

from __future__ import annotations

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from paper.methods.encoders import FitError, TriangleEncoder


def fit(X: Tensor, hidden_dim: int, seed: int, *, epochs: int) -> TriangleEncoder:
    """K centres of X (N, D) after at most `epochs` Lloyd iterations (one pass over X each)."""
    if hidden_dim > len(X):
        raise FitError(f"{hidden_dim} centres cannot be told apart by {len(X)} samples")
    model = KMeans(
        hidden_dim, n_init=1, max_iter=epochs, random_state=seed, algorithm="lloyd", copy_x=True
    )
    model.fit(X.cpu().numpy())
    return TriangleEncoder(torch.from_numpy(model.cluster_centers_).to(X))
