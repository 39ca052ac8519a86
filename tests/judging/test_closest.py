"""Of several parts, the one that decides a claim about all of them."""

from itertools import pairwise

import pytest

from infomax_lib.stats import Interval
from paper.judging.claims import Part, decided
from paper.judging.closest import RANK, closest_to_failing, of_all
from paper.judging.decisions import Decision


def part(name, mean, bar, smallest, side="above", neutral=None):
    return decided(name, Decision(Interval(mean, mean, mean, 5), side, bar, smallest, neutral))


def test_of_parts_that_fail_alike_the_one_furthest_from_its_bar_is_chosen():
    near, far, held = part("near", 0.9, 1, 0.1), part("far", 50, 80, 5), part("held", 2, 1, 0.1)
    assert closest_to_failing([held, near, far]).name == "far"
    assert closest_to_failing([held, near]).name == "near"


@pytest.mark.parametrize(
    ("side", "close", "away"),
    [("above", 1.2, 3), ("below", 0.8, -3), ("within", 0.8, 0.1), ("beyond", -1.2, 4)],
)
def test_of_parts_that_hold_the_one_with_the_least_room_is_chosen(side, close, away):
    parts = [part("away", away, 1, 0.1, side), part("close", close, 1, 0.1, side)]
    assert {each.outcome for each in parts} == {"holds"}
    assert closest_to_failing(parts).name == "close"


def test_outcomes_come_before_room():
    ranked = sorted(RANK, key=RANK.get)
    for worse, better in pairwise(ranked):
        if RANK[worse] < RANK[better]:
            assert closest_to_failing([Part("b", better, ""), Part("w", worse, "")]).name == "w"


def test_the_opposite_is_that_of_all_parts():
    opposite, held = (part(str(mean), mean, 0, 0.1, neutral=0) for mean in (-1, 1))
    assert of_all([opposite, held]).outcome == "fails"
    assert of_all([opposite, opposite]).outcome == "opposite"
    assert of_all([held, held]).outcome == "holds"
