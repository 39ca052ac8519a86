r"""Do InfoMax layers that carry more information give better features?

A layer's outputs are a function of its input, so that their information about it is infinite, or,
for a dataset of N samples that are all mapped apart, log N. A number worth comparing needs noise:
every unit is scaled to unit variance, noise :math:`\sigma \varepsilon` is added, and
:mod:`paper.information.noisy_outputs` bounds :math:`I(x; y)` from below and above. Beside the
bounds stand the layer's linear probe and its redundancies.

For linear units and Gaussian inputs nothing has to be estimated:

.. math:: I(x; y) = \tfrac12 \log \det(I + R / \sigma^2), \qquad
    R = D^{-1/2} W \Sigma W^\top D^{-1/2}, \quad D = \operatorname{diag}(W \Sigma W^\top)

Source: Linsker 1988 (the Gaussian channel with noise on its outputs).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from tqdm import tqdm

from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import describe_outputs, describe_weights
from infomax_lib.model.architectures import layer_outputs
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.layer import initial_parameters
from infomax_lib.model.objective import covariance
from infomax_lib.model.spec import RunSpec, first_seeds
from infomax_lib.model.streams import generator
from infomax_lib.results.experiments import Kind
from infomax_lib.results.runs import seconds_alone
from infomax_lib.results.store import Store
from infomax_lib.training.grouping import populations
from infomax_lib.training.population import Population
from paper.information.noisy_outputs import InformationBounds, gaussian_channel, noisy_information

_NOWHERE = InformationBounds(float("nan"), float("nan"), float("nan"))


class LayerInformationSpec(RunSpec):
    """A layer, and the noise on its outputs.

    ``epochs=0`` is the untrained control.

    Attributes:
        noise: Standard deviation of the noise, in those of each unit, > 0.
        samples: Test images on which information is bounded, drawn at random, >= 2; all of them
            where there are fewer. The lower bound is at most the logarithm of their number.
    """

    noise: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    samples: int = Field(default=5000, ge=2)


def _layer_of(spec: LayerInformationSpec) -> RunSpec:
    """What is trained."""
    return RunSpec(**{name: getattr(spec, name) for name in RunSpec.model_fields})


def _chunks(specs: Sequence[LayerInformationSpec]) -> Iterator[list[LayerInformationSpec]]:
    """Populations of layers, each layer with all its levels of noise."""
    by_layer: dict[RunSpec, list[LayerInformationSpec]] = defaultdict(list)
    for spec in specs:
        by_layer[_layer_of(spec)].append(spec)
    for group in populations(list(by_layer)):
        yield [spec for layer in group for spec in by_layer[layer]]


KIND = Kind(
    *("layer_information", (LayerInformationSpec,), _chunks),
    twins=True,
    tolerance=dict.fromkeys(InformationBounds._fields, (0.01, 2e-3)),
    seconds=lambda spec, store: seconds_alone(spec) + 5,
)


@KIND.driver
def layer_information(
    specs: Sequence[LayerInformationSpec] | LayerInformationSpec,
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train layers and bound the information that their noisy outputs carry about the input.

    Layers are trained as populations, once for all levels of noise; their weights are not kept.

    Args:
        specs: What to train and measure; ``grid(LayerInformationSpec(...), seed=range(10))``.
        device, store, progress: As for :meth:`.Kind.results`.

    Returns:
        One row per spec, in order: ``key``, the spec's fields, and

        - ``lower``, ``upper``, ``gaussian``: bounds in nats, see
          :class:`paper.information.noisy_outputs.InformationBounds`;
        - ``images``: how many test images they were taken on;
        - ``probe_accuracy``: test accuracy of a linear probe of the outputs, a share;
        - all of :func:`infomax_lib.measures.weights_and_outputs.describe_weights`, and of
          :func:`infomax_lib.measures.weights_and_outputs.describe_outputs` on the test images;
        - ``failed``: why there are no bounds, or None; then they and the probe are NaN.

    Raises:
        TypeError: Anything but LayerInformationSpec objects.
        ValueError: A device that is not there, or more units than samples.
    """
    compute = partial(_compute, progress=progress)
    return KIND.results(specs, compute, device, store, progress)


def _compute(
    specs: Sequence[LayerInformationSpec], device: torch.device, progress: bool
) -> list[dict[str, Any]]:
    rows: dict[LayerInformationSpec, dict[str, Any]] = {}
    for part in _chunks(specs):  # what is left of a population may not train together
        layers = list(dict.fromkeys(map(_layer_of, part)))
        data = load_dataset(layers[0].dataset).to(device, torch.float32)
        population = Population(layers, data, device, torch.float32)
        bar = range(population.first.epochs)
        for _ in tqdm(bar, desc="training", unit="epoch", leave=False, disable=not progress):
            population.epoch()
        for layer, weight, bias in zip(layers, population.weight, population.bias, strict=True):
            outputs = tuple(layer_outputs(layer, weight, bias, x) for x in (data.train, data.test))
            known = _described(weight, bias, outputs, data)
            for spec in part:
                if _layer_of(spec) == layer:
                    rows[spec] = _bounds(spec, outputs[1]) | known
    return [rows[spec] for spec in specs]


