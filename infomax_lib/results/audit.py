"""The audit: stored runs, drawn at random, are computed again and compared measure by measure.

Training in float32 rounds, and thousands of steps amplify it: another machine, number of threads,
device, or company in the population gives other last digits. How much that may change is asked of
the run itself. Beside it train two *twins*, whose learning rate differs by one part in a million,
far less than anybody could mean by it and about what rounding does. A measure may differ by

    tolerance = absolute + relative |stored| + 10 max_twins |twin - run|,

with a constant part per measure (:data:`MEASURES`) for what the twins happen not to show. Where a
twin leaves the constant part, the run is *sensitive* (a learning rate at the edge of stability, a
penalty so strong that it jumps between minima): its numbers mean something as a sample over seeds
only, so that it may also differ by the range that the store's seeds of the same setting span.

Measured: of 33 runs trained alone instead of in their population, on the same machine by the same
code, the 9 of MNIST had the same measures to one part in 10^5, and the 24 of the two-dimensional
toy changed by up to 0.5 % in smooth measures, 2.4 % in shares and kernels, 2 % in curvatures and a
factor of three in ``threshold_gap``. Of 57 runs computed again with a training step that adds in
another order (50 of the toy, 7 of MNIST and Fashion-MNIST) all agreed by the rule above, the
furthest at a third of its tolerance; 9 of the toy's 12 runs with four units and lambda_tc = 100
were sensitive, and 3 of the 45 others.
"""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.compute import compute
from infomax_lib.results.store import FileInfo, Store, code_fingerprint, open_store
from infomax_lib.training.devices import resolve_device
from infomax_lib.training.grouping import populations

__all__ = [
    "MEASURES",
    "Audited",
    "audit",
    "audit_command",
    "auditable",
    "compare",
    "draw",
    "report",
    "seconds_alone",
]

TWIN = 1e-6  # relative difference of a twin's learning rate
_FACTOR = 10.0  # how much more than its twins a run may differ

# Constant part of a measure's tolerance: absolute, relative.
MEASURES: dict[str, tuple[float, float]] = {
    # counts, and the epoch of divergence: one more or less
    "dead_units": (1.0, 0.0),
    "aligned_pairs": (1.0, 0.0),
    "diverged_at": (1.0, 0.0),
    # shares of the test images: one of the 360 digits, or 30 of 10 000
    "probe_accuracy": (0.003, 0.0),
    "probe_accuracy_pre": (0.003, 0.0),
    "firing_rate": (1e-3, 1e-3),
    "cofiring_excess": (2e-4, 1e-2),
    # averages of squares near their floors
    "mean_r2_excess": (1e-5, 1e-2),
    "hsic": (2e-4, 1e-2),
    "hsic_floor": (2e-4, 1e-2),
    "min_relative_variance": (1e-4, 1e-2),
    # extreme eigenvalues, by an iteration that starts at random and stops early
    "curvature_min": (1e-2, 3e-2),
    "curvature_max": (1e-2, 3e-2),
    # of one pair of rows, another one when two pairs are about as much aligned: known to jump
    "threshold_gap": (0.05, 1.0),
}
_SMOOTH = (1e-4, 2e-3)  # every other measure
_JUMPS = ("threshold_gap",)


@dataclass(frozen=True)
class Audited:
    """A stored run beside the same run computed now.

    Attributes:
        spec: The run.
        stored: Its measures in the store.
        here: Its measures now.
        tolerance: How much each may differ.
        sensitive: Whether its own rounding matters, see the module's text.
        source: The file that holds it.
    """

    spec: RunSpec
    stored: dict[str, float]
    here: dict[str, float]
    tolerance: dict[str, float]
    sensitive: bool
    source: FileInfo | None

    @property
    def shares(self) -> dict[str, float]:
        """Difference over tolerance by measure; more than 1 disagrees, inf where one is NaN."""
        found = {}
        for name, tolerance in self.tolerance.items():
            stored, here = self.stored.get(name, math.nan), self.here.get(name, math.nan)
            if (math.isnan(stored) and math.isnan(here)) or stored == here:
                found[name] = 0.0
            elif math.isfinite(stored) and math.isfinite(here):
                found[name] = abs(stored - here) / tolerance if tolerance else math.inf
            else:
                found[name] = math.inf
        return found

    @property
    def disagreeing(self) -> list[str]:
        """Measures that differ by more than their tolerance."""
        return [name for name, share in self.shares.items() if not share <= 1]


