r"""Do unsupervised weights give supervised training a head start? (source 002)

The network is that of :mod:`paper.methods.controls.supervised`,

.. math:: a = \mathrm{relu}(W x + b), \quad \mathrm{logits} = U a + c,

trained by the cross-entropy, layer and head alike, from weights W and biases b that a method has
found without labels. With equal seeds the batches and the head's start are the same for all
methods; at ``random`` the layer starts where the supervised one does, untrained.

A layer starts at the Frobenius norm that the random weights of its seed have, its biases scaled by
the same factor c > 0. As relu(c z) = c relu(z), that changes no feature but by the factor, and no
unit's hyperplane. Without it, scale alone would look like a head start, or like none: Adam's steps
have one size whatever the weights, so that large weights turn more slowly than small ones, and
large features make the logits move faster.

Layers of logistic units (the Boltzmann machines) are read as ReLU layers with the same weights and
biases: such a unit is above one half exactly where the ReLU is above zero.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import pandas as pd
import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from infomax_lib.model.architectures import INFOMAX, INFOMAX_SETTINGS
from infomax_lib.model.data import DATASETS, Dataset, load_dataset
from infomax_lib.model.spec import RunSpec, Spec, names_among
from infomax_lib.model.streams import measured_epochs
from infomax_lib.results.experiments import Kind
from infomax_lib.results.store import Store
from infomax_lib.training.population import Population
from paper.chapters.prior_art.comparison import LABELS
from paper.methods.controls import supervised
from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, Parameters
from paper.methods.encoders import FitError, LinearEncoder, encoders_of
from paper.methods.methods import METHODS, Outcomes

#: Where a layer may start: untrained, or as a method leaves it whose units are those of a ReLU or
#: logistic layer.
STARTS = (
    "random",
    *(name for name, method in METHODS.items() if method.layer and method.family != "control"),
    *INFOMAX,
)

_NETWORK = ("weight", "bias", "head", "head_bias")
_PRETRAINING = {"pretraining_epochs": "epochs", "pretraining_rate": "learning_rate"}


class HeadStartSpec(Spec):
    """Supervised training of one layer from the weights of one method.

    Attributes:
        dataset: Its name.
        method: One of :data:`STARTS`.
        hidden_dim: Number of units K, at least 2.
        pretraining_epochs: Passes over the training data of the method.
        pretraining_rate: Learning rate of the method.
        epochs: Passes of supervised training, >= 1.
        learning_rate: Of Adam in supervised training, > 0.
        batch_size: Samples per step of both trainings, >= 2.
        seed: Fixes initial weights, data order, sampling and the head.

    ``pretraining_epochs`` and ``pretraining_rate`` default to what the method has elsewhere, and
    are None for a start without such a setting (``random``, ``pca_relu``).
    """

    dataset: str = "mnist"
    method: str = "random"
    hidden_dim: int = Field(default=64, ge=2, le=8192)
    pretraining_epochs: int | None = Field(default=None, ge=1, validate_default=True)
    pretraining_rate: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, validate_default=True
    )
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, method=STARTS)

    @field_validator(*_PRETRAINING)
    @classmethod
    def _setting_of_the_method(cls, value: Any, info: Any) -> Any:
        if "method" not in info.data:  # refused already
            return value
        method, name = info.data["method"], _PRETRAINING[info.field_name]
        defaults = _defaults(method)
        if value is not None and name not in defaults:
            raise ValueError(f"{method} has no such setting; leave it out")
        return defaults.get(name) if value is None else value

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed; a new method brings its own pretraining."""
        if changes.get("method", self.method) != self.method:
            changes = dict.fromkeys(_PRETRAINING) | changes
        return super().but(**changes)


def _defaults(method: str) -> Mapping[str, Any]:
    """Settings of a method with their default values."""
    if method == "random":
        return {}
    return RunSpec().model_dump() if method in INFOMAX else METHODS[method].defaults


# one seed trained alone instead of beside four others moved an accuracy by 0.0025
KIND = Kind("head_starts", (HeadStartSpec,), otherwise=(0.01, 0.0))


