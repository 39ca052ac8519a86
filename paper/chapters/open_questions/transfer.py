"""What the features of a layer are good for besides their own task: transfer and robustness.

A layer is trained without labels on a source; linear probes on its standardised outputs are then
fitted and tested on the source itself and on a target that the layer has never seen. The probe of
the source is tested again, as it is, on noisy images and without some of the units.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor
from tqdm import tqdm

from infomax_lib.measures.probes import LinearReadout
from infomax_lib.measures.weights_and_outputs import describe_outputs, describe_weights
from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.data import (
    CLASSES,
    DATASETS,
    OTHER_HALF,
    PARTNERS,
    SOURCES,
    DataError,
    Dataset,
    load_dataset,
    part_of,
)
from infomax_lib.model.spec import RunSpec, Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, seeds_together
from infomax_lib.results.runs import seconds_alone
from infomax_lib.results.store import Store
from infomax_lib.training.grouping import populations
from infomax_lib.training.population import Population
from paper.methods.components.pca import principal_components
from paper.methods.encoders import LinearEncoder

#: Reference features, which need no training.
REFERENCES = ("pixels", "pca")

NOISE = (0.1, 0.2, 0.4)
UNIT_LOSS = (0.1, 0.25, 0.5)


class FeatureWarning(UserWarning):
    """A target is not at hand on this machine; results without it are not stored."""


class _TestedSpec(Spec):
    """How features are tested; see :class:`FeatureSpec`."""

    source: str = "all"
    noise: tuple[float, ...] = NOISE
    unit_loss: tuple[float, ...] = UNIT_LOSS
    draws: int = Field(5, ge=1)

    _known_source = names_among(source=SOURCES)

    @field_validator("noise", "unit_loss", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("noise", "unit_loss")
    @classmethod
    def _possible_levels(cls, value: tuple[float, ...], info: Any) -> tuple[float, ...]:
        largest = {"noise": float("inf"), "unit_loss": 1.0}[info.field_name]
        possible = all(0 < level <= largest and level < float("inf") for level in value)
        if not value or not possible or len(set(value)) < len(value):
            limits = "above 0" if info.field_name == "noise" else "above 0 and at most 1"
            raise ValueError(f"give at least one level, all of them different and {limits}")
        return value


class FeatureSpec(_TestedSpec, RunSpec):
    """A layer, what it is trained on, and how its features are tested.

    ``epochs=0`` is the untrained control.

    Attributes:
        source: Classes on whose images the layer is trained, a name in :data:`SOURCES`. With
            ``all`` the target is the partner of the dataset in :data:`PARTNERS`, otherwise the
            other half of the classes.
        noise: Standard deviations, > 0, of Gaussian noise that is added to the test images
            (pixels lie in [0, 1], and are not clipped afterwards).
        unit_loss: Shares of units, in (0, 1], that are set to their training mean; at least one
            unit is.
        draws: How many random choices of lost units are averaged, >= 1.
    """


class ReferenceSpec(_TestedSpec):
    """Reference features, tested as those of a layer: raw pixels, or PCA of the source's images.

    Attributes:
        dataset: Its name.
        method: ``pixels`` or ``pca``.
        hidden_dim: Number of principal components; None for pixels.
        source, noise, unit_loss, draws: As in :class:`FeatureSpec`.
        seed: Fixes noise and lost units, as for a layer of the same seed. Probes do not depend on
            it and are fitted once for all seeds of one call.
    """

    dataset: str = "mnist"
    method: str = "pixels"
    hidden_dim: int | None = Field(None, ge=1)
    seed: int = Field(42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, method=REFERENCES)

    @model_validator(mode="after")
    def _width_fits_the_method(self) -> ReferenceSpec:
        if (self.method == "pca") != (self.hidden_dim is not None):
            raise ValueError(
                f"hidden_dim={self.hidden_dim} is not possible for {self.method}: pca needs a "
                "number of components, pixels have none"
            )
        return self


def target_of(dataset: str, source: str = "all") -> str | None:
    """What a reader calls the target: "fashion-mnist", "mnist 5–9", or None if there is none."""
    if source == "all":
        return PARTNERS.get(dataset)
    classes = CLASSES[dataset]
    first = classes // 2 if source == "low" else 0
    return f"{dataset} {first}–{first + classes // 2 - 1}"


def level_columns(
    noise: Sequence[float] = NOISE, unit_loss: Sequence[float] = UNIT_LOSS
) -> dict[str, float]:
    """Columns with accuracies by level: ``{"noise_accuracy_0.1": 0.1, ...}``, lost units last."""
    named = [("noise", level) for level in noise] + [("loss", level) for level in unit_loss]
    return {f"{kind}_accuracy_{level:g}": level for kind, level in named}


def _layer_chunks(specs: Sequence[FeatureSpec]) -> Iterator[list[FeatureSpec]]:
    by_source: dict[str, list[FeatureSpec]] = defaultdict(list)
    for spec in specs:
        by_source[spec.source].append(spec)
    for members in by_source.values():
        yield from populations(members)  # type: ignore[misc]


def _reference_chunks(specs: Sequence[ReferenceSpec]) -> Iterator[list[ReferenceSpec]]:
    yield from seeds_together(specs, most=len(specs))


# shares of the test images: a hundredth
_SHARES = dict.fromkeys(
    ("probe_accuracy", "transfer_accuracy", *level_columns(), "noise_drop", "loss_drop"),
    (0.01, 0.0),
) | dict.fromkeys(("noise_retained", "loss_retained"), (0.02, 0.0))
FEATURES = Kind(
    *("features", (FeatureSpec,), _layer_chunks),
    twins=True,
    tolerance=_SHARES,
    seconds=lambda spec, store: seconds_alone(spec) + 5,
)
REFERENCE_FEATURES = Kind(
    "reference_features", (ReferenceSpec,), _reference_chunks, tolerance=_SHARES
)


@FEATURES.driver
def evaluate_features(
    specs: Sequence[FeatureSpec] | FeatureSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train layers and measure what their features are good for.

    Layers are trained as populations, their weights are not kept. Probes see the outputs.

    Args:
        specs: What to train and test; ``grid(FeatureSpec(...), seed=range(10))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and

        - ``probe_accuracy``: on the source (its own classes);
        - ``target``, ``transfer_accuracy``: name of the target (None if there is none) and the
          accuracy there, NaN without a target;
        - ``noise_accuracy_S`` for every deviation S, ``loss_accuracy_P`` for every share P: the
          probe of the source, not fitted again; see :func:`level_columns`;
        - ``noise_drop``, ``loss_drop``: mean over levels of the accuracy lost, and
          ``noise_retained``, ``loss_retained``: mean over levels of accuracy / clean accuracy;
        - all of :func:`infomax_lib.measures.weights_and_outputs.describe_weights`, and of
          :func:`.describe_outputs` on the source's test images.

        Accuracies are shares; a layer that diverged has NaN in all of them.

    Raises:
        TypeError: Anything but FeatureSpec objects.
        ValueError: A device that is not there, or more units than samples.
    """
    compute = partial(_compute_layers, progress=progress)
    return _evaluated(FEATURES, specs, compute, device, store, progress)


