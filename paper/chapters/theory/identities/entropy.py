r"""The identities that the theory rests on, each with both of its sides as functions in float64.

An :class:`Identity` draws random inputs and computes its left and its right side from them along
different ways: by autograd against a formula, by enumeration against a count, by averaging over a
group against an expectation. :func:`check_identities` lists how far the sides are apart.

Throughout, a unit's *entropy proxy* is log Var, twice the Gaussian entropy but for a constant:
source 000's loss -sum log Var + lambda_tc ||R - I||^2 is therefore in units of twice source 001's
-sum H + lambda TC. Sources: "Initial InfoMax Experiment Results" (claims 000.x), "InfoMax as the
Objective for Implicit EM" (claims 001.x).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import comb, log, log2, perm, pi
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from infomax_lib.measures import hsic
from infomax_lib.measures.weights_and_outputs import one_hot_loss, random_redundancy, simplex_floor
from infomax_lib.model.objective import (
    EPSILON,
    correlation,
    covariance,
    free_energy,
    gradient_by_covariance,
    infomax_objective,
    log_det_objective,
    log_variance,
    total_correlation,
    weight_redundancy,
)
from infomax_lib.stats import EXACT
from paper.chapters.theory import mixture
from paper.measures.regions import count_regions, regions_in_general_position

LIMIT = 0.02  # for the order and the coefficient of an error, measured at small but finite size


@dataclass(frozen=True)
class Identity:
    """One statement left = right, with what is needed to read it and to check it.

    Attributes:
        name: By which :data:`IDENTITIES` holds it.
        says: What it says, in words; formulas between dollar signs, as in ``proof``.
        latex: The statement.
        claims: Ids of the claims that it bears upon.
        proof: A sketch, or where to find one.
        draw: Random inputs from a generator.
        left: One side, from these inputs.
        right: The other side.
        tolerance: Largest difference at which it holds.
    """

    name: str
    says: str
    latex: str
    claims: tuple[str, ...]
    proof: str
    draw: Callable[[Generator], tuple[Any, ...]]
    left: Callable[..., Tensor | float]
    right: Callable[..., Tensor | float]
    tolerance: float = EXACT

    def sides(self, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Both sides on the inputs of one seed, float64 and of one shape."""
        inputs = self.draw(torch.Generator().manual_seed(seed))
        left, right = (
            torch.as_tensor(side(*inputs), dtype=torch.float64).detach()
            for side in (self.left, self.right)
        )
        return left, right.expand_as(left)

    def difference(self, seed: int = 0) -> float:
        """Largest difference of the sides, relative to the right side where that exceeds 1."""
        left, right = self.sides(seed)
        return float(((left - right).abs() / right.abs().clamp_min(1)).max())


# Filled by the definitions below, in the order of the theory.
IDENTITIES: dict[str, Identity] = {}


def check_identities(
    names: Sequence[str] | None = None, seeds: Iterable[int] = range(5)
) -> pd.DataFrame:
    """How far the two sides of the identities are apart, at worst over seeds.

    Args:
        names: Which ones; all of them if left out.
        seeds: Each gives other inputs.

    Returns:
        One row per identity: ``name``, ``says``, ``latex``, ``claims``, ``proof``,
        ``difference``, ``tolerance``, ``holds``.

    Raises:
        ValueError: An unknown name.
    """
    chosen = list(IDENTITIES if names is None else names)
    if unknown := [name for name in chosen if name not in IDENTITIES]:
        raise ValueError(f"no identity {', '.join(unknown)}: there are {', '.join(IDENTITIES)}")
    tried = list(seeds)
    rows = []
    for identity in (IDENTITIES[name] for name in chosen):
        # NaN must count as a failure, and max() would lose it
        difference = float(np.max([identity.difference(seed) for seed in tried]))
        rows.append(
            {
                "name": identity.name,
                "says": identity.says,
                "latex": identity.latex,
                "claims": ", ".join(identity.claims),
                "proof": identity.proof,
                "difference": difference,
                "tolerance": identity.tolerance,
                "holds": difference <= identity.tolerance,
            }
        )
    return pd.DataFrame(rows)


def _define(name: str, **fields: Any) -> None:
    IDENTITIES[name] = Identity(name=name, **fields)


# --- random inputs -------------------------------------------------------------------------------


def _normal(g: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=g, dtype=torch.float64)


def _outputs(g: Generator, samples: int = 40, units: int = 5) -> Tensor:
    """Correlated outputs of uneven scale, not centred."""
    scale = torch.logspace(-0.5, 0.5, units, dtype=torch.float64)
    return _normal(g, samples, units) @ _normal(g, units, units) * scale + _normal(g, units)


def _spd(g: Generator, units: int = 4) -> Tensor:
    """A covariance matrix, positive definite and of uneven scale."""
    root = _normal(g, units, units)
    return root @ root.mT + 0.3 * torch.eye(units, dtype=torch.float64)


def _direction(g: Generator, units: int = 5) -> Tensor:
    """A symmetric matrix with zero diagonal: a direction in which correlations grow."""
    s = _normal(g, units, units)
    s = (s + s.mT) / 2
    return s - torch.diag(s.diagonal())


def _correlation_of(cov: Tensor) -> Tensor:
    scale = cov.diagonal().rsqrt()
    return cov * scale.unsqueeze(-1) * scale


def _identity_plus(step: float, direction: Tensor) -> Tensor:
    return torch.eye(len(direction), dtype=torch.float64) + step * direction


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - torch.diag(matrix.diagonal())


def _gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    at = at.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(at), at)
    return gradient


