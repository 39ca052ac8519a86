r"""Optimisation apart from growth of scale, for layers whose outputs are not bounded.

Without competition and with a positively homogeneous activation (ReLU, leaky ReLU, identity),
scaling all weights and biases by s scales every output by s. Variances grow by the factor s^2 and
correlations stay as they are, so for K units that vary (and variances far above epsilon)

.. math:: L(s\theta) = L(\theta) - 2K \log s .

Differentiating at s = 1 gives :math:`\theta \cdot \nabla L = -2K`: every gradient has the same
component along the weights themselves, and the rest of it turns them.
"""

from typing import TypeVar

import numpy as np
import pandas as pd

Values = TypeVar("Values", float, np.ndarray, pd.Series)


def scale_free_loss(loss: Values, row_norm: Values, hidden_dim: int) -> Values:
    """The loss at unit row norm, L + 2K log(row norm): it falls only when directions improve.

    Exact for rows of equal length; otherwise an upper bound, since the logarithm of the mean norm
    is at least the mean of the logarithms. Means nothing for outputs that a competition bounds.

    Args:
        loss: Value of the objective, in nats.
        row_norm: Mean Euclidean length of a row of W.
        hidden_dim: Number of units K.
    """
    return loss + 2 * hidden_dim * np.log(row_norm)


def scale_share(history: pd.DataFrame) -> pd.Series:
    """Share of the fall of the loss after epoch 1 that growth of the rows explains, by run.

    2K log(row norm at the end / row norm after epoch 1) / (loss of epoch 1 - loss at the end).
    NaN where the loss did not fall or is not finite; values above 1 mean that without growth the
    loss would have risen.

    Args:
        history: Table of :func:`infomax_lib.history`.

    Returns:
        Shares indexed by ``key``.
    """
    measured = history[history["epoch"] >= 1].dropna(subset=["row_norm", "loss"])
    measured = measured.sort_values("epoch").groupby("key", sort=False)
    first, last = measured.first(), measured.last()
    fall = first["loss"] - last["loss"]
    explained = 2 * first["hidden_dim"] * np.log(last["row_norm"] / first["row_norm"])
    return (explained / fall.where(fall > 0)).replace([np.inf, -np.inf], np.nan)


def sgd_row_norm(
    initial_norm: float, learning_rate: Values, steps: int, units_alive: float, hidden_dim: int
) -> Values:
    r"""Root mean square row norm after plain SGD without competition, from scale alone.

    Since :math:`\theta \cdot \nabla L = -2K`, a step of size eta lengthens the weights by
    :math:`\|\theta_{t+1}\|^2 = \|\theta_t\|^2 + 4 K \eta + \eta^2 \|\nabla L\|^2`. Leaving out the
    last term and the biases, the norm after t steps is
    :math:`\sqrt{\|w_0\|^2 + 4 \eta t \cdot K_{alive} / K}`: a square-root law without free
    parameter, whatever the data and lambda_tc.

    Args:
        initial_norm: Root mean square row norm before training.
        learning_rate: Step size eta.
        steps: Number of steps t.
        units_alive: Units that vary on a batch; dead ones get no gradient.
        hidden_dim: Number of units K.
    """
    return np.sqrt(initial_norm**2 + 4 * learning_rate * steps * units_alive / hidden_dim)


def sgd_rate_for_loss(
    loss: float,
    unit_norm_loss: float,
    initial_norm: float,
    steps: int,
    units_alive: float,
    hidden_dim: int,
) -> float:
    """Learning rate at which SGD reaches a loss by the growth of scale of :func:`sgd_row_norm`.

    Args:
        loss: The loss to reach, in nats.
        unit_norm_loss: Loss at unit row norm of the directions that SGD finds.
        initial_norm: Root mean square row norm before training.
        steps: Number of steps.
        units_alive: Units that vary on a batch.
        hidden_dim: Number of units K.

    Returns:
        The rate; 0 if the initial norm is long enough already.
    """
    squared_norm = np.exp((unit_norm_loss - loss) / hidden_dim)
    growth = 4 * steps * units_alive / hidden_dim
    return float(max(squared_norm - initial_norm**2, 0.0) / growth)


def negative_curvature(smallest: Values, largest: Values) -> Values:
    """Share of negative curvature |s| / (|s| + l) of extreme Hessian eigenvalues, in [0, 1].

    0 where the loss curves upwards in every direction, 1/2 where both extremes are equal.

    Args:
        smallest: Smallest eigenvalue; s is its negative part.
        largest: Largest eigenvalue; l is it, clipped at 1e-12 from below.
    """
    down = -np.minimum(smallest, 0.0)
    return down / (down + np.maximum(largest, 1e-12))
