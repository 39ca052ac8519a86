"""One row of further measures for every fitted encoder, stored like the fits themselves.

What is measured, and on how many images, is said in :mod:`.measures`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.experiments import Kind, listed, seconds_stored, seeds_together
from infomax_lib.results.runs import run, seconds_alone, trained_layer
from infomax_lib.results.store import Store, open_store
from paper.chapters.prior_art.comparison import method_of
from paper.chapters.prior_art.measured.measures import (
    MEASURES,
    Encode,
    materials,
    measures_of,
)
from paper.measures.pruning import ORDERS, removal_steps
from paper.methods.runs import KIND as BASELINES
from paper.methods.runs import are_long, fitted_encoder, run_baselines
from paper.methods.spec import BaselineSpec


def _chunks(specs: Sequence[Any]) -> Iterator[list[Any]]:
    """Specs that differ in nothing but the seed, dataset by dataset."""
    yield from seeds_together(sorted(specs, key=lambda spec: spec.dataset), most=len(specs))


def _with_predecessor(spec: BaselineSpec | RunSpec) -> list[BaselineSpec | RunSpec]:
    """The spec, and the one at the seed before if there is one."""
    return [spec, spec.but(seed=spec.seed - 1)] if spec.seed else [spec]


def _seconds(spec: BaselineSpec | RunSpec, store: Store) -> float:
    """Rough time to fit an encoder and the one at the seed before again, and to assess it."""
    known = seconds_stored(store, BASELINES.name)
    fits = (
        seconds_alone(fit) if isinstance(fit, RunSpec) else known.get(fit.key, math.inf)
        for fit in _with_predecessor(spec)
    )
    return seconds_stored(store, KIND.name)[spec.key] + sum(fits)


# A layer fitted again moved shares by up to 0.02 and the ends of its pruning curves by 0.07: the
# measures are of one encoder, which rounding turns into another one that is as good.
KIND = Kind(
    *("assessments", (BaselineSpec, RunSpec), _chunks, are_long),
    tolerance=dict.fromkeys((f"pruning_{order}" for order in ORDERS), (0.15, 0.0)),
    otherwise=(0.06, 0.0),
    seconds=_seconds,
)


@KIND.driver
def assess(
    specs: Sequence[BaselineSpec | RunSpec] | BaselineSpec | RunSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Further measures of fitted encoders, computing only those that the store does not hold.

    Encoders that are missing are fitted first, baselines in one call of :func:`run_baselines` and
    layers in one of :func:`infomax_lib.run`, with their weights kept in the store; so are those at
    the seeds before, to which ``cka`` compares. Where all measures are stored, neither weights nor
    datasets need to be at hand.

    Args:
        specs: Baselines and layers, in any order.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``method`` (a name in
        :data:`paper.chapters.prior_art.comparison.LABELS`), and

        - ``held_out_r2``: mean over units of :func:`.held_out_r2`, units
          that are constant on the test images left out;
        - ``cka``: linear CKA of the test outputs with those at the seed before, NaN for seed 0;
        - ``purity``, ``owner_similarity``: see :mod:`paper.measures.prototypes`;
        - ``to_partner``, ``to_other_classes``, ``to_rotation``: accuracy of a linear probe fitted
          and tested on the dataset's partner in :data:`.PARTNERS`, on the other
          half of the classes (see :func:`other_classes`), on the dataset's own images turned by
          random angles of up to `ROTATION` degrees;
        - ``labels_1``, ``labels_10``, ``labels_100``: mean accuracy with so many labels per class;
        - ``pruning_random``, ``pruning_least_unique``, ``pruning_greedy``: lists of the accuracies
          of :func:`paper.measures.pruning.pruning_curve` at
          :func:`paper.measures.pruning.removal_steps`; the spec's seed draws the random order;
        - ``mig``, ``rotated_mig`` (95th percentile of `ROTATIONS` rotations),
          ``dci_disentanglement``, ``dci_completeness``, ``dci_informativeness``: see
          :mod:`paper.measures.disentanglement`;
        - ``named_units``: share of units with a class AUROC of at least `NAMED`;
        - ``failed``: why there are no numbers, or None.

        Accuracies are shares. NaN stands for what the dataset does not have (a partner, other
        classes, square images to turn and to draw factors into), for all but ``to_other_classes``
        on half of the classes, for factors of a single unit, and for everything of an encoder that
        failed.

    Raises:
        TypeError: Anything but BaselineSpec and RunSpec objects.
        ValueError: A layer that is not in the comparison, or a device that is not there.
        DataError: The partner is not at hand on this machine.
    """
    asked: list[Any] = listed(specs, *KIND.accepted)
    methods = [method_of(spec) for spec in asked]
    opened = open_store(store)
    known = opened.keys(KIND.name)
    missing = [spec for spec in dict.fromkeys(asked) if spec.key not in known]
    needed = dict.fromkeys(fit for spec in missing for fit in _with_predecessor(spec))
    failures = fit_all(list(needed), device, opened, progress)
    # what stopped for a reason of this machine is not in the store, and is tried again next time
    passing = failures.keys() - opened.keys(BASELINES.name) - opened.keys("runs")
    unsettled = {
        spec.key for spec in missing if any(f.key in passing for f in _with_predecessor(spec))
    }
    try:
        compute = partial(_compute, store=opened, failures=failures)
        table = KIND.results(
            *(asked, compute, device, opened, progress),
            keep=lambda row: row["key"] not in unsettled,
        )
    finally:
        materials.cache_clear()
    return table.assign(method=methods)


