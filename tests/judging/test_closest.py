"""Of several parts, the one that decides a claim about all of them."""

from itertools import pairwise, product
from typing import get_args

import pytest

from infomax_lib.stats import Interval
from paper.judging.claims import Part, decided
from paper.judging.closest import RANK, closest_to_failing, of_all
from paper.judging.decisions import Decision, Outcome


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
    worst_first = [["disproved", "opposite"], ["fails"], ["not measured"], ["underpowered"]]
    worst_first += [["at threshold"], ["holds"], ["proved"]]
    assert {each for alike in worst_first for each in alike} == set(get_args(Outcome)) == set(RANK)
    for alike, better in pairwise(worst_first):
        for one, other in product(alike, alike + better):
            pair = [Part("one", one, ""), Part("other", other, "")]
            assert closest_to_failing(pair).name == "one"
            assert closest_to_failing(pair[::-1]).name == ("other" if other in alike else "one")


def test_room_is_counted_in_smallest_effects_of_interest():
    coarse, fine = part("coarse", 2, 1, 1), part("fine", 1.5, 1, 0.1)
    assert closest_to_failing([fine, coarse]).name == "coarse"
    small, large = part("small", 2, 1, 0.1, "beyond"), part("large", 51, 50, 0.1, "beyond")
    assert closest_to_failing([large, small]).name == "large"  # as much room, and it comes first
    assert closest_to_failing([part("less", 1.9, 1, 0.1, "beyond"), large]).name == "less"


def test_a_part_without_a_quantity_is_as_one_at_its_bar():
    bare = Part("bare", "holds", "")
    assert closest_to_failing([part("inside", 1.05, 1, 0.01), bare]).name == "bare"
    assert closest_to_failing([part("just", 1.025, 1, 0.05), bare]).name == "bare"


def test_the_opposite_is_that_of_all_parts():
    opposite, held = (part(str(mean), mean, 0, 0.1, neutral=0) for mean in (-1, 1))
    assert of_all([opposite, held]).outcome == "fails"
    assert of_all([opposite, opposite]).outcome == "opposite"
    assert of_all([held, held]).outcome == "holds"
