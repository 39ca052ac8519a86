"""What the benchmarks stored, as tables and in words.

A record is the content of one file of ``benchmarks/results/``; ``python -m benchmarks`` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infomax_lib.stats import format_number
from infomax_lib.style import label, name

__all__ = [
    "OURS",
    "SHARED_OUT",
    "aim_table",
    "engine_table",
    "growth_table",
    "limit_table",
    "machine_table",
    "overview_table",
    "peer_table",
    "precision_table",
    "probe_table",
    "read_records",
    "sentences",
    "tables",
]

Record = Mapping[str, Any]
OURS, _PLAIN = "population", "plain loop"
SHARED_OUT = ", a process per core"  #: behind the name of a contestant whose layers are shared out
_CONTESTANTS = (OURS, _PLAIN, "bmm", "vmap")
_FACTORS = ("layers", "units", "inputs", "batch")
_PROBE_AIM = 10  # times as fast as scikit-learn
_ARCHITECTURES = {"none": "A", "softmax": "B"}  # in tables, which have no room for their names
_USUAL = {
    "layout": "one seed",
    "competition": "none",
    "optimizer": "adam",
    "rates": 1,
    "precision": "float32",
    "dense": False,
}


def read_records(folder: Path) -> dict[str, Record]:
    """All stored records by file name without suffix, the most recent one first.

    Raises:
        FileNotFoundError: There is none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(
            f"no benchmark is stored in {folder.name}/: `make bench` measures this machine"
        )
    records = {path.stem: json.loads(path.read_text(encoding="utf8")) for path in files}
    return dict(sorted(records.items(), key=lambda item: item[1]["machine"]["date"], reverse=True))


# Tables


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
        for kind, show in (("ratio", _times), ("share", _percent)):
            aim, found = row[f"aim_{kind}"], _of_ours(row, kind)
            if aim is not None:
                wanted = f"{aim:g} × plain loop" if kind == "ratio" else f"{show(aim)} of the limit"
                rows.append(
                    {
                        "setting": _setting(row),
                        "aim": f"≥ {wanted}",
                        "measured": _with_spread(found, show),
                        "reached": "yes" if found["median"] >= aim else "no",
                    }
                )
    probes = record["probes"]
    rows.append(
        {
            "setting": f"{_size(probes)}, probes",
            "aim": f"≥ {_PROBE_AIM} × scikit-learn",
            "measured": _times(probes["ratio"]),
            "reached": "yes" if probes["ratio"] >= _PROBE_AIM else "no",
        }
    )
    return pd.DataFrame(rows)


def engine_table(record: Record) -> pd.DataFrame:
    """One row per setting: ratio to the plain loop, share of the limit, layer-steps per second."""
    return pd.DataFrame(
        [
            {
                "setting": _setting(row),
                "ratio [quartiles]": _with_spread(_of_ours(row, "ratio"), _times),
                "share": _percent(_of_ours(row, "share")["median"]),
                "layer-steps/s": _rate(_of_ours(row, "layer_steps")["median"]),
            }
            for row in record["engine"]
        ]
    )


