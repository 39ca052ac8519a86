"""InfoMax by maximum likelihood (Bell & Sejnowski 1995), solved by Picard (Ablin et al. 2018).

Bell and Sejnowski maximise the entropy of σ(W x). With u = W x and as many units as dimensions
that is the likelihood of independent logistic sources (Cardoso 1997):
    L(W) = -log |det W| + Σ_k E[2 log cosh(u_k / 2)] + constant,  ∇L Wᵀ = E[tanh(u / 2) uᵀ] - I.
It is what the InfoMax loss of this book becomes when log |det W| stands in place of the variance
and correlation terms. Picard is a preconditioned quasi-Newton method for it (python-picard).

`orthogonal=True` asks for Picard-O (Ablin, Cardoso & Gramfort 2018) instead: W is a rotation of
whitened data, and sub-Gaussian sources are allowed. Its solutions are FastICA's with the same
contrast log cosh u_k. Data are reduced to their K leading principal components and whitened first.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from paper.methods.components.fastica import decorrelation_flops
from paper.methods.components.pca import projection, whitening_flops, whitening_of
from paper.methods.encoders import LinearEncoder, by_package, each_seed
from paper.methods.methods import Method, Outcomes

TOLERANCE = 1e-4  # largest entry of the relative gradient at which W counts as found


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    orthogonal: bool = False,
    progress: str | None = None,
) -> Outcomes:
    """K independent components of X (N, D) after at most `epochs` quasi-Newton iterations.

    Features are the signed sources u = W x. The seed draws the rotation that the iteration starts
    from. An encoder that had not converged when it was stopped says so in its `note`.

    Raises:
        ImportError: python-picard is not installed.
    """
    try:
        # The installed package, not this module: imports are absolute.
        from picard import picard
        from picard.densities import Tanh
    except ModuleNotFoundError as error:
        raise ImportError(
            "Picard needs the package python-picard; install it with `pip install .[baselines]`"
        ) from error
    mean, whitening = whitening_of(X, hidden_dim)
    white = (whitening @ (X.double() - mean).T).cpu().numpy()
    # The score is tanh(α u): that of the logistic density, or FastICA's.
    density = Tanh(params={"alpha": 1.0 if orthogonal else 0.5})

    def fit(seed: int) -> LinearEncoder:
        with by_package():
            _, rotation, _, iterations = picard(
                white,
                fun=density,
                ortho=orthogonal,
                extended=orthogonal,
                whiten=False,
                centering=False,
                max_iter=epochs,
                tol=TOLERANCE,
                random_state=seed,
                return_n_iter=True,
            )
        note = None if iterations < epochs - 1 else f"not converged after {epochs} iterations"
        weight = torch.from_numpy(rotation).to(whitening) @ whitening
        return projection(weight, mean, X, note=note)

    return each_seed(fit, seeds, progress)


def flops(n: int, d: int, k: int, t: int) -> float:
    """PCA + 2NKD + 2K²D + T (6NK² + 8K³/3) + S + 2NK² + 8K³/3, with S to decorrelate W.

    With one trial of each line search.
    """
    # of a matrix (K, K): log |det W|, and its product with another
    small = 2 / 3 * k**3 + 2 * k**3
    # gradient, diagonal of the Hessian, and the sources at the new W
    iteration = 3 * 2 * n * k**2 + small
    start = decorrelation_flops(k) + 2 * n * k**2 + small
    return whitening_flops(n, d, k) + start + t * iteration


METHODS = (
    Method(
        *("picard", "Picard", fit_many, {"epochs": 200}),
        layer=False,
        flops=flops,
        sources=("bell1995", "ablin2018"),
    ),
)
