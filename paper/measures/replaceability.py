r"""How much of each unit the others know: held-out R² of its linear prediction from them.

Every unit is regressed on all others with an intercept, by least squares on training outputs, and
predicted on test outputs. With the units standardised by their training mean and deviation, their
correlation matrix R and ridge δ, the coefficients of all K regressions are in one inverse,

.. math:: P = (R + \delta I)^{-1}, \qquad \beta_{jk} = -P_{jk} / P_{jj}, \quad k \neq j

(Lauritzen 1996, "Graphical Models", sec. 5.1), which is the ridge regression with penalty
(N-1) δ |β|². The residual of unit j is then the sum of P_jk z_k / P_jj over all k.

Outputs that sum to one predict each other perfectly. Independent Gaussian units have an R² of
about -K/N, the price of K - 1 fitted coefficients and an intercept.
"""

import torch
from torch import Tensor

#: Added to the variance 1 of every standardised unit: above the 1e-14 by which copies differ after
#: rounding to float32, and too little to move the R² of units that are not collinear.
RIDGE = 1e-8


@torch.no_grad()
def held_out_r2(train: Tensor, test: Tensor) -> Tensor:
    r"""R² on test outputs of predicting each unit from all others, fitted on training outputs.

    .. math:: R^2_j = 1 - \sum_n (a_{nj} - \hat a_{nj})^2 / \sum_n (a_{nj} - \bar a_j)^2

    with the test mean in the denominator: at most 1, negative where the prediction is worse than
    that mean. A unit that is constant in training predicts nothing and is itself predicted to stay
    what it was; a single unit is predicted by its training mean. With collinear units, or with no
    more samples than units, the prediction is that of the shortest coefficients.

    Args:
        train: Outputs (..., N, K), N >= 2.
        test: Outputs (..., M, K), M >= 2.

    Returns:
        Shape (..., K), float64; NaN for a unit that is constant on the test outputs, and for all
        units of a layer with an output that is not finite.

    Raises:
        ValueError: Shapes that do not belong together, or fewer than two samples.
    """
    if train.ndim < 2 or train.shape[:-2] != test.shape[:-2] or train.shape[-1:] != test.shape[-1:]:
        raise ValueError(
            "outputs must be (..., N, K) and (..., M, K) of the same units, got shapes "
            f"{tuple(train.shape)} and {tuple(test.shape)}"
        )
    if min(train.shape[-2], test.shape[-2]) < 2:
        raise ValueError(
            f"R² needs at least 2 training and 2 test samples, got {train.shape[-2]} and "
            f"{test.shape[-2]}"
        )
    leading, units = train.shape[:-2], train.shape[-1]
    # one layer at a time: only its outputs are held in float64
    layers = zip(
        train.reshape(-1, *train.shape[-2:]), test.reshape(-1, *test.shape[-2:]), strict=True
    )
    return torch.stack([_layer_r2(*layer) for layer in layers]).reshape(*leading, units)


def _layer_r2(train: Tensor, test: Tensor) -> Tensor:
    if not (train.isfinite().all() and test.isfinite().all()):
        return torch.full(train.shape[-1:], torch.nan, dtype=torch.float64, device=train.device)
    train, test = train.double(), test.double()
    # the deviation of equal numbers may be rounded to one above zero, their range is not
    varies, tested = (outputs.amax(0) > outputs.amin(0) for outputs in (train, test))
    mean, std = train.mean(0), torch.where(varies, train.std(0), 1)
    train, test = (train - mean) / std, (test - mean) / std
    correlation = train.mT @ train / (len(train) - 1)
    correlation.diagonal().add_(RIDGE)
    precision = torch.cholesky_inverse(torch.linalg.cholesky(correlation))
    residuals = test @ precision / precision.diagonal()
    total = (test - test.mean(0)).square().sum(0)
    return torch.where(tested, 1 - residuals.square().sum(0) / total, torch.nan)
