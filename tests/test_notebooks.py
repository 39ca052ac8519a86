"""Notebooks: pairs, parameters, strict replay of the pages from the store, and recomputation."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.compare import compare_notebooks

from infomax_lib import pages

ROOT = Path(__file__).parents[1]
NAMES = pages.CHAPTERS + pages.FRONT_PAGES
CHECK = "# NBVAL_CHECK_OUTPUT"
QUICK = ROOT / "notebooks" / "quick.yml"


def glued(path: Path) -> dict[str, str]:
    """Texts that an executed notebook hands to its prose, by name."""
    outputs = [
        output
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    ]
    return {o.metadata["scrapbook"]["name"]: str(o.data) for o in outputs}


def test_every_notebook_is_a_pair_and_known():
    stems = {
        suffix: {p.stem for p in (ROOT / "notebooks").glob(f"*{suffix}")}
        for suffix in (".py", ".ipynb")
    }
    assert stems[".py"] == stems[".ipynb"] == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pair_is_equal_and_without_outputs(name):
    page = pages.find_page(name, ROOT)
    notebook = jupytext.read(page.notebook)
    compare_notebooks(notebook, jupytext.read(page.notebook.with_suffix(".py")), fmt="py:percent")
    assert not any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_have_type_and_meaning(name):
    page = pages.find_page(name, ROOT)
    tagged = [
        c for c in jupytext.read(page.notebook).cells if "parameters" in c.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    parameters = pages.notebook_parameters(page)
    assert "store" in parameters or not page.is_chapter
    for parameter in parameters.values():
        assert parameter["inferred_type_name"] != "None", parameter
        assert len(parameter["help"]) > 3, parameter
        # The default passes the check that a reader's value has to pass.
        default = ast.literal_eval(parameter["default"])
        assert pages.check_parameters(page, {parameter["name"]: default})
    # IPython reads a one-line cell that begins with a magic's name ("store") as that magic.
    assert len(tagged[0].source.splitlines()) > 1


def test_quick_profile_fits_the_chapters():
    profile = pages.read_profile(QUICK)
    known = {
        name
        for chapter in pages.CHAPTERS
        for name in pages.notebook_parameters(pages.find_page(chapter, ROOT))
    }
    assert set(profile) <= known
    for chapter in pages.CHAPTERS:
        pages.check_parameters(pages.find_page(chapter, ROOT), profile)


@pytest.mark.parametrize("name", pages.CHAPTERS)
def test_page_replays_from_the_store(name, real_dataset, tmp_path):
    """The committed page run again: same checked outputs, and nothing left to compute."""
    real_dataset("mnist")
    page = pages.find_page(name, ROOT)
    cells = nbformat.read(page.path, as_version=4).cells
    checks = [c for c in cells if c.cell_type == "code" and CHECK in c.source]
    assert checks, f"{name} has no cell marked {CHECK}"
    assert all(c.outputs for c in checks)
    store = tmp_path / "results"
    shutil.copytree(ROOT / "results", store)
    before = sorted(p.name for p in store.rglob("*"))
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-cell-timeout=300"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", str(page.path)]
    environment = os.environ | {"INFOMAX_STORE": str(store)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert sorted(p.name for p in store.rglob("*")) == before


@pytest.mark.parametrize("name", pages.CHAPTERS)
def test_quick_profile_recomputes(name, tmp_path):
    """With other parameters the same notebook really computes, and finds other numbers."""
    page = pages.find_page(name, ROOT)
    target = tmp_path / f"{name}.ipynb"
    pages.execute_page(page, pages.check_parameters(page, pages.read_profile(QUICK)), target)
    quick, paper = glued(target), glued(page.path)
    assert quick.keys() == paper.keys()
    numbers = [key for key in paper if re.search(r"\d", paper[key])]
    assert numbers
    assert sum(quick[key] != paper[key] for key in numbers) > len(numbers) / 2


def test_one_parameter_changes_the_numbers(tmp_path):
    page = pages.find_page("tc_pressure", ROOT)
    found = []
    for epochs in (2, 3):
        target = tmp_path / f"{epochs}.ipynb"
        typed = {"epochs": str(epochs), "seeds": "2"}
        pages.execute_page(
            page, pages.check_parameters(page, pages.read_profile(QUICK), typed), target
        )
        found.append(glued(target))
    assert found[0].keys() == found[1].keys()
    assert found[0] != found[1]
