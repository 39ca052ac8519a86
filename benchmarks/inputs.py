"""Data to train on while the clock runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest import mock

import pooch
import torch
from torch import Tensor

from benchmarks.timing import Work
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import batches, generator
from infomax_lib.training.grouping import populations

__all__ = [
    "INPUTS",
    "SAMPLES",
    "fitting_populations",
    "mnist_or_random",
    "one_by_one",
    "random_data",
    "stepping",
]

SAMPLES, INPUTS = 60_000, 784  # MNIST's
_MNIST_FILES = 4


@lru_cache(maxsize=1)
def random_data(samples: int = SAMPLES, inputs: int = INPUTS) -> Dataset:
    """Uniform numbers of a given size; the class is the largest of the first ten inputs.

    No other memory is touched, so that what training takes on top can be told.
    """
    order = torch.Generator().manual_seed(0)
    train, test = (torch.rand(n, inputs, generator=order) for n in (samples, max(samples // 6, 10)))
    labels = [part[:, :10].argmax(1) for part in (train, test)]
    return Dataset("random", train, labels[0], test, labels[1], None, "")


@lru_cache(maxsize=1)
def mnist_or_random() -> Dataset:
    """MNIST if its files are at hand, otherwise random data of the same size."""
    cached = list((Path(pooch.os_cache("infomax")) / "mnist").glob("*.gz"))
    at_hand = os.environ.get("INFOMAX_DATA") or len(cached) == _MNIST_FILES
    return load_dataset("mnist") if at_hand else random_data()


def fitting_populations(
    specs: Sequence[RunSpec], data: Dataset, at_least: int = 1
) -> list[list[RunSpec]]:
    """Populations as ``run`` makes them, for data of another size than the specs name."""
    with mock.patch("infomax_lib.training.grouping.load_dataset", return_value=data):
        return populations(specs, at_least)


def one_by_one(step: Callable[[Tensor], object]) -> Callable[[Iterable[Tensor]], object]:
    """Training on several batches, for contestants that know a single step alone."""

    def train(parts: Iterable[Tensor]) -> None:
        for indices in parts:
            step(indices)

    return train


def stepping(
    train: Callable[[Iterable[Any]], object],
    samples: int,
    batch_size: int | str,
    seeds: list[int],
    device: torch.device,
) -> Work:
    """Training on one epoch's batches (S, B), over and over.

    The batches are drawn beforehand: the clock sees training steps and nothing else.
    """
    if isinstance(batch_size, str):  # "full"
        parts: list = [None]
    else:
        order = [generator(seed, "order") for seed in seeds]
        parts = [part.to(device) for part in batches(samples, batch_size, order)]
        if parts[-1].shape != parts[0].shape:  # all steps are to cost the same
            parts.pop()
    endless = cycle(parts)

    def work(times: int) -> None:
        train(islice(endless, times))

    return work
