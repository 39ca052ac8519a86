"""W-MSE: whitened embeddings of two views, drawn together (Ermolov et al. 2021).

    L = mean_n || ẑ_n - ẑ'_n ||² = 2 - 2 mean_n cos(w_n, w'_n),   w_n = A (z_n - mean),  A Σ Aᵀ = I,
with ẑ = w / ||w||, Σ the covariance of the embeddings over a batch of one view, and A the inverse
of its Cholesky factor. Whitened embeddings cannot coincide, so no negatives are needed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infomax_lib.model.objective import covariance
from paper.methods.methods import DESCENT, Method
from paper.methods.two_views import joint_embedding

#: Far fewer than a batch has images, because E(E+1)/2 covariances are estimated from it.
EMBEDDING = 32
#: Σ is shrunk by this much to a multiple of I with the same trace, for batches of fewer than E.
SHRINKAGE = 1e-3


def whitened(z: Tensor, shrinkage: float = SHRINKAGE) -> Tensor:
    """w of embeddings z (S, B, E), whose covariance is I but for the shrinkage."""
    sigma = (1 - shrinkage) * covariance(z)
    spread = shrinkage / (1 - shrinkage) * sigma.diagonal(dim1=-2, dim2=-1).mean(-1)
    eye = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
    # Without checks: a model whose numbers are not finite must not stop the others.
    factor = torch.linalg.cholesky_ex(sigma + spread[:, None, None] * eye).L
    centred = z - z.mean(1, keepdim=True)
    return torch.linalg.solve_triangular(factor, centred.mT, upper=False).mT


def w_mse(z: Tensor, shrinkage: float = SHRINKAGE) -> Tensor:
    """L of each model (S,); z (S, 2B, E), the first views of all images, then the second ones."""
    first, second = (whitened(view, shrinkage) for view in z.chunk(2, 1))
    return (2 - 2 * F.cosine_similarity(first, second, dim=-1)).mean(-1)


fit_many = joint_embedding.fit_many_on(w_mse, EMBEDDING)

METHODS = (Method("wmse", "W-MSE", fit_many, DESCENT, sources=("ermolov2021",)),)
