"""What rows and outputs would be by chance: the nulls against which layers are measured."""

from functools import cache

import pandas as pd

from infomax_lib.measures.weights_and_outputs import data_squared_cosine
from infomax_lib.model.data import load_dataset


def nulls(*datasets: str) -> pd.DataFrame:
    """By dataset, what the rules need of it.

    Columns: dataset; squared_cosine, that of two rows drawn from its own covariance, expected;
    test_images, their number.
    """
    rows = [
        {
            "dataset": name,
            "squared_cosine": _squared_cosine(name),
            "test_images": len(load_dataset(name).test),
        }
        for name in datasets
    ]
    return pd.DataFrame(rows)


@cache
def _squared_cosine(dataset: str) -> float:
    return data_squared_cosine(load_dataset(dataset).train)
