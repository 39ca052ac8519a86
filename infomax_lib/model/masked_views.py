"""Two views of the same samples, for objectives that compare them.

A view keeps each input with probability 1/2 and sets the others to zero ("masking noise", Vincent
et al. 2008): the one corruption that means the same for images and for any other data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["KEPT", "two_views"]

KEPT = 0.5  # probability that a view keeps an input


def two_views(x: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
    """Both views of every sample.

    Args:
        x: Batches (S, B, D).
        draws: A generator on the CPU for each of them, so that devices agree.

    Returns:
        Shape (S, 2B, D): the first views of all samples, then the second ones.
    """
    _, samples, inputs = x.shape
    size, float32 = (2 * samples, inputs), torch.float32  # named: other types draw other numbers
    masks = [torch.rand(size, generator=g, dtype=float32) < KEPT for g in draws]
    return x.repeat(1, 2, 1).mul_(torch.stack(masks).to(x.device))
