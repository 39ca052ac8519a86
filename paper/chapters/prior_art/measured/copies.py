r"""Ten copies of every feature, at no cost (source 002).

An autoencoder with code h and decoder V reconstructs :math:`\sigma(V^\top h + c)`. With every unit
of h written m times and every row of V divided by m the sum, the reconstruction and the loss are
the same. A contrastive loss sees embeddings through cosines, and

.. math:: \cos((z, \dots, z), (z', \dots, z')) = \frac{m\, z \cdot z'}{m\, \|z\| \|z'\|}
          = \cos(z, z').

Neither loss can tell the copies from the features, at any parameters and for any inputs.

Source: "InfoMax vs. Pretraining Prior Art", What Each Objective Actually Optimizes.
"""

from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.streams import generator
from paper.methods.descent import Parameters, encode
from paper.methods.reconstruction.autoencoder import loss_and_gradients
from paper.methods.two_views.simclr import nt_xent

_SAMPLES, _INPUTS, _UNITS = 64, 20, 6


def copied_features(seeds: Iterable[int], copies: int = 10) -> pd.DataFrame:
    """Losses of random codes and of the same codes with copies.

    Returns:
        Two rows per seed and objective (``autoencoder``, ``contrastive``): ``objective``,
        ``seed``, ``copies`` (1, and as asked for), ``loss`` and ``redundancy``, the mean over
        features of the largest cosine with another one, over samples.
    """
    rows = []
    for seed in seeds:
        draw = generator(seed, "copies")

        def normal(*shape: int, draw: torch.Generator = draw) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        x = normal(1, _SAMPLES, _INPUTS)  # of either sign, so that every unit fires on some
        parameters = {
            "weight": normal(1, _UNITS, _INPUTS),
            "bias": normal(1, _UNITS),
            "decoder": normal(1, _UNITS, _INPUTS),
            "offset": normal(1, _INPUTS),
        }
        embeddings = normal(1, _SAMPLES, _UNITS)
        for count in (1, copies):
            autoencoder = copied(parameters, count)
            loss = float(loss_and_gradients(autoencoder, x)[0])
            code = encode(autoencoder, x)[0]
            rows.append(("autoencoder", seed, count, loss, redundancy(code)))
            z = embeddings.repeat(1, 1, count)
            rows.append(("contrastive", seed, count, float(nt_xent(z)), redundancy(z[0])))
    return pd.DataFrame(rows, columns=["objective", "seed", "copies", "loss", "redundancy"])


def copied(parameters: Parameters, copies: int) -> Parameters:
    """An autoencoder with every unit so many times, and the same reconstructions.

    weight (S, K, D), bias (S, K) and decoder (S, K, D); offset (S, D) stays.
    """
    return {
        "weight": parameters["weight"].repeat(1, copies, 1),
        "bias": parameters["bias"].repeat(1, copies),
        "decoder": parameters["decoder"].repeat(1, copies, 1) / copies,
        "offset": parameters["offset"],
    }


def redundancy(features: Tensor) -> float:
    """Mean over features (N, K) of the largest cosine with another one, over samples."""
    unit = torch.nn.functional.normalize(features, dim=0)
    cosines = (unit.mT @ unit).fill_diagonal_(-1)
    return float(cosines.amax(0).mean())
