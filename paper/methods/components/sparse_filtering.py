"""Sparse filtering (Ngiam, Koh, Chen, Bhaskar & Ng 2011).

For examples n and units k, with the soft absolute value of a linear map,
    f_nk = √((w_k·x_n)² + ε),   f̃_nk = f_nk / ||f_·k||,   f̂_nk = f̃_nk / ||f̃_n·||,
    L = mean_n Σ_k f̂_nk,
where norms are Euclidean: every feature is equally active over the examples, every example lies
on the unit sphere of features, and there the L1 norm rewards few active ones. The model has no
reconstruction, no density and no setting but K.

As in the authors' code, the mean over the pixels of each example is taken off first, and the loss,
which is no mean over examples because of f̃, is minimised on all of them at once by L-BFGS.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods.encoders import ACTIVATIONS, LinearEncoder, each_seed, finite
from paper.methods.methods import Method, Outcomes

SMOOTHING = 1e-8  # ε
_MEMORY = 20  # gradient pairs that L-BFGS keeps


def features(z: Tensor) -> Tensor:
    """f̂ of pre-activations z (..., K) whose units already have equal norm over the examples."""
    active = (z.square() + SMOOTHING).sqrt()
    return active / active.norm(dim=-1, keepdim=True)


ACTIVATIONS["sparse_filtering"] = features


def loss_and_gradient(weight: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """L, a scalar, and its gradient (K, D); weight (K, D), x (N, D)."""
    z = x @ weight.T
    active = (z.square() + SMOOTHING).sqrt_()
    unit_norm = active.norm(dim=0, keepdim=True)
    equal = active / unit_norm
    example_norm = equal.norm(dim=1, keepdim=True)
    sparse = equal / example_norm
    total = sparse.sum(1, keepdim=True)
    # Back through y = v / ||v||: dL/dv = (dL/dy - y (y·dL/dy)) / ||v||, first along k, then n.
    back = torch.addcmul(torch.ones_like(sparse), sparse, total, value=-1).div_(example_norm)
    back.sub_(equal * (equal * back).sum(0, keepdim=True)).div_(unit_norm)
    back.mul_(z).div_(active)
    return total.mean(), (back.T @ x).div_(len(x))


def _minimise(weight: Tensor, x: Tensor, evaluations: int) -> None:
    """L-BFGS with a strong Wolfe line search, in place, on about so many passes over x."""
    optimizer = torch.optim.LBFGS(
        [weight],
        max_iter=evaluations,
        max_eval=evaluations,
        history_size=_MEMORY,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        loss, weight.grad = loss_and_gradient(weight, x)
        return float(loss)

    optimizer.step(closure)


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], *, epochs: int, progress: str | None = None
) -> Outcomes:
    """Fit X (N, D) from Gaussian weights on about `epochs` evaluations of the loss.

    One evaluation passes over X once; the line search that is under way when they are used up is
    finished. Encoders give f̂, with ||f_·k|| as it is on the training examples, so that features of
    an example do not depend on what it is looked at with.
    """
    centred = X - X.mean(1, keepdim=True)

    def fit(seed: int) -> LinearEncoder:
        stream, size = generator(seed, "weights"), (hidden_dim, X.shape[1])
        weight = torch.randn(size, generator=stream, dtype=torch.float32).to(X)
        _minimise(weight, centred, epochs)
        # The encoder reads x itself: rows that sum to zero take off its mean.
        weight -= weight.mean(1, keepdim=True)
        scale = ((centred @ weight.T).square() + SMOOTHING).mean(0).sqrt()
        weight /= scale[:, None]
        return finite(weight, weight.new_zeros(hidden_dim), "sparse_filtering")

    return each_seed(fit, seeds, progress)


def flops(n: int, d: int, k: int, t: int) -> float:
    """(T + 1) 4NKD + 2NKD, with the evaluation by which L-BFGS may exceed T."""
    return (t + 1) * 4 * n * k * d + 2 * n * k * d


METHODS = (
    Method(
        *("sparse_filtering", "sparse filtering", fit_many, {"epochs": 200}),
        layer=False,
        flops=flops,
        sources=("ngiam2011",),
    ),
)
