"""Critics that learn to tell pairs drawn together from mixed pairs, where the truth is known.

Gaussian pairs have d coordinates on each side and one correlation in each of them, as in
:mod:`paper.chapters.mutual_information.basics.tables`. Information is in nats.

Sources: Poole et al. 2019 and Hjelm et al. 2019 (bounds from classifiers).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.spec import first_seeds
from infomax_lib.model.streams import generator
from paper.information.bounds import from_jensen_shannon, jensen_shannon
from paper.information.critics import Separable, side_by_side
from paper.information.entropy import correlated_gaussians, correlation_for

_SIDE, _HIDDEN = 10, 32  # coordinates of each side, and units of each layer of a critic
_STEPS, _BATCH, _RATE = 500, 128, 3e-3  # training steps, pairs in each, Adam's first learning rate
_TESTS, _TESTED = 20, 256  # held-out batches, and pairs in each


class _Classifiers:
    """Critics of Gaussian pairs, trained side by side to tell pairs from mixed pairs.

    They climb J_JS, the logistic loss of joint against product, with Adam, whose learning rate
    falls to zero by a cosine.

    Args:
        settings: Information in nats, and seed, of each of them.

    Attributes:
        scores: Log odds (critics, N, N) of having been drawn together, for X and Y (critics, N, d).
    """

    def __init__(self, settings: Sequence[tuple[float, int]]) -> None:
        self.rhos = [correlation_for(information, _SIDE) for information, _ in settings]
        self.seeds = [seed for _, seed in settings]
        weights, self.scores = side_by_side(
            [Separable(_SIDE, _SIDE, generator(s, "classifier"), _HIDDEN) for s in self.seeds]
        )
        optimizer = torch.optim.Adam(weights, lr=_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
        for x, y in self.pairs("classifier: training", _STEPS, _BATCH):
            gain = jensen_shannon(self.scores(x, y)).sum()
            optimizer.zero_grad()
            (-gain).backward()
            optimizer.step()
            schedule.step()

    def pairs(self, purpose: str, batches: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of X and Y (critics, size, d); each critic has a stream of its own."""
        draws = [generator(seed, purpose) for seed in self.seeds]
        for _ in range(batches):
            drawn = [
                correlated_gaussians(rho, _SIDE, size, draw, torch.float32)
                for rho, draw in zip(self.rhos, draws, strict=True)
            ]
            x, y = (torch.stack(side) for side in zip(*drawn, strict=True))
            yield x, y


def classifier_table(
    informations: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    seeds: int = 5,
) -> pd.DataFrame:
    r"""How well trained critics tell Gaussian pairs from mixed ones, and what they certify.

    A critic is a logistic classifier of pairs (x, y): drawn together, or each from its margin. Its
    log odds estimate :math:`\log p(x, y) / (p(x) p(y))`, and so give the bound of Nguyen,
    Wainwright and Jordan, see :func:`paper.information.bounds.from_jensen_shannon`. All
    critics are trained side by side on fresh pairs, and tested on others.

    Args:
        informations: Of the pairs, in nats, >= 0.
        seeds: Critics at each of them; a seed fixes initial weights and pairs.

    Returns:
        ``information``, ``seed``, ``accuracy`` (a share: log odds above 0 for pairs drawn together,
        below for the others, both kinds weighing the same), ``estimate`` (nats).
    """
    settings = [(value, seed) for value in informations for seed in first_seeds(seeds)]
    trained = _Classifiers(settings)
    accuracy, estimate = [], []
    with torch.no_grad():
        for x, y in trained.pairs("classifier: held out", _TESTS, _TESTED):
            scores = trained.scores(x, y)
            accuracy.append(_balanced_accuracy(scores))
            estimate.append(from_jensen_shannon(scores.double()))
    table = pd.DataFrame(settings, columns=["information", "seed"])
    return table.assign(
        accuracy=torch.stack(accuracy).mean(0).numpy(),
        estimate=torch.stack(estimate).mean(0).numpy(),
    )


def classifier_scores(
    information: float, seed: int = 0, pairs: int = 2000
) -> tuple[np.ndarray, np.ndarray]:
    """Held-out log odds of one critic of :func:`classifier_table`, for a histogram.

    Args:
        information: Of the pairs it is trained and tested on, in nats.
        seed: Of the critic.
        pairs: How many held-out pairs, >= 2.

    Returns:
        Scores (pairs,) of pairs drawn together, and of mixed ones (each x with the y of another).
    """
    trained = _Classifiers([(information, seed)])
    with torch.no_grad():
        ((x, y),) = trained.pairs("classifier: held out", 1, pairs)
        (scores,) = trained.scores(x, y)
    return scores.diagonal().numpy(), scores.roll(1, -1).diagonal().numpy()


def _balanced_accuracy(scores: Tensor) -> Tensor:
    """Mean of the shares of diagonal scores above 0 and of others below; (..., N, N) to (...)."""
    pairs, own = scores.shape[-1], scores.diagonal(dim1=-2, dim2=-1)
    below = (scores < 0).double().sum((-2, -1)) - (own < 0).double().sum(-1)
    return ((own > 0).double().mean(-1) + below / (pairs * (pairs - 1))) / 2
