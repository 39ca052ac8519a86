"""Populations computed on a dask.distributed cluster, one per task.

Workers train and return rows; they never see a store. Before anything is submitted every worker is
asked for its versions, its device, its memory and the datasets, so that a cluster that cannot do
the work is refused at once. A task whose worker dies is given to another one by the scheduler.
"""

from __future__ import annotations

import platform
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.compute import Computed, compute
from infomax_lib.results.files import code_fingerprint
from infomax_lib.training.devices import resolve_device
from infomax_lib.training.memory import available_memory, refuse_what_cannot_fit

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ClusterError", "check_workers", "computed_on", "connected"]

# A task that raises is tried again, on any worker: a full GPU or disk may be that machine's alone.
_RETRIES = 2

# PyTorch's thread count belongs to the process: a worker with several threads takes turns.
_ONE_AT_A_TIME = threading.Lock()


class ClusterError(RuntimeError):
    """A cluster cannot be used, or a population failed there; the message says what to do."""


def computed_on(
    cluster: str | Client,
    parts: Sequence[list[RunSpec]],
    device: str,
    keep_weights: bool,
    timeout: float,
) -> Generator[tuple[list[RunSpec], Computed], None, None]:
    """Compute populations on a cluster; yields each with its specs, in the order they finish.

    A population that fails does not stop the others; the error is raised after the last of them.
    Closing the iterator cancels what has not finished.

    Args:
        cluster: Address of a scheduler, or a client.
        parts: Populations, each of them one task.
        device: Where each worker trains, see :func:`infomax_lib.training.devices.resolve_device`.
        keep_weights: Also return weights.
        timeout: Seconds to wait for the scheduler, and then for its first worker.

    Raises:
        ClusterError: See :func:`connected` and :func:`check_workers`; or populations failed.
    """
    with connected(cluster, timeout) as client:
        from distributed import as_completed

        check_workers(client, device, [spec for part in parts for spec in part], timeout)
        futures = {
            client.submit(
                _task, part, device, keep_weights, _versions(), pure=False, retries=_RETRIES
            ): part
            for part in parts
        }
        failures: list[str] = []
        try:
            for future in as_completed(list(futures), loop=client.loop):
                try:
                    done = future.result()
                except Exception as error:  # whatever happened there, the others go on
                    failures.append(_failure(error))
                else:
                    yield futures[future], done
                finally:
                    future.release()
        finally:
            client.cancel(list(futures))
        if failures:
            raise ClusterError(
                f"{len(failures)} of {len(parts)} populations failed; the others are stored, and "
                "the same call tries the missing ones again. The first: " + failures[0]
            )


@contextmanager
def connected(cluster: str | Client, timeout: float) -> Iterator[Client]:
    """A client of the cluster, closed at the end unless it was given.

    Raises:
        ClusterError: dask.distributed is not installed, the address is none, or no scheduler
            answers there in time.
        TypeError: ``cluster`` is neither an address nor a client.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterError(
            "computing on a cluster needs dask.distributed: "
            'pip install "infomax_lib[cluster]", here and on the workers'
        ) from error
    if isinstance(cluster, Client):
        yield cluster
        return
    if not isinstance(cluster, str):
        raise TypeError(
            'cluster is an address such as "tcp://HOST:PORT" or a distributed.Client, '
            f"got {type(cluster).__name__}"
        )
    if not re.fullmatch(r"\w+://\S+:\d+", cluster):
        raise ClusterError(
            f"{cluster!r} is not the address of a scheduler: `dask scheduler` prints it when it "
            "starts, as tcp://HOST:PORT"
        )
    try:
        client = Client(cluster, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"no scheduler answers at {cluster!r} within {timeout:g} s ({error}): start one with "
            "`dask scheduler`, which prints its address tcp://HOST:PORT, and check host, port and "
            "firewall; nothing was computed"
        ) from error
    with client:
        yield client


def check_workers(client: Client, device: str, specs: Sequence[RunSpec], timeout: float) -> None:
    """Refuse a cluster that cannot compute these runs.

    Raises:
        ClusterError: There are no workers, or some lack the dataset, the device, the memory or
            this process's versions of the library, PyTorch and Python; the message names them.
    """
    address = client.scheduler.address if client.scheduler else "?"
    try:
        client.wait_for_workers(1, timeout=timeout)
    except TimeoutError as error:
        raise ClusterError(
            f"the scheduler at {address} has had no workers for {timeout:g} s: start some with "
            f"`dask worker {address} --nworkers 2 --nthreads 1`, or wait longer for jobs that are "
            "queued (cluster_timeout=…, `infomax sweep --timeout …`); nothing was computed"
        ) from error
    found = client.run(_versions, on_error="return")
    here = _versions()
    complaints = {worker: _difference(here, there) for worker, there in found.items()}
    if not any(complaints.values()):
        complaints = client.run(_unable, device, list(specs), on_error="return")
    wrong = {worker: text for worker, text in complaints.items() if text}
    if wrong:
        lines = [f"  {worker}: {text}" for worker, text in wrong.items()]
        raise ClusterError(
            f"{len(wrong)} of {len(complaints)} workers cannot compute these runs:\n"
            + "\n".join(lines)
            + "\nPut them right or stop them; nothing was computed"
        )


def _versions() -> dict[str, str]:
    """What has to be the same everywhere for results to belong together."""
    from infomax_lib import __version__

    return {
        "infomax_lib": f"{__version__} ({code_fingerprint()})",
        "torch": torch.__version__.partition("+")[0],  # builds for CPU and GPU may be mixed
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }


def _difference(here: dict[str, str], there: dict[str, str] | Exception) -> str:
    """How a worker's versions differ, or an empty text."""
    if isinstance(there, Exception):
        return f"cannot load this version of infomax_lib ({type(there).__name__}: {there})"
    return "; ".join(
        f"has {name} {there.get(name)}, here it is {version}"
        for name, version in here.items()
        if there.get(name) != version
    )


def _unable(device: str, specs: list[RunSpec], dask_worker: Any) -> str:
    """Why this worker cannot compute these runs, or an empty text; runs on the worker."""
    try:
        place = resolve_device(device)
        for name in dict.fromkeys(spec.dataset for spec in specs):
            load_dataset(name)
        limits = [available_memory(place)]
        if place.type == "cpu":
            limits.append(dask_worker.memory_manager.memory_limit)
        available = min((limit for limit in limits if limit), default=None)
        refuse_what_cannot_fit(specs, available, "it")
    except (RuntimeError, ValueError, OSError) as error:
        return str(error)
    return ""


def _task(
    specs: list[RunSpec], device: str, keep_weights: bool, versions: dict[str, str]
) -> Computed:
    """Compute one population on a worker, which may have joined after the check."""
    difference = _difference(versions, _versions())
    if difference:
        raise ClusterError(f"a worker {difference}")
    with _ONE_AT_A_TIME:
        return compute(specs, resolve_device(device), keep_weights)


def _failure(error: Exception) -> str:
    """One line on a failed task."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            f"{error}\nIts workers died, perhaps for want of memory: give them more "
            "(`dask worker --memory-limit`), or run fewer on one machine"
        )
    return f"{type(error).__name__}: {error}"
