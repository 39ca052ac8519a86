"""The architectures that the book compares, and what a layer of a given spec puts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from infomax_lib.model.competition import compete
from infomax_lib.model.layer import ACTIVATIONS, stacked_preactivation
from infomax_lib.model.spec import RunSpec


def competed(spec: RunSpec, h: Tensor, dim: int = -1) -> Tensor:
    """Outputs a = g(h) of activations, of the same shape; the units lie along ``dim``."""
    return compete(h, spec.competition, dim, spec.temperature, spec.group_size)


def outputs(spec: RunSpec, z: Tensor, dim: int = -1) -> Tensor:
    """Outputs a = g(f(z)) of pre-activations, of the same shape; the units lie along ``dim``."""
    return competed(spec, ACTIVATIONS[spec.activation](z), dim)


def layer_outputs(spec: RunSpec, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """Outputs a (N, K) of one layer with rows (K, D) and biases (K,) for inputs x (N, D)."""
    return outputs(spec, stacked_preactivation(weight.unsqueeze(0), bias.unsqueeze(0), x)[0])


#: This work in the comparison: the two architectures, and A with the log-sum-exp term.
INFOMAX = {
    "infomax_relu": "InfoMax A (ReLU)",
    "infomax_softmax": "InfoMax B (softmax)",
    "infomax_lse": "InfoMax + LSE",
}


#: What sets each of them apart from the default of a run.
INFOMAX_SETTINGS: Mapping[str, Mapping[str, object]] = {
    "infomax_relu": {"competition": "none", "lambda_tc": 1.0},
    "infomax_softmax": {"competition": "softmax", "lambda_tc": 0.0},
    "infomax_lse": {"competition": "none", "lambda_tc": 1.0, "lambda_lse": 1.0},
}


#: The two architectures at the pressure that source 000 gives each of them.
ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "A": INFOMAX_SETTINGS["infomax_relu"],
    "B": INFOMAX_SETTINGS["infomax_softmax"],
}
