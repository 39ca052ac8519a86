"""Rules for source 001: regions that hyperplanes make, and those that data occupy.

The table ``arrangements`` (hyperplanes, dimension, copied, counted, formula) holds exact counts.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from infomax_lib.stats import mean_interval, spearman_trend
from paper.chapters.theory.experiment import MECHANISMS, OBJECTIVES, cell
from paper.chapters.theory.rules.parts import identities, settled, with_columns
from paper.judging.claims import Finding, Part, claim, disproved, finding, measured, proved
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import RELATED, part_above, part_below

#: Share of the attainable regions that counts as having them.
MAXIMUM = 0.5
#: A twentieth of the regions: smaller differences do not matter here.
REGIONS = 0.05


@claim(
    "001.7",
    place="Why InfoMax is Right: Maximizes expressiveness",
    quote="K independent binary partitions create 2^K regions. This is maximum combinatorial "
    "expressiveness for K hyperplanes.",
    statement="K independent binary partitions make 2^K regions, the maximum, and InfoMax gives "
    "that maximum.",
    test="Exact counts of arrangements in general position, with the identity that says when there "
    "are 2^K; regions that test samples occupy in layers trained without competition, against K "
    "independent balanced partitions with as many samples, and against the untrained layer.",
    rule="(a) proved if the identity holds by which K hyperplanes make 2^K regions exactly while "
    "K ≤ n, and every counted arrangement with K ≤ n has as many (disproved if one has not); (b) "
    "layers trained by InfoMax occupy more than half of the regions that independent balanced "
    "partitions would. Both are decisive. (c) That K > n hyperplanes make 2^K regions and (d) that "
    "trained layers occupy more regions than untrained ones, paired, inform.",
    decisive="Two, since the source says two things: (a) the number of regions of K ≤ n "
    "hyperplanes, and (b) the regions that the test samples occupy in layers trained by InfoMax, "
    "as a share of those of independent balanced partitions.",
    smallest="A twentieth of the attainable regions (0.05): less could not be told apart in a "
    "figure of them. Nothing is random in (a).",
    before="mixed",
    amended="The count is a theorem and is proved, no longer sampled. What InfoMax gives is one "
    "quantity, the share of the attainable regions; the comparison with untrained layers, at a "
    "threshold of 0, informs. Where K > n there are no K independent hyperplanes to speak of.",
)
def maximum_regions(e: Evidence) -> Finding:
    table = e.table("arrangements", ["hyperplanes", "dimension", "copied", "counted"])
    general = table[~table["copied"].astype(bool)]
    all_patterns = general["counted"] == 2 ** general["hyperplanes"]
    few = general["hyperplanes"] <= general["dimension"]
    if not (few.any() and (~few).any()):
        raise MissingEvidence("arrangements with K ≤ n and with K > n")
    trained = cell("none (A)", "InfoMax")
    law, text = identities(e, ["regions", "two_to_the_k"])
    counted = f"{int(all_patterns[few].sum())} of {int(few.sum())} arrangements; {text}"
    count = "(a) 2^K regions for K ≤ n"
    gain = "(d) occupied, trained over untrained less 1"
    return finding(
        [
            proved(count, law, counted)
            if all_patterns[few].all()
            else disproved(count, True, counted),
            part_above(
                "(b) occupied, share of independent partitions",
                e.interval("occupied_share", **trained),
                MAXIMUM,
                REGIONS,
            ),
            disproved(
                "(c) 2^K regions for K > n",
                law and not all_patterns[~few].any(),
                f"{int(all_patterns[~few].sum())} of {int((~few).sum())} arrangements",
                decisive=False,
            ),
            measured(gain, lambda: _gain(e, gain, trained), decisive=False),
        ]
    )


def _gain(e: Evidence, name: str, trained: Mapping[str, object]) -> Part:
    """Whether training adds occupied regions."""
    before = e.values("occupied", **{**trained, "epochs": 0})
    ratio = mean_interval(e.values("occupied", **trained) / before - 1)
    return part_above(name, ratio, 0.0, REGIONS, neutral=0.0, decisive=False)


@claim(
    "001.8",
    place="Why InfoMax is Right: Maximizes expressiveness",
    quote="Correlated partitions create fewer regions. Information is wasted.",
    statement="Correlated partitions make fewer regions.",
    test="Regions that test samples occupy in layers trained without competition, over those of "
    "the same units with every unit's firing shuffled by itself: as many units that fire as often, "
    "without correlation. Exact counts with one hyperplane copied; over the cells of the swap "
    "grid, rank correlation of the correlation of firing with the regions occupied.",
    rule="(a) supported if occupied regions over those of the shuffled firing are below 1; "
    "refuted if above, not supported if within 1 ± 0.05. (b) The same in untrained layers, (c) "
    "that every arrangement with a copied hyperplane has fewer regions than one in general "
    "position, and that over the 20 cells the rank correlation within each seed of the mean "
    "squared correlation of firing is below −0.5 with (d) the occupied regions and (e) the "
    "entropy of the firing patterns, inform.",
    decisive="(a) regions that test samples occupy in a layer trained by InfoMax, over those with "
    "the same rates of firing and no correlation.",
    smallest="A twentieth of the regions (a ratio of 0.95): less could not be told apart in a "
    "figure of them.",
    before="mixed",
    amended="Trends over cells compared unequal things: cells whose units are more correlated also "
    "fire at other rates, and these decide how many patterns there can be. Regions of the same "
    "units without their correlation, stored with every layer, isolate what the claim is about; "
    "the copied hyperplane is the case of correlation 1 alone, and informs with the trends.",
)
def correlated_fewer(e: Evidence) -> Finding:
    trained = cell("none (A)", "InfoMax")

    def against_shuffled(name: str, decisive: bool, **fields: object) -> Part:
        condition = {**trained, **fields}
        shuffled = e.values("occupied_independent", **condition)
        ratio = mean_interval(e.values("occupied", **condition) / shuffled)
        return part_below(name, ratio, 1.0, REGIONS, neutral=1.0, decisive=decisive)

    untrained = "(b) untrained, occupied over shuffled"
    copies = "(c) fewer regions with a copy"
    over_cells = {
        "(d) over cells, occupied regions": "occupied",
        "(e) over cells, entropy of patterns": "pattern_entropy",
    }
    return finding(
        [
            against_shuffled("(a) trained, occupied over shuffled", True),
            measured(untrained, lambda: against_shuffled(untrained, False, epochs=0), False),
            measured(copies, lambda: _copies(e, copies), False),
            *(
                measured(name, partial(_over_cells, e, name, metric), False)
                for name, metric in over_cells.items()
            ),
        ]
    )


def _copies(e: Evidence, name: str) -> Part:
    """Whether every arrangement with a copy has fewer regions than one in general position."""
    table = e.table("arrangements", ["copied", "counted", "formula"])
    copied = table[table["copied"].astype(bool)]
    if copied.empty:
        raise MissingEvidence("arrangements with a copied hyperplane")
    fewer = int((copied["counted"] < copied["formula"]).sum())
    return settled(name, fewer == len(copied), f"{fewer} of {len(copied)}", decisive=False)


def _over_cells(e: Evidence, name: str, metric: str) -> Part:
    """Whether cells of the swap grid whose units fire together have less of a measure."""
    cells = [e.select(**cell(m, o)) for m in MECHANISMS for o in OBJECTIVES]
    rows = with_columns(pd.concat(cells), "bit_correlation", metric)
    trend = spearman_trend(rows, "bit_correlation", metric)
    return part_below(name, trend, -RELATED, 0.1, neutral=0.0, decisive=False)
