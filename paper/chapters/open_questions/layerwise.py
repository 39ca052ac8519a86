r"""What each layer of a stack says about its input, along training.

A layer's outputs a are a function of its input, so that their information about it is infinite, or
for N images that are all mapped apart log N. With noise of fixed size it would grow with the
outputs, which nothing bounds. Every unit is therefore scaled to unit variance before noise
:math:`\sigma \varepsilon` is added; :mod:`paper.information.noisy_outputs` bounds what is left.
It is at most :math:`\frac K2 \log(1 + 1 / \sigma^2)`, for uncorrelated Gaussian outputs. As each
layer is a function of the one below, what it says about its input it says about the image.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import first_seeds, grid
from infomax_lib.model.streams import generator, measured_epochs
from infomax_lib.results.experiments import Kind, MinibatchSpec
from infomax_lib.results.store import Store
from paper.chapters.open_questions.stacks import StackSpec, train_stacks
from paper.information.noisy_outputs import noisy_information

#: Forms of a layer: source 001's own, without activation and competition, and source 000's two.
FORMS: Mapping[str, Mapping[str, Any]] = {
    "source": {"activation": "identity", "competition": "none", "lambda_tc": 1.0},
    **ARCHITECTURES,
}

_LISTS = ("level", "epoch", "lower", "upper")


class LayerwiseSpec(MinibatchSpec):
    """A stack that is trained layer by layer, and the noise on the outputs of each.

    Attributes:
        depth: Number of layers, 1 to 3.
        noise: Standard deviation of the noise, in those of each unit, > 0.
        samples: First test images, on which information is bounded, >= 2. The lower bound is at
            most the logarithm of their number.
    """

    depth: int = Field(default=3, ge=1, le=3)
    noise: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    samples: int = Field(default=2000, ge=2)


KIND = Kind(
    "layerwise",
    (LayerwiseSpec,),
    tolerance=dict.fromkeys(("lower", "upper"), (0.02, 5e-3)),
)


@KIND.driver
def layerwise_information(
    specs: Sequence[LayerwiseSpec] | LayerwiseSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train stacks layer by layer and bound what each layer says about its input.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        For each spec, in order, a row per layer and epoch of
        :func:`infomax_lib.model.streams.measured_epochs`: ``key``, the spec's fields, ``level``
        (from 1), ``epoch``, ``lower``, ``upper`` (nats).

    Raises:
        TypeError: Anything but LayerwiseSpec objects.
        ValueError: A device that is not there.
    """
    table = KIND.results(specs, _compute, device, store, progress)
    if table.empty:
        return table
    long = table.explode([*_LISTS], ignore_index=True)
    return long.astype({"level": int, "epoch": int, "lower": float, "upper": float})


def layerwise_specs(
    form: str, dataset: str, hidden_dim: int, seeds: int, epochs: int
) -> list[LayerwiseSpec]:
    """Stacks of one form in :data:`FORMS`."""
    base = LayerwiseSpec(dataset=dataset, hidden_dim=hidden_dim, epochs=epochs, **FORMS[form])
    return grid(base, seed=first_seeds(seeds))


def _compute(specs: Sequence[LayerwiseSpec], device: torch.device) -> list[dict[str, Any]]:
    first = specs[0]
    data = load_dataset(first.dataset).to(device, torch.float32)
    shared = {name: getattr(first, name) for name in MinibatchSpec.model_fields}
    wanted = set(measured_epochs(first.epochs))
    rows: list[dict[str, list]] = [{name: [] for name in _LISTS} for _ in specs]

    def watch(level: int, epoch: int, outputs: Callable[[], Tensor]) -> None:
        if epoch not in wanted:
            return
        for spec, row, a in zip(specs, rows, outputs(), strict=True):
            draw = generator(spec.seed, "layerwise: noise")
            bounds = noisy_information(a[: spec.samples], spec.noise, draw)
            found = (level, epoch, bounds.lower, bounds.upper)
            for name, value in zip(_LISTS, found, strict=True):
                row[name].append(value)

    seeds = [spec.seed for spec in specs]
    for _ in train_stacks(StackSpec(**shared, depth=first.depth), seeds, data, watch=watch):
        pass
    return rows
