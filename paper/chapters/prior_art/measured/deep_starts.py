r"""Where a deep network starts, and whether it can be trained from there (source 002).

A network of L layers of K units and a softmax,

.. math:: h_0 = x, \quad z_l = W_l h_{l-1} + b_l, \quad h_l = f(z_l), \quad
          \mathrm{logits} = U h_L + c,

is trained by the cross-entropy with gradient descent and momentum: Adam would give every weight
steps of one size, and hide that a gradient has vanished. With BatchNorm, :math:`W_l h_{l-1}` is
standardised over the batch before b is added, over the training images in a test. Batches and the
head's start are the same for all starts of a seed.

Before training, the *reach* of the gradient is the log10 of the root mean square of
:math:`\partial\,\mathrm{loss} / \partial z_1` over that of :math:`\partial\,\mathrm{loss} /
\partial z_L`: 0 where all of it arrives at the first layer.

A stack of Boltzmann machines (Hinton, Osindero & Teh 2006) is fitted layer by layer with one step
of contrastive divergence; layer l + 1 reads the probabilities of the units of layer l.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.model.data import DATASETS, Dataset, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import measured_epochs
from infomax_lib.results.experiments import Kind
from infomax_lib.results.store import Store
from paper.methods.density import rbm
from paper.methods.descent import Descent, Parameters, drawn, streams, xavier
from paper.methods.encoders import ACTIVATIONS, Encoder, FitError

MOMENTUM = 0.9
#: Deviation of small random weights, that of the Boltzmann machines' own start.
SMALL = rbm.WEIGHT_SCALE

_RBM_RATE = 0.05
_EPSILON = 1e-5  # added to variances
_PROBED = 1000  # training images on which the reach of the gradient is measured


class Start(NamedTuple):
    """Where a network starts, how readers see it called, and what its units are."""

    label: str
    activation: str
    weights: str
    norm: bool = False


#: Where a network may start.
STARTS = {
    "small": Start("sigmoid, small random", "sigmoid", "small"),
    "rbm": Start("sigmoid, stack of RBMs", "sigmoid", "rbm"),
    "xavier": Start("sigmoid, Xavier", "sigmoid", "xavier"),
    "xavier_norm": Start("sigmoid, Xavier, BatchNorm", "sigmoid", "xavier", norm=True),
    "he": Start("ReLU, He", "relu", "he"),
    "he_norm": Start("ReLU, He, BatchNorm", "relu", "he", norm=True),
}

# means and deviations of the sums of each layer, (S, 1, K)
Statistics = list[tuple[Tensor, Tensor]]


class DeepStartSpec(Spec):
    """A deep network trained with labels from one start.

    Attributes:
        dataset: Its name.
        start: One of :data:`STARTS`.
        layers: Number L of layers, at least 2.
        hidden_dim: Number of units K of each, at least 2.
        images: Training images, the first ones, at least 2.
        pretraining_epochs: Passes over them for each Boltzmann machine; they do not matter to the
            other starts.
        epochs: Passes of training with labels, >= 1.
        learning_rate: Of gradient descent, > 0.
        batch_size: Images per step, >= 2.
        seed: Fixes initial weights, data order, sampling and the head.
    """

    dataset: str = "mnist"
    start: str = "xavier"
    layers: int = Field(default=5, ge=2)
    hidden_dim: int = Field(default=64, ge=2, le=8192)
    images: int = Field(default=10_000, ge=2)
    pretraining_epochs: int = Field(default=10, ge=1)
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**32)

    _known_names = names_among(dataset=DATASETS, start=STARTS)


# what rounding moves in a few hundred steps grows with momentum
KIND = Kind("deep_starts", (DeepStartSpec,), otherwise=(0.02, 0.02))


@KIND.driver
def deep_starts(
    specs: Sequence[DeepStartSpec] | DeepStartSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Test accuracy of deep networks while they are trained, by where they start.

    All seeds of a setting are trained together.

    Args:
        specs: What to train; ``grid(DeepStartSpec(), start=STARTS, seed=range(5))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        For each spec, in order, one row per epoch 1, 2, 5, 10, ... and the last: ``key``, the
        spec's fields, ``reach``, ``epoch``, ``accuracy`` (a share; NaN where the network diverged).
    """
    table = KIND.results(specs, partial(_compute, progress=progress), device, store, progress)
    if table.empty:
        return table
    long = table.explode(["epoch", "accuracy"], ignore_index=True)
    return long.astype({"epoch": int, "accuracy": float})


def _compute(
    specs: Sequence[DeepStartSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    first, seeds = specs[0], [spec.seed for spec in specs]
    data = load_dataset(first.dataset).to(device, torch.float32)
    X, labels = data.train[: first.images], data.train_labels[: first.images]
    parameters = started(first, seeds, X, int(data.train_labels.max()) + 1)
    reached = reach(parameters, first, X[:_PROBED], labels[:_PROBED])
    epochs = measured_epochs(first.epochs)[1:]
    found: list[Tensor] = []

    def gradients(p: Parameters, x: Tensor, rows: Tensor) -> Parameters:
        leaves = {name: value.detach().requires_grad_() for name, value in p.items()}
        logits = network(leaves, first, x)[0]
        loss = F.cross_entropy(logits.flatten(0, 1), labels[rows.flatten()], reduction="sum")
        total = loss / x.shape[1]  # models do not see each other
        return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))

    def on_epoch(epoch: int) -> None:
        if epoch in epochs:
            found.append(accuracy(parameters, first, X, data))

    sgd = torch.optim.SGD(parameters.values(), lr=first.learning_rate, momentum=MOMENTUM)
    bar = STARTS[first.start].label if progress else None
    descent = Descent(first.epochs, first.learning_rate, first.batch_size, bar)
    descent.train(parameters, gradients, X, seeds, optimizer=sgd, on_epoch=on_epoch)
    shares = torch.stack(found, -1).tolist()
    return [
        {"reach": float(far), "epoch": epochs, "accuracy": values}
        for far, values in zip(reached, shares, strict=True)
    ]


