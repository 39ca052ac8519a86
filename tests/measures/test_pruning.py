"""Removal orders against explicit regressions, and curves against probes without the columns."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from infomax_lib import load_dataset
from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.streams import generator
from paper.measures.pruning import (
    ORDERS,
    pruning_curve,
    removable_share,
    removal_order,
    removal_steps,
)

BY_OUTPUTS = ("least_unique", "greedy")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def world(seed=0, samples=80, units=6):
    """Dependent units of different scale and origin that say something about three classes."""
    labels = torch.arange(samples) % 3 * 4
    mixing = normal(units, units, seed=seed) + torch.eye(units)
    scale = torch.logspace(-3, 3, units, dtype=torch.float64)
    informed = normal(13, units, seed=seed + 1)[labels] + normal(samples, units, seed=seed + 2)
    return (informed @ mixing).relu() * scale + 3 * scale, labels


def bits(samples, seed=0):
    """Four independent units, each of which halves the number of 16 classes."""
    labels = torch.arange(samples) % 16
    signs = torch.stack([labels // 2**b % 2 for b in range(4)], 1) * 2 - 1
    return signs + 0.1 * normal(samples, 4, seed=seed), labels


@pytest.fixture(scope="module")
def digits():
    """Outputs of sixteen random ReLU units."""
    data = load_dataset("digits")
    weight = normal(64, 16, seed=3).float()
    train, test = ((x @ weight).relu() for x in (data.train[:600], data.test))
    return train, data.train_labels[:600], test, data.test_labels


def explained(outputs, unit, others):
    """R² of one unit by least squares on others and an intercept."""
    a = outputs.numpy()
    design = np.column_stack([StandardScaler().fit_transform(a[:, others]), np.ones(len(a))])
    coefficients = np.linalg.lstsq(design, a[:, unit], rcond=None)[0]
    return 1 - (a[:, unit] - design @ coefficients).var() / a[:, unit].var()


def ridge_loss(outputs, labels, units):
    """Penalised squared error of scikit-learn's ridge regression on one-hot classes."""
    one_hot = np.equal.outer(labels.numpy(), np.unique(labels)).astype(float)
    if not units:
        return ((one_hot - one_hot.mean(0)) ** 2).sum()
    z = StandardScaler().fit_transform(outputs[:, units].numpy())
    model = Ridge(alpha=1.0).fit(z, one_hot)
    return ((one_hot - model.predict(z)) ** 2).sum() + (model.coef_**2).sum()


@given(st.integers(0, 10_000))
def test_least_unique_removes_what_the_units_left_explain_best(seed):
    outputs, labels = world(seed)
    left, expected = list(range(6)), []
    while len(left) > 1:
        fits = [explained(outputs, unit, [k for k in left if k != unit]) for unit in left]
        expected.append(left.pop(int(np.argmax(fits))))
    # of two units, each explains the other equally well
    assert removal_order("least_unique", outputs, labels, 0).tolist()[:4] == expected[:4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constants_go_first_and_copies_next(dtype):
    x = normal(200, 4).to(dtype)
    dead = torch.tensor([0.1, 1e5], dtype=dtype).expand(200, 2)
    outputs = torch.cat([x, dead, 5 - 2 * x[:, :3], x[:, :3] / 7], 1)
    order = removal_order("least_unique", outputs, torch.zeros(200), 0).tolist()
    assert order[:2] == [4, 5]
    source = [0, 1, 2, 3, None, None, 0, 1, 2, 0, 1, 2]
    assert sorted(source[unit] for unit in order[2:8]) == [0, 0, 1, 1, 2, 2]
    # of each unit one copy is left, and they go in the order in which they go alone
    alone = removal_order("least_unique", x, torch.zeros(200), 0).tolist()
    assert [source[unit] for unit in order[8:10]] == alone[:2]
    assert {source[unit] for unit in order[8:]} == {0, 1, 2, 3}


def test_many_copies_do_not_hide_a_constant():
    outputs = normal(50, 1).expand(-1, 300).clone()
    outputs[:, 250] = 7.0
    order = removal_order("least_unique", outputs, torch.zeros(50), 0)
    assert order[0] == 250
    assert sorted(order.tolist()) == list(range(300))


# --- greedy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_greedy_is_backward_elimination_with_a_ridge_regression(seed):
    outputs, labels = world(seed)
    left, expected = list(range(6)), []
    while left:
        losses = [ridge_loss(outputs, labels, [k for k in left if k != unit]) for unit in left]
        expected.append(left.pop(int(np.argmin(losses))))
    assert removal_order("greedy", outputs, labels, 0).tolist() == expected


def test_greedy_removes_constants_first_and_keeps_one_copy_of_all_that_is_read():
    x, labels = bits(1600)
    dead, noise = torch.full((1600, 1), 0.1), normal(1600, 2, seed=5)
    order = removal_order("greedy", torch.cat([x, noise, dead, x], 1), labels, 0).tolist()
    assert order[0] == 6
    # noise and copies cost next to nothing, both
    assert {4, 5} < set(order[1:7])
    assert {unit % 7 for unit in order[7:]} == {0, 1, 2, 3}


def test_only_greedy_reads_labels():
    outputs, labels = world()
    other = labels.roll(1, 0) * (torch.arange(80) % 5)
    assert not torch.equal(*(removal_order("greedy", outputs, y, 0) for y in (labels, other)))
    for method in ("random", "least_unique"):
        assert torch.equal(*(removal_order(method, outputs, y, 0) for y in (labels, other)))


# --- all orders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", BY_OUTPUTS)
@given(seed=st.integers(0, 10_000))
def test_scale_sign_and_origin_do_not_matter_and_places_of_units_move_with_them(method, seed):
    outputs, labels = world(seed)
    scale, origin = 10 * normal(6, seed=seed + 5), normal(6, seed=seed + 6)
    # the last two units of least_unique explain each other equally well
    places = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    found = removal_order(method, outputs, labels, 0)
    rescaled = removal_order(method, outputs * scale + origin, labels, 0)
    moved = removal_order(method, outputs[:, places], labels, 0)
    assert rescaled.tolist()[:4] == found.tolist()[:4]
    assert places[moved].tolist()[:4] == found.tolist()[:4]


@pytest.mark.parametrize("method", ORDERS)
@pytest.mark.parametrize("shape", [(1, 3), (5, 1), (4, 9), (30, 9)])
def test_an_order_is_a_permutation_even_with_few_samples(method, shape):
    labels = torch.arange(shape[0]) % 2
    order = removal_order(method, normal(*shape), labels, 0)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(shape[1]))


