"""Why the four predictions of source 002 came out as they did, in sentences made from the numbers.

Each prediction takes one thing for another: uniqueness for need, independence for use elsewhere,
independence for size, independence for meaning. The sentences show how far the two go together
over the methods of the comparison. They explain verdicts and do not decide them.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from infomax_lib.stats import format_number, mean_interval, rank_correlation
from paper.chapters.prior_art.by_method import MIN_METHODS, ByMethod, by_method, names
from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.rules.predictions import DOUBLE_WIDTHS, family_means, removable
from paper.figures.style import name
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence

__all__ = ["explained"]

#: The ceiling reads labels; one of softmax outputs is known from the others by construction.
_CEILING = ("supervised",)
_SUM_TO_ONE = ("softhebb", "gmm", "infomax_softmax")


def explained(e: Evidence) -> dict[str, str]:
    """Why, by the id of the claim; an empty text where what it takes was not measured.

    Args:
        e: Evidence with the tables of :mod:`.predictions`, and ``baselines`` with
            ``probe_accuracy``, ``hsic`` and ``held_out_r2``.
    """
    return {claim: _or_nothing(words, e) for claim, words in _WORDS.items()}


def _or_nothing(words: Callable[[Evidence], str], e: Evidence) -> str:
    try:
        return words(e)
    except MissingEvidence:
        return ""


def _related(
    first: ByMethod, verb: str, second: ByMethod, noun: str, without: tuple[str, ...] = ()
) -> str:
    """ "rises with HSIC (rank correlation 0.8 [0.5, 0.9] over 31 methods)", or whatever holds.

    Args:
        first: What is said to rise or fall.
        verb: Between the two, with ``{}`` for "rises" or "falls"; as "{} with".
        second: What it goes with, or does not.
        noun: Name of the second.
        without: Methods that are left out besides the supervised ceiling.
    """
    pairs = pd.concat([first.values.mean(), second.values.mean()], axis=1)
    pairs = pairs.drop(index=[*_CEILING, *without], errors="ignore").dropna()
    if len(pairs) < MIN_METHODS:
        raise MissingEvidence(f"{first.name} and {second.name} of at least {MIN_METHODS} methods")
    rho = rank_correlation(pairs[0], pairs[1])
    if rho.low > 0 or rho.high < 0:
        relation = f"{verb.format('rises' if rho.low > 0 else 'falls')} {noun}"
    else:
        relation = f"has no clear relation to {noun}"
    return f"{relation} (rank correlation {rho} over {len(pairs)} methods)"


def _pruned(e: Evidence) -> str:
    shares, uniqueness = removable(e), by_method(e, "baselines", "held_out_r2")
    related = _related(
        shares, "{} with", uniqueness, "how well the other units predict a unit", _SUM_TO_ONE
    )
    shown = [m for m in ("pca", "infomax_relu", "infomax_lse") if m in shares.values.columns]
    pairs = [
        f"{LABELS[m]} {format_number(uniqueness.interval(m).mean, 2)} and "
        f"{100 * shares.interval(m).mean:.0f} %"
        for m in shown
    ]
    return (
        "A unit that the others do not replace is one thing, a unit that the probe needs another: "
        f"the removable share {related}. Held-out R² and removable share are "
        f"{'; '.join(pairs)}."
    )


def _transferred(e: Evidence) -> str:
    home = by_method(e, "baselines", "probe_accuracy")
    # encoders of another dataset have another home
    dataset = str(e.base.get("dataset", SOURCE_SETTING["dataset"]))
    table = e.table("transfer", ["target"])
    own = table[table["target"].str.startswith((f"{dataset} ", f"{dataset},"))]
    families = family_means(Evidence(pd.DataFrame(), extra={"transfer": own}))
    parts = [
        f"accuracy on “{family}” {_related(values, '{} with', home, 'it')}"
        for family, values in families.items()
    ]
    if not parts:
        raise MissingEvidence(f"transfer of encoders of {dataset}")
    return (
        f"How much of this does the probe on {name(dataset)} itself say already? Over methods "
        f"trained there, {'; '.join(parts)}."
    )


def _widened(e: Evidence) -> str:
    parts = []
    for double in DOUBLE_WIDTHS:
        try:
            small = by_method(e, "widths", "probe_accuracy", {"hidden_dim": double // 2})
            large = by_method(e, "widths", "probe_accuracy", {"hidden_dim": double})
            ours, rival = small.best(small.infomax()), large.best(large.baselines)
            gain = mean_interval((large.of(rival) - small.of(rival)).dropna()).scaled(100)
            lead = small.difference(ours, rival).scaled(100)
        except MissingEvidence:
            continue
        parts.append(
            f"from {double // 2} to {double} units {names([rival])} gains {gain} points, and at "
            f"{double // 2} the lead of {LABELS[ours]} over it is {lead}"
        )
    if not parts:
        raise MissingEvidence("probe accuracy at a width and at twice that width")
    return (
        "To match twice the units, a method has to lead at equal width by what doubling gains: "
        f"{'; '.join(parts)}."
    )


def _named(e: Evidence) -> str:
    dependence = by_method(e, "baselines", "hsic")
    named = _related(by_method(e, "factors", "named_units"), "{} with", dependence, "HSIC")
    gap = _related(by_method(e, "factors", "mig"), "{} with", dependence, "it")
    return (
        "With more units than classes, units can have names only if several share a class, and "
        f"units that share a class depend on each other. The share of units with a name {named}; "
        f"the mutual information gap, for which one unit has to hold a factor alone, {gap}."
    )


_WORDS = {"002.12": _pruned, "002.13": _transferred, "002.14": _widened, "002.15": _named}
