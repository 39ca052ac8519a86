"""PyTorch's optimizers without their bookkeeping, which takes as long as a step of few layers.

The arithmetic is that of ``torch.optim.Adam`` and ``torch.optim.SGD`` with ``fused=True``, by the
kernels behind them. Gradients come in portions, each of which is used while the cache still holds
it. Nothing is read back from the device, so that a step can be recorded into a CUDA graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from infomax_lib.linear_maps import Gradients, Parameter

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer"]


class Optimizer(Protocol):
    """Moves parameters by their gradients."""

    def step(self, portions: Iterable[Gradients]) -> None:
        """One training step; moves each portion before the next is asked for."""


class SGD:
    """Gradient descent, w <- w - rate * g.

    Args:
        parameters: What to move.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = parameters

    def step(self, portions: Iterable[Gradients]) -> None:
        """One training step; moves each portion before the next is asked for."""
        for rate, places, gradients in _by_rate(self._parameters, portions):
            values = [self._parameters[place].value for place in places]
            torch._fused_sgd_(
                values,
                gradients,
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
        self._parameters = parameters
        values = [parameter.value for parameter in parameters]
        self._first, self._second = ([torch.zeros_like(v) for v in values] for _ in range(2))
        self._steps = torch.zeros((), device=values[0].device)

    def step(self, portions: Iterable[Gradients]) -> None:
        """One training step; moves each portion before the next is asked for."""
        self._steps += 1
        for rate, places, gradients in _by_rate(self._parameters, portions):
            torch._fused_adam_(
                [self._parameters[place].value for place in places],
                gradients,
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


def _by_rate(
    parameters: Sequence[Parameter], portions: Iterable[Gradients]
) -> Iterator[tuple[float, list[int], list[Tensor]]]:
    """Places and gradients of the parameters of each step size, portion by portion."""
    for portion in portions:
        places, gradients = defaultdict(list), defaultdict(list)
        for place, gradient in portion:
            rate = parameters[place].rate
            places[rate].append(place)
            gradients[rate].append(gradient)
        for rate in places:
            yield rate, places[rate], gradients[rate]


OPTIMIZERS: dict[str, Callable[[Sequence[Parameter]], Optimizer]] = {"adam": Adam, "sgd": SGD}
