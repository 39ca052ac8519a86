"""Total correlation without an assumption on the density: error beside that of the proxy.

Both estimates are made from the same samples of distributions whose total correlation is known:
Gaussians with the correlations that 16 units of an untrained layer have on digits, and a pair of
units that are uncorrelated and dependent.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.spec import first_seeds
from paper.information.nearest_neighbours import nearest_neighbour_total_correlation

_UNITS = 16


def gaussian_total_correlation(correlations: np.ndarray) -> float:
    """-1/2 log det R (nats) of correlations R (K, K): the total correlation of Gaussians."""
    return float(-np.linalg.slogdet(correlations)[1] / 2)


def uncorrelated_pair(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Samples (N, 2) of two uniform units with |a| > 1/2 if and only if |b| > 1/2.

    Signs are those of two further coins, so that the units are uncorrelated; which half of its
    range the size of one lies in tells that of the other: their information is log 2.
    """
    outer = rng.integers(0, 2, (samples, 1))
    signs = rng.choice([-1, 1], (samples, 2))
    return signs * (outer + rng.random((samples, 2))) / 2


def neighbours_table(
    samples: Sequence[int] = (128, 512, 1024, 2048), seeds: int = 10
) -> pd.DataFrame:
    """Errors of both estimates of total correlation over the number of samples.

    Returns:
        ``distribution`` (gaussian, parity), ``samples``, ``units``, ``seed``, ``neighbours``,
        ``proxy`` (estimate less truth, nats), ``truth``.
    """
    images = load_dataset("digits").train.double()
    rows = []
    for seed in first_seeds(seeds):
        weight = initial_parameters(images.shape[1], _UNITS, seed)[0].double()
        correlations = np.corrcoef((images @ weight.T).numpy(), rowvar=False)
        root = np.linalg.cholesky(correlations)
        rng = np.random.default_rng(seed)
        for count in samples:
            drawn = {
                "gaussian": (rng.standard_normal((count, _UNITS)) @ root.T),
                "parity": uncorrelated_pair(count, rng),
            }
            known = {
                "gaussian": gaussian_total_correlation(correlations),
                "parity": math.log(2),
            }
            for name, x in drawn.items():
                by_proxy = gaussian_total_correlation(np.corrcoef(x, rowvar=False))
                rows.append(
                    {
                        "distribution": name,
                        "samples": count,
                        "units": x.shape[1],
                        "seed": seed,
                        "neighbours": nearest_neighbour_total_correlation(x) - known[name],
                        "proxy": by_proxy - known[name],
                        "truth": known[name],
                    }
                )
    return pd.DataFrame(rows)
