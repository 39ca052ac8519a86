"""Values of the objective at collapse, and floors below which no measure of dependence falls."""

from collections.abc import Iterator
from itertools import permutations, product
from math import log
from statistics import fmean

import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.measures import hsic
from infomax_lib.measures.weights_and_outputs import one_hot_loss, random_redundancy, simplex_floor
from infomax_lib.model.objective import (
    EPSILON,
    correlation,
    infomax_objective,
    log_det_objective,
    log_variance,
    total_correlation,
    weight_redundancy,
)
from paper.chapters.theory.identities.check import Check, gradient, normal, outputs, softmax


def _relu_loss(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return infomax_objective(torch.relu(F.linear(x, w, b)), lambda_tc=0.7, eps=0.0).loss


#: Slope of the activation below zero, and whether there is a softmax above it.
_SILENT = tuple(product((0.0, 0.01), (False, True)))


def _loss_of(h: Tensor, softmax_above: bool) -> Tensor:
    return infomax_objective(torch.softmax(h, -1) if softmax_above else h, lambda_tc=0.7).loss


def _by_first_row(x: Tensor, w: Tensor, b: Tensor, slope: float, softmax_above: bool) -> Tensor:
    def loss(rows: Tensor) -> Tensor:
        return _loss_of(F.leaky_relu(F.linear(x, rows, b), slope), softmax_above)

    return gradient(loss, w)[0]


def _by_first_activation(
    x: Tensor, w: Tensor, b: Tensor, slope: float, softmax_above: bool
) -> Tensor:
    h = F.leaky_relu(F.linear(x, w, b), slope)
    return gradient(lambda at: _loss_of(at, softmax_above), h)[:, 0]


def _orders(samples: Tensor) -> Iterator[Tensor]:
    """The samples in every order."""
    return (samples[list(order)] for order in permutations(range(len(samples))))


CHECKS = {
    "dead_unit": Check(
        draw=lambda g: (normal(g, 1).expand(20, 1), EPSILON),
        left=lambda a, eps: torch.cat(
            [
                infomax_objective(a, lambda_tc=0.0, eps=eps).loss.reshape(1),
                gradient(lambda at: infomax_objective(at, lambda_tc=0.0, eps=eps).loss, a)
                .abs()
                .sum(0),
            ]
        ),
        right=lambda a, eps: torch.tensor([-log(eps), 0.0], dtype=torch.float64),
        tolerance=1e-7,
    ),
    "silent_unit": Check(
        draw=lambda g: (normal(g, 40, 6), normal(g, 5, 6), F.pad(normal(g, 4), (1, 0), value=-50)),
        left=lambda x, w, b: torch.stack([_by_first_row(x, w, b, *case) for case in _SILENT]),
        right=lambda x, w, b: torch.stack(
            [case[0] * _by_first_activation(x, w, b, *case) @ x for case in _SILENT]
        ),
    ),
    "constant_winner": Check(
        draw=lambda g: (outputs(g), 0.25),
        left=lambda a, constant: total_correlation(F.pad(a, (0, 1), value=constant)),
        right=lambda a, constant: total_correlation(a) + 1,
    ),
    "winner_takes_all": Check(
        draw=lambda g: (F.one_hot(torch.zeros(20, dtype=torch.int64), 6).double(),),
        left=lambda a: torch.stack([total_correlation(a), log_det_objective(a).tc]),
        right=lambda a: torch.tensor([a.shape[1], 0.0], dtype=torch.float64),
    ),
    "two_copies": Check(
        draw=lambda g: (normal(g, 20, 1),),
        left=lambda a: torch.stack([total_correlation(a.expand(-1, m), 0.0) for m in (2, 3, 5)]),
        right=lambda a: torch.tensor([2.0, 6.0, 20.0], dtype=torch.float64),
    ),
    "two_copies_log_det": Check(
        draw=lambda g: (normal(g, 20, 1).expand(-1, 2), EPSILON),
        left=lambda a, eps: log_det_objective(a, 1.0, eps).tc,
        right=lambda a, eps: torch.log(a[:, 0].var() / (2 * eps)),
        tolerance=1e-5,  # of the approximation; eps / v is about a millionth
    ),
    "scale_unbounded": Check(
        draw=lambda g: (normal(g, 40, 6), normal(g, 5, 6), normal(g, 5), 3.7),
        left=lambda x, w, b, s: _relu_loss(x, s * w, s * b),
        right=lambda x, w, b, s: _relu_loss(x, w, b) - 2 * len(w) * log(s),
    ),
    "gradient_along_the_weights": Check(
        draw=lambda g: (normal(g, 40, 6), normal(g, 5, 6), normal(g, 5)),
        left=lambda x, w, b: (
            (w * gradient(lambda at: _relu_loss(x, at, b), w)).sum()
            + (b * gradient(lambda at: _relu_loss(x, w, at), b)).sum()
        ),
        right=lambda x, w, b: -2 * len(w),
    ),
    "simplex_floor": Check(
        draw=lambda g: (torch.softmax(outputs(g), -1),),
        left=lambda a: total_correlation(a, 0.0),
        right=lambda a: (
            simplex_floor(a.shape[-1])
            + (torch.linalg.eigvalsh(correlation(a, 0.0))[1:] - simplex_floor(a.shape[-1]))
            .square()
            .sum()
        ),
    ),
    "simplex_floor_attained": Check(
        draw=lambda g: (softmax(normal(g, 5)),),
        left=lambda p: total_correlation(p[torch.tensor(list(permutations(range(len(p)))))], 0.0),
        right=lambda p: simplex_floor(len(p)),
    ),
    "one_hot_loss": Check(
        draw=lambda g: (torch.eye(7, dtype=torch.float64)[torch.randperm(70, generator=g) % 7],),
        left=lambda a: -log_variance(a, 0.0),
        right=lambda a: one_hot_loss(a.shape[1]) - a.shape[1] * log(len(a) / (len(a) - 1)),
    ),
    "random_weights_floor": Check(
        draw=lambda g: (normal(g, 2, 4),),
        left=lambda rows: torch.stack(
            [
                weight_redundancy(torch.stack([rows[0], rows[1].roll(shift) * torch.tensor(signs)]))
                for shift in range(rows.shape[1])
                for signs in product((-1.0, 1.0), repeat=rows.shape[1])
            ]
        ).mean(),
        right=lambda rows: random_redundancy(*rows.shape),
    ),
    "sampling_floor": Check(
        draw=lambda g: (normal(g, 6), normal(g, 6).exp()),
        left=lambda x, y: torch.stack(
            [torch.corrcoef(torch.stack([x, shuffled]))[0, 1] ** 2 for shuffled in _orders(y)]
        ).mean(),
        right=lambda x, y: hsic.r2_floor(len(x)),
    ),
    "hsic_sampling_floor": Check(
        draw=lambda g: (normal(g, 6), normal(g, 6).exp()),
        left=lambda x, y: fmean(hsic.hsic(x, shuffled) for shuffled in _orders(y)),
        right=lambda x, y: hsic.hsic_floor(x, y),
    ),
}
