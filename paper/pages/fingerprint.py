"""What a page was made from, as one number that changes with it.

A page is made from its notebook's cells, the parameters, the pinned environment, and the code that
the notebook imports, directly or by what that imports: a change in one method of prior art makes
one page stale and not twelve. Of the code what counts is what runs, without comments and
docstrings. Two packages find parts of themselves by their place in a folder, so that no import
names them: a chapter page counts the rules of its own chapter, a front page those of all, and who
imports the methods counts every method.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat

from infomax_lib.results.files import source_files
from paper.pages.architecture import imported, storeys
from paper.pages.page import Page, chapters

PACKAGES = ("infomax_lib", "paper")
CHAPTERS = Path("paper/chapters")


def fingerprint(page: Page, parameters: Mapping[str, Any] | None = None) -> str:
    """SHA-256 of everything a page is made from, as 64 hex digits.

    That is, beside cells, parameters, code and environment: for a front page, the executed
    chapters and the names of the stored results; for the page on performance, the benchmarks; for
    the one on the architecture, what it draws.

    Args:
        page: The page.
        parameters: Values that replace the notebook's own.
    """
    cells = cells_that_count(nbformat.read(page.notebook, as_version=4))
    digest = hashlib.sha256(json.dumps([cells, parameters or {}], sort_keys=True).encode())
    inputs = [page.root / "requirements.lock"]
    if page.name == "performance":
        inputs += source_files(page.root / "benchmarks" / "results", "*.json")
    elif page.name == "architecture":
        digest.update(json.dumps([asdict(part) for part in storeys(page.root)]).encode())
    elif not page.is_chapter:
        inputs += [Page(name, page.root).path for name in chapters(page.root)]
        stored = sorted(p.name for p in source_files(page.root / "results", "*/*.parquet"))
        digest.update(json.dumps(stored).encode())
    for path in [*sources(page), *inputs]:
        digest.update(path.relative_to(page.root).as_posix().encode())
        if path.suffix == ".py":
            digest.update(what_runs(path.read_text(encoding="utf8")).encode())
        else:
            # Text read with universal newlines: a checkout with CRLF has the same fingerprint.
            text = path.read_text(encoding="utf8") if path.is_file() else "missing"
            digest.update(text.encode())
    return digest.hexdigest()


def cells_that_count(notebook: nbformat.NotebookNode) -> list[list[Any]]:
    """Type, source and metadata of the cells that make a page, without what editors add.

    Jupyter and VS Code note what was run, folded and scrolled, and append an empty cell.
    """
    return [
        [cell.cell_type, cell.source.rstrip(), what_counts(cell.metadata)]
        for cell in notebook.cells
        if cell.source.strip()
    ]


def what_counts(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Of a cell's metadata what the book reads: tags, and options of myst-nb."""
    return {name: metadata[name] for name in ("mystnb", "tags") if metadata.get(name)}


def sources(page: Page) -> list[Path]:
    """Python files that a notebook imports, directly or not, and the tables (TOML) beside them."""
    cells = nbformat.read(page.notebook, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    rules = _rules(page)
    found: set[Path] = set()
    todo = _imported(code, page.root, rules)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            text = path.read_text(encoding="utf8")
            todo += _imported(text, page.root, rules)
            if "pkgutil" in text and path.parent != page.root / CHAPTERS:
                todo += source_files(path.parent)
    tables = {table for path in found for table in source_files(path.parent, "*.toml")}
    return sorted(found | tables)


def _rules(page: Page) -> list[Path]:
    """The rules that the registry of claims finds, as far as they concern a page."""
    folder, whose = page.root / CHAPTERS, page.name if page.is_chapter else "*"
    return [
        *source_files(folder, f"{whose}/rules.py"),
        *source_files(folder, f"{whose}/rules/*.py"),
    ]


@lru_cache(maxsize=1024)
def what_runs(text: str) -> str:
    """Python source without comments, docstrings and blank lines."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            for row in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                lines[row - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


@lru_cache(maxsize=1024)
def _names(code: str) -> frozenset[str]:
    """Dotted names of the packages that some code imports."""
    return frozenset(name for name in imported(code) if name.split(".")[0] in PACKAGES)


def _imported(code: str, root: Path, rules: list[Path]) -> list[Path]:
    """Files of the packages that are executed for the imports in some code."""
    found: list[Path] = []
    for name in sorted(_names(code)):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:length])
            files = [place.with_suffix(".py"), place / "__init__.py"]
            found += [file for file in files if file.is_file()]
        if place.parent == root / CHAPTERS and not place.is_dir():  # the registry, or the judge
            found += rules
    return found


def content_digest(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 of an executed notebook's cells and outputs, as 64 hex digits."""
    return hashlib.sha256(json.dumps(notebook.cells, sort_keys=True).encode()).hexdigest()


def is_current(page: Page) -> bool:
    """Whether the page was made from exactly what the checkout holds, and not edited since."""
    if not page.path.is_file():
        return False
    notebook = nbformat.read(page.path, as_version=4)
    made_from = notebook.metadata.get("infomax", {})
    return made_from.get("fingerprint") == fingerprint(page) and made_from.get(
        "content"
    ) == content_digest(notebook)
