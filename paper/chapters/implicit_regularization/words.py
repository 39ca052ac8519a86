"""What the chapter on implicit regularization says about its numbers."""

from collections.abc import Sequence

from infomax_lib.stats import Interval
from paper.chapters.implicit_regularization.rules.softmax_added import log_ratios, lower_when
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import LONG


def listed(values: Sequence[float]) -> str:
    """Values in a sentence."""
    return ", ".join(f"{value:g}" for value in values) or "none"


def takeaway(
    at_zero: Interval | None,
    possible: int,
    lower: Sequence[float],
    higher: Sequence[float],
    least_ratio: Interval,
    epochs: int,
) -> str:
    """What competition does to the redundancy of the weights.

    Args:
        at_zero: Redundancy with softmax less that without, at λ_tc = 0; None if not judged.
        possible: K (K - 1), the redundancy of equal rows.
        lower: Values of λ_tc at which the softmax lowers redundancy.
        higher: Values at which it raises it.
        least_ratio: Least redundancy over that of random rows drawn from the data, with softmax
            along the grid.
        epochs: How long these layers were trained.
    """
    if at_zero is None:
        return "Nothing was decided here: it takes at least five seeds."
    keeps = (
        "Competition keeps units from becoming copies of one another when nothing else does"
        if at_zero.high < 0
        else "Competition does not keep units apart when nothing else does"
    )
    return (
        f"{keeps}: without any TC term (λ_tc = 0) the softmax, and nothing else, changes the "
        f"redundancy of the weights by {at_zero}, of {possible} possible. After {epochs} epochs it "
        f"lowers redundancy along the grid of TC pressure at λ_tc = {listed(lower)} and raises it "
        f"at {listed(higher)}. With softmax the least redundant weights of the grid have "
        f"{least_ratio} times the redundancy of random rows drawn from the data."
    )


def along_time(e: Evidence) -> str:
    """At which epochs of the longest runs the softmax lowers redundancy, by λ_tc."""
    try:
        courses = {value: log_ratios(e, value) for value in LONG}
    except MissingEvidence:
        return ""
    end = min(max(ratios) for ratios in courses.values())
    when = "; ".join(f"λ_tc = {value:g}, {lower_when(r)}" for value, r in courses.items())
    return f"Followed for {end} epochs, redundancy with the softmax against that without: {when}."
