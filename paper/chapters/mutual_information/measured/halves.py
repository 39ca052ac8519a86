r"""Two encoders, one for the top half of an image and one for the bottom, trained to share nats.

A critic scores pairs of representations g1(x1), g2(x2), and encoders and critic together climb a
bound on I(g1(x1); g2(x2)). What comes of it is measured as training goes on: the bound on training
and on test images, a linear probe of g1(x1), and how g1 can be inverted.

Source: Tschannen et al. 2020, sections 3.1 to 3.3. Probes are those of this library (standardised
features), theirs scale features to [0, 1].
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from infomax_lib.model.data import DATASETS, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, many_steps, one_by_one
from infomax_lib.results.store import Store
from paper.chapters.mutual_information.measured.recording import (
    INVERTED_IMAGES,
    half_probe,
    halves_of,
    invertibility,
    noisy,
    recorded,
    row_per_step,
)
from paper.information.bounds import BOUNDS, cap, donsker_varadhan, from_jensen_shannon, mine
from paper.information.critics import CRITICS, mlp
from paper.information.encoders import ConvNet, CouplingFlow, ResidualMLP, coupling_flow

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
    "mlp": lambda d, shape, spec, draw: mlp([d, 300, 300, 100], draw),
    "convnet": lambda d, shape, spec, draw: ConvNet(shape, draw, spec.channels),
}

#: What can be climbed: the bounds, and Donsker and Varadhan's with the gradient of MINE.
OBJECTIVES = (*BOUNDS, "mine")

_BATCHES = 20  # that a bound is averaged over
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
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """What encoders of halves become, computing only those that the store does not hold.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        For each spec, in order, one row per step of :func:`.measured_steps`: ``key``, the spec's
        fields, ``step`` and

        - ``training``, ``held_out``: the estimate of the bound's name, nats, mean over batches of
          training and of test images (for Jensen-Shannon that of I_NWJ, see
          :func:`paper.information.bounds.from_jensen_shannon`; for triplets, which estimate no
          information, what is climbed);
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
        optimizer = torch.optim.Adam(self.parameters, lr=self.spec.learning_rate, fused=True)

        def advance() -> None:
            loss = -self.objective(*self.batch(*self.train, self.order, self.noise))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return recorded(self.spec.steps, _NUMBERS, advance, self.measured, self.trouble)

    def batch(
        self, x: Tensor, y: Tensor, order: torch.Generator, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Random pairs of halves, with noise."""
        size = min(self.spec.batch_size, len(x))
        picked = torch.randperm(len(x), generator=order)[:size].to(x.device)
        return self.noisy(x[picked], noise), self.noisy(y[picked], noise)

    def noisy(self, x: Tensor, draw: torch.Generator) -> Tensor:
        return noisy(x, self.spec.noise, draw)

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
