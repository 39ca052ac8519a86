"""What methods of two views owe to their views and to large batches (source 002).

With ``views="all"`` a method is what it is elsewhere: views are moved, scaled and masked at random
(:mod:`paper.methods.two_views.augment`). With ``views="none"`` both views are the image itself.
Masks are left out as well: they are an augmentation, too. Both losses remain defined. With unit
embeddings z of B images, twice each, NT-Xent (Chen et al. 2020) is
    L = mean_i log(1 + 2 Σ_{j≠i} exp((z_i·z_j - 1) / τ)),
which spreads images apart and is blind to anything a view could change. Barlow Twins (Zbontar et
al. 2021) is, but for rounding, λ Σ_{i≠j} R_ij² with R the correlation of the embeddings: it
decorrelates.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import output_correlation, weight_redundancy
from infomax_lib.model.data import DATASETS, Dataset, load_dataset
from infomax_lib.model.spec import RunSpec, Spec, names_among
from infomax_lib.results.experiments import Kind
from infomax_lib.results.runs import run
from infomax_lib.results.store import Store, open_store
from paper.chapters.prior_art.comparison import with_infomax
from paper.methods.encoders import Encoder, FitError
from paper.methods.methods import METHODS
from paper.methods.two_views.augment import two_views
from paper.methods.two_views.joint_embedding import Views

#: Methods whose views can be chosen.
ABLATED = ("simclr", "barlow_twins")

_MEASURES = ("probe_accuracy", "weight_redundancy", "output_correlation")
_COLUMNS = (
    *("key", "dataset", "method", "views", "hidden_dim", "epochs", "learning_rate", "batch_size"),
    *("seed", *_MEASURES, "failed"),
)


def equal_views(x: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
    """Every image twice: batches (S, B, D) -> (S, 2B, D). Nothing is drawn."""
    return x.repeat(1, 2, 1)


#: Where the two views of an image come from.
VIEWS: dict[str, Views] = {"all": two_views, "none": equal_views}


class ViewAblationSpec(Spec):
    """One method of two views, with or without augmentation, at one batch size and seed.

    Attributes:
        dataset: Its name; square images for ``views="all"``.
        method: ``simclr`` or ``barlow_twins``.
        views: ``all`` (augmented) or ``none`` (both views are the image).
        hidden_dim: Number of units K, at least 2.
        epochs: Passes over the training data, >= 1.
        learning_rate: Of Adam, > 0.
        batch_size: Images per step, >= 2.
        seed: Fixes initial weights, data order and augmentation.
    """

    dataset: str = "mnist"
    method: str = "simclr"
    views: str = "all"
    hidden_dim: int = Field(default=64, ge=2, le=8192)
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=128, ge=2)
    seed: int = Field(default=42, ge=0, lt=2**63)

    _known_names = names_among(dataset=DATASETS, method=ABLATED, views=VIEWS)


KIND = Kind(
    "view_ablations",
    (ViewAblationSpec,),
    tolerance={"probe_accuracy": (0.01, 0.0)},
    otherwise=(1e-3, 0.05),
)


@KIND.driver
def view_ablations(
    specs: Sequence[ViewAblationSpec | RunSpec] | ViewAblationSpec | RunSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train methods with and without augmented views, and InfoMax layers, which see one view.

    All seeds of a setting are trained together. InfoMax layers are ordinary runs.

    Args:
        specs: What to train; ``grid(ViewAblationSpec(), views=VIEWS, batch_size=[32, 128, 512])``
            and ``grid(RunSpec(...), batch_size=[32, 128, 512])``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, ``dataset``, ``method`` (one of
        :data:`infomax_lib.model.architectures.INFOMAX` for a run), ``views`` (``none`` for a
        run), ``hidden_dim``, ``epochs``, ``learning_rate``, ``batch_size``, ``seed``;
        ``probe_accuracy`` (a share), ``weight_redundancy`` and ``output_correlation`` (of test
        outputs), NaN where the fit failed; ``failed``: why, or None.

    Raises:
        TypeError: Anything but ViewAblationSpec and RunSpec objects.
        ValueError: A run that sees two views or is not in the comparison; a device that is not
            there.
    """
    specs = [specs] if isinstance(specs, Spec) else list(specs)
    store = open_store(store)
    layers = [spec for spec in specs if isinstance(spec, RunSpec)]
    for layer in layers:
        if layer.views > 1:
            raise ValueError(
                f"objective={layer.objective!r} sees two views of every sample, but runs stand "
                "here for training without views: choose another objective"
            )
    others = [spec for spec in specs if not isinstance(spec, RunSpec)]
    compute = partial(_compute, progress=progress)
    table = KIND.results(others, compute, device, store, progress)
    if layers:
        runs = run(layers, device=device, store=store, progress=progress)
        table = with_infomax(table, runs.assign(views="none"), store)
    if not specs:
        return pd.DataFrame(columns=list(_COLUMNS))
    by_key = table.drop_duplicates("key").set_index("key")
    rows = by_key.loc[[spec.key for spec in specs]].reset_index()
    return rows[list(_COLUMNS)].astype(dict.fromkeys(_MEASURES, float))


def _compute(
    specs: Sequence[ViewAblationSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    first, data = specs[0], load_dataset(specs[0].dataset).to(device, torch.float32)
    method = METHODS[first.method]
    outcomes = method.fit(
        data.train,
        first.hidden_dim,
        [spec.seed for spec in specs],
        epochs=first.epochs,
        learning_rate=first.learning_rate,
        batch_size=first.batch_size,
        progress=f"{method.label}, views: {first.views}" if progress else None,
        views=VIEWS[first.views],
    )
    return [_measured(outcome, data) for outcome in outcomes]


@torch.no_grad()
def _measured(outcome: Encoder | FitError, data: Dataset) -> dict[str, Any]:
    """Measures of one encoder, by column name, or why there are none."""
    if isinstance(outcome, FitError):
        return dict.fromkeys(_MEASURES, float("nan")) | {"failed": str(outcome)}
    train, test = outcome.transform(data.train), outcome.transform(data.test)
    probe = linear_probe(train, data.train_labels, test, data.test_labels)
    return {
        "probe_accuracy": float(probe),
        "weight_redundancy": float(weight_redundancy(outcome.weight)),
        "output_correlation": float(output_correlation(test)),
        "failed": None,
    }
