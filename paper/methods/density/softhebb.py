"""SoftHebb: a Hebbian soft winner-take-all network (Moraitis et al. 2022), online EM in effect.

With inputs x̂ = x / ||x||, u_k = w_k·x̂ and posteriors y = softmax(β u), every sample changes
    Δw_k = η y_k (x̂ - u_k w_k).
At rest w_k is E[y_k x̂] scaled to unit length, which is how EM re-estimates the means of a mixture
of equally frequent components on the sphere, p(x̂ | k) ∝ exp(β w_k·x̂). No error is propagated.
A step here takes the mean of the changes over a batch.

The paper also learns the components' frequencies, by biases that change at the rate η while w_k
changes at η y_k. As in the authors' code for MNIST they are left out: with K units the frequencies
run ahead of the means by a factor K, and in trials on the digits all but a few fell to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from paper.methods.descent import Descent, drawn, streams
from paper.methods.encoders import KINDS, LinearEncoder, encoders_of
from paper.methods.methods import DESCENT, Method, Outcomes

#: β, the concentration of each component (e^β is the paper's base of the softmax). Where all units
#: have one direction m / ||m||, with m = E[x̂], they stay together unless β > ||m|| / λ, with λ the
#: largest variance of x̂ across m: 18 for digits, 11 for MNIST, 8 for Fashion-MNIST. Far above that,
#: the few units that match best at the start win everything.
CONCENTRATION = 20.0


@dataclass(frozen=True)
class PosteriorEncoder:
    """y = softmax(β W x̂) with weight (K, D)."""

    weight: Tensor
    note: str | None = None

    def transform(self, X: Tensor) -> Tensor:
        """Posteriors of the rows of X, (N, D) -> (N, K)."""
        match = F.normalize(X, dim=1) @ self.weight.to(X).T
        return torch.softmax(CONCENTRATION * match, -1)

    @property
    def kept(self) -> tuple[str, list[Tensor]]:
        """There are no biases: a column of zeros."""
        return "posterior", [torch.zeros_like(self.weight[:, 0])]


KINDS["posterior"] = lambda table, note: PosteriorEncoder(table[:, :-1], note)


def negative_change(weight: Tensor, x: Tensor, concentration: float = CONCENTRATION) -> Tensor:
    """-Δw / η, mean over the batch, (S, K, D); weight (S, K, D), x (S, B, D) of unit length."""
    match = torch.bmm(x, weight.mT)
    y = torch.softmax(concentration * match, -1)
    decay = (y * match).mean(1)[..., None] * weight
    return decay.baddbmm_(y.mT, x, alpha=-1 / x.shape[1])


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one network per seed; X (N, D). Encoders give the posteriors y.

    Weights start as random directions in the positive orthant, which match every image about
    equally: from signed weights, the unit that happens to match the mean image best would win
    everywhere.
    """
    start = drawn(torch.rand, (hidden_dim, X.shape[1]), streams(seeds, "weights"))
    weight = F.normalize(start.to(X), dim=-1)
    descent.train(
        {"weight": weight},
        lambda p, batch, rows: {"weight": negative_change(p["weight"], batch)},
        F.normalize(X, dim=1),
        seeds,
        optimizer=torch.optim.SGD([weight], lr=descent.learning_rate),
    )
    layers = encoders_of(weight, weight.new_zeros(weight.shape[:2]), "identity")
    return [
        PosteriorEncoder(layer.weight) if isinstance(layer, LinearEncoder) else layer
        for layer in layers
    ]


METHODS = (
    Method(
        *("softhebb", "SoftHebb", fit_many, DESCENT | {"learning_rate": 0.1}),
        layer=False,
        kept_per_unit=0,
        sources=("moraitis2022",),
    ),
)
