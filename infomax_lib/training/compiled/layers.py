"""Layers trained on a CPU by compiled code (:mod:`infomax_lib.training.compiled.step`).

The layers of each data order lie in tables. A table is trained on several batches in a row, so that
caches keep its parameters from step to step; tables have nothing in common and are shared out among
threads, whose number changes no result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import groupby, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.compiled import step
from infomax_lib.training.compiled.step import ACTIVATIONS, Batches, Inputs, Layers, State

__all__ = ["CompiledLayers"]

_OBJECTIVES = {"infomax": 1.0, "decorrelation": 0.0}  # the weight of their entropy term
_COMPETITIONS = ("none", "softmax")
_LARGEST_SHARE = 1 / 3  # of nonzero inputs; with more of them whole products are as fast
_FEWEST_COLUMNS = 32  # of one data order; with fewer, picking its samples takes most of the time
_LARGEST_BATCH = 2048  # with more, a batch's outputs no longer stay in a cache
_SAMPLES_AT_ONCE = 2048  # of several batches, in which a table is trained before the next
_TABLE_COLUMNS = 512  # units in one table, unless one layer has more


class _Table(NamedTuple):
    """Some layers of one data order."""

    order: int
    places: list[int]
    state: State
    layers: Layers


class CompiledLayers:
    """Parameters of L layers on S data orders, and their training steps.

    Args:
        specs: Descriptions of the layers, which :meth:`serve` accepts.
        by_order: Places in ``specs`` of the layers of each data order.
        data: The dataset that they name.
        dtype: float32, or float64 for checks.

    Attributes:
        weight: Rows (K, D) of each layer, views that training changes.
        bias: Biases (K,) of each layer.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        by_order: Sequence[Sequence[int]],
        data: Dataset,
        dtype: torch.dtype,
    ) -> None:
        self._inputs = _with_ones(data, dtype)
        self._all = torch.arange(len(data.train)).expand(len(by_order), -1)
        self._steps = 0
        self._tables = [
            _table(order, part, specs, data.num_features, dtype)
            for order, places in enumerate(by_order)
            for part in _parts(places, [specs[place].hidden_dim for place in places])
        ]
        self._count = data.num_features + 1
        self.weight, self.bias = [Tensor()] * len(specs), [Tensor()] * len(specs)
        for table in self._tables:
            both = torch.from_numpy(table.state.table).mT.split(table.layers.units.tolist())
            for place, own in zip(table.places, both, strict=True):
                self.weight[place], self.bias[place] = own[:, :-1], own[:, -1]

    @staticmethod
    def serve(spec: RunSpec) -> bool:
        """Whether there is compiled code for such a layer."""
        return (
            spec.objective in _OBJECTIVES
            and spec.competition in _COMPETITIONS
            and spec.precision == "float32"
            and spec.lambda_lse == 0
        )

    @staticmethod
    def pay(data: Dataset, units: int, batch_size: int) -> bool:
        """Whether they are faster on a CPU than tensors, for so many units on each data order."""
        fitting = units >= _FEWEST_COLUMNS and batch_size <= _LARGEST_BATCH
        return fitting and _nonzero_share(data) <= _LARGEST_SHARE

    def train(self, parts: Iterable[Tensor | None]) -> int:
        """One gradient step on each of the batches: samples (S, B), or None for all samples.

        Returns:
            The number of steps.
        """
        before, training = self._steps, iter(())
        run = _side_by_side(torch.get_num_threads())
        for samples in _together(self._all if part is None else part for part in parts):
            loading = run(self._load, samples.numpy())
            _wait_for(training)
            training = run(partial(self._train, list(loading), self._steps), self._tables)
            self._steps += samples.shape[1]
        _wait_for(training)
        return self._steps - before

    def take_sums(self) -> tuple[Tensor, Tensor]:
        """Loss and its second term (L,), float64, summed over the steps since the last call."""
        loss, tc = (torch.empty(len(self.weight), dtype=torch.float64) for _ in range(2))
        for table in self._tables:
            for taken, sums in ((loss, table.layers.loss), (tc, table.layers.tc)):
                taken[table.places] = torch.from_numpy(sums.copy())
                sums[:] = 0
        return loss, tc

    def _load(self, samples: np.ndarray) -> Batches:
        """Batches (T, B) of one data order."""
        return step.group_by_input(self._inputs, samples, self._count)

    def _train(self, batches: Sequence[Batches], done: int, table: _Table) -> None:
        step.train(table.state, table.layers, self._inputs, batches[table.order], done)


