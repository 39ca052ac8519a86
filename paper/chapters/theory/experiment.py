"""What the theory chapter runs and counts: the swap grid, arrangements, and where EM ends.

The conditions are those that the notebook trains and the rules judge, each as the fields of
:class:`infomax_lib.RunSpec` that it changes:

- the swap grid, every mechanism with every objective, at λ_tc = 1;
- the collapse runs: the LSE term alone, with variance, with decorrelation, with both;
- starts inside a collapse, and the two sources' conventions.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.objective import infomax_objective
from paper.chapters.theory.mixture import (
    MixtureFit,
    descend,
    energies,
    fit_explicit,
    fit_implicit,
    matched_distance,
    sample_mixture,
)
from paper.judging.evidence import Evidence
from paper.measures.regions import count_regions, regions_in_general_position

Condition = dict[str, object]

#: How units compete: source 000's two architectures, the LSE term, two sparse competitions.
MECHANISMS: dict[str, Condition] = {
    "none (A)": {"competition": "none", "lambda_lse": 0.0},
    "softmax (B)": {"competition": "softmax", "lambda_lse": 0.0},
    "LSE term": {"competition": "none", "lambda_lse": 1.0},
    "sparsemax": {"competition": "sparsemax", "lambda_lse": 0.0},
    "entmax-1.5": {"competition": "entmax15", "lambda_lse": 0.0},
}

#: What is minimised, each with λ_tc = 1.
OBJECTIVES: dict[str, Condition] = {
    "InfoMax": {"objective": "infomax", "lambda_tc": 1.0},
    "−log det": {"objective": "log_det", "lambda_tc": 1.0},
    "Barlow": {"objective": "barlow", "lambda_tc": 1.0},
    "HSIC": {"objective": "hsic", "lambda_tc": 1.0},
}

#: Weights of the dependence term at which training with HSIC is compared to the proxy, and on how
#: many seeds: such a layer takes half a minute.
PRESSURES, PRESSED_SEEDS = (1.0, 10.0, 100.0), 5

_BOTH = OBJECTIVES["InfoMax"]
_VARIANCE_ALONE: Condition = {"objective": "infomax", "lambda_tc": 0.0}
_DECORRELATION_ALONE: Condition = {"objective": "decorrelation", "lambda_tc": 1.0}

_LSE = MECHANISMS["LSE term"]
#: The LSE term, and what is added to keep it from collapsing.
COLLAPSE: dict[str, Condition] = {
    "LSE alone": {**_LSE, "objective": "none", "lambda_tc": 0.0},
    "LSE + variance": {**_LSE, **_VARIANCE_ALONE},
    "LSE + decorrelation": {**_LSE, **_DECORRELATION_ALONE},
    "LSE + both": {**_LSE, **_BOTH},
}

_WINNER: Condition = {"competition": "softmax", "initial": "winner"}
_DEAD: Condition = {"competition": "none", "initial": "dead"}
_LEAKY: Condition = {**_DEAD, "activation": "leaky_relu"}
#: Starts inside a collapse, with the terms that are said to block it and without them.
STARTS: dict[str, Condition] = {
    "winner, both terms": {**_WINNER, **_BOTH},
    "winner, variance": {**_WINNER, **_VARIANCE_ALONE},
    "winner, decorrelation": {**_WINNER, **_DECORRELATION_ALONE},
    "dead, both terms": {**_DEAD, **_BOTH},
    "dead, softmax, both terms": {**_DEAD, "competition": "softmax", **_BOTH},
    "dead, leaky, both terms": {**_LEAKY, **_BOTH},
    "dead, leaky, decorrelation": {**_LEAKY, **_DECORRELATION_ALONE},
}

#: Source 001's sign, softmax(−h), beside source 000's; its loss on z is "none (A)".
SOFTMIN: Condition = {"competition": "softmin", **_BOTH}

#: BatchNorm on the outputs in place of the entropy term: it fixes every variance and changes no
#: correlation, so that what is left of the loss is decorrelation alone.
BATCH_NORM: Condition = {"competition": "none", **_DECORRELATION_ALONE}

#: Batch sizes of the claim on batches; the reference is 128.
BATCHES = (32, 512)


def cell(mechanism: str, objective: str, **fields: object) -> Condition:
    """The condition of one cell of the swap grid."""
    return {**MECHANISMS[mechanism], **OBJECTIVES[objective], **fields}


def estimator_ratios(evidence: Evidence, estimators: Iterable[str]) -> pd.DataFrame:
    """Estimators of dependence of trained layers over those of the same layers before training.

    Args:
        evidence: The swap grid, and untrained layers with and without softmax.
        estimators: Columns of its runs.

    Returns:
        Columns ``mechanism``, ``minimised``, ``estimator``, ``seed``, ``ratio``.
    """
    rows = []
    for mechanism in ("none (A)", "softmax (B)"):
        before = evidence.select(1, **cell(mechanism, "InfoMax", epochs=0)).set_index("seed")
        for objective in OBJECTIVES:
            after = evidence.select(1, **cell(mechanism, objective)).set_index("seed")
            for estimator in estimators:
                ratios = (after[estimator] / before[estimator]).dropna()
                rows += [(mechanism, objective, estimator, *pair) for pair in ratios.items()]
    return pd.DataFrame(rows, columns=["mechanism", "minimised", "estimator", "seed", "ratio"])


# --- arrangements of hyperplanes -----------------------------------------------------------------


def random_arrangement(
    hyperplanes: int, dimension: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, n) and biases (K,) of hyperplanes in general position, near the origin."""
    draws = np.random.default_rng(seed).standard_normal((hyperplanes, dimension + 1))
    rows = draws[:, :dimension] / np.linalg.norm(draws[:, :dimension], axis=1, keepdims=True)
    return rows, draws[:, dimension] / 2


