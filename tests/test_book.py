"""The book's sources: links, table of contents, executed pages, prose without typed numbers."""

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat
import pytest
import torch
import yaml

from paper.chapters import registry
from paper.chapters.ledger.front_pages import all_verdicts, cards_html
from paper.judging.verdicts import CARD_MIME, VERDICTS_MIME
from paper.pages import fingerprint
from paper.pages import page as pages

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
NAMES = pages.all_pages(ROOT)
IMAGES = {"image/png", "image/svg+xml"}
MACHINE_PATH = re.compile(r"(?:/home/|/root/|/tmp/|/Users/|[A-Z]:\\Users\\|site-packages)\S*")
# A decimal in prose, unless it is code, a formula, a version or a claim's id such as 000.7.
QUOTED = re.compile(r"\{glue:\w*\}`([^`]+)`")
# What is smaller than 1e-12 in size is what rounding left of zero, another number on every machine.
ROUNDING = re.compile(
    r"\d(?:e|E|\s*(?:×|\\times|\\cdot)\s*10\^?\{?)[-−⁻](?:1[3-9]|[2-9]\d|\d{3})"
    r"|10(?:\^\{?[-−]|⁻)(?:1[3-9]|[2-9]\d|\d{3}|¹[³-⁹]|[²-⁹][⁰-⁹])"
)
TYPED_DECIMAL = re.compile(r"(?<![\w.])(?!00[0-3]\.\d)\d*\.\d+(?![\w.]*\d)")


def prose(markdown: str) -> str:
    """Markdown without code, formulas and the targets of links."""
    code = r"^```\w+\n.*?^```|^```[^\n]*|`[^`]*`"
    text = re.sub(rf"{code}|\$\$.*?\$\$|\$[^$]*\$", "", markdown, flags=re.M | re.S)
    return re.sub(r"\]\([^)]*\)|CC BY 4\.0", "", text)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    page = pages.Page(name, ROOT)
    cells = nbformat.read(page.path, as_version=4).cells
    return [c for c in cells if c.cell_type == "code" and c.source.strip()]


def outputs(name: str) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(name) for output in cell.outputs]


@pytest.mark.parametrize("folder", [ROOT, BOOK])
@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_configuration_needs_no_symbolic_link(folder, name):
    """Git writes one as a text file with a path where the system has none."""
    assert not (folder / name).is_symlink()
    assert isinstance(yaml.safe_load((folder / name).read_text("utf8")), dict)


def test_build_of_the_wrong_folder_says_which_to_build():
    command = [shutil.which("jupyter-book", path=Path(sys.executable).parent), "build", ".", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf8")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == "error: the book is in the folder book: type `jupyter-book build book`"


def test_table_of_contents_names_every_page_once():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text("utf8"))
    entries = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    assert len(set(entries)) == len(entries)
    for entry in entries:
        assert (BOOK / f"{entry}.md").is_file() or (BOOK / f"{entry}.ipynb").is_file(), entry
    assert {Path(entry).name for entry in entries} >= set(NAMES)


def test_book_computes_nothing():
    config = yaml.safe_load((BOOK / "_config.yml").read_text("utf8"))
    assert config["execute"]["execute_notebooks"] == "off"


@pytest.mark.parametrize("name", NAMES)
def test_page_is_current(name):
    assert fingerprint.is_current(pages.find_page(name, ROOT)), f"{name} is stale: run `make book`"


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_ran_in_order_without_error_or_warning(name):
    cells = code_cells(name)
    assert cells
    counts = [cell.execution_count for cell in cells]
    assert None not in counts
    assert all(a < b for a, b in pairwise(counts))
    for output in outputs(name):
        assert output.output_type != "error", output
        assert output.get("name") != "stderr", output.text


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_alternative_text(name):
    for cell in code_cells(name):
        data = [output.get("data", {}) for output in cell.outputs]
        if any(IMAGES & set(bundle) for bundle in data):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 20, f"figure without alternative text:\n{cell.source[:300]}"
        for bundle in data:
            for image in re.findall(r"<img\b[^>]*>", str(bundle.get("text/html", ""))):
                assert re.search(r'\balt="[^"]+"', image), image[:100]


def texts(name: str) -> list[str]:
    """All that a page says: prose, and what its cells print or display, pictures left out."""
    cells = nbformat.read(pages.Page(name, ROOT).path, as_version=4).cells
    found = [cell.source for cell in cells if cell.cell_type == "markdown"]
    for output in outputs(name):
        bundle = {"text": output.get("text", ""), **output.get("data", {})}
        shown = {kind: text for kind, text in bundle.items() if kind not in IMAGES}
        found += [re.sub(r"base64,[\w+/=]+", "", str(text)) for text in shown.values()]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_glues_is_what_it_quotes(name):
    """Everything else is said where it is computed: a glued text that is not shown is lost."""
    records = [output.get("metadata", {}).get("scrapbook") for output in outputs(name)]
    glued = [record["name"] for record in records if record]
    assert len(set(glued)) == len(glued)
    assert set(glued) == {found for text in texts(name) for found in QUOTED.findall(text)}


