"""Linear probes of many layers at once against scikit-learn, one by one."""

from __future__ import annotations

import time

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from benchmarks.settings import Settings
from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import initial_parameters, stacked_preactivation

__all__ = ["measure_probes"]


def measure_probes(data: Dataset, device: torch.device, settings: Settings) -> dict:
    """Seconds per layer of both, and how far the accuracies are apart.

    The features are the rectified outputs of untrained layers. scikit-learn gets the first few of
    the layers alone: all of them would take minutes.
    """
    train, test = (_features(x, settings, device) for x in (data.train, data.test))
    labels = data.train_labels, data.test_labels
    on_device = [part.to(device) for part in labels]
    linear_probe(train[:1], on_device[0], test[:1], on_device[1])  # warm-up
    wait = settings.synchronized(device).synchronize
    wait()
    start = time.perf_counter()
    batched = linear_probe(train, on_device[0], test, on_device[1])
    wait()
    batched_seconds = (time.perf_counter() - start) / len(train)
    seconds, accuracies = [], []
    for layer in range(settings.probe_sample):
        start = time.perf_counter()
        accuracies.append(_one(train[layer].cpu(), labels[0], test[layer].cpu(), labels[1]))
        seconds.append(time.perf_counter() - start)
    alone = sum(seconds) / len(seconds)
    gaps = [abs(batched[n].item() - a) for n, a in enumerate(accuracies)]
    return {
        "layers": settings.probe_layers,
        "units": settings.probe_units,
        "samples": len(data.train),
        "sklearn_layers": settings.probe_sample,
        "batched_seconds": batched_seconds,
        "sklearn_seconds": alone,
        "sklearn_range": [min(seconds), max(seconds)],
        "ratio": alone / batched_seconds,
        "accuracy": sum(accuracies) / len(accuracies),
        "largest_gap": max(gaps),
    }


def _features(x: Tensor, settings: Settings, device: torch.device) -> Tensor:
    """Outputs (L, N, K)."""
    start = [
        initial_parameters(x.shape[1], settings.probe_units, seed)
        for seed in range(settings.probe_layers)
    ]
    weight, bias = (torch.stack(part).to(device) for part in zip(*start, strict=True))
    return stacked_preactivation(weight, bias, x.to(device)).relu_()


def _one(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    mean, std = train.mean(0), train.std(0)
    std = torch.where(std > 0, std, 1.0)
    classifier = LogisticRegression(max_iter=1000)
    classifier.fit(((train - mean) / std).numpy(), train_labels.numpy())
    return classifier.score(((test - mean) / std).numpy(), test_labels.numpy())
