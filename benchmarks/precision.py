"""Whether results with bfloat16 products stay within the interval over seeds."""

from __future__ import annotations

import torch

from benchmarks.settings import Settings
from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec, grid
from infomax_lib.stats import mean_interval
from infomax_lib.training.population import train_population

__all__ = ["MEASURES", "measure_precision"]

MEASURES = (
    "loss",
    "weight_redundancy",
    "output_correlation",
    "effective_rank",
    "row_norm",
    "probe_accuracy",
)


def measure_precision(data: Dataset, device: torch.device, settings: Settings) -> list[dict]:
    """Train the same layers in both precisions; one entry per architecture and measure.

    ``within`` says whether the mean with bfloat16 lies in the 95 % interval over seeds of the mean
    with float32.
    """
    found = []
    for competition in ("none", "softmax"):
        base = RunSpec(competition=competition, epochs=settings.precision_epochs)
        runs = {
            precision: train_population(
                grid(base.but(precision=precision), seed=range(settings.precision_seeds)),
                data,
                device,
            )
            for precision in ("float32", "bfloat16")
        }
        for name in MEASURES:
            single, low = (
                mean_interval(run.metrics[name] for run in runs[precision])
                for precision in ("float32", "bfloat16")
            )
            found.append(
                {
                    "competition": competition,
                    "measure": name,
                    "seeds": single.n,
                    "epochs": settings.precision_epochs,
                    "float32": single.mean,
                    "low": single.low,
                    "high": single.high,
                    "bfloat16": low.mean,
                    "within": bool(single.low <= low.mean <= single.high),
                }
            )
    return found
