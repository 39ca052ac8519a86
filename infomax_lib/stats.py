"""Means over seeds with honest intervals, and comparisons that respect shared seeds.

A seed fixes the initial weights *and* the order of the data, so two configurations that share
seeds are compared pair by pair: the interval of the paired difference is narrower, and fairer,
than the gap between two separate intervals.

Intervals are Student's: mean ± t · s/√n. On the metrics of this book they cover the mean in 94 to
95 of 100 samples of 5, 10 or 20 seeds, where a bias-corrected and accelerated bootstrap (BCa)
covers it in 82, 90 and 92 (:mod:`paper.judging.coverage` measures it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

#: Random sign patterns, where there are too many to try them all.
SIGN_FLIPS = 9999
CONFIDENCE = 0.95
#: What float64 leaves of an equality, in the sizes of this book.
EXACT = 1e-9

#: What distinguishes one run of a seed from another; the fields of RunSpec but for the seed.
SETTINGS = (
    *("dataset", "activation", "competition", "hidden_dim", "lambda_tc", "lambda_wr", "bias"),
    *("optimizer", "learning_rate", "batch_size", "epochs", "initial", "epoch"),
    *("objective", "lambda_lse", "temperature", "group_size"),
)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval.

    Attributes:
        mean: In the unit of the measure, as the limits are.
        low: Lower limit. One value alone has no interval: both limits are NaN.
        high: Upper limit.
        n: Number of finite values that were used.
        dropped: Number of values that were not finite (diverged runs) and were left out.
        sample: The finite values themselves, in ascending order, where they are known.
        images: Half width that the drawing of test images alone would give, which more seeds leave
            as it is; 0 where they are taken as they are.
    """

    mean: float
    low: float
    high: float
    n: int
    dropped: int = 0
    sample: tuple[float, ...] = field(default=(), repr=False, compare=False)
    images: float = 0.0

    @property
    def half_width(self) -> float:
        """Half the distance between the limits, in the unit of the measure."""
        return (self.high - self.low) / 2

    @property
    def standard_error(self) -> float:
        """That of the mean, of a Student interval."""
        return self.half_width / student(self.n)

    def __str__(self) -> str:
        if self.n == 0:
            return "not measured"
        if not math.isfinite(self.low):
            return f"{format_number(self.mean)} (one run)"
        if self.low == self.high:
            mean = format_number(self.mean)
            return f"{mean} [{mean}, {mean}]"
        digits = decimals(self.mean, self.half_width)
        mean, low, high = (format_number(v, digits) for v in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"

    def scaled(self, factor: float) -> Interval:
        """The interval of ``factor`` times the measure (100 turns fractions into per cent)."""
        low, high = sorted((self.low * factor, self.high * factor))
        sample = tuple(sorted(value * factor for value in self.sample))
        images = self.images * abs(factor)
        return Interval(self.mean * factor, low, high, self.n, self.dropped, sample, images)


def student(n: int, tail: float = (1 - CONFIDENCE) / 2) -> float:
    """What the mean of ``n`` normal values exceeds by chance, in standard errors, in that share."""
    return float(stats.t.isf(tail, n - 1))


def decimals(value: float, half_width: float) -> int | None:
    """Decimals worth printing for ``value`` known to ``half_width``; None asks for scientific.

    The first uncertain digit is printed, and one more when that digit is below 3.
    """
    exponent = math.floor(math.log10(half_width))
    digits = max(0, -exponent + (half_width / 10.0**exponent < 3))
    return None if digits > 6 or abs(value) >= 1e7 else digits


def format_number(value: float, digits: int | None = -1) -> str:
    """A number for reading: rounded, a true minus sign, no ``-0.00``.

    ``digits`` is the number of decimals, None for scientific notation; -1 for three significant
    digits without trailing zeros.
    """
    if not math.isfinite(value):
        return "not finite"
    if digits == -1:
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    else:
        text = f"{value:.2e}" if digits is None else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def format_exact(value: float) -> str:
    """A number that may be zero but for rounding: up to :data:`EXACT` it is shown as 0.

    What rounding leaves of zero is another number on every processor, and means nothing.
    """
    return format_number(0.0 if abs(value) <= EXACT else value)


def mean_interval(values: Iterable[float]) -> Interval:
    """Mean and 95 % Student interval of ``values``; values that are not finite are counted apart.

    No value gives NaN, one value gives a mean without interval, and equal values an interval of
    width zero.
    """
    array = np.asarray(list(values), dtype=float)
    finite = np.sort(array[np.isfinite(array)])
    n, dropped = int(finite.size), int(array.size - finite.size)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, dropped)
    mean = float(finite.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1, dropped)
    # Values that differ by rounding only are equal.
    if np.ptp(finite) <= 1e-12 * np.abs(finite).max():
        return Interval(mean, mean, mean, n, dropped, tuple(finite))
    # A standard scale keeps the squares of tiny values from underflow.
    scale = float(np.ptp(finite))
    error = scale * float(((finite - mean) / scale).std(ddof=1)) / math.sqrt(n)
    half = student(n) * error
    return Interval(mean, mean - half, mean + half, n, dropped, tuple(finite))


