"""B, read before its softmax: trained on a = softmax(h), used as h = relu(W x + b).

The layer is that of `infomax_softmax`, and so is its training. The code is another one, for which
another learning rate is best: the probe after the softmax prefers the layer that learned least.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from infomax_lib.model.competition import compete
from infomax_lib.model.objective import infomax_objective
from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, Parameters, encode
from paper.methods.methods import DESCENT, Method, Outcomes
from paper.methods.two_views.joint_embedding import Loss, Views, train


def infomax(competition: str, lambda_tc: float) -> Loss:
    """(layer, images (S, B, D)) -> L of the outputs a = g(relu(W x + b)) of each layer (S,)."""

    def loss(p: Parameters, x: Tensor) -> Tensor:
        return infomax_objective(compete(encode(p, x), competition), lambda_tc=lambda_tc).loss

    return loss


def fit_many_on(loss: Loss, views: Views) -> Callable[..., Outcomes]:
    """`fit_many` of a layer alone that descends a loss on what `views` makes of the images."""

    def fit_many(X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent) -> Outcomes:
        """Train one layer per seed with Adam on images X (N, D). Encoders give relu(W x + b)."""
        weight, bias = initial_layers(seeds, hidden_dim, X)
        return train({"weight": weight, "bias": bias}, loss, X, seeds, descent, views)

    return fit_many


METHODS = (
    Method(
        "infomax_softmax_before",
        "InfoMax B, before softmax",
        fit_many_on(infomax("softmax", 0.0), lambda images, draws: images),
        DESCENT,
    ),
)
