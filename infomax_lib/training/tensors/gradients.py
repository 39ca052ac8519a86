"""Gradients of objectives, competitions and activations of many layers, in the order (L, K, N).

An objective that depends on the outputs through their covariance alone has a gradient in closed
form: 2 M c / (N - 1) with c the centred outputs and M its gradient by the covariance. The others
are differentiated automatically, few layers at a time where they hold large matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from infomax_lib.model.objective import (
    OBJECTIVES,
    Objective,
    gradient_by_covariance,
    log_det_gradient_by_covariance,
)

__all__ = [
    "ACTIVATION_GRADIENTS",
    "COMPETITION_GRADIENTS",
    "OF_COVARIANCE",
    "output_gradient",
]

_aten = torch.ops.aten  # where PyTorch keeps the derivatives that autograd calls

_MAX_KERNEL = 2**24  # entries of the kernel matrices of dependence held at once

OF_COVARIANCE: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Objective]]] = {
    "infomax": gradient_by_covariance,
    "log_det": log_det_gradient_by_covariance,
    "decorrelation": partial(gradient_by_covariance, entropy=0.0),
}


# Gradient by the activations h and activations -> gradient by the pre-activations, which takes the
# place of the activations: theirs is the order in memory that is wanted, and the cache has them.
ACTIVATION_GRADIENTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "identity": lambda by_h, h: h.copy_(by_h),
    "relu": lambda by_h, h: _aten.threshold_backward.grad_input(by_h, h, 0, grad_input=h),
    "leaky_relu": lambda by_h, h: _aten.leaky_relu_backward.grad_input(
        by_h, h, 0.01, True, grad_input=h
    ),
    "tanh": lambda by_h, h: _aten.tanh_backward.grad_input(by_h, h, grad_input=h),
    "softplus": lambda by_h, h: torch.expm1(h.neg_(), out=h).neg_().mul_(by_h),
    "sigmoid": lambda by_h, h: _aten.sigmoid_backward.grad_input(by_h, h, grad_input=h),
}


def _softmax_gradient(by_a: Tensor, a: Tensor, temperature: float) -> Tensor:
    by_scaled = _aten._softmax_backward_data(by_a, a, -2, a.dtype)
    return by_scaled if temperature == 1 else by_scaled.div_(temperature)


# Gradient by the outputs a, outputs, temperature -> gradient by the activations. The competitions
# that are not here are differentiated automatically.
COMPETITION_GRADIENTS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "none": lambda by_a, a, temperature: by_a,
    "softmax": _softmax_gradient,
}


def output_gradient(name: str, a: Tensor, lambda_tc: Tensor) -> tuple[Tensor | None, Objective]:
    """Gradient of an objective by the outputs, and its values.

    Args:
        name: A name in :data:`infomax_lib.model.objective.OBJECTIVES`.
        a: Outputs (L, K, N).
        lambda_tc: Weight of the second term (L,).

    Returns:
        The gradient (L, K, N), or None for the objective that is zero, and the values (L,).
    """
    with torch.no_grad():
        if name == "none":
            return None, OBJECTIVES[name](a.mT, lambda_tc)
        if name in OF_COVARIANCE:
            return _through_covariance(a, lambda_tc, OF_COVARIANCE[name])
    each = a.shape[-2] * a.shape[-1] ** 2 if name == "hsic" else 1
    parts = max(1, _MAX_KERNEL // each)
    found = [
        _by_differentiation(name, some, weight)
        for some, weight in zip(a.split(parts), lambda_tc.split(parts), strict=True)
    ]
    gradients, values = zip(*found, strict=True)
    return torch.cat(gradients), Objective(*map(torch.cat, zip(*values, strict=True)))


def _through_covariance(
    a: Tensor,
    lambda_tc: Tensor,
    by_covariance: Callable[[Tensor, Tensor], tuple[Tensor, Objective]],
) -> tuple[Tensor, Objective]:
    centred = a - a.mean(-1, keepdim=True)
    gradient, value = by_covariance(_covariance(centred), lambda_tc)
    return torch.bmm(gradient.mul_(2 / (a.shape[-1] - 1)), centred), value


def _covariance(centred: Tensor) -> Tensor:
    return torch.bmm(centred, centred.mT).div_(centred.shape[-1] - 1)


def _by_differentiation(name: str, a: Tensor, lambda_tc: Tensor) -> tuple[Tensor, Objective]:
    outputs = a.detach().requires_grad_()
    with torch.enable_grad():
        loss, tc = OBJECTIVES[name](outputs.mT, lambda_tc)
        (gradient,) = torch.autograd.grad(loss.sum(), outputs)
    return gradient, Objective(loss.detach(), tc.detach())
