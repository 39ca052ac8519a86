"""Pictures of every page of the built site: light, dark and phone.

Usage: python tests/screenshots.py SITE FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from browser import chromium, open_browser, open_page

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
GENERATED = {"genindex", "search", "index"}


def main(site: Path, folder: Path) -> int:
    """Write FOLDER/LOOK/PAGE.png for every page; returns the number of pages with trouble."""
    if chromium() is None:
        sys.exit("no Chromium found: install one (apt-get install chromium) or set $CHROMIUM")
    pages = [p for p in sorted(site.rglob("*.html")) if p.stem not in GENERATED]
    pages = [p for p in pages if "_static" not in p.parts]
    if not pages:
        sys.exit(f"no pages in {site}: `make book` builds them")
    bad = 0
    with open_browser() as browser:
        for look, settings in LOOKS.items():
            for path in pages:
                page, trouble = open_page(browser, path, **settings)
                target = folder / look / f"{path.stem}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=target, full_page=True)
                page.context.close()
                bad += bool(trouble)
                print(target, *trouble, sep="\n  ")
    return bad


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
