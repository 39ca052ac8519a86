"""Figures behind a slider that needs no library and no network: pictures inside the page.

A few lines of script exchange the picture. Without them the first one stays, and the slider, which
could do nothing, is hidden.
"""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from html import escape
from string import Template

from IPython.display import HTML
from matplotlib.figure import Figure

from paper.figures.film import pictures

# All sliders of one content behave alike, so that a page may hold it twice.
_SCRIPT = Template("""
for (const root of document.querySelectorAll("#$ident")) {
  const range = root.querySelector("input"), value = root.querySelector("output");
  const picture = root.querySelector("img"), labels = $labels, alts = $alts;
  const sources = [picture.src].concat($others);
  const show = () => {
    value.textContent = labels[range.value];
    range.setAttribute("aria-valuetext", labels[range.value]);
    picture.src = sources[range.value];
    picture.alt = alts[range.value];
  };
  range.addEventListener("input", show);
  range.hidden = false;
  show();
}
""")


def slider(
    figures: Sequence[Figure], labels: Sequence[str], alt: str, name: str, width: int = 560
) -> HTML:
    """One of the figures at a time, chosen with a slider, as IPython HTML.

    The slider is an ``<input type="range">``: arrow keys move it, and its value is read out as the
    label of the picture. The same figures and texts give the same bytes.

    Args:
        figures: Pictures in order, all of one size.
        labels: The value of the slider at each of them, as text.
        alt: What the pictures show, for readers who cannot see them; required. The name of the
            slider and its value are added to it.
        name: What the slider changes; required.
        width: Of the pictures, in pixels; less where the page is narrower.

    Raises:
        ValueError: ``alt`` or ``name`` is empty, there are no figures, or not one label for each.
    """
    images = pictures(figures, alt, width, shown="slider")
    if not name.strip():
        raise ValueError("say in name what the slider changes")
    if len(labels) != len(images):
        raise ValueError(
            f"a slider needs one label for each figure: got {len(labels)} labels and "
            f"{len(images)} figures"
        )
    sources = []
    for image in images:
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", optimize=True)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        sources.append(f"data:image/png;base64,{data}")
    alts = [f"{alt.rstrip('. ')}. {name}: {label}." for label in labels]
    content = json.dumps([name, alt, width, list(labels), sources])
    ident = f"slider-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    script = _SCRIPT.substitute(
        ident=ident,
        labels=_script_list(labels),
        alts=_script_list(alts),
        others=_script_list(sources[1:]),
    )
    return HTML(
        f'<div id="{ident}" role="group" aria-label="{escape(name)}" '
        f'style="max-width: {width}px; color: inherit;">\n'
        f'<label for="{ident}-range">{escape(name)}: '
        f'<output for="{ident}-range" aria-live="off" style="font-weight: bold;">'
        f"{escape(labels[0])}</output></label>\n"
        f'<input id="{ident}-range" type="range" min="0" max="{len(images) - 1}" step="1" '
        f'value="0" aria-valuetext="{escape(labels[0])}" hidden '
        'style="width: 100%; margin: 0.4em 0;">\n'
        f'<img src="{sources[0]}" alt="{escape(alts[0])}" width="{images[0].width}" '
        f'height="{images[0].height}" style="max-width: 100%; height: auto;">\n'
        f"<script>{script}</script>\n</div>"
    )


def _script_list(values: Sequence[str]) -> str:
    """A list of strings for a script, in which no text can end the script."""
    return json.dumps(list(values)).replace("<", "\\u003c")
