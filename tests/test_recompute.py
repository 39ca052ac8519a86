"""Every chapter computed afresh, on embedded digits with few seeds and epochs."""

import re
from pathlib import Path

import nbformat
import pytest

from paper.pages import execute

ROOT = Path(__file__).parents[1]
PROFILE = execute.read_profile(ROOT / "notebooks" / "quick.yml")


def glued(path: Path) -> dict[str, str]:
    """Texts that an executed notebook hands to its prose, by name."""
    outputs = [
        output
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    ]
    return {o.metadata["scrapbook"]["name"]: str(o.data) for o in outputs}


@pytest.mark.parametrize("name", execute.chapters(ROOT))
def test_quick_profile_recomputes(name, tmp_path):
    """With other parameters the same notebook really computes, and finds other numbers."""
    page = execute.find_page(name, ROOT)
    target = tmp_path / f"{name}.ipynb"
    execute.execute_page(page, execute.check_parameters(page, PROFILE), target)
    quick, paper = glued(target), glued(page.path)
    assert quick.keys() == paper.keys()
    numbers = [key for key in paper if re.search(r"\d", paper[key])]
    assert numbers
    assert sum(quick[key] != paper[key] for key in numbers) > len(numbers) / 2


def test_one_parameter_changes_the_numbers(tmp_path):
    page = execute.find_page("tc_pressure", ROOT)
    found = []
    for epochs in (2, 3):
        target = tmp_path / f"{epochs}.ipynb"
        typed = {"epochs": str(epochs), "seeds": "2"}
        execute.execute_page(page, execute.check_parameters(page, PROFILE, typed), target)
        found.append(glued(target))
    assert found[0].keys() == found[1].keys()
    assert found[0] != found[1]
