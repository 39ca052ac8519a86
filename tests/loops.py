"""The definitions of every loss term and measure, as slow NumPy loops in float64.

Written from the formulas alone, sum by sum, so that they can disagree with the library.
"""

import math

import numpy as np

EPS = 1e-6


def mean(values):
    return sum(values) / len(values)


def cov(x, y):
    """Unbiased covariance of two lists of numbers."""
    mx, my = mean(x), mean(y)
    return sum((u - mx) * (v - my) for u, v in zip(x, y, strict=True)) / (len(x) - 1)


def covariance(a):
    k = a.shape[1]
    return np.array([[cov(a[:, i], a[:, j]) for j in range(k)] for i in range(k)])


def correlation(a, eps=EPS):
    k = a.shape[1]
    s = covariance(a)
    return np.array(
        [
            [s[i, j] / (math.sqrt(s[i, i] + eps) * math.sqrt(s[j, j] + eps)) for j in range(k)]
            for i in range(k)
        ]
    )


def distance_to_identity(m):
    k = len(m)
    return sum((m[i, j] - (1.0 if i == j else 0.0)) ** 2 for i in range(k) for j in range(k))


def log_variance(a, eps=EPS):
    return sum(math.log(cov(a[:, j], a[:, j]) + eps) for j in range(a.shape[1]))


def total_correlation(a, eps=EPS):
    return distance_to_identity(correlation(a, eps))


def cosines(w):
    """All cosines between rows, the diagonal included."""
    k, d = w.shape
    lengths = [math.sqrt(sum(w[i, n] ** 2 for n in range(d))) for i in range(k)]
    return np.array(
        [
            [sum(w[i, n] * w[j, n] for n in range(d)) / (lengths[i] * lengths[j]) for j in range(k)]
            for i in range(k)
        ]
    )


def weight_redundancy(w):
    return distance_to_identity(cosines(w))


def loss(a, w, lambda_tc, lambda_wr, eps=EPS):
    return (
        -log_variance(a, eps)
        + lambda_tc * total_correlation(a, eps)
        + lambda_wr * weight_redundancy(w)
    )


def numeric_gradient(function, x, step=1e-5):
    """Central differences of a scalar function of an array."""
    x = np.array(x, float)
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + step
        above = function(x)
        x[place] = kept - step
        gradient[place] = (above - function(x)) / (2 * step)
        x[place] = kept
    return gradient


def different(k):
    """Ordered pairs of different units."""
    return [(i, j) for i in range(k) for j in range(k) if i != j]


def weight_measures(w, b):
    k, d = w.shape
    c = cosines(w)
    pairs = different(k)
    off = [c[i, j] for i, j in pairs]
    thresholds = [-b[i] / math.sqrt(sum(w[i] ** 2)) for i in range(k)]
    i, j = max(pairs, key=lambda pair: c[pair])
    s = np.sqrt(np.clip(np.linalg.eigvalsh(w @ w.T), 0, None))
    p = s / s.sum()
    return {
        "weight_redundancy": weight_redundancy(w),
        "redundancy_over_random": weight_redundancy(w) / (k * (k - 1) / d),
        "rms_cosine": math.sqrt(mean([v * v for v in off])),
        "max_abs_cosine": max(abs(v) for v in off),
        "max_cosine": max(off),
        "aligned_pairs": sum(c[i, j] > 0.9 for i, j in pairs if i < j),
        "threshold_gap": abs(thresholds[i] - thresholds[j]),
        "effective_rank": s.sum() ** 2 / (s**2).sum(),
        "entropy_rank": math.exp(-sum(v * math.log(v) for v in p if v > 0)),
        "row_norm": mean([math.sqrt(sum(row**2)) for row in w]),
    }


def output_measures(a):
    n, k = a.shape
    r = correlation(a)
    fires = np.abs(a) > 1e-6
    rate = [mean([float(v) for v in fires[:, j]]) for j in range(k)]
    both = {
        (i, j): mean([float(u and v) for u, v in zip(fires[:, i], fires[:, j], strict=True)])
        for i, j in different(k)
    }
    variances = [cov(a[:, j], a[:, j]) for j in range(k)]
    return {
        "output_correlation": total_correlation(a),
        "mean_r2_excess": mean([r[i, j] ** 2 for i, j in different(k)]) - 1 / (n - 1),
        "dead_units": sum(v < 0.01 for v in rate),
        "firing_rate": mean(rate),
        "cofiring_excess": mean([abs(v - rate[i] * rate[j]) for (i, j), v in both.items()]),
        "min_relative_variance": min(variances) / mean(variances),
    }


def hsic(a):
    """Mean normalised HSIC of different units: trace(KHLH), kernels as wide as the deviations."""
    n, k = a.shape
    centring = np.eye(n) - 1 / n
    kernels = []
    for j in range(k):
        sigma = math.sqrt(cov(a[:, j], a[:, j]))
        kernel = [[math.exp(-((u - v) ** 2) / (2 * sigma**2)) for v in a[:, j]] for u in a[:, j]]
        kernels.append(np.array(kernel))

    def dependence(x, y):
        return np.trace(x @ centring @ y @ centring)

    return mean(
        [
            dependence(kernels[i], kernels[j])
            / math.sqrt(dependence(kernels[i], kernels[i]) * dependence(kernels[j], kernels[j]))
            for i, j in different(k)
        ]
    )
