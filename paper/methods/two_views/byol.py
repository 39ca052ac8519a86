"""BYOL: predict how a slow copy of the network embeds the other view (Grill et al. 2020).

The network has a layer, a head and a predictor q on top; its copy, which has no predictor, follows
it, θ' ← m θ' + (1-m) θ, and is not differentiated. For views x and x' with embeddings z,
    L = mean [ 2 - 2 cos(q(z(x)), z'(x')) ] + mean [ 2 - 2 cos(q(z(x')), z'(x)) ],
    m = 1 - (1 - m_0)(cos(π t / T) + 1)/2  at step t of T.
Nothing in L keeps embeddings of different images apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods import descent
from paper.methods.encoders import FitError, LinearEncoder
from paper.methods.two_views import joint_embedding

MOMENTUM = 0.99  # m_0, the paper's for 300 epochs and fewer


def regression(prediction: Tensor, target: Tensor) -> Tensor:
    """L of each model (S,).

    prediction, target (S, 2B, E): the first views of all images, then the second ones.
    """
    swapped = torch.cat(target.chunk(2, 1)[::-1], 1)
    return 2 * (2 - 2 * F.cosine_similarity(prediction, swapped, dim=-1)).mean(-1)


def momentum(step: int, steps: int) -> float:
    """m at one of the steps 0..steps: from m_0 up to 1, along a cosine."""
    return 1 - (1 - MOMENTUM) * (math.cos(math.pi * step / steps) + 1) / 2


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
    """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
    dimension = joint_embedding.EMBEDDING
    network = joint_embedding.layer(seeds, hidden_dim, X)
    network |= joint_embedding.head(seeds, "head", hidden_dim, dimension, X)
    predictor = joint_embedding.head(seeds, "predictor", dimension, dimension, X)
    slow = {name: value.clone() for name, value in network.items()}
    whole, rest = divmod(len(X), batch_size)
    steps, step = epochs * (whole + (rest > 1)), count()  # a batch of one image is left out

    def embedding(p: descent.Parameters, x: Tensor) -> Tensor:
        return joint_embedding.embed(p, "head", joint_embedding.hidden(p, x))

    def loss(p: descent.Parameters, views: Tensor) -> Tensor:
        joint_embedding.move_towards(slow, p, momentum(next(step), steps))
        prediction = joint_embedding.embed(p, "predictor", embedding(p, views))
        return regression(prediction, embedding(slow, views))

    return joint_embedding.train(
        network | predictor,
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
    return descent.only(fit_many(X, hidden_dim, [seed], **settings))
