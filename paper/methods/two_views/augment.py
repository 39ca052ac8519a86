"""Random views of images, for methods that learn what a view does not change.

A view is rotated, scaled and shifted by random amounts (bilinear interpolation, zero outside), then
loses a random part of its pixels. Crops, colours and reflections, which such methods use on
photographs, would here cut off, not change, or turn into other classes what the pictures show.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import drawn
from paper.methods.encoders import FitError
from paper.methods.reconstruction.masking import draw_masks

ROTATION = math.radians(15)  # largest angle, either way
SCALE = 0.15  # sizes lie between 1 - SCALE and 1 + SCALE
SHIFT = 0.1  # largest shift along each axis, as a share of the side
KEPT = 0.75  # probability that a pixel is not set to zero


def image_side(inputs: int) -> int:
    """Side of a square image of so many pixels.

    Raises:
        FitError: The inputs are not the pixels of a square image.
    """
    side = math.isqrt(inputs)
    if side * side != inputs:
        raise FitError(
            f"views are made of square images, but {inputs} inputs are not a square number of "
            "pixels; use a dataset of square images or a method without views"
        )
    return side


def two_views(x: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
    """Two random views of every image.

    Args:
        x: Batches of flat images (S, B, D).
        draws: A generator on the CPU for each of them, so that devices agree.

    Returns:
        Shape (S, 2B, D): the first views of all images, then the second ones.
    """
    return _views(x, draws, 2)


def one_view(x: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
    """One random view of every image: (S, B, D) -> (S, B, D)."""
    return _views(x, draws, 1)


def _views(x: Tensor, draws: Sequence[torch.Generator], count: int) -> Tensor:
    side, samples = image_side(x.shape[-1]), count * x.shape[1]
    # Four numbers in [-1, 1) for each view: angle, size, shift right, shift down.
    uniform = drawn(torch.rand, (4, samples), draws).transpose(0, 1)
    angle, size, *shift = uniform.mul_(2).sub_(1).to(x).flatten(1)
    images = x.unflatten(-1, (side, side)).repeat(1, count, 1, 1).flatten(0, 1)
    views = moved(images, ROTATION * angle, 1 + SCALE * size, SHIFT * torch.stack(shift, -1))
    views = views.view(len(draws), samples, -1)
    return views.mul_(draw_masks(draws, views, KEPT))


def moved(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Images (N, side, side) turned about their centres, scaled, then shifted.

    Args:
        images: Any values; zero outside.
        angle: Anticlockwise, in radians (N,).
        scale: Factor of size (N,).
        shift: Right and down, as shares of the side (N, 2).
    """
    side = images.shape[-1]
    centre = (torch.arange(side).to(images) * 2 + 1) / side - 1  # pixel centres in (-1, 1)
    cosine, sine = (angle.cos() / scale)[:, None], (angle.sin() / scale)[:, None]
    right, down = (centre - 2 * s[:, None] for s in shift.unbind(-1))
    # Where in the image each pixel of the result comes from: the inverse map, a sum of a term for
    # columns and one for rows, written to its place because of its size.
    source = images.new_empty(2, *images.shape)
    torch.sub((cosine * right)[:, None], (sine * down)[:, :, None], out=source[0])
    torch.add((sine * right)[:, None], (cosine * down)[:, :, None], out=source[1])
    return F.grid_sample(images[:, None], source.permute(1, 2, 3, 0), align_corners=False)[:, 0]
