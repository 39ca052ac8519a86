"""The house, drawn from the code: its storeys, and the ways that a value takes through them.

The storeys come from the contract in ``pyproject.toml`` that ``make lint`` checks, what they hold
and import from their files. The ways are told here; a test follows them step by step.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from infomax_lib.results.files import source_files

#: Where lambda_tc comes from, what is done with it, and how it comes back: file, name in it, what
#: happens there.
WAY_OF_A_SETTING = (
    ("notebooks/tc_pressure.py", "lambda_tcs", "a parameter of the page: a list of values"),
    ("infomax_lib/model/spec.py", "RunSpec", "a field, checked; with all others it makes the key"),
    ("infomax_lib/results/runs.py", "plan", "which runs the store does not hold yet"),
    ("infomax_lib/training/grouping.py", "populations", "which of them train together"),
    ("infomax_lib/training/population.py", "Population", "the layers of one population, in order"),
    ("infomax_lib/training/compiled/layers.py", "_table", "one number per layer, in a table"),
    (
        "infomax_lib/training/compiled/step.py",
        "_gradient_by_covariance",
        "the weight of a term in every step; on a GPU, that of a block of layers",
    ),
    ("infomax_lib/results/compute.py", "_run_row", "a column of the row, beside what was measured"),
)
#: What happens to a row from the end of its training to the ledger.
WAY_OF_A_ROW = (
    ("infomax_lib/training/population.py", "train_population", "trained and measured"),
    ("infomax_lib/results/compute.py", "_run_row", "key, settings, history and measures"),
    ("infomax_lib/results/store.py", "Store", "written once, with a checksum; read by its key"),
    ("infomax_lib/results/runs.py", "run", "a line of the table that a notebook asks for"),
    ("paper/judging/evidence.py", "Evidence", "told apart by settings, paired by seed"),
    ("paper/chapters/tc_pressure/rules.py", "softmax_table", "held against thresholds"),
    ("paper/judging/claims.py", "combine", "the parts of a claim become a verdict"),
    ("paper/judging/verdicts.py", "Verdict", "shown on the page, with the keys it rests on"),
    ("paper/chapters/ledger/front_pages.py", "all_verdicts", "a line of the ledger"),
)

_WIDTH, _HEIGHT, _GAP = 440, 40, 6  # of the drawing, of a storey, and between storeys


@dataclass(frozen=True)
class Part:
    """A folder, or a file, of one of the two packages.

    Attributes:
        name: Dotted, such as ``paper.judging``.
        level: Its storey, counted from the ground.
        holds: The first sentence of its docstring.
        files: How many Python files it has.
        lines: How many lines these have, to the nearest hundred and at least that.
        imports: Names of the parts that it imports.
    """

    name: str
    level: int
    holds: str
    files: int
    lines: int
    imports: tuple[str, ...]


def storeys(root: Path) -> list[Part]:
    """The parts of both packages, from the ground up.

    Args:
        root: Folder of the checkout.
    """
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["tool"]["importlinter"]
    levels = [
        [f"{package}.{name.strip()}" for name in layer.split("|")]
        for package in ("infomax_lib", "paper")
        for contract in contracts["contracts"]
        if contract.get("containers") == [package]
        for layer in reversed(contract["layers"])
    ]
    names = {name for level in levels for name in level}
    return [
        _part(name, number, names, root) for number, level in enumerate(levels) for name in level
    ]


def _part(name: str, level: int, names: set[str], root: Path) -> Part:
    place = root.joinpath(*name.split("."))
    files = source_files(place) if place.is_dir() else [place.with_suffix(".py")]
    texts = [file.read_text("utf8") for file in files]
    first = ast.get_docstring(ast.parse(texts[0])) or ""
    modules = {".".join(module.split(".")[:2]) for text in texts for module in imported(text)}
    return Part(
        name,
        level,
        first.partition("\n\n")[0].replace("\n", " ").replace("``", ""),
        len(files),
        max(100, round(sum(text.count("\n") for text in texts), -2)),
        tuple(sorted(modules & names - {name})),
    )


def imported(text: str) -> set[str]:
    """Dotted names that a text imports; the last part may be a module or what is in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def drawing(parts: list[Part]) -> str:
    """The storeys as SVG in the colours of the page, the roof above; each imports from below."""
    top = max(part.level for part in parts) + 1
    rows = [[part for part in parts if part.level == level] for level in range(top)]
    height = (top + 1) * (_HEIGHT + _GAP)
    shapes = [_box(0, 0, _WIDTH, "notebooks", "prose, parameters, calls", "", "none")]
    for level, row in enumerate(rows):
        width = (_WIDTH - _GAP * (len(row) - 1)) / len(row)
        for place, part in enumerate(row):
            shapes.append(
                _box(
                    place * (width + _GAP),
                    (top - level) * (_HEIGHT + _GAP),
                    width,
                    part.name,
                    f"{part.files} file{'s'[: part.files > 1]}, {part.lines:,} lines",
                    f"{part.name} imports: {_by_package(part.imports)}",
                    "#0072b2" if part.name.startswith("infomax_lib") else "#d55e00",
                )
            )
    label = "The storeys of paper, above those of infomax_lib; each imports from below"
    return (
        f'<svg viewBox="-1 -1 {_WIDTH + 2} {height}" role="img" aria-label="{label}" '
        f'style="max-width: 36rem; width: 100%" font-family="inherit" text-anchor="middle" '
        f'fill="currentColor">{"".join(shapes)}</svg>'
    )


def _box(x: float, y: float, width: float, name: str, size: str, title: str, colour: str) -> str:
    middle = x + width / 2
    return (
        f"<g><title>{escape(title or name)}</title>"
        f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{_HEIGHT}" rx="5" fill="{colour}" '
        f'fill-opacity="0.2" stroke="currentColor" stroke-opacity="0.45"/>'
        f'<text x="{middle:g}" y="{y + 17}" font-size="13" font-weight="600">{escape(name)}</text>'
        f'<text x="{middle:g}" y="{y + 32}" font-size="11">{escape(size)}</text></g>'
    )


def _by_package(names: Sequence[str]) -> str:
    """Names of parts, those of one package behind its name."""
    packages = groupby((name.split(".") for name in names), key=lambda parts: parts[0])
    listed = [f"{package}: {', '.join(name for _, name in parts)}" for package, parts in packages]
    return "; ".join(listed) or "no other part"


def described(parts: list[Part]) -> str:
    """A Markdown list of the parts, the uppermost first: what they hold, and what they import."""
    return "\n".join(
        f"- **{part.name}**: {part.holds} *Imports {_by_package(part.imports)}.*"
        for part in reversed(parts)
    )


def told(way: tuple[tuple[str, str, str], ...]) -> str:
    """The steps of a way as a Markdown list: file, the name to look for in it, what happens."""
    return "\n".join(f"1. `{file}`, `{name}`: {happens}." for file, name, happens in way)
