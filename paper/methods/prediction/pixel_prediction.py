"""Predicting pixels from pixels through K units: the objective of foundation models, at this scale.

Both methods maximise the likelihood of Bernoulli pixels, given other pixels of the same image, with
h = relu(...) a layer of K units and logits V' h + c. They differ in what is given:

Masked (BERT, Devlin et al. 2019; MAE, He et al. 2022; the likelihood is that of the order-agnostic
NADE, Uria, Murray & Larochelle 2014): with v_d = 0 for a share ρ of the pixels, which are hidden,
and 1 for the others,
    h = relu(W (v ∘ x) + b),  loss = -Σ_{d: v_d = 0} log p(x_d | visible pixels).
As in MAE the encoder is given what is visible and no sign of what is missing, because features are
read where nothing is: at inference h = relu(W x + b), of all pixels.

Autoregressive (MADE, Germain et al. 2015; at scale iGPT): pixels in the order of rows, unit k is
given the first m_k of them and predicts those that follow,
    h = relu((M ∘ W) x + b),  logits (M̄ ∘ V)' h + c,  M_kd = [d <= m_k],  M̄_kd = [d > m_k],
    loss = -Σ_d log p(x_d | x_1 ... x_{d-1}),
with m_k evenly spaced from 1 to D - 1. Features at inference: the same h, in which unit k has read
the first m_k pixels of the image and no others. `weight` is M ∘ W.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from paper.methods.descent import Descent, Parameters, encode, streams
from paper.methods.encoders import FitError
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction import bernoulli
from paper.methods.reconstruction.autoencoder import gradients_of, initial
from paper.methods.reconstruction.masking import check_share, draw_masks

HIDDEN_SHARE = 0.75  # ρ, as in MAE


def masked_loss_and_gradients(
    parameters: Parameters, x: Tensor, hidden_pixels: Tensor
) -> tuple[Tensor, Parameters]:
    """-log-likelihood of the hidden pixels of each model (S,), in nats, and its gradients.

    x (S, B, D), hidden_pixels (S, B, D) True where a pixel is to be predicted; parameters weight
    (S, K, D), bias (S, K), decoder (S, K, D), offset (S, D).
    """
    visible = x.masked_fill(hidden_pixels, 0)
    return _predict(parameters, visible, x, hidden_pixels)


def reading_masks(hidden_dim: int, dimension: int) -> Tensor:
    """M_kd = [d <= m_k] as booleans (K, D), with m_k evenly spaced from 1 to D - 1."""
    read = torch.linspace(1, dimension - 1, hidden_dim, dtype=torch.float64).round()
    return torch.arange(1, dimension + 1) <= read[:, None]


def autoregressive_loss_and_gradients(
    parameters: Parameters, x: Tensor, reads: Tensor
) -> tuple[Tensor, Parameters]:
    """-log p(x) of each model (S,), in nats, and its gradients.

    x (S, B, D), reads M (K, D) boolean; parameters weight (S, K, D) and decoder (S, K, D), which
    are 0 where M and its complement are, bias (S, K), offset (S, D).
    """
    loss, gradients = _predict(parameters, x, x)
    # Parameters that are 0 and have gradient 0 stay where they are, so that these masks suffice.
    gradients["weight"].mul_(reads)
    gradients["decoder"].mul_(~reads)
    return loss, gradients


def _predict(
    p: Parameters, given: Tensor, x: Tensor, counted: Tensor | None = None
) -> tuple[Tensor, Parameters]:
    """-log p(x | given) over the pixels that count, and its gradients."""
    hidden = encode(p, given)
    logits = torch.baddbmm(p["offset"][:, None], hidden, p["decoder"])
    loss, error = bernoulli.negative_log_likelihood(logits, x, counted)
    back = torch.bmm(error, p["decoder"].mT).mul_(hidden > 0)
    return loss, gradients_of(given, hidden, error, back)


def fit_masked(
    X: Tensor,
    hidden_dim: int,
    seeds: Sequence[int],
    descent: Descent,
    *,
    hidden_share: float = HIDDEN_SHARE,
) -> Outcomes:
    """Train one masked predictor per seed with Adam; X (N, D) in [0, 1].

    W starts from the weights an InfoMax layer has at the same seed. `hidden_share` is ρ, a
    multiple of 1/256: the probability with which each pixel is hidden, drawn anew in every epoch.
    """
    check_share(hidden_share)
    bernoulli.require_probabilities(X, "pixel prediction")
    masks = streams(seeds, "masks")

    def gradients(p: Parameters, x: Tensor) -> Parameters:
        return masked_loss_and_gradients(p, x, draw_masks(masks, x, hidden_share))[1]

    return descent.layers(initial(X, hidden_dim, seeds), gradients, X, seeds)


def fit_autoregressive(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent
) -> Outcomes:
    """Train one autoregressive predictor per seed with Adam; X (N, D) in [0, 1], D >= 2.

    W starts from the part that M leaves of the weights an InfoMax layer has at the same seed.
    """
    if X.shape[1] < 2:
        raise FitError("one pixel has no pixels before it: use data of at least two dimensions")
    bernoulli.require_probabilities(X, "pixel prediction")
    parameters = initial(X, hidden_dim, seeds)
    reads = reading_masks(hidden_dim, X.shape[1]).to(X.device)
    parameters["weight"].mul_(reads)
    parameters["decoder"].mul_(~reads)

    def gradients(p: Parameters, x: Tensor) -> Parameters:
        return autoregressive_loss_and_gradients(p, x, reads)[1]

    return descent.layers(parameters, gradients, X, seeds)


METHODS = (
    Method("masked_prediction", "masked prediction", fit_masked, DESCENT, sources=("he2022",)),
    Method(
        *("autoregressive_prediction", "autoregressive prediction", fit_autoregressive, DESCENT),
        sources=("germain2015",),
    ),
)
