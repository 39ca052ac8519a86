"""Stacks of layers: does InfoMax on the outputs of InfoMax find more?

Layer n + 1 reads the outputs a of layer n, standardised unit by unit:
(a - mean) / sqrt(variance + eps), so that every layer meets inputs of the scale that its initial
weights expect and a dead unit stays zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pydantic import Field

from infomax_lib.derived import MinibatchSpec
from infomax_lib.store import Store

__all__ = ["TRAININGS", "StackSpec", "run_stacks"]

#: How the layers of a stack are trained.
TRAININGS = ("greedy", "random", "end_to_end")


class StackSpec(MinibatchSpec):
    """A stack of layers with the same width, activation and competition.

    Attributes:
        depth: Number of layers, 1 to 3.
        training: ``greedy`` trains each layer on the outputs of the frozen one below, all
            ``epochs`` long; mean and variance between layers are those of the training set.
            ``random`` leaves all layers as they start (``epochs`` is not looked at).
            ``end_to_end`` trains all layers by the loss of the last one's outputs; mean and
            variance are those of the batch while it trains, differentiated, and those of the
            training set afterwards.

    One layer trained greedily is the plain run of the same settings: same start, same batches.
    ``lambda_wr`` acts on the weights of the layer whose outputs carry the loss.
    """

    depth: int = Field(1, ge=1, le=3)
    training: str = "greedy"


def run_stacks(
    specs: Sequence[StackSpec] | StackSpec,
    device: str = "auto",
    store: str | Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train stacks and measure their top layers.

    All seeds of one configuration are trained at once, and a greedy stack of three layers gives
    the shallower ones on its way: ask for all depths in one call.

    Args:
        specs: What to train; ``grid(StackSpec(...), training=TRAININGS, depth=[1, 2, 3],
            seed=range(10))``.
        device: ``"auto"`` (CUDA when there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        store: Folder, name or Store, see :func:`infomax_lib.open_store`.
        progress: Show progress while something is computed.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and of the top layer
        ``probe_accuracy`` of its outputs, all of :func:`infomax_lib.metrics.describe_weights` and,
        on test images, of :func:`infomax_lib.metrics.describe_outputs`, ``hsic``, ``hsic_floor``,
        ``output_effective_rank`` and ``output_entropy_rank`` (of the singular values of the centred
        outputs); ``loss`` and ``train_tc`` are means over the last epoch, NaN if untrained.

    Raises:
        TypeError: Anything but StackSpec objects.
        ValueError: A device that is not there.
    """
    raise NotImplementedError
