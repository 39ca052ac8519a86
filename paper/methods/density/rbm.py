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

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import Descent, Parameters, drawn, streams
from paper.methods.encoders import FitError
from paper.methods.methods import DESCENT, Method, Outcomes

WEIGHT_SCALE = 0.01  # initial weights ~ N(0, 0.01²), Hinton 2012, section 8
MOMENTUM = 0.5

# (a tensor of probabilities) -> uniform numbers in [0, 1) of its shape
Draw = Callable[[Tensor], Tensor]


def free_energy(parameters: Parameters, v: Tensor) -> Tensor:
    """F(v) of each row, (S, B); v (S, B, D), weight (S, K, D), bias (S, K), offset (S, D)."""
    field = torch.baddbmm(parameters["bias"][:, None], v, parameters["weight"].mT)
    return -(v * parameters["offset"][:, None]).sum(-1) - F.softplus(field).sum(-1)


def hidden_probability(parameters: Parameters, v: Tensor) -> Tensor:
    """p(h_k = 1 | v), (S, B, K)."""
    return torch.baddbmm(parameters["bias"][:, None], v, parameters["weight"].mT).sigmoid_()


def visible_probability(parameters: Parameters, h: Tensor) -> Tensor:
    """p(v_d = 1 | h), (S, B, D)."""
    return torch.baddbmm(parameters["offset"][:, None], h, parameters["weight"]).sigmoid_()


def contrast(data: Tensor, data_hidden: Tensor, model: Tensor, model_hidden: Tensor) -> Parameters:
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


def sample_hidden(parameters: Parameters, v: Tensor, draw: Draw) -> Tensor:
    """States h (S, B, K), 0 or 1, from p(h | v)."""
    probability = hidden_probability(parameters, v)
    return (draw(probability) < probability).to(v.dtype)


def sample_visible(parameters: Parameters, h: Tensor, draw: Draw) -> Tensor:
    """States v (S, B, D), 0 or 1, from p(v | h)."""
    probability = visible_probability(parameters, h)
    return (draw(probability) < probability).to(h.dtype)


def cd(parameters: Parameters, v: Tensor, draw: Draw, steps: int) -> Parameters:
    """CD-k gradient (to descend) for data v (S, B, D) and k = steps."""
    probability = hidden_probability(parameters, v)
    states = (draw(probability) < probability).to(v.dtype)
    for _ in range(steps - 1):
        states = sample_hidden(parameters, sample_visible(parameters, states, draw), draw)
    reconstruction = visible_probability(parameters, states)
    again = hidden_probability(parameters, reconstruction)
    return contrast(v, probability, reconstruction, again)


def pcd(parameters: Parameters, v: Tensor, chains: Tensor, draw: Draw, steps: int) -> Parameters:
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
    descent: Descent,
    *,
    steps: int = 1,
    persistent: bool = False,
) -> Outcomes:
    """Train one RBM per seed; X (N, D) in [0, 1]. Encoders give p(h = 1 | x).

    Visible offsets start at the logit of each pixel's mean (Hinton 2012), so that the hidden
    units need not learn it. `steps` of Gibbs sampling make one gradient; `persistent` keeps
    a batch of chains from batch to batch, which start as images of independent pixels.
    """
    if steps < 1:
        raise ValueError(f"steps of Gibbs sampling must be at least 1, not {steps}")
    if not (X.min() >= 0 and X.max() <= 1):
        raise FitError("a Bernoulli RBM reads inputs as probabilities, so they must lie in [0, 1]")
    dimension = X.shape[1]
    weight = drawn(torch.randn, (hidden_dim, dimension), streams(seeds, "weights"))
    mean = X.mean(0).clamp(0.01, 0.99)
    parameters = {
        "weight": weight.to(X) * WEIGHT_SCALE,
        "bias": X.new_zeros(len(seeds), hidden_dim),
        "offset": torch.logit(mean).repeat(len(seeds), 1),
    }
    sampling = streams(seeds, "sampling")

    def draw(probability: Tensor) -> Tensor:
        return drawn(torch.rand, probability.shape[1:], sampling).to(X)

    chains = X.new_zeros(len(seeds), descent.batch_size, dimension)
    if persistent:
        chains = (draw(chains) < mean).to(X)

    def gradients(p: Parameters, v: Tensor) -> Parameters:
        return pcd(p, v, chains, draw, steps) if persistent else cd(p, v, draw, steps)

    sgd = torch.optim.SGD(parameters.values(), lr=descent.learning_rate, momentum=MOMENTUM)
    return descent.layers(parameters, gradients, X, seeds, activation="sigmoid", optimizer=sgd)


_SETTINGS = DESCENT | {"learning_rate": 0.05}

METHODS = (
    Method("rbm", "RBM, CD-1", fit_many, _SETTINGS, sources=("hinton2002",)),
    Method("rbm_cd5", "RBM, CD-5", partial(fit_many, steps=5), _SETTINGS, sources=("hinton2002",)),
    Method(
        *("rbm_pcd", "RBM, PCD", partial(fit_many, persistent=True), _SETTINGS),
        sources=("tieleman2008",),
    ),
)