def limits_of_skewed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the 95 % interval of the mean that allows for the skewness of the values.

    With S = (mean − μ)/s and the skewness γ of the values, √n (S + γS²/3 + γ²S³/27 + γ/6n) is
    closer to a t distribution than √n S is, and rises with S (Hall 1992, J. R. Stat. Soc. B 54,
    221). Undefined for equal values.

    Args:
        values: Samples of n values, shape (..., n).

    Returns:
        Lower and upper limits, shape (...).
    """
    n, mean, spread = values.shape[-1], values.mean(-1), values.std(-1, ddof=1)
    skewness = (((values - mean[..., None]) / spread[..., None]) ** 3).mean(-1)
    # Next to zero the inverse below is that of S alone, but for rounding.
    skewness = np.where(np.abs(skewness) < 1e-6, 1e-6, skewness)

    def shifted(t: float) -> np.ndarray:
        bent = np.cbrt(1 + skewness * (t / math.sqrt(n) - skewness / (6 * n)))
        return mean - spread * 3 * (bent - 1) / skewness

    return shifted(student(n)), shifted(-student(n))


def image_error(*accuracies: float, images: int) -> float:
    r"""At most the standard error that M test images leave to a difference of two accuracies.

    With :math:`r_{si}` one where fit s is right on image i, the paired difference of methods 1 and
    2 is the mean over images of :math:`D_i`, itself the mean over seeds of
    :math:`r^1_{si} - r^2_{si}`. Images are drawn independently, so that its variance is
    :math:`\mathrm{Var}(D_i) / M`. The variance of a mean over seeds is at most the mean of the
    variances, and of each of them

    .. math:: \mathrm{Var}(r^1_{si} - r^2_{si}) \le a_{1s} (1 - a_{1s}) + a_{2s} (1 - a_{2s}),

    where an image that one method gets wrong is no easier than others for the other one: their
    covariance is not negative. (With errors e = 1 - a and d their difference, the right side is
    :math:`e_1 (1 - e_2) + e_2 (1 - e_1) - d^2`.) Concave in a, it is largest for the mean over
    seeds, and over targets as well. It is a bound, and equality needs errors that have nothing to
    do with each other and seeds that agree.

    Args:
        accuracies: Means over seeds of the accuracies that are compared (one alone: its own error).
        images: Number of test images M.
    """
    return math.sqrt(sum(a * (1 - a) for a in accuracies) / images)


def with_images_drawn(interval: Interval, error: float) -> Interval:
    """An interval over seeds, widened by the sampling error of the test images.

    Both are independent: half widths add in squares. The values over seeds are left out, as they
    do not vary as much.

    Args:
        interval: Of an accuracy or of a difference, over seeds on the same test images.
        error: Standard error due to the images, of :func:`image_error` or smaller.
    """
    images = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    half = math.hypot(interval.half_width, images)
    mean = interval.mean
    return Interval(mean, mean - half, mean + half, interval.n, interval.dropped, images=images)


def matches(column: pd.Series | pd.api.extensions.ExtensionArray, wanted: object) -> np.ndarray:
    """Boolean mask of the rows of a spec column that equal ``wanted`` (one value, or a list).

    Floats are compared to a relative 1e-9. A column that mixes numbers and names (``batch_size``
    is an integer or "full") may hold its numbers as text, as Parquet leaves them.
    """
    if isinstance(wanted, (list, tuple, set, range, np.ndarray)):
        masks = [matches(column, value) for value in wanted]
        return np.any(masks, axis=0) if masks else np.zeros(len(column), dtype=bool)
    if isinstance(wanted, (int, float, np.number)) and not isinstance(wanted, bool):
        if not pd.api.types.is_numeric_dtype(column.dtype):
            column = pd.to_numeric(pd.Series(column), errors="coerce")
        found, value = np.asarray(column, dtype=float), float(wanted)
        # As np.isclose without an absolute tolerance, which takes five times as long.
        with np.errstate(invalid="ignore"):  # inf - inf
            return (found == value) | (np.abs(found - value) <= EXACT * abs(value))
    return np.asarray(column == wanted, dtype=bool)


def where(table: pd.DataFrame, condition: Mapping[str, object]) -> pd.DataFrame:
    """Rows of ``table`` whose fields have the values in ``condition``.

    Raises:
        KeyError: A field is not a column; the message names the columns there are.
    """
    unknown = [name for name in condition if name not in table.columns]
    if unknown:
        raise KeyError(
            f"no column {', '.join(map(repr, unknown))} in the table; "
            f"columns are {', '.join(map(str, table.columns))}"
        )
    if not condition:
        return table
    rows = np.arange(len(table))
    for name, wanted in condition.items():
        rows = rows[matches(table[name].array[rows], wanted)]
    return table.iloc[rows]


def by_seed(table: pd.DataFrame, metric: str, condition: Mapping[str, object]) -> pd.Series:
    """The values of ``metric`` under ``condition``, indexed by seed.

    Raises:
        ValueError: A seed occurs twice: the condition leaves something open, and pairing would be
            wrong.
    """
    rows = where(table, condition)
    if rows["seed"].duplicated().any():
        raise ValueError(
            f"condition {dict(condition)} selects more than one run for a seed; "
            f"fix more fields ({_varying(rows)} differ between the runs)"
        )
    values = rows[metric].to_numpy(dtype=float)
    return pd.Series(values, pd.Index(rows["seed"], name="seed"), name=metric).sort_index()


def _varying(rows: pd.DataFrame) -> str:
    names = [n for n in SETTINGS if n in rows.columns and rows[n].astype(str).nunique() > 1]
    return ", ".join(names) or "no spec field"


def paired_differences(a: pd.Series, b: pd.Series) -> pd.Series:
    """a − b for every seed that both have; :func:`by_seed` gives such series.

    Args:
        a: Values of a measure, indexed by seed.
        b: The same measure under another condition, indexed by seed.

    Raises:
        ValueError: The two share no seed.
    """
    shared = a.index.intersection(b.index)
    if shared.empty:
        raise ValueError(
            f"conditions with {len(a)} and {len(b)} seeds share no seed; run both with the same "
            "seeds"
        )
    return a[shared] - b[shared]


def paired_difference(
    table: pd.DataFrame, metric: str, a: Mapping[str, object], b: Mapping[str, object]
) -> Interval:
    """Mean of the :func:`paired_differences` a − b of two conditions of a table, with interval."""
    return mean_interval(paired_differences(by_seed(table, metric, a), by_seed(table, metric, b)))


def sign_flip_p(differences: Iterable[float]) -> float:
    """Two-sided p value of "the mean difference is zero" by random sign flips (Fisher 1935).

    Uses every sign pattern up to 12 differences, 9999 random ones (fixed random state) and the
    observed pattern beyond. Differences that are not finite are left out; none gives NaN.
    """
    values = np.asarray(list(differences), dtype=float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return math.nan
    if values.size <= 12:
        patterns = np.arange(2**values.size)[:, None] >> np.arange(values.size) & 1
        signs = 1.0 - 2.0 * patterns
    else:
        draws = np.random.default_rng(0).integers(0, 2, (SIGN_FLIPS, values.size))
        signs = np.vstack([np.ones(values.size), 1.0 - 2.0 * draws])
    observed = abs(values.mean())
    # The tolerance keeps patterns that tie with the observed one exactly, but for rounding.
    extreme = np.abs(signs @ values) / values.size >= observed * (1 - 1e-12)
    return float(extreme.mean())


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjustment of a family of p values (Holm 1979), in the given order."""
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or np.isnan(p).any() or (p < 0).any() or (p > 1).any():
        raise ValueError(f"p values must be a flat list of numbers in [0, 1], got {p_values}")
    order = np.argsort(p, kind="stable")
    factors = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def spearman_trend(table: pd.DataFrame, x: str, y: str) -> Interval:
    """Spearman rank correlation of ``y`` with ``x`` inside each seed, averaged over seeds.

    A seed whose ``y`` (or ``x``) is constant has no trend and counts as 0; a seed with fewer
    than three points is dropped and counted.
    """
    trends = []
    for _, rows in table.groupby("seed"):
        pairs = rows[[x, y]].astype(float).dropna()
        if len(pairs) < 3:
            trends.append(math.nan)
        elif pairs[x].nunique() == 1 or pairs[y].nunique() == 1:
            trends.append(0.0)
        else:
            trends.append(float(stats.spearmanr(pairs[x], pairs[y]).statistic))
    return mean_interval(trends)


