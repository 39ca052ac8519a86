"""The part of a training step between its two matrix products: outputs, loss and its gradient.

A block holds those layers of a population that share width, competition and objective, so that
every operation serves all of them at once. No operation mixes layers: one that diverges leaves its
neighbours alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor

from infomax_lib.model.competition import competition
from infomax_lib.model.objective import free_energy, redundancy_of_gram
from infomax_lib.model.spec import RunSpec
from infomax_lib.training.tensors.gradients import (
    ACTIVATION_GRADIENTS,
    COMPETITION_GRADIENTS,
    output_gradient,
)

__all__ = ["Block", "BlockGradient", "block_of"]


# The activations of `model.layer`, written over the pre-activations, which the cache still has.
_OVERWRITING: dict[str, Callable[[Tensor], object]] = {
    "identity": lambda z: z,
    "relu": torch.relu_,
    "leaky_relu": torch.nn.functional.leaky_relu_,
    "tanh": torch.tanh_,
    "softplus": lambda z: torch.ops.aten.softplus.out(z, out=z),
    "sigmoid": torch.sigmoid_,
}


def block_of(spec: RunSpec) -> tuple[Any, ...]:
    """What the layers of one block share, as a sortable value."""
    return (
        *(spec.hidden_dim, spec.competition, spec.temperature, spec.group_size),
        *(spec.objective, spec.lambda_lse > 0, spec.lambda_wr > 0),
    )


class BlockGradient(NamedTuple):
    """Gradient by the pre-activations (L, K, B), and loss and its second term (L,)."""

    z: Tensor
    loss: Tensor
    tc: Tensor


class Block:
    """L = S C layers of K units each: C layers with the same settings in each of S groups.

    Args:
        specs: Descriptions, group by group; all groups have the same sequence of activations.
        groups: S.
    """

    def __init__(self, specs: Sequence[RunSpec], groups: int, **to: Any) -> None:
        self.specs, self.groups = list(specs), groups
        self.units = specs[0].hidden_dim
        self.lambda_tc = torch.tensor([spec.lambda_tc for spec in specs], **to)
        self.lambda_wr = torch.tensor([spec.lambda_wr for spec in specs], **to)
        self.lambda_lse = torch.tensor([spec.lambda_lse for spec in specs], **to)
        self.regularised = specs[0].lambda_wr > 0
        self._attracted = specs[0].lambda_lse > 0
        self._objective, self._temperature = specs[0].objective, specs[0].temperature
        self.loss_sum, self.tc_sum = (torch.zeros(len(specs), **to) for _ in range(2))
        first = specs[0]
        self._competition = first.competition
        self._compete = competition(first.competition, first.temperature, first.group_size)
        first_group = specs[: len(specs) // groups]
        names = [(name, len(list(g))) for name, g in groupby(s.activation for s in first_group)]
        self._activations = [name for name, _ in names]
        self._lengths = [length for _, length in names]

    def layers(self, rows: Tensor) -> Tensor:
        """What belongs to the rows of every group (S, R, ...), as (L, K, ...)."""
        return rows.unflatten(1, (-1, self.units)).flatten(0, 1)

    def rows(self, layers: Tensor) -> Tensor:
        """What belongs to the units of every layer (L, K, ...), as (S, R, ...)."""
        return layers.unflatten(0, (self.groups, -1)).flatten(1, 2)

    def gradient(self, z: Tensor) -> BlockGradient:
        """Loss and its gradient at the pre-activations z (L, K, B), whose memory it takes."""
        h = self._each_activation(_OVERWRITING, z)
        automatic = self._competition not in COMPETITION_GRADIENTS
        with torch.set_grad_enabled(automatic):
            a = self._compete(h.requires_grad_(automatic), -2)
        by_output, (loss, tc) = output_gradient(self._objective, a.detach(), self.lambda_tc)
        if by_output is None:
            by_h = torch.zeros_like(z)
        elif automatic:
            (by_h,) = torch.autograd.grad(a, h, by_output)
        else:
            by_h = COMPETITION_GRADIENTS[self._competition](by_output, a, self._temperature)
        h = h.detach()
        if self._attracted:
            by_activation, energy = self._free_energy_gradient(h)
            by_h, loss = by_h + by_activation, loss + energy
        return BlockGradient(self._each_activation(ACTIVATION_GRADIENTS, by_h, h), loss, tc)

    def _free_energy_gradient(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Of lambda_lse times the free energy: by the activations (L, K, B), and its value (L,)."""
        responsibility = torch.softmax(h / self._temperature, -2)
        scale = (-self.lambda_lse / h.shape[-1]).view(-1, 1, 1)
        return responsibility * scale, self.lambda_lse * free_energy(h.mT, self._temperature)

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

    def _each_activation(
        self, functions: Mapping[str, Callable[..., object]], *parts: Tensor
    ) -> Tensor:
        """Overwrite the last of the parts (L, K, B) by the function of each layer's activation."""
        split = [part.unflatten(0, (self.groups, -1)).split(self._lengths, 1) for part in parts]
        for name, *own in zip(self._activations, *split, strict=True):
            functions[name](*own)
        return parts[-1]
