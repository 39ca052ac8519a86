"""The rule on estimates in many dimensions.

Table ``dimensions`` in ``Evidence.extra``: bound, dimensions, seed, estimate, spread, known, truth;
``known`` is the estimate on the same pairs with the log density ratio in place of a trained critic,
``spread`` the standard deviation of the estimate between batches. All in nats.
"""

import pandas as pd

from infomax_lib.stats import Interval
from paper.chapters.mutual_information.experiment import ESTIMATORS
from paper.chapters.mutual_information.rules.evidence import (
    MATCHED,
    for_estimators,
    paired,
    recorded,
)
from paper.chapters.mutual_information.rules.parts import grows, weakest
from paper.judging.claims import Finding, Part, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import part_below

#: Tenth of a nat: a twentieth of the information that the pairs share.
TENTH = 0.1


@claim(
    "003.14",
    place="01 Mutual Information, Important Property",
    quote="estimating MI in high-dimensional spaces is notoriously difficult",
    statement="Mutual information is hard to estimate in many dimensions.",
    test="Gaussian pairs that share 2 nats in 2 to 392 dimensions, as many as half an image has "
    "pixels. Critics of one kind are trained by both estimators on as many pairs whatever the "
    "dimension; error of the estimate on fresh pairs, its spread between batches, and the same "
    "with the density ratio known.",
    rule="An estimate below 0 counts as 0. Size of the error in the most dimensions less that in "
    "the fewest, seed by seed: supported if its interval lies above half a nat with the estimator "
    "with which it is closest to failing; not supported if below; refuted if with both it lies "
    "below 0. Informing: the growth of the spread lies above 0; with the known ratio the growth "
    "of the error lies below half a nat, so that it is the critic that is hard to find.",
    decisive="Growth of the error of the estimate from the fewest to the most dimensions, by the "
    "estimator with the smaller one.",
    smallest="0.1 nats, a twentieth of the information; the bar of half a nat is where this "
    "chapter calls two estimates different.",
    before="underpowered",
    amended="Estimates below 0 now count as 0, below which information never is. I_NWJ has no "
    "lower bound: in 392 dimensions it gave −27 to −6124 nats, and the interval of errors that "
    "spread so far held the bar although each of them lies far beyond it.",
)
def many_dimensions(e: Evidence) -> Finding:
    names = ["bound", "dimensions", "seed", "estimate", "spread", "known", "truth"]
    table = recorded(e, e.table("dimensions", names))
    if table["dimensions"].nunique() < 2:
        raise MissingEvidence("pairs of more than one dimension")

    def rows_of(bound: str) -> pd.DataFrame:
        rows = table[table["bound"] == bound]
        return rows.assign(
            error=(rows["estimate"].clip(lower=0) - rows["truth"]).abs(),
            known_error=(rows["known"] - rows["truth"]).abs(),
        )

    def growth(measure: str, bound: str) -> Interval:
        rows = rows_of(bound)
        few, many = str(rows["dimensions"].min()), str(rows["dimensions"].max())
        return paired(rows, "dimensions", measure).difference(many, few)

    def error(bound: str) -> Part:
        name = f"{ESTIMATORS[bound]}, growth of the error"
        return grows(name, growth("error", bound), TENTH, "nats", bar=MATCHED)

    def beside(bound: str) -> list[Part]:
        spread, known = (
            f"{ESTIMATORS[bound]}, growth of {what}"
            for what in ("the spread", "the error with the ratio known")
        )
        return [
            measured(
                spread,
                lambda: grows(spread, growth("spread", bound), TENTH, "nats", decisive=False),
                decisive=False,
            ),
            measured(
                known,
                lambda: part_below(
                    known, growth("known_error", bound), MATCHED, TENTH, decisive=False
                ),
                decisive=False,
            ),
        ]

    informing = [part for bound in ESTIMATORS for part in beside(bound)]
    return finding([*weakest(for_estimators(error)), *informing])
