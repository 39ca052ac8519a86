"""Encoders of one half of an image: some invertible for all weights, some at the start, some never.

An encoder is a module that maps x (N, D) to a representation (N, K). Sizes are those of Tschannen
et al. 2020 by default; initial weights come from a generator.

- `coupling_flow`: layers that shift (and scale) one half of the inputs by functions of the other
  half, then permute all of them; invertible whatever the weights are (Dinh et al. 2015, 2017).
- `ResidualMLP`: x + relu(Wx + b) five times, close to the identity at the start and free to leave
  it.
- `ConvNet`: to fewer outputs than inputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paper.information.critics import dense, undrawn

_START = 1e-4  # standard deviation of weights that start near the identity
_KERNEL, _STRIDE = 5, 2  # of the convolutions


class CouplingFlow(nn.Module):
    """An invertible encoder made of coupling layers of zuko, and its inverse.

    Attributes:
        transforms: Coupling layers and permutations, in order.
    """

    def __init__(self, transforms: Sequence[nn.Module]) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)

    def forward(self, x: Tensor) -> Tensor:
        """Representation (N, D) of x (N, D)."""
        for transform in self.transforms:
            x = transform()(x)
        return x

    def inverse(self, y: Tensor) -> Tensor:
        """The x (N, D) whose representation is y (N, D)."""
        for transform in reversed(self.transforms):
            y = transform().inv(y)
        return y

    def log_abs_det(self, x: Tensor) -> Tensor:
        """log |det J| of the representation's derivative at each x (N, D); shape (N,)."""
        total = x.new_zeros(len(x))
        for transform in self.transforms:
            x, log_det = transform().call_and_ladj(x)
            total = total + log_det
        return total


def coupling_flow(
    inputs: int,
    generator: torch.Generator,
    couplings: int = 30,
    hidden: Sequence[int] = (512, 512),
    shift_only: bool = True,
) -> CouplingFlow:
    """An invertible encoder of ``inputs`` numbers, almost a permutation at the start.

    Args:
        inputs: D, at least 2.
        generator: Of initial weights and permutations.
        couplings: Number of coupling layers.
        hidden: Sizes of the hidden layers of their networks.
        shift_only: Whether they only shift, which keeps volumes, or scale as well.

    Raises:
        ImportError: zuko is not installed.
    """
    try:
        from zuko.flows.coupling import GeneralCouplingTransform
        from zuko.lazy import UnconditionalTransform
        from zuko.transforms import (
            AdditiveTransform,
            MonotonicAffineTransform,
            PermutationTransform,
        )
    except ImportError as missing:
        raise ImportError(
            "Invertible encoders need the package zuko; install it with "
            "`pip install .[information]`"
        ) from missing
    univariate, shapes = (
        (AdditiveTransform, [()]) if shift_only else (MonotonicAffineTransform, [(), ()])
    )
    transforms: list[nn.Module] = []
    for _ in range(couplings):
        with undrawn():
            coupling = GeneralCouplingTransform(
                inputs,
                mask=torch.arange(inputs) < inputs // 2,
                univariate=univariate,
                shapes=shapes,
                hidden_features=list(hidden),
            )
        start_near_zero(coupling, generator)
        order = torch.randperm(inputs, generator=generator)
        transforms += [coupling, UnconditionalTransform(PermutationTransform, order, buffer=True)]
    return CouplingFlow(transforms)


def start_near_zero(network: nn.Module, generator: torch.Generator) -> None:
    """Set the matrices of a network to small normal numbers, and its biases to zero."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
                parameter.copy_(_START * drawn)
            else:
                parameter.zero_()


class ResidualMLP(nn.Module):
    """x + relu(Wx + b) layer by layer, and x + Wx + b at last: the identity, for small weights."""

    def __init__(self, inputs: int, generator: torch.Generator, layers: int = 5) -> None:
        super().__init__()
        with undrawn():
            self.layers = nn.ModuleList(nn.Linear(inputs, inputs) for _ in range(layers))
        start_near_zero(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Representation (N, D) of x (N, D)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = x + layer(x).relu()
        return x + last(x)


class ConvNet(nn.Module):
    """Two strided convolutions, normalisation over all features, mean over places, a linear map."""

    def __init__(
        self,
        image_shape: tuple[int, int],
        generator: torch.Generator,
        channels: int = 64,
        outputs: int = 100,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        padding = _KERNEL // 2
        with undrawn():
            self.first = nn.Conv2d(1, channels, _KERNEL, _STRIDE, padding)
            self.second = nn.Conv2d(channels, 2 * channels, _KERNEL, _STRIDE, padding)
        self.scale = nn.Parameter(torch.ones(2 * channels))
        self.shift = nn.Parameter(torch.zeros(2 * channels))
        self.last = dense(2 * channels, outputs, generator)
        with torch.no_grad():
            for layer in (self.first, self.second):
                fans = (layer.in_channels + layer.out_channels) * _KERNEL**2
                limit = (6 / fans) ** 0.5
                drawn = torch.rand(layer.weight.shape, generator=generator, dtype=torch.float32)
                layer.weight.copy_(limit * (2 * drawn - 1))
                assert layer.bias is not None
                layer.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Representation (N, K) of images x (N, D)."""
        x = x.view(len(x), 1, *self.image_shape)
        x = self.second(self.first(x).relu()).relu()
        x = F.layer_norm(x, x.shape[1:])
        return self.last(x.mean((2, 3)) * self.scale + self.shift)
