"""Few labelled examples: which are drawn, and that the probe sees those and no others."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infomax_lib import load_dataset
from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.streams import generator
from paper.measures.few_labels import few_label_accuracy, few_label_draws

LABELS = torch.tensor([7, 2, 4, 4, 2, 7, 4, 2, 4, 7, 4, 2])  # 4 of class 2, 5 of 4, 3 of 7


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return data.train, data.train_labels, data.test, data.test_labels


# --- what is drawn -------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_draws_are_balanced_and_without_replacement(seed, per_class):
    drawn = few_label_draws(LABELS, per_class, 4, seed)
    assert drawn.shape == (4, 3 * per_class)
    for indices in drawn:
        assert len(set(indices.tolist())) == 3 * per_class
        assert LABELS[indices].tolist() == [c for c in (2, 4, 7) for _ in range(per_class)]


def test_draws_follow_from_labels_and_seed_by_walking_through_a_shuffled_order():
    stream = generator(5, "few labels")
    expected = []
    for _ in range(3):
        taken = {2: [], 4: [], 7: []}
        for index in torch.randperm(12, generator=stream).tolist():
            members = taken[int(LABELS[index])]
            if len(members) < 2:
                members.append(index)
        expected.append(taken[2] + taken[4] + taken[7])
    assert few_label_draws(LABELS, 2, 3, 5).tolist() == expected


def test_draws_differ_and_are_parts_of_larger_ones(digits):
    labels = digits[1]
    few, more = (few_label_draws(labels, n, 3, 1) for n in (2, 20))
    for small, large in zip(few, more, strict=True):
        assert set(small.tolist()) < set(large.tolist())
    assert len({tuple(indices.tolist()) for indices in few}) == 3
    assert torch.equal(few_label_draws(labels, 2, 5, 1)[:3], few)
    assert not torch.equal(few_label_draws(labels, 2, 3, 2), few)


def test_every_example_of_a_class_is_drawn_equally_often():
    draws = 4000
    counts = few_label_draws(LABELS, 2, draws, 0).flatten().bincount(minlength=12)
    share = 2 / LABELS.bincount()[LABELS]
    deviation = (share * (1 - share) / draws).sqrt()
    assert ((counts / draws - share).abs() < 4.5 * deviation).all()


# --- what the probe makes of it ------------------------------------------------------------------


def test_equals_the_linear_probe_on_the_drawn_examples(digits):
    train, labels, test, test_labels = digits
    layers, test_layers = (torch.stack([x, x.square(), x.roll(3, -1)]) for x in (train, test))
    found = few_label_accuracy(layers, labels, test_layers, test_labels, 4, 3, 11)
    assert found.shape == (3, 3)
    assert found.dtype == torch.float64
    for draw, indices in enumerate(few_label_draws(labels, 4, 3, 11)):
        for layer, (x, held_out) in enumerate(zip(layers, test_layers, strict=True)):
            expected = linear_probe(x[indices], labels[indices], held_out, test_labels)
            assert found[layer, draw].item() == pytest.approx(expected.item(), abs=1e-9)
    # all layers see the same draws: the order of features says nothing
    torch.testing.assert_close(found[0], found[2], rtol=0, atol=1.01 / len(test))
    assert len(set(found[0].tolist())) == 3


def test_examples_that_are_not_drawn_do_not_matter(digits):
    train, labels, test, test_labels = digits
    drawn = few_label_draws(labels, 3, 1, 0)[0]
    others = torch.ones(len(train), dtype=torch.bool)
    others[drawn] = False
    changed = train.clone()
    changed[others] = torch.nan
    found = few_label_accuracy(changed, labels, test, test_labels, 3, 1, 0)
    assert found.shape == (1,)
    assert torch.equal(found, few_label_accuracy(train, labels, test, test_labels, 3, 1, 0))


def test_accuracy_rises_with_labels(digits):
    found = [few_label_accuracy(*digits, per_class, 5, 0).mean() for per_class in (1, 3, 10, 100)]
    assert all(b > a + 0.04 for a, b in pairwise(found))
    assert found[0] > 0.3
    assert found[-1] > 0.93


def test_all_examples_of_equal_classes_give_the_whole_probe():
    labels = torch.arange(3).repeat(20)
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    features[:, :3] += torch.nn.functional.one_hot(labels)
    found = few_label_accuracy(features, labels, features, labels, 20, 2, 0)
    expected = linear_probe(features, labels, features, labels).item()
    assert found.tolist() == pytest.approx([expected] * 2, abs=1.01 / 60)


def test_layers_that_are_not_finite_give_nan_alone(digits):
    train, labels, test, test_labels = digits
    layers = torch.stack([train * torch.nan, train])
    found = few_label_accuracy(
        layers, labels, test.expand(2, -1, -1), test_labels, per_class=2, draws=2, seed=0
    )
    assert found[0].isnan().all()
    assert found[1].isfinite().all()


# --- errors --------------------------------------------------------------------------------------


def test_more_examples_than_the_smallest_class_has_are_refused():
    assert few_label_draws(LABELS, 3, 1, 0).shape == (1, 9)
    with pytest.raises(ValueError, match=r"per_class=4 .* class 7 has 3 examples"):
        few_label_draws(LABELS, 4, 1, 0)
    with pytest.raises(ValueError, match="class 7 has 3"):
        few_label_accuracy(torch.zeros(12, 2), LABELS, torch.zeros(12, 2), LABELS, 4, 1, 0)


@pytest.mark.parametrize(("per_class", "draws"), [(0, 1), (-1, 1), (1, 0)])
def test_nothing_to_draw_is_refused(per_class, draws):
    with pytest.raises(ValueError, match="at least 1"):
        few_label_draws(LABELS, per_class, draws, 0)


def test_labels_of_other_samples_are_refused():
    x = torch.zeros(2, 12, 3)
    with pytest.raises(ValueError, match=r"train has 12 samples .* 11 labels"):
        few_label_accuracy(x, LABELS[1:], x, LABELS, 1, 1, 0)
    with pytest.raises(ValueError, match=r"test has 12 samples .* 13 labels"):
        few_label_accuracy(x, LABELS, x, torch.cat([LABELS, LABELS[:1]]), 1, 1, 0)
