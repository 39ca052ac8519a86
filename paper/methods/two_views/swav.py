"""SwAV: predict to which prototype the other view is assigned (Caron et al. 2020).

Scores are cosines of an embedding z with P prototypes c_p. Codes Q assign the B images of a batch
to prototypes in equal shares, by the entropic transport plan
    Q = diag(u) exp(scores / ε) diag(v)  with  Q 1 = 1/B,  Qᵀ 1 = 1/P,
to which three iterations of Sinkhorn's algorithm come close, and are not differentiated. Each view
predicts the codes of the other:
    L = ½ Σ_{(s,t)} mean_n [ -Σ_p B Q^t_np log softmax_p(scores^s_n / τ) ],  (s,t) = (1,2), (2,1).
Two views at full size; the small crops and the queue of the paper are left out.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import Descent, Parameters, xavier
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.two_views.joint_embedding import EMBEDDING, embedding, network, train

TEMPERATURE = 0.1  # τ
SMOOTHNESS = 0.05  # ε
ITERATIONS = 3
PROTOTYPES = 32  # P; the paper has three for each class of ImageNet


def codes(scores: Tensor, smoothness: float = SMOOTHNESS, iterations: int = ITERATIONS) -> Tensor:
    """B Q of scores (S, B, P): rows sum to one, columns nearly to B/P."""
    plan = scores / smoothness  # logarithms, up to factors for rows and columns
    for _ in range(iterations):
        plan = plan - torch.logsumexp(plan, 1, keepdim=True)
        plan = torch.log_softmax(plan, -1)
    return plan.exp()


def swapped_prediction(scores: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """L of each model (S,); scores (S, 2B, P), first views of all images, then second ones."""
    target = torch.cat([codes(view) for view in scores.detach().chunk(2, 1)[::-1]], 1)
    return -(target * torch.log_softmax(scores / temperature, -1)).sum(-1).mean(-1)


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
    start = network(seeds, hidden_dim, X)
    start["prototypes"] = xavier(seeds, PROTOTYPES, EMBEDDING, "prototypes", X)

    def loss(p: Parameters, views: Tensor) -> Tensor:
        unit = F.normalize(embedding(p, views), dim=-1)
        return swapped_prediction(torch.bmm(unit, F.normalize(p["prototypes"], dim=-1).mT))

    return train(start, loss, X, seeds, descent)


METHODS = (Method("swav", "SwAV", fit_many, DESCENT, sources=("caron2020",)),)
