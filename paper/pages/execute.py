"""Notebooks executed into the book's pages.

``notebooks/<name>.ipynb`` runs through papermill and becomes ``book/findings/<name>.ipynb`` (a
chapter) or ``book/<name>.ipynb`` (a front page, drawn from the executed chapters). Every page
stores a fingerprint of all that it was made from and a digest of its content, so a page that is up
to date is not executed again, and a stale or hand-edited one can be told from a current one. A
rerun with other parameters goes the same way to another file and may not replace a page.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from pydantic import TypeAdapter, ValidationError

from infomax_lib.results.sweep import SweepError, parse_yaml
from paper.pages.normalize import normalize

__all__ = [
    "Page",
    "PageError",
    "chapter_outputs",
    "chapters",
    "check_parameters",
    "content_digest",
    "execute_page",
    "find_page",
    "fingerprint",
    "front_pages",
    "is_current",
    "notebook_parameters",
    "page_outputs",
    "parse_assignments",
    "project_root",
    "read_profile",
]

ANNOTATIONS = {t.__name__: t for t in (bool, int, float, str, list, dict, tuple)}


class PageError(RuntimeError):
    """A page cannot be executed; the message says why and what to do."""


def _listed(root: Path) -> list[str]:
    """The files of the table of contents, in its order, without suffix."""
    toc = parse_yaml((root / "_toc.yml").read_text("utf-8"), "_toc.yml")
    return [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]


def chapters(root: Path) -> list[str]:
    """Names of the chapters in the order of the book: what ``_toc.yml`` has under ``findings/``."""
    folder = "findings/"
    return [file.removeprefix(folder) for file in _listed(root) if file.startswith(folder)]


def front_pages(root: Path) -> list[str]:
    """Names of the other pages that are notebooks, in the order of the book."""
    return [file for file in _listed(root) if (root / "notebooks" / f"{file}.ipynb").is_file()]


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
    names = chapters(root) + front_pages(root)
    if page.name not in names:
        known = ", ".join(names)
        raise PageError(f"there is no notebook {name!r}; the notebooks are: {known}")
    if not page.notebook.is_file():
        raise PageError(
            f"{page.notebook.relative_to(root)} is missing; `jupytext --sync "
            f"notebooks/{page.name}.py` makes it from its text"
        )
    return page


# Fingerprints


def fingerprint(page: Page, parameters: Mapping[str, Any] | None = None) -> str:
    """SHA-256 of everything a page is made from, as 64 hex digits.

    That is: the notebook's cells, the parameters, the library's source, the pinned environment
    and, for a front page, the executed chapters and the names of the stored results; for the page
    on performance, the stored benchmarks.

    Args:
        page: The page.
        parameters: Values that replace the notebook's own.
    """
    notebook = nbformat.read(page.notebook, as_version=4)
    cells = [[c.cell_type, c.source, c.metadata] for c in notebook.cells]
    digest = hashlib.sha256(json.dumps([cells, parameters or {}], sort_keys=True).encode())
    package = page.root / "infomax_lib"
    sources = sorted(p for p in package.rglob("*") if p.suffix in {".py", ".toml"})
    inputs = [*sources, page.root / "requirements.lock"]
    if page.name == "performance":
        inputs += sorted((page.root / "benchmarks" / "results").glob("*.json"))
    elif not page.is_chapter:
        inputs += [Page(name, page.root).path for name in chapters(page.root)]
        stored = sorted(p.name for p in (page.root / "results").rglob("*.parquet"))
        digest.update(json.dumps(stored).encode())
    for path in inputs:
        digest.update(path.relative_to(page.root).as_posix().encode())
        # Text read with universal newlines: a checkout with CRLF has the same fingerprint.
        digest.update(path.read_text(encoding="utf8").encode() if path.is_file() else b"missing")
    return digest.hexdigest()


def content_digest(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 of an executed notebook's cells and outputs, as 64 hex digits."""
    return hashlib.sha256(json.dumps(notebook.cells, sort_keys=True).encode()).hexdigest()


def is_current(page: Page) -> bool:
    """Whether the page was made from exactly what the checkout holds, and not edited since."""
    if not page.path.is_file():
        return False
    notebook = nbformat.read(page.path, as_version=4)
    made_from = notebook.metadata.get("infomax", {})
    return made_from.get("fingerprint") == fingerprint(page) and made_from.get(
        "content"
    ) == content_digest(notebook)


# Parameters


def notebook_parameters(page: Page) -> dict[str, dict[str, str]]:
    """Parameters of a notebook: name → papermill's name, inferred_type_name, default and help."""
    import papermill

    return papermill.inspect_notebook(page.notebook)


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """Split ``NAME=VALUE`` strings, values as typed; raises PageError for anything else."""
    pairs = [text.partition("=") for text in assignments]
    wrong = [
        text
        for text, (name, sign, _) in zip(assignments, pairs, strict=True)
        if not (name.strip().isidentifier() and sign)
    ]
    if wrong:
        raise PageError(f"-p takes NAME=VALUE, for example -p seeds=5; got {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def read_profile(path: Path) -> dict[str, Any]:
    """Read parameters from a YAML file, a mapping of names to values."""
    if not path.is_file():
        raise PageError(f"there is no profile {path}; notebooks/quick.yml is an example")
    try:
        values = parse_yaml(path.read_text(encoding="utf8"), str(path)) or {}
    except SweepError as error:
        raise PageError(str(error)) from error
    if not isinstance(values, dict):
        raise PageError(f"{path} holds a {type(values).__name__}; expected lines 'name: value'")
    return values


def _literal(text: str, annotation: str) -> Any:
    """A value typed on the command line: Python or JSON notation, or plain text."""
    if annotation == "str":
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError):
            continue
    return text