@KIND.driver
def head_starts(
    specs: Sequence[HeadStartSpec] | HeadStartSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Test accuracy of supervised training while it goes on, by where it starts.

    All seeds of a method are pretrained together, and then trained together.

    Args:
        specs: What to train; ``grid(HeadStartSpec(), method=["random", "pca_relu"], seed=[0, 1])``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        For each spec, in order, one row per epoch 1, 2, 5, 10, ... and the last: ``key``, the
        spec's fields, ``epoch``, ``accuracy`` (a share; NaN where the method failed or the network
        diverged), ``failed`` (why there are no weights to start from, or None). Epoch 0 is left
        out: the head is random then.

    Raises:
        TypeError: Anything but HeadStartSpec objects.
        ValueError: A device that is not there.
    """
    compute = partial(_compute, progress=progress)
    table = KIND.results(specs, compute, device, store, progress)
    if table.empty:
        return table
    long = table.explode(["epoch", "accuracy"], ignore_index=True)
    return long.astype({"epoch": int, "accuracy": float})


def _compute(
    specs: Sequence[HeadStartSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    first, data = specs[0], load_dataset(specs[0].dataset).to(device, torch.float32)
    epochs = measured_epochs(first.epochs)[1:]
    rows: dict[HeadStartSpec, dict[str, Any]] = {}
    starts: dict[HeadStartSpec, LinearEncoder] = {}
    for spec, outcome in zip(specs, pretrained_layers(specs, data, progress), strict=True):
        if isinstance(outcome, LinearEncoder):
            starts[spec] = outcome
        else:
            nothing = [float("nan")] * len(epochs)
            rows[spec] = {"epoch": epochs, "accuracy": nothing, "failed": str(outcome)}
    if starts:
        found = _accuracies(starts, data, epochs, progress)
        for spec, shares in zip(starts, found, strict=True):
            rows[spec] = {"epoch": epochs, "accuracy": shares, "failed": None}
    return [rows[spec] for spec in specs]


def _accuracies(
    starts: Mapping[HeadStartSpec, LinearEncoder],
    data: Dataset,
    epochs: Sequence[int],
    progress: bool,
) -> list[list[float]]:
    """Test accuracy of each network after each of the epochs."""
    first, seeds = next(iter(starts)), [spec.seed for spec in starts]
    weight = torch.stack([layer.weight for layer in starts.values()])
    bias = torch.stack([layer.bias for layer in starts.values()])
    random, _ = initial_layers(seeds, first.hidden_dim, data.train)
    found: list[Tensor] = []

    def on_epoch(epoch: int, parameters: Parameters) -> None:
        if epoch in epochs:
            found.append(accuracy(parameters, data.test, data.test_labels))

    bar = f"supervised, from {_label(first.method)}" if progress else None
    supervised.train(
        *rescaled(weight, bias, random),
        data.train,
        data.train_labels,
        seeds,
        Descent(first.epochs, first.learning_rate, first.batch_size, bar),
        on_epoch,
    )
    return torch.stack(found, -1).tolist()


def _label(method: str) -> str:
    return LABELS.get(method, "random weights")


def pretrained_layers(
    specs: Sequence[HeadStartSpec], data: Dataset, progress: bool = False
) -> Outcomes:
    """The layers that a method leaves, one per spec, or why there is none.

    Args:
        specs: Alike in everything but the seed.
        data: The dataset; its type and device are those of the training.
        progress: Show a bar.
    """
    first, seeds = specs[0], [spec.seed for spec in specs]
    if first.method == "random":
        return encoders_of(*initial_layers(seeds, first.hidden_dim, data.train), "relu")
    if first.method in INFOMAX:
        return _infomax_layers(first, seeds, data, progress)
    method, given = METHODS[first.method], _settings(first)
    settings = {name: given[name] for name in method.defaults}
    bar = method.label if progress else None
    return method.fit(data.train, first.hidden_dim, seeds, progress=bar, **settings)


def _settings(spec: HeadStartSpec) -> dict[str, Any]:
    """Settings of the pretraining, by the names that methods have for them."""
    named = {name: getattr(spec, field) for field, name in _PRETRAINING.items()}
    return named | {"batch_size": spec.batch_size}


def _infomax_layers(
    spec: HeadStartSpec, seeds: Sequence[int], data: Dataset, progress: bool
) -> list[LinearEncoder | FitError]:
    run = RunSpec(
        dataset=spec.dataset,
        hidden_dim=spec.hidden_dim,
        **_settings(spec),
    ).but(**INFOMAX_SETTINGS[spec.method])
    runs = [run.but(seed=seed) for seed in seeds]
    population = Population(runs, data, data.train.device, data.train.dtype)
    bar = range(run.epochs)
    for _ in tqdm(bar, desc=_label(spec.method), leave=False, disable=not progress):
        population.epoch()
    return encoders_of(torch.stack(population.weight), torch.stack(population.bias), "relu")


def rescaled(weight: Tensor, bias: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Layers with the Frobenius norms of others; hyperplanes stay where they are.

    Args:
        weight: Rows (S, K, D).
        bias: (S, K), multiplied by the same factor as the rows.
        like: Rows (S, K, D) whose norms are wanted.

    Returns:
        Rows and biases; those of a layer whose rows are all zero, which has no scale, as given.
    """
    norm, wanted = (rows.flatten(1).norm(dim=1) for rows in (weight, like))
    factor = torch.where(norm > 0, wanted / norm, 1.0)
    return factor[:, None, None] * weight, factor[:, None] * bias


def accuracy(parameters: Parameters, x: Tensor, labels: Tensor) -> Tensor:
    """Share of samples that get their label, of each network (S,), float64, on the CPU.

    Args:
        parameters: Those of :func:`paper.methods.controls.supervised.train`.
        x: Samples (N, D).
        labels: Classes (N,).

    Returns:
        Shares in [0, 1]; NaN for a network whose logits are not all finite.
    """
    shares = []
    for weight, bias, head, head_bias in zip(*(parameters[n] for n in _NETWORK), strict=True):
        logits = F.linear(F.linear(x, weight, bias).relu(), head, head_bias)
        correct = (logits.argmax(-1) == labels).double().mean()
        shares.append(torch.where(logits.isfinite().all(), correct, torch.nan))
    return torch.stack(shares).cpu()
