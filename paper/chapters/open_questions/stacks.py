"""Stacks of layers: does InfoMax on the outputs of InfoMax find more?

Layer n + 1 reads the outputs a of layer n, standardised unit by unit:
(a - mean) / sqrt(variance + eps), so that every layer meets inputs of the scale that its initial
weights expect and a dead unit stays zero. All seeds of one configuration are trained at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from pydantic import Field, field_validator
from torch import Tensor
from tqdm import tqdm

from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import (
    describe_outputs,
    describe_weights,
    effective_rank,
    entropy_rank,
)
from infomax_lib.model.architectures import layer_outputs, outputs
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.matmul import products
from infomax_lib.model.objective import EPSILON
from infomax_lib.model.streams import batches, generator
from infomax_lib.results.experiments import Kind, MinibatchSpec
from infomax_lib.results.store import Store
from infomax_lib.training.tensors.block import Block

#: How the layers of a stack are trained.
TRAININGS = ("greedy", "random", "end_to_end")

_MAX_OUTPUTS = 2**26  # of all stacks of a chunk on the training set; a few copies are held


class StackSpec(MinibatchSpec):
    """A stack of layers with the same width, activation and competition.

    Attributes:
        depth: Number of layers, 1 to 3.
        training: ``greedy`` trains each layer on the outputs of the frozen one below, all
            ``epochs`` long; mean and variance between layers are those of the training set.
            ``random`` leaves all layers as they start (``epochs`` is not looked at).
            ``end_to_end`` trains all layers by the loss of the last one's outputs; mean and
            variance are those of the batch while it trains, differentiated, and those of the
            training set afterwards.

    One layer trained greedily is the plain run of the same settings: same start, same batches.
    ``lambda_wr`` acts on the weights of the layer whose outputs carry the loss.
    """

    depth: int = Field(1, ge=1, le=3)
    training: str = "greedy"

    @field_validator("training")
    @classmethod
    def _known_training(cls, value: str) -> str:
        if value not in TRAININGS:
            raise ValueError(f"choose one of {', '.join(TRAININGS)}")
        return value


@dataclass(frozen=True)
class Level:
    """One level of S trained stacks.

    Attributes:
        depth: Its place, from 1.
        weight: Rows (S, K, D), D the number of inputs or the width of the layer below.
        bias: (S, K).
        train: Outputs on the training set (S, N, K).
        test: Outputs on the test set (S, M, K).
        before: The same before the competition.
        loss: Mean over the last epoch of the loss of its outputs (S,); NaN if there was none.
        train_tc: The same of its second term.
    """

    depth: int
    weight: Tensor
    bias: Tensor
    train: Tensor
    test: Tensor
    before: Tensor
    loss: Tensor
    train_tc: Tensor


def _chunks(specs: Sequence[StackSpec]) -> Iterator[list[StackSpec]]:
    """Specs whose stacks come out of one training: seeds, and depths if that is greedy or none."""
    alike: dict[StackSpec, dict[int, list[StackSpec]]] = defaultdict(lambda: defaultdict(list))
    for spec in specs:
        depth = spec.depth if spec.training == "end_to_end" else 1
        alike[spec.but(seed=0, depth=depth)][spec.seed].append(spec)
    for first, by_seed in alike.items():
        each = len(load_dataset(first.dataset).train) * first.hidden_dim
        at_once = max(1, _MAX_OUTPUTS // each)
        stacks = list(by_seed.values())
        for start in range(0, len(stacks), at_once):
            yield [spec for members in stacks[start : start + at_once] for spec in members]


KIND = Kind("stacks", (StackSpec,), _chunks)


@KIND.driver
def run_stacks(
    specs: Sequence[StackSpec] | StackSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train stacks and measure their top layers.

    All seeds of one configuration are trained at once, and a greedy stack of three layers gives
    the shallower ones on its way: ask for all depths in one call.

    Args:
        specs: What to train; ``grid(StackSpec(...), training=TRAININGS, depth=[1, 2, 3],
            seed=range(10))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and of the top layer
        ``probe_accuracy`` of its outputs, all of :func:`.describe_weights` and,
        on test images, of :func:`.describe_outputs`, ``hsic``, ``hsic_floor``,
        ``output_effective_rank`` and ``output_entropy_rank`` (of the singular values of the centred
        outputs); ``loss`` and ``train_tc`` are means over the last epoch, NaN if untrained.

    Raises:
        TypeError: Anything but StackSpec objects.
        ValueError: A device that is not there.
    """
    compute = partial(_compute, progress=progress)
    return KIND.results(specs, compute, device, store, progress)


