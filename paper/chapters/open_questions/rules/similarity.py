"""How alike the codes of A and of B are: parts that inform the claim on structure at scale.

Table ``similarities`` in ``Evidence.extra``: hidden_dim, level, epochs (0 before training), seed,
and linear CKA on test images, ``across`` the two, and ``within_a`` and ``within_b``, of two seeds
of the same; ``across_before`` and ``within_b_before`` read B before its softmax.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from infomax_lib.stats import mean_interval
from paper.chapters.open_questions.rules.shared import everywhere
from paper.judging.claims import Part, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import part_above, part_below, rows

#: A tenth of the way from nothing in common to copies, and what matters about it.
CKA, CKA_MATTERS = 0.1, 0.025

Place = Mapping[str, object]


def less_than_seeds(e: Evidence, place: Place, read: str = "") -> pd.Series:
    """CKA of A with B less the mean of A with A and of B with B, per seed.

    ``read="_before"`` reads B before its softmax.
    """
    across, within_b = f"across{read}", f"within_b{read}"
    found = rows(e, "similarities", place, across, "within_a", within_b)
    gap = found[across] - (found["within_a"] + found[within_b]) / 2
    return pd.Series(gap.to_numpy(float), index=found["seed"])


def places(e: Evidence, way: str) -> list[Place]:
    """Trained layers by ``width``, the first of every K; or by ``layer``, all of the stack."""
    table = e.table("similarities", ["hidden_dim", "level", "epochs", "seed"])
    trained = table[table["epochs"] == max(table["epochs"].max(), 1)]
    in_stack = trained["hidden_dim"].isin(trained.loc[trained["level"] > 1, "hidden_dim"])
    chosen = trained[trained["level"] == 1 if way == "width" else in_stack]
    columns = ["hidden_dim", "level", "epochs"]
    found = chosen[columns].drop_duplicates().sort_values(columns).astype(int)
    if len(found) < 2:
        raise MissingEvidence(f"“similarities” of trained layers, more than one {way}")
    return found.to_dict("records")


def similarity_parts(e: Evidence) -> list[Part]:
    """Whether A and B are less alike than two seeds of one of them, and whether that gap closes."""
    return [
        measured(name, partial(part, e, name, way), decisive=False)
        for way in ("width", "layer")
        for name, part in (
            (f"codes less alike than two seeds, by {way}", _less_alike),
            (f"gap closes with {way}", _closer),
        )
    ]


def _less_alike(e: Evidence, name: str, way: str) -> Part:
    def less(place: Place) -> Part:
        where = f"K={place['hidden_dim']}, layer {place['level']}"
        gap = mean_interval(less_than_seeds(e, place))
        return part_below(where, gap, -CKA, CKA_MATTERS, neutral=0.0)

    return everywhere(name, [less(place) for place in places(e, way)], decisive=False)


def _closer(e: Evidence, name: str, way: str) -> Part:
    first, *_, last = (less_than_seeds(e, place) for place in places(e, way))
    change = mean_interval((last - first).dropna())
    return part_above(name, change, 0.0, CKA_MATTERS, neutral=0.0, decisive=False)