@pytest.mark.parametrize("method", ORDERS)
def test_a_seed_gives_the_same_order_again_and_matters_for_random_alone(method):
    outputs, labels = normal(50, 20), torch.arange(50) % 4
    first, again, other = (removal_order(method, outputs, labels, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (method != "random")


def test_random_is_a_permutation_of_its_own_stream_whatever_the_outputs():
    expected = torch.randperm(20, generator=generator(7, "pruning"))
    for outputs in (normal(50, 20), torch.full((50, 20), torch.nan)):
        assert torch.equal(removal_order("random", outputs, torch.zeros(50), 7), expected)


# --- curves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ORDERS)
def test_a_curve_is_that_of_probes_without_the_columns(digits, method):
    train, labels, test, test_labels = digits
    order = removal_order(method, train, labels, 0)
    curve = pruning_curve(order, *digits)
    assert list(curve.columns) == ["removed", "share_removed", "accuracy"]
    assert curve["removed"].tolist() == list(range(16))
    assert curve["share_removed"].tolist() == [n / 16 for n in range(16)]
    for removed, accuracy in zip(curve["removed"], curve["accuracy"], strict=True):
        left = order[removed:]
        expected = linear_probe(train[:, left], labels, test[:, left], test_labels)
        # sums run over the columns in another order: at most one image flips
        assert accuracy == pytest.approx(expected.item(), abs=1.01 / len(test))


def test_nothing_removed_is_the_linear_probe_and_everything_is_chance(digits):
    order = torch.arange(16)
    curve = pruning_curve(order, *digits, removed=[16, 0])
    assert curve["removed"].tolist() == [16, 0]
    full = linear_probe(*digits).item()
    assert curve["accuracy"][1] == pytest.approx(full, abs=1.01 / len(digits[2]))
    assert curve["accuracy"][0] < 0.15 < full


def test_units_that_are_gone_may_be_anything_in_either_part(digits):
    train, labels, test, test_labels = digits
    order = torch.arange(16).flip(0)
    expected = pruning_curve(order, *digits, removed=[0, 2, 5])
    for place in (0, 2):
        parts = [train.clone(), labels, test.clone(), test_labels]
        parts[place][:, -2:] = torch.nan
        found = pruning_curve(order, *parts, removed=[0, 2, 5])
        assert math.isnan(found["accuracy"][0])
        assert found["accuracy"][1:].tolist() == expected["accuracy"][1:].tolist()


def test_orders_that_look_at_outputs_keep_more_accuracy_than_chance_and_greedy_most(digits):
    mean = {}
    train, labels, test, test_labels = digits
    noisy = [torch.cat([x, x[:, :8] + normal(len(x), 8).float()], 1) for x in (train, test)]
    for method in ORDERS:
        order = removal_order(method, noisy[0], labels, 0)
        curve = pruning_curve(order, noisy[0], labels, noisy[1], test_labels)
        mean[method] = curve["accuracy"].mean()
    assert mean["greedy"] > mean["least_unique"] + 0.01
    assert mean["greedy"] > mean["random"] + 0.01


def test_measured_steps_are_every_five_per_cent_without_duplicates():
    assert removal_steps(100) == list(range(0, 100, 5))
    assert removal_steps(20) == list(range(20))
    assert removal_steps(16) == list(range(16))
    assert removal_steps(256)[:4] == [0, 13, 26, 38]
    assert removal_steps(256)[-1] == 243
    assert len(removal_steps(64)) == len(set(removal_steps(64))) == 20
    assert removal_steps(3) == [0, 1, 2, 3]


# --- removable share -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", BY_OUTPUTS)
def test_half_of_an_encoder_of_copies_is_removable_and_nothing_of_independent_units(method):
    (x, labels), (test, test_labels) = bits(800), bits(320, seed=1)
    for copies, expected in ((1, 0.0), (2, 0.5)):
        parts = x.repeat(1, copies), labels, test.repeat(1, copies), test_labels
        order = removal_order(method, *parts[:2], 0)
        curve = pruning_curve(order, *parts)
        assert curve["accuracy"][0] == 1
        assert removable_share(curve) == expected


def curve_of(*accuracies):
    removed = list(range(len(accuracies)))
    shares = [n / 10 for n in removed]
    return pd.DataFrame({"removed": removed, "share_removed": shares, "accuracy": accuracies})


@pytest.mark.parametrize(
    ("accuracies", "points", "expected"),
    [
        ((0.9, 0.895, 0.891, 0.88), 0.01, 0.2),
        ((0.9, 0.92, 0.89, 0.85), 0.01, 0.2),
        ((0.9, 0.7, 0.9, 0.95), 0.01, 0.0),  # what recovers does not
        ((0.9, 0.9, math.nan, 0.9), 0.01, 0.1),
        ((0.9, 0.9, 0.8), 0.0, 0.1),
        ((0.9, 0.5, 0.1), 1.0, 0.2),
        ((0.9,), 0.01, 0.0),
    ],
)
def test_removable_share_is_the_last_step_before_accuracy_is_lost(accuracies, points, expected):
    curve = curve_of(*accuracies)
    assert removable_share(curve, points) == expected
    assert removable_share(curve.iloc[::-1], points) == expected


@pytest.mark.parametrize("correct", range(100, 130))
def test_one_point_is_allowed_by_default_whatever_the_rounding(correct):
    found = removable_share(curve_of(*((correct - lost) / 1000 for lost in (0, 10, 11))))
    assert found == 0.1


def test_a_curve_without_a_full_accuracy_has_no_removable_share():
    assert math.isnan(removable_share(curve_of(math.nan, 0.9)))


# --- errors --------------------------------------------------------------------------------------


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="'magnitude': choose one of random, least_unique, greedy"):
        removal_order("magnitude", normal(5, 3), torch.zeros(5), 0)


@pytest.mark.parametrize("method", ORDERS)
def test_outputs_and_labels_that_do_not_fit_are_refused(method):
    with pytest.raises(ValueError, match=r"5 samples .* \(4,\)"):
        removal_order(method, normal(5, 3), torch.zeros(4), 0)
    with pytest.raises(ValueError, match=r"5 samples .* \(5, 1\)"):
        removal_order(method, normal(5, 3), torch.zeros(5, 1), 0)
    for shape in ((2, 5, 3), (5,), (0, 3), (5, 0)):
        with pytest.raises(ValueError, match="one layer at a time") as refused:
            removal_order(method, torch.zeros(shape), torch.zeros(shape[0]), 0)
        assert str(shape) in str(refused.value)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_outputs_that_are_not_finite_have_no_order(bad):
    outputs = normal(5, 3)
    outputs[2, 1] = bad
    for method in BY_OUTPUTS:
        with pytest.raises(ValueError, match="not finite"):
            removal_order(method, outputs, torch.arange(5), 0)


def test_curves_of_parts_that_do_not_fit_are_refused():
    x, labels, order = normal(6, 3), torch.arange(6) % 2, torch.arange(3)
    with pytest.raises(ValueError, match="train has 3 units and test has 2"):
        pruning_curve(order, x, labels, x[:, :2], labels)
    with pytest.raises(ValueError, match="train has 6 samples"):
        pruning_curve(order, x, labels[1:], x, labels)
    with pytest.raises(ValueError, match="test has 6 samples"):
        pruning_curve(order, x, labels, x, labels[1:])
    for bad in ([0, 1], [0, 1, 1], [1, 2, 3], [[0, 1, 2]]):
        with pytest.raises(ValueError, match="each of the 3 units 0 to 2 once"):
            pruning_curve(torch.tensor(bad), x, labels, x, labels)
    for steps in ([], [-1], [0, 4]):
        with pytest.raises(ValueError, match="each from 0 to 3"):
            pruning_curve(order, x, labels, x, labels, steps)


def test_removable_shares_of_nothing_are_refused():
    for curve in (curve_of(), curve_of(0.9, 0.9).iloc[1:]):
        with pytest.raises(ValueError, match="no row for 0 removed"):
            removable_share(curve)
    for points in (-0.1, math.nan):
        with pytest.raises(ValueError, match="at least 0"):
            removable_share(curve_of(0.9), points)
