"""What rows and outputs would be by chance: the nulls against which trained layers are measured."""

from __future__ import annotations

import math
from functools import cache

import pandas as pd

from infomax_lib.measures.weights_and_outputs import data_squared_cosine, random_redundancy
from infomax_lib.model.data import load_dataset


def with_nulls(table: pd.DataFrame) -> pd.DataFrame:
    """Runs, or histories, with their measures over what chance gives beside them.

    Adds ``redundancy_over_data``, weight redundancy over that of random rows drawn from the data's
    own covariance; ``joint_firing``, the mean over pairs of |P(both) − P(first) P(second)| on all
    test images, less what counting them gives for independent units, over the squared firing rate;
    and ``joint_firing_noise``, that share of counting, which is the least that stands out of it.
    """
    if table.empty:
        return table
    of_row = table["dataset"].map({name: _constants(name) for name in table["dataset"].unique()})
    cosine, images = (of_row.map(lambda pair, n=n: pair[n]).astype(float) for n in (0, 1))
    pairs = table["hidden_dim"] * (table["hidden_dim"] - 1)
    rate = table["firing_rate"]
    noise = (2 / math.pi / images) ** 0.5 * rate * (1 - rate)
    return table.assign(
        redundancy_over_data=table["weight_redundancy"] / (pairs * cosine),
        joint_firing=(table["cofiring_excess"] - noise) / rate**2,
        joint_firing_noise=noise / rate**2,
    )


def random_levels(dataset: str, hidden_dim: int) -> tuple[float, float]:
    """Expected redundancy of K random rows: isotropic ones, and such drawn from the data."""
    isotropic = random_redundancy(hidden_dim, load_dataset(dataset).num_features)
    return isotropic, hidden_dim * (hidden_dim - 1) * _constants(dataset)[0]


def relative_levels(dataset: str) -> dict[str, float]:
    """Redundancy of both kinds of random rows over that of isotropic ones, at any width."""
    isotropic, from_data = random_levels(dataset, 2)
    return {"isotropic rows": 1.0, "rows from the data": from_data / isotropic}


@cache
def _constants(dataset: str) -> tuple[float, int]:
    """Squared cosine of two rows from the covariance of a dataset, and its test images."""
    data = load_dataset(dataset)
    return data_squared_cosine(data.train), len(data.test)
