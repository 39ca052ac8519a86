"""Information gain: thresholds by brute force, the trees of scikit-learn, and a parity."""

import math

import numpy as np
import pytest

from paper.chapters.mutual_information.basics.trees import best_gain, parity_table, splits_table


def entropy_of(labels):
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return -(shares * np.log(shares)).sum()


def test_the_best_threshold_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    values = np.round(labels + rng.normal(size=60), 1)  # some are equal, and cannot be parted
    gains = []
    for t in np.unique(values)[:-1]:
        below = values <= t
        rest = below.mean() * entropy_of(labels[below]) + (~below).mean() * entropy_of(
            labels[~below]
        )
        gains.append(entropy_of(labels) - rest)
    assert best_gain(values, labels) == pytest.approx(max(gains))


def test_a_constant_says_nothing_and_a_copy_everything():
    labels = np.array([0, 1, 0, 1])
    assert best_gain(np.ones(4), labels) == 0
    assert best_gain(labels.astype(float), labels) == pytest.approx(math.log(2))


def test_trees_split_where_the_information_is_largest():
    table = splits_table(seeds=2)
    roots = table.dropna(subset="decrease")
    assert roots["first"].tolist() == [0, 0]
    assert roots["gain"].tolist() == pytest.approx(roots["decrease"].tolist(), abs=1e-9)
    assert roots["gain"].tolist() == table.groupby("seed")["gain"].max().tolist()
    assert table["first"].isna().any()


def test_a_parity_is_seen_by_nobody_alone():
    known = parity_table().set_index("variables")["information"]
    assert known.to_dict() == pytest.approx({"first": 0, "second": 0, "both": math.log(2)})
