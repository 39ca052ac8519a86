"""The rule on information gain, which judges variables one at a time, as decision trees do.

Tables in ``Evidence.extra``, all information in nats:

- ``splits``: seed, unit, gain (the most that one threshold on this unit says about the class),
  decrease (of the entropy at the root of a tree that splits there, NaN for other units), first
  (place of the unit among those that the tree uses, from its root on; NaN if it uses it nowhere);
- ``parity``: variables, information, of two coins and their parity.
"""

import math

import pandas as pd

from infomax_lib.stats import format_exact, format_number, mean_interval
from paper.chapters.mutual_information.rules.proofs import EXACT
from paper.judging.claims import Finding, claim, finding, proved
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import RELATED, part_above

#: Rank correlations that differ by less than this are the same.
SMALL_CORRELATION = 0.1


@claim(
    "003.13",
    place="01 Mutual Information",
    quote="feature extraction by evaluating the gain of each variable",
    statement="Information gain, the reduction in entropy by which decision trees choose, "
    "evaluates each variable by itself.",
    test="Mathematics: at a node the entropy of the classes less that of its two sides is the "
    "information that one threshold on one variable gives. Looked at in trees on the units of "
    "untrained layers: gain of the root's split against the largest information of all "
    "thresholds on all units. What such a choice cannot see is constructed: two coins and their "
    "parity.",
    rule="Two parts. Trees: proved if each root splits at a unit of the largest information, and "
    "lowers the entropy by as much, to 10⁻⁶ nats. Parity: proved if either coin says nothing "
    "about it, and both together log 2 nats, to 10⁻⁶. Informing: units that say more about the "
    "class come earlier in the tree, with a rank correlation over units whose mean over seeds "
    "lies above 0.5.",
    decisive="Two things are claimed, and both decide: that the gain is information, and that it "
    "is that of one variable alone.",
    smallest="10⁻⁶ nats: far above the rounding of float64, far below the gain of any split. For "
    "rank correlations 0.1.",
)
def single_variables(e: Evidence) -> Finding:
    table = e.table("splits", ["seed", "unit", "gain", "decrease", "first"])
    known = e.table("parity", ["variables", "information"]).set_index("variables")["information"]
    if table.empty or not {"first", "second", "both"} <= set(known.index):
        raise MissingEvidence("splits of trees, and the information about a parity")
    roots = table.dropna(subset="decrease")
    best = table.groupby("seed")["gain"].max()
    missed = (roots.set_index("seed")[["gain", "decrease"]].sub(best, axis=0)).abs().max(axis=None)
    alone = known[["first", "second"]].abs().max()
    blind = alone <= EXACT and abs(known["both"] - math.log(2)) <= EXACT
    return finding(
        [
            proved(
                "trees",
                len(roots) == len(best) and bool(missed <= EXACT),
                f"the roots of {len(best)} trees miss the largest information by "
                f"{format_exact(missed)} nats at most",
            ),
            proved(
                "parity",
                bool(blind),
                f"{format_exact(alone)} nats from one coin, {format_number(known['both'], 3)} "
                "from both",
            ),
            part_above(
                "order of use",
                mean_interval(table.groupby("seed").apply(_order, include_groups=False)),
                RELATED,
                SMALL_CORRELATION,
                decisive=False,
            ),
        ]
    )


def _order(tree: pd.DataFrame) -> float:
    """Rank correlation of gain and earliness over units; those that are not used come last."""
    first = tree["first"].fillna(tree["first"].max() + 1)
    return tree["gain"].corr(-first, method="spearman")
