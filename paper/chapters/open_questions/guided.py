r"""A supervised signal beside InfoMax: the cross-entropy of a linear head on the outputs.

.. math:: L = L_{InfoMax}(a) + \lambda_{ce}\, \mathrm{CE}(\mathrm{softmax}(U a + c), y)

Gradients by the layer are those of L. The head (U, c) descends the cross-entropy itself, without
the weight: the same direction, and the one that is left at lambda_ce = 0, where the head merely
reads a layer that does not notice it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import describe_outputs, describe_weights
from infomax_lib.model.architectures import layer_outputs, outputs
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.matmul import products
from infomax_lib.results.experiments import Kind, MinibatchSpec
from infomax_lib.results.store import Store
from infomax_lib.training.tensors.block import Block
from paper.methods.descent import Descent, Parameters, xavier

_MAX_LAYERS = 64  # trained at once


class AuxiliarySpec(MinibatchSpec):
    """A training run with the loss InfoMax + lambda_ce * cross-entropy.

    Attributes:
        lambda_ce: Weight of the cross-entropy, >= 0. The head itself minimises the cross-entropy
            whatever its weight, so that at 0 it reads a layer that does not notice it: that layer
            is the plain run of the same settings.
    """

    lambda_ce: float = Field(0.0, ge=0, allow_inf_nan=False)


class Guided(NamedTuple):
    """L layers with a head each.

    Attributes:
        weight: Rows (L, K, D).
        bias: (L, K).
        head: (L, C, K).
        head_bias: (L, C).
    """

    weight: Tensor
    bias: Tensor
    head: Tensor
    head_bias: Tensor


def _chunks(specs: Sequence[AuxiliarySpec]) -> Iterator[list[AuxiliarySpec]]:
    """Specs that train together: for each of some seeds the same settings, seed by seed."""
    alike: dict[AuxiliarySpec, dict[int, list[AuxiliarySpec]]]
    alike = defaultdict(lambda: defaultdict(list))
    for spec in specs:
        alike[spec.but(seed=0, lambda_ce=0.0, lambda_tc=0.0)][spec.seed].append(spec)
    for by_seed in alike.values():
        same: dict[tuple, list[list[AuxiliarySpec]]] = defaultdict(list)
        for members in by_seed.values():
            ordered = sorted(members, key=_setting)
            for start in range(0, len(ordered), _MAX_LAYERS):
                part = ordered[start : start + _MAX_LAYERS]
                same[tuple(map(_setting, part))].append(part)
        for settings, parts in same.items():
            at_once = max(1, _MAX_LAYERS // len(settings))
            for start in range(0, len(parts), at_once):
                yield [spec for part in parts[start : start + at_once] for spec in part]


def _setting(spec: AuxiliarySpec) -> tuple[float, float]:
    return spec.lambda_ce, spec.lambda_tc


KIND = Kind("auxiliary", (AuxiliarySpec,), _chunks, tolerance={"head_accuracy": (0.003, 0.0)})


@KIND.driver
def run_auxiliary(
    specs: Sequence[AuxiliarySpec] | AuxiliarySpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train layers with a supervised signal and measure them.

    Layers that differ in seed, ``lambda_ce`` and ``lambda_tc`` are trained at once.

    Args:
        specs: What to train; ``grid(AuxiliarySpec(...), lambda_ce=[0.0, 1.0], seed=range(10))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``probe_accuracy`` of a linear
        probe on the outputs, ``head_accuracy`` and ``head_cross_entropy`` of the head on test
        images, all of :func:`.describe_weights` and, on test images, of
        :func:`infomax_lib.measures.weights_and_outputs.describe_outputs`.

    Raises:
        TypeError: Anything but AuxiliarySpec objects.
        ValueError: A device that is not there.
    """
    compute = partial(_compute, progress=progress)
    return KIND.results(specs, compute, device, store, progress)


