r"""Estimates of the same information in few and in many dimensions.

Gaussian pairs have d coordinates on each side and one correlation in each of them, chosen so that
:math:`I = -\frac d2 \log(1 - \rho^2)` is the same for every d. A critic sees as many pairs to
learn from whatever d is. What is estimated on fresh pairs is compared with the truth, and with
the estimate by the log density ratio, the best critic there is.

Source: Poole et al. 2019 (estimates of known information in many dimensions).
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, many_steps
from infomax_lib.results.store import Store
from paper.information.bounds import BOUNDS
from paper.information.critics import Separable, side_by_side
from paper.information.entropy import correlated_gaussians, correlation_for, density_ratio

_SHIFT = {"nce": 0.0, "nwj": 1.0}  # of the best critic of each bound from the log density ratio
_TESTED = 100  # batches of fresh pairs


class DimensionsSpec(Spec):
    """A critic of Gaussian pairs of known information.

    Attributes:
        bound: ``nce`` or ``nwj``, which the critic climbs.
        dimensions: Coordinates of each side, >= 1.
        information: Of the pairs, in nats, >= 0.
        batch_size: Pairs per batch, >= 2.
        hidden: Units of each layer of the critic's two networks.
        steps: Training steps, >= 1.
        learning_rate: Of Adam at the start, > 0; it falls to zero by a cosine.
        seed: Fixes initial weights and draws.
    """

    bound: str = "nce"
    dimensions: int = Field(default=2, ge=1)
    information: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    hidden: int = Field(default=100, ge=1)
    steps: int = Field(default=1000, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(bound=_SHIFT)


KIND = Kind("dimensions", (DimensionsSpec,), long=many_steps, otherwise=(0.05, 0.05))


@KIND.driver
def estimates_over_dimensions(
    specs: Sequence[DimensionsSpec] | DimensionsSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Estimates by trained critics, computing only those that the store does not hold.

    All seeds of a setting are trained side by side. Arguments are those of :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and over 100 batches of fresh pairs
        ``estimate`` (their mean), ``spread`` (their standard deviation), ``known`` (the mean with
        the log density ratio for a critic), ``truth`` (all nats), ``failed`` (why there is no
        number, or None).

    Raises:
        TypeError: Anything but DimensionsSpec objects.
        ValueError: A device that is not there.
    """
    return KIND.results(specs, _compute, device, store, progress)


def _compute(specs: Sequence[DimensionsSpec], device: torch.device) -> list[dict[str, Any]]:
    first = specs[0]
    size, bound = first.dimensions, BOUNDS[first.bound]
    rho = correlation_for(first.information, size)
    critics = [
        Separable(size, size, generator(s.seed, "critic"), first.hidden).to(device) for s in specs
    ]
    parameters, scores = side_by_side(critics)
    optimizer = torch.optim.Adam(parameters, lr=first.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, first.steps)
    draws = [generator(spec.seed, "pairs") for spec in specs]

    def pairs() -> tuple[Tensor, Tensor]:
        drawn = [
            correlated_gaussians(rho, size, first.batch_size, draw, torch.float32) for draw in draws
        ]
        x, y = (torch.stack(side).to(device) for side in zip(*drawn, strict=True))
        return x, y

    for _ in range(first.steps):
        optimizer.zero_grad()
        (-bound(scores(*pairs())).sum()).backward()
        optimizer.step()
        schedule.step()
    found = []
    with torch.no_grad():
        for _ in range(_TESTED):
            x, y = pairs()
            ratios = torch.stack(
                [density_ratio(a, b, rho) for a, b in zip(x.double(), y.double(), strict=True)]
            )
            known = bound(ratios + _SHIFT[first.bound])
            found.append(torch.stack([bound(scores(x, y).double()), known]))
    values = torch.stack(found)
    each = zip(values[:, 0].T, values[:, 1].T, strict=True)
    return [_row(first, trained, known) for trained, known in each]


def _row(spec: DimensionsSpec, trained: Tensor, known: Tensor) -> dict[str, Any]:
    finite = bool(trained.isfinite().all())
    return {
        "estimate": float(trained.mean()) if finite else math.nan,
        "spread": float(trained.std()) if finite else math.nan,
        "known": float(known.mean()),
        "truth": spec.information,
        "failed": None if finite else "an estimate is not finite",
    }
