"""Critics: scores f(x_i, y_j) of all pairs of representations in a batch.

Every critic is a module that maps x (N, A) and y (N, B) to scores (N, N), those of pairs that were
drawn together on the diagonal, for :mod:`paper.information.bounds`. Initial weights come from
a generator, so that a seed fixes them.

Sources: van den Oord et al. 2018 (bilinear); Poole et al. 2019 (separable, concatenated);
Tschannen et al. 2020 for their sizes.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class undrawn(TorchFunctionMode):
    """Modules made in this context, in this thread, have no values yet.

    Modules draw their first weights from PyTorch's global stream, also where others are put in
    their place; that stream belongs to whoever calls.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Leave out what the functions of ``torch.nn.init`` would do."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"]
        return func(*args, **kwargs)


def dense(inputs: int, outputs: int, generator: torch.Generator, bias: bool = True) -> nn.Linear:
    """A linear map with Glorot's uniform weights, and biases zero."""
    with undrawn():
        layer = nn.Linear(inputs, outputs, bias=bias)
    limit = math.sqrt(6 / (inputs + outputs))
    drawn = torch.rand(outputs, inputs, generator=generator, dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(limit * (2 * drawn - 1))
        if bias:
            layer.bias.zero_()
    return layer


def mlp(sizes: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """Linear maps between layers of the given sizes, with ReLU after all but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [dense(inputs, outputs, generator), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def side_by_side(
    critics: Sequence[nn.Module],
) -> tuple[list[Tensor], Callable[[Tensor, Tensor], Tensor]]:
    """Parameters of critics of one kind that are trained together, and what scores by them.

    The scores are (critics, N, N), of x (critics, N, A) and y (critics, N, B).
    """
    weights, _ = stack_module_state(list(critics))
    for weight in weights.values():
        weight.requires_grad_()

    def of_one(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return functional_call(critics[0], weights, (x, y))

    return list(weights.values()), partial(vmap(of_one), weights)


class InnerProduct(nn.Module):
    """f(x, y) = x'y; representations need the same size."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (N, N)."""
        return x @ y.T


class Bilinear(nn.Module):
    """f(x, y) = x'Wy with W (A, B)."""

    def __init__(self, first: int, second: int, generator: torch.Generator) -> None:
        super().__init__()
        self.map = dense(second, first, generator, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (N, N)."""
        return x @ self.map(y).T


class Separable(nn.Module):
    """f(x, y) = u(x)'v(y) with networks u and v of one hidden layer."""

    def __init__(
        self, first: int, second: int, generator: torch.Generator, hidden: int = 100
    ) -> None:
        super().__init__()
        self.of_x = mlp([first, hidden, hidden], generator)
        self.of_y = mlp([second, hidden, hidden], generator)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (N, N)."""
        return self.of_x(x) @ self.of_y(y).T


class Concatenated(nn.Module):
    """f(x, y) = g([x, y]) with one network g for all N² pairs.

    The first layer's product with [x_i, y_j] is the sum of one with x_i and one with y_j, so that
    only its outputs, not its inputs, are made for all pairs.
    """

    def __init__(
        self,
        first: int,
        second: int,
        generator: torch.Generator,
        hidden: int = 200,
        layers: int = 1,
    ) -> None:
        super().__init__()
        self.first = dense(first + second, hidden, generator)
        self.rest = mlp([*[hidden] * layers, 1], generator)
        self.split = first

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (N, N)."""
        of_x, of_y = self.first.weight.split([self.split, y.shape[-1]], 1)
        hidden = F.linear(x, of_x, self.first.bias)[:, None] + F.linear(y, of_y)[None]
        return self.rest(hidden.relu())[..., 0]


#: Critics by name, from the weakest to the strongest; made of sizes A and B and a generator.
CRITICS = {
    "inner": lambda first, second, generator: InnerProduct(),
    "bilinear": Bilinear,
    "separable": Separable,
    "concatenated": Concatenated,
}
