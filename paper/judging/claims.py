"""Claims, their rules, and how the parts of a claim combine into a verdict.

A rule is a function of the evidence (or, for claims that sum up others, of their verdicts). It
is written down with its thresholds before the results exist, and it alone decides the verdict:
changing data can change a verdict without anybody editing prose.

A rule splits its claim into *parts*. One of them is *decisive*, as a rule; the others inform. (A
claim that lists several things has several decisive parts, and says so.) What a part comes out as
is described in :mod:`paper.judging.decisions`; one combination is used for every claim,
:func:`combine`:

- **supported**: the decisive part holds; **proved**: it is a theorem, or was constructed;
- **not supported**: the effect claimed is excluded, or fails the bar that the claim sets;
- **refuted**: the opposite holds; **disproved by construction**: a counterexample was made;
- **mixed**: of several decisive parts some hold and some do not;
- **at threshold**: the effect lies at the bar, and more seeds would not move it;
- **underpowered**: more seeds would decide, and the evidence says how many;
- **not measured**: the runs that the rule needs were not made with these parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from paper.judging.decisions import Decision, Outcome, Share
from paper.judging.evidence import MissingEvidence


@dataclass(frozen=True)
class Part:
    """One testable part of a claim.

    Attributes:
        name: What is tested, in words.
        outcome: What came out.
        text: The numbers, for reading.
        decisive: Whether the verdict rests on it; other parts inform.
        decision: The test behind it, where it is one over seeds.
        needs: Parts that all have to hold for it to hold; it is the one closest to failing.
    """

    name: str
    outcome: Outcome
    text: str
    decisive: bool = True
    decision: Decision | Share | None = None
    needs: tuple["Part", ...] = ()

    @property
    def tests(self) -> list[Decision | Share]:
        """The tests over seeds that all have to hold for it to hold."""
        return [part.decision for part in (self, *self.needs) if part.decision is not None]


@dataclass(frozen=True)
class Finding:
    """What a rule returns: both verdicts, the evidence in one short text, and its parts."""

    interpretation: str
    evidence: str
    number: str = "not applicable"
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim of a source document with the rule that judges it.

    Attributes:
        id: ``source.number``.
        source: Number of the document.
        place: Where in it the claim stands.
        quote: The source's own words.
        statement: What it says, in ours.
        test: What is measured.
        rule: When the claim counts as supported, with every threshold.
        decisive: The quantity on which the verdict rests.
        smallest: The smallest effect of interest, and why.
        chapter: The chapter that judges it.
        function: The rule itself.
        before: The verdict before the rule was amended; empty if it never was.
        amended: What was amended, and why.
    """

    id: str
    source: str
    place: str
    quote: str
    statement: str
    test: str
    rule: str
    decisive: str
    smallest: str
    chapter: str
    function: Callable[..., Finding]
    before: str = ""
    amended: str = ""


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
    id: str,
    *,
    place: str,
    quote: str,
    statement: str,
    test: str,
    rule: str,
    decisive: str,
    smallest: str,
    before: str = "",
    amended: str = "",
) -> Callable[[Callable[..., Finding]], Callable[..., Finding]]:
    """Register the decorated function as the rule of claim ``id`` ("000.7").

    The claim belongs to the chapter in whose folder the rule stands. The texts are those of
    :class:`Claim`.

    Raises:
        ValueError: The id is registered already, is no "source.number", or no chapter's folder is
            around; a text is missing; or only one of ``before`` and ``amended`` is there.
    """
    source, dot, number = id.partition(".")
    if not (dot and source.isdigit() and number.isdigit()):
        raise ValueError(f'claim id must look like "000.7", got {id!r}')
    texts = {
        "place": place,
        "quote": quote,
        "statement": statement,
        "test": test,
        "rule": rule,
        "decisive": decisive,
        "smallest": smallest,
    }
    absent = [name for name, text in texts.items() if not text.strip()]
    if absent:
        raise ValueError(f"claim {id} says nothing under {', '.join(absent)}")
    if bool(before) != bool(amended):
        raise ValueError(f"claim {id}: an amendment needs both, the verdict before and the reason")

    def register(function: Callable[..., Finding]) -> Callable[..., Finding]:
        chapter = _chapter_of(function)
        if id in CLAIMS:
            raise ValueError(f"claim {id} has two rules: {CLAIMS[id].function} and {function}")
        CLAIMS[id] = Claim(
            id=id,
            source=source,
            chapter=chapter,
            function=function,
            before=before,
            amended=amended,
            **texts,
        )
        return function

    return register


