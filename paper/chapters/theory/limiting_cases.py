"""What the terms of the objective are at the layers that source 001 argues with, as numbers.

A unit that is dead, one that always wins, two that are copies, a sign turned round, a layer without
batches. The identities (:mod:`.identities`) hold for all inputs; a case here is one
input, in float64, whose value is known in closed form and stands beside it. Outputs start from N
samples of K units whose sample covariance is the identity: what a case adds is then its own.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.objective import covariance, infomax_objective, total_correlation

_UNITS = 16
_SAMPLES = 512
_OFFSET = 10.0  # what raises a dominant unit above all others
_THIN = 1e-12  # variance of a unit that is nearly dead
_CORRELATION = 0.5  # of the pair of units in the Gaussian case


class Case(NamedTuple):
    """One limiting case: what is asked, its value, and the closed form."""

    case: str
    quantity: str
    value: float
    expected: float


def limiting_cases() -> pd.DataFrame:
    """Every case with its value and its closed form, at K = 16 units and N = 512 samples.

    Returns:
        Columns ``case`` (a name for rules), ``quantity`` (in words), ``value``, ``expected``.
    """
    groups = (_joint_entropy, _dead_unit, _dominant_unit, _copied_unit, _conventions)
    return pd.DataFrame([case for group in groups for case in group()], columns=Case._fields)


def white_outputs(samples: int, units: int, seed: int = 0) -> Tensor:
    """Outputs (N, K), float64, whose sample mean is zero and sample covariance the identity.

    Raises:
        ValueError: Fewer than K + 1 samples, which cannot be uncorrelated.
    """
    if samples <= units:
        raise ValueError(f"{units} uncorrelated units need more than {samples} samples")
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(samples, units, dtype=torch.float64, generator=generator)
    basis, _ = torch.linalg.qr(draws - draws.mean(0))
    return basis * math.sqrt(samples - 1)


def one_hot_total_correlation(shares: Tensor) -> Tensor:
    """Total correlation (nats) of one-hot outputs with shares p (..., K).

    The outputs are the indicators of one choice, so their joint entropy is that of the choice, and
    sum_j H(p_j, 1 - p_j) - H(p) = -sum_j (1 - p_j) log(1 - p_j).
    """
    return torch.special.entr(1 - shares).sum(-1)


def one_hot_correlation(shares: Tensor) -> Tensor:
    """||R - I||^2 of one-hot outputs with shares p (K,), all between 0 and 1.

    Var = p_j (1 - p_j) and Cov = -p_i p_j, so r_ij^2 = p_i p_j / ((1 - p_i)(1 - p_j)).
    """
    odds = shares / (1 - shares)
    return odds.sum(-1).square() - odds.square().sum(-1)


def _entropy_and_tc(cov: Tensor) -> tuple[float, float]:
    """Joint entropy (nats) and total correlation of a Gaussian with covariance (K, K)."""
    joint = torch.distributions.MultivariateNormal(torch.zeros(len(cov)).to(cov), cov).entropy()
    deviation = cov.diagonal().sqrt()
    single = torch.distributions.Normal(torch.zeros_like(deviation), deviation).entropy().sum()
    return float(joint), float(single - joint)


# --- the cases -----------------------------------------------------------------------------------


def _joint_entropy() -> Iterator[Case]:
    cov = torch.tensor([[1.0, _CORRELATION], [_CORRELATION, 1.0]], dtype=torch.float64)
    joint, tc = _entropy_and_tc(cov)
    exact = -0.5 * math.log(1 - _CORRELATION**2)
    text = "−ΣH + λ TC plus the joint entropy (nats), two Gaussian units with r = 1/2, λ = {}"
    for value, shown in ((0.5, "1/2"), (1.0, "1"), (2.0, "2")):
        got = -(joint + tc) + value * tc + joint
        yield Case(f"joint_entropy_{value:g}", text.format(shown), got, (value - 1) * exact)


def _dead_unit() -> Iterator[Case]:
    thin = white_outputs(_SAMPLES, _UNITS)[:, 0] * math.sqrt(_THIN)
    entropy = torch.distributions.Normal(thin.mean(), thin.std()).entropy()
    yield Case(
        "dead_entropy",
        "entropy (nats) of a Gaussian unit of variance 10⁻¹²",
        float(entropy),
        0.5 * math.log(2 * math.pi * math.e * _THIN),
    )


def _one_hot_outputs(wins: Sequence[int]) -> Tensor:
    """One-hot outputs of which unit j is the one as often as ``wins`` says."""
    counts = torch.tensor(wins)
    return torch.eye(len(wins), dtype=torch.float64).repeat_interleave(counts, 0)


def _counted_total_correlation(outputs: Tensor) -> float:
    """Total correlation (nats) of binary outputs, from the frequencies of values and rows."""
    ones = outputs.mean(0)
    single = (torch.special.entr(ones) + torch.special.entr(1 - ones)).sum()
    _, counts = torch.unique(outputs, dim=0, return_counts=True)
    return float(single - torch.special.entr(counts.double() / len(outputs)).sum())


def _dominant_unit() -> Iterator[Case]:
    white = white_outputs(_SAMPLES, _UNITS)
    raised = white.clone()
    raised[:, 0] += _OFFSET
    others = _UNITS - 1
    wins = {"balanced": [others] * _UNITS, "winner": [99 * others] + [1] * others}
    shares = {n: torch.tensor(w, dtype=torch.float64) / sum(w) for n, w in wins.items()}
    outputs = {name: _one_hot_outputs(counts) for name, counts in wins.items()}
    correlation = {name: float(total_correlation(a, 0.0)) for name, a in outputs.items()}
    exact = {name: _counted_total_correlation(a) for name, a in outputs.items()}
    expected = {name: float(one_hot_total_correlation(p)) for name, p in shares.items()}
    yield Case(
        "dominant_correlation",
        "rise of ‖R−I‖² of uncorrelated z when one unit's z is raised by 10",
        float(total_correlation(raised) - total_correlation(white)),
        0.0,
    )
    yield Case(
        "dominant_proxy",
        "rise of ‖R−I‖² of one-hot outputs when one of 16 units wins 99 % instead of 1/16",
        correlation["winner"] - correlation["balanced"],
        float(one_hot_correlation(shares["winner"])) - simplex_floor(_UNITS),
    )
    yield Case(
        "dominant_exact",
        "rise of the exact total correlation (nats) of the same outputs",
        exact["winner"] - exact["balanced"],
        expected["winner"] - expected["balanced"],
    )


def _copied_unit() -> Iterator[Case]:
    copy = white_outputs(_SAMPLES, _UNITS)
    copy[:, 1] = copy[:, 0]
    copy.requires_grad_()
    (gradient,) = torch.autograd.grad(total_correlation(copy, 0.0), copy)
    # what drives two equal outputs apart is the difference of their gradients
    apart = float((gradient[:, 0] - gradient[:, 1]).norm())
    yield Case("copy_gradient", "gradient of ‖R−I‖² that drives two exact copies apart", apart, 0.0)


def _conventions() -> Iterator[Case]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(_SAMPLES, 20, dtype=torch.float64, generator=generator)
    layer = InfoMaxLayer(20, _UNITS, "identity", "softmin").double()
    mirror = InfoMaxLayer(20, _UNITS, "identity", "softmax").double()
    with torch.no_grad():
        mirror.weight.copy_(-layer.weight)
        mirror.bias.copy_(-layer.bias)
        sign = infomax_objective(layer(x)).loss - infomax_objective(mirror(x)).loss
        z = layer.preactivation(x)
        moments = covariance(z) - layer.weight @ covariance(x) @ layer.weight.mT
    error = float(moments.abs().max())
    yield Case("sign", "loss of softmax(−z) less that of softmax(+z) with −W, −b", float(sign), 0.0)
    yield Case("moments", "covariance of z less W Cov(x) Wᵀ, largest error", error, 0.0)
