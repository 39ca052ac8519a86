"""Verdicts again: which statements of a notebook they need, and what is said of differences."""

import ast
from types import SimpleNamespace

import nbformat
import pytest
from typer.testing import CliRunner

from infomax_lib import RunSpec, run
from infomax_lib.cli import app
from paper.chapters import judge_synthesis
from paper.chapters.ledger import judged_again
from paper.judging.verdicts import Verdict, Verdicts
from paper.pages.page import Page, chapters, project_root

ROOT = project_root()


def kept(source):
    statements = ast.parse(source).body
    return [ast.unparse(s) for s in judged_again.needed(statements, len(statements) - 1)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1\nb = 2\nv = a", ["a = 1", "v = a"]),
        ("a = 1\nb = a\nc = 3\nv = b", ["a = 1", "b = a", "v = b"]),
        ("import x.y\nimport z\nv = x.y", ["import x.y", "v = x.y"]),
        ("from m import f as g, h\nv = g()", ["from m import f as g, h", "v = g()"]),
        ("def f():\n    return k\nk = 2\nv = f()", ["def f():\n    return k", "k = 2", "v = f()"]),
        ("t = {}\nt['a'] = 1\ndraw(t)\nv = t", ["t = {}", "t['a'] = 1", "v = t"]),
        ("t = []\nt.append(1)\nv = t", ["t = []", "t.append(1)", "v = t"]),
        ("t = {}\nt |= {1: 2}\nv = t", ["t = {}", "t |= {1: 2}", "v = t"]),
        ("for n in r:\n    a = n\nr = 3\nv = a", ["for n in r:\n    a = n", "r = 3", "v = a"]),
        ("p = q = 1\nv = q", ["p = q = 1", "v = q"]),
        ("x: int = 1\nv = x", ["x: int = 1", "v = x"]),
        ("n = 1\nsay([n for n in r])\nv = n", ["n = 1", "v = n"]),
        ("n = 1\ndef say():\n    n = 2\nv = n", ["n = 1", "v = n"]),
        ("say(1)\nv = say", ["v = say"]),
    ],
)
def test_verdicts_need_what_their_names_come_from(source, expected):
    assert kept(source) == expected


def test_a_table_that_is_filled_under_its_first_name_is_needed_whole():
    source = "t = {}\ne = Evidence(t)\nt['late'] = 1\nv = judge(e)"
    assert kept(source) == source.split("\n")


@pytest.mark.parametrize("name", chapters(ROOT))
def test_every_chapter_asks_for_its_verdicts_and_draws_nothing_for_it(name):
    cells = nbformat.read(Page(name, ROOT).notebook, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    statements = ast.parse(source).body
    last = max(n for n, statement in enumerate(statements) if judged_again._asks(statement))
    found = judged_again.needed(statements, last)
    assert 0 < len(found) < len(statements)
    calls = {ast.unparse(n.func) for s in found for n in ast.walk(s) if isinstance(n, ast.Call)}
    assert not calls & {"say", "shown", "quote", "Card", "thumbnail"}


def verdict(name, interpretation="supported", number="not applicable"):
    texts = ("place", "statement", "test", "rule", "evidence")
    return Verdict(name, "000", *texts, number, interpretation, "theory")


def test_differences_name_claim_and_both_verdicts():
    before = {
        "000.1": "mixed, numbers partly",
        "000.2": "supported, numbers not applicable",
        "000.3": "inconclusive, numbers not applicable",
    }
    now = Verdicts([verdict("000.1", "mixed", "reproduced"), verdict("000.2"), verdict("000.9")])
    assert judged_again.differences(before, now) == [
        "000.1: mixed, numbers partly → mixed, numbers reproduced",
        "000.3: inconclusive, numbers not applicable → no verdict",
        "000.9: no verdict → supported, numbers not applicable",
    ]


def test_pages_hold_a_verdict_on_every_claim_that_is_judged():
    on_pages = judged_again.on_pages(ROOT)
    found = Verdicts.from_records([])
    assert len(on_pages) > 90
    assert {"000.28", "000.29", "000.35"} <= set(on_pages)
    assert all(", numbers " in words for words in on_pages.values())
    assert judged_again.differences(on_pages, found) != []


def test_a_chapter_is_judged_from_its_notebook(tmp_path, monkeypatch):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("from paper.judging.verdicts import Verdicts"),
        nbformat.v4.new_code_cell("raise RuntimeError('a figure')"),
        nbformat.v4.new_code_cell("import os\nplace = os.environ['INFOMAX_STORE']"),
        nbformat.v4.new_code_cell("verdicts = Verdicts(() if place else None)\nverdicts"),
    ]
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook, path)
    monkeypatch.delenv("INFOMAX_STORE", raising=False)
    page = SimpleNamespace(notebook=path, root=tmp_path, name="chapter")
    assert judged_again._chapter_again(page) == ()
    import os

    assert "INFOMAX_STORE" not in os.environ


def test_claims_that_sum_up_others_come_last(monkeypatch):
    monkeypatch.setattr(judged_again, "_chapter_again", lambda page: Verdicts([verdict("000.1")]))
    monkeypatch.setattr(judged_again, "chapters", lambda root: ["theory"])
    (first, only), (last, summed) = judged_again.judged_again(ROOT)
    assert (first, last) == ("theory", "ledger")
    assert summed == judge_synthesis(only)


def test_the_command_prints_counts_and_what_differs_from_the_pages(monkeypatch):
    found = [("theory", Verdicts([verdict("000.1", "refuted")])), ("ledger", Verdicts([]))]
    monkeypatch.setattr(judged_again, "judged_again", lambda root: iter(found))
    monkeypatch.setattr(judged_again, "on_pages", lambda root: {"000.1": "mixed, numbers partly"})
    result = CliRunner().invoke(app, ["judge"])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "theory: 1 claims",
        "ledger: 0 claims",
        "1 refuted",
        "000.1: mixed, numbers partly → refuted, numbers not applicable",
    ]
    with_all = CliRunner().invoke(app, ["judge", "--all"]).output
    assert "    rule: rule" in with_all


def test_the_command_computes_nothing(monkeypatch, tmp_path):
    def judged(root):
        run(RunSpec(dataset="digits", epochs=1), store=tmp_path, progress=False)
        yield "theory", Verdicts([])

    monkeypatch.setattr(judged_again, "judged_again", judged)
    result = CliRunner().invoke(app, ["judge"])
    assert result.exit_code == 1
    assert result.output == (
        f"error: 1 runs are not stored in {tmp_path}: `infomax execute` computes what a page "
        "lacks\n"
    )
