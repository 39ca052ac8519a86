"""The part closest to failing, for claims that have to hold in each of several parts."""

from collections.abc import Sequence
from dataclasses import replace

from paper.judging.claims import Part
from paper.judging.decisions import Decision, Outcome, Share

_WORST_FIRST: tuple[tuple[Outcome, ...], ...] = (
    ("disproved", "opposite"),
    ("fails",),
    ("not measured",),
    ("underpowered",),
    ("at threshold",),
    ("holds",),
    ("proved",),
)
#: Rank of an outcome for a statement: the higher, the better.
RANK = {outcome: rank for rank, alike in enumerate(_WORST_FIRST) for outcome in alike}


def closest_to_failing(parts: Sequence[Part]) -> Part:
    """The part with the worst outcome; of those with the same, the one with the least room."""
    return min(parts, key=lambda part: (RANK[part.outcome], _room(part.decision)))


def of_all(parts: Sequence[Part]) -> Part:
    """The part closest to failing, of which the opposite holds only if it does of every one.

    One part that comes out opposite among others is a failure.
    """
    worst = closest_to_failing(parts)
    if worst.outcome == "opposite" and any(part.outcome != "opposite" for part in parts):
        return replace(worst, outcome="fails")
    return worst


def _room(decision: Decision | Share | None) -> float:
    """How far a mean lies on the claim's side of the bar, in smallest effects of interest."""
    if not isinstance(decision, Decision):
        return 0.0
    mean, bar = decision.estimate.mean, decision.bar
    room = {
        "above": mean - bar,
        "below": bar - mean,
        "within": bar - abs(mean),
        "beyond": abs(mean) - bar,
    }
    return room[decision.side] / decision.smallest
