"""The linear probe against scikit-learn's own pipeline, and what must not change it."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infomax_lib import load_dataset
from infomax_lib.probes import linear_probe


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return data.train[:400], data.train_labels[:400], data.test, data.test_labels


def test_equals_scikit_learn(digits):
    train, train_labels, test, test_labels = (part.numpy() for part in digits)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    expected = pipeline.fit(train.astype(float), train_labels).score(test, test_labels)
    found = linear_probe(*digits)
    assert found.dtype == torch.float64
    assert found.shape == ()
    # the unbiased deviation differs from scikit-learn's by a relative 1/2N: at most one image flips
    assert found.item() == pytest.approx(expected, abs=1.01 / len(test))
    assert found > 0.9


def test_layers_are_probed_each_by_itself(digits):
    train, train_labels, test, test_labels = digits
    stacked = torch.stack([train, train.roll(3, -1), train * 0])
    stacked_test = torch.stack([test, test.roll(3, -1), test * 0])
    found = linear_probe(stacked, train_labels, stacked_test, test_labels)
    assert found.shape == (3,)
    assert found[0] == linear_probe(*digits)
    assert found[0].item() == pytest.approx(found[1].item(), abs=1e-9)
    assert found[2] < 0.15  # nothing but constants


def test_scale_and_origin_of_a_feature_do_not_matter(digits):
    train, train_labels, test, test_labels = (
        part.double() if part.is_floating_point() else part for part in digits
    )
    scale = torch.logspace(-3, 3, train.shape[1], dtype=torch.float64)
    found = linear_probe(train * scale - 5, train_labels, test * scale - 5, test_labels)
    expected = linear_probe(train, train_labels, test, test_labels)
    assert found.item() == pytest.approx(expected.item(), abs=1.01 / len(test))


def test_separable_classes_are_read_off_and_shuffled_labels_are_not():
    labels = torch.arange(4).repeat(100)
    x = torch.nn.functional.one_hot(labels, 4) + 0.1 * torch.randn(400, 4)
    assert linear_probe(x[:200], labels[:200], x[200:], labels[200:]) == 1
    shuffled = labels[torch.randperm(400)]
    assert linear_probe(x[:200], shuffled[:200], x[200:], shuffled[200:]) < 0.4


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", ["train", "test"])
def test_features_that_are_not_finite_give_nan_for_their_layer_alone(digits, place, bad):
    train, train_labels, test, test_labels = digits
    stacked, stacked_test = torch.stack([train, train]), torch.stack([test, test])
    (stacked if place == "train" else stacked_test)[0, 0, 0] = bad
    found = linear_probe(stacked, train_labels, stacked_test, test_labels)
    assert found[0].isnan()
    assert found[1] == linear_probe(*digits)


def test_features_of_any_finite_scale(digits):
    """Weights without bound and units all but silent in training are read, not refused."""
    train, labels, test, test_labels = digits
    expected = linear_probe(train, labels, test, test_labels)
    huge = linear_probe(train * 1e25, labels, test * 1e25, test_labels)
    assert abs(huge - expected) <= 1.01 / len(test)
    silent, loud = train.clone(), test.clone()
    silent[:, 0], loud[:, 0] = 0.0, 1.0
    silent[0, 0] = 1e-38
    assert linear_probe(silent, labels, loud, test_labels).isfinite()
