"""Which runs train together: populations of layers that share what a training step shares.

Layers of one seed share their batches, so a population takes as many settings as it can of few
seeds, rather than few settings of many seeds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.compiled.layers import CompiledLayers
from infomax_lib.training.tensors.block import block_of

__all__ = ["populations"]

# Bounds on one population: how much a kill can lose, and how much memory a step takes.
_MAX_LAYERS = 64
_MAX_OUTPUTS = 2**26  # of all layers, on one batch
_MAX_WEIGHTS = 2**25

_SHARED = ("dataset", "batch_size", "optimizer", "bias", "epochs", "precision", "views")


def populations(specs: Sequence[RunSpec], at_least: int = 1) -> list[list[RunSpec]]:
    """Split runs into populations that :class:`.Population` can train.

    The same specs in the same order give the same populations.

    Args:
        specs: The runs.
        at_least: So many populations are wanted, if there are as many runs.

    Raises:
        ValueError: A layer has more units than the dataset has training samples.
    """
    size = 1.0
    found = list(_populations(specs, size))
    while len(found) < min(at_least, len(specs)):
        size /= 2
        found = list(_populations(specs, size))
    return found


def matrix_gigaflops(specs: Sequence[RunSpec]) -> float:
    """Work in the matrix products of all training steps, 4 K D for each sample seen, in 10^9."""
    total = 0
    for spec in specs:
        data = load_dataset(spec.dataset)
        samples = spec.views * len(data.train) * spec.epochs
        total += 4 * spec.hidden_dim * data.num_features * samples
    return total / 1e9


def _populations(specs: Sequence[RunSpec], size: float) -> Iterator[list[RunSpec]]:
    alike: dict[tuple[Any, ...], dict[int, list[RunSpec]]] = defaultdict(lambda: defaultdict(list))
    for spec in specs:
        # one layer that only whole tensors can train would slow down all others
        shared = (*(getattr(spec, name) for name in _SHARED), CompiledLayers.serve(spec))
        # a full batch is the same for every seed
        alike[shared][0 if spec.batch_size == "full" else spec.seed].append(spec)
    for by_order in alike.values():
        pieces: dict[tuple[Any, ...], list[list[RunSpec]]] = defaultdict(list)
        for members in by_order.values():
            for piece in _pieces(sorted(members, key=_kind), size):
                pieces[tuple(_kind(spec) for spec in piece)].append(piece)
        for same_kinds in pieces.values():
            at_once = max(1, math.floor(size / sum(map(_share, same_kinds[0]))))
            parts = math.ceil(len(same_kinds) / at_once)
            for part in np.array_split(np.arange(len(same_kinds)), parts):
                yield [spec for place in part for spec in same_kinds[place]]


def _kind(spec: RunSpec) -> tuple[Any, ...]:
    return *block_of(spec), spec.activation


def _pieces(members: list[RunSpec], size: float) -> Iterator[list[RunSpec]]:
    """Split the layers of one data order into as few equal parts as fit into one population."""
    shares = [_share(spec) for spec in members]
    each = sum(shares) / math.ceil(sum(shares) / size)
    pieces: dict[int, list[RunSpec]] = defaultdict(list)
    middle = np.cumsum(shares) - np.array(shares) / 2
    for spec, place in zip(members, middle, strict=True):
        pieces[int(place / each)].append(spec)
    yield from pieces.values()


def _share(spec: RunSpec) -> float:
    """How much of a population one layer fills; more than 1 for a layer that must be alone."""
    data = load_dataset(spec.dataset)
    samples = len(data.train)
    if spec.hidden_dim > samples:
        raise ValueError(
            f"hidden_dim={spec.hidden_dim} exceeds the {samples} training samples of "
            f"{spec.dataset}: correlations of that many units cannot be estimated; choose less"
        )
    return max(
        1 / _MAX_LAYERS,
        spec.hidden_dim * spec.views * spec.samples_per_step(samples) / _MAX_OUTPUTS,
        spec.hidden_dim * data.num_features / _MAX_WEIGHTS,
    )
