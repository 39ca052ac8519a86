"""What is recorded of an encoder of halves while it is trained: probe, inverse, condition."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.streams import measured_epochs
from paper.information.conditioning import condition_number, singular_values
from paper.information.encoders import CouplingFlow, ResidualMLP

#: Training images that probes are fitted to: a probe of 392 inputs on all of them takes a minute.
PROBE_IMAGES = 10_000
#: Test images that are inverted, and how many of them have their Jacobian decomposed.
INVERTED_IMAGES, _JACOBIANS = 1000, 16


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


def noisy(x: Tensor, size: float, draw: torch.Generator | None) -> Tensor:
    """Samples with normal noise of this standard deviation."""
    if not size:
        return x
    return x + size * torch.randn(x.shape, generator=draw, dtype=torch.float32).to(x)


def half_probe(
    encode: nn.Module,
    train: Tensor,
    test: Tensor,
    data: Dataset,
    noise: float = 0.0,
    draw: torch.Generator | None = None,
) -> float:
    """Test accuracy of a linear probe of the representations of halves, fitted to `PROBE_IMAGES`.

    Args:
        encode: The encoder of one half.
        train: That half of all training images.
        test: That half of all test images.
        data: The whole dataset, for its labels.
        noise: Standard deviation of normal noise on every pixel.
        draw: Of the noise, if there is some.
    """
    with torch.no_grad():
        features = [encode(noisy(x, noise, draw)) for x in (train[:PROBE_IMAGES], test)]
    labels = data.train_labels[:PROBE_IMAGES]
    return float(linear_probe(features[0], labels, features[1], data.test_labels))


def raw_pixels(dataset: str) -> float:
    """Test accuracy of the probe on the top half's pixels themselves.

    In double precision: pages compute it anew, and with rounding in single precision the number of
    threads decides on some test images.
    """
    data = load_dataset(dataset)
    top, _, test, _, _ = halves_of(data)
    return half_probe(nn.Identity(), top.double(), test.double(), data)


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


def measured_steps(steps: int) -> list[int]:
    """0, the last step, and those of 1, 2, 5, 10, 20, ... that are at least a twentieth of it."""
    return [step for step in measured_epochs(steps) if step == 0 or step >= steps / 20]


def recorded(
    steps: int,
    numbers: Sequence[str],
    advance: Callable[[], None],
    measure: Callable[[], dict[str, Any]],
    trouble: Callable[[dict[str, Any]], str | None],
) -> dict[str, Any]:
    """Train, and measure at the steps of :func:`measured_steps`; NaN once something has failed.

    Args:
        steps: Of the whole training; it ends where something fails.
        numbers: Names of the measures, beside ``spectrum``.
        advance: Takes one step.
        measure: Gives the measures by name.
        trouble: Says what is wrong with them, if something is.

    Returns:
        For the store: ``step`` and every measure as lists, and ``failed``, what went wrong at
        which step, or None.
    """
    nothing: dict[str, Any] = dict.fromkeys(numbers, float("nan")) | {"spectrum": []}
    lists: dict[str, list[Any]] = {name: [] for name in ("step", *nothing)}
    failed: str | None = None
    wanted = set(measured_steps(steps))
    for step in range(steps + 1):
        if step in wanted:
            found = measure() if failed is None else nothing
            wrong = trouble(found) if failed is None else None
            if wrong:
                failed, found = f"{wrong} at step {step}", nothing
            for name, value in ({"step": step} | found).items():
                lists[name].append(value)
        if step < steps and failed is None:
            advance()
    return lists | {"failed": failed}


def row_per_step(table: pd.DataFrame, numbers: Sequence[str]) -> pd.DataFrame:
    """Lists of ``step``, ``spectrum`` and these measures in a row per spec as a row per step."""
    if table.empty:
        return table
    long = table.explode(["step", *numbers, "spectrum"], ignore_index=True)
    return long.astype({"step": int} | dict.fromkeys(numbers, float))
