"""Processes that share a store take turns: each population is computed by one of them.

Who computes a population holds a lock on a small file beside the results. The operating system
lets go of the lock when its owner ends, however it ends, so that nothing has to be cleaned up or
guessed from ages and process numbers after a kill. The lock saves work and nothing else: where it
cannot be had (no such locks on the file system, a folder that refuses files), populations are
computed without it, at worst twice, and the store is as sound as before.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from infomax_lib.model.spec import Spec

__all__ = ["claimed", "take_turns"]

S = TypeVar("S", bound=Spec)

_PAUSE = 0.2  # seconds between two looks at what other processes have finished


def take_turns(
    populations: Iterable[Sequence[S]],
    missing: Callable[[Sequence[S]], list[S]],
    folder: str | os.PathLike[str],
    say: Callable[[str], object] = lambda text: None,
) -> Iterator[list[S]]:
    """What is missing of each population, leaving to other processes what they compute.

    Populations are gone through in order. One that another process holds is put off, and looked
    at again when the others are done: either its results are there, or its owner has ended
    without them and it is given here.

    Args:
        populations: Runs that are computed together. Two processes that are given the same runs
            share the work; of others, only what is stored already is not computed again.
        missing: Which of the given runs the store does not hold now.
        folder: The store's folder.
        say: Called once with a sentence when there is nothing left to do but wait.

    Yields:
        The missing members of one population, to be computed and stored before the next one is
        asked for: until then the population is held.
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
                    yield part
                elif part:
                    put_off.append(population)
        if len(put_off) == len(waiting):
            owner = _owner(folder, put_off[0])
            if silent and owner:
                say(f"waiting for {owner}, which computes the last ones")
                silent = False
            time.sleep(_PAUSE)
        waiting = put_off


@contextlib.contextmanager
def claimed(folder: str | os.PathLike[str], population: Sequence[Spec]) -> Iterator[bool]:
    """Hold a population while the block runs; False when another process holds it."""
    path, mine = _path(folder, population), True
    # a lock of another kind, which outlives a killed process, would never be free again
    lock = FileLock(path, mode=0o644, thread_local=False, blocking=False, fallback_to_soft=False)
    with contextlib.suppress(OSError):  # no lock to be had: compute without
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            mine = False
        else:
            path.write_text(_this_process(), "utf8")
    try:
        yield mine
    finally:
        if lock.is_locked:
            # before letting go: a file that is locked and has no name any more is nobody's claim
            with contextlib.suppress(OSError):
                path.unlink()
            lock.release()


def _path(folder: str | os.PathLike[str], population: Sequence[Spec]) -> Path:
    keys = "".join(sorted(spec.key for spec in population))
    return Path(folder) / f".claim-{hashlib.sha256(keys.encode()).hexdigest()[:32]}"


def _owner(folder: str | os.PathLike[str], population: Sequence[Spec]) -> str:
    """Who holds a population, in words; empty for another thread of this process."""
    owner = ""
    with contextlib.suppress(OSError, ValueError):
        owner = _path(folder, population).read_text("utf8")
    return "" if owner == _this_process() else owner or "another process"


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
