"""Pixels as Bernoulli variables: the loss of the methods that model a density.

With p = σ(z), -log p(x) = Σ_d softplus(z_d) - x_d z_d. A grey pixel is read as the probability of
white, so that the loss is its cross-entropy, which is least, but not zero, at p = x.
"""

import torch.nn.functional as F
from torch import Tensor

from paper.methods.encoders import FitError


def negative_log_likelihood(
    logits: Tensor, x: Tensor, counted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """-log p(x) in nats, mean over the batch (S,), and its gradient by the logits.

    logits, x (S, B, D); `counted` (S, B, D), if given, says which pixels enter the sum.
    """
    loss = F.softplus(logits).addcmul_(logits, x, value=-1)
    gradient = logits.sigmoid().sub_(x).div_(x.shape[1])
    if counted is not None:
        loss.mul_(counted)
        gradient.mul_(counted)
    return loss.sum(-1).mean(-1), gradient


def require_probabilities(X: Tensor, method: str) -> None:
    """Raise FitError unless all values lie in [0, 1]."""
    if not (X.min() >= 0 and X.max() <= 1):
        raise FitError(
            f"{method} reads pixels as probabilities, but the data leave [0, 1]; rescale the data"
        )
