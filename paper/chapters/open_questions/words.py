"""One-sentence answers to the open questions, written from the tables.

They say how much, with intervals; whether that is yes or no by the rule is for the verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import (
    Interval,
    by_seed,
    format_number,
    mean_interval,
    rank_correlation,
    where,
)
from paper.figures.style import name
from paper.judging.shared_rules import percent, points

__all__ = [
    "auxiliary_answer",
    "competition_answer",
    "depth_answer",
    "growth_answer",
    "hyperplane_answer",
    "second_layer_answer",
    "shares_answer",
    "stack_answer",
    "structure_answer",
    "target_answer",
    "transfer_answer",
    "width_answer",
    "works_answer",
]

Condition = Mapping[str, object]


def _mean(table: pd.DataFrame, measure: str, **condition: object) -> Interval:
    return mean_interval(where(table, condition)[measure])


def _gap(table: pd.DataFrame, measure: str, a: Condition, b: Condition) -> Interval:
    """Paired difference a − b over shared seeds."""
    return mean_interval((by_seed(table, measure, a) - by_seed(table, measure, b)).dropna())


def _ends(table: pd.DataFrame) -> tuple[int, int]:
    """The smallest and the largest K of the scale experiment that every setting has."""
    widths = table.groupby("setting")["hidden_dim"].unique()
    shared = sorted(set.intersection(*map(set, widths)))
    return int(shared[0]), int(shared[-1])


def width_answer(scale: pd.DataFrame) -> str:
    """What becomes of the findings at K = 16 in the wider layers."""
    low, high = _ends(scale)
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        at = [
            _mean(scale, "redundancy_over_random", **architecture, hidden_dim=k)
            for k in (low, high)
        ]
        parts.append(f"{at[0]} to {at[1]} in {letter}")
    soft = {**ARCHITECTURES["B"], "hidden_dim": high}
    return (
        f"From K = {low} to {high}, redundancy over random goes from {' and from '.join(parts)}; "
        f"at K = {high}, B has {percent(_mean(scale, 'dead_share', **soft))} dead units and "
        f"{_mean(scale, 'correlation_over_floor', **soft)} times the least output correlation."
    )


def growth_answer(scale: pd.DataFrame) -> str:
    """What more units bring, and what training adds to untrained ones."""
    low, high = _ends(scale)
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        wide, narrow = ({**architecture, "hidden_dim": k} for k in (high, low))
        more = _gap(scale, "probe_accuracy", wide, narrow)
        gains = [_mean(scale, "probe_gain", **architecture, hidden_dim=k) for k in (low, high)]
        parts.append(
            f"{letter} gains {points(more)} of probe accuracy from K = {low} to {high}, and "
            f"training adds {gains[0]} points at the one and {gains[1]} at the other"
        )
    return "; ".join(parts) + "."


def structure_answer(scale: pd.DataFrame) -> str:
    """How far apart A and B are at equal λ_tc = 0, narrow and wide."""
    low, high = _ends(scale)
    parts = []
    for k in (low, high):
        soft, none = (
            {"competition": c, "lambda_tc": 0.0, "hidden_dim": k} for c in ("softmax", "none")
        )
        probe = _gap(scale, "probe_accuracy_pre", soft, none)
        redundancy = _gap(scale, "redundancy_over_random", soft, none)
        parts.append(f"{redundancy} and {points(probe)} at K = {k}")
    return (
        "With the same λ_tc = 0, softmax less none is, in redundancy over random and in the probe "
        f"before the competition, {', '.join(parts)}."
    )


def transfer_answer(transfer: pd.DataFrame) -> str:
    """A and B against untrained layers and PCA, target by target, at the largest width."""
    k = int(transfer["hidden_dim"].max())
    sentences = []
    for letter, method in (("B", "infomax_softmax"), ("A", "infomax_relu")):
        parts = []
        for target in dict.fromkeys(transfer["target"]):
            gaps = []
            for other in ("untrained", "pca"):
                a, b = ({"method": m, "target": target, "hidden_dim": k} for m in (method, other))
                gaps.append(points(_gap(transfer, "probe_accuracy", a, b)))
            parts.append(f"{gaps[0]} and {gaps[1]} on {name(target)}")
        sentences.append(f"{letter} less untrained layers and less PCA: {'; '.join(parts)}")
    return f"At K = {k}, {'. '.join(sentences)}."


def _stack(letter: str, depth: int, training: str = "greedy") -> dict[str, object]:
    competition = ARCHITECTURES[letter]["competition"]
    return {"competition": competition, "training": training, "depth": depth}


def stack_answer(stacks: pd.DataFrame) -> str:
    """The deepest greedy stack against the random one and the one trained end to end."""
    deep = int(stacks["depth"].max())
    parts = []
    for letter in ARCHITECTURES:
        gaps = [
            points(
                _gap(stacks, "probe_accuracy", _stack(letter, deep), _stack(letter, deep, training))
            )
            for training in ("random", "end_to_end")
        ]
        parts.append(f"{letter} {gaps[0]} from random and {gaps[1]} from end to end")
    return f"With {deep} layers, greedy training differs in the probe by — {'; '.join(parts)}."


def second_layer_answer(stacks: pd.DataFrame) -> str:
    """What layer two keeps of what layer one has found."""
    parts = []
    for letter in ARCHITECTURES:
        two, one = _stack(letter, 2), _stack(letter, 1)
        probe = _gap(stacks, "probe_accuracy", two, one)
        dead = mean_interval(where(stacks, two)["dead_share"])
        correlation = [mean_interval(where(stacks, c)["output_correlation"]) for c in (one, two)]
        parts.append(
            f"in {letter} the probe changes by {points(probe)}, output correlation goes from "
            f"{correlation[0]} to {correlation[1]}, and {percent(dead)} of the units are dead"
        )
    return f"From layer one to layer two, {'; '.join(parts)}."


def depth_answer(stacks: pd.DataFrame) -> str:
    """What the deepest stack adds to one layer, trained and random."""
    deep = int(stacks["depth"].max())
    parts = []
    for letter in ARCHITECTURES:
        changes = [
            points(
                _gap(
                    stacks,
                    "probe_accuracy",
                    _stack(letter, deep, training),
                    _stack(letter, 1, training),
                )
            )
            for training in ("greedy", "random")
        ]
        parts.append(f"{changes[0]} in {letter} (random layers: {changes[1]})")
    return f"From one layer to {deep}, the probe of greedy stacks changes by {'; '.join(parts)}."


def _mechanisms(competitions: pd.DataFrame) -> list[str]:
    others = competitions[~competitions["competition"].isin(["none", "softmax"])]
    return list(dict.fromkeys(others["mechanism"]))


def _side(interval: Interval) -> str:
    if interval.high < 0:
        return "lower"
    return "higher" if interval.low > 0 else "not told apart"


def competition_answer(competitions: pd.DataFrame) -> str:
    """Which mechanisms lower redundancy at λ_tc = 0, and which reads out best."""
    zero = where(competitions, {"lambda_tc": 0.0})
    none = {"mechanism": "none"}
    sides: dict[str, list[str]] = {"lower": [], "higher": [], "not told apart": []}
    for mechanism in _mechanisms(competitions):
        gap = _gap(zero, "weight_redundancy", {"mechanism": mechanism}, none)
        sides[_side(gap)].append(name(mechanism))
    softmax = _gap(zero, "weight_redundancy", {"mechanism": "softmax"}, none)
    best = str(zero.groupby("mechanism")["probe_accuracy"].mean().idxmax())
    listed = "; ".join(f"{side} with {', '.join(names)}" for side, names in sides.items() if names)
    return (
        f"Against no competition, redundancy at λ_tc = 0 is {_side(softmax)} with the softmax "
        f"({softmax}); {listed}. Best probe on the outputs: {name(best)}, "
        f"{_mean(zero, 'probe_accuracy', mechanism=best)}; softmax: "
        f"{_mean(zero, 'probe_accuracy', mechanism='softmax')}."
    )


def works_answer(competitions: pd.DataFrame) -> str:
    """What training with the whole objective adds, from the worst to the best mechanism."""
    one = where(competitions, {"lambda_tc": 1.0})
    gains = {m: _mean(one, "probe_gain", mechanism=m) for m in _mechanisms(competitions)}
    worst, best = (f(gains, key=lambda m: gains[m].mean) for f in (min, max))
    return (
        f"At λ_tc = 1 training adds between {gains[worst]} ({name(worst)}) and "
        f"{gains[best]} points ({name(best)}) to the probe, and "
        f"{_mean(one, 'probe_gain', mechanism='softmax')} under the softmax."
    )


def hyperplane_answer(forms: Mapping[str, pd.DataFrame]) -> str:
    """Redundancy over that of random directions, form by form."""
    listed = "; ".join(
        f"{text} {mean_interval(rows['redundancy_over_random'])}" for text, rows in forms.items()
    )
    return f"Redundancy over that of random directions (1 would be as diverse): {listed}."


def auxiliary_answer(guided: pd.DataFrame) -> str:
    """What the best weight of the cross-entropy brings, and what it costs."""
    parts = []
    for letter, architecture in ARCHITECTURES.items():
        rows = where(guided, {"competition": architecture["competition"]})
        means = rows[rows["lambda_ce"] > 0].groupby("lambda_ce")["probe_accuracy"].mean()
        best = float(means.idxmax())
        pair = {"lambda_ce": best}, {"lambda_ce": 0.0}
        changes = {
            measure: _gap(rows, measure, *pair).scaled(1 / _mean(rows, measure, lambda_ce=0.0).mean)
            for measure in ("weight_redundancy", "output_correlation")
        }
        parts.append(
            f"{letter} at λ_ce = {best:g} changes by {points(_gap(rows, 'probe_accuracy', *pair))} "
            f"of probe accuracy, {percent(changes['weight_redundancy'])} of its redundancy and "
            f"{percent(changes['output_correlation'])} of its output correlation"
        )
    return "; ".join(parts) + "."


def shares_answer(shares: Mapping[str, Interval | None]) -> str:
    """The shares of the removable HSIC in words."""
    listed = "; ".join(
        f"{text}: {'nothing to remove' if share is None else percent(share) if share.n else share}"
        for text, share in shares.items()
    )
    return f"Share of the removable HSIC that is removed — {listed}."


def target_answer(robust: pd.DataFrame, outcomes: Mapping[str, str]) -> str:
    """Rank correlations of the two measures of dependence with every outcome."""
    measures = {"redundancy_over_random": "redundancy", "output_correlation": "output correlation"}
    means = robust.groupby("configuration")[[*measures, *outcomes]].mean()
    parts = []
    for outcome, text in outcomes.items():
        found = [
            format_number(rank_correlation(means[m], means[outcome]).mean, 2) for m in measures
        ]
        parts.append(f"{text} {found[0]} and {found[1]}")
    return (
        f"Rank correlation over {len(means)} configurations with "
        f"{' and with '.join(measures.values())}: {'; '.join(parts)} (the target is right where it "
        "is negative)."
    )
