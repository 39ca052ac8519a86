"""The experiments on mutual information: what is trained at which size, and the tables judged.

Every experiment has a function that lists its specs, so that a page, a test and whoever computes
in advance ask for the same ones. Seeds are shared within an experiment: comparisons are paired.

Source: Tschannen et al. 2020, sections 3 and 4, whose sizes are those called ``paper``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.model.spec import first_seeds, grid
from infomax_lib.training.devices import resolve_device
from paper.chapters.mutual_information.measured.adversarial import AdversarialSpec
from paper.chapters.mutual_information.measured.dependent_batches import DependentBatchesSpec
from paper.chapters.mutual_information.measured.dimensions import DimensionsSpec
from paper.chapters.mutual_information.measured.halves import HalvesSpec
from paper.chapters.mutual_information.measured.importance_weighted import ImportanceWeightedSpec
from paper.chapters.mutual_information.measured.layer_information import LayerInformationSpec
from paper.pages.parameters import among

#: Both estimators of the paper, as their figures name them.
ESTIMATORS = {"nce": "I_NCE", "nwj": "I_NWJ"}
#: Critics from the weakest to the strongest.
CRITICS = ("bilinear", "separable", "concatenated")
#: Nats at which encoders are compared.
TARGETS = (2.0, 4.0)
#: Coordinates of each side of Gaussian pairs; the last are as many as half an image has pixels.
DIMENSIONS = (2, 16, 128, 392)


@dataclass(frozen=True)
class Size:
    """How much is trained: fields of the specs that differ from the paper's.

    Attributes:
        halves: Of :class:`.HalvesSpec`.
        rates: Learning rates of experiments on halves, by estimator, where not the paper's.
        adversarial: Of :class:`.AdversarialSpec`.
        autoencoders: Of :class:`.ImportanceWeightedSpec`.
        draws: Numbers of draws of the autoencoders' bounds.
        batches: Of :class:`.DependentBatchesSpec`.
        dimensions: Of :class:`.DimensionsSpec`.
    """

    halves: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    adversarial: Mapping[str, Any] = field(default_factory=dict)
    autoencoders: Mapping[str, Any] = field(default_factory=dict)
    draws: Sequence[int] = (1, 5, 50)
    batches: Mapping[str, Any] = field(default_factory=dict)
    dimensions: Mapping[str, Any] = field(default_factory=dict)


#: ``paper`` for a GPU, ``small`` for two CPU cores, ``tiny`` to see that a page recomputes.
SIZES: Mapping[str, Size] = {
    "paper": Size(),
    "small": Size(
        halves={"steps": 1000, "couplings": 6, "hidden": 128, "channels": 16},
        # a twentieth of the paper's steps: at its rate flows do not move, stronger critics do not
        # come to their best and a ConvNet does not come to four nats; the exponential of I_NWJ
        # allows deep networks no more than this
        rates={
            "bijective": {"nce": 1e-3, "nwj": 3e-4},
            "residual": {"nce": 1e-3, "nwj": 3e-4},
            "critics": {"nce": 1e-3, "nwj": 3e-4},
            "matched": {"nce": 1e-3, "nwj": 1e-3},
        },
        adversarial={
            "couplings": 6,
            "hidden": 128,
            "warm_up": 500,
            "steps": 500,
            "encoder_rate": 1e-4,
        },
        autoencoders={"steps": 700},
        batches={"steps": 3000, "learning_rate": 1e-3},
    ),
    "tiny": Size(
        # pairs enough that the cap of I_NCE, log 64, lies above both targets
        halves={
            "steps": 2,
            "batch_size": 64,
            "couplings": 2,
            "hidden": 16,
            "channels": 4,
            "learning_rate": 1e-3,
        },
        adversarial={
            "couplings": 2,
            "hidden": 16,
            "warm_up": 20,
            "steps": 20,
            "encoder_rate": 1e-3,
        },
        autoencoders={"steps": 100, "latents": 5, "hidden": 30},
        draws=(1, 5),
        batches={"steps": 100, "learning_rate": 3e-3},
        dimensions={"steps": 20, "batch_size": 16, "hidden": 10},
    ),
}


#: The type of the notebook's parameter that names a size.
SizeName = among(["auto", *SIZES])


def size_for(size: str, device: str = "auto") -> str:
    """The name of a size in :data:`SIZES`; ``"auto"`` is the paper's on a GPU, else the small one.

    Raises:
        ValueError: No such size, or a device that is not there.
    """
    if size == "auto":
        return "paper" if resolve_device(device) != torch.device("cpu") else "small"
    if size not in SIZES:
        raise ValueError(f"size={size!r} is not known: choose auto, {', '.join(SIZES)}")
    return size


# ------------------------------------------------------------------------------------ what is run


#: Settings of encoders that each experiment on halves compares; all are trained by both estimators.
HALVES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    # shift-only coupling flows, whose true information never changes
    "bijective": [{"encoder": "shift_flow"}],
    # residual networks that start as the identity, with noise on the pixels as in the paper
    "residual": [{"encoder": "residual", "noise": 0.05}],
    "critics": [{"critic": critic} for critic in CRITICS],
    "matched": [
        {"encoder": encoder, "target": target}
        for encoder in ("mlp", "convnet")
        for target in TARGETS
    ],
}


def halves_specs(experiment: str, dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """Encoders of halves of one experiment in :data:`HALVES`."""
    known, rates = SIZES[size].halves, SIZES[size].rates.get(experiment, {})
    specs = [HalvesSpec(dataset=dataset, **{**known, **fields}) for fields in HALVES[experiment]]
    return [
        spec.but(bound=bound, seed=seed, learning_rate=rates.get(bound, spec.learning_rate))
        for spec in specs
        for bound in ESTIMATORS
        for seed in first_seeds(seeds)
    ]


def metric_specs(dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """The encoders of the simplest critic by I_NCE, and the same ones by a triplet loss."""
    by_nce = [
        spec
        for spec in halves_specs("critics", dataset, seeds, size)
        if (spec.critic, spec.bound) == ("bilinear", "nce")
    ]
    return by_nce + [spec.but(bound="triplet") for spec in by_nce]


def adversarial_specs(dataset: str, seeds: int, size: str) -> list[AdversarialSpec]:
    """Invertible encoders against a linear classifier."""
    return grid(
        AdversarialSpec(dataset=dataset, **SIZES[size].adversarial), seed=first_seeds(seeds)
    )


def autoencoder_specs(dataset: str, seeds: int, size: str) -> list[ImportanceWeightedSpec]:
    """Autoencoders by bounds of more and more draws."""
    base = ImportanceWeightedSpec(dataset=dataset, **SIZES[size].autoencoders)
    return grid(base, draws=SIZES[size].draws, seed=first_seeds(seeds))


def batch_specs(seeds: int, size: str) -> list[DependentBatchesSpec]:
    """Critics on batches whose pairs share a part, and on independent ones."""
    base = DependentBatchesSpec(**SIZES[size].batches)
    return grid(base, bound=list(ESTIMATORS), shared=[True, False], seed=first_seeds(seeds))


def dimension_specs(seeds: int, size: str) -> list[DimensionsSpec]:
    """Critics of pairs that share the same information in few and in many dimensions."""
    base = DimensionsSpec(**SIZES[size].dimensions)
    return grid(base, bound=list(ESTIMATORS), dimensions=DIMENSIONS, seed=first_seeds(seeds))


def layer_specs(
    dataset: str, lambdas: Sequence[float], seeds: int, epochs: int
) -> list[LayerInformationSpec]:
    """Architectures A and B of the findings over a grid of λ_tc, and untrained layers."""
    base = LayerInformationSpec(dataset=dataset, epochs=epochs)
    seed = first_seeds(seeds)
    competitions = [settings["competition"] for settings in ARCHITECTURES.values()]
    trained = grid(base, competition=competitions, lambda_tc=lambdas, seed=seed)
    return [*trained, *grid(base.but(epochs=0), competition=competitions, seed=seed)]


# ------------------------------------------------------------------------------------ tables


def halves_table(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of :func:`.train_halves` as one, by ``experiment``."""
    return pd.concat(
        [table.assign(experiment=name) for name, table in parts.items()], ignore_index=True
    )


def last_steps(halves: pd.DataFrame) -> pd.DataFrame:
    """Rows at the last step of each experiment."""
    return halves[halves["step"] == halves.groupby("experiment")["step"].transform("max")]


def by_kind(halves: pd.DataFrame) -> pd.DataFrame:
    """Held-out bound and accuracy at the end of each kind of training, means over seeds."""
    columns = ["experiment", "encoder", "critic", "bound", "target"]
    last = last_steps(halves)
    cells = last.assign(target=last["target"].fillna(0)).groupby(columns)
    return cells[["held_out", "accuracy"]].mean().dropna()
