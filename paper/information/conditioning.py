r"""How hard a map is to invert: singular values of its Jacobian at single points.

At x, a map g from R^D to R^K turns a small ball into an ellipsoid, whose half axes are the singular
values :math:`\sigma_1 \ge \sigma_2 \ge \dots` of :math:`J = \partial g / \partial x`. The condition
number :math:`\sigma_1 / \sigma_{\min(D, K)}` is how much more an error in the worst direction is
magnified by the inverse than one in the best; infinite where g loses a direction.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_ROUNDING = 1e-3


def jacobian(encode: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Derivatives of the representation of each sample x (N, D) by itself; shape (N, K, D).

    Args:
        encode: Maps (N, D) to (N, K), each sample by itself.
        x: Points at which to differentiate.

    Raises:
        ValueError: Samples that influence each other, whose Jacobian would be another one.
    """
    by_output = torch.autograd.functional.jacobian(lambda points: encode(points).sum(0), x)
    with torch.no_grad():
        outputs = encode(x)
        # rounding differs with the number of samples, by a share of the largest output
        if (encode(x[:1]) - outputs[:1]).abs().max() > _ROUNDING * outputs.abs().max():
            raise ValueError(
                "samples of a batch influence each other (as by batch normalisation): a Jacobian "
                "by sample needs an encoder that maps each by itself"
            )
    return by_output.transpose(0, 1)


def singular_values(encode: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Singular values of the Jacobian at each sample x (N, D), largest first; (N, min(K, D))."""
    return torch.linalg.svdvals(jacobian(encode, x).double())


def condition_number(values: Tensor) -> Tensor:
    """Largest over smallest singular value (..., n); shape (...), infinite for a singular map."""
    largest, smallest = values[..., 0], values[..., -1]
    return torch.where(smallest > 0, largest / smallest, torch.inf)
