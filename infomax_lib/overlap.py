r"""Mixtures with overlapping components model the density as well as others (source 002).

A mixture :math:`p(x) = \sum_k \pi_k N(x; \mu_k, \sigma_k^2 I)` whose components are all written
twice, each at half the weight, is the same density: 2K components, every one with a copy. The
likelihood of no data tells the two apart, so that maximising it cannot prevent redundancy.

Source: "InfoMax vs. Pretraining Prior Art", What Each Objective Actually Optimizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.baselines import gmm
from infomax_lib.baselines.gmm import MixtureEncoder
from infomax_lib.baselines.pca import principal_components
from infomax_lib.data import load_dataset

__all__ = ["doubled", "log_likelihood", "overlapping_mixtures", "redundancy"]

_EPOCHS = 100  # EM iterations at most


def overlapping_mixtures(
    dataset: str, components: int, seeds: Iterable[int], dimensions: int = 10
) -> pd.DataFrame:
    """A mixture fitted to a dataset beside the one with all components doubled.

    Fitted by EM (scikit-learn, see :mod:`infomax_lib.baselines.gmm`) to the projections of the
    training images on their leading principal directions; computed in float64.

    Args:
        dataset: Its name.
        components: Number K of components, >= 3.
        seeds: Each draws the means that EM starts from.
        dimensions: Number of principal directions, >= 2.

    Returns:
        Two rows per seed: ``mixture`` (``distinct``, as fitted, or ``doubled``), ``seed``,
        ``log_likelihood`` (mean over test images, in nats) and ``redundancy``.

    Raises:
        ValueError: Components or dimensions so few that all centred means lie on one line, where
            the redundancy is 1 whatever they are.
        FitError: More dimensions than the images span, or more components than images.
    """
    for name, value, least in (("components", components, 3), ("dimensions", dimensions, 2)):
        if value < least:
            raise ValueError(
                f"{name}={value} is not possible: means on one line are redundant whatever they "
                f"are; choose at least {least}"
            )
    data = load_dataset(dataset)
    mean, _, directions = principal_components(data.train, dimensions)
    train, test = ((x.double() - mean) @ directions.T for x in (data.train, data.test))
    rows = []
    for seed in seeds:
        fitted = gmm.fit(train, components, seed, epochs=_EPOCHS)
        for name, mixture in (("distinct", fitted), ("doubled", doubled(fitted))):
            rows.append(
                {
                    "mixture": name,
                    "seed": seed,
                    "log_likelihood": log_likelihood(mixture, test),
                    "redundancy": redundancy(mixture.means),
                }
            )
    return pd.DataFrame(rows, columns=["mixture", "seed", "log_likelihood", "redundancy"])


def doubled(mixture: MixtureEncoder) -> MixtureEncoder:
    """The same density with every component written twice at half the weight."""
    half = mixture.log_weights - math.log(2)
    return MixtureEncoder(mixture.means.repeat(2, 1), mixture.variances.repeat(2), half.repeat(2))


def log_likelihood(mixture: MixtureEncoder, x: Tensor) -> float:
    """Mean over samples x (N, D) of log p(x), in nats."""
    return float(mixture.log_joint(x).logsumexp(-1).mean())


def redundancy(means: Tensor) -> float:
    """Mean over components of the largest |cos| with another one, means (K, D); in [0, 1].

    Directions are those from the mean of the means, so that the origin plays no part.
    """
    unit = F.normalize(means - means.mean(0), dim=-1)
    cosines = (unit @ unit.T).abs().fill_diagonal_(0)
    return float(cosines.amax(-1).mean())
