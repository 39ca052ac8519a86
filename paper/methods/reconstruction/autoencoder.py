"""Autoencoder with one ReLU layer (Rumelhart, Hinton & Williams 1986; Vincent et al. 2008).

h = relu(W x + b),  x̂ = σ(V' h + c),  loss = ||x - x̂||², mean over the batch, of inputs in [0, 1].
Encoder and decoder weights are not tied.

Variants change what the layer is given (:mod:`.denoising`) or how many of its
units may be active (:mod:`paper.methods.reconstruction.sparse_autoencoder`), and nothing else.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, Parameters, encode, xavier
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction.bernoulli import require_probabilities


def reconstruction(parameters: Parameters, hidden: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error (S,), and its gradient by the decoder's sums V' h + c, (S, B, D).

    hidden (S, B, K), target (S, B, D), decoder (S, K, D), offset (S, D).
    """
    output = torch.baddbmm(parameters["offset"][:, None], hidden, parameters["decoder"]).sigmoid_()
    error = output - target
    loss = error.square().sum(-1).mean(-1)
    # dσ/dz = σ(1 - σ), written as σ - σ² to stay within one temporary
    error.mul_(2 / target.shape[1]).mul_(torch.addcmul(output, output, output, value=-1))
    return loss, error


def gradients_of(x: Tensor, hidden: Tensor, error: Tensor, back: Tensor) -> Parameters:
    """Gradients by the four parameters.

    Inputs x (S, B, D), code hidden (S, B, K), gradients error (S, B, D) by the decoder's sums and
    back (S, B, K) by the encoder's.
    """
    return {
        "weight": torch.bmm(back.mT, x),
        "bias": back.sum(1),
        "decoder": torch.bmm(hidden.mT, error),
        "offset": error.sum(1),
    }


def loss_and_gradients(
    parameters: Parameters,
    x: Tensor,
    target: Tensor | None = None,
    code: Callable[[Parameters, Tensor], Tensor] = encode,
) -> tuple[Tensor, Parameters]:
    """Squared reconstruction error of each model (S,) and its gradients.

    x (S, B, D); parameters weight (S, K, D), bias (S, K), decoder (S, K, D), offset (S, D). What
    is reconstructed is x, or another `target` (S, B, D); from all units, or those that `code`, a
    part of `encode`, leaves active.
    """
    hidden = code(parameters, x)
    loss, error = reconstruction(parameters, hidden, x if target is None else target)
    back = torch.bmm(error, parameters["decoder"].mT).mul_(hidden > 0)
    return loss, gradients_of(x, hidden, error, back)


def initial(X: Tensor, hidden_dim: int, seeds: Sequence[int]) -> Parameters:
    """Parameters of both layers; the encoder's are those of an InfoMax layer at the same seed."""
    weight, bias = initial_layers(seeds, hidden_dim, X)
    return {
        "weight": weight,
        "bias": bias,
        "decoder": xavier(seeds, hidden_dim, X.shape[1], "decoder", X),
        "offset": X.new_zeros(len(seeds), X.shape[1]),
    }


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one autoencoder per seed with Adam; X (N, D) in [0, 1]. Encoders give the ReLU code.

    The encoder starts from the weights an InfoMax layer has at the same seed.
    """
    require_probabilities(X, "a sigmoid decoder")
    start = initial(X, hidden_dim, seeds)
    return descent.layers(start, lambda p, x: loss_and_gradients(p, x)[1], X, seeds)


METHODS = (Method("autoencoder", "autoencoder", fit_many, DESCENT, sources=("bourlard1988",)),)
