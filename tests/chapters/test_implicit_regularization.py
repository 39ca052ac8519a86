"""What the chapter says follows its numbers."""

from infomax_lib.stats import Interval
from paper.chapters.implicit_regularization.words import listed, takeaway

RATIO = Interval(1.5, 1.4, 1.6, 20)


def test_values_in_a_sentence():
    assert listed([0.0, 0.1, 30.0]) == "0, 0.1, 30"
    assert listed([]) == "none"


def test_takeaway_turns_with_the_sign():
    below = takeaway(Interval(-3.0, -3.1, -2.9, 20), 240, [0.0], [1.0, 10.0], RATIO)
    assert below.startswith("Competition keeps units from becoming copies")
    assert "lowers redundancy at λ_tc = 0 and raises it at 1, 10" in below
    above = takeaway(Interval(1.0, -0.1, 2.1, 20), 240, [], [], RATIO)
    assert above.startswith("Competition does not keep units apart")


def test_too_few_seeds_decide_nothing():
    assert takeaway(None, 240, [], [], RATIO).startswith("Nothing was decided")
