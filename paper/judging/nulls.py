"""How redundant the rows of a layer are that has learned nothing but the data's covariance."""

from functools import cache

import pandas as pd

from infomax_lib.measures.weights_and_outputs import data_squared_cosine
from infomax_lib.model.data import load_dataset


def nulls(*datasets: str) -> pd.DataFrame:
    """Expected squared cosine of two rows drawn from each dataset's own covariance.

    Columns: dataset, squared_cosine.
    """
    rows = [{"dataset": name, "squared_cosine": _squared_cosine(name)} for name in datasets]
    return pd.DataFrame(rows)


@cache
def _squared_cosine(dataset: str) -> float:
    return data_squared_cosine(load_dataset(dataset).train)
