"""Everything that is measured of trained layers: weights, outputs on the test set, curvature."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infomax_lib.measures.curvature import extreme_curvature, hessian_vector_product
from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import (
    describe_outputs,
    describe_weights,
    max_responsibility,
)
from infomax_lib.model.architectures import competed
from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import ACTIVATIONS, stacked_preactivation
from infomax_lib.model.objective import OBJECTIVES, free_energy
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.tensors.block import block_of
from infomax_lib.training.tensors.gradients import OF_COVARIANCE

__all__ = ["measure_layers"]

_CURVATURE_SAMPLES = 1024
_MAX_OUTPUTS = 2**25  # outputs, or curvature directions, held at once


@torch.no_grad()
def measure_layers(
    specs: Sequence[RunSpec],
    weight: Sequence[Tensor],
    bias: Sequence[Tensor],
    data: Dataset,
    complete: bool = True,
    untrained: bool = False,
) -> dict[str, np.ndarray]:
    """All measures of some layers, by column name; arrays over the layers, float64.

    Args:
        specs: What the layers are.
        weight: Rows (K, D) of each layer.
        bias: Biases (K,) of each layer.
        data: The dataset, on the layers' device.
        complete: Take the expensive measures (probe, HSIC), too; they are NaN otherwise.
        untrained: The layers are as they started: those with the same seed and start differ in
            nothing but the loss, and one of them is measured for all.
    """
    table: dict[str, np.ndarray] = {}
    for places in _alike(specs, data):
        own = [specs[place] for place in places]
        origins = [(s.seed, s.initial) if untrained else (n, "") for n, s in enumerate(own)]
        distinct = list(dict.fromkeys(origins))
        pick = [places[origins.index(origin)] for origin in distinct]
        chosen = _stack(weight, pick), _stack(bias, pick)
        values = _describe(own[0], chosen[0], chosen[1], data, complete)
        back = [distinct.index(origin) for origin in origins]
        values = {name: value[back] for name, value in values.items()}
        values |= _curvature(own, _stack(weight, places), _stack(bias, places), data)
        for name, value in values.items():
            column = table.setdefault(name, np.full(len(specs), np.nan))
            column[places] = value.double().cpu().numpy()
    return table


def _stack(parts: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    return torch.stack([parts[place] for place in places])


def _alike(specs: Sequence[RunSpec], data: Dataset) -> Iterator[list[int]]:
    """Places of layers that are measured together: of one shape and kind, and not too many."""
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, spec in enumerate(specs):
        alike[*block_of(spec), spec.activation].append(place)
    for (units, *_), places in alike.items():
        each = units * max(len(data.test), _CURVATURE_SAMPLES, 16 * data.num_features)
        limit = max(1, _MAX_OUTPUTS // each)
        for start in range(0, len(places), limit):
            yield places[start : start + limit]


def _describe(
    spec: RunSpec, weight: Tensor, bias: Tensor, data: Dataset, complete: bool
) -> dict[str, Tensor]:
    """Measures that do not depend on the loss, of layers (L, K, D) of one kind."""
    nothing = weight.new_full((len(weight),), torch.nan)
    competes = spec.competition != "none"
    outputs = competed(spec, _hidden(spec, weight, bias, data.test))
    values = describe_weights(weight, bias) | describe_outputs(outputs)
    values["max_responsibility"] = max_responsibility(outputs) if competes else nothing
    values |= dict.fromkeys(("hsic", "hsic_floor", "probe_accuracy", "probe_accuracy_pre"), nothing)
    if complete:
        values["hsic"] = mean_hsic(outputs)
        values["hsic_floor"] = mean_hsic(outputs, shuffled=True)
        values |= _probe(spec, weight, bias, data)
    return values


def _hidden(spec: RunSpec, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """Activations h (L, N, K)."""
    return ACTIVATIONS[spec.activation](stacked_preactivation(weight, bias, x))


def _probe(spec: RunSpec, weight: Tensor, bias: Tensor, data: Dataset) -> dict[str, Tensor]:
    """Probe accuracy on the outputs and, under competition, on the activations before it.

    One layer at a time: its features on 60 000 images are as large as a whole population.
    """
    competes = spec.competition != "none"
    after, before = [], []
    for w, b in zip(weight.split(1), bias.split(1), strict=True):
        h, h_test = (_hidden(spec, w, b, x) for x in (data.train, data.test))
        a, a_test = (competed(spec, part) for part in (h, h_test))
        labels = data.train_labels, data.test_labels
        after.append(linear_probe(a, labels[0], a_test, labels[1]))
        if competes:
            before.append(linear_probe(h, labels[0], h_test, labels[1]))
    accuracy = torch.cat(after)
    return {
        "probe_accuracy": accuracy,
        "probe_accuracy_pre": torch.cat(before) if competes else accuracy,
    }


def _curvature(
    specs: Sequence[RunSpec], weight: Tensor, bias: Tensor, data: Dataset
) -> dict[str, Tensor]:
    """Extreme Hessian eigenvalues of layers (L, K, D) of one kind, on the first 1024 samples.

    NaN for objectives that compare views, or samples pair by pair.
    """
    first = specs[0]
    if first.objective not in (*OF_COVARIANCE, "none"):
        nothing = weight.new_full((len(specs),), torch.nan)
        return {"curvature_min": nothing, "curvature_max": nothing}
    lambda_tc, lambda_wr, lambda_lse = (
        weight.new_tensor([getattr(spec, name) for spec in specs])
        for name in ("lambda_tc", "lambda_wr", "lambda_lse")
    )

    def loss(z: Tensor) -> Tensor:
        h = ACTIVATIONS[first.activation](z)
        value = OBJECTIVES[first.objective](competed(first, h), lambda_tc).loss
        if first.lambda_lse > 0:
            value = value + lambda_lse * free_energy(h, first.temperature)
        return value

    with torch.enable_grad():
        samples = data.train[:_CURVATURE_SAMPLES]
        product = hessian_vector_product(weight, bias, samples, loss, lambda_wr)
        like = weight.new_zeros(*weight.shape[:-1], weight.shape[-1] + 1)
        smallest, largest = extreme_curvature(product, like)
    return {"curvature_min": smallest, "curvature_max": largest}
