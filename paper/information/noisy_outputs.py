r"""How much the outputs of a layer say about its input, once a little noise is added to them.

Outputs are a function of the input, so that without noise the information is infinite. Each unit is
scaled to unit variance, and

.. math:: y = a(x) + \sigma \varepsilon, \quad \varepsilon \sim N(0, I)

Then p(y | x) is known, and no critic has to be trained. With samples :math:`x_1 \dots x_N` and
:math:`f_{ij} = \log p(y_i | x_j)`,

.. math::
    \log N + \frac1N \sum_i \Bigl(f_{ii} - \log \sum_j e^{f_{ij}}\Bigr) \; \le \; I(x; y) \; \le \;
    \frac1N \sum_i \Bigl(f_{ii} - \log \frac{1}{N - 1} \sum_{j \ne i} e^{f_{ij}}\Bigr)

in expectation. A third bound, from above, is the information that Gaussian outputs of the same
correlations R would carry, :math:`\frac12 \log \det(I + R / \sigma^2)`: exact for linear units of a
Gaussian input.

Sources: van den Oord et al. 2018 and Poole et al. 2019 (structured bounds); Linsker 1988 (the
Gaussian channel).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from infomax_lib.model.objective import correlation

_ENTRIES = 2**25  # of the matrix f that are held at once


class InformationBounds(NamedTuple):
    """Bounds on I(x; y) in nats: two from below and above by samples, and the Gaussian one."""

    lower: float
    upper: float
    gaussian: float


def gaussian_channel(correlations: Tensor, noise: float) -> float:
    """Half log det (I + R / noise²) of Gaussian outputs with correlations R (K, K), in nats.

    Raises:
        ValueError: No noise, without which the information is infinite.
    """
    if not noise > 0:
        raise ValueError(f"noise={noise:g}: without noise the information is infinite; use > 0")
    signal = correlations.double() / noise**2
    eye = torch.eye(len(signal), dtype=signal.dtype, device=signal.device)
    return float(torch.linalg.slogdet(eye + signal).logabsdet / 2)


def gaussian_information(a: Tensor, noise: float) -> float:
    """What outputs a (N, K) would carry if they were Gaussian; a constant unit adds nothing."""
    return gaussian_channel(correlation(a.double(), eps=1e-12), noise)


def noisy_information(a: Tensor, noise: float, generator: torch.Generator) -> InformationBounds:
    """Bounds on the information that noisy outputs carry about the input.

    Args:
        a: Outputs (N, K) on different samples, at least 2.
        noise: Standard deviation of the noise, in those of each unit, > 0.
        generator: Of the noise.

    Returns:
        Bounds in nats. The lower one is at most log N; the upper one can be infinite only where
        the noise is so small that no two samples are confused.

    Raises:
        ValueError: No noise, a single sample, or outputs that are not finite.
    """
    if len(a) < 2 or not a.isfinite().all():
        raise ValueError("outputs have to be finite, of at least 2 samples")
    a = a.double()
    gaussian = gaussian_information(a, noise)
    spread = a.std(0)
    scaled = (a - a.mean(0)) / torch.where(spread > 0, spread, 1)
    drawn = torch.randn(scaled.shape, generator=generator, dtype=torch.float64).to(scaled)
    y, samples = scaled + noise * drawn, len(scaled)
    lower, upper = [], []
    for part in torch.arange(samples).split(max(1, _ENTRIES // samples)):
        f = -torch.cdist(y[part], scaled).square() / (2 * noise**2)
        own = f[torch.arange(len(part)), part]
        lower.append(own - f.logsumexp(1))
        f[torch.arange(len(part)), part] = -math.inf
        upper.append(own - f.logsumexp(1))
    return InformationBounds(
        float(torch.cat(lower).mean()) + math.log(samples),
        float(torch.cat(upper).mean()) + math.log(samples - 1),
        gaussian,
    )
