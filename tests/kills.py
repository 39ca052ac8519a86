"""A small sweep that is killed over and over, with its log: ``python tests/kills.py --kills 24``.

Every life of the sweep is a process of its own. It reports each thing it does (an epoch, a file
opened, half written, renamed, ...) and waits for leave to go on, so that the kill can strike at a
chosen place, in the middle of a write, too; every other kill strikes a random moment later, while
the process is at work. Places and moments are drawn from a seed.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from infomax_lib import RunSpec, Store, grid, run
from infomax_lib.results import compute, files
from infomax_lib.training.grouping import populations

SPECS = [
    spec
    for epochs, batch_size, optimizer in itertools.product(range(2, 7), (200, 256), ("adam", "sgd"))
    for spec in grid(
        RunSpec(
            dataset="synthetic",
            hidden_dim=3,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
        ),
        lambda_tc=[0.0, 1.0],
    )
]

# What a process reports, in order; and which of it is before, during and after a write.
PLACES = {
    "started on": "before",
    "ended an epoch of": "before",
    "trained": "before",
    "opened a file for": "during",
    "half wrote": "during",
    "wrote": "during",
    "flushed": "during",
    "renamed": "after",
}


class Observed:
    """:mod:`os`, for the module that writes files, with a report of what is done to one."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report
        self._begun: dict[int, bool] = {}  # handle of a file -> whether something is written

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        handle = os.open(path, flags, mode)
        if flags & os.O_CREAT:
            self._begun[handle] = False
            self.report("opened a file for")
        return handle

    def write(self, handle: int, content: memoryview) -> int:
        if self._begun[handle]:
            return os.write(handle, content)
        self._begun[handle] = True
        half = os.write(handle, content[: len(content) // 2])
        self.report("half wrote")
        return half

    def fsync(self, handle: int) -> None:
        if handle in self._begun:
            self.report("wrote")
        os.fsync(handle)
        if self._begun.pop(handle, None):  # a folder has not been begun
            self.report("flushed")

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)
        self.report("renamed")


def observe(report: Callable[[str], None]) -> None:
    """Make this process report what it does, by wrapping the calls it does it with."""
    train = compute.train_population

    def trained(specs, *args, on_epoch, **kwargs):
        report("started on " + " ".join(spec.key for spec in specs))

        def epoch():
            report("ended an epoch of")
            on_epoch()

        found = train(specs, *args, on_epoch=epoch, **kwargs)
        report("trained")
        return found

    files.os = Observed(report)
    compute.train_population = trained


class Life:
    """One process that works on the sweep until it is done or killed.

    Attributes:
        trained: Keys of the runs of each population that it started on.
        last: What it reported last, None before the first report.
        killed: Whether it was killed.
    """

    def __init__(self, folder: Path) -> None:
        self.trained: list[list[str]] = []
        self.last: str | None = None
        self.killed = False
        reports, told = os.pipe()
        asked, leave = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            with contextlib.suppress(BaseException):
                os.close(reports), os.close(leave)

                def report(text: str) -> None:
                    os.write(told, text.encode() + b"\n")
                    os.read(asked, 1)

                observe(report)
                run(SPECS, device="cpu", store=folder, progress=False)
                os._exit(0)
            os._exit(1)
        os.close(told), os.close(asked)
        self.reports, self.leave = os.fdopen(reports), leave

    def next_report(self) -> str | None:
        line = self.reports.readline().rstrip("\n")
        if line.startswith("started on "):
            self.trained.append(line.removeprefix("started on ").split())
            line = "started on"
        self.last = line or self.last
        return line or None

    def live(self, place: str | None = None, times: int = 1, later: float = 0.0) -> None:
        """Work to the end, or to a kill ``later`` seconds after a place is reached for a time."""
        seen = Counter()
        while (line := self.next_report()) is not None:
            seen[line] += 1
            if line == place and seen[line] == times:
                if later:
                    os.write(self.leave, b".")
                    time.sleep(later)
                os.kill(self.process, signal.SIGKILL)
                self.killed = True
                while self.next_report():  # what it did until the kill struck
                    pass
                break
            os.write(self.leave, b".")
        self.reports.close(), os.close(self.leave)
        _, status = os.waitpid(self.process, 0)
        if not self.killed and status != 0:
            raise RuntimeError("the sweep failed by itself")


def stored(folder: Path) -> set[str]:
    """Keys on the disk; damage would raise, since a kill leaves none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Store(folder).keys("runs")


def survive(kills: int, seed: int, folder: Path, say: Callable[[str], None] = print) -> dict:
    """Kill the sweep that often, let it finish, and compare it with one that was left alone."""
    torch.optim.Adam([torch.zeros(1)])  # imports what every life would import for itself
    rng = random.Random(seed)
    places = [place for _ in range(kills) for place in rng.sample(list(PLACES), len(PLACES))]
    groups = list(populations(SPECS))
    say(f"{len(SPECS)} runs in {len(groups)} populations, {kills} kills, seed {seed}")
    killed_at, trained, again = Counter(), Counter(), 0
    for number, place in enumerate([*places[:kills], None], 1):
        before = stored(folder / "killed")
        life = Life(folder / "killed")
        times = rng.choice((1, 1, 2)) if place else 1
        life.live(place, times, later=rng.choice((0.0, rng.uniform(0.001, 0.05))))
        again += sum(key in before for keys in life.trained for key in keys)
        trained.update(key for keys in life.trained for key in keys)
        after = stored(folder / "killed")
        if life.killed:
            killed_at[PLACES[life.last]] += 1
            end = f"killed when it last {life.last} its population {len(life.trained)}"
        else:
            end = "ended by itself" if place is None else "was done before the kill"
        unfinished = len(list(folder.rglob(".writing-*")))
        say(
            f"life {number:2}: found {len(before):3} runs, trained {sum(map(len, life.trained)):3},"
            f" left {len(after):3} and {unfinished:2} unfinished files; {end}"
        )
    Life(folder / "undisturbed").live()
    names = ("killed", "undisturbed")
    tables = [run(SPECS, store=folder / name, progress=False) for name in names]
    digests = [Store(folder / name).digest() for name in names]
    rows = sum(info.rows for info in Store(folder / "killed").files("runs"))
    found = {
        "kills": killed_at.total(),
        **{f"{when} a write": killed_at[when] for when in ("before", "during", "after")},
        "runs": len(SPECS),
        "runs trained": trained.total(),
        "runs lost in flight": trained.total() - len(trained),
        "runs trained although stored": again,
        "runs stored twice": rows - len(SPECS),
        "tables equal": tables[0].equals(tables[1]) and digests[0] == digests[1],
        "digest": digests[0][:16],
    }
    for name, value in found.items():
        say(f"{name}: {value}")
    return found


def main() -> int:
    """Run from the command line; exit status 1 when a result was lost or computed differently."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = survive(options.kills, options.seed, Path(folder))
    if options.json:
        print(json.dumps(found))
    sound = found["tables equal"] and not found["runs trained although stored"]
    return 0 if sound and found["kills"] == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
