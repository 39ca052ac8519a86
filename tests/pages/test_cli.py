"""The executor on a toy checkout: parameters are checked, pages are safe, rebuilds are quiet."""

import json
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from typer.testing import CliRunner

from infomax_lib import cli
from paper.pages import execute, fingerprint
from paper.pages import page as pages
from paper.pages.normalize import normalize

ROOT = Path(__file__).parents[2]
PIXELS = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
)
NOTEBOOK = """
# %% [markdown]
# # Toy

# %% tags=["parameters"]
seeds: int = 3  # how many
scale: float = 0.5  # times what
name: str = "digits"  # of what
grid: list[float] = [0.0, 1.0]  # where

# %%
import pathlib, sys
import infomax_lib
print(name, seeds * scale, grid, pathlib.Path.cwd())
print("  5%|▌   | 1/20 [00:00<00:01, 9.9it/s]", end="\\r", file=sys.stderr)
object()

# %%
from IPython.display import display
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="72pt"/>'
display({"image/svg+xml": svg, "image/png": "PIXELS"}, raw=True)
""".replace("PIXELS", PIXELS)
PAGE = "tc_pressure"


def write_notebook(root: Path, name: str, text: str) -> None:
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A checkout whose notebooks need nothing but Python."""
    root = tmp_path / "ein Haus für Zwei"  # spaces and letters beyond ASCII
    for folder in ("notebooks", "infomax_lib", "results/runs", "book"):
        (root / folder).mkdir(parents=True)
    (root / "infomax_lib" / "__init__.py").write_text("x = changed = 1\n")
    (root / "requirements.lock").write_text("torch==0\n")
    (root / "results" / "runs" / "abc.parquet").write_bytes(b"")
    toc = (ROOT / "_toc.yml").read_text().replace("      - file: architecture\n", "")
    (root / "_toc.yml").write_text(toc)  # the one page that is made from all of the code
    for name in pages.chapters(root) + pages.front_pages(ROOT):
        write_notebook(root, name, NOTEBOOK)
    monkeypatch.setattr(pages, "project_root", lambda: root)
    return root


def infomax(*arguments: str):
    """Run the command; returns its result, output and errors together in ``output``."""
    return CliRunner().invoke(cli.app, ["execute", *arguments])


def page(root: Path) -> pages.Page:
    return pages.find_page(PAGE, root)


def forms(path: Path) -> set[str]:
    """The forms in which a notebook holds its figure."""
    last = nbformat.read(path, as_version=4).cells[-1]
    return {kind for output in last.outputs for kind in output.data if kind.startswith("image/")}


# Parameters


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no_such_page"], "the notebooks are: bias_loophole"),
        ([PAGE, "-p", "sedes=5"], "tc_pressure has no parameter sedes; it has: seeds: int"),
        ([PAGE, "-p", "seeds"], "NAME=VALUE"),
        ([PAGE, "-p", "seeds=many"], "seeds must be int, got 'many' (str)"),
        ([PAGE, "-p", "seeds=2.5"], "seeds must be int, got 2.5 (float)"),
        ([PAGE, "-p", "seeds=True"], "seeds must be int, got True (bool)"),
        ([PAGE, "-p", "grid=[1, x]"], "grid must be list[float]"),
        ([PAGE, "-f", "missing.yml"], "there is no profile missing.yml"),
    ],
)
def test_refuses_before_anything_runs(checkout, arguments, expected):
    result = infomax(*arguments)
    assert result.exit_code == 1
    assert expected in result.output
    assert not list(checkout.rglob("book/**/*.ipynb"))
    assert not (checkout / "reruns").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeds: 1e-3\n", "seeds must be int, got 0.001 (float)"),  # YAML reads it as text
        ("sedes: 3\n", "no notebook has a parameter sedes"),
        ("- seeds\n", "holds a list"),
        ("seeds: [\n", "is not YAML"),
    ],
)
def test_refuses_a_wrong_profile(checkout, tmp_path, text, expected):
    profile = tmp_path / "profile.yml"
    profile.write_text(text)
    result = infomax(PAGE, "-f", str(profile))
    assert result.exit_code == 1
    assert expected in result.output


def test_values_are_read_by_their_hints(checkout):
    typed = {"seeds": "7", "scale": "1e-3", "name": "5", "grid": "[1, 2.5]"}
    values = execute.check_parameters(page(checkout), {"seeds": 1, "elsewhere": 2}, typed)
    assert values == {"seeds": 7, "scale": 1e-3, "name": "5", "grid": [1.0, 2.5]}


def test_lists_parameters(checkout):
    result = infomax("--list")
    assert result.exit_code == 0
    assert "tc_pressure  (to be executed)" in result.output
    assert "    scale: float = 0.5  # times what" in result.output


# Pages


def test_page_is_executed_once_and_again_when_an_input_changes(checkout):
    assert "tc_pressure: executing" in infomax(PAGE).output
    first = page(checkout).path.read_text()
    assert infomax(PAGE).output == "tc_pressure: up to date\n"

    # An equal result gives an equal file, byte for byte.
    assert "executing" in infomax(PAGE, "--force").output
    assert page(checkout).path.read_text() == first

    for changed in ("infomax_lib/__init__.py", "requirements.lock"):
        path = checkout / changed
        path.write_text(path.read_text() + "changed==1\n")  # also Python: a comparison
        assert not fingerprint.is_current(page(checkout))
        infomax(PAGE)
        assert fingerprint.is_current(page(checkout))
    write_notebook(checkout, PAGE, NOTEBOOK.replace("0.5", "0.7"))
    assert not fingerprint.is_current(page(checkout))


def test_executed_page_is_clean(checkout):
    infomax(PAGE)
    text = page(checkout).path.read_text()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    (code,) = [c for c in notebook.cells if "print(name" in c.source]
    assert [o.output_type for o in code.outputs] == ["stream", "execute_result"]
    assert code.outputs[0].text == "digits 1.5 [0.0, 1.0] notebooks\n"
    assert code.outputs[1].data["text/plain"] == "<object at 0x…>"
    assert str(checkout) not in text
    assert "papermill" not in text
    assert "iopub" not in text


def test_hand_edited_page_is_not_current(checkout):
    infomax(PAGE)
    path = page(checkout).path
    path.write_text(path.read_text().replace("digits 1.5", "digits 2.5"))
    assert not fingerprint.is_current(page(checkout))


def test_front_page_follows_the_chapters_and_the_store(checkout):
    infomax(PAGE, "ledger")
    ledger = pages.find_page("ledger", checkout)
    assert fingerprint.is_current(ledger)
    chapter = page(checkout).path
    before = chapter.read_text()
    chapter.write_text(before.replace("digits 1.5", "digits 2.5"))
    assert not fingerprint.is_current(ledger)
    chapter.write_text(before)
    assert fingerprint.is_current(ledger)
    (checkout / "results" / "runs" / "def.parquet").write_bytes(b"")
    assert not fingerprint.is_current(ledger)
    assert fingerprint.is_current(page(checkout))


def test_failing_notebook_leaves_the_page_and_keeps_the_evidence(checkout):
    infomax(PAGE)
    before = page(checkout).path.read_text()
    write_notebook(checkout, PAGE, NOTEBOOK + '\n# %%\nraise ValueError("no such thing")\n')
    result = infomax(PAGE)
    assert result.exit_code == 1
    assert "cell 5 failed with ValueError: no such thing" in result.output
    assert page(checkout).path.read_text() == before
    assert [p.name for p in page(checkout).path.parent.iterdir()] == [f"{PAGE}.ipynb"]
    kept = Path(result.output.split("is in ")[1].split(";")[0])
    assert "digits 1.5" in kept.read_text()
    shutil.rmtree(kept.parent)


def test_rerun_never_touches_the_page(checkout):
    infomax(PAGE)
    before = page(checkout).path.read_text()
    assert infomax(PAGE, "-p", "seeds=4").exit_code == 0
    rerun = checkout / "reruns" / f"{PAGE}.ipynb"
    assert "digits 2.0" in rerun.read_text()
    assert json.loads(rerun.read_text())["metadata"]["infomax"]["parameters"] == {"seeds": 4}
    assert page(checkout).path.read_text() == before
    # a page is cloned and loaded, a rerun is not: only the page waits for the lighter form
    assert len(forms(page(checkout).path)) == 1
    assert forms(rerun) == {"image/svg+xml", "image/png"}
    result = infomax(PAGE, "-p", "seeds=4", "--output", str(page(checkout).path.parent))
    assert result.exit_code == 1
    assert "may not replace the page" in result.output
    assert page(checkout).path.read_text() == before


def test_notebook_that_differs_from_its_text_is_refused(checkout):
    (checkout / "notebooks" / f"{PAGE}.py").write_text(NOTEBOOK.replace("0.5", "0.7"))
    result = infomax(PAGE)
    assert result.exit_code == 1
    assert f"jupytext --sync notebooks/{PAGE}.py" in result.output


def test_normalize_joins_streams_and_drops_only_progress():
    def stream(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    outputs = [
        stream("stdout", "a"),
        stream("stdout", "b\n"),
        stream("stderr", "\rx:   0%|      | 0/9"),
        stream("stderr", "\rx: 100%|██████| 9/9 [00:01<00:00,  8.00it/s]\n"),
        stream("stderr", "/x/auto.py:21: TqdmWarning: IProgress not found.\n"),
        stream("stderr", "  from .autonotebook import tqdm as notebook_tqdm\n"),
        stream("stderr", "UserWarning: kept\n"),
    ]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs, metadata={"papermill": {"start": "now"}})
    notebook = normalize(nbformat.v4.new_notebook(cells=[cell]), Path("/somewhere"))
    assert [o.text for o in notebook.cells[0].outputs] == ["ab\n", "UserWarning: kept\n"]
    assert notebook.cells[0].metadata == {}
