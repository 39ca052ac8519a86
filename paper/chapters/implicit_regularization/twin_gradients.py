"""What duplicated units feel: gradients of twins against the gradients of single units.

Exact twins feel the same, and stay. Near twins may be pushed apart or together, see
:func:`twin_steps`.
"""

from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.model.competition import compete
from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer, initial_parameters
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


def _weight_gradient(layer: InfoMaxLayer, x: Tensor, lambda_tc: float) -> Tensor:
    loss = infomax_objective(layer(x), lambda_tc=lambda_tc).loss
    return torch.autograd.grad(loss, layer.weight)[0]


def twin_steps(
    dataset: str,
    hidden_dim: int = 16,
    cosines: Iterable[float] = (0.9, 0.99, 0.999),
    competitions: Iterable[str] = ("none", "softmax"),
    layers: int = 50,
    samples: int = 2000,
) -> pd.DataFrame:
    """Whether a gradient step moves two similar rows of a random layer apart, lambda_tc = 0.

    Row 1 of each layer is turned towards row 0 until their cosine is the one asked for, and is
    made as long. The loss is that of the first ``samples`` training images.

    Returns:
        Columns ``competition``, ``cosine``, ``seed`` (one layer each), ``apart`` of
        :func:`separation`: above 0, the step lowers the cosine.
    """
    x = load_dataset(dataset).train[:samples]
    drawn = [initial_parameters(x.shape[1], hidden_dim, seed)[0] for seed in range(layers)]
    rows = []
    for cosine in cosines:
        weight = torch.stack(drawn)
        weight[:, 1] = near_twin(weight[:, 0], weight[:, 1], cosine)
        for competition in competitions:
            gradient = _stacked_gradient(weight, x, competition)
            apart = separation(weight[:, :2], gradient[:, :2])
            rows += [(competition, cosine, seed, float(a)) for seed, a in enumerate(apart)]
    return pd.DataFrame(rows, columns=["competition", "cosine", "seed", "apart"])


def near_twin(row: Tensor, other: Tensor, cosine: float) -> Tensor:
    """Rows (L, D) as long as ``row``, at that cosine to it, in the plane of it and ``other``."""
    along = F.normalize(row, dim=-1)
    across = F.normalize(other - (other * along).sum(-1, keepdim=True) * along, dim=-1)
    turned = cosine * along + (1 - cosine**2) ** 0.5 * across
    return row.norm(dim=-1, keepdim=True) * turned


def separation(pair: Tensor, gradient: Tensor) -> Tensor:
    r"""How much of a gradient step on two rows (L, 2, D) lowers their cosine c; shape (L,).

    The cosine, between -1 and 1, of the step :math:`-g` and of the direction in which c falls
    fastest, :math:`-\partial c/\partial w_0 = (c u_0 - u_1) / |w_0|` with the unit rows u, and the
    same for the other row.
    """
    unit = F.normalize(pair, dim=-1)
    cosine = unit.prod(-2).sum(-1)[:, None, None]
    rise = (unit.flip(-2) - cosine * unit) / pair.norm(dim=-1, keepdim=True)
    return F.cosine_similarity(gradient.flatten(1), rise.flatten(1), dim=-1)


def _stacked_gradient(weight: Tensor, x: Tensor, competition: str) -> Tensor:
    """Gradient of the loss by the weights (L, K, D) of layers with zero biases."""
    at = weight.clone().requires_grad_()
    h = F.linear(x, at.flatten(0, 1)).unflatten(-1, at.shape[:2]).movedim(0, 1).relu()
    loss = infomax_objective(compete(h, competition), lambda_tc=0.0).loss.sum()
    return torch.autograd.grad(loss, at)[0]
