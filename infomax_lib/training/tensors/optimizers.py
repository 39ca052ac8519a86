"""PyTorch's optimizers without their bookkeeping, which takes as long as a step of few layers.

The arithmetic is that of ``torch.optim.Adam`` and ``torch.optim.SGD`` with ``fused=True``, by the
kernels behind them. Nothing is read back from the device, so that a step can be recorded into a
CUDA graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from infomax_lib.training.tensors.linear_maps import Parameter

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer"]


class Optimizer(Protocol):
    """Moves parameters by their gradients."""

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One training step, by the gradients of all parameters."""


class SGD:
    """Gradient descent, w <- w - rate * g.

    Args:
        parameters: What to move.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._values = [parameter.value for parameter in parameters]
        self._by_rate = _by_rate(parameters)

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One training step, by the gradients of all parameters."""
        for rate, places in self._by_rate.items():
            torch._fused_sgd_(
                [self._values[place] for place in places],
                [gradients[place] for place in places],
                [],
                lr=rate,  # may be too large for float32: then the layer diverges, as it should
                weight_decay=0.0,
                momentum=0.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )


class Adam:
    """Adam (Kingma & Ba 2015), with PyTorch's defaults: betas 0.9 and 0.999, epsilon 1e-8.

    Args:
        parameters: What to move.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._values = [parameter.value for parameter in parameters]
        self._by_rate = _by_rate(parameters)
        self._first, self._second = ([torch.zeros_like(v) for v in self._values] for _ in range(2))
        self._steps = torch.zeros((), device=self._values[0].device)

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One training step, by the gradients of all parameters."""
        self._steps += 1
        for rate, places in self._by_rate.items():
            torch._fused_adam_(
                [self._values[place] for place in places],
                [gradients[place] for place in places],
                [self._first[place] for place in places],
                [self._second[place] for place in places],
                [],
                [self._steps] * len(places),
                lr=rate,
                beta1=0.9,
                beta2=0.999,
                weight_decay=0.0,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )


def _by_rate(parameters: Sequence[Parameter]) -> dict[float, list[int]]:
    """Places of the parameters of each step size."""
    places = defaultdict(list)
    for place, parameter in enumerate(parameters):
        places[parameter.rate].append(place)
    return dict(places)


OPTIMIZERS: dict[str, Callable[[Sequence[Parameter]], Optimizer]] = {"adam": Adam, "sgd": SGD}
