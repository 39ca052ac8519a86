"""The pages of the book: which there are, where they lie, and what executed ones say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from infomax_lib.results.sweep import SweepError, read_yaml


class PageError(RuntimeError):
    """A page cannot be executed; the message says why and what to do."""


def _listed(root: Path) -> list[str]:
    """The files of the table of contents, in its order, without suffix."""
    contents = root / "book" / "_toc.yml"
    try:
        toc = read_yaml(contents)
        return [
            toc["root"],
            *(entry["file"] for part in toc["parts"] for entry in part["chapters"]),
        ]
    except SweepError as error:
        raise PageError(str(error)) from error
    except (LookupError, TypeError) as error:
        raise PageError(f"{contents} names no root, or no parts with chapters") from error


def chapters(root: Path) -> list[str]:
    """Names of the chapters in the order of the book: what its contents have in ``findings/``."""
    folder = "findings/"
    return [file.removeprefix(folder) for file in _listed(root) if file.startswith(folder)]


def front_pages(root: Path) -> list[str]:
    """Names of the other pages that are notebooks, in the order of the book."""
    return [file for file in _listed(root) if (root / "notebooks" / f"{file}.ipynb").is_file()]


def all_pages(root: Path) -> list[str]:
    """Names of all pages that are notebooks: the chapters, and the front pages drawn from them."""
    return chapters(root) + front_pages(root)


@dataclass(frozen=True)
class Page:
    """One notebook and the page of the book that it becomes.

    Attributes:
        name: File name without suffix.
        root: Folder of the checkout.
    """

    name: str
    root: Path

    @property
    def is_chapter(self) -> bool:
        """Whether the page is a chapter; a front page is drawn from executed chapters."""
        return self.name in chapters(self.root)

    @property
    def notebook(self) -> Path:
        """The notebook without outputs."""
        return self.root / "notebooks" / f"{self.name}.ipynb"

    @property
    def path(self) -> Path:
        """The committed, executed page."""
        folder = self.root / "book"
        return (folder / "findings" if self.is_chapter else folder) / f"{self.name}.ipynb"


def project_root() -> Path:
    """Folder of the checkout that this package is installed from.

    Raises:
        PageError: The package was installed without its notebooks.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "notebooks").is_dir():
        raise PageError(
            f"no notebooks/ in {root}: pages are executed in a checkout "
            "with the package installed by `pip install --no-deps -e .` (`make install` does it)"
        )
    return root


def find_page(name: str, root: Path) -> Page:
    """The page called ``name``; raises PageError naming the pages that exist."""
    page = Page(Path(name).stem, root)
    names = all_pages(root)
    if page.name not in names:
        known = ", ".join(names)
        raise PageError(f"there is no notebook {name!r}; the notebooks are: {known}")
    if not page.notebook.is_file():
        raise PageError(
            f"{page.notebook.relative_to(root)} is missing; `jupytext --sync "
            f"notebooks/{page.name}.py` makes it from its text"
        )
    return page


def page_outputs(page: Page) -> list[Any]:
    """All outputs of an executed page, in order; none if it has not been executed."""
    cells = nbformat.read(page.path, as_version=4).cells if page.path.is_file() else []
    return [output for cell in cells for output in cell.get("outputs", [])]


def chapter_outputs(mime: str, root: Path) -> dict[str, list[Any]]:
    """What the executed chapters say about themselves.

    Args:
        mime: Type of the outputs, such as :data:`paper.judging.verdicts.CARD_MIME`.
        root: Folder of the checkout.

    Returns:
        Chapter name → contents of its outputs of that type, in the order of the book; chapters
        that have not been executed are left out.
    """
    found: dict[str, list[Any]] = {}
    for page in (Page(name, root) for name in chapters(root)):
        if page.path.is_file():
            found[page.name] = [
                o.data[mime] for o in page_outputs(page) if mime in o.get("data", {})
            ]
    return found
