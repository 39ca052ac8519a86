"""What to compute: one frozen, validated description per training run, and grids of them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from infomax_lib.model.competition import COMPETITIONS, GROUPED, UNSCALED
from infomax_lib.model.data import DATASETS, dataset_checksum
from infomax_lib.model.layer import ACTIVATIONS, INITIALS
from infomax_lib.model.objective import OBJECTIVES

__all__ = ["RESULTS_VERSION", "RunSpec", "SpecError", "first_seeds", "grid", "names_among"]

# Enters every key. Raise it when a change makes old results wrong or changes a default, and only
# then.
RESULTS_VERSION = 1

OPTIMIZERS = ("adam", "sgd")
PRECISIONS = ("float32", "bfloat16")
_MAX_UNITS = 8192
_MAX_HSIC_BATCH = 1024  # one layer's kernel matrices are K times the square of this


class SpecError(ValueError):
    """A run was described with an unknown field or an impossible value."""


class Spec(BaseModel):
    """A frozen description of a computation; its hash is the name of the result."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**{name: _plain(value) for name, value in fields.items()})
        except ValidationError as error:
            raise SpecError(_explain(type(self), error)) from None

    @property
    def key(self) -> str:
        """Hash of the fields that are not at their default, of the content of the dataset if there
        is one, and of the results version; 32 hex digits. A field that is added later changes no
        key.
        """
        dataset = self.model_dump().get("dataset")
        content = {
            "kind": type(self).__name__,
            "fields": self.model_dump(exclude_defaults=True),
            "data": None if dataset is None else dataset_checksum(dataset),
            "version": RESULTS_VERSION,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def but(self, **changes: Any) -> Any:
        """A copy with some fields changed, validated again."""
        return type(self)(**{**self.model_dump(), **changes})


def _plain(value: Any) -> Any:
    """One form of equal values: of numpy's scalars, as np.arange gives them, and of -0.0."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, list):
        return [*map(_plain, value)]
    if isinstance(value, np.generic):
        value = value.item()
    return value + 0.0 if isinstance(value, float) else value


AnySpec = TypeVar("AnySpec", bound=Spec)


def names_among(**allowed: Iterable[str]) -> Any:
    """A validator for the class of a spec: each of these fields holds one of its allowed names."""

    def known(value: str, info: ValidationInfo) -> str:
        names = allowed[str(info.field_name)]
        if value not in names:
            raise ValueError(f"choose one of {', '.join(names)}")
        return value

    return field_validator(*allowed)(known)


class RunSpec(Spec):
    """One training run of one layer.

    Attributes:
        dataset: A name in :data:`infomax_lib.model.data.DATASETS`.
        activation: f in h = f(Wx + b).
        competition: ``none`` (architecture A), ``softmax`` (architecture B), or another name in
            :data:`infomax_lib.model.competition.COMPETITIONS`.
        hidden_dim: Number of units K, 1 to 8192.
        lambda_tc: Weight of the objective's second term, >= 0.
        lambda_wr: Weight of the weight-redundancy term, >= 0.
        bias: False freezes the biases where they start.
        optimizer: ``adam`` or ``sgd``, PyTorch's defaults except for the learning rate.
        learning_rate: Step size, > 0.
        batch_size: Samples per step (2 or more; the last batch of an epoch may be shorter), or
            ``"full"``.
        epochs: Passes over the training data, >= 0.
        seed: Fixes initial weights and data order.
        initial: How the weights start, see :func:`infomax_lib.model.layer.initial_parameters`.
        precision: Of the two matrix products of a training step, ``float32``, or ``bfloat16``
            with float32 sums; everything else is float32.
        objective: ``infomax``, or another name in :data:`infomax_lib.model.objective.OBJECTIVES`;
            ``barlow`` sees two views of every sample, see :mod:`infomax_lib.model.masked_views`.
        lambda_lse: Weight of the free energy of the activations, >= 0, see
            :func:`infomax_lib.model.objective.free_energy`.
        temperature: T > 0 of the competition and of the free energy.
        group_size: Units per group (``group_softmax``) or per place (``top_k``); divides K.
    """

    dataset: str = "mnist"
    activation: str = "relu"
    competition: str = "none"
    hidden_dim: int = Field(16, ge=1, le=_MAX_UNITS)
    lambda_tc: float = Field(1.0, ge=0, allow_inf_nan=False)
    lambda_wr: float = Field(0.0, ge=0, allow_inf_nan=False)
    bias: bool = True
    optimizer: str = "adam"
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    batch_size: int | Literal["full"] = 128
    epochs: int = Field(100, ge=0)
    seed: int = Field(42, ge=0, lt=2**63)
    initial: str = "xavier"
    precision: str = "float32"
    objective: str = "infomax"
    lambda_lse: float = Field(0.0, ge=0, allow_inf_nan=False)
    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    group_size: int = Field(1, ge=1)

    _known_names = names_among(
        dataset=DATASETS,
        activation=ACTIVATIONS,
        competition=COMPETITIONS,
        optimizer=OPTIMIZERS,
        initial=INITIALS,
        precision=PRECISIONS,
        objective=OBJECTIVES,
    )

    def samples_per_step(self, samples: int) -> int:
        """Samples in a step on a training set of ``samples``: all of them for a full batch."""
        return samples if self.batch_size == "full" else min(self.batch_size, samples)

    @field_validator("batch_size")
    @classmethod
    def _batch_has_a_variance(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 2:
            raise ValueError('choose an integer of at least 2, or "full"')
        return value

    @model_validator(mode="after")
    def _settings_fit_together(self) -> RunSpec:
        for wrong, reason in (
            (
                self.competition in GROUPED
                and (self.group_size < 2 or self.hidden_dim % self.group_size),
                f"group_size={self.group_size} is not possible for {self.competition} of "
                f"{self.hidden_dim} units: choose a divisor of hidden_dim, at least 2",
            ),
            (
                self.competition not in GROUPED and self.group_size != 1,
                f"group_size={self.group_size} means nothing for competition="
                f"{self.competition!r}: leave it out, or choose one of {', '.join(GROUPED)}",
            ),
            (
                self.competition in UNSCALED and not self.lambda_lse and self.temperature != 1,
                f"temperature={self.temperature} means nothing for competition="
                f"{self.competition!r} without lambda_lse: leave it out",
            ),
            (
                self.objective == "none" and not (self.lambda_lse or self.lambda_wr),
                "objective='none' leaves nothing to minimise: choose lambda_lse or lambda_wr "
                "above 0, or epochs=0 for an untrained layer",
            ),
            (
                self.views > 1 and self.batch_size == "full",
                "objective='barlow' draws its views batch by batch: choose an integer batch_size",
            ),
            (
                self.objective == "hsic"
                and (self.batch_size == "full" or self.batch_size > _MAX_HSIC_BATCH),
                f"objective='hsic' with batch_size={self.batch_size!r} would hold the square of "
                f"that for every unit: choose at most {_MAX_HSIC_BATCH}",
            ),
        ):
            if wrong:
                raise ValueError(reason)
        return self

    @property
    def views(self) -> int:
        """How many views of every sample a step sees."""
        return 2 if self.objective == "barlow" else 1


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """One line per wrong field: what was given, and what is allowed."""
    lines = []
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            lines.append(f"unknown field {field!r}: the fields are {', '.join(model.model_fields)}")
        else:
            reason = item["msg"].removeprefix("Value error, ")
            lines.append(
                f"{field}={item['input']!r} is not possible: {reason}" if field else reason
            )
    return "; ".join(dict.fromkeys(lines))


def first_seeds(count: int) -> list[int]:
    """The seeds 0 .. count-1.

    Raises:
        SpecError: ``count`` is not an integer of at least 1.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SpecError(f"seeds={count!r} is not possible: choose an integer of at least 1")
    return list(range(count))


def grid(base: AnySpec, **values: Iterable[Any]) -> list[AnySpec]:
    """All combinations of the given values, everything else as in ``base``; last name fastest.

    >>> len(grid(RunSpec(), lambda_tc=[0.0, 1.0], seed=range(3)))
    6

    Raises:
        SpecError: An unknown field, an impossible value, or a lone value instead of a list.
    """
    for name, options in values.items():
        if isinstance(options, str) or not isinstance(options, Iterable):
            raise SpecError(
                f"{name}={options!r} is a single value: give a list, e.g. [{options!r}]"
            )
    combinations = itertools.product(*values.values())
    return [base.but(**dict(zip(values, combination, strict=True))) for combination in combinations]
