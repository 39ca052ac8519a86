"""Which runs train together: populations of layers that share what a training step shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from infomax_lib.data import load_dataset
from infomax_lib.spec import RunSpec

__all__ = ["populations"]

# Bounds on one population: how much a kill can lose, and how much memory a step takes.
_MAX_LAYERS = 64
_MAX_OUTPUTS = 2**26

# What the layers of one population need not share.
_OWN_FIELDS = {"seed", "lambda_tc", "lambda_wr", "learning_rate", "initial"}


def populations(specs: Sequence[RunSpec]) -> Iterator[list[RunSpec]]:
    """Split runs into populations: alike in shape, ordered by seed, as many for each seed."""
    alike: dict[tuple, dict[int, list[RunSpec]]] = defaultdict(lambda: defaultdict(list))
    for spec in specs:
        shape = spec.model_dump(exclude=_OWN_FIELDS)
        alike[*shape.values(), spec.lambda_wr > 0][spec.seed].append(spec)
    for by_seed in alike.values():
        (spec, *_), *_ = by_seed.values()
        limit = _layers_at_once(spec)
        pieces: dict[int, list[list[RunSpec]]] = defaultdict(list)  # by number of configurations
        for members in by_seed.values():
            for start in range(0, len(members), limit):
                piece = members[start : start + limit]
                pieces[len(piece)].append(piece)
        for size, same_size in pieces.items():
            seeds = max(1, limit // size)
            for start in range(0, len(same_size), seeds):
                yield [spec for piece in same_size[start : start + seeds] for spec in piece]


def _layers_at_once(spec: RunSpec) -> int:
    samples = len(load_dataset(spec.dataset).train)
    batch = samples if spec.batch_size == "full" else min(spec.batch_size, samples)
    if spec.hidden_dim > samples:
        raise ValueError(
            f"hidden_dim={spec.hidden_dim} exceeds the {samples} training samples of "
            f"{spec.dataset}: correlations of that many units cannot be estimated; choose less"
        )
    return max(1, min(_MAX_LAYERS, _MAX_OUTPUTS // (batch * spec.hidden_dim)))
