"""The experiments of the open questions: what is run, and the tables that the rules judge.

Every section of the chapter has a function that lists its specs, so that a page, a test and
whoever computes in advance ask for the same runs. Seeds are shared throughout: all comparisons are
paired.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.model.architectures import ARCHITECTURES, INFOMAX
from infomax_lib.model.data import PARTNERS
from infomax_lib.model.spec import AnySpec, RunSpec, SpecError, first_seeds, grid
from infomax_lib.stats import Interval, mean_interval, where
from paper.chapters.open_questions.guided import AuxiliarySpec
from paper.chapters.open_questions.rules.depth import METHODS
from paper.chapters.open_questions.rules.mechanisms import (
    APPROXIMATIONS,
    MEASURES,
    removed_of_all,
    removed_share,
)
from paper.chapters.open_questions.rules.widths import MARGINS
from paper.chapters.open_questions.stacks import TRAININGS, StackSpec
from paper.chapters.open_questions.transfer import FeatureSpec, ReferenceSpec
from paper.figures.style import name
from paper.judging.evidence import Evidence, MissingEvidence

#: Competitions at temperature one.
MECHANISMS: Sequence[Mapping[str, Any]] = (
    {"competition": "none"},
    {"competition": "softmax"},
    {"competition": "softmin"},
    {"competition": "log_softmax"},
    {"competition": "sparsemax"},
    {"competition": "entmax15"},
    {"competition": "group_softmax", "group_size": 4},
    {"competition": "group_softmax", "group_size": 8},
    {"competition": "softmax_gate"},
    {"competition": "top_k", "group_size": 4},
)

#: Temperatures of the softmax beside one.
TEMPERATURES = (0.1, 0.3, 3.0, 10.0)

#: Mechanisms whose robustness is tested without pressure and with it, beside the two
#: architectures along the grid of pressures.
_ROBUSTNESS_MECHANISMS = (MECHANISMS[4], MECHANISMS[5], MECHANISMS[6], MECHANISMS[9])

#: The margins of the activation sweep, as they are drawn: dead units as a share.
DRAWN_MARGINS: Mapping[str, tuple[float, bool]] = {
    "dead_share" if measure == "dead_units" else measure: margin
    for measure, margin in MARGINS.items()
}
#: Names of the methods whose features are transferred.
METHOD_NAMES = {**INFOMAX, "untrained": "untrained", "pca": "PCA", "pixels": "raw pixels"}


# ------------------------------------------------------------------------------------ what is run


def activation_specs(
    dataset: str, activations: Sequence[str], widths: Sequence[int], seeds: int, epochs: int
) -> list[RunSpec]:
    """Every activation under a softmax at every width, without the dependence term."""
    base = RunSpec(dataset=dataset, competition="softmax", lambda_tc=0.0, epochs=epochs)
    return grid(base, activation=activations, hidden_dim=widths, seed=first_seeds(seeds))


def scale_specs(dataset: str, widths: Sequence[int], seeds: int, epochs: int) -> list[RunSpec]:
    """A and B at several widths, and A without pressure, which differs from B in nothing else."""
    base = RunSpec(dataset=dataset, epochs=epochs)
    settings = [*ARCHITECTURES.values(), {"competition": "none", "lambda_tc": 0.0}]
    return _grids(base, settings, hidden_dim=widths, seed=first_seeds(seeds))


def widest_specs(dataset: str, width: int, seeds: int, epochs: int) -> list[RunSpec]:
    """A and B at one large width."""
    base = RunSpec(dataset=dataset, epochs=epochs, hidden_dim=width)
    return _grids(base, ARCHITECTURES.values(), seed=first_seeds(seeds))


def transfer_specs(
    dataset: str, widths: Sequence[int], seeds: int, epochs: int
) -> tuple[list[FeatureSpec], list[ReferenceSpec]]:
    """A, B and untrained ReLU layers on each source that has a target; PCA and pixels beside them.

    Sources are the whole dataset, if it has a partner, and each half of its classes.
    """
    sources = [*(["all"] if dataset in PARTNERS else []), "low", "high"]
    chosen = first_seeds(seeds)
    base = FeatureSpec(dataset=dataset, epochs=epochs)
    settings = [*ARCHITECTURES.values(), {"epochs": 0}]
    features = _grids(base, settings, source=sources, hidden_dim=widths, seed=chosen)
    methods: list[Mapping[str, Any]] = [
        *({"method": "pca", "hidden_dim": k} for k in widths),
        {"method": "pixels"},
    ]
    references = _grids(ReferenceSpec(dataset=dataset), methods, source=sources, seed=chosen)
    return features, references


def stack_specs(dataset: str, hidden_dim: int, seeds: int, epochs: int) -> list[StackSpec]:
    """Stacks of one to three layers of A and of B, in every way of training."""
    base = StackSpec(dataset=dataset, hidden_dim=hidden_dim, epochs=epochs)
    varied = {"training": TRAININGS, "depth": [1, 2, 3], "seed": first_seeds(seeds)}
    return _grids(base, ARCHITECTURES.values(), **varied)


def competition_specs(dataset: str, seeds: int, epochs: int) -> list[RunSpec]:
    """Every mechanism at λ_tc = 0 and 1, and the temperatures of the softmax at 0."""
    base = RunSpec(dataset=dataset, epochs=epochs, lambda_tc=0.0)
    chosen = first_seeds(seeds)
    softmax = base.but(competition="softmax")
    mechanisms = _grids(base, MECHANISMS, lambda_tc=[0.0, 1.0], seed=chosen)
    return mechanisms + grid(softmax, temperature=TEMPERATURES, seed=chosen)


def hyperplane_specs(dataset: str, seeds: int, epochs: int) -> list[RunSpec]:
    """Source 001's own form: no activation, the loss on z, with and without the free energy."""
    base = RunSpec(dataset=dataset, epochs=epochs, activation="identity", lambda_tc=1.0)
    return grid(base, lambda_lse=[0.0, 1.0], seed=first_seeds(seeds))