# --- fits ----------------------------------------------------------------------------------------


def fit_all(
    specs: Sequence[BaselineSpec | RunSpec], device: str, store: Store, progress: bool
) -> dict[str, str]:
    """Fit all specs with their weights kept; why some failed, by key."""
    baselines = [spec for spec in specs if isinstance(spec, BaselineSpec)]
    layers = [spec for spec in specs if isinstance(spec, RunSpec)]
    failures: dict[str, str] = {}
    if baselines:
        seeds = {spec.seed for spec in baselines}
        fits = run_baselines(baselines, device, store, progress, keep_weights=seeds)
        failures |= fits.set_index("key")["failed"].dropna().to_dict()
    if layers:
        runs = run(layers, device, store, progress, keep_weights=True)
        epochs = runs.set_index("key")["diverged_at"].dropna()
        failures |= {key: f"diverged at epoch {epoch:g}" for key, epoch in epochs.items()}
    return failures


def fitted(spec: BaselineSpec | RunSpec, store: Store) -> tuple[Tensor, Encode]:
    """Weights (K, D) of a fitted encoder, and the map from images (N, D) to outputs (N, K)."""
    if isinstance(spec, BaselineSpec):
        encoder = fitted_encoder(spec, store)
        return encoder.weight, encoder.transform
    layer = trained_layer(spec, store)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    return weight, lambda x: layer_outputs(spec, weight.to(x), bias.to(x), x)


# --- other kinds of the same encoders -------------------------------------------------------------


def one_row_each(
    kind: Kind[Any],
    specs: Sequence[BaselineSpec | RunSpec] | BaselineSpec | RunSpec,
    measure: Callable[[Encode, Dataset], Mapping[str, float]],
    names: Sequence[str],
    device: str,
    store: str | Store | None,
    progress: bool,
) -> pd.DataFrame:
    """What a kind measures of every encoder; those without stored weights are fitted again.

    Args:
        kind: Whose rows these are.
        specs: Baselines and layers, in any order.
        measure: From the map to outputs and the dataset to measures by name.
        names: Of the measures, NaN where the fit failed.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``method``, the measures;
        ``failed``: why there are none, or None.
    """
    asked: list[Any] = listed(specs, *kind.accepted)
    opened = open_store(store)
    known = opened.keys(kind.name)
    missing = [spec for spec in dict.fromkeys(asked) if spec.key not in known]
    failures = fit_all(missing, device, opened, progress)
    # what stopped for a reason of this machine is tried again next time
    passing = failures.keys() - opened.keys(BASELINES.name) - opened.keys("runs")
    compute = partial(_rows, store=opened, failures=failures, measure=measure, names=names)
    table = kind.results(
        *(asked, compute, device, opened, progress),
        keep=lambda row: row["key"] not in passing,
    )
    return table.assign(method=[method_of(spec) for spec in asked])


@torch.no_grad()
def _rows(
    specs: Sequence[Any],
    device: torch.device,
    store: Store,
    failures: Mapping[str, str],
    measure: Callable[[Encode, Dataset], Mapping[str, float]],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for spec in specs:
        if spec.key in failures:
            rows.append({**dict.fromkeys(names, float("nan")), "failed": failures[spec.key]})
            continue
        data = load_dataset(spec.dataset).to(device, torch.float32)
        _, encode = fitted(spec, store)
        rows.append({**measure(encode, data), "failed": None})
    return rows


# --- measures ------------------------------------------------------------------------------------


def _compute(
    specs: Sequence[Any],
    device: torch.device,
    store: Store,
    failures: Mapping[str, str],
) -> list[dict[str, Any]]:
    # an encoder is needed for its own seed and, right before or after, as a predecessor
    encoder = lru_cache(maxsize=2)(partial(fitted, store=store))
    rows = []
    for spec in specs:
        row: dict[str, Any] = dict.fromkeys(MEASURES, float("nan"))
        steps = len(removal_steps(spec.hidden_dim))
        row |= {f"pruning_{order}": [float("nan")] * steps for order in ORDERS}
        if spec.key in failures:
            rows.append(row | {"failed": failures[spec.key]})
            continue
        weight, encode = encoder(spec)
        before = None
        for predecessor in _with_predecessor(spec)[1:]:
            if predecessor.key not in failures:
                _, before = encoder(predecessor)
        row |= measures_of(weight, encode, before, spec.seed, materials(spec.dataset, device))
        rows.append(row)
    return rows
