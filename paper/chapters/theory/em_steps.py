r"""The gradient step of a softmax layer against the step of classical EM on its responsibilities.

The layer is taken as the mixture whose means are its rows (:func:`.mixture.implied_mixture`). With
its responsibilities r = softmax(h) the M-step moves row k by

.. math:: \Delta_k = \frac{\sum_n r_{nk} x_n}{\sum_n r_{nk}} - w_k,

whatever produced them; a gradient step of the layer is :math:`-\eta\,\partial L/\partial w_k`.
"""

from collections.abc import Iterable, Iterator

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib import RunSpec, trained_layer
from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.objective import free_energy, infomax_objective
from infomax_lib.results.runs import measured_epochs
from infomax_lib.results.store import Store

#: The learning rate of the sources.
RATE = 1e-3
#: Length of the run whose course is followed; its weights are in the committed results.
_EPOCHS = 100


def em_steps(
    dataset: str, seeds: Iterable[int], store: str | Store | None = "auto", samples: int = 10_000
) -> pd.DataFrame:
    """Architecture B at lambda_tc = 0: its step, and that of the LSE term, against EM's.

    Untrained layers of every seed, and seed 0 along its training.

    Args:
        dataset: Whose first ``samples`` training images are taken.
        seeds: Of the untrained layers.
        store: Where the trained layer is.
        samples: Number N of them.

    Returns:
        Columns ``step`` (InfoMax or LSE term), ``epoch``, ``seed``; ``cosine`` of the two steps of
        all weights together, ``between`` the same without the mean over the rows, and ``length``
        of the gradient step at rate 1e-3 over that of EM's.
    """
    x = load_dataset(dataset).train[:samples]
    layers = [(0, s, InfoMaxLayer(x.shape[1], 16, "relu", "softmax", s)) for s in seeds]
    run = RunSpec(dataset=dataset, epochs=_EPOCHS, competition="softmax", lambda_tc=0.0, seed=0)
    layers += [(t, 0, trained_layer(run, store, t)) for t in measured_epochs(_EPOCHS) if t > 0]
    rows = [
        {"step": name, "epoch": epoch, "seed": seed, **against_em(step, em)}
        for epoch, seed, layer in layers
        for em in [m_step(layer, x)]
        for name, step in _gradient_steps(layer, x)
    ]
    return pd.DataFrame(rows)


def m_step(layer: InfoMaxLayer, x: Tensor) -> Tensor:
    """How far the exact M-step on the layer's responsibilities moves its rows; shape (K, D)."""
    with torch.no_grad():
        r = torch.softmax(layer.hidden(x), -1)
        return r.mT @ x / r.sum(0).unsqueeze(-1) - layer.weight


def _gradient_steps(layer: InfoMaxLayer, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Steps of :data:`RATE` against the gradient of both losses, (K, D) each."""
    h = layer.hidden(x)
    losses = {
        "InfoMax": infomax_objective(torch.softmax(h, -1), lambda_tc=0.0).loss,
        "LSE term": free_energy(h),
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, layer.weight, retain_graph=True)
        yield name, -RATE * gradient


def against_em(step: Tensor, em: Tensor) -> dict[str, float]:
    """Angle and length of a step (K, D) against EM's, see :func:`em_steps`."""

    def cosine(a: Tensor, b: Tensor) -> float:
        return float(F.cosine_similarity(a.flatten(), b.flatten(), dim=0))

    return {
        "cosine": cosine(step, em),
        "between": cosine(step - step.mean(0), em - em.mean(0)),
        "length": float(step.norm() / em.norm()),
    }
