"""MoCo: find the other view of an image among a queue of past ones (He et al. 2020).

A query q is the unit embedding of a first view. The key k₊ of the second view comes from a copy of
the network that follows it slowly, θ_k ← m θ_k + (1-m) θ_q, and is not differentiated. Against the
keys k_1..k_Q of past batches,
    L = mean [ -q·k₊ / τ + log( exp(q·k₊ / τ) + Σ_n exp(q·k_n / τ) ) ].
With the head of version 2 (Chen, Fan, Girshick & He 2020), and m and τ of the authors'
demonstration on CIFAR-10. That head has no batch normalisation, through which a query could tell
the keys of its own batch.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import Descent, Parameters, drawn, streams
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.two_views.joint_embedding import (
    EMBEDDING,
    embedding,
    move_towards,
    network,
    train,
)

TEMPERATURE = 0.1  # τ
MOMENTUM = 0.99  # m
QUEUE = 1024  # Q, at most half of the images, so that few keys are those of the query's own image


def info_nce(query: Tensor, key: Tensor, queue: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """L of each model (S,); unit vectors query and key (S, B, E), queue (S, Q, E)."""
    positive = (query * key).sum(-1, keepdim=True)
    logits = torch.cat([positive, torch.bmm(query, queue.mT)], -1) / temperature
    return (torch.logsumexp(logits, -1) - logits[..., 0]).mean(-1)


class Queue:
    """The last Q keys of each model, oldest replaced first; random directions before there are any.

    Attributes:
        keys: Unit vectors (S, Q, E), in no order that matters.
    """

    def __init__(self, seeds: Sequence[int], length: int, dimension: int, like: Tensor) -> None:
        noise = drawn(torch.randn, (length, dimension), streams(seeds, "queue"))
        self.keys = F.normalize(noise, dim=-1).to(like)
        self._next = 0

    def push(self, keys: Tensor) -> None:
        """Put keys (S, B, E) in place of the oldest ones."""
        length = self.keys.shape[1]
        keys = keys[:, -length:]
        places = (self._next + torch.arange(keys.shape[1], device=keys.device)) % length
        self.keys[:, places] = keys
        self._next = (self._next + keys.shape[1]) % length


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
    start = network(seeds, hidden_dim, X)
    slow = {name: value.clone() for name, value in start.items()}
    queue = Queue(seeds, min(QUEUE, len(X) // 2), EMBEDDING, X)

    def unit(p: Parameters, x: Tensor) -> Tensor:
        return F.normalize(embedding(p, x, standardise=False), dim=-1)

    def loss(p: Parameters, views: Tensor) -> Tensor:
        first, second = views.chunk(2, 1)
        move_towards(slow, p, MOMENTUM)
        key = unit(slow, second)
        # The gradient still needs the keys as they are now when the new ones are in the queue.
        value = info_nce(unit(p, first), key, queue.keys.clone())
        queue.push(key)
        return value

    return train(start, loss, X, seeds, descent)


# The queue grows with the data up to twice its length.
METHODS = (Method("moco", "MoCo", fit_many, DESCENT, settled=2 * QUEUE, sources=("he2020",)),)
