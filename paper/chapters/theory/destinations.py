"""Where prototypes end that start alike: explicit EM, implicit EM, and InfoMax on their distances.

The first two have one objective, the likelihood of a mixture of Gaussians; the third has the same
energies and the same responsibilities, and another objective.
"""

import math
from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.objective import infomax_objective
from paper.chapters.theory.mixture import (
    MixtureFit,
    energies,
    fit_explicit,
    fit_implicit,
    log_likelihood,
    matched_distance,
    responsibilities,
    sample_mixture,
)

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


def fit_infomax(
    x: Tensor, means: Tensor, variance: float, steps: int, lambda_tc: float = 1.0
) -> MixtureFit:
    """So many Adam steps on the InfoMax loss of z = -E, the negative energies of the prototypes.

    Args:
        x: Samples (N, D).
        means: Where the prototypes start (K, D).
        variance: sigma^2 of the energies.
        steps: Number of steps.
        lambda_tc: Weight of the correlation term.
    """
    at = means.detach().double().clone().requires_grad_()
    descent = torch.optim.Adam([at], lr=_ADAM_RATE)
    path = [at.detach().clone()]
    for _ in range(steps):
        descent.zero_grad()
        infomax_objective(-energies(x, at, variance), lambda_tc=lambda_tc).loss.backward()
        descent.step()
        path.append(at.detach().clone())
    return MixtureFit(
        torch.stack(path),
        torch.stack([responsibilities(x, m, variance) for m in path]),
        torch.stack([log_likelihood(x, m, variance) for m in path]),
    )


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
