"""Measure, print, store: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.engine import Row, measure_row, rows
from benchmarks.growth import measure_growth
from benchmarks.inputs import mnist_or_random, random_data
from benchmarks.precision import measure_precision
from benchmarks.probes import measure_probes
from benchmarks.processes import Processes
from benchmarks.settings import FULL, QUICK, Settings
from benchmarks.sweep import measure_sweep
from infomax_lib.cli import write_what_can_be_written
from infomax_lib.results.files import write_whole
from infomax_lib.results.runs import tasks_wanted
from paper.chapters.performance.tables import tables

RESULTS = Path(__file__).parent / "results"
_UNITS = 16  # K of the layers whose number grows
SCRATCH = Path("build") / "benchmarks"


def measure(settings: Settings, device: torch.device, sweep: bool = False) -> dict:
    """Everything, as one record that JSON can hold; a whole sweep only if wanted."""
    start = time.perf_counter()
    source = (
        mnist_or_random
        if settings.shrink == 1
        else partial(random_data, settings.samples, settings.inputs)
    )
    data = source()
    record: dict = {
        "machine": machine.describe(device),
        "settings": {
            "data": data.name,
            "rounds": settings.effort.rounds,
            "seconds": settings.effort.seconds,
            "complete": settings.shrink == 1,
        },
        "engine": [],
        "throughput": [],
    }
    count = tasks_wanted(device)
    with Processes(count) if count > 1 else nullcontext() as processes:
        for row in rows(settings.shrink):
            _say(f"{row.layers} layers of K={row.units}, {row.layout}")
            record["engine"].append(measure_row(row, source, device, settings, processes))
        for layers in settings.layers:
            _say(f"throughput of {layers} layers")
            row = Row(layers, _UNITS, peers=True)
            record["throughput"].append(measure_row(row, source, device, settings, processes))
    _say("probes")
    record["probes"] = measure_probes(data, device, settings)
    _say("bfloat16 against float32")
    record["precision"] = measure_precision(data, device, settings)
    _say("growth of time and memory")
    record["growth"] = list(measure_growth(device, settings))
    if sweep:
        _say("a whole sweep")
        record["sweep"] = measure_sweep(device, settings)
    record["settings"]["total_seconds"] = round(time.perf_counter() - start)
    return record


def main(arguments: list[str] | None = None) -> Path:
    """Run the command; returns the file that was written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds; numbers mean nothing")
    parser.add_argument("--sweep", action="store_true", help="time a sweep of 180 runs, too")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--rounds", type=int, help="how often each contestant is timed")
    parser.add_argument("--seconds", type=float, help="least duration of one timing")
    parser.add_argument("--output", type=Path, help="folder for the JSON file")
    chosen = parser.parse_args(arguments)
    write_what_can_be_written()
    if chosen.output and chosen.output.exists() and not chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a file: name a folder")
    settings = QUICK if chosen.quick else FULL
    given = {name: getattr(chosen, name) for name in ("rounds", "seconds")}
    effort = replace(settings.effort, **{n: v for n, v in given.items() if v is not None})
    settings = replace(settings, effort=effort)
    record = measure(settings, torch.device(chosen.device), chosen.sweep)
    folder = chosen.output or (SCRATCH if chosen.quick else RESULTS)
    path = folder / machine.file_name(record["machine"])
    write_whole(path, f"{json.dumps(record, indent=1)}\n".encode())
    for title, table in tables(record).items():
        print(f"\n{title}\n{table.to_string(index=False)}")
    print(f"\nstored in {path}")
    return path


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
