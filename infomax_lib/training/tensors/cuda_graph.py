"""A training step recorded once and replayed: on a GPU, launching its kernels costs more than they.

The first steps run as they are, because libraries prepare themselves then; the next one is
recorded into a CUDA graph with fixed memory, and every later one is a single launch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["GraphedStep"]

_WARM_UP_STEPS = 3


class GraphedStep:
    """``step(indices)`` with the same effect, replayed where ``indices`` have the usual shape.

    Args:
        step: One training step on CUDA tensors; it allocates nothing that must outlive it, does
            not wait for the GPU, and uses an optimizer with ``capturable=True``.
        indices: Selects a batch; its shape is the usual one. Batches of other shapes (the last of
            an epoch) are not recorded.
    """

    def __init__(self, step: Callable[[Tensor], None], indices: Tensor) -> None:
        self._step = step
        self._indices = torch.empty_like(indices)
        self._warm = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, indices: Tensor) -> None:
        """One training step."""
        if indices.shape != self._indices.shape:
            self._step(indices)
        elif self._warm < _WARM_UP_STEPS:
            self._warm += 1
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._step(indices)
            torch.cuda.current_stream().wait_stream(side)
        else:
            self._indices.copy_(indices)
            if self._graph is None:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    self._step(self._indices)
                self._graph = graph
            self._graph.replay()
