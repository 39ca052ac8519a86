"""What the parameters of a notebook may be set to: the types in its parameters cell.

A hint such as ``lambda_tcs: Grid[NonNegative]`` tells a reader of the notebook what is allowed, and
``infomax execute`` checks values against it before anything runs. Papermill finds the names, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, NonNegativeFloat, PositiveFloat

from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.devices import resolve_device

__all__ = [
    "Activation",
    "AtLeast",
    "Between",
    "Device",
    "Distinct",
    "Folder",
    "Grid",
    "ImageDataset",
    "NonNegative",
    "OtherDataset",
    "Positive",
    "StorePlace",
    "Units",
    "among",
    "where_typed",
]

T = TypeVar("T")


class AtLeast:
    """``AtLeast[2]``: an integer of at least 2."""

    def __class_getitem__(cls, least: int) -> Any:
        return Annotated[int, Ge(least)]


class Between:
    """``Between[2, 7]``: an integer from 2 to 7."""

    def __class_getitem__(cls, ends: tuple[int, int]) -> Any:
        return Annotated[int, Ge(ends[0]), Le(ends[1])]


def among(names: Iterable[str]) -> Any:
    """The type of a text that is one of some names."""
    known = list(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"choose one of {', '.join(known)}")
        return name

    return Annotated[str, AfterValidator(check)]


def _each_once(values: list[Any]) -> list[Any]:
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"give every value once, and {twice[0]!r} stands there twice")
    return values


def _device(name: str) -> str:
    resolve_device(name)
    return name


def where_typed(name: str) -> str:
    """The name of a store, relative to where it was typed: the kernel stands elsewhere."""
    return name if name in ("auto", "memory") else os.path.abspath(os.path.expanduser(name))


def _folder(name: str) -> str:
    path = Path(name).expanduser().absolute()
    if not path.is_dir():
        raise ValueError("there is no such folder")
    return str(path)


#: A number of at least 0.
NonNegative = NonNegativeFloat
#: A number above 0.
Positive = PositiveFloat
#: A list in which nothing stands twice.
Distinct = Annotated[list[T], AfterValidator(_each_once)]
#: Values that are gone through: at least one.
Grid = Annotated[list[T], MinLen(1), AfterValidator(_each_once)]
#: A dataset of pictures that notebooks can draw.
ImageDataset = Literal["digits", "mnist", "fashion-mnist"]
#: Another one, or "" for none.
OtherDataset = Literal["", "digits", "mnist", "fashion-mnist"]
#: Number of units K of a layer.
Units = Annotated[int, *RunSpec.model_fields["hidden_dim"].metadata]
#: Name of an activation.
Activation = among(ACTIVATIONS)
#: auto, cpu, cuda or cuda:N, if it is there.
Device = Annotated[str, AfterValidator(_device)]
#: A results store: auto, memory, or a folder.
StorePlace = Annotated[str, AfterValidator(where_typed)]
#: A folder that exists.
Folder = Annotated[str, AfterValidator(_folder)]
