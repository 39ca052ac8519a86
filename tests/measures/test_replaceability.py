"""Held-out R² of units against one scikit-learn regression per unit, and its limiting cases."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score

from paper.measures import replaceability
from paper.measures.replaceability import RIDGE, held_out_r2


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def outputs(*leading, units=5, samples=60, seed=0):
    """Dependent units of different scale and origin, in training and test samples."""
    mixing = normal(*leading, units, units, seed=seed) + torch.eye(units)
    scale = torch.logspace(-4, 4, units, dtype=torch.float64)
    a = (normal(*leading, 2 * samples, units, seed=seed + 1) @ mixing).relu() * scale + 3 * scale
    return a[..., :samples, :], a[..., samples:, :]


def least_squares():
    # by default directions with less than 1e-6 of the largest deviation are left out
    return LinearRegression(tol=1e-12)


def one_by_one(train, test, model=least_squares):
    """R² of every unit by a regression of its own."""
    found = []
    for unit in range(train.shape[1]):
        others = [k for k in range(train.shape[1]) if k != unit]
        fitted = model().fit(train[:, others].numpy(), train[:, unit].numpy())
        found.append(r2_score(test[:, unit].numpy(), fitted.predict(test[:, others].numpy())))
    return found


def standardised(train, test):
    mean, std = train.mean(0), train.std(0)
    return (train - mean) / std, (test - mean) / std


@given(st.integers(0, 10_000))
def test_equals_one_least_squares_fit_per_unit(seed):
    train, test = outputs(2, 3, seed=seed)
    found = held_out_r2(train, test)
    assert found.shape == (2, 3, 5)
    assert found.dtype == torch.float64
    flat = train.flatten(0, 1), test.flatten(0, 1)
    expected = [one_by_one(*layer) for layer in zip(*flat, strict=True)]
    np.testing.assert_allclose(found.flatten(0, 1), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("ridge", [1e-4, 0.3, 20.0])
def test_the_ridge_is_that_of_standardised_units(ridge, monkeypatch):
    monkeypatch.setattr(replaceability, "RIDGE", ridge)
    train, test = standardised(*outputs())
    expected = one_by_one(train, test, lambda: Ridge(alpha=ridge * (len(train) - 1)))
    assert held_out_r2(train, test).tolist() == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 10_000))
def test_scale_sign_and_origin_of_a_unit_do_not_matter(seed):
    train, test = outputs(seed=seed)
    scale, origin = 10 * normal(5, seed=seed + 5), normal(5, seed=seed + 6)
    found = held_out_r2(train * scale + origin, test * scale + origin)
    np.testing.assert_allclose(found, held_out_r2(train, test), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_and_outputs_that_sum_to_one_are_known_perfectly(dtype):
    z = normal(300, 20).to(dtype)
    copies = torch.cat([z[:, :3], 5 - 2 * z[:, :3], z[:, 3:4]], 1)
    found = held_out_r2(copies[:200], copies[200:])
    assert found[:6].tolist() == pytest.approx([1] * 6, abs=1e-9)
    assert found[6] < 0.1
    shares = (10 * z).softmax(1)
    assert held_out_r2(shares[:200], shares[200:]).tolist() == pytest.approx([1] * 20, abs=1e-6)
    equal = z[:, :1].expand(-1, 256)
    assert held_out_r2(equal[:200], equal[200:]).tolist() == pytest.approx([1] * 256, abs=1e-9)


def test_independent_units_pay_for_their_coefficients():
    samples, units = 200, 20
    train, test = normal(30, samples, units), normal(30, 2000, units, seed=1)
    found = held_out_r2(train, test)
    # expected error of least squares with p Gaussian predictors and an intercept
    p = units - 1
    error = (1 + 1 / samples) * (samples - 2) / (samples - p - 2)
    assert found.mean().item() == pytest.approx(1 - error, abs=0.01)
    assert (found < 0).all()


def test_what_training_shows_need_not_hold():
    x = normal(200, 1)
    train, test = torch.cat([x, x], 1), torch.cat([x, -x], 1)
    assert held_out_r2(train, train).tolist() == pytest.approx([1, 1])
    assert held_out_r2(train, test).max() < -2.5


def test_fewer_samples_than_units_give_the_shortest_coefficients():
    a = normal(90, 8) @ normal(8, 30, seed=1) + 0.5 * normal(90, 30, seed=2)
    train, test = standardised(a[:12], a[12:])
    expected = one_by_one(train, test)  # scikit-learn's are the shortest, too
    assert held_out_r2(train, test).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_single_unit_is_predicted_by_its_mean():
    train, test = normal(30, 1), normal(20, 1, seed=1) + 0.5
    expected = r2_score(test.numpy(), np.full((20, 1), train.mean().item()))
    assert held_out_r2(train, test).tolist() == pytest.approx([expected], rel=1e-9)
    constant = torch.full((60, 1), 0.1, dtype=torch.float64)  # its deviation is rounded
    assert held_out_r2(train, constant).isnan().all()


def test_constant_units():
    train, test = outputs()
    noise = normal(60, 1, seed=9)
    dead = torch.full((60, 1), 0.1, dtype=torch.float64)
    alive = held_out_r2(train, test)

    def r2_beside(first_train, first_test):
        return held_out_r2(torch.cat([first_train, train], 1), torch.cat([first_test, test], 1))

    found = r2_beside(dead, dead)
    assert found[0].isnan()
    torch.testing.assert_close(found[1:], alive, rtol=1e-9, atol=1e-9)

    # constant in training alone: predicts nothing, is predicted to stay what it was
    found = r2_beside(dead, noise)
    assert found[0].item() == pytest.approx(r2_score(noise.numpy(), dead.numpy()), rel=1e-9)
    torch.testing.assert_close(found[1:], alive, rtol=1e-9, atol=1e-9)

    # constant in the test set alone: nothing to explain, but still a predictor
    found = r2_beside(noise, dead)
    assert found[0].isnan()
    expected = one_by_one(torch.cat([noise, train], 1), torch.cat([dead, test], 1))
    assert found[1:].tolist() == pytest.approx(expected[1:], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", ["train", "test"])
def test_outputs_that_are_not_finite_give_nan_for_their_layer_alone(bad, place):
    train, test = outputs()
    stacked, stacked_test = torch.stack([train, train]), torch.stack([test, test])
    (stacked if place == "train" else stacked_test)[0, 0, 0] = bad
    found = held_out_r2(stacked, stacked_test)
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1], held_out_r2(train, test), rtol=1e-10, atol=1e-12)


def test_sums_run_in_float64():
    train, test = (a.float() * 1e30 for a in outputs())
    assert torch.equal(held_out_r2(train, test), held_out_r2(train.double(), test.double()))
    assert held_out_r2(train, test).isfinite().all()
    assert torch.finfo(torch.float32).eps ** 2 < RIDGE


@pytest.mark.parametrize(
    ("train", "test"), [((5, 3), (5, 2)), ((2, 5, 3), (5, 3)), ((5,), (5,)), ((2, 5, 3), (3, 5, 3))]
)
def test_shapes_that_do_not_belong_together_are_refused(train, test):
    with pytest.raises(ValueError, match="same units") as refused:
        held_out_r2(torch.zeros(train), torch.zeros(test))
    assert str(train) in str(refused.value)


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="got 1 and 5"):
        held_out_r2(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="got 5 and 1"):
        held_out_r2(torch.zeros(5, 3), torch.zeros(1, 3))
