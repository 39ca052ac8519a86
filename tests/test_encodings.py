"""Text is read and written in an encoding that is named, and shown on outputs that have another."""

import ast
import io
import sys
from pathlib import Path

import pytest

from infomax_lib import cli
from infomax_lib.results.files import source_files
from paper.pages import command

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for folder in ("infomax_lib", "paper", "benchmarks", "tests", "notebooks", ".ci", "book")
    for path in source_files(ROOT / folder)
]
#: How many arguments without a name come before the encoding.
BEFORE = {"read_text": 0, "write_text": 1}
OPENING = {"open", "fdopen", "TextIOWrapper", "NamedTemporaryFile"}
SWEEP = "dataset: digits\nhidden_dim: [4, 5]\nepochs: 1\nseed: [1, 2]\n"


def infomax(encoding: str, monkeypatch, *arguments: str) -> str:
    """What a command writes where the output has an encoding that lacks letters."""
    streams = {}
    for name in ("stdout", "stderr"):
        streams[name] = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        monkeypatch.setattr(sys, name, streams[name])
    with pytest.raises(SystemExit):
        cli.app(arguments)
    written = ""
    for stream in streams.values():
        stream.flush()
        written += stream.buffer.getvalue().decode(encoding)
    return written


@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_commands_write_to_any_output(encoding, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "is_current", lambda page: False)
    monkeypatch.setattr(command, "execute_page", lambda *job: None)
    (tmp_path / "füße.yaml").write_text(SWEEP, "utf8")
    monkeypatch.chdir(tmp_path)

    assert "sweep" in infomax(encoding, monkeypatch, "--help")
    assert "tc_pressure  (to be executed)" in infomax(encoding, monkeypatch, "execute", "--list")
    pages = infomax(encoding, monkeypatch, "execute", "theory", "ledger", "--output", "→")
    assert "ledger: 0 s " in pages
    assert ("theory: executing …" if encoding == "cp1252" else "theory: executing ...") in pages
    assert "'lambda'" in infomax(encoding, monkeypatch, "execute", "λ")
    sweep = infomax(encoding, monkeypatch, "sweep", "füße.yaml", "--store", "memory")
    assert ("2 hidden_dim × 2 seed" if encoding == "cp1252" else "2 hidden_dim x 2 seed") in sweep
    assert "wall time" in sweep
    assert "'->'" in infomax(encoding, monkeypatch, "→")
    assert "nowhere-->" in infomax(encoding, monkeypatch, "audit", "--store", "nowhere-→")


def test_letters_without_a_plain_form_are_spelt_out(monkeypatch):
    assert "'ö'" in infomax("cp1252", monkeypatch, "execute", "ö")
    assert "'\\u4e2d'" in infomax("cp1252", monkeypatch, "execute", "中")


def names_no_encoding(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the encoding of the machine."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    of = getattr(getattr(call.func, "value", None), "id", "")
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name in BEFORE:
        return len(call.args) <= BEFORE[name]
    modes = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
    texts = [str(mode.value) for mode in modes if isinstance(mode, ast.Constant)]
    binary = any("b" in text and len(text) <= 3 for text in texts)
    return name in OPENING and of not in ("os", "Image") and not binary


def unnamed(text: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [call for call in calls if names_no_encoding(call)]


def test_encodings_are_named():
    found = [f"{path}:{c.lineno}" for path in SOURCES for c in unnamed(path.read_text("utf8"))]
    assert SOURCES
    assert found == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("path.read_text()", 1),
        ("path.read_text('utf8')", 0),
        ("path.write_text(text, encoding='utf8')", 0),
        ("path.write_text(text)", 1),
        ("open(path)", 1),
        ("path.open('a')", 1),
        ("path.open('rb')", 0),
        ("open(path, 'w', encoding='utf8')", 0),
    ],
)
def test_unnamed_encoding_is_found(text, count):
    assert len(unnamed(text)) == count
