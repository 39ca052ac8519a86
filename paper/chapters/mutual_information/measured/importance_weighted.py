r"""Variational autoencoders whose bound on log p(x) is as tight as one likes.

With k draws :math:`z_i \sim q(z | x)` of the encoder,

.. math:: L_k = \mathbb{E} \log \frac1k \sum_{i=1}^k
    \frac{p(x | z_i) \, p(z_i)}{q(z_i | x)} \; \le \; \log p(x),

which rises with k. L_1 is the bound of the plain variational autoencoder, and
:math:`\log p(x) - L_1` is the divergence of q(z | x) from the posterior: how good the encoder is as
an inference model.

The encoder is one hidden layer of tanh units and a normal distribution of independent latents, the
decoder one hidden layer of tanh units and independent Bernoulli pixels, p(z) is standard normal.
Sources: Kingma and Welling 2014; Burda et al. 2016 (L_k); Rainforth et al. 2018 (tighter bounds can
make worse encoders).
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.data import DATASETS, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind, many_steps, one_by_one
from infomax_lib.results.store import Store
from paper.chapters.mutual_information.measured.recording import PROBE_IMAGES
from paper.information.critics import dense

#: Draws of the estimate that stands for log p(x), and test images that bounds are averaged over.
LIKELIHOOD_DRAWS, TEST_IMAGES = 1000, 500
_AT_ONCE = 20_000  # latent vectors that are decoded together


class ImportanceWeightedSpec(Spec):
    """A variational autoencoder trained by a bound of so many draws.

    Attributes:
        dataset: Its name; pixels in [0, 1] are taken as probabilities of ones.
        draws: k, >= 1.
        latents: Dimensions of z, >= 1.
        hidden: Units of the hidden layers.
        steps: Training steps, >= 0.
        batch_size: Images per step, >= 1.
        learning_rate: Of Adam, > 0.
        seed: Fixes initial weights, the order of the images and the draws.
    """

    dataset: str = "mnist"
    draws: int = Field(default=1, ge=1)
    latents: int = Field(default=20, ge=1)
    hidden: int = Field(default=200, ge=1)
    steps: int = Field(default=5000, ge=0)
    batch_size: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS)


class VariationalAutoencoder(nn.Module):
    """q(z | x), a diagonal normal distribution, and p(x | z), independent Bernoulli pixels."""

    def __init__(self, inputs: int, latents: int, hidden: int, draw: torch.Generator) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            dense(inputs, hidden, draw), nn.Tanh(), dense(hidden, 2 * latents, draw)
        )
        self.decoder = nn.Sequential(
            dense(latents, hidden, draw), nn.Tanh(), dense(hidden, inputs, draw)
        )

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of the standard deviations of q(z | x), (N, latents) each."""
        mean, log_std = self.encoder(x).chunk(2, -1)
        return mean, log_std

    def log_weights(self, x: Tensor, noise: Tensor) -> Tensor:
        """log p(x | z) p(z) / q(z | x) at z = mean + std · noise (k, N, latents); shape (k, N)."""
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * noise
        logits = self.decoder(z)
        log_pixels = (x * logits - F.softplus(logits)).sum(-1)
        # normal densities of z under p and of noise under q; the factors of 2 pi cancel
        return log_pixels + ((noise.square() - z.square()) / 2 + log_std).sum(-1)


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """L_k by image, in nats, of log weights (k, N); shape (N,)."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))


KIND = Kind(
    *("importance_weighted", (ImportanceWeightedSpec,), one_by_one, many_steps),
    tolerance={"accuracy": (0.01, 0.0)},
    otherwise=(0.2, 2e-3),  # bounds in nats, of the order of -100
)


@KIND.driver
def train_importance_weighted(
    specs: Sequence[ImportanceWeightedSpec] | ImportanceWeightedSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """What tighter bounds make of the encoder, computing only what the store does not hold.

    Arguments are those of :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields and, on test images,

        - ``bound``: L_k with the k of the training, nats;
        - ``elbo``: L_1, nats;
        - ``likelihood``: L_k with k = 1000, for log p(x), nats;
        - ``inference_gap``: likelihood less elbo, the divergence of q from the posterior, nats;
        - ``accuracy``: of a linear probe of the means of q(z | x), a share;
        - ``failed``: what went wrong, or None.

    Raises:
        TypeError: Anything but ImportanceWeightedSpec objects.
        ValueError: A device that is not there.
    """
    return KIND.results(specs, _compute, device, store, progress)


def _compute(specs: Sequence[ImportanceWeightedSpec], device: torch.device) -> list[dict[str, Any]]:
    return [_trained(spec, device) for spec in specs]


def _trained(spec: ImportanceWeightedSpec, device: torch.device) -> dict[str, Any]:
    data = load_dataset(spec.dataset).to(device, torch.float32)
    weights = generator(spec.seed, "importance weighted: initial weights")
    order = generator(spec.seed, "importance weighted: order and draws")
    model = VariationalAutoencoder(data.num_features, spec.latents, spec.hidden, weights)
    model = model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.learning_rate, fused=True)
    for _ in range(spec.steps):
        picked = torch.randperm(len(data.train), generator=order)[: spec.batch_size].to(device)
        x = data.train[picked]
        noise = torch.randn(spec.draws, len(x), spec.latents, generator=order).to(x)
        loss = -importance_weighted_bound(model.log_weights(x, noise)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _measured(model, spec, data.test[:TEST_IMAGES], data)


@torch.no_grad()
def _measured(
    model: VariationalAutoencoder, spec: ImportanceWeightedSpec, x: Tensor, data: Any
) -> dict[str, Any]:
    draw = generator(spec.seed, "importance weighted: measures")

    def bound(draws: int, repeats: int) -> float:
        at_once = max(1, _AT_ONCE // (draws * repeats))
        parts = []
        for part in x.split(at_once):
            noise = torch.randn(draws, repeats * len(part), spec.latents, generator=draw).to(x)
            log_weights = model.log_weights(part.repeat(repeats, 1), noise)
            parts.append(importance_weighted_bound(log_weights))
        return float(torch.cat(parts).mean())

    elbo, likelihood = bound(1, 10), bound(LIKELIHOOD_DRAWS, 1)
    means = [model.posterior(part)[0] for part in (data.train[:PROBE_IMAGES], data.test)]
    accuracy = linear_probe(means[0], data.train_labels[:PROBE_IMAGES], means[1], data.test_labels)
    found = {
        "bound": bound(spec.draws, 10),
        "elbo": elbo,
        "likelihood": likelihood,
        "inference_gap": likelihood - elbo,
        "accuracy": float(accuracy),
    }
    if all(math.isfinite(value) for value in found.values()):
        return found | {"failed": None}
    return dict.fromkeys(found, math.nan) | {"failed": "the bound is not a finite number"}
