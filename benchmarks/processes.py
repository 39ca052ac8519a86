"""Work in a process for each core: the way ``run`` trains what takes longer than half a minute."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.context import BaseContext

import torch

from benchmarks.timing import Work

__all__ = ["Processes", "fresh"]

_prepared: dict[int, Work] = {}  # in each of the processes, what it has made


class Processes:
    """Processes with one thread each, which keep what they have prepared until they are told.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pools = [
            ProcessPoolExecutor(1, fresh(), initializer=torch.set_num_threads, initargs=(1,))
            for _ in range(count)
        ]
        self._numbers = itertools.count()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *error: object) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def side_by_side(self, make: Sequence[Callable[[], Work]]) -> Work:
        """The work that each function makes, in a process of its own, all at the same time.

        Args:
            make: As many functions as there are processes; they travel by name.
        """
        number = next(self._numbers)
        self._in_each(_prepare, [(number, one) for one in make])
        return lambda times: self._in_each(_work, [(number, times)] * self.count)

    def forget(self) -> None:
        """Drop what was prepared."""
        self._in_each(_forget, [()] * self.count)

    def _in_each(self, function: Callable, arguments: Sequence[tuple]) -> None:
        tasks: list[Future] = [
            pool.submit(function, *own) for pool, own in zip(self._pools, arguments, strict=True)
        ]
        for task in tasks:
            task.result()


def fresh() -> BaseContext:
    """How to start a process that knows nothing of this one; torch is imported once for all."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["infomax_lib.training.population"])
    return context


def _prepare(number: int, make: Callable[[], Work]) -> None:
    _prepared[number] = make()


def _work(number: int, times: int) -> None:
    _prepared[number](times)


def _forget() -> None:
    _prepared.clear()
