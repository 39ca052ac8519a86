r"""Bounds on mutual information when the pairs of a batch depend on each other.

The proofs that I_NCE and I_NWJ bound the information from below need pairs that are drawn
independently. Here every pair is :math:`(X_i, Y_i) = Z + \varepsilon_i` in two dimensions, with

.. math:: Z \sim N\Bigl(0, \begin{pmatrix} 1 & r \\ r & 1 \end{pmatrix}\Bigr), \qquad
    \varepsilon_i \sim N\Bigl(0, \begin{pmatrix} 1 & s \\ s & 1 \end{pmatrix}\Bigr)

so that X and Y have correlation (r + s) / 2 and :math:`I = -\frac12 \log(1 - (r + s)^2 / 4)`
however batches are drawn. If all pairs of a batch share one Z they depend on each other; if each
has a Z of its own they do not. The critic can see only what differs within a batch: with a shared
Z this is :math:`\varepsilon`, whose information is larger as soon as :math:`|s| > |r + s| / 2`.

Source: Tschannen et al. 2020, section 4, with r = -0.5 and s = 0.9.
"""

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
from paper.information.critics import Concatenated, side_by_side
from paper.information.entropy import correlated_gaussians, paired_mutual_information

_BOUNDS = ("nce", "nwj")
_AVERAGED = 500  # last training batches that the estimate is a mean over


class DependentBatchesSpec(Spec):
    """A critic of two Gaussian variables, trained on batches of pairs that share Z or do not.

    Attributes:
        bound: ``nce`` or ``nwj``, which the critic climbs.
        shared: Whether the pairs of a batch share one Z.
        of_batch: Correlation r of Z, between -1 and 1.
        of_pair: Correlation s of epsilon, between -1 and 1.
        batch_size: Pairs per batch, >= 2.
        hidden: Units of each hidden layer of the critic.
        layers: Its hidden layers after the first one.
        steps: Training steps, >= 1.
        learning_rate: Of Adam, > 0.
        seed: Fixes initial weights and draws.
    """

    bound: str = "nce"
    shared: bool = True
    of_batch: float = Field(default=-0.5, gt=-1, lt=1)
    of_pair: float = Field(default=0.9, gt=-1, lt=1)
    batch_size: int = Field(default=128, ge=2)
    hidden: int = Field(default=10, ge=1)
    layers: int = Field(default=4, ge=0)
    steps: int = Field(default=20_000, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(bound=_BOUNDS)


def true_information(of_batch: float, of_pair: float) -> float:
    """I(X; Y) in nats, the same for batches of both kinds."""
    return paired_mutual_information((of_batch + of_pair) / 2, 1)


# one seed trained alone instead of beside nine others moved the curve by 0.003 nats
KIND = Kind("dependent_batches", (DependentBatchesSpec,), long=many_steps, otherwise=(0.02, 0.05))


@KIND.driver
def dependent_batches(
    specs: Sequence[DependentBatchesSpec] | DependentBatchesSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Estimates by trained critics, computing only those that the store does not hold.

    All seeds of a setting are trained side by side.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``estimate`` (mean over the last
        500 batches, before the step on each), ``curve`` (means over 50 stretches of the training),
        ``truth`` (all nats), ``failed`` (why there is no number, or None).

    Raises:
        TypeError: Anything but DependentBatchesSpec objects.
        ValueError: A device that is not there.
    """
    return KIND.results(specs, _compute, device, store, progress)


def draw_batch(spec: DependentBatchesSpec, draw: torch.Generator) -> Tensor:
    """A batch of pairs (N, 2)."""
    count = 1 if spec.shared else spec.batch_size
    common = correlated_gaussians(spec.of_batch, 1, count, draw, torch.float32)
    own = correlated_gaussians(spec.of_pair, 1, spec.batch_size, draw, torch.float32)
    return torch.cat(common, 1) + torch.cat(own, 1)


def _compute(specs: Sequence[DependentBatchesSpec], device: torch.device) -> list[dict[str, Any]]:
    first = specs[0]
    critics = [
        Concatenated(1, 1, generator(s.seed, "critic"), first.hidden, first.layers).to(device)
        for s in specs
    ]
    draws = [generator(spec.seed, "pairs") for spec in specs]
    parameters, scores = side_by_side(critics)
    optimizer = torch.optim.Adam(parameters, lr=first.learning_rate, fused=True)
    bound = BOUNDS[first.bound]
    values = torch.empty(first.steps, len(specs))
    for step in range(first.steps):
        pairs = torch.stack([draw_batch(first, draw) for draw in draws]).to(device)
        found = bound(scores(pairs[..., :1], pairs[..., 1:]))
        values[step] = found.detach()
        optimizer.zero_grad()
        (-found.sum()).backward()
        optimizer.step()
    return [_row(first, each) for each in values.T]


def _row(spec: DependentBatchesSpec, values: Tensor) -> dict[str, Any]:
    lost = (~values.isfinite()).nonzero()
    stretches = values.tensor_split(min(50, len(values)))
    return {
        "estimate": float(values[-_AVERAGED:].mean()) if not len(lost) else float("nan"),
        "curve": [float(stretch.mean()) for stretch in stretches],
        "truth": true_information(spec.of_batch, spec.of_pair),
        "failed": f"the estimate is not finite at step {int(lost[0])}" if len(lost) else None,
    }
