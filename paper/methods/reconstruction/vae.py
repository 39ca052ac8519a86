"""Variational autoencoder with one layer each way (Kingma & Welling 2014).

    q(z | x) = N(μ, diag e^s),  μ = W x + b,  s = U x + d,  p(z) = N(0, I),
    z = μ + e^{s/2} ∘ ε with ε ~ N(0, I),  p(x | z) Bernoulli with logits V' z + c,
    loss = -log p(x | z) + KL(q(z | x) || p(z)),  KL = ½ Σ_k (μ_k² + e^{s_k} - 1 - s_k),
mean over the batch, one ε per sample. The loss bounds -log p(x) from above.

Features are the posterior means μ: a linear map, whose units may be of either sign. A unit that
the decoder does not use has μ = 0 and s = 0 for all x (a collapsed posterior), where it costs
nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from paper.methods.descent import Descent, Parameters, drawn, streams
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.reconstruction import autoencoder, bernoulli


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag e^s) || N(0, I)) in nats: (..., K) -> (...)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / 2


def loss_and_gradients(
    parameters: Parameters, x: Tensor, noise: Tensor
) -> tuple[Tensor, Parameters]:
    """Negative evidence bound of each model (S,), in nats, and its gradients.

    x (S, B, D), noise ε (S, B, K); parameters weight W and spread U (S, K, D), bias b and
    spread_bias d (S, K), decoder V (S, K, D), offset c (S, D).
    """
    p = parameters
    mean = torch.baddbmm(p["bias"][:, None], x, p["weight"].mT)
    log_variance = torch.baddbmm(p["spread_bias"][:, None], x, p["spread"].mT)
    deviation = (log_variance / 2).exp_()
    code = torch.addcmul(mean, deviation, noise)
    logits = torch.baddbmm(p["offset"][:, None], code, p["decoder"])
    loss, error = bernoulli.negative_log_likelihood(logits, x)
    loss = loss + divergence(mean, log_variance).mean(-1)

    by_code = torch.bmm(error, p["decoder"].mT)
    by_mean = by_code.add(mean, alpha=1 / x.shape[1])
    # dz/ds = ε e^{s/2} / 2, and dKL/ds = (e^s - 1) / 2
    by_log_variance = by_code.mul_(noise).mul_(deviation)
    by_log_variance.add_(deviation.square().sub_(1), alpha=1 / x.shape[1]).div_(2)
    return loss, {
        "weight": torch.bmm(by_mean.mT, x),
        "bias": by_mean.sum(1),
        "spread": torch.bmm(by_log_variance.mT, x),
        "spread_bias": by_log_variance.sum(1),
        "decoder": torch.bmm(code.mT, error),
        "offset": error.sum(1),
    }


def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
    """Train one VAE per seed with Adam; X (N, D) in [0, 1]. Encoders give the means μ.

    The layer of the means starts from the weights an InfoMax layer has at the same seed, the
    posterior's variances at 1.
    """
    bernoulli.require_probabilities(X, "a VAE with Bernoulli pixels")
    parameters = autoencoder.initial(X, hidden_dim, seeds)
    parameters["spread"] = torch.zeros_like(parameters["weight"])
    parameters["spread_bias"] = torch.zeros_like(parameters["bias"])
    noises = streams(seeds, "noise")

    def gradients(p: Parameters, x: Tensor) -> Parameters:
        noise = drawn(torch.randn, (x.shape[1], hidden_dim), noises)
        return loss_and_gradients(p, x, noise.to(x))[1]

    return descent.layers(parameters, gradients, X, seeds, activation="identity")


METHODS = (Method("vae", "VAE means", fit_many, DESCENT, layer=False, sources=("kingma2014",)),)
