r"""Do single units carry single factors? MIG, DCI, class AUROC, and MIG of random rotations.

All take features (N, K) and integer factor levels (N, F), see :mod:`.factors`. Mutual
information is that of binned units, in nats: every unit's range is cut into 20 bins of equal width,
as in Locatello et al. (2019), who use 10,000 samples. Few samples bias it upwards, and a unit with
long tails fills few bins.

.. math:: \mathrm{MIG} = \frac{1}{F} \sum_f \frac{1}{H(v_f)}
          \Big( I(z_{k_1}; v_f) - I(z_{k_2}; v_f) \Big)

with the two units that know most about factor f (Chen et al. 2018). A rotation of standardised
features changes neither what they know together nor, if they are white, their correlations: what
MIG such rotations reach is what comes without alignment of units and factors.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy
from scipy.stats import entropy, ortho_group, rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

_BINS = 20
_TREES = 10
_LEAF = 20  # samples; smaller leaves credit units that are noise


class MutualInformationGap(NamedTuple):
    """MIG, its mean over factors, and the gap of every factor (F,); all in [0, 1]."""

    mean: float
    by_factor: np.ndarray


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness; all in [0, 1].

    Attributes:
        disentanglement: How far a unit serves one factor alone, weighted by its importance.
        completeness: How far one unit alone serves a factor, mean over factors.
        informativeness: Accuracy on held-out samples, mean over factors.
        importance: Of units for factors, (K, F); columns sum to one, or are zero where no unit
            tells anything.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def mutual_information(features: ArrayLike, factors: ArrayLike, bins: int = _BINS) -> np.ndarray:
    """I(z_k; v_f) of binned units and factors in nats, shape (K, F), float64.

    Args:
        features: Shape (N, K). A constant unit has none.
        factors: Levels, integers (N, F).
        bins: Number of bins of equal width for each unit, >= 2.

    Raises:
        ValueError: Shapes do not match, a feature is not finite, levels are not integers, a factor
            has a single level, or there are fewer than two bins.
    """
    if bins < 2:
        raise ValueError(f"bins={bins}: at least two are needed to tell values apart")
    x, levels = _checked(features, factors)
    return _mutual_information(x, levels, bins)


def mutual_information_gap(features: ArrayLike, factors: ArrayLike) -> MutualInformationGap:
    """MIG (Chen et al. 2018): 1 when one unit alone knows each factor, 0 when two know as much.

    Args:
        features: Shape (N, K), K >= 2.
        factors: Levels, integers (N, F).

    Raises:
        ValueError: As `mutual_information`, or there are fewer than two units.
    """
    x, levels = _checked(features, factors, least_units=2)
    gaps = _gaps(x, levels, _entropies(levels))
    return MutualInformationGap(float(gaps.mean()), gaps)


def rotated_mig(
    features: ArrayLike, factors: ArrayLike, rotations: int = 200, seed: int = 0
) -> np.ndarray:
    """MIG of random rotations of the standardised features, shape (rotations,).

    Rotations are orthogonal matrices with the Haar measure, so reflections are among them; those do
    not change MIG. A constant unit adds nothing, and mixtures of the others take its place.

    Args:
        features: Shape (N, K), K >= 2.
        factors: Levels, integers (N, F).
        rotations: How many, >= 1.
        seed: Fixes them.

    Raises:
        ValueError: As `mutual_information_gap`, or less than one rotation is asked for.
    """
    x, levels = _checked(features, factors, least_units=2)
    if rotations < 1:
        raise ValueError(f"rotations={rotations}: ask for at least one")
    inside = _within_range(x)
    deviation = inside.std(0)
    scaled = inside / np.where(deviation > 0, deviation, 1)  # bins move along with the means
    rng = np.random.default_rng(seed)
    draws = (ortho_group.rvs(x.shape[1], random_state=rng) for _ in range(rotations))
    entropies = _entropies(levels)
    return np.array([_gaps(scaled @ rotation, levels, entropies).mean() for rotation in draws])


def dci(features: ArrayLike, factors: ArrayLike, seed: int = 0) -> DCI:
    r"""Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

    A random forest predicts each factor from all units; R (K, F) are its impurity importances. With
    P the rows of R and Q its columns, each made to sum to one,

    .. math:: D = \sum_k \frac{\sum_f R_{kf}}{\sum R} \Big(1 - \frac{H(P_k)}{\log F}\Big), \qquad
              C = \frac{1}{F} \sum_f \Big(1 - \frac{H(Q_f)}{\log K}\Big).

    A factor for which no unit has importance has completeness 0. Of the predictors in the paper the
    forest is the one that sees more than linear relations; here it has ten trees, every unit is a
    candidate for every split, and leaves hold at least 20 samples. It is grown on four fifths of
    the samples; its accuracy on the others is the informativeness, as in Locatello et al. (2019),
    who boost trees, which takes longer. For 10,000 samples and 64 units it takes 2 to 4 s for each
    factor on a CPU core, about in proportion to both numbers.

    Args:
        features: Shape (N, K), K >= 2.
        factors: Levels, integers (N, F), F >= 2.
        seed: Fixes which samples are held out, and the forests.

    Raises:
        ValueError: As `mutual_information_gap`, or there are fewer than two factors.
    """
    x, levels = _checked(features, factors, least_units=2)
    if levels.shape[1] < 2:
        raise ValueError("DCI tells factors apart: give at least two")
    rng = np.random.default_rng(seed)
    split = train_test_split(x, levels, test_size=0.2, random_state=int(rng.integers(2**32)))
    train, test, train_levels, test_levels = split
    importance = np.empty((x.shape[1], levels.shape[1]))
    accuracy = []
    for f in range(levels.shape[1]):
        forest = RandomForestClassifier(
            _TREES,
            max_features=None,
            min_samples_leaf=_LEAF,
            random_state=int(rng.integers(2**32)),
        ).fit(train, train_levels[:, f])
        importance[:, f] = forest.feature_importances_
        accuracy.append(forest.score(test, test_levels[:, f]))
    share = importance.sum(1) / (importance.sum() or 1)  # all zero where nothing is told
    return DCI(
        float(share @ _concentration(importance)),
        float(_concentration(importance.T).mean()),
        float(np.mean(accuracy)),
        importance,
    )


def class_auroc(features: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """How well each unit alone tells its best class from the others, shape (K,), in [0.5, 1].

    Area under the ROC curve of a unit or of its negative, whichever is larger, for the class that
    makes it largest. Equals the Mann-Whitney statistic U / (n (N - n)) with mid-ranks for ties, so
    a constant unit has 0.5.

    Args:
        features: Shape (N, K).
        labels: Classes, integers (N,).

    Raises:
        ValueError: Shapes do not match, a feature is not finite, labels are not integers, or there
            are fewer than two classes.
    """
    names = np.asarray(labels)
    if names.ndim != 1:
        raise ValueError(f"labels need shape (N,), got {names.shape}")
    x, levels = _checked(features, names[:, None])
    samples = len(x)
    members = levels == np.arange(levels.max() + 1)  # (N, C)
    inside = members.sum(0)[:, None]
    rank_sums = members.T.astype(float) @ rankdata(x, axis=0)
    area = (rank_sums - inside * (inside + 1) / 2) / (inside * (samples - inside))
    return np.maximum(area, 1 - area).max(0)


def _checked(
    features: ArrayLike, factors: ArrayLike, least_units: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Features as float64 (N, K), and levels (N, F) counted from 0 without gaps."""
    x, table = np.asarray(features, dtype=float), np.asarray(factors)
    if x.ndim != 2 or table.ndim != 2 or len(x) != len(table):
        raise ValueError(
            f"features (N, K) and levels (N, F) of the same samples are needed, got shapes "
            f"{x.shape} and {table.shape}"
        )
    if x.shape[1] < least_units or table.shape[1] < 1:
        raise ValueError(
            f"got {x.shape[1]} units and {table.shape[1]} factors: at least {least_units} and 1 "
            "are needed"
        )
    if not np.isfinite(x).all():
        raise ValueError("features must be finite: NaN or infinity found; leave such layers out")
    if not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"levels must be integers, got {table.dtype}: number the levels")
    levels = np.stack([np.unique(column, return_inverse=True)[1] for column in table.T], -1)
    single = np.flatnonzero(levels.max(0, initial=0) == 0)
    if len(single):
        raise ValueError(
            f"column {', '.join(map(str, single))} has fewer than two levels or classes: nothing "
            "can be known about it; leave it out"
        )
    return x, levels


