"""The committed pages run again from the committed store."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import nbformat
import pytest

from paper.pages import page as pages

ROOT = Path(__file__).parents[1]
CHECK = "# NBVAL_CHECK_OUTPUT"


def replay(
    page: pages.Page, store: Path, mode: str, environment: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Run a committed page as a user would, who has nbval read the results from a store."""
    command = [sys.executable, "-m", "pytest", "-q", mode, "--nbval-cell-timeout=300"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", str(page.path)]
    environment = os.environ | environment | {"INFOMAX_STORE": str(store)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", pages.front_pages(ROOT))
def test_front_page_shows_to_the_letter_what_it_shows(name):
    """Every output, figures too, and nothing besides: no warning, no progress bar."""
    replay(pages.find_page(name, ROOT), ROOT / "results", "--nbval")


@pytest.mark.parametrize("name", pages.chapters(ROOT))
def test_page_replays_from_the_store(name, real_dataset, drafts, tmp_path):
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
    replay(page, store, "--nbval-lax", drafts)
    assert sorted(p.name for p in store.rglob("*")) == before
