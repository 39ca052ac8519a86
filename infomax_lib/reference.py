"""The plain training loop of one layer: what every faster path is checked and timed against.

Everything here is written the obvious way, with automatic differentiation and PyTorch's own
optimizers, and shares nothing with the population trainer but initial weights and data order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from infomax_lib.data import Dataset
from infomax_lib.layer import ACTIVATIONS, COMPETITIONS, initial_parameters
from infomax_lib.population import batches, generator
from infomax_lib.spec import RunSpec

__all__ = ["plain_loss", "train_reference"]


def plain_loss(
    a: Tensor, weight: Tensor, lambda_tc: float, lambda_wr: float, eps: float = 1e-6
) -> tuple[Tensor, Tensor]:
    """The InfoMax loss of outputs a (N, K) and weights (K, D), and ||R - I||^2 within it.

    L = -sum_j log(Var(a_j) + eps) + lambda_tc ||R - I||_F^2 + lambda_wr ||G - I||_F^2.
    """
    samples, units = a.shape
    identity = torch.eye(units, dtype=a.dtype, device=a.device)
    variance = a.var(0) + eps
    standardised = (a - a.mean(0)) / variance.sqrt()
    tc = ((standardised.T @ standardised / (samples - 1) - identity) ** 2).sum()
    directions = weight / weight.norm(dim=1, keepdim=True)
    redundancy = ((directions @ directions.T - identity) ** 2).sum()
    return -variance.log().sum() + lambda_tc * tc + lambda_wr * redundancy, tc


def train_reference(
    spec: RunSpec, data: Dataset, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, dict[str, list[float]]]:
    """Train one layer with a plain loop, on the CPU.

    Args:
        spec: The run.
        data: The dataset that it names; inputs (N, D).
        dtype: float32 as in the population, or float64 for checks.

    Returns:
        Weights (K, D), biases (K,), and the history: lists ``loss`` and ``train_tc``, the mean
        over the batches of each epoch.
    """
    start = initial_parameters(data.num_features, spec.hidden_dim, spec.seed, spec.initial)
    weight, bias = (part.to(dtype).requires_grad_() for part in start)
    bias.requires_grad_(spec.bias)
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[spec.optimizer]
    optimizer = kind([weight, bias] if spec.bias else [weight], lr=spec.learning_rate)
    train = data.train.to(dtype)
    order = generator(spec.seed, "order")
    history: dict[str, list[float]] = {"loss": [], "train_tc": []}
    for _ in range(spec.epochs):
        if spec.batch_size == "full":
            parts = [train]
        else:
            parts = [train[indices[0]] for indices in batches(len(train), spec.batch_size, [order])]
        losses, tcs = [], []
        for x in parts:
            z = torch.nn.functional.linear(x, weight, bias)
            a = COMPETITIONS[spec.competition](ACTIVATIONS[spec.activation](z))
            loss, tc = plain_loss(a, weight, spec.lambda_tc, spec.lambda_wr)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            tcs.append(tc.item())
        history["loss"].append(sum(losses) / len(losses))
        history["train_tc"].append(sum(tcs) / len(tcs))
    return weight.detach(), bias.detach(), history
