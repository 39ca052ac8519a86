"""What the chapter on the bias loophole says about its numbers."""

from collections.abc import Mapping

import pandas as pd

from infomax_lib.stats import Interval, mean_interval
from paper.judging.shared_rules import DIVERSE, INDEPENDENT, UNCORRELATED

#: HSIC from twice its value for shuffled samples on is a dependence that it sees.
_HSIC_SEES = 2.0
#: Numbers that the first table prints.
_PRINTED = 12


def wrong_caption(agreeing: Mapping[float, int], low: float) -> str:
    """What is wrong with the caption of the first table; nothing, as long as it may be right.

    Args:
        agreeing: How many of the printed numbers our run gives at each λ_tc; empty outside the
            source's setting.
        low: λ_tc of the caption.
    """
    best = max(agreeing, key=lambda value: agreeing[value], default=low)
    if best == low or agreeing[best] < _PRINTED:
        return ""
    return f"The caption of the first table is wrong: its numbers come from λ_tc = {best:g}."


def exact(agreeing: Mapping[float, int], low: float) -> str:
    """What the exact re-run says about the first table; arguments as in :func:`wrong_caption`."""
    if not agreeing:
        return "The printed numbers belong to MNIST and 100 epochs; these parameters differ."
    best = max(agreeing, key=lambda value: agreeing[value])
    counts = ", ".join(f"{n} at λ_tc = {value:g}" for value, n in agreeing.items())
    if wrong_caption(agreeing, low):
        follows = (
            f"The table was made with λ_tc = {best:g}; its caption, λ_tc = {low:g}, is wrong. The "
            "trajectory therefore shows the strong pressure of the second table, not the weak one."
        )
    elif agreeing[best] < _PRINTED:
        follows = "No setting tried gives all twelve."
    else:
        follows = "The caption holds."
    return f"Of the twelve numbers, our run gives {counts}. {follows}"


def over_all_seeds(agreeing: int, value: float) -> str:
    """How many printed numbers the means over seeds reproduce at one λ_tc."""
    typical = "." if agreeing == _PRINTED else "; elsewhere seed 42 is not typical of them."
    return (
        f"Over all seeds, {agreeing} of the twelve printed numbers are reproduced at "
        f"λ_tc = {value:g}{typical}"
    )


def trend(value: float, correlation: Interval, redundancy: Interval, over: Interval) -> str:
    """Paired changes in full-batch training at one λ_tc, and redundancy over the data's rows."""
    return (
        f"At λ_tc = {value:g}, from the first epoch to the last, output correlation changes by "
        f"{correlation} and redundancy by {redundancy}, to {over} times that of rows drawn from "
        "the data."
    )


def pressure(none: Interval, least: float, fewest: Interval, high: float, most: Interval) -> str:
    """Redundancy along the grid of λ_tc: without pressure, at its least, and at the highest."""
    falls_first = 0 < least < high and none.low > fewest.high
    return (
        f"In the reference setting redundancy is {none} without any TC pressure, least at "
        f"λ_tc = {least:g} with {fewest}, and {most} at λ_tc = {high:g}."
    ) + falls_first * (
        " Pressure on independence lowers redundancy before it raises it: without it, nothing "
        "keeps the units from becoming copies of each other."
    )


def batch_floor(value: float, end: Interval, floor: float) -> str:
    """The TC term on training batches, against that of independent units."""
    return f"At λ_tc = {value:g} the TC term ends at {end}. " + (
        "That is below what independent units have: the layer has learned to keep the sample "
        "correlations of a batch smaller than chance would. Minimising the TC term in small "
        "batches is therefore not the same as asking for independence, and full batches hardly "
        "ask for this part of it."
        if end.high < floor
        else "That is not below what independent units have."
    )


