"""A checkout whose notebooks need nothing but Python, and the command on it."""

from pathlib import Path

import jupytext
import nbformat
from typer.testing import CliRunner

from infomax_lib import cli
from paper.pages import page as pages

PAGE = "tc_pressure"
NOTEBOOK = """
# %% [markdown]
# # Toy

# %% tags=["parameters"]
from paper.pages.parameters import AtLeast, Grid, StorePlace

seeds: AtLeast[1] = 3  # how many
scale: float = 0.5  # times what
name: str = "digits"  # of what
grid: Grid[float] = [0.0, 1e-4]  # where
store: StorePlace = "auto"  # results store

# %%
import pathlib, sys
import infomax_lib
print(name, seeds * scale, grid, pathlib.Path.cwd())
print("  5%|▌   | 1/20 [00:00<00:01, 9.9it/s]", end="\\r", file=sys.stderr)
object()
"""


def write_notebook(root: Path, name: str, text: str) -> None:
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")


def infomax(*arguments: str):
    """Run the command; returns its result, output and errors together in ``output``."""
    return CliRunner().invoke(cli.app, ["execute", *arguments])


def page(root: Path) -> pages.Page:
    return pages.find_page(PAGE, root)
