"""Parts of the rules for source 001 that are decided by mathematics, and tests over seeds.

What is pure mathematics is decided by numbers in float64: ``Evidence.extra["identities"]`` (every
identity with its error and tolerance, :mod:`paper.chapters.theory.identities`) and ``"cases"`` (the
terms of the objective at collapsed layers, :mod:`paper.chapters.theory.limiting_cases`). What is
said about trained layers is decided by runs, see :mod:`paper.chapters.theory.experiment`, with the
measures of :mod:`paper.chapters.theory.held_out` beside their own.

Source 001 has no activation; as in source 000 it is a ReLU here, unless a rule says otherwise.
"""

from collections.abc import Sequence

import pandas as pd

from infomax_lib.stats import EXACT, format_exact, format_number
from paper.judging.claims import Part, disproved, proved
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import share_of_seeds

#: Relative differences up to this count as none.
MARGIN = 0.1
#: A claim about seeds holds for this share of them.
MOST = 0.9
#: Least rise of a term that is said to rise.
RISE = 0.01
#: Why a claim about seeds asks for that share, for the records.
ONE_SEED_IN_TEN = (
    "One seed in ten: what is said of layers in general may fail in no more of them than that."
)
#: What stands for the smallest effect where nothing is random.
NOTHING_RANDOM = "None: nothing is random here. Sides that differ by more than 1e-9 differ."


def case(e: Evidence, name: str) -> float:
    """The value of a limiting case; MissingEvidence if it is not in the table."""
    table = e.table("cases", ["case", "value"])
    rows = table[table["case"] == name]
    if rows.empty:
        raise MissingEvidence(f"the limiting case “{name}”")
    return float(rows["value"].iloc[0])


def settled(name: str, true: bool, text: str, decisive: bool = True) -> Part:
    """A part that a number in closed form settles, one way or the other."""
    return (proved if true else disproved)(name, True, text, decisive)


def vanishes(e: Evidence, name: str, label: str, decisive: bool = True) -> Part:
    """Proved when a quantity that should be zero is, to float64; else disproved."""
    value = abs(case(e, name))
    return settled(label, value <= EXACT, f"{format_exact(value)} against 10⁻⁹", decisive)


def rises(e: Evidence, name: str, label: str, least: float, decisive: bool = True) -> Part:
    """Proved when a number in closed form is above a threshold; else disproved."""
    value = case(e, name)
    text = f"{format_exact(value)} against {format_number(least)}"
    return settled(label, value > least, text, decisive)


def theorem(e: Evidence, label: str, *names: str, decisive: bool = True) -> Part:
    """Proved when the named identities, which say what the claim says, hold numerically."""
    holds, text = identities(e, names)
    return proved(label, holds, text, decisive)


def counterexample(e: Evidence, label: str, *names: str, decisive: bool = True) -> Part:
    """Disproved when the named identities, which contradict the claim, hold numerically."""
    holds, text = identities(e, names)
    return disproved(label, holds, text, decisive)


def identities(e: Evidence, names: Sequence[str]) -> tuple[bool, str]:
    """Whether all the named identities hold numerically, and a sentence that says so."""
    table = e.table("identities", ["name", "difference", "tolerance"]).set_index("name")
    absent = [name for name in names if name not in table.index]
    if absent:
        raise MissingEvidence(f"the identities {', '.join(absent)}")
    rows = table.loc[list(names)]
    shown = ", ".join(name.replace("_", " ") for name in names)
    holds = bool((rows["difference"] <= rows["tolerance"]).all())
    return holds, f"numerically, “{shown}” {'holds' if holds else 'does not hold'}"


def most_seeds(name: str, outcome: pd.Series, decisive: bool = True) -> Part:
    """Holds when a statement is true of at least nine seeds in ten."""
    return share_of_seeds(name, float(outcome.mean()), len(outcome), MOST, decisive=decisive)


def with_columns(rows: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    """The rows themselves; MissingEvidence if a measure is not among their columns."""
    absent = [m for m in metrics if m not in rows.columns]
    if absent:
        raise MissingEvidence(f"the measures {', '.join(absent)}")
    return rows
