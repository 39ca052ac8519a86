r"""What a code is good for besides telling classes: pixels, and which of them are the digit.

Two linear maps with an intercept are fitted from the standardised outputs of an encoder on the
training images, by least squares, and tested on test images:

- *generation*: to the pixels x; explained variance
  :math:`R^2 = 1 - \sum \|x - \hat x\|^2 / \sum \|x - \bar x\|^2`, with the mean of the test images;
- *segmentation*: to the mask m of pixels brighter than one half, read as :math:`\hat m > 1/2`;
  intersection over union of all masks.

How views of an image are told from those of others is measured beside them
(:mod:`.view_distances`).

Source: "InfoMax vs. Pretraining Prior Art", The InfoMax Hypothesis.
"""

from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor

from infomax_lib.model.data import Dataset
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.experiments import Kind
from infomax_lib.results.store import Store
from paper.chapters.prior_art.measured.assessment import one_row_each
from paper.chapters.prior_art.measured.view_distances import compared, views_of
from paper.methods.spec import BaselineSpec

#: Brightness from which on a pixel belongs to the digit.
FOREGROUND = 0.5

_RIDGE = 1e-6  # of standardised outputs, so that collinear ones have a solution
_MEASURES = ("reconstruction_r2", "foreground_iou", "view_ratio")

KIND = Kind("uses", (BaselineSpec, RunSpec), otherwise=(0.02, 0.0))


@KIND.driver
def uses(
    specs: Sequence[BaselineSpec | RunSpec] | BaselineSpec | RunSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """What encoders are good for besides classes; those without stored weights are fitted again.

    Args:
        specs: Baselines and layers, in any order, of square images.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, ``method``, ``reconstruction_r2``,
        ``foreground_iou`` and ``view_ratio``, NaN where the fit failed; ``failed``: why, or None.
    """
    return one_row_each(KIND, specs, _measures, _MEASURES, device, store, progress)


def _measures(encode: Callable[[Tensor], Tensor], data: Dataset) -> dict[str, float]:
    found = maps(encode, data.train, data.test)
    return found | {"view_ratio": compared(encode, views_of(data.test))["view_ratio"]}


def maps(encode: Callable[[Tensor], Tensor], train: Tensor, test: Tensor) -> dict[str, float]:
    """``reconstruction_r2`` and ``foreground_iou`` on test images (M, D)."""
    features, held_out = encode(train).double(), encode(test).double()
    mean, std = features.mean(0), features.std(0)
    inverse = torch.where(std > 0, 1 / std, 0)
    features, held_out = ((a - mean) * inverse for a in (features, held_out))
    targets = torch.cat([train, (train > FOREGROUND).to(train)], 1).double()
    centre = targets.mean(0)
    gram = features.mT @ features
    gram.diagonal().add_(_RIDGE * len(features))
    weights = torch.linalg.solve(gram, features.mT @ (targets - centre))
    pixels, mask = (held_out @ weights + centre).chunk(2, 1)
    left = (test - pixels).square().sum() / (test - test.mean(0)).square().sum()
    found, true = mask > FOREGROUND, test > FOREGROUND
    overlap = (found & true).sum() / (found | true).sum()
    return {"reconstruction_r2": float(1 - left), "foreground_iou": float(overlap)}
