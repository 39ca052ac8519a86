"""A page has the same bytes whatever the settings of the machine and the user are."""

import os
from pathlib import Path

import jupytext
import matplotlib as mpl
import nbformat
import pytest

from paper.figures.style import panels, use_style
from paper.pages.execute import execute_page
from paper.pages.page import Page
from paper.pages.settings import neutral_environment

NOTEBOOK = """
# %%
import locale, os, shutil, sys, time
import matplotlib.pyplot as plt
import pandas as pd
import torch
from paper.figures.style import panels, use_style
use_style()

# %%
assert 1 + 1 == 2
print(locale.getpreferredencoding(), time.strftime("%H", time.localtime(0)), hash("a"))
print(shutil.get_terminal_size(), sys.flags.optimize, sys.warnoptions)
print(torch.ones(300, 300) @ torch.ones(300, 1))
pd.DataFrame({"x": [0.123456789] * 3, "y": "Zürich"})

# %%
figure, axes = panels()
axes.plot([0, 1], [0.5, 1.5])
figure

# %%
plt.plot([1, 2]);
"""
MATPLOTLIBRC = "axes.facecolor: red\nxtick.direction: in\nlines.markersize: 20\n"


@pytest.fixture
def page(tmp_path) -> Page:
    for folder in ("notebooks", "book"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "_toc.yml").write_text("root: toy\nparts: []\n", "utf8")
    (tmp_path / "requirements.lock").write_text("torch==0\n", "utf8")
    notebook = jupytext.reads(NOTEBOOK, fmt="py:percent")
    nbformat.write(notebook, tmp_path / "notebooks" / "toy.ipynb")
    return Page("toy", tmp_path)


@pytest.fixture
def someones_settings(tmp_path, monkeypatch) -> None:
    own = tmp_path / "matplotlibrc"
    own.write_text(MATPLOTLIBRC, "utf8")
    startup = tmp_path / "startup.py"
    startup.write_text("import pandas\npandas.set_option('display.precision', 2)\n", "utf8")
    for name, value in {
        "COLUMNS": "40",
        "LC_ALL": "tr_TR.ISO8859-9",
        "LANG": "de_DE",
        "MATPLOTLIBRC": str(own),
        "MKL_VERBOSE": "1",
        "MPLBACKEND": "pdf",
        "NO_COLOR": "1",
        "OMP_DISPLAY_ENV": "true",
        "PYTHONHASHSEED": "7",
        "PYTHONIOENCODING": "ascii",
        "PYTHONOPTIMIZE": "1",
        "PYTHONSTARTUP": str(startup),
        "PYTHONUTF8": "0",
        "PYTHONWARNINGS": "error::ResourceWarning",
        "SOURCE_DATE_EPOCH": "0",
        "TZ": "Pacific/Auckland",
    }.items():
        monkeypatch.setenv(name, value)


def executed(page: Page, output: Path) -> str:
    execute_page(page, output=output)
    return output.read_text("utf8")


def test_page_is_the_same_under_someone_elses_settings(page, tmp_path, request):
    ours = executed(page, tmp_path / "ours" / "toy.ipynb")
    assert "image/" in ours
    request.getfixturevalue("someones_settings")
    (page.notebook.parent / "matplotlibrc").write_text(MATPLOTLIBRC, "utf8")
    assert executed(page, tmp_path / "theirs" / "toy.ipynb") == ours


def test_environment_keeps_where_things_are(someones_settings):
    places = {"PATH": "/bin", "INFOMAX_DATA": "/data", "MPLCONFIGDIR": "/m"}
    resources = {"OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "1", "NUMBA_CACHE_DIR": "/n"}
    given = places | resources
    assert given.items() <= neutral_environment(os.environ | given).items()
    path = neutral_environment({"PYTHONPATH": "/here"})["PYTHONPATH"]
    assert path.split(os.pathsep) == [str(Path(__file__).parents[2]), "/here"]
    assert (
        not {"MPLBACKEND", "LANG", "PYTHONWARNINGS", "MKL_VERBOSE"}
        & neutral_environment(os.environ).keys()
    )


@pytest.mark.parametrize("drawn", [use_style, panels])
def test_style_starts_from_the_defaults(drawn, house_style):
    mpl.rcParams.update({"axes.facecolor": "red", "xtick.direction": "in"})
    result = drawn()
    if result is None:
        assert mpl.rcParams["xtick.direction"] == mpl.rcParamsDefault["xtick.direction"]
    else:
        assert mpl.rcParams["xtick.direction"] == "in"  # of the caller, not touched
        assert result[1].xaxis.get_major_ticks()[0].get_tickdir() == "out"