def started(spec: DeepStartSpec, seeds: Sequence[int], X: Tensor, classes: int) -> Parameters:
    """Parameters before training: ``weight.l`` (S, K, ·), ``bias.l`` (S, K), ``head``.

    Args:
        spec: Start and size.
        seeds: One network for each of them.
        X: Training images (N, D), read by the Boltzmann machines alone.
        classes: Number of classes.
    """
    width, weights = spec.hidden_dim, STARTS[spec.start].weights
    parameters: Parameters = {}
    for layer in range(spec.layers):
        inputs, purpose = (width if layer else X.shape[1]), f"layer {layer}"
        if weights == "xavier":
            weight = xavier(seeds, width, inputs, purpose, X)
        else:
            deviation = (2 / inputs) ** 0.5 if weights == "he" else SMALL
            normal = drawn(torch.randn, (width, inputs), streams(seeds, purpose))
            weight = deviation * normal.to(X)
        parameters[f"weight.{layer}"] = weight
        parameters[f"bias.{layer}"] = X.new_zeros(len(seeds), width)
    if weights == "rbm":
        for place, seed in enumerate(seeds):
            for layer, machine in enumerate(stack(spec, seed, X)):
                parameters[f"weight.{layer}"][place] = machine.weight
                parameters[f"bias.{layer}"][place] = machine.kept[1][0]
    parameters["head"] = xavier(seeds, classes, width, "head", X)
    parameters["head_bias"] = X.new_zeros(len(seeds), classes)
    return parameters


def stack(spec: DeepStartSpec, seed: int, X: Tensor) -> list[Encoder]:
    """Boltzmann machines one on top of the other; each has random streams of its own."""
    descent = Descent(spec.pretraining_epochs, _RBM_RATE, spec.batch_size)
    machines: list[Encoder] = []
    for layer in range(spec.layers):
        own_seed = seed * spec.layers + layer
        (machine,) = rbm.fit_many(X, spec.hidden_dim, [own_seed], descent)
        if isinstance(machine, FitError):
            raise machine
        machines.append(machine)
        X = machine.transform(X)
    return machines


def network(
    parameters: Parameters, spec: DeepStartSpec, x: Tensor, given: Statistics | None = None
) -> tuple[Tensor, list[Tensor], Statistics]:
    """Logits (S, B, C) of inputs (S, B, D), sums z_l (S, B, K) and their statistics.

    Sums are standardised, where they are, by their own statistics, or by those that are given.
    """
    start = STARTS[spec.start]
    sums: list[Tensor] = []
    statistics: Statistics = []
    for layer in range(spec.layers):
        z = torch.bmm(x, parameters[f"weight.{layer}"].mT)
        if start.norm:
            variance, mean = torch.var_mean(z, 1, correction=0, keepdim=True)
            statistics.append((mean, (variance + _EPSILON).sqrt()))
            mean, deviation = (given or statistics)[layer]
            z = (z - mean) / deviation
        z = z + parameters[f"bias.{layer}"][:, None]
        sums.append(z)
        x = ACTIVATIONS[start.activation](z)
    logits = torch.baddbmm(parameters["head_bias"][:, None], x, parameters["head"].mT)
    return logits, sums, statistics


def reach(parameters: Parameters, spec: DeepStartSpec, x: Tensor, labels: Tensor) -> Tensor:
    """log10 of rms ∂loss/∂z_1 over rms ∂loss/∂z_L of each network (S,); images x (B, D)."""
    networks = len(parameters["head"])
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    logits, sums, _ = network(leaves, spec, x.expand(networks, -1, -1))
    loss = F.cross_entropy(logits.flatten(0, 1), labels.repeat(networks), reduction="sum")
    first, last = torch.autograd.grad(loss, [sums[0], sums[-1]])
    # in float64, where the squares of a vanished gradient are not zero
    size = [gradient.double().square().mean((1, 2)).sqrt() for gradient in (first, last)]
    return torch.log10(size[0] / size[1]).cpu()


@torch.no_grad()
def accuracy(parameters: Parameters, spec: DeepStartSpec, train: Tensor, data: Dataset) -> Tensor:
    """Share of test images that get their label, of each network (S,), float64, on the CPU.

    BatchNorm standardises them by the statistics of the images train (N, D). NaN for a network
    whose logits are not all finite.
    """
    shares = []
    for place in range(len(parameters["head"])):
        one = {name: value[place : place + 1] for name, value in parameters.items()}
        norm = STARTS[spec.start].norm
        statistics = network(one, spec, train[None])[2] if norm else None
        logits = network(one, spec, data.test[None], statistics)[0][0]
        correct = (logits.argmax(-1) == data.test_labels).double().mean()
        shares.append(torch.where(logits.isfinite().all(), correct, torch.nan))
    return torch.stack(shares).cpu()
