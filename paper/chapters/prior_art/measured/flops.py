"""What training costs: floating-point operations of matrix products, by one rule for all methods.

A product of matrices (M, P) and (P, N) costs 2 M P N, two operations per multiply-add. Of
factorisations the term of highest order is counted: n³/3 for a Cholesky factor (n, n), 2n³/3 for a
determinant, 2n³ for an inverse, n² m for a triangular solve with m right-hand sides (Golub & Van
Loan 2013), and for all eigenvectors of a symmetric matrix
    14n³/3 = 4n³/3 (reduction to tridiagonal form) + 4n³/3 (divide and conquer) + 2n³ (back),
where the middle term is Σ_l n³/4^l, the products of its levels l when nothing deflates. Everything
else is left out: elementwise operations, sums, products with a vector, sorting, sampling, and the
interpolation that makes views. What is counted is what is executed, zeros of a mask included.

Methods that descend in batches, InfoMax layers among them, are counted by PyTorch while they run
on random inputs (`count_flops`). The others follow from N samples, D inputs, K units and T
iterations, their `epochs`, of which they may need fewer, by the formula that each declares
(``Method.flops``). All costs are those of one seed alone.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from infomax_lib.model.data import CLASSES, Dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.population import Population
from paper.methods.components.pca import EIGENVECTORS
from paper.methods.methods import METHODS
from paper.methods.spec import BaselineSpec

_FIRST_BATCH = 2  # samples


def training_flops(spec: BaselineSpec | RunSpec, samples: int, inputs: int) -> float:
    """Floating-point operations of one fit, see the module's rule.

    Args:
        spec: What is fitted, for all of its epochs. Iterations of a method that stopped early are
            counted with ``spec.but(epochs=...)``.
        samples: Training samples N, at least 2; ``spec.dataset`` is not loaded.
        inputs: Inputs D, at least 1.

    Raises:
        ValueError: Sizes out of range, or a method that neither descends in batches nor has a
            formula here.
        FitError: The method cannot be fitted to so many inputs (views need a square image).
    """
    _check_sizes(samples, inputs)
    epochs = spec.epochs or 0
    if isinstance(spec, RunSpec) or spec.batch_size is not None:
        return epochs * _flops_per_epoch(spec.but(seed=0, epochs=1), samples, inputs)
    formula = METHODS[spec.method].flops
    if formula is None:
        raise ValueError(
            f"the training cost of {spec.method!r} is not known: it has no batches to count, so "
            "give it a formula where it is declared, Method(..., flops=...)"
        )
    return formula(samples, inputs, spec.hidden_dim, epochs)


def epochs_for(spec: BaselineSpec | RunSpec, samples: int, inputs: int, budget: float) -> int:
    """The number of epochs, at least 1, whose cost is closest to a budget of FLOPs.

    Args:
        spec: A method that descends in batches; its own number of epochs does not matter.
        samples: Training samples N.
        inputs: Inputs D.
        budget: Operations of one fit, > 0, as `training_flops` counts them.

    Raises:
        ValueError: The method takes no minibatches, or the budget is not positive and finite.
    """
    if isinstance(spec, BaselineSpec) and spec.batch_size is None:
        raise ValueError(
            f"{spec.method} does not descend in minibatches, so that a budget does not set its "
            "epochs: leave it as it is"
        )
    if not (math.isfinite(budget) and budget > 0):
        raise ValueError(f"budget={budget!r} is not possible: choose a finite number above 0")
    return max(1, round(budget / training_flops(spec.but(epochs=1), samples, inputs)))


def parameters(spec: BaselineSpec | RunSpec, inputs: int) -> int:
    """How many numbers the kept encoder has: K (D + 1) for a layer with biases.

    Biases that are zero or frozen count, too. Centres (k-means) and unit vectors (SoftHebb) have
    none; components of a mixture have a variance and a weight. Heads, decoders, predictors and
    slow copies are not kept.
    """
    _check_sizes(_FIRST_BATCH, inputs)
    beside = METHODS[spec.method].kept_per_unit if isinstance(spec, BaselineSpec) else 1
    return spec.hidden_dim * (inputs + beside)


def count_flops(function: Callable[[], object]) -> float:
    """Floating-point operations of the PyTorch products and factorisations in a call.

    ``torch.utils.flop_counter`` knows no products that add to a matrix in place and no
    factorisations; they are counted here. float32 products of :mod:`.matmul` on the
    CPU bypass PyTorch's names for products and are not seen: call it with float64.
    """
    with FlopCounterMode(display=False, custom_mapping=_UNKNOWN_TO_PYTORCH) as counter:
        function()
    return float(counter.get_total_flops())


def _check_sizes(samples: int, inputs: int) -> None:
    if samples < _FIRST_BATCH or inputs < 1:
        raise ValueError(
            f"samples={samples}, inputs={inputs} is not possible: choose at least "
            f"{_FIRST_BATCH} samples and 1 input"
        )


# --- counted -------------------------------------------------------------------------------------


def _flops_per_epoch(spec: BaselineSpec | RunSpec, samples: int, inputs: int) -> float:
    """Cost of an epoch, counted on few samples and continued batch by batch.

    Two epochs that differ by one batch are counted, with the same rest at their end as the whole
    has. A full batch is continued sample by sample: its cost is affine in their number.
    """
    stride = spec.batch_size if isinstance(spec.batch_size, int) else 1
    settled = METHODS[spec.method].settled if isinstance(spec, BaselineSpec) else _FIRST_BATCH
    few = settled + (samples - settled) % stride
    if samples <= few:
        return _counted_epoch(spec, samples, inputs)
    first = _counted_epoch(spec, few, inputs)
    each = _counted_epoch(spec, few + stride, inputs) - first
    return first + (samples - few) // stride * each


@lru_cache(maxsize=4096)
def _counted_epoch(spec: BaselineSpec | RunSpec, samples: int, inputs: int) -> float:
    """Cost of a fit for the one epoch of ``spec``, on random inputs in [0, 1]."""
    stream = torch.Generator().manual_seed(0)
    x = torch.rand(samples, inputs, generator=stream, dtype=torch.float32)
    # the largest label says how many classes the supervised layer tells apart
    labels = torch.full((samples,), CLASSES[spec.dataset] - 1)
    if isinstance(spec, RunSpec):
        data = Dataset(spec.dataset, x, labels, x, labels, image_shape=None, checksum="")
        population = Population([spec], data, "cpu", torch.float64)
        return count_flops(population.epoch)
    method = METHODS[spec.method]
    settings: dict[str, Any] = {name: getattr(spec, name) for name in method.defaults}
    if method.reads_labels:
        settings["labels"] = labels
    return count_flops(lambda: method.fit_or_raise(x, spec.hidden_dim, [spec.seed], **settings))


# Shapes of the arguments of an operation -> its cost; leading dimensions are separate matrices.


def _added_product(total, a, b, **_) -> float:
    return 2 * math.prod(a) * b[-1]


def _triangular_solve(triangle, right, **_) -> float:
    return math.prod(right) * triangle[-1]


def _cubic(factor: float) -> Callable[..., float]:
    """``factor`` n³ for every matrix (n, n)."""
    return lambda square, *_, **__: factor * math.prod(square) * square[-1]


_UNKNOWN_TO_PYTORCH: dict[Any, Callable[..., float]] = {
    torch.ops.aten.addmm_: _added_product,
    torch.ops.aten.baddbmm_: _added_product,
    torch.ops.aten.linalg_solve_triangular: _triangular_solve,
    torch.ops.aten.linalg_cholesky_ex: _cubic(1 / 3),
    torch.ops.aten._linalg_slogdet: _cubic(2 / 3),
    torch.ops.aten.linalg_inv_ex: _cubic(2),
    torch.ops.aten._linalg_eigh: _cubic(EIGENVECTORS),
}
