"""Pages run in the environment of the command, and folders are where they were typed."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from toy_checkout import NOTEBOOK, PAGE, infomax, page, write_notebook

LOOK = """
# %%
import os, sys
print("python", sys.executable == EXECUTABLE, "spoiled" in globals())
for name in ("INFOMAX_STORE", "INFOMAX_DATA"):
    print(name, os.environ.get(name))
print("store", store)
"""


@pytest.fixture
def typed_elsewhere(checkout, tmp_path, monkeypatch):
    """A page that says where it runs, and a session of a user that is not here."""
    write_notebook(checkout, PAGE, NOTEBOOK + LOOK.replace("EXECUTABLE", repr(sys.executable)))
    monkeypatch.chdir(tmp_path)
    for name in ("INFOMAX_STORE", "INFOMAX_DATA"):
        monkeypatch.delenv(name, raising=False)
    return checkout


def said(path: Path) -> str:
    outputs = nbformat.read(path, as_version=4).cells[-1].outputs
    return "".join(o.text for o in outputs if o.name == "stdout")


def test_the_kernel_is_that_of_the_command(typed_elsewhere, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    mine = {"argv": ["/bin/false"], "display_name": "Mine", "language": "python"}
    spec.write_text(json.dumps(mine), "utf8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "00.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("spoiled = 1\nprint('spoiled')\n", "utf8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    before = sorted(tmp_path.rglob("ipython/**/*"))
    assert infomax(PAGE).exit_code == 0
    shown = said(page(typed_elsewhere).path)
    assert "python True False\n" in shown
    assert "INFOMAX_STORE results\n" in shown  # what a page needs stays with the checkout
    assert sorted(tmp_path.rglob("ipython/**/*")) == before


def test_folders_are_relative_to_where_they_were_typed(typed_elsewhere, tmp_path, monkeypatch):
    monkeypatch.setenv("INFOMAX_STORE", "my-store")
    monkeypatch.setenv("INFOMAX_DATA", "data")
    assert infomax(PAGE, "-p", "store=other", "--output", "out").exit_code == 0
    assert said(tmp_path / "out" / f"{PAGE}.ipynb").endswith(
        f"INFOMAX_STORE {tmp_path / 'my-store'}\nINFOMAX_DATA {tmp_path / 'data'}\n"
        f"store {tmp_path / 'other'}\n"
    )
