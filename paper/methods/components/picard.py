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

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from paper.methods.components.pca import principal_components
from paper.methods.descent import only
from paper.methods.encoders import FitError, LinearEncoder

TOLERANCE = 1e-4  # largest entry of the relative gradient at which W counts as found


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    *,
    epochs: int,
    orthogonal: bool = False,
    progress: str | None = None,
) -> list[LinearEncoder | FitError]:
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
    try:
        mean, variances, directions = principal_components(X, hidden_dim)
    except FitError as failure:
        return [failure] * len(seeds)
    whitening = directions / variances.sqrt()[:, None]
    white = (whitening @ (X.double() - mean).T).cpu().numpy()
    # The score is tanh(α u): that of the logistic density, or FastICA's.
    density = Tanh(params={"alpha": 1.0 if orthogonal else 0.5})
    encoders: list[LinearEncoder | FitError] = []
    for seed in tqdm(seeds, desc=progress, disable=progress is None, leave=False):
        with warnings.catch_warnings():
            # said in the note instead
            warnings.filterwarnings("ignore", message="Picard did not converge")
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
        converged = iterations < epochs - 1
        weight = torch.from_numpy(rotation).to(whitening) @ whitening
        encoders.append(
            LinearEncoder(
                weight.to(X),
                (-weight @ mean).to(X),
                note=None if converged else f"not converged after {epochs} iterations",
            )
        )
    return encoders


def fit(X: Tensor, hidden_dim: int, seed: int, **settings) -> LinearEncoder:
    """One seed of `fit_many`. A failure is raised as FitError."""
    return only(fit_many(X, hidden_dim, [seed], **settings))
