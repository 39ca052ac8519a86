"""What the benchmarks stored, as tables; see :mod:`paper.chapters.performance.records`."""

from collections.abc import Mapping

import pandas as pd

from infomax_lib.stats import format_number
from paper.chapters.performance.records import (
    OURS,
    PLAIN,
    SHARED_OUT,
    Record,
    architecture,
    day,
    is_usual,
    mebibytes,
    milli,
    of_ours,
    percent,
    rate,
    setting,
    size,
    times,
    unusual,
    with_spread,
)
from paper.figures.style import label

_CONTESTANTS = (OURS, PLAIN, "bmm", "vmap")
_PROBE_AIM = 10  # times as fast as scikit-learn
_SWEEP_AIM = 15  # minutes for 180 runs on two cores
_YES_OR_NO = {True: "yes", False: "no"}


def tables(record: Record) -> dict[str, pd.DataFrame]:
    """Every table by its title."""
    return {
        "Aims": aim_table(record),
        "Training steps": engine_table(record),
        "Peers": peer_table(record),
        "Limit": limit_table(record),
        "bfloat16 against float32": precision_table(record),
        "Probes": probe_table(record),
        "Growth": growth_table(record),
        "Machine": machine_table(record),
    }


def aim_table(record: Record) -> pd.DataFrame:
    """What was aimed at before anything was measured, and what was reached."""
    rows = []
    for row in record["engine"]:
        for kind, show in (("ratio", times), ("share", percent)):
            aim, found = row[f"aim_{kind}"], of_ours(row, kind)
            if aim is not None:
                wanted = f"{aim:g} × plain loop" if kind == "ratio" else f"{show(aim)} of the limit"
                reached = found["median"] >= aim
                rows.append((setting(row), f"≥ {wanted}", with_spread(found, show), reached))
    probes = record["probes"]
    ratio, aim = probes["ratio"], f"≥ {_PROBE_AIM} × scikit-learn"
    rows.append((f"{size(probes)}, probes", aim, times(ratio), ratio >= _PROBE_AIM))
    if "sweep" in record:
        sweep = record["sweep"]
        minutes, aim = sweep["seconds"] / 60, f"≤ {_SWEEP_AIM} minutes"
        what = f"{sweep['runs']} runs, {sweep['epochs']} epochs"
        rows.append((what, aim, times(minutes), minutes <= _SWEEP_AIM))
    table = pd.DataFrame(rows, columns=["setting", "aim", "measured", "reached"])
    return table.replace({"reached": _YES_OR_NO})


def engine_table(record: Record) -> pd.DataFrame:
    """One row per setting: ratio to the plain loop, share of the limit, layer-steps per second."""
    return pd.DataFrame(
        [
            {
                "setting": setting(row),
                "ratio [quartiles]": with_spread(of_ours(row, "ratio"), times),
                "share": percent(of_ours(row, "share")["median"]),
                "layer-steps/s": rate(of_ours(row, "layer_steps")["median"]),
            }
            for row in record["engine"]
        ]
    )


def peer_table(record: Record) -> pd.DataFrame:
    """Median ratio of every way to train many layers to a plain loop with all threads."""
    return pd.DataFrame(
        [
            {"setting": setting(row), "processes": processes}
            | {
                contestant: times(row["ratio"][contestant + way]["median"])
                if contestant + way in row["ratio"]
                else "1"
                for contestant in _CONTESTANTS
            }
            for row in record["engine"]
            if row["peers"]
            for processes, way in (("one", ""), ("one per core", SHARED_OUT))
            if OURS + way in row["ratio"]
        ]
    )


def limit_table(record: Record) -> pd.DataFrame:
    """What the limit of each size with one seed, A and Adam is made of."""
    return pd.DataFrame(
        [
            {
                "setting": ", ".join([size(row), *unusual(row)]),
                "peak, GFLOP/s": rate(row["peak_flops"]["median"] / 1e9),
                "products, ms": milli(row["products_seconds"]["median"]),
                "optimizer, ms": milli(row["optimizer_seconds"]["median"]),
                "step, ms": milli(row["layers"] / of_ours(row, "layer_steps")["median"]),
            }
            for row in record["engine"]
            if row["layers"] > 1 and (is_usual(row) or is_usual(row, precision="bfloat16"))
        ]
    )


def precision_table(record: Record) -> pd.DataFrame:
    """Means over seeds in both precisions."""
    return pd.DataFrame(
        [
            {
                "layer": architecture(row),
                "measure": label(row["measure"]),
                "float32 [95 %]": f"{format_number(row['float32'])} [{format_number(row['low'])}, "
                f"{format_number(row['high'])}]",
                "bf16": format_number(row["bfloat16"]),
                "within": _YES_OR_NO[row["within"]],
            }
            for row in record["precision"]
        ]
    )


def probe_table(record: Record) -> pd.DataFrame:
    """Time per probe of both ways, and how far their accuracies are apart."""
    probes = record["probes"]
    return pd.DataFrame(
        {
            "way": ["all layers at once", "scikit-learn, one by one"],
            "layers timed": [probes["layers"], probes["sklearn_layers"]],
            "seconds per layer": [
                f"{probes[way]:.3g}" for way in ("batched_seconds", "sklearn_seconds")
            ],
            "largest difference in accuracy, points": [f"{100 * probes['largest_gap']:.2g}", ""],
        }
    )


def growth_table(record: Record) -> pd.DataFrame:
    """Time and memory of every point."""
    rows = record["growth"]
    names = {"units": "K", "inputs": "D", "batch": "B"}
    columns = ["grows", "layers", *names, "populations"]
    table = pd.DataFrame(rows, columns=columns).rename(columns=names)
    table["step, ms"] = [milli(row["seconds"]["median"]) for row in rows]
    table["memory, MiB"] = [mebibytes(row["memory"]) for row in rows]
    return table


def machine_table(record: Record) -> pd.DataFrame:
    """Machine, versions, and how it was measured."""
    settings = record["settings"]
    how = {
        "training data": settings["data"],
        "timings of each contestant": settings["rounds"],
        "least duration of a timing, s": settings["seconds"],
        "whole run, s": settings["total_seconds"],
    }
    both = {key: str(value) for key, value in (record["machine"] | how).items() if value != ""}
    return pd.DataFrame(both.items(), columns=["what", "value"])


def overview_table(records: Mapping[str, Record]) -> pd.DataFrame:
    """One line per stored benchmark: ratio to the plain loop and share of the limit."""
    return pd.DataFrame(
        [
            {"benchmark": stem, "date": day(record)}
            | {
                size(row): f"{times(of_ours(row, 'ratio')['median'])} ×, "
                f"{percent(of_ours(row, 'share')['median'])}"
                for row in record["engine"]
                if row["aim_share"] is not None
            }
            for stem, record in records.items()
        ]
    )
