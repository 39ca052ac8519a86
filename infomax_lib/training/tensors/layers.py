"""Layers trained by PyTorch on whole tensors: on GPUs, and wherever there is no compiled code.

Whatever the number of layers, a step multiplies all their weights with the batches and back at once
(:mod:`.linear_maps`); what lies between is done in blocks of layers of the same width,
competition and objective (:mod:`infomax_lib.training.tensors.block`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.masked_views import two_views
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.tensors.block import Block, block_of
from infomax_lib.training.tensors.cuda_graph import GraphedStep
from infomax_lib.training.tensors.linear_maps import LinearMaps, Rows
from infomax_lib.training.tensors.optimizers import OPTIMIZERS

__all__ = ["TensorLayers"]


class TensorLayers:
    """Parameters of L layers on S data orders, and their training steps.

    Args:
        specs: Descriptions of the layers.
        by_order: Places in ``specs`` of the layers of each data order, sorted by block.
        data: The dataset that they name.
        device: Where to train.
        dtype: Of parameters and data.
        views: Random streams from which views are drawn, one per data order.

    Attributes:
        weight: Rows (K, D) of each layer, views that training changes.
        bias: Biases (K,) of each layer.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        by_order: Sequence[Sequence[int]],
        data: Dataset,
        device: torch.device | str,
        dtype: torch.dtype,
        views: Sequence[torch.Generator],
    ) -> None:
        self.specs, self._first = list(specs), specs[0]
        self._orders, self._device = len(by_order), torch.device(device)
        to: dict[str, Any] = {"device": device, "dtype": dtype}
        self._places = self._by_block(by_order)
        self.blocks = [
            Block([self.specs[place] for place in places], self._orders, **to)
            for places in self._places
        ]
        low = self._first.precision == "bfloat16" and dtype == torch.float32
        train = data.train.to(device, torch.bfloat16 if low else dtype)
        rows = [self._start(block.specs, data.num_features, **to) for block in self.blocks]
        augment = partial(two_views, draws=views) if self._first.views > 1 else None
        self.maps = LinearMaps(rows, train, self._first.bias, augment)
        self.weight, self.bias = self._views()
        self.optimizer = OPTIMIZERS[self._first.optimizer](self.maps.parameters)
        self._graphed: GraphedStep | None = None

    def train(self, parts: Iterable[Tensor | None]) -> int:
        """One gradient step on each of the batches: samples (S, B), or None for all samples.

        Returns:
            The number of steps.
        """
        steps = 0
        for part in parts:
            self._launch(part if part is None else part.to(self._device))
            steps += 1
        return steps

    def take_sums(self) -> tuple[Tensor, Tensor]:
        """Loss and its second term (L,), float64, summed over the steps since the last call."""
        loss, tc = (torch.empty(len(self.specs), dtype=torch.float64) for _ in range(2))
        for block, places in zip(self.blocks, self._places, strict=True):
            for taken, sums in ((loss, block.loss_sum), (tc, block.tc_sum)):
                taken[places] = sums.double().cpu()
                sums.zero_()
        return loss, tc

    def _by_block(self, by_order: Sequence[Sequence[int]]) -> list[list[int]]:
        """Places of the layers of each block, one data order after another."""
        start, blocks = 0, []
        for _, members in groupby(block_of(self.specs[place]) for place in by_order[0]):
            stop = start + len(list(members))
            blocks.append([place for group in by_order for place in group[start:stop]])
            start = stop
        return blocks

    def _start(
        self, specs: Sequence[RunSpec], inputs: int, device: torch.device | str, dtype: torch.dtype
    ) -> Rows:
        """Initial parameters of the layers of a block."""
        start = [initial_parameters(inputs, s.hidden_dim, s.seed, s.initial) for s in specs]
        weight, bias = (torch.cat(parts).to(device, dtype) for parts in zip(*start, strict=True))
        rates = np.array([spec.learning_rate for spec in specs]).reshape(self._orders, -1)
        return Rows(
            weight.unflatten(0, (self._orders, -1)), bias.unflatten(0, (self._orders, -1)), rates
        )

    def _views(self) -> tuple[list[Tensor], list[Tensor]]:
        weight, bias = [Tensor()] * len(self.specs), [Tensor()] * len(self.specs)
        for number, (block, places) in enumerate(zip(self.blocks, self._places, strict=True)):
            each = len(places) // self._orders
            for n, place in enumerate(places):
                order, start = n // each, n % each * block.units
                own = slice(start, start + block.units)
                weight[place], bias[place] = self.maps.layer(number, order, own)
        return weight, bias

    def _launch(self, batch: Tensor | None) -> None:
        # views are drawn on the CPU in every step, which a recorded step cannot do
        if self._device.type != "cuda" or batch is None or self._first.views > 1:
            self._step(batch)
            return
        if self._graphed is None:
            self._graphed = GraphedStep(self._step, batch)
        self._graphed(batch)

    def _step(self, batch: Tensor | None) -> None:
        self.optimizer.step(self.maps.gradients(batch, self._at_outputs))

    def _at_outputs(self, place: int, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """Gradients of a block's losses by z (S, R, B), and directly by its weights (S, R, D)."""
        block = self.blocks[place]
        found = block.gradient(block.layers(z))
        block.loss_sum += found.loss
        block.tc_sum += found.tc
        by_weight = None
        if block.regularised:
            weight = block.layers(self.maps.weights(place))
            by_weight, value = block.redundancy_gradient(weight)
            block.loss_sum += value
            by_weight = block.rows(by_weight)
        return block.rows(found.z), by_weight
