"""The linear maps z = W x + b of all layers of a population: parameters, products, gradients.

The rows of all layers that share a data order meet the same batch: one matrix product per order
and direction, Z = W X' forward, dW = dZ X back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from infomax_lib.model.matmul import products

__all__ = ["LinearMaps", "Parameter", "Rows"]


class Parameter(NamedTuple):
    """A tensor that the optimizer moves with one step size."""

    rate: float
    value: Tensor


#: From the place of some rows and their Z (S, R, B), which it may overwrite: the gradient by Z, and
#: what comes on top of the gradient by the weights (S, R, D), or None.
AtOutputs = Callable[[int, Tensor], tuple[Tensor, Tensor | None]]


class Rows(NamedTuple):
    """Initial parameters of C layers of K units for each of S data orders; R = C K.

    Attributes:
        weight: (S, R, D).
        bias: (S, R).
        rates: Step sizes (S, C).
    """

    weight: Tensor
    bias: Tensor
    rates: np.ndarray

    @property
    def units(self) -> int:
        """K."""
        return self.bias.shape[1] // self.rates.shape[1]


class LinearMaps:
    """One matrix product per data order and direction.

    Args:
        rows: Where to start.
        train: Inputs (N, D), in the type of the products.
        train_bias: Whether the biases are trained.
        augment: Turns a batch (S, B, D) into views of it.

    Attributes:
        parameters: What the optimizer moves.
    """

    def __init__(
        self,
        rows: Sequence[Rows],
        train: Tensor,
        train_bias: bool = True,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._train, self._augment = train, augment
        self._weight = torch.cat([own.weight for own in rows], 1)
        self._bias = torch.cat([own.bias for own in rows], 1)
        self._lengths = [own.bias.shape[1] for own in rows]
        self._memory = torch.empty_like(self._weight, dtype=train.dtype)
        self._batches: dict[torch.Size, Tensor] = {}
        self._moved = 2 if train_bias else 1
        both = self._weight.flatten(0, 1), self._bias.flatten()
        rates = np.concatenate([own.rates.repeat(own.units, axis=1) for own in rows], 1)
        stretches = list(_stretches(rates.ravel()))
        self._stretches = [stretch for _, stretch in stretches]
        self.parameters = [
            Parameter(rate, part[stretch])
            for rate, stretch in stretches
            for part in both[: self._moved]
        ]

    def layer(self, place: int, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of a layer, by ``place`` of its rows: live views."""
        parts = (part.split(self._lengths, 1)[place] for part in (self._weight, self._bias))
        weight, bias = (part[order, rows] for part in parts)
        return weight, bias

    def weights(self, place: int) -> Tensor:
        """Weights (S, R, D) of the rows at a place."""
        return self._weight.split(self._lengths, 1)[place]

    def gradients(self, batch: Tensor | None, at: AtOutputs) -> list[Tensor]:
        """Gradients of all parameters.

        Args:
            batch: Samples (S, B) on the device of the data, or None for all.
            at: Asked at every place, one after another.
        """
        x = self._select(batch)
        z = products(self._weight.to(x.dtype), x).to(self._weight.dtype)
        z += self._bias.unsqueeze(-1)
        found = [at(place, own) for place, own in enumerate(z.split(self._lengths, 1))]
        z_grad = torch.cat([own for own, _ in found], 1) if len(found) > 1 else found[0][0]
        by_weight = products(z_grad.to(x.dtype), x.mT, out=self._memory).to(z_grad.dtype)
        each = by_weight.split(self._lengths, 1)
        for own, (_, more) in zip(each, found, strict=True):
            if more is not None:
                own += more
        both = by_weight.flatten(0, 1), z_grad.sum(-1).flatten()
        return [part[stretch] for stretch in self._stretches for part in both[: self._moved]]

    def _select(self, indices: Tensor | None) -> Tensor:
        """The batch of every data order (S, B, D), or views of it."""
        if indices is None:
            return self._train.unsqueeze(0)
        inputs = self._train.shape[1]
        if indices.shape not in self._batches:
            self._batches[indices.shape] = self._train.new_empty(*indices.shape, inputs)
        batch = self._batches[indices.shape]
        torch.index_select(self._train, 0, indices.flatten(), out=batch.view(-1, inputs))
        return self._augment(batch) if self._augment else batch


def _stretches(rates: np.ndarray) -> Iterator[tuple[float, slice]]:
    """Neighbours with the same step size."""
    start = 0
    for rate, same in groupby(rates.tolist()):
        stop = start + len(list(same))
        yield rate, slice(start, stop)
        start = stop