def frozen(value: float, free: Interval, frozen: Interval) -> str:
    """Redundancy over isotropic rows, with free biases and with biases frozen at zero."""
    if not free.low > 1:
        follows = "There is no redundancy beyond that of isotropic rows to explain."
    elif frozen.mean - 1 < 0.5 * (free.mean - 1):
        follows = (
            "Freezing the biases removes most of the extra redundancy, as the loophole predicts."
        )
    else:
        follows = (
            "Freezing the biases leaves most of the extra redundancy, so biases are not what makes "
            "it."
        )
    return (
        f"With biases frozen at zero, redundancy at λ_tc = {value:g} is {frozen} times that of "
        f"isotropic rows, against {free} with free biases. {follows}"
    )


def both_goals(rows: pd.DataFrame) -> bool:
    """Whether the intervals of both measures lie within the goals of the rules."""
    over_data = mean_interval(rows["redundancy_over_data"])
    correlation = mean_interval(rows["output_correlation"])
    return over_data.high < DIVERSE and correlation.high < UNCORRELATED


def goals(settings: pd.DataFrame, path: pd.DataFrame, value: float) -> str:
    """Where uncorrelated outputs and diverse weights come together.

    Args:
        settings: Runs with their ``setting`` and ``lambda_tc``.
        path: Measured epochs of the reference layer, by ``epoch``.
        value: Its λ_tc.
    """
    reached = [
        f"{setting} at λ_tc = {pressure:g}"
        for (setting, pressure), rows in settings.groupby(["setting", "lambda_tc"], sort=False)
        if both_goals(rows)
    ]
    inside = [str(n) for n, rows in path.groupby("epoch") if n > 0 and both_goals(rows)]
    return (
        f"Settings that reach both goals at the end of training: {', '.join(reached) or 'none'}. "
        "Measured epochs at which the reference layer, without any penalty, has both at "
        f"λ_tc = {value:g}: {', '.join(inside) or 'none'}."
    )


def dependence(runs: pd.DataFrame, low: float, high: float) -> str:
    """HSIC over its floor, joint firing and firing rates along the grid of λ_tc.

    Args:
        runs: The reference layers, with ``hsic_ratio`` and ``joint_firing`` beside their measures.
        low: A weak pressure.
        high: A strong one.
    """
    rows = {value: members for value, members in runs.groupby("lambda_tc")}
    hsic = {v: mean_interval(rows[v]["hsic_ratio"]) for v in (low, high)}
    joint = {v: mean_interval(members["joint_firing"]) for v, members in rows.items()}
    rate = {v: mean_interval(rows[v]["firing_rate"]).scaled(100) for v in (low, high)}
    between = [
        f"{value:g}"
        for value, members in rows.items()
        if mean_interval(members["output_correlation"]).high < UNCORRELATED
        and joint[value].low > INDEPENDENT
    ]
    blind = hsic[high].high < _HSIC_SEES < hsic[low].low and joint[high].low > INDEPENDENT
    return (
        f"HSIC is {hsic[low]} times its value for shuffled samples at λ_tc = {low:g} and "
        f"{hsic[high]} times at λ_tc = {high:g}. Joint firing differs from chance by "
        f"{joint[low].scaled(100)} % and {joint[high].scaled(100)} % of it. Values of λ_tc at "
        "which outputs are uncorrelated and still do not fire independently, by these rules: "
        f"{', '.join(between) or 'none'}. A unit fires on {rate[low]} % of the images at "
        f"λ_tc = {low:g} and on {rate[high]} % at λ_tc = {high:g}."
    ) + blind * (
        " HSIC looks at a few hundred images, of which so rare a unit fires on a dozen: it cannot "
        "see there what all test images show."
    )


def toy(alive: pd.DataFrame, units: int) -> str:
    """How many seeds of the toy end with an aligned pair, of those in which all units fire."""
    counts = [
        f"{int((rows['aligned_pairs'] > 0).sum())} of {len(rows)} with {units} units, "
        f"λ_tc = {value:g}"
        for value, rows in alive[alive["hidden_dim"] == units].groupby("lambda_tc")
    ]
    if not counts:
        return f"No seed with {units} units has all of them alive."
    return f"Seeds with an aligned pair: {'; '.join(counts)}."
