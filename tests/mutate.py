"""How many small changes of the code make a test fail: `make mutate`.

Usage: python tests/mutate.py [PLACE ...]

The changes are mutmut's. Its own runner leaves out decorated functions, class bodies and what
stands at module level: here keys, validators, locks and limits. So every change is written into a
copy of the checkout, and tried in a fork of a process that has imported everything but our code.

The places and their tests stand in `[tool.mutate]` of pyproject.toml. A survivor needs a reason in
tests/survivors.toml; one without, or a listed one that a test kills, is a failure.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import cache_from_source
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path

import libcst as cst
import libcst.matchers as m
import pytest
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parents[1]
COPIED = ("infomax_lib", "paper", "tests", "pyproject.toml")
QUIETLY = ("-x", "-qq", "--tb=no", "--assert=plain", "-p", "no:cacheprovider")
CONTEXT = 24  # characters on each side of a change that its name shows
# What is read by type checkers and by `import *`, not by what runs.
NOT_CODE = (
    m.Annotation()
    | m.Import()
    | m.ImportFrom()
    | m.Assign([m.AssignTarget(m.Name("__all__"))])
    | m.Assign(value=m.Call(m.Name("TypeVar")))
)


class _Changes(cst.CSTVisitor):
    """All changes: the functions and classes around, the node, and what may stand in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.around: list[str] = []
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if m.matches(node, NOT_CODE):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.around.append(node.name.value)
        for kind, changes in mutation_operators:
            if isinstance(node, kind):
                self.found += [(".".join(self.around), node, now) for now in changes(node)]
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.around.pop()


def mutants(source: str, inside: str) -> Iterator[tuple[str, str]]:
    """Name and text of every mutant of a source, or of one function or class in it."""
    module, changes = cst.parse_module(source), _Changes()
    module.visit(changes)
    for around, node, now in changes.found:
        if around.startswith(inside):
            text = module.deep_replace(node, now).code
            with suppress(SyntaxError):
                compile(text, "mutant", "exec")
                yield f"{around or 'module'}: {_difference(source, text)}", text


def _difference(was: str, now: str) -> str:
    """`was → now`, of which a little of the line on both sides of the change is shown."""
    start = _same(was, now)
    was, now = was[start:], now[start:]
    end = _same(was[::-1], now[::-1])
    return " → ".join(" ".join(text[: len(text) - end].split()) for text in (was, now))


def _same(a: str, b: str) -> int:
    """How much of the beginning is the same, but for the last of it, in the line of the change."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
    return max(same - CONTEXT, a.rfind("\n", 0, same) + 1)


def passes(tests: Sequence[str], limit: float | None = None) -> bool:
    """Whether the tests pass in a fork of this process, within ``limit`` seconds."""
    process = get_context("fork").Process(target=_run, args=(tests,))
    process.start()
    process.join(limit)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # with whatever it has left running
    process.join()
    return process.exitcode == 0


def _run(tests: Sequence[str]) -> None:
    os.setsid()
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    os._exit(pytest.main([*QUIETLY, *tests]))


def _import_what_tests_import(tests: Iterable[str]) -> None:
    """Import what is not ours once for all forks."""
    pytest.main(["--collect-only", *QUIETLY, *tests])
    for name, module in list(sys.modules.items()):
        if name != "__main__" and str(getattr(module, "__file__", "")).startswith(os.getcwd()):
            del sys.modules[name]
    gc.freeze()  # a collection in a fork would copy all memory
    # What has been compiled until here is read by all forks; of a mutant nothing is kept.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def survivors_of(place: str, tests: Sequence[str]) -> list[str]:
    """The mutants that no test noticed; says how many there were."""
    file, _, inside = place.partition("::")
    path, begun = Path(file), time.monotonic()
    source = path.read_text("utf8")
    Path(cache_from_source(file)).unlink(missing_ok=True)
    if not passes(tests):
        sys.exit(f"the tests of {place} fail as it is: pytest {' '.join(tests)}")
    limit = 10 + 5 * (time.monotonic() - begun)
    tried, survivors = 0, []
    for name, text in mutants(source, inside):
        path.write_text(text, "utf8")
        tried += 1
        survivors += [name] if passes(tests, limit) else []
    path.write_text(source, "utf8")
    killed, took = tried - len(survivors), time.monotonic() - begun
    print(f"{place}: {killed} of {tried} killed, {killed / tried:.1%}, {took:.0f} s", flush=True)
    return survivors


def main(places: Sequence[str]) -> int:
    """Try the places, all unless given; 1 when the list of survivors is not as it should be."""
    tests_of = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["mutate"]
    reasons = tomllib.loads((ROOT / "tests" / "survivors.toml").read_text("utf8"))
    places, wrong = places or list(tests_of), 0
    with tempfile.TemporaryDirectory(prefix="infomax-mutate-") as copy:
        for each in ROOT.iterdir():
            if each.name not in COPIED:
                Path(copy, each.name).symlink_to(each)
            elif each.is_dir():
                shutil.copytree(each, Path(copy, each.name))
            else:
                shutil.copy(each, copy)
        os.chdir(copy)
        sys.path.insert(0, copy)
        os.environ["PYTHONPATH"] = copy  # in what tests start, too
        _import_what_tests_import({test for place in places for test in tests_of[place]})
        for place in places:
            listed, found = reasons.get(place, {}), survivors_of(place, tests_of[place])
            news = [f"survives: {name}" for name in found if name not in listed]
            news += [f"is listed and killed: {name}" for name in listed if name not in found]
            print(*(f"  {text}" for text in news), sep="\n", flush=True)
            wrong += len(news)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
