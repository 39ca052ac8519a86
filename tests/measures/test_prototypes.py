"""Owners, purity and similarity of prototypes, against loops over units and samples."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paper.measures.prototypes import owner_similarity, owners, purity

seeds = st.integers(0, 10_000)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def world(seed=0, units=5, classes=3):
    """Training and test outputs of different scale and offset, with labels."""
    scale, offset = torch.logspace(-3, 3, units, dtype=torch.float64), normal(units, seed=seed)
    parts = []
    for n, samples in enumerate((60, 40)):
        labels = torch.arange(samples) % classes * 2
        means = normal(2 * classes, units, seed=seed + 1)
        outputs = (means[labels] + normal(samples, units, seed=seed + 2 + n)) * scale + offset
        parts += [outputs, labels]
    return parts


def owners_by_loop(outputs, train):
    outputs, train = outputs.numpy(), train.numpy()
    found = []
    for sample in outputs:
        strengths = []
        for k, answer in enumerate(sample):
            column = train[:, k]
            constant = column.max() == column.min()
            strengths.append(-np.inf if constant else (answer - column.mean()) / column.std())
        found.append(int(np.argmax(strengths)))
    return found


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


# --- owners --------------------------------------------------------------------------------------


@given(seeds)
def test_the_owner_is_the_unit_furthest_above_its_training_mean(seed):
    train, _, test, _ = world(seed)
    assert owners(test, train).tolist() == owners_by_loop(test, train)
    assert owners(train, train).tolist() == owners_by_loop(train, train)


def test_owners_do_not_depend_on_scale_or_offset_of_units():
    train, _, test, _ = world()
    scale, offset = torch.logspace(4, -4, 5, dtype=torch.float64), normal(5, seed=9)
    assert torch.equal(owners(test * scale + offset, train * scale + offset), owners(test, train))


def test_a_unit_that_is_constant_in_training_owns_nothing():
    train, _, test, _ = world()
    train[:, 1], test[:, 1] = 0.1, 1e6
    assert owners(test, train).tolist() == owners_by_loop(test, train)
    assert 1 not in owners(test, train)
    # all others lie below their mean
    assert owners(train.amin(0, keepdim=True), train).item() != 1


def test_of_equal_units_the_first_owns():
    train, _, test, _ = world()
    twins, twins_test = (torch.cat([part, part], 1) for part in (train, test))
    assert torch.equal(owners(twins_test, twins), owners(test, train))


@pytest.mark.parametrize(
    ("outputs", "train", "message"),
    [
        (torch.zeros(3, 2), torch.rand(4, 3), "of the same units, got shapes .3, 2. and .4, 3."),
        (torch.zeros(3, 2), torch.zeros(4, 2), "no unit varies in training"),
        (torch.full((3, 2), torch.nan), torch.rand(4, 2), "not finite"),
    ],
)
def test_nobody_owns_what_has_no_owner(outputs, train, message):
    with pytest.raises(ValueError, match=message):
        owners(outputs, train)


# --- purity --------------------------------------------------------------------------------------


@given(seeds)
def test_purity_is_the_share_of_the_majority_class_of_the_owner(seed):
    train, labels, test, test_labels = world(seed)
    owned, tested = owners_by_loop(train, train), owners_by_loop(test, train)
    hits = 0
    for owner, label in zip(tested, test_labels.tolist(), strict=True):
        inside = [c for o, c in zip(owned, labels.tolist(), strict=True) if o == owner]
        # max takes the first of equals
        hits += bool(inside) and max(sorted(set(inside)), key=inside.count) == label
    found = purity(train, labels, test, test_labels)
    assert found == pytest.approx(hits / len(test), abs=1e-12)
    assert 0 <= found <= 1


def test_units_that_are_classes_are_pure_and_one_unit_knows_the_largest_class():
    labels = torch.tensor([0, 0, 0, 3, 3, 7])
    units = torch.nn.functional.one_hot(labels.unique(return_inverse=True)[1]).double()
    assert purity(units, labels, units, labels) == 1
    assert purity(units[:, :1], labels, units[:, :1], labels) == pytest.approx(0.5)


def test_an_owner_without_training_samples_stands_for_no_class():
    # the last unit varies, but never wins in training
    train = torch.tensor([[5.0, 0.0, 0.1], [0.0, 5.0, 0.1], [4.0, 0.0, 0.0], [0.0, 4.0, 0.1]])
    labels = torch.tensor([0, 1, 0, 1])
    assert owners(train, train).tolist() == [0, 1, 0, 1]
    test = torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 9.0]])
    assert owners(test, train).tolist() == [0, 2]
    assert purity(train, labels, test, torch.tensor([0, 0])) == 0.5


def test_purity_of_nothing_is_nothing():
    train, labels, test, test_labels = world()
    broken = test.clone()
    broken[3, 1] = torch.nan
    assert np.isnan(purity(train, labels, broken, test_labels))
    assert np.isnan(purity(torch.ones_like(train), labels, test, test_labels))
    with pytest.raises(ValueError, match=r"test has 40 samples, but labels of shape .60,."):
        purity(train, labels, test, labels)


# --- similarity to what is owned -----------------------------------------------------------------


@given(seeds)
def test_similarity_is_the_mean_cosine_with_what_units_own(seed):
    outputs = world(seed)[0]
    images, weight = normal(60, 7, seed=seed + 5) + 1, normal(5, 7, seed=seed + 6)
    owned = np.array(owners_by_loop(outputs, outputs))
    pictures, rows = images.numpy(), weight.numpy()
    cosines = [
        cosine(rows[k], pictures[owned == k].mean(0) - pictures.mean(0))
        for k in range(5)
        if (owned == k).any()
    ]
    assert owner_similarity(weight, outputs, images) == pytest.approx(np.mean(cosines), rel=1e-9)


def test_units_that_are_the_mean_of_what_they_own_have_similarity_one():
    images = normal(60, 7)
    outputs = world()[0]
    owned = owners(outputs, outputs)
    means = torch.stack([images[owned == k].mean(0) for k in range(5)]) - images.mean(0)
    weight = means * torch.tensor([1.0, 20.0, 0.1, 3.0, 1e-5]).unsqueeze(1)
    assert owner_similarity(weight, outputs, images) == pytest.approx(1)
    assert owner_similarity(-weight, outputs, images) == pytest.approx(-1)


def test_units_that_own_nothing_or_have_no_weights_are_left_out():
    images, outputs, weight = normal(60, 7), world()[0], normal(5, 7, seed=4)
    outputs[:, 2] = 1.0
    kept = [0, 1, 3, 4]
    expected = owner_similarity(weight[kept], outputs[:, kept], images)
    assert owner_similarity(weight, outputs, images) == pytest.approx(expected)
    owned = owners(outputs, outputs)
    weight[0] = 0
    mean = images.numpy().mean(0)
    cosines = [
        cosine(weight[k].numpy(), images[owned == k].numpy().mean(0) - mean) for k in (1, 3, 4)
    ]
    assert owner_similarity(weight, outputs, images) == pytest.approx(np.mean(cosines))


def test_a_unit_whose_images_are_the_mean_image_on_average_is_left_out():
    outputs = torch.eye(3, dtype=torch.float64)
    images = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-1.0, -2.0]], dtype=torch.float64)
    weight = torch.tensor([[1.0, 0.0], [3.0, 6.0], [0.0, -1.0]], dtype=torch.float64)
    found = owner_similarity(weight, outputs, images)
    assert found == pytest.approx((1 + 2 / np.sqrt(5)) / 2)


def test_similarity_of_nothing_is_nothing():
    images, weight = normal(60, 7), normal(2, 7)
    outputs = normal(60, 2)
    # one unit owns all images: their mean less the mean image is zero
    assert np.isnan(owner_similarity(weight[:1], outputs[:, :1], images.float()))
    assert np.isnan(owner_similarity(weight, torch.ones(60, 2), images))
    assert np.isnan(owner_similarity(weight, torch.full((60, 2), torch.inf), images))
    with pytest.raises(ValueError, match=r"must belong together, got shapes .2, 6., "):
        owner_similarity(weight[:, :6], outputs, images)
