"""Run specs: what is already known comes from the store, the rest is trained as populations."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import measured_epochs
from infomax_lib.results.store import Store, open_store
from infomax_lib.results.workers import Advance, share_out
from infomax_lib.training.grouping import matrix_gigaflops, populations
from infomax_lib.training.memory import available_memory, refuse_what_cannot_fit

if TYPE_CHECKING:
    from distributed import Client
from infomax_lib.results.compute import Computed, compute
from infomax_lib.results.experiments import Kind, interruptible, listed, table, write
from infomax_lib.training.devices import resolve_device

__all__ = [
    "RUNS",
    "Plan",
    "are_long",
    "history",
    "layer_of",
    "plan",
    "run",
    "seconds_alone",
    "tasks_wanted",
    "trained_layer",
]

_WORTH_GIGAFLOPS = 3000  # matrix work that takes a core about half a minute
_CLUSTER_TASKS = 16  # a fixed number: workers come and go, populations should not change with them
Finished = Generator[tuple[list[RunSpec], Computed], None, None]
_LISTS = ("history", "measures")  # the parts of a stored row that run over epochs


def seconds_alone(spec: RunSpec) -> float:
    """Rough time to compute a run and its twins again, in seconds on one core of some 2 GHz."""
    data = load_dataset(spec.dataset)
    samples, inputs = data.train.shape
    batch = spec.samples_per_step(samples)
    steps = spec.epochs * math.ceil(samples / batch)
    layers = 3
    products = 4 * batch * spec.hidden_dim * inputs * layers / 50e9
    elementwise = 20e-9 * batch * spec.hidden_dim * layers
    optimizer = 3e-9 * spec.hidden_dim * inputs * layers
    measuring = 0.2 + 2e-6 * samples * spec.hidden_dim * layers
    return steps * (0.3e-3 + products + elementwise + optimizer) + measuring


def are_long(specs: Sequence[RunSpec]) -> bool:
    """Whether training these takes a core more than about half a minute."""
    return matrix_gigaflops(specs) > _WORTH_GIGAFLOPS


RUNS = Kind("runs", (RunSpec,), twins=True, seconds=lambda spec, store: seconds_alone(spec))


@dataclass(frozen=True)
class Plan:
    """What :func:`run` will do.

    Attributes:
        runs: The different runs asked for.
        missing: Those that the store does not hold.
        groups: The populations of all runs asked for; empty when nothing is missing.
        parts: What will train together: the groups, or what is missing of them.
        processes: How many of them train side by side on this machine.
    """

    runs: list[RunSpec]
    missing: list[RunSpec]
    groups: list[list[RunSpec]]
    parts: list[list[RunSpec]]
    processes: int


@RUNS.driver
def run(
    specs: Sequence[RunSpec] | RunSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
    keep_weights: bool = False,
    cluster: str | Client | None = None,
    cluster_timeout: float = 15.0,
) -> pd.DataFrame:
    """Results of the given runs, computing only those that the store does not hold.

    Every finished population is written at once: a run that is cut off loses at most the
    populations in flight, and the same call goes on where it stopped. Which runs train together
    follows from ``specs`` and the number of threads, not from what is stored already, so that going
    on gives the same rows as never having stopped.

    Args:
        specs: What to run; see :func:`infomax_lib.grid`.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; with a
            cluster, a device of each worker.
        store: Folder, name or :class:`Store`, see :func:`infomax_lib.open_store`; None keeps the
            results for this process only.
        progress: Show a progress bar while something is computed.
        keep_weights: Also keep the weights at every measured epoch, for :func:`trained_layer`.
        cluster: Address of a Dask scheduler, ``"tcp://HOST:PORT"``, or a ``distributed.Client``:
            its workers train, one population per task, and this process writes the store.
        cluster_timeout: Seconds to wait for the scheduler, and then for its first worker.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and the final measures.

    Raises:
        TypeError: Anything but specs.
        ValueError: A layer that cannot be trained: more units than samples, or than the memory
            holds; a device that is not there.
        ClusterError: The cluster is out of reach, has no workers or other versions, or a
            population failed there.
    """
    specs, store = listed(specs, RunSpec), open_store(store)
    place = resolve_device(device) if cluster is None else None
    todo = plan(specs, store, keep_weights, tasks_wanted(place))
    if place is not None:
        refuse_what_cannot_fit(todo.missing, available_memory(place), f"device {place}")
    bar = tqdm(
        total=sum(spec.epochs for spec in todo.missing),
        unit="layer-epoch",
        desc=f"training {len(todo.missing)} run(s) on {place or 'the cluster'}",
        disable=not (progress and todo.missing),
    )
    if place is not None:
        finished = _computed_here(todo, place, store, keep_weights, bar)
    else:
        finished = _computed_on(cluster, todo, device, keep_weights, cluster_timeout, bar)
    with interruptible(
        finished,
        bar,
        lambda: len(_missing(todo.missing, store, keep_weights)),
        len(todo.missing),
        store,
        "runs",
        "call run() again with the same specs to go on from there",
    ):
        for _, done in finished:
            write(done, store)
    return table(specs, store.load("runs", [spec.key for spec in specs]), without=_LISTS)


def tasks_wanted(device: torch.device | None) -> int:
    """How many populations long work is split into at least.

    Args:
        device: Of this machine: a CPU trains as many populations at once as it has threads, a GPU
            one. None for a cluster.
    """
    if device is None:
        return _CLUSTER_TASKS
    return torch.get_num_threads() if device.type == "cpu" else 1


def plan(
    specs: Sequence[RunSpec] | RunSpec,
    store: str | Store | None,
    keep_weights: bool = False,
    cores: int = 1,
) -> Plan:
    """What :func:`run` would do with these specs and this store; nothing is computed.

    All specs are grouped, whatever the store holds, and the known ones are then left out: after a
    kill, the populations that had not finished are trained again exactly as they were.

    Args:
        specs: What to run.
        store: Where results are looked for.
        keep_weights: Weights are wanted, too.
        cores: How many populations could train side by side, see :func:`tasks_wanted`; used where
            that pays.
    """
    different, store = list(dict.fromkeys(listed(specs, RunSpec))), open_store(store)
    missing = _missing(different, store, keep_weights)
    # with nothing to compute the dataset, which grouping reads, need not be at hand
    cores = cores if missing and are_long(different) else 1
    groups = populations(different, at_least=cores) if missing else []
    parts = [
        part
        for group in groups
        for part in _parts(_missing(group, store, keep_weights), len(group))
    ]
    return Plan(different, missing, groups, parts, min(cores, len(parts)))


def history(specs: Sequence[RunSpec] | RunSpec, store: str | Store | None = "auto") -> pd.DataFrame:
    """Per-epoch values of runs that :func:`run` has computed into the same store.

    Returns:
        One row per run and recorded epoch: ``key``, the spec's fields, ``epoch``, ``loss`` and
        ``train_tc`` (means over the epoch's batches), and the other measures at the measured
        epochs 0, 1, 2, 5, 10, 20, 50, ... (NaN elsewhere). Epoch 0 is the untrained layer.

    Raises:
        KeyError: A run is not in the store.
    """
    specs = listed(specs, RunSpec)
    front = ["key", *RunSpec.model_fields, "epoch"]
    if not specs:
        return pd.DataFrame(columns=front)
    rows = _known("runs", specs, open_store(store), "run(specs, store=...)")
    means, measures = (
        pd.concat([pd.DataFrame(row[part]) for row in rows], keys=range(len(rows)), names=["run"])
        .reset_index("run")
        .astype({"epoch": "int64"})  # that of a run without epochs is a list of nothing
        .set_index(["run", "epoch"])
        for part in _LISTS
    )
    long = means.join(measures, how="outer").reset_index()
    fields = pd.DataFrame([{"key": spec.key, **spec.model_dump()} for spec in specs])
    return pd.concat([fields.loc[long.pop("run")].reset_index(drop=True), long], axis=1)


def trained_layer(
    spec: RunSpec, store: str | Store | None = "auto", epoch: int | None = None
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
    return layer_of(spec, row, epoch)


def layer_of(spec: RunSpec, row: Mapping[str, Any], epoch: int) -> InfoMaxLayer:
    """The layer at a measured epoch, of a run's row of kind "weights"."""
    stack = np.frombuffer(row["weights"], "<f4").reshape(len(row["epochs"]), spec.hidden_dim, -1)
    values = torch.from_numpy(stack[row["epochs"].index(epoch)].astype(np.float32))
    layer = InfoMaxLayer(
        values.shape[1] - 1,
        spec.hidden_dim,
        spec.activation,
        spec.competition,
        spec.seed,
        temperature=spec.temperature,
        group_size=spec.group_size,
    )
    with torch.no_grad():
        layer.weight.copy_(values[:, :-1])
        layer.bias.copy_(values[:, -1])
    return layer


def _missing(specs: Sequence[RunSpec], store: Store, keep_weights: bool) -> list[RunSpec]:
    """The specs without a row of every kind that is wanted."""
    known = store.keys("runs")
    if keep_weights:
        known &= store.keys("weights")
    return [spec for spec in specs if spec.key not in known]


def _parts(missing: list[RunSpec], size: int) -> list[list[RunSpec]]:
    """What is missing of a population of ``size`` runs, as lists that can train together."""
    # a whole population stays as it is; some layers of one may no longer fit together
    return [missing] if len(missing) == size else populations(missing)


def _computed_here(
    todo: Plan, device: torch.device, store: Store, keep_weights: bool, bar: tqdm
) -> Finished:
    """What is missing, computed on this machine, sharing the work with others at the same store."""
    size = {spec: len(group) for group in todo.groups for spec in group}
    return share_out(
        sorted(todo.groups, key=matrix_gigaflops, reverse=True),
        partial(_missing, store=store, keep_weights=keep_weights),
        store.folder,
        partial(_compute_part, device=device, keep_weights=keep_weights),
        todo.processes,
        bar.update,
        bar.write,
        lambda specs: _parts(specs, size[specs[0]]),
    )


def _computed_on(
    cluster: Any, todo: Plan, device: str, keep_weights: bool, timeout: float, bar: tqdm
) -> Finished:
    """What is missing, computed on a cluster, which is not asked for when there is nothing."""
    if todo.parts:
        from infomax_lib.results.cluster import computed_on

        with closing(computed_on(cluster, todo.parts, device, keep_weights, timeout)) as finished:
            for part, done in finished:
                yield part, done
                bar.update(sum(spec.epochs for spec in part))


def _compute_part(
    part: list[RunSpec], advance: Advance, device: torch.device, keep_weights: bool
) -> Computed:
    """:func:`compute`, which advances by one for each epoch of each layer."""
    return compute(part, device, keep_weights, partial(advance, len(part)))


def _known(kind: str, specs: Sequence[RunSpec], store: Store, how: str) -> list[dict[str, Any]]:
    rows = store.load(kind, [spec.key for spec in specs])
    absent = [spec for spec in specs if spec.key not in rows]
    if absent:
        raise KeyError(
            f"{len(absent)} of {len(specs)} runs are not in {store}, the first being {absent[0]}: "
            f"compute them with {how}"
        )
    return [rows[spec.key] for spec in specs]
