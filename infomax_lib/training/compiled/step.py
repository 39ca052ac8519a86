"""A training step of many layers as compiled code: everything between a batch and moved weights.

PyTorch's operations work on whole tensors, one after another; for layers of some dozen units most
of the time goes into calling them and into moving tensors through memory. Here Numba compiles the
whole step, so that what a layer computes stays in a core's cache.

Parameters lie in a table (D + 1, R): a row for each input, a column for each unit of all layers,
the biases as the row of a last input that is always 1. Products leave out the inputs that are
zero, which on MNIST are four in five. The objective's gradient is
:func:`infomax_lib.model.objective.gradient_by_covariance`, the optimizers are PyTorch's with
``fused=True``. No operation mixes layers. All of it is in one file, because Numba's cache on disk
knows no dependencies between files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

from infomax_lib.training.compiled.cache import keep_on_disk

__all__ = ["ACTIVATIONS", "Batches", "Inputs", "Layers", "State", "group_by_input", "train"]

_F = np.float32  # in compiled code a number of this type takes on the precision of its partner
_ZERO, _ONE, _TWO = _F(0), _F(1), _F(2)

#: The number by which compiled code knows an activation.
ACTIVATIONS = {
    name: number
    for number, name in enumerate(("identity", "relu", "leaky_relu", "tanh", "softplus", "sigmoid"))
}
_IDENTITY, _RELU, _LEAKY_RELU, _TANH, _SOFTPLUS, _SIGMOID = ACTIVATIONS.values()
_LEAK, _LINEAR_ABOVE = 0.01, 20  # PyTorch's slope of the leaky ReLU, and threshold of softplus

_BETAS, _ADAM_EPSILON = (0.9, 0.999), 1e-8  # PyTorch's defaults
_EPSILON = 1e-6  # infomax_lib.model.objective.EPSILON, added to every variance
_SHORTEST = 1e-12  # no row is taken for shorter, as in infomax_lib.model.objective


class Inputs(NamedTuple):
    """The nonzero inputs of all samples, compressed by sample.

    Attributes:
        offsets: Where the entries of each sample begin, (N + 1,), int64.
        places: Which input an entry is, uint32; the last one is in every sample.
        values: Its value.
    """

    offsets: np.ndarray
    places: np.ndarray
    values: np.ndarray


class Batches(NamedTuple):
    """T batches of B samples, and their nonzero inputs by input, see :func:`group_by_input`.

    Attributes:
        samples: Which samples, (T, B), int64.
        offsets: Where the entries of each input begin, (T, D + 2), int64.
        members: Which member of the batch an entry belongs to, uint32.
        values: Its value.
    """

    samples: np.ndarray
    offsets: np.ndarray
    members: np.ndarray
    values: np.ndarray


class Layers(NamedTuple):
    """What the layers in a table are; arrays over the layers.

    Attributes:
        start: First column, int64.
        units: Number of columns K, int64.
        activation: A value of :data:`ACTIVATIONS`, int64.
        softmax: Whether a softmax follows.
        temperature: Of the softmax.
        entropy: Weight of the entropy term.
        lambda_tc: Weight of the correlation term.
        lambda_wr: Weight of the redundancy term.
        loss: Where the loss of every step is added, float64.
        tc: Where ||R - I||^2 of every step is added, float64.
    """

    start: np.ndarray
    units: np.ndarray
    activation: np.ndarray
    softmax: np.ndarray
    temperature: np.ndarray
    entropy: np.ndarray
    lambda_tc: np.ndarray
    lambda_wr: np.ndarray
    loss: np.ndarray
    tc: np.ndarray


class State(NamedTuple):
    """What training changes, and how fast.

    Attributes:
        table: Parameters (D + 1, R).
        first: Adam's first moments, like the table; (0, 0) for gradient descent.
        second: Adam's second moments.
        rates: Step size of every column, (R,), float64.
        moved: How many of the D + 1 rows are trained; D when biases are frozen.
    """

    table: np.ndarray
    first: np.ndarray
    second: np.ndarray
    rates: np.ndarray
    moved: int


def _compiled(function: Callable[..., Any], regroup: bool = True) -> Any:
    """Compile a function at its first call, and keep the result on disk where that is possible."""
    # terms are multiplied and added at once, sums regrouped; NaN and infinity keep their meaning
    fastmath = {"contract", "nsz", "reassoc"} if regroup else {"contract", "nsz"}
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    compiled = njit(**options)(function)
    keep_on_disk(compiled, function)
    return compiled


# --- elementary functions ------------------------------------------------------------------------
#
# The C library's exp and tanh take one number at a time, which is slower than the products. The
# single-precision formulas below vectorise, and err by at most a few units in the last place on any
# processor. Their terms stay in the order written: regrouped, the two parts of log 2 become one.

_in_order = partial(_compiled, regroup=False)

# exp x = 2^n exp r, |r| <= log(2) / 2, with the coefficients of Cephes' expf (Moshier 1992)
_LOG2_E = _F(1.44269504088896341)
_LOG_2, _LOG_2_REST = _F(0.693359375), _F(-2.12194440e-4)  # the first exact in few bits
_EXP_5, _EXP_4, _EXP_3 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_EXP_2, _EXP_1, _EXP_0 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)
_LOWEST, _HIGHEST = _F(-87.3), _F(88.3)  # beyond, the results are no normal numbers
_EXPONENT_BIAS, _EXPONENT_PLACE = np.int32(127), np.int32(23)

# tanh x = x + x^3 P(x^2) for small x, with the coefficients of Cephes' tanhf
_SMALL = _F(0.625)
_TANH_4, _TANH_3, _TANH_2 = _F(-5.70498872745e-3), _F(2.06390887954e-2), _F(-5.37397155531e-2)
_TANH_1, _TANH_0 = _F(1.33314422036e-1), _F(-3.33332819422e-1)

_THIRD, _FIFTH, _SEVENTH, _NINTH, _ELEVENTH, _THIRTEENTH = (_F(1 / n) for n in range(3, 14, 2))


@_in_order
def _exp_single(x):
    x = _LOWEST if x < _LOWEST else (_HIGHEST if x > _HIGHEST else x)
    n = np.rint(x * _LOG2_E)
    r = x - n * _LOG_2 - n * _LOG_2_REST
    p = ((((_EXP_5 * r + _EXP_4) * r + _EXP_3) * r + _EXP_2) * r + _EXP_1) * r + _EXP_0
    two_to_n = np.int32((np.int32(n) + _EXPONENT_BIAS) << _EXPONENT_PLACE).view(np.float32)
    return (p * r * r + r + _ONE) * two_to_n


@_in_order
def _tanh_single(x):
    e = _exp_single(-_TWO * abs(x))
    far = (_ONE - e) / (_ONE + e)
    q = x * x
    near = ((((_TANH_4 * q + _TANH_3) * q + _TANH_2) * q + _TANH_1) * q + _TANH_0) * q * x + x
    return near if abs(x) < _SMALL else (far if x > _ZERO else -far)


@_in_order
def _log1p_single(e):
    # 2 artanh s, of which seven terms are enough for 0 <= e <= 1
    s = e / (_TWO + e)
    q = s * s
    p = ((((_THIRTEENTH * q + _ELEVENTH) * q + _NINTH) * q + _SEVENTH) * q + _FIFTH) * q + _THIRD
    return _TWO * s * (p * q + _ONE)


def _exp(x):
    """e^x; in single precision between 1e-38 and 2e38."""


def _tanh(x):
    """Hyperbolic tangent."""


def _log1p(e):
    """log(1 + e) for 0 <= e <= 1."""


def _compile_for_both(function, single, double):
    """Let compiled code call ``function`` in single and in double precision."""

    @overload(function)
    def choose(x):
        return (lambda x: single(x)) if x == types.float32 else (lambda x: double(x))


_compile_for_both(_exp, _exp_single, math.exp)
_compile_for_both(_tanh, _tanh_single, math.tanh)
_compile_for_both(_log1p, _log1p_single, math.log1p)


# --- products ------------------------------------------------------------------------------------


@_compiled
def _add_rows(out, factors, table, places, start, stop):
    """out (R,) += sum over start <= p < stop of factors[p] table[places[p]]."""
    p = start
    while p + 8 <= stop:  # several rows at once, so that `out` is seldom read and written
        a, b, c, d = factors[p], factors[p + 1], factors[p + 2], factors[p + 3]
        e, f, g, h = factors[p + 4], factors[p + 5], factors[p + 6], factors[p + 7]
        row_a, row_b = table[places[p]], table[places[p + 1]]
        row_c, row_d = table[places[p + 2]], table[places[p + 3]]
        row_e, row_f = table[places[p + 4]], table[places[p + 5]]
        row_g, row_h = table[places[p + 6]], table[places[p + 7]]
        for j in range(out.shape[0]):
            out[j] += (a * row_a[j] + b * row_b[j] + c * row_c[j] + d * row_d[j]) + (
                e * row_e[j] + f * row_f[j] + g * row_g[j] + h * row_h[j]
            )
        p += 8
    while p < stop:
        a, row_a = factors[p], table[places[p]]
        for j in range(out.shape[0]):
            out[j] += a * row_a[j]
        p += 1


@_compiled
def _add_product(out, left, right):
    """out (M, N) += left (M, P) right (P, N)."""
    count = right.shape[0]
    p = 0
    while p + 8 <= count:
        for m in range(out.shape[0]):
            a, b, c, d = left[m, p], left[m, p + 1], left[m, p + 2], left[m, p + 3]
            e, f, g, h = left[m, p + 4], left[m, p + 5], left[m, p + 6], left[m, p + 7]
            for n in range(out.shape[1]):
                out[m, n] += (
                    a * right[p, n] + b * right[p + 1, n] + c * right[p + 2, n]
                    + d * right[p + 3, n] + e * right[p + 4, n] + f * right[p + 5, n]
                    + g * right[p + 6, n] + h * right[p + 7, n]
                )  # fmt: skip
        p += 8
    while p < count:
        for m in range(out.shape[0]):
            a = left[m, p]
            for n in range(out.shape[1]):
                out[m, n] += a * right[p, n]
        p += 1


@_compiled
def group_by_input(inputs, samples, count):
    """The nonzero inputs of batches, by input: :class:`Batches`.

    Args:
        inputs: Of all samples.
        samples: Which samples (T, B), int64.
        count: Number of inputs, D + 1.
    """
    steps, size = samples.shape
    offsets = np.zeros((steps, count + 1), np.int64)
    for t in range(steps):
        for member in range(size):
            n = samples[t, member]
            for p in range(inputs.offsets[n], inputs.offsets[n + 1]):
                offsets[t, inputs.places[p] + 1] += 1
    entries = 0
    for t in range(steps):
        for i in range(count + 1):
            entries += offsets[t, i]
            offsets[t, i] = entries
    members = np.empty(entries, np.uint32)
    values = np.empty(entries, inputs.values.dtype)
    following = offsets[:, :-1].copy()
    for t in range(steps):
        free = following[t]
        for member in range(size):
            n = samples[t, member]
            for p in range(inputs.offsets[n], inputs.offsets[n + 1]):
                i = inputs.places[p]
                members[free[i]] = member
                values[free[i]] = inputs.values[p]
                free[i] += 1
    return Batches(samples, offsets, members, values)


# --- outputs and objective -----------------------------------------------------------------------


@_compiled
def _activate(kind, h, slope):
    """Replace pre-activations (K B,) by activations; their derivatives go to ``slope``."""
    leak = h.dtype.type(_LEAK)
    if kind == _IDENTITY:
        for i in range(h.shape[0]):
            slope[i] = _ONE
    elif kind == _RELU:
        for i in range(h.shape[0]):
            slope[i] = _ONE if h[i] > _ZERO else _ZERO
            h[i] = _ZERO if h[i] <= _ZERO else h[i]  # NaN stays
    elif kind == _LEAKY_RELU:
        for i in range(h.shape[0]):
            slope[i] = _ONE if h[i] > _ZERO else leak
            h[i] *= slope[i]
    elif kind == _TANH:
        for i in range(h.shape[0]):
            h[i] = _tanh(h[i])
            slope[i] = _ONE - h[i] * h[i]
    elif kind == _SOFTPLUS:
        for i in range(h.shape[0]):
            z = h[i]
            e = _exp(-abs(z))
            linear = z > _LINEAR_ABOVE
            h[i] = z if linear else (z if z > _ZERO else _ZERO) + _log1p(e)
            slope[i] = _ONE if linear else (_ONE if z > _ZERO else e) / (_ONE + e)
    elif kind == _SIGMOID:
        for i in range(h.shape[0]):
            h[i] = _ONE / (_ONE + _exp(-h[i]))
            slope[i] = h[i] * (_ONE - h[i])


@_compiled
def _softmax(a, temperature):
    """Replace activations (B, K) by their softmax over the units."""
    for b in range(a.shape[0]):
        row = a[b]
        largest = row[0]
        for k in range(row.shape[0]):
            largest = max(largest, row[k])
        for k in range(row.shape[0]):
            row[k] = (row[k] - largest) / temperature
    flat = a.reshape(a.size)
    for i in range(flat.shape[0]):
        flat[i] = _exp(flat[i])
    for b in range(a.shape[0]):
        row = a[b]
        total = row[0] - row[0]
        for k in range(row.shape[0]):
            total += row[k]
        share = _ONE / total
        for k in range(row.shape[0]):
            row[k] *= share


@_compiled
def _through_softmax(by_a, a, temperature):
    """Replace the gradient by outputs (B, K) by the one by what the softmax was taken of."""
    for b in range(a.shape[0]):
        row, by_row = a[b], by_a[b]
        inner = _ZERO * row[0]
        for k in range(row.shape[0]):
            inner += row[k] * by_row[k]
        for k in range(row.shape[0]):
            by_row[k] = row[k] * (by_row[k] - inner) / temperature


@_compiled
def _centre(a, centred):
    """Outputs (B, K) less their means over the batch."""
    size, units = a.shape
    mean = np.zeros(units, a.dtype)
    for b in range(size):
        for k in range(units):
            mean[k] += a[b, k]
    for k in range(units):
        mean[k] /= a.dtype.type(size)
    for b in range(size):
        for k in range(units):
            centred[b, k] = a[b, k] - mean[k]


@_compiled
def _gradient_by_covariance(cov, entropy, lambda_tc):
    """Replace covariances (K, K) by the objective's gradient M; the objective's two values."""
    units = cov.shape[0]
    number = cov.dtype.type
    scale = np.empty(units, cov.dtype)
    tc = logs = number(0)
    for i in range(units):
        variance = cov[i, i] + number(_EPSILON)
        scale[i] = _ONE / math.sqrt(variance)
        logs += math.log(variance)
    for i in range(units):
        row = cov[i]
        for j in range(units):
            row[j] *= scale[i] * scale[j]
        row[i] -= _ONE
        squares = number(0)
        for j in range(units):
            squares += row[j] * row[j]
        tc += squares
        through_scale = (_TWO * lambda_tc * (squares + row[i]) + entropy) * scale[i] * scale[i]
        for j in range(units):
            row[j] *= _TWO * lambda_tc * scale[i] * scale[j]
        row[i] -= through_scale
    return lambda_tc * tc - entropy * logs, tc


@_compiled
def _layer_gradient(z, layers, n):
    """Replace the pre-activations of layer n, columns of z (B, R), by the gradient of its loss.

    Returns:
        The loss without redundancy term, and ||R - I||^2.
    """
    size, start, units = z.shape[0], layers.start[n], layers.units[n]
    temperature = layers.temperature[n]
    h = np.empty((size, units), z.dtype)
    for b in range(size):
        for k in range(units):
            h[b, k] = z[b, start + k]
    slope = np.empty(size * units, z.dtype)
    _activate(layers.activation[n], h.reshape(h.size), slope)
    if layers.softmax[n]:
        _softmax(h, temperature)
    centred = np.empty((size, units), z.dtype)
    _centre(h, centred)
    matrix = np.zeros((units, units), z.dtype)
    _add_product(matrix, centred.T, centred)
    over = _ONE / z.dtype.type(size - 1)
    matrix *= over
    values = _gradient_by_covariance(matrix, layers.entropy[n], layers.lambda_tc[n])
    matrix *= _TWO * over
    gradient = np.zeros((size, units), z.dtype)
    _add_product(gradient, centred, matrix)
    if layers.softmax[n]:
        _through_softmax(gradient, h, temperature)
    for b in range(size):
        for k in range(units):
            z[b, start + k] = gradient[b, k] * slope[b * units + k]
    return values


@_compiled
def _redundancy_gradient(columns, lambda_wr, gradient):
    """Add the gradient of lambda_wr ||G - I||^2 by weights (D, K), given as columns; its value.

    With s the inverse lengths of the rows of W and q the sums over j != i of G_ij^2, it is 4
    lambda_wr times the sum over j != i of s_i s_j G_ij w_j, less s_i^2 q_i w_i.
    """
    units = columns.shape[1]
    number = columns.dtype.type
    gram = np.zeros((units, units), columns.dtype)
    _add_product(gram, columns.T, columns)
    scale = np.empty(units, columns.dtype)
    for i in range(units):
        scale[i] = _ONE / max(math.sqrt(gram[i, i]), number(_SHORTEST))
    value = number(0)
    for i in range(units):
        missing = gram[i, i] * scale[i] * scale[i] - _ONE  # of a row without direction
        squares = number(0)
        for j in range(units):
            gram[i, j] *= scale[i] * scale[j]
        gram[i, i] = _ZERO
        for j in range(units):
            squares += gram[i, j] * gram[i, j]
        value += squares + missing * missing
        for j in range(units):
            gram[i, j] *= number(4) * lambda_wr * scale[i] * scale[j]
        gram[i, i] = -number(4) * lambda_wr * squares * scale[i] * scale[i]
    _add_product(gradient, columns, gram)
    return lambda_wr * value


# --- training ------------------------------------------------------------------------------------


@_compiled
def _adam(row, first, second, gradient, sizes, shrinkage):
    """Move a row of parameters by Adam (Kingma & Ba 2015)."""
    number = row.dtype.type
    decay, decay_square = number(_BETAS[0]), number(_BETAS[1])
    fresh, fresh_square = number(1 - _BETAS[0]), number(1 - _BETAS[1])
    for j in range(row.shape[0]):
        first[j] = decay * first[j] + fresh * gradient[j]
        second[j] = decay_square * second[j] + fresh_square * gradient[j] * gradient[j]
        length = math.sqrt(second[j]) * shrinkage + number(_ADAM_EPSILON)
        row[j] -= sizes[j] * first[j] / length


@_compiled
def train(state, layers, inputs, batches, done):
    """One training step on each of the batches.

    Args:
        state: :class:`State`, which is changed.
        layers: :class:`Layers` in its table, whose sums are added to.
        inputs: :class:`Inputs` of all samples.
        batches: :class:`Batches` of them, all weighed equally.
        done: Number of steps before these.
    """
    table, adam = state.table, state.first.size > 0
    count, width = table.shape
    number = table.dtype.type
    steps, size = batches.samples.shape
    z = np.empty((size, width), table.dtype)
    sizes = state.rates.astype(table.dtype)
    shrinkage = number(1)
    regularised = (layers.lambda_wr > 0).any()
    by_weights = np.zeros((count, width) if regularised else (0, 0), table.dtype)
    gradient = np.empty(width, table.dtype)
    for t in range(steps):
        for b in range(size):
            n = batches.samples[t, b]
            z[b] = _ZERO
            _add_rows(
                z[b], inputs.values, table, inputs.places, inputs.offsets[n], inputs.offsets[n + 1]
            )
        for n in range(layers.start.shape[0]):
            loss, tc = _layer_gradient(z, layers, n)
            if layers.lambda_wr[n] > 0:
                own = slice(layers.start[n], layers.start[n] + layers.units[n])
                direct = np.zeros((count - 1, layers.units[n]), table.dtype)
                loss += _redundancy_gradient(table[:-1, own].copy(), layers.lambda_wr[n], direct)
                by_weights[:-1, own] = direct
            layers.loss[n] += loss
            layers.tc[n] += tc
        done += 1
        if adam:
            sizes = (state.rates / (1 - _BETAS[0] ** done)).astype(table.dtype)
            shrinkage = number(1 / math.sqrt(1 - _BETAS[1] ** done))
        for i in range(state.moved):
            if regularised:
                gradient[:] = by_weights[i]
            else:
                gradient[:] = _ZERO
            _add_rows(
                gradient, batches.values, z, batches.members,
                batches.offsets[t, i], batches.offsets[t, i + 1],
            )  # fmt: skip
            if adam:
                _adam(table[i], state.first[i], state.second[i], gradient, sizes, shrinkage)
            else:
                for j in range(width):
                    table[i, j] -= sizes[j] * gradient[j]
