"""What methods share that compare embeddings of two views of an image.

    h = relu(W x + b),      z = V standardise(U h + c)₊

x are views (:mod:`paper.methods.two_views.augment`), the layer h is kept, and the head that gives
the embeddings z, on which the loss acts, is thrown away: features are h of the image as it is.
Standardised over a batch of views, the hidden units of a head are batch normalisation with the
scale left out, which the next weights have anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods import descent
from paper.methods.controls.untrained import initial_layers
from paper.methods.encoders import FitError, LinearEncoder
from paper.methods.two_views.augment import two_views

HEAD_UNITS = 128  # hidden units of a head
EMBEDDING = 64  # dimension E of embeddings, where a method does not need another
_EPSILON = 1e-5  # added to variances, as batch normalisation does

# (parameters, two views (S, 2B, D)) -> loss of each model (S,)
Loss = Callable[[descent.Parameters, Tensor], Tensor]
# (images (S, B, D), a generator for each of the S) -> both views of them (S, 2B, D)
Views = Callable[[Tensor, Sequence[torch.Generator]], Tensor]


def layer(seeds: Sequence[int], hidden_dim: int, X: Tensor) -> descent.Parameters:
    """Weight (S, K, D) and bias (S, K) that an InfoMax layer starts from at the same seeds."""
    weight, bias = initial_layers(seeds, hidden_dim, X)
    return {"weight": weight, "bias": bias}


def head(
    seeds: Sequence[int], name: str, inputs: int, outputs: int, like: Tensor
) -> descent.Parameters:
    """Parameters of a head from `inputs` to `outputs` dimensions, with type and device of `like`.

    ``name.hidden`` (S, H, inputs), ``name.bias`` (S, H) and ``name.output`` (S, outputs, H).
    """
    return {
        f"{name}.hidden": descent.xavier(seeds, HEAD_UNITS, inputs, f"{name}.hidden", like),
        f"{name}.bias": like.new_zeros(len(seeds), HEAD_UNITS),
        f"{name}.output": descent.xavier(seeds, outputs, HEAD_UNITS, f"{name}.output", like),
    }


def hidden(parameters: descent.Parameters, x: Tensor) -> Tensor:
    """relu(W x + b) of inputs (S, B, D), shape (S, B, K)."""
    return torch.relu(torch.baddbmm(parameters["bias"][:, None], x, parameters["weight"].mT))


def embed(
    parameters: descent.Parameters, name: str, h: Tensor, *, standardise: bool = True
) -> Tensor:
    """Outputs of a head on both views h (S, 2B, inputs), shape (S, 2B, outputs).

    Each view is standardised by itself, as when views pass one after the other.
    """
    z = torch.bmm(h, parameters[f"{name}.hidden"].mT)
    if standardise:
        z = torch.cat([standardised(view) for view in z.chunk(2, 1)], 1)
    z = torch.relu(z + parameters[f"{name}.bias"][:, None])
    return torch.bmm(z, parameters[f"{name}.output"].mT)


def standardised(z: Tensor) -> Tensor:
    """z (S, B, E) with mean 0 and variance 1 over B, biased as in batch normalisation."""
    variance, mean = torch.var_mean(z, 1, correction=0, keepdim=True)
    return (z - mean) * (variance + _EPSILON).rsqrt()


def move_towards(target: descent.Parameters, online: descent.Parameters, keep: float) -> None:
    """Moving average of parameters, in place: target = keep target + (1 - keep) online."""
    for name, value in target.items():
        value.lerp_(online[name].detach(), 1 - keep)


def train(
    parameters: descent.Parameters,
    loss: Loss,
    X: Tensor,
    seeds: Sequence[int],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    progress: str | None = None,
    views: Views = two_views,
) -> list[LinearEncoder | FitError]:
    """Descend `loss` on two `views` of the images X (N, D) with Adam; encoders give relu(W x + b).

    `loss` is called once per step, before it.
    """
    draws = [generator(seed, "augment") for seed in seeds]

    def gradients(p: descent.Parameters, batch: Tensor, rows: Tensor) -> descent.Parameters:
        leaves = {name: value.detach().requires_grad_() for name, value in p.items()}
        # Models do not see each other, so the gradient of the sum has that of each.
        total = loss(leaves, views(batch, draws)).sum()
        found = torch.autograd.grad(total, list(leaves.values()))
        return {name: value.contiguous() for name, value in zip(leaves, found, strict=True)}

    descent.train(
        parameters,
        gradients,
        torch.optim.Adam(parameters.values(), lr=learning_rate, fused=True),
        X,
        seeds,
        epochs=epochs,
        batch_size=batch_size,
        progress=progress,
    )
    return descent.encoders_of(parameters["weight"], parameters["bias"], "relu")


def fit_many_on(
    objective: Callable[[Tensor], Tensor], dimension: int = EMBEDDING
) -> Callable[..., list[LinearEncoder | FitError]]:
    """`fit_many` of a method whose loss sees the embeddings alone.

    Args:
        objective: Loss of each model (S,) from embeddings z (S, 2B, E), the first views of all
            images, then the second ones.
        dimension: E.
    """

    def fit_many(
        X: Tensor,
        hidden_dim: int,
        seeds: Sequence[int],
        *,
        epochs: int,
        learning_rate: float,
        batch_size: int,
        progress: str | None = None,
        views: Views = two_views,
    ) -> list[LinearEncoder | FitError]:
        """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
        return train(
            layer(seeds, hidden_dim, X) | head(seeds, "head", hidden_dim, dimension, X),
            lambda p, x: objective(embed(p, "head", hidden(p, x))),
            X,
            seeds,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            progress=progress,
            views=views,
        )

    return fit_many
