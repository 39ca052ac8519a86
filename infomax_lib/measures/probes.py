"""Linear probe: how much of the class a linear classifier reads off the features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from infomax_lib.measures.logistic import logistic_regression
from infomax_lib.model.matmul import product, products

__all__ = ["linear_probe"]

_HUGE = 1e30  # far from anything met in training, and finite in float32
_FAR = 1e6  # standard deviations; N samples cannot be further than sqrt(N) from their mean
# below scikit-learn's 1e-4, where accuracies still move by up to 0.07 points; costs little here
_TOLERANCE = 3e-5
# training features at once: no more than the caches of a CPU hold, enough to fill a GPU
_AT_ONCE_CPU, _AT_ONCE_GPU = 2**21, 2**28


@torch.no_grad()
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
    leading, (samples, width) = train.shape[:-2], train.shape[-2:]
    classes, targets = train_labels.to(train.device).unique(return_inverse=True)
    most = _AT_ONCE_CPU if train.device.type == "cpu" else _AT_ONCE_GPU
    at_once = max(1, most // (samples * width))
    groups = zip(
        train.reshape(-1, samples, width).split(at_once),
        test.reshape(-1, *test.shape[-2:]).split(at_once),
        strict=True,
    )
    accuracies = []
    for features, held_out in groups:
        features, held_out, finite = _standardise(features, held_out)
        coefficients = logistic_regression(features, targets, c, _TOLERANCE)
        weight, intercept = coefficients.to(held_out.dtype).split([width, 1], dim=-1)
        predicted = classes[(products(weight, held_out) + intercept).argmax(-2)]
        accuracy = (predicted == test_labels.to(predicted.device)).double().mean(-1)
        accuracies.append(torch.where(finite, accuracy, torch.nan))
    return torch.cat(accuracies).reshape(leading).cpu()


def _standardise(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Standardised features of layers (S, N, K), and which of the layers (S,) are finite.

    The others are replaced by zeros, so that the shapes of what is computed do not change.
    """
    precision = torch.promote_types(train.dtype, torch.float32)
    train, test = train.to(precision), test.to(precision)
    largest = _largest(train)
    finite = (largest.isfinite() & _largest(test).isfinite()).flatten(1).all(-1)
    if not finite.all():
        keep = finite[:, None, None]
        train, test, largest = (torch.where(keep, x, 0) for x in (train, test, largest))
    # to [-1, 1], where squares neither overflow nor vanish: weights may grow without bound, and
    # the losers of a saturated competition are tiny
    scale = torch.where(largest > 0, largest, 1)
    train = train / scale
    mean = train.mean(-2, keepdim=True)
    train -= mean
    std = (train.square().sum(-2, keepdim=True) / max(train.shape[-2] - 1, 1)).sqrt()
    inverse = torch.where(std > 0, 1 / std, 0)  # a constant feature says nothing
    # a unit all but silent in training may be further off in the test set than float32 holds
    test = (test / scale).clamp_(-_HUGE, _HUGE).sub_(mean).mul_(inverse).clamp_(-_FAR, _FAR)
    return train.mul_(inverse), test, finite


def _largest(features: Tensor) -> Tensor:
    """Largest absolute value of every feature, (S, 1, K); NaN where one is NaN."""
    return torch.maximum(features.amax(-2, keepdim=True), -features.amin(-2, keepdim=True))


_TOLERANCE = 3e-5  # of the gradient, as in the linear probe


_FAR = 1e6  # standard deviations; training samples cannot be further than sqrt(N)


@dataclass(frozen=True)
class LinearReadout:
    """The classifier of :func:`.linear_probe`, fitted once and asked many times.

    Attributes:
        mean: Training mean of every feature (K,), float64.
        inverse: 1 / training deviation (K,), 0 for a constant feature.
        weight: (C, K), acts on standardised features.
        intercept: (C, 1).
        classes: Labels of the rows of ``weight`` (C,).
    """

    mean: Tensor
    inverse: Tensor
    weight: Tensor
    intercept: Tensor
    classes: Tensor

    @classmethod
    @torch.no_grad()
    def fit(cls, features: Tensor, labels: Tensor, c: float = 1.0) -> LinearReadout:
        """Multinomial logistic regression on features (N, K) and labels (N,).

        Raises:
            ValueError: A feature is not finite.
        """
        if not features.isfinite().all():
            raise ValueError("a readout needs finite features: NaN or infinity found")
        classes, targets = labels.unique(return_inverse=True)
        exact = features.double()
        mean, std = exact.mean(0), exact.std(0)
        inverse = torch.where(std > 0, 1 / std, 0)
        standardised = ((exact - mean) * inverse).to(features.dtype)
        coefficients = logistic_regression(standardised.unsqueeze(0), targets, c, _TOLERANCE)[0]
        weight, intercept = coefficients.to(features.dtype).split([len(mean), 1], dim=-1)
        return cls(mean, inverse, weight.contiguous(), intercept, classes)

    def accuracy(self, features: Tensor, labels: Tensor, kept: Tensor | None = None) -> Tensor:
        """Share of samples that get their label, for features (M, K) and labels (M,).

        Args:
            features: As given, not standardised.
            labels: Classes.
            kept: Masks (V, K) of ones and zeros, one for each version of the features; a zero
                sets the feature to its training mean. One version with all features by default.

        Returns:
            Accuracies (V,), float64.
        """
        exact = (features.double() - self.mean) * self.inverse
        x = exact.clamp_(-_FAR, _FAR).to(self.weight.dtype)
        kept = torch.ones_like(self.weight[:1]) if kept is None else kept.to(self.weight)
        versions = (self.weight * kept.unsqueeze(1)).flatten(0, 1)
        logits = product(versions, x).unflatten(0, (len(kept), -1)) + self.intercept
        return (self.classes[logits.argmax(1)] == labels).double().mean(-1)
