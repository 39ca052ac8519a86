"""Parts that several rules of this chapter use: the weakest of several, and examples."""

from collections.abc import Sequence
from dataclasses import replace

from infomax_lib.stats import Interval
from paper.judging.claims import Part, decided
from paper.judging.closest import of_all
from paper.judging.decisions import Decision


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
    first = of_all(parts)
    others = [replace(part, decisive=False) for part in parts if part.name != first.name]
    return [first, *others]


def example(part: Part) -> Part:
    """A part that would show that something exists: if it does not, others still may."""
    return replace(part, outcome="fails") if part.outcome == "opposite" else part
