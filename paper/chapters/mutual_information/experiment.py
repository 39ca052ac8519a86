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
from paper.chapters.mutual_information.measured.halves import HalvesSpec
from paper.chapters.mutual_information.measured.importance_weighted import ImportanceWeightedSpec
from paper.chapters.mutual_information.measured.layer_information import LayerInformationSpec

#: Both estimators of the paper, as their figures name them.
ESTIMATORS = {"nce": "I_NCE", "nwj": "I_NWJ"}
#: Critics from the weakest to the strongest.
CRITICS = ("bilinear", "separable", "concatenated")
#: Nats at which encoders are compared.
TARGETS = (2.0, 4.0)
#: Noise on the pixels of the experiment with residual networks, as in the paper.
RESIDUAL_NOISE = 0.05


@dataclass(frozen=True)
class Size:
    """How much is trained: fields of the specs that differ from the paper's.

    Attributes:
        halves: Of :class:`paper.chapters.mutual_information.measured.halves.HalvesSpec`.
        rates: Learning rates of experiments on halves, by estimator, where not the paper's.
        adversarial: Of :class:`.AdversarialSpec`.
        autoencoders: Of
            :class:`paper.chapters.mutual_information.measured.importance_weighted.ImportanceWeightedSpec`.
        draws: Numbers of draws of the autoencoders' bounds.
        batches: Of :class:`.DependentBatchesSpec`.
    """

    halves: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    adversarial: Mapping[str, Any] = field(default_factory=dict)
    autoencoders: Mapping[str, Any] = field(default_factory=dict)
    draws: Sequence[int] = (1, 5, 50)
    batches: Mapping[str, Any] = field(default_factory=dict)


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
        halves={"steps": 40, "couplings": 2, "hidden": 16, "channels": 4, "learning_rate": 1e-3},
        adversarial={
            "couplings": 2,
            "hidden": 16,
            "warm_up": 20,
            "steps": 20,
            "encoder_rate": 1e-3,
        },
        autoencoders={"steps": 100, "latents": 5, "hidden": 30},
        draws=(1, 5),
        batches={"steps": 200, "learning_rate": 3e-3},
    ),
}


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


def bijective_specs(dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """Shift-only coupling flows under a bilinear critic, by both estimators."""
    return _halves("bijective", dataset, seeds, size, encoder="shift_flow")


def residual_specs(dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """Residual networks that start as the identity, by both estimators."""
    return _halves("residual", dataset, seeds, size, encoder="residual", noise=RESIDUAL_NOISE)


def critic_specs(dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """The same encoder under critics of rising capacity, by both estimators."""
    return [
        spec
        for critic in CRITICS
        for spec in _halves("critics", dataset, seeds, size, critic=critic)
    ]


def matched_specs(dataset: str, seeds: int, size: str) -> list[HalvesSpec]:
    """Two architectures by two estimators, trained to the same values of the bound."""
    return [
        spec
        for encoder in ("mlp", "convnet")
        for target in TARGETS
        for spec in _halves("matched", dataset, seeds, size, encoder=encoder, target=target)
    ]


def _halves(
    experiment: str, dataset: str, seeds: int, size: str, **fields: Any
) -> list[HalvesSpec]:
    base = HalvesSpec(dataset=dataset, **{**SIZES[size].halves, **fields})
    rates = SIZES[size].rates.get(experiment, {})
    return [
        base.but(bound=bound, seed=seed, learning_rate=rates.get(bound, base.learning_rate))
        for bound in ESTIMATORS
        for seed in first_seeds(seeds)
    ]


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
