"""What the paper adds to the ``infomax`` command: notebooks, with its parameters or yours."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands to the library's."""
    app.command()(execute)
    app.command()(judge)


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
    import paper.chapters.prior_art.measured.deep_starts
    import paper.chapters.prior_art.measured.head_start
    import paper.chapters.prior_art.measured.nonlinear
    import paper.chapters.prior_art.measured.overlap
    import paper.chapters.prior_art.measured.uses
    import paper.chapters.prior_art.measured.view_ablation
    import paper.chapters.prior_art.measured.view_distances
    import paper.chapters.theory.held_out
    import paper.methods.runs  # noqa: F401


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
    try:
        from paper.pages.command import PageError, execute_pages
    except ImportError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error

    try:
        execute_pages(names or [], profile, parameters or [], output, force, show, typer.echo)
    except PageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def judge(
    show: Annotated[
        bool, typer.Option("--all", help="Print every verdict with what it rests on.")
    ] = False,
) -> None:
    """Judge all claims again from the stored results, and say which verdicts changed.

    They are compared with those on the committed pages; nothing is computed or written.
    """
    try:
        from infomax_lib.results.experiments import NotStoredError, only_stored
        from paper.chapters.ledger.judged_again import differences, judged_again, on_pages
        from paper.judging.verdicts import Verdict, Verdicts
        from paper.pages.page import PageError, project_root
    except ImportError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error

    try:
        root = project_root()
        before = on_pages(root)
        found: list[Verdict] = []
        with only_stored():
            for name, verdicts in judged_again(root):
                typer.echo(f"{name}: {len(verdicts)} claims")
                found += verdicts
    except NotStoredError as error:
        typer.echo(f"error: {error}: `infomax execute` computes what a page lacks", err=True)
        raise typer.Exit(1) from error
    except PageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    now = Verdicts(found)
    if show:
        typer.echo(now.text())
    counts = now.counts()["interpretation"]
    typer.echo("; ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))
    lines = differences(before, now)
    typer.echo("\n".join(lines) or "no verdict differs from the pages")
