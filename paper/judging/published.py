"""The published tables of source 000, and one rule for comparing a printed number with ours.

The tables live in ``published.toml``, numbers as printed: "0.287" has three digits, and a value
agrees with it only if it rounds to them.

**The number rule**, used for every published number. The sources print one run; ours are runs
over seeds. With ``u`` half a unit of the last printed digit and ``p`` the printed number:

- *reproduced*: p lies within the range of our seeds widened by u, **and** within two standard
  deviations of their mean, widened by u;
- *partly*: |p − mean| ≤ 15 % of |p|, or ≤ u;
- *not reproduced* otherwise.

With a single run (an exact re-run with the source's seed) *reproduced* means that the value
rounds to the printed digits. A claim with several numbers is *reproduced* when all are, *not
reproduced* when none is reproduced or partly reproduced, and *partly* otherwise.
"""

import math
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from infomax_lib.stats import Interval, mean_interval
from paper.judging.evidence import Evidence, MissingEvidence

TOLERANCE = 0.15


@cache
def _document() -> dict[str, list[dict]]:
    text = resources.files("paper.judging").joinpath("published.toml").read_text("utf-8")
    return tomllib.loads(text)


def published(table_id: str) -> dict:
    """One table of numbers: id, source, place, title, caption, settings, rows.

    Every row is returned with its complete ``settings`` (the table's and its own), its
    ``epoch`` (None: the end of training) and its printed ``values``.

    Raises:
        KeyError: There is no such table; the message lists those there are.
    """
    table = _find("table", table_id)
    shared = table["settings"]
    rows = [
        {
            "settings": {**shared, **row.get("settings", {})},
            "epoch": row.get("epoch"),
            "values": row["values"],
        }
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


def words(table_id: str) -> pd.DataFrame:
    """One table of words (comparison of architectures, recommendations) as printed."""
    table = _find("words", table_id)
    return pd.DataFrame(table["rows"], columns=table["columns"])


def _find(kind: str, table_id: str) -> dict:
    tables = {table["id"]: table for table in _document()[kind]}
    if table_id not in tables:
        raise KeyError(f"no published table {table_id!r}; there are {', '.join(tables)}")
    return tables[table_id]


def printed_number(table_id: str, metric: str, **at: object) -> str:
    """The one printed number of ``metric`` in the row whose settings or epoch match ``at``.

    ``printed_number("softmax_tc", "output_correlation", lambda_tc=10.0)`` → ``"13.03"``.
    """
    rows = [
        row
        for row in published(table_id)["rows"]
        if all({**row["settings"], "epoch": row["epoch"]}.get(k) == v for k, v in at.items())
    ]
    if len(rows) != 1 or metric not in rows[0]["values"]:
        raise KeyError(f"table {table_id} has not exactly one {metric} at {at}")
    return rows[0]["values"][metric]


def is_number(printed: str) -> bool:
    """Whether a printed cell is a number ("(very slow)" and "-" are not)."""
    try:
        return Decimal(printed).is_finite()
    except InvalidOperation:
        return False


def decimals_of(printed: str) -> int:
    """Digits that are printed behind the point: 3 for "0.287"."""
    return -int(_decimal(printed).as_tuple().exponent)


def half_unit(printed: str) -> float:
    """Half a unit of the last printed digit: 0.0005 for "0.287"."""
    return 0.5 * 10.0 ** -decimals_of(printed)


def agrees(printed: str, value: float) -> bool:
    """Whether ``value`` rounds to the printed digits.

    Computed on the decimal expansion of the float; a value exactly half-way agrees with both
    neighbours, since the sources do not say how they round.
    """
    number = _decimal(printed)
    if not math.isfinite(value):
        return False
    half = Decimal(5).scaleb(-decimals_of(printed) - 1)
    return abs(Decimal(repr(float(value))) - number) <= half


def _decimal(printed: str) -> Decimal:
    if not is_number(printed):
        raise ValueError(f'expected a printed number such as "0.287", got {printed!r}')
    return Decimal(printed)


def number_verdict(printed: str, values: Iterable[float]) -> str:
    """Judge one printed number by our values over seeds (rule in the module docstring).

    Values that are not finite (diverged runs) are left out; none left is "not reproduced".
    """
    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return "not reproduced"
    p, u = float(printed), half_unit(printed)
    mean = float(array.mean())
    if array.size == 1:
        reproduced = agrees(printed, mean)
    else:
        in_range = array.min() - u <= p <= array.max() + u
        reproduced = in_range and abs(p - mean) <= 2 * float(array.std(ddof=1)) + u
    if reproduced:
        return "reproduced"
    return "partly" if abs(p - mean) <= max(TOLERANCE * abs(p), u) else "not reproduced"


def combine_numbers(verdicts: Iterable[str]) -> str:
    """One number verdict for a claim with several numbers (rule in the module docstring)."""
    found = list(verdicts)
    if not found:
        return "not applicable"
    if all(v == "reproduced" for v in found):
        return "reproduced"
    return "not reproduced" if all(v == "not reproduced" for v in found) else "partly"


def compare(table_id: str, evidence: Evidence, **overrides: object) -> pd.DataFrame:
    """A published table beside ours: one row per printed cell.

    Args:
        table_id: The id of a table in ``published.toml``.
        evidence: The runs (and, for rows at an epoch, histories) to compare with.
        **overrides: Spec fields set instead of the caption's, to look at a neighbouring setting
            (``lambda_tc=100.0``) or at one seed (``seed=42``). ``seed=None`` uses every seed where
            the table names one.

    Returns:
        ``table, row, metric, published, mean, low, high, n, min, max, ours, one_run, holds,
        verdict``, where ``row`` says in words what distinguishes the row, ``one_run`` is the 95 %
        prediction interval of one more run, ``holds`` names which of the two intervals hold the
        printed number ("run" or "mean"), and ``verdict`` is the number verdict, "no number printed"
        or "not measured".
    """
    table = published(table_id)
    records = []
    for row in table["rows"]:
        settings = {**row["settings"], **overrides}
        if settings.get("seed", 0) is None:
            del settings["seed"]
        label = _label(row, table)
        for metric, printed in row["values"].items():
            values = _values(evidence, metric, row["epoch"], settings)
            interval = mean_interval(values)
            if not is_number(printed):
                verdict = "no number printed"
            elif len(values) == 0:
                verdict = "not measured"
            else:
                verdict = number_verdict(printed, values)
            finite = pd.Series(values[np.isfinite(values)])
            run = prediction(interval)
            records.append(
                {"table": table_id, "row": label, "metric": metric, "published": printed}
                | {name: getattr(interval, name) for name in ("mean", "low", "high", "n")}
                | {"min": finite.min(), "max": finite.max(), "ours": str(interval)}
                | {"one_run": run, "holds": _holding(printed, run, interval), "verdict": verdict}
            )
    return pd.DataFrame(records)


def prediction(ours: Interval) -> Interval:
    """Where one more run falls in 95 of 100 cases: mean ± t · s · √(1 + 1/n) (Student)."""
    half = ours.half_width * math.sqrt(ours.n + 1)
    return replace(ours, low=ours.mean - half, high=ours.mean + half)


def _holding(printed: str, run: Interval, mean: Interval) -> str:
    """Which of our intervals, widened by half a printed digit, hold a printed number."""
    if not is_number(printed) or not math.isfinite(mean.low):
        return ""
    p, u = float(printed), half_unit(printed)
    intervals = {"run": run, "mean": mean}
    held = [name for name, each in intervals.items() if each.low - u <= p <= each.high + u]
    return ", ".join(held) or "neither"


def table_verdict(comparison: pd.DataFrame) -> str:
    """The number verdict of a whole comparison; MissingEvidence if a cell was not measured."""
    verdicts = comparison["verdict"]
    if (verdicts == "not measured").any():
        missing = comparison[verdicts == "not measured"].iloc[0]
        raise MissingEvidence(f"runs for {missing['metric']} at {missing['row']}")
    return combine_numbers(verdicts[verdicts != "no number printed"])


def _values(
    evidence: Evidence, metric: str, epoch: int | None, settings: Mapping[str, object]
) -> np.ndarray:
    """Our values over seeds; empty when that condition was not run.

    A longer run stands for a shorter one at that epoch: its first part is the same training.
    """
    minimum = 1 if "seed" in settings else 2
    try:
        if epoch is not None:
            return evidence.at_epoch(metric, epoch, minimum, **settings).to_numpy(float)
        with suppress(MissingEvidence):
            return evidence.values(metric, minimum, **settings).to_numpy(float)
        longer = {**settings, "epochs": evidence.longest(**settings)}
        end = int(str(evidence.condition(**settings)["epochs"]))
        return evidence.at_epoch(metric, end, minimum, **longer).to_numpy(float)
    except MissingEvidence:
        return np.empty(0)


def _label(row: Mapping, table: Mapping) -> str:
    """What distinguishes a row, in words: "epoch 10", "softmax, λ_tc = 0, Adam, lr = 0.001"."""
    if row["epoch"] is not None:
        return f"epoch {row['epoch']}"
    names = {"lambda_tc": "λ_tc", "lambda_wr": "λ_wr", "learning_rate": "lr"}
    plain = {"none": "no softmax", "softmax": "softmax", "adam": "Adam", "sgd": "SGD"}
    own = {k: v for k, v in row["settings"].items() if table["settings"].get(k) != v}
    texts = {k: f"{v:g}" if isinstance(v, (int, float)) else str(v) for k, v in own.items()}
    return ", ".join(plain.get(v, f"{names.get(k, k)} = {v}") for k, v in texts.items())
