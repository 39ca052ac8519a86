"""MCR², maximal coding rate reduction, without labels (Yu, Chan, You, Song & Ma 2020).

For unit embeddings Z (m, E), the nats that code them up to a squared error of ε² are
    R(Z) = ½ log det(I + E/(m ε²) ZᵀZ).
The rate of all embeddings shall be large, that of each class small. Without labels, the views of
one image are a class, so with m = 2B and classes of two,
    L = -R(Z) + (1/B) Σ_n R([z_n; z'_n]).
Of two unit vectors at cosine c the rate is ½ log[(1+α)² - α²c²] with α = E/(2ε²).
The authors' network ends in the head that gives Z, and Z are its features. Here, as for the other
methods, the head is thrown away. With Z = h / ||h|| and no head the rate would grow by making h
sparse, and an image that no unit is left to fire on has no gradient that brings it back.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.methods import DESCENT, Method
from paper.methods.two_views import joint_embedding

DISTORTION = 0.5  # ε²


def coding_rate(unit: Tensor) -> Tensor:
    """R of unit vectors (S, m, E); shape (S,)."""
    samples, dimension = unit.shape[-2:]
    gram = torch.bmm(unit.mT, unit) * (dimension / (samples * DISTORTION))
    eye = torch.eye(dimension, dtype=unit.dtype, device=unit.device)
    # Half a log-determinant is the sum of the logarithms on the diagonal of the Cholesky factor.
    # Without checks: a model whose numbers are not finite must not stop the others.
    factor = torch.linalg.cholesky_ex(eye + gram).L
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def rate_reduction(z: Tensor) -> Tensor:
    """-L of each model (S,); z (S, 2B, E), first views of all images, then second ones."""
    unit = F.normalize(z, dim=-1)
    first, second = unit.chunk(2, 1)
    cosine = (first * second).sum(-1)
    alpha = z.shape[-1] / (2 * DISTORTION)
    within = ((1 + alpha) ** 2 - (alpha * cosine).square()).log() / 2
    return coding_rate(unit) - within.mean(-1)


fit_many = joint_embedding.fit_many_on(lambda z: -rate_reduction(z))

METHODS = (Method("mcr2", "MCR²", fit_many, DESCENT, sources=("yu2020",)),)
