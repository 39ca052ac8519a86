"""Rules for source 001: regions that hyperplanes make, and those that data occupy.

The table ``arrangements`` (hyperplanes, dimension, copied, counted, formula) holds exact counts.
"""

import pandas as pd

from infomax_lib.stats import spearman_trend
from paper.chapters.theory.experiment import MECHANISMS, OBJECTIVES, cell
from paper.chapters.theory.rules.parts import identities, with_columns
from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import part_above, part_below


@claim(
    "001.7",
    place="Why InfoMax is Right: Maximizes expressiveness",
    statement="K independent binary partitions create 2^K regions, the maximum for K hyperplanes; "
    "InfoMax gives maximum regions.",
    test="Exact counts of arrangements in general position; regions that test samples occupy in "
    "layers trained without competition, against K independent balanced partitions with as many "
    "samples, and against the untrained layer.",
    rule="(a) every counted arrangement with K ≤ n has 2^K regions; (b) so has every one with "
    "K > n (it fails if the identity by which only K ≤ n gives 2^K holds and none has); (c) "
    "trained layers occupy more than half of the regions that independent balanced partitions "
    "would; (d) more than untrained layers, paired. (a), (c) and (d) are decisive.",
)
def maximum_regions(e: Evidence) -> Finding:
    table = e.table("arrangements", ["hyperplanes", "dimension", "copied", "counted"])
    general = table[~table["copied"].astype(bool)]
    all_patterns = general["counted"] == 2 ** general["hyperplanes"]
    few = general["hyperplanes"] <= general["dimension"]
    if not (few.any() and (~few).any()):
        raise MissingEvidence("arrangements with K ≤ n and with K > n")
    trained = cell("none (A)", "InfoMax")
    gain = e.difference("occupied", trained, {**trained, "epochs": 0})

    law, text = identities(e, ["regions", "two_to_the_k"])
    attained = {True: int(all_patterns[few].sum()), False: int(all_patterns[~few].sum())}
    many = True if attained[False] == (~few).sum() else None
    return finding(
        [
            Part(
                "(a) 2^K regions for K ≤ n",
                bool(attained[True] == few.sum()),
                f"{attained[True]} of {few.sum()} arrangements",
            ),
            Part(
                "(b) 2^K regions for K > n",
                False if law and not attained[False] else many,
                f"{attained[False]} of {(~few).sum()} arrangements; {text}",
                decisive=False,
            ),
            part_above(
                "(c) occupied, share of independent partitions",
                e.interval("occupied_share", **trained),
                0.5,
            ),
            part_above("(d) occupied, trained less untrained", gain, 0.0),
        ]
    )


@claim(
    "001.8",
    place="Why InfoMax is Right: Maximizes expressiveness",
    statement="Correlated partitions create fewer regions: information is wasted.",
    test="Exact counts with one hyperplane copied; over the 20 cells of the swap grid, rank "
    "correlation within each seed of the mean squared correlation of the units' firing with the "
    "entropy of the firing patterns and with the number of occupied regions.",
    rule="(a) every arrangement with a copied hyperplane has fewer regions than one in general "
    "position; rank correlation below −0.5 with (b) pattern entropy and (c) occupied regions.",
)
def correlated_fewer(e: Evidence) -> Finding:
    table = e.table("arrangements", ["hyperplanes", "dimension", "copied", "counted", "formula"])
    copied = table[table["copied"].astype(bool)]
    if copied.empty:
        raise MissingEvidence("arrangements with a copied hyperplane")
    fewer = int((copied["counted"] < copied["formula"]).sum())
    cells = [e.select(**cell(m, o)) for m in MECHANISMS for o in OBJECTIVES]
    rows = with_columns(pd.concat(cells), "bit_correlation", "pattern_entropy", "occupied")

    def trend(name: str, metric: str) -> Part:
        return part_below(name, spearman_trend(rows, "bit_correlation", metric), -0.5)

    return finding(
        [
            Part(
                "(a) fewer regions with a copy", fewer == len(copied), f"{fewer} of {len(copied)}"
            ),
            trend("(b) rank correlation with pattern entropy", "pattern_entropy"),
            trend("(c) rank correlation with occupied regions", "occupied"),
        ]
    )
