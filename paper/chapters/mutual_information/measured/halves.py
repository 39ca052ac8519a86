r"""Two encoders, one for the top half of an image and one for the bottom, trained to share nats.

A critic scores pairs of representations g1(x1), g2(x2), and encoders and critic together climb a
bound on I(g1(x1); g2(x2)). What comes of it is measured as training goes on: the bound on training
and on test images, a linear probe of g1(x1), and how g1 can be inverted.

Source: Tschannen et al. 2020, sections 3.1 to 3.3. Probes are those of this library (standardised
features), theirs scale features to [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor, nn

from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.data import DATASETS, Dataset, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator, measured_epochs
from infomax_lib.results.experiments import Kind, many_steps, one_by_one
from infomax_lib.results.store import Store
from paper.information.bounds import BOUNDS, cap, donsker_varadhan, from_jensen_shannon, mine
from paper.information.conditioning import condition_number, singular_values
from paper.information.critics import CRITICS
from paper.information.encoders import ConvNet, CouplingFlow, ResidualMLP, coupling_flow, plain_mlp

__all__ = [
    "ENCODERS",
    "INVERTED_IMAGES",
    "OBJECTIVES",
    "PROBE_IMAGES",
    "HalvesSpec",
    "Records",
    "half_probe",
    "halves_of",
    "invertibility",
    "measured_steps",
    "raw_pixels",
    "row_per_step",
    "train_halves",
]

_NUMBERS = ("training", "held_out", "accuracy", "log_condition", "inversion_error")

#: Encoders by name, as (inputs, picture of a half, spec, generator) -> module.
ENCODERS = {
    "shift_flow": lambda d, shape, spec, draw: coupling_flow(
        d, draw, spec.couplings, (spec.hidden, spec.hidden)
    ),
    "affine_flow": lambda d, shape, spec, draw: coupling_flow(
        d, draw, spec.couplings, (spec.hidden, spec.hidden), shift_only=False
    ),
    "residual": lambda d, shape, spec, draw: ResidualMLP(d, draw),
    "mlp": lambda d, shape, spec, draw: plain_mlp(d, draw),
    "convnet": lambda d, shape, spec, draw: ConvNet(shape, draw, spec.channels),
}

#: What can be climbed: the bounds, and Donsker and Varadhan's with the gradient of MINE.
OBJECTIVES = (*BOUNDS, "mine")

#: Training images that probes are fitted to: a probe of 392 inputs on all of them takes a minute.
PROBE_IMAGES = 10_000
#: Test images that are inverted.
INVERTED_IMAGES = 1000
# Batches that a bound is averaged over, and test images whose Jacobian is decomposed.
_BATCHES, _JACOBIANS = 20, 16
_ABOVE = 1e-3  # nats by which rounding may lift I_NCE over its cap


class HalvesSpec(Spec):
    """Two encoders and a critic, trained on the halves of one dataset's images.

    Attributes:
        dataset: Its name; images of an even height.
        encoder: A name in :data:`ENCODERS`.
        critic: A name in :data:`paper.information.critics.CRITICS`.
        bound: What is climbed, a name in :data:`OBJECTIVES`.
        target: Climb to this many nats, by minimising |bound - target|; None for as high as it
            goes.
        noise: Standard deviation of normal noise on every pixel, >= 0.
        couplings: Coupling layers of a flow.
        hidden: Units of each of the two hidden layers of a coupling's network.
        channels: Of the first convolution of a ConvNet; the second has twice as many.
        steps: Training steps, >= 0.
        batch_size: Pairs per step, >= 2; I_NCE cannot exceed its logarithm.
        learning_rate: Of Adam, > 0.
        seed: Fixes initial weights, the order of the images and the noise.
    """

    dataset: str = "mnist"
    encoder: str = "mlp"
    critic: str = "bilinear"
    bound: str = "nce"
    target: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    couplings: int = Field(default=30, ge=1)
    hidden: int = Field(default=512, ge=1)
    channels: int = Field(default=64, ge=1)
    steps: int = Field(default=21_000, ge=0)
    batch_size: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, encoder=ENCODERS, critic=CRITICS, bound=OBJECTIVES)


# Training is long enough for rounding to matter, and what is nearly singular shows it first.
TOLERANCE = {
    "accuracy": (0.02, 0.0),
    "log_condition": (0.1, 0.05),
    "spectrum": (0.1, 0.05),
    "inversion_error": (1e-3, 1.0),
}
KIND = Kind(
    *("halves", (HalvesSpec,), one_by_one, many_steps), tolerance=TOLERANCE, otherwise=(0.05, 0.02)
)


@KIND.driver
def train_halves(
    specs: Sequence[HalvesSpec] | HalvesSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """What encoders of halves become, computing only those that the store does not hold.

    Args:
        specs: What to train.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        For each spec, in order, one row per step of :func:`measured_steps`: ``key``, the spec's
        fields, ``step`` and

        - ``training``, ``held_out``: the estimate of the bound's name, nats, mean over batches of
          training and of test images (for Jensen-Shannon that of I_NWJ, see
          :func:`paper.information.bounds.from_jensen_shannon`);
        - ``accuracy``: test accuracy of a linear probe of g1(x1), a share;
        - ``log_condition``: median over test images of log10 of the condition number of g1's
          Jacobian; NaN for encoders with fewer outputs than inputs;
        - ``inversion_error``: largest |x1 - inverse(g1(x1))| over test images, NaN for an encoder
          without an inverse;
        - ``spectrum``: means over test images of log10 of the singular values, a list, empty where
          ``log_condition`` is NaN;
        - ``failed``: what went wrong, or None; the rows of that and of later steps hold NaN.

    Raises:
        TypeError: Anything but HalvesSpec objects.
        ValueError: A device that is not there, or images that cannot be halved.
    """
    return row_per_step(KIND.results(specs, _compute, device, store, progress), _NUMBERS)


def row_per_step(table: pd.DataFrame, numbers: Sequence[str]) -> pd.DataFrame:
    """Lists of ``step``, ``spectrum`` and these measures in a row per spec as a row per step."""
    if table.empty:
        return table
    long = table.explode(["step", *numbers, "spectrum"], ignore_index=True)
    return long.astype({"step": int} | dict.fromkeys(numbers, float))


def halves_of(data: Dataset) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[int, int]]:
    """Top and bottom halves of training images, those of test images, and a half's shape.

    Raises:
        ValueError: Inputs that are no pictures, or of an odd height.
    """
    if data.image_shape is None or data.image_shape[0] % 2:
        raise ValueError(
            f"{data.name} has no images of an even height to cut in half: choose digits, mnist or "
            "fashion-mnist"
        )
    height, width = data.image_shape
    cut = height // 2 * width
    return (*data.train.split(cut, 1), *data.test.split(cut, 1), (height // 2, width))


def raw_pixels(dataset: str, noise: float = 0.0, seed: int = 0) -> float:
    """Test accuracy of the probe on the top half's pixels themselves.

    In double precision: pages compute it anew, and with rounding in single precision the number of
    threads decides on some test images.
    """
    data = load_dataset(dataset)
    top, _, test, _, _ = halves_of(data)
    draw = generator(seed, "noise of the probe")
    return half_probe(nn.Identity(), top.double(), test.double(), data, noise, draw)


def measured_steps(steps: int) -> list[int]:
    """0, the last step, and those of 1, 2, 5, 10, 20, ... that are at least a twentieth of it."""
    return [step for step in measured_epochs(steps) if step == 0 or step >= steps / 20]


class Records:
    """What is measured at the steps of :func:`measured_steps`, with NaN once something fails.

    Args:
        steps: Of the whole training.
        numbers: Names of the measures, beside ``spectrum``.

    Attributes:
        failed: What went wrong, and at which step; None so far.
    """

    def __init__(self, steps: int, numbers: Sequence[str]) -> None:
        self.failed: str | None = None
        self._steps = set(measured_steps(steps))
        self._nothing: dict[str, Any] = dict.fromkeys(numbers, float("nan")) | {"spectrum": []}
        self._lists: dict[str, list[Any]] = {name: [] for name in ("step", *self._nothing)}

    def at(
        self,
        step: int,
        measure: Callable[[], dict[str, Any]],
        trouble: Callable[[dict[str, Any]], str | None],
    ) -> None:
        """Record the measures at this step if it is one of those.

        Args:
            step: Steps done so far.
            measure: Gives the measures by name.
            trouble: Says what is wrong with them, if something is.
        """
        if step not in self._steps:
            return
        found = self._nothing
        if self.failed is None:
            measured = measure()
            wrong = trouble(measured)
            if wrong:
                self.failed = f"{wrong} at step {step}"
            else:
                found = measured
        for name, value in ({"step": step} | found).items():
            self._lists[name].append(value)

    def row(self) -> dict[str, Any]:
        """The lists, and ``failed``, for the store."""
        return self._lists | {"failed": self.failed}


def half_probe(
    encode: nn.Module,
    train: Tensor,
    test: Tensor,
    data: Dataset,
    noise: float,
    draw: torch.Generator,
) -> float:
    """Test accuracy of a linear probe of the representations of halves, fitted to `PROBE_IMAGES`.

    Args:
        encode: The encoder of one half.
        train: That half of all training images.
        test: That half of all test images.
        data: The whole dataset, for its labels.
        noise: Standard deviation of normal noise on every pixel.
        draw: Of the noise.
    """
    with torch.no_grad():
        features = [encode(_noisy(x, noise, draw)) for x in (train[:PROBE_IMAGES], test)]
    labels = data.train_labels[:PROBE_IMAGES]
    return float(linear_probe(features[0], labels, features[1], data.test_labels))


def invertibility(encoder: nn.Module, x: Tensor) -> dict[str, Any]:
    """How an encoder can be inverted at points x (N, D), of which the first 16 are decomposed.

    Returns:
        ``inversion_error``, ``log_condition`` and ``spectrum`` of :func:`train_halves`.
    """
    found: dict[str, Any] = {"inversion_error": float("nan"), "log_condition": float("nan")}
    if isinstance(encoder, CouplingFlow):
        with torch.no_grad():
            found["inversion_error"] = float((encoder.inverse(encoder(x)) - x).abs().max())
    if not isinstance(encoder, CouplingFlow | ResidualMLP):
        return found | {"spectrum": []}
    with torch.no_grad():
        finite = bool(encoder(x).isfinite().all())
    if not finite:
        return found | {"spectrum": []}
    values = singular_values(encoder, x[:_JACOBIANS])
    found["log_condition"] = float(condition_number(values).log10().median())
    return found | {"spectrum": values.log10().mean(0).tolist()}


# --- training ------------------------------------------------------------------------------------


def _compute(specs: Sequence[HalvesSpec], device: torch.device) -> list[dict[str, Any]]:
    return [_Training(spec, device).run() for spec in specs]


class _Training:
    """Two encoders, their critic, and what is recorded of them."""

    def __init__(self, spec: HalvesSpec, device: torch.device) -> None:
        self.spec = spec
        self.data = load_dataset(spec.dataset).to(device, torch.float32)
        *images, shape = halves_of(self.data)
        self.train, self.test = (images[0], images[1]), (images[2], images[3])
        draw = generator(spec.seed, "halves: initial weights")
        inputs = self.train[0].shape[1]
        self.first, self.second = (
            ENCODERS[spec.encoder](inputs, shape, spec, draw).to(device) for _ in range(2)
        )
        with torch.no_grad():
            size = self.first(self.train[0][:2]).shape[1]
        self.critic = CRITICS[spec.critic](size, size, draw).to(device)
        self.parameters = [
            p for module in (self.first, self.second, self.critic) for p in module.parameters()
        ]
        self.order = generator(spec.seed, "halves: order")
        self.noise = generator(spec.seed, "halves: noise")
        self.average: Tensor | None = None

    def run(self) -> dict[str, Any]:
        """Train, and measure at the recorded steps."""
        spec = self.spec
        optimizer = torch.optim.Adam(self.parameters, lr=spec.learning_rate, fused=True)
        records = Records(spec.steps, _NUMBERS)
        for step in range(spec.steps + 1):
            records.at(step, self.measured, self.trouble)
            if step < spec.steps and records.failed is None:
                loss = -self.objective(*self.batch(*self.train, self.order, self.noise))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return records.row()

    def batch(
        self, x: Tensor, y: Tensor, order: torch.Generator, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Random pairs of halves, with noise."""
        size = min(self.spec.batch_size, len(x))
        picked = torch.randperm(len(x), generator=order)[:size].to(x.device)
        return self.noisy(x[picked], noise), self.noisy(y[picked], noise)

    def noisy(self, x: Tensor, draw: torch.Generator) -> Tensor:
        return _noisy(x, self.spec.noise, draw)

    def scores(self, x: Tensor, y: Tensor) -> Tensor:
        return self.critic(self.first(x), self.second(y))

    def objective(self, x: Tensor, y: Tensor) -> Tensor:
        """What is climbed."""
        scores = self.scores(x, y)
        if self.spec.bound == "mine":
            value, self.average = mine(scores, self.average)
        else:
            value = BOUNDS[self.spec.bound](scores)
        return value if self.spec.target is None else -(value - self.spec.target).abs()

    # --- measures --------------------------------------------------------------------------------

    @torch.no_grad()
    def measured(self) -> dict[str, Any]:
        """All measures of the present weights."""
        top, test_top = self.train[0], self.test[0]
        # streams of its own: what is measured, and how often, changes nothing in the training
        draw = generator(self.spec.seed, "halves: measures")
        found: dict[str, Any] = {
            "training": self.estimate(*self.train, draw),
            "held_out": self.estimate(*self.test, draw),
            "accuracy": half_probe(self.first, top, test_top, self.data, self.spec.noise, draw),
        }
        return found | invertibility(self.first, self.noisy(test_top[:INVERTED_IMAGES], draw))

    def estimate(self, x: Tensor, y: Tensor, draw: torch.Generator) -> float:
        """Mean of the estimate over batches."""
        estimators = {"mine": donsker_varadhan, "jensen_shannon": from_jensen_shannon}
        estimator = estimators.get(self.spec.bound) or BOUNDS[self.spec.bound]
        values = [estimator(self.scores(*self.batch(x, y, draw, draw))) for _ in range(_BATCHES)]
        return float(torch.stack(values).mean())

    def trouble(self, found: dict[str, Any]) -> str | None:
        """What is wrong with the measures, if something is."""
        if not np.isfinite(found["training"]):
            return "the bound is not a finite number"
        size = min(self.spec.batch_size, len(self.train[0]))
        if self.spec.bound == "nce" and found["training"] > cap(size) + _ABOVE:
            return f"I_NCE lies above its cap of log {size} nats"
        if not np.isfinite(found["accuracy"]):
            return "the representation is not finite"
        if not found["inversion_error"] < 1 and isinstance(self.first, CouplingFlow):
            return "the inverse does not give the pixels back"
        return None


def _noisy(x: Tensor, size: float, draw: torch.Generator) -> Tensor:
    return x + size * torch.randn(x.shape, generator=draw).to(x) if size else x
