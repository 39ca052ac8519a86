"""Linear probe: how much of the class a linear classifier reads off the features."""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

__all__ = ["linear_probe"]

_SAFE_TO_SQUARE = 1e12  # float32 variances of larger features may overflow
_FAR = 1e6  # standard deviations; N samples cannot be further than sqrt(N) from their mean


def linear_probe(
    train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor, c: float = 1.0
) -> Tensor:
    """Test accuracy, in [0, 1], of multinomial logistic regression on standardised features.

    Args:
        train: Features (..., N, K); standardised here with the training mean and deviation.
        train_labels: Classes (N,), int64.
        test: Features (..., M, K).
        test_labels: Classes (M,).
        c: Inverse strength of the L2 penalty of scikit-learn's ``LogisticRegression``.

    Returns:
        Accuracy per layer, float64, shape (...); NaN where a feature is not finite.
    """
    leading = train.shape[:-2]
    pairs = zip(
        train.reshape(-1, *train.shape[-2:]), test.reshape(-1, *test.shape[-2:]), strict=True
    )
    accuracies = [_probe(x, train_labels, y, test_labels, c) for x, y in pairs]
    return torch.tensor(accuracies, dtype=torch.float64).reshape(leading)


def _probe(train, train_labels, test, test_labels, c) -> float:
    if not (train.isfinite().all() and test.isfinite().all()):
        return torch.nan
    largest = train.abs().max()
    if largest > _SAFE_TO_SQUARE:  # weights without bound: standardised features keep their meaning
        train, test = train / largest, test / largest
    mean, std = train.mean(0), train.std(0)
    std = torch.where(std > 0, std, 1.0)  # a constant feature stays constant, at zero
    # a unit all but silent in training may be further off in the test set than float32 holds
    features, held_out = (
        ((x - mean) / std).clamp(-_FAR, _FAR).cpu().numpy() for x in (train, test)
    )
    classifier = LogisticRegression(C=c, max_iter=1000)
    classifier.fit(features, train_labels.cpu().numpy())
    return classifier.score(held_out, test_labels.cpu().numpy())
