"""Training S copies of a small model at once, one per seed, as tensors with a leading axis S.

A layer of sixteen units is so small that a plain loop over seeds spends its time on overhead;
batched products (`torch.bmm`) do all seeds in one call. Seeds never mix: every operation acts
on each slice alone, so a seed trained in a stack follows the path it follows alone, and a slice
that turns to NaN leaves its neighbours untouched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from infomax_lib.model.streams import batches, generator
from paper.methods.encoders import FitError, LinearEncoder, encoders_of

Parameters = dict[str, Tensor]
# (parameters, inputs (S, B, D), rows (S, B)) -> gradients, a dict with the parameters' keys
Gradients = Callable[[Parameters, Tensor, Tensor], Parameters]


def streams(seeds: Sequence[int], purpose: str) -> list[torch.Generator]:
    """A random stream for each seed, of its own for each purpose."""
    return [generator(seed, purpose) for seed in seeds]


def drawn(
    sample: Callable[..., Tensor], shape: Sequence[int], draws: Sequence[torch.Generator]
) -> Tensor:
    """Random float32 tensors of one shape, one from each of S streams: (S, *shape), on the CPU.

    `sample` is `torch.rand` or `torch.randn`.
    """
    return torch.stack([sample(shape, generator=draw, dtype=torch.float32) for draw in draws])


def xavier(seeds: Sequence[int], rows: int, columns: int, purpose: str, like: Tensor) -> Tensor:
    """Xavier-uniform matrices, one per seed: (S, rows, columns) ~ U(-r, r), r² = 6/(rows+columns).

    Type and device are those of `like`; `purpose` names the random stream.
    """
    limit = (6.0 / (rows + columns)) ** 0.5
    uniform = drawn(torch.rand, (rows, columns), streams(seeds, purpose))
    return ((2 * uniform - 1) * limit).to(like)


def encode(parameters: Parameters, x: Tensor) -> Tensor:
    """relu(W x + b), (S, B, K); x (S, B, D), weight (S, K, D), bias (S, K)."""
    return torch.relu(torch.baddbmm(parameters["bias"][:, None], x, parameters["weight"].mT))


@dataclass(frozen=True)
class Descent:
    """Minibatch descent: how long, how fast, and on how much at a time.

    Attributes:
        epochs: Passes over the data.
        learning_rate: Step size.
        batch_size: Rows per step.
        progress: Title of a bar; None shows none.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    progress: str | None = None

    def train(
        self,
        parameters: Parameters,
        gradients: Gradients,
        X: Tensor,
        seeds: Sequence[int],
        *,
        optimizer: torch.optim.Optimizer | None = None,
        on_epoch: Callable[[int], object] = lambda epoch: None,
    ) -> Parameters:
        """Train on X (N, D), in place.

        Every seed sees the batches that an InfoMax layer sees at the same seed.

        Args:
            parameters: Tensors with a leading axis S.
            gradients: What the optimizer descends.
            X: Data.
            seeds: S seeds, which fix the order of the data.
            optimizer: Adam, if not given.
            on_epoch: Called with 1, 2, ... after each pass.

        Returns:
            The parameters.
        """
        if optimizer is None:
            optimizer = torch.optim.Adam(parameters.values(), lr=self.learning_rate, fused=True)
        orders = streams(seeds, "order")
        passes = range(1, self.epochs + 1)
        for epoch in tqdm(passes, desc=self.progress, disable=self.progress is None, leave=False):
            for rows in batches(len(X), self.batch_size, orders):
                rows = rows.to(X.device)
                batch = X.index_select(0, rows.flatten()).view(*rows.shape, X.shape[1])
                for name, gradient in gradients(parameters, batch, rows).items():
                    parameters[name].grad = gradient
                optimizer.step()
            on_epoch(epoch)
        return parameters

    def layers(
        self,
        parameters: Parameters,
        gradients: Callable[[Parameters, Tensor], Parameters],
        X: Tensor,
        seeds: Sequence[int],
        *,
        activation: str = "relu",
        optimizer: torch.optim.Optimizer | None = None,
    ) -> list[LinearEncoder | FitError]:
        """`train` on `gradients` of (parameters, inputs (S, B, D)); the encoders of what it leaves.

        ``weight`` (S, K, D) and ``bias`` (S, K) among the parameters are the layers.
        """
        self.train(parameters, lambda p, x, _: gradients(p, x), X, seeds, optimizer=optimizer)
        return encoders_of(parameters["weight"], parameters["bias"], activation)