def rank_correlation(first: Iterable[float], second: Iterable[float]) -> Interval:
    """Spearman's rank correlation ρ of pairs, with its 95 % interval.

    The interval is that of artanh ρ with variance (1 + ρ²/2)/(n − 3), carried back (Bonett & Wright
    2000). Pairs of which one value is not finite are left out and counted. The interval is NaN
    below four pairs, and everything is NaN where one side is constant.

    Args:
        first: One value per configuration, shape (n,).
        second: The other value of the same configurations, shape (n,).

    Returns:
        Correlation in [-1, 1] as the mean of an interval.

    Raises:
        ValueError: The two have different lengths.
    """
    x, y = (np.asarray(list(values), dtype=float) for values in (first, second))
    if x.shape != y.shape:
        raise ValueError(f"a correlation needs pairs: got {x.size} and {y.size} values")
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    dropped = int((~finite).sum())
    n = int(x.size)
    if n < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Interval(np.nan, np.nan, np.nan, 0, dropped)
    rho = float(stats.spearmanr(x, y).statistic)
    if n < 4:
        return Interval(rho, np.nan, np.nan, n, dropped)
    if abs(rho) >= 1 - EXACT:  # the same order, or the reverse: no spread to speak of
        return Interval(rho, rho, rho, n, dropped)
    centre = np.arctanh(rho)
    normal = stats.norm.ppf((1 + CONFIDENCE) / 2)
    half = normal * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return Interval(rho, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n, dropped)


def signed(interval: Interval) -> str:
    """A difference with its sign always written, ``+0.3 [0.1, 0.5]``."""
    text = str(interval)
    return f"+{text}" if interval.mean > 0 and not text.startswith("−") else text