def _table(
    order: int,
    places: Sequence[int],
    specs: Sequence[RunSpec],
    inputs: int,
    dtype: torch.dtype,
) -> _Table:
    own = [specs[place] for place in places]
    columns = []
    for spec in own:
        weight, bias = initial_parameters(inputs, spec.hidden_dim, spec.seed, spec.initial)
        columns.append(torch.cat([weight, bias.unsqueeze(-1)], -1).mT)
    values = torch.cat(columns, -1).to(dtype).contiguous().numpy()
    number = values.dtype
    units = np.array([spec.hidden_dim for spec in own])
    moments = values.shape if own[0].optimizer == "adam" else (0, 0)
    state = State(
        values,
        np.zeros(moments, number),
        np.zeros(moments, number),
        np.repeat([spec.learning_rate for spec in own], units),
        inputs + 1 if own[0].bias else inputs,
    )
    layers = Layers(
        units.cumsum() - units,
        units,
        np.array([ACTIVATIONS[spec.activation] for spec in own]),
        np.array([spec.competition == "softmax" for spec in own]),
        np.array([spec.temperature for spec in own], number),
        np.array([_OBJECTIVES[spec.objective] for spec in own], number),
        np.array([spec.lambda_tc for spec in own], number),
        np.array([spec.lambda_wr for spec in own], number),
        np.zeros(len(own)),
        np.zeros(len(own)),
    )
    return _Table(order, list(places), state, layers)


def _parts(places: Sequence[int], units: Sequence[int]) -> Iterator[list[int]]:
    """Neighbouring layers, in as few parts of about the same size as tables are needed."""
    total = sum(units)
    count = -(-total // _TABLE_COLUMNS)
    middle = np.cumsum(units) - np.array(units) / 2
    for _, part in groupby(
        zip((middle * count // total).tolist(), places, strict=True), key=lambda pair: pair[0]
    ):
        yield [place for _, place in part]


def _together(parts: Iterable[Tensor]) -> Iterator[Tensor]:
    """Some batches (S, B) of the same size at a time, as (S, T, B)."""
    for shape, alike in groupby(parts, key=lambda part: part.shape):
        while several := list(islice(alike, max(1, _SAMPLES_AT_ONCE // shape[1]))):
            yield torch.stack(several, 1)


def _side_by_side(threads: int) -> Callable[..., Iterator[Any]]:
    """``map``, or one that starts all calls at once, in so many threads."""
    return map if threads == 1 else _pool(threads).map


def _wait_for(running: Iterable[None]) -> None:
    deque(running, maxlen=0)


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "infomax")


@lru_cache(maxsize=4)
def _nonzero_share(data: Dataset) -> float:
    return data.train.count_nonzero().item() / data.train.numel()


@lru_cache(maxsize=2)
def _with_ones(data: Dataset, dtype: torch.dtype) -> Inputs:
    """Training inputs with a last one that is always 1."""
    train = torch.cat([data.train, data.train.new_ones(len(data.train), 1)], 1)
    nonzero = train != 0
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), nonzero.sum(1).cumsum(0)])
    places = nonzero.nonzero()[:, 1].numpy().astype(np.uint32)
    return Inputs(offsets.numpy(), places, train[nonzero].to(dtype).numpy())
