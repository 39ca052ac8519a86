"""Many layers trained and measured together.

The layers of a population share dataset, batch size, optimizer and number of epochs, and layers
that share a seed share each batch. On a CPU, compiled code trains what most runs are made of
(:mod:`.layers`); everything else, and everything on a GPU, is trained by
operations on whole tensors (:mod:`infomax_lib.training.tensors.layers`).
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import batches, generator, measured_epochs, recorded_epochs
from infomax_lib.training.compiled.layers import CompiledLayers
from infomax_lib.training.measured import measure_layers
from infomax_lib.training.tensors.block import block_of
from infomax_lib.training.tensors.layers import TensorLayers

__all__ = [
    "MeasureWarning",
    "Population",
    "TrainedRun",
    "train_population",
]


class MeasureWarning(UserWarning):
    """Trained layers could not be measured; what was trained is kept."""


@dataclass
class TrainedRun:
    """Everything kept of one run.

    Attributes:
        metrics: Final value of every measure, by column name.
        history: Lists ``epoch``, ``loss``, ``train_tc``, one entry per recorded epoch.
        measures: Lists ``epoch`` and every measure, one entry per measured epoch, 0 included.
        weights: Weights (K, D+1), the bias in the last column, by measured epoch; empty unless
            asked for.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    measures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    weights: dict[int, np.ndarray] = field(default_factory=dict)


class Population:
    """Parameters, optimizer and training steps of L layers on S data orders.

    Args:
        specs: Descriptions, in any order. Each seed has as many layers of each width, activation,
            competition and objective as the others; dataset, batch size, number of views,
            optimizer, ``bias``, precision and epochs are the same for all.
        data: The dataset that they name.
        device: Where to train.
        dtype: Of parameters and data.

    Attributes:
        layers: What trains them.
        weight: Rows (K, D) of each layer, in the order of ``specs``; views that training changes.
        bias: Biases (K,) of each layer.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        data: Dataset,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        self.specs, self.first = list(specs), specs[0]
        by_order = self._arrange()
        seeds = [self.specs[places[0]].seed for places in by_order]
        self._order = [generator(seed, "order") for seed in seeds]
        self._samples = len(data.train)
        units = sum(self.specs[place].hidden_dim for place in by_order[0])
        if torch.device(device).type == "cpu" and self._compiled_pays(data, units):
            self.layers: CompiledLayers | TensorLayers = CompiledLayers(
                self.specs, by_order, data, dtype
            )
        else:
            draws = [generator(seed, "views") for seed in seeds]
            self.layers = TensorLayers(self.specs, by_order, data, device, dtype, draws)
        self.weight, self.bias = self.layers.weight, self.layers.bias

    def _compiled_pays(self, data: Dataset, units: int) -> bool:
        size = self.first.samples_per_step(len(data.train))
        served = all(map(CompiledLayers.serve, self.specs))
        return served and CompiledLayers.pay(data, units, size)

    def _arrange(self) -> list[list[int]]:
        """Places of the specs, one list per data order, each sorted by block and step size.

        A full batch is the same in any order: then there is one list.
        """
        full = self.first.batch_size == "full"
        by_order: dict[int, list[int]] = defaultdict(list)
        for place, spec in enumerate(self.specs):
            by_order[0 if full else spec.seed].append(place)

        def wanted(place: int) -> tuple[Any, ...]:
            spec = self.specs[place]
            return *block_of(spec), spec.activation, spec.learning_rate

        arranged = [sorted(group, key=wanted) for group in by_order.values()]
        kinds = {tuple(wanted(place)[:-1] for place in group) for group in arranged}
        if len(kinds) > 1:
            raise ValueError(
                "a population needs as many layers of each width, activation, competition and "
                "objective for every seed: see infomax_lib.training.grouping.populations"
            )
        return arranged

    def epoch(self) -> tuple[Tensor, Tensor]:
        """One pass over the training data; mean loss and its second term over the batches (L,)."""
        if self.first.batch_size == "full":
            steps = self.train([None])
        else:
            steps = self.train(batches(self._samples, self.first.batch_size, self._order))
        loss, tc = self.layers.take_sums()
        return loss / steps, tc / steps

    def train(self, parts: Iterable[Tensor | None]) -> int:
        """One gradient step on each of the batches: samples (S, B), or None for all samples.

        Returns:
            The number of steps.
        """
        return self.layers.train(parts)


def train_population(
    specs: Sequence[RunSpec],
    data: Dataset,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    keep_weights: bool = False,
    on_epoch: Callable[[], object] = lambda: None,
) -> list[TrainedRun]:
    """Train and measure the layers of one population.

    Args:
        specs: Descriptions that can train together, see :class:`Population`.
        data: The dataset that they name.
        device: Where to train.
        dtype: float32, or float64 for checks.
        keep_weights: Also keep the weights at every measured epoch.
        on_epoch: Called after every epoch, for progress.

    Returns:
        One :class:`TrainedRun` per spec, in order. A run whose loss or weights stop being finite
        has ``diverged_at`` set to that epoch; the others are not affected.
    """
    population = Population(specs, data, device, dtype)
    epochs = population.first.epochs
    runs = [TrainedRun() for _ in specs]
    diverged_at = torch.full((len(specs),), torch.nan, dtype=torch.float64)
    measured, recorded = measured_epochs(epochs), recorded_epochs(epochs)
    evaluation = data.to(device, dtype)

    def measure(epoch: int) -> None:
        try:
            values = measure_layers(
                population.specs,
                population.weight,
                population.bias,
                evaluation,
                complete=epoch in (0, epochs),
                untrained=epoch == 0,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            if epoch == 0:  # nothing is lost yet
                raise
            warnings.warn(
                f"epoch {epoch} of {len(specs)} run(s) could not be measured ({error}): their "
                "measures of that epoch are NaN, training goes on",
                MeasureWarning,
                stacklevel=2,
            )
            names = [name for name in runs[0].measures if name != "epoch"]
            values = dict.fromkeys(names, np.full(len(specs), np.nan))
        _append(epoch, values, [run.measures for run in runs])
        if keep_weights:
            for run, rows, bias in zip(runs, population.weight, population.bias, strict=True):
                both = torch.cat([rows, bias.unsqueeze(-1)], -1)
                run.weights[epoch] = both.float().cpu().numpy()

    measure(0)
    for epoch in range(1, epochs + 1):
        loss, tc = population.epoch()
        weights_finite = torch.stack([rows.isfinite().all() for rows in population.weight]).cpu()
        diverged_at[~(loss.isfinite() & weights_finite) & diverged_at.isnan()] = epoch
        if epoch in recorded:
            means = {"loss": loss.numpy(), "train_tc": tc.numpy()}
            _append(epoch, means, [run.history for run in runs])
        if epoch in measured:
            measure(epoch)
        on_epoch()
    for layer, run in enumerate(runs):
        lists = {"loss": [np.nan], "train_tc": [np.nan]} | run.history | run.measures
        run.metrics = {name: values[-1] for name, values in lists.items() if name != "epoch"}
        run.metrics["diverged_at"] = float(diverged_at[layer])
    return runs


def _append(epoch: int, values: dict[str, np.ndarray], lists: list[dict[str, list[float]]]) -> None:
    """Append one epoch's values, an array over layers each, to the lists of every layer."""
    for layer, columns in enumerate(lists):
        columns["epoch"].append(epoch)
        for name, value in values.items():
            columns[name].append(float(value[layer]))
