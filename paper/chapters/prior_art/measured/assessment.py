r"""What fitted encoders are good for beyond their probe: one row of further measures for each.

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

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.similarity import linear_cka
from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.data import OTHER_HALF, PARTNERS, Dataset, load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, listed, seconds_stored, seeds_together
from infomax_lib.results.runs import run, seconds_alone, trained_layer
from infomax_lib.results.store import Store, open_store
from paper.chapters.prior_art.comparison import method_of
from paper.chapters.prior_art.measured.factors import KnownFactors, known_factors
from paper.measures.disentanglement import class_auroc, dci, mutual_information_gap, rotated_mig
from paper.measures.few_labels import few_label_accuracy
from paper.measures.prototypes import owner_similarity, purity
from paper.measures.pruning import ORDERS, pruning_curve, removal_order, removal_steps
from paper.measures.replaceability import held_out_r2
from paper.methods.runs import KIND as BASELINES
from paper.methods.runs import are_long, fitted_encoder, run_baselines
from paper.methods.spec import BaselineSpec
from paper.methods.two_views.augment import moved

__all__ = [
    "DRAWS",
    "FACTOR_IMAGES",
    "LABELS_PER_CLASS",
    "MEASURES",
    "NAMED",
    "PRUNING_IMAGES",
    "ROTATION",
    "ROTATIONS",
    "SEED",
    "assess",
    "other_classes",
]

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

#: Columns of :func:`assess` that hold one number.
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
class _Materials:
    """What the encoders of one dataset are measured on; None where there is none."""

    data: Dataset
    partner: Dataset | None
    other_classes: Dataset | None
    rotated: Dataset | None
    factors: KnownFactors | None


def _chunks(specs: Sequence[Any]) -> Iterator[list[Any]]:
    """Specs that differ in nothing but the seed, dataset by dataset."""
    yield from seeds_together(sorted(specs, key=lambda spec: spec.dataset), most=len(specs))


def _with_predecessor(spec: BaselineSpec | RunSpec) -> list[BaselineSpec | RunSpec]:
    """The spec, and the one at the seed before if there is one."""
    return [spec, spec.but(seed=spec.seed - 1)] if spec.seed else [spec]


def _seconds(spec: BaselineSpec | RunSpec, store: Store) -> float:
    """Rough time to fit an encoder and the one at the seed before again, and to assess it."""
    known = seconds_stored(store, BASELINES.name)
    fits = (
        seconds_alone(fit) if isinstance(fit, RunSpec) else known.get(fit.key, math.inf)
        for fit in _with_predecessor(spec)
    )
    return seconds_stored(store, KIND.name)[spec.key] + sum(fits)


# A layer fitted again moved shares by up to 0.02 and the ends of its pruning curves by 0.07: the
# measures are of one encoder, which rounding turns into another one that is as good.
KIND = Kind(
    *("assessments", (BaselineSpec, RunSpec), _chunks, are_long),
    tolerance=dict.fromkeys((f"pruning_{order}" for order in ORDERS), (0.15, 0.0)),
    otherwise=(0.06, 0.0),
    seconds=_seconds,
)


@KIND.driver
def assess(
    specs: Sequence[BaselineSpec | RunSpec] | BaselineSpec | RunSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Further measures of fitted encoders, computing only those that the store does not hold.

    Encoders that are missing are fitted first, baselines in one call of :func:`run_baselines` and
    layers in one of :func:`infomax_lib.run`, with their weights kept in the store; so are those at
    the seeds before, to which ``cka`` compares. Where all measures are stored, neither weights nor
    datasets need to be at hand.

    Args:
        specs: Baselines and layers, in any order.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``method`` (a name in
        :data:`paper.chapters.prior_art.comparison.LABELS`), and

        - ``held_out_r2``: mean over units of :func:`.held_out_r2`, units
          that are constant on the test images left out;
        - ``cka``: linear CKA of the test outputs with those at the seed before, NaN for seed 0;
        - ``purity``, ``owner_similarity``: see :mod:`paper.measures.prototypes`;
        - ``to_partner``, ``to_other_classes``, ``to_rotation``: accuracy of a linear probe fitted
          and tested on the dataset's partner in :data:`.PARTNERS`, on the other
          half of the classes (see :func:`other_classes`), on the dataset's own images turned by
          random angles of up to `ROTATION` degrees;
        - ``labels_1``, ``labels_10``, ``labels_100``: mean accuracy with so many labels per class;
        - ``pruning_random``, ``pruning_least_unique``, ``pruning_greedy``: lists of the accuracies
          of :func:`paper.measures.pruning.pruning_curve` at
          :func:`paper.measures.pruning.removal_steps`; the spec's seed draws the random order;
        - ``mig``, ``rotated_mig`` (95th percentile of `ROTATIONS` rotations),
          ``dci_disentanglement``, ``dci_completeness``, ``dci_informativeness``: see
          :mod:`paper.measures.disentanglement`;
        - ``named_units``: share of units with a class AUROC of at least `NAMED`;
        - ``failed``: why there are no numbers, or None.

        Accuracies are shares. NaN stands for what the dataset does not have (a partner, other
        classes, square images to turn and to draw factors into), for all but ``to_other_classes``
        on half of the classes, for factors of a single unit, and for everything of an encoder that
        failed.

    Raises:
        TypeError: Anything but BaselineSpec and RunSpec objects.
        ValueError: A layer that is not in the comparison, or a device that is not there.
        DataError: The partner is not at hand on this machine.
    """
    asked: list[Any] = listed(specs, *KIND.accepted)
    methods = [method_of(spec) for spec in asked]
    opened = open_store(store)
    known = opened.keys(KIND.name)
    missing = [spec for spec in dict.fromkeys(asked) if spec.key not in known]
    needed = dict.fromkeys(fit for spec in missing for fit in _with_predecessor(spec))
    failures = _fit(list(needed), device, opened, progress)
    # what stopped for a reason of this machine is not in the store, and is tried again next time
    passing = failures.keys() - opened.keys(BASELINES.name) - opened.keys("runs")
    unsettled = {
        spec.key for spec in missing if any(f.key in passing for f in _with_predecessor(spec))
    }
    try:
        compute = partial(_compute, folder=opened.folder, failures=failures)
        table = KIND.results(
            *(asked, compute, device, opened, progress),
            keep=lambda row: row["key"] not in unsettled,
        )
    finally:
        _materials.cache_clear()
    return table.assign(method=methods)


