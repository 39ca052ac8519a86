"""No training at all: ReLU of random weights, the control every other method has to beat."""

from collections.abc import Sequence

import torch
from torch import Tensor

from infomax_lib.model.layer import initial_parameters
from paper.methods.encoders import encoders_of
from paper.methods.methods import Method, Outcomes


def initial_layers(seeds: Sequence[int], hidden_dim: int, X: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (S, K, D) and biases (S, K) that an InfoMax layer starts from at the same seeds.

    Type and device are those of X (N, D).
    """
    layers = [initial_parameters(X.shape[1], hidden_dim, seed) for seed in seeds]
    weights, biases = zip(*layers, strict=True)
    return torch.stack(weights).to(X), torch.stack(biases).to(X)


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], progress: str | None = None
) -> Outcomes:
    """ReLU of Xavier-uniform weights with zero biases; only the shape of X (N, D) is used."""
    return encoders_of(*initial_layers(seeds, hidden_dim, X), "relu")


METHODS = (Method("untrained", "untrained ReLU", fit_many, flops=lambda n, d, k, t: 0.0),)