def _compute(
    specs: Sequence[StackSpec], device: torch.device, progress: bool
) -> list[dict[str, float]]:
    """Measures of the specs of one chunk."""
    seeds = list(dict.fromkeys(spec.seed for spec in specs))
    deepest = max(spec.depth for spec in specs)
    data = load_dataset(specs[0].dataset).to(device, torch.float32)
    rows: dict[StackSpec, dict[str, float]] = {}
    for level in train_stacks(specs[0].but(depth=deepest), seeds, data, progress):
        for spec in specs:
            if spec.depth == level.depth:
                rows[spec] = _measured(level, seeds.index(spec.seed), data)
    return [rows[spec] for spec in specs]


# --- training ------------------------------------------------------------------------------------


#: Is told level, epoch and how to get the outputs on the test set (S, M, K) as they are then.
Watch = Callable[[int, int, Callable[[], Tensor]], None]


def train_stacks(
    spec: StackSpec,
    seeds: Sequence[int],
    data: Dataset,
    progress: bool = False,
    watch: Watch | None = None,
) -> Iterator[Level]:
    """Train one configuration at several seeds, and give its levels from the lowest on.

    Args:
        spec: The configuration; its own seed is not looked at.
        seeds: One for each stack.
        data: The dataset; its type and device are those of the training.
        progress: Show a bar for each training.
        watch: Called before and after each epoch of a layer that is trained greedily.
    """
    specs = [spec.but(seed=seed) for seed in seeds]
    nothing = data.train.new_full((len(seeds),), torch.nan)
    train, test = data.train, data.test
    whole = None
    if spec.training == "end_to_end":
        whole = _Layers(specs, range(spec.depth), data.train)
        losses = whole.fit(train, progress)
    for n in range(spec.depth):
        if whole is None:
            layers = _Layers(specs, range(n, n + 1), train)
            weight, bias = layers.weight[0], layers.bias[0]  # which training changes in place

            def seen(epoch: int, level: int = n + 1, now: tuple = (weight, bias, test)) -> None:
                if watch:
                    watch(level, epoch, partial(_outputs, spec, *now))

            trained = spec.training == "greedy"
            loss, tc = layers.fit(train, progress, seen) if trained else (nothing, nothing)
        else:
            loss, tc = losses if n == spec.depth - 1 else (nothing, nothing)
            weight, bias = whole.weight[n], whole.bias[n]
        before = _outputs(
            spec.but(competition="none", group_size=1, temperature=1.0), weight, bias, test
        )
        train, test = (_outputs(spec, weight, bias, x) for x in (train, test))
        yield Level(n + 1, weight, bias, train, test, before, loss, tc)
        if n + 1 < spec.depth:
            mean, variance = train.mean(-2, keepdim=True), train.var(-2, keepdim=True)
            train, test = (_standardised(a, mean, variance) for a in (train, test))


