"""The training step of a population against the plain loop, the peers and the machine's limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch

from benchmarks import limit
from benchmarks.inputs import fitting_populations, one_by_one, random_data, stepping
from benchmarks.peers import BmmEnsemble, VmapEnsemble
from benchmarks.plain_loop import PlainLoop
from benchmarks.processes import Processes
from benchmarks.settings import Settings
from benchmarks.timing import Work, contest, spread
from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.population import Population
from paper.chapters.performance.records import OURS, SHARED_OUT

__all__ = ["BATCH", "LAYOUTS", "Row", "judge", "measure_row", "rows", "training"]

BATCH = 128
PLAIN, PEERS = "plain loop", {"vmap": VmapEnsemble, "bmm": BmmEnsemble}
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


def measure_row(
    row: Row,
    source: Callable[[], Dataset],
    device: torch.device,
    settings: Settings,
    processes: Processes | None = None,
) -> dict:
    """Time one setting; everything that :func:`judge` needs, and its judgement.

    Args:
        row: The setting.
        source: Makes the dataset, here and in the processes.
        device: Where to train.
        settings: How long to measure.
        processes: Among them the layers of each contestant are shared out, too.
    """
    data, specs = source(), row.specs()
    if row.dense:
        source = partial(random_data, len(data.train), data.num_features)
    contestants = {OURS: specs, PLAIN: specs[:1]}
    if row.precision != "float32":
        contestants[_SINGLE] = [spec.but(precision="float32") for spec in specs]
    if row.peers:
        contestants |= dict.fromkeys(PEERS, specs)
    works: dict[str, Work] = {}
    moved: dict[str, int] = {}
    for name, own in contestants.items():
        works[name], moved[name] = training(name, own, source, device), len(own)
        if processes is not None and processes.count <= row.layers:
            shares = _shares(name, own, data, processes.count)
            make = [partial(training, name, share, source, device) for share in shares]
            works[name + SHARED_OUT] = processes.side_by_side(make)
            moved[name + SHARED_OUT] = sum(map(len, shares))
    units, inputs = row.layers * row.units, data.num_features
    low = torch.bfloat16 if row.precision == "bfloat16" else torch.float32
    products, flops = limit.product_works(units, inputs, BATCH, low, device, settings.square)
    works |= products
    works[_PASS] = limit.optimizer_pass(row.optimizer, units, inputs, device)
    seconds = contest(works, settings.synchronized(device))
    if processes is not None:
        processes.forget()
    return asdict(row) | judge(seconds, flops, limit.step_flops(units, inputs, BATCH), moved)


def training(
    name: str, specs: Sequence[RunSpec], source: Callable[[], Dataset], device: torch.device
) -> Work:
    """Steps of all layers, as the contestant of that name trains them."""
    data = source()
    parts = fitting_populations(specs, data) if name in (OURS, _SINGLE) else [specs]
    works = [_training(name, part, data, device) for part in parts]

    def work(times: int) -> None:
        for one in works:  # one after another, as they are trained
            one(times)

    return work


def judge(
    seconds: Mapping[str, np.ndarray],
    flops: Mapping[str, int],
    step_flops: int,
    moved: Mapping[str, int],
) -> dict[str, Any]:
    """Rates, ratios and shares from seconds per step, each computed round by round.

    Args:
        seconds: By contestant and round.
        flops: Operations of the timed matrix products.
        step_flops: Operations of the step's own two products.
        moved: Layers that a step of each contestant moves.

    Returns:
        ``as_run``, the contestant that trains as ``run`` does: shared out among processes, if that
        was measured; ``layer_steps`` per second of every contestant and of the limit, ``ratio`` to
        the plain loop, ``share`` of the limit, ``gain`` over float32 and what the limit is made of.
    """
    peak = limit.peak_rate(seconds, flops)
    least = limit.limit_seconds(step_flops, peak, seconds[_PASS])
    rates = {name: moved[name] / seconds[name] for name in moved}
    limit_rate = moved[OURS] / least
    best = max(flops, key=lambda name: flops[name] / np.median(seconds[name]))
    spread_out = SHARED_OUT if OURS + SHARED_OUT in moved else ""
    result: dict[str, Any] = {
        "as_run": OURS + spread_out,
        "layer_steps": {name: spread(rate) for name, rate in rates.items()},
        "ratio": {n: spread(rate / rates[PLAIN]) for n, rate in rates.items() if n != PLAIN},
        "share": {n: spread(rate / limit_rate) for n, rate in rates.items()},
        "peak_flops": spread(peak),
        "peak_product": best,
        "products_seconds": spread(step_flops / peak),
        "optimizer_seconds": spread(seconds[_PASS]),
    }
    result["layer_steps"]["limit"] = spread(limit_rate)
    if _SINGLE in seconds:
        result["gain"] = spread(seconds[_SINGLE + spread_out] / seconds[OURS + spread_out])
    return result


def _shares(
    name: str, specs: Sequence[RunSpec], data: Dataset, count: int
) -> list[Sequence[RunSpec]]:
    """What each of so many processes trains; every one has a plain loop of its own."""
    if name == PLAIN:
        return [specs] * count
    parts = fitting_populations(specs, data, at_least=count)
    return [list(chain(*parts[n::count])) for n in range(count)]


def _training(name: str, specs: Sequence[RunSpec], data: Dataset, device: torch.device) -> Work:
    if name == PLAIN:
        loop = PlainLoop(specs[0], data, torch.float32, device)
        train = one_by_one(lambda indices: loop.step(indices[0]))
    elif name in PEERS:
        train = one_by_one(PEERS[name](specs, data, device, torch.float32).step)
    else:
        train = Population(specs, data, device, torch.float32).train
    seeds = list(dict.fromkeys(spec.seed for spec in specs))
    return stepping(train, len(data.train), specs[0].batch_size, seeds, device)
