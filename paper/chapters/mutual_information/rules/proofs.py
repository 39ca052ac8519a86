"""What mathematics decides of source 003: proofs and constructions that need no data.

- `least_samples`: how many samples a bound on entropy needs (McAllester and Stratos 2020);
- `certified`: what a classifier's accuracy says about information (Bretagnolle and Huber 1979);
- `pairs_loss_gap`: I_NCE as a loss of metric learning (Sohn 2016);
- `Hidden`: an invertible map after which no linear classifier finds the classes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from paper.information.bounds import info_nce
from paper.judging.claims import Part, disproved, proved

#: Differences of exact quantities below this are rounding.
EXACT = 1e-6


def theorem(name: str, intact: bool, text: str) -> Part:
    """A part that a theorem proves; what was computed may still be a counterexample to it."""
    return proved(name, True, text) if intact else disproved(name, True, text)


def least_samples(size: float, error: float) -> int:
    r"""Samples without which nothing certifies an entropy of ``size`` nats with this confidence.

    N draws from M = exp(size) outcomes, all as likely, are all different with probability
    :math:`\prod_{i<N} (1 - i/M)`. Such draws look like those from a distribution of any larger
    entropy. A bound that says more than log M when all draws are different is wrong about the
    uniform distribution that often, so that this may not be more often than ``error``. The product
    is at least :math:`1 - N(N-1)/(2M)`: N grows with the square root of M, exponentially in the
    size of the bound.

    Args:
        size: Of the bound, in nats.
        error: Share of samples in which the bound may be wrong, in (0, 1).
    """
    outcomes = math.exp(size)
    enough = math.ceil(math.sqrt(2 * outcomes * math.log(1 / error))) + 1
    different = np.cumprod(1 - np.arange(enough) / outcomes)
    return int(np.argmax(different <= error)) + 1


def certified(accuracy: ArrayLike) -> np.ndarray:
    r"""Information (nats) that two variables share at least, if pairs are told from mixed ones.

    Deciding loses information, so that it is at least the divergence of right from wrong alarms,
    and with it :math:`-\log(1 - (2a - 1)^2)`, which grows without limit as accuracy a goes to 1.

    Args:
        accuracy: Share of right decisions, both kinds of pairs weighing the same.
    """
    return -np.log1p(-((2 * np.asarray(accuracy, dtype=float) - 1) ** 2))


def certificate_is_sound() -> bool:
    """Whether no rates of right and of wrong alarms have a smaller divergence than `certified`."""
    rates = np.arange(1, 200) / 200
    right, wrong = np.meshgrid(rates, rates)
    divergence = right * np.log(right / wrong) + (1 - right) * np.log((1 - right) / (1 - wrong))
    return bool((divergence >= certified((right + 1 - wrong) / 2) - EXACT).all())


def pairs_loss_gap() -> float:
    r"""Largest difference (nats) of log N - L and I_NCE over random scores of N = 2 to 128 pairs.

    L is the multi-class N-pair loss of metric learning, the mean over i of
    :math:`\log(1 + \sum_{j \ne i} \exp(f_{ij} - f_{ii}))`.
    """
    rng = np.random.default_rng(0)
    gaps = []
    for pairs in (2, 8, 32, 128):
        scores = 5 * rng.standard_normal((pairs, pairs))
        others = np.exp(scores - scores.diagonal()[:, None])
        np.fill_diagonal(others, 0)
        loss = np.log1p(others.sum(1)).mean()
        gaps.append(abs(math.log(pairs) - loss - float(info_nce(torch.from_numpy(scores)))))
    return max(gaps)


@dataclass(frozen=True)
class Hidden:
    """An invertible map of the plane that sends points to chosen places on a line.

    Two shears: the second coordinate is moved by a function of the first, then the first by a
    function of the second. Each is undone by subtracting the same again, whatever the functions,
    which are those that pass through the given points (by straight lines here; polynomials would be
    smooth). Images have more coordinates: each further one is sheared to a constant likewise.

    Attributes:
        points: What is hidden (N, 2); first coordinates differ.
        places: Where on the line each of them goes (N,); all differ.
    """

    points: np.ndarray
    places: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Representations (..., 2) of points (..., 2): those that are hidden become (0, place)."""
        second = x[..., 1] + self._up(x[..., 0])
        return np.stack([x[..., 0] - self._back(second), second], -1)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Points (..., 2) of representations (..., 2)."""
        first = z[..., 0] + self._back(z[..., 1])
        return np.stack([first, z[..., 1] - self._up(first)], -1)

    def _up(self, first: np.ndarray) -> np.ndarray:
        order = np.argsort(self.points[:, 0])
        known = self.points[order]
        return np.interp(first, known[:, 0], self.places[order] - known[:, 1])

    def _back(self, second: np.ndarray) -> np.ndarray:
        order = np.argsort(self.places)
        return np.interp(second, self.places[order], self.points[order, 0])


def best_threshold(values: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy of the best threshold on one value (N,) for two classes (N,), 0 and 1."""
    sorted_labels = labels[np.argsort(values)]
    zeros_below = np.concatenate([[0], np.cumsum(1 - sorted_labels)])
    ones_below = np.concatenate([[0], np.cumsum(sorted_labels)])
    right = zeros_below + ones_below[-1] - ones_below
    return float(max(right.max(), len(labels) - right.min()) / len(labels))
