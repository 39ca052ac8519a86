"""Tables of the chapter: a row per fit and measurement, paired by key, method and seed."""

import math

import numpy as np
import pandas as pd
import pytest

from paper.chapters.prior_art.measured.measures import MEASURES
from paper.chapters.prior_art.other_choices import other_choices
from paper.chapters.prior_art.tables import (
    ablation_summary,
    probe_correlations,
    pruning_table,
    transfer_table,
    with_all_labels,
    with_assessment,
)
from paper.measures.pruning import ORDERS, removal_steps

CURVES = [f"pruning_{order}" for order in ORDERS]


def rows(dataset, hidden_dim=8, **values):
    """Rows as assess gives them: two methods, the second of which failed at seed 1."""
    table = []
    for method in ("pca", "infomax_relu"):
        for seed in (0, 1):
            failed = (method, seed) == ("infomax_relu", 1)
            number = seed / 10 + 0.5 * (method == "pca")
            steps = removal_steps(hidden_dim)
            row = dict.fromkeys(MEASURES, np.nan if failed else number)
            row |= {name: math.nan for name in values.get("absent", ())}
            row |= {
                name: [math.nan if failed else number + i / 100 - n for i in range(len(steps))]
                for n, name in enumerate(CURVES)
            }
            front = {"dataset": dataset, "method": method, "seed": seed, "hidden_dim": hidden_dim}
            table.append(front | row | {"failed": "diverged" if failed else None})
    return pd.DataFrame(table)


def test_transfer_has_one_row_for_each_fit_and_target():
    assessed = pd.concat(
        [
            rows("mnist", absent=["to_other_classes"]),
            rows("mnist-low", absent=["to_partner"]),
            rows("mnist-high", absent=["to_partner"]),
        ],
        ignore_index=True,
    )
    table = transfer_table(assessed)
    assert list(table.columns) == ["method", "seed", "family", "target", "accuracy"]
    targets = {
        "mnist → fashion-mnist": "datasets",
        "mnist, rotated": "rotation",
        "mnist, 1 label per class": "few labels",
        "mnist, 10 labels per class": "few labels",
        "mnist, 100 labels per class": "few labels",
        "mnist 0–4 → 5–9": "classes",
        "mnist 5–9 → 0–4": "classes",
    }
    assert dict(zip(table["target"], table["family"], strict=True)) == targets
    assert not table.duplicated(["method", "seed", "target"]).any()
    for _, members in table.groupby("target"):
        assert list(members["method"]) == ["pca", "pca", "infomax_relu", "infomax_relu"]
        assert list(members["seed"]) == [0, 1, 0, 1]
        assert list(members["accuracy"][:-1]) == [0.5, 0.6, 0.0]
        assert np.isnan(members["accuracy"].iloc[-1])


def test_each_target_has_the_accuracy_of_its_own_column():
    columns = {
        "to_partner": "mnist → fashion-mnist",
        "to_rotation": "mnist, rotated",
        "labels_1": "mnist, 1 label per class",
        "labels_10": "mnist, 10 labels per class",
        "labels_100": "mnist, 100 labels per class",
    }
    assessed = rows("mnist").assign(**{name: n / 10 for n, name in enumerate(columns)})
    means = transfer_table(assessed).groupby("target")["accuracy"].mean()
    assert means.to_dict() == pytest.approx({t: n / 10 for n, t in enumerate(columns.values())})


def test_targets_that_a_dataset_does_not_have_are_left_out():
    table = transfer_table(rows("digits", absent=["to_partner", "to_other_classes"]))
    assert set(table["family"]) == {"rotation", "few labels"}
    assert transfer_table(rows("digits").iloc[:0]).empty
    assert list(transfer_table(pd.DataFrame()).columns) == list(table.columns)


def test_pruning_has_one_row_for_each_fit_order_and_step():
    table = pruning_table(rows("mnist", hidden_dim=16))
    assert list(table.columns) == [
        *("method", "seed", "order", "removed", "share_removed", "accuracy")
    ]
    steps = removal_steps(16)
    assert len(table) == 4 * 3 * len(steps)
    cell = table[(table["method"] == "pca") & (table["seed"] == 1)]
    for n, order in enumerate(ORDERS):
        curve = cell[cell["order"] == order]
        assert list(curve["removed"]) == steps
        assert list(curve["share_removed"]) == [step / 16 for step in steps]
        expected = [0.6 + i / 100 - n for i in range(len(steps))]
        assert list(curve["accuracy"]) == pytest.approx(expected)
    failed = table[(table["method"] == "infomax_relu") & (table["seed"] == 1)]
    assert failed["accuracy"].isna().all()
    assert pruning_table(pd.DataFrame()).empty
    with pytest.raises(ValueError, match="rows of mnist, digits cannot be told apart"):
        pruning_table(pd.concat([rows("mnist"), rows("digits")]))


