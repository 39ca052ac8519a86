"""Autoencoder with one ReLU layer (Rumelhart, Hinton & Williams 1986; Vincent et al. 2008).

h = relu(W x + b),  x̂ = g(V' h + c),  loss = ||x - x̂||², mean over the batch, with g the logistic
function (inputs in [0, 1]) or the identity. Encoder and decoder weights are not tied.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infomax_lib.baselines import stacked
from infomax_lib.baselines.encoders import FitError, LinearEncoder
from infomax_lib.baselines.untrained import initial_layers

DECODERS = ("sigmoid", "linear")


def loss_and_gradients(
    parameters: stacked.Parameters, x: Tensor, decoder: str = "sigmoid"
) -> tuple[Tensor, stacked.Parameters]:
    """Squared reconstruction error of each model (S,) and its gradients.

    x (S, B, D); parameters weight (S, K, D), bias (S, K), decoder (S, K, D), offset (S, D).
    """
    p = parameters
    hidden = torch.relu(torch.baddbmm(p["bias"][:, None], x, p["weight"].mT))
    output = torch.baddbmm(p["offset"][:, None], hidden, p["decoder"])
    if decoder == "sigmoid":
        output.sigmoid_()
    error = output - x
    loss = error.square().sum(-1).mean(-1)
    error.mul_(2 / x.shape[1])
    if decoder == "sigmoid":
        # dσ/dz = σ(1 - σ), written as σ - σ² to stay within one temporary
        error.mul_(torch.addcmul(output, output, output, value=-1))
    back = torch.bmm(error, p["decoder"].mT).mul_(hidden > 0)
    return loss, {
        "weight": torch.bmm(back.mT, x),
        "bias": back.sum(1),
        "decoder": torch.bmm(hidden.mT, error),
        "offset": error.sum(1),
    }


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    decoder: str = "sigmoid",
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
    """Train one autoencoder per seed with Adam; X (N, D). Encoders give the ReLU code.

    The encoder starts from the weights an InfoMax layer has at the same seed.
    """
    if decoder not in DECODERS:
        raise ValueError(f"decoder must be one of {DECODERS}, not {decoder!r}")
    if decoder == "sigmoid" and not (X.min() >= 0 and X.max() <= 1):
        raise FitError(
            "a sigmoid decoder reconstructs values in [0, 1], but the data leave that range; "
            "use decoder='linear' or rescale the data"
        )
    dimension = X.shape[1]
    weight, bias = initial_layers(seeds, hidden_dim, X)
    parameters = {
        "weight": weight,
        "bias": bias,
        "decoder": stacked.xavier(seeds, hidden_dim, dimension, "decoder", X),
        "offset": X.new_zeros(len(seeds), dimension),
    }
    stacked.train(
        parameters,
        lambda p, batch, rows: loss_and_gradients(p, batch, decoder)[1],
        torch.optim.Adam(parameters.values(), lr=learning_rate, fused=True),
        X,
        seeds,
        epochs=epochs,
        batch_size=batch_size,
        progress=progress,
    )
    return stacked.encoders_of(parameters["weight"], parameters["bias"], "relu")


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """Train one autoencoder; see `fit_many`. A failure is raised as FitError."""
    return stacked.only(fit_many(X, hidden_dim, [seed], **settings))
