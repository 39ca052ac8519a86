"""Tables of the chapter, out of the rows of its experiments: one row per measurement.

Columns ``method`` and ``seed`` say of which fit; accuracies are shares in [0, 1], NaN where a fit
failed.
"""

from collections.abc import Iterable

import pandas as pd

from infomax_lib.model.data import PARTNERS
from infomax_lib.stats import Interval, mean_interval, rank_correlation
from paper.chapters.prior_art.comparison import EQUALS, LABELS
from paper.chapters.prior_art.measured.measures import LABELS_PER_CLASS, MEASURES, other_classes
from paper.measures.pruning import ORDERS, removal_steps

_HALVES = {"low": "0–4", "high": "5–9"}
_TRANSFER = ["method", "seed", "family", "target", "accuracy"]
_PRUNING = ["method", "seed", "order", "removed", "share_removed", "accuracy"]


def with_assessment(table: pd.DataFrame, assessed: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`.measured` with the measures of :func:`.assess`."""
    return table.merge(assessed[["key", *MEASURES]], on="key", how="left", validate="1:1")


def probe_correlations(table: pd.DataFrame, metrics: Iterable[str]) -> dict[str, Interval]:
    """Rank correlation over methods of each measure with probe accuracy, by measure.

    Means over seeds; the supervised ceiling, which reads labels, is left out, and so are `EQUALS`,
    which would count this work twice.
    """
    rows = table[~table["method"].isin(["supervised", *EQUALS])]
    listed = list(metrics)
    means = rows.groupby("method")[["probe_accuracy", *listed]].mean()
    return {metric: rank_correlation(means[metric], means["probe_accuracy"]) for metric in listed}


def transfer_table(assessed: pd.DataFrame) -> pd.DataFrame:
    """Accuracies on what the encoders were not fitted for, or with few labels.

    Datasets with all classes give the families "datasets" ("mnist → fashion-mnist"), "rotation"
    ("mnist, rotated") and "few labels" ("mnist, 1 label per class"); those with half of them give
    "classes" ("mnist 0–4 → 5–9").

    Args:
        assessed: Rows of :func:`.assess`, of any datasets.

    Returns:
        One row per row of ``assessed`` and target: ``method``, ``seed``, ``family``, ``target`` and
        ``accuracy`` (in [0, 1]; NaN for a fit that failed). A target that no fit of a dataset has
        an accuracy for is left out.
    """
    parts = [pd.DataFrame(columns=_TRANSFER)]
    by_dataset = assessed.groupby("dataset", sort=False) if len(assessed) else []
    for dataset, members in by_dataset:
        for column, (family, target) in _targets(dataset).items():
            if members[column].notna().any():
                accuracy = members[column]
                names = members[["method", "seed"]]
                parts.append(names.assign(family=family, target=target, accuracy=accuracy))
    return pd.concat(parts[1:] or parts, ignore_index=True)[_TRANSFER]


def _targets(dataset: str) -> dict[str, tuple[str, str]]:
    """Family and target of every accuracy of a dataset, by column."""
    other = other_classes(dataset)
    if other is not None:
        whole, part = dataset.rsplit("-", 1)
        to = _HALVES[other.rsplit("-", 1)[1]]
        return {"to_other_classes": ("classes", f"{whole} {_HALVES[part]} → {to}")}
    targets = {
        "to_partner": ("datasets", f"{dataset} → {PARTNERS.get(dataset)}"),
        "to_rotation": ("rotation", f"{dataset}, rotated"),
    }
    for count in LABELS_PER_CLASS:
        labels = "1 label" if count == 1 else f"{count} labels"
        targets[f"labels_{count}"] = ("few labels", f"{dataset}, {labels} per class")
    return targets


def with_all_labels(transfer: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Targets of few labels of one dataset, and the probe on all labels as one more of them."""
    dataset = table["dataset"].iloc[0]
    few = transfer[
        (transfer["family"] == "few labels") & transfer["target"].str.startswith(f"{dataset},")
    ]
    whole = table[["method", "seed"]].assign(
        family="few labels",
        target=f"{dataset}, all labels per class",
        accuracy=table["probe_accuracy"],
    )
    return pd.concat([few, whole], ignore_index=True)


def pruning_table(assessed: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of every encoder against the number of units removed.

    Args:
        assessed: Rows of :func:`.assess`, of one dataset.

    Returns:
        One row per row of ``assessed``, order and step: ``method``, ``seed``, ``order`` (a name in
        :data:`paper.measures.pruning.ORDERS`), ``removed`` (units), ``share_removed`` (of all, in
        [0, 1]) and ``accuracy`` (in [0, 1]; NaN for a fit that failed).

    Raises:
        ValueError: Rows of several datasets, which the table could not tell apart.
    """
    rows = assessed.to_dict("records")
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    if len(datasets) > 1:
        raise ValueError(
            f"rows of {', '.join(datasets)} cannot be told apart in one table: give those of one "
            "dataset"
        )
    table = [
        (row["method"], row["seed"], order, removed, removed / row["hidden_dim"], accuracy)
        for row in rows
        for order in ORDERS
        for removed, accuracy in zip(
            removal_steps(row["hidden_dim"]), row[f"pruning_{order}"], strict=True
        )
    ]
    return pd.DataFrame(table, columns=_PRUNING)


def ablation_summary(ablation: pd.DataFrame) -> pd.DataFrame:
    """One row per method and views, one column per batch size: mean and interval of the probe."""
    rows: list[dict[str, str]] = []
    for (method, views), members in ablation.groupby(["method", "views"], sort=False):
        row = {"method": LABELS[str(method)], "views": views}
        for size, fits in members.groupby("batch_size"):
            row[f"probe accuracy, batches of {size}"] = str(mean_interval(fits["probe_accuracy"]))
        rows.append(row)
    return pd.DataFrame(rows)