def auxiliary_specs(
    dataset: str, weights: Sequence[float], seeds: int, epochs: int
) -> list[AuxiliarySpec]:
    """A and B with every weight of the cross-entropy; zero, the control, is always among them."""
    base = AuxiliarySpec(dataset=dataset, epochs=epochs)
    wanted = sorted({0.0, *map(float, weights)})
    return _grids(base, ARCHITECTURES.values(), lambda_ce=wanted, seed=first_seeds(seeds))


def objective_specs(
    dataset: str, pressures: Sequence[float], seeds: int, hsic_seeds: int, epochs: int
) -> list[RunSpec]:
    """Decorrelation and HSIC at every pressure, log det; without pressure they are the same loss.

    The pressure of −log det R is 1, where it and the variances make the joint entropy. HSIC, which
    takes a layer half a minute, has the first ``hsic_seeds`` of the seeds.

    Raises:
        SpecError: A pressure is not above 0.
    """
    if not pressures or min(pressures) <= 0:
        raise SpecError(f"pressures={list(pressures)} is not possible: give numbers above 0")
    base = RunSpec(dataset=dataset, epochs=epochs)
    settings = [
        ("infomax", [0.0, *pressures], seeds),
        ("log_det", [1.0], seeds),
        ("hsic", pressures, min(seeds, hsic_seeds)),
    ]
    return [
        spec
        for competition in ("none", "softmax")
        for objective, values, number in settings
        for spec in grid(
            base.but(competition=competition, objective=objective),
            lambda_tc=[float(value) for value in values],
            seed=first_seeds(number),
        )
    ]


def robustness_specs(
    dataset: str, pressures: Sequence[float], seeds: int, epochs: int
) -> list[FeatureSpec]:
    """A and B along a grid of λ_tc, and four other mechanisms at λ_tc = 0 and 1."""
    base = FeatureSpec(dataset=dataset, epochs=epochs)
    chosen = first_seeds(seeds)
    along = grid(
        base,
        competition=["none", "softmax"],
        lambda_tc=[float(value) for value in pressures],
        seed=chosen,
    )
    return along + _grids(base, _ROBUSTNESS_MECHANISMS, lambda_tc=[0.0, 1.0], seed=chosen)


def _grids(
    base: AnySpec, settings: Iterable[Mapping[str, Any]], **values: Iterable[Any]
) -> list[AnySpec]:
    """The same grid around every setting, one after another."""
    return [spec for setting in settings for spec in grid(base.but(**setting), **values)]


# ------------------------------------------------------------------------------- tables for rules


