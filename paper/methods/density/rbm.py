"""Restricted Boltzmann machine trained by contrastive divergence (Hinton 2002).

Binary units, visible v (D) and hidden h (K):
    E(v, h) = -o·v - b·h - h·W v
    F(v) = -log Σ_h exp(-E(v, h)) = -o·v - Σ_k softplus((W v + b)_k)
    ∂ log p(v)/∂θ = -∂F(v)/∂θ + E_model[∂F/∂θ]
CD-k puts the data after k steps of Gibbs sampling in place of the model's expectation. As in
Hinton's practical guide (2012), hidden states are sampled, the last reconstruction is left as
probabilities, and grey pixels are read as probabilities; reconstructions on the way to it are
sampled, so that the chain's equilibrium is the model. Persistent CD (Tieleman 2008) goes on from
where its chains were at the last batch instead of starting them at the data, and samples
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods import descent
from paper.methods.encoders import FitError, LinearEncoder

WEIGHT_SCALE = 0.01  # initial weights ~ N(0, 0.01²), Hinton 2012, section 8
MOMENTUM = 0.5

# (a tensor of probabilities) -> uniform numbers in [0, 1) of its shape
Draw = Callable[[Tensor], Tensor]


def free_energy(parameters: descent.Parameters, v: Tensor) -> Tensor:
    """F(v) of each row, (S, B); v (S, B, D), weight (S, K, D), bias (S, K), offset (S, D)."""
    field = torch.baddbmm(parameters["bias"][:, None], v, parameters["weight"].mT)
    return -(v * parameters["offset"][:, None]).sum(-1) - F.softplus(field).sum(-1)


def hidden_probability(parameters: descent.Parameters, v: Tensor) -> Tensor:
    """p(h_k = 1 | v), (S, B, K)."""
    return torch.baddbmm(parameters["bias"][:, None], v, parameters["weight"].mT).sigmoid_()


def visible_probability(parameters: descent.Parameters, h: Tensor) -> Tensor:
    """p(v_d = 1 | h), (S, B, D)."""
    return torch.baddbmm(parameters["offset"][:, None], h, parameters["weight"]).sigmoid_()


def contrast(
    data: Tensor, data_hidden: Tensor, model: Tensor, model_hidden: Tensor
) -> descent.Parameters:
    """Mean of ∂F/∂θ over `data` less its mean over `model`: the gradient of -log-likelihood
    when `model` are samples of the model, CD-k when they are k-step reconstructions.

    data, model (S, B, D) with their hidden probabilities (S, B, K).
    """
    count = data.shape[1]
    positive, negative = data_hidden / count, model_hidden / count
    weight = torch.bmm(negative.mT, model)
    weight.baddbmm_(positive.mT, data, alpha=-1)
    return {
        "weight": weight,
        "bias": (negative - positive).sum(1),
        "offset": (model.sum(1) - data.sum(1)) / count,
    }


def sample_hidden(parameters: descent.Parameters, v: Tensor, draw: Draw) -> Tensor:
    """States h (S, B, K), 0 or 1, from p(h | v)."""
    probability = hidden_probability(parameters, v)
    return (draw(probability) < probability).to(v.dtype)


def sample_visible(parameters: descent.Parameters, h: Tensor, draw: Draw) -> Tensor:
    """States v (S, B, D), 0 or 1, from p(v | h)."""
    probability = visible_probability(parameters, h)
    return (draw(probability) < probability).to(h.dtype)


def cd(parameters: descent.Parameters, v: Tensor, draw: Draw, steps: int) -> descent.Parameters:
    """CD-k gradient (to descend) for data v (S, B, D) and k = steps."""
    probability = hidden_probability(parameters, v)
    states = (draw(probability) < probability).to(v.dtype)
    for _ in range(steps - 1):
        states = sample_hidden(parameters, sample_visible(parameters, states, draw), draw)
    reconstruction = visible_probability(parameters, states)
    again = hidden_probability(parameters, reconstruction)
    return contrast(v, probability, reconstruction, again)


def cd1(parameters: descent.Parameters, v: Tensor, uniform: Tensor) -> descent.Parameters:
    """CD-1 gradient (to descend) for data v (S, B, D); `uniform` (S, B, K) in [0, 1) draws h."""
    return cd(parameters, v, lambda _: uniform, steps=1)


def pcd(
    parameters: descent.Parameters, v: Tensor, chains: Tensor, draw: Draw, steps: int
) -> descent.Parameters:
    """Persistent CD gradient (to descend) for data v (S, B, D), after `steps` of the chains.

    chains (S, C, D), C >= B, visible states; the first B of them are moved, in place.
    """
    states = chains[:, : v.shape[1]]
    for _ in range(steps):
        states = sample_visible(parameters, sample_hidden(parameters, states, draw), draw)
    chains[:, : v.shape[1]] = states
    return contrast(
        v, hidden_probability(parameters, v), states, hidden_probability(parameters, states)
    )


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    steps: int = 1,
    persistent: bool = False,
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
    """Train one RBM per seed; X (N, D) in [0, 1]. Encoders give p(h = 1 | x).

    Visible offsets start at the logit of each pixel's mean (Hinton 2012), so that the hidden
    units need not learn it. `steps` of Gibbs sampling make one gradient; `persistent` keeps
    `batch_size` chains from batch to batch, which start as images of independent pixels.
    """
    if steps < 1:
        raise ValueError(f"steps of Gibbs sampling must be at least 1, not {steps}")
    if not (X.min() >= 0 and X.max() <= 1):
        raise FitError("a Bernoulli RBM reads inputs as probabilities, so they must lie in [0, 1]")
    dimension = X.shape[1]
    weights = [
        torch.randn(hidden_dim, dimension, generator=generator(seed, "weights")) for seed in seeds
    ]
    mean = X.mean(0).clamp(0.01, 0.99)
    parameters = {
        "weight": torch.stack(weights).to(X) * WEIGHT_SCALE,
        "bias": X.new_zeros(len(seeds), hidden_dim),
        "offset": torch.logit(mean).repeat(len(seeds), 1),
    }
    streams = [generator(seed, "sampling") for seed in seeds]

    def draw(probability: Tensor) -> Tensor:
        shape = probability.shape[1:]
        return torch.stack([torch.rand(shape, generator=stream) for stream in streams]).to(X)

    chains = X.new_zeros(len(seeds), batch_size, dimension)
    if persistent:
        chains = (draw(chains) < mean).to(X)

    def gradients(p: descent.Parameters, batch: Tensor, rows: Tensor) -> descent.Parameters:
        return pcd(p, batch, chains, draw, steps) if persistent else cd(p, batch, draw, steps)

    descent.train(
        parameters,
        gradients,
        torch.optim.SGD(parameters.values(), lr=learning_rate, momentum=MOMENTUM),
        X,
        seeds,
        epochs=epochs,
        batch_size=batch_size,
        progress=progress,
    )
    return descent.encoders_of(parameters["weight"], parameters["bias"], "sigmoid")


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """Train one RBM; see `fit_many`. A failure is raised as FitError."""
    return descent.only(fit_many(X, hidden_dim, [seed], **settings))
