"""Which runs train together."""

from collections import Counter

import pytest
import torch

from infomax_lib import RunSpec, grid
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.training import grouping as module
from infomax_lib.training.grouping import populations
from infomax_lib.training.population import Population

BASE = RunSpec(dataset="digits", epochs=1)


def sizes(specs):
    return [len(members) for members in populations(specs)]


def test_every_run_is_in_one_population():
    specs = grid(
        BASE, competition=["none", "softmax"], hidden_dim=[4, 8], lambda_tc=[0.0, 1.0],
        optimizer=["adam", "sgd"], batch_size=[32, "full"], seed=range(5),
    )  # fmt: skip
    found = [spec for members in populations(specs) for spec in members]
    assert Counter(found) == Counter(specs)


def test_a_population_can_be_trained(tiny):
    specs = grid(
        BASE, activation=["relu", "tanh"], hidden_dim=[3, 4], lambda_wr=[0.0, 1.0],
        learning_rate=[1e-3, 1e-2], seed=range(7),
    )  # fmt: skip
    # one seed lacks a setting, another one has one more
    specs.remove(specs[9])
    specs.append(BASE.but(seed=3, activation="sigmoid"))
    for members in populations(specs):
        Population(members, tiny, "cpu", torch.float64)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("optimizer", ["adam", "sgd"]),
        ("batch_size", [32, 64]),
        ("bias", [True, False]),
        ("epochs", [1, 2]),
        ("dataset", ["digits", "synthetic"]),
        ("precision", ["float32", "bfloat16"]),
    ],
)
def test_what_a_step_shares_is_shared(field, values):
    specs = grid(BASE.but(hidden_dim=2), seed=[0, 1], **{field: values})
    groups = list(populations(specs))
    assert len(groups) == 2
    for members in groups:
        assert len({getattr(spec, field) for spec in members}) == 1


def test_all_settings_of_few_seeds_rather_than_few_settings_of_all():
    specs = grid(BASE, lambda_tc=range(20), seed=range(9))
    for members in populations(specs):
        assert Counter(Counter(spec.seed for spec in members).values()) == {20: len(members) // 20}
    assert sizes(specs) == [60, 60, 60]


def test_parts_are_of_equal_size():
    assert sizes(grid(BASE, lambda_tc=range(20), seed=range(4))) == [40, 40]
    assert sizes(grid(BASE, lambda_tc=range(65))) == [32, 33]
    assert sizes(grid(BASE, seed=range(129))) == [43, 43, 43]


def test_full_batches_are_shared_by_all_seeds():
    specs = grid(BASE.but(batch_size="full"), lambda_tc=[0.0, 1.0], seed=range(32))
    assert sizes(specs) == [64]


def test_the_activation_sweep():
    specs = grid(BASE, activation=ACTIVATIONS, hidden_dim=[16, 32, 64], seed=range(10))
    assert len(specs) == 180
    assert sizes(specs) == [54, 54, 36, 36]


def test_memory_bounds_split_populations(monkeypatch):
    specs = grid(BASE, lambda_tc=range(8))
    assert sizes(specs) == [8]
    monkeypatch.setattr(module, "_MAX_OUTPUTS", 4 * 16 * 128)
    assert sizes(specs) == [4, 4]
    monkeypatch.undo()
    monkeypatch.setattr(module, "_MAX_WEIGHTS", 2 * 16 * 64)
    assert sizes(specs) == [2, 2, 2, 2]
    monkeypatch.setattr(module, "_MAX_WEIGHTS", 1)
    assert sizes(specs) == [1] * 8


def test_the_same_specs_give_the_same_populations():
    specs = grid(BASE, activation=["tanh", "relu"], hidden_dim=[8, 4], seed=[3, 1, 2])
    assert list(populations(specs)) == list(populations(list(specs)))


def test_more_units_than_samples_are_refused():
    with pytest.raises(ValueError, match=r"hidden_dim=2000 exceeds the \d+ training samples"):
        list(populations([BASE.but(hidden_dim=2000)]))


def test_nothing():
    assert list(populations([])) == []
