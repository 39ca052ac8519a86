"""What the landing, ledger and status pages show, collected from executed chapters and the store.

Nothing is decided here: verdicts come from the chapters' outputs, claims that sum up others are
judged by their own rules, and provenance is read from the result files.
"""

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path

import pandas as pd

import infomax_lib
from infomax_lib.results.store import Store
from paper.chapters import judge_synthesis, registry
from paper.judging.verdicts import (
    CARD_MIME,
    FAILS,
    HOLDS,
    VERDICTS_MIME,
    Card,
    Verdict,
    Verdicts,
    badge,
)
from paper.pages.page import chapter_outputs, chapters

#: Packages whose version can change a number or a page.
PACKAGES = (
    *("torch", "numba", "numpy", "scipy", "pandas", "scikit-learn", "pyarrow", "matplotlib"),
    *("seaborn", "jupyter-book", "papermill"),
)


def all_verdicts(root: Path) -> Verdicts:
    """The verdicts of all executed chapters and, judged from them, of the claims that sum up.

    Args:
        root: Folder of the checkout.

    Returns:
        One verdict per claim, in the order of the sources.

    Raises:
        ValueError: Two chapters judge the same claim.
    """
    collected = chapter_outputs(VERDICTS_MIME, root)
    found = Verdicts.from_records(
        record for outputs in collected.values() for records in outputs for record in records
    )
    verdicts = [*found, *judge_synthesis(found)]
    twice = [name for name, count in Counter(v.id for v in verdicts).items() if count > 1]
    if twice:
        raise ValueError(f"more than one verdict on {', '.join(twice)}")
    order = {name: position for position, name in enumerate(registry())}
    return Verdicts(sorted(verdicts, key=lambda v: order.get(v.id, len(order))))


def takeaway(chapter: str, root: Path) -> str:
    """What an executed chapter's card says as its take-away; empty if it has none."""
    records = chapter_outputs(CARD_MIME, root).get(chapter, [])
    return Card(**records[-1]).takeaway if records else ""


def claims_without_verdict(verdicts: Iterable[Verdict]) -> list[str]:
    """Ids of registered claims that no executed chapter has judged."""
    judged = {v.id for v in verdicts}
    return [name for name in registry() if name not in judged]


def cards_html(root: Path) -> str:
    """The finding cards, one link per chapter in the order of the book.

    A chapter that has not been executed, or shows no card, is there and says so.
    """
    collected = chapter_outputs(CARD_MIME, root)
    cards = []
    for name in chapters(root):
        outputs = collected.get(name)
        if outputs:
            body = Card(**outputs[-1]).html()
        else:
            reason = "shows no card" if outputs == [] else "has not been executed"
            body = (
                f'<div class="finding-card"><strong>{escape(name)}</strong> {badge("not judged")}'
                f"<br>This chapter {reason}.</div>"
            )
        cards.append(f'<a href="findings/{name}.html">{body}</a>')
    return '<div class="finding-cards">\n' + "\n".join(cards) + "\n</div>"


#: What the answer to the book's question says of a claim that holds, that fails, and that is open.
ANSWER = {
    "000.2": (
        "Competition keeps the units of a layer apart: with a softmax their weights end up less "
        "alike than without, also where no other term asks for that",
        "Competition does not keep the units of a layer apart: with a softmax their weights end up "
        "no less alike than without",
        "Whether competition keeps the units of a layer apart is open",
    ),
    "002.13": (
        "And it makes better features: on other tasks they do better than those of earlier methods "
        "with as many units",
        "Better features it does not give: on other tasks those of earlier methods with as many "
        "units are as good or better",
        "Whether the features do better on other tasks than those of earlier methods is open",
    ),
}


def answer(verdicts: Verdicts) -> str:
    """The answer to the book's question, a sentence for each claim of :data:`ANSWER`."""
    sentences = []
    for claim, (holds, fails, undecided) in ANSWER.items():
        verdict = next((v.interpretation_verdict for v in verdicts if v.id == claim), "not judged")
        text = holds if verdict in HOLDS else fails if verdict in FAILS else undecided
        sentences.append(f"{text} (claim {claim}: **{verdict}**).")
    return " ".join(sentences)


def verdict_counts_html(verdicts: Verdicts) -> str:
    """How often each verdict was given, as two rows: a bar of all claims, and badges."""
    names = {"number": "Published numbers", "interpretation": "Interpretations"}
    rows = [
        f"<tr><th>{names[kind]}</th><td>{_bar(counts)}"
        + " ".join(
            f'<span class="verdict-count">{badge(name)} {count}</span>'
            for name, count in counts.items()
        )
        + "</td></tr>"
        for kind, counts in verdicts.counts().items()
    ]
    return '<table class="facts verdict-counts"><tbody>' + "".join(rows) + "</tbody></table>"


def _bar(counts: dict[str, int]) -> str:
    """One bar, as wide as all claims together; what it shows is said by the badges below it."""
    parts = "".join(
        f'<span class="badge-verdict {name.replace(" ", "-")}" style="flex: {count}"></span>'
        for name, count in counts.items()
        if count
    )
    return f'<div class="verdict-bar" aria-hidden="true">{parts}</div>'


def package_versions() -> pd.DataFrame:
    """Python, the platform and the packages that can change a number or a page."""
    rows = {
        "Python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "infomax_lib": infomax_lib.__version__,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return pd.DataFrame({"what": rows.keys(), "version": rows.values()})


def provenance(store: Store) -> pd.DataFrame:
    """Where every result file comes from, one row per file, ordered by kind and date.

    Args:
        store: A results store.
    """
    rows = [
        {
            "kind": kind,
            "file": info.path.stem[:8],
            "date": info.metadata["date"],
            "results": info.rows,
            "device": info.metadata.get("device", "not recorded"),
            "threads": info.metadata.get("threads", 0),
            "torch": info.metadata.get("torch", "not recorded"),
            "seconds": float(info.metadata.get("seconds", 0.0)),
        }
        for kind in store.kinds()
        for info in store.files(kind)
    ]
    columns = ["kind", "file", "date", "results", "device", "threads", "torch", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def provenance_summary(files: pd.DataFrame) -> pd.DataFrame:
    """Files, results, dates, devices, versions and computing time by kind of result.

    Args:
        files: As returned by :func:`provenance`.
    """

    def distinct(values: pd.Series) -> str:
        return ", ".join(sorted(set(values.astype(str))))

    rows = [
        {
            "kind": kind,
            "files": len(group),
            "results": int(group["results"].sum()),
            "from": group["date"].min()[:10],
            "to": group["date"].max()[:10],
            "device": distinct(group["device"]),
            "threads": distinct(group["threads"]),
            "torch": distinct(group["torch"]),
            # Weights come out of the very computation that gave the runs: counted there.
            "minutes": "with runs" if kind == "weights" else f"{group['seconds'].sum() / 60:,.1f}",
        }
        for kind, group in files.groupby("kind")
    ]
    return pd.DataFrame(rows)
