"""The ``infomax`` command: the paper's notebooks, with its parameters or yours, and sweeps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Execute the notebooks of the InfoMax book, or train a sweep of layers."""


def _list(root: Path) -> None:
    """One line per notebook and one per parameter."""
    from infomax_lib import pages

    for name in pages.CHAPTERS + pages.FRONT_PAGES:
        page = pages.find_page(name, root)
        typer.echo(f"{name}  ({'up to date' if pages.is_current(page) else 'to be executed'})")
        for parameter in pages.notebook_parameters(page).values():
            typer.echo("    {name}: {inferred_type_name} = {default}  # {help}".format(**parameter))


def _rerun_jobs(
    names: list[str], profile: Path | None, typed: list[str], root: Path
) -> list[tuple]:
    """Pages with their checked parameters; all are checked before the first one runs."""
    from infomax_lib import pages

    profile_values = pages.read_profile(profile) if profile else {}
    typed_values = pages.parse_assignments(typed)
    everything = [pages.find_page(name, root) for name in pages.CHAPTERS + pages.FRONT_PAGES]
    known = {name for page in everything for name in pages.notebook_parameters(page)}
    unknown = sorted(set(profile_values) - known)
    if unknown:
        raise pages.PageError(
            f"{profile}: no notebook has a parameter {', '.join(unknown)}; "
            f"there are: {', '.join(sorted(known))}"
        )
    chosen = [pages.find_page(name, root) for name in names or pages.CHAPTERS]
    return [(page, pages.check_parameters(page, profile_values, typed_values)) for page in chosen]


@app.command()
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
    from infomax_lib import pages  # needs packages that a sweep does without

    try:
        root = pages.project_root()
        if show:
            _list(root)
            return
        if profile or parameters:
            jobs = _rerun_jobs(names or [], profile, parameters or [], root)
        else:
            wanted = names or [*pages.CHAPTERS, *pages.FRONT_PAGES]
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


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help="YAML file: fields of a run, value or list each.")],
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    store: Annotated[
        str, typer.Option(help='Folder for the results, "auto" or "memory".')
    ] = "auto",
    device: Annotated[str, typer.Option(help='"auto", "cpu", "cuda" or "cuda:N".')] = "auto",
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE, replaces the file's; may be repeated."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="CSV file for the table of all runs.")] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the scheduler and for its first worker.")
    ] = 15.0,
) -> None:
    """Train all combinations of the values in a YAML file; what the store holds is not repeated.

    For example: infomax sweep sweeps/next_experiment.yaml -p competition=softmax
    """
    from infomax_lib.cluster import ClusterError
    from infomax_lib.data import DataError
    from infomax_lib.runs import plan, resolve_device, run, tasks_wanted
    from infomax_lib.store import open_store
    from infomax_lib.sweep import (
        check_output,
        describe_sweep,
        read_sweep,
        summary,
        sweep_specs,
        write_table,
    )

    start = time.perf_counter()
    try:
        values = read_sweep(file, parameters or [])
        specs, results = sweep_specs(values), open_store(store)
        check_output(output)
        place = None if cluster else resolve_device(device)
        todo = plan(specs, results, cores=tasks_wanted(place))
        typer.echo(f"{file}: {describe_sweep(values)}")
        known = f"{len(specs)} runs: {len(specs) - len(todo.missing)} known"
        where = f"on {cluster}" if cluster else f"on {place}, {todo.processes} at a time"
        if todo.missing:
            populations = f"{len(todo.parts)} population(s)"
            typer.echo(f"{known}, {len(todo.missing)} to train in {populations} {where}")
        else:
            typer.echo(f"{known}, nothing to train")
        table = run(specs, device, results, cluster=cluster, cluster_timeout=timeout)
        if output:
            write_table(table, output)
    except (ValueError, ClusterError, DataError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        typer.echo("To go on, give the same command again.")
        raise typer.Exit(130) from interrupt
    typer.echo("\nMeans over seeds:")
    shown = summary(table, values).to_string(index=False, float_format="{:.4g}".format)
    typer.echo(f"{shown}\n\nstore: {results.folder}")
    if output:
        typer.echo(f"table: {output}")
    typer.echo(f"wall time: {time.perf_counter() - start:.1f} s")


@app.command()
def audit(
    sample: Annotated[int, typer.Option(min=1, help="How many runs to compute again.")] = 5,
    seed: Annotated[int | None, typer.Option(help="Of the draw; a new one by default.")] = None,
    store: Annotated[str, typer.Option(help="Folder of the results store.")] = "auto",
    max_epochs: Annotated[int | None, typer.Option(help="Only runs of at most so many.")] = None,
    minutes: Annotated[float, typer.Option(help="Bound on the estimated time.")] = 5.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Compute stored runs, drawn at random, again; exit with 1 when any measure disagrees.

    The store is only read. For what may differ by how much see infomax_lib/audit.py.
    """
    from infomax_lib.audit import audit_command
    from infomax_lib.data import DataError

    try:
        agree = audit_command(store, sample, seed, max_epochs, minutes, device, typer.echo)
    except (ValueError, DataError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if not agree:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
