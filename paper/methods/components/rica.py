"""ICA with a reconstruction cost, RICA (Le, Karpenko, Ngiam & Ng 2011).

    L = mean_n [ ½ ||Wᵀ W x - x||² + λ Σ_k g(w_k·x) ],  g(u) = √(u² + ε), a smooth |u|

The reconstruction takes the place of ICA's constraint W Wᵀ = I, which allows more units than
dimensions and data that are not whitened. Inputs are centred here, as ICA assumes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent
from paper.methods.encoders import encoders_of
from paper.methods.methods import DESCENT, Method, Outcomes

SPARSITY = 0.1  # λ
SMOOTHING = 1e-2  # ε


def loss_and_gradient(weight: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of each model, (S,), and its gradient (S, K, D).

    weight (S, K, D); x (S, B, D), centred.
    """
    hidden = torch.bmm(x, weight.mT)
    error = torch.baddbmm(x, hidden, weight, beta=-1)
    smooth = (hidden.square() + SMOOTHING).sqrt_()
    loss = (error.square().sum(-1) / 2 + SPARSITY * smooth.sum(-1)).mean(-1)
    # W enters twice: as decoder (hᵀ error) and as encoder (through h).
    back = torch.bmm(error, weight.mT).addcdiv_(hidden, smooth, value=SPARSITY)
    gradient = torch.bmm(back.mT, x).baddbmm_(hidden.mT, error)
    return loss, gradient.div_(x.shape[1])


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one W per seed with Adam; X (N, D). Features are the signed W (x - mean), as in ICA.

    W starts from the weights an InfoMax layer has at the same seed.
    """
    mean = X.mean(0)
    weight, _ = initial_layers(seeds, hidden_dim, X)
    descent.train(
        {"weight": weight},
        lambda p, batch, rows: {"weight": loss_and_gradient(p["weight"], batch)[1]},
        X - mean,
        seeds,
    )
    return encoders_of(weight, -weight @ mean, "identity")


METHODS = (Method("rica", "RICA", fit_many, DESCENT, layer=False, sources=("le2011",)),)
