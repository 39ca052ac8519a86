"""How alike the codes of A and of B are, against two seeds of the same architecture.

Greedy stacks of both (:mod:`paper.chapters.open_questions.stacks`) at a seed and at the next one;
of every level linear CKA on the test images, see :mod:`infomax_lib.measures.similarity`. Layers of
one seed start alike, so that all pairs are of different seeds, those across the architectures, too.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from infomax_lib.measures.similarity import linear_cka
from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.model.data import load_dataset
from infomax_lib.model.spec import Spec, first_seeds, grid
from infomax_lib.results.experiments import Kind, seeds_together
from infomax_lib.results.store import Store
from paper.chapters.open_questions.stacks import StackSpec, train_stacks

_LISTS = ("level", "across", "within_a", "within_b", "across_before", "within_b_before")


class SimilaritySpec(Spec):
    """Stacks of A and of B at a seed and at the next one.

    Attributes:
        dataset: A name in :data:`infomax_lib.model.data.DATASETS`.
        hidden_dim: Units of every layer.
        depth: Number of layers, 1 to 3.
        epochs: Of every layer, each on the outputs of the one below; 0 for layers as they start.
        seed: The first of the two.
    """

    dataset: str = "mnist"
    hidden_dim: int = Field(16, ge=1)
    depth: int = Field(1, ge=1, le=3)
    epochs: int = Field(5, ge=0)
    seed: int = Field(0, ge=0)


KIND = Kind(
    "similarities",
    (SimilaritySpec,),
    partial(seeds_together, most=3),  # wide layers of four seeds fill the memory
    otherwise=(0.02, 0.0),
)


@KIND.driver
def similarities(
    specs: Sequence[SimilaritySpec] | SimilaritySpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train stacks of A and of B and compare their codes, level by level.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        For each spec, in order, a row per ``level``, from 1: ``key``, the spec's fields, and CKA of
        outputs ``across`` (A at the seed, B at the next), ``within_a`` and ``within_b`` (the same
        architecture at both); ``across_before`` and ``within_b_before`` read B before its softmax.

    Raises:
        TypeError: Anything but SimilaritySpec objects.
        ValueError: A device that is not there.
    """
    table = KIND.results(specs, _compute, device, store, progress)
    long = table.explode([*_LISTS], ignore_index=True)
    return long.astype({"level": int} | dict.fromkeys(_LISTS[1:], float))


def similarity_specs(
    dataset: str, widths: Sequence[int], stack_dim: int, seeds: int, epochs: int
) -> list[SimilaritySpec]:
    """One layer at every width, three at ``stack_dim``; each untrained, too."""
    base = SimilaritySpec(dataset=dataset)
    return [
        spec
        for k in dict.fromkeys([*widths, stack_dim])
        for spec in grid(
            base.but(hidden_dim=k, depth=3 if k == stack_dim else 1),
            epochs=[0, epochs],
            seed=first_seeds(seeds),
        )
    ]


def _compute(specs: Sequence[SimilaritySpec], device: torch.device) -> list[dict[str, Any]]:
    seeds = sorted({seed for spec in specs for seed in (spec.seed, spec.seed + 1)})
    at = {seed: place for place, seed in enumerate(seeds)}
    levels = [_codes(letter, specs[0], seeds, device) for letter in ARCHITECTURES]
    rows: list[dict[str, list]] = [{name: [] for name in _LISTS} for _ in specs]
    for level, ((a, _), (b, before)) in enumerate(zip(*levels, strict=True), 1):
        for spec, row in zip(specs, rows, strict=True):
            one, next_one = at[spec.seed], at[spec.seed + 1]
            found: Mapping[str, float] = {
                "across": _cka(a[one], b[next_one]),
                "within_a": _cka(a[one], a[next_one]),
                "within_b": _cka(b[one], b[next_one]),
                "across_before": _cka(a[one], before[next_one]),
                "within_b_before": _cka(before[one], before[next_one]),
            }
            for name, value in {"level": level, **found}.items():
                row[name].append(value)
    return rows


def _cka(x: Tensor, y: Tensor) -> float:
    return float(linear_cka(x, y))


def _codes(
    letter: str, spec: SimilaritySpec, seeds: Sequence[int], device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Outputs on test images (S, M, K) of every level, and what they are before a softmax."""
    data = load_dataset(spec.dataset).to(device, torch.float32)
    fields = spec.model_dump(exclude={"seed"}) | {
        "training": "greedy" if spec.epochs else "random",
        **ARCHITECTURES[letter],
    }
    return [(level.test, level.before) for level in train_stacks(StackSpec(**fields), seeds, data)]
