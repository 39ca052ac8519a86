"""Halves of the seeds: what they hold, and when a rule comes to the same verdict in them."""

import pandas as pd
import pytest

from infomax_lib.stats import mean_interval
from paper.judging.claims import Finding
from paper.judging.evidence import Evidence
from paper.judging.halves import agreement_of_halves, halves

TABLE = pd.DataFrame({"seed": [0, 1, 2, 3] * 2, "key": list("abcdefgh"), "x": range(8)})


def test_a_half_holds_the_even_seeds_or_the_odd_ones_of_every_table():
    whole = Evidence(TABLE, TABLE.assign(epoch=1), {"own": TABLE, "none": TABLE[["x"]]})
    whole.used.add("a")
    for odd, half in enumerate(halves(whole)):
        for table in (half.runs, half.history, half.extra["own"]):
            assert set(table["seed"]) == {odd, odd + 2}
            assert len(table) == 4
        assert len(half.extra["none"]) == 8
        assert half.used == set()
    assert whole.used == {"a"}


def test_empty_tables_have_halves():
    assert [half.runs.empty for half in halves(Evidence(pd.DataFrame()))] == [True, True]


def rule(evidence):
    """Above zero, if the whole interval is."""
    interval = mean_interval(evidence.extra["own"]["x"])
    return Finding("supported" if interval.low > 0 else "underpowered", str(interval))


@pytest.mark.parametrize(("odd", "same"), [((4, 5, 7), 2), ((-1, 2, 9), 1)])
def test_halves_agree_or_not(odd, same):
    values = [x for pair in zip((4, 5, 6), odd, strict=True) for x in pair]
    table = pd.DataFrame({"seed": range(6), "x": values})
    evidence = Evidence(pd.DataFrame(), extra={"own": table})
    found = agreement_of_halves(rule, Finding("supported", "all six"), halves(evidence))
    assert found == f"{same} of 2 halves of the seeds"
