"""The toy checkout, for all that is executed here."""

from pathlib import Path

import pytest
from toy_checkout import NOTEBOOK, write_notebook

from paper.pages import page as pages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A checkout whose notebooks need nothing but Python."""
    root = tmp_path / "ein Haus für Zwei"  # spaces and letters beyond ASCII
    for folder in ("notebooks", "infomax_lib", "results/runs", "book"):
        (root / folder).mkdir(parents=True)
    (root / "infomax_lib" / "__init__.py").write_text("x = changed = 1\n", "utf8")
    (root / "requirements.lock").write_text("torch==0\n", "utf8")
    (root / "results" / "runs" / "abc.parquet").write_bytes(b"")
    # without the one page that is made from all of the code
    toc = (ROOT / "book" / "_toc.yml").read_text("utf8")
    toc = toc.replace("      - file: architecture\n", "")
    (root / "book" / "_toc.yml").write_text(toc, "utf8")
    for name in pages.chapters(root) + pages.front_pages(ROOT):
        write_notebook(root, name, NOTEBOOK)
    monkeypatch.setattr(pages, "project_root", lambda: root)
    return root