def check_parameters(
    page: Page,
    profile: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Values for one notebook, checked against its parameters cell.

    Papermill itself accepts unknown names and wrong types silently.

    Args:
        page: The page whose notebook is asked.
        profile: Values from a profile; names that this notebook lacks are left out, because one
            profile serves all notebooks.
        typed: Values from the command line, as text; every name must be known.

    Returns:
        Checked values, those of ``typed`` winning over those of ``profile``.

    Raises:
        PageError: A name is unknown, or a value does not have the type its hint promises.
    """
    known = notebook_parameters(page)
    allowed = ", ".join(f"{n}: {p['inferred_type_name']}" for n, p in known.items()) or "none"
    unknown = sorted(set(typed or {}) - set(known))
    if unknown:
        raise PageError(f"{page.name} has no parameter {', '.join(unknown)}; it has: {allowed}")
    values = {name: value for name, value in (profile or {}).items() if name in known}
    for name, text in (typed or {}).items():
        values[name] = _literal(text, known[name]["inferred_type_name"])
    for name, value in values.items():
        annotation = known[name]["inferred_type_name"]
        try:
            # The hint comes from the project's own notebook; only built-in types have a name here.
            hint = eval(annotation, {"__builtins__": {}}, ANNOTATIONS)
            values[name] = TypeAdapter(hint).validate_python(value, strict=True)
        except NameError as error:
            raise PageError(
                f"{page.name}: parameter {name} has the type hint {annotation!r}; "
                f"use one of {', '.join(ANNOTATIONS)}, or a list of these"
            ) from error
        except ValidationError as error:
            raise PageError(
                f"{page.name}: {name} must be {annotation}, got {value!r} "
                f"({type(value).__name__}); the parameters are: {allowed}"
            ) from error
    return values


# Execution


def _check_pair(page: Page) -> None:
    """Refuse to run a notebook that differs from its text: the reviewed text is what counts."""
    import jupytext
    from jupytext.compare import NotebookDifference, compare_notebooks

    text = page.notebook.with_suffix(".py")
    if not text.is_file():
        return
    try:
        compare_notebooks(jupytext.read(page.notebook), jupytext.read(text), fmt="py:percent")
    except NotebookDifference as difference:
        raise PageError(
            f"notebooks/{page.name}.py and .ipynb differ; `jupytext --sync "
            f"notebooks/{page.name}.py` makes them equal\n{difference}"
        ) from difference


def _failure(page: Page, error: Exception, partial: Path) -> PageError:
    """The error of a notebook that did not run through."""
    from papermill.exceptions import PapermillExecutionError

    where = f"what was executed until then is in {partial}; no page was changed"
    if not isinstance(error, PapermillExecutionError):
        return PageError(f"{page.name}: {type(error).__name__}: {error}\n{where}")
    source = "\n".join(f"    {line}" for line in error.source.splitlines())
    return PageError(
        f"{page.name}: cell {error.cell_index} failed with {error.ename}: {error.evalue}\n"
        f"{source}\n{where}"
    )


def write_atomically(path: Path, text: str) -> None:
    """Write a file under a temporary name in its folder and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def execute_page(
    page: Page, parameters: Mapping[str, Any] | None = None, output: Path | None = None
) -> None:
    """Run a notebook and write the executed, normalised copy.

    Args:
        page: The page to make.
        parameters: Checked values that replace the notebook's own.
        output: File to write, the page itself by default.

    Raises:
        PageError: A cell failed (the partly executed notebook is kept and named), the pair of
            notebook and text differs, or the output would overwrite a page with other parameters.
    """
    import papermill

    _check_pair(page)
    target = output or page.path
    if parameters and target.resolve() == page.path.resolve():
        raise PageError(f"{page.name}: a rerun with other parameters may not replace the page")
    # Taken before the run: a source edited meanwhile must leave the page stale.
    made_from = {"fingerprint": fingerprint(page, parameters), "parameters": dict(parameters or {})}
    folder = Path(tempfile.mkdtemp(prefix="infomax-"))
    partial = folder / f"{page.name}.ipynb"
    try:
        papermill.execute_notebook(
            page.notebook,
            partial,
            dict(parameters or {}),
            kernel_name="python3",
            cwd=page.notebook.parent,
            progress_bar=False,
            stderr_file=sys.stderr,  # the notebook's own progress bars and warnings
            extra_arguments=["--log-level=ERROR"],  # not the note on the local sockets
        )
    except Exception as error:  # whatever stops a notebook is reported in the same way
        raise _failure(page, error, partial) from error
    notebook = normalize(nbformat.read(partial, as_version=4), page.root)
    notebook.metadata["infomax"] = {**made_from, "content": content_digest(notebook)}
    write_atomically(target, nbformat.writes(notebook) + "\n")
    shutil.rmtree(folder)


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
