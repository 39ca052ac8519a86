"""Notebooks executed into the book's pages.

``notebooks/<name>.ipynb`` runs through papermill and becomes ``book/findings/<name>.ipynb`` (a
chapter) or ``book/<name>.ipynb`` (a front page, drawn from the executed chapters). Every page
stores a fingerprint of all that it was made from and a digest of its content, so a page that is up
to date is not executed again, and a stale or hand-edited one can be told from a current one. A
rerun with other parameters goes the same way to another file and may not replace a page.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from pydantic import TypeAdapter, ValidationError

from infomax_lib.results.sweep import SweepError, parse_yaml
from paper.pages.fingerprint import content_digest, fingerprint
from paper.pages.normalize import normalize
from paper.pages.page import Page, PageError
from paper.pages.pictures import keep_one_form

ANNOTATIONS = {t.__name__: t for t in (bool, int, float, str, list, dict, tuple)}


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
    if not parameters:  # a rerun is in no clone and on no site, and waits for no lighter figures
        for cell in notebook.cells:
            keep_one_form(cell)
    notebook.metadata["infomax"] = {**made_from, "content": content_digest(notebook)}
    write_atomically(target, nbformat.writes(notebook) + "\n")
    shutil.rmtree(folder)
