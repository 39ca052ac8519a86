"""Names and looks that figures of halves of images share, and the rows that they draw."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.lines import Line2D

from paper.figures.marks import check_rows, key
from paper.figures.style import CYCLE, LINES, MARKERS

NAMES = {"nce": "$I_{NCE}$", "nwj": "$I_{NWJ}$"}
#: Colour, marker and line of each estimator.
LOOKS = {
    "nce": (CYCLE[0], MARKERS[0], LINES[0]),
    "nwj": (CYCLE[1], MARKERS[1], LINES[1]),
}
ACCURACY = "probe accuracy (share)"
#: Nats: estimates below are drawn at the edge of the panel. I_NWJ has no lower end.
LEAST = -2.0


def rows_of(halves: pd.DataFrame, experiment: str, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of one experiment, which has to be there."""
    check_rows(halves, ["experiment", "seed", *columns])
    rows = halves[halves["experiment"] == experiment]
    if rows.empty:
        there = ", ".join(sorted(set(halves["experiment"])))
        raise ValueError(f"no rows of the experiment {experiment!r}: there are {there}")
    return rows


def estimator_keys(line: str = "-") -> list[Line2D]:
    """Entries of a legend for both estimators."""
    return [
        key(color=colour, marker=marker, ls=line, mec="white", ms=7, label=NAMES[bound])
        for bound, (colour, marker, _) in LOOKS.items()
    ]
