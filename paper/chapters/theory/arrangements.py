"""Random arrangements of hyperplanes, counted exactly and compared with the formula."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from paper.measures.regions import count_regions, regions_in_general_position


def random_arrangement(
    hyperplanes: int, dimension: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, n) and biases (K,) of hyperplanes in general position, near the origin."""
    draws = np.random.default_rng(seed).standard_normal((hyperplanes, dimension + 1))
    rows = draws[:, :dimension] / np.linalg.norm(draws[:, :dimension], axis=1, keepdims=True)
    return rows, draws[:, dimension] / 2


def count_arrangements(
    hyperplanes: Sequence[int] = range(1, 9), dimensions: Sequence[int] = (1, 2, 3), seed: int = 0
) -> pd.DataFrame:
    """Regions of random arrangements, and of the same with the last hyperplane a copy of the first.

    Returns:
        Columns ``hyperplanes``, ``dimension``, ``copied``, ``counted``, and ``formula``: the count
        in general position, which a copy falls short of.
    """
    rows = []
    for dimension in dimensions:
        for count in hyperplanes:
            weight, bias = random_arrangement(count, dimension, seed)
            formula = regions_in_general_position(count, dimension)
            for copied in (False, True) if count > 1 else (False,):
                if copied:
                    weight[-1], bias[-1] = weight[0], bias[0]
                rows.append((count, dimension, copied, count_regions(weight, bias), formula))
    names = ["hyperplanes", "dimension", "copied", "counted", "formula"]
    return pd.DataFrame(rows, columns=names)
