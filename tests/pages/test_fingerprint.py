"""A page is stale when something that it is made from has changed, and only then."""

from copy import deepcopy

import jupytext
import nbformat
import pytest

from paper.pages.fingerprint import fingerprint, sources, what_runs
from paper.pages.page import find_page, project_root

FILES = {
    "infomax_lib/__init__.py": "from infomax_lib.model import layer\n",
    "infomax_lib/model/__init__.py": "",
    "infomax_lib/model/layer.py": "x = 1\n",
    "infomax_lib/model/lazy.py": "y = 1\n",
    "infomax_lib/cli.py": "z = 1\n",
    "paper/__init__.py": "",
    "paper/chapters/__init__.py": "import pkgutil\n\n\ndef judge(): pass\n",
    "paper/chapters/one/__init__.py": "",
    "paper/chapters/one/words.py": "def later():\n    from infomax_lib.model import lazy\n",
    "paper/chapters/one/rules.py": "from paper.judging import claims\n",
    "paper/chapters/two/__init__.py": "",
    "paper/chapters/two/rules/__init__.py": "",
    "paper/chapters/two/rules/first.py": "r = 1\n",
    "paper/judging/__init__.py": "",
    "paper/judging/claims.py": "c = 1\n",
    "paper/judging/published.toml": "p = 1\n",
    "paper/methods/__init__.py": "import pkgutil\n",
    "paper/methods/family/pca.py": "m = 1\n",
    "requirements.lock": "torch==0\n",
    "book/_toc.yml": "root: front\n"
    "parts:\n- chapters: [{file: findings/one}, {file: findings/two}]\n",
}
NOTEBOOKS = {
    "one": "import infomax_lib\n"
    "from paper.chapters import judge\n"
    "from paper.chapters.one.words import later",
    "two": "import paper.methods\nfrom paper.chapters.two import rules",
    "front": "from paper.chapters import judge",
}


@pytest.fixture
def checkout(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf8")
    for folder in ("notebooks", "results/runs", "book/findings"):
        (tmp_path / folder).mkdir(parents=True)
    for name, code in NOTEBOOKS.items():
        notebook = jupytext.reads(f"# %%\n{code}\n", fmt="py:percent")
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path


def all_prints(root):
    return {name: fingerprint(find_page(name, root)) for name in NOTEBOOKS}


def changed(root, name, text):
    before = all_prints(root)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, "utf8")
    after = all_prints(root)
    return {page for page in NOTEBOOKS if before[page] != after[page]}


@pytest.mark.parametrize("name", [".#family.py", ".ipynb_checkpoints/a-checkpoint.py"])
def test_what_editors_leave_makes_no_page_stale(checkout, name):
    for folder in (
        "infomax_lib/model",
        "paper/methods",
        "paper/chapters/two/rules",
        "results/runs",
    ):
        before = all_prints(checkout)
        path = checkout / folder / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to("somebody@somewhere.1234")  # as Emacs marks an open file
        assert all_prints(checkout) == before
        path.unlink()
        path.write_text("x = 2\n", "utf8")
        path.with_suffix(".toml").write_text("x = 2\n", "utf8")
        assert all_prints(checkout) == before


@pytest.mark.parametrize(
    ("file", "pages"),
    [
        ("infomax_lib/model/layer.py", {"one"}),  # by a package's face
        ("infomax_lib/model/lazy.py", {"one"}),  # by a function
        ("infomax_lib/cli.py", set()),
        ("paper/chapters/one/words.py", {"one"}),
        ("paper/chapters/one/rules.py", {"one", "front"}),  # by the registry
        ("paper/chapters/two/rules/first.py", {"front"}),  # a package is not what is in it
        ("paper/judging/claims.py", {"one", "front"}),
        ("paper/judging/published.toml", {"one", "front"}),
        ("paper/methods/family/pca.py", {"two"}),  # found by its place
        ("paper/methods/family/new.py", {"two"}),
        ("paper/chapters/two/words.py", set()),
        ("requirements.lock", {"one", "two", "front"}),
        ("results/runs/new.parquet", {"front"}),
    ],
)
def test_what_makes_a_page_stale(checkout, file, pages):
    assert changed(checkout, file, "changed = 2\n") == pages


def test_what_does_not_run_does_not_count(checkout):
    layer = "infomax_lib/model/layer.py"
    documented = '"""About."""\n\n# a comment\nx = 1  # another\n'
    assert changed(checkout, layer, documented) == set()
    assert changed(checkout, layer, 'x = 1\n"""A text that is no docstring."""\n') == {"one"}


def test_line_endings_do_not_count(checkout):
    (checkout / "infomax_lib/model/layer.py").write_text('x = """two\nlines"""\n', "utf8")
    before = all_prints(checkout)
    files = [path for path in checkout.rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert {".py", ".toml", ".yml", ".lock", ".ipynb"} == {path.suffix for path in files}
    assert all_prints(checkout) == before


def as_saved_by_an_editor(notebook):
    """A notebook opened, run, folded, scrolled and saved in JupyterLab and in VS Code."""
    saved = deepcopy(notebook)
    saved.metadata.kernelspec = {"name": "conda-env", "display_name": "My environment"}
    saved.metadata.language_info = {"name": "python", "version": "3.13.1"}
    saved.metadata.widgets = saved.metadata.vscode = {"interpreter": {"hash": "0"}}
    for count, cell in enumerate(saved.cells):
        cell.id = f"random-{count}"
        cell.metadata |= {
            "execution": {"iopub.status.busy": "now"},
            "jupyter": {"outputs_hidden": True},
            "vscode": {"languageId": "python"},
            "slideshow": {"slide_type": "slide"},
            "ExecuteTime": {"end_time": "now"},
            **dict.fromkeys(("collapsed", "scrolled", "editable", "deletable", "trusted"), True),
        }
        cell.metadata.setdefault("tags", [])
        if cell.cell_type == "code":
            cell.execution_count = count + 7
            cell.outputs = [nbformat.v4.new_output("stream", text="seen")]
            cell.source += "\n"
    saved.cells.append(nbformat.v4.new_code_cell(""))  # after the last one was run
    return saved


def test_what_editors_add_does_not_count(checkout):
    path = find_page("one", checkout).notebook
    notebook, before = nbformat.read(path, as_version=4), all_prints(checkout)
    nbformat.write(as_saved_by_an_editor(notebook), path)
    assert all_prints(checkout) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.metadata.update(tags=["hide-input"]),
        lambda cell: cell.metadata.update(mystnb={"image": {"alt": "what is seen"}}),
        lambda cell: cell.update(source="x = 2"),
        lambda cell: cell.update(cell_type="markdown"),
    ],
)
def test_what_a_page_is_made_from_counts(checkout, change):
    path = find_page("one", checkout).notebook
    notebook, before = nbformat.read(path, as_version=4), all_prints(checkout)
    change(notebook.cells[0])
    nbformat.write(notebook, path)
    assert all_prints(checkout)["one"] != before["one"]


def test_strings_and_names_with_a_hash_are_no_comments():
    text = 'def f(x):\n    """Doc # string."""\n    return "a # b" + x["#"]  # gone\n'
    assert what_runs(text) == 'def f(x):\n    return "a # b" + x["#"]'


def test_a_chapter_of_the_book_does_not_depend_on_another():
    root = project_root()
    for chapter in ("tc_pressure", "bias_loophole"):
        own = root / "paper" / "chapters"
        folders = {
            path.relative_to(own).parts[0]
            for path in sources(find_page(chapter, root))
            if own in path.parents
        }
        assert folders == {chapter, "__init__.py"}
