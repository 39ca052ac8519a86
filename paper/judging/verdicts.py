"""Verdict records, and how they and a chapter's card show themselves in a notebook.

The display bundle carries a machine-readable part beside the HTML, so that the ledger and the
landing page collect what the executed chapters found without any side file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape

from infomax_lib.stats import Interval

VERDICTS_MIME = "application/vnd.infomax.verdicts+json"
CARD_MIME = "application/vnd.infomax.card+json"

NUMBER_VERDICTS = ("reproduced", "partly", "not reproduced", "not applicable")
INTERPRETATION_VERDICTS = ("supported", "mixed", "refuted", "inconclusive", "untestable here")


@dataclass(frozen=True)
class Verdict:
    """What a rule made of the evidence for one claim.

    ``runs`` and ``seeds`` count what the rule looked at; ``keys`` are the first eight
    characters of the result keys, which name the runs in the results store.
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


class Verdicts(Sequence[Verdict]):
    """An immutable list of verdicts that shows itself as a table."""

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self._verdicts = tuple(verdicts)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Verdicts(self._verdicts[index])
        return self._verdicts[index]

    def __len__(self) -> int:
        return len(self._verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._verdicts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdicts) and self._verdicts == other._verdicts

    def __hash__(self) -> int:
        return hash(self._verdicts)

    def __repr__(self) -> str:
        return self.text()

    def find(self, claim_id: str) -> Verdict:
        """The verdict on one claim; KeyError names the ids there are."""
        for verdict in self._verdicts:
            if verdict.id == claim_id:
                return verdict
        raise KeyError(f"no verdict on {claim_id}; there are {[v.id for v in self._verdicts]}")

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each number verdict and each interpretation verdict was given."""
        return {
            "number": {n: sum(v.number_verdict == n for v in self) for n in NUMBER_VERDICTS},
            "interpretation": {
                n: sum(v.interpretation_verdict == n for v in self) for n in INTERPRETATION_VERDICTS
            },
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
            f"{v.id} ({v.place}): numbers {v.number_verdict}; claim {v.interpretation_verdict}\n"
            f"    claim: {v.statement}\n    rule: {v.rule}\n    evidence: {v.evidence}"
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
    return (
        f'<tr id="claim-{escape(v.id)}"><td>{escape(v.id)}<br><small>{escape(v.place)}</small></td>'
        f"<td>{escape(v.statement)}<br><strong>Evidence{measured}:</strong> {escape(v.evidence)}"
        f"<details><summary>Test and rule</summary>Test: {escape(v.test)}<br>"
        f"Rule: {escape(v.rule)}{keys}</details></td>"
        f"<td>{badge(v.number_verdict)}</td><td>{badge(v.interpretation_verdict)}</td></tr>"
    )


@dataclass(frozen=True)
class Card:
    """A chapter in one glance, for the landing page.

    ``key_number`` is text, already rounded, or an :class:`Interval` that is formatted here;
    ``verdict`` one of the interpretation verdicts; ``image`` a base64 PNG
    (:func:`paper.figures.seeds_and_grids.thumbnail`). ``takeaway`` is the chapter's answer in
    sentences; the card carries it in its record and does not draw it.
    """

    chapter: str
    title: str
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
            f'<div class="finding-card">{picture}<strong>{escape(self.title)}</strong> '
            f'{badge(self.verdict)}<br><span class="key-number">{escape(str(self.key_number))}'
            f"</span> <small>{escape(self.interval)}</small><br>{escape(self.sentence)}</div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        plain = f"{self.title}: {self.key_number} {self.interval} — {self.verdict}. {self.sentence}"
        return {"text/plain": plain, "text/html": self.html(), CARD_MIME: self.record()}
