"""The site, built strictly and opened in a browser whose network is cut."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from browser import open_page

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf8"))
PAGES = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; any warning of the build is an error."""
    folder = tmp_path_factory.mktemp("book")
    builder = Path(sys.executable).with_name("jupyter-book")
    command = [builder, "build", "book", "-W", "-n", "--keep-going", "--path-output", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return folder / "_build" / "html"


@pytest.mark.parametrize("name", PAGES)
def test_page_works_without_a_network(site, browser, name):
    page, trouble = open_page(browser, site / f"{name}.html")
    try:
        assert trouble == []
        missing = page.eval_on_selector_all(
            "img", "all => all.filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        )
        assert missing == []
        formulas = page.locator("span.math, div.math").count()
        assert page.locator("mjx-container").count() >= formulas
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
        unknown_commands = page.locator('mjx-container mtext[mathcolor="red"]').all_text_contents()
        assert unknown_commands == []
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, "the page is wider than the window"
    finally:
        page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone_in_the_dark(site, browser, name):
    look = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}
    page, trouble = open_page(browser, site / f"{name}.html", **look)
    try:
        assert trouble == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "the page scrolls sideways"
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background)[:3])) < 3 * 60, "the page is not dark"
    finally:
        page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_the_site_lead_somewhere(site, name):
    path = site / f"{name}.html"
    for target in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', path.read_text("utf8")):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            linked = (path.parent / file).resolve() if file else path
            assert linked.is_file(), f"{name} links to {target}"
            if anchor and linked.suffix == ".html":
                assert f'id="{anchor}"' in linked.read_text("utf8"), f"{name} links to {target}"


def test_site_names_no_other_server_for_its_parts(site):
    """Scripts, styles and pictures come from the site itself, in every page."""
    for path in site.rglob("*.html"):
        parts = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(https?:[^\"]+)",
            path.read_text("utf8"),
        )
        assert parts == [], path
