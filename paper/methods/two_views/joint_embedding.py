"""What methods share that compare embeddings of two views of an image.

    h = relu(W x + b),      z = V standardise(U h + c)₊

x are views (:mod:`paper.methods.two_views.augment`), the layer h is kept, and the head that gives
the embeddings z, on which the loss acts, is thrown away: features are h of the image as it is.
Standardised over a batch of views, the hidden units of a head are batch normalisation with the
scale left out, which the next weights have anyway.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, Parameters, encode, streams, xavier
from paper.methods.methods import Outcomes
from paper.methods.two_views.augment import two_views

HEAD_UNITS = 128  # hidden units of a head
EMBEDDING = 64  # dimension E of embeddings, where a method does not need another
_EPSILON = 1e-5  # added to variances, as batch normalisation does

# (parameters, two views (S, 2B, D)) -> loss of each model (S,)
Loss = Callable[[Parameters, Tensor], Tensor]
# (images (S, B, D), a generator for each of the S) -> both views of them (S, 2B, D)
Views = Callable[[Tensor, Sequence[torch.Generator]], Tensor]


def network(
    seeds: Sequence[int], hidden_dim: int, X: Tensor, dimension: int = EMBEDDING
) -> Parameters:
    """Parameters of a layer, ``weight`` (S, K, D) and ``bias`` (S, K), and of a head on top.

    The layer's are those that an InfoMax layer starts from at the same seeds.
    """
    weight, bias = initial_layers(seeds, hidden_dim, X)
    return {"weight": weight, "bias": bias} | head(seeds, "head", hidden_dim, dimension, X)


def head(seeds: Sequence[int], name: str, inputs: int, outputs: int, like: Tensor) -> Parameters:
    """Parameters of a head from `inputs` to `outputs` dimensions, with type and device of `like`.

    ``name.hidden`` (S, H, inputs), ``name.bias`` (S, H) and ``name.output`` (S, outputs, H).
    """
    return {
        f"{name}.hidden": xavier(seeds, HEAD_UNITS, inputs, f"{name}.hidden", like),
        f"{name}.bias": like.new_zeros(len(seeds), HEAD_UNITS),
        f"{name}.output": xavier(seeds, outputs, HEAD_UNITS, f"{name}.output", like),
    }


def embed(parameters: Parameters, name: str, h: Tensor, *, standardise: bool = True) -> Tensor:
    """Outputs of a head on both views h (S, 2B, inputs), shape (S, 2B, outputs).

    Each view is standardised by itself, as when views pass one after the other.
    """
    z = torch.bmm(h, parameters[f"{name}.hidden"].mT)
    if standardise:
        z = torch.cat([standardised(view) for view in z.chunk(2, 1)], 1)
    z = torch.relu(z + parameters[f"{name}.bias"][:, None])
    return torch.bmm(z, parameters[f"{name}.output"].mT)


def embedding(parameters: Parameters, x: Tensor, *, standardise: bool = True) -> Tensor:
    """z of views (S, 2B, D), shape (S, 2B, E)."""
    return embed(parameters, "head", encode(parameters, x), standardise=standardise)


def standardised(z: Tensor) -> Tensor:
    """z (S, B, E) with mean 0 and variance 1 over B, biased as in batch normalisation."""
    variance, mean = torch.var_mean(z, 1, correction=0, keepdim=True)
    return (z - mean) * (variance + _EPSILON).rsqrt()


def move_towards(target: Parameters, online: Parameters, keep: float) -> None:
    """Moving average of parameters, in place: target = keep target + (1 - keep) online."""
    for name, value in target.items():
        value.lerp_(online[name].detach(), 1 - keep)


def train(
    parameters: Parameters,
    loss: Loss,
    X: Tensor,
    seeds: Sequence[int],
    descent: Descent,
    views: Views = two_views,
) -> Outcomes:
    """Descend `loss` on two `views` of the images X (N, D) with Adam; encoders give relu(W x + b).

    `loss` is called once per step, before it.
    """
    draws = streams(seeds, "augment")

    def gradients(p: Parameters, batch: Tensor) -> Parameters:
        leaves = {name: value.detach().requires_grad_() for name, value in p.items()}
        # Models do not see each other, so the gradient of the sum has that of each.
        total = loss(leaves, views(batch, draws)).sum()
        found = torch.autograd.grad(total, list(leaves.values()))
        return {name: value.contiguous() for name, value in zip(leaves, found, strict=True)}

    return descent.layers(parameters, gradients, X, seeds)


def fit_many_on(
    objective: Callable[[Tensor], Tensor], dimension: int = EMBEDDING
) -> Callable[..., Outcomes]:
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
        descent: Descent,
        *,
        views: Views = two_views,
    ) -> Outcomes:
        """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
        start = network(seeds, hidden_dim, X, dimension)
        return train(start, lambda p, x: objective(embedding(p, x)), X, seeds, descent, views)

    return fit_many
