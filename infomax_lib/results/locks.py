"""Processes that share a store take turns: each population is computed by one of them.

Who computes a population holds a lock on a small file beside the results. The operating system
lets go of the lock when its owner ends, however it ends, so that nothing has to be cleaned up or
guessed from ages and process numbers after a kill. The lock saves work and nothing else: where it
cannot be had (no such locks on the system, a folder that refuses files), populations are computed
without it, at worst twice, and the store is as sound as before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from infomax_lib.model.spec import Spec

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["claimed", "take_turns"]

S = TypeVar("S", bound=Spec)

_PAUSE = 0.2  # seconds between two looks at what other processes have finished


def take_turns(
    populations: Iterable[Sequence[S]],
    missing: Callable[[Sequence[S]], list[S]],
    folder: str | os.PathLike,
    compute: Callable[[list[S]], object],
    say: Callable[[str], object] = lambda text: None,
) -> None:
    """Compute what is missing of each population, leaving to other processes what they compute.

    Populations are gone through in order. One that another process holds is put off, and looked
    at again when the others are done: either its results are there, or its owner has ended
    without them and it is computed here.

    Args:
        populations: Runs that are computed together. Two processes that are given the same runs
            share the work; of others, only what is stored already is not computed again.
        missing: Which of the given runs the store does not hold now.
        folder: The store's folder.
        compute: Called with the missing members of one population; has stored them on return.
        say: Called once with a sentence when there is nothing left to do but wait.
    """
    waiting = [population for population in populations if missing(population)]
    silent = True
    while waiting:
        put_off = []
        for population in waiting:
            with claimed(folder, population) as mine:
                # asked while holding it: it may have been finished a moment ago
                part = missing(population)
                if part and mine:
                    compute(part)
                elif part:
                    put_off.append(population)
        if put_off and len(put_off) == len(waiting):
            owner = _owner(folder, put_off[0])
            if silent and owner:
                say(f"waiting for {owner}, which computes the last ones")
                silent = False
            time.sleep(_PAUSE)
        waiting = put_off


@contextlib.contextmanager
def claimed(folder: str | os.PathLike, population: Sequence[Spec]) -> Iterator[bool]:
    """Hold a population while the block runs; False when another process holds it."""
    handle, mine = None, True
    with contextlib.suppress(OSError):  # no lock to be had: compute without
        try:
            handle = _lock(_path(folder, population))
        except BlockingIOError:
            mine = False
    try:
        yield mine
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                _path(folder, population).unlink()
            os.close(handle)


def _path(folder: str | os.PathLike, population: Sequence[Spec]) -> Path:
    keys = "".join(sorted(spec.key for spec in population))
    return Path(folder) / f".claim-{hashlib.sha256(keys.encode()).hexdigest()[:32]}"


def _lock(path: Path) -> int | None:
    """A locked file descriptor, or None where there are no locks.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: The file cannot be made or locked.
    """
    if fcntl is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner has removed the file it held: the name may stand for another by now.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(path)):
                    with contextlib.suppress(OSError):  # a full disk
                        os.ftruncate(handle, 0)
                        os.write(handle, json.dumps(_this_process()).encode())
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _owner(folder: str | os.PathLike, population: Sequence[Spec]) -> str:
    """Who holds a population, in words; empty for another thread of this process."""
    with contextlib.suppress(OSError, ValueError):
        owner = json.loads(_path(folder, population).read_text())
        if owner == _this_process():
            return ""
        return "process {process} on {machine}".format(**owner)
    return "another process"


def _this_process() -> dict[str, int | str]:
    return {"process": os.getpid(), "machine": socket.gethostname()}
