"""What methods of two views are shown: example images beside random views of them."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.streams import generator
from paper.figures.style import panels
from paper.methods.two_views.augment import two_views


def example_views(
    dataset: Dataset, count: int = 5, views: int = 8, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """The first training image of each of the first ``count`` classes, and random views of it.

    Args:
        dataset: Square images with D pixels.
        count: Images, at most the number of classes.
        views: Of each image.
        seed: Of the views.

    Returns:
        Images (count, D) and views (count, views, D).

    Raises:
        ValueError: Less than one image or view, or more images than classes.
        FitError: The images are not square.
    """
    labels = dataset.train_labels.cpu()
    classes = labels.unique()
    if not 1 <= count <= len(classes) or views < 1:
        raise ValueError(
            f"count={count} and views={views} are not possible: choose 1 to {len(classes)} "
            f"images, one for each class of {dataset.name}, and at least one view"
        )
    first = [int((labels == c).nonzero()[0]) for c in classes[:count]]
    images = dataset.train[first].cpu()
    pairs = -(-views // 2)
    drawn = two_views(images.repeat(pairs, 1)[None], [generator(seed, "example views")])
    return images, drawn.view(2 * pairs, count, -1).transpose(0, 1)[:, :views]


def views_shown(images: Tensor, views: Tensor, image_shape: tuple[int, int]) -> Figure:
    """One row per image: the original, then its views, all from black (0) to white (1).

    Args:
        images: Shape (count, D).
        views: Shape (count, V, D), as `example_views` gives them.
        image_shape: Height and width, whose product is D.

    Raises:
        ValueError: No images, or shapes that do not belong together.
    """
    pixels = image_shape[0] * image_shape[1]
    fits = images.shape == (len(views), pixels) and views.shape[2:] == (pixels,)
    if not len(images) or not fits:
        raise ValueError(
            f"images {tuple(images.shape)} and views {tuple(views.shape)} do not belong together: "
            f"give (count, {pixels}) and (count, views, {pixels}) with at least one image"
        )
    pictures = torch.cat([images[:, None], views], 1).cpu().numpy()
    count, columns, _ = pictures.shape
    figure, grid = panels(count, columns, width=0.78 * columns, height=0.8)
    cells = np.asarray(grid).reshape(count, columns)
    for axes, picture in zip(cells.flat, pictures.reshape(-1, *image_shape), strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
    cells[0, 0].set_title("image", fontsize=10)
    cells[0, 1].set_title("views", fontsize=10)
    return figure