class _Layers:
    """Neighbouring layers of S stacks that are trained together, by the outputs of the last.

    Args:
        specs: One for each stack, alike in everything but the seed.
        levels: Which layers of the stacks, from 0.
        inputs: Of the lowest of them, (N, D) or (S, N, D); only their width and type count.

    Attributes:
        weight: Rows (S, K, D) of each layer.
        bias: (S, K) of each layer.
    """

    def __init__(self, specs: Sequence[StackSpec], levels: range, inputs: Tensor) -> None:
        self.specs, first = specs, specs[0]
        widths = [inputs.shape[-1], *[first.hidden_dim] * (len(levels) - 1)]
        self.weight: list[Tensor] = []
        self.bias: list[Tensor] = []
        for level, width in zip(levels, widths, strict=True):
            starts = [
                initial_parameters(width, s.hidden_dim, _seed(s.seed, level), s.initial)
                for s in specs
            ]
            weight, bias = (torch.stack(part).to(inputs) for part in zip(*starts, strict=True))
            self.weight.append(weight)
            self.bias.append(bias)
        self._block = Block(specs, len(specs), device=inputs.device, dtype=inputs.dtype)

    def fit(
        self,
        inputs: Tensor,
        progress: bool = False,
        seen: Callable[[int], None] = lambda epoch: None,
    ) -> tuple[Tensor, Tensor]:
        """Train on inputs (N, D) or (S, N, D); loss and its second term in the last epoch (S,).

        ``seen`` is told the epochs that are over, from 0 on.
        """
        first = self.specs[0]
        trained = [*self.weight, *self.bias] if first.bias else self.weight
        optimizer: torch.optim.Optimizer
        if first.optimizer == "sgd":
            optimizer = torch.optim.SGD(trained, lr=first.learning_rate, fused=True)
        else:
            optimizer = torch.optim.Adam(trained, lr=first.learning_rate, fused=True)
        orders = [generator(spec.seed, "order") for spec in self.specs]
        loss, tc = (inputs.new_full((len(orders),), torch.nan) for _ in range(2))
        kind = "layer" if len(self.weight) == 1 else f"{len(self.weight)} layers"
        bar = tqdm(range(first.epochs), desc=kind, unit="epoch", leave=False, disable=not progress)
        seen(0)
        for epoch in bar:
            values = []
            for rows in batches(inputs.shape[-2], int(first.batch_size), orders):
                batch = _batch(inputs, rows.to(inputs.device))
                *gradients, batch_loss, batch_tc = self.gradients(batch)
                values.append((batch_loss, batch_tc))
                layers = zip(self.weight, self.bias, *gradients, strict=True)
                for weight, bias, weight_gradient, bias_gradient in layers:
                    weight.grad, bias.grad = weight_gradient, bias_gradient
                optimizer.step()
            loss, tc = (torch.stack(part).mean(0) for part in zip(*values, strict=True))
            seen(epoch + 1)
        return loss, tc

    def gradients(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
        """Gradients by all weights and biases, the loss and its second term, on x (S, B, D).

        Only what lies above the first matrix product, small as it is, is differentiated
        automatically.
        """
        first = self.specs[0]
        bottom = products(self.weight[0], x) + self.bias[0].unsqueeze(-1)
        above = [part.requires_grad_() for part in (*self.weight[1:], *self.bias[1:])]
        uppers = list(zip(self.weight[1:], self.bias[1:], strict=True))
        with torch.enable_grad():
            top = bottom.requires_grad_()
            for weight, bias in uppers:
                a = outputs(first, top, -2)
                mean, variance = a.mean(-1, keepdim=True), a.var(-1, keepdim=True)
                top = torch.baddbmm(bias.unsqueeze(-1), weight, _standardised(a, mean, variance))
        by_top, loss, tc = self._block.gradient(top.detach())
        by_bottom, *by_above = torch.autograd.grad(top, [bottom, *above], by_top)
        for part in above:
            part.requires_grad_(False)
        weights = [products(by_bottom, x.mT), *by_above[: len(uppers)]]
        biases = [by_bottom.sum(-1), *by_above[len(uppers) :]]
        if self._block.regularised:
            by_last, redundancy = self._block.redundancy_gradient(self.weight[-1])
            weights[-1] = weights[-1] + by_last
            loss = loss + redundancy
        return weights, biases, loss, tc


def _seed(seed: int, level: int) -> int:
    """Of the start of a layer: the lowest starts as the single layer of the same seed does."""
    return generator(seed, f"layer {level + 1}").initial_seed() if level else seed


def _batch(inputs: Tensor, rows: Tensor) -> Tensor:
    """Rows (S, B) of inputs (N, D) or, each stack's own, (S, N, D); (S, B, D)."""
    if inputs.dim() == 3:
        return torch.stack([x.index_select(0, own) for x, own in zip(inputs, rows, strict=True)])
    return inputs.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _standardised(a: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return (a - mean) * (variance + EPSILON).rsqrt()


def _outputs(spec: StackSpec, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """Outputs (S, N, K) for inputs (N, D) or (S, N, D), stack by stack."""
    inputs = x if x.dim() == 3 else x.expand(len(weight), -1, -1)
    each = zip(weight, bias, inputs, strict=True)
    return torch.stack([layer_outputs(spec, w, b, own) for w, b, own in each])


# --- measures ------------------------------------------------------------------------------------


@torch.no_grad()
def _measured(level: Level, place: int, data: Dataset) -> dict[str, float]:
    """Measures of one stack's layer, by column name."""
    test = level.test[place]
    values = describe_weights(level.weight[place], level.bias[place])
    values |= describe_outputs(test)
    values |= {
        "hsic": mean_hsic(test),
        "hsic_floor": mean_hsic(test, shuffled=True),
    }
    centred = test - test.mean(-2)
    values["output_effective_rank"] = effective_rank(centred)
    values["output_entropy_rank"] = entropy_rank(centred)
    values["probe_accuracy"] = linear_probe(
        level.train[place], data.train_labels, test, data.test_labels
    )
    values |= {"loss": level.loss[place], "train_tc": level.train_tc[place]}
    return {name: float(value) for name, value in values.items()}
