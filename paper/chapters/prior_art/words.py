"""Sentences of the prior-art chapter, written from its tables: what was covered, and why.

They carry the numbers of the run that made the page, and decide nothing: verdicts are the rules'.
"""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from infomax_lib.stats import format_number, mean_interval, rank_correlation
from paper.chapters.prior_art.by_method import (
    B_BEFORE,
    B,
    ByMethod,
    baseline,
    by_method,
    names,
    over_methods,
)
from paper.chapters.prior_art.comparison import (
    LABELS,
    best,
    configurations,
    equals,
    in_words,
    leaders,
    paired,
    unsupervised_baselines,
)
from paper.chapters.prior_art.measured.deep_starts import STARTS
from paper.chapters.prior_art.measured.tuning import at_the_edge
from paper.chapters.prior_art.rules.predictions import DOUBLE_WIDTHS, family_means, removable
from paper.chapters.prior_art.tables import probe_correlations
from paper.figures.style import name
from paper.judging.evidence import SOURCE_SETTING, Evidence, MissingEvidence
from paper.judging.measured import differences
from paper.judging.verdicts import Verdict

Tables = Mapping[tuple[str, str], pd.DataFrame]  # (dataset, budget) -> one row per fit


def coverage_table(tables: Tables) -> pd.DataFrame:
    """What was fitted: one row per dataset, width and budget, with methods, seeds and failures."""
    rows = []
    for (dataset, budget), table in tables.items():
        for width, fits in table.groupby("hidden_dim"):
            seeds = fits.groupby("method")["seed"].nunique()
            least, most = int(seeds.min()), int(seeds.max())
            rows.append(
                {
                    "dataset": name(dataset),
                    "K": int(width),
                    "budget": budget,
                    "methods": f"{len(seeds)} of {len(LABELS)}",
                    "seeds": str(least) if least == most else f"{least} to {most}",
                    "failed fits": int(fits["failed"].notna().sum()),
                }
            )
    return pd.DataFrame(rows)


def coverage(tables: Tables) -> str:
    """The coverage in a sentence: "Covered: MNIST at K = 64 (equal epochs, 32 methods …)"."""
    parts = [
        f"{row['dataset']} at K = {row['K']} ({row['budget']}: {row['methods']} methods, "
        f"{row['seeds']} seeds)"
        for row in coverage_table(tables).to_dict("records")
    ]
    return f"Covered: {'; '.join(parts)}."


def not_linear(nonlinear: pd.DataFrame, methods: Sequence[str]) -> str:
    """What probes that are not linear read from one fit of some methods, in per cent."""
    accuracy = nonlinear[nonlinear["method"].isin(methods)].set_index("method")

    def shown(measure: str) -> str:
        shares = 100 * accuracy[measure].astype(float)
        return ", ".join(f"{LABELS[m]} {format_number(share, 1)} %" for m, share in shares.items())

    return (
        "Probes that are not linear (first seed): nearest neighbours see distances of standardised "
        f"outputs, which rotations leave ({shown('neighbour_accuracy')}); trees look at one unit "
        f"at a time ({shown('tree_accuracy')})."
    )


def measured(verdict: Verdict) -> tuple[str, str]:
    """What a claim's decisive quantity came out as, and its interval: ("−1.3", "[−1.4, −1.1]")."""
    number, _, interval = (
        verdict.effect.partition(" against ")[0].rpartition(": ")[2].partition(" ")
    )
    return number, interval


def budget_answer(epochs: pd.DataFrame, flops: pd.DataFrame) -> str:
    """Who is best when training costs the same, and by how much."""
    (leader, own), (before, _) = leaders(flops), leaders(epochs)
    change = "" if leader == before else f", no longer {LABELS[before]}"
    return (
        f"At equal training cost the best unsupervised baseline is {LABELS[leader]}{change}; "
        f"{in_words(flops, own, leader)}."
    )


def edges(searches: Mapping[str, pd.DataFrame]) -> str:
    """Which methods learn best at the edge of the rates that were tried, by dataset."""
    return " ".join(
        f"On {name(dataset)}, still best at the edge of what was tried: "
        f"{names(at_the_edge(found)) or 'no method'}."
        for dataset, found in searches.items()
    )


def against_the_best(table: pd.DataFrame) -> str:
    """The best unsupervised baseline, and how this work and training with labels stand to it.

    Each configuration of this work stands beside the best of those that saw the same images.
    """
    (leader, _), rivals = leaders(table), unsupervised_baselines(table)
    gaps = ". ".join(
        in_words(table, own, best(table, equals(own, rivals) or rivals))
        for own in configurations(table)
    )
    return (
        f"The best unsupervised baseline by linear probe is {LABELS[leader]}. This work, against "
        f"the best that saw the same images: {gaps}. "
        f"With labels against without: {in_words(table, 'supervised', leader)}."
    )


