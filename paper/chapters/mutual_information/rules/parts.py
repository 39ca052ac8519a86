"""Parts that several rules of this chapter use: the weakest of several, and examples."""

from collections.abc import Sequence
from dataclasses import replace

from infomax_lib.stats import Interval
from paper.judging.claims import Part, decided
from paper.judging.decisions import Decision

_ORDER = {
    "opposite": 0,
    "fails": 0,
    "not measured": 1,
    "underpowered": 2,
    "at threshold": 2,
    "holds": 3,
}


def grows(
    name: str,
    interval: Interval,
    smallest: float,
    unit: str,
    *,
    bar: float = 0.0,
    decisive: bool = True,
) -> Part:
    """Holds when a difference lies above the bar; the opposite lies below no difference."""
    return decided(name, Decision(interval, "above", bar, smallest, 0.0), decisive, unit=unit)


def weakest(parts: Sequence[Part]) -> list[Part]:
    """All parts, of which only the one closest to failing decides.

    For a claim that has to hold in every part. That one of them comes out opposite refutes the
    claim only where all do; otherwise the claim fails.
    """
    first = min(parts, key=lambda part: (_ORDER[part.outcome], _distance(part)))
    if first.outcome == "opposite" and {part.outcome for part in parts} != {"opposite"}:
        first = replace(first, outcome="fails")
    others = [replace(part, decisive=False) for part in parts if part.name != first.name]
    return [first, *others]


def _distance(part: Part) -> float:
    """How far the mean lies beyond the bar, in half widths of its interval."""
    test = part.decision
    if not isinstance(test, Decision):
        return 0.0
    half = (test.estimate.high - test.estimate.low) / 2
    beyond = (
        test.estimate.mean - test.bar if test.side == "above" else test.bar - test.estimate.mean
    )
    return beyond / max(half, 1e-12)


def example(part: Part) -> Part:
    """A part that would show that something exists: if it does not, others still may."""
    return replace(part, outcome="fails") if part.outcome == "opposite" else part
