"""What a linear probe reads off features when only a few examples of every class have a label.

The probe is :func:`.linear_probe` with its own settings, fitted to the drawn
examples alone: they give the mean and deviation by which features are standardised, and the
penalty stays at c = 1 for every method and any number of labels. Nothing is chosen on validation
labels, of which there would be none. As in scikit-learn the penalty stands against a sum over the
examples, so that fewer of them are shrunk more; with fewer examples than features, where many
coefficients separate the classes, it picks one.
"""

import torch
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.streams import generator


def few_label_draws(labels: Tensor, per_class: int, draws: int, seed: int) -> Tensor:
    """Indices of balanced random subsets: ``per_class`` examples of each of C classes.

    Each draw is without replacement, draws are independent of each other. They depend on labels
    and seed alone: all methods get the same ones, and the draws with fewer examples per class are
    parts of those with more.

    Args:
        labels: Classes (N,).
        per_class: Examples of every class, >= 1 and at most as many as the smallest class has.
        draws: Number of subsets, >= 1.
        seed: Of the random stream "few labels", see :func:`.generator`.

    Returns:
        Shape (draws, C per_class), int64, on the CPU, sorted by class.

    Raises:
        ValueError: ``per_class`` or ``draws`` below 1, or a class with too few examples.
    """
    if per_class < 1 or draws < 1:
        raise ValueError(
            f"per_class={per_class} and draws={draws} are not possible: both must be at least 1"
        )
    labels = labels.cpu()
    classes, sizes = labels.unique(return_counts=True)
    smallest = int(sizes.argmin())
    if per_class > sizes[smallest]:
        raise ValueError(
            f"per_class={per_class} is not possible: class {classes[smallest]} has "
            f"{sizes[smallest]} examples; choose at most so many"
        )
    first = sizes.cumsum(0) - sizes
    places = (first.unsqueeze(-1) + torch.arange(per_class)).flatten()
    stream = generator(seed, "few labels")
    drawn = []
    for _ in range(draws):
        order = torch.randperm(len(labels), generator=stream)
        by_class = order[labels[order].argsort(stable=True)]
        drawn.append(by_class[places])
    return torch.stack(drawn)


def few_label_accuracy(
    train: Tensor,
    labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    per_class: int,
    draws: int,
    seed: int,
) -> Tensor:
    """Test accuracy, in [0, 1], of the linear probe fitted to ``per_class`` examples per class.

    Args:
        train: Features (..., N, K) that examples are drawn from.
        labels: Their classes (N,), int64.
        test: Features (..., M, K).
        test_labels: Classes (M,).
        per_class: Examples of every class, see :func:`few_label_draws`.
        draws: Number of draws, the same for all layers.
        seed: Of the draws.

    Returns:
        Shape (..., draws), float64, on the CPU; NaN for a layer with a drawn or tested feature
        that is not finite.

    Raises:
        ValueError: Not one label per sample, or as in :func:`few_label_draws`.
    """
    for name, features, classes in (("train", train, labels), ("test", test, test_labels)):
        if features.shape[-2] != len(classes):
            raise ValueError(
                f"{name} has {features.shape[-2]} samples (..., N, K), but {len(classes)} labels: "
                "give one label per sample"
            )
    # sorted by class, all draws have the same labels, and their probes are fitted side by side
    drawn = few_label_draws(labels, per_class, draws, seed)
    few = train[..., drawn.to(train.device), :]
    held_out = test.unsqueeze(-3).expand(*test.shape[:-2], draws, *test.shape[-2:])
    return linear_probe(few, labels[drawn[0].to(labels.device)], held_out, test_labels)