def dead_units(table: pd.DataFrame) -> str:
    """Which methods have units that answer to nothing."""
    dead = table.groupby("method")["dead_units"].mean()
    listed = [f"{LABELS[m]} {format_number(n, 1)}" for m, n in dead[dead > 0].items()]
    if not listed:
        return "No method has a dead unit."
    return f"Methods with dead units (mean over seeds): {', '.join(listed)}."


def elsewhere(dataset: str, table: pd.DataFrame, cheap: pd.DataFrame) -> str:
    """Who is best on another dataset, at equal epochs and cost, and whether independence tells."""
    leader, own = leaders(table)
    rho = probe_correlations(table, ["hsic", "output_correlation"])
    return (
        f"On {name(dataset)} the best unsupervised baseline is {LABELS[leader]}; "
        f"{in_words(table, own, leader)}. {budget_answer(table, cheap)} Over methods, the probe "
        f"has a rank correlation of {rho['hsic']} with HSIC and of {rho['output_correlation']} "
        "with output correlation."
    )


def before_softmax(table: pd.DataFrame) -> str:
    """What the probe of B gains on activations before the softmax, at either learning rate."""
    soft = table[table["method"] == B]
    change = mean_interval(soft["probe_accuracy_pre"] - soft["probe_accuracy"])
    text = f"It changes by {change.scaled(100)} points"
    gain = paired(table, "probe_accuracy", B_BEFORE, B)
    if gain.n == 0:
        return f"{text}."
    return f"{text}, and by {gain.scaled(100)} at the learning rate that is best for that code."


def takeaway(dataset: str, hidden_dim: int, table: pd.DataFrame, independent: Verdict) -> str:
    """The page in two sentences; ``independent`` is the verdict on good features."""
    leader, own = leaders(table)
    return (
        f"At K = {hidden_dim} on {name(dataset)}, {LABELS[leader]} is the best unsupervised "
        f"baseline by linear probe, and {in_words(table, own, leader)}. That good features are "
        f"independent ones is {independent.interpretation_verdict}."
    )


def deep_table(deep: pd.DataFrame) -> pd.DataFrame:
    """One row per start of a deep network: its rate, the gradient's reach, accuracy by epoch."""
    rows = []
    for start, fits in deep.groupby("start", sort=False):
        row = {
            "start": STARTS[str(start)].label,
            "learning rate": format_number(fits["learning_rate"].iloc[0]),
            "reach": str(mean_interval(fits.drop_duplicates("seed")["reach"])),
        }
        for epoch, members in fits.groupby("epoch"):
            if epoch in (fits["epoch"].min(), fits["epoch"].max()):
                row[f"accuracy, epoch {epoch}"] = str(mean_interval(members["accuracy"]))
        rows.append(row)
    return pd.DataFrame(rows)


def judged(verdict: Verdict, of: str = "Verdict") -> str:
    """A verdict with the evidence for it."""
    return f"{of}: **{verdict.interpretation_verdict}**. {verdict.evidence}"


# --------------------------------------------------- why the predictions came out as they did

#: One of softmax outputs is known from the others by construction.
_SUM_TO_ONE = ("softhebb", "gmm", "infomax_softmax")


def explained(e: Evidence) -> dict[str, str]:
    """Why the four predictions of source 002 came out as they did, by the id of the claim.

    Each takes one thing for another: uniqueness for need, independence for use elsewhere,
    independence for size, independence for meaning. The sentences show how far the two go together
    over the methods of the comparison; they explain verdicts and do not decide them. A text is
    empty where what it takes was not measured.

    Args:
        e: Evidence with the tables of :mod:`.rules.predictions`, and ``baselines`` with
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
    pairs = over_methods(first, second, without)
    rho = rank_correlation(pairs[0], pairs[1])
    if rho.low > 0 or rho.high < 0:
        relation = f"{verb.format('rises' if rho.low > 0 else 'falls')} {noun}"
    else:
        relation = f"has no clear relation to {noun}"
    return f"{relation} (rank correlation {rho} over {len(pairs)} methods)"


def _pruned(e: Evidence) -> str:
    shares, uniqueness = removable(e), baseline(e, "held_out_r2")
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
    home = baseline(e, "probe_accuracy")
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
            ours = small.best(small.infomax())
            rival = large.best(large.rivals(ours))
            gain = mean_interval(differences(large.of(rival), small.of(rival), large.name)).scaled(
                100
            )
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
    dependence = baseline(e, "hsic")
    named = _related(by_method(e, "factors", "named_units"), "{} with", dependence, "HSIC")
    gap = _related(by_method(e, "factors", "mig"), "{} with", dependence, "it")
    return (
        "With more units than classes, units can have names only if several share a class, and "
        f"units that share a class depend on each other. The share of units with a name {named}; "
        f"the mutual information gap, for which one unit has to hold a factor alone, {gap}."
    )


_WORDS = {"002.12": _pruned, "002.13": _transferred, "002.14": _widened, "002.15": _named}
