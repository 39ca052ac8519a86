"""The verdicts again, from the stored results: of every notebook just what its verdicts need.

A notebook builds the evidence and asks for the verdicts; figures and sentences lie between. The
statements that the verdicts depend on are found by going backwards from that question through the
names that each statement reads and binds.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nbformat

from paper.chapters import judge_synthesis
from paper.judging.verdicts import VERDICTS_MIME, Verdict, Verdicts
from paper.pages.page import Page, chapters, page_outputs


def judged_again(root: Path) -> Iterator[tuple[str, Verdicts]]:
    """Chapter after chapter with its verdicts, at last ``ledger`` with those that sum up others.

    Args:
        root: Folder of the checkout; results come from its ``results/``, or ``$INFOMAX_STORE``.
    """
    found: list[Verdict] = []
    for name in chapters(root):
        verdicts = _chapter_again(Page(name, root))
        found += verdicts
        yield name, verdicts
    yield "ledger", judge_synthesis(found)


def on_pages(root: Path) -> dict[str, str]:
    """Both verdicts on each claim in words, as the committed pages show them."""
    found: dict[str, str] = {}
    for name in [*chapters(root), "ledger"]:
        for output in page_outputs(Page(name, root)):
            for record in output.get("data", {}).get(VERDICTS_MIME, ()):
                found[record["id"]] = _words(
                    record["interpretation_verdict"], record["number_verdict"]
                )
    return found


def _words(interpretation: str, number: str) -> str:
    return f"{interpretation}, numbers {number}"


def _chapter_again(page: Page) -> Verdicts:
    cells = nbformat.read(page.notebook, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    statements = ast.parse(source).body
    last = max(place for place, each in enumerate(statements) if _asks(each))
    module = ast.Module(needed(statements, last), type_ignores=[])
    names: dict[str, object] = {"__name__": page.name}
    before = os.environ.get("INFOMAX_STORE")
    os.environ.setdefault("INFOMAX_STORE", str(page.root / "results"))
    try:
        # The checkout's own notebook, as a kernel would run it.
        exec(compile(module, str(page.notebook), "exec"), names)  # noqa: S102
    finally:
        if before is None:
            del os.environ["INFOMAX_STORE"]
    verdicts = names["verdicts"]
    assert isinstance(verdicts, Verdicts)
    return verdicts


def _asks(statement: ast.stmt) -> bool:
    """Whether a statement is ``verdicts = judge(...)``."""
    return (
        isinstance(statement, ast.Assign)
        and [ast.unparse(target) for target in statement.targets] == ["verdicts"]
        and isinstance(statement.value, ast.Call)
    )


def needed(statements: Sequence[ast.stmt], last: int) -> list[ast.stmt]:
    """The statements up to ``last`` on which it depends, itself included, in order.

    One statement depends on another that binds or changes a name which it reads: assigns it, or to
    a part of it, imports or defines it, or calls a method of it for its own sake.
    """
    kept, wanted = {last}, _read(statements[last])
    while True:  # until nothing is added: a table may be filled after it was given another name
        found = {n for n in range(last) if n not in kept and _bound(statements[n]) & wanted}
        if not found:
            return [statements[n] for n in sorted(kept)]
        kept |= found
        wanted = wanted.union(*(_read(statements[n]) for n in found))


def _read(statement: ast.stmt) -> set[str]:
    nodes = ast.walk(statement)
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _bound(statement: ast.stmt) -> set[str]:
    names: set[str] = set()
    for node in _own_scope(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names.add(_base(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            of_object = isinstance(node.value.func, ast.Attribute)
            names |= {_base(node.value.func)} if of_object else set()
    return names


def _own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, without what functions, classes and comprehensions keep inside."""
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension)):
        for child in ast.iter_child_nodes(node):
            yield from _own_scope(child)


def _base(node: ast.expr) -> str:
    """The name at the beginning of ``name.part[...].method``; empty if there is none."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def differences(before: Mapping[str, str], now: Verdicts) -> list[str]:
    """One line for every claim whose verdicts are others now, or that only one side has."""
    new = {v.id: _words(v.interpretation_verdict, v.number_verdict) for v in now}
    return [
        f"{name}: {before.get(name, 'no verdict')} → {new.get(name, 'no verdict')}"
        for name in dict.fromkeys([*before, *new])
        if before.get(name) != new.get(name)
    ]
