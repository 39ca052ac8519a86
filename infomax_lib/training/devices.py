"""Devices by name."""

from __future__ import annotations

import torch


def resolve_device(device: str) -> torch.device:
    """The device that a name stands for; ``"auto"`` is CUDA when there is one.

    Raises:
        ValueError: The name is not a device of this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    allowed = 'choose "auto", "cpu", "cuda" or "cuda:N"'
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"unknown device {device!r}: {allowed}") from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r} was asked for, but PyTorch sees no GPU: {allowed}")
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"device {device!r} was asked for, but PyTorch sees {count} GPU(s)")
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} is not supported: {allowed}")
    return resolved


def device_name(device: torch.device) -> str:
    """What the provenance of a result calls a device: the GPU's model, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
