"""Independent component analysis by FastICA (Hyvärinen 1999), scikit-learn's implementation.

Looks for uncorrelated unit-variance projections that are least Gaussian, measured by
E[log cosh a_k]; Bell & Sejnowski's (1995) InfoMax seeks the same components by another contrast.
Data are reduced and whitened by their K leading principal components first, so the outputs are
exactly uncorrelated on the training data, and only a rotation of them is learned.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor
from tqdm import tqdm

from paper.methods.components.pca import principal_components
from paper.methods.descent import only
from paper.methods.encoders import FitError, LinearEncoder

TOLERANCE = 1e-4


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], *, epochs: int, progress: str | None = None
) -> list[LinearEncoder | FitError]:
    """K independent components of X (N, D) after at most `epochs` fixed-point iterations.

    The seed draws the rotation that the iteration starts from. On real images the iteration may
    circle among nearly Gaussian directions for ever; an encoder that had not converged (change of
    every direction below 1e-4) when it was stopped says so in its `note`.
    """
    try:
        mean, variances, directions = principal_components(X, hidden_dim)
    except FitError as failure:
        return [failure] * len(seeds)
    whitening = directions / variances.sqrt()[:, None]
    white = ((X.double() - mean) @ whitening.T).cpu().numpy()
    encoders: list[LinearEncoder | FitError] = []
    for seed in tqdm(seeds, desc=progress, disable=progress is None, leave=False):
        model = FastICA(whiten=False, max_iter=epochs, tol=TOLERANCE, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said in the note instead
            model.fit(white)
        converged = model.n_iter_ < epochs
        weight = torch.from_numpy(model.components_).to(whitening) @ whitening
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
