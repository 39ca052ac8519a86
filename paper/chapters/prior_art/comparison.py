"""Baselines and InfoMax side by side: one table, its summary, and the sentences it supports."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from infomax_lib.model.architectures import INFOMAX
from infomax_lib.model.spec import RunSpec
from infomax_lib.results.runs import trained_layer
from infomax_lib.results.store import Store, open_store
from infomax_lib.stats import (
    Interval,
    decimals,
    format_number,
    mean_interval,
    paired_difference,
)
from paper.figures.style import label
from paper.methods.encoders import FitError
from paper.methods.methods import METHODS
from paper.methods.runs import fitted_encoder
from paper.methods.spec import BaselineSpec

#: Every method of the comparison with the name that readers see.
LABELS = {name: method.label for name, method in METHODS.items()} | INFOMAX

#: Methods that no claim of "better" counts: the control and the ceiling that reads labels.
REFERENCES = tuple(name for name, method in METHODS.items() if method.family == "control")

#: This work once more, read or trained so that it has equals among the others.
EQUALS = tuple(name for name, method in METHODS.items() if method.family == "InfoMax")

#: All configurations of this work.
OWN = (*INFOMAX, *EQUALS)

#: Every method that "better than prior art" has to hold against.
BASELINES = tuple(name for name in METHODS if name not in (*REFERENCES, *EQUALS))

#: Methods that are trained on changed images; all others see the images as they are.
ON_VIEWS = tuple(name for name, method in METHODS.items() if method.views)


def method_of(spec: BaselineSpec | RunSpec) -> str:
    """Name of the method that a spec describes, one of `LABELS`.

    Raises:
        ValueError: Layers with another competition, which are not in the comparison.
    """
    return spec.method if isinstance(spec, BaselineSpec) else _infomax(spec)


def _infomax(layer: Any) -> str:
    """Which of `INFOMAX` the spec of a layer, or the row of its run, describes."""
    if layer.competition == "none":
        return "infomax_lse" if layer.lambda_lse else "infomax_relu"
    if layer.competition == "softmax" and not layer.lambda_lse:
        return "infomax_softmax"
    raise ValueError(
        f"competition={layer.competition!r} with lambda_lse={layer.lambda_lse} is not in the "
        "comparison: choose none, none with lambda_lse, or softmax"
    )


def with_infomax(
    baselines: pd.DataFrame, runs: pd.DataFrame, store: str | Store | None = "auto"
) -> pd.DataFrame:
    """One table of all methods: the rows of ``run_baselines`` and those of ``run``.

    A run's ``method`` is one of `INFOMAX`; its ``seconds`` and ``device`` come from the store's
    provenance, and its ``failed`` says at which epoch it diverged, if it did.
    """
    times = _times(open_store(store), set(runs["key"]))
    ours = runs.assign(
        method=[_infomax(layer) for layer in runs.itertuples()],
        seconds=runs["key"].map(times["seconds"]).astype(float),
        device=runs["key"].map(times["device"]),
        failed=[f"diverged at epoch {e:g}" if e > 0 else None for e in runs["diverged_at"]],
    )
    return pd.concat([baselines, ours], ignore_index=True)


def _times(store: Store, keys: set[str]) -> pd.DataFrame:
    """Seconds and device of stored runs, by key: the time of a population is shared evenly."""
    each = {
        info.path.name: (info.metadata["seconds"] / info.rows, info.metadata["device"])
        for info in store.files("runs")
    }
    names = store.source_names("runs", keys)
    facts = {key: each[name] for key, name in names.items() if name in each}
    return pd.DataFrame.from_dict(facts, orient="index", columns=["seconds", "device"])


def method_order(table: pd.DataFrame) -> list[str]:
    """The methods in ``table``, by their mean probe accuracy, best first; failed ones last."""
    means = table.groupby("method", sort=False)["probe_accuracy"].mean()
    return list(means.sort_values(ascending=False, na_position="last", kind="stable").index)


def summary(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per method, best probe first: mean and 95 % interval over seeds of each measure."""
    rows = []
    for method in method_order(table):
        members = table[table["method"] == method]
        cells = {label(metric): _cell(members[metric]) for metric in metrics}
        rows.append({"method": LABELS[method]} | cells)
    return pd.DataFrame(rows)