def other_classes(dataset: str) -> str | None:
    """Name of the dataset with the other half of the classes; None for one with all of them."""
    whole, _, part = dataset.rpartition("-")
    return f"{whole}-{OTHER_HALF[part]}" if part in OTHER_HALF else None


# --- fits ----------------------------------------------------------------------------------------


def _fit(
    specs: Sequence[BaselineSpec | RunSpec], device: str, store: Store, progress: bool
) -> dict[str, str]:
    """Fit all specs with their weights kept; why some failed, by key."""
    baselines = [spec for spec in specs if isinstance(spec, BaselineSpec)]
    layers = [spec for spec in specs if isinstance(spec, RunSpec)]
    failures: dict[str, str] = {}
    if baselines:
        seeds = {spec.seed for spec in baselines}
        fits = run_baselines(baselines, device, store, progress, keep_weights=seeds)
        failures |= fits.set_index("key")["failed"].dropna().to_dict()
    if layers:
        runs = run(layers, device, store, progress, keep_weights=True)
        epochs = runs.set_index("key")["diverged_at"].dropna()
        failures |= {key: f"diverged at epoch {epoch:g}" for key, epoch in epochs.items()}
    return failures


def _fitted(spec: BaselineSpec | RunSpec, store: Store) -> tuple[Tensor, Encode]:
    """Weights (K, D) of a fitted encoder, and the map from images (N, D) to outputs (N, K)."""
    if isinstance(spec, BaselineSpec):
        encoder = fitted_encoder(spec, store)
        return encoder.weight, encoder.transform
    layer = trained_layer(spec, store)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    return weight, lambda x: layer_outputs(spec, weight.to(x), bias.to(x), x)


# --- what is measured on -------------------------------------------------------------------------


@lru_cache(maxsize=1)  # one dataset's images at a time
def _materials(name: str, device: torch.device) -> _Materials:
    def named(dataset: str | None) -> Dataset | None:
        return None if dataset is None else load_dataset(dataset).to(device, torch.float32)

    data = load_dataset(name).to(device, torch.float32)
    square = data.image_shape is not None and data.image_shape[0] == data.image_shape[1]
    return _Materials(
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
        share = torch.rand(len(images), generator=stream) * 2 - 1
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


# --- measures ------------------------------------------------------------------------------------


def _compute(
    specs: Sequence[Any],
    device: torch.device,
    folder: Path,
    failures: Mapping[str, str],
) -> list[dict[str, Any]]:
    # an encoder is needed for its own seed and, right before or after, as a predecessor
    fitted = lru_cache(maxsize=2)(partial(_fitted, store=open_store(folder)))
    rows = []
    for spec in specs:
        row: dict[str, Any] = dict.fromkeys(MEASURES, float("nan"))
        steps = len(removal_steps(spec.hidden_dim))
        row |= {f"pruning_{order}": [float("nan")] * steps for order in ORDERS}
        if spec.key in failures:
            rows.append(row | {"failed": failures[spec.key]})
            continue
        weight, encode = fitted(spec)
        before = None
        for predecessor in _with_predecessor(spec)[1:]:
            if predecessor.key not in failures:
                _, before = fitted(predecessor)
        row |= _measured(weight, encode, before, spec.seed, _materials(spec.dataset, device))
        rows.append(row)
    return rows


@torch.no_grad()
def _measured(
    weight: Tensor, encode: Encode, before: Encode | None, seed: int, on: _Materials
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
    row: dict[str, Any] = {
        "failed": None,
        "held_out_r2": float(held_out_r2(train, test).nanmean()),
        "purity": purity(train, data.train_labels, test, data.test_labels),
        "owner_similarity": owner_similarity(weight.to(train), train, data.train),
    }
    if before is not None:
        row["cka"] = float(linear_cka(test, before(data.test)))
    targets = {"to_partner": on.partner, "to_rotation": on.rotated}
    row |= {name: _probed(encode, at) for name, at in targets.items() if at is not None}
    for count in LABELS_PER_CLASS:
        accuracies = few_label_accuracy(
            train, data.train_labels, test, data.test_labels, count, DRAWS, SEED
        )
        row[f"labels_{count}"] = float(accuracies.mean())
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