def _within_range(x: np.ndarray) -> np.ndarray:
    """(x - min) / (max - min) of every unit; exactly 0 for a constant one."""
    width = np.ptp(x, axis=0)
    return (x - x.min(0)) / np.where(width > 0, width, 1)


def _mutual_information(x: np.ndarray, levels: np.ndarray, bins: int) -> np.ndarray:
    samples, units = x.shape
    # bins of equal width between a unit's extremes; the largest value closes its bin
    binned = np.minimum((bins * _within_range(x)).astype(np.intp), bins - 1)
    cells = binned + bins * np.arange(units)  # every unit has bins of its own
    columns = []
    for column in levels.T:
        count = int(column.max()) + 1
        joint = np.bincount(
            (cells * count + column[:, None]).ravel(), minlength=units * bins * count
        )
        joint = joint.reshape(units, bins, count).astype(float)
        # I = H(bin) + H(level) - H(both), where H = log N - sum(c log c) / N of the counts c
        surplus = xlogy(joint, joint).sum((1, 2)) - _x_log_x(joint.sum(2)) - _x_log_x(joint.sum(1))
        columns.append(np.log(samples) + surplus / samples)
    return np.maximum(np.stack(columns, -1), 0)  # rounding


def _x_log_x(counts: np.ndarray) -> np.ndarray:
    return xlogy(counts, counts).sum(-1)


def _gaps(x: np.ndarray, levels: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    """Gap of every factor between the two units that know most about it, over its entropy (F,)."""
    second, first = np.sort(_mutual_information(x, levels, _BINS), axis=0)[-2:]
    return (first - second) / entropies


def _entropies(levels: np.ndarray) -> np.ndarray:
    """H(v_f) of every factor in nats, (F,)."""
    return np.array([entropy(np.bincount(column)) for column in levels.T])


def _concentration(importance: np.ndarray) -> np.ndarray:
    """1 - H / log n of each row's n shares; 0 for a row of zeros."""
    used = importance.sum(1) > 0
    shares = np.where(used[:, None], importance, 1)  # uniform
    return 1 - entropy(shares, axis=1, base=importance.shape[1])
