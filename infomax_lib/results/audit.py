"""The audit: stored rows, drawn at random, are computed again and compared measure by measure.

Rows of every kind are drawn (:data:`.KINDS`), and computed by the kind's own driver into a new
store. By how much a measure may differ follows, for a kind whose layers train as populations, from
the layer itself.

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

Twins of the other kinds would train one after another, so that their measures have a constant part
alone; each kind declares its own. Measured: of 28 rows of these twelve kinds computed again alone,
on the machine and by the code that stored them with all seeds together, those of nine kinds agreed
to one part in 10^4, and in accuracies to 0.0001. Of the other three, an accuracy after a head start
moved by 0.0025, an estimate from dependent batches by 0.2 %, and what is assessed of an encoder
fitted again by up to 0.02, the ends of its pruning curves by 0.07.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infomax_lib.model.spec import Spec
from infomax_lib.results.draw import Stored, auditable, draw
from infomax_lib.results.experiments import Kind
from infomax_lib.results.files import code_fingerprint
from infomax_lib.results.store import FileInfo, Store, open_store
from infomax_lib.training.devices import resolve_device

__all__ = [
    "MEASURES",
    "Audited",
    "audit",
    "audit_command",
    "compare",
    "report",
]

TWIN = 1e-6  # relative difference of a twin's learning rate
_FACTOR = 10.0  # how much more than its twins a run may differ

# Constant part of a measure's tolerance, unless its kind has another one: absolute, relative.
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
_JUMPS = ("threshold_gap",)


@dataclass(frozen=True)
class Audited:
    """A stored row beside the same row computed now.

    Attributes:
        kind: Of the result.
        spec: What was computed.
        stored: Its measures in the store.
        here: Its measures now.
        tolerance: How much each may differ.
        sensitive: Whether its own rounding matters, see the module's text.
        source: The file that holds it.
    """

    kind: Kind[Any]
    spec: Spec
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


def audit(
    rows: Sequence[Stored], store: str | Store | None = "auto", device: str = "auto"
) -> list[Audited]:
    """Compute rows again, into a store that is then forgotten, and compare.

    Args:
        rows: What the store holds, see :func:`draw`.
        store: Folder, name or :class:`Store`; it is only read.
        device: Where to compute, see :func:`infomax_lib.run`.

    Raises:
        ValueError: A row cannot be computed here; a warning has said why.
    """
    store = open_store(store)
    by_kind: dict[str, list[Stored]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind.name].append(row)
    known = auditable(store)[0] if any(row.kind.twins for row in rows) else []
    found: dict[tuple[str, str], Audited] = {}
    for name, members in by_kind.items():
        results = _audit_kind(members, known, store, device)
        found |= {(name, each.spec.key): each for each in results}
    return [found[row.kind.name, row.spec.key] for row in rows]


def _audit_kind(
    rows: Sequence[Stored], known: Sequence[Stored], store: Store, device: str
) -> Iterator[Audited]:
    """Audit rows of one kind, beside all rows that are known."""
    kind = rows[0].kind
    family = {row.spec: [row.spec, *(_twins(row.spec) if kind.twins else [])] for row in rows}
    together = list(dict.fromkeys(member for members in family.values() for member in members))
    with tempfile.TemporaryDirectory(prefix="infomax-audit-") as folder:
        kind.compute_into(together, device=device, store=folder, progress=False)
        here = Store(folder).load(kind.name, [spec.key for spec in together])
    seeds = defaultdict(list)
    for other in known:
        if kind.twins and other.kind is kind:
            seeds[other.spec.but(seed=0)].append(_measures(other))
    for row in rows:
        absent = [spec for spec in family[row.spec] if spec.key not in here]
        if absent:
            raise ValueError(f"{kind.name} of {_short(absent[0])} cannot be computed here")
        yield compare(
            row,
            [_measures(Stored(kind, spec, here[spec.key])) for spec in family[row.spec]],
            seeds[row.spec.but(seed=0)],
            store.source(kind.name, row.spec.key),
        )


def compare(
    row: Stored,
    computed: Sequence[dict[str, float]],
    seeds: Sequence[dict[str, float]],
    source: FileInfo | None = None,
) -> Audited:
    """Tolerances for one row, by the rule at the head of this module.

    Args:
        row: What is stored.
        computed: Measures of it and of its twins, if it has some, now.
        seeds: Stored measures of every seed of the setting.
        source: The file of the row.
    """
    stored = _measures(row)
    run, *twins = computed
    tolerance, sensitive = {}, False
    constants = MEASURES | dict(row.kind.tolerance)
    for name in dict.fromkeys([*run, *stored]):
        absolute, relative = constants.get(name.partition("[")[0], row.kind.otherwise)
        here = run.get(name, math.nan)
        own = [abs(twin[name] - here) for twin in twins if name in twin]
        own = [change for change in own if math.isfinite(change)]
        constant = absolute + relative * max(
            _finite(abs(stored.get(name, math.nan))), _finite(here)
        )
        sensitive |= name not in _JUMPS and max(own, default=0.0) > constant
        tolerance[name] = constant + _FACTOR * max(own, default=0.0)
    for name in tolerance if sensitive else _JUMPS:
        values = [seed[name] for seed in seeds if math.isfinite(seed.get(name, math.nan))]
        if values and name in tolerance:
            tolerance[name] = max(tolerance[name], max(values) - min(values))
    return Audited(row.kind, row.spec, stored, run, tolerance, sensitive, source)


def report(results: Sequence[Audited]) -> str:
    """One line per row; below those that disagree, every measure that does and who computed it."""
    lines = []
    for result in results:
        worst, share = max(result.shares.items(), key=lambda item: item[1], default=("", 0.0))
        verdict = "DISAGREES" if result.disagreeing else "agrees"
        what = f"{result.kind.name} {_short(result.spec)}"
        kind = ", sensitive" if result.sensitive else ""
        lines.append(f"{verdict:9}  {what}{kind}: {worst} at {share:.2g} of tolerance")
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
    """What ``infomax audit`` does; True when all rows agree.

    Raises:
        ValueError: There is nothing to audit, the device does not exist, or a row cannot be
            computed here.
    """
    resolve_device(device)
    store = open_store(folder)
    known, foreign = auditable(store)
    if foreign:
        say(f"{foreign} row(s) of {store} have keys of another version and are left out")
    if not known:
        raise ValueError(f"{store} holds no results to audit: name a store with --store")
    seed = random.randrange(10**6) if seed is None else seed
    drawn = draw(known, sample, seed, max_epochs, 60 * minutes, lambda row: row.seconds(store))
    if not drawn:
        raise ValueError(
            f"none of {len(known)} results takes at most {minutes:g} minutes and "
            f"{'any number of' if max_epochs is None else max_epochs} epochs: raise --minutes or "
            "--max-epochs"
        )
    estimate = sum(row.seconds(store) for row in drawn)
    kinds = ", ".join(dict.fromkeys(row.kind.name for row in drawn))
    say(
        f"auditing {len(drawn)} of {len(known)} results in {store}, seed {seed}: {kinds}; "
        f"about {estimate:.0f} s on one core"
    )
    start = time.perf_counter()
    results = audit(drawn, store, device)
    say(report(results))
    wrong = sum(bool(result.disagreeing) for result in results)
    seconds = time.perf_counter() - start
    say(f"{len(results) - wrong} of {len(results)} results agree; {seconds:.0f} s")
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


def _twins(spec: Any) -> list[Spec]:
    rate = spec.learning_rate
    return [spec.but(learning_rate=rate * (1 + TWIN)), spec.but(learning_rate=rate * (1 - TWIN))]


def _measures(stored: Stored) -> dict[str, float]:
    """The final measures of a row, those of a list one by one.

    An absent number is NaN; a text, such as why something failed, counts as being there.
    """
    apart = {"key", *type(stored.spec).model_fields, *stored.kind.unmeasured}
    found: dict[str, float] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, list):
            for place, item in enumerate(value):
                add(f"{name}[{place}]", item)
        elif isinstance(value, str):
            found[name] = 1.0
        elif not isinstance(value, dict):  # what runs over epochs
            found[name] = math.nan if value is None else float(value)

    for name, value in stored.row.items():
        if name not in apart:
            add(name, value)
    return found


def _finite(value: float) -> float:
    return abs(value) if math.isfinite(value) else 0.0


def _short(spec: Spec) -> str:
    """What distinguishes a spec from the defaults, after its dataset and seed."""
    fields, own = spec.model_dump(), spec.model_dump(exclude_defaults=True)
    front = [str(fields["dataset"])] if "dataset" in fields else []
    changed = [f"{n}={value}" for n, value in own.items() if n not in ("dataset", "seed")]
    return " ".join([*front, f"seed={fields['seed']}", *changed])
