"""Many layers trained as one tensor program.

The layers of a population share dataset, sizes, activation, competition, kind of optimizer and
number of epochs; seeds, lambdas and learning rates are their own. Their weights lie in one tensor
(L, K, D), ordered by seed, so that layers that share a seed share each batch: one matrix product
per seed forward, one back. In between, every operation acts on (L, B, K) and never mixes layers,
so that a layer that diverges leaves its neighbours alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from infomax_lib import metrics
from infomax_lib.curvature import extreme_curvature, hessian_vector_product
from infomax_lib.data import Dataset
from infomax_lib.layer import ACTIVATIONS, COMPETITIONS, initial_parameters, stacked_preactivation
from infomax_lib.objective import infomax_objective, weight_redundancy
from infomax_lib.probes import linear_probe
from infomax_lib.spec import RunSpec

__all__ = [
    "Population",
    "TrainedRun",
    "batches",
    "generator",
    "measured_epochs",
    "train_population",
]

_CURVATURE_SAMPLES = 1024
_RECORDED = 1000  # longer histories are thinned to at most this many, logarithmically spaced


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


def generator(seed: int, purpose: str) -> torch.Generator:
    """A random stream of its own for each (seed, purpose), on the CPU so that devices agree."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def batches(samples: int, batch_size: int, order: Sequence[torch.Generator]) -> Iterator[Tensor]:
    """One epoch of sample indices (S, B) for S data orders; the last batch may be shorter.

    A last batch of a single sample, which has no variance, is left out.
    """
    shuffled = torch.stack([torch.randperm(samples, generator=g) for g in order])
    for part in shuffled.split(batch_size, dim=1):
        if part.shape[1] > 1:
            yield part


