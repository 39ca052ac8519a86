"""What chance gives, against rows and firings drawn one by one."""

import pandas as pd
import pytest
import torch

from infomax_lib.measures.weights_and_outputs import (
    cofiring_excess,
    firing_rate,
    weight_redundancy,
)
from infomax_lib.model.data import load_dataset
from paper.judging.nulls import random_levels, relative_levels, with_nulls

UNITS = 6
RATES = (0.03, 0.1, 0.3, 0.5)


def rows_of_the_data(dataset: str, units: int, layers: int) -> torch.Tensor:
    """Rows w ~ N(0, C) of many layers, with C the covariance of the training images."""
    x = load_dataset(dataset).train.double()
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(layers * units, len(x), generator=generator, dtype=torch.float64)
    return (mixing @ (x - x.mean(0))).reshape(layers, units, -1)


def measured(outputs: torch.Tensor, **columns) -> pd.DataFrame:
    """A run of the layer whose outputs on the test images these are."""
    row = {
        "dataset": "digits",
        "hidden_dim": outputs.shape[1],
        "weight_redundancy": 1.0,
        "firing_rate": float(firing_rate(outputs)),
        "cofiring_excess": float(cofiring_excess(outputs)),
    }
    return pd.DataFrame([row | columns])


def images() -> int:
    return len(load_dataset("digits").test)


def independent(rate: float, seed: int, units: int = UNITS) -> torch.Tensor:
    """Outputs of units that fire on that share of the test images, each by itself."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(images(), units, generator=generator) < rate).double()


def joint_firing(outputs: torch.Tensor) -> float:
    return float(with_nulls(measured(outputs))["joint_firing"].iloc[0])


def test_rows_from_the_data_have_its_redundancy():
    drawn = weight_redundancy(rows_of_the_data("digits", UNITS, 300))
    table = pd.concat([measured(independent(0.3, 0), weight_redundancy=float(v)) for v in drawn])
    over = with_nulls(table.reset_index(drop=True))["redundancy_over_data"]
    assert over.mean() == pytest.approx(1, abs=0.05)
    assert random_levels("digits", UNITS)[1] == pytest.approx(float(drawn.mean()), rel=0.05)


def test_rows_in_all_directions_are_less_redundant_than_the_datas():
    isotropic, of_the_data = random_levels("digits", UNITS)
    assert isotropic == UNITS * (UNITS - 1) / 64
    assert 2 * isotropic < of_the_data < UNITS * (UNITS - 1)
    generator = torch.Generator().manual_seed(1)
    drawn = weight_redundancy(torch.randn(400, UNITS, 64, generator=generator).double())
    assert isotropic == pytest.approx(float(drawn.mean()), rel=0.05)


@pytest.mark.parametrize("rate", RATES)
def test_independent_units_fire_together_as_often_as_by_chance(rate):
    table = pd.concat([measured(independent(rate, seed)) for seed in range(60)], ignore_index=True)
    found = with_nulls(table)
    noise = found["joint_firing_noise"].mean()
    # what counting gives is taken off: what is left is a small part of it
    assert abs(found["joint_firing"].mean()) < 0.15 * noise
    plain = table["cofiring_excess"] / table["firing_rate"] ** 2
    assert plain.mean() == pytest.approx(noise, rel=0.15)


@pytest.mark.parametrize("rate", RATES)
def test_duplicated_units_fire_together_far_more_often(rate):
    copies = independent(rate, 3, 1).expand(-1, UNITS)
    found = float(copies.mean())
    # P(both) = rate instead of rate squared, in every pair
    assert joint_firing(copies) == pytest.approx((found - found**2) / found**2, rel=0.1)
    assert joint_firing(copies) > 0.9 * (1 - found) / found


def test_units_that_exclude_each_other_are_seen_too():
    turn = torch.arange(images()) % 4
    outputs = torch.nn.functional.one_hot(turn, 4).double()
    found = with_nulls(measured(outputs)).iloc[0]
    # never both, instead of the square of the rate; what counting gives is taken off here too
    assert found["joint_firing"] + found["joint_firing_noise"] == pytest.approx(1)


def test_one_pair_of_copies_is_a_pair_of_fifteen():
    outputs = torch.cat([independent(0.1, 5, 5), independent(0.1, 5, 5)[:, :1]], dim=1)
    one = joint_firing(outputs)
    rest = joint_firing(independent(0.1, 5, 5))
    assert one == pytest.approx(9 / 15, abs=0.15)
    assert abs(rest) < 0.1


def test_nulls_stand_beside_the_measures_and_follow_dataset_and_width():
    table = pd.concat(
        [
            measured(independent(0.3, 0)),
            measured(independent(0.3, 0, 12), dataset="synthetic"),
        ],
        ignore_index=True,
    )
    found = with_nulls(table)
    pd.testing.assert_frame_equal(found[table.columns], table)
    for row in found.itertuples():
        level = random_levels(row.dataset, row.hidden_dim)[1]
        assert row.redundancy_over_data == pytest.approx(1 / level)
    first, second = found["joint_firing_noise"]
    test_images = [len(load_dataset(name).test) for name in ("digits", "synthetic")]
    shares = (1 - found["firing_rate"]) / found["firing_rate"]
    assert first / second == pytest.approx(
        (test_images[1] / test_images[0]) ** 0.5 * shares[0] / shares[1]
    )


def test_a_table_without_runs_stays_as_it_is():
    assert with_nulls(pd.DataFrame()).empty


def test_levels_over_isotropic_rows_do_not_depend_on_the_width():
    levels = relative_levels("digits")
    assert levels["isotropic rows"] == 1
    for width in (2, 16, 64):
        isotropic, from_data = random_levels("digits", width)
        assert levels["rows from the data"] == pytest.approx(from_data / isotropic)
    assert relative_levels("natural-patches")["rows from the data"] == pytest.approx(1, abs=0.02)
