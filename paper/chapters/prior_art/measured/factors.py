"""Images whose factors are known: class, rotation, scale, shifts and thickness.

Every image of a labelled dataset is drawn again with a thicker or thinner pen, then turned, scaled
and shifted, by amounts that are independent of each other and of the image. What made an image is
then known, as in the synthetic sets on which disentanglement is measured (Eastwood & Williams 2018;
Locatello et al. 2019) and in Morpho-MNIST (Castro et al. 2019).
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods.two_views.augment import moved

#: Levels of every factor but the class. A digit of MNIST fills 20 of 28 pixels: with sizes up to 1
#: and shifts up to a tenth of the side it stays in the picture but for tips of strokes.
LEVELS: dict[str, tuple[float, ...]] = {
    "rotation": (-30, -15, 0, 15, 30),  # degrees, anticlockwise
    "scale": (0.6, 0.7, 0.8, 0.9, 1),  # factor of size
    "horizontal_shift": (-0.1, -0.05, 0, 0.05, 0.1),  # to the right, share of the side
    "vertical_shift": (-0.1, -0.05, 0, 0.05, 0.1),  # down, share of the side
    "thickness": (-0.5, -0.25, 0, 0.5, 1),  # see `thickened`; full erosion erases thin strokes
}


class KnownFactors(NamedTuple):
    """Images and what made them.

    Attributes:
        images: Values in [0, 1], shape (N, D).
        levels: Index of the level of every factor, int64, shape (N, F): the class, then `LEVELS`.
    """

    images: Tensor
    levels: Tensor


@torch.no_grad()
def known_factors(
    images: Tensor,
    labels: Tensor,
    image_shape: tuple[int, int] | None,
    seed: int,
) -> KnownFactors:
    """Images with factors drawn independently of each other and of the image.

    Each level of a factor falls on as many images as each other one, give or take one. Thickness
    comes first, then rotation about the centre and scale, then the shifts (bilinear interpolation,
    zero outside).

    Args:
        images: Values in [0, 1], shape (N, D).
        labels: Classes (N,); their index among the sorted classes is the level of the class.
        image_shape: Height and width, as in :class:`infomax_lib.model.data.Dataset`.
        seed: Fixes which image gets which levels.

    Raises:
        ValueError: The inputs are not square images, or labels and images differ in number.
    """
    side = _side(images, labels, image_shape)
    draw = generator(seed, "factors")
    indices = [labels.unique(return_inverse=True)[1].cpu()]
    amounts = {}
    for name, values in LEVELS.items():
        index = torch.randperm(len(images), generator=draw) % len(values)
        amounts[name] = torch.tensor(values, dtype=torch.float64)[index].to(images)
        indices.append(index)
    pictures = thickened(images.view(-1, side, side), amounts["thickness"])
    angle = amounts["rotation"] * (math.pi / 180)
    shift = torch.stack([amounts["horizontal_shift"], amounts["vertical_shift"]], -1)
    pictures = moved(pictures, angle, amounts["scale"], shift)
    drawn = pictures.flatten(1).clamp(0, 1)  # interpolation weights sum to one but for rounding
    return KnownFactors(drawn, torch.stack(indices, -1))


def thickened(images: Tensor, amount: Tensor) -> Tensor:
    """Images blended with their grey dilation (amount > 0) or erosion (amount < 0).

    (1 - |t|) x + t max(x) for t >= 0 and (1 - |t|) x + |t| min(x) for t < 0, where max and min are
    those of the 3 x 3 pixels around each pixel, pixels outside left out. No pixel gets darker as t
    grows. At t = 1 a stroke is wider by a pixel on each side, at t = -1 narrower; in between, these
    margins are grey, and strokes of up to two pixels, which are all margin, fade.

    Args:
        images: Any values, shape (N, H, W).
        amount: t in [-1, 1], shape (N,).
    """
    t = amount[:, None, None]
    dilated, eroded = (sign * F.max_pool2d(sign * images, 3, 1, 1) for sign in (1, -1))
    return torch.lerp(images, torch.where(t > 0, dilated, eroded), t.abs())


def _side(images: Tensor, labels: Tensor, image_shape: tuple[int, int] | None) -> int:
    """Side of the square images."""
    if image_shape is None or image_shape[0] != image_shape[1]:
        raise ValueError(
            f"factors are drawn into square images, but image_shape is {image_shape}; use digits, "
            "mnist or fashion-mnist"
        )
    side = image_shape[0]
    if images.ndim != 2 or images.shape[1] != side * side:
        raise ValueError(
            f"images of {side} x {side} pixels need shape (N, {side * side}), got "
            f"{tuple(images.shape)}; flatten them"
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"{len(images)} images need as many labels, got shape {tuple(labels.shape)}"
        )
    return side
