"""Claims, their rules, and how the parts of a claim combine into a verdict.

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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infomax_lib.stats import Interval
from paper.judging.evidence import MissingEvidence


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


def _chapter_of(rule: Callable[..., Finding]) -> str:
    folder, _, inside_it = rule.__module__.partition(".chapters.")
    if folder != "paper" or not inside_it:
        raise ValueError(
            f"the rule {rule.__name__} stands in {rule.__module__}: put it into the rules of a "
            "chapter, paper/chapters/<chapter>/rules.py"
        )
    return inside_it.split(".")[0]


#: Every rule that has been imported, by the id of its claim.
CLAIMS: dict[str, Claim] = {}


def claim(
    id: str, *, place: str, statement: str, test: str, rule: str
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the rule of claim ``id`` ("000.7").

    The claim belongs to the chapter in whose folder the rule stands.

    Raises:
        ValueError: The id is registered already, is no "source.number", or no chapter's folder is
            around.
    """
    source, dot, number = id.partition(".")
    if not (dot and source.isdigit() and number.isdigit()):
        raise ValueError(f'claim id must look like "000.7", got {id!r}')

    def register(function: Callable[..., Finding]) -> Callable[..., Finding]:
        chapter = _chapter_of(function)
        if id in CLAIMS:
            raise ValueError(f"claim {id} has two rules: {CLAIMS[id].function} and {function}")
        CLAIMS[id] = Claim(id, source, place, statement, test, rule, chapter, function)
        return function

    return register


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
