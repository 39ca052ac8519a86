"""Results that are neither training runs nor baselines: known rows are loaded, the rest computed.

A kind of result has specs of its own, a way to split them into chunks that are computed together,
and a function that computes one chunk; :func:`derived_results` does everything else.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd
import torch
from pydantic import model_validator
from tqdm import tqdm

from infomax_lib.runs import resolve_device
from infomax_lib.spec import RunSpec, Spec
from infomax_lib.store import Store, open_store

__all__ = ["MinibatchSpec", "derived_results", "seeds_together"]

S = TypeVar("S", bound=Spec)
# one row of measures per spec, in order
Compute = Callable[[Sequence[S], torch.device], Sequence[Mapping[str, Any]]]


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
) -> pd.DataFrame:
    """Results of the given specs, computing only those that the store does not hold.

    Every finished chunk is written at once: a call that is cut off, by Ctrl-C or a kill, loses at
    most the chunk in flight, and the same call goes on from there.

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
    todo = [part for part in chunks(different) if missing(part)] if missing(different) else []
    total = sum(len(missing(part)) for part in todo)
    bar = tqdm(
        total=total, desc=f"{kind} on {place}", unit="result", disable=not (progress and todo)
    )
    try:
        with bar:
            for part in todo:
                wanted = missing(part)  # another process may have finished some meanwhile
                if not wanted:
                    continue
                start = time.perf_counter()
                measured = compute(wanted, place)
                rows = [
                    {"key": spec.key, **spec.model_dump(), **measures}
                    for spec, measures in zip(wanted, measured, strict=True)
                ]
                unstored |= {row["key"]: row for row in rows if not keep(row)}
                stored = [row for row in rows if keep(row)]
                if stored:
                    opened.write(kind, stored, **_provenance(place, start))
                bar.update(len(wanted))
    except KeyboardInterrupt:
        left = len(missing(different))
        print(
            f"Interrupted: {total - left} of {total} results are finished and stored in "
            f"{opened.folder}; the same call goes on from there."
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


def _table_row(spec: Spec, row: Mapping[str, Any]) -> dict[str, Any]:
    # fields come from the spec: a stored row has lists for tuples, and lacks later fields
    front = {"key": spec.key, **spec.model_dump()}
    return front | {name: value for name, value in row.items() if name not in front}


def _provenance(device: torch.device, start: float) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"seconds": round(time.perf_counter() - start, 2), "device": name}
