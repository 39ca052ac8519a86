"""Verdict records, and how they and a chapter's card show themselves in a notebook.

The display bundle carries a machine-readable part beside the HTML, so that the ledger and the
landing page collect what the executed chapters found without any side file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from html import escape

from infomax_lib.stats import Interval

VERDICTS_MIME = "application/vnd.infomax.verdicts+json"
CARD_MIME = "application/vnd.infomax.card+json"

NUMBER_VERDICTS = ("reproduced", "partly", "not reproduced", "not applicable")
INTERPRETATION_VERDICTS = (
    *("proved", "supported", "mixed", "at threshold", "underpowered", "not supported"),
    *("refuted", "disproved by construction", "untestable here", "not measured"),
)
#: Of them, those on a claim that holds, and on one that does not.
HOLDS = ("proved", "supported")
FAILS = ("not supported", "refuted", "disproved by construction")
#: Of them, those that leave a claim undecided.
UNDECIDED = ("mixed", "at threshold", "underpowered", "not measured")


@dataclass(frozen=True)
class Verdict:
    """What a rule made of the evidence for one claim.

    Attributes:
        effect: The decisive quantity with its interval, in words.
        detectable: Least effect that three to four of five such experiments would see.
        stands_for: Bars for which the verdict stays what it is.
        false_support: Share of simulated experiments without effect that the rule supports; None
            where nothing is random.
        universes: In how many universes the rule comes to this verdict, or else in how many halves
            of the seeds, in words; empty where nothing that was chosen can change it.
        runs: How many runs the rule looked at; ``seeds``: how many seeds.
        keys: First eight characters of the result keys, which name the runs in the results store.

    The others are those of :class:`paper.judging.claims.Claim`.
    """

    id: str
    source: str
    place: str
    statement: str
    test: str
    rule: str
    evidence: str
    number_verdict: str
    interpretation_verdict: str
    chapter: str
    quote: str = ""
    decisive: str = ""
    smallest: str = ""
    effect: str = ""
    detectable: str = ""
    stands_for: str = ""
    false_support: float | None = None
    universes: str = ""
    before: str = ""
    amended: str = ""
    runs: int = 0
    seeds: int = 0
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (
            ("number_verdict", NUMBER_VERDICTS),
            ("interpretation_verdict", INTERPRETATION_VERDICTS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"claim {self.id}: {name} is {getattr(self, name)!r}; "
                    f"allowed: {', '.join(allowed)}"
                )

    @property
    def anchor(self) -> str:
        """Where the claim stands on a page: its id in HTML, which scripts may look up."""
        return f"claim-{self.id.replace('.', '-')}"

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> Verdict:
        """Read one record of the JSON display bundle; unknown names are refused."""
        known = {f.name for f in fields(cls)}
        unknown = set(record) - known
        if unknown:
            raise ValueError(f"a verdict has no field {sorted(unknown)}; allowed: {sorted(known)}")
        values = {**record, "keys": tuple(record.get("keys", ()))}  # type: ignore[arg-type]
        return cls(**values)  # type: ignore[arg-type]


def badge(verdict: str) -> str:
    """``<span class="badge-verdict not-reproduced">not reproduced</span>``."""
    css = escape(verdict.replace(" ", "-"))
    return f'<span class="badge-verdict {css}">{escape(verdict)}</span>'


class Verdicts(tuple[Verdict, ...]):
    """An immutable list of verdicts that shows itself as a table."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return Verdicts(found) if isinstance(index, slice) else found

    def __repr__(self) -> str:
        return self.text()

    def find(self, claim_id: str) -> Verdict:
        """The verdict on one claim; KeyError names the ids there are."""
        for verdict in self:
            if verdict.id == claim_id:
                return verdict
        raise KeyError(f"no verdict on {claim_id}; there are {[v.id for v in self]}")

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each number verdict and each interpretation verdict was given."""
        numbers = Counter(v.number_verdict for v in self)
        interpretations = Counter(v.interpretation_verdict for v in self)
        return {
            "number": {name: numbers[name] for name in NUMBER_VERDICTS},
            "interpretation": {name: interpretations[name] for name in INTERPRETATION_VERDICTS},
        }

    def records(self) -> list[dict[str, object]]:
        """JSON-ready records."""
        return [{**asdict(v), "keys": list(v.keys)} for v in self]

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, object]]) -> Verdicts:
        """The inverse of :meth:`records`."""
        return cls(Verdict.from_dict(record) for record in records)

    def text(self) -> str:
        """One paragraph per claim, in plain text."""
        return "\n".join(
            "\n    ".join(
                filter(
                    None,
                    (
                        f"{v.id} ({v.place}): numbers {v.number_verdict}; "
                        f"claim {v.interpretation_verdict}",
                        f"claim: {v.statement}",
                        f"rule: {v.rule}",
                        f"evidence: {v.evidence}",
                        _trust(v, "; "),
                    ),
                )
            )
            for v in self
        )

    def html(self) -> str:
        """A table: claim, numbers, interpretation; rule and evidence fold out below each claim."""
        rows = "\n".join(_html_row(v) for v in self)
        return (
            '<table class="verdicts">\n<thead><tr><th>Claim</th><th>What it says, and the '
            "evidence</th><th>Numbers</th><th>Interpretation</th></tr></thead>\n"
            f"<tbody>\n{rows}\n</tbody>\n</table>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            "text/plain": self.text(),
            "text/html": self.html(),
            VERDICTS_MIME: self.records(),
        }


def _html_row(v: Verdict) -> str:
    measured = f" ({v.runs} runs, {v.seeds} seeds)" if v.runs else ""
    keys = (
        f'<br><span class="verdict-keys">Results: {escape(" ".join(v.keys))}</span>'
        if v.keys
        else ""
    )
    trust = escape(_trust(v, "\n")).replace("\n", "<br>")
    return (
        f'<tr id="{v.anchor}"><td>{escape(v.id)}<br><small>{escape(v.place)}</small></td>'
        f"<td>{escape(v.statement)}<br><strong>Evidence{measured}:</strong> {escape(v.evidence)}"
        f"<details><summary>How far to trust it</summary>{trust}</details>"
        f"<details><summary>Test and rule</summary>{_source(v)}Test: {escape(v.test)}<br>"
        f"Rule: {escape(v.rule)}{_amendment(v)}{keys}</details></td>"
        f"<td>{badge(v.number_verdict)}</td><td>{badge(v.interpretation_verdict)}</td></tr>"
    )


def _trust(v: Verdict, between: str) -> str:
    """What says how firm a verdict is, as plain text."""
    rate = "" if v.false_support is None else f"{100 * v.false_support:.1f} % of experiments"
    lines = {
        "Decisive": v.decisive,
        "Measured": v.effect,
        "Smallest effect of interest": v.smallest,
        "Least detectable effect (power 75 to 80 %)": v.detectable,
        "The verdict stands for bars": v.stands_for,
        "Supported by chance, without effect": rate,
        "The same verdict under other choices": v.universes,
    }
    return between.join(f"{name}: {text}" for name, text in lines.items() if text)


def _source(v: Verdict) -> str:
    return f"Source: “{escape(v.quote)}”<br>" if v.quote else ""


def _amendment(v: Verdict) -> str:
    return f"<br>Amended (before: {escape(v.before)}): {escape(v.amended)}" if v.amended else ""


@dataclass(frozen=True)
class Card:
    """A chapter in one glance, for the landing page.

    ``claim`` is what the source says, in plain words, and ``verdict`` the interpretation verdict on
    it; ``key_number`` is text, already rounded, or an :class:`Interval` that is formatted here;
    ``image`` a base64 PNG (:func:`paper.figures.style.thumbnail`); ``takeaway`` the chapter's
    answer in words, which the landing page quotes and the card does not show.
    """

    chapter: str
    title: str
    claim: str
    key_number: str | Interval
    verdict: str
    sentence: str
    image: str = ""
    interval: str = ""
    alt: str = ""
    takeaway: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in INTERPRETATION_VERDICTS:
            raise ValueError(
                f"card {self.chapter}: verdict {self.verdict!r} is not one of "
                f"{', '.join(INTERPRETATION_VERDICTS)}"
            )
        if isinstance(self.key_number, Interval):
            number, _, rest = str(self.key_number).partition(" ")
            if math.isfinite(self.key_number.low):
                rest = rest.strip("[]")
                object.__setattr__(self, "interval", self.interval or f"[{rest}]")
            object.__setattr__(self, "key_number", number)

    def record(self) -> dict[str, str]:
        """JSON-ready record."""
        return asdict(self)

    def html(self) -> str:
        """The card as a small block of HTML."""
        picture = (
            f'<img src="data:image/png;base64,{self.image}" alt="{escape(self.alt or self.title)}">'
            if self.image
            else ""
        )
        return (
            f'<div class="finding-card">{picture}<strong>{escape(self.title)}</strong>'
            f"<p>{escape(self.claim)} {badge(self.verdict)}</p>"
            f'<span class="key-number">{escape(str(self.key_number))}</span> '
            f"<small>{escape(self.interval)}</small><br>{escape(self.sentence)}</div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        number = f"{self.key_number} {self.interval}".strip()
        plain = f"{self.title}: {self.claim} — {self.verdict}. {number}: {self.sentence}"
        return {"text/plain": plain, "text/html": self.html(), CARD_MIME: self.record()}
