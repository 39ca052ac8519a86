"""Claims, the registry of their rules, and the judge.

A rule is a function of the evidence (or, for claims that sum up others, of their verdicts). It
is written down with its thresholds before the results exist, and it alone decides the verdict:
changing data can change a verdict without anybody editing prose.

A rule splits its claim into *parts*, each of which holds (True), fails (False) or stays open
(None: the interval straddles the threshold, or it was not measured). One combination is used
for every claim, :func:`combine`:

- **supported** when every part holds;
- **refuted** when every decisive part fails (all parts are decisive unless a rule says which);
- **mixed** when some parts hold and some fail;
- **inconclusive** otherwise.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from infomax_lib.evidence import Evidence, MissingEvidence
from infomax_lib.stats import Interval
from infomax_lib.verdicts import Card, Verdict, Verdicts

__all__ = [
    "CHAPTERS",
    "Card",
    "Claim",
    "Evidence",
    "Finding",
    "MissingEvidence",
    "Part",
    "Verdict",
    "Verdicts",
    "above",
    "below",
    "claim",
    "combine",
    "finding",
    "inside",
    "judge",
    "judge_synthesis",
    "measured",
    "registry",
]

CHAPTERS = (
    "bias_loophole",
    "implicit_regularization",
    "tc_pressure",
    "optimizer_comparison",
    "theory",
    "open_questions",
    "prior_art",
    "mutual_information",
)
#: Claims that sum up other claims are judged on the ledger page.
SYNTHESIS = "ledger"


@dataclass(frozen=True)
class Part:
    """One testable part of a claim.

    ``holds`` is None when the data leave it open; ``decisive`` parts are those whose joint
    failure refutes the claim.
    """

    name: str
    holds: bool | None
    text: str
    decisive: bool = True


@dataclass(frozen=True)
class Finding:
    """What a rule returns: both verdicts and the evidence in one short text."""

    interpretation: str
    evidence: str
    number: str = "not applicable"


@dataclass(frozen=True)
class Claim:
    """A claim of a source document with the rule that judges it."""

    id: str
    source: str
    place: str
    statement: str
    test: str
    rule: str
    chapter: str
    function: Callable[..., Finding]


_REGISTRY: dict[str, Claim] = {}


def claim(
    id: str, *, place: str, chapter: str, statement: str, test: str, rule: str
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the rule of claim ``id`` ("000.7").

    Raises
    ------
    ValueError
        If the id is registered already, is no "source.number", or the chapter is unknown.
    """
    source, dot, number = id.partition(".")
    if not (dot and source.isdigit() and number.isdigit()):
        raise ValueError(f'claim id must look like "000.7", got {id!r}')
    if chapter not in (*CHAPTERS, SYNTHESIS):
        raise ValueError(f"chapter {chapter!r} is not one of {', '.join((*CHAPTERS, SYNTHESIS))}")

    def register(function: Callable[..., Finding]) -> Callable[..., Finding]:
        if id in _REGISTRY:
            raise ValueError(f"claim {id} has two rules: {_REGISTRY[id].function} and {function}")
        _REGISTRY[id] = Claim(id, source, place, statement, test, rule, chapter, function)
        return function

    return register


def registry() -> dict[str, Claim]:
    """Every registered claim by id, in the order of the sources."""
    importlib.import_module("infomax_lib.rules")
    return dict(sorted(_REGISTRY.items(), key=lambda item: _order(item[0])))


def _order(claim_id: str) -> tuple[str, int]:
    source, _, number = claim_id.partition(".")
    return source, int(number)


def judge(chapter: str, evidence: Evidence) -> Verdicts:
    """The verdicts on all claims of a chapter, from the evidence it measured.

    A claim whose rule lacks runs is *inconclusive*, and its evidence says what is missing.

    Raises
    ------
    ValueError
        If the chapter is unknown.
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"no chapter {chapter!r}; chapters are {', '.join(CHAPTERS)}")
    return Verdicts(
        _judge(c, evidence.tracked()) for c in registry().values() if c.chapter == chapter
    )


def judge_synthesis(verdicts: Iterable[Verdict]) -> Verdicts:
    """The verdicts on claims that sum up others, from the verdicts of all chapters."""
    known = Verdicts(verdicts)
    return Verdicts(_judge(c, known) for c in registry().values() if c.chapter == SYNTHESIS)


def _judge(rule: Claim, material: Evidence | Verdicts) -> Verdict:
    try:
        result = rule.function(material)
    except MissingEvidence as missing:
        result = Finding(
            "inconclusive", f"Not measured with these parameters: needs {missing.args[0]}."
        )
    keys: tuple[str, ...] = ()
    seeds = 0
    if isinstance(material, Evidence):
        keys = tuple(sorted(key[:8] for key in material.used))
        if keys:
            runs = material.runs
            tables = [t for t in (runs, material.history) if {"key", "seed"} <= set(t.columns)]
            seeds = len({s for t in tables for s in t[t["key"].isin(material.used)]["seed"]})
    return Verdict(
        id=rule.id,
        source=rule.source,
        place=rule.place,
        statement=rule.statement,
        test=rule.test,
        rule=rule.rule,
        evidence=result.evidence,
        number_verdict=result.number,
        interpretation_verdict=result.interpretation,
        chapter=rule.chapter,
        runs=len(keys),
        seeds=seeds,
        keys=keys,
    )


# --------------------------------------------------------------------------- combining parts


def above(interval: Interval, threshold: float) -> bool | None:
    """Whether the measure is above ``threshold``: None when the interval contains it."""
    return _side(interval.low > threshold, interval.high <= threshold, interval)


def below(interval: Interval, threshold: float) -> bool | None:
    """Whether the measure is below ``threshold``: None when the interval contains it."""
    return _side(interval.high < threshold, interval.low >= threshold, interval)


def inside(interval: Interval, low: float, high: float) -> bool | None:
    """Whether the measure lies in [low, high]: None when the interval crosses a limit."""
    holds = low <= interval.low and interval.high <= high
    return _side(holds, interval.high < low or interval.low > high, interval)


def _side(holds: bool, fails: bool, interval: Interval) -> bool | None:
    if not math.isfinite(interval.low):
        return None
    return True if holds else False if fails else None


def measured(name: str, part: Callable[[], Part], decisive: bool = True) -> Part:
    """A part that stays open, instead of failing the whole rule, when it was not measured."""
    try:
        return part()
    except MissingEvidence as missing:
        return Part(name, None, f"not measured (needs {missing.args[0]})", decisive)


def combine(parts: Sequence[Part]) -> str:
    """The interpretation verdict of a claim from its parts (rule in the module docstring)."""
    if not parts:
        raise ValueError("a claim needs at least one part")
    outcomes = [part.holds for part in parts]
    decisive = [part.holds for part in parts if part.decisive] or outcomes
    if all(outcome is True for outcome in outcomes):
        return "supported"
    if all(outcome is False for outcome in decisive):
        return "refuted"
    if True in outcomes and False in outcomes:
        return "mixed"
    return "inconclusive"


def finding(parts: Sequence[Part], number: str = "not applicable", intro: str = "") -> Finding:
    """A Finding whose evidence lists every part with its outcome."""
    marks = {True: "holds", False: "fails", None: "open"}
    listed = "; ".join(f"{p.name} — {marks[p.holds]}: {p.text}" for p in parts)
    return Finding(combine(parts), f"{intro} {listed}.".strip(), number)
