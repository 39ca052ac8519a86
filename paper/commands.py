"""What the paper adds to the ``infomax`` command: notebooks, with its parameters or yours."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands to the library's."""
    app.command()(execute)


def import_kinds() -> None:
    """Make known to the audit what the paper stores besides runs."""
    import paper.chapters.mutual_information.measured.adversarial
    import paper.chapters.mutual_information.measured.dependent_batches
    import paper.chapters.mutual_information.measured.halves
    import paper.chapters.mutual_information.measured.importance_weighted
    import paper.chapters.mutual_information.measured.layer_information
    import paper.chapters.open_questions.guided
    import paper.chapters.open_questions.stacks
    import paper.chapters.open_questions.transfer
    import paper.chapters.prior_art.measured.assessment
    import paper.chapters.prior_art.measured.head_start
    import paper.chapters.prior_art.measured.overlap
    import paper.chapters.prior_art.measured.view_ablation
    import paper.chapters.theory.held_out
    import paper.methods.runs  # noqa: F401


def _pages() -> ModuleType:
    """:mod:`paper.pages.execute`, or the end of the command, with a line that names the extra."""
    try:
        from paper.pages import execute as pages
    except ImportError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error

    return pages


def _list(pages: ModuleType, root: Path) -> None:
    """One line per notebook and one per parameter."""
    for name in pages.chapters(root) + pages.front_pages(root):
        page = pages.find_page(name, root)
        typer.echo(f"{name}  ({'up to date' if pages.is_current(page) else 'to be executed'})")
        for parameter in pages.notebook_parameters(page).values():
            typer.echo("    {name}: {inferred_type_name} = {default}  # {help}".format(**parameter))


def _rerun_jobs(
    pages: ModuleType, names: list[str], profile: Path | None, typed: list[str], root: Path
) -> list[tuple]:
    """Pages with their checked parameters; all are checked before the first one runs."""
    profile_values = pages.read_profile(profile) if profile else {}
    typed_values = pages.parse_assignments(typed)
    names_of_all = pages.chapters(root) + pages.front_pages(root)
    everything = [pages.find_page(name, root) for name in names_of_all]
    known = {name for page in everything for name in pages.notebook_parameters(page)}
    unknown = sorted(set(profile_values) - known)
    if unknown:
        raise pages.PageError(
            f"{profile}: no notebook has a parameter {', '.join(unknown)}; "
            f"there are: {', '.join(sorted(known))}"
        )
    chosen = [pages.find_page(name, root) for name in names or pages.chapters(root)]
    return [(page, pages.check_parameters(page, profile_values, typed_values)) for page in chosen]


def execute(
    names: Annotated[
        list[str] | None, typer.Argument(help="Notebooks to execute; all of them by default.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", "-f", help="YAML file with parameters.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, may be repeated.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to (reruns/ when parameters are given).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Execute pages that are current.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List notebooks and parameters.")] = False,
) -> None:
    """Execute notebooks into the book; pages that are up to date are skipped.

    With --profile or --parameter the executed copy goes to reruns/ and no page is touched.
    """
    pages = _pages()
    try:
        root = pages.project_root()
        if show:
            _list(pages, root)
            return
        if profile or parameters:
            jobs = _rerun_jobs(pages, names or [], profile, parameters or [], root)
        else:
            wanted = names or pages.chapters(root) + pages.front_pages(root)
            jobs = [(pages.find_page(name, root), {}) for name in wanted]
        folder = output or (root / "reruns" if profile or parameters else None)
        for page, values in jobs:
            # Asked here and not before: a front page depends on the chapters just executed.
            if not (force or folder) and pages.is_current(page):
                typer.echo(f"{page.name}: up to date")
                continue
            typer.echo(f"{page.name}: executing …")
            start = time.perf_counter()
            target = folder / page.path.name if folder else page.path
            pages.execute_page(page, values, target)
            typer.echo(f"{page.name}: {time.perf_counter() - start:.0f} s → {target}")
    except pages.PageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
