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
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from textwrap import shorten
from typing import Any

import nbformat
from pydantic import ConfigDict, TypeAdapter, ValidationError

from infomax_lib.results.files import refuse_unwritable, write_whole
from infomax_lib.results.sweep import SweepError, parse_yaml, read_yaml
from paper.pages.fingerprint import cells_that_count, content_digest, fingerprint
from paper.pages.normalize import normalize
from paper.pages.page import Page, PageError

#: Packages whose names a parameters cell may import for its hints.
PACKAGES = ("infomax_lib", "paper")


# Parameters


def notebook_parameters(page: Page) -> dict[str, dict[str, str]]:
    """Parameters of a notebook: name → papermill's name, inferred_type_name, default and help."""
    from papermill.translators import PythonTranslator

    found = PythonTranslator.inspect({"source": _parameters_cell(page)})
    return {parameter.name: parameter._asdict() for parameter in found}


def _parameters_cell(page: Page) -> str:
    cells = nbformat.read(page.notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return tagged[0] if tagged else ""


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
    names = [name.strip() for name, _, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PageError(f"-p gives {', '.join(twice)} twice: which one is meant?")
    return {name.strip(): value.strip() for name, _, value in pairs}


def read_profile(path: Path) -> dict[str, Any]:
    """Read parameters from a YAML file, a mapping of names to values."""
    if not path.is_file():
        raise PageError(f"there is no profile {path}; notebooks/quick.yml is an example")
    try:
        values = read_yaml(path)
    except SweepError as error:
        raise PageError(str(error)) from error
    if values is None:
        raise PageError(f"{path} is empty: write one parameter per line, such as seeds: 5")
    if not isinstance(values, dict):
        raise PageError(f"{path} holds a {type(values).__name__}; expected lines 'name: value'")
    return values


def _hints(cell: str) -> dict[str, Any]:
    """What the names in the hints of a parameters cell stand for."""
    names: dict[str, Any] = {kind.__name__: kind for kind in (bool, int, float, str, list)}
    for node in ast.parse(cell).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            module = import_module(node.module or "")
            names |= {alias.name: getattr(module, alias.name) for alias in node.names}
    return names


def _read_hint(hint: ast.expr, names: Mapping[str, Any]) -> Any:
    """The type that a hint stands for: names, brackets and numbers, nothing else."""
    match hint:
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Constant(value=int(number)):
            return number
        case ast.Tuple(elts=parts):
            return tuple(_read_hint(part, names) for part in parts)
        case ast.Subscript(value=kind, slice=of):
            return _read_hint(kind, names)[_read_hint(of, names)]
    raise PageError(
        f"the type hint {ast.unparse(hint)} is none of {', '.join(names)}: "
        "import it in the parameters cell"
    )


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
        PageError: A name is unknown, or a value is not what its hint allows.
    """
    known = notebook_parameters(page)
    given = {name: [value] for name, value in (profile or {}).items() if name in known}
    for name, text in (typed or {}).items():
        if name not in known:
            raise PageError(f"{page.name} has no parameter {name}; it has: {', '.join(known)}")
        given[name] = _readings(text)
    names = _hints(_parameters_cell(page)) if given else {}
    values: dict[str, Any] = {}
    for name, readings in given.items():
        hint = _read_hint(ast.parse(known[name]["inferred_type_name"], mode="eval").body, names)
        allowed = TypeAdapter(hint, config=ConfigDict(strict=True, allow_inf_nan=False))
        for reading in readings:
            try:
                values[name] = allowed.validate_python(reading)
                break
            except ValidationError as error:
                refused = error.errors()[0]
        else:
            raise PageError(f"{page.name}: {_explain(known[name], refused)}")
    return values


def _readings(text: str) -> list[Any]:
    """What a value typed on the command line may mean: itself, or what it is in YAML."""
    try:
        return [text, parse_yaml(text, text)]
    except SweepError:
        return [text]


def _explain(parameter: Mapping[str, str], refused: Mapping[str, Any]) -> str:
    """What was given, what is allowed, and what the notebook says about it, in one line."""
    place = "".join(f"[{part}]" for part in refused["loc"])
    given, default = (shorten(t, 60) for t in (repr(refused["input"]), parameter["default"]))
    return (
        f"{parameter['name']}{place}={given} is not possible: "
        f"{refused['msg'].removeprefix('Value error, ')} "
        f"({parameter['help']}; its default is {default})"
    )


# Execution


def _check_pair(page: Page) -> None:
    """Refuse to run a notebook that differs from its text: the reviewed text is what counts."""
    import jupytext

    text = page.notebook.with_suffix(".py")
    if not text.is_file():
        return
    pair = (jupytext.read(page.notebook), jupytext.read(text))
    for ours, reviewed in zip_longest(*map(cells_that_count, pair)):
        if ours != reviewed:
            _, source, metadata = ours or reviewed
            raise PageError(
                f"notebooks/{page.name}.py and .ipynb differ from the cell {metadata} on that "
                f"begins {shorten(source, 60)!r}; `jupytext --sync notebooks/{page.name}.py` "
                "makes them equal, the newer one wins"
            )


def check_target(page: Page, target: Path, rerun: bool) -> None:
    """Refuse, before anything runs, to write where that would fail or replace what is not ours.

    Executed notebooks say so themselves, wherever they lie and by whatever name they are reached;
    nothing else is replaced, and a page of the book not by a rerun with other parameters.

    Raises:
        PageError: That, with what to do.
    """
    try:
        refuse_unwritable(target.absolute().parent)
    except OSError as error:
        raise PageError(
            f"{page.name}: nothing can be written to {target.parent} "
            f"({os.strerror(error.errno or 0)}): "
            "name another folder by --output"
        ) from error
    if not target.exists() or (not rerun and page.path.exists() and target.samefile(page.path)):
        return
    made_from = _made_from(target)
    if made_from is None:
        what = "was not written by `infomax execute`"
    elif rerun and not made_from.get("parameters"):
        what = "has the notebook's own parameters, and a rerun with others may not replace the page"
    else:
        return
    raise PageError(f"{page.name}: {target} {what}: name another folder by --output")


def _made_from(path: Path) -> dict[str, Any] | None:
    """What an executed notebook was made from; None for any other file."""
    try:
        return json.loads(path.read_text("utf8"))["metadata"]["infomax"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _failure(page: Page, error: Exception, partial: Path) -> PageError:
    """The error of a notebook that did not run through, in the words of who raised it."""
    from papermill.exceptions import PapermillExecutionError

    what = f"{type(error).__name__}: {error}"
    if isinstance(error, PapermillExecutionError):
        what = f"{error.evalue} ({error.ename} in cell {error.cell_index})"
    return PageError(
        f"{page.name}: {what}; what was executed until then is in {partial}; no page was changed"
    )


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

    from paper.pages.kernel import kernel_environment, kernel_manager

    _check_pair(page)
    target = output or page.path
    check_target(page, target, bool(parameters))
    # Taken before the run: a source edited meanwhile must leave the page stale.
    made_from = {"fingerprint": fingerprint(page, parameters), "parameters": dict(parameters or {})}
    folder = Path(tempfile.mkdtemp(prefix="infomax-"))
    partial = folder / f"{page.name}.ipynb"
    private = folder / "ipython"
    try:
        papermill.execute_notebook(
            page.notebook,
            partial,
            dict(parameters or {}),
            kernel_name="python3",
            kernel_manager_class=kernel_manager(
                kernel_environment(page.root, private, bool(parameters))
            ),
            language="python",
            cwd=page.notebook.parent,
            progress_bar=False,
            stderr_file=sys.stderr,  # the notebook's own progress bars and warnings
            extra_arguments=["--log-level=ERROR"],  # not the note on the local sockets
        )
    except Exception as error:  # whatever stops a notebook is reported in the same way
        raise _failure(page, error, partial) from error
    finally:
        shutil.rmtree(private, ignore_errors=True)
    notebook = normalize(nbformat.read(partial, as_version=4), page.root)
    notebook.metadata["infomax"] = {**made_from, "content": content_digest(notebook)}
    write_whole(target, f"{nbformat.writes(notebook)}\n".encode())
    shutil.rmtree(folder)
