r"""How many units of an encoder can go: probe accuracy against the number of units removed.

Units are removed one by one in one of three orders, and a linear probe is refitted on those left.
With the units standardised on N training samples, z (N, K), and R their correlation matrix:

``random``
    A random permutation, the control.
``least_unique``
    Always the unit with the smallest unique share of variance given the units left,

    .. math:: 1 - R_j^2 = 1 / \big[ (R + \delta I)^{-1} \big]_{jj}

    with R_j² of its linear regression on the others (Lauritzen 1996, "Graphical Models",
    sec. 5.1). No label is used.
``greedy``
    Always the unit whose removal costs a ridge regression on one-hot classes Y (N, C) least.
    With A = z'z + α I and coefficients W = A⁻¹ z'Y, the minimum of ‖Y - zW‖² + α ‖W‖² rises by

    .. math:: \sum_c W_{jc}^2 / [A^{-1}]_{jj}

    when unit j goes and the others are refitted: the saliency of the optimal brain surgeon
    (Hassibi & Stork 1993), exact for a quadratic loss. It stands for the loss of probe accuracy,
    which would take a probe per unit and step.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.similarity import centred
from infomax_lib.model.streams import generator

#: In which order units can be removed.
ORDERS = ("random", "least_unique", "greedy")

# δ, on the variance 1 of every unit: above the 1e-14 by which copies differ after rounding to
# float32. A pseudo-inverse would call copies unique: it shares their coefficients between them.
_COLLINEAR = 1e-8
# α, against a sum over samples: as strong as the penalty of the probe, c = 1
_RIDGE = 1.0
_ROUNDING = 1e-9  # of a difference of accuracies, which are multiples of 1 / M


@torch.no_grad()
def removal_order(method: str, outputs: Tensor, labels: Tensor, seed: int) -> Tensor:
    """The order in which units are removed, first to go first.

    Constant units go first in ``least_unique`` and ``greedy``. Of equals, the unit with the lowest
    index goes first, where rounding does not decide. The inverse of each step is computed anew,
    O(K^4) for all: downdates would lose the digits that collinear units cost.

    Args:
        method: A name in :data:`ORDERS`.
        outputs: Training outputs (N, K) of one encoder.
        labels: Classes (N,), which only ``greedy`` reads.
        seed: Of the random stream "pruning", see :func:`.generator`; only
            ``random`` depends on it.

    Returns:
        Unit indices (K,), int64, on the CPU: a permutation.

    Raises:
        ValueError: An unknown method, shapes that do not belong together, or an output that is
            not finite where outputs decide the order.
    """
    if method not in ORDERS:
        raise ValueError(f"unknown order {method!r}: choose one of {', '.join(ORDERS)}")
    _check_samples("outputs", outputs, labels)
    if method == "random":
        return torch.randperm(outputs.shape[1], generator=generator(seed, "pruning"))
    z = _standardised(outputs)
    gram = z.mT @ z
    if method == "least_unique":
        return _backward_elimination(gram / len(z), _COLLINEAR, _unique)
    classes = labels.to(z.device).unique(return_inverse=True)[1]
    moments = (z.mT @ torch.nn.functional.one_hot(classes).to(z)).cpu()

    def increase(inverse: Tensor, left: Tensor) -> Tensor:
        coefficients = inverse @ moments[left]
        return coefficients.square().sum(1) / inverse.diagonal()

    return _backward_elimination(gram, _RIDGE, increase)


def removal_steps(units: int) -> list[int]:
    """Numbers of removed units at which a curve is measured: 0, 5, 10, ..., 95 % of ``units``."""
    return sorted({round(units * percent / 100) for percent in range(0, 100, 5)})


def pruning_curve(
    order: Tensor,
    train: Tensor,
    labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    removed: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Test accuracy of the linear probe refitted without the first units of ``order``.

    All S steps are fitted in one call, with zeros for the units that are gone: they add nothing to
    a probe. The call holds S copies of the outputs.

    Args:
        order: Unit indices (K,), first to go first, as :func:`removal_order` gives them.
        train: Outputs (N, K) that probes are fitted to.
        labels: Their classes (N,), int64.
        test: Outputs (M, K).
        test_labels: Classes (M,).
        removed: Numbers of units to remove, 0 to K; :func:`removal_steps` by default.

    Returns:
        One row per step: ``removed`` (units), ``share_removed`` (of K, in [0, 1]) and
        ``accuracy`` (in [0, 1]; NaN where an output of a unit left is not finite).

    Raises:
        ValueError: Shapes that do not belong together, an order that is not a permutation of the
            units, or impossible numbers of units.
    """
    _check_samples("train", train, labels)
    _check_samples("test", test, test_labels)
    units = train.shape[1]
    if test.shape[1] != units:
        raise ValueError(
            f"train has {units} units and test has {test.shape[1]}: give outputs of one encoder"
        )
    order = order.cpu()
    if order.sort().values.tolist() != list(range(units)):
        raise ValueError(
            f"order must name each of the {units} units 0 to {units - 1} once, and one of shape "
            f"{tuple(order.shape)} does not: take it from removal_order"
        )
    steps = removal_steps(units) if removed is None else list(removed)
    if not steps or not all(0 <= step <= units for step in steps):
        raise ValueError(
            f"removed={steps} is not possible: give at least one number of units, each from 0 to "
            f"{units}"
        )
    kept = order.argsort() >= torch.tensor(steps).unsqueeze(1)
    left, test_left = (
        torch.where(kept.unsqueeze(1).to(part.device), part, 0) for part in (train, test)
    )
    accuracy = linear_probe(left, labels, test_left, test_labels)
    return pd.DataFrame(
        {
            "removed": steps,
            "share_removed": [step / units for step in steps],
            "accuracy": accuracy.numpy(),
        }
    )


