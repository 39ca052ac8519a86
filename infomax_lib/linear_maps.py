"""The linear maps z = W x + b of all layers of a population: parameters, products, gradients.

The rows of all layers that share a data order meet the same batch. :class:`DenseMaps` computes one
matrix product per order and direction: Z = W X' forward, dW = dZ X back. :class:`SparseMaps`
leaves out the terms in which the input is zero, which on MNIST are four in five.
"""

from __future__ import annotations

import itertools
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


class LinearMaps(Protocol):
    """What a population asks of its linear maps, which are made from a sequence of :class:`Rows`.

    Attributes:
        parameters: What the optimizer moves.
    """

    parameters: list[Parameter]

    def layer(self, place: int, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of a layer, by ``place`` of its rows: live views."""

    def weights(self, place: int) -> Tensor:
        """Weights (S, R, D) of the rows at a place."""

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[Any]:
        """Batches for :meth:`gradients`: from samples (S, B), or None for all samples."""

    def gradients(self, batch: Any, at: AtOutputs) -> Iterator[Gradients]:
        """Gradients of all parameters on a batch, a few at a time.

        Each may be used, and its parameter moved, before the next are asked for.

        Args:
            batch: One of those from :meth:`load`.
            at: Asked at every place, one after another.
        """


class DenseMaps:
    """One matrix product per data order and direction.

    Args:
        rows: Where to start.
        train: Inputs (N, D), in the type of the products.
        train_bias: Whether the biases are trained.
        augment: Turns a batch (S, B, D) into views of it.
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

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[Tensor | None]:
        """Batches for :meth:`gradients`: from samples (S, B), or None for all samples."""
        for part in parts:
            yield part if part is None else part.to(self._train.device)

    def gradients(self, batch: Tensor | None, at: AtOutputs) -> Iterator[Gradients]:
        """Gradients of all parameters at once, see :meth:`LinearMaps.gradients`."""
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
    """The samples (B, D + 1) of one order, and their transpose."""

    by_sample: _Entries
    by_input: _Entries


class _Tile(NamedTuple):
    """Some neighbouring rows of one order, which have the same step size.

    Attributes:
        order: Which order.
        rows: Which of its rows.
        rate: The step size.
        table: Their parameters (D + 1, R), input after input, the bias last.
    """

    order: int
    rows: slice
    rate: float
    table: Tensor


class SparseMaps:
    """Sums over nonzero inputs alone, for tiles of rows that stay in a core's cache.

    The last input is always 1 and carries the bias.

    Args:
        rows: Where to start, on a CPU.
        data: The dataset.
        train_bias: Whether the biases are trained.
    """

    def __init__(self, rows: Sequence[Rows], data: Dataset, train_bias: bool = True) -> None:
        self._train, self._train_bias = _with_ones(data), train_bias
        if rows[0].weight.dtype == torch.float64:
            self._train = self._train.astype(np.float64)
        self._tiles = [list(_tiles(own)) for own in rows]
        self._orders = len(rows[0].weight)
        self.parameters = [
            Parameter(tile.rate, tile.table) for tiles in self._tiles for tile in tiles
        ]

    @staticmethod
    def pay(data: Dataset, rows: int, batch_size: int) -> bool:
        """Whether they are faster than dense products, for R rows per order on a CPU."""
        fitting = rows >= _FEWEST_ROWS and batch_size <= _LARGEST_BATCH
        return fitting and _nonzero_share(data) <= _LARGEST_SHARE

    def layer(self, place: int, order: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Weights (K, D) and biases (K,) of a layer, by ``place`` of its rows: live views."""
        mine = (tile for tile in self._tiles[place] if tile.order == order)
        tile = next(tile for tile in mine if rows.start < tile.rows.stop)
        own = tile.table[:, rows.start - tile.rows.start : rows.stop - tile.rows.start]
        return own[:-1].mT, own[-1]

    def weights(self, place: int) -> Tensor:
        """Weights (S, R, D) of the rows at a place."""
        tables = torch.cat([tile.table for tile in self._tiles[place]], 1)
        return tables[:-1].unflatten(1, (self._orders, -1)).permute(1, 2, 0)

    def load(self, parts: Iterable[Tensor | None]) -> Iterator[list[_Batch]]:
        """Batches for :meth:`gradients`: from samples (S, B), or None for all samples."""
        everything = torch.arange(self._train.shape[0]).unsqueeze(0)
        given = (everything if part is None else part for part in parts)
        for shape, alike in groupby(given, key=lambda part: part.shape):
            while several := list(islice(alike, max(1, _LOADED_SAMPLES // shape.numel()))):
                yield from self._batches(torch.stack(several))

    def gradients(self, batch: list[_Batch], at: AtOutputs) -> Iterator[Gradients]:
        """Gradients tile by tile, see :meth:`LinearMaps.gradients`."""
        number = itertools.count()
        for place, tiles in enumerate(self._tiles):
            z = torch.cat([batch[tile.order].by_sample.times(tile.table) for tile in tiles], 1)
            z_grad, more = at(place, z.unflatten(1, (self._orders, -1)).permute(1, 2, 0))
            by_sample = z_grad.permute(2, 0, 1)
            for tile in tiles:
                table = by_sample[:, tile.order, tile.rows].contiguous()  # as the kernel wants it
                gradient = batch[tile.order].by_input.times(table)
                if not self._train_bias:
                    gradient[-1] = 0
                if more is not None:
                    gradient[:-1] += more[tile.order, tile.rows].mT
                yield [(next(number), gradient)]

    def _batches(self, indices: Tensor) -> Iterator[list[_Batch]]:
        """Several batches from ``indices`` (N, S, B): sorting many entries at once is cheaper."""
        count, orders, samples = indices.shape
        chosen, inputs = self._train[indices.flatten().numpy()], self._train.shape[1]
        # one block on the diagonal of a large matrix for each batch of each order
        blocks = np.arange(count * orders, dtype=np.int32).repeat(samples) * inputs
        matrix = csr_array(
            (chosen.data, chosen.indices + blocks.repeat(np.diff(chosen.indptr)), chosen.indptr),
            shape=(len(blocks), count * orders * inputs),
        )
        transposed = matrix.tocsc()
        each = (
            _Batch(
                _Entries.of(matrix, block * samples, samples, block * inputs),
                _Entries.of(transposed, block * inputs, inputs, block * samples),
            )
            for block in range(count * orders)
        )
        for _ in range(count):
            yield list(islice(each, orders))


def _stretches(rates: np.ndarray) -> Iterator[tuple[float, slice]]:
    """Neighbours with the same step size."""
    start = 0
    for rate, same in groupby(rates.tolist()):
        stop = start + len(list(same))
        yield rate, slice(start, stop)
        start = stop


def _tiles(rows: Rows) -> Iterator[_Tile]:
    """All rows, order by order; no layer is cut."""
    both = torch.cat([rows.weight, rows.bias.unsqueeze(-1)], -1).mT
    layers, units = max(1, _TILE_ROWS // rows.units), rows.units
    for order, rates in enumerate(rows.rates):
        for rate, same in _stretches(rates):
            for start in range(same.start, same.stop, layers):
                own = slice(units * start, units * min(start + layers, same.stop))
                yield _Tile(order, own, rate, both[order, :, own].contiguous())


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