def count_arrangements(
    hyperplanes: Sequence[int] = range(1, 9), dimensions: Sequence[int] = (1, 2, 3)
) -> pd.DataFrame:
    """Regions of random arrangements, and of the same with the last hyperplane a copy of the first.

    Returns:
        Columns ``hyperplanes``, ``dimension``, ``copied``, ``counted``, and ``formula``: the count
        in general position, which a copy falls short of.
    """
    rows = []
    for dimension in dimensions:
        for count in hyperplanes:
            weight, bias = random_arrangement(count, dimension)
            formula = regions_in_general_position(count, dimension)
            for copied in (False, True) if count > 1 else (False,):
                if copied:
                    weight[-1], bias[-1] = weight[0], bias[0]
                rows.append((count, dimension, copied, count_regions(weight, bias), formula))
    names = ["hyperplanes", "dimension", "copied", "counted", "formula"]
    return pd.DataFrame(rows, columns=names)


# --- where prototypes end ------------------------------------------------------------------------
# Explicit and implicit EM have one objective, the likelihood of a mixture of Gaussians; InfoMax has
# the same energies and the same responsibilities, and another objective.

_RADIUS = 3.0
_VARIANCE = 1.0
_ADAM_RATE = 0.05


def ring_mixture(
    components: int, samples: int, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, float]:
    """A mixture in the plane that EM can take apart, and a start for it.

    Returns:
        Samples (N, 2), true means (K, 2) on a ring, starting means (K, 2) near its centre, and the
        variance of every component.
    """
    angles = torch.arange(components, dtype=torch.float64) * 2 * math.pi / components + 0.3
    means = _RADIUS * torch.stack([angles.cos(), angles.sin()], -1)
    x, _ = sample_mixture(means, _VARIANCE, samples, seed)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(components, 2, dtype=torch.float64, generator=generator)
    return x, means, start, _VARIANCE


def fit_infomax(x: Tensor, means: Tensor, variance: float, steps: int) -> MixtureFit:
    """So many Adam steps on the InfoMax loss of z = -E, the negative energies of the prototypes.

    Args:
        x: Samples (N, D).
        means: Where the prototypes start (K, D).
        variance: sigma^2 of the energies.
        steps: Number of steps.
    """
    at = means.detach().double().clone().requires_grad_()

    def loss() -> Tensor:
        return infomax_objective(-energies(x, at, variance), lambda_tc=1.0).loss

    return descend(x, at, variance, steps, loss, torch.optim.Adam([at], lr=_ADAM_RATE))


def compare_destinations(
    seeds: Iterable[int], components: int = 4, samples: int = 400, steps: int = 400
) -> pd.DataFrame:
    """All three fits from the same start, on a mixture of each seed.

    Implicit EM takes steps of K sigma^2, the one of explicit EM for components that are used alike.

    Returns:
        Columns ``seed``, ``method`` (explicit, implicit, infomax), ``log_likelihood`` (mean over
        samples, nats), ``distance`` (rms distance from the true means) and ``spread`` (rms distance
        of the prototypes from the origin).
    """
    rows = []
    for seed in seeds:
        x, means, start, variance = ring_mixture(components, samples, seed)
        fits = {
            "explicit": fit_explicit(x, start, variance, steps),
            "implicit": fit_implicit(x, start, variance, steps, components * variance),
            "infomax": fit_infomax(x, start, variance, steps),
        }
        for method, fit in fits.items():
            last = fit.means[-1]
            rows.append(
                {
                    "seed": seed,
                    "method": method,
                    "log_likelihood": float(fit.log_likelihood[-1]),
                    "distance": matched_distance(last, means),
                    "spread": float(last.square().sum(-1).mean().sqrt()),
                }
            )
    return pd.DataFrame(rows)
