"""Competitions between the units of one layer: h -> a.

All but ``none`` and ``top_k``, which selects, act on h / T with a temperature T.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

__all__ = ["COMPETITIONS", "GROUPED", "UNSCALED", "compete", "competition"]


def _none(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """No competition: a = h, architecture A."""
    return h


def _softmax(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """a_j = exp(h_j / T) / sum_k exp(h_k / T)."""
    return torch.softmax(_scaled(h, temperature), dim)


def _softmin(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """softmax(-h / T): source 001, where h are distances and the nearest prototype wins."""
    return torch.softmax(-_scaled(h, temperature), dim)


def _log_softmax(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """Logarithm of the softmax: competition without the bounds of the simplex."""
    return torch.log_softmax(_scaled(h, temperature), dim)


def _softmax_gate(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """a_j = h_j softmax(h / T)_j: the activation, passed in proportion to its responsibility."""
    return h * torch.softmax(_scaled(h, temperature), dim)


def _group_softmax(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """A softmax within every group of ``group_size`` neighbouring units."""
    groups = _scaled(h, temperature).unflatten(dim, (-1, group_size))
    inner = dim if dim < 0 else dim + 1
    return torch.softmax(groups, inner).flatten(inner - 1, inner)


def _top_k(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """The K / group_size largest h of each sample as they are, zero for the others."""
    kept, places = h.topk(h.shape[dim] // group_size, dim)
    return torch.zeros_like(h).scatter(dim, places, kept)


def _sparsemax(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """Euclidean projection of h / T onto the simplex (Martins & Astudillo 2016).

    a = max(h / T - tau, 0). With S the support, tau = (sum_S h / T - 1) / |S|.
    """
    scaled = _scaled(h, temperature)
    with torch.no_grad():
        ordered = scaled.sort(dim, descending=True).values
        rank = _ranks(ordered, dim)
        inside = 1 + rank * ordered > ordered.cumsum(dim)
        size = inside.sum(dim, keepdim=True).clamp_min(1)
        last = ordered.gather(dim, size - 1)
        support = scaled >= last
    # As a function of its support the threshold is differentiable, and so gives the Jacobian.
    total = torch.where(support, scaled, 0).sum(dim, keepdim=True)
    threshold = (total - 1) / support.sum(dim, keepdim=True)
    return (scaled - threshold).clamp_min(0)


def _entmax15(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """1.5-entmax (Peters, Niculae & Martins 2019): a = max(h / 2T - tau, 0)^2, summing to one.

    With M and V the mean and the variance of h / 2T over the support S,
    tau = M - sqrt(1 / |S| - V).
    """
    half = _scaled(h, temperature) / 2
    half = half - half.amax(dim, keepdim=True).detach()
    with torch.no_grad():
        ordered = half.sort(dim, descending=True).values
        rank = _ranks(ordered, dim)
        mean = ordered.cumsum(dim) / rank
        variance = ordered.square().cumsum(dim) / rank - mean.square()
        candidates = mean - (1 / rank - variance).clamp_min(0).sqrt()
        size = (candidates <= ordered).sum(dim, keepdim=True).clamp_min(1)
        support = half >= ordered.gather(dim, size - 1)
    count = support.sum(dim, keepdim=True)
    mean = torch.where(support, half, 0).sum(dim, keepdim=True) / count
    spread = torch.where(support, half - mean, 0).square().sum(dim, keepdim=True)
    threshold = mean - ((1 - spread) / count).clamp_min(torch.finfo(h.dtype).tiny).sqrt()
    return (half - threshold).clamp_min(0).square()


def _scaled(h: Tensor, temperature: float) -> Tensor:
    return h if temperature == 1 else h / temperature


def _ranks(ordered: Tensor, dim: int) -> Tensor:
    """1 .. K along ``dim``, to broadcast with ``ordered``."""
    rank = torch.arange(1, ordered.shape[dim] + 1, device=ordered.device, dtype=ordered.dtype)
    shape = [1] * ordered.dim()
    shape[dim] = -1
    return rank.view(shape)


# h, dimension of the units, temperature, group size -> a, of the same shape
COMPETITIONS: dict[str, Callable[..., Tensor]] = {
    "none": _none,
    "softmax": _softmax,
    "softmin": _softmin,
    "log_softmax": _log_softmax,
    "sparsemax": _sparsemax,
    "entmax15": _entmax15,
    "group_softmax": _group_softmax,
    "softmax_gate": _softmax_gate,
    "top_k": _top_k,
}

GROUPED = ("group_softmax", "top_k")  # those that need a group size
UNSCALED = ("none", "top_k")  # those that know no temperature


def competition(
    name: str, temperature: float = 1.0, group_size: int = 1
) -> Callable[[Tensor, int], Tensor]:
    """The function (h, dimension of the units) -> a that a name and its settings stand for.

    Raises:
        ValueError: An unknown name, a temperature that is not above zero, or no group size where
            one is needed.
    """
    if name not in COMPETITIONS:
        raise ValueError(f"unknown competition {name!r}: choose one of {', '.join(COMPETITIONS)}")
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} is not possible: choose a number above 0")
    if name in GROUPED and group_size < 2:
        raise ValueError(f"{name} needs a group_size of at least 2, got {group_size}")
    return partial(COMPETITIONS[name], temperature=temperature, group_size=group_size)


def compete(
    h: Tensor, name: str, dim: int = -1, temperature: float = 1.0, group_size: int = 1
) -> Tensor:
    """Outputs a = g(h) of one competition.

    Args:
        h: Activations, any shape; the K units lie along ``dim``.
        name: A name in :data:`COMPETITIONS`.
        dim: Dimension of the units.
        temperature: T > 0; a small one sharpens the competition.
        group_size: Units per group (``group_softmax``), or units per place (``top_k``); divides K.

    Raises:
        ValueError: A name or setting that is not possible.
    """
    if name in GROUPED and h.shape[dim] % group_size:
        raise ValueError(f"group_size={group_size} does not divide the {h.shape[dim]} units")
    return competition(name, temperature, group_size)(h, dim)
