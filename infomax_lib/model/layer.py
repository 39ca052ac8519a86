"""The single layer: linear map, activation, competition; and where its weights start.

Architecture A is ``competition="none"``: a = f(Wx + b).
Architecture B is ``competition="softmax"``: a = softmax(f(Wx + b)), the "EM structure".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infomax_lib.model.competition import competition as competition_named
from infomax_lib.model.matmul import product

__all__ = [
    "ACTIVATIONS",
    "INITIALS",
    "InfoMaxLayer",
    "initial_parameters",
    "stacked_preactivation",
]

# Elementwise activations f: pre-activations z -> h, any shape.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
}

# How the weights start: the source's setting, two interventions that start inside the loophole, and
# two that start in a collapse.
INITIALS = ("xavier", "twins", "offset_twins", "winner", "dead")

_TWIN_NOISE = 1e-3  # relative difference between twins, enough to break their symmetry
_TWIN_OFFSET = 0.5  # about one standard deviation of an untrained pre-activation on MNIST
_COLLAPSE_OFFSET = 10.0  # far outside the pre-activations of untrained units


def initial_parameters(
    in_features: int, hidden_dim: int, seed: int, initial: str = "xavier"
) -> tuple[Tensor, Tensor]:
    """Weights (K, D) and biases (K,) before training, float32, on the CPU.

    ``xavier`` repeats the source's calls after ``torch.manual_seed(seed)``: ``nn.Linear(D, K)``,
    ``xavier_uniform_`` on the weights, zeros in the biases; seed 42 here is seed 42 there.
    ``twins`` then copies row 2j onto row 2j+1 with relative noise 1e-3.
    ``offset_twins`` copies row 2j exactly and moves the two thresholds apart (biases +-0.5).
    ``winner`` gives the first unit a bias of 10, with which it wins every sample; ``dead`` gives
    the first half of the units a bias of -10, with which their ReLU is silent on all of them.

    The stream is a generator of its own: nothing that other code or threads draw or seed enters.
    """
    stream = torch.Generator().manual_seed(seed)
    # named, because a default type that the user has set would draw other numbers
    float32 = torch.float32
    weight = torch.empty(hidden_dim, in_features, dtype=float32)
    bias = torch.zeros(hidden_dim, dtype=float32)
    # what nn.Linear draws for its weights and biases, before the source draws its own
    weight.uniform_(generator=stream)
    torch.empty_like(bias).uniform_(generator=stream)
    nn.init.xavier_uniform_(weight, generator=stream)
    if initial == "winner":
        bias[0] = _COLLAPSE_OFFSET
    elif initial == "dead":
        bias[: hidden_dim // 2] = -_COLLAPSE_OFFSET
    elif initial != "xavier":
        pairs = hidden_dim // 2
        first, second = weight[0 : 2 * pairs : 2], weight[1 : 2 * pairs : 2]
        if initial == "twins":
            noise = torch.randn(first.shape, generator=stream, dtype=float32) * first.std()
            second.copy_(first + _TWIN_NOISE * noise)
        elif initial == "offset_twins":
            second.copy_(first)
            bias[0 : 2 * pairs : 2] = _TWIN_OFFSET
            bias[1 : 2 * pairs : 2] = -_TWIN_OFFSET
        else:
            raise ValueError(f"unknown initial {initial!r}: choose one of {INITIALS}")
    return weight, bias


def stacked_preactivation(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """z = Wx + b of L layers on shared inputs, as one matrix product. Not differentiable.

    Args:
        weight: Rows (L, K, D).
        bias: Biases (L, K).
        x: Inputs (N, D).

    Returns:
        Pre-activations (L, N, K).
    """
    layers, units, inputs = weight.shape
    z = product(weight.reshape(-1, inputs), x).view(layers, units, len(x))
    return z.add_(bias.unsqueeze(-1)).mT


class InfoMaxLayer(nn.Module):
    """One layer a = g(f(Wx + b)) with activation f and competition g.

    Args:
        in_features: Number of inputs D.
        hidden_dim: Number of units K.
        activation: A name in :data:`ACTIVATIONS`.
        competition: A name in :data:`infomax_lib.model.competition.COMPETITIONS`.
        seed: Fixes the initial weights, see :func:`initial_parameters`.
        initial: A name in :data:`INITIALS`.
        temperature: Of the competition, > 0.
        group_size: Of the competition, see :func:`infomax_lib.model.competition.compete`.

    Attributes:
        weight: Shape (K, D), one row per unit.
        bias: Shape (K,).
    """

    def __init__(
        self,
        in_features: int,
        hidden_dim: int,
        activation: str = "relu",
        competition: str = "none",
        seed: int = 0,
        initial: str = "xavier",
        temperature: float = 1.0,
        group_size: int = 1,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            allowed = ", ".join(ACTIVATIONS)
            raise ValueError(f"unknown activation {activation!r}: choose one of {allowed}")
        self._compete = competition_named(competition, temperature, group_size)
        weight, bias = initial_parameters(in_features, hidden_dim, seed, initial)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.activation, self.competition = activation, competition

    def preactivation(self, x: Tensor) -> Tensor:
        """z = Wx + b for inputs of shape (..., D); result (..., K)."""
        return F.linear(x, self.weight, self.bias)

    def hidden(self, x: Tensor) -> Tensor:
        """h = f(z), before the competition; shape (..., K)."""
        return ACTIVATIONS[self.activation](self.preactivation(x))

    def forward(self, x: Tensor) -> Tensor:
        """a = g(h); shape (..., K)."""
        return self._compete(self.hidden(x), -1)

    def extra_repr(self) -> str:
        """Sizes and names, for ``print(layer)``."""
        units, inputs = self.weight.shape
        return f"{inputs} -> {units}, {self.activation}, competition={self.competition}"
