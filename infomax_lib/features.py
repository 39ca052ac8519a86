"""What the features of a layer are good for besides their own task: transfer and robustness.

A layer is trained without labels on a source; linear probes on its standardised outputs are then
fitted and tested on the source itself and on a target that the layer has never seen. The probe of
the source is tested again, as it is, on noisy images and without some of the units.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pydantic import Field

from infomax_lib.spec import RunSpec, Spec
from infomax_lib.store import Store

__all__ = [
    "PARTNERS",
    "SOURCES",
    "FeatureSpec",
    "FeatureWarning",
    "LinearReadout",
    "ReferenceSpec",
    "evaluate_features",
    "evaluate_references",
    "level_columns",
    "target_of",
]

#: Datasets with inputs of the same size, to which features transfer.
PARTNERS = {"mnist": "fashion-mnist", "fashion-mnist": "mnist"}

#: Parts of a dataset by class: all of them, the lower half (0-4 of ten) or the upper half (5-9).
SOURCES = ("all", "low", "high")

#: Reference features, which need no training.
REFERENCES = ("pixels", "pca")

NOISE = (0.1, 0.2, 0.4)
UNIT_LOSS = (0.1, 0.25, 0.5)


class FeatureWarning(UserWarning):
    """A target is not at hand on this machine; results without it are not stored."""


class FeatureSpec(RunSpec):
    """A layer, what it is trained on, and how its features are tested.

    ``epochs=0`` is the untrained control.

    Attributes:
        source: Classes on whose images the layer is trained, a name in :data:`SOURCES`. With
            ``all`` the target is the partner of the dataset in :data:`PARTNERS`, otherwise the
            other half of the classes.
        noise: Standard deviations, > 0, of Gaussian noise that is added to the test images
            (pixels lie in [0, 1], and are not clipped afterwards).
        unit_loss: Shares of units, in (0, 1], that are set to their training mean.
        draws: How many random choices of lost units are averaged, >= 1.
    """

    source: str = "all"
    noise: tuple[float, ...] = NOISE
    unit_loss: tuple[float, ...] = UNIT_LOSS
    draws: int = Field(5, ge=1)


class ReferenceSpec(Spec):
    """Reference features, tested as those of a layer: raw pixels, or PCA of the source's images.

    Attributes:
        dataset: Its name.
        method: ``pixels`` or ``pca``.
        hidden_dim: Number of principal components; None for pixels.
        source, noise, unit_loss, draws: As in :class:`FeatureSpec`.
        seed: Fixes noise and lost units, as for a layer of the same seed. Probes do not depend on
            it and are fitted once for all seeds of one call.
    """

    dataset: str = "mnist"
    method: str = "pca"
    hidden_dim: int | None = Field(None, ge=1)
    source: str = "all"
    noise: tuple[float, ...] = NOISE
    unit_loss: tuple[float, ...] = UNIT_LOSS
    draws: int = Field(5, ge=1)
    seed: int = Field(42, ge=0, lt=2**63)


class LinearReadout:
    """The probe of :func:`infomax_lib.probes.linear_probe`, fitted once and asked many times."""


def target_of(dataset: str, source: str = "all") -> str | None:
    """What a reader calls the target: "fashion-mnist", "mnist 5–9", or None if there is none."""
    raise NotImplementedError


def level_columns(noise: Sequence[float] = NOISE, unit_loss: Sequence[float] = UNIT_LOSS) -> dict:
    """Names of the columns with accuracies by level.

    ``{"noise_accuracy_0.2": 0.2, ...}``, and ``loss_accuracy_0.25`` in the same way.
    """
    raise NotImplementedError


def evaluate_features(
    specs: Sequence[FeatureSpec] | FeatureSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train layers and measure what their features are good for.

    Layers are trained as populations, their weights are not kept. Probes see the outputs.

    Args:
        specs: What to train and test; ``grid(FeatureSpec(...), seed=range(10))``.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        store: Folder, name or Store, see :func:`infomax_lib.open_store`.
        progress: Show progress while something is computed.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and

        - ``probe_accuracy``: on the source (its own classes);
        - ``target``, ``transfer_accuracy``: name of the target (None if there is none) and the
          accuracy there, NaN without a target;
        - ``noise_accuracy_S`` for every deviation S, ``loss_accuracy_P`` for every share P: the
          probe of the source, not fitted again; see :func:`level_columns`;
        - ``noise_drop``, ``loss_drop``: mean over levels of the accuracy lost, and
          ``noise_retained``, ``loss_retained``: mean over levels of accuracy / clean accuracy;
        - all of :func:`infomax_lib.metrics.describe_weights`, and of
          :func:`infomax_lib.metrics.describe_outputs` on the source's test images.

        Accuracies are shares; a layer whose weights are not finite has NaN everywhere.

    Raises:
        TypeError: Anything but FeatureSpec objects.
        ValueError: A device that is not there, or more units than samples.
    """
    raise NotImplementedError


def evaluate_references(
    specs: Sequence[ReferenceSpec] | ReferenceSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """The same for pixels and PCA; columns as in :func:`evaluate_features`, without measures."""
    raise NotImplementedError
