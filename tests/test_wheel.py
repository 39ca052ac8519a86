"""The wheel is the library alone: it trains, and knows no paper and no package of the book."""

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOOK = ("nbformat", "papermill", "jupytext", "myst_nb", "IPython", "matplotlib", "seaborn")

TRAIN = f"""
from infomax_lib import RunSpec, grid, run
specs = grid(RunSpec(dataset="digits", hidden_dim=8, epochs=1), seed=[1, 2])
table = run(specs, store="memory", device="cpu")
assert len(table) == 2 and table["loss"].notna().all(), table
present = set({BOOK}) & set(sys.modules)
assert not present, present
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of the checkout, whose own build folder may hold what is gone."""
    copy, folder = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for package in ("infomax_lib", "paper", "benchmarks"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, *command, "-w", folder, copy], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel's content and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(code: str, folder: Path) -> str:
    """What a program prints, errors included, that finds packages in a folder and the environment.

    Without ``site``, as Python is started here, no editable install brings in the checkout.
    """
    paths = [str(folder), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    command = [sys.executable, "-I", "-S", "-c", f"import sys\nsys.path[:0] = {paths}\n{code}"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_holds_the_library_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "infomax_lib"
    }
    assert "infomax_lib/py.typed" in names
    source = {p.relative_to(ROOT).as_posix() for p in (ROOT / "infomax_lib").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == source


def test_asks_for_what_the_library_imports(installed):
    """No dependency too few, none too many; what is imported within a function counts, too."""
    (metadata,) = installed.glob("*.dist-info/METADATA")
    lines = re.findall(r"^Requires-Dist: ([\w.-]+)(.*)$", metadata.read_text("utf8"), re.MULTILINE)
    required = {name.lower() for name, rest in lines if "extra ==" not in rest}
    known = packages_distributions()
    found = set()
    for path in (installed / "infomax_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            found |= {name.partition(".")[0] for name in modules}
    found -= {*sys.stdlib_module_names, "infomax_lib", "distributed"}  # the extra `cluster`
    assert {known[name][0].lower() for name in found} == required


def test_trains_without_the_book(installed):
    python(TRAIN, installed)


def test_command_has_no_pages(installed):
    help_text = python(
        "sys.argv = ['infomax', '--help']\n"
        "import runpy\nrunpy.run_module('infomax_lib.cli', run_name='__main__')",
        installed,
    )
    assert {"sweep", "audit"} <= set(help_text.split())
    assert "execute" not in help_text


def test_paper_without_the_books_packages():
    modules = "paper, paper.chapters, paper.commands, paper.judging.claims, paper.methods"
    python(f"sys.modules |= dict.fromkeys({BOOK})\nimport {modules}", ROOT)


def test_figures_and_pages_name_the_extra():
    code = f"""
import importlib
sys.modules |= dict.fromkeys({BOOK})
for module in ("paper.figures.style", "paper.pages.execute"):
    try:
        importlib.import_module(module)
    except ImportError as error:
        print(str(error).replace("\\n", " "))
"""
    lines = python(code, ROOT).splitlines()
    assert len(lines) == 2
    assert all("pip install -e '.[book]'" in line for line in lines)


def test_command_names_the_extra():
    code = f"""
sys.modules |= dict.fromkeys({BOOK})
sys.argv = ["infomax", "execute", "--list"]
from infomax_lib.cli import app
try:
    app()
except SystemExit as end:
    assert end.code == 1
"""
    assert "pip install -e '.[book]'" in python(code, ROOT)
