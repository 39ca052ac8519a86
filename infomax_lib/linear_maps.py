"""The linear maps z = W x + b of all layers of a population: parameters, products, gradients.

The rows of all layers that share a data order meet the same batch. :class:`DenseMaps` computes one
matrix product per order and direction: Z = W X' forward, dW = dZ X back. :class:`SparseMaps`
leaves out the terms in which the input is zero, which on MNIST are four in five.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from scipy.sparse import csc_array, csr_array
from torch import Tensor

from infomax_lib.data import Dataset
from infomax_lib.products import products

__all__ = ["DenseMaps", "LinearMaps", "Parameter", "Rows", "SparseMaps"]

_LARGEST_SHARE = 1 / 3  # of nonzero inputs; with more of them the dense product is as fast
_FEWEST_ROWS = 64  # with fewer, sorting a batch's nonzero inputs takes longer than the products
_LARGEST_BATCH = 2048  # with more, what is to be summed no longer lies close by
_LOADED_SAMPLES = 2048  # of several batches, sorted at once; more would leave the cache
_SUM = 0  # PyTorch's number for this way to reduce a bag
_TILE_ROWS = 128  # weights of so many rows on 784 inputs fill half of a core's second-level cache


class Parameter(NamedTuple):
    """A tensor that the optimizer moves with one step size."""

    rate: float
    value: Tensor


#: Which parameters, by their place, and their gradients.
Gradients = Sequence[tuple[int, Tensor]]


class Rows(NamedTuple):
    """Initial parameters of C layers for each of S data orders; R is the sum of their units.

    Attributes:
        weight: (S, R, D).
        bias: (S, R).
        units: Of each of the C layers.
        rates: Step sizes (S, C).
        train_bias: Whether the biases are trained.
    """

    weight: Tensor
    bias: Tensor
    units: Sequence[int]
    rates: np.ndarray
    train_bias: bool


class LinearMaps(Protocol):
    """What a population asks of its linear maps.

    Attributes:
        parameters: What the optimizer moves.
    """

    parameters: list[Parameter]

    def layer(self, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of one layer: views that training changes."""

    def weights(self, rows: slice) -> Tensor:
        """Weights (S, K, D) of the same rows of every order."""

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[Any]:
        """Batches for :meth:`forward`: from samples (S, B), or None for all samples."""

    def forward(self, batch: Any) -> Tensor:
        """Z (S, R, B) of a batch."""

    def backward(
        self, z_grad: Tensor, added: Sequence[tuple[slice, Tensor]] = ()
    ) -> Iterator[Gradients]:
        """Gradients of all parameters, a few at a time.

        Each may be used, and its parameter moved, before the next are asked for.

        Args:
            z_grad: Gradient by the last Z (S, R, B).
            added: Rows, and what comes on top of the gradient by their weights (S, K, D).
        """


