"""The plain training loop of one layer: what every faster path is checked and timed against.

Everything here is written the obvious way, with automatic differentiation and PyTorch's own fused
optimizers, and shares nothing with the population trainer but initial weights and data order. It
is also an honest opponent: the data is one tensor, nothing is computed that the loss does not need,
and no value leaves the device before the end of an epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from infomax_lib.model.competition import competition
from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import ACTIVATIONS, initial_parameters
from infomax_lib.model.masked_views import two_views
from infomax_lib.model.objective import OBJECTIVES, free_energy, weight_redundancy
from infomax_lib.model.spec import RunSpec
from infomax_lib.model.streams import batches, generator

__all__ = ["PlainLoop", "plain_loss", "train_reference"]


def plain_loss(
    a: Tensor, weight: Tensor, lambda_tc: float | Tensor, lambda_wr: float, eps: float = 1e-6
) -> tuple[Tensor, Tensor]:
    """The InfoMax loss of outputs a (N, K) and weights (K, D), and ||R - I||^2 within it.

    L = -sum_j log(Var(a_j) + eps) + lambda_tc ||R - I||_F^2 + lambda_wr ||G - I||_F^2.
    """
    samples, units = a.shape
    identity = torch.eye(units, dtype=a.dtype, device=a.device)
    variance = a.var(0) + eps
    standardised = (a - a.mean(0)) / variance.sqrt()
    tc = ((standardised.T @ standardised / (samples - 1) - identity) ** 2).sum()
    loss = -variance.log().sum() + lambda_tc * tc
    if lambda_wr > 0:
        directions = weight / weight.norm(dim=1, keepdim=True)
        loss = loss + lambda_wr * ((directions @ directions.T - identity) ** 2).sum()
    return loss, tc


class PlainLoop:
    """One layer, its optimizer and its training step.

    Args:
        spec: The run.
        data: The dataset that it names; inputs (N, D).
        dtype: float32 as in the population, or float64 for checks.
        device: Where to train.

    Attributes:
        weight: Rows (K, D), which steps change.
        bias: Biases (K,).
    """

    def __init__(
        self,
        spec: RunSpec,
        data: Dataset,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        start = initial_parameters(data.num_features, spec.hidden_dim, spec.seed, spec.initial)
        self.weight, self.bias = (part.to(device, dtype).requires_grad_() for part in start)
        self.bias.requires_grad_(spec.bias)
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[spec.optimizer]
        trained = [self.weight, self.bias] if spec.bias else [self.weight]
        self.optimizer = kind(trained, lr=spec.learning_rate, fused=True)
        self.spec, self.train = spec, data.train.to(device, dtype)
        self._order = generator(spec.seed, "order")
        self._views = [generator(spec.seed, "views")] if spec.views > 1 else []
        self._compete = competition(spec.competition, spec.temperature, spec.group_size)

    def step(self, indices: Tensor | None) -> tuple[Tensor, Tensor]:
        """One gradient step on the samples at ``indices`` (B,), or on all; loss and TC term."""
        x = self.train if indices is None else self.train[indices]
        if self._views:
            x = two_views(x.unsqueeze(0), self._views)[0]
        z = torch.nn.functional.linear(x, self.weight, self.bias)
        h = ACTIVATIONS[self.spec.activation](z)
        loss, tc = self._loss(h, self._compete(h, -1))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach(), tc.detach()

    def _loss(self, h: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        spec = self.spec
        if spec.objective == "infomax":
            loss, tc = plain_loss(a, self.weight, spec.lambda_tc, spec.lambda_wr)
        else:
            loss, tc = OBJECTIVES[spec.objective](a, spec.lambda_tc)
            loss = loss + spec.lambda_wr * weight_redundancy(self.weight)
        if spec.lambda_lse > 0:
            loss = loss + spec.lambda_lse * free_energy(h, spec.temperature)
        return loss, tc

    def epoch(self) -> tuple[float, float]:
        """One pass over the training data; mean loss and TC term over its batches."""
        if self.spec.batch_size == "full":
            steps = [self.step(None)]
        else:
            parts = batches(len(self.train), self.spec.batch_size, [self._order])
            steps = [self.step(indices[0].to(self.train.device)) for indices in parts]
        losses, tcs = zip(*steps, strict=True)
        return torch.stack(losses).mean().item(), torch.stack(tcs).mean().item()


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
    loop = PlainLoop(spec, data, dtype)
    epochs = [loop.epoch() for _ in range(spec.epochs)]
    history = {"loss": [loss for loss, _ in epochs], "train_tc": [tc for _, tc in epochs]}
    return loop.weight.detach(), loop.bias.detach(), history
