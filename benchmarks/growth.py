"""Time and memory of a training step as layers, units, inputs or the batch grow.

Every point is measured in a process of its own, so that its peak of resident memory is its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from benchmarks.inputs import fitting_populations, random_data, stepping
from benchmarks.limit import step_flops
from benchmarks.processes import fresh
from benchmarks.settings import Settings
from benchmarks.timing import Effort, contest, spread
from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec, grid
from infomax_lib.training.population import Population

__all__ = ["Point", "measure_growth", "measure_point", "points"]


@dataclass(frozen=True)
class Point:
    """L layers of K units on N samples of D inputs, B of them per step."""

    grows: str
    layers: int
    units: int
    inputs: int
    batch: int
    samples: int


def points(settings: Settings) -> Iterator[Point]:
    """One factor grows, the others stay: 16 units, MNIST's inputs and batches of 128."""
    usual = {"units": 16, "inputs": settings.inputs, "batch": 128, "samples": settings.samples}
    for layers in settings.layers:
        yield Point("layers", layers, **usual)
    for factor, values in settings.growth:
        for value in values:
            yield Point(factor, settings.growth_layers, **{**usual, factor: value})


def measure_growth(device: torch.device, settings: Settings) -> Iterator[dict]:
    """Measure every point, each in a fresh process."""
    effort = settings.synchronized(device)
    effort = replace(effort, rounds=min(effort.rounds, 3))
    options = effort, device, torch.get_num_threads()
    # all processes come from one pool, but none of them serves twice
    with ProcessPoolExecutor(1, fresh(), max_tasks_per_child=1) as pool:
        for point in points(settings):
            yield pool.submit(measure_point, point, *options).result()


def measure_point(point: Point, effort: Effort, device: torch.device, threads: int) -> dict:
    """Seconds per step of all layers, and how much memory training took on top of the data.

    Memory is that of the device, in bytes.
    """
    torch.set_num_threads(threads)
    data = random_data(point.samples, point.inputs).to(device, torch.float32)
    specs = grid(
        RunSpec(
            hidden_dim=point.units,
            batch_size="full" if point.batch >= point.samples else point.batch,
        ),
        lambda_tc=0.1 + np.arange(point.layers) / point.layers,
    )
    parts = fitting_populations(specs, data)
    # the first step of a process loads and compiles what every later one shares
    _train(grid(RunSpec(), seed=[0]), random_data(256, point.inputs), device, Effort(1, 0.0))
    before = _peak_memory(device)
    seconds = np.zeros(effort.rounds)
    for part in parts:  # one after another, as they are trained
        seconds += _train(part, data, device, effort)
    after = _peak_memory(device)
    return asdict(point) | {
        "populations": len(parts),
        "seconds": spread(seconds),
        "memory": None if before is None or after is None else after - before,
        "flops": step_flops(point.layers * point.units, point.inputs, point.batch),
    }


def _train(specs: list[RunSpec], data: Dataset, device: torch.device, effort: Effort) -> np.ndarray:
    """Seconds per step by round; all memory is given back."""
    train = Population(specs, data, device, torch.float32).train
    seeds = [specs[0].seed]
    work = stepping(train, len(data.train), specs[0].batch_size, seeds, device)
    return contest({"step": work}, effort)["step"]


def _peak_memory(device: torch.device) -> int | None:
    """Most memory that this process ever took, in bytes; None where nobody counts it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
