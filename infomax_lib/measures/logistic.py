"""Multinomial logistic regressions of the same labels on many sets of features at once.

L-BFGS, preconditioned by the blocks of the Hessian that couple a class with itself. They are
estimated on a sample of the data and renewed as the class probabilities change. Without them, the
nearly collinear outputs of a saturated competition take hundreds of iterations.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from infomax_lib.model.matmul import products

__all__ = ["LogisticProblem", "logistic_regression"]

_MAX_EVALUATIONS = 1000
_MEMORY = 8  # pairs of steps and gradient differences that L-BFGS remembers
# Evaluations before which the preconditioner is renewed: each time after twice as many, because
# the class probabilities change ever less.
_RENEWALS = (0, 10, 30, 70, 150, 310, 630)
_PRECONDITIONER_SAMPLES = 6000
_SAMPLES_PER_COLUMN = 16  # with fewer, the preconditioner costs more than it saves
_LEAST_VARIANCE = 1e-4  # of a class in the preconditioner: bounds the steps along pure classes
_SUFFICIENT_DECREASE = 1e-4
_ROUNDING = 1e-7  # of a mean of float32 losses, relative
_SUM_ROUNDING = 1e-6  # of the eigenvalues of a float32 sum of outer products, part of its trace

# step, change of the gradient, and 1 / their inner product or 0 where there was no step
_Pair = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class LogisticProblem:
    """The objective of every layer, a mean over samples.

    mean_n [log sum_c exp(w_c'x_n + b_c) - w_y'x_n - b_y] + |w|^2 / (2 c N)

    It is the one of scikit-learn's ``LogisticRegression``, divided by c N. With two classes that
    one has a single weight vector, w_1 - w_0, so that the penalty here is doubled.

    Attributes:
        features: (S, N, K).
        moments: Mean of one-hot labels times features and 1, (S, C, K + 1), float64.
        penalty: 1 / (c N) per column, zero for the intercept; (K + 1,), float64.
    """

    features: Tensor
    moments: Tensor
    penalty: Tensor

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, c: float) -> LogisticProblem:
        """The problem for features (S, N, K) and labels (N,), 0 .. C - 1, int64."""
        layers, samples, width = features.shape
        one_hot = torch.nn.functional.one_hot(labels).T.to(features.dtype).contiguous()
        moments = _moments(one_hot.expand(layers, -1, -1), features)
        penalty = moments.new_full((width + 1,), (2 if len(one_hot) == 2 else 1) / (c * samples))
        penalty[-1] = 0
        return cls(features, moments, penalty)

    def evaluate(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Value (S,) and gradient (S, C, K + 1), float64, at coefficients (S, C, K + 1)."""
        probabilities, log_sum = _probabilities(coefficients, self.features)
        shrinkage = self.penalty * coefficients
        value = log_sum.sum(-1, dtype=torch.float64) / log_sum.shape[-1]
        value += _dot(coefficients, shrinkage / 2 - self.moments)
        return value, _moments(probabilities, self.features) - self.moments + shrinkage


def _probabilities(coefficients: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over classes (S, C, N) and log sum exp (S, N)."""
    weight, intercept = coefficients.to(features.dtype).split([features.shape[-1], 1], dim=-1)
    logits = products(weight.contiguous(), features).add_(intercept)
    largest = logits.amax(-2, keepdim=True)
    exponentials = logits.sub_(largest).exp_()
    total = exponentials.sum(-2, keepdim=True)
    return exponentials.div_(total), largest.add_(total.log()).squeeze(-2)


def _moments(responses: Tensor, features: Tensor) -> Tensor:
    """Mean of responses (S, C, N) times features (S, N, K) and 1; (S, C, K + 1), float64."""
    sums = products(responses, features.mT).double()
    counts = responses.sum(-1, keepdim=True).double()
    return torch.cat([sums, counts], dim=-1) / features.shape[1]


@torch.no_grad()
def logistic_regression(
    features: Tensor, labels: Tensor, c: float = 1.0, tol: float = 1e-4
) -> Tensor:
    """Coefficients of the multinomial logistic regression of every layer.

    Sums run in the precision of the features, everything small in float64. Layers share nothing
    but the shape of the computation: one that has converged stays where it is.

    Args:
        features: (S, N, K), float32 or float64, standardised or of similar scales.
        labels: (N,), int64, with values 0 .. C - 1.
        c: Inverse strength of the penalty, > 0, as in :class:`LogisticProblem`.
        tol: Largest absolute entry of the gradient at which a layer has converged.

    Returns:
        (S, C, K + 1), float64; the last column is the intercept, which is not penalised.
    """
    problem = LogisticProblem.of(features, labels, c)
    sample = _sample(problem.features)
    inverse: Tensor | None = None
    point = torch.zeros_like(problem.moments)
    value, gradient = problem.evaluate(point)
    active = _largest(gradient) > tol
    history: list[_Pair] = []
    for evaluation in range(_MAX_EVALUATIONS):
        if not active.any():
            break
        if sample is not None and evaluation in _RENEWALS:
            inverse = _inverse_blocks(problem, point, sample)
        if evaluation == 0:
            step = _direction(gradient, inverse, history)
            slope, length = _dot(step, gradient), torch.ones_like(value)
        trial = point + length[:, None, None] * step
        trial_value, trial_gradient = problem.evaluate(trial)
        trial_slope = _dot(step, trial_gradient)
        bound = value + _SUFFICIENT_DECREASE * length * slope + _ROUNDING * value.abs()
        # the objective is convex: where it still falls along the step, it is lower than before
        accepted = active & ((trial_value <= bound) | (trial_slope <= 0))
        taken = accepted[:, None, None]
        change = torch.where(taken, trial_gradient - gradient, 0)
        moved = torch.where(taken, trial - point, 0)
        curvature = _dot(moved, change)
        history.append((moved, change, torch.where(curvature > 0, 1 / curvature, 0)))
        del history[:-_MEMORY]
        point, gradient = point + moved, gradient + change
        value = torch.where(accepted, trial_value, value)
        active = _largest(gradient) > tol
        step = torch.where(taken, _direction(gradient, inverse, history), step)
        secant = (slope / (slope - trial_slope)).clamp(0.1, 0.9)
        length = torch.where(accepted, 1.0, length * secant)
        slope = torch.where(accepted, _dot(step, gradient), slope)
    if active.any():
        warnings.warn(
            f"{int(active.sum())} of {len(point)} logistic regressions have not converged in "
            f"{_MAX_EVALUATIONS} evaluations: raise tol or lower c",
            ConvergenceWarning,
            stacklevel=2,
        )
    return point


def _direction(gradient: Tensor, inverse: Tensor | None, history: list[_Pair]) -> Tensor:
    """L-BFGS step, by the two-loop recursion of Nocedal (1980), preconditioned."""
    step = -gradient
    shares = []
    for moved, change, weight in reversed(history):
        share = weight * _dot(moved, step)
        step = step - share[:, None, None] * change
        shares.append(share)
    if not history:
        return _precondition(step[None], inverse)[0]
    _, change, weight = history[-1]
    step, scaled = _precondition(torch.stack([step, change]), inverse)
    ratio = weight * _dot(change, scaled)  # of the preconditioner's curvature to the one just met
    step = step / torch.where(ratio > 0, ratio, 1)[:, None, None]
    for (moved, change, weight), share in zip(history, reversed(shares), strict=True):
        step = step + (share - weight * _dot(change, step))[:, None, None] * moved
    return step


def _precondition(gradients: Tensor, inverse: Tensor | None) -> Tensor:
    """The inverse blocks applied to gradients (R, S, C, K + 1), within coefficients of mean zero.

    A shift of all classes changes no probability, and at the optimum their coefficients sum to
    zero, as gradients do on the way there.
    """
    if inverse is None:
        return gradients
    columns = gradients.movedim(0, -1).to(inverse.dtype)
    steps = (inverse @ columns).movedim(-1, 0).double()
    return steps - steps.mean(-2, keepdim=True)


def _inverse_blocks(problem: LogisticProblem, point: Tensor, sample: Tensor) -> Tensor:
    """Inverse of mean_n p_c (1 - p_c) x x' + penalty for every class, (S, C, K + 1, K + 1)."""
    probabilities, _ = _probabilities(point, sample)
    variances = probabilities.mul_(1 - probabilities).add_(_LEAST_VARIANCE)
    transposed = torch.nn.functional.pad(sample, (0, 1), value=1).mT.contiguous()
    blocks = torch.stack(
        [products(transposed * v, transposed) for v in variances.split(1, dim=1)], dim=1
    )
    blocks = blocks.double() / sample.shape[1]
    diagonal = blocks.diagonal(dim1=-2, dim2=-1)
    diagonal += problem.penalty + _SUM_ROUNDING * diagonal.sum(-1, keepdim=True)
    factors, failed = torch.linalg.cholesky_ex(blocks)
    indefinite = (failed > 0)[..., None, None]  # by more rounding than that
    factors = torch.where(indefinite, torch.diag_embed(diagonal.sqrt()), factors)
    return torch.cholesky_inverse(factors).float()


def _sample(features: Tensor) -> Tensor | None:
    """Random rows, the same in every call, for the preconditioner; None where it does not pay."""
    samples, width = features.shape[1:]
    if samples < _SAMPLES_PER_COLUMN * width:
        return None
    count = max(_PRECONDITIONER_SAMPLES, 8 * width)
    if count >= samples:
        return features
    rows = torch.randperm(samples, generator=torch.Generator().manual_seed(0))[:count]
    return features[:, rows.to(features.device)]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of the coefficients of every layer, (S,)."""
    return (a * b).sum((-2, -1))


def _largest(gradient: Tensor) -> Tensor:
    """Largest absolute entry of every layer, (S,)."""
    return gradient.abs().amax((-2, -1))
