"""Denoising autoencoder with masking noise (Vincent, Larochelle, Bengio & Manzagol 2008).

    x̃ = x with each input set to 0 with probability ν,  h = relu(W x̃ + b),  x̂ = σ(V' h + c),
    loss = ||x - x̂||², mean over the batch

It is the autoencoder of :mod:`.autoencoder` but for the corruption: to copy
what it is given no longer reconstructs x, and a code has to use what inputs say about each other.
The paper's loss is the cross-entropy; the squared error stands here so that the corruption is the
only difference.
"""

from collections.abc import Sequence

from torch import Tensor

from paper.methods.descent import Descent, Parameters, streams
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction import autoencoder, bernoulli
from paper.methods.reconstruction.masking import check_share, draw_masks

CORRUPTION = 0.25  # ν


def fit_many(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    descent: Descent,
    *,
    corruption: float = CORRUPTION,
) -> Outcomes:
    """Train one denoising autoencoder per seed with Adam; X (N, D) in [0, 1].

    Encoders give the ReLU code of inputs that are not corrupted. `corruption` is ν, a multiple of
    1/256.
    """
    check_share(corruption)
    bernoulli.require_probabilities(X, "a sigmoid decoder")
    masks = streams(seeds, "masks")

    def gradients(parameters: Parameters, x: Tensor) -> Parameters:
        corrupted = x.masked_fill(draw_masks(masks, x, corruption), 0)
        return autoencoder.loss_and_gradients(parameters, corrupted, target=x)[1]

    return descent.layers(autoencoder.initial(X, hidden_dim, seeds), gradients, X, seeds)


METHODS = (
    Method(
        *("denoising_autoencoder", "denoising autoencoder", fit_many, DESCENT),
        sources=("vincent2008",),
    ),
)
