"""Mixture of K isotropic Gaussians by EM (Dempster, Laird & Rubin 1977), from scikit-learn.

    log p(x, k) = log π_k - D/2 log(2π σ_k²) - ||x - μ_k||² / 2σ_k²
    log r_k(x) = log p(x, k) - log Σ_j p(x, j)

The features are the *log*-responsibilities. In hundreds of dimensions squared distances differ by
many multiples of σ², so that responsibilities are zeros and a one to within rounding: they say
which component is nearest and nothing else, while their logarithms keep how far the others are.

Covariances are isotropic because a diagonal one divides by the variance of each pixel within each
component, which is zero wherever the component's images are blank: one stray grey pixel would
outweigh the rest of the image.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from paper.methods.density.kmeans import seeding_flops
from paper.methods.encoders import KINDS, FitError, by_package, each_seed
from paper.methods.methods import Method, Outcomes

# Added to σ_k², so that a component of equal images keeps a density; about (8 / 255)².
VARIANCE_FLOOR = 1e-3
TOLERANCE = 1e-3  # change of the mean log-likelihood, in nats, below which EM stops


@dataclass(frozen=True)
class MixtureEncoder:
    """Log-responsibilities of isotropic Gaussians.

    means (K, D), variances σ_k² (K,), log_weights log π_k (K,).
    """

    means: Tensor
    variances: Tensor
    log_weights: Tensor
    note: str | None = None

    @property
    def weight(self) -> Tensor:
        """The means, (K, D): log p(x, k) sees x through μ_k·x and norms alone."""
        return self.means

    def log_joint(self, X: Tensor) -> Tensor:
        """log p(x, k) of the rows of X, (N, D) -> (N, K)."""
        variances, log_weights = self.variances.to(X), self.log_weights.to(X)
        squared = torch.cdist(X, self.means.to(X)).square()
        volume = X.shape[1] / 2 * (2 * math.pi * variances).log()
        return log_weights - volume - squared / (2 * variances)

    def transform(self, X: Tensor) -> Tensor:
        """log r_k of the rows of X, (N, D) -> (N, K)."""
        return self.log_joint(X).log_softmax(-1)

    @property
    def kept(self) -> tuple[str, list[Tensor]]:
        """Variances and log π_k stand beside the means."""
        return "mixture", [self.variances, self.log_weights]


KINDS["mixture"] = lambda table, note: MixtureEncoder(
    table[:, :-2], table[:, -2], table[:, -1], note
)


def fit_mixture(X: Tensor, hidden_dim: int, seed: int, *, epochs: int) -> MixtureEncoder:
    """K components of X (N, D) after at most `epochs` EM iterations (one pass over X each).

    The seed draws the first means among the rows of X, as k-means++ does.
    """
    if hidden_dim > len(X):
        raise FitError(f"{hidden_dim} components cannot be told apart by {len(X)} samples")
    model = GaussianMixture(
        hidden_dim,
        covariance_type="spherical",
        max_iter=epochs,
        tol=TOLERANCE,
        reg_covar=VARIANCE_FLOOR,
        init_params="k-means++",
        random_state=seed,
    )
    with by_package():
        model.fit(X.cpu().numpy())
    return MixtureEncoder(
        torch.from_numpy(model.means_).to(X),
        torch.from_numpy(model.covariances_).to(X),
        torch.from_numpy(model.weights_).to(X).log(),
        None if model.converged_ else f"not converged after {epochs} iterations",
    )


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], *, epochs: int, progress: str | None = None
) -> Outcomes:
    """`fit_mixture` at each seed."""
    return each_seed(lambda seed: fit_mixture(X, hidden_dim, seed, epochs=epochs), seeds, progress)


def flops(n: int, d: int, k: int, t: int) -> float:
    """I + T 6NKD + 6NKD, with I to seed, see :func:`.seeding_flops`.

    A sample's share in a mean costs 2KD: the program sums x and x² for every component.
    """
    expectation, maximisation = 2 * n * k * d, 4 * n * k * d
    # the seeds make the first responsibilities, and a last expectation step follows
    return seeding_flops(n, d, k) + (t + 1) * (expectation + maximisation)


METHODS = (
    Method(
        *("gmm", "Gaussian mixture", fit_many, {"epochs": 100}),
        layer=False,
        flops=flops,
        kept_per_unit=2,
        sources=("dempster1977",),
    ),
)