class DenseMaps:
    """One matrix product per data order and direction.

    Args:
        rows: Where to start.
        train: Inputs (N, D), in the type of the products.
        augment: Turns a batch (S, B, D) into views of it.
    """

    def __init__(
        self, rows: Rows, train: Tensor, augment: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        self._weight, self._bias, self._train, self._augment = *rows[:2], train, augment
        self._memory = torch.empty_like(rows.weight, dtype=train.dtype)
        self._batches: dict[torch.Size, Tensor] = {}
        self._moved = 2 if rows.train_bias else 1
        both = self._weight.flatten(0, 1), self._bias.flatten()
        stretches = list(_stretches(rows.rates.repeat(rows.units, axis=1).ravel()))
        self._stretches = [stretch for _, stretch in stretches]
        self.parameters = [
            Parameter(rate, part[stretch])
            for rate, stretch in stretches
            for part in both[: self._moved]
        ]

    def layer(self, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of one layer: views that training changes."""
        return self._weight[order, rows], self._bias[order, rows]

    def weights(self, rows: slice) -> Tensor:
        """Weights (S, K, D) of the same rows of every order."""
        return self._weight[:, rows]

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[Tensor | None]:
        """Batches for :meth:`forward`: from samples (S, B), or None for all samples."""
        for part in parts:
            yield part if part is None else part.to(self._train.device)

    def forward(self, batch: Tensor | None) -> Tensor:
        """Z (S, R, B) of a batch."""
        self._x = self._select(batch)
        z = products(self._weight.to(self._x.dtype), self._x).to(self._weight.dtype)
        return z.add_(self._bias.unsqueeze(-1))

    def backward(
        self, z_grad: Tensor, added: Sequence[tuple[slice, Tensor]] = ()
    ) -> Iterator[Gradients]:
        """Gradients of all parameters at once, see :meth:`LinearMaps.backward`."""
        by_weight = products(z_grad.to(self._x.dtype), self._x.mT, out=self._memory)
        by_weight = by_weight.to(z_grad.dtype)
        for rows, more in added:
            by_weight[:, rows] += more
        both = by_weight.flatten(0, 1), z_grad.sum(-1).flatten()
        moved = [part[stretch] for stretch in self._stretches for part in both[: self._moved]]
        yield list(enumerate(moved))

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


class _Entries(NamedTuple):
    """Nonzero entries of a matrix, row by row; row n has those from ``offsets[n]`` on."""

    columns: Tensor
    offsets: Tensor
    values: Tensor

    @classmethod
    def of(cls, matrix: csr_array | csc_array, first: int, count: int, column: int) -> _Entries:
        """``count`` rows of a matrix from ``first`` on, whose columns are counted from ``column``.

        The rows of a matrix compressed by column are its columns.
        """
        offsets = matrix.indptr[first : first + count + 1]
        own = slice(offsets[0], offsets[-1])
        parts = matrix.indices[own] - np.int32(column), offsets - offsets[0], matrix.data[own]
        return cls(*map(torch.from_numpy, parts))

    def times(self, table: Tensor) -> Tensor:
        """The matrix times a dense one: a weighted sum of rows of the ``table`` for each row."""
        # as torch.nn.functional.embedding_bag(..., mode="sum"), whose checks take as long
        return torch.embedding_bag(
            table, self.columns, self.offsets, False, _SUM, False, self.values, True
        )[0]


class _Batch(NamedTuple):
    """The batches of all orders as one matrix (B S, S (D + 1)), and its transpose.

    Its rows are the first sample of every order, then the second of every order, and so on; each
    has entries among the D + 1 columns of its order alone.
    """

    by_sample: _Entries
    by_input: _Entries


class _Tile(NamedTuple):
    """Neighbouring rows of every order.

    Attributes:
        rows: Which.
        table: Their parameters (S (D + 1), R), input after input, the bias last.
        stretches: Place of each parameter that lies in the table, and where.
    """

    rows: slice
    table: Tensor
    stretches: list[tuple[int, slice]]


class SparseMaps:
    """Sums over nonzero inputs alone, for tiles of rows that stay in a core's cache.

    The last input of every order is 1 and carries the bias.

    Args:
        rows: Where to start, on a CPU.
        data: The dataset.
    """

    def __init__(self, rows: Rows, data: Dataset) -> None:
        self._shape, self._train_bias = rows.bias.shape, rows.train_bias
        self._train = _with_ones(data)
        if rows.weight.dtype == torch.float64:
            self._train = self._train.astype(np.float64)
        both = torch.cat([rows.weight, rows.bias.unsqueeze(-1)], -1).mT
        first = np.cumsum([0, *rows.units])
        self.parameters: list[Parameter] = []
        self._tiles: list[_Tile] = []
        for part in _tiles(rows.units, rows.rates):
            table = both[..., part].contiguous().flatten(0, 1)
            rates = rows.rates[:, first.searchsorted(part.start)].repeat(both.shape[1])
            stretches = []
            for rate, stretch in _stretches(rates):
                stretches.append((len(self.parameters), stretch))
                self.parameters.append(Parameter(rate, table[stretch]))
            self._tiles.append(_Tile(part, table, stretches))

    @staticmethod
    def pay(data: Dataset, rows: int, batch_size: int) -> bool:
        """Whether they are faster than dense products, for R rows per order on a CPU."""
        fitting = rows >= _FEWEST_ROWS and batch_size <= _LARGEST_BATCH
        return fitting and _nonzero_share(data) <= _LARGEST_SHARE

    def layer(self, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of one layer: views that training changes."""
        (own,) = self._tables(rows)
        return own[order, :-1].mT, own[order, -1]

    def weights(self, rows: slice) -> Tensor:
        """Weights (S, K, D) of the same rows of every order."""
        return torch.cat(list(self._tables(rows)), -1)[:, :-1].mT

    def _tables(self, rows: slice) -> Iterator[Tensor]:
        """Parts (S, D + 1, K) of the tables, that belong to the rows."""
        for tile in self._tiles:
            for inside, _ in _overlap(tile.rows, rows):
                yield self._of_orders(tile.table)[..., inside]

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[_Batch]:
        """Batches for :meth:`forward`: from samples (S, B), or None for all samples."""
        everything = torch.arange(self._train.shape[0]).unsqueeze(0)
        given = (everything if part is None else part for part in parts)
        for shape, alike in groupby(given, key=lambda part: part.shape):
            while several := list(islice(alike, max(1, _LOADED_SAMPLES // shape.numel()))):
                yield from self._batches(torch.stack(several))

    def forward(self, batch: _Batch) -> Tensor:
        """Z (S, R, B) of a batch, which lies in memory as (B, S, R)."""
        self._by_input = batch.by_input
        z = torch.cat([batch.by_sample.times(tile.table) for tile in self._tiles], 1)
        return z.view(-1, *self._shape).permute(1, 2, 0)

    def backward(
        self, z_grad: Tensor, added: Sequence[tuple[slice, Tensor]] = ()
    ) -> Iterator[Gradients]:
        """Gradients tile by tile, see :meth:`LinearMaps.backward`."""
        by_sample = z_grad.permute(2, 0, 1)
        for tile in self._tiles:
            table = by_sample[..., tile.rows].contiguous()  # the kernel wants neighbouring columns
            gradient = self._by_input.times(table.flatten(0, 1))
            if not self._train_bias:
                self._of_orders(gradient)[:, -1] = 0
            for rows, more in added:
                for inside, outside in _overlap(tile.rows, rows):
                    self._of_orders(gradient)[:, :-1, inside] += more[:, outside].mT
            yield [(place, gradient[stretch]) for place, stretch in tile.stretches]

    def _of_orders(self, table: Tensor) -> Tensor:
        """A table (S (D + 1), R) as (S, D + 1, R)."""
        return table.unflatten(0, (self._shape[0], -1))

    def _batches(self, indices: Tensor) -> Iterator[_Batch]:
        """Several batches from ``indices`` (N, S, B): sorting many entries at once is cheaper."""
        count, orders, samples = indices.shape
        chosen = self._train[indices.mT.flatten().numpy()]
        rows, columns = orders * samples, orders * chosen.shape[1]  # of one batch's matrix
        blocks = np.arange(count * orders, dtype=np.int32).reshape(count, 1, orders)
        block = np.broadcast_to(blocks, (count, samples, orders)).ravel() * chosen.shape[1]
        matrix = csr_array(
            (chosen.data, chosen.indices + block.repeat(np.diff(chosen.indptr)), chosen.indptr),
            shape=(count * rows, count * columns),
        )
        transposed = matrix.tocsc()
        for n in range(count):
            yield _Batch(
                _Entries.of(matrix, n * rows, rows, n * columns),
                _Entries.of(transposed, n * columns, columns, n * rows),
            )


def _overlap(tile: slice, rows: slice) -> Iterator[tuple[slice, slice]]:
    """Where in the tile, and which of the rows, if they have any in common."""
    start, stop = max(rows.start, tile.start), min(rows.stop, tile.stop)
    if start < stop:
        inside, outside = (slice(start - s.start, stop - s.start) for s in (tile, rows))
        yield inside, outside


def _stretches(rates: np.ndarray) -> Iterator[tuple[float, slice]]:
    """Neighbours with the same step size."""
    start = 0
    for rate, same in groupby(rates.tolist()):
        stop = start + len(list(same))
        yield rate, slice(start, stop)
        start = stop


def _tiles(units: Sequence[int], rates: np.ndarray) -> Iterator[slice]:
    """Rows of neighbouring layers with the same step sizes (S, C), few enough for one tile."""
    start = stop = 0
    for place, width in enumerate(units):
        other = place > 0 and (rates[:, place] != rates[:, place - 1]).any()
        if stop > start and (other or stop + width - start > _TILE_ROWS):
            yield slice(start, stop)
            start = stop
        stop += width
    yield slice(start, stop)


@lru_cache(maxsize=4)
def _nonzero_share(data: Dataset) -> float:
    return data.train.count_nonzero().item() / data.train.numel()


@lru_cache(maxsize=2)
def _with_ones(data: Dataset) -> csr_array:
    """Training inputs (N, D + 1), compressed by sample, with a last input that is always 1."""
    train = torch.cat([data.train, data.train.new_ones(len(data.train), 1)], 1)
    nonzero = train != 0
    offsets = np.cumsum([0, *nonzero.sum(1).tolist()], dtype=np.int32)
    columns = nonzero.nonzero()[:, 1].int().numpy()
    return csr_array((train[nonzero].numpy(), columns, offsets), shape=tuple(train.shape))