def auditable(store: Store) -> tuple[dict[RunSpec, dict[str, Any]], int]:
    """Stored rows by spec, and the number of rows that stand under keys of another version."""
    rows = store.load("runs", sorted(store.keys("runs")))
    found = {}
    for key, row in rows.items():
        spec = RunSpec(**{name: row[name] for name in RunSpec.model_fields if name in row})
        if spec.key == key:
            found[spec] = row
    return found, len(rows) - len(found)


def seconds_alone(spec: RunSpec) -> float:
    """Rough time to compute a run and its twins again, in seconds on one core of some 2 GHz."""
    data = load_dataset(spec.dataset)
    samples, inputs = data.train.shape
    batch = spec.samples_per_step(samples)
    steps = spec.epochs * math.ceil(samples / batch)
    layers = 3
    products = 4 * batch * spec.hidden_dim * inputs * layers / 50e9
    elementwise = 20e-9 * batch * spec.hidden_dim * layers
    optimizer = 3e-9 * spec.hidden_dim * inputs * layers
    measuring = 0.2 + 2e-6 * samples * spec.hidden_dim * layers
    return steps * (0.3e-3 + products + elementwise + optimizer) + measuring


def draw(
    specs: Iterable[RunSpec], sample: int, seed: int, max_epochs: int | None, seconds: float
) -> list[RunSpec]:
    """Draw runs at random, in turn from each kind of run, within a bound on the time.

    A kind is a dataset, optimizer, batch size and number of epochs; so the rare kinds are looked
    at, too. Kinds and the runs of a kind come in random order; a run that would take the estimated
    time over the bound is passed over.

    Args:
        specs: Runs to draw from.
        sample: How many at most.
        seed: Fixes the draw.
        max_epochs: Leave out runs with more epochs than this; None for no such bound.
        seconds: Bound on the sum of :func:`seconds_alone`.
    """
    rng = random.Random(seed)
    kinds: dict[tuple, list[RunSpec]] = defaultdict(list)
    for spec in sorted(specs, key=lambda spec: spec.key):
        if max_epochs is None or spec.epochs <= max_epochs:
            kinds[spec.dataset, spec.optimizer, str(spec.batch_size), spec.epochs].append(spec)
    queues = [rng.sample(members, len(members)) for members in kinds.values()]
    rng.shuffle(queues)
    drawn: list[RunSpec] = []
    while queues and len(drawn) < sample:
        for queue in queues:
            while queue and len(drawn) < sample:
                spec = queue.pop()
                if seconds_alone(spec) <= seconds:
                    seconds -= seconds_alone(spec)
                    drawn.append(spec)
                    break
        queues = [queue for queue in queues if queue]
    return drawn


def audit(
    specs: Sequence[RunSpec], store: str | Store | None = "auto", device: str = "auto"
) -> list[Audited]:
    """Compute runs again, in memory, and compare them with their stored rows.

    Args:
        specs: Runs that the store holds, see :func:`draw`.
        store: Folder, name or :class:`Store`; it is only read.
        device: Where to compute, see :func:`infomax_lib.run`.

    Raises:
        KeyError: A run is not in the store.
    """
    store = open_store(store)
    known, _ = auditable(store)
    family = {spec: [spec, *_twins(spec)] for spec in specs}
    together = list(dict.fromkeys(member for members in family.values() for member in members))
    here: dict[str, dict[str, float]] = {}
    place = resolve_device(device)
    for part in populations(together):
        for row in compute(part, place).rows["runs"]:
            here[row["key"]] = _measures(row)
    by_setting = defaultdict(list)
    for spec, row in known.items():
        by_setting[spec.but(seed=0)].append(_measures(row))
    return [
        compare(
            spec,
            _measures(known[spec]),
            [here[member.key] for member in family[spec]],
            by_setting[spec.but(seed=0)],
            store.source("runs", spec.key),
        )
        for spec in specs
    ]


def compare(
    spec: RunSpec,
    stored: dict[str, float],
    computed: Sequence[dict[str, float]],
    seeds: Sequence[dict[str, float]],
    source: FileInfo | None = None,
) -> Audited:
    """Tolerances for one run, by the rule at the head of this module.

    Args:
        spec: The run.
        stored: Its measures in the store.
        computed: Measures of the run and of its twins, now.
        seeds: Stored measures of every seed of the setting.
        source: The file of the row.
    """
    run, *twins = computed
    tolerance, sensitive = {}, False
    for name in dict.fromkeys([*run, *stored]):
        absolute, relative = MEASURES.get(name, _SMOOTH)
        here = run.get(name, math.nan)
        own = [abs(twin[name] - here) for twin in twins if name in twin]
        own = [change for change in own if math.isfinite(change)]
        constant = absolute + relative * max(
            _finite(abs(stored.get(name, math.nan))), _finite(here)
        )
        sensitive |= name not in _JUMPS and max(own, default=0.0) > constant
        tolerance[name] = constant + _FACTOR * max(own, default=0.0)
    for name in tolerance if sensitive else _JUMPS:
        values = [row[name] for row in seeds if math.isfinite(row.get(name, math.nan))]
        if values and name in tolerance:
            tolerance[name] = max(tolerance[name], max(values) - min(values))
    return Audited(spec, stored, run, tolerance, sensitive, source)


