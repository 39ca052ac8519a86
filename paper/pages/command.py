"""What ``infomax execute`` does: which notebooks run, with which parameters, and where to."""

import ast
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paper.pages import page as pages
from paper.pages.execute import (
    check_parameters,
    check_target,
    execute_page,
    notebook_parameters,
    parse_assignments,
    read_profile,
)
from paper.pages.fingerprint import is_current
from paper.pages.page import Page, PageError

Say = Callable[[str], object]


def execute_pages(
    names: Sequence[str],
    profile: Path | None,
    typed: Sequence[str],
    output: Path | None,
    force: bool,
    show: bool,
    say: Say,
) -> None:
    """Execute notebooks, or list them; the parameters are those of the command.

    Raises:
        PageError: What was asked for does not exist or cannot be executed.
    """
    root = pages.project_root()
    if show:
        _list(root, say)
        return
    rerun = bool(profile or typed)
    if rerun:
        jobs = _reruns(names, profile, typed, root)
    else:
        jobs = [(pages.find_page(name, root), {}) for name in names or pages.all_pages(root)]
    folder = output or (root / "reruns" if rerun else None)
    targets = [folder / page.path.name if folder else page.path for page, _ in jobs]
    for (page, values), target in zip(jobs, targets, strict=True):
        check_target(page, target, bool(values))
    for (page, values), target in zip(jobs, targets, strict=True):
        # Asked here and not before: a front page depends on the chapters just executed.
        if not (force or folder) and is_current(page):
            say(f"{page.name}: up to date")
            continue
        say(f"{page.name}: executing …")
        start = time.perf_counter()
        execute_page(page, values, target)
        say(f"{page.name}: {time.perf_counter() - start:.0f} s → {target}")


def _list(root: Path, say: Say) -> None:
    """One line per notebook, and one per parameter as a profile has it."""
    for name in pages.all_pages(root):
        page = pages.find_page(name, root)
        say(f"{name}  ({'up to date' if is_current(page) else 'to be executed'})")
        for parameter in notebook_parameters(page).values():
            value = json.dumps(ast.literal_eval(parameter["default"]))
            hint = parameter["inferred_type_name"]
            say(f"    {parameter['name']}: {value}  # {hint}: {parameter['help']}")


def _reruns(
    names: Sequence[str], profile: Path | None, typed: Sequence[str], root: Path
) -> list[tuple[Page, dict[str, Any]]]:
    """Pages with their checked parameters; all are checked before the first one runs."""
    profile_values = read_profile(profile) if profile else {}
    typed_values = parse_assignments(typed)
    everything = [pages.find_page(name, root) for name in pages.all_pages(root)]
    known = {name for page in everything for name in notebook_parameters(page)}
    unknown = sorted(set(profile_values) - known)
    if unknown:
        raise PageError(
            f"{profile}: no notebook has a parameter {', '.join(unknown)}; "
            f"there are: {', '.join(sorted(known))}"
        )
    chosen = [pages.find_page(name, root) for name in names or pages.chapters(root)]
    return [(page, check_parameters(page, profile_values, typed_values)) for page in chosen]
