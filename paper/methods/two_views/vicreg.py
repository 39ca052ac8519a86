"""VICReg: variance, invariance and covariance regularisation (Bardes, Ponce & LeCun 2022).

For embeddings Z and Z' (B, E) of the two views,
    L = λ mean_ne (Z_ne - Z'_ne)² + μ [v(Z) + v(Z')] + ν [c(Z) + c(Z')],
    v(Z) = mean_e max(0, 1 - √(Var(Z_e) + 10⁻⁴)),      c(Z) = (1/E) Σ_{e≠f} Cov(Z)²_ef,
with unbiased variances. The invariance term is a mean over e too, as in the paper's algorithm 1,
for which its λ = μ = 25 and ν = 1 are meant; its equation 5 has the sum. (The authors' program
halves μ.)
"""

import torch
from torch import Tensor

from infomax_lib.model.objective import covariance
from paper.methods.methods import DESCENT, Method
from paper.methods.two_views import joint_embedding

INVARIANCE = 25.0  # λ
VARIANCE = 25.0  # μ
COVARIANCE = 1.0  # ν
_EPSILON = 1e-4


def vicreg(z: Tensor) -> Tensor:
    """L of each model (S,); z (S, 2B, E), the first views of all images, then the second ones."""
    first, second = z.chunk(2, 1)
    loss = INVARIANCE * (first - second).square().mean((-2, -1))
    for view in (first, second):
        matrix = covariance(view)
        variances = matrix.diagonal(dim1=-2, dim2=-1)
        hinge = torch.relu(1 - (variances + _EPSILON).sqrt()).mean(-1)
        off_diagonal = matrix.square().sum((-2, -1)) - variances.square().sum(-1)
        loss = loss + VARIANCE * hinge + COVARIANCE * off_diagonal / z.shape[-1]
    return loss


# Embeddings are as wide as a head can fill: the paper finds that width helps.
fit_many = joint_embedding.fit_many_on(vicreg, joint_embedding.HEAD_UNITS)

METHODS = (Method("vicreg", "VICReg", fit_many, DESCENT, sources=("bardes2022",)),)
