"""What an encoder is good for beyond its probe: its measures, and what they are taken on.

Baselines and InfoMax layers are measured alike, on their outputs a (N, K) on a dataset's images;
what the measures need besides the encoder is the same for all of them. How many images each sees:

- ``held_out_r2``, ``purity`` and ``owner_similarity``, the probes of ``to_partner``,
  ``to_other_classes`` and ``to_rotation``: all training images; ``cka`` all test images;
- ``labels_1``, ``labels_10``, ``labels_100``: means over `DRAWS` draws of so many training images
  per class, tested on all test images;
- ``pruning_*``: probes are fitted to the first `PRUNING_IMAGES` training images, and tested on all
  test images;
- ``mig``, ``rotated_mig`` and the ``dci_*``: `FACTOR_IMAGES` random test images, drawn again with
  known factors; ``named_units`` all test images as they are.

With 64 units on MNIST all of them take about six seconds on one core: pruning, DCI, the full probes
and the 200 rotations of MIG one to two each, and the rest one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.similarity import linear_cka
from infomax_lib.model.data import OTHER_HALF, PARTNERS, Dataset, load_dataset
from infomax_lib.model.streams import generator
from paper.chapters.prior_art.measured.factors import KnownFactors, known_factors
from paper.measures.disentanglement import class_auroc, dci, mutual_information_gap, rotated_mig
from paper.measures.few_labels import few_label_accuracy
from paper.measures.prototypes import owner_similarity, purity
from paper.measures.pruning import ORDERS, pruning_curve, removal_order, removal_steps
from paper.measures.replaceability import held_out_r2
from paper.methods.two_views.augment import moved

#: Of everything random that all encoders share: rotations, draws, factors, forests.
SEED = 0
#: Largest angle of the rotated images, either way, in degrees.
ROTATION = 45
#: Labels per class of the probes with few labels, and how often they are drawn.
LABELS_PER_CLASS, DRAWS = (1, 10, 100), 5
#: Training images that the probes of the pruning curves are fitted to.
PRUNING_IMAGES = 4000
#: Test images with known factors, and rotations of the features for ``rotated_mig``.
FACTOR_IMAGES, ROTATIONS = 2000, 200
#: Least class AUROC of a unit that stands for a class.
NAMED = 0.9

#: Columns of :func:`.assess` that hold one number.
MEASURES = (
    *("held_out_r2", "cka", "purity", "owner_similarity"),
    *("to_partner", "to_other_classes", "to_rotation"),
    *(f"labels_{count}" for count in LABELS_PER_CLASS),
    *("mig", "rotated_mig", "dci_disentanglement", "dci_completeness", "dci_informativeness"),
    "named_units",
)

_STEPS_AT_ONCE = 5  # of a pruning curve
_AT_ONCE = 8192  # images that are turned together, which bounds what bilinear interpolation holds

Encode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Materials:
    """What the encoders of one dataset are measured on; None where there is none."""

    data: Dataset
    partner: Dataset | None
    other_classes: Dataset | None
    rotated: Dataset | None
    factors: KnownFactors | None


@lru_cache(maxsize=1)  # one dataset's images at a time
def materials(name: str, device: torch.device) -> Materials:
    """What the encoders of a dataset are measured on, made once for all of them."""

    def named(dataset: str | None) -> Dataset | None:
        return None if dataset is None else load_dataset(dataset).to(device, torch.float32)

    data = load_dataset(name).to(device, torch.float32)
    square = data.image_shape is not None and data.image_shape[0] == data.image_shape[1]
    return Materials(
        data,
        named(PARTNERS.get(name)),
        named(other_classes(name)),
        _turned(data) if square else None,
        _with_factors(data) if square else None,
    )


def _turned(data: Dataset) -> Dataset:
    """The same images, each turned by an angle of its own."""
    stream = generator(SEED, "rotations")

    def turned(images: Tensor) -> Tensor:
        side = math.isqrt(images.shape[1])
        share = torch.rand(len(images), generator=stream, dtype=torch.float32) * 2 - 1
        angles = (math.radians(ROTATION) * share).to(images)
        blocks = zip(
            images.view(-1, side, side).split(_AT_ONCE), angles.split(_AT_ONCE), strict=True
        )
        return torch.cat(
            [
                moved(part, angle, torch.ones_like(angle), angle.new_zeros(len(angle), 2))
                for part, angle in blocks
            ]
        ).flatten(1)

    return replace(data, train=turned(data.train), test=turned(data.test))


def _with_factors(data: Dataset) -> KnownFactors:
    """Random test images, drawn again with known factors."""
    drawn = torch.randperm(len(data.test), generator=generator(SEED, "images with factors"))
    chosen = drawn[:FACTOR_IMAGES].to(data.test.device)
    images, labels = data.test[chosen], data.test_labels[chosen]
    return known_factors(images, labels, data.image_shape, SEED)


def other_classes(dataset: str) -> str | None:
    """Name of the dataset with the other half of the classes; None for one with all of them."""
    whole, _, part = dataset.rpartition("-")
    return f"{whole}-{OTHER_HALF[part]}" if part in OTHER_HALF else None


@torch.no_grad()
def measures_of(
    weight: Tensor, encode: Encode, before: Encode | None, seed: int, on: Materials
) -> dict[str, Any]:
    """Measures of one encoder by column name, without those that it or the dataset does not have.

    ``before`` is the encoder at the seed before, if there is one.
    """
    data = on.data
    train, test = encode(data.train), encode(data.test)
    if not (train.isfinite().all() and test.isfinite().all()):
        return {"failed": "the outputs are not finite numbers"}
    if on.other_classes is not None:
        # all other measures are those of encoders that have seen all classes
        return {"failed": None, "to_other_classes": _probed(encode, on.other_classes)}
    row: dict[str, Any] = {"failed": None, "held_out_r2": float(held_out_r2(train, test).nanmean())}
    if before is not None:
        row["cka"] = float(linear_cka(test, before(data.test)))
    row |= {
        "purity": purity(train, data.train_labels, test, data.test_labels),
        "owner_similarity": owner_similarity(weight.to(train), train, data.train),
    }
    targets = {"to_partner": on.partner, "to_rotation": on.rotated}
    row |= {name: _probed(encode, at) for name, at in targets.items() if at is not None}
    row |= _few_labels(train, test, data)
    row |= _pruned(train[:PRUNING_IMAGES], test, seed, data)
    if on.factors is not None:
        areas = class_auroc(test.cpu().numpy(), data.test_labels.cpu().numpy())
        row["named_units"] = float(np.mean(areas >= NAMED))
        if train.shape[1] > 1:
            row |= _factor_measures(encode(on.factors.images), on.factors)
    return row


def _probed(encode: Encode, data: Dataset) -> float:
    features = encode(data.train), encode(data.test)
    return float(linear_probe(features[0], data.train_labels, features[1], data.test_labels))


def _few_labels(train: Tensor, test: Tensor, data: Dataset) -> dict[str, float]:
    means = {}
    for count in LABELS_PER_CLASS:
        accuracies = few_label_accuracy(
            train, data.train_labels, test, data.test_labels, count, DRAWS, SEED
        )
        means[f"labels_{count}"] = float(accuracies.mean())
    return means


def _pruned(train: Tensor, test: Tensor, seed: int, data: Dataset) -> dict[str, list[float]]:
    labels = data.train_labels[: len(train)]
    steps = removal_steps(train.shape[1])
    curves: dict[str, list[float]] = {}
    for name in ORDERS:
        order = removal_order(name, train, labels, seed)
        accuracies: list[float] = []
        # a few steps at a time, without the units that are gone in all of them: the curve of all
        # steps at once would hold zeros for them, and takes half as long again
        for start in range(0, len(steps), _STEPS_AT_ONCE):
            first, *_ = block = steps[start : start + _STEPS_AT_ONCE]
            left = order[first:].to(train.device)
            curve = pruning_curve(
                torch.arange(len(left)),
                train[:, left],
                labels,
                test[:, left],
                data.test_labels,
                [step - first for step in block],
            )
            accuracies += curve["accuracy"].tolist()
        curves[f"pruning_{name}"] = accuracies
    return curves


def _factor_measures(outputs: Tensor, factors: KnownFactors) -> dict[str, float]:
    features, levels = outputs.cpu().numpy(), factors.levels.numpy()
    rotated = rotated_mig(features, levels, ROTATIONS, SEED)
    found = dci(features, levels, SEED)
    return {
        "mig": mutual_information_gap(features, levels).mean,
        "rotated_mig": float(np.percentile(rotated, 95)),
        "dci_disentanglement": found.disentanglement,
        "dci_completeness": found.completeness,
        "dci_informativeness": found.informativeness,
    }
