"""The loophole under softmax, constructed: all rows share one direction, each unit owns a slice.

Along the direction u the pre-activations are lines z_k = c_k t + b_k in t = u·x. The largest of K
lines of different slopes changes at K − 1 places, so that with the right thresholds each unit wins
on one slice of the data, and with long rows its softmax is near one there: outputs as uncorrelated
as the simplex allows. Lines of equal slope do not cross, and one unit wins everywhere.
"""

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.measures.weights_and_outputs import output_correlation, simplex_floor
from infomax_lib.model.data import load_dataset

#: Difference of the slopes of neighbours, per standard deviation of t: how sharp the slices are.
SLOPE = 300.0


def layer(x: Tensor, units: int, lengths: str) -> tuple[Tensor, Tensor]:
    """Weights (K, D) and biases (K,) of one direction, the first principal one of ``x``.

    Args:
        x: Samples (N, D).
        units: K.
        lengths: ``free``, or ``equal``: every row as long as the longest.
    """
    centred = x - x.mean(0)
    direction = torch.linalg.eigh(centred.mT @ centred).eigenvectors[:, -1]
    along = x @ direction
    slopes = SLOPE / along.std() * torch.arange(1, units + 1, dtype=x.dtype)
    cuts = along.quantile(torch.arange(1, units, dtype=x.dtype) / units)
    # Neighbours cross where their slice ends: c_k t + b_k = c_{k+1} t + b_{k+1}.
    bias = torch.cat([slopes.new_zeros(1), -(slopes.diff() * cuts).cumsum(0)])
    if lengths == "equal":
        slopes = slopes[-1:].expand(units)
    # The largest pre-activation of every sample is positive: ReLU changes no winner.
    highest = (along[:, None] * slopes + bias).max(1).values
    return slopes[:, None] * direction, bias - highest.min() + 1


def one_direction(dataset: str, units: int) -> pd.DataFrame:
    """What such layers' outputs are on the test images, with free and with equal lengths.

    Columns: lengths, cosine (the least between two rows), redundancy, correlation (of
    the outputs), over_floor (times K/(K−1)), owned (the least share of images that a unit wins),
    units (K).
    """
    data = load_dataset(dataset)
    train, test = data.train.double(), data.test.double()
    rows = []
    for lengths in ("free", "equal"):
        weight, bias = layer(train, units, lengths)
        outputs = torch.softmax(torch.relu(test @ weight.mT + bias), dim=1)
        cosines = torch.nn.functional.normalize(weight, dim=1)
        cosines = cosines @ cosines.mT
        owned = outputs.argmax(1).bincount(minlength=units).min() / len(test)
        correlation = float(output_correlation(outputs))
        rows.append(
            {
                "lengths": lengths,
                "cosine": float(cosines.min()),
                "redundancy": float(cosines.square().sum() - units),
                "correlation": correlation,
                "over_floor": correlation / simplex_floor(units),
                "owned": float(owned),
                "units": units,
            }
        )
    return pd.DataFrame(rows)
