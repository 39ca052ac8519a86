"""Wall time of a whole sweep as a reader runs it: the command, an empty store, all measures."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.settings import Settings
from infomax_lib.results.sweep import read_sweep, sweep_specs

__all__ = ["SWEEP", "measure_sweep"]

SWEEP = Path(__file__).parents[1] / "sweeps" / "activations.yaml"


def measure_sweep(device: torch.device, settings: Settings) -> dict:
    """Run ``infomax sweep`` on 180 runs, in a process of its own and a folder that is new.

    Raises:
        subprocess.CalledProcessError: The command failed; what it says is printed.
    """
    specs = sweep_specs(read_sweep(SWEEP, settings.sweep))
    command = [sys.executable, "-m", "infomax_lib.cli", "sweep", str(SWEEP)]
    command += ["--device", str(device)]
    command += [part for value in settings.sweep for part in ("-p", value)]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [*command, "--store", folder],
            env=os.environ | threads,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - start
    return {
        "file": f"{SWEEP.parent.name}/{SWEEP.name}",
        "dataset": specs[0].dataset,
        "runs": len(specs),
        "epochs": specs[0].epochs,
        "seconds": seconds,
    }
