"""Sweeps described in a YAML file: fields of a run, each with a value or a list of values.

:func:`read_yaml` reads the book's profiles and its table of contents, too.
"""

from __future__ import annotations

import codecs
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, DocumentStartEvent
from ruamel.yaml.reader import ReaderError

from infomax_lib.model.spec import RunSpec, SpecError, grid

__all__ = [
    "SweepError",
    "check_output",
    "describe_sweep",
    "parse_yaml",
    "read_sweep",
    "read_yaml",
    "summary",
    "sweep_specs",
    "write_table",
]

_MAX_RUNS = 100_000
# What a summary shows of each setting, as means over seeds.
_SHOWN = (
    "weight_redundancy",
    "output_correlation",
    "effective_rank",
    "dead_units",
    "probe_accuracy",
)
_EXAMPLE = "for example\n    hidden_dim: [16, 32]\n    seed: [1, 2, 3]"


class SweepError(ValueError):
    """A sweep cannot be read; the message says where and what to write instead."""


class _Constructor(SafeConstructor):
    """Refuses a key that is no text or appears twice, and says where; a date is a text."""

    def check_mapping_key(
        self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any
    ) -> bool:
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise SweepError(f"is not understood: line {line}: {key} is no name: write name: value")
        if key in mapping:
            first = next(k for k, _ in node.value if k.value == key_node.value)
            lines = f"{first.start_mark.line + 1} and {line}"
            raise SweepError(f"gives {key} twice, in lines {lines}: keep one of them")
        return True


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def parse_yaml(text: str, where: str) -> Any:
    """What a text in YAML 1.2 holds, in which 1e-3 is a number, as people mean it.

    Numbers, texts, true, false and null, lists of them, and mappings of names to them. Tags, which
    can name any type, and aliases, which make a few lines into gigabytes, are refused.

    Args:
        text: One document.
        where: What the error message calls it.

    Raises:
        SweepError: It is not that; one line that says where.
    """
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            _check_plain(event)
        reader = YAML(typ="safe", pure=True)
        reader.Constructor = _Constructor
        return reader.load(text)
    except SweepError as refused:
        raise SweepError(f"{where} {refused}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise SweepError(f"{where} is not YAML: {_in_one_line(error, text)}") from error


def _check_plain(event: Any) -> None:
    """Refuse what YAML offers beyond plain values."""
    line = event.start_mark.line + 1
    if isinstance(event, AliasEvent):
        raise SweepError(f"is not understood: line {line}: write out what *{event.anchor} repeats")
    if getattr(event, "tag", None) is not None:
        raise SweepError(f"is not understood: line {line}: leave out the tag {event.tag}")
    if isinstance(event, DocumentStartEvent) and event.version not in (None, (1, 2)):
        raise SweepError(f"is not understood: line {line}: leave out %YAML, it is read as YAML 1.2")


def _in_one_line(error: Exception, text: str) -> str:
    """What is wrong with a text, and in which line."""
    if isinstance(error, RecursionError):
        return "lists within lists, too deep to be meant"
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: it holds {chr(error.character)!r}: save it as text in UTF-8"
    mark = getattr(error, "problem_mark", None)
    parts = [getattr(error, name, None) for name in ("context", "problem")]
    problem = ", ".join(part for part in parts if part) or " ".join(str(error).split())
    return f"line {mark.line + 1}: {problem}" if mark else problem


def read_yaml(path: Path) -> Any:
    """What a YAML file holds, see :func:`parse_yaml`; in UTF-8, or in UTF-16 with its mark.

    Raises:
        SweepError: It cannot be read; one line that says why.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SweepError(f"cannot read {path}: {error.strerror}") from error
    utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if utf_16 else "utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SweepError(f"{path}, line {line}, is not UTF-8: save it as text in UTF-8") from error
    return parse_yaml(text, str(path))


def read_sweep(path: Path, typed: Sequence[str] = ()) -> dict[str, list[Any]]:
    """The values of every field that a file and the command line name.

    Args:
        path: YAML file, a mapping of :class:`RunSpec` fields to a value or a list of values.
        typed: ``NAME=VALUE`` texts, the value in YAML notation; they replace the file's.

    Returns:
        Lists of values by field, in the order of the file, typed fields that it lacks last.

    Raises:
        SweepError: The file is missing, empty, no mapping, or contradicts itself.
    """
    fields = read_yaml(path)
    if fields is None:
        raise SweepError(f"{path} is empty: write one field of a run per line, {_EXAMPLE}")
    if not isinstance(fields, dict):
        raise SweepError(
            f"{path} holds a {type(fields).__name__}, not a mapping: write one field of a run per "
            f"line, {_EXAMPLE}"
        )
    if not fields:
        raise SweepError(f"{path} names no field: write one per line, {_EXAMPLE}")
    given: dict[str, Any] = {}
    for assignment in typed:
        name, sign, value = assignment.partition("=")
        if not (name.strip().isidentifier() and sign and value.strip()):
            raise SweepError(
                f"-p takes NAME=VALUE, for example -p competition=softmax; got {assignment!r}"
            )
        if name.strip() in given:
            raise SweepError(f"-p gives {name.strip()} twice: which one is meant?")
        given[name.strip()] = parse_yaml(value, f"-p {assignment}")
    return {name: _values(name, value) for name, value in {**fields, **given}.items()}


def sweep_specs(values: Mapping[str, Sequence[Any]]) -> list[RunSpec]:
    """All combinations of the given values, the last field fastest; see :func:`grid`.

    Raises:
        SpecError: An unknown field or an impossible value.
        SweepError: There are too many combinations.
    """
    unknown = [name for name in values if name not in RunSpec.model_fields]
    if unknown:
        raise SpecError(
            f"unknown field {', '.join(map(repr, unknown))}: the fields are "
            f"{', '.join(RunSpec.model_fields)}"
        )
    count = math.prod(map(len, values.values()))
    if count > _MAX_RUNS:
        raise SweepError(
            f"the sweep has {count} runs, more than {_MAX_RUNS}: split it into several files"
        )
    return grid(RunSpec.model_validate({}), **values)


def describe_sweep(values: Mapping[str, Sequence[Any]]) -> str:
    """The sweep in one line: what varies, and what is fixed by it."""
    varied = [f"{len(options)} {name}" for name, options in values.items() if len(options) > 1]
    fixed = [f"{name}={options[0]}" for name, options in values.items() if len(options) == 1]
    return " × ".join(varied or ["one run"]) + (f"; {', '.join(fixed)}" if fixed else "")


def summary(table: pd.DataFrame, values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Means over seeds of a few measures, one row per setting that the sweep varies.

    Args:
        table: What :func:`infomax_lib.run` returned.
        values: What :func:`read_sweep` returned.

    Returns:
        The varied fields but for the seed, ``runs``, ``diverged`` (number of runs whose loss or
        weights stopped being finite) and the means.
    """
    varied = [n for n, options in values.items() if len(options) > 1 and n != "seed"]
    by = varied or ["dataset"]
    groups = table.groupby(by, sort=False)
    counts = groups.agg(runs=("seed", "size"), diverged=("diverged_at", "count"))
    return counts.join(groups[list(_SHOWN)].mean()).reset_index()


def check_output(path: Path | None, sources: Sequence[Path] = ()) -> None:
    """Raise SweepError, before anything is computed, if a table cannot be written there.

    Args:
        path: Where it is to be written.
        sources: Files that are read, which no table may replace, whatever they are called there.
    """
    if path is None:
        return
    if path.suffix != ".csv":
        raise SweepError(f"--output {path}: the table is written as CSV, name a file *.csv")
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise SweepError(f"--output {path}: there is no folder {path.parent} to write it to")
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise SweepError(f"--output {path} would replace {source}: name another file")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    temporary = path.with_name(f".writing-{path.name}")
    try:
        table.to_csv(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _values(name: str, value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise SweepError(
            f"{name} has an empty list of values, so that there is nothing to run: give at least "
            "one value, or leave the field out for its default"
        )
    repeated = [item for place, item in enumerate(values) if item in values[:place]]
    if repeated:
        raise SweepError(f"{name} lists {repeated[0]!r} twice: give every value once")
    return values
