r"""Are units prototypes? Each image belongs to the unit that answers it most strongly.

With the mean m and the deviation s of every unit over the N training images, the owner of an image
with outputs a (K,) is

.. math:: k(x) = \arg\max_k \, (a_k - m_k) / s_k

so that no unit owns images for its scale or its offset. A unit that is constant in training owns
none. Purity is that of a clustering (Manning, Raghavan & Schütze 2008, "Introduction to Information
Retrieval", sec. 16.3), with the classes of units taken from training images and counted on test
images: units that memorise give no advantage.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, one_hot


@torch.no_grad()
def owners(outputs: Tensor, train: Tensor) -> Tensor:
    """Unit with the largest output, in deviations from its training mean, for every sample.

    Of equals, the unit with the lowest index.

    Args:
        outputs: Shape (M, K).
        train: Training outputs (N, K) of the same units, N >= 1.

    Returns:
        Unit indices (M,), int64.

    Raises:
        ValueError: Outputs of different units, one that is not finite, or no unit that varies in
            training.
    """
    if outputs.ndim != 2 or train.ndim != 2 or outputs.shape[1] != train.shape[1]:
        raise ValueError(
            f"outputs must be (M, K) and (N, K) of the same units, got shapes "
            f"{tuple(outputs.shape)} and {tuple(train.shape)}"
        )
    if not (outputs.isfinite().all() and _any_owner(train)):
        raise ValueError(
            "nothing is owned: an output is not finite, or no unit varies in training; leave such "
            "encoders out"
        )
    exact = train.double()
    # the deviation of equal numbers may be rounded to one above zero, their range is not
    varies = exact.amax(0) > exact.amin(0)
    std = torch.where(varies, exact.std(0, correction=0), 1)
    standardised = (outputs.double() - exact.mean(0)) / std
    return torch.where(varies, standardised, -torch.inf).argmax(1)


@torch.no_grad()
def purity(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Share of test samples of the class that most training samples of their owner have.

    Of equally frequent classes the lowest counts. A test sample whose owner owns no training sample
    is of no class that its unit stands for, and counts as missed.

    Args:
        train: Outputs (N, K).
        labels: Their classes (N,), int64, >= 0.
        test: Outputs (M, K) of the same units.
        test_labels: Classes (M,).

    Returns:
        In [0, 1]; NaN where an output is not finite or no unit varies in training.

    Raises:
        ValueError: Outputs of different units, or not one label per sample.
    """
    for name, outputs, given in (("train", train, labels), ("test", test, test_labels)):
        if given.shape != outputs.shape[:1]:
            raise ValueError(
                f"{name} has {len(outputs)} samples, but labels of shape {tuple(given.shape)}: "
                "give one label per sample"
            )
    if not (_any_owner(train) and test.isfinite().all()):
        return float("nan")
    units, classes = train.shape[1], int(labels.max()) + 1
    cells = owners(train, train) * classes + labels
    counts = torch.bincount(cells, minlength=units * classes).view(units, classes)
    majority = torch.where(counts.any(1), counts.argmax(1), -1)
    return float((majority[owners(test, train)] == test_labels).double().mean())


@torch.no_grad()
def owner_similarity(weight: Tensor, outputs: Tensor, images: Tensor) -> float:
    r"""Mean cosine between a unit's weights and the average image it owns, less the mean image.

    .. math:: \frac{1}{|U|} \sum_{k \in U} \cos\Big( w_k,
        \frac{1}{|O_k|} \sum_{n \in O_k} x_n - \frac1N \sum_n x_n \Big)

    with the images O_k that unit k owns. U leaves out units that own nothing, and those for which
    one of the two vectors is zero: without weights, or with the mean image as their average.

    Args:
        weight: Rows w_k (K, D).
        outputs: Of the units on the images, (N, K); they say which unit owns which image.
        images: Shape (N, D).

    Returns:
        In [-1, 1]; NaN where an output is not finite or U is empty.

    Raises:
        ValueError: Shapes that do not belong together.
    """
    expected = (outputs.shape[-1], images.shape[-1])
    if len(outputs) != len(images) or weight.shape != expected:
        raise ValueError(
            f"weight (K, D), outputs (N, K) and images (N, D) must belong together, got shapes "
            f"{tuple(weight.shape)}, {tuple(outputs.shape)} and {tuple(images.shape)}"
        )
    if not _any_owner(outputs):
        return float("nan")
    owned = one_hot(owners(outputs, outputs), len(weight)).to(images)
    totals, sizes = (owned.mT @ images).double(), owned.sum(0, dtype=torch.float64)
    # from the same totals, so that a unit that owns all images has exactly the mean image
    mean = totals.sum(0) / len(images)
    directions = torch.where(sizes[:, None] > 0, totals / sizes[:, None].clamp_min(1) - mean, 0)
    weight = weight.to(directions)
    counted = (directions != 0).any(1) & (weight != 0).any(1)
    return float(cosine_similarity(weight[counted], directions[counted], dim=1, eps=0).mean())


def _any_owner(train: Tensor) -> bool:
    """Whether all outputs are finite and some unit varies."""
    return bool(train.isfinite().all() and (train.amax(0) > train.amin(0)).any())
