"""The machine's own limit for a training step, from what the same machine does at the same moment.

A step cannot take less than its two matrix products, z = X W' and the weights' gradient, at the
best rate that the machine reaches on any matrix product, plus one pass of the optimizer over
parameters, gradient and moments. Everything else (activation, loss, their gradients, picking the
batch) counts as overhead. Only who leaves out products with inputs that are zero can be faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import Work
from infomax_lib.model.matmul import product

__all__ = ["limit_seconds", "optimizer_pass", "peak_rate", "product_works", "step_flops"]

_SQUARE = 2048  # large enough that nothing but the arithmetic counts

#: Ways to compute a b' of matrices (M, P) and (N, P).
KERNELS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "torch.mm": lambda a, b: torch.mm(a, b.mT),
    "infomax_lib": product,
}


def step_flops(rows: int, inputs: int, batch: int) -> int:
    """Operations of a step's two products: 2 R D B forward and as many back."""
    return 4 * rows * inputs * batch


def product_works(
    rows: int,
    inputs: int,
    batch: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    square: int = _SQUARE,
) -> tuple[dict[str, Work], dict[str, int]]:
    """Matrix products to be timed, and the operations of each.

    Args:
        rows: Units of all layers together, R.
        inputs: D.
        batch: B.
        dtype: Of the factors.
        device: Where to multiply.
        square: Size of the large square product.

    Returns:
        Both by name: each kernel on the step's own two shapes and on a square one.
    """
    shapes = {
        "forward": (rows, inputs, batch),
        "backward": (rows, batch, inputs),
        "square": (square, square, square),
    }
    works, flops = {}, {}
    for shape, (m, p, n) in shapes.items():
        a = torch.randn(m, p, device=device).to(dtype)
        # the backward product gets its second factor as the step has it, transposed
        b = torch.randn(p, n, device=device).to(dtype).mT
        b = b if shape == "backward" else b.contiguous()
        for kernel, multiply in KERNELS.items():
            works[f"{kernel} {shape}"] = _repeat(partial(multiply, a, b))
            flops[f"{kernel} {shape}"] = 2 * m * n * p
    return works, flops


def peak_rate(seconds: Mapping[str, np.ndarray], flops: Mapping[str, int]) -> np.ndarray:
    """Best rate over all timed products, in operations per second, by round."""
    return np.max([flops[name] / seconds[name] for name in flops], axis=0)


def optimizer_pass(optimizer: str, rows: int, inputs: int, device: torch.device | str) -> Work:
    """One fused pass of ``adam`` or ``sgd`` over R rows of D weights, their gradient and state."""
    weight = torch.randn(rows, inputs, device=device)
    weight.grad = torch.randn_like(weight)
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
    return _repeat(kind([weight], lr=1e-6, fused=True).step)


def limit_seconds(flops: float, peak: np.ndarray, optimizer_seconds: np.ndarray) -> np.ndarray:
    """Least time of a step: its products at the peak rate, then the optimizer's pass."""
    return flops / peak + optimizer_seconds


def _repeat(once: Callable[[], object]) -> Work:
    def work(times: int) -> None:
        for _ in range(times):
            once()

    return work
