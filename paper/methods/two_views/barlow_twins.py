"""Barlow Twins: embeddings whose cross-correlation between views is I (Zbontar et al. 2021).

    L = Σ_i (1 - C_ii)² + λ Σ_{i≠j} C_ij²,   C_ij = corr_n(z_ni, z'_nj),
with z and z' the embeddings of the two views. This is `.barlow_objective` on
the outputs of a head instead of those of the layer.
"""

from torch import Tensor

from infomax_lib.model.objective import barlow_objective
from paper.methods.methods import DESCENT, Method
from paper.methods.two_views import joint_embedding

DECORRELATION = 5e-3  # λ


def barlow_twins(z: Tensor) -> Tensor:
    """L of each model (S,); z (S, 2B, E), the first views of all images, then the second ones."""
    return barlow_objective(z, DECORRELATION).loss


# Embeddings are as wide as a head can fill: the paper finds that width helps.
fit_many = joint_embedding.fit_many_on(barlow_twins, joint_embedding.HEAD_UNITS)

METHODS = (Method("barlow_twins", "Barlow Twins", fit_many, DESCENT, sources=("zbontar2021",)),)
