"""SimCLR: find the other view of an image in a batch (Chen, Kornblith, Norouzi & Hinton 2020).

For unit embeddings z_i of 2B views, where j(i) is the other view of i's image,
    L = mean_i [ -z_i·z_j(i) / τ + log Σ_{k≠i} exp(z_i·z_k / τ) ],
the normalised temperature-scaled cross-entropy, NT-Xent. Embeddings are those of a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.methods import DESCENT, Method
from paper.methods.two_views import joint_embedding

TEMPERATURE = 0.5  # τ; the paper's best on CIFAR-10


def nt_xent(z: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """L of each model (S,); z (S, 2B, E), the first views of all images, then the second ones."""
    unit = F.normalize(z, dim=-1)
    similarity = torch.bmm(unit, unit.mT) / temperature
    # A view is no candidate for itself.
    similarity.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
    first, second = unit.chunk(2, 1)
    agreement = (first * second).sum(-1).mean(-1) / temperature
    return torch.logsumexp(similarity, -1).mean(-1) - agreement


fit_many = joint_embedding.fit_many_on(nt_xent)

METHODS = (Method("simclr", "SimCLR", fit_many, DESCENT, sources=("chen2020",)),)
