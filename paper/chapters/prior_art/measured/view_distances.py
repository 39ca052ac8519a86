r"""Are contrastive features invariant to views, and do they tell images apart? (source 002)

With features a(v), standardised over the views, of two views v, v' of every image,

.. math:: r = \frac{\mathrm{mean}_n \|a(v_n) - a(v'_n)\|}
                   {\mathrm{mean}_{n \ne m} \|a(v_n) - a(v'_m)\|}

is small where views of one image lie closer together than those of two. A code that forgets
everything has no such ratio.

*Hard negatives* (Robinson, Chuang, Sra & Jegelka 2021, without the correction for images of one's
own class): in the denominator of NT-Xent the sum over the N = 2B - 2 views of other images becomes
N times their mean with weights in proportion to :math:`e^{\beta s / \tau}`, so that those which
look alike count for more. At β = 0 it is NT-Xent.

Source: "InfoMax vs. Pretraining Prior Art", Contrastive Learning.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.model.data import DATASETS, load_dataset
from infomax_lib.model.spec import Spec, names_among
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind
from infomax_lib.results.store import Store
from paper.methods.descent import Descent
from paper.methods.encoders import FitError
from paper.methods.methods import METHODS, Outcomes
from paper.methods.two_views import joint_embedding
from paper.methods.two_views.augment import two_views
from paper.methods.two_views.simclr import TEMPERATURE

#: SimCLR whose negatives are weighted by how hard they are.
HARD = "simclr_hard"
#: What is compared.
COMPARED = ("untrained", "simclr", HARD, "moco", "byol", "swav")
#: β, by how much hard negatives count for more.
HARDNESS = 1.0
#: Test images whose views are compared; the seed of the views, the same for all encoders.
IMAGES, SEED = 2000, 0

_MEASURES = ("view_ratio", "found", "probe_accuracy")


class ViewDistanceSpec(Spec):
    """One method of two views at one seed, whose features of views are compared.

    Attributes:
        dataset: Its name; square images.
        method: One of :data:`COMPARED`.
        hidden_dim: Number of units K, at least 2.
        epochs: Passes over the training data, >= 1; they do not matter to untrained weights.
        learning_rate: Of Adam, > 0; likewise.
        batch_size: Images per step, >= 2; likewise.
        seed: Fixes initial weights, data order and augmentation.
    """

    dataset: str = "mnist"
    method: str = "simclr"
    hidden_dim: int = Field(default=64, ge=2, le=8192)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, method=COMPARED)


KIND = Kind("view_distances", (ViewDistanceSpec,), otherwise=(0.02, 0.0))


@KIND.driver
def view_distances(
    specs: Sequence[ViewDistanceSpec] | ViewDistanceSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train methods of two views and compare their features of views of test images.

    All seeds of a setting are trained together.

    Args:
        specs: What to train; ``grid(ViewDistanceSpec(), method=COMPARED, seed=range(5))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: its ``key`` and fields, ``view_ratio`` (r), ``found`` (share of
        views whose nearest view of the other kind is of their own image) and ``probe_accuracy``,
        NaN where the fit failed; ``failed``: why, or None.
    """
    return KIND.results(specs, partial(_compute, progress=progress), device, store, progress)


def _compute(
    specs: Sequence[ViewDistanceSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    data = load_dataset(specs[0].dataset).to(device, torch.float32)
    views, rows = views_of(data.test), []
    for outcome in _fitted(specs, data.train, "views" if progress else None):
        if isinstance(outcome, FitError):
            row: dict[str, Any] = dict.fromkeys(_MEASURES, float("nan"))
            rows.append(row | {"failed": str(outcome)})
            continue
        train, test = outcome.transform(data.train), outcome.transform(data.test)
        probe = linear_probe(train, data.train_labels, test, data.test_labels)
        row = {**compared(outcome.transform, views), "probe_accuracy": float(probe)}
        rows.append(row | {"failed": None})
    return rows


def _fitted(specs: Sequence[ViewDistanceSpec], X: Tensor, progress: str | None) -> Outcomes:
    first, seeds = specs[0], [spec.seed for spec in specs]
    if first.method == HARD:
        descent = Descent(first.epochs, first.learning_rate, first.batch_size, progress)
        return joint_embedding.fit_many_on(hard_nt_xent)(X, first.hidden_dim, seeds, descent)
    method = METHODS[first.method]
    settings = {name: getattr(first, name) for name in method.defaults}
    return method.fit(X, first.hidden_dim, seeds, progress=progress, **settings)


def hard_nt_xent(z: Tensor, temperature: float = TEMPERATURE, hardness: float = HARDNESS) -> Tensor:
    """NT-Xent with hard negatives, of each model (S,).

    z (S, 2B, E): the first views of all images, then the second ones.
    """
    images = z.shape[1] // 2
    unit = F.normalize(z, dim=-1)
    similarity = torch.bmm(unit, unit.mT) / temperature
    first, second = unit.chunk(2, 1)
    positive = ((first * second).sum(-1) / temperature).repeat(1, 2)
    # neither a view itself nor the other one of its image is a negative
    own = torch.eye(images, dtype=torch.bool, device=z.device).repeat(2, 2)

    def of_negatives(weight: float) -> Tensor:
        return torch.logsumexp((weight * similarity).masked_fill(own, -torch.inf), -1)

    mean = of_negatives(1 + hardness) - of_negatives(hardness)
    total = torch.logaddexp(positive, mean + math.log(2 * images - 2))
    return (total - positive).mean(-1)


def views_of(images: Tensor) -> Tensor:
    """Two views (2, N, D) of the first test images, the same for all encoders."""
    stream = generator(SEED, "views of test images")
    both = two_views(images[None, :IMAGES], [stream])[0]
    return torch.stack(both.chunk(2))


@torch.no_grad()
def compared(encode: Callable[[Tensor], Tensor], views: Tensor) -> dict[str, float]:
    """``view_ratio`` and ``found`` of an encoder on views (2, N, D); NaN for a constant code."""
    features = encode(views.flatten(0, 1)).double()
    std = features.std(0)
    features = (features - features.mean(0)) * torch.where(std > 0, 1 / std, 0)
    first, second = features.chunk(2)
    distance = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")
    own = distance.diagonal()
    between = (distance.sum() - own.sum()) / (distance.numel() - len(own))
    found = (distance.argmin(1).cpu() == torch.arange(len(own))).double().mean()
    return {"view_ratio": float(own.mean() / between), "found": float(found)}