def peer_table(record: Record) -> pd.DataFrame:
    """Median ratio of every way to train many layers to a plain loop with all threads."""
    return pd.DataFrame(
        [
            {"setting": _setting(row), "processes": processes}
            | {
                contestant: _times(row["ratio"][contestant + way]["median"])
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
    """What the limit of each size is made of."""
    chosen = [row for row in record["engine"] if row["aim_share"] or row["precision"] != "float32"]
    return pd.DataFrame(
        [
            {
                "setting": _setting(row),
                "peak, GFLOP/s": _rate(row["peak_flops"]["median"] / 1e9),
                "products, ms": _milli(row["products_seconds"]["median"]),
                "optimizer, ms": _milli(row["optimizer_seconds"]["median"]),
                "step, ms": _milli(row["layers"] / _of_ours(row, "layer_steps")["median"]),
                "peak reached by": row["peak_product"],
            }
            for row in chosen
        ]
    )


def precision_table(record: Record) -> pd.DataFrame:
    """Means over seeds in both precisions."""
    return pd.DataFrame(
        [
            {
                "layer": _architecture(row),
                "measure": label(row["measure"]),
                "float32 [95 %]": f"{_number(row['float32'])} [{_number(row['low'])}, "
                f"{_number(row['high'])}]",
                "bfloat16": _number(row["bfloat16"]),
                "within": "yes" if row["within"] else "no",
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
    return pd.DataFrame(
        [
            {
                "grows": row["grows"],
                "layers": row["layers"],
                "K": row["units"],
                "D": row["inputs"],
                "B": row["batch"],
                "populations": row["populations"],
                "step, ms": _milli(row["seconds"]["median"]),
                "memory, MiB": _mebibytes(row["memory"]),
            }
            for row in record["growth"]
        ]
    )


def machine_table(record: Record) -> pd.DataFrame:
    """Machine, versions, and how it was measured."""
    settings = record["settings"]
    how = {
        "training data": settings["data"],
        "timings of each contestant": settings["rounds"],
        "least duration of a timing, s": settings["seconds"],
        "whole run, s": settings["total_seconds"],
    }
    machine = {key: value for key, value in record["machine"].items() if value != ""}
    both = machine | how
    return pd.DataFrame({"what": both.keys(), "value": [str(value) for value in both.values()]})


def overview_table(records: Mapping[str, Record]) -> pd.DataFrame:
    """One line per stored benchmark: ratio to the plain loop and share of the limit."""
    return pd.DataFrame(
        [
            {"benchmark": stem, "date": record["machine"]["date"]}
            | {
                _size(row): f"{_times(_of_ours(row, 'ratio')['median'])} ×, "
                f"{_percent(_of_ours(row, 'share')['median'])}"
                for row in record["engine"]
                if _is_usual(row)
            }
            for stem, record in records.items()
        ]
    )


# Sentences


def sentences(record: Record) -> dict[str, str]:
    """What the tables say, in words; by the name under which the page shows it."""
    machine, settings = record["machine"], record["settings"]
    processor = machine["gpu"] or f"{machine['processor']} ({machine['instructions']})"
    several = [row for row in record["engine"] if row["layers"] > 1]
    together = [row for row in several if _is_usual(row)]
    single = [row for row in record["engine"] if row["layers"] == 1]
    way = together[0]["as_run"].removeprefix(OURS).replace(", a", " in a")
    return {
        "in_short": f"Trained together{way}, " + "; ".join(map(_in_short, together)) + ". A single "
        f"layer is {_extremes(single, 'ratio', _times)} times as fast as in the plain loop.",
        "machine": f"Measured on {machine['date']} on {processor} with {machine['threads']} "
        f"thread(s) on {machine['cores']} cores, torch {machine['torch']}, "
        f"{settings['rounds']} turns of at least {settings['seconds']} s each.",
        "processes": _about_processes(together),
        "aims": _about_aims(record),
        "layers": _about_layers(record["throughput"][-1]),
        "settings": f"With more than one layer the population is "
        f"{_extremes(several, 'ratio', _times)} times as fast as the plain loop, at "
        f"{_extremes(several, 'share', _percent)} of the limit. "
        + _about_layouts(several)
        + _about_dense_inputs(several),
        "precision": _about_precision(record),
        "growth": _about_growth(record["growth"]),
        "probes": _about_probes(record["probes"]),
    }


def _about_aims(record: Record) -> str:
    reached = aim_table(record)["reached"].eq("yes")
    bounds = [
        f"{_times(_limit_ratio(row))} times the plain "
        f"loop for {row['layers']} layers of K={row['units']}"
        for row in record["engine"]
        if row["aim_share"] is not None
    ]
    return (
        f"{reached.sum()} of {len(reached)} aims are reached in this run. With no cost but the "
        "limit's, the two products and the optimizer, the population would be "
        f"{' and '.join(bounds)}. Beyond that it picks and sorts the batch, and computes outputs, "
        "correlations and the gradients of both."
    )


def _is_usual(row: Mapping[str, Any]) -> bool:
    return all(row[field] == value for field, value in _USUAL.items())


def _in_short(row: Mapping[str, Any]) -> str:
    ratio, share = (_of_ours(row, what)["median"] for what in ("ratio", "share"))
    alone = f" ({_times(row['ratio'][OURS]['median'])} in one process)"
    return (
        f"{row['layers']} layers of K={row['units']} are {_times(ratio)} times as fast as one by "
        f"one in the plain loop{'' if row['as_run'] == OURS else alone}, at {_percent(share)} of "
        "the machine's limit"
    )


def _extremes(rows: Sequence[Mapping], what: str, show: Callable[[float], str]) -> str:
    medians = [_of_ours(row, what)["median"] for row in rows]
    return f"{show(min(medians))} to {show(max(medians))}"


def _about_processes(rows: Sequence[Mapping]) -> str:
    shared_out = [row for row in rows if row["as_run"] != OURS]
    if not shared_out:
        return "Here everything is trained in one process, as `run` does it on this device."
    parts = []
    for row in shared_out:
        rates = {name: spread["median"] for name, spread in row["layer_steps"].items()}
        ours, loops = rates[OURS + SHARED_OUT], rates[_PLAIN + SHARED_OUT]
        parts.append(
            f"for {row['layers']} layers of K={row['units']}, the population makes "
            f"{_times(ours / rates[OURS])} times the steps that it makes in one process with all "
            f"threads, plain loops {_times(loops / rates[_PLAIN])} times those of one, and the "
            f"population is {_times(ours / loops)} times as fast as these loops"
        )
    return "With a process per core, " + "; ".join(parts) + "."


def _about_layers(row: Mapping[str, Any]) -> str:
    rates = {name: spread["median"] for name, spread in row["layer_steps"].items()}
    ours, way = rates[row["as_run"]], row["as_run"].removeprefix(OURS)
    beside = " and ".join(f"{_times(ours / rates[n + way])} times {n}" for n in ("bmm", "vmap"))
    return (
        f"At {row['layers']:,} layers of K={row['units']} the population makes {_rate(ours)} "
        f"layer-steps per second, {_times(ours / rates[_PLAIN])} times the plain loop, {beside} in "
        f"as many processes, at {_percent(ours / rates['limit'])} of the limit."
    )


def _about_layouts(rows: Sequence[Mapping]) -> str:
    slower = _against_usual(rows, layout="a seed per layer")
    return f"Without shared batches, a seed per layer, the speed is {slower} of that. "


def _about_dense_inputs(rows: Sequence[Mapping]) -> str:
    slower = _against_usual(rows, dense=True)
    return (
        "Most inputs of an image of a digit are zero, and what is multiplied by zero is left out: "
        f"on inputs none of which is zero the speed is {slower} of that."
    )


def _against_usual(rows: Sequence[Mapping], **other: Any) -> str:
    """Speed of another setting as a share of the usual one's, for each size."""
    parts = []
    for usual in filter(_is_usual, rows):
        wanted = {**_USUAL, **other, "layers": usual["layers"], "units": usual["units"]}
        (found,) = (row for row in rows if all(row[name] == v for name, v in wanted.items()))
        rates = [_of_ours(row, "layer_steps")["median"] for row in (found, usual)]
        parts.append(f"{_percent(rates[0] / rates[1])} ({usual['layers']} of K={usual['units']})")
    return ", ".join(parts)


def _about_precision(record: Record) -> str:
    gains = [
        f"{_times(row['gain']['median'])} ({row['layers']} of K={row['units']}"
        f"{', dense inputs' if row['dense'] else ''})"
        for row in record["engine"]
        if "gain" in row
    ]
    within = [row["within"] for row in record["precision"]]
    first = record["precision"][0]
    return (
        f"On this machine its steps are {', '.join(gains)} times as fast as those of single "
        f"precision. After {first['epochs']} epochs with {first['seeds']} seeds, {sum(within)} of "
        f"{len(within)} means are within."
    )


def _about_growth(points: Sequence[Mapping]) -> str:
    parts = []
    for factor in _FACTORS:
        rows = [row for row in points if row["grows"] == factor]
        if rows:
            first, last = rows[0], rows[-1]
            time = last["seconds"]["median"] / first["seconds"]["median"]
            more = f"{last[factor] / first[factor]:,.0f}"
            parts.append(
                f"{factor} {first[factor]:,} to {last[factor]:,}, {more} times as many: "
                f"{_times(time)} times the time"
            )
    memory = [row["memory"] for row in points if row["memory"] is not None]
    most = f" No point took more than {_mebibytes(max(memory))} MiB." if memory else ""
    return "From " + "; ".join(parts) + "." + most


def _about_probes(probes: Mapping[str, Any]) -> str:
    return (
        f"For {probes['layers']} layers of K={probes['units']} on {probes['samples']:,} samples "
        f"this is {_times(probes['ratio'])} times as fast as scikit-learn one by one, and the "
        f"accuracies differ by at most {100 * probes['largest_gap']:.2g} points."
    )


# Numbers


def _of_ours(row: Mapping[str, Any], what: str) -> Mapping[str, float]:
    """Median and quartiles of a population that is trained as ``run`` trains it."""
    return row[what][row["as_run"]]


def _limit_ratio(row: Mapping[str, Any]) -> float:
    """How many times as fast as the plain loop the limit is."""
    return _of_ours(row, "ratio")["median"] / _of_ours(row, "share")["median"]


# Numbers as text


def _size(row: Mapping[str, Any]) -> str:
    return f"{row['layers']} × K={row['units']}"


def _setting(row: Mapping[str, Any]) -> str:
    return f"{_size(row)}, {_variant(row)}"


def _architecture(row: Mapping[str, Any]) -> str:
    return _ARCHITECTURES.get(row["competition"], name(row["competition"]))


def _variant(row: Mapping[str, Any]) -> str:
    parts = [_architecture(row), name(row["optimizer"])]
    if row["layout"] != _USUAL["layout"]:
        parts.append(row["layout"])
    if row["rates"] > 1:
        parts.append(f"{row['rates']} learning rates")
    if row["precision"] != "float32":
        parts.append(row["precision"])
    if row["dense"]:
        parts.append("dense inputs")
    return ", ".join(parts)


def _with_spread(values: Mapping[str, float], show) -> str:
    return f"{show(values['median'])} [{show(values['low'])}, {show(values['high'])}]"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _rate(value: float) -> str:
    return f"{value:,.0f}"


def _milli(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


def _mebibytes(value: float | None) -> str:
    return "not known" if value is None else f"{value / 2**20:,.0f}"


def _number(value: float) -> str:
    return format_number(value)
