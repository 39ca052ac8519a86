"""What a number was measured on, and with which versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
from pathlib import Path

import torch

__all__ = ["describe", "file_name"]

_PACKAGES = ("torch", "numba", "numpy", "scipy", "scikit-learn")


def describe(device: torch.device) -> dict[str, str | int]:
    """Processor, device, cores, threads, versions and time; everything as text or integers."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
    }


def file_name(machine: dict[str, str | int]) -> str:
    """A file name that tells machines, devices, instruction sets and thread counts apart."""
    processor = f"{machine['processor']} {machine['instructions']} {machine['threads']} threads"
    what = machine["gpu"] or processor
    return re.sub(r"[^a-z0-9]+", "-", str(what).lower()).strip("-") + ".json"


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        named = re.search(r"^model name\s*:\s*(.+)$", information.read_text("utf8"), re.MULTILINE)
        if named:
            return named.group(1).strip()
    return platform.processor() or platform.machine()
