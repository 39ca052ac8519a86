"""What duplicated units feel: gradients of twins against the gradients of single units."""

from collections.abc import Iterable

import pandas as pd
import torch

from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.objective import infomax_objective


def twin_gradients(
    dataset: str,
    hidden_dim: int = 16,
    lambda_tc: float = 0.0,
    competitions: Iterable[str] = ("none", "softmax"),
    seeds: Iterable[int] = range(10),
    samples: int = 10_000,
) -> pd.DataFrame:
    """Gradient norm of a duplicated unit over that of the same unit on its own, before training.

    For each seed the layer is compared with itself after unit 0 was copied onto unit 1. The loss
    gradient with respect to row 0 is taken in both on the same first ``samples`` training images.

    Returns:
        Columns ``competition``, ``seed``, ``ratio``: below 1, a duplicate receives less gradient;
        and ``cosine`` between the gradients of the two copies, 1 when nothing separates them.
    """
    data = load_dataset(dataset)
    x = data.train[:samples]
    rows = []
    for competition in competitions:
        for seed in seeds:
            layer = InfoMaxLayer(data.num_features, hidden_dim, "relu", competition, seed)
            single = _weight_gradient(layer, x, lambda_tc)
            with torch.no_grad():
                layer.weight[1] = layer.weight[0]
            twins = _weight_gradient(layer, x, lambda_tc)
            rows.append(
                {
                    "competition": competition,
                    "seed": seed,
                    "ratio": (twins[0].norm() / single[0].norm()).item(),
                    "cosine": torch.cosine_similarity(twins[0], twins[1], dim=0).item(),
                }
            )
    return pd.DataFrame(rows)


def _weight_gradient(layer: InfoMaxLayer, x: torch.Tensor, lambda_tc: float) -> torch.Tensor:
    loss = infomax_objective(layer(x), lambda_tc=lambda_tc).loss
    return torch.autograd.grad(loss, layer.weight)[0]
