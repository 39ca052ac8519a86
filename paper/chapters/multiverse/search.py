"""Which settings give the printed numbers? A search over every stored run and measured epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from infomax_lib import RunSpec, Store, history, open_store
from infomax_lib.stats import format_number
from paper.figures.style import label, name
from paper.judging.evidence import SOURCE_SETTING
from paper.judging.published import agrees, decimals_of, half_unit, is_number, published

#: Tables whose rows are looked for.
TABLES = (
    *("full_batch", "tc_minibatch", "weight_regularization", "softmax_epochs"),
    *("relu_drift", "softmax_tc", "optimizers"),
)

_NAMED = 2  # settings named in a row
_SHORT = {
    "loss": "loss",
    "train_tc": "TC",
    "weight_redundancy": "redundancy",
    "output_correlation": "correlation",
}


def stored_points(
    store: str | Store | None = "auto", dataset: str = "mnist", hidden_dim: int = 16
) -> pd.DataFrame:
    """Every measured epoch of every stored run on a dataset with so many units."""
    store = open_store(store)
    fields = RunSpec.model_fields
    specs = [
        RunSpec(**{field: row[field] for field in fields if field in row})
        for row in store.load("runs", sorted(store.keys("runs"))).values()
        if (row["dataset"], row["hidden_dim"]) == (dataset, hidden_dim)
    ]
    points = history(specs, store=store)
    return points[points["weight_redundancy"].notna()]


def searched(points: pd.DataFrame, tables: Sequence[str] = TABLES) -> pd.DataFrame:
    """For every printed row with numbers: where all its digits are met, or what is nearest.

    A point meets a row if every number of it rounds to the printed digits. The nearest point is
    the one whose worst number is the fewest printed units away.
    """
    rows, seen = [], set()
    for table in tables:
        for row in published(table)["rows"]:
            values = {m: text for m, text in row["values"].items() if is_number(text)}
            setting = {**row["settings"], "epoch": row["epoch"] or row["settings"]["epochs"]}
            printed = f"{_of(setting)}: {_named(values)}"
            if values and printed not in seen:
                seen.add(printed)
                rows.append({"printed": printed, **_found(points, values)})
    return pd.DataFrame(rows)


def _found(points: pd.DataFrame, values: Mapping[str, str]) -> dict[str, str]:
    met = points
    for measure, text in values.items():
        met = met[met[measure].map(partial(agrees, text)).astype(bool)]
    if len(met):
        settings = Counter(_of(_setting(point)) for _, point in met.iterrows())
        where = "; ".join(setting for setting, _ in settings.most_common(_NAMED))
        more = f"; and {len(settings) - _NAMED} more" if len(settings) > _NAMED else ""
        return {"runs that meet it": str(met["key"].nunique()), "where": where + more}
    units_away = pd.DataFrame(
        {
            measure: (points[measure] - float(text)).abs() / half_unit(text)
            for measure, text in values.items()
        }
    ).max(axis=1, skipna=False)
    nearest = points.loc[units_away.idxmin()]
    ours = " / ".join(format_number(nearest[m], decimals_of(text)) for m, text in values.items())
    return {"runs that meet it": "none", "where": f"nearest {ours}: {_of(_setting(nearest))}"}


def _setting(point: pd.Series) -> dict[str, Any]:
    return {field: point[field] for field in (*SOURCE_SETTING, "competition", "lambda_tc", "epoch")}


def _of(setting: Mapping[str, Any]) -> str:
    """A setting in words: architecture, pressure, epoch, and what differs from the source's."""
    architecture = "B" if setting["competition"] == "softmax" else "A"
    if setting["competition"] not in ("softmax", "none"):
        architecture = name(setting["competition"])
    others = [
        f"{label(field)} {name(setting[field])}"
        for field, usual in SOURCE_SETTING.items()
        if field in setting and field not in ("epochs", "dataset") and setting[field] != usual
    ]
    pressure = f"λ_tc {setting['lambda_tc']:g}"
    return ", ".join([architecture, pressure, f"epoch {int(setting['epoch'])}", *others])


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{_SHORT[measure]} {text}" for measure, text in values.items())