def measured_epochs(epochs: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, 50, ... and the last epoch: when weights and outputs are measured."""
    steps = (m * 10**e for e in range(12) for m in (1, 2, 5))
    return sorted({0, epochs, *(s for s in steps if s < epochs)})


def recorded_epochs(epochs: int) -> set[int]:
    """Epochs whose mean loss is kept: all of them, or at most 1000 logarithmically spaced ones."""
    if epochs <= _RECORDED:
        return set(range(1, epochs + 1))
    spaced = np.geomspace(1, epochs, _RECORDED).round().astype(int)
    return {*spaced.tolist(), *measured_epochs(epochs)}


class Population:
    """Parameters, optimizer and training steps of L layers: S seeds with L / S layers each.

    Attributes:
        weight: Rows of all layers, (L, K, D).
        bias: Biases of all layers, (L, K).
    """

    def __init__(self, specs: Sequence[RunSpec], data: Dataset, device, dtype) -> None:
        first = specs[0]
        self.specs, self.first = specs, first
        self.seeds = list(dict.fromkeys(spec.seed for spec in specs))
        per_seed = len(specs) // len(self.seeds)
        if [spec.seed for spec in specs] != [s for s in self.seeds for _ in range(per_seed)]:
            raise ValueError("a population needs its layers ordered by seed, as many for each seed")
        to = {"device": device, "dtype": dtype}
        self.train, self.test = data.train.to(**to), data.test.to(**to)
        start = [
            initial_parameters(data.num_features, first.hidden_dim, s.seed, s.initial)
            for s in specs
        ]
        self.weight = torch.stack([w for w, _ in start]).to(**to)
        self.bias = torch.stack([b for _, b in start]).to(**to)
        self.weight_grad, self.bias_grad = map(torch.zeros_like, (self.weight, self.bias))
        self.lambda_tc = torch.tensor([spec.lambda_tc for spec in specs], **to)
        self.lambda_wr = torch.tensor([spec.lambda_wr for spec in specs], **to)
        self.regularised = any(spec.lambda_wr for spec in specs)
        self.optimizer = self._make_optimizer()
        self.loss_sum, self.tc_sum = (torch.zeros(len(specs), **to) for _ in range(2))
        self._order = [generator(seed, "order") for seed in self.seeds]
        self._batch = self.train.new_empty(0)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        """PyTorch's fused optimizer on the whole tensors, or per layer where step sizes differ."""
        rates = [spec.learning_rate for spec in self.specs]
        pairs = [(self.weight, self.weight_grad)]
        if self.first.bias:
            pairs.append((self.bias, self.bias_grad))
        for parameter, gradient in pairs:
            parameter.grad = gradient
        if len(set(rates)) == 1:
            groups = [{"params": [parameter for parameter, _ in pairs], "lr": rates[0]}]
        else:
            groups = []
            for layer, rate in enumerate(rates):
                views = []
                for parameter, gradient in pairs:
                    view = parameter[layer]
                    view.grad = gradient[layer]
                    views.append(view)
                groups.append({"params": views, "lr": rate})
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[self.first.optimizer]
        return kind(groups, fused=True)

    def output(self, z: Tensor) -> Tensor:
        """Outputs of pre-activations (..., N, K)."""
        return COMPETITIONS[self.first.competition](ACTIVATIONS[self.first.activation](z))

    def epoch(self) -> tuple[Tensor, Tensor]:
        """One pass over the training data; mean loss and correlation term over its batches (L,)."""
        self.loss_sum.zero_()
        self.tc_sum.zero_()
        steps = 0
        if self.first.batch_size == "full":
            self.step(None)
            steps = 1
        else:
            for indices in batches(len(self.train), self.first.batch_size, self._order):
                self.step(indices.to(self.train.device))
                steps += 1
        return self.loss_sum.double().cpu() / steps, self.tc_sum.double().cpu() / steps

    def step(self, indices: Tensor | None) -> None:
        """One gradient step; ``indices`` (S, B) selects each seed's batch, None the full batch."""
        layers, units, inputs = self.weight.shape
        if indices is None:
            x = self.train.unsqueeze(0)
        else:
            shape = (*indices.shape, inputs)
            if self._batch.shape != shape:
                self._batch = self.train.new_empty(shape)
            x = self._batch
            torch.index_select(self.train, 0, indices.flatten(), out=x.view(-1, inputs))
        by_batch = (len(x), layers * units // len(x))
        z = torch.bmm(self.weight.view(*by_batch, inputs), x.mT).view(layers, units, -1)
        z = z.add_(self.bias.unsqueeze(-1)).mT.requires_grad_()
        loss, tc = infomax_objective(self.output(z), lambda_tc=self.lambda_tc)
        (z_grad,) = torch.autograd.grad(loss.sum(), z)
        by_unit = z_grad.mT.reshape(*by_batch, -1)
        torch.bmm(by_unit, x, out=self.weight_grad.view(*by_batch, inputs))
        torch.sum(by_unit, -1, out=self.bias_grad.view(by_batch))
        loss = loss.detach()
        if self.regularised:
            rows = self.weight.detach().requires_grad_()
            penalty = self.lambda_wr * weight_redundancy(rows)
            self.weight_grad += torch.autograd.grad(penalty.sum(), rows)[0]
            loss = loss + penalty.detach()
        self.optimizer.step()
        self.loss_sum += loss
        self.tc_sum += tc.detach()


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
        specs: Descriptions that agree in everything but ``seed``, ``lambda_tc``, ``lambda_wr``,
            ``learning_rate`` and ``initial``; ordered by seed, as many for each seed.
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
    first, layers = population.first, len(specs)
    runs = [TrainedRun() for _ in specs]
    diverged_at = torch.full((layers,), torch.nan, dtype=torch.float64)
    measured, recorded = measured_epochs(first.epochs), recorded_epochs(first.epochs)

    def measure(epoch: int) -> None:
        complete = epoch in (0, first.epochs)
        values = _measure(population, data, complete, shared_start=epoch == 0)
        _append(epoch, values, [run.measures for run in runs])
        if keep_weights:
            both = torch.cat([population.weight, population.bias.unsqueeze(-1)], -1)
            for run, layer in zip(runs, both.float().cpu().numpy(), strict=True):
                run.weights[epoch] = layer

    measure(0)
    for epoch in range(1, first.epochs + 1):
        loss, tc = population.epoch()
        finite = loss.isfinite() & population.weight.isfinite().all(-1).all(-1).cpu()
        diverged_at[~finite & diverged_at.isnan()] = epoch
        means = {"loss": loss.numpy(), "train_tc": tc.numpy()}
        if epoch in recorded:
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


@torch.no_grad()
def _measure(
    population: Population, data: Dataset, complete: bool, shared_start: bool
) -> dict[str, np.ndarray]:
    """Measures of all layers now; the expensive ones (probe, HSIC) only when ``complete``.

    Before training, layers with the same seed and initial weights differ in nothing but the loss:
    with ``shared_start`` one of them is measured for all.
    """
    first, layers = population.first, len(population.specs)
    origins = [(s.seed, s.initial) if shared_start else i for i, s in enumerate(population.specs)]
    representatives = list(dict.fromkeys(origins))
    pick = [origins.index(origin) for origin in representatives]
    back = [representatives.index(origin) for origin in origins]
    weight, bias = population.weight[pick], population.bias[pick]

    values = metrics.describe_weights(weight, bias)
    hidden = ACTIVATIONS[first.activation](stacked_preactivation(weight, bias, population.test))
    outputs = COMPETITIONS[first.competition](hidden)
    values |= metrics.describe_outputs(outputs)
    competes = first.competition != "none"
    nothing = weight.new_full((len(weight),), torch.nan)
    values["max_responsibility"] = metrics.max_responsibility(outputs) if competes else nothing
    values |= dict.fromkeys(("hsic", "hsic_floor", "probe_accuracy", "probe_accuracy_pre"), nothing)
    if complete:
        values["hsic"] = metrics.hsic(outputs)
        values["hsic_floor"] = metrics.hsic(outputs, shuffled=True)
        values |= _probe(population, weight, bias, data, competes)
    values = {name: value[back] for name, value in values.items()}

    with torch.enable_grad():
        product = hessian_vector_product(
            population.weight,
            population.bias,
            population.train[:_CURVATURE_SAMPLES],
            population.output,
            population.lambda_tc,
            population.lambda_wr,
        )
        like = population.weight.new_zeros(layers, first.hidden_dim, data.num_features + 1)
        values["curvature_min"], values["curvature_max"] = extreme_curvature(product, like)
    return {name: value.double().cpu().numpy() for name, value in values.items()}


def _probe(population, weight, bias, data, competes) -> dict[str, Tensor]:
    """Probe accuracy on the outputs and, under competition, on the activations before it.

    One layer at a time: its features on 60 000 images are as large as a whole population.
    """
    after, before = [], []
    for w, b in zip(weight.split(1), bias.split(1), strict=True):
        h, h_test = (
            ACTIVATIONS[population.first.activation](stacked_preactivation(w, b, x))
            for x in (population.train, population.test)
        )
        compete = COMPETITIONS[population.first.competition]
        labels = data.train_labels, data.test_labels
        after.append(linear_probe(compete(h), labels[0], compete(h_test), labels[1]))
        if competes:
            before.append(linear_probe(h, labels[0], h_test, labels[1]))
    accuracy = torch.cat(after)
    return {
        "probe_accuracy": accuracy,
        "probe_accuracy_pre": torch.cat(before) if competes else accuracy,
    }
