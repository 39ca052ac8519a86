r"""The basics, as experiments of seconds: what information is, keeps, loses, and costs to see.

Each function makes one table (nats; accuracies are shares in [0, 1]) out of closed forms in
float64, or out of Gaussian pairs whose information is known:

- `entropies` and `independence_table`: entropy and mutual information of small discrete tables;
- `invariance_table` and `lossy_table`: what maps of each side do to the information of a pair;
- `cap_table`: I_NCE with the best critic there is, over the number of pairs in a batch;
- `classifier_table` and `classifier_scores`: critics that learn to tell pairs from mixed pairs.

Gaussian pairs have d coordinates on each side and one correlation in each of them, so that
:math:`I = -\frac d2 \log(1 - \rho^2)`.

Sources: Cover and Thomas, Elements of Information Theory, chapters 2 and 8; Kraskov et al. 2004
(invariance); Dinh et al. 2017 (RealNVP); McAllester and Stratos 2020 (the number of samples);
Poole et al. 2019 and Hjelm et al. 2019 (bounds from classifiers).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.func import functional_call, stack_module_state, vmap

from infomax_lib.model.spec import first_seeds
from infomax_lib.model.streams import generator
from paper.information.bounds import from_jensen_shannon, info_nce, jensen_shannon
from paper.information.conditioning import jacobian
from paper.information.critics import Separable
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
# Of the random RealNVPs. Weights that are larger by half stretch so far that rounding shows.
_COUPLINGS, _COUPLING_UNITS, _COUPLING_SCALE = 8, 16, 0.7
_BATCH, _RATE = 128, 3e-3  # pairs per step of the classifiers, and Adam's first learning rate
_TESTED = 256  # held-out pairs per batch


# --- discrete ------------------------------------------------------------------------------------


def entropies(count: int = 101) -> pd.DataFrame:
    r"""Entropy :math:`-p \log p - (1 - p) \log(1 - p)` of two outcomes over p.

    Args:
        count: How many equally spaced p from 0 to 1, odd and at least 3, so that 0.5 is among them.

    Returns:
        ``p`` and ``entropy`` (nats).

    Raises:
        ValueError: An even count, or one below 3.
    """
    if count < 3 or count % 2 == 0:
        raise ValueError(f"count={count} leaves out p = 0.5: use an odd number of at least 3")
    p = torch.linspace(0, 1, count, dtype=_F64)
    return pd.DataFrame({"p": p, "entropy": entropy(torch.stack([p, 1 - p], -1))})


def independence_table(
    tables: int = 5, shape: tuple[int, int] = (3, 4), steps: int = 11, seed: int = 0
) -> pd.DataFrame:
    r"""Information of joint tables that leave the product of their margins step by step.

    A table of strength s is :math:`p(x) p(y) + s \, \Delta(x, y)`. Rows and columns of
    :math:`\Delta` sum to zero, so that the margins are those of the product for every s; it is as
    large as it can be in its random direction: at s = 1 one probability is zero.

    Args:
        tables: How many random pairs of margins, each with a direction of its own.
        shape: Outcomes of X and of Y, at least 2 each.
        steps: Equally spaced strengths from 0 to 1, at least 2.
        seed: Of margins and directions.

    Returns:
        ``table`` (its number), ``strength``, ``information`` (nats).

    Raises:
        ValueError: Fewer than two outcomes, which depend on nothing, or fewer than two steps.
    """
    if min(shape) < 2 or steps < 2:
        raise ValueError(
            f"shape={shape} with steps={steps} is not possible: at least 2 outcomes each and 2 "
            "steps"
        )
    draw, strength = generator(seed, "independence"), torch.linspace(0, 1, steps, dtype=_F64)
    parts = []
    for table in range(tables):
        margins = [0.5 + torch.rand(n, generator=draw, dtype=_F64) for n in shape]
        rows, columns = (margin / margin.sum() for margin in margins)
        product = torch.outer(rows, columns)
        change = torch.randn(shape, generator=draw, dtype=_F64)
        change = change - change.mean(0) - change.mean(1, keepdim=True) + change.mean()
        change = change * (product / -change)[change < 0].min()
        joint = (product + strength[:, None, None] * change).clamp_min(0)  # rounding, at s = 1
        parts.append(
            pd.DataFrame(
                {"table": table, "strength": strength, "information": mutual_information(joint)}
            )
        )
    return pd.concat(parts, ignore_index=True)


# --- maps of each side ---------------------------------------------------------------------------


class _Map(NamedTuple):
    """An invertible map of points (N, d), its inverse, and log |det J| at each point (N,)."""

    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    log_abs_det: Callable[[Tensor], Tensor]


def invariance_table(
    information: float = 1.0, dimensions: int = 4, samples: int = 1000, seed: int = 0
) -> pd.DataFrame:
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
        dimensions: Coordinates d of each side, >= 2.
        samples: Pairs whose log density ratios are averaged.
        seed: Of maps and samples.

    Returns:
        ``map``, ``before``, ``after`` (nats). ``before`` is the closed form for the linear maps,
        and the same mean without a map for the others.

    Raises:
        ImportError: zuko is not installed.
        ValueError: Negative information or a single coordinate.
    """
    if dimensions < 2:
        raise ValueError(f"dimensions={dimensions}: RealNVP splits coordinates, use at least 2")
    covariance = _paired_covariance(information, dimensions)
    known = float(gaussian_mutual_information(covariance, dimensions))
    draw = generator(seed, "invariance: maps")
    rows = []
    for name, random in _LINEAR.items():
        both = torch.block_diag(random(dimensions, draw), random(dimensions, draw))
        mapped = gaussian_mutual_information(both @ covariance @ both.T, dimensions)
        rows.append({"map": name, "before": known, "after": float(mapped)})
    rho = correlation_for(information, dimensions)
    x, y = correlated_gaussians(
        rho, dimensions, samples, generator(seed, "invariance: pairs"), _F64
    )
    sinh = _Map(torch.sinh, torch.asinh, lambda z: z.cosh().log().sum(-1))
    flows = [_random_flow(dimensions, draw) for _ in range(2)]
    first, second = (_Map(flow, flow.inverse, flow.log_abs_det) for flow in flows)
    same = _Map(torch.clone, torch.clone, lambda z: z.new_zeros(len(z)))
    before = _mean_log_ratio(x, y, covariance, same, same)
    for name, maps in (("sinh of each coordinate", (sinh, sinh)), ("RealNVP", (first, second))):
        after = _mean_log_ratio(x, y, covariance, *maps)
        rows.append({"map": name, "before": before, "after": after})
    return pd.DataFrame(rows)