def removable_share(curve: pd.DataFrame, points: float = 0.01) -> float:
    """Largest share of units whose removal leaves accuracy within ``points`` of the full one.

    At every measured step up to it, accuracy is at least that without removal less ``points``:
    accuracy that recovers later does not count.

    Args:
        curve: As :func:`pruning_curve` gives it, with a row for 0 removed units.
        points: Accuracy that may be lost, >= 0, as a share (0.01 is one point).

    Returns:
        A value of ``share_removed``; NaN where the accuracy of all units is NaN.

    Raises:
        ValueError: No row for 0 removed units, or negative ``points``.
    """
    if not points >= 0:
        raise ValueError(f"points={points} is not possible: choose a number of at least 0")
    # arrays: a chapter asks for thousands of curves, and a table takes a millisecond per operation
    removed, share, accuracy = (
        curve[name].to_numpy()[curve["removed"].to_numpy().argsort()]
        for name in ("removed", "share_removed", "accuracy")
    )
    if removed.size == 0 or removed[0] != 0:
        raise ValueError("the curve has no row for 0 removed units: measure that step, too")
    with np.errstate(invalid="ignore"):  # NaN is not within
        within = np.logical_and.accumulate(accuracy >= accuracy[0] - points - _ROUNDING)
    return float(share[within].max()) if within[0] else math.nan


def _check_samples(name: str, outputs: Tensor, labels: Tensor) -> None:
    if outputs.ndim != 2 or 0 in outputs.shape:
        raise ValueError(
            f"{name} must be outputs (N, K) of one encoder, N and K at least 1, got shape "
            f"{tuple(outputs.shape)}: prune one layer at a time"
        )
    if labels.shape != outputs.shape[:1]:
        raise ValueError(
            f"{name} has {len(outputs)} samples (N, K), but labels of shape {tuple(labels.shape)}: "
            "give one label per sample"
        )


def _standardised(outputs: Tensor) -> Tensor:
    """Units with mean 0 and mean square 1 (N, K), float64; a constant unit is exactly zero."""
    if not outputs.isfinite().all():
        raise ValueError(
            "an output is not finite: leave out encoders that diverged, their units have no order"
        )
    z = centred(outputs)
    std = z.square().mean(0).sqrt()
    return z / torch.where(std == 0, 1, std)


def _backward_elimination(
    gram: Tensor, ridge: float, cost: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Units (K,) in the order in which the cheapest of those left goes, on the CPU.

    ``cost`` is that of removing each unit, from the inverse of (gram + ridge I) for the units left
    and their indices.
    """
    gram = gram.cpu()
    left, order = torch.arange(len(gram)), []
    while len(left):
        cheapest = int(cost(_inverse(gram, ridge, left), left).argmin())
        order.append(int(left[cheapest]))
        left = torch.cat([left[:cheapest], left[cheapest + 1 :]])
    return torch.tensor(order)


def _inverse(gram: Tensor, ridge: float, left: Tensor) -> Tensor:
    regularised = gram[left][:, left]
    regularised.diagonal().add_(ridge)
    return torch.cholesky_inverse(torch.linalg.cholesky(regularised))


def _unique(inverse: Tensor, left: Tensor) -> Tensor:
    # δ for a constant unit, at least δ K / (K - 1) for any other: the constant ones go first
    return 1 / inverse.diagonal()
