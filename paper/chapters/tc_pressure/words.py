"""What the page on TC pressure says about its runs."""

from collections.abc import Sequence

import pandas as pd

from infomax_lib.stats import Interval, mean_interval
from paper.chapters.tc_pressure.effects import Effect
from paper.figures.style import label


def at(runs: pd.DataFrame, lambda_tc: float, column: str) -> Interval:
    """Mean over seeds at one λ_tc."""
    return mean_interval(runs.loc[runs["lambda_tc"] == lambda_tc, column])


def _ends(runs: pd.DataFrame, column: str, named: bool = False) -> str:
    """A measure without pressure and at the strongest of the grid, which are named if wanted."""
    strongest = runs["lambda_tc"].max()
    first, last = at(runs, 0.0, column), at(runs, strongest, column)
    if named:
        return f"from {first} at λ_tc = 0 to {last} at {strongest:g}"
    return f"from {first} to {last}"


def sentence_correlation(none: pd.DataFrame, softmax: pd.DataFrame) -> str:
    """Output correlation along the grid, without and with softmax."""
    lowest = softmax.groupby("lambda_tc")["output_correlation"].mean().idxmin()
    return (
        f"Without softmax, output correlation goes {_ends(none, 'output_correlation', True)}; "
        f"with softmax {_ends(softmax, 'output_correlation')}, and its lowest mean on the grid is "
        f"at λ_tc = {lowest:g}."
    )


def sentence_floor(softmax: pd.DataFrame, floor: float) -> str:
    """How far above the least output correlation on a simplex the softmax runs lie."""
    below = int((softmax["output_correlation"] < 0.999 * floor).sum())
    at_zero = at(softmax, 0.0, "output_correlation").scaled(1 / floor)
    return (
        f"The simplex floor is {floor:.3f}; {below} of {len(softmax)} softmax runs lie below "
        f"it by more than a thousandth. At λ_tc = 0 the softmax layer is at {at_zero} times the "
        "floor: what lies between, and no more, is what pressure could gain."
    )


def sentence_probe(none: pd.DataFrame, softmax: pd.DataFrame) -> str:
    """What a linear probe reads from outputs and from activations before the competition."""
    return (
        "On the outputs of the softmax layer the probe goes "
        f"{_ends(softmax, 'probe_accuracy', True)}, before the competition "
        f"{_ends(softmax, 'probe_accuracy_pre')}; without softmax {_ends(none, 'probe_accuracy')}."
    )


def sentence_soft(softmax: pd.DataFrame, hidden_dim: int) -> str:
    """How decided the responsibilities are, and the entropy term (column ``entropy_term``)."""
    return (
        f"The mean largest responsibility goes {_ends(softmax, 'max_responsibility', True)}, where "
        f"1/K is {1 / hidden_dim:.4f}; the entropy term {_ends(softmax, 'entropy_term')} nats."
    )


def sentence_effects(found: Sequence[Effect], architecture: str) -> str:
    """Measures by verdict at the highest judged λ_tc."""
    high = found[-1].value
    names = {
        outcome: [
            label(e.measure.column) for e in found if e.value == high and e.verdict == outcome
        ]
        for outcome in ("worse", "better", "no difference", "open")
    }
    listed = "; ".join(f"{outcome}: {', '.join(n)}" for outcome, n in names.items() if n)
    return f"{architecture}, from λ_tc = 0 to {high:g} — {listed}."
