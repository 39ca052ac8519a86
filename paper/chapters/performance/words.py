"""What the benchmarks stored, in words; see :mod:`paper.chapters.performance.records`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paper.chapters.performance.records import (
    OURS,
    PLAIN,
    SHARED_OUT,
    USUAL,
    Record,
    day,
    is_usual,
    mebibytes,
    of_ours,
    percent,
    rate,
    times,
)
from paper.chapters.performance.tables import aim_table
from paper.figures.style import name

_FACTORS = ("layers", "units", "inputs", "batch")


def sentences(record: Record) -> dict[str, str]:
    """What the tables say, in words; by the name under which the page shows it."""
    machine, settings = record["machine"], record["settings"]
    processor = machine["gpu"] or f"{machine['processor']} ({machine['instructions']})"
    several = [row for row in record["engine"] if row["layers"] > 1]
    in_full = [row for row in several if row["precision"] == USUAL["precision"]]
    together = [row for row in several if is_usual(row)]
    single = [row for row in record["engine"] if row["layers"] == 1]
    way = together[0]["as_run"].removeprefix(OURS).replace(", a", " in a")
    layouts = _against_usual(several, layout="a seed per layer")
    dense = _against_usual(several, dense=True)
    return {
        "in_short": f"Trained together{way}, " + "; ".join(map(_in_short, together)) + ". A single "
        f"layer is {_extremes(single, 'ratio', times)} times as fast as in the plain loop.",
        "machine": f"Measured on {day(record)} on {processor} with {machine['threads']} "
        f"thread(s) on {machine['cores']} cores, torch {machine['torch']}, "
        f"{settings['rounds']} turns of at least {settings['seconds']} s each.",
        "processes": _about_processes(together),
        "aims": _about_aims(record),
        "sweep": _about_sweep(record),
        "layers": _about_layers(record["throughput"][-1]),
        "settings": f"With more than one layer and in single precision the population is "
        f"{_extremes(in_full, 'ratio', times)} times as fast as the plain loop, at "
        f"{_extremes(in_full, 'share', percent)} of the limit. Without shared batches, a seed per "
        f"layer, the speed is {layouts} of that. Most inputs of an image of a digit are zero, and "
        "what is multiplied by zero is left out: on inputs none of which is zero the speed is "
        f"{dense} of that.",
        "precision": _about_precision(record),
        "growth": _about_growth(record["growth"]),
        "probes": _about_probes(record["probes"]),
    }


def _about_aims(record: Record) -> str:
    reached = aim_table(record)["reached"].eq("yes")
    bounds = []
    for row in record["engine"]:
        if row["aim_share"] is not None:
            limit = of_ours(row, "ratio")["median"] / of_ours(row, "share")["median"]
            size = f"{row['layers']} layers of K={row['units']}"
            bounds.append(f"{times(limit)} times the plain loop for {size}")
    return (
        f"{reached.sum()} of {len(reached)} aims are reached in this run. With no cost but the "
        "limit's, the two products and the optimizer, the population would be "
        f"{' and '.join(bounds)}. Beyond that it picks and sorts the batch, and computes outputs, "
        "correlations and the gradients of both."
    )


def _about_sweep(record: Record) -> str:
    if "sweep" not in record:
        return "How long a whole sweep takes was not measured here."
    sweep = record["sweep"]
    return (
        f"The {sweep['runs']} runs of {sweep['file']}, {sweep['epochs']} epochs of "
        f"{name(sweep['dataset'])} each, take {times(sweep['seconds'] / 60)} minutes from an empty "
        "store, all measures included."
    )


def _in_short(row: Mapping[str, Any]) -> str:
    ratio, share = (of_ours(row, what)["median"] for what in ("ratio", "share"))
    alone = f" ({times(row['ratio'][OURS]['median'])} in one process)"
    return (
        f"{row['layers']} layers of K={row['units']} are {times(ratio)} times as fast as one by "
        f"one in the plain loop{'' if row['as_run'] == OURS else alone}, at {percent(share)} of "
        "the machine's limit"
    )


def _extremes(rows: Sequence[Mapping], what: str, show: Callable[[float], str]) -> str:
    medians = [of_ours(row, what)["median"] for row in rows]
    return f"{show(min(medians))} to {show(max(medians))}"


def _about_processes(rows: Sequence[Mapping]) -> str:
    shared_out = [row for row in rows if row["as_run"] != OURS]
    if not shared_out:
        return "Here everything is trained in one process."
    parts = []
    for row in shared_out:
        rates = {name: spread["median"] for name, spread in row["layer_steps"].items()}
        ratio = rates[OURS + SHARED_OUT] / rates[PLAIN + SHARED_OUT]
        parts.append(f"{times(ratio)} times ({row['layers']} of K={row['units']})")
    return f"Against a plain loop in every process, it is {', '.join(parts)} as fast."


def _about_layers(row: Mapping[str, Any]) -> str:
    rates = {name: spread["median"] for name, spread in row["layer_steps"].items()}
    ours, way = rates[row["as_run"]], row["as_run"].removeprefix(OURS)
    beside = " and ".join(f"{times(ours / rates[n + way])} times {n}" for n in ("bmm", "vmap"))
    return (
        f"At {row['layers']:,} layers of K={row['units']} the population makes {rate(ours)} "
        f"layer-steps per second, {times(ours / rates[PLAIN])} times the plain loop, {beside} in "
        f"as many processes, at {percent(ours / rates['limit'])} of the limit."
    )


def _against_usual(rows: Sequence[Mapping], **other: Any) -> str:
    """Speed of another setting as a share of the usual one's, for each size."""
    parts = []
    for usual in filter(is_usual, rows):
        size = {"layers": usual["layers"], "units": usual["units"]}
        (found,) = (row for row in rows if is_usual(row, **other, **size))
        rates = [of_ours(row, "layer_steps")["median"] for row in (found, usual)]
        parts.append(f"{percent(rates[0] / rates[1])} ({usual['layers']} of K={usual['units']})")
    return ", ".join(parts)


def _about_precision(record: Record) -> str:
    gains = [
        f"{times(row['gain']['median'])} ({row['layers']} of K={row['units']}"
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
                f"{times(time)} times the time"
            )
    memory = [row["memory"] for row in points if row["memory"] is not None]
    most = f" No point took more than {mebibytes(max(memory))} MiB." if memory else ""
    return "From " + "; ".join(parts) + "." + most


def _about_probes(probes: Mapping[str, Any]) -> str:
    return (
        f"For {probes['layers']} layers of K={probes['units']} on {probes['samples']:,} samples "
        f"this is {times(probes['ratio'])} times as fast as scikit-learn one by one, and the "
        f"accuracies differ by at most {100 * probes['largest_gap']:.2g} points."
    )