@REFERENCE_FEATURES.driver
def evaluate_references(
    specs: Sequence[ReferenceSpec] | ReferenceSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """The same for pixels and PCA; columns as in :func:`evaluate_features`, without measures.

    Raises:
        TypeError: Anything but ReferenceSpec objects.
        ValueError: A device that is not there.
        FitError: More components than the images span dimensions.
    """
    return _evaluated(REFERENCE_FEATURES, specs, _compute_references, device, store, progress)


def _evaluated(
    kind: Kind[Any],
    specs: Any,
    compute: Any,
    device: str,
    store: str | Store | None,
    progress: bool,
) -> pd.DataFrame:
    """Results of a kind, of which those are stored whose target is at hand."""

    def at_hand(row: Mapping[str, Any]) -> bool:
        return row["transfer_accuracy"] is not None

    table = kind.results(specs, compute, device, store, progress, at_hand)
    if len(table):  # None, where the target is not at hand
        table["transfer_accuracy"] = table["transfer_accuracy"].astype(float)
    return table


# --- layers --------------------------------------------------------------------------------------


def _compute_layers(
    specs: Sequence[FeatureSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    rows: dict[FeatureSpec, dict[str, Any]] = {}
    for group in _layer_chunks(specs):  # what is left of a population may not train together
        source, target = _source_and_target(group[0], device)
        population = Population(group, source, device, torch.float32)
        bar = range(population.first.epochs)
        for _ in tqdm(bar, desc="training", unit="epoch", leave=False, disable=not progress):
            population.epoch()
        for spec, weight, bias in zip(group, population.weight, population.bias, strict=True):
            encode = partial(layer_outputs, spec, weight, bias)
            (row,) = _tested(encode, [spec], source, target)
            measures = describe_weights(weight, bias)
            measures |= describe_outputs(encode(source.test))
            rows[spec] = row | {name: float(value) for name, value in measures.items()}
    return [rows[spec] for spec in specs]


# --- references ----------------------------------------------------------------------------------


def _compute_references(
    specs: Sequence[ReferenceSpec], device: torch.device
) -> list[dict[str, Any]]:
    source, target = _source_and_target(specs[0], device)
    if specs[0].hidden_dim is None:
        return _tested(lambda x: x, specs, source, target)
    mean, _, directions = principal_components(source.train, specs[0].hidden_dim)
    encoder = LinearEncoder(directions, -directions @ mean)
    return _tested(encoder.transform, specs, source, target)


# --- tests ---------------------------------------------------------------------------------------


def _source_and_target(
    spec: FeatureSpec | ReferenceSpec, device: torch.device
) -> tuple[Dataset, Dataset | None]:
    """What features are learned on, and where they are tested, too, if that is at hand."""
    data = load_dataset(spec.dataset).to(device, torch.float32)
    if spec.source != "all":
        return part_of(data, spec.source), part_of(data, OTHER_HALF[spec.source])
    partner = target_of(spec.dataset)
    if partner is None:
        return data, None
    try:
        return data, load_dataset(partner).to(device, torch.float32)
    except DataError as error:
        warnings.warn(
            f"transfer from {spec.dataset} to {partner} is not measured, and these results are "
            f"not stored: {error}",
            FeatureWarning,
            stacklevel=2,
        )
        return data, None


@torch.no_grad()
def _tested(
    encode: Callable[[Tensor], Tensor],
    specs: Sequence[FeatureSpec | ReferenceSpec],
    source: Dataset,
    target: Dataset | None,
) -> list[dict[str, Any]]:
    """All accuracies of one feature map, for specs that differ in the seed of the tests alone."""
    first, name = specs[0], target_of(specs[0].dataset, specs[0].source)
    levels = level_columns(first.noise, first.unit_loss)
    readout, clean = _own_accuracy(encode, source)
    transfer: float | None = float("nan")
    if name is not None:
        transfer = None if target is None else _own_accuracy(encode, target)[1]
    rows = []
    for spec in specs:
        row = {"probe_accuracy": clean, "target": name, "transfer_accuracy": transfer}
        if readout is None:
            values = [float("nan")] * len(levels)
        else:
            values = _under_noise(readout, encode, source, spec)
            values += _without_units(readout, encode, source, spec)
        row |= dict(zip(levels, values, strict=True))
        split = len(spec.noise)
        for kind, part in (("noise", values[:split]), ("loss", values[split:])):
            mean = sum(part) / len(part)
            row[f"{kind}_drop"] = clean - mean
            row[f"{kind}_retained"] = mean / clean if clean else float("nan")
        rows.append(row)
    return rows


def _own_accuracy(
    encode: Callable[[Tensor], Tensor], data: Dataset
) -> tuple[LinearReadout | None, float]:
    """A readout fitted and tested on one dataset; None and NaN if the features are not finite."""
    train, test = encode(data.train), encode(data.test)
    if not (train.isfinite().all() and test.isfinite().all()):
        return None, float("nan")
    readout = LinearReadout.fit(train, data.train_labels)
    return readout, float(readout.accuracy(test, data.test_labels))


def _under_noise(
    readout: LinearReadout,
    encode: Callable[[Tensor], Tensor],
    data: Dataset,
    spec: FeatureSpec | ReferenceSpec,
) -> list[float]:
    """Accuracy at every level: the same noise, scaled."""
    stream = generator(spec.seed, "noise")
    noise = torch.randn(data.test.shape, generator=stream, dtype=torch.float32).to(data.test)
    return [
        float(readout.accuracy(encode(data.test + level * noise), data.test_labels))
        for level in spec.noise
    ]


def _without_units(
    readout: LinearReadout,
    encode: Callable[[Tensor], Tensor],
    data: Dataset,
    spec: FeatureSpec | ReferenceSpec,
) -> list[float]:
    """Mean accuracy over draws at every level; within a draw, more units are lost in one order."""
    width = readout.weight.shape[1]
    stream = generator(spec.seed, "lost units")
    places = torch.stack([torch.randperm(width, generator=stream) for _ in range(spec.draws)])
    counts = [max(1, round(share * width)) for share in spec.unit_loss]
    kept = torch.cat([(places >= count).float() for count in counts]).to(data.test)
    accuracies = readout.accuracy(encode(data.test), data.test_labels, kept)
    return accuracies.view(len(counts), spec.draws).mean(1).tolist()
