"""What the chapter on implicit regularization says about its numbers."""

from collections.abc import Sequence

from infomax_lib.stats import Interval


def listed(values: Sequence[float]) -> str:
    """Values in a sentence."""
    return ", ".join(f"{value:g}" for value in values) or "none"


def takeaway(
    at_zero: Interval | None,
    possible: int,
    lower: Sequence[float],
    higher: Sequence[float],
    least_ratio: Interval,
) -> str:
    """What competition does to the redundancy of the weights.

    Args:
        at_zero: Redundancy with softmax less that without, at λ_tc = 0; None if not judged.
        possible: K (K - 1), the redundancy of equal rows.
        lower: Values of λ_tc at which the softmax lowers redundancy.
        higher: Values at which it raises it.
        least_ratio: Least redundancy over that of random rows, with softmax along the grid.
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
        f"redundancy of the weights by {at_zero}, of {possible} possible. Along the grid of TC "
        f"pressure it lowers redundancy at λ_tc = {listed(lower)} and raises it at "
        f"{listed(higher)}. With softmax the least redundant weights of the grid have "
        f"{least_ratio} times the redundancy of random ones."
    )
