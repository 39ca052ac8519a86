"""Encoders as tables of numbers, for the results store, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from paper.methods.density.gmm import MixtureEncoder
from paper.methods.density.softhebb import PosteriorEncoder
from paper.methods.encoders import Encoder, LinearEncoder, TriangleEncoder


def as_table(encoder: Encoder) -> tuple[str, Tensor]:
    """How features follow from the numbers, and the numbers: weight (K, D) and 1 or 2 columns.

    Raises:
        TypeError: An encoder of another kind.
    """
    match encoder:
        case LinearEncoder():
            kind, more = encoder.activation, [encoder.bias]
        case TriangleEncoder():
            kind, more = "triangle", [torch.zeros_like(encoder.weight[:, 0])]
        case PosteriorEncoder():
            kind, more = "posterior", [torch.zeros_like(encoder.weight[:, 0])]
        case MixtureEncoder():
            kind, more = "mixture", [encoder.variances, encoder.log_weights]
        case _:
            raise TypeError(f"weights of a {type(encoder).__name__} cannot be kept")
    return kind, torch.cat([encoder.weight, *(column[:, None] for column in more)], 1)


def from_table(kind: str, table: Tensor, note: str | None = None) -> Encoder:
    """The encoder that `as_table` made numbers of."""
    if kind == "mixture":
        return MixtureEncoder(table[:, :-2], table[:, -2], table[:, -1], note)
    weight, bias = table[:, :-1], table[:, -1]
    if kind == "triangle":
        return TriangleEncoder(weight, note)
    if kind == "posterior":
        return PosteriorEncoder(weight, note)
    return LinearEncoder(weight, bias, kind, note)
