"""Times of several contestants, taken in turns so that a noisy moment hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Effort", "Work", "contest", "no_wait", "spread"]

#: Does its unit of work as many times as it is told.
Work = Callable[[int], object]


def no_wait() -> None:
    """What there is to wait for on a CPU."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: How often each contestant is timed.
        seconds: How long one timing should take at least.
        synchronize: Waits until the device has done everything it was told.
    """

    rounds: int = 7
    seconds: float = 0.1
    synchronize: Callable[[], object] = no_wait


def contest(contestants: Mapping[str, Work], effort: Effort) -> dict[str, np.ndarray]:
    """Seconds per unit of work, by contestant and round.

    Every contestant warms up while the number of units that fills ``effort.seconds`` is found;
    that time is discarded. Then each round times every contestant once, in turn: entries of the
    same round belong to the same moment and may be compared one by one.
    """
    units = {name: _enough(work, effort) for name, work in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(effort.rounds):
        for name, work in contestants.items():
            seconds[name].append(_seconds(work, units[name], effort) / units[name])
    return {name: np.array(values) for name, values in seconds.items()}


def spread(values: np.ndarray) -> dict[str, float]:
    """Median and quartiles over rounds."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _seconds(work: Work, units: int, effort: Effort) -> float:
    effort.synchronize()
    start = time.perf_counter()
    work(units)
    effort.synchronize()
    return time.perf_counter() - start


def _enough(work: Work, effort: Effort) -> int:
    """How many units take ``effort.seconds``; the work done to find out is the warm-up."""
    work(1)
    units = 1
    while (seconds := _seconds(work, units, effort)) < effort.seconds / 4:
        units *= 2
    return max(1, round(units * effort.seconds / seconds))
