"""The engine: results that a store holds are loaded, the rest is shared out, computed and stored.

A :class:`Kind` of result has specs of its own, a way to split them into chunks that are computed
together, and a driver: the function that users call. Most drivers are :meth:`Kind.results` with a
function that computes one chunk. Those that do more (:func:`infomax_lib.run` groups populations and
may train on a cluster) have the same parts: :func:`.share_out` gives what is finished, part by
part, :func:`interruptible` tells what an interruption leaves, :func:`write` stores.

:data:`KINDS` holds all kinds whose modules have been imported; :mod:`.audit` draws from them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

import pandas as pd
import torch
from pydantic import model_validator
from tqdm import tqdm

from infomax_lib.model.spec import RunSpec, Spec
from infomax_lib.results.compute import Computed, provenance
from infomax_lib.results.store import Store, open_store
from infomax_lib.results.workers import Advance, share_out
from infomax_lib.training.devices import resolve_device

__all__ = [
    "KINDS",
    "Kind",
    "MinibatchSpec",
    "NotStoredError",
    "interruptible",
    "listed",
    "many_steps",
    "one_by_one",
    "only_stored",
    "seconds_stored",
    "seeds_together",
    "table",
    "write",
]

_LONG_STEPS = 2000  # training steps that take a core more than about half a minute

_SHARED = 0.1  # share of a chunk's time that one of its specs takes however many there are

S = TypeVar("S", bound=Spec)
Driver = TypeVar("Driver", bound=Callable[..., pd.DataFrame])
# one row of measures per spec, in order
Compute = Callable[[Sequence[S], torch.device], Sequence[Mapping[str, Any]]]

#: All kinds of result by name, once the modules that have their drivers are imported.
KINDS: dict[str, Kind[Any]] = {}


class MinibatchSpec(RunSpec):
    """A training run whose batches are samples as they are, in float32.

    Full batches, ``objective="barlow"`` and ``precision="bfloat16"`` are refused: the trainers of
    these experiments know none of them.
    """

    @model_validator(mode="after")
    def _plain_minibatches(self) -> MinibatchSpec:
        if self.batch_size == "full":
            raise ValueError("batch_size='full' is not possible here: choose an integer")
        if self.views > 1:
            raise ValueError(
                f"objective={self.objective!r} is not possible here, because it needs two views "
                "of every sample: choose another one"
            )
        if self.precision != "float32":
            raise ValueError(f"precision={self.precision!r} is not possible here: leave it out")
        return self


# --- chunks --------------------------------------------------------------------------------------


def seeds_together(specs: Sequence[S], most: int = 16) -> Iterator[list[S]]:
    """Chunks of specs that differ in nothing but the seed.

    ``most`` bounds how many are in each, and so how much a kill can lose.
    """
    alike: dict[S, list[S]] = defaultdict(list)
    for spec in specs:
        alike[spec.but(seed=0)].append(spec)
    for members in alike.values():
        for start in range(0, len(members), most):
            yield members[start : start + most]


def one_by_one(specs: Sequence[S]) -> Iterator[list[S]]:
    """Every spec is a chunk of its own."""
    return ([spec] for spec in specs)


def many_steps(specs: Sequence[Any]) -> bool:
    """Whether specs with ``steps`` are long work, see :class:`Kind`."""
    return sum(spec.steps for spec in specs) > _LONG_STEPS


# --- kinds of result -----------------------------------------------------------------------------


@dataclass(eq=False)
class Kind(Generic[S]):
    """A kind of stored result, and how its rows are computed, the first time and in an audit.

    Attributes:
        name: Subfolder of the store.
        accepted: Classes of its specs.
        chunks: Splits specs into lists that are computed together.
        long: Whether what is missing takes a core minutes. On a CPU as many chunks are then
            computed at once as there are threads, each in a process with one thread.
        fields_of: Kind whose rows hold the specs' fields, where its own hold nothing but measures
            under the same keys.
        twins: Whether an audit learns from runs with nearly the same ``learning_rate`` by how
            much rounding may change a row; for kinds that train them in the same population.
        tolerance: By how much a measure may differ in an audit: absolute, relative.
        otherwise: The same, for measures that ``tolerance`` does not name.
        unmeasured: Columns that an audit does not compare, because they tell of the computation.
        seconds: Rough time to compute a stored row again, in seconds on one core; without it, the
            time that the row's file says.
    """

    name: str
    accepted: tuple[type[S], ...]
    chunks: Callable[[Sequence[S]], Iterable[Sequence[S]]] = seeds_together
    long: Callable[[Sequence[S]], bool] = lambda missing: False
    fields_of: str | None = None
    twins: bool = False
    tolerance: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    otherwise: tuple[float, float] = (1e-4, 2e-3)
    unmeasured: tuple[str, ...] = ()
    seconds: Callable[[S, Store], float] | None = None

    def driver(self, function: Driver) -> Driver:
        """Register the kind, with the function that users call for its results.

        It takes specs and, by name, ``device``, ``store`` and ``progress``; an audit calls it with
        a store of its own.
        """
        self.compute_into = function
        KINDS[self.name] = self
        return function

    def results(
        self,
        specs: Sequence[S] | S,
        compute: Compute[S],
        device: str = "auto",
        store: str | Store | None = "auto",
        progress: bool = True,
        keep: Callable[[Mapping[str, Any]], bool] = lambda row: True,
    ) -> pd.DataFrame:
        """Results of the given specs, computing only those that the store does not hold.

        Every finished chunk is written at once: a call that is cut off, by Ctrl-C or a kill, loses
        at most the chunks in flight, and the same call goes on from there. Processes that are given
        the same specs and store share the work.

        Args:
            specs: What to compute.
            compute: One row of measures per spec of a chunk, in order. For long work the worker
                processes have to know it by name.
            device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
            store: Folder, name or :class:`Store`, see :func:`infomax_lib.open_store`.
            progress: Show progress while something is computed.
            keep: Which rows may be stored; the others are returned, and computed again next time.

        Returns:
            One row per spec, in order: ``key``, the spec's fields, the measures.

        Raises:
            TypeError: Anything but specs of the accepted classes.
            ValueError: A device that is not there.
        """
        asked = listed(specs, *self.accepted)
        place, opened = resolve_device(device), open_store(store)
        unstored: dict[str, dict[str, Any]] = {}

        def missing(candidates: Iterable[S]) -> list[S]:
            known = opened.keys(self.name) | unstored.keys()
            return [spec for spec in candidates if spec.key not in known]

        different = list(dict.fromkeys(asked))
        wanted = missing(different)
        todo = [part for part in self.chunks(different) if missing(part)] if wanted else []
        cores = torch.get_num_threads() if place.type == "cpu" and todo and self.long(wanted) else 1
        bar = tqdm(
            total=len(wanted),
            desc=f"{self.name} on {place}",
            unit="result",
            disable=not (progress and todo),
        )
        computed = partial(_timed, compute, device=place)
        finished = share_out(
            *(todo, missing, opened.folder, computed, cores, bar.update, bar.write)
        )
        with interruptible(finished, bar, lambda: len(missing(wanted)), len(wanted), opened):
            for part, (measured, facts) in finished:
                rows = [
                    {"key": spec.key, **({} if self.fields_of else spec.model_dump()), **measures}
                    for spec, measures in zip(part, measured, strict=True)
                ]
                unstored |= {row["key"]: row for row in rows if not keep(row)}
                write(Computed({self.name: [row for row in rows if keep(row)]}, facts), opened)
        return table(asked, unstored | opened.load(self.name, [spec.key for spec in asked]))


def _timed(
    compute: Compute[S], part: Sequence[S], advance: Advance, device: torch.device
) -> tuple[Sequence[Mapping[str, Any]], dict[str, Any]]:
    """Rows of measures, and the provenance of their computation."""
    start = time.perf_counter()
    measured = compute(part, device)
    advance(len(part))
    return measured, provenance(start, device, compute)


@lru_cache(maxsize=64)
def seconds_stored(store: Store, kind: str) -> dict[str, float]:
    """Rough time to compute each stored row again alone, by key, in seconds on one core.

    A row takes its share of the time that its file says, and some of what did not depend on how
    many were computed together.
    """
    time_of = {
        info.path.name: info.metadata.get("seconds", 0.0) * (1 / info.rows + _SHARED)
        for info in store.files(kind)
    }
    sources = store.source_names(kind, store.keys(kind))
    return {key: time_of.get(name, 0.0) for key, name in sources.items()}


# --- what all drivers are made of ----------------------------------------------------------------


def listed(specs: Sequence[S] | S, *accepted: type[S]) -> list[S]:
    """The specs of a call as a list.

    Raises:
        TypeError: One is not of an accepted class.
    """
    found: list[S] = [specs] if isinstance(specs, Spec) else list(specs)
    for spec in found:
        if not isinstance(spec, accepted):
            names = " or ".join(each.__name__ for each in accepted)
            raise TypeError(f"expected {names} objects, got {type(spec).__name__}: use grid()")
    return found


class NotStoredError(LookupError):
    """What is asked for is not stored, and was not to be computed."""


_ONLY_STORED = ContextVar("only_stored", default=False)


@contextmanager
def only_stored() -> Iterator[None]:
    """In this block, and this thread, a result that is not stored is a :class:`NotStoredError`."""
    before = _ONLY_STORED.set(True)
    try:
        yield
    finally:
        _ONLY_STORED.reset(before)


@contextmanager
def interruptible(
    finished: Generator[Any, None, None],
    bar: tqdm,
    left: Callable[[], int],
    total: int,
    store: Store,
    what: str = "results",
    advice: str = "the same call goes on from there",
) -> Iterator[None]:
    """End a computation and its progress bar with the block, and say what Ctrl-C leaves behind.

    Args:
        finished: Gives the finished parts to the block; closed at its end, however that comes.
        bar: Closed, too.
        left: How many results are not stored.
        total: How many there were not before.
        store: Where they go.
        what: What they are called.
        advice: How to go on.

    Raises:
        NotStoredError: Something is left to compute in a block of :func:`only_stored`.
    """
    try:
        with bar, closing(finished):
            if total:
                if _ONLY_STORED.get():
                    raise NotStoredError(f"{total} {what} are not stored in {store.folder}")
                store.refuse_unwritable()
            yield
            if total:
                store.settle()
    except KeyboardInterrupt:
        print(
            f"Interrupted: {total - left()} of {total} {what} are finished and stored in "
            f"{store.folder}; {advice}."
        )
        raise


def write(done: Computed, store: Store) -> None:
    """Store what was computed; a row that is known stays, so that no table changes by rounding."""
    for kind, rows in done.rows.items():
        known = store.keys(kind)
        rows = [row for row in rows if row["key"] not in known]
        if rows:
            store.write(kind, rows, **done.provenance)


def table(
    specs: Sequence[Spec], rows: Mapping[str, Mapping[str, Any]], without: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per spec, in order: ``key``, its fields, and the measures of its stored row.

    Fields come from the spec: a stored row has lists for tuples, and lacks fields that were added
    after it was written.

    Args:
        specs: In the order of the table.
        rows: Stored rows by key.
        without: Columns to leave out.
    """
    found = []
    for spec in specs:
        front = {"key": spec.key, **spec.model_dump()}
        skipped = {*front, *without}
        measures = {n: value for n, value in rows[spec.key].items() if n not in skipped}
        found.append(front | measures)
    return pd.DataFrame(found)