def _cell(values: pd.Series) -> str:
    """ "0.86 [0.85, 0.87]" in at most three significant digits.

    One number where the interval is narrower than that, "–" where nothing was measured.
    """
    numbers = values.astype(float)
    numbers = numbers.mask(numbers.abs() < 1e-9, 0.0)  # rounding, where the exact value is zero
    interval = mean_interval(numbers)
    if interval.n == 0:
        return "–"
    # With 3 % of the mean as least half width, `decimals` gives three significant digits.
    known_to = np.nanmax([interval.half_width, 0.03 * abs(interval.mean)])
    if known_to == 0:
        return "0"
    digits = decimals(interval.mean, float(known_to))
    mean, low, high = (
        format_number(v, digits) for v in (interval.mean, interval.low, interval.high)
    )
    return mean if interval.n == 1 or low == mean == high else f"{mean} [{low}, {high}]"


def remarks(table: pd.DataFrame) -> str:
    """What failed, and what fits say about themselves, in one sentence.

    "Remarks: FastICA, 10 of 10 seeds: not converged after 200 iterations."
    """
    texts = []
    for method, members in table.groupby("method", sort=False):
        for column in ("failed", "note"):
            for text, count in members[column].dropna().value_counts(sort=False).items():
                texts.append(f"{LABELS[method]}, {count} of {len(members)} seeds: {text}")
    return f"Remarks: {'; '.join(texts)}." if texts else "No fit failed or asks for a remark."


def best(table: pd.DataFrame, methods: Sequence[str], metric: str = "probe_accuracy") -> str:
    """The method with the highest mean of ``metric`` among ``methods``; of equals, the first.

    Raises:
        ValueError: None of them was measured.
    """
    means = table.groupby("method")[metric].mean().reindex(list(methods)).dropna()
    if means.empty:
        raise ValueError(f"{metric} was measured for none of {', '.join(methods)}")
    return str(means.idxmax())


def unsupervised_baselines(table: pd.DataFrame) -> list[str]:
    """Methods of prior art that learn without labels."""
    return [name for name in dict.fromkeys(table["method"]) if name not in (*REFERENCES, *OWN)]


def configurations(table: pd.DataFrame) -> list[str]:
    """The configurations of this work in ``table``."""
    return [name for name in OWN if name in set(table["method"])]


def leaders(table: pd.DataFrame) -> tuple[str, str]:
    """The best unsupervised baseline and the best configuration of this work, by linear probe.

    The configurations trained on the images that the baseline saw, where there are any.
    """
    leader, own = best(table, unsupervised_baselines(table)), configurations(table)
    return leader, best(table, equals(leader, own) or own)


def equals(method: str, others: Iterable[str]) -> list[str]:
    """Those of the others that were trained on the same images: on views, or as they are."""
    return [other for other in others if (other in ON_VIEWS) == (method in ON_VIEWS)]


def paired(table: pd.DataFrame, metric: str, a: str, b: str) -> Interval:
    """Mean of method a minus method b over shared seeds, with its 95 % interval.

    An interval of no values, if one of them was not measured.
    """
    if not {a, b} <= set(table["method"]):
        return mean_interval([])
    return paired_difference(table, metric, {"method": a}, {"method": b})


def in_words(table: pd.DataFrame, a: str, b: str) -> str:
    """Whose linear probe is better, in points: "PCA lies 1.2 [0.9, 1.4] points above k-means"."""
    gap = paired(table, "probe_accuracy", a, b).scaled(100)
    if gap.n == 0:
        return f"{LABELS[a]} and {LABELS[b]} were not both measured"
    if not (gap.low > 0 or gap.high < 0):
        return f"{LABELS[a]} and {LABELS[b]} cannot be told apart (difference {gap} points)"
    side = "above" if gap.low > 0 else "below"
    size = gap if gap.low > 0 else gap.scaled(-1)
    return f"{LABELS[a]} lies {size} points {side} {LABELS[b]}"


def timed_on(table: pd.DataFrame) -> str:
    """Where the fits were timed: "cpu", or which device did which methods."""
    devices = table.dropna(subset=["device"]).groupby("device")["method"].unique()
    if len(devices) == 1:
        return str(devices.index[0])
    return "; ".join(
        f"{device} ({', '.join(LABELS[m] for m in methods)})" for device, methods in devices.items()
    )


def feature_images(
    specs: Sequence[BaselineSpec | RunSpec], store: str | Store | None = "auto"
) -> dict[str, Tensor]:
    """Weights (K, D) of each spec by the label of its method; those that failed are left out."""
    weights = {}
    for spec in specs:
        if isinstance(spec, RunSpec):
            layer = trained_layer(spec, store=store)
            weights[LABELS[method_of(spec)]] = layer.weight.detach()
            continue
        try:
            weights[LABELS[spec.method]] = fitted_encoder(spec, store=store).weight
        except FitError:  # the table of results has its reason
            continue
    return weights