def _described(
    weight: Tensor, bias: Tensor, outputs: tuple[Tensor, ...], data: Dataset
) -> dict[str, float]:
    """What does not depend on the noise, of one layer and its outputs on both parts of the data."""
    train, test = outputs
    measures = describe_weights(weight, bias) | describe_outputs(test)
    measures["probe_accuracy"] = linear_probe(train, data.train_labels, test, data.test_labels)
    return {name: float(value) for name, value in measures.items()}


def _bounds(spec: LayerInformationSpec, outputs: Tensor) -> dict[str, Any]:
    """Bounds from outputs (M, K) on the test images."""
    pick = torch.randperm(len(outputs), generator=generator(spec.seed, "layer information: images"))
    chosen = outputs[pick[: spec.samples].to(outputs.device)]
    bounds, failed = _NOWHERE, None
    if chosen.isfinite().all():
        noise = generator(spec.seed, "layer information: noise")
        bounds = noisy_information(_standardised(chosen), spec.noise, noise)
    else:
        failed = "the layer diverged: its outputs are not finite"
    return bounds._asdict() | {"images": len(chosen), "failed": failed}


def _standardised(a: Tensor) -> Tensor:
    """Units (N, K) with mean 0 and deviation 1, float64; zero where one is constant.

    The losers of a saturated competition vary far below what counts as constant elsewhere, and a
    probe, which standardises too, reads them all the same.
    """
    a = a.double()
    constant = a.amax(0) == a.amin(0)
    centred = a - a.mean(0)
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, centred.std(0)))


# --- linear units of Gaussian inputs -------------------------------------------------------------


def closed_form_information(weight: Tensor, of_inputs: Tensor, noise: float) -> float:
    r"""I(x; y) of linear units with noisy outputs and Gaussian inputs, in nats; exact.

    Args:
        weight: Rows (K, D).
        of_inputs: Covariance (D, D) of the inputs.
        noise: Standard deviation of the noise, in those of each unit, > 0. A unit that does not
            vary adds nothing.

    Raises:
        ValueError: No noise, without which the information is infinite, or shapes that do not fit.
    """
    inputs = weight.shape[-1]
    if of_inputs.shape != (inputs, inputs):
        raise ValueError(
            f"weights of {inputs} inputs need a covariance of shape {(inputs, inputs)}, got "
            f"{(*of_inputs.shape,)}"
        )
    rows = weight.double()
    of_outputs = rows @ of_inputs.double() @ rows.T
    variance = of_outputs.diagonal()
    inverse = torch.where(variance > 0, variance.clamp_min(0).rsqrt(), 0)
    return gaussian_channel(of_outputs * inverse[:, None] * inverse, noise)


def linear_channel_table(
    dataset: str = "digits",
    noises: Sequence[float] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    hidden_dim: int = 16,
    samples: int = 1000,
    seeds: int = 3,
) -> pd.DataFrame:
    """The bounds where the truth is known: linear units, inputs Gaussian like a dataset's images.

    Untrained layers without activation or competition see samples of a Gaussian with the mean and
    the covariance of the training images. Shows at which noise the bounds say something about K
    units.

    Args:
        dataset: Its name.
        noises: Standard deviations, > 0.
        hidden_dim: Units K.
        samples: From which the bounds are taken; the lower one is at most the logarithm of it.
        seeds: How many layers, each with samples of its own.

    Returns:
        ``noise``, ``seed``, ``closed_form``, ``lower``, ``upper``, ``gaussian`` (nats).
    """
    images = load_dataset(dataset).train.double()
    of_inputs = covariance(images)
    values, directions = torch.linalg.eigh(of_inputs)
    root = directions * values.clamp_min(0).sqrt()
    rows = []
    for seed in first_seeds(seeds):
        weight = initial_parameters(images.shape[1], hidden_dim, seed)[0].double()
        draw = generator(seed, "linear channel")
        normal = torch.randn(samples, len(root), generator=draw, dtype=torch.float64)
        outputs = (images.mean(0) + normal @ root.T) @ weight.T
        for noise in noises:
            bounds = noisy_information(outputs, noise, generator(seed, "linear channel: noise"))
            truth = closed_form_information(weight, of_inputs, noise)
            rows.append({"noise": noise, "seed": seed, "closed_form": truth} | bounds._asdict())
    return pd.DataFrame(rows)
