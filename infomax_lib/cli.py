"""The ``infomax`` command: sweeps and audits, and what is beside the library.

In a checkout of the book the paper adds its own commands, see :func:`_commands_beside`.
"""

from __future__ import annotations

import codecs
import importlib
import io
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

#: What stands for letters that an output cannot hold.
_PLAIN = {"→": "->", "…": "...", "×": "x", "·": "*", "−": "-", "–": "-", "λ": "lambda"}


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    return _PLAIN.get(letter) or ascii(letter)[1:-1], error.start + 1


def write_what_can_be_written() -> None:
    """Let standard output and error take any text, whatever their encoding is (cp1252, cp437)."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


class _Commands(TyperGroup):
    def main(self, *arguments: Any, **options: Any) -> Any:
        write_what_can_be_written()
        return super().main(*arguments, **options)


app = typer.Typer(
    cls=_Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def main() -> None:
    """Train sweeps of InfoMax layers, and compute stored results again."""
    here = Path(__file__).resolve().parents[1]
    other = _other_checkout(here)
    if other:
        typer.echo(
            f"error: this command works on {here}, and not on {other}: give that its own by typing "
            "`make install` there",
            err=True,
        )
        raise typer.Exit(1)


def _other_checkout(here: Path) -> Path | None:
    """The checkout that is meant, where this is another one: its copy, or what it was moved from.

    It is around the current folder, or around an environment that was copied with it, whose
    commands go on starting the old one. A library that is no checkout works anywhere.
    """
    environment = Path(sys.argv[0]).absolute().parents[1:2]
    copied = [
        folder
        for folder in environment
        if (folder / "pyvenv.cfg").is_file() and not folder.samefile(sys.prefix)
    ]
    for place in (Path.cwd(), *copied) if _is_checkout(here) else ():
        meant = next((folder for folder in (place, *place.parents) if _is_checkout(folder)), here)
        if not meant.samefile(here):
            return meant
    return None


def _is_checkout(folder: Path) -> bool:
    about = folder / "pyproject.toml"
    return (
        (folder / "infomax_lib" / "cli.py").is_file()
        and about.is_file()
        and 'name = "infomax_lib"' in about.read_text("utf8", errors="replace")
    )


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
    from infomax_lib.model.data import DataError
    from infomax_lib.results.cluster import ClusterError
    from infomax_lib.results.runs import plan, run, tasks_wanted
    from infomax_lib.results.store import open_store
    from infomax_lib.results.sweep import (
        check_output,
        describe_sweep,
        read_sweep,
        summary,
        sweep_specs,
        write_table,
    )
    from infomax_lib.training.devices import resolve_device

    start = time.perf_counter()
    try:
        values = read_sweep(file, parameters or [])
        specs, results = sweep_specs(values), open_store(store)
        check_output(output, [file])
        place = None if cluster else resolve_device(device)
        todo = plan(specs, results, cores=tasks_wanted(place))
        if todo.missing:
            results.refuse_unwritable()
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
    sample: Annotated[int, typer.Option(min=1, help="How many results to compute again.")] = 5,
    seed: Annotated[int | None, typer.Option(help="Of the draw; a new one by default.")] = None,
    store: Annotated[str, typer.Option(help="Folder of the results store.")] = "auto",
    max_epochs: Annotated[int | None, typer.Option(help="Longest training to look at.")] = None,
    minutes: Annotated[float, typer.Option(help="Bound on the estimated time.")] = 5.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Compute stored results, drawn at random, again; exit with 1 when any measure disagrees.

    The store is only read. For what may differ by how much see infomax_lib/results/audit.py.
    """
    from infomax_lib.model.data import DataError
    from infomax_lib.results.audit import audit_command

    if beside is not None:
        beside.import_kinds()
    try:
        agree = audit_command(store, sample, seed, max_epochs, minutes, device, typer.echo)
    except (ValueError, DataError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if not agree:
        raise typer.Exit(1)


def _commands_beside(package: str = "paper") -> ModuleType | None:
    """The commands of a package beside this one; None where the library is installed alone."""
    here = Path(__file__).parents[1]
    if (here / package / "commands.py").is_file():
        return importlib.import_module(f"{package}.commands")
    return None


beside = _commands_beside()
if beside is not None:
    beside.add_to(app)

if __name__ == "__main__":
    app()
