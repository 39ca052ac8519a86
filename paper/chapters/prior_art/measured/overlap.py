r"""Mixtures with overlapping components model the density as well as others (source 002).

A mixture :math:`p(x) = \sum_k \pi_k N(x; \mu_k, \sigma_k^2 I)` whose components are all written
twice, each at half the weight, is the same density: 2K components, every one with a copy. The
likelihood of no data tells the two apart, so that maximising it cannot prevent redundancy.

Source: "InfoMax vs. Pretraining Prior Art", What Each Objective Actually Optimizes.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.model.data import DATASETS, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.results.experiments import Kind, one_by_one
from infomax_lib.results.store import Store
from paper.methods.components.pca import principal_components
from paper.methods.density.gmm import MixtureEncoder, fit_mixture

_EPOCHS = 100  # EM iterations at most
_MIXTURES = ("distinct", "doubled")
_MEASURES = ("log_likelihood", "redundancy")


class OverlapSpec(Spec):
    """A Gaussian mixture on the principal components of a dataset.

    Attributes:
        dataset: Its name.
        components: Number K of components; below 3 all centred means lie on one line, and are
            redundant whatever they are.
        dimensions: Number of leading principal directions; a single one is a line, too.
        seed: Draws the means that EM starts from.
    """

    dataset: str = "mnist"
    components: int = Field(default=16, ge=3)
    dimensions: int = Field(default=10, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**32)

    _known_names = names_among(dataset=DATASETS)


KIND = Kind("overlaps", (OverlapSpec,), one_by_one, otherwise=(1e-3, 1e-3))


@KIND.driver
def overlapping_mixtures(
    specs: Sequence[OverlapSpec] | OverlapSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """A mixture fitted to a dataset beside the one with all components doubled.

    Fitted by EM (scikit-learn, see :mod:`paper.methods.density.gmm`) to the projections of the
    training images on their leading principal directions; computed in float64 on the CPU.

    Args:
        specs: Mixtures to fit; ``grid(OverlapSpec(), seed=range(5))``.
        device: Accepted for symmetry with the other experiments.
        store, progress: As for :meth:`.Kind.results`.

    Returns:
        Two rows per spec: its ``key`` and fields, ``mixture`` (``distinct``, as fitted, or
        ``doubled``), ``log_likelihood`` (mean over test images, in nats) and ``redundancy``.

    Raises:
        FitError: More dimensions than the images span, or more components than images.
    """
    wide = KIND.results(specs, _compute, device, store, progress)
    fields = ["key", *OverlapSpec.model_fields]
    parts = [
        wide[fields].assign(mixture=name, **{m: wide[f"{name}_{m}"] for m in _MEASURES})
        for name in _MIXTURES
        if len(wide)
    ]
    if not parts:
        return pd.DataFrame(columns=[*fields, "mixture", *_MEASURES])
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _compute(specs: Sequence[OverlapSpec], device: torch.device) -> list[dict[str, Any]]:
    rows = []
    for spec in specs:
        data = load_dataset(spec.dataset)
        mean, _, directions = principal_components(data.train, spec.dimensions)
        train, test = ((x.double() - mean) @ directions.T for x in (data.train, data.test))
        fitted = fit_mixture(train, spec.components, spec.seed, epochs=_EPOCHS)
        row: dict[str, Any] = {}
        for name, mixture in zip(_MIXTURES, (fitted, doubled(fitted)), strict=True):
            row[f"{name}_log_likelihood"] = log_likelihood(mixture, test)
            row[f"{name}_redundancy"] = redundancy(mixture.means)
        rows.append(row)
    return rows


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
