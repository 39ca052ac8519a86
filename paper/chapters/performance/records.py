"""What the benchmarks stored: records, and how their settings and numbers are named in text.

A record is the content of one file of ``benchmarks/results/``; ``python -m benchmarks`` writes it.
Tables are made of it by :mod:`paper.chapters.performance.tables`, sentences by
:mod:`paper.chapters.performance.words`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paper.figures.style import name

Record = Mapping[str, Any]
OURS, PLAIN = "population", "plain loop"
SHARED_OUT = ", a process per core"  #: behind the name of a contestant whose layers are shared out
_ARCHITECTURES = {"none": "A", "softmax": "B"}  # in tables, which have no room for their names

#: The setting of a benchmark's row that is compared with the others.
USUAL = {
    "layout": "one seed",
    "competition": "none",
    "optimizer": "adam",
    "rates": 1,
    "precision": "float32",
    "dense": False,
}


def read_records(folder: Path) -> dict[str, Record]:
    """All stored records by file name without suffix, the most recent one first.

    Raises:
        FileNotFoundError: There is none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(
            f"no benchmark is stored in {folder.name}/: `make bench` measures this machine"
        )
    records = {path.stem: json.loads(path.read_text(encoding="utf8")) for path in files}
    return dict(sorted(records.items(), key=lambda item: item[1]["machine"]["date"], reverse=True))


def day(record: Record) -> str:
    """When it was measured."""
    return record["machine"]["date"][: len("2026-01-01")]


def is_usual(row: Mapping[str, Any], **but: Any) -> bool:
    """Whether the setting is the usual one, but for what is given."""
    return all(row[field] == value for field, value in (USUAL | but).items())


def of_ours(row: Mapping[str, Any], what: str) -> Mapping[str, float]:
    """Median and quartiles of a population that is trained as ``run`` trains it."""
    return row[what][row["as_run"]]


def size(row: Mapping[str, Any]) -> str:
    """Number of layers and of their units."""
    return f"{row['layers']} × K={row['units']}"


def setting(row: Mapping[str, Any]) -> str:
    """Size, architecture, optimizer, and what else is not as usual."""
    return ", ".join([size(row), architecture(row), name(row["optimizer"]), *unusual(row)])


def architecture(row: Mapping[str, Any]) -> str:
    """A without softmax, B with it."""
    return _ARCHITECTURES.get(row["competition"], name(row["competition"]))


def unusual(row: Mapping[str, Any]) -> list[str]:
    """What a setting has beyond architecture and optimizer."""
    called = {
        "layout": row["layout"],
        "rates": f"{row['rates']} learning rates",
        "precision": row["precision"],
        "dense": "dense",
    }
    return [text for field, text in called.items() if row[field] != USUAL[field]]


def with_spread(values: Mapping[str, float], show: Callable[[float], str]) -> str:
    """Median and quartiles, each as ``show`` shows it."""
    return f"{show(values['median'])} [{show(values['low'])}, {show(values['high'])}]"


def times(value: float) -> str:
    """A ratio to three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def percent(value: float) -> str:
    """A share, in percent."""
    return f"{100 * value:.0f} %"


def rate(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}"


def milli(seconds: float) -> str:
    """Milliseconds."""
    return f"{1e3 * seconds:.3g}"


def mebibytes(value: float | None) -> str:
    """Bytes in MiB."""
    return "not known" if value is None else f"{value / 2**20:,.0f}"
