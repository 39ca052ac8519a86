r"""Information gain of single variables, and what a decision tree does with it.

A threshold t on a unit a lowers the entropy of the class Y by

.. math:: H(Y) - p H(Y | a \le t) - (1 - p) H(Y | a > t), \qquad p = P(a \le t)

which is the mutual information of Y and of the side on which the unit lies. A tree splits where
this is largest over all units and thresholds. In nats.

Source: Quinlan 1986; Breiman et al. 1984 (CART, by scikit-learn).
"""

from collections import deque

import numpy as np
import pandas as pd
import torch
from sklearn.tree import DecisionTreeClassifier

from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.spec import first_seeds
from paper.information.entropy import mutual_information

_UNITS, _LEAVES = 16, 16  # of a layer, and of a tree


def best_gain(values: np.ndarray, labels: np.ndarray) -> float:
    """Largest information (nats) about labels (N,) that one threshold on values (N,) gives."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    member = labels[order, None] == np.unique(labels)
    below = member.cumsum(0)[:-1][np.diff(ranked) > 0]
    if not len(below):
        return 0.0
    joint = torch.from_numpy(np.stack([below, member.sum(0) - below], 1) / len(labels))
    return float(mutual_information(joint).max())


def splits_table(seeds: int = 10) -> pd.DataFrame:
    """Gains of the units of untrained layers on digits, and the trees that use them.

    Args:
        seeds: Layers of 16 ReLU units, with a tree of 16 leaves each.

    Returns:
        ``seed``, ``unit``, ``gain`` (:func:`best_gain`), ``decrease`` (of the entropy at the root,
        by scikit-learn, for the unit that splits it; NaN for others), ``first`` (place of the unit
        among those that the tree uses, level by level from its root; NaN if it is not used).
    """
    data = load_dataset("digits")
    images, labels = data.train.double(), data.train_labels.numpy()
    parts = []
    for seed in first_seeds(seeds):
        weight = initial_parameters(images.shape[1], _UNITS, seed)[0].double()
        units = (images @ weight.T).relu().numpy()
        tree = DecisionTreeClassifier(
            criterion="entropy", max_leaf_nodes=_LEAVES, random_state=0
        ).fit(units, labels)
        table = pd.DataFrame({"seed": seed, "unit": range(_UNITS)})
        used = list(dict.fromkeys(_levels(tree.tree_)))
        place = table["unit"].map({unit: float(i) for i, unit in enumerate(used)})
        root = table["unit"].eq(used[0])
        parts.append(
            table.assign(
                gain=[best_gain(values, labels) for values in units.astype("float32").T],
                decrease=np.where(root, _root_decrease(tree.tree_), np.nan),
                first=place,
            )
        )
    return pd.concat(parts, ignore_index=True)


def _levels(tree) -> list[int]:
    """Units at the inner nodes of a scikit-learn tree, level by level."""
    found, waiting = [], deque([0])
    while waiting:
        node = waiting.popleft()
        left, right = tree.children_left[node], tree.children_right[node]
        if left >= 0:
            found.append(int(tree.feature[node]))
            waiting += [left, right]
    return found


def _root_decrease(tree) -> float:
    """Entropy of the classes at the root less that of its two sides, in nats."""
    sides = [tree.children_left[0], tree.children_right[0]]
    share = tree.weighted_n_node_samples[sides] / tree.weighted_n_node_samples[0]
    return float(np.log(2) * (tree.impurity[0] - share @ tree.impurity[sides]))


def parity_table() -> pd.DataFrame:
    """What two fair coins say about whether they differ: each alone nothing, both everything.

    Returns:
        ``variables`` (first, second, both), ``information`` (nats).
    """
    coins = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    parity = coins.sum(1) % 2
    rows = []
    for name, seen in {
        "first": coins[:, 0],
        "second": coins[:, 1],
        "both": coins @ torch.tensor([2, 1]),
    }.items():
        joint = torch.zeros(4, 2, dtype=torch.float64)
        joint.index_put_((seen, parity), torch.tensor(0.25, dtype=torch.float64), accumulate=True)
        rows.append({"variables": name, "information": float(mutual_information(joint))})
    return pd.DataFrame(rows)