def test_ablation_has_a_line_per_views_and_a_column_per_batch():
    rows = [
        ("simclr", views, size, seed, 0.5 + seed / 100 + (views == "all") / 10)
        for views in ("all", "none")
        for size in (32, 512)
        for seed in range(3)
    ]
    names = ["method", "views", "batch_size", "seed", "probe_accuracy"]
    found = ablation_summary(pd.DataFrame(rows, columns=names))
    assert found[["method", "views"]].to_numpy().tolist() == [["SimCLR", "all"], ["SimCLR", "none"]]
    assert found["probe accuracy, batches of 512"].str.startswith("0.61").tolist() == [True, False]


def test_all_labels_join_the_few_of_the_same_dataset():
    transfer = pd.DataFrame(
        [
            ("pca", 0, "few labels", "mnist, 10 labels per class", 0.6),
            ("pca", 0, "few labels", "fashion-mnist, 10 labels per class", 0.5),
            ("pca", 0, "rotation", "mnist, rotated", 0.4),
        ],
        columns=["method", "seed", "family", "target", "accuracy"],
    )
    table = pd.DataFrame(
        {"method": ["pca"], "seed": [0], "dataset": ["mnist"], "probe_accuracy": [0.9]}
    )
    found = with_all_labels(transfer, table)
    assert found["accuracy"].tolist() == [0.6, 0.9]
    assert found["target"].tolist()[1] == "mnist, all labels per class"


def test_assessments_join_by_key():
    table = pd.DataFrame({"key": ["a", "b"], "method": ["pca", "rica"]})
    assessed = pd.DataFrame({"key": ["b", "a"], **{name: [1.0, 2.0] for name in MEASURES}})
    found = with_assessment(table, assessed.assign(method="other"))
    assert found["method"].tolist() == ["pca", "rica"]
    assert np.array_equal(found["mig"], [2.0, 1.0])
    with pytest.raises(pd.errors.MergeError):
        with_assessment(table, pd.concat([assessed, assessed]))


def test_correlation_with_the_probe_is_one_of_means_without_the_ceiling():
    rows = [
        {"method": method, "seed": seed, "probe_accuracy": probe + 0.001 * seed, "hsic": hsic}
        for method, probe, hsic in (
            ("pca", 0.5, 4.0), ("rica", 0.6, 3.0), ("gmm", 0.7, 2.0), ("rbm", 0.8, 1.0),
            ("supervised", 0.9, 9.0),
        )
        for seed in (0, 1)
    ]  # fmt: skip
    found = probe_correlations(pd.DataFrame(rows), ["hsic"])
    assert list(found) == ["hsic"]
    assert found["hsic"].mean == pytest.approx(-1)
    assert found["hsic"].n == 4


def test_other_choices_are_the_second_dataset_and_both_at_equal_cost():
    names = ("mnist", "fashion-mnist")
    assessed = {n: rows(n).assign(key=[f"{n} {i}" for i in range(4)]) for n in names}
    tables = {n: assessed[n][["key", "method", "seed"]].assign(probe_accuracy=0.8) for n in names}
    cheap = {n: table.assign(probe_accuracy=0.7) for n, table in tables.items()}
    found = other_choices(tables, cheap, assessed, "mnist", {"hidden_dim": 8, "epochs": 3})
    assert [(u.dataset, u.form) for u in found] == [
        ("fashion-mnist", "equal epochs"),
        ("mnist", "equal cost"),
        ("fashion-mnist", "equal cost"),
    ]
    assert {(u.hidden_dim, u.epochs, u.seeds) for u in found} == {(8, 3, "0 to 1")}
    second, *at_equal_cost = (u.evidence for u in found)
    baselines = second.table("baselines", ["probe_accuracy", "cka"])
    assert baselines["key"].str.startswith("fashion").all()
    assert set(second.extra) == {"baselines", "pruning", "factors"}
    for evidence in at_equal_cost:
        assert set(evidence.extra) == {"baselines"}
        assert (evidence.table("baselines")["probe_accuracy"] == 0.7).all()
