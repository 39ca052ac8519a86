"""Sliders: pictures within the page, the same bytes every time, and readable without a script."""

import base64
import html as markup
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import open_page
from matplotlib.colors import to_rgb
from PIL import Image

from paper.figures.film import film
from paper.figures.slider import slider
from paper.figures.style import OKABE_ITO, panels


def figure(height):
    drawn, axes = panels(width=4, height=3)
    axes.bar(["a", "b"], [height, 1 - height])
    axes.set_ylim(0, 1)
    return drawn


def example(heights=(0.1, 0.5, 0.9), **changed):
    texts = {"alt": "Two bars", "name": "height of a"} | changed
    return slider([figure(h) for h in heights], [f"{h:g}" for h in heights], **texts).data


class Tags(HTMLParser):
    """Attributes of every element, by name."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.setdefault(tag, []).append(dict(attrs))


def opened(source):
    data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    return Image.open(io.BytesIO(data))


def test_same_content_gives_same_bytes_and_other_content_another_identity():
    assert example() == example()
    identities = [
        Tags(text).found["div"][0]["id"]
        for text in (
            example(),
            example(heights=(0.1, 0.5, 0.8)),
            example(name="height"),
            example(alt="Bars"),
            example(width=300),
        )
    ]
    assert len(set(identities)) == len(identities)
    # every id of a slider begins with its identity, so that those of two sliders differ
    for text, identity in ((example(), identities[0]), (example(name="height"), identities[2])):
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == 2
        assert all(i.startswith(identity) for i in ids)


def test_the_first_picture_stands_in_the_page_and_the_slider_is_labelled():
    text = example(width=320)
    found = Tags(text).found
    (image,), (box,), (control,) = found["img"], found["label"], found["input"]
    assert opened(image["src"]).width == 320
    assert image["alt"] == "Two bars. height of a: 0.1."
    assert "max-width: 100%" in image["style"]
    assert control["type"] == "range"
    assert (control["min"], control["max"], control["value"]) == ("0", "2", "0")
    assert control["aria-valuetext"] == "0.1"
    assert "hidden" in control  # until the script, without which it could do nothing, has run
    assert box["for"] == control["id"]
    assert "color: inherit" in found["div"][0]["style"]
    assert "://" not in text
    pictures = re.findall(r"data:image/png;base64,[A-Za-z0-9+/=]+", text)
    assert len(set(pictures)) == len(pictures) == 3


def test_a_single_mark_keeps_its_colour_among_many_shades():
    drawn, axes = panels(width=4, height=3)
    axes.imshow([[i / 99 for i in range(100)]], cmap="Blues", aspect="auto")
    axes.plot(50, 0, "o", color=OKABE_ITO["vermillion"], ms=12)
    html = slider([drawn], ["only"], alt="Shades with a mark", name="nothing", width=400).data
    image = opened(Tags(html).found["img"][0]["src"]).convert("RGB")
    wanted = np.array(to_rgb(OKABE_ITO["vermillion"])) * 255
    away = np.abs(np.asarray(image, dtype=float) - wanted).max(-1)
    assert (away < 20).sum() > 50


def test_texts_are_escaped_in_the_page_and_in_the_script():
    name = 'p("a") < $1 </script><b>'
    text = slider([figure(0.2)], ["</script> & ALTS"], alt='"bars" <i>', name=name).data
    assert text.count("</script>") == 1
    found = Tags(text).found
    assert "b" not in found
    assert "i" not in found
    assert found["input"][0]["aria-valuetext"] == "</script> & ALTS"
    assert found["img"][0]["alt"] == f'"bars" <i>. {name}: </script> & ALTS.'
    assert f"{markup.escape(name)}: <output" in text


def test_what_cannot_be_shown_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="alt what the slider shows"):
        example(alt=" ")
    with pytest.raises(ValueError, match="name what the slider changes"):
        example(name="")
    with pytest.raises(ValueError, match="a slider needs at least one figure"):
        example(heights=())
    with pytest.raises(ValueError, match="got 1 labels and 2 figures"):
        slider([figure(0.1), figure(0.2)], ["0.1"], alt="bars", name="height")
    with pytest.raises(ValueError, match="a film needs at least one figure"):
        film([], "nothing")


def test_keys_move_one_slider_and_leave_the_others(tmp_path, browser):
    """Two sliders, one of them twice on the page."""
    first, second = example(), example(name="height")
    page_file = tmp_path / "page.html"
    page_file.write_text(
        f"<!doctype html><html><body>{first}{second}{first}</body></html>", encoding="utf-8"
    )
    page, trouble = open_page(browser, page_file, viewport={"width": 360, "height": 700})
    ranges, images = page.locator("input"), page.locator("img")
    start = images.nth(0).get_attribute("src")
    assert ranges.nth(0).is_visible()
    ranges.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    assert page.locator("output").all_text_contents() == ["0.9", "0.1", "0.1"]
    assert ranges.nth(0).get_attribute("aria-valuetext") == "0.9"
    assert images.nth(0).get_attribute("alt") == "Two bars. height of a: 0.9."
    assert images.nth(0).get_attribute("src") != start
    assert images.nth(2).get_attribute("src") == start
    ranges.nth(2).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("output").all_text_contents() == ["0.9", "0.1", "0.5"]
    assert images.nth(0).bounding_box()["width"] < 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert trouble == []


def test_without_scripts_the_first_picture_stays(tmp_path, browser):
    page_file = tmp_path / "page.html"
    page_file.write_text(f"<!doctype html><html><body>{example()}</body></html>", encoding="utf-8")
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    assert page.locator("img").is_visible()
    assert not page.locator("input").is_visible()
    assert page.locator("output").text_content() == "0.1"
