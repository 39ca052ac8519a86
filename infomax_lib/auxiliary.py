"""A supervised signal beside InfoMax: the cross-entropy of a linear head on the outputs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pydantic import Field

from infomax_lib.derived import MinibatchSpec
from infomax_lib.store import Store

__all__ = ["AuxiliarySpec", "run_auxiliary"]


class AuxiliarySpec(MinibatchSpec):
    """A training run with the loss InfoMax + lambda_ce * cross-entropy.

    Attributes:
        lambda_ce: Weight of the cross-entropy, >= 0. The head itself minimises the cross-entropy
            whatever its weight, so that at 0 it reads a layer that does not notice it: that layer
            is the plain run of the same settings.
    """

    lambda_ce: float = Field(0.0, ge=0, allow_inf_nan=False)


def run_auxiliary(
    specs: Sequence[AuxiliarySpec] | AuxiliarySpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train layers with a supervised signal and measure them.

    Layers that differ in seed, ``lambda_ce`` and ``lambda_tc`` are trained at once.

    Args:
        specs: What to train; ``grid(AuxiliarySpec(...), lambda_ce=[0.0, 1.0], seed=range(10))``.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        store: Folder, name or Store, see :func:`infomax_lib.open_store`.
        progress: Show progress while something is computed.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``probe_accuracy`` of a linear
        probe on the outputs, ``head_accuracy`` and ``head_cross_entropy`` of the head on test
        images, all of :func:`infomax_lib.metrics.describe_weights` and, on test images, of
        :func:`infomax_lib.metrics.describe_outputs`.

    Raises:
        TypeError: Anything but AuxiliarySpec objects.
        ValueError: A device that is not there.
    """
    raise NotImplementedError
