"""The training step of a population against the plain loop, the peers and the machine's limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks import limit
from benchmarks.inputs import fitting_populations, one_by_one, random_data, stepping
from benchmarks.peers import BmmEnsemble, VmapEnsemble
from benchmarks.settings import Settings
from benchmarks.timing import Work, contest, spread
from infomax_lib.data import Dataset
from infomax_lib.population import Population
from infomax_lib.reference import PlainLoop
from infomax_lib.spec import RunSpec

__all__ = ["BATCH", "LAYOUTS", "Row", "judge", "measure_row", "measure_throughput", "rows"]

BATCH = 128
PLAIN, OURS, PEERS = "plain loop", "population", {"vmap": VmapEnsemble, "bmm": BmmEnsemble}
_SINGLE = "population, float32"
_PASS = "optimizer"

#: How the layers of a population are spread over seeds, that is, over batches.
LAYOUTS = {"one seed": 1, "8 seeds": 8, "a seed per layer": None}


@dataclass(frozen=True)
class Row:
    """One setting of the comparison.

    Attributes:
        layers: L.
        units: K of each.
        layout: A name in :data:`LAYOUTS`.
        competition: ``none`` (architecture A) or ``softmax`` (B).
        optimizer: ``adam`` or ``sgd``.
        rates: How many different learning rates.
        precision: ``float32`` or ``bfloat16``.
        dense: Random inputs, none of which is zero, in the place of images.
        peers: Whether the peers compete, too.
        aim_ratio: Ratio to the plain loop that was aimed at, if any.
        aim_share: Share of the machine's limit that was aimed at, if any.
    """

    layers: int
    units: int
    layout: str = "one seed"
    competition: str = "none"
    optimizer: str = "adam"
    rates: int = 1
    precision: str = "float32"
    dense: bool = False
    peers: bool = False
    aim_ratio: float | None = None
    aim_share: float | None = None

    def specs(self) -> list[RunSpec]:
        """As many settings (lambda_tc and learning rate) of each seed as it takes."""
        seeds = min(LAYOUTS[self.layout] or self.layers, self.layers)
        each = self.layers // seeds
        rates = [1e-4, 3e-4, 1e-3, 3e-3][: self.rates] if self.rates > 1 else [1e-3]
        base = RunSpec(
            hidden_dim=self.units,
            competition=self.competition,
            optimizer=self.optimizer,
            precision=self.precision,
            batch_size=BATCH,
        )
        return [
            base.but(seed=seed, lambda_tc=0.1 + n / each, learning_rate=rates[n % len(rates)])
            for seed in range(seeds)
            for n in range(each)
        ]


def rows(shrink: int = 1) -> Iterator[Row]:
    """All settings of the table; ``shrink`` divides the numbers of layers."""
    sizes = ((64, 16, 20.0, 0.7), (32, 64, 5.0, None), (64, 64, None, 0.7))
    for layers, units, ratio, share in sizes:
        base = Row(max(1, layers // shrink), units)
        yield replace(base, peers=True, aim_ratio=ratio, aim_share=share)
        yield replace(base, layout="8 seeds")
        yield replace(base, layout="a seed per layer")
        yield replace(base, competition="softmax", peers=True)
        yield replace(base, optimizer="sgd")
        yield replace(base, competition="softmax", optimizer="sgd")
        yield replace(base, rates=4)
        yield replace(base, dense=True)
        yield replace(base, precision="bfloat16")
        yield replace(base, precision="bfloat16", dense=True)
    for units in (16, 64):
        for competition in ("none", "softmax"):
            for optimizer in ("adam", "sgd"):
                single = Row(1, units, competition=competition, optimizer=optimizer)
                yield replace(single, aim_ratio=1.0)


def measure_row(row: Row, data: Dataset, device: torch.device, settings: Settings) -> dict:
    """Time one setting; everything that :func:`judge` needs, and its judgement."""
    specs = row.specs()
    if row.dense:
        data = random_data(len(data.train), data.num_features)
    works: dict[str, Work] = {OURS: _training(Population, specs, data, device)}
    if row.precision != "float32":
        single = [spec.but(precision="float32") for spec in specs]
        works[_SINGLE] = _training(Population, single, data, device)
    works |= _opponents(specs, data, device, row.peers)
    return asdict(row) | _compete(works, specs, data, device, settings)


def measure_throughput(
    layers: int, data: Dataset, device: torch.device, settings: Settings, units: int = 16
) -> dict:
    """The same for one number of layers of one seed, in as many populations as ``run`` makes."""
    row = Row(layers, units)
    specs = row.specs()
    parts = [_training(Population, part, data, device) for part in fitting_populations(specs, data)]

    def ours(times: int) -> None:
        for part in parts:  # one after another, as they are trained
            part(times)

    works = {OURS: ours} | _opponents(specs, data, device, peers=True)
    return asdict(row) | _compete(works, specs, data, device, settings)


def judge(
    seconds: dict[str, np.ndarray], flops: dict[str, int], step_flops: int, layers: int
) -> dict[str, Any]:
    """Rates, ratios and shares from seconds per step, each computed round by round.

    Args:
        seconds: By contestant and round.
        flops: Operations of the timed matrix products.
        step_flops: Operations of the step's own two products.
        layers: L; the plain loop's step moves one layer, everybody else's L.

    Returns:
        ``layer_steps`` per second of every contestant and of the limit, ``ratio`` to the plain
        loop, ``share`` of the limit, ``gain`` over float32 and what the limit is made of.
    """
    peak = limit.peak_rate(seconds, flops)
    least = limit.limit_seconds(step_flops, peak, seconds[_PASS])
    competitors = [name for name in seconds if name not in flops and name != _PASS]
    rates = {name: (1 if name == PLAIN else layers) / seconds[name] for name in competitors}
    best = max(flops, key=lambda name: flops[name] / np.median(seconds[name]))
    result: dict[str, Any] = {
        "layer_steps": {name: spread(rate) for name, rate in rates.items()},
        "ratio": {n: spread(r / rates[PLAIN]) for n, r in rates.items() if n != PLAIN},
        "share": {n: spread(least / seconds[n]) for n in competitors if n != PLAIN},
        "peak_flops": spread(peak),
        "peak_product": best,
        "products_seconds": spread(step_flops / peak),
        "optimizer_seconds": spread(seconds[_PASS]),
    }
    result["layer_steps"]["limit"] = spread(layers / least)
    if _SINGLE in seconds:
        result["gain"] = spread(seconds[_SINGLE] / seconds[OURS])
    return result


def _training(kind: type, specs: Sequence[RunSpec], data: Dataset, device: torch.device) -> Work:
    trained = kind(specs, data, device, torch.float32)
    train = trained.train if kind is Population else one_by_one(trained.step)
    seeds = list(dict.fromkeys(spec.seed for spec in specs))
    return stepping(train, len(data.train), specs[0].batch_size, seeds, device)


def _opponents(
    specs: Sequence[RunSpec], data: Dataset, device: torch.device, peers: bool
) -> dict[str, Work]:
    loop = PlainLoop(specs[0], data, torch.float32, device)

    train = one_by_one(lambda indices: loop.step(indices[0]))
    works = {PLAIN: stepping(train, len(data.train), specs[0].batch_size, [specs[0].seed], device)}
    if peers:
        works |= {name: _training(kind, specs, data, device) for name, kind in PEERS.items()}
    return works


def _compete(
    works: dict[str, Work],
    specs: Sequence[RunSpec],
    data: Dataset,
    device: torch.device,
    settings: Settings,
) -> dict[str, Any]:
    first = specs[0]
    units, inputs = sum(spec.hidden_dim for spec in specs), data.num_features
    low = torch.bfloat16 if first.precision == "bfloat16" else torch.float32
    products, flops = limit.product_works(units, inputs, BATCH, low, device, settings.square)
    works = works | products
    works[_PASS] = limit.optimizer_pass(first.optimizer, units, inputs, device)
    seconds = contest(works, settings.synchronized(device))
    return judge(seconds, flops, limit.step_flops(units, inputs, BATCH), len(specs))
