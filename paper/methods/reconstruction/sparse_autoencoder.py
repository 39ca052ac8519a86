"""Sparse autoencoders: few units active for any one input, by a penalty or by a quota.

Penalty (L1; Ng 2011, with the decoder's norms as in Conerly et al. 2024):
    h = relu(W x + b),  loss = ||x - x̂||² + λ Σ_k h_k ||v_k||,  x̂ = σ(V' h + c), v_k rows of V
The norms make the penalty blind to a change of scale: without them, W ten times smaller and V ten
times larger would reconstruct the same at a tenth of the price.

Quota (top-k; Makhzani & Frey 2014):
    h = the k largest of relu(W x + b), 0 for the others,  loss = ||x - x̂||²
with k = K / 4 (at least 1). Both losses are means over the batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from paper.methods.descent import Descent, Parameters, encode
from paper.methods.encoders import ACTIVATIONS
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction.autoencoder import (
    gradients_of,
    initial,
    loss_and_gradients,
    reconstruction,
)
from paper.methods.reconstruction.bernoulli import require_probabilities

PENALTY = 0.1  # λ
UNITS_PER_PLACE = 4  # K / k


def penalised(
    parameters: Parameters, x: Tensor, penalty: float = PENALTY
) -> tuple[Tensor, Parameters]:
    """Loss with the L1 penalty of each model (S,) and its gradients.

    x (S, B, D); parameters weight (S, K, D), bias (S, K), decoder (S, K, D), offset (S, D). No row
    of the decoder may be zero, where its norm has no gradient.
    """
    hidden = encode(parameters, x)
    loss, error = reconstruction(parameters, hidden, x)
    decoder = parameters["decoder"]
    norm = decoder.norm(dim=-1)
    activity = hidden.mean(1)
    back = torch.bmm(error, decoder.mT).add_(norm[:, None], alpha=penalty / x.shape[1])
    gradients = gradients_of(x, hidden, error, back.mul_(hidden > 0))
    gradients["decoder"].addcmul_((activity / norm)[..., None], decoder, value=penalty)
    return loss + penalty * (activity * norm).sum(-1), gradients


def largest(z: Tensor) -> Tensor:
    """relu of pre-activations z (..., K), but 0 for all units below the k-th largest."""
    hidden = z.relu()
    kept, places = hidden.topk(max(1, z.shape[-1] // UNITS_PER_PLACE), dim=-1)
    return torch.zeros_like(hidden).scatter_(-1, places, kept)


ACTIVATIONS["top_k"] = largest


def limited(parameters: Parameters, x: Tensor) -> Tensor:
    """The k largest units of the code, (S, B, K); x (S, B, D)."""
    return largest(torch.baddbmm(parameters["bias"][:, None], x, parameters["weight"].mT))


def fit_penalised(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    descent: Descent,
    *,
    penalty: float = PENALTY,
) -> Outcomes:
    """Train one autoencoder with the L1 penalty per seed with Adam; X (N, D) in [0, 1].

    Encoders give the ReLU code. `penalty` is λ, at least 0.
    """
    if not penalty >= 0:
        raise ValueError(f"the penalty must be at least 0, not {penalty}")
    require_probabilities(X, "a sigmoid decoder")
    start = initial(X, hidden_dim, seeds)
    return descent.layers(start, lambda p, x: penalised(p, x, penalty)[1], X, seeds)


def fit_limited(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one autoencoder with the quota per seed with Adam; X (N, D) in [0, 1].

    Encoders give the k largest units of the code.
    """
    require_probabilities(X, "a sigmoid decoder")
    return descent.layers(
        initial(X, hidden_dim, seeds),
        lambda p, x: loss_and_gradients(p, x, code=limited)[1],
        X,
        seeds,
        activation="top_k",
    )


METHODS = (
    Method("sparse_autoencoder", "sparse autoencoder, L1", fit_penalised, DESCENT),
    Method(
        *("topk_autoencoder", "sparse autoencoder, top-k", fit_limited, DESCENT),
        layer=False,
        sources=("makhzani2014",),
    ),
)