def report(results: Sequence[Audited]) -> str:
    """One line per run; below those that disagree, every measure that does and who computed it."""
    lines = []
    for result in results:
        worst, share = max(result.shares.items(), key=lambda item: item[1], default=("", 0.0))
        verdict = "DISAGREES" if result.disagreeing else "agrees"
        kind = ", sensitive" if result.sensitive else ""
        lines.append(
            f"{verdict:9}  {_short(result.spec)}{kind}: {worst} at {share:.2g} of tolerance"
        )
        if result.disagreeing:
            lines.append(f"    {'measure':24}{'stored':>14}{'computed now':>14}{'tolerance':>12}")
            for name in result.disagreeing:
                stored, here = result.stored.get(name, math.nan), result.here.get(name, math.nan)
                allowed = result.tolerance[name]
                lines.append(f"    {name:24}{stored:14.6g}{here:14.6g}{allowed:12.2g}")
            if result.source is not None:
                facts = result.source.metadata
                names = ("library", "code", "torch", "device", "threads", "date")
                told = ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
                lines.append(f"    stored in {result.source.path.name}: {told}")
    return "\n".join(lines)


def audit_command(
    folder: str,
    sample: int,
    seed: int | None,
    max_epochs: int | None,
    minutes: float,
    device: str,
    say: Callable[[str], object],
) -> bool:
    """What ``infomax audit`` does; True when all runs agree.

    Raises:
        ValueError: There is nothing to audit, or the device does not exist.
    """
    resolve_device(device)
    store = open_store(folder)
    known, foreign = auditable(store)
    if foreign:
        say(f"{foreign} row(s) of {store.folder} have keys of another version and are left out")
    if not known:
        raise ValueError(f"{store.folder} holds no runs to audit: name a store with --store")
    seed = random.randrange(10**6) if seed is None else seed
    drawn = draw(known, sample, seed, max_epochs, 60 * minutes)
    if not drawn:
        raise ValueError(
            f"none of {len(known)} runs takes at most {minutes:g} minutes and "
            f"{'any number of' if max_epochs is None else max_epochs} epochs: raise --minutes or "
            "--max-epochs"
        )
    estimate = sum(map(seconds_alone, drawn))
    say(
        f"auditing {len(drawn)} of {len(known)} runs in {store.folder}, seed {seed}: "
        f"about {estimate:.0f} s on one core"
    )
    start = time.perf_counter()
    results = audit(drawn, store, device)
    say(report(results))
    wrong = sum(bool(result.disagreeing) for result in results)
    seconds = time.perf_counter() - start
    say(f"{len(results) - wrong} of {len(results)} runs agree; {seconds:.0f} s")
    if wrong:
        say(f"here: {_here(device)}")
    return not wrong


def _here(device: str) -> str:
    """Who computed the second column of the report."""
    from infomax_lib import __version__

    facts = {
        "library": __version__,
        "code": code_fingerprint(),
        "torch": torch.__version__,
        "device": resolve_device(device),
        "threads": torch.get_num_threads(),
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _twins(spec: RunSpec) -> list[RunSpec]:
    rate = spec.learning_rate
    return [spec.but(learning_rate=rate * (1 + TWIN)), spec.but(learning_rate=rate * (1 - TWIN))]


def _measures(row: dict[str, Any]) -> dict[str, float]:
    """The final measures of a row; an absent number is NaN."""
    apart = {"key", "history", "measures", *RunSpec.model_fields}
    return {
        name: math.nan if value is None else float(value)
        for name, value in row.items()
        if name not in apart
    }


def _finite(value: float) -> float:
    return abs(value) if math.isfinite(value) else 0.0


def _short(spec: RunSpec) -> str:
    """What distinguishes the run from the defaults, after its dataset and seed."""
    own = spec.model_dump(exclude_defaults=True, exclude={"dataset", "seed"})
    return " ".join([spec.dataset, f"seed={spec.seed}", *(f"{n}={v}" for n, v in own.items())])
