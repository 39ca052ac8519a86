"""Random streams of their own for each (seed, purpose), data order, and which epochs are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

_RECORDED = 1000  # longer histories are thinned to at most this many, logarithmically spaced


def generator(seed: int, purpose: str) -> torch.Generator:
    """A random stream of its own for each (seed, purpose), on the CPU so that devices agree."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def batches(samples: int, batch_size: int, order: Sequence[torch.Generator]) -> Iterator[Tensor]:
    """One epoch of sample indices (S, B) for S data orders; the last batch may be shorter.

    A last batch of a single sample, which has no variance, is left out.
    """
    shuffled = torch.stack([torch.randperm(samples, generator=g) for g in order])
    for part in shuffled.split(batch_size, dim=1):
        if part.shape[1] > 1:
            yield part


def measured_epochs(epochs: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, 50, ... and the last epoch: when weights and outputs are measured."""
    steps = (m * 10**e for e in range(12) for m in (1, 2, 5))
    return sorted({0, epochs, *(s for s in steps if s < epochs)})


def recorded_epochs(epochs: int) -> set[int]:
    """Epochs whose mean loss is kept: all of them, or at most 1000 logarithmically spaced ones."""
    if epochs <= _RECORDED:
        return set(range(1, epochs + 1))
    spaced = np.geomspace(1, epochs, _RECORDED).round().astype(int)
    return {*spaced.tolist(), *measured_epochs(epochs)}
