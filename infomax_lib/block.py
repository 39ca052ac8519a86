"""The part of a training step between its two matrix products: outputs, loss and its gradient.

A block holds those layers of a population that share width and competition, so that every
operation serves all of them at once. No operation mixes layers: one that diverges leaves its
neighbours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from infomax_lib.layer import ACTIVATIONS, COMPETITIONS
from infomax_lib.objective import gradient_by_covariance, redundancy_of_gram
from infomax_lib.spec import RunSpec

__all__ = ["Block", "BlockGradient", "block_of"]


def block_of(spec: RunSpec) -> tuple:
    """What the layers of one block share, as a sortable value."""
    return spec.hidden_dim, spec.competition, spec.lambda_wr > 0


class BlockGradient(NamedTuple):
    """Gradient by the pre-activations (L, K, B), and loss and correlation term (L,)."""

    z: Tensor
    loss: Tensor
    tc: Tensor


class Block:
    """L = S C layers of K units each: C layers with the same settings in each of S groups.

    Args:
        specs: Descriptions, group by group; all groups have the same sequence of activations.
        groups: S.
        rows: Which rows of each group's matrix are theirs.
    """

    def __init__(self, specs: Sequence[RunSpec], groups: int, rows: slice, **to) -> None:
        self.specs, self.groups, self.rows = list(specs), groups, rows
        self.units = specs[0].hidden_dim
        self.lambda_tc = torch.tensor([spec.lambda_tc for spec in specs], **to)
        self.lambda_wr = torch.tensor([spec.lambda_wr for spec in specs], **to)
        self.regularised = specs[0].lambda_wr > 0
        self.loss_sum, self.tc_sum = (torch.zeros(len(specs), **to) for _ in range(2))
        self._compete = COMPETITIONS[specs[0].competition]
        first_group = specs[: len(specs) // groups]
        lengths = [(n, len(list(g))) for n, g in groupby(s.activation for s in first_group)]
        self._activations = [ACTIVATIONS[name] for name, _ in lengths]
        self._lengths = [length for _, length in lengths]

    def gradient(self, z: Tensor) -> BlockGradient:
        """Loss and its gradient at the pre-activations z (L, K, B), which is overwritten."""
        z.requires_grad_()
        with torch.enable_grad():
            a = self._compete(self._activate(z), -2)
        with torch.no_grad():
            centred = a - a.mean(-1, keepdim=True)
            samples = z.shape[-1]
            cov = torch.bmm(centred, centred.mT).div_(samples - 1)
            by_cov, (loss, tc) = gradient_by_covariance(cov, self.lambda_tc)
            by_output = torch.bmm(by_cov, centred).mul_(2 / (samples - 1))
        (by_z,) = torch.autograd.grad(a, z, by_output)
        return BlockGradient(by_z, loss, tc)

    def redundancy_gradient(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of the redundancy term by weight (L, K, D), and its value (L,).

        The term depends on the weights through P = W W' alone; with M its gradient by P, its
        gradient by W is 2 M W.
        """
        gram = torch.bmm(weight, weight.mT)
        with torch.enable_grad():
            value = self.lambda_wr * redundancy_of_gram(gram.requires_grad_())
            (by_gram,) = torch.autograd.grad(value.sum(), gram)
        return torch.bmm(by_gram, weight).mul_(2), value.detach()

    def _activate(self, z: Tensor) -> Tensor:
        if len(self._activations) == 1:
            return self._activations[0](z)
        parts = z.unflatten(0, (self.groups, -1)).split(self._lengths, 1)
        hidden = [f(part) for f, part in zip(self._activations, parts, strict=True)]
        return torch.cat(hidden, 1).flatten(0, 1)
