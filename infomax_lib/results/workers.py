"""Work done side by side on one machine, a process with one thread for each core.

Two processes with one thread each train more than one process with two: between its matrix
products a step consists of many small operations, which threads cannot share.
"""

from __future__ import annotations

import itertools
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from joblib.externals.loky import ProcessPoolExecutor

from infomax_lib.model.spec import Spec
from infomax_lib.results.locks import take_turns

__all__ = ["share_out", "side_by_side"]

S = TypeVar("S", bound=Spec)
R = TypeVar("R")

_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 10.0
_IDLE_SECONDS = 10.0  # after which workers end; the next call starts others

# Number of workers -> those of a call that has ended, and what will end them.
_idle: dict[int, tuple[ProcessPoolExecutor, threading.Timer]] = {}
_idle_lock = threading.Lock()

# Calls a function in a worker process and waits for its result.
Remote = Callable[..., Any]
# Told how much was done since the last call.
Advance = Callable[[int], object]


def side_by_side(
    work: Callable[[Remote], Generator[R, None, None]], processes: int, on_progress: Advance
) -> Generator[R, None, None]:
    """What ``work(remote)`` gives in as many threads as there are worker processes.

    ``remote(function, *arguments)`` calls the function in a worker, with one more argument: the
    path of a file of its own. What is appended to that file counts as progress.

    Args:
        work: Shares the work with its likes in the other threads, see :mod:`.locks`. It is asked
            for its next result when the last one has been dealt with here.
        processes: Number of threads here, and of workers with one thread each.
        on_progress: Called now and then with the number of bytes appended since the last call.

    Yields:
        The results of all threads, as they come.
    """
    with (
        _workers(processes) as executor,
        tempfile.TemporaryDirectory(prefix="infomax-progress-") as folder,
    ):
        names = map(str, itertools.count())
        lock, closed, tasks = threading.Lock(), threading.Event(), set[Future[Any]]()
        # results with what to set when they are dealt with, and how threads end
        handed: queue.SimpleQueue[tuple[R, threading.Event] | BaseException | None]
        handed = queue.SimpleQueue()

        def remote(function: Callable[..., Any], *arguments: Any) -> Any:
            with lock:
                if closed.is_set():
                    raise RuntimeError("the work has ended in another thread")
                progress = Path(folder) / next(names)
                task = executor.submit(_in_worker, os.getpid(), function, *arguments, progress)
                tasks.add(task)
            try:
                return task.result()
            finally:
                tasks.discard(task)

        def hand_over() -> None:
            try:
                with closing(work(remote)) as results:
                    for result in results:
                        dealt_with = threading.Event()
                        handed.put((result, dealt_with))
                        while not (dealt_with.wait(_POLL_SECONDS) or closed.is_set()):
                            pass
                handed.put(None)
            except BaseException as error:
                handed.put(error)

        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(Path(folder), stop, on_progress))
        watcher.start()
        try:
            with ThreadPoolExecutor(processes) as threads:
                for _ in range(processes):
                    threads.submit(hand_over)
                try:
                    working = processes
                    while working:
                        came = handed.get()
                        if isinstance(came, BaseException):
                            raise came
                        if came is None:
                            working -= 1
                        else:
                            result, dealt_with = came
                            yield result
                            dealt_with.set()
                except BaseException:
                    with lock:
                        closed.set()
                    # loky's own thread stumbles over tasks that it has not taken up when it ends
                    _wait_until_taken_up(list(tasks))
                    # what waits for the workers ends with them, and finds nothing more to call
                    executor.shutdown(wait=True, kill_workers=True)
                    raise
        finally:
            stop.set()
            watcher.join()


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Workers that no other call has, and that stay for the next one when the block ends well.

    Not joblib's own, which every user of joblib shares: an error here ends all workers.
    """
    executor = _take_idle(processes)
    if executor is None:
        executor = ProcessPoolExecutor(processes, env={"OMP_NUM_THREADS": "1"})
    yield executor
    _keep_idle(processes, executor)


def _take_idle(processes: int) -> ProcessPoolExecutor | None:
    """Workers of an earlier call, if there are some and nobody has ended them."""
    with _idle_lock:
        executor, end = _idle.pop(processes, (None, None))
    if executor is None or end is None:
        return None
    end.cancel()
    try:
        executor.submit(os.getpid).result()
    except RuntimeError:
        return None
    return executor


def _keep_idle(processes: int, executor: ProcessPoolExecutor) -> None:
    """Keep workers for the next call, or end them where there are some already."""
    # Ended from here: workers that end by themselves may do so while they are given work.
    end = threading.Timer(_IDLE_SECONDS, _end_idle, (processes, executor))
    end.daemon = True
    with _idle_lock:
        kept = _idle.setdefault(processes, (executor, end))[0] is executor
    if kept:
        end.start()
    else:
        executor.shutdown()


def _end_idle(processes: int, executor: ProcessPoolExecutor) -> None:
    with _idle_lock:
        idle = _idle.get(processes, (None, None))[0] is executor
        if idle:
            del _idle[processes]
    if idle:
        executor.shutdown()


def share_out(
    chunks: Sequence[Sequence[S]],
    missing: Callable[[Sequence[S]], list[S]],
    folder: str | os.PathLike[str],
    compute: Callable[[list[S], Advance], R],
    processes: int = 1,
    on_progress: Advance = lambda count: None,
    say: Callable[[str], object] = lambda text: None,
    split: Callable[[list[S]], Iterable[list[S]]] = lambda part: [part],
) -> Generator[tuple[list[S], R], None, None]:
    """Compute what is missing of each chunk, here or in workers, sharing with others at the store.

    Args:
        chunks: Specs that are computed together.
        missing: Which of the given specs the store does not hold now.
        folder: The store's folder.
        compute: ``compute(part, advance)`` gives the results of some specs, and calls
            ``advance(count)`` for what it has done of them. With more than one process it has to
            be known by name there, and what it gives has to travel.
        processes: How many chunks are computed at a time; 1 computes in this process.
        on_progress: Called now and then with what was done since, in the units of ``advance``.
        say: Called with a sentence when there is nothing left to do but wait for others.
        split: Parts in which a chunk's missing specs are computed and stored, one after another.

    Yields:
        Each finished part with its results, which are to be stored before the next one is asked
        for. ``missing`` is not called meanwhile.
    """
    lock = threading.Lock()

    def still_missing(specs: Sequence[S]) -> list[S]:
        with lock:
            return missing(specs)

    def work(computed: Callable[[list[S]], R]) -> Generator[tuple[list[S], R], None, None]:
        for specs in take_turns(chunks, still_missing, folder, say):
            for part in split(specs):
                yield part, computed(part)

    processes = min(processes, len(chunks))
    if processes > 1:
        found = side_by_side(
            lambda remote: work(lambda part: remote(_counted, compute, part)),
            processes,
            on_progress,
        )
    else:
        found = work(lambda part: compute(part, on_progress))
    with closing(found):
        for part, results in found:
            with lock:
                yield part, results


def _counted(compute: Callable[[list[S], Advance], R], part: list[S], progress: Path) -> R:
    """``compute`` in a worker, which appends a byte to a file for each unit of progress."""
    with progress.open("ab", buffering=0) as file:
        return compute(part, lambda count: file.write(b"." * count))


def _wait_until_taken_up(tasks: Sequence[Future[Any]]) -> None:
    """Wait until no task is queued any more: a moment, as there are no more tasks than workers."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if all(task.running() or task.done() for task in tasks):
            return
        time.sleep(0.01)


def _in_worker(parent: int, function: Callable[..., Any], *arguments: Any) -> Any:
    torch.set_num_threads(1)
    finished = threading.Event()
    threading.Thread(target=_end_with, args=(parent, finished), daemon=True).start()
    try:
        return function(*arguments)
    finally:
        finished.set()


def _end_with(parent: int, finished: threading.Event) -> None:
    """End this process when its parent is killed: nobody would take its result."""
    while not finished.wait(_POLL_SECONDS):
        if os.getppid() != parent:
            os._exit(1)


def _watch(folder: Path, stop: threading.Event, on_progress: Advance) -> None:
    seen, stopped = 0, False
    while not stopped:
        stopped = stop.wait(_POLL_SECONDS)
        now = sum(path.stat().st_size for path in folder.iterdir())
        on_progress(now - seen)
        seen = now
