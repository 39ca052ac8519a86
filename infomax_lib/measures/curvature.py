"""Extreme eigenvalues of the Hessian of the InfoMax loss, for many layers at once.

Hessian-vector products exploit that W and b enter through z = Wx + b alone: with J the (linear)
map from parameters to pre-activations, H v = J' H_z J v, plus the redundancy term's own Hessian.
The extremes come from Lanczos' method with full reorthogonalisation (Lanczos 1950).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from infomax_lib.model.layer import stacked_preactivation
from infomax_lib.model.matmul import product as matrix_product
from infomax_lib.model.objective import weight_redundancy

__all__ = ["extreme_curvature", "hessian_vector_product"]


def hessian_vector_product(
    weight: Tensor,
    bias: Tensor,
    x: Tensor,
    loss: Callable[[Tensor], Tensor],
    lambda_wr: Tensor,
) -> Callable[[Tensor], Tensor]:
    """Return v -> H v for the Hessians of L independent layers.

    Args:
        weight: Rows (L, K, D).
        bias: Biases (L, K).
        x: One batch (N, D), shared by the layers.
        loss: Function from pre-activations to losses without redundancy term, (L, N, K) -> (L,).
        lambda_wr: Weight of the redundancy term (L,).

    Returns:
        A function on tensors (L, K, D+1), whose last column is the bias.
    """
    layers, units, inputs = weight.shape
    z = stacked_preactivation(weight, bias, x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(z).sum(), z, create_graph=True)
    regularised = bool((lambda_wr != 0).any())
    if regularised:
        rows = weight.detach().requires_grad_()
        penalty = (lambda_wr * weight_redundancy(rows)).sum()
        (penalty_gradient,) = torch.autograd.grad(penalty, rows, create_graph=True)

    def product(v: Tensor) -> Tensor:
        dz = stacked_preactivation(v[..., :-1], v[..., -1], x)
        (gz,) = torch.autograd.grad(gradient, z, dz, retain_graph=True)
        by_unit = gz.mT.reshape(-1, len(x))
        d_weight = matrix_product(by_unit, x.mT).view(layers, units, inputs)
        if regularised:
            d_weight += torch.autograd.grad(penalty_gradient, rows, v[..., :-1], retain_graph=True)[
                0
            ]
        return torch.cat([d_weight, by_unit.sum(-1).view(layers, units, 1)], -1)

    return product


def extreme_curvature(
    product: Callable[[Tensor], Tensor], like: Tensor, steps: int = 16, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Smallest and largest Hessian eigenvalue of each layer, both (L,), by Lanczos' method.

    Args:
        product: Hessian-vector product on tensors shaped as ``like``.
        like: A tensor of the right shape (L, ...), dtype and device.
        steps: Krylov dimension; the extremes are approached from inside.
        seed: Of the starting vector.

    Returns:
        ``(smallest, largest)``; NaN for layers whose Hessian is not finite.
    """
    layers = len(like)
    stream = torch.Generator().manual_seed(seed)
    start = torch.randn(like[0].numel(), generator=stream, dtype=torch.float32)
    q = start.to(like).expand(layers, -1)
    q = q / q.norm(dim=-1, keepdim=True)
    steps = min(steps, q.shape[-1])
    basis = q.new_empty(layers, steps, q.shape[-1])
    alphas, betas = [], []
    for step in range(steps):
        basis[:, step] = q
        r = product(q.view_as(like)).reshape(layers, -1)
        alphas.append((r * q).sum(-1))
        known = basis[:, : step + 1]
        for _ in range(2):  # twice is enough to keep the basis orthogonal in float32
            inner = known @ r.unsqueeze(-1)
            r = r - (inner.mT @ known).squeeze(1)
        beta = r.norm(dim=-1)
        betas.append(beta)
        # an exhausted Krylov space continues with a zero vector, which adds a zero eigenvalue
        q = torch.where((beta > 1e-10)[:, None], r / beta.clamp_min(1e-30)[:, None], 0.0)
    tridiagonal = torch.diag_embed(torch.stack(alphas, -1).double())
    off = torch.diag_embed(torch.stack(betas[:-1], -1).double(), 1)
    tridiagonal = tridiagonal + off + off.mT
    finite = tridiagonal.isfinite().all(-1).all(-1)
    safe = torch.where(finite[:, None, None], tridiagonal, 0.0)
    eigenvalues = torch.where(finite[:, None], torch.linalg.eigvalsh(safe), torch.nan)
    return eigenvalues[:, 0], eigenvalues[:, -1]
