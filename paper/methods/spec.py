"""What to compute: one frozen, validated description per fitted baseline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, field_validator

from infomax_lib.model.data import DATASETS
from infomax_lib.model.spec import Spec, names_among
from paper.methods.methods import METHODS, SETTINGS


class BaselineSpec(Spec):
    """One baseline at one seed.

    Attributes:
        dataset: ``digits``, ``mnist``, ``fashion-mnist`` or ``synthetic``.
        method: A name in `METHODS`.
        hidden_dim: Number of units K, at least 2.
        epochs: Passes over the training data, >= 1 (for k-means and FastICA: at most so many).
        learning_rate: Step size, > 0.
        batch_size: Samples per step, >= 2.
        seed: Fixes initial weights, data order and sampling.

    ``epochs``, ``learning_rate`` and ``batch_size`` default to what the method needs, and are None
    for a method that has no such setting (PCA), so that one computation has one description.
    """

    dataset: str = "mnist"
    method: str = "untrained"
    hidden_dim: int = Field(default=16, ge=2, le=8192)
    epochs: int | None = Field(default=None, ge=1, validate_default=True)
    learning_rate: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, validate_default=True
    )
    batch_size: int | None = Field(default=None, ge=2, validate_default=True)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, method=METHODS)

    @field_validator(*SETTINGS)
    @classmethod
    def _setting_of_the_method(cls, value: Any, info: Any) -> Any:
        if "method" not in info.data:  # refused already
            return value
        method, defaults = info.data["method"], METHODS[info.data["method"]].defaults
        if value is not None and info.field_name not in defaults:
            having = ", ".join(defaults) or "none of " + ", ".join(SETTINGS)
            raise ValueError(f"{method} has no such setting (it has {having}); leave it out")
        return defaults.get(info.field_name) if value is None else value

    def but(self, **changes: Any) -> BaselineSpec:
        """A copy with some fields changed; a new method brings its own default settings."""
        if changes.get("method", self.method) != self.method:
            changes = dict.fromkeys(SETTINGS) | changes
        return super().but(**changes)


def every_method(
    dataset: str,
    hidden_dim: int,
    seeds: Iterable[int],
    *,
    epochs: int,
    methods: Iterable[str] = tuple(METHODS),
) -> list[BaselineSpec]:
    """Specs of a fair comparison: every method at every seed.

    ``epochs`` is the budget of the methods that descend in minibatches; the others stop by
    themselves.
    """
    specs = []
    for method in methods:
        spec = BaselineSpec(dataset=dataset, method=method, hidden_dim=hidden_dim)
        if spec.batch_size is not None:
            spec = spec.but(epochs=epochs)
        specs += [spec.but(seed=seed) for seed in seeds]
    return specs