def lossy_table(information: float = 1.0, dimensions: int = 4, noise: float = 1.0) -> pd.DataFrame:
    r"""Information of Gaussian pairs before and after maps of both sides that cannot be inverted.

    Closed forms throughout. Signs of two variables of correlation :math:`\rho` agree with
    probability :math:`\frac12 + \frac1\pi \arcsin \rho` (Sheppard 1899).

    Args:
        information: Of the pairs, in nats, >= 0.
        dimensions: Coordinates d of each side, >= 2.
        noise: Standard deviation of what is added to each coordinate, in those of the coordinate.

    Returns:
        ``map``, ``before``, ``after`` (nats); ``after`` is never larger.

    Raises:
        ValueError: Negative information or a single coordinate, which cannot be dropped.
    """
    if dimensions < 2:
        raise ValueError(f"dimensions={dimensions} leaves none after one is dropped: use 2 or more")
    covariance = _paired_covariance(information, dimensions)
    rho = correlation_for(information, dimensions)
    kept = torch.eye(dimensions, dtype=_F64)[1:]
    both = torch.block_diag(kept, kept)
    noisy = covariance + noise**2 * torch.eye(2 * dimensions, dtype=_F64)
    agree = 0.5 + math.asin(rho) / math.pi
    signs = torch.tensor([[agree, 1 - agree], [1 - agree, agree]], dtype=_F64) / 2
    before = float(gaussian_mutual_information(covariance, dimensions))
    after = {
        "one coordinate dropped": gaussian_mutual_information(
            both @ covariance @ both.T, dimensions - 1
        ),
        "noise added": gaussian_mutual_information(noisy, dimensions),
        "signs alone": dimensions * mutual_information(signs),
    }
    return pd.DataFrame(
        [{"map": name, "before": before, "after": float(value)} for name, value in after.items()]
    )


def _paired_covariance(information: float, dimensions: int) -> Tensor:
    """Covariance (2d, 2d) of Gaussian pairs, X before Y."""
    shared = correlation_for(information, dimensions) * torch.eye(dimensions, dtype=_F64)
    eye = torch.eye(dimensions, dtype=_F64)
    return torch.cat([torch.cat([eye, shared], 1), torch.cat([shared, eye], 1)])


def _square(size: int, draw: torch.Generator) -> Tensor:
    return torch.randn(size, size, generator=draw, dtype=_F64)


#: Random linear maps (d, d) by name, of (d, generator).
_LINEAR: dict[str, Callable[[int, torch.Generator], Tensor]] = {
    "rotation": lambda size, draw: torch.linalg.qr(_square(size, draw)).Q,
    "scale of each coordinate": lambda size, draw: (
        10.0 ** torch.linspace(-3, 3, size, dtype=_F64)[torch.randperm(size, generator=draw)]
    ).diag(),
    "any matrix": _square,
}


