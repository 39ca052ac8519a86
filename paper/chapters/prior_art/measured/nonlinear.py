"""Classes read off a code by probes that are not linear, which an invertible map of it changes.

From the standardised outputs of an encoder, by scikit-learn:

- *neighbours*: the majority of the 10 nearest training images; sees distances, and so all linear
  maps of a code but rotations;
- *trees*: 50 extremely randomised trees (Geurts et al. 2006) on the first 10 000 training images;
  every split looks at one unit alone, so that rotations are seen as well.

Source: "InfoMax vs. Pretraining Prior Art", Why RBM Pretraining Died.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.experiments import Kind
from infomax_lib.results.store import Store
from paper.chapters.prior_art.measured.assessment import one_row_each
from paper.methods.spec import BaselineSpec

NEIGHBOURS, TREES, TREE_IMAGES = 10, 50, 10_000

KIND = Kind("nonlinear_probes", (BaselineSpec, RunSpec), otherwise=(0.02, 0.0))


@KIND.driver
def nonlinear_probes(
    specs: Sequence[BaselineSpec | RunSpec] | BaselineSpec | RunSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Probes of encoders that are not linear; those without stored weights are fitted again.

    Args:
        specs: Baselines and layers, in any order.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``method``, ``neighbour_accuracy``
        and ``tree_accuracy`` (shares; NaN where the fit failed); ``failed``: why, or None.
    """
    measures = ("neighbour_accuracy", "tree_accuracy")
    return one_row_each(KIND, specs, _accuracies, measures, device, store, progress)


def _accuracies(encode: Callable[[Tensor], Tensor], data: Dataset) -> dict[str, float]:
    train, test = encode(data.train).double(), encode(data.test).double()
    mean, std = train.mean(0), train.std(0)
    inverse = torch.where(std > 0, 1 / std, 0)
    return probes(
        *(((a - mean) * inverse).float().cpu().numpy() for a in (train, test)),
        *(labels.cpu().numpy() for labels in (data.train_labels, data.test_labels)),
    )


def probes(
    train: np.ndarray, test: np.ndarray, labels: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Both accuracies, from standardised outputs (N, K) and (M, K)."""
    neighbours = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(train, labels)
    trees = ExtraTreesClassifier(TREES, random_state=0)
    trees.fit(train[:TREE_IMAGES], labels[:TREE_IMAGES])
    return {
        "neighbour_accuracy": float(neighbours.score(test, test_labels)),
        "tree_accuracy": float(trees.score(test, test_labels)),
    }
