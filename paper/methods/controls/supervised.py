"""A supervised layer of the same size: the ceiling for K features read by a linear classifier.

a = relu(W x + b),  logits = U a + c,  loss = cross-entropy of softmax(logits), mean over the batch.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from paper.methods.controls.untrained import initial_layers
from paper.methods.descent import Descent, Parameters, encode, xavier
from paper.methods.encoders import encoders_of
from paper.methods.methods import DESCENT, Method, Outcomes


def loss_and_gradients(
    parameters: Parameters, x: Tensor, labels: Tensor
) -> tuple[Tensor, Parameters]:
    """Cross-entropy of each model (S,) and its gradients.

    x (S, B, D), labels (S, B) in 0..C-1;
    parameters weight (S, K, D), bias (S, K), head (S, C, K), head_bias (S, C).
    """
    p = parameters
    hidden = encode(p, x)
    log_likelihood = torch.log_softmax(
        torch.baddbmm(p["head_bias"][:, None], hidden, p["head"].mT), dim=-1
    )
    target = labels[..., None]
    loss = -log_likelihood.gather(-1, target).mean((-2, -1))
    # d loss / d logits = (softmax - one-hot) / B
    error = log_likelihood.exp()
    error.scatter_add_(-1, target, error.new_full(target.shape, -1.0))
    error.div_(x.shape[1])
    back = torch.bmm(error, p["head"]).mul_(hidden > 0)
    return loss, {
        "weight": torch.bmm(back.mT, x),
        "bias": back.sum(1),
        "head": torch.bmm(error.mT, hidden),
        "head_bias": error.sum(1),
    }


def train(
    weight: Tensor,
    bias: Tensor,
    X: Tensor,
    labels: Tensor,
    seeds: Sequence[int],
    descent: Descent,
    on_epoch: Callable[[int, Parameters], object] = lambda epoch, parameters: None,
) -> Parameters:
    """Parameters of one classifier per seed, trained with Adam from the given layers.

    Args:
        weight: Rows (S, K, D) that the layers start from; left as they are.
        bias: Their biases (S, K).
        X: Training data (N, D).
        labels: Classes (N,).
        seeds: S seeds, which fix the order of the data and the head.
        descent: How to train.
        on_epoch: Called after each epoch 1, 2, ... with its number and the parameters so far.

    Returns:
        weight (S, K, D), bias (S, K), head (S, C, K), head_bias (S, C).
    """
    classes = int(labels.max()) + 1
    parameters = {
        "weight": weight.clone(),
        "bias": bias.clone(),
        "head": xavier(seeds, classes, weight.shape[1], "head", X),
        "head_bias": X.new_zeros(len(seeds), classes),
    }
    return descent.train(
        parameters,
        lambda p, batch, rows: loss_and_gradients(p, batch, labels[rows])[1],
        X,
        seeds,
        on_epoch=lambda epoch: on_epoch(epoch, parameters),
    )


def fit_many(
    X: Tensor, hidden_dim: int, seeds: Sequence[int], descent: Descent, labels: Tensor
) -> Outcomes:
    """Train one classifier per seed with Adam; X (N, D), labels (N,). Encoders give the ReLU layer.

    The hidden layer starts from the weights an InfoMax layer has at the same seed.
    """
    found = train(*initial_layers(seeds, hidden_dim, X), X, labels, seeds, descent)
    return encoders_of(found["weight"], found["bias"], "relu")


METHODS = (Method("supervised", "supervised layer", fit_many, DESCENT, reads_labels=True),)
