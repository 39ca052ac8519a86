"""How much a run of the benchmarks measures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from benchmarks.inputs import INPUTS, SAMPLES
from benchmarks.timing import Effort, no_wait

__all__ = ["FULL", "QUICK", "Settings"]


@dataclass(frozen=True)
class Settings:
    """Sizes and repeats.

    Attributes:
        effort: How long each contest takes.
        shrink: Divides every number of layers.
        square: Size of the large matrix product.
        samples: Training samples of random data.
        inputs: Inputs of random data.
        layers: Points of the throughput figure and of the growth with the number of layers.
        growth: Points of the growth with units K, inputs D and batch size B.
        growth_layers: Layers at each of those points.
        precision_seeds: Seeds of the trainings in both precisions.
        precision_epochs: Their length.
        probe_layers: Layers that are probed at once.
        probe_units: Units K of each.
        probe_sample: How many of them scikit-learn gets, one by one.
        sweep: NAME=VALUE texts that replace values of the sweep's file.
    """

    effort: Effort = field(default_factory=Effort)
    shrink: int = 1
    square: int = 2048
    samples: int = SAMPLES
    inputs: int = INPUTS
    layers: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    growth: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("units", (16, 64, 256, 1024)),
        ("inputs", (64, 196, 400, 784)),
        ("batch", (32, 128, 512, 2048, 8192, 60_000)),
    )
    growth_layers: int = 16
    precision_seeds: int = 10
    precision_epochs: int = 5
    probe_layers: int = 64
    probe_units: int = 64
    probe_sample: int = 3
    sweep: tuple[str, ...] = ()

    def synchronized(self, device: torch.device) -> Effort:
        """The effort, waiting for ``device`` before the clock is read."""
        wait = torch.cuda.synchronize if device.type == "cuda" else no_wait
        return replace(self.effort, synchronize=wait)


FULL = Settings()

#: Every part once, on little data: seconds, for the tests; its numbers mean nothing.
QUICK = Settings(
    effort=Effort(rounds=2, seconds=0.0),
    shrink=16,
    square=64,
    samples=600,
    inputs=100,
    layers=(1, 4),
    growth=(("units", (4, 16)), ("inputs", (64, 100)), ("batch", (32, 600))),
    growth_layers=2,
    precision_seeds=3,
    precision_epochs=1,
    probe_layers=2,
    probe_units=4,
    probe_sample=1,
    sweep=("dataset=synthetic", "epochs=1", "hidden_dim=4", "seed=0"),
)
