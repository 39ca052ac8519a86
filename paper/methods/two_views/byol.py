"""BYOL: predict how a slow copy of the network embeds the other view (Grill et al. 2020).

The network has a layer, a head and a predictor q on top; its copy, which has no predictor, follows
it, θ' ← m θ' + (1-m) θ, and is not differentiated. For views x and x' with embeddings z,
    L = mean [ 2 - 2 cos(q(z(x)), z'(x')) ] + mean [ 2 - 2 cos(q(z(x')), z'(x)) ],
    m = 1 - (1 - m_0)(cos(π t / T) + 1)/2  at step t of T.
Nothing in L keeps embeddings of different images apart.
"""

import math
from collections.abc import Sequence
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import Descent, Parameters
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.two_views.joint_embedding import (
    EMBEDDING,
    embed,
    embedding,
    head,
    move_towards,
    network,
    train,
)

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


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
    start = network(seeds, hidden_dim, X)
    slow = {name: value.clone() for name, value in start.items()}
    whole, rest = divmod(len(X), descent.batch_size)
    steps, step = descent.epochs * (whole + (rest > 1)), count()  # one image is no batch

    def loss(p: Parameters, views: Tensor) -> Tensor:
        move_towards(slow, p, momentum(next(step), steps))
        prediction = embed(p, "predictor", embedding(p, views))
        return regression(prediction, embedding(slow, views))

    predictor = head(seeds, "predictor", EMBEDDING, EMBEDDING, X)
    return train(start | predictor, loss, X, seeds, descent)


METHODS = (Method("byol", "BYOL", fit_many, DESCENT, sources=("grill2020",)),)
