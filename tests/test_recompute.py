"""Every chapter computed afresh, on embedded digits with few seeds and epochs."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from paper.pages import execute, kernel
from paper.pages import page as pages

ROOT = Path(__file__).parents[1]
PROFILE = execute.read_profile(ROOT / "notebooks" / "quick.yml")


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory, drafts):
    """A function from a chapter, and parameters as typed, to what its quick form says."""

    @cache
    def found(name: str, **typed: str) -> list[str]:
        page = pages.find_page(name, ROOT)
        target = tmp_path_factory.mktemp("rerun") / f"{name}.ipynb"
        execute.execute_page(page, execute.check_parameters(page, PROFILE, typed), target)
        return said(target)

    with pytest.MonkeyPatch.context() as patch:
        own = kernel.kernel_environment
        patch.setattr(kernel, "kernel_environment", lambda *asked: own(*asked) | drafts)
        yield found


def said(path: Path) -> list[str]:
    """What an executed notebook says in order: texts that its head quotes, and displayed ones."""
    outputs = [
        output
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    kinds = ("application/papermill.record/text/plain", "text/markdown")
    return [str(o.data[kind]) for o in outputs for kind in kinds if kind in o.get("data", {})]


@pytest.mark.parametrize("name", pages.chapters(ROOT))
def test_quick_profile_recomputes(name, recomputed):
    """With other parameters the same notebook really computes, and finds other numbers."""
    quick, paper = recomputed(name), said(pages.find_page(name, ROOT).path)
    assert len(quick) == len(paper)
    numbers = [pair for pair in zip(quick, paper, strict=True) if re.search(r"\d", pair[1])]
    assert numbers
    assert sum(here != there for here, there in numbers) > len(numbers) / 2


def test_one_parameter_changes_the_numbers(recomputed):
    found = [recomputed("tc_pressure"), recomputed("tc_pressure", epochs="2")]
    assert len(found[0]) == len(found[1])
    assert found[0] != found[1]
