"""Run specs: what is already known comes from the store, the rest is trained as populations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from infomax_lib.data import load_dataset
from infomax_lib.grouping import populations
from infomax_lib.layer import InfoMaxLayer
from infomax_lib.population import TrainedRun, measured_epochs, train_population
from infomax_lib.spec import RunSpec
from infomax_lib.store import Store, open_store

__all__ = ["history", "resolve_device", "run", "trained_layer"]

_LISTS = ("history", "measures")  # the parts of a stored row that run over epochs


def run(
    specs: Sequence[RunSpec] | RunSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
    keep_weights: bool = False,
) -> pd.DataFrame:
    """Results of the given runs, computing only those that the store does not hold.

    Every finished population is written at once: a run that is cut off loses at most the
    populations in flight, and the same call goes on where it stopped.

    Args:
        specs: What to run; see :func:`infomax_lib.grid`.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        store: Folder, name or :class:`Store`, see :func:`infomax_lib.open_store`; None keeps the
            results for this process only.
        progress: Show a progress bar while something is computed.
        keep_weights: Also keep the weights at every measured epoch, for :func:`trained_layer`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and the final measures.
    """
    specs = [specs] if isinstance(specs, RunSpec) else list(specs)
    for spec in specs:
        if not isinstance(spec, RunSpec):
            raise TypeError(f"run() takes RunSpec objects, got {type(spec).__name__}: use grid()")
    store, place = open_store(store), resolve_device(device)
    kinds = ["runs", "weights"] if keep_weights else ["runs"]

    def missing(candidates: Sequence[RunSpec]) -> list[RunSpec]:
        known = set.intersection(*(store.keys(kind) for kind in kinds))
        return [spec for spec in candidates if spec.key not in known]

    todo = missing(list(dict.fromkeys(specs)))
    bar = tqdm(
        total=sum(spec.epochs for spec in todo),
        unit="layer-epoch",
        desc=f"training {len(todo)} run(s) on {place}",
        disable=not (progress and todo),
    )
    try:
        with bar:
            for chunk in populations(todo):
                # another process may have finished some of them meanwhile
                for part in populations(missing(chunk)):
                    _compute(part, store, place, keep_weights, bar)
    except KeyboardInterrupt:
        done = len(todo) - len(missing(todo))
        print(
            f"Interrupted: {done} of {len(todo)} runs are finished and stored in {store.folder}; "
            "call run() again with the same specs to go on from there."
        )
        raise
    rows = store.load("runs", [spec.key for spec in specs])
    return pd.DataFrame([_table_row(rows[spec.key]) for spec in specs])


def history(specs: Sequence[RunSpec] | RunSpec, store: str | Store | None = None) -> pd.DataFrame:
    """Per-epoch values of runs that :func:`run` has computed into the same store.

    Returns:
        One row per run and recorded epoch: ``key``, the spec's fields, ``epoch``, ``loss`` and
        ``train_tc`` (means over the epoch's batches), and the other measures at the measured
        epochs 0, 1, 2, 5, 10, 20, 50, ... (NaN elsewhere). Epoch 0 is the untrained layer.

    Raises:
        KeyError: A run is not in the store.
    """
    specs = [specs] if isinstance(specs, RunSpec) else list(specs)
    front = ["key", *RunSpec.model_fields, "epoch"]
    if not specs:
        return pd.DataFrame(columns=front)
    rows = _known("runs", specs, open_store(store), "run(specs, store=...)")
    frames = []
    for spec, row in zip(specs, rows, strict=True):
        means, measures = (pd.DataFrame(row[part]).set_index("epoch") for part in _LISTS)
        frame = means.join(measures, how="outer").reset_index()
        frames.append(frame.assign(key=spec.key, **spec.model_dump()))
    table = pd.concat(frames, ignore_index=True)
    return table[front + [name for name in table.columns if name not in front]]


def trained_layer(
    spec: RunSpec, store: str | Store | None = None, epoch: int | None = None
) -> InfoMaxLayer:
    """The layer of a run as it was after training, or at an earlier measured epoch.

    Weights that the store does not hold are trained again first.

    Raises:
        ValueError: The epoch is not one of the measured ones.
    """
    allowed = measured_epochs(spec.epochs)
    epoch = spec.epochs if epoch is None else epoch
    if epoch not in allowed:
        raise ValueError(f"no weights are kept for epoch {epoch}: choose one of {allowed}")
    store = open_store(store)
    run(spec, store=store, keep_weights=True, progress=False)
    (row,) = _known("weights", [spec], store, "run(specs, keep_weights=True, store=...)")
    stack = np.frombuffer(row["weights"], "<f4").reshape(len(row["epochs"]), spec.hidden_dim, -1)
    values = torch.from_numpy(stack[row["epochs"].index(epoch)].astype(np.float32))
    layer = InfoMaxLayer(
        values.shape[1] - 1, spec.hidden_dim, spec.activation, spec.competition, spec.seed
    )
    with torch.no_grad():
        layer.weight.copy_(values[:, :-1])
        layer.bias.copy_(values[:, -1])
    return layer


def resolve_device(device: str) -> torch.device:
    """The device that a name stands for; ``"auto"`` is CUDA when there is one.

    Raises:
        ValueError: The name is not a device of this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    allowed = 'choose "auto", "cpu", "cuda" or "cuda:N"'
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"unknown device {device!r}: {allowed}") from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r} was asked for, but PyTorch sees no GPU: {allowed}")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"device {device!r} was asked for, but PyTorch sees {count} GPU(s)")
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} is not supported: {allowed}")
    return resolved


def _known(kind: str, specs: Sequence[RunSpec], store: Store, how: str) -> list[dict[str, Any]]:
    rows = store.load(kind, [spec.key for spec in specs])
    absent = [spec for spec in specs if spec.key not in rows]
    if absent:
        raise KeyError(
            f"{len(absent)} of {len(specs)} runs are not in {store}, the first being {absent[0]}: "
            f"compute them with {how}"
        )
    return [rows[spec.key] for spec in specs]


def _table_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _LISTS}


def _compute(
    specs: list[RunSpec], store: Store, device: torch.device, keep_weights: bool, bar: tqdm
) -> None:
    """Train one population and store it."""
    start = time.perf_counter()
    trained = train_population(
        specs,
        load_dataset(specs[0].dataset),
        device,
        keep_weights=keep_weights,
        on_epoch=lambda: bar.update(len(specs)),
    )
    provenance = {
        "seconds": round(time.perf_counter() - start, 2),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }
    pairs = list(zip(specs, trained, strict=True))
    row_of = {"weights": _weights_row, "runs": _run_row} if keep_weights else {"runs": _run_row}
    for kind, make in row_of.items():
        # A run trained again for its weights keeps its row: tables must not change by rounding.
        known = store.keys(kind)
        rows = [make(*pair) for pair in pairs if pair[0].key not in known]
        if rows:
            store.write(kind, rows, **provenance)


def _run_row(spec: RunSpec, result: TrainedRun) -> dict[str, Any]:
    means = {name: result.history[name] for name in ("epoch", "loss", "train_tc")}
    lists = {"history": means, "measures": dict(result.measures)}
    return {"key": spec.key, **spec.model_dump(), **result.metrics, **lists}


def _weights_row(spec: RunSpec, result: TrainedRun) -> dict[str, Any]:
    values = np.stack(list(result.weights.values())).astype("<f4")
    return {"key": spec.key, "epochs": list(result.weights), "weights": values.tobytes()}
