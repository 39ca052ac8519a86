"""Training S copies of a small model at once, one per seed, as tensors with a leading axis S.

A layer of sixteen units is so small that a plain loop over seeds spends its time on overhead;
batched products (`torch.bmm`) do all seeds in one call. Seeds never mix: every operation acts
on each slice alone, so a seed trained in a stack follows the path it follows alone, and a slice
that turns to NaN leaves its neighbours untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from infomax_lib.model.streams import batches, generator
from paper.methods.encoders import Encoder, FitError, LinearEncoder

AnyEncoder = TypeVar("AnyEncoder", bound=Encoder)
Parameters = dict[str, Tensor]
# (parameters, inputs (S, B, D), rows (S, B)) -> gradients, a dict with the parameters' keys
Gradients = Callable[[Parameters, Tensor, Tensor], Parameters]


def xavier(seeds: Sequence[int], rows: int, columns: int, purpose: str, like: Tensor) -> Tensor:
    """Xavier-uniform matrices, one per seed: (S, rows, columns) ~ U(-r, r), r² = 6/(rows+columns).

    Type and device are those of `like`; `purpose` names the random stream.
    """
    limit = (6.0 / (rows + columns)) ** 0.5
    draws = [torch.rand(rows, columns, generator=generator(seed, purpose)) for seed in seeds]
    return ((2 * torch.stack(draws) - 1) * limit).to(like)


def train(
    parameters: Parameters,
    gradients: Gradients,
    optimizer: torch.optim.Optimizer,
    X: Tensor,
    seeds: Sequence[int],
    *,
    epochs: int,
    batch_size: int,
    progress: str | None = None,
    on_epoch: Callable[[int], object] = lambda epoch: None,
) -> None:
    """Run `epochs` passes of minibatch descent over X (N, D), in place.

    Every seed sees the batches that an InfoMax layer sees at the same seed. `progress` names the
    bar, None shows none; `on_epoch` is called with 1, 2, ... after each pass.
    """
    orders = [generator(seed, "order") for seed in seeds]
    passes = range(1, epochs + 1)
    for epoch in tqdm(passes, desc=progress, disable=progress is None, leave=False):
        for rows in batches(len(X), batch_size, orders):
            rows = rows.to(X.device)
            batch = X.index_select(0, rows.flatten()).view(*rows.shape, X.shape[1])
            for name, gradient in gradients(parameters, batch, rows).items():
                parameters[name].grad = gradient
            optimizer.step()
        on_epoch(epoch)


def encoders_of(weight: Tensor, bias: Tensor, activation: str) -> list[LinearEncoder | FitError]:
    """Split stacked layers, (S, K, D) and (S, K), into encoders; a layer with NaN is a failure."""
    outcomes: list[LinearEncoder | FitError] = []
    for one_weight, one_bias in zip(weight, bias, strict=True):
        if torch.isfinite(one_weight).all() and torch.isfinite(one_bias).all():
            # Clones, so that an encoder does not keep the whole stack alive.
            outcomes.append(LinearEncoder(one_weight.clone(), one_bias.clone(), activation))
        else:
            outcomes.append(FitError("diverged: the weights are no longer finite numbers"))
    return outcomes


def only(outcomes: Sequence[AnyEncoder | FitError]) -> AnyEncoder:
    """The encoder of a stack of one, or its failure raised."""
    (outcome,) = outcomes
    if isinstance(outcome, FitError):
        raise outcome
    return outcome
