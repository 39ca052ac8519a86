"""Matrix products a b', by the fastest kernel that PyTorch carries for the device.

On CPUs with AVX-512 that is oneDNN's, which ``torch.compile`` uses for linear layers: where MKL,
behind ``torch.mm``, is held to AVX2 it is more than twice as fast, elsewhere about equal. Without
AVX-512 it is slower, and has no kernel for bfloat16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["product", "products"]

_ONEDNN: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
_ONEDNN_TYPES = (torch.float32, torch.bfloat16)
_USE_ONEDNN = (
    _ONEDNN is not None
    and torch.backends.mkldnn.is_available()
    and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
)
_FEW_ROWS = 32  # fewer are better served by one call for all matrices


def product(a: Tensor, b: Tensor) -> Tensor:
    """a b' of matrices (M, P) and (N, P); shape (M, N). Not differentiable.

    With bfloat16 the result is bfloat16, too, but sums are accumulated in float32.
    """
    if _USE_ONEDNN and a.device.type == "cpu" and a.dtype in _ONEDNN_TYPES:
        return _ONEDNN(a, b, None, "none", [], "")
    return torch.mm(a, b.mT)


def products(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """a b' of as many matrices (S, M, P) and (S, N, P); shape (S, M, N). Not differentiable.

    Args:
        a: Left factors.
        b: Right factors.
        out: Memory (S, M, N) that may be used for the result; a large result costs more to
            allocate than to compute.
    """
    if len(a) == 1:
        return product(a[0], b[0]).unsqueeze(0)
    if a.device.type == "cpu" and min(a.shape[1], b.shape[1]) >= _FEW_ROWS:
        each = [product(*pair) for pair in zip(a, b, strict=True)]
        return torch.stack(each, out=out)
    return torch.bmm(a, b.mT, out=out)
