"""Results that are neither training runs nor baselines: known rows are loaded, the rest computed.

A kind of result has specs of its own, a way to split them into chunks that are computed together,
and a function that computes one chunk; :func:`derived_results` does everything else.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import pandas as pd
import torch
from pydantic import model_validator
from tqdm import tqdm

from infomax_lib.model.spec import RunSpec, Spec
from infomax_lib.results.compute import provenance
from infomax_lib.results.store import Store, open_store
from infomax_lib.results.workers import Advance, share_out
from infomax_lib.training.devices import resolve_device

__all__ = ["MinibatchSpec", "derived_results", "many_steps", "seeds_together"]

_LONG_STEPS = 2000  # training steps that take a core more than about half a minute

S = TypeVar("S", bound=Spec)
# one row of measures per spec, in order
Compute = Callable[[Sequence[S], torch.device], Sequence[Mapping[str, Any]]]
_Measured = tuple[Sequence[Mapping[str, Any]], dict[str, Any]]  # rows of measures, provenance


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


def derived_results(
    kind: str,
    accepted: type[S],
    specs: Sequence[S] | S,
    chunks: Callable[[Sequence[S]], Iterable[Sequence[S]]],
    compute: Compute[S],
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
    keep: Callable[[Mapping[str, Any]], bool] = lambda row: True,
    long: Callable[[Sequence[S]], bool] = lambda missing: False,
) -> pd.DataFrame:
    """Results of the given specs, computing only those that the store does not hold.

    Every finished chunk is written at once: a call that is cut off, by Ctrl-C or a kill, loses at
    most the chunks in flight, and the same call goes on from there. Processes that are given the
    same specs and store share the work.

    Args:
        kind: Subfolder of the store.
        accepted: The class of the specs.
        specs: What to compute.
        chunks: Splits specs into lists that are computed together.
        compute: One row of measures per spec of a chunk, in order.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        store: Folder, name or :class:`Store`, see :func:`infomax_lib.open_store`.
        progress: Show a progress bar while something is computed.
        keep: Which rows may be stored; the others are returned, and computed again next time.
        long: Whether what is missing takes a core minutes. On a CPU as many chunks are then
            computed at once as there are threads, each in a process with one thread, to which
            ``compute`` has to be known by name.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, the measures.

    Raises:
        TypeError: Anything but specs of the accepted class.
        ValueError: A device that is not there.
    """
    listed: list[S] = [specs] if isinstance(specs, Spec) else list(specs)
    for spec in listed:
        if not isinstance(spec, accepted):
            raise TypeError(f"expected {accepted.__name__} objects, got {type(spec).__name__}")
    place, opened = resolve_device(device), open_store(store)
    unstored: dict[str, dict[str, Any]] = {}

    def missing(candidates: Iterable[S]) -> list[S]:
        known = opened.keys(kind)
        return [spec for spec in candidates if spec.key not in known and spec.key not in unstored]

    different = list(dict.fromkeys(listed))
    wanted = missing(different)
    todo = [part for part in chunks(different) if missing(part)] if wanted else []
    bar = tqdm(
        total=len(wanted), desc=f"{kind} on {place}", unit="result", disable=not (progress and todo)
    )
    cores = torch.get_num_threads() if place.type == "cpu" and todo and long(wanted) else 1

    def finish(part: list[S], done: _Measured) -> None:
        measured, facts = done
        rows = [
            {"key": spec.key, **spec.model_dump(), **measures}
            for spec, measures in zip(part, measured, strict=True)
        ]
        unstored.update({row["key"]: row for row in rows if not keep(row)})
        stored = [row for row in rows if keep(row)]
        if stored:
            opened.write(kind, stored, **facts)

    try:
        with bar:
            computed = partial(_timed, compute, device=place)
            share_out(
                *(todo, missing, opened.folder, computed, finish, cores, bar.update, bar.write)
            )
    except KeyboardInterrupt:
        left = len(missing(different))
        print(
            f"Interrupted: {len(wanted) - left} of {len(wanted)} results are finished and stored "
            f"in {opened.folder}; the same call goes on from there."
        )
        raise
    known = unstored | opened.load(kind, [spec.key for spec in listed])
    return pd.DataFrame([_table_row(spec, known[spec.key]) for spec in listed])


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


def many_steps(specs: Sequence[Any]) -> bool:
    """Whether specs with ``steps`` are long work, see :func:`derived_results`."""
    return sum(spec.steps for spec in specs) > _LONG_STEPS


def _table_row(spec: Spec, row: Mapping[str, Any]) -> dict[str, Any]:
    # fields come from the spec: a stored row has lists for tuples, and lacks later fields
    front = {"key": spec.key, **spec.model_dump()}
    return front | {name: value for name, value in row.items() if name not in front}


def _timed(
    compute: Compute[S], part: Sequence[S], advance: Advance, device: torch.device
) -> _Measured:
    start = time.perf_counter()
    measured = compute(part, device)
    advance(len(part))
    return measured, provenance(start, device)
