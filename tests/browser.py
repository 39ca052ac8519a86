"""A headless browser without a network, for the site test and the screenshots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Path of a Chromium: $CHROMIUM, or one on the search path, or None."""
    found = [os.environ.get("CHROMIUM"), *(shutil.which(name) for name in NAMES)]
    return next((path for path in found if path), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium that may not reach the network."""
    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's own sandbox cannot start.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, path: Path, **settings: object) -> tuple[Page, list[str]]:
    """Open one file of the site, network cut, and wait until formulas are typeset.

    Returns:
        The page, and a list of everything that went wrong: requests to other servers, files that
        are missing, errors on the console.
    """
    context = browser.new_context(offline=True, **settings)
    context.set_default_timeout(300_000)  # a busy machine is slow, not broken
    page = context.new_page()
    trouble: list[str] = []

    def outward(url: str) -> bool:
        return not url.startswith(("file:", "data:", "blob:", "about:"))

    page.on("request", lambda r: outward(r.url) and trouble.append(f"request to {r.url}"))
    page.on("requestfailed", lambda r: trouble.append(f"failed: {r.url} ({r.failure})"))
    page.on("pageerror", lambda error: trouble.append(f"script error: {error}"))
    page.on("console", lambda m: m.type == "error" and trouble.append(f"console: {m.text}"))
    page.route(outward, lambda route: route.abort())
    page.goto(path.resolve().as_uri(), wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    page.wait_for_load_state("networkidle")
    return page, trouble
