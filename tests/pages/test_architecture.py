"""The page on the architecture says what is so: its storeys, and every step of its ways."""

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

from paper.pages import architecture

ROOT = Path(__file__).parents[2]
WAYS = (architecture.WAY_OF_A_SETTING, architecture.WAY_OF_A_ROW)
PARTS = architecture.storeys(ROOT)


def defined(path: Path) -> set[str]:
    """Names that a file defines at its top."""
    names = set()
    for node in ast.parse(path.read_text("utf8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(("file", "name"), [step[:2] for way in WAYS for step in way])
def test_step_is_where_the_page_says(file, name):
    assert name in defined(ROOT / file)


@pytest.mark.parametrize("way", WAYS, ids=["setting", "row"])
def test_way_leads_through_no_room_twice(way):
    files = [file for file, _, _ in way]
    assert len(set(files)) == len(files)


def test_storeys_are_those_of_the_code():
    there = {
        f"{package}.{path.stem}"
        for package in ("infomax_lib", "paper")
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert {part.name for part in PARTS} == {n for n in there if not n.endswith(".__init__")}
    assert all(part.holds.endswith(".") for part in PARTS)


def test_imports_go_down():
    level = {part.name: part.level for part in PARTS}
    assert all(level[name] < part.level for part in PARTS for name in part.imports)


def test_drawing_names_every_part_in_the_colours_of_the_page():
    svg = ElementTree.fromstring(architecture.drawing(PARTS))
    texts = [node.text for node in svg.iter("text")]
    for part in PARTS:
        assert part.name in texts
        assert any(f"{part.lines:,} lines" in text for text in texts)
    assert svg.get("fill") == "currentColor"
    assert svg.get("aria-label")
