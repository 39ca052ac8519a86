"""Two other ways to train many layers at once: ``torch.func.vmap`` and batched matrix products.

Both do exactly the work of the plain loop for each of their layers (same loss, same gradient, same
fused optimizer), with automatic differentiation and no more cleverness than PyTorch offers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.plain_loop import plain_loss
from infomax_lib.model.competition import competition
from infomax_lib.model.data import Dataset
from infomax_lib.model.layer import ACTIVATIONS, initial_parameters
from infomax_lib.model.objective import EPSILON
from infomax_lib.model.spec import RunSpec

__all__ = ["BmmEnsemble", "VmapEnsemble"]


class _Ensemble:
    """Stacked parameters (L, K, D) and (L, K) of layers that differ in seed and lambda_tc alone.

    Args:
        specs: Descriptions; ``step`` gets one batch per seed, in order of first appearance.
        data: The dataset that they name.
        device: Where to train.
        dtype: Of parameters and data.
    """

    def __init__(self, specs: Sequence[RunSpec], data: Dataset, device, dtype) -> None:
        first = specs[0]
        if len({s.but(seed=0, lambda_tc=0.0) for s in specs}) > 1 or first.lambda_wr > 0:
            raise ValueError("layers of these ensembles may differ in seed and lambda_tc alone")
        start = [
            initial_parameters(data.num_features, s.hidden_dim, s.seed, s.initial) for s in specs
        ]
        self.weight = torch.stack([w for w, _ in start]).to(device, dtype).requires_grad_()
        self.bias = torch.stack([b for _, b in start]).to(device, dtype).requires_grad_()
        self.lambda_tc = torch.tensor([s.lambda_tc for s in specs], device=device, dtype=dtype)
        self.train = data.train.to(device, dtype)
        seeds = list(dict.fromkeys(s.seed for s in specs))
        self.group = torch.tensor([seeds.index(s.seed) for s in specs], device=device)
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[first.optimizer]
        self.optimizer = kind([self.weight, self.bias], lr=first.learning_rate, fused=True)
        self._activate = ACTIVATIONS[first.activation]
        self._compete = competition(first.competition)

    def _inputs(self, indices: Tensor) -> Tensor:
        """Batch (1, B, D) that all layers share, or (L, B, D)."""
        x = self.train[indices]
        return x if len(x) == 1 else x[self.group]

    def step(self, indices: Tensor) -> Tensor:
        """One gradient step on batches (S, B); losses (L,) before it."""
        raise NotImplementedError


class VmapEnsemble(_Ensemble):
    """The plain loss of one layer, vectorised over layers by ``torch.func.vmap``."""

    def __init__(self, specs: Sequence[RunSpec], data: Dataset, device, dtype) -> None:
        super().__init__(specs, data, device, dtype)

        def loss(weight, bias, lambda_tc, x):
            a = self._compete(self._activate(F.linear(x, weight, bias)), -1)
            return plain_loss(a, weight, lambda_tc, 0.0)[0]

        both = torch.func.grad_and_value(loss, argnums=(0, 1))
        shared = len(self.group.unique()) == 1
        self._gradient = torch.func.vmap(both, in_dims=(0, 0, 0, None if shared else 0))

    def step(self, indices: Tensor) -> Tensor:
        """One gradient step on batches (S, B); losses (L,) before it."""
        x = self._inputs(indices)
        parameters = self.weight.detach(), self.bias.detach()
        gradient, losses = self._gradient(*parameters, self.lambda_tc, x[0] if len(x) == 1 else x)
        self.weight.grad, self.bias.grad = gradient
        self.optimizer.step()
        return losses


class BmmEnsemble(_Ensemble):
    """The same loss written for stacked outputs (L, B, K), with ``torch.baddbmm``."""

    def step(self, indices: Tensor) -> Tensor:
        """One gradient step on batches (S, B); losses (L,) before it."""
        x = self._inputs(indices).expand(len(self.weight), -1, -1)
        z = torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.mT)
        losses = self._losses(self._compete(self._activate(z), -1))
        self.optimizer.zero_grad()
        losses.sum().backward()
        self.optimizer.step()
        return losses.detach()

    def _losses(self, a: Tensor) -> Tensor:
        samples, units = a.shape[-2:]
        variance = a.var(1) + EPSILON
        standardised = (a - a.mean(1, keepdim=True)) / variance.sqrt().unsqueeze(1)
        correlation = torch.bmm(standardised.mT, standardised) / (samples - 1)
        identity = torch.eye(units, dtype=a.dtype, device=a.device)
        tc = ((correlation - identity) ** 2).sum((1, 2))
        return -variance.log().sum(-1) + self.lambda_tc * tc
