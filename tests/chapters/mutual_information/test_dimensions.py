"""Estimates of known information in few and in many dimensions."""

import pytest

from infomax_lib import SpecError, grid
from paper.chapters.mutual_information.experiment import DIMENSIONS, dimension_specs, metric_specs
from paper.chapters.mutual_information.measured.dimensions import (
    DimensionsSpec,
    estimates_over_dimensions,
)

QUICK = DimensionsSpec(steps=300, batch_size=64, hidden=16, learning_rate=3e-3)


def test_critics_find_it_in_few_dimensions_and_not_in_many(tmp_path):
    specs = grid(QUICK, bound=["nce", "nwj"], dimensions=[4, 200], seed=[0, 1])
    table = estimates_over_dimensions(specs, "cpu", tmp_path, progress=False)
    means = table.groupby(["bound", "dimensions"])[["estimate", "known"]].mean()
    for bound in ("nce", "nwj"):
        assert means.loc[(bound, 4), "estimate"] > 1
        assert means.loc[(bound, 200), "estimate"] < 0.8
    # with the ratio known the dimension is nothing to either
    assert means["known"].between(1.7, 2.1).all()
    assert set(table["truth"]) == {2.0}
    again = estimates_over_dimensions(specs, "cpu", tmp_path, progress=False)
    assert again["estimate"].tolist() == table["estimate"].tolist()


def test_a_critic_that_blows_up_is_said_to():
    broken = QUICK.but(steps=20, learning_rate=1e30, bound="nwj", seed=0)
    row = estimates_over_dimensions(broken, "cpu", None, progress=False).iloc[0]
    assert row["failed"] == "an estimate is not finite"
    assert row["estimate"] != row["estimate"]


def test_impossible_settings_are_refused():
    for fields in ({"bound": "mine"}, {"dimensions": 0}, {"batch_size": 1}):
        with pytest.raises(SpecError):
            DimensionsSpec(**fields)


def test_what_is_compared_differs_in_one_thing():
    specs = dimension_specs(3, "small")
    assert len(specs) == 2 * 3 * len(DIMENSIONS)
    assert {s.but(bound="nce", dimensions=2, seed=0) for s in specs} == {DimensionsSpec(seed=0)}
    by_nce, by_triplet = metric_specs("mnist", 1, "small")
    assert by_triplet == by_nce.but(bound="triplet")
