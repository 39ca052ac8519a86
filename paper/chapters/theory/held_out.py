"""What a trained layer does with held-out data, where its weights are needed to see it.

Who wins, which regions of the input space are occupied, and every estimator of dependence on the
same outputs. Weights of hundreds of layers are too large to keep; what is measured of them is small
and goes into the store, in rows of kind "held_out" under the keys of the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from infomax_lib.measures.hsic import gaussian_hsic
from infomax_lib.measures.weights_and_outputs import dead_units
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.masked_views import two_views
from infomax_lib.model.objective import OBJECTIVES, barlow_objective, correlation, log_det_objective
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.compute import compute as train
from infomax_lib.results.experiments import Kind, write
from infomax_lib.results.runs import are_long, layer_of, seconds_alone
from infomax_lib.results.store import Store, open_store
from infomax_lib.training.grouping import populations
from paper.measures.regions import expected_occupied, occupied_regions

#: Columns of :func:`held_out_measures`, and what they are.
MEASURES = {
    "occupied": "regions that test samples occupy",
    "occupied_independent": "the same, every unit's firing shuffled by itself",
    "occupied_share": "occupied regions over those of K independent balanced partitions",
    "pattern_entropy": "entropy of the firing patterns, in bits",
    "bit_correlation": "mean squared correlation of the firing of two units",
    "silent_units": "units whose activation fires on less than 1 % of the samples",
    "largest_share": "share of the samples that the most frequent winner wins",
    "effective_winners": "exp of the entropy of the winners' shares",
    "responsibility": "mean largest softmax(h)",
    "log_det": "−log det R, twice the Gaussian total correlation (nats)",
    "view_correlation": "squared cross-correlation of different units between two views, summed",
    "view_loss": "the Barlow Twins loss of two views, with λ = 1",
    "hsic_linear": "normalised HSIC that Gaussian units of the same correlations would have",
}


def measure_layer(layer: InfoMaxLayer, data: Dataset, seed: int = 0) -> dict[str, float]:
    """All :data:`MEASURES` of one layer on the test samples.

    Args:
        layer: With any activation and competition; a unit fires where w.x + b > 0.
        data: Its dataset.
        seed: Of the two views' masks.
    """
    with torch.no_grad():
        x = data.test.to(layer.weight.device)
        h, a = layer.hidden(x), layer(x)
        views = two_views(x.unsqueeze(0), [torch.Generator().manual_seed(seed)])[0]
        barlow = barlow_objective(layer(views).double())
        log_det = log_det_objective(a.double()).tc
        fires = (layer.preactivation(x) > 0).double()
        found = occupied_regions(layer.weight, layer.bias, x)
        shuffled = occupied_regions(layer.weight, layer.bias, x, shuffled=True)
    shares = torch.bincount(h.argmax(-1), minlength=h.shape[-1]).double() / len(h)
    balanced = expected_occupied(found.bits, len(x))
    values = {
        "occupied": found.regions,
        "occupied_independent": shuffled.regions,
        "occupied_share": found.regions / balanced,
        "pattern_entropy": found.entropy,
        "bit_correlation": _mean_off_diagonal(correlation(fires).square()),
        "silent_units": dead_units(h),
        "largest_share": shares.max(),
        "effective_winners": torch.special.entr(shares).sum().exp(),
        "responsibility": torch.softmax(h, -1).amax(-1).mean(),
        "log_det": log_det,
        "view_correlation": barlow.tc,
        "view_loss": barlow.loss,
        "hsic_linear": _mean_off_diagonal(gaussian_hsic(correlation(a.double()).cpu())),
    }
    return {name: float(value) for name, value in values.items()}


def _mean_off_diagonal(matrix: Tensor) -> Tensor:
    k = matrix.shape[-1]
    return (matrix.sum() - matrix.diagonal().sum()) / (k * (k - 1))


KIND = Kind(
    *("held_out", (RunSpec,), populations, are_long),
    fields_of="runs",
    twins=True,
    tolerance={"silent_units": (1.0, 0.0), "largest_share": (0.003, 0.0)},
    seconds=lambda spec, store: seconds_alone(spec) + 2,
)


@KIND.driver
def held_out_measures(
    specs: Sequence[RunSpec],
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """:func:`measure_layer` of trained layers, computing only what the store does not hold.

    The weights of the layers are not kept; the results of the runs themselves go into the store
    too, so that ``run`` need not train them again. A computation that is cut off loses at most the
    populations in flight.

    Args:
        specs: Which layers; ``epochs=0`` is the untrained one.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key`` and :data:`MEASURES`; NaN where training diverged.
    """
    opened = open_store(store)
    compute = partial(_compute, store=opened)
    table = KIND.results(specs, compute, device, opened, progress)
    return table.reindex(columns=["key", *MEASURES])


def _compute(
    specs: Sequence[RunSpec], device: torch.device, store: Store
) -> list[dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for group in populations(specs):  # what is left of a population may not train together
        done = train(group, device, keep_weights=True)
        weights = done.rows.pop("weights")
        write(done, store)
        data = load_dataset(group[0].dataset)
        for spec, row in zip(group, weights, strict=True):
            layer = layer_of(spec, row, spec.epochs)
            finite = all(p.isfinite().all() for p in layer.parameters())
            nothing = dict.fromkeys(MEASURES, np.nan)
            rows[spec.key] = measure_layer(layer, data, spec.seed) if finite else nothing
    return [rows[spec.key] for spec in specs]


def matrix_operations(objective: str, units: int, samples: int) -> int:
    """Floating-point operations in the matrix products of one loss and its gradient.

    Args:
        objective: A name in :data:`infomax_lib.model.objective.OBJECTIVES`.
        units: K.
        samples: Of one view.
    """
    views = 2 if objective == "barlow" else 1
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(views * samples, units, generator=generator).requires_grad_()
    with FlopCounterMode(display=False) as counter:
        OBJECTIVES[objective](a, torch.tensor(1.0)).loss.backward()
    return counter.get_total_flops()
