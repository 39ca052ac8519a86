"""How much memory one layer needs at least, and how much there is.

Populations are split until they fit (:mod:`.grouping`); a single layer cannot be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import RunSpec

__all__ = ["available_memory", "layer_bytes", "refuse_what_cannot_fit"]

# A container's limit, which the machine's memory does not show.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def layer_bytes(spec: RunSpec) -> int:
    """Memory that training and measuring one layer takes at least, in bytes.

    With N samples, D inputs, K units, batch B and 4 bytes each: the training data N·D; weights,
    gradient and two moments of Adam 4·K·(D+1) (two without moments); and the larger of the step's
    pre-activations, outputs and gradient 3·B·K and the probe's features N·K. What the libraries
    and intermediate results take comes on top, so that nothing that fits is ever refused.
    """
    data = load_dataset(spec.dataset)
    samples, inputs = data.train.shape
    batch = spec.samples_per_step(samples)
    copies = 4 if spec.optimizer == "adam" else 2
    values = samples * inputs + copies * spec.hidden_dim * (inputs + 1)
    return 4 * (values + spec.hidden_dim * max(3 * batch, samples))


def available_memory(device: torch.device) -> int | None:
    """Memory of a device in bytes, of the GPU or of this machine or container; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    found = []
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in map(Path, _LIMITS):
        text = path.read_text("utf8").strip() if path.is_file() else ""
        if text.isdigit():  # "max" where there is no limit
            found.append(int(text))
    return min(found, default=None)


def refuse_what_cannot_fit(specs: Iterable[RunSpec], available: int | None, where: str) -> None:
    """Raise ValueError if a single layer needs more than ``available`` bytes.

    Args:
        specs: Runs that are about to be computed.
        available: Memory in bytes, or None when it is not known, which refuses nothing.
        where: Whose memory, for the message.
    """
    largest = max(specs, key=layer_bytes, default=None)
    if available is None or largest is None or layer_bytes(largest) <= available:
        return
    advice = ["a smaller hidden_dim"]
    if largest.batch_size == "full":
        advice.append("batch_size=128 instead of 'full'")
    raise ValueError(
        f"one layer with hidden_dim={largest.hidden_dim}, batch_size={largest.batch_size} on "
        f"{largest.dataset} takes at least {layer_bytes(largest) / 2**30:.2g} GiB, but {where} has "
        f"{available / 2**30:.2g} GiB: choose {' or '.join(advice)}, or a machine with more memory"
    )