def _compute(
    specs: Sequence[AuxiliarySpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    data = load_dataset(specs[0].dataset).to(device, torch.float32)
    rows: dict[AuxiliarySpec, dict[str, Any]] = {}
    for part in _chunks(specs):  # what is left of a chunk may not train together
        layers = train_guided(part, data, progress)
        each = zip(*layers, strict=True)
        rows |= {s: _measured(s, Guided(*own), data) for s, own in zip(part, each, strict=True)}
    return [rows[spec] for spec in specs]


# --- training ------------------------------------------------------------------------------------


def train_guided(specs: Sequence[AuxiliarySpec], data: Dataset, progress: bool = False) -> Guided:
    """Train layers with their heads.

    Args:
        specs: Seed by seed, with the same sequence of settings for each; alike in everything but
            seed, lambda_ce and lambda_tc.
        data: The dataset; its type and device are those of the training.
        progress: Show a bar.

    Returns:
        The layers, in order.
    """
    first, seeds = specs[0], list(dict.fromkeys(spec.seed for spec in specs))
    starts = [initial_parameters(data.num_features, s.hidden_dim, s.seed, s.initial) for s in specs]
    weight, bias = (torch.stack(part).to(data.train) for part in zip(*starts, strict=True))
    classes = int(data.train_labels.max()) + 1
    own_seeds = [spec.seed for spec in specs]
    parameters = {
        "weight": weight,
        "bias": bias,
        "head": xavier(own_seeds, classes, first.hidden_dim, "head", weight),
        "head_bias": weight.new_zeros(len(specs), classes),
    }
    trained = [tensor for name, tensor in parameters.items() if first.bias or name != "bias"]
    optimizer: torch.optim.Optimizer
    if first.optimizer == "sgd":
        optimizer = torch.optim.SGD(trained, lr=first.learning_rate, fused=True)
    else:
        optimizer = torch.optim.Adam(trained, lr=first.learning_rate, fused=True)
    step = GuidedStep(specs, weight)
    bar = "layers with heads" if progress else None
    Descent(first.epochs, first.learning_rate, int(first.batch_size), bar).train(
        parameters,
        lambda p, batch, rows: step.gradients(p, batch, data.train_labels[rows]),
        data.train,
        seeds,
        optimizer=optimizer,
    )
    return Guided(**parameters)


class GuidedStep:
    """Gradients of L layers and their heads; see :func:`train_guided` for the specs.

    Args:
        specs: What the layers are.
        like: A tensor of their type and device.
    """

    def __init__(self, specs: Sequence[AuxiliarySpec], like: Tensor) -> None:
        self._first = specs[0]
        self._lambda_ce = like.new_tensor([spec.lambda_ce for spec in specs]).view(-1, 1, 1)
        # all layers have one activation, so that they are one group
        self._block = Block(specs, 1, device=like.device, dtype=like.dtype)

    def gradients(self, parameters: Parameters, x: Tensor, labels: Tensor) -> Parameters:
        """Gradients by all parameters, for x (S, B, D) and labels (S, B), S the seeds."""
        p = parameters
        seeds, samples = labels.shape
        # layers of one seed share their batch: one product for all of them
        rows = p["weight"].view(seeds, -1, x.shape[-1])
        z = products(rows, x).view(len(p["weight"]), -1, samples) + p["bias"].unsqueeze(-1)
        by_z = self._block.gradient(z.detach().clone()).z
        with torch.enable_grad():
            output = outputs(self._first, z.requires_grad_(), -2)
        a = output.detach()
        logits = torch.baddbmm(p["head_bias"].unsqueeze(-1), p["head"], a)
        # d CE / d logits = (softmax - one-hot) / B
        error = torch.softmax(logits, 1)
        target = labels.repeat_interleave(len(z) // seeds, 0).unsqueeze(1)
        error.scatter_add_(1, target, error.new_full(target.shape, -1.0))
        error /= samples
        by_output = self._lambda_ce * torch.bmm(p["head"].mT, error)
        by_z = by_z + torch.autograd.grad(output, z, by_output)[0]
        weight = products(by_z.view(seeds, -1, samples), x.mT).view(p["weight"].shape)
        if self._block.regularised:
            weight = weight + self._block.redundancy_gradient(p["weight"])[0]
        return {
            "weight": weight,
            "bias": by_z.sum(-1),
            "head": torch.bmm(error, a.mT),
            "head_bias": error.sum(-1),
        }


# --- measures ------------------------------------------------------------------------------------


@torch.no_grad()
def _measured(spec: AuxiliarySpec, layer: Guided, data: Dataset) -> dict[str, Any]:
    """Measures of one layer, by column name."""
    train, test = (
        layer_outputs(spec, layer.weight, layer.bias, x) for x in (data.train, data.test)
    )
    values = describe_weights(layer.weight, layer.bias) | describe_outputs(test)
    values["probe_accuracy"] = linear_probe(train, data.train_labels, test, data.test_labels)
    logits = F.linear(test, layer.head, layer.head_bias)
    correct = (logits.argmax(-1) == data.test_labels).double().mean()
    values["head_accuracy"] = torch.where(logits.isfinite().all(), correct, torch.nan)
    values["head_cross_entropy"] = F.cross_entropy(logits, data.test_labels)
    return {name: float(value) for name, value in values.items()}
