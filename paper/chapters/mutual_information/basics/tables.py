r"""The basics, as experiments of seconds: what information is, keeps, loses, and costs to see.

Each function makes one table (nats; accuracies are shares in [0, 1]) out of closed forms in
float64, or out of Gaussian pairs whose information is known:

- `entropies` and `independence_table`: entropy and mutual information of small discrete tables;
- `invariance_table` and `lossy_table`: what maps of each side do to the information of a pair;
- `cap_table`: I_NCE with the best critic there is, over the number of pairs in a batch.

Gaussian pairs have d coordinates on each side and one correlation in each of them, so that
:math:`I = -\frac d2 \log(1 - \rho^2)`.

Sources: Cover and Thomas, Elements of Information Theory, chapters 2 and 8; Kraskov et al. 2004
(invariance); Dinh et al. 2017 (RealNVP); McAllester and Stratos 2020 (the number of samples).
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.func import vmap

from infomax_lib.model.spec import first_seeds
from infomax_lib.model.streams import generator
from paper.information.bounds import info_nce
from paper.information.conditioning import jacobian
from paper.information.encoders import CouplingFlow, coupling_flow
from paper.information.entropy import (
    correlated_gaussians,
    correlation_for,
    density_ratio,
    entropy,
    gaussian_mutual_information,
    mutual_information,
)

_F64 = torch.float64
_ENTRIES = 2**18  # scores of all pairs that are held at once: no more than the caches of a CPU hold
_SIDE, _AVERAGED = 4, 1000  # coordinates of each side that maps bend, and pairs averaged over
# Of the random RealNVPs. Weights that are larger by half stretch so far that rounding shows.
_COUPLINGS, _COUPLING_UNITS, _COUPLING_SCALE = 8, 16, 0.7


# --- discrete ------------------------------------------------------------------------------------


def entropies() -> pd.DataFrame:
    r"""Entropy :math:`-p \log p - (1 - p) \log(1 - p)` of two outcomes over p.

    Returns:
        ``p``, from 0 to 1 in steps of a hundredth, and ``entropy`` (nats).
    """
    p = torch.linspace(0, 1, 101, dtype=_F64)
    return pd.DataFrame({"p": p, "entropy": entropy(torch.stack([p, 1 - p], -1))})


def independence_table() -> pd.DataFrame:
    r"""Information of joint tables that leave the product of their margins step by step.

    A table of strength s is :math:`p(x) p(y) + s \, \Delta(x, y)`. Rows and columns of
    :math:`\Delta` sum to zero, so that the margins are those of the product for every s; it is as
    large as it can be in its random direction: at s = 1 one probability is zero. Five random pairs
    of margins, of 3 and of 4 outcomes, have a direction each.

    Returns:
        ``table`` (its number), ``strength`` (0 to 1), ``information`` (nats).
    """
    draw, strength = generator(0, "independence"), torch.linspace(0, 1, 11, dtype=_F64)
    parts = []
    for table in range(5):
        margins = [0.5 + torch.rand(n, generator=draw, dtype=_F64) for n in (3, 4)]
        rows, columns = (margin / margin.sum() for margin in margins)
        product = torch.outer(rows, columns)
        change = torch.randn(product.shape, generator=draw, dtype=_F64)
        change = change - change.mean(0) - change.mean(1, keepdim=True) + change.mean()
        change = change * (product / -change)[change < 0].min()
        joint = (product + strength[:, None, None] * change).clamp_min(0)  # rounding, at s = 1
        found = {"strength": strength, "information": mutual_information(joint)}
        parts.append(pd.DataFrame({"table": table} | found))
    return pd.concat(parts, ignore_index=True)


# --- maps of each side ---------------------------------------------------------------------------


class _Map(NamedTuple):
    """An invertible map of points (N, d), its inverse, and log |det J| at each point (N,)."""

    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    log_abs_det: Callable[[Tensor], Tensor]


def invariance_table(information: float = 1.0) -> pd.DataFrame:
    r"""Information of Gaussian pairs before and after an invertible map of each side.

    Linear maps (rotations, rescaled coordinates, any matrix) by the closed form of the mapped
    covariance. The others, the hyperbolic sine of each coordinate and RealNVP with random weights,
    by the mean over samples of :math:`\log p(u, v) / (p(u) p(v))` at :math:`u = f(x)`,
    :math:`v = g(y)`, with densities by the change of variables

    .. math:: \log p(u) = \log p_x(f^{-1}(u)) - \log |\det J_f(f^{-1}(u))|

    Points come back through the inverse; the determinant of the pair is that of the dense Jacobian
    of (f, g) by automatic differentiation, those of the two sides are what the maps say themselves.
    An inverse or a log-determinant that is wrong changes the result.

    Args:
        information: Of the pairs, in nats, >= 0.

    Returns:
        ``map``, ``before``, ``after`` (nats). ``before`` is the closed form for the linear maps,
        and the same mean without a map for the others.

    Raises:
        ImportError: zuko is not installed.
        ValueError: Negative information.
    """
    rho, covariance = _pairs_of(information)
    known = float(gaussian_mutual_information(covariance, _SIDE))
    draw = generator(0, "invariance: maps")
    rows = []
    for name, random in _LINEAR.items():
        both = torch.block_diag(random(draw), random(draw))
        mapped = gaussian_mutual_information(both @ covariance @ both.T, _SIDE)
        rows.append({"map": name, "before": known, "after": float(mapped)})
    x, y = correlated_gaussians(rho, _SIDE, _AVERAGED, generator(0, "invariance: pairs"), _F64)
    sinh = _Map(torch.sinh, torch.asinh, lambda z: z.cosh().log().sum(-1))
    flows = [_random_flow(draw) for _ in range(2)]
    first, second = (_Map(flow, flow.inverse, flow.log_abs_det) for flow in flows)
    same = _Map(torch.clone, torch.clone, lambda z: z.new_zeros(len(z)))
    before = _mean_log_ratio(x, y, covariance, same, same)
    for name, maps in (("sinh of each coordinate", (sinh, sinh)), ("RealNVP", (first, second))):
        after = _mean_log_ratio(x, y, covariance, *maps)
        rows.append({"map": name, "before": before, "after": after})
    return pd.DataFrame(rows)


def lossy_table(information: float = 1.0) -> pd.DataFrame:
    r"""Information of Gaussian pairs before and after maps of both sides that cannot be inverted.

    Closed forms throughout: one coordinate dropped; as much standard normal noise added as each
    coordinate varies; signs alone. Signs of two variables of correlation :math:`\rho` agree with
    probability :math:`\frac12 + \frac1\pi \arcsin \rho` (Sheppard 1899).

    Args:
        information: Of the pairs, in nats, >= 0.

    Returns:
        ``map``, ``before``, ``after`` (nats); ``after`` is never larger.

    Raises:
        ValueError: Negative information.
    """
    rho, covariance = _pairs_of(information)
    kept = torch.eye(_SIDE, dtype=_F64)[1:]
    both = torch.block_diag(kept, kept)
    agree = 0.5 + math.asin(rho) / math.pi
    signs = torch.tensor([[agree, 1 - agree], [1 - agree, agree]], dtype=_F64) / 2
    after = {
        "one coordinate dropped": gaussian_mutual_information(
            both @ covariance @ both.T, _SIDE - 1
        ),
        "noise added": gaussian_mutual_information(covariance + torch.eye(2 * _SIDE), _SIDE),
        "signs alone": _SIDE * mutual_information(signs),
    }
    before = float(gaussian_mutual_information(covariance, _SIDE))
    return pd.DataFrame(
        [{"map": name, "before": before, "after": float(value)} for name, value in after.items()]
    )


def _pairs_of(information: float) -> tuple[float, Tensor]:
    """Correlation and covariance (2d, 2d) of Gaussian pairs, X before Y."""
    rho = correlation_for(information, _SIDE)
    within = torch.tensor([[1, rho], [rho, 1]], dtype=_F64)
    return rho, torch.kron(within, torch.eye(_SIDE, dtype=_F64))


def _square(draw: torch.Generator) -> Tensor:
    return torch.randn(_SIDE, _SIDE, generator=draw, dtype=_F64)


#: Random linear maps (d, d) by name.
_LINEAR: dict[str, Callable[[torch.Generator], Tensor]] = {
    "rotation": lambda draw: torch.linalg.qr(_square(draw)).Q,
    "scale of each coordinate": lambda draw: (
        10.0 ** torch.linspace(-3, 3, _SIDE, dtype=_F64)[torch.randperm(_SIDE, generator=draw)]
    ).diag(),
    "any matrix": _square,
}


def _random_flow(draw: torch.Generator) -> CouplingFlow:
    """A RealNVP in float64 with weights large enough to bend."""
    flow = coupling_flow(
        _SIDE, draw, _COUPLINGS, (_COUPLING_UNITS, _COUPLING_UNITS), shift_only=False
    ).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            size = parameter.shape[-1] if parameter.dim() > 1 else 1
            drawn = torch.randn(parameter.shape, generator=draw, dtype=_F64)
            parameter.copy_(_COUPLING_SCALE * drawn / math.sqrt(size))
    return flow


@torch.no_grad()
def _mean_log_ratio(x: Tensor, y: Tensor, covariance: Tensor, first: _Map, second: _Map) -> float:
    """Mean over Gaussian pairs (N, d) of log p(u, v) / (p(u) p(v)) at u = first(x), v = second(y).

    X and Y are standard normal, each by itself.
    """
    d = x.shape[1]
    x, y = first.inverse(first.forward(x)), second.inverse(second.forward(y))

    def both(z: Tensor) -> Tensor:
        return torch.cat([first.forward(z[:, :d]), second.forward(z[:, d:])], 1)

    pairs = torch.cat([x, y], 1)
    joint = MultivariateNormal(pairs.new_zeros(2 * d), covariance).log_prob(pairs)
    joint = joint - torch.linalg.slogdet(jacobian(both, pairs)).logabsdet
    normal = MultivariateNormal(pairs.new_zeros(d), torch.eye(d, dtype=_F64))
    margins = sum(
        normal.log_prob(points) - mapped.log_abs_det(points)
        for points, mapped in ((x, first), (y, second))
    )
    return float((joint - margins).mean())


# --- the cap -------------------------------------------------------------------------------------


def cap_table(
    informations: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 5.0),
    pairs: Sequence[int] = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
    seeds: int = 5,
    dimensions: int = 10,
    samples: int = 4096,
) -> pd.DataFrame:
    """I_NCE of Gaussian pairs with the best critic, the log density ratio, over the batch size.

    No training, in float64: what the estimate lacks is due to the number of pairs alone. The same
    samples are cut into batches of every size.

    Args:
        informations: Of the pairs, in nats, >= 0.
        pairs: Pairs N in a batch, >= 2; the estimate is at most log N.
        seeds: How many sets of samples.
        dimensions: Coordinates of each side.
        samples: Pairs in a set, at least as many as in the largest batch.

    Returns:
        ``information``, ``pairs``, ``seed``, ``estimate`` (nats, mean over the batches of a set).

    Raises:
        ValueError: Fewer samples than pairs in a batch, or batches of one.
    """
    if samples < max(pairs):
        raise ValueError(f"samples={samples} make no batch of {max(pairs)} pairs: use as many")
    rows = []
    for information in informations:
        rho = correlation_for(information, dimensions)

        def estimate(x: Tensor, y: Tensor, rho: float = rho) -> Tensor:
            return info_nce(density_ratio(x, y, rho))

        for seed in first_seeds(seeds):
            drawn = correlated_gaussians(rho, dimensions, samples, generator(seed, "cap"), _F64)
            for count in pairs:
                batches = (
                    side[: samples // count * count]
                    .view(-1, count, dimensions)
                    .split(max(1, _ENTRIES // count**2))
                    for side in drawn
                )
                found = [vmap(estimate)(x, y) for x, y in zip(*batches, strict=True)]
                rows.append((information, count, seed, float(torch.cat(found).mean())))
    return pd.DataFrame(rows, columns=["information", "pairs", "seed", "estimate"])
