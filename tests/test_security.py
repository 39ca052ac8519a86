"""What is read runs nothing and writes nowhere else; what is written gives nobody away."""

import ast
import hashlib
import json
import os
import pickle
import re
import socket
import sys
from pathlib import Path

import jupytext
import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from papermill.translators import PythonTranslator
from typer.testing import CliRunner

from infomax_lib import RunSpec, cli, open_store, run
from infomax_lib.model.data import load_dataset
from infomax_lib.results.store import StoreWarning
from infomax_lib.results.sweep import SweepError, parse_yaml
from paper.chapters.ledger.front_pages import provenance, provenance_summary
from paper.figures.tables import table_html
from paper.pages.execute import execute_page
from paper.pages.page import Page, PageError, find_page

ROOT = Path(__file__).parents[1]
HOSTILE = '"><script>alert(1)</script>'
PAGE = """
# %%
import os, sys, warnings
from IPython.display import JSON
print(os.path.expanduser("~/x"), sys.prefix, f"{sys.prefix}/lib/a.py")
warnings.warn_explicit("old", UserWarning, f"{sys.prefix}/lib/a.py", 1)
display(JSON({"files": [os.path.expanduser("~")]}))
"""


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def mark(tmp_path) -> Path:
    """A folder that is there once something has been executed."""
    return tmp_path / "executed"


TAGS = [
    '!!python/object/apply:os.mkdir ["{}"]',
    '!!python/object/new:os.mkdir ["{}"]',
    "!!python/name:os.mkdir",
    '!exec "{}"',
]


@pytest.mark.parametrize("tag", TAGS)
def test_yaml_makes_plain_values_alone(tag, mark, tmp_path):
    text = f"epochs: {tag.format(mark)}\n"
    with pytest.raises(SweepError, match="leave out the tag"):
        parse_yaml(text, "the file")
    file = tmp_path / "values.yml"
    file.write_text(text, "utf8")
    for arguments in (["sweep", str(file)], ["execute", "-f", str(file)]):
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code == 1
        assert "is not understood: line 1: leave out the tag" in result.stderr
    assert not mark.exists()


@pytest.mark.parametrize(
    "value", ["'); import os #", 'a"\nimport os\n"', "\\", "\\'\nimport os", "{x}"]
)
def test_parameters_become_literals(value):
    """Papermill writes them into a cell that is executed."""
    code = PythonTranslator.codify({"name": value, "names": [value], "by": {value: value}})
    statements = ast.parse(code).body
    assert all(isinstance(statement, ast.Assign) for statement in statements)
    found = [ast.literal_eval(statement.value) for statement in statements]
    assert found == [value, [value], {value: value}]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "findings/../../x", "ledger\0"])
def test_names_of_pages_lead_nowhere_else(name):
    with pytest.raises(PageError, match="there is no notebook"):
        find_page(name, ROOT)


@pytest.mark.parametrize("name", ["../mnist", "/etc/passwd", "mnist/../../x"])
def test_names_of_datasets_lead_nowhere_else(name, tmp_path, monkeypatch):
    monkeypatch.setenv("INFOMAX_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="dataset"):
        RunSpec(dataset=name)
    with pytest.raises(ValueError, match="unknown dataset"):
        load_dataset(name)


def put(folder: Path, table: pa.Table) -> None:
    """Write a file as a store does that someone else has made."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content = sink.getvalue().to_pybytes()
    digest = hashlib.sha256(content).hexdigest()
    (folder / "runs").mkdir(parents=True)
    length = len(next((ROOT / "results").glob("*/*.parquet")).stem)
    (folder / "runs" / f"{digest[:length]}.parquet").write_bytes(content)


def written(folder: Path) -> tuple[list[dict], str]:
    """Rows and metadata of everything in a store's folder."""
    rows, facts = [], ""
    for path in folder.rglob("*.parquet"):
        rows += pq.read_table(path).to_pylist()
        facts += str(pq.read_schema(path).metadata)
    return rows, facts


def test_stored_types_are_not_unpickled(mark, tmp_path):
    disguise = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Attack(mark)),
    }
    theirs = open_store(tmp_path / "theirs")
    theirs.write("runs", [{"key": "a", "loss": 1.0}])
    (file,) = (tmp_path / "theirs").rglob("*.parquet")
    metadata = pq.read_schema(file).metadata
    field = pa.field("key", pa.string(), metadata=disguise)
    put(tmp_path / "ours", pa.table([["a"]], pa.schema([field], metadata=metadata)))
    assert open_store(tmp_path / "ours").load("runs", ["a"]) == {"a": {"key": "a"}}
    assert not mark.exists()


def test_foreign_metadata_is_not_executed(mark, tmp_path):
    schema = pa.schema([("key", pa.string())], metadata={b"infomax": pickle.dumps(Attack(mark))})
    put(tmp_path, pa.table([["a"]], schema))
    with pytest.warns(StoreWarning):
        assert open_store(tmp_path).load("runs", ["a"]) == {}
    assert not mark.exists()


def test_metadata_is_shown_as_text(tmp_path):
    store = open_store(tmp_path)
    store.write(
        "runs", [{"key": "a"}], device=HOSTILE, torch=HOSTILE, date=HOSTILE, threads=HOSTILE
    )
    files = provenance(store)
    for table in (files, provenance_summary(files)):
        html = table_html(table)
        assert "&lt;script&gt;" in html
        assert "<script>" not in html


@pytest.fixture
def secrets(tmp_path_factory, monkeypatch) -> list[str]:
    """What must not be found: the user's home and name, the machine's name, a password."""
    home = tmp_path_factory.mktemp("home") / "wanda.mustermann"
    home.mkdir()
    monkeypatch.setattr(socket, "gethostname", lambda: "host-of-wanda")
    for name, value in {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "USER": "wanda.mustermann",
        "API_TOKEN": "hunter2-in-the-environment",
        "HTTPS_PROXY": "http://wanda:pass-of-the-proxy@proxy.example:1",
    }.items():
        monkeypatch.setenv(name, value)
    return ["wanda", "hunter2", "pass-of-the-proxy", str(home.parent)]


def test_results_give_nobody_away(secrets):
    store = Path("~/store").expanduser()
    run([RunSpec(dataset="digits", hidden_dim=4, epochs=1)], store=store, device="cpu")
    rows, facts = written(store)
    assert len(rows) >= 1
    assert '"torch"' in facts
    for secret in secrets:
        assert secret not in json.dumps(rows, default=str) + facts


def test_pages_give_nobody_away(secrets, tmp_path):
    for folder in ("notebooks", "book"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "_toc.yml").write_text("root: toy\nparts: []\n", "utf8")
    notebook = jupytext.reads(PAGE, fmt="py:percent")
    nbformat.write(notebook, tmp_path / "notebooks" / "toy.ipynb")
    page = Page("toy", tmp_path)
    execute_page(page)
    text = page.path.read_text("utf8")
    assert "~/x (environment) (environment)/lib/a.py" in text
    assert "(environment)/lib/a.py:1: UserWarning: old" in text
    for secret in [*secrets, sys.prefix]:
        assert secret not in text
    assert not re.search(r"papermill|traceback", text)
