r"""An invertible encoder that is trained to hide the class from linear classifiers.

Every invertible encoder keeps all information that its input has about anything else. This one is
trained against a linear classifier of its output: the classifier lowers its cross-entropy on the
labels, the encoder that between uniform labels and the classifier's output. If a linear probe then
reads less than from the pixels themselves, information alone does not make a representation.

Source: Tschannen et al. 2020, section 3.1. Their couplings scale by a softplus, those of zuko by a
bounded exponential.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch.nn import functional as F

from infomax_lib.model.data import DATASETS, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, many_steps, one_by_one
from infomax_lib.results.store import Store
from paper.chapters.mutual_information.measured.halves import TOLERANCE
from paper.chapters.mutual_information.measured.recording import (
    INVERTED_IMAGES,
    half_probe,
    halves_of,
    invertibility,
    recorded,
    row_per_step,
)
from paper.information.critics import dense
from paper.information.encoders import coupling_flow

_NUMBERS = ("accuracy", "classifier_loss", "inversion_error", "log_condition")


class AdversarialSpec(Spec):
    """An invertible encoder of the top half of a dataset's images, against a linear classifier.

    Attributes:
        dataset: Its name; images of an even height.
        couplings: Coupling layers of the encoder.
        hidden: Units of each of the two hidden layers of a coupling's network.
        warm_up: Steps of the classifier before the encoder begins, >= 0.
        steps: Steps of the encoder, >= 0.
        classifier_steps: Steps of the classifier before each of them, >= 1.
        classifier_rate: Learning rate of the classifier (Adam), > 0.
        encoder_rate: Learning rate of the encoder (Adam), > 0.
        batch_size: Images per step, >= 2.
        seed: Fixes initial weights and the order of the images.
    """

    dataset: str = "mnist"
    couplings: int = Field(default=30, ge=1)
    hidden: int = Field(default=512, ge=1)
    warm_up: int = Field(default=1000, ge=0)
    steps: int = Field(default=4000, ge=0)
    classifier_steps: int = Field(default=10, ge=1)
    classifier_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    encoder_rate: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS)


KIND = Kind(
    *("adversarial_encoders", (AdversarialSpec,), one_by_one, many_steps),
    tolerance=TOLERANCE,
    otherwise=(0.02, 0.05),
)


@KIND.driver
def train_adversarially(
    specs: Sequence[AdversarialSpec] | AdversarialSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """What a linear probe reads from such encoders, computing only what the store does not hold.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        For each spec, in order, one row per encoder step of
        :func:`.measured_steps`: ``key``, the spec's fields,
        ``step``, ``accuracy`` (test accuracy of a new linear probe, a share), ``classifier_loss``
        (cross-entropy of the adversary on test images, nats), ``inversion_error``,
        ``log_condition`` and ``spectrum`` as in
        :func:`.train_halves`, and ``failed`` (or None).

    Raises:
        TypeError: Anything but AdversarialSpec objects.
        ValueError: A device that is not there, or images that cannot be halved.
    """
    return row_per_step(KIND.results(specs, _compute, device, store, progress), _NUMBERS)


def _compute(specs: Sequence[AdversarialSpec], device: torch.device) -> list[dict[str, Any]]:
    return [_trained(spec, device) for spec in specs]


def _trained(spec: AdversarialSpec, device: torch.device) -> dict[str, Any]:
    data = load_dataset(spec.dataset).to(device, torch.float32)
    top, _, test, _, _ = halves_of(data)
    draw = generator(spec.seed, "adversarial: initial weights")
    order = generator(spec.seed, "adversarial: order")
    encoder = coupling_flow(
        top.shape[1], draw, spec.couplings, (spec.hidden, spec.hidden), shift_only=False
    ).to(device)
    classes = int(data.train_labels.max()) + 1
    classifier = dense(top.shape[1], classes, draw).to(device)
    climbers = {
        "classifier": torch.optim.Adam(classifier.parameters(), spec.classifier_rate, fused=True),
        "encoder": torch.optim.Adam(encoder.parameters(), spec.encoder_rate, fused=True),
    }

    def step(which: str) -> None:
        picked = torch.randperm(len(top), generator=order)[: spec.batch_size].to(device)
        x, labels = top[picked], data.train_labels[picked]
        with torch.set_grad_enabled(which == "encoder"):
            code = encoder(x)
        with torch.enable_grad():
            logits = classifier(code)
            # uniform labels: the mean over classes of the cross-entropy with each of them
            hidden = -F.log_softmax(logits, -1).mean()
            loss = hidden if which == "encoder" else F.cross_entropy(logits, labels)
        climbers[which].zero_grad()
        loss.backward()
        climbers[which].step()

    for _ in range(spec.warm_up):
        step("classifier")

    def measured() -> dict[str, Any]:
        with torch.no_grad():
            lost = F.cross_entropy(classifier(encoder(test)), data.test_labels)
        return {
            "accuracy": half_probe(encoder, top, test, data),
            "classifier_loss": float(lost),
        } | invertibility(encoder, test[:INVERTED_IMAGES])

    def trouble(found: dict[str, Any]) -> str | None:
        lost = not found["inversion_error"] < 1
        return "the inverse does not give the pixels back" if lost else None

    def advance() -> None:
        for _ in range(spec.classifier_steps):
            step("classifier")
        step("encoder")

    return recorded(spec.steps, _NUMBERS, advance, measured, trouble)