def measured(name: str, part: Callable[[], Part], decisive: bool = True) -> Part:
    """A part that is *not measured*, instead of failing the whole rule, where evidence lacks."""
    try:
        return part()
    except MissingEvidence as missing:
        return Part(name, "not measured", f"needs {missing.args[0]}", decisive)


_HOLDS = {"holds", "proved"}
_OPPOSITE = {"opposite", "disproved"}


def combine(parts: Sequence[Part]) -> str:
    """The interpretation verdict of a claim from its parts (rule in the module docstring).

    Raises:
        ValueError: No part is decisive.
    """
    outcomes = [part.outcome for part in parts if part.decisive]
    if not outcomes:
        raise ValueError("a claim needs at least one decisive part")
    found = set(outcomes)
    if found == {"proved"}:
        return "proved"
    if found == {"disproved"}:
        return "disproved by construction"
    if found <= _HOLDS:
        return "supported"
    if found <= _OPPOSITE:
        return "refuted"
    if found <= _OPPOSITE | {"fails"}:
        return "not supported"
    if found & _HOLDS and found & (_OPPOSITE | {"fails"}):
        return "mixed"
    for open_verdict in ("not measured", "underpowered"):
        if open_verdict in found:
            return open_verdict
    return "at threshold"


_SHOWN: dict[str, str] = {"disproved": "disproved by construction"}


def finding(parts: Sequence[Part], number: str = "not applicable", intro: str = "") -> Finding:
    """A Finding whose evidence lists every part with its outcome, the decisive ones first."""
    ordered = sorted(parts, key=lambda part: not part.decisive)
    listed = "; ".join(f"{p.name} — {_SHOWN.get(p.outcome, p.outcome)}: {p.text}" for p in ordered)
    return Finding(combine(parts), f"{intro} {listed}.".strip(), number, tuple(ordered))


def fact(name: str, true: bool | None, text: str, decisive: bool = True) -> Part:
    """A part that is so or not, without an interval: holds, or the opposite does.

    None where it could not be established.
    """
    outcome: Outcome = "not measured" if true is None else "holds" if true else "opposite"
    return Part(name, outcome, text, decisive)


def bar_passed(name: str, true: bool, text: str, decisive: bool = True) -> Part:
    """A part with a bar of its own (so many of so many settings): holds, or fails it."""
    return Part(name, "holds" if true else "fails", text, decisive)


def proved(name: str, true: bool, text: str, decisive: bool = True) -> Part:
    """A part that mathematics decides, or something that was built: proved if ``true``.

    What cannot be established is not measured: a proof that does not go through refutes nothing.
    """
    return Part(name, "proved" if true else "not measured", text, decisive)


def disproved(name: str, true: bool, text: str, decisive: bool = True) -> Part:
    """A part to which mathematics, or something that was built, is a counterexample."""
    return Part(name, "disproved" if true else "not measured", text, decisive)


def decided(
    name: str, decision: Decision, decisive: bool = True, scale: float = 1.0, unit: str = ""
) -> Part:
    """A part that a quantity over seeds decides; shown times ``scale``, in ``unit``."""
    decision = replace(decision, scale=scale, unit=unit)
    sign = "±" if decision.side in ("within", "beyond") else ""
    text = f"{decision.estimate.scaled(scale)} against {sign}{decision.shown('', decision.bar)}"
    if decision.outcome == "underpowered":
        seeds = decision.seeds_to_decide
        more = f"about {seeds} seeds would" if seeds else "more seeds alone would not"
        text = f"{text} ({more} decide)"
    if decision.turned_by_skewness:
        text = f"{text} (allowing for skewness {decision.shown('', *decision.limits)})"
    return Part(name, decision.outcome, text, decisive, decision)
