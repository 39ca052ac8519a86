"""Halves of the seeds: the least of other choices, which every chapter has.

A half holds the even seeds or the odd ones of every table, so that comparisons stay paired. Other
data, widths or lengths are universes (:mod:`paper.judging.universes`); where a chapter has none,
this says how much of a verdict hangs on the seeds alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from paper.judging.claims import Finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.universes import agree

#: Of a rule that needs more seeds than a half has: five, as most of those with five in all.
TOO_FEW = "not asked: half of the seeds are too few for the rule"


def halves(evidence: Evidence) -> list[Evidence]:
    """The evidence of the even seeds, and that of the odd ones; tables without seeds are whole."""
    return [
        replace(
            evidence,
            runs=_of_half(evidence.runs, odd),
            history=_of_half(evidence.history, odd),
            extra={name: _of_half(table, odd) for name, table in evidence.extra.items()},
            used=set(),
            _selected={},
        )
        for odd in (0, 1)
    ]


def _of_half(table: pd.DataFrame, odd: int) -> pd.DataFrame:
    return table[table["seed"].astype(int) % 2 == odd] if "seed" in table.columns else table


def agreement_of_halves(
    rule: Callable[[Evidence], Finding], whole: Finding, among: Sequence[Evidence]
) -> str:
    """In how many halves a rule comes to the verdict of all seeds: "2 of 2 halves of the seeds".

    Empty where the rule looks at no seeds.
    """
    try:
        found = [rule(half.tracked()) for half in among]
    except MissingEvidence:
        return TOO_FEW
    if all(each.evidence == whole.evidence for each in found):
        return ""
    if any(each.interpretation == "not measured" for each in found):
        return TOO_FEW
    agreeing = sum(agree(each.interpretation, whole.interpretation) for each in found)
    return f"{agreeing} of {len(found)} halves of the seeds"
