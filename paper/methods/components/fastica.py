"""Independent component analysis by FastICA (Hyvärinen 1999), scikit-learn's implementation.

Looks for uncorrelated unit-variance projections that are least Gaussian, measured by
E[log cosh a_k]; Bell & Sejnowski's (1995) InfoMax seeks the same components by another contrast.
Data are reduced and whitened by their K leading principal components first, so the outputs are
exactly uncorrelated on the training data, and only a rotation of them is learned.
"""

from collections.abc import Sequence

import torch
from sklearn.decomposition import FastICA
from torch import Tensor

from paper.methods.components.pca import EIGENVECTORS, projection, whitening_flops, whitening_of
from paper.methods.encoders import LinearEncoder, by_package, each_seed
from paper.methods.methods import Method, Outcomes

TOLERANCE = 1e-4


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], *, epochs: int, progress: str | None = None
) -> Outcomes:
    """K independent components of X (N, D) after at most `epochs` fixed-point iterations.

    The seed draws the rotation that the iteration starts from. On real images the iteration may
    circle among nearly Gaussian directions for ever; an encoder that had not converged (change of
    every direction below 1e-4) when it was stopped says so in its `note`.
    """
    mean, whitening = whitening_of(X, hidden_dim)
    white = ((X.double() - mean) @ whitening.T).cpu().numpy()

    def fit(seed: int) -> LinearEncoder:
        model = FastICA(whiten=False, max_iter=epochs, tol=TOLERANCE, random_state=seed)
        with by_package():
            model.fit(white)
        note = None if model.n_iter_ < epochs else f"not converged after {epochs} iterations"
        rotation = torch.from_numpy(model.components_).to(whitening)
        return projection(rotation @ whitening, mean, X, note=note)

    return each_seed(fit, seeds, progress)


def decorrelation_flops(k: int) -> float:
    """S = 6K³ + 14K³/3: (W W')^(-1/2) W by the eigenvectors of W W'."""
    return 3 * 2 * k**3 + EIGENVECTORS * k**3


def flops(n: int, d: int, k: int, t: int) -> float:
    """PCA + 2NKD + 2K²D + T (4NK² + S) + S, with S to decorrelate W."""
    iteration = 2 * 2 * n * k**2 + decorrelation_flops(k)
    return whitening_flops(n, d, k) + decorrelation_flops(k) + t * iteration


METHODS = (
    Method(
        "fastica",
        "FastICA",
        fit_many,
        {"epochs": 200},
        layer=False,
        flops=flops,
        sources=("hyvarinen1999",),
    ),
)
