"""One population trained: the rows that go into the store, and where they come from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.files import code_fingerprint
from infomax_lib.training.devices import device_name
from infomax_lib.training.population import TrainedRun, train_population


@dataclass(frozen=True)
class Computed:
    """One trained population as it goes into the store.

    Attributes:
        rows: Rows by kind ("runs", and "weights" when they were to be kept), in writing order.
        provenance: Facts on the computation, see :func:`provenance`.
    """

    rows: dict[str, list[dict[str, Any]]]
    provenance: dict[str, Any]


def compute(
    specs: Sequence[RunSpec],
    device: torch.device,
    keep_weights: bool = False,
    on_epoch: Callable[[], object] = lambda: None,
) -> Computed:
    """Train one population; nothing is read from a store or written to one.

    Args:
        specs: Runs that train together, see :func:`infomax_lib.training.grouping.populations`.
        device: Where to train.
        keep_weights: Also return rows of kind "weights".
        on_epoch: Called after every epoch, for progress.
    """
    start = time.perf_counter()
    data = load_dataset(specs[0].dataset)
    trained = train_population(specs, data, device, keep_weights=keep_weights, on_epoch=on_epoch)
    pairs = list(zip(specs, trained, strict=True))
    row_of = {"weights": _weights_row, "runs": _run_row} if keep_weights else {"runs": _run_row}
    return Computed(
        {kind: [make(*pair) for pair in pairs] for kind, make in row_of.items()},
        provenance(start, device),
    )


def provenance(
    start: float, device: torch.device, by: Callable[..., Any] = train_population
) -> dict[str, Any]:
    """Facts on a computation that has just ended: ``code``, ``seconds``, ``device``, ``threads``.

    Args:
        start: When it began, by :func:`time.perf_counter`.
        device: Where it ran.
        by: What computed; the code's fingerprint covers its package, too.
    """
    while isinstance(by, partial):
        by = by.func
    return {
        "code": code_fingerprint(by.__module__.partition(".")[0]),
        "seconds": round(time.perf_counter() - start, 2),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
    }


def _run_row(spec: RunSpec, result: TrainedRun) -> dict[str, Any]:
    means = {name: result.history[name] for name in ("epoch", "loss", "train_tc")}
    lists = {"history": means, "measures": dict(result.measures)}
    return {"key": spec.key, **spec.model_dump(), **result.metrics, **lists}


def _weights_row(spec: RunSpec, result: TrainedRun) -> dict[str, Any]:
    values = np.stack(list(result.weights.values())).astype("<f4")
    return {"key": spec.key, "epochs": list(result.weights), "weights": values.tobytes()}
