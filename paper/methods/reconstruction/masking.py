"""Random subsets of the inputs, for methods that hide a part of them.

Eight inputs are decided by one 64-bit number: a random number for each of them would cost as much
time as the matrix products of a small layer.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_LEVELS = 256  # values of a byte


def check_share(share: float) -> float:
    """The share itself, if it can be drawn.

    Raises:
        ValueError: It lies outside [0, 1), or is no multiple of 1/256.
    """
    if not (0 <= share < 1 and float(share * _LEVELS).is_integer()):
        raise ValueError(
            f"a share of {share} cannot be drawn: choose a multiple of 1/{_LEVELS} in [0, 1), "
            "such as 0.25"
        )
    return share


def draw_masks(draws: Sequence[torch.Generator], like: Tensor, share: float) -> Tensor:
    """Masks for batches (S, B, D) like `like`: each entry is True with probability `share`.

    `draws` are S generators on the CPU, one for each batch, so that devices agree.
    """
    threshold = int(check_share(share) * _LEVELS)
    samples, inputs = like.shape[1:]
    words = torch.empty(len(draws), -(-samples * inputs // 8), dtype=torch.int64)
    for row, generator in zip(words, draws, strict=True):
        row.random_(torch.iinfo(torch.int64).min, None, generator=generator)
    drawn = words.view(torch.uint8)[:, : samples * inputs].to(like.device)
    return (drawn < threshold).view(like.shape)
