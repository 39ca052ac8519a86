"""Sparse autoencoders: few units active for any one input, by a penalty or by a quota.

Penalty (L1; Ng 2011, with the decoder's norms as in Conerly et al. 2024):
    h = relu(W x + b),  loss = ||x - x̂||² + λ Σ_k h_k ||v_k||,  x̂ = σ(V' h + c), v_k rows of V
The norms make the penalty blind to a change of scale: without them, W ten times smaller and V ten
times larger would reconstruct the same at a tenth of the price.

Quota (top-k; Makhzani & Frey 2014):
    h = the k largest of relu(W x + b), 0 for the others,  loss = ||x - x̂||²
with k = K / 4 (at least 1). Both losses are means over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from paper.methods.descent import Descent, Parameters, encode
from paper.methods.encoders import ACTIVATIONS
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction import autoencoder, bernoulli

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
    loss, error = autoencoder.reconstruction(parameters, hidden, x)
    decoder = parameters["decoder"]
    norm = decoder.norm(dim=-1)
    activity = hidden.mean(1)
    back = torch.bmm(error, decoder.mT).add_(norm[:, None], alpha=penalty / x.shape[1])
    gradients = autoencoder.gradients_of(x, hidden, error, back.mul_(hidden > 0))
    gradients["decoder"].addcmul_((activity / norm)[..., None], decoder, value=penalty)
    return loss + penalty * (activity * norm).sum(-1), gradients


def largest(z: Tensor) -> Tensor:
    """relu of pre-activations z (..., K), but 0 for all units below the k-th largest."""
    hidden = z.relu()
    kept, places = hidden.topk(max(1, z.shape[-1] // UNITS_PER_PLACE), dim=-1)
    return torch.zeros_like(hidden).scatter_(-1, places, kept)


ACTIVATIONS["top_k"] = largest


def limited(parameters: Parameters, x: Tensor) -> tuple[Tensor, Parameters]:
    """Reconstruction error (S,) of the k largest units, and its gradients; shapes as above."""
    hidden = largest(torch.baddbmm(parameters["bias"][:, None], x, parameters["weight"].mT))
    loss, error = autoencoder.reconstruction(parameters, hidden, x)
    back = torch.bmm(error, parameters["decoder"].mT).mul_(hidden > 0)
    return loss, autoencoder.gradients_of(x, hidden, error, back)


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    descent: Descent,
    *,
    sparsity: str = "l1",
    penalty: float = PENALTY,
) -> Outcomes:
    """Train one sparse autoencoder per seed with Adam; X (N, D) in [0, 1].

    Args:
        X: Training data.
        hidden_dim: K.
        seeds: One autoencoder for each of them.
        descent: How to train.
        sparsity: "l1" (encoders give the ReLU code) or "top_k" (the k largest of it).
        penalty: λ of "l1"; "top_k" has none.

    Raises:
        ValueError: Another sparsity, or a negative penalty.
    """
    if sparsity not in ("l1", "top_k"):
        raise ValueError(f"sparsity must be 'l1' or 'top_k', not {sparsity!r}")
    if not penalty >= 0:
        raise ValueError(f"the penalty must be at least 0, not {penalty}")
    loss = partial(penalised, penalty=penalty) if sparsity == "l1" else limited
    bernoulli.require_probabilities(X, "a sigmoid decoder")
    return descent.layers(
        autoencoder.initial(X, hidden_dim, seeds),
        lambda p, x: loss(p, x)[1],
        X,
        seeds,
        activation="relu" if sparsity == "l1" else "top_k",
    )


METHODS = (
    Method("sparse_autoencoder", "sparse autoencoder, L1", fit_many, DESCENT),
    Method(
        "topk_autoencoder",
        "sparse autoencoder, top-k",
        partial(fit_many, sparsity="top_k"),
        DESCENT,
        layer=False,
        sources=("makhzani2014",),
    ),
)
