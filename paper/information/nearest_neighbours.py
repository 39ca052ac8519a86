r"""Entropy and total correlation from the distances of nearest neighbours, without a model.

From N samples in d dimensions with the distance :math:`r_i` of each to its nearest neighbour,

.. math:: H \approx \psi(N) - \psi(1) + \log V_d + \frac dN \sum_i \log r_i

with the digamma function and the volume :math:`V_d` of the unit ball; the total correlation is the
sum of the entropies of all units less that of the outputs together. In nats. The distances of all
pairs take :math:`N^2 d` multiplications.

Source: Kozachenko and Leonenko 1987.
"""

import math

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma, gammaln


def nearest_neighbour_entropy(samples: np.ndarray) -> float:
    """Differential entropy (nats) of the distribution of samples (N, d).

    Raises:
        ValueError: A single sample, or two that are the same: the estimate is then minus infinity.
    """
    count, size = samples.shape
    if count < 2:
        raise ValueError("a single sample has no neighbour: give at least 2")
    distances = cKDTree(samples).query(samples, k=2)[0][:, 1]
    if not distances.min() > 0:
        raise ValueError("two samples are the same: their distribution has no density")
    ball = size / 2 * math.log(math.pi) - gammaln(size / 2 + 1)
    return float(digamma(count) - digamma(1) + ball + size * np.log(distances).mean())


def nearest_neighbour_total_correlation(samples: np.ndarray) -> float:
    """Total correlation (nats) of the coordinates of samples (N, d)."""
    margins = sum(nearest_neighbour_entropy(column[:, None]) for column in samples.T)
    return margins - nearest_neighbour_entropy(samples)