def _random_flow(dimensions: int, draw: torch.Generator) -> CouplingFlow:
    """A RealNVP in float64 with weights large enough to bend."""
    flow = coupling_flow(
        dimensions, draw, _COUPLINGS, (_COUPLING_UNITS, _COUPLING_UNITS), shift_only=False
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


# --- classifiers ---------------------------------------------------------------------------------


class _Classifiers:
    """Critics of Gaussian pairs, trained side by side to tell pairs from mixed pairs.

    Args:
        settings: Information in nats, and seed, of each of them.
        dimensions: Coordinates of each side.
        steps: Steps of Adam on J_JS, the logistic loss of joint against product; its learning rate
            falls to zero by a cosine.
        hidden: Units of each layer of a critic.
    """

    def __init__(
        self, settings: Sequence[tuple[float, int]], dimensions: int, steps: int, hidden: int
    ) -> None:
        self.dimensions = dimensions
        self.rhos = [correlation_for(information, dimensions) for information, _ in settings]
        self.seeds = [seed for _, seed in settings]
        critics = [
            Separable(dimensions, dimensions, generator(seed, "classifier"), hidden)
            for seed in self.seeds
        ]
        self._critic = critics[0]
        self._weights, _ = stack_module_state(critics)
        for weight in self._weights.values():
            weight.requires_grad_()
        optimizer = torch.optim.Adam(self._weights.values(), lr=_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for x, y in self.pairs("classifier: training", steps, _BATCH):
            gain = jensen_shannon(self.scores(x, y)).sum()
            optimizer.zero_grad()
            (-gain).backward()
            optimizer.step()
            schedule.step()

    def pairs(self, purpose: str, batches: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of X and Y (critics, size, d); each critic has a stream of its own."""
        draws = [generator(seed, purpose) for seed in self.seeds]
        for _ in range(batches):
            drawn = [
                correlated_gaussians(rho, self.dimensions, size, draw, torch.float32)
                for rho, draw in zip(self.rhos, draws, strict=True)
            ]
            x, y = (torch.stack(side) for side in zip(*drawn, strict=True))
            yield x, y

    def scores(self, x: Tensor, y: Tensor) -> Tensor:
        """Log odds (critics, N, N) of having been drawn together, for X and Y (critics, N, d)."""

        def of_one(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return functional_call(self._critic, weights, (x, y))

        return vmap(of_one)(self._weights, x, y)


def classifier_table(
    informations: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    seeds: int = 5,
    dimensions: int = 10,
    steps: int = 500,
    hidden: int = 32,
    held_out: int = 20,
) -> pd.DataFrame:
    r"""How well trained critics tell Gaussian pairs from mixed ones, and what they certify.

    A critic is a logistic classifier of pairs (x, y): drawn together, or each from its margin. Its
    log odds estimate :math:`\log p(x, y) / (p(x) p(y))`, and so give the bound of Nguyen,
    Wainwright and Jordan, see :func:`paper.information.bounds.from_jensen_shannon`. All
    critics are trained side by side on fresh pairs.

    Args:
        informations: Of the pairs, in nats, >= 0.
        seeds: Critics at each of them; a seed fixes initial weights and pairs.
        dimensions: Coordinates of each side.
        steps: Training steps on 128 pairs, >= 1.
        hidden: Units of each layer of a critic.
        held_out: Batches of 256 fresh pairs on which accuracy and bound are averaged.

    Returns:
        ``information``, ``seed``, ``accuracy`` (a share: log odds above 0 for pairs drawn together,
        below for the others, both kinds weighing the same), ``estimate`` (nats).
    """
    settings = [(value, seed) for value in informations for seed in first_seeds(seeds)]
    trained = _Classifiers(settings, dimensions, steps, hidden)
    accuracy, estimate = [], []
    with torch.no_grad():
        for x, y in trained.pairs("classifier: held out", held_out, _TESTED):
            scores = trained.scores(x, y)
            accuracy.append(_balanced_accuracy(scores))
            estimate.append(from_jensen_shannon(scores.double()))
    table = pd.DataFrame(settings, columns=["information", "seed"])
    return table.assign(
        accuracy=torch.stack(accuracy).mean(0).numpy(),
        estimate=torch.stack(estimate).mean(0).numpy(),
    )


def classifier_scores(
    information: float = 2.0,
    seed: int = 0,
    pairs: int = 2000,
    dimensions: int = 10,
    steps: int = 500,
    hidden: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """Held-out log odds of one critic of :func:`classifier_table`, for a histogram.

    Args:
        information: Of the pairs it is trained and tested on, in nats.
        seed: Of the critic.
        pairs: How many held-out pairs, >= 2.
        dimensions: Coordinates of each side.
        steps: Training steps.
        hidden: Units of each layer.

    Returns:
        Scores (pairs,) of pairs drawn together, and of mixed ones (each x with the y of another).
    """
    trained = _Classifiers([(information, seed)], dimensions, steps, hidden)
    with torch.no_grad():
        ((x, y),) = trained.pairs("classifier: held out", 1, pairs)
        (scores,) = trained.scores(x, y)
    return scores.diagonal().numpy(), scores.roll(1, -1).diagonal().numpy()


def _balanced_accuracy(scores: Tensor) -> Tensor:
    """Mean of the shares of diagonal scores above 0 and of others below; (..., N, N) to (...)."""
    pairs, own = scores.shape[-1], scores.diagonal(dim1=-2, dim2=-1)
    below = (scores < 0).double().sum((-2, -1)) - (own < 0).double().sum(-1)
    return ((own > 0).double().mean(-1) + below / (pairs * (pairs - 1))) / 2
