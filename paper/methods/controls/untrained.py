"""No training at all: ReLU of random weights, the control every other method has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infomax_lib.model.layer import initial_parameters
from paper.methods.encoders import LinearEncoder


def initial_layers(seeds: Sequence[int], hidden_dim: int, X: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (S, K, D) and biases (S, K) that an InfoMax layer starts from at the same seeds.

    Type and device are those of X (N, D).
    """
    layers = [initial_parameters(X.shape[1], hidden_dim, seed) for seed in seeds]
    weights, biases = zip(*layers, strict=True)
    return torch.stack(weights).to(X), torch.stack(biases).to(X)


def fit(X: Tensor, hidden_dim: int, seed: int) -> LinearEncoder:
    """ReLU of Xavier-uniform weights with zero biases; only the shape of X (N, D) is used."""
    weights, biases = initial_layers([seed], hidden_dim, X)
    return LinearEncoder(weights[0], biases[0], "relu")
