"""What the chapter says follows its numbers, and what it builds does what it says."""

import pytest
import torch
from scipy.optimize import approx_fprime
from synthetic_evidence import evidence
from worlds import claimed

from infomax_lib.measures.weights_and_outputs import output_correlation, simplex_floor
from infomax_lib.model.data import load_dataset
from infomax_lib.stats import Interval
from paper.chapters.implicit_regularization.one_direction import layer, one_direction
from paper.chapters.implicit_regularization.rules.softmax_added import lower_when
from paper.chapters.implicit_regularization.twin_gradients import (
    near_twin,
    separation,
    twin_steps,
)
from paper.chapters.implicit_regularization.words import along_time, listed, takeaway

RATIO = Interval(1.5, 1.4, 1.6, 20)


def test_values_in_a_sentence():
    assert listed([0.0, 0.1, 30.0]) == "0, 0.1, 30"
    assert listed([]) == "none"


def test_takeaway_turns_with_the_sign():
    below = takeaway(Interval(-3.0, -3.1, -2.9, 20), 240, [0.0], [1.0, 10.0], RATIO, 100)
    assert below.startswith("Competition keeps units from becoming copies")
    assert (
        "After 100 epochs it lowers redundancy along the grid of TC pressure at λ_tc = 0" in below
    )
    assert "raises it at 1, 10" in below
    above = takeaway(Interval(1.0, -0.1, 2.1, 20), 240, [], [], RATIO, 100)
    assert above.startswith("Competition does not keep units apart")


def test_epochs_at_which_it_is_lower_are_runs_of_recorded_ones():
    def ratios(**highs):
        return {int(e[1:]): Interval(high - 1, high - 2, high, 20) for e, high in highs.items()}

    assert lower_when(ratios(e1=1, e2=0.1)) == "never lower"
    assert lower_when(ratios(e1=-1, e2=1, e5=-1, e10=-2)) == "lower at epochs 1, 5 to 10"
    assert lower_when(ratios(e1=1, e2=-1)) == "lower at epochs 2"


def test_the_course_in_time_is_told_where_it_was_measured():
    told = along_time(evidence(claimed))
    assert told.startswith("Followed for 1000 epochs, redundancy with the softmax against that")
    assert "λ_tc = 100, lower at epochs 1 to 1000" in told
    assert along_time(evidence(claimed, keep=lambda s: s["epochs"] <= 100)) == ""


def test_too_few_seeds_decide_nothing():
    assert takeaway(None, 240, [], [], RATIO, 100).startswith("Nothing was decided")


# ------------------------------------------------------------------------------ near twins


def cosine_of(pair):
    return float(torch.cosine_similarity(pair[0], pair[1], dim=0))


@pytest.mark.parametrize("cosine", [0.0, 0.9, 0.999])
def test_a_near_twin_is_as_long_and_has_its_cosine(cosine):
    row, other = torch.randn(2, 3, 7, dtype=torch.float64, generator=torch.Generator())
    twin = near_twin(row, other, cosine)
    torch.testing.assert_close(twin.norm(dim=-1), row.norm(dim=-1))
    torch.testing.assert_close(
        torch.cosine_similarity(row, twin), torch.full((3,), cosine).double()
    )


def test_separation_is_the_slope_of_the_cosine_along_the_step():
    pair, gradient = torch.randn(2, 2, 5, dtype=torch.float64, generator=torch.Generator())
    slope = torch.tensor(
        approx_fprime(pair.flatten().numpy(), lambda p: cosine_of(torch.tensor(p).view(2, 5)))
    )
    expected = -(-gradient.flatten() @ slope) / (gradient.norm() * slope.norm())
    found = separation(pair.unsqueeze(0), gradient.unsqueeze(0))
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    # a step straight along the fall of the cosine is all separation, and its reverse none
    assert float(separation(pair[None], slope.view(1, 2, 5))) == pytest.approx(1, abs=1e-6)
    stepped = cosine_of(pair - 1e-6 * gradient)
    assert (stepped < cosine_of(pair)) == (float(found) > 0)


def test_near_twins_of_random_layers():
    table = twin_steps("digits", 4, cosines=(0.9,), layers=6, samples=50)
    assert table.groupby("competition").size().to_dict() == {"none": 6, "softmax": 6}
    assert (table["apart"].abs() < 1).all()
    # the layers are those of the runs, so that a layer by itself gives the same
    one = twin_steps("digits", 4, cosines=(0.9,), layers=1, samples=50)
    assert one["apart"].to_list() == pytest.approx(
        table[table["seed"] == 0]["apart"].to_list(), rel=1e-3
    )
    wide = table.pivot(index="seed", columns="competition", values="apart")
    assert (wide["none"] != wide["softmax"]).all()


# ------------------------------------------------------------------------------ the construction


def outputs_of(x, units, lengths):
    weight, bias = layer(x, units, lengths)
    return weight, torch.softmax(torch.relu(x @ weight.mT + bias), dim=1)


def test_rows_of_one_direction_reach_the_floor_of_the_simplex():
    table = one_direction("digits", 16).set_index("lengths")
    assert list(table.index) == ["free", "equal"]
    free, equal = table.loc["free"], table.loc["equal"]
    for row in (free, equal):
        assert row["cosine"] == pytest.approx(1, abs=1e-9)
        assert row["redundancy"] == pytest.approx(16 * 15, abs=1e-6)
    assert 1 - 1e-9 < free["over_floor"] < 1.02
    assert free["correlation"] == pytest.approx(free["over_floor"] * 16 / 15)
    # every unit owns its slice: a sixteenth of the images, but for the sample
    assert 0.5 / 16 < free["owned"] <= 1 / 16
    assert set(table["units"]) == {16}
    # lines of equal slope do not cross: one unit wins everywhere, and the others vary together
    assert equal["over_floor"] > 5
    assert equal["owned"] == 0


@pytest.mark.parametrize("units", [2, 3, 8])
def test_each_unit_wins_on_a_slice_of_the_direction(units):
    x = torch.randn(900, 5, dtype=torch.float64) * torch.tensor([3.0, 1, 1, 1, 1])
    x = x.double() + 7
    weight, outputs = outputs_of(x, units, "free")
    lengths = weight.norm(dim=1)
    torch.testing.assert_close(lengths / lengths[0], torch.arange(1, units + 1.0).double())
    along = x @ weight[0]
    winners = outputs[along.argsort()].argmax(1)
    assert (winners.diff() >= 0).all()
    assert winners.bincount(minlength=units).tolist() == pytest.approx([900 / units] * units, abs=1)
    assert float(output_correlation(outputs)) == pytest.approx(simplex_floor(units), rel=0.02)
    assert (x @ weight.mT).shape == (900, units)


@pytest.mark.parametrize("lengths", ["free", "equal"])
def test_relu_changes_no_winner(lengths):
    x = load_dataset("digits").train.double()
    weight, bias = layer(x, 6, lengths)
    before = x @ weight.mT + bias
    assert before.max(1).values.min() == pytest.approx(1)
    assert (torch.relu(before).argmax(1) == before.argmax(1)).all()


def test_equal_rows_are_as_long_as_the_longest():
    x = load_dataset("digits").train.double()
    free, equal = (layer(x, 6, lengths)[0].norm(dim=1) for lengths in ("free", "equal"))
    torch.testing.assert_close(equal, free.max().expand(6))
