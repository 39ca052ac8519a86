"""Notebooks: pairs of text and notebook, parameters with types and meaning, the profiles."""

import ast
from pathlib import Path

import jupytext
import papermill
import pytest

from paper.methods import methods
from paper.pages import execute
from paper.pages import page as pages
from paper.pages.fingerprint import cells_that_count

ROOT = Path(__file__).parents[1]
NAMES = pages.all_pages(ROOT)
PROFILES = [ROOT / "notebooks" / f"{name}.yml" for name in ("quick", "core")]


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
    text = jupytext.read(page.notebook.with_suffix(".py"))
    assert cells_that_count(notebook) == cells_that_count(text)
    assert not any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_have_type_and_meaning(name, monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")  # to which the folders of front pages are relative
    page = pages.find_page(name, ROOT)
    tagged = [
        c for c in jupytext.read(page.notebook).cells if "parameters" in c.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    parameters = execute.notebook_parameters(page)
    assert parameters == papermill.inspect_notebook(page.notebook)
    assert "store" in parameters or not page.is_chapter
    for parameter in parameters.values():
        assert parameter["inferred_type_name"] != "None", parameter
        assert len(parameter["help"]) > 3, parameter
        # The default passes the check that a reader's value has to pass.
        default = ast.literal_eval(parameter["default"])
        assert execute.check_parameters(page, {parameter["name"]: default})
    # IPython reads a one-line cell that begins with a magic's name ("store") as that magic.
    assert len(tagged[0].source.splitlines()) > 1


#: By the type of a parameter, a value that is not possible.
IMPOSSIBLE = {
    "AtLeast[0]": "-1",
    "AtLeast[1]": "0",
    "AtLeast[3]": "2",
    "Between[2, 7]": "8",
    "Units": "8193",
    "NonNegative": "-0.1",
    "Grid[NonNegative]": "[0.0, -1.0]",
    "Grid[Positive]": "[1.0, 0.0]",
    "Grid[Units]": "[]",
    "Grid[Activation]": "[relux]",
    "Distinct[Units]": "[16, 16]",
    "Distinct[AtLeast[2]]": "[1]",
    "ImageDataset": "MNIST",
    "OtherDataset": "none",
    "Device": "gpu",
    "SizeName": "big",
    "MethodNames": "pca pcaa",
    "bool": "maybe",
    "Folder": "nowhere",
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_possible_is_refused_at_once(name):
    page = pages.find_page(name, ROOT)
    for parameter in execute.notebook_parameters(page).values():
        hint, known = parameter["inferred_type_name"], parameter["name"]
        if hint in ("str", "StorePlace"):  # any text
            continue
        wrong_type = "yes" if hint == "bool" else "{a: 1}"
        for value in (IMPOSSIBLE[hint], wrong_type):
            with pytest.raises(pages.PageError, match="is not possible") as refused:
                execute.check_parameters(page, typed={known: value})
            assert str(refused.value).startswith(f"{name}: {known}")
            assert "\n" not in str(refused.value)


def test_a_new_method_can_be_named(monkeypatch):
    page = pages.find_page("prior_art", ROOT)
    with pytest.raises(pages.PageError, match="there is no method 'new': choose all, or untrained"):
        execute.check_parameters(page, typed={"methods": "pca new"})
    monkeypatch.setitem(methods.METHODS, "new", methods.METHODS["pca"])
    assert execute.check_parameters(page, typed={"methods": "pca new"}) == {"methods": "pca new"}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_profile_fits_the_chapters(path):
    profile = execute.read_profile(path)
    known = {
        name
        for chapter in pages.chapters(ROOT)
        for name in execute.notebook_parameters(pages.find_page(chapter, ROOT))
    }
    assert set(profile) <= known
    for chapter in pages.chapters(ROOT):
        execute.check_parameters(pages.find_page(chapter, ROOT), profile)


@pytest.mark.parametrize("name", NAMES)
def test_imports_its_own_chapter_alone(name):
    """What import-linter cannot see: a chapter's notebook knows no other chapter."""
    text = (ROOT / "notebooks" / f"{name}.py").read_text("utf8")
    imported = {
        (node.module or "").split(".")[2]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("paper.chapters.")
    }
    front_page = name in pages.front_pages(ROOT)
    assert imported <= ({name, "ledger"} if front_page else {name})