def _gaussian_mean(cov: Tensor, function: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """E f(z) of z ~ N(0, cov) by Gauss-Hermite quadrature, exact for polynomials of degree 5."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    units = len(cov)
    grid = np.array(list(product(nodes, repeat=units)))
    weight = np.array(list(product(weights / weights.sum(), repeat=units))).prod(1)
    points = grid @ np.linalg.cholesky(cov.numpy()).T
    return torch.tensor(float(weight @ function(points)), dtype=torch.float64)


def _log_density(cov: Tensor, points: np.ndarray) -> np.ndarray:
    """Log density of N(0, cov) at points (M, K)."""
    whitened = np.linalg.solve(np.linalg.cholesky(cov.numpy()), points.T)
    log_scale = np.log(np.diag(np.linalg.cholesky(cov.numpy()))).sum()
    return -0.5 * (whitened**2).sum(0) - log_scale - len(cov) / 2 * log(2 * pi)


# --- implicit EM ---------------------------------------------------------------------------------

_define(
    "lse_gradient",
    says="The gradient of the log-sum-exp of negative energies is the responsibilities.",
    latex=r"\frac{\partial}{\partial E_k}\left(-\log\sum_j e^{-E_j}\right)"
    r" = \mathrm{softmax}(-E)_k = r_k",
    claims=("001.10",),
    proof="Differentiate the logarithm: the derivative is $e^{-E_k}$ over the sum.",
    draw=lambda g: (3 * _normal(g, 7, 5),),
    left=lambda e: _gradient(lambda at: -torch.logsumexp(-at, -1).sum(), e),
    right=lambda e: (-e).exp() / (-e).exp().sum(-1, keepdim=True),
)

_define(
    "em_as_gradient_step",
    says=r"A gradient step of $N\sigma^2/\sum_n r_{nk}$ for component $k$ is the EM update of its "
    "mean.",
    latex=r"\mu_k - \frac{N\sigma^2}{\sum_n r_{nk}} \nabla_{\mu_k}"
    r"\Big(-\frac1N\sum_n \mathrm{LSE}(-E_n)\Big) = \frac{\sum_n r_{nk} x_n}{\sum_n r_{nk}}",
    claims=("000.24", "001.10", "001.12"),
    proof=r"The gradient is $\sum_n r_{nk}(\mu_k-x_n)/N\sigma^2$; the step cancels $\mu_k$. "
    "Neal & Hinton (1998) for EM as coordinate ascent.",
    draw=lambda g: (_normal(g, 60, 3), _normal(g, 4, 3), 0.7),
    left=lambda x, means, variance: mixture.implicit_step(
        x, means, variance, mixture.em_step_size(x, means, variance)
    ),
    right=lambda x, means, variance: mixture.em_step(x, means, variance),
)

_define(
    "mixture_likelihood",
    says="The log-sum-exp term is the negative log likelihood of the mixture but for a constant.",
    latex=r"-\frac1N\sum_n\mathrm{LSE}(-E_n) = -\frac1N\sum_n \log \frac1K\sum_k"
    r"\mathcal N(x_n;\mu_k,\sigma^2 I) - \log K - \tfrac D2\log 2\pi\sigma^2",
    claims=("001.12",),
    proof="Insert the Gaussian densities.",
    draw=lambda g: (_normal(g, 30, 3), _normal(g, 4, 3), 0.7),
    left=lambda x, means, variance: mixture.implicit_loss(x, means, variance),
    right=lambda x, means, variance: (
        -_mixture_log_density(x, means, variance)
        - log(len(means))
        - means.shape[1] / 2 * log(2 * pi * variance)
    ),
)


def _mixture_log_density(x: Tensor, means: Tensor, variance: float) -> Tensor:
    covariance_ = variance * torch.eye(means.shape[1], dtype=torch.float64)
    total = sum(np.exp(_log_density(covariance_, (x - mean).numpy())) for mean in means)
    return torch.from_numpy(np.log(total / len(means))).mean()


_define(
    "linear_layer_mixture",
    says=r"With biases $-\tfrac12|w|^2$ a linear layer gives the mixture's responsibilities: "
    "the energies differ from $-z$ by a term that all units share.",
    latex=r"\mathrm{softmax}\big(Wx - \tfrac12 |w|^2\big)_k = r_k(x),"
    r"\quad \mu_k = w_k,\ \sigma = 1",
    claims=("001.9", "001.12"),
    proof=r"$|x-w|^2 = |x|^2 - 2w\cdot x + |w|^2$, and softmax does not see $\tfrac12|x|^2$.",
    draw=lambda g: (_normal(g, 30, 3), _normal(g, 4, 3)),
    left=lambda x, w: torch.softmax(x @ w.mT - w.square().sum(-1) / 2, -1),
    right=lambda x, w: mixture.responsibilities(x, w, 1.0),
)

_define(
    "free_norms",
    says="With free norms and biases a softmax layer still is a mixture, but with mixing weights "
    "proportional to $e^{b+|w|^2/2}$: long rows own more a priori.",
    latex=r"\mathrm{softmax}(Wx+b)_k = \frac{\pi_k\,\mathcal N(x; w_k, I)}{\sum_j \pi_j\,"
    r"\mathcal N(x; w_j, I)},\quad \pi_k \propto e^{b_k + |w_k|^2/2}",
    claims=("001.9", "001.20"),
    proof="Complete the square in the exponent.",
    draw=lambda g: (_normal(g, 30, 3), 1.5 * _normal(g, 4, 3), _normal(g, 4)),
    left=lambda x, w, b: torch.softmax(F.linear(x, w, b), -1),
    right=lambda x, w, b: _posterior(x, *mixture.implied_mixture(w, b)),
)


def _posterior(x: Tensor, means: Tensor, weights: Tensor) -> Tensor:
    density = (-(x.unsqueeze(1) - means).square().sum(-1) / 2).exp() * weights
    return density / density.sum(-1, keepdim=True)


_define(
    "softmax_invariance",
    says="Adding one constant to all units of a sample changes no responsibility.",
    latex=r"\mathrm{softmax}(h + c\mathbf 1) = \mathrm{softmax}(h)",
    claims=("001.9", "001.13"),
    proof="$e^c$ cancels.",
    draw=lambda g: (_normal(g, 7, 5), 3 * _normal(g, 7, 1)),
    left=lambda h, c: torch.softmax(h + c, -1),
    right=lambda h, c: h.exp() / h.exp().sum(-1, keepdim=True),
)

_define(
    "lse_unbounded",
    says="The log-sum-exp term alone falls without bound as all biases grow, "
    "while the responsibilities stay: it controls no volume.",
    latex=r"-\mathrm{LSE}(h + c\mathbf 1) = -\mathrm{LSE}(h) - c",
    claims=("001.13",),
    proof="$e^c$ leaves the logarithm as $c$. In a mixture the biases are tied to the means.",
    draw=lambda g: (_normal(g, 7, 5), 3 + _normal(g, 1)),
    left=lambda h, c: free_energy(h + c),
    right=lambda h, c: free_energy(h) - c.squeeze(),
)

_define(
    "free_energy_gradient",
    says="The gradient of the log-sum-exp term by an activation is minus its responsibility "
    "over $N$, at any temperature.",
    latex=r"\frac{\partial}{\partial h_{nk}}\Big(-\frac TN\sum_m\mathrm{LSE}(h_m/T)\Big)"
    r" = -\tfrac1N\,\mathrm{softmax}(h_n/T)_k",
    claims=("001.9", "001.10", "001.13"),
    proof="The identity of the log-sum-exp with $E = -h/T$; $T$ cancels $1/T$.",
    draw=lambda g: (_normal(g, 7, 5), 0.4),
    left=lambda h, t: _gradient(lambda at: free_energy(at, t), h),
    right=lambda h, t: -torch.softmax(h / t, -1) / len(h),
)

# --- two conventions -----------------------------------------------------------------------------

_define(
    "softmax_jacobian",
    says=r"The Jacobian of the softmax is $\mathrm{diag}(a) - aa^\top$.",
    latex=r"\frac{\partial a_j}{\partial h_k} = a_j(\delta_{jk} - a_k)",
    claims=("000.25", "001.10"),
    proof="Quotient rule.",
    draw=lambda g: (_normal(g, 5),),
    left=lambda h: torch.autograd.functional.jacobian(lambda at: torch.softmax(at, -1), h),
    right=lambda h: torch.diag(_softmax(h)) - torch.outer(_softmax(h), _softmax(h)),
)


def _softmax(h: Tensor) -> Tensor:
    return h.exp() / h.exp().sum(-1, keepdim=True)


_define(
    "gradient_through_softmax",
    says=r"Source 000: with the loss on $a = \mathrm{softmax}(h)$, every gradient is weighted by "
    "the unit's own responsibility, and compared with the sample's weighted mean.",
    latex=r"\frac{\partial L(a)}{\partial h_{nk}} = a_{nk}\Big(g_{nk} - \sum_j a_{nj} g_{nj}\Big),"
    r"\quad g = \frac{\partial L}{\partial a}",
    claims=("000.2", "000.25", "001.9", "001.10"),
    proof="The softmax Jacobian times $g$.",
    draw=lambda g: (_outputs(g), 0.7),
    left=lambda h, tc: _gradient(
        lambda at: infomax_objective(torch.softmax(at, -1), lambda_tc=tc).loss, h
    ),
    right=lambda h, tc: _weighted_by_responsibility(_softmax(h), tc),
)


def _weighted_by_responsibility(a: Tensor, lambda_tc: float) -> Tensor:
    g = _gradient(lambda at: infomax_objective(at, lambda_tc=lambda_tc).loss, a)
    return a * (g - (a * g).sum(-1, keepdim=True))


_define(
    "gradient_on_z",
    says="Source 001: with the loss on $z$, the gradient is linear in the centred $z$. It holds no "
    "responsibilities, whatever softmax interprets $z$ afterwards.",
    latex=r"\frac{\partial L(z)}{\partial z} = \frac{2}{N-1}\,(z - \bar z)\,M(\Sigma)",
    claims=("001.9", "001.10"),
    proof=r"$L$ depends on $z$ through its covariance alone; $M$ is its gradient by $\Sigma$.",
    draw=lambda g: (_outputs(g), 0.7),
    left=lambda z, tc: _gradient(lambda at: infomax_objective(at, lambda_tc=tc).loss, z),
    right=lambda z, tc: 2 / (len(z) - 1) * (z - z.mean(0)) @ _gradient_by_covariance(z, tc),
)


def _gradient_by_covariance(z: Tensor, lambda_tc: float) -> Tensor:
    weight = torch.tensor([lambda_tc], dtype=torch.float64)
    return gradient_by_covariance(covariance(z).unsqueeze(0), weight)[0].squeeze(0)


_define(
    "gradient_of_variance_on_z",
    says="Without correlation term the gradient on $z$ is the standard score over the deviation: "
    "each unit for itself, without competition.",
    latex=r"\frac{\partial}{\partial z_{nk}}\Big(-\sum_j\log(\mathrm{Var}\,z_j+\varepsilon)\Big)"
    r" = -\frac{2}{N-1}\,\frac{z_{nk}-\bar z_k}{\mathrm{Var}\,z_k+\varepsilon}",
    claims=("001.9", "001.10"),
    proof="Differentiate the logarithm of the unbiased variance.",
    draw=lambda g: (_outputs(g),),
    left=lambda z: _gradient(lambda at: infomax_objective(at, lambda_tc=0.0).loss, z),
    right=lambda z: -2 / (len(z) - 1) * (z - z.mean(0)) / (z.var(0) + EPSILON),
)

_define(
    "sign_of_z",
    says="The loss on $z$ does not know its sign, so softmax(+z) and softmax(−z) interpret the "
    "same optimum: nothing makes $z$ a distance.",
    latex=r"L(-z) = L(z)",
    claims=("001.9",),
    proof="Variances and squared correlations are even.",
    draw=lambda g: (_outputs(g), torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0]).double()),
    left=lambda z, signs: infomax_objective(z * signs, lambda_tc=0.7).loss,
    right=lambda z, signs: infomax_objective(z, lambda_tc=0.7).loss,
)

# --- entropy and total correlation ---------------------------------------------------------------

_define(
    "gaussian_entropy",
    says="The entropy of a Gaussian is half the log determinant of its covariance, "
    "but for a constant.",
    latex=r"H(z) = \tfrac12\log\det(2\pi e\,\Sigma)",
    claims=("001.16",),
    proof=r"$-\log p$ is quadratic, and its expected quadratic form is $K$ (Cover & Thomas, ch. "
    "8).",
    draw=lambda g: (_spd(g),),
    left=lambda cov: _gaussian_mean(cov, lambda z: -_log_density(cov, z)),
    right=lambda cov: (len(cov) * (log(2 * pi) + 1) + torch.logdet(cov)) / 2,
)

_define(
    "gaussian_total_correlation",
    says="Total correlation of a Gaussian is minus half the log determinant of its correlations.",
    latex=r"\mathrm{TC}(z) = \mathbb{E}\log\frac{p(z)}{\prod_j p(z_j)} = -\tfrac12\log\det R",
    claims=("001.2", "001.16"),
    proof="Sum of the marginal entropies less the joint one (Watanabe 1960).",
    draw=lambda g: (_spd(g),),
    left=lambda cov: _gaussian_mean(
        cov,
        lambda z: _log_density(cov, z) - _log_density(torch.diag(cov.diagonal()), z),
    ),
    right=lambda cov: -torch.logdet(_correlation_of(cov)) / 2,
)

_define(
    "joint_entropy",
    says="Minus the sum of the entropies plus total correlation is minus the joint entropy: "
    r"exactly, and at $\lambda = 1$ alone.",
    latex=r"-\sum_j H(z_j) + \mathrm{TC}(z) = -H(z)",
    claims=("001.2",),
    proof="The definition of total correlation.",
    draw=lambda g: (_spd(g),),
    left=lambda cov: (
        -(((2 * pi * cov.diagonal()).log() + 1).sum() + torch.logdet(_correlation_of(cov))) / 2
    ),
    right=lambda cov: _gaussian_mean(cov, lambda z: _log_density(cov, z)),
)

_define(
    "log_det_splits",
    says=r"$-\log\det$ of the covariance already holds both terms: variances, and twice "
    "the total correlation.",
    latex=r"-\log\det\Sigma = -\sum_j\log\mathrm{Var}\,z_j - \log\det R",
    claims=("001.2", "001.16"),
    proof=r"$\Sigma = DRD$ with the deviations $D$.",
    draw=lambda g: (_outputs(g),),
    left=lambda a: -torch.logdet(covariance(a)),
    right=lambda a: -log_variance(a, 0.0) - torch.logdet(correlation(a, 0.0)),
)

_define(
    "log_det_objective",
    says=r"The log-determinant objective at $\lambda_{tc} = 1$ is one determinant.",
    latex=r"-\sum_j\log(\mathrm{Var}\,a_j+\varepsilon) - \log\det R_\varepsilon"
    r" = -\log\det(\Sigma + \varepsilon I)",
    claims=("001.16",),
    proof=r"The same factorisation for $\Sigma + \varepsilon I$.",
    draw=lambda g: (_outputs(g), 0.1),
    left=lambda a, eps: log_det_objective(a, 1.0, eps).loss,
    right=lambda a, eps: (
        -torch.linalg.eigvalsh(covariance(a) + eps * torch.eye(a.shape[-1], dtype=torch.float64))
        .log()
        .sum()
    ),
)

_define(
    "tc_second_order",
    says=r"To second order total correlation is a quarter of $\|R-I\|^2$.",
    latex=r"\lim_{t\to0}\frac{-\frac12\log\det(I+tS)}{\|tS\|_F^2} = \tfrac14",
    claims=("000.5", "001.2", "001.16"),
    proof=r"$\log\det(I+tS) = t\,\mathrm{tr}\,S - \tfrac{t^2}2\mathrm{tr}\,S^2 + \dots$, and "
    r"$\mathrm{tr}\,S = 0$.",
    draw=lambda g: (_direction(g),),
    left=lambda s: _gaussian_tc(_identity_plus(1e-3, s)) / (1e-3 * s).square().sum(),
    right=lambda s: 0.25,
    tolerance=LIMIT / 4,
)

_define(
    "tc_third_order",
    says=r"The error of $\tfrac14\|R-I\|^2$ as total correlation is of third order, $-\tfrac16$ "
    "of the trace of the cube of $R-I$.",
    latex=r"\lim_{t\to0}\,\frac{-\frac12\log\det(I+tS) - \frac14\|tS\|_F^2}{t^3}"
    r" = -\tfrac16\,\mathrm{tr}\,S^3",
    claims=("001.2", "001.16"),
    proof=r"The next term of the series of $\log\det$.",
    # positive entries keep tr S^3 away from zero
    draw=lambda g: (_direction(g).abs(),),
    left=lambda s: _gaussian_tc_error(1e-3, s) / 1e-9,
    right=lambda s: -(s @ s @ s).trace() / 6,
    tolerance=LIMIT,
)

_define(
    "tc_error_rate",
    says=r"Halving all correlations makes the error of $\tfrac14\|R-I\|^2$ eight times smaller.",
    latex=r"\log_2\frac{e(t)}{e(t/2)} \to 3,\quad "
    r"e(t) = -\tfrac12\log\det(I+tS) - \tfrac14\|tS\|_F^2",
    claims=("001.2", "001.16"),
    proof=r"The error is of third order as long as $\mathrm{tr}\,S^3$ is not zero.",
    draw=lambda g: (_direction(g).abs(),),
    left=lambda s: (_gaussian_tc_error(2e-3, s) / _gaussian_tc_error(1e-3, s)).log2(),
    right=lambda s: 3.0,
    tolerance=LIMIT,
)


def _gaussian_tc(r: Tensor) -> Tensor:
    return -torch.logdet(r) / 2


def _gaussian_tc_error(step: float, direction: Tensor) -> Tensor:
    return _gaussian_tc(_identity_plus(step, direction)) - (step * direction).square().sum() / 4


_define(
    "lambda_of_joint_entropy",
    says=r"In source 000's loss, $\lambda_{tc} = \tfrac12$ is minus twice the joint entropy to "
    r"second order; $\lambda_{tc} = 1$ weighs dependence double.",
    latex=r"\lim_{R\to I}\frac{-\log\det\Sigma + \sum_j\log\mathrm{Var}\,z_j}{\|R-I\|_F^2}"
    r" = \tfrac12 = \lambda_{tc}",
    claims=("000.5", "001.2"),
    proof=r"$-\log\det R$ is twice total correlation, whose expansion begins with "
    r"$\tfrac14\|R-I\|^2$.",
    draw=lambda g: (_direction(g), _normal(g, 5).exp()),
    left=lambda s, scale: _implied_lambda(_identity_plus(1e-3, s) * scale.unsqueeze(-1) * scale),
    right=lambda s, scale: 0.5,
    tolerance=LIMIT / 2,
)


def _implied_lambda(cov: Tensor) -> Tensor:
    dependence_part = cov.diagonal().log().sum() - torch.logdet(cov)
    return dependence_part / _off_diagonal(_correlation_of(cov)).square().sum()


_define(
    "counted_twice",
    says=r"Source 001's $-\log\det C + \lambda\|C-\mathrm{diag}\,C\|^2$ at unit variances weighs "
    r"dependence by $\lambda+\tfrac12$: the determinant holds total correlation already.",
    latex=r"\lim_{R\to I}\frac{-\log\det R + \lambda\,\|R - \mathrm{diag}\,R\|_F^2}{\|R-I\|_F^2}"
    r" = \lambda + \tfrac12",
    claims=("001.16",),
    proof=r"As before; the second term is $\lambda\|R-I\|^2$ at unit variances.",
    draw=lambda g: (_identity_plus(1e-3, _direction(g)), 0.8),
    left=lambda r, weight: _source_001_loss(r, weight) / _off_diagonal(r).square().sum(),
    right=lambda r, weight: weight + 0.5,
    tolerance=LIMIT,
)


def _source_001_loss(cov: Tensor, weight: float) -> Tensor:
    return -torch.logdet(cov) + weight * _off_diagonal(cov).square().sum()


_define(
    "covariance_penalty_knows_scale",
    says=r"Source 001's $\|C-\mathrm{diag}\,C\|^2$ is not a measure of dependence: it grows with "
    "the fourth power of the outputs' scale at unchanged correlations.",
    latex=r"\|C-\mathrm{diag}\,C\|_F^2 = \sum_{i\neq j} C_{ii}C_{jj}R_{ij}^2,\quad C(sz)=s^2C(z)",
    claims=("001.16",),
    proof="$C_{ij}^2 = C_{ii}C_{jj}R_{ij}^2$.",
    draw=lambda g: (_outputs(g), 1.7),
    left=lambda a, s: _off_diagonal(covariance(s * a)).square().sum(),
    right=lambda a, s: (
        s**4
        * (torch.outer(a.var(0), a.var(0)) * _off_diagonal(torch.corrcoef(a.mT)).square()).sum()
    ),
)

# --- values at collapse --------------------------------------------------------------------------

_define(
    "dead_unit",
    says=r"A unit without variance costs $-\log\varepsilon$, not infinitely much, and gets no "
    "gradient: it is punished, but not revived.",
    latex=r"-\log(\mathrm{Var}\,a_j+\varepsilon) = -\log\varepsilon,\quad"
    r"\frac{\partial L}{\partial a_{nj}} = 0 \qquad (a_{nj} = c)",
    claims=("001.3", "001.15"),
    proof="Its variance is 0, and the gradient is proportional to the centred outputs. "
    r"(As a limit of densities its entropy is not 0 but minus infinity; $\varepsilon$ caps it.)",
    draw=lambda g: (_normal(g, 1).expand(20, 1), EPSILON),
    left=lambda a, eps: torch.cat(
        [
            infomax_objective(a, lambda_tc=0.0, eps=eps).loss.reshape(1),
            _gradient(lambda at: infomax_objective(at, lambda_tc=0.0, eps=eps).loss, a)
            .abs()
            .sum(0),
        ]
    ),
    right=lambda a, eps: torch.tensor([-log(eps), 0.0], dtype=torch.float64),
    tolerance=1e-7,
)

_define(
    "constant_winner",
    says=r"A unit that is the same on every sample adds exactly 1 to $\|R-I\|^2$, the diagonal "
    r"that $\varepsilon$ takes from it; its total correlation with the others is 0.",
    latex=r"\|R-I\|_F^2\,(a_1,\dots,a_K,c) = \|R-I\|_F^2\,(a_1,\dots,a_K) + 1",
    claims=("001.4", "001.14"),
    proof="Its row of $R$ is zero, the diagonal included. A constant is independent of everything.",
    draw=lambda g: (_outputs(g), 0.25),
    left=lambda a, constant: total_correlation(F.pad(a, (0, 1), value=constant)),
    right=lambda a, constant: total_correlation(a) + 1,
)

_define(
    "winner_takes_all",
    says="If one unit wins every sample of a hard softmax, all outputs are constant: "
    r"$\|R-I\|^2$ is $K$, and the total correlation is 0.",
    latex=r"a_n = e_1 \;\forall n:\quad \|R-I\|_F^2 = K,\quad -\tfrac12\log\det R_\varepsilon = 0",
    claims=("001.4", "001.14"),
    proof="Every unit is a constant one.",
    draw=lambda g: (F.one_hot(torch.zeros(20, dtype=torch.int64), 6).double(),),
    left=lambda a: torch.stack([total_correlation(a), log_det_objective(a).tc]),
    right=lambda a: torch.tensor([a.shape[1], 0.0], dtype=torch.float64),
)

_define(
    "two_copies",
    says=r"Two copies of a unit add 2 to $\|R-I\|^2$, $m$ copies $m(m-1)$: a bounded price for "
    "what is infinite in total correlation.",
    latex=r"\|R-I\|_F^2 = m(m-1)\ \text{for } m \text{ copies},\quad"
    r"-\tfrac12\log\det R \to \infty",
    claims=("001.5",),
    proof="All ordered pairs have correlation 1; $R$ has rank 1.",
    draw=lambda g: (_normal(g, 20, 1),),
    left=lambda a: torch.stack([total_correlation(a.expand(-1, m), 0.0) for m in (2, 3, 5)]),
    right=lambda a: torch.tensor([2.0, 6.0, 20.0], dtype=torch.float64),
)

_define(
    "two_copies_log_det",
    says=r"The log determinant prices two copies at about $\log(v/2\varepsilon)$, limited by "
    r"$\varepsilon$ alone.",
    latex=r"-\log\det R_\varepsilon = -\log\Big(1 - \frac{v^2}{(v+\varepsilon)^2}\Big)"
    r"\approx \log\frac{v}{2\varepsilon}",
    claims=("001.5", "001.16"),
    proof=r"The determinant of a 2 by 2 matrix with correlation $v/(v+\varepsilon)$.",
    draw=lambda g: (_normal(g, 20, 1).expand(-1, 2), EPSILON),
    left=lambda a, eps: log_det_objective(a, 1.0, eps).tc,
    right=lambda a, eps: torch.log(a[:, 0].var() / (2 * eps)),
    tolerance=1e-5,  # of the approximation; eps / v is about a millionth
)

_define(
    "scale_unbounded",
    says=r"Without competition, scaling all weights and biases by $s$ lowers the loss by $2K\log "
    "s$: it has no lower bound.",
    latex=r"L(s\theta) = L(\theta) - 2K\log s \qquad (\varepsilon = 0,\ \mathrm{ReLU})",
    claims=("000.22", "001.13"),
    proof="ReLU is positively homogeneous; variances grow by $s^2$, correlations stay.",
    draw=lambda g: (_normal(g, 40, 6), _normal(g, 5, 6), _normal(g, 5), 3.7),
    left=lambda x, w, b, s: _relu_loss(x, s * w, s * b),
    right=lambda x, w, b, s: _relu_loss(x, w, b) - 2 * len(w) * log(s),
)

_define(
    "gradient_along_the_weights",
    says="Without competition every gradient has the same component $-2K$ along the parameters.",
    latex=r"\theta\cdot\nabla L(\theta) = -2K",
    claims=("000.22", "001.13"),
    proof="Differentiate the scaling law at $s = 1$ (Euler).",
    draw=lambda g: (_normal(g, 40, 6), _normal(g, 5, 6), _normal(g, 5)),
    left=lambda x, w, b: (
        (w * _gradient(lambda at: _relu_loss(x, at, b), w)).sum()
        + (b * _gradient(lambda at: _relu_loss(x, w, at), b)).sum()
    ),
    right=lambda x, w, b: -2 * len(w),
)


def _relu_loss(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return infomax_objective(torch.relu(F.linear(x, w, b)), lambda_tc=0.7, eps=0.0).loss


# --- floors --------------------------------------------------------------------------------------

_define(
    "simplex_floor",
    says=r"Outputs that sum to one have $\|R-I\|^2 = K/(K-1)$ plus the spread of $R$'s other "
    "eigenvalues: they cannot be uncorrelated.",
    latex=r"\sum_j a_j = 1 \;\Rightarrow\; \|R-I\|_F^2 = \frac{K}{K-1}"
    r" + \sum_{i=2}^{K}\Big(\lambda_i - \frac{K}{K-1}\Big)^2",
    claims=("000.19",),
    proof="The deviations are in the null space of $R$, so $K-1$ eigenvalues have the sum $K$.",
    draw=lambda g: (torch.softmax(_outputs(g), -1),),
    left=lambda a: total_correlation(a, 0.0),
    right=lambda a: (
        simplex_floor(a.shape[-1])
        + (torch.linalg.eigvalsh(correlation(a, 0.0))[1:] - simplex_floor(a.shape[-1]))
        .square()
        .sum()
    ),
)

_define(
    "simplex_floor_attained",
    says="Balanced outputs attain the floor $K/(K-1)$ of the simplex: each pair has the "
    "correlation $-1/(K-1)$.",
    latex=r"\{a_n\}\ \text{all permutations of one } p:\quad \|R-I\|_F^2 = \frac{K}{K-1}",
    claims=("000.13", "000.19", "000.20"),
    proof="By symmetry all correlations are equal; their sum is fixed by the constraint.",
    draw=lambda g: (_softmax(_normal(g, 5)),),
    left=lambda p: total_correlation(p[torch.tensor(list(permutations(range(len(p)))))], 0.0),
    right=lambda p: simplex_floor(len(p)),
)

_define(
    "one_hot_loss",
    says=r"The variance term of balanced one-hot outputs is $K\log(K^2/(K-1))$, the least that "
    "outputs on the simplex can reach.",
    latex=r"-\sum_j\log\mathrm{Var}\,a_j = K\log\frac{K^2}{K-1} - K\log\frac{N}{N-1}",
    claims=("000.13", "000.20", "000.23"),
    proof=r"$\mathrm{Var} \le m(1-m)$ for outputs in [0, 1] with mean $m$; $\log m(1-m)$ is "
    "concave, so equal means are best. The last term is that of the unbiased variance.",
    draw=lambda g: (torch.eye(7, dtype=torch.float64)[torch.randperm(70, generator=g) % 7],),
    left=lambda a: -log_variance(a, 0.0),
    right=lambda a: one_hot_loss(a.shape[1]) - a.shape[1] * log(len(a) / (len(a) - 1)),
)

_define(
    "random_weights_floor",
    says="Random rows whose entries have exchangeable places and symmetric signs have expected "
    "redundancy $K(K-1)/D$, Xavier's uniform ones as well as Gaussian ones.",
    latex=r"\mathbb{E}\,\|G-I\|_F^2 = \frac{K(K-1)}{D}",
    claims=("000.2", "000.6"),
    proof=r"Averaging the squared cosine over all signs leaves $\sum_d u_d^2 v_d^2$, over all "
    "cyclic shifts $1/D$; the law of the rows is invariant under both.",
    draw=lambda g: (_normal(g, 2, 4),),
    left=lambda rows: torch.stack(
        [
            weight_redundancy(torch.stack([rows[0], rows[1].roll(shift) * torch.tensor(signs)]))
            for shift in range(rows.shape[1])
            for signs in product((-1.0, 1.0), repeat=rows.shape[1])
        ]
    ).mean(),
    right=lambda rows: random_redundancy(*rows.shape),
)

_define(
    "sampling_floor",
    says="Independent units still have squared correlation $1/(N-1)$ on average on $N$ samples, "
    "whatever their distributions.",
    latex=r"\frac{1}{N!}\sum_{\pi} r\big(x, y_\pi\big)^2 = \frac{1}{N-1}",
    claims=("000.6", "001.19"),
    proof="The covariance of a permutation statistic; samples of independent units are as likely "
    "in any order.",
    draw=lambda g: (_normal(g, 6), _normal(g, 6).exp()),
    left=lambda x, y: torch.stack(
        [torch.corrcoef(torch.stack([x, y[list(order)]]))[0, 1] ** 2 for order in _orders(len(y))]
    ).mean(),
    right=lambda x, y: hsic.r2_floor(len(x)),
)

_define(
    "hsic_sampling_floor",
    says="Biased HSIC of independent units has a floor, too, of order $1/N$.",
    latex=r"\frac{1}{N!}\sum_\pi\mathrm{HSIC}_b(x, y_\pi) = \frac{(1-\bar K)(1-\bar L)}{N-1}",
    claims=("001.18", "001.19"),
    proof="Centred kernels have zero row sums, so the mean over permutations is the product of "
    "their traces over $N-1$.",
    draw=lambda g: (_normal(g, 6), _normal(g, 6).exp()),
    left=lambda x, y: np.mean([hsic.hsic(x, y[list(order)]) for order in _orders(len(y))]),
    right=lambda x, y: hsic.hsic_floor(x, y),
)


def _orders(samples: int) -> Iterable[tuple[int, ...]]:
    return permutations(range(samples))


# --- dependence ----------------------------------------------------------------------------------

_define(
    "barlow_twins_of_equal_views",
    says="Single-view decorrelation is Barlow Twins with two equal views, where the invariance "
    "term is zero: the half of that loss that needs no views.",
    latex=r"\sum_i(1-C_{ii})^2 + \lambda\sum_{i\neq j}C_{ij}^2 = \lambda\,\|R-I\|_F^2"
    r" \qquad (z^A = z^B)",
    claims=("001.17",),
    proof="The cross-correlation of equal views is $R$, with ones on its diagonal.",
    draw=lambda g: (_outputs(g), 0.7),
    left=lambda a, weight: hsic.barlow_twins_loss(a, a, weight, eps=0.0),
    right=lambda a, weight: weight * _off_diagonal(torch.corrcoef(a.mT)).square().sum(),
)

_define(
    "column_normalised",
    says=r"$C^\top C$ of source 001 is the correlation matrix if the columns of $C$ are centred "
    "before they are scaled to unit length, and only then.",
    latex=r"C_{\cdot j} = \frac{z_{\cdot j}-\bar z_j}{\|z_{\cdot j}-\bar z_j\|}"
    r"\;\Rightarrow\; \|C^\top C - I\|_F^2 = \|R-I\|_F^2",
    claims=("001.17",),
    proof="The inner products of centred unit columns are the correlations.",
    draw=lambda g: (_outputs(g),),
    left=lambda z: _gram_distance(z - z.mean(0)),
    right=lambda z: total_correlation(z, 0.0),
)


def _gram_distance(z: Tensor) -> Tensor:
    c = z / z.norm(dim=0)
    return (c.mT @ c - torch.eye(z.shape[1], dtype=torch.float64)).square().sum()


_define(
    "hsic_biased",
    says="Biased HSIC, summed over blocks, is the V-statistic over all triples and quadruples.",
    latex=r"\mathrm{HSIC}_b = \frac{1}{N^2}\sum_{ij}K_{ij}L_{ij}"
    r" + \frac{1}{N^4}\sum_{ijqr}K_{ij}L_{qr} - \frac{2}{N^3}\sum_{ijq}K_{ij}L_{iq}",
    claims=("001.18",),
    proof=r"Gretton et al. (2005): $\mathrm{tr}(KHLH)/N^2$, multiplied out.",
    draw=lambda g: (_normal(g, 7, 2), _normal(g, 7)),
    left=lambda x, y: hsic.hsic(x, y, widths=(1.5, 0.8), memory=500),
    right=lambda x, y: _v_statistic(_gaussian_kernel(x, 1.5), _gaussian_kernel(y, 0.8)),
)

_define(
    "hsic_unbiased",
    says="Unbiased HSIC is the U-statistic: the same mean, over different indices only.",
    latex=r"\mathrm{HSIC}_u = \frac{(N-4)!}{N!}\sum_{(i,j,q,r)\ \mathrm{distinct}}"
    r"K_{ij}L_{ij} + K_{ij}L_{qr} - 2K_{ij}L_{iq}",
    claims=("001.18",),
    proof="Song et al. (2012), theorem 5.",
    draw=lambda g: (_normal(g, 7, 2), _normal(g, 7)),
    left=lambda x, y: hsic.hsic(x, y, "unbiased", widths=(1.5, 0.8), memory=500),
    right=lambda x, y: _u_statistic(_gaussian_kernel(x, 1.5), _gaussian_kernel(y, 0.8)),
)


def _gaussian_kernel(x: Tensor, width: float) -> Tensor:
    column = x.reshape(len(x), -1)
    squared = (column.unsqueeze(0) - column.unsqueeze(1)).square().sum(-1)
    return (-squared / (2 * width**2)).exp()


def _v_statistic(k: Tensor, m: Tensor) -> Tensor:
    n = len(k)
    together = (k * m).sum() / n**2
    apart = torch.einsum("ij,qr->", k, m) / n**4
    return together + apart - 2 * torch.einsum("ij,iq->", k, m) / n**3


def _u_statistic(k: Tensor, m: Tensor) -> Tensor:
    n = len(k)
    terms = [
        k[i, j] * m[i, j] + k[i, j] * m[q, r] - 2 * k[i, j] * m[i, q]
        for i, j, q, r in permutations(range(n), 4)
    ]
    return torch.stack(terms).sum() / perm(n, 4)


_define(
    "gaussian_hsic",
    says="HSIC of two Gaussian units is a function of their correlation alone: what is measured "
    "beyond it, decorrelation does not see.",
    latex=r"\mathrm{HSIC} = \frac{1}{\sqrt{9-4r^2}} + \frac13 - \frac{2}{\sqrt{9-r^2}}",
    claims=("001.17", "001.18", "001.25"),
    proof=r"Expectations of Gaussian kernels of Gaussian differences, $\det(I+C)^{-1/2}$ each.",
    draw=lambda g: (2 * torch.rand(3, generator=g, dtype=torch.float64) - 1,),
    left=lambda r: hsic.gaussian_hsic(r, normalised=False),
    right=lambda r: torch.stack([_quadrature_hsic(float(value)) for value in r]),
)


def _quadrature_hsic(r: float) -> Tensor:
    """HSIC of a Gaussian pair by quadrature over the two differences in each expectation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def mean(rho: float) -> float:
        # E exp(-(u^2 + v^2)/2), u and v of variance 2 and correlation rho
        u = np.sqrt(2) * nodes[:, None]
        v = np.sqrt(2) * (rho * nodes[:, None] + np.sqrt(1 - rho**2) * nodes[None, :])
        return float(weights @ np.exp(-(u**2 + v**2) / 2) @ weights)

    # both differences of one pair; of two pairs; of two pairs with one sample in common
    return torch.tensor(mean(r) + mean(0.0) - 2 * mean(r / 2), dtype=torch.float64)


# --- regions -------------------------------------------------------------------------------------

_define(
    "regions",
    says=r"$K$ hyperplanes in general position cut $\mathbb{R}^n$ into $\sum_{i\le n}\binom Ki$ "
    "regions.",
    latex=r"\#\,\text{regions} = \sum_{i=0}^{n}\binom{K}{i}",
    claims=("001.7",),
    proof="By induction over hyperplanes (Schläfli; Zaslavsky 1975).",
    draw=lambda g: ([_normal(g, k, n + 1) for k, n in ((3, 1), (5, 2), (4, 3), (6, 3), (3, 5))],),
    left=lambda planes: torch.tensor([count_regions(p[:, 1:], p[:, 0]) for p in planes]),
    right=lambda planes: torch.tensor(
        [sum(comb(len(p), i) for i in range(p.shape[1])) for p in planes]
    ),
)

_define(
    "central_regions",
    says="$K$ hyperplanes through the origin make fewer regions.",
    latex=r"\#\,\text{regions} = 2\sum_{i=0}^{n-1}\binom{K-1}{i}",
    claims=("001.7",),
    proof="Cover (1965): as many as linearly separable dichotomies of $K$ points.",
    draw=lambda g: ([_normal(g, k, n) for k, n in ((3, 1), (5, 2), (4, 3), (6, 3), (3, 5))],),
    left=lambda planes: torch.tensor([count_regions(p) for p in planes]),
    right=lambda planes: torch.tensor(
        [2 * sum(comb(len(p) - 1, i) for i in range(p.shape[1])) for p in planes]
    ),
)

_define(
    "two_to_the_k",
    says="$K$ hyperplanes make $2^K$ regions only while there are no more of them than dimensions.",
    latex=r"\sum_{i=0}^{n}\binom Ki = 2^K \iff K \le n",
    claims=("001.7",),
    proof="The full sum of binomial coefficients; otherwise terms with $i > n$ are missing.",
    draw=lambda g: (list(product(range(1, 12), repeat=2)),),
    left=lambda sizes: torch.tensor(
        [log2(regions_in_general_position(k, n)) == k for k, n in sizes]
    ),
    right=lambda sizes: torch.tensor([k <= n for k, n in sizes]),
)

_define(
    "correlated_partitions",
    says="Repeating a hyperplane adds no region, and shifting it in parallel fewer than a new "
    "direction does: in the plane $K+1$ instead of $1 + K + K(K-1)/2$.",
    latex=r"\#\,\text{regions} = K + 1 \quad\text{for } K \text{ parallel hyperplanes}",
    claims=("000.9", "001.8"),
    proof="Parallel hyperplanes do not meet.",
    draw=lambda g: (_normal(g, 1, 2).expand(5, 2), _normal(g, 5)),
    left=lambda w, b: torch.tensor([count_regions(w, b), count_regions(w, b[:1].expand(5))]),
    right=lambda w, b: torch.tensor([len(w) + 1, 2]),
)
