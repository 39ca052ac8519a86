"""Fit, measure and store baselines: what is known comes from the store, the rest is computed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import describe_outputs, describe_weights
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.idx import IDX_SOURCES
from infomax_lib.model.streams import generator
from infomax_lib.results.compute import Computed, provenance
from infomax_lib.results.experiments import Kind, interruptible, listed, table, write
from infomax_lib.results.store import Store, open_store
from infomax_lib.results.workers import Advance, share_out
from infomax_lib.training.devices import device_name, resolve_device
from paper.methods.encoders import Encoder, FitError, as_table, from_table
from paper.methods.methods import METHODS, SETTINGS, Outcomes
from paper.methods.spec import BaselineSpec

WEIGHTS = "weights"  # beside those of runs: a key says which they belong to

# How many features are held at once.
_MAX_FEATURES = 2**26
# Datasets whose methods are spread over the cores; parts of them, too.
_LARGE = tuple(IDX_SOURCES)


class BaselineWarning(UserWarning):
    """A method stopped for a reason of this machine or of the code; it will be tried again."""


def are_long(specs: Sequence[Any]) -> bool:
    """Whether fitting or assessing these takes a core more than about half a minute."""
    return any(spec.dataset.startswith(_LARGE) for spec in specs)


KIND = Kind(
    "baselines",
    (BaselineSpec,),
    long=are_long,
    tolerance={
        "probe_accuracy": (0.01, 0.0),
        "shuffled_probe_accuracy": (0.03, 0.0),
        "dead_units": (2.0, 0.0),
    },
    otherwise=(1e-3, 0.05),
    unmeasured=("seconds", "device", "note"),
)


@KIND.driver
def run_baselines(
    specs: Sequence[BaselineSpec] | BaselineSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
    keep_weights: Collection[int] = (),
) -> pd.DataFrame:
    """Results of the given baselines, computing only those that the store does not hold.

    All seeds of one method are fitted together and written as one file, so that a call that is
    cut off loses at most the methods in flight. On a CPU, large datasets are shared out among
    processes with one thread each, a method at a time.

    Args:
        specs: What to fit; see `every_method`.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
            k-means and FastICA run on the CPU in any case.
        store: Folder, name or Store, see :func:`infomax_lib.open_store`; None keeps the results
            for this process only.
        progress: Show progress while something is computed.
        keep_weights: Seeds whose weights are stored too, for `fitted_encoder`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, the measures of
        :func:`.describe_outputs` on the test outputs with ``hsic`` and
        ``hsic_floor``, those of :func:`infomax_lib.measures.weights_and_outputs.describe_weights`,
        ``probe_accuracy`` and ``shuffled_probe_accuracy`` (shares; the latter with training
        labels in random order), ``seconds`` of fitting per seed, ``device``, ``note`` (what a
        reader of the numbers should know, or None) and ``failed`` (why there are no numbers, or
        None).
    """
    specs, store, place = listed(specs, BaselineSpec), open_store(store), resolve_device(device)

    def missing(candidates: Sequence[BaselineSpec]) -> list[BaselineSpec]:
        measured, kept = store.keys(KIND.name), store.keys(WEIGHTS)
        failed = {key for key, row in store.load(KIND.name, measured).items() if row["failed"]}
        return [
            spec
            for spec in candidates
            if spec.key not in measured
            or (spec.seed in keep_weights and spec.key not in kept | failed)
        ]

    unstored: dict[str, dict[str, Any]] = {}
    wanted = missing(list(dict.fromkeys(specs)))
    todo = list(KIND.chunks(wanted))
    cores = torch.get_num_threads() if place.type == "cpu" and KIND.long(wanted) else 1
    bar = tqdm(
        total=len(wanted), desc=f"baselines on {place}", unit="fit", disable=not (progress and todo)
    )
    shown = progress and min(cores, len(todo)) == 1
    compute = partial(_attempt, device=place, progress=shown, keep_weights=tuple(keep_weights))
    finished = share_out(todo, missing, store.folder, compute, cores, bar.update, bar.write)
    with interruptible(finished, bar, lambda: len(missing(wanted)), len(wanted), store, "fits"):
        for chunk, done in finished:
            if isinstance(done, Computed):
                write(done, store)
                continue
            # no matter what it is: the other methods go on
            message = f"{type(done).__name__}: {done}"
            warnings.warn(
                f"{chunk[0].method} on {chunk[0].dataset} stopped ({message}); its "
                f"{len(chunk)} fit(s) are not stored and will be tried again by the next call",
                BaselineWarning,
                stacklevel=2,
            )
            unstored |= {spec.key: _failure(spec, message) for spec in chunk}
    return table(specs, unstored | store.load(KIND.name, [spec.key for spec in specs]))


def fitted_encoder(spec: BaselineSpec, store: str | Store | None = "auto") -> Encoder:
    """The encoder of one baseline, fitted again if the store does not hold its weights.

    Raises:
        FitError: The method fails on this spec.
    """
    store = open_store(store)
    row = run_baselines(spec, store=store, progress=False, keep_weights=[spec.seed]).iloc[0]
    if row["failed"]:
        raise FitError(row["failed"])
    kept = store.load(WEIGHTS, [spec.key])[spec.key]
    values = np.frombuffer(kept["weights"], "<f4").reshape(spec.hidden_dim, -1).copy()
    return from_table(kept["activation"], torch.from_numpy(values), row["note"])


def _attempt(
    specs: list[BaselineSpec],
    advance: Advance,
    device: torch.device,
    progress: bool,
    keep_weights: Collection[int],
) -> Computed | Exception:
    """What `_compute` gives, or the error that stopped it."""
    try:
        return _compute(specs, device, progress, keep_weights)
    except Exception as error:
        return error
    finally:
        advance(len(specs))


def _compute(
    specs: list[BaselineSpec], device: torch.device, progress: bool, keep_weights: Collection[int]
) -> Computed:
    """Fit and measure one method at several seeds."""
    first, data = specs[0], load_dataset(specs[0].dataset)
    method = METHODS[first.method]
    settings = {name: getattr(first, name) for name in SETTINGS if name in method.defaults}
    if method.reads_labels:
        settings["labels"] = data.train_labels.to(device)
    train = data.train.to(device)
    start = time.perf_counter()
    outcomes = method.fit(
        train,
        first.hidden_dim,
        [spec.seed for spec in specs],
        progress=method.label if progress else None,
        **settings,
    )
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - start
    name = device_name(device)

    measured = _measure_all(outcomes, specs, data, device)
    rows, weights = [], []
    for spec, outcome, measures in zip(specs, outcomes, measured, strict=True):
        if isinstance(outcome, FitError):
            rows.append(_failure(spec, str(outcome)))
            continue
        facts = {
            "seconds": round(seconds / len(specs), 4),
            "device": name,
            "note": outcome.note,
            "failed": None,
        }
        rows.append({"key": spec.key, **spec.model_dump(), **measures, **facts})
        if spec.seed in keep_weights:
            weights.append(_weights_row(spec, outcome))
    # weights first: a kill between the two must not leave a result whose weights are missing
    by_kind = ({WEIGHTS: weights} if weights else {}) | {KIND.name: rows}
    return Computed(by_kind, provenance(start, device, _compute))


def _failure(spec: BaselineSpec, message: str) -> dict[str, Any]:
    facts = {"seconds": None, "device": None, "note": None, "failed": message}
    return {"key": spec.key, **spec.model_dump(), **facts}


def _weights_row(spec: BaselineSpec, encoder: Encoder) -> dict[str, Any]:
    """Weights (K, D) and what follows them in a row, and how features follow from them."""
    kind, table = as_table(encoder)
    values = table.float().cpu().numpy().astype("<f4")
    return {"key": spec.key, "weights": values.tobytes(), "activation": kind}


def _measure_all(
    outcomes: Outcomes, specs: Sequence[BaselineSpec], data: Dataset, device: torch.device
) -> list[dict[str, float]]:
    """Measures of every encoder, by column name; a failure has none."""
    fitted = [(i, o) for i, o in enumerate(outcomes) if not isinstance(o, FitError)]
    measures: list[dict[str, float]] = [{} for _ in outcomes]
    at_once = max(1, _MAX_FEATURES // (len(data.train) * specs[0].hidden_dim))
    for start in range(0, len(fitted), at_once):
        block = fitted[start : start + at_once]
        encoders = [encoder for _, encoder in block]
        values = _measure(encoders, [specs[i].seed for i, _ in block], data, device)
        for position, (i, _) in enumerate(block):
            measures[i] = {name: float(value[position]) for name, value in values.items()}
    return measures


@torch.no_grad()
def _measure(
    encoders: Sequence[Encoder], seeds: Sequence[int], data: Dataset, device: torch.device
) -> dict[str, Tensor]:
    train, test = (
        torch.stack([encoder.transform(x.to(device)) for encoder in encoders])
        for x in (data.train, data.test)
    )
    labels, test_labels = data.train_labels.to(device), data.test_labels.to(device)
    values = describe_outputs(test)
    values |= {
        "hsic": mean_hsic(test),
        "hsic_floor": mean_hsic(test, shuffled=True),
    }
    values |= describe_weights(torch.stack([encoder.weight for encoder in encoders]))
    del values["threshold_gap"]  # compares hyperplanes, which most of these methods do not have
    values["probe_accuracy"] = linear_probe(train, labels, test, test_labels)
    shuffled = [
        linear_probe(
            features,
            labels[torch.randperm(len(labels), generator=generator(seed, "labels"))],
            held_out,
            test_labels,
        )
        for features, held_out, seed in zip(train, test, seeds, strict=True)
    ]
    values["shuffled_probe_accuracy"] = torch.stack(shuffled)
    return values
