"""Denoising autoencoder with masking noise (Vincent, Larochelle, Bengio & Manzagol 2008).

    x̃ = x with each input set to 0 with probability ν,  h = relu(W x̃ + b),  x̂ = σ(V' h + c),
    loss = ||x - x̂||², mean over the batch

It is the autoencoder of :mod:`.autoencoder` but for the corruption: to copy
what it is given no longer reconstructs x, and a code has to use what inputs say about each other.
The paper's loss is the cross-entropy; the squared error stands here so that the corruption is the
only difference.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods import descent
from paper.methods.encoders import FitError, LinearEncoder
from paper.methods.reconstruction import autoencoder, bernoulli
from paper.methods.reconstruction.masking import check_share, draw_masks

CORRUPTION = 0.25  # ν


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    corruption: float = CORRUPTION,
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
    """Train one denoising autoencoder per seed with Adam; X (N, D) in [0, 1].

    Encoders give the ReLU code of inputs that are not corrupted. `corruption` is ν, a multiple of
    1/256.
    """
    check_share(corruption)
    bernoulli.require_probabilities(X, "a sigmoid decoder")
    streams = [generator(seed, "masks") for seed in seeds]

    def gradients(parameters: descent.Parameters, x: Tensor) -> descent.Parameters:
        corrupted = x.masked_fill(draw_masks(streams, x, corruption), 0)
        return autoencoder.loss_and_gradients(parameters, corrupted, target=x)[1]

    return autoencoder.descend(
        autoencoder.initial(X, hidden_dim, seeds),
        gradients,
        X,
        seeds,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        progress=progress,
    )


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """Train one denoising autoencoder; see `fit_many`. A failure is raised as FitError."""
    return descent.only(fit_many(X, hidden_dim, [seed], **settings))