def with_untrained(table: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Runs with their probes before the first step, and with what training adds.

    ``untrained_probe_accuracy``, ``untrained_probe_accuracy_pre``, and ``probe_gain`` of the probe
    on the outputs, in points.

    Args:
        table: What :func:`infomax_lib.run` returned.
        history: What :func:`infomax_lib.history` returned for the same runs.
    """
    start = history[history["epoch"] == 0].drop_duplicates("key").set_index("key")
    before, before_pre = (
        table["key"].map(start[column]).astype(float)
        for column in ("probe_accuracy", "probe_accuracy_pre")
    )
    return table.assign(
        untrained_probe_accuracy=before,
        untrained_probe_accuracy_pre=before_pre,
        probe_gain=100 * (table["probe_accuracy"] - before),
    )


def mechanism_name(setting: Mapping[str, Any]) -> str:
    """How a competition with its settings is called: "softmax, T = 0.1", "top_k of 4"."""
    text = str(setting["competition"])
    if setting.get("group_size", 1) > 1:
        text += f" of {setting['group_size']:g}"
    if setting.get("temperature", 1.0) != 1:
        text += f", T = {setting['temperature']:g}"
    return text


def with_mechanism(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with the ``mechanism`` that their competition, group size and temperature make."""
    return table.assign(mechanism=[mechanism_name(row) for row in table.to_dict("records")])


def transfer_table(features: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """One row per method, width, target and seed.

    ``probe_accuracy`` is that on the target, ``source_accuracy`` that on the source. Pixels have
    no width: they stand beside every width. Targets that are not at hand are left out.
    """
    untrained = features["epochs"] == 0
    ours = {settings["competition"]: METHODS[letter] for letter, settings in ARCHITECTURES.items()}
    methods = features["competition"].map(ours).mask(untrained, "untrained")
    layers = features.assign(method=methods)
    widths = sorted(features["hidden_dim"].unique())
    pixels = references[references["method"] == "pixels"]
    others = [references[references["method"] != "pixels"]]
    others += [pixels.assign(hidden_dim=k) for k in widths]
    columns = ["key", "method", "hidden_dim", "target", "seed"]
    accuracies = {"transfer_accuracy": "probe_accuracy", "probe_accuracy": "source_accuracy"}
    table = pd.concat([frame[[*columns, *accuracies]] for frame in (layers, *others)])
    table = table[table["target"].notna() & table["transfer_accuracy"].notna()]
    return table.rename(columns=accuracies).astype({"hidden_dim": int}).reset_index(drop=True)


def robustness_table(features: pd.DataFrame) -> pd.DataFrame:
    """Rows with their ``mechanism`` and the ``configuration`` that it makes with λ_tc."""
    table = with_mechanism(features)
    return table.assign(configuration=_at_pressure(table["mechanism"], table))


def _at_pressure(names: Iterable[str], table: pd.DataFrame) -> list[str]:
    """Names of settings with their pressure: "softmax (B), λ_tc = 0"."""
    return [f"{n}, λ_tc = {p:g}" for n, p in zip(names, table["lambda_tc"], strict=True)]


# ------------------------------------------------------------------------------ numbers for figures


def per_width(table: pd.DataFrame) -> pd.DataFrame:
    """Runs with the measures that can be compared over widths.

    ``correlation_over_floor``, ‖R − I‖² over the least that a simplex allows, and ``dead_share``.
    The ``setting`` says architecture and pressure.
    """
    floors = [simplex_floor(int(k)) if k > 1 else np.nan for k in table["hidden_dim"]]
    return table.assign(
        correlation_over_floor=table["output_correlation"] / floors,
        dead_share=table["dead_units"] / table["hidden_dim"],
        setting=_at_pressure(table["competition"].map(name), table),
    )


def against(
    table: pd.DataFrame, measures: Sequence[str], field: str, reference: object
) -> pd.DataFrame:
    """Paired differences from one value of a field: a row per measure, run and seed.

    Args:
        table: Runs.
        measures: Columns to compare.
        field: What is varied, such as ``activation``.
        reference: The value of ``field`` that the others are compared to at the same width.

    Returns:
        Columns ``field``, ``hidden_dim``, ``seed``, ``measure``, ``difference`` and ``reference``
        (the mean of the measure at the reference).

    Raises:
        ValueError: No row has the reference value.
    """
    base = where(table, {field: reference})
    if base.empty:
        raise ValueError(f"no run has {field}={reference!r}: nothing to compare to")
    same = ["hidden_dim", "seed"]
    compared = base.melt(same, measures, "measure", "base")
    means = compared.groupby(["measure", "hidden_dim"])["base"].transform("mean")
    others = table[table[field] != reference].melt([field, *same], measures, "measure")
    pairs = others.merge(compared.assign(reference=means), on=[*same, "measure"])
    return pairs.assign(difference=pairs["value"] - pairs["base"]).drop(columns=["value", "base"])


def removed_shares(e: Evidence) -> dict[str, Interval | None]:
    """Share of all dependence that each approximation removes without softmax; it decides.

    None where there is nothing to remove, an interval of no values where it was not measured.
    """
    return {
        f"{measure} by {text}": _if_measured(partial(removed_of_all, e, "none", objective, left))
        for measure, left in MEASURES.items()
        for text, objective in APPROXIMATIONS.items()
    }


def removable_shares(e: Evidence) -> dict[str, Interval | None]:
    """Share of what the HSIC objective removes of HSIC, by objective and competition; it informs.

    None and an interval of no values as in :func:`removed_shares`.
    """
    return {
        f"{text}, {name(competition)}": _if_measured(
            partial(removed_share, e, competition, objective)
        )
        for competition in ("none", "softmax")
        for text, objective in APPROXIMATIONS.items()
    }


def _if_measured(share: Callable[[], Interval | None]) -> Interval | None:
    try:
        return share()
    except MissingEvidence:
        return mean_interval([])


def evidence_of(tables: Mapping[str, pd.DataFrame]) -> Evidence:
    """What the rules judge: the tables by name, and all of their runs."""
    runs = pd.concat([table[["key", "seed"]] for table in tables.values()])
    return Evidence(runs, extra=tables)