@pytest.mark.parametrize("name", NAMES)
def test_page_prints_no_rounding_noise(name):
    for text in texts(name):
        found = ROUNDING.search(text)
        assert not found, text[max(0, found.start() - 100) : found.end() + 20]


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("2.2e-16", True),
        ("at most 4e−13.", True),
        ("$10^{-15}$", True),
        ("1e-120", True),
        ("10⁻¹⁴", True),
        ("3 \\times 10^{-17}", True),
        ("1e-12", False),
        ("2.5e−09", False),
        ("$10^{-3}$", False),
        ("10⁻⁹", False),
    ],
)
def test_rounding_noise_is_told_from_small_numbers(text, noise):
    assert bool(ROUNDING.search(text)) is noise


@pytest.mark.parametrize("name", NAMES)
def test_page_knows_no_machine(name):
    for output in outputs(name):
        texts = {"text": output.get("text", ""), **output.get("data", {})}
        for mime, text in texts.items():
            if mime not in IMAGES:
                found = MACHINE_PATH.search(json.dumps(text))
                assert not found, found.group()


@pytest.mark.parametrize("name", NAMES)
def test_prose_types_no_decimals(name):
    """Numbers come through glue; formulas and code may show the ones that define a setting."""
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.py")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = TYPED_DECIMAL.search(prose(cell.source))
            assert not found, f"{found.group()} is typed by hand in:\n{cell.source}"


@pytest.mark.parametrize("name", NAMES)
def test_titles_hold_no_math(name):
    for cell in jupytext.read(ROOT / "notebooks" / f"{name}.py").cells:
        if cell.cell_type == "markdown":
            titles = [line for line in cell.source.splitlines() if re.match(r"#+ ", line)]
            assert not any("$" in title for title in titles), titles


def test_code_of_the_theory_in_ten_minutes_holds():
    """Every block in order, in one namespace; the statements are assertions."""
    text = (BOOK / "how_to_read.md").read_text("utf8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)
    assert sum(block.count("assert ") for block in blocks) > 10
    names: dict[str, object] = {}
    dtype = torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]):
            for number, block in enumerate(blocks):
                exec(compile(block, f"how_to_read.md, block {number}", "exec"), names)
    finally:
        torch.set_default_dtype(dtype)


def test_how_to_read_types_no_decimals_and_links_every_chapter():
    text = (BOOK / "how_to_read.md").read_text("utf8")
    assert not TYPED_DECIMAL.search(prose(text))
    assert not any("$" in title for title in re.findall(r"^#+ .*", text, flags=re.M))
    for name in pages.chapters(ROOT):
        assert f"(findings/{name}.ipynb)" in text, f"“What to read next” leaves out {name}"


@pytest.mark.parametrize("name", pages.chapters(ROOT))
def test_chapter_shows_one_card_and_its_verdicts(name):
    bundles = [output.get("data", {}) for output in outputs(name)]
    (card,) = [bundle[CARD_MIME] for bundle in bundles if CARD_MIME in bundle]
    assert card["chapter"] == name
    assert card["image"]
    assert card["key_number"]
    judged = {r["id"] for bundle in bundles for r in bundle.get(VERDICTS_MIME, [])}
    assert judged == {c.id for c in registry().values() if c.chapter == name}


def test_ledger_holds_every_claim_of_the_four_sources():
    (records,) = [
        o.data[VERDICTS_MIME] for o in outputs("ledger") if VERDICTS_MIME in o.get("data", {})
    ]
    ids = [record["id"] for record in records]
    assert len(set(ids)) == len(ids)
    assert {f"000.{number}" for number in range(1, 36)} <= set(ids)
    assert {f"001.{number}" for number in range(1, 26)} <= set(ids)
    assert {f"002.{number}" for number in range(1, 24)} <= set(ids)
    assert {f"003.{number}" for number in range(1, 13)} <= set(ids)
    assert records == all_verdicts(ROOT).records()


def test_landing_page_shows_every_finding():
    html = "".join(
        o.data["text/html"] for o in outputs("landing") if "text/html" in o.get("data", {})
    )
    for name in pages.chapters(ROOT):
        assert f'href="findings/{name}.html"' in html
    assert "not judged" not in html


def test_cards_stand_in_the_order_of_the_book():
    linked = re.findall(r'href="findings/(\w+)\.html"', cards_html(ROOT))
    assert linked == pages.chapters(ROOT)
