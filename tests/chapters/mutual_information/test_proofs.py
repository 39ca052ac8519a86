"""What is proved of source 003: birthdays, wrong alarms, and shears that hide points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infomax_lib.stats import Interval
from paper.chapters.mutual_information.rules import proofs
from paper.chapters.mutual_information.rules.parts import example, weakest
from paper.chapters.mutual_information.rules.proofs import (
    Hidden,
    best_threshold,
    certificate_is_sound,
    certified,
    least_samples,
    theorem,
)
from paper.judging.claims import Part
from paper.judging.shared_rules import part_above, part_below


@pytest.mark.parametrize(("share", "people"), [(0.5, 23), (0.3, 30), (0.01, 57)])
def test_least_samples_are_the_birthday_problem(share, people):
    """Of 23 people two share a birthday in half of all cases; of 57 in 99 %."""
    assert least_samples(math.log(365), share) == people


def test_least_samples_grow_by_half_a_nat_per_nat():
    few, many = least_samples(10, 0.05), least_samples(14, 0.05)
    assert math.log(many / few) == pytest.approx(2, abs=0.01)


def test_an_accuracy_certifies_nothing_at_chance_and_without_limit_near_one():
    nats = certified([0.5, 0.75, 0.9, 0.999])
    np.testing.assert_allclose(nats[:2], [0, math.log(4 / 3)], atol=1e-12)
    assert (np.diff(nats) > 0).all()
    assert nats[-1] > 5
    assert certified(0.1) == pytest.approx(certified(0.9)), "always wrong is as good as right"


def test_a_certificate_that_says_more_is_found_out(monkeypatch):
    assert certificate_is_sound()
    monkeypatch.setattr(proofs, "certified", lambda accuracy: 1.5 * certified(accuracy))
    assert not certificate_is_sound()


def test_hidden_points_lie_on_a_line_and_every_point_comes_back():
    draw = np.random.default_rng(0)
    points, places = draw.normal(size=(30, 2)), draw.permutation(30)
    encode = Hidden(points, places)
    np.testing.assert_allclose(encode(points), np.stack([0 * places, places], -1), atol=1e-12)
    others = 5 * draw.normal(size=(200, 2))
    np.testing.assert_allclose(encode.inverse(encode(others)), others, atol=1e-9)


def test_best_threshold_is_that_of_a_search():
    draw = np.random.default_rng(1)
    values, labels = draw.normal(size=25), draw.integers(0, 2, 25)
    cuts = np.concatenate([[-9], values])
    searched = max(
        np.mean((values > cut) == side) for cut in cuts for side in (labels == 1, labels == 0)
    )
    assert best_threshold(values, labels) == pytest.approx(searched)
    assert best_threshold(values, (values > 0.3).astype(int)) == 1


def test_a_counterexample_disproves():
    assert theorem("a", True, "").outcome == "proved"
    assert theorem("a", False, "").outcome == "disproved"


# ----------------------------------------------------------------------------------- shared parts


def part(name, low, high, decide=part_above):
    interval = Interval((low + high) / 2, low, high, 5)
    return decide(name, interval, 0.0, 0.1, neutral=0.0)


@pytest.mark.parametrize(
    ("parts", "name", "outcome"),
    [
        ([part("a", 1, 2), part("b", 0.5, 1.5)], "b", "holds"),
        ([part("a", 1, 2), part("b", -2, -0.5, part_below)], "b", "holds"),
        ([part("a", -1, 2), part("b", 1, 2)], "a", "underpowered"),
        ([part("a", 1, 2), part("b", -2, -1)], "b", "fails"),
        ([part("a", -2, -1), part("b", -4, -1)], "b", "opposite"),
        ([part("a", 1, 2), Part("b", "not measured", "")], "b", "not measured"),
        ([part("a", -0.05, 0.05), Part("b", "not measured", "")], "a", "fails"),
    ],
)
def test_the_part_closest_to_failing_decides(parts, name, outcome):
    found = weakest(parts)
    assert [(p.name, p.outcome) for p in found if p.decisive] == [(name, outcome)]
    assert {p.name for p in found} == {"a", "b"}


def test_an_example_that_is_none_does_not_refute():
    assert example(part("a", -2, -1)).outcome == "fails"
    assert example(part("a", 1, 2)).outcome == "holds"
