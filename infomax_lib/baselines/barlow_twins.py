"""Barlow Twins: embeddings whose cross-correlation between views is I (Zbontar et al. 2021).

    L = Σ_i (1 - C_ii)² + λ Σ_{i≠j} C_ij²,   C_ij = corr_n(z_ni, z'_nj),
with z and z' the embeddings of the two views. This is `infomax_lib.objective.barlow_objective` on
the outputs of a head instead of those of the layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from infomax_lib.baselines import joint_embedding, stacked
from infomax_lib.baselines.encoders import FitError, LinearEncoder
from infomax_lib.objective import barlow_objective

DECORRELATION = 5e-3  # λ


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
    """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b).

    Embeddings are as wide as a head can fill: the paper finds that width helps.
    """
    layer = joint_embedding.layer(seeds, hidden_dim, X)
    head = joint_embedding.head(seeds, "head", hidden_dim, joint_embedding.HEAD_UNITS, X)

    def loss(p: stacked.Parameters, views: Tensor) -> Tensor:
        z = joint_embedding.embed(p, "head", joint_embedding.hidden(p, views))
        return barlow_objective(z, DECORRELATION).loss

    return joint_embedding.train(
        layer | head,
        loss,
        X,
        seeds,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        progress=progress,
    )


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """Train one layer; see `fit_many`. A failure is raised as FitError."""
    return stacked.only(fit_many(X, hidden_dim, [seed], **settings))
