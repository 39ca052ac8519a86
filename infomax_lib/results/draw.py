"""Which stored rows an audit computes again: drawn at random, in turn from every kind of result."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from infomax_lib.model.spec import Spec, SpecError
from infomax_lib.results import runs  # noqa: F401 (registers its kind)
from infomax_lib.results.experiments import KINDS, Kind, seconds_stored
from infomax_lib.results.store import Store

# Rows that agree in these are as good as alike, and drawn from in turn.
_FLAVOURS = ("dataset", "method", "optimizer", "batch_size", "epochs")


class Stored(NamedTuple):
    """A stored row, and what it is of."""

    kind: Kind[Any]
    spec: Spec
    row: Mapping[str, Any]

    def seconds(self, store: Store) -> float:
        """Rough time to compute it again, in seconds on one core."""
        if self.kind.seconds is not None:
            return self.kind.seconds(self.spec, store)
        return seconds_stored(store, self.kind.name)[self.spec.key]


def auditable(store: Store) -> tuple[list[Stored], int]:
    """Stored rows of all known kinds, and how many rows stand under keys of another version."""
    found, foreign = [], 0
    for kind in KINDS.values():
        rows = store.load(kind.name, sorted(store.keys(kind.name)))
        described = store.load(kind.fields_of, rows) if kind.fields_of else rows
        for key, row in rows.items():
            spec = _spec_of(kind, key, described.get(key, {}))
            if spec is None:
                foreign += 1
            else:
                found.append(Stored(kind, spec, row))
    return found, foreign


def _spec_of(kind: Kind[Any], key: str, row: Mapping[str, Any]) -> Spec | None:
    """The spec of a kind that has these fields and this key."""
    for accepted in kind.accepted:
        try:
            spec = accepted(**{name: row[name] for name in accepted.model_fields if name in row})
        except SpecError:
            continue
        if spec.key == key:
            return spec
    return None


def draw(
    rows: Iterable[Stored],
    sample: int,
    seed: int,
    max_epochs: int | None,
    seconds: float,
    cost: Callable[[Stored], float],
) -> list[Stored]:
    """Draw rows at random within a bound on the time, so that the rare ones are looked at, too.

    Kinds of result take turns, in random order, and in each of them its flavours: dataset, method,
    optimizer, batch size and number of epochs. The rows of a flavour come in random order; a row
    that would take the estimated time over the bound is passed over.

    Args:
        rows: What to draw from.
        sample: How many at most.
        seed: Fixes the draw.
        max_epochs: Leave out what trains more epochs than this; None for no such bound.
        seconds: Bound on the sum of ``cost``.
        cost: Estimated time of one row.
    """
    rng, left = random.Random(seed), seconds
    kinds: dict[str, dict[tuple[str, ...], list[Stored]]]
    kinds = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: (row.kind.name, row.spec.key)):
        if max_epochs is None or (getattr(row.spec, "epochs", None) or 0) <= max_epochs:
            flavour = tuple(str(getattr(row.spec, name, None)) for name in _FLAVOURS)
            kinds[row.kind.name][flavour].append(row)

    def affordable(members: list[Stored]) -> Iterator[Stored]:
        nonlocal left
        for row in rng.sample(members, len(members)):
            price = cost(row)
            if price <= left:
                left -= price
                yield row

    queues = []
    for flavours in rng.sample(list(kinds.values()), len(kinds)):
        order = rng.sample(list(flavours.values()), len(flavours))
        queues.append(_in_turn([affordable(members) for members in order]))
    return list(islice(_in_turn(queues), sample))


def _in_turn(queues: Sequence[Iterator[Stored]]) -> Iterator[Stored]:
    """One of each queue, then the next of each, until all are empty."""
    nothing = object()
    while queues:
        heads = []
        for queue in queues:
            row = next(queue, nothing)
            if row is not nothing:
                heads.append(queue)
                yield row  # type: ignore[misc]
        queues = heads
