"""Rules for source 001: which units survive training, and what keeps a layer from collapsing."""

import numpy as np
import pandas as pd

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import mean_interval
from paper.chapters.theory.experiment import COLLAPSE, STARTS, cell
from paper.chapters.theory.rules.parts import (
    NOTHING_RANDOM,
    ONE_SEED_IN_TEN,
    RISE,
    counterexample,
    most_seeds,
    rises,
    theorem,
    with_columns,
)
from paper.judging.claims import Finding, Part, claim, decided, finding, measured
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence

#: A unit whose variance is below this share of the mean is dead by scale.
DEAD_BY_SCALE = 0.01
#: Two rows with a larger cosine are copies.
COPIES = 0.99
#: A scale that grows by less than this while the epochs double has come to rest, and the
#: difference of growth that matters beside it.
AT_REST, GROWTH = 0.05, 0.01
#: A unit that wins this share of the samples takes all.
ALWAYS = 0.5


def dead(runs: pd.DataFrame) -> pd.Series:
    """Whether each run has a unit that hardly fires or hardly varies."""
    return (runs["dead_units"] >= 1) | (runs["min_relative_variance"] < DEAD_BY_SCALE)


def collapsed(runs: pd.DataFrame) -> pd.Series:
    """Whether each run has a dead unit, one that hardly varies, or two copies."""
    return dead(runs) | (runs["max_cosine"] > COPIES)


@claim(
    "001.6",
    place="Why InfoMax is Right: Prevents collapse",
    quote="InfoMax requires all prototypes to be active and informative.",
    statement="InfoMax keeps all units active.",
    test="Units whose activation is silent after training with InfoMax, without and with softmax; "
    "control: the LSE term alone, without InfoMax.",
    rule="(a) Without softmax, no silent unit (one that fires on less than 1 % of the test "
    "samples) in at least 9 of 10 seeds: supported; in 1 of 10 or fewer: refuted; between: at "
    "threshold. (b) The same with softmax, and (c) that the LSE term alone leaves a dead unit, one "
    "whose variance is below 1 % of the mean, or two rows with cosine above 0.99, inform.",
    decisive="(a) seeds in which no unit is silent after training with InfoMax without softmax: "
    "the loss on the activation, where the source puts it.",
    smallest=ONE_SEED_IN_TEN,
    before="supported",
    amended="The statement is that of the list of claims (“keeps”, not “requires”). Only the layer "
    "whose loss is on the activation decides, as the source defines it; softmax before the loss is "
    "source 000's, and informs.",
)
def keeps_units_active(e: Evidence) -> Finding:
    def active(name: str, mechanism: str, decisive: bool) -> Part:
        silent = e.values("silent_units", **cell(mechanism, "InfoMax"))
        return most_seeds(name, silent < 1, decisive)

    softmax, alone = "(b) no silent unit, softmax (B)", "(c) LSE alone collapses"
    return finding(
        [
            active("(a) no silent unit, none (A)", "none (A)", True),
            measured(softmax, lambda: active(softmax, "softmax (B)", False), decisive=False),
            measured(
                alone,
                lambda: most_seeds(alone, collapsed(_collapse_runs(e, "LSE alone")), False),
                decisive=False,
            ),
        ]
    )


@claim(
    "001.13",
    place="Connection to Volume Control",
    quote="InfoMax naturally prevents both collapse modes",
    statement="InfoMax is the volume control: added to the mechanism it prevents both collapse "
    "modes, winner-take-all and dead units, and no other regularization is needed.",
    test="The LSE term alone, and with InfoMax: dead units, and the share of the test samples that "
    "the most frequent winner takes; growth of the weights.",
    rule="A layer has collapsed if it has a dead unit, a unit with less than 1 % of the mean "
    "variance, or a unit that wins at least half of the test samples. (a) The LSE term with "
    "InfoMax: free of both in at least 9 of 10 seeds: supported; in 1 of 10 or fewer: refuted; "
    "between: not supported, or at threshold where the 95 % interval of the share holds 9 of 10. "
    "Each mode by itself, (d) that the LSE term alone collapses, (e) that "
    "the mean row norm grows by less than 5 % per doubling of the epochs at the end, and (f) "
    "whether the loss bounds the scale at all inform.",
    decisive="(a) seeds in which a layer trained with the LSE term and InfoMax is free of both "
    "collapse modes that the source names.",
    smallest=ONE_SEED_IN_TEN,
    before="mixed",
    amended="Collapse is now what the source calls so: a unit that takes all, which the rule had "
    "left out, or a dead one; copies are another of its arguments. Scale, of which the passage "
    "does not speak, informs: its growth over one doubling of the epochs is a snapshot, and that "
    "the loss has no lower bound is a theorem.",
)
def volume_control(e: Evidence) -> Finding:
    runs = with_columns(_collapse_runs(e, "LSE + both"), "largest_share")
    winner = runs["largest_share"] >= ALWAYS
    alone = with_columns(_collapse_runs(e, "LSE alone"), "largest_share")
    alone_collapsed = dead(alone) | (alone["largest_share"] >= ALWAYS)
    growth = "(e) growth of the mean row norm per doubling of the epochs"
    scale = "(f) the loss bounds the scale"
    return finding(
        [
            most_seeds("(a) free of both collapse modes", ~(winner | dead(runs))),
            most_seeds("(b) no unit takes half of the samples", ~winner, False),
            most_seeds("(c) no dead unit", ~dead(runs), False),
            most_seeds("(d) LSE alone collapses", alone_collapsed, False),
            measured(growth, lambda: _growth(e, growth), decisive=False),
            measured(
                scale,
                lambda: counterexample(
                    e, scale, "scale_unbounded", "gradient_along_the_weights", decisive=False
                ),
                decisive=False,
            ),
        ]
    )


def _growth(e: Evidence, name: str) -> Part:
    """How far the scale is from rest in the second half of training."""
    both = _at_longest(e, "LSE + both")
    last = e.longest(**COLLAPSE["LSE + both"])
    early = max((t for t in e.measured_epochs("row_norm", **both) if 0 < t <= last / 2), default=0)
    if not early:
        raise MissingEvidence("row norms before the second half of training")
    growth = e.at_epoch("row_norm", last, **both) / e.at_epoch("row_norm", early, **both)
    per_doubling = mean_interval(growth ** (1 / np.log2(last / early)) - 1)
    decision = Decision(per_doubling, "below", AT_REST, GROWTH)
    return decided(f"{name}, {early} to {last}", decision, False, scale=100, unit="%")


def _at_longest(e: Evidence, name: str) -> dict[str, object]:
    condition = COLLAPSE[name]
    return {**condition, "epochs": e.longest(**condition)}


def _collapse_runs(e: Evidence, name: str) -> pd.DataFrame:
    runs = e.select(**_at_longest(e, name))
    return with_columns(runs, "dead_units", "min_relative_variance", "max_cosine")


@claim(
    "001.14",
    place="Connection to Volume Control",
    quote="Winner-take-all: blocked by TC term",
    statement="Winner-take-all is blocked by the TC term.",
    test="On z, where the source puts its loss: what the TC term gains when one unit's z is raised "
    "by a constant, so that it always wins. Under softmax, where the term can see a winner: layers "
    "that start with one, trained with both terms, without the TC term, and with it alone.",
    rule="(a) The TC term of uncorrelated z rises by more than 0.01 when one unit's z is raised "
    "above all others: proved; it does not: disproved, for then its gradient does not change "
    "either, and no training on it moves that bias. Under softmax a layer has escaped when no unit "
    "wins half of the test samples and the output correlation is below twice the simplex floor; "
    "that at least 9 of 10 seeds escape (b) with both terms and (c) with the TC term alone, and "
    "(d) that at least 9 of 10 do not without it, inform.",
    decisive="(a) rise of the TC term on z when one unit is raised so that it always wins.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="That a term blocks something is a universal statement, which one construction can "
    "contradict: training from a start under softmax, another architecture, decided it before. A "
    "constant changes no covariance, so that a winner by its bias is neither penalised nor moved. "
    "The trained layers inform.",
)
def winner_blocked(e: Evidence) -> Finding:
    def escaped(name: str) -> pd.Series:
        runs = with_columns(e.select(**STARTS[name]), "largest_share", "output_correlation")
        floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
        return (runs["largest_share"] < ALWAYS) & (runs["output_correlation"] < 2 * floor)

    def trained(label: str, name: str, stays: bool = False) -> Part:
        def part() -> Part:
            out = escaped(name)
            return most_seeds(label, ~out if stays else out, decisive=False)

        return measured(label, part, decisive=False)

    return finding(
        [
            rises(e, "dominant_correlation", "(a) the TC term on z sees a winner", RISE),
            trained("(b) softmax, escapes with both terms", "winner, both terms"),
            trained("(c) softmax, escapes with TC alone", "winner, decorrelation"),
            trained("(d) softmax, stays without TC", "winner, variance", stays=True),
        ]
    )


@claim(
    "001.15",
    place="Connection to Volume Control",
    quote="Dead units: blocked by marginal entropy term",
    statement="Dead units are blocked by the marginal entropy term.",
    test="Layers without competition of which half of the units start silent: with leaky ReLU, "
    "whose silent units have a small gradient, with and without the entropy term; and with ReLU, "
    "whose have none, without softmax and with it.",
    rule="A layer is revived if every unit's variance is above 1 % of the mean. (a) With leaky "
    "ReLU it is revived with both terms and not without the entropy term in at least 9 of 10 "
    "seeds: supported; in 1 of 10 or fewer: refuted; between: not supported, or at threshold where "
    "the 95 % interval of the share holds 9 of 10. (b) That ReLU layers end without a dead unit in "
    "at least 9 of 10 seeds, (c) without a silent one under softmax, and (d) that a silent ReLU "
    "has no gradient there either (identity) inform.",
    decisive="(a) seeds in which silent units with a gradient are revived with the entropy term "
    "and are not without it.",
    smallest=ONE_SEED_IN_TEN,
    before="mixed",
    amended="One quantity decides, the difference that the term itself makes. The source's units "
    "have no rectifier: of the starts that were run, leaky ReLU is nearest to that. Under ReLU a "
    "silent unit has no gradient from any loss, whatever its terms, so that this start informs, as "
    "that under softmax does, which was added last.",
)
def dead_blocked(e: Evidence) -> Finding:
    def varied(name: str) -> pd.Series:
        return e.values("min_relative_variance", **STARTS[name]) > DEAD_BY_SCALE

    leaky = pd.concat(
        [varied("dead, leaky, both terms"), ~varied("dead, leaky, decorrelation")],
        axis=1,
        join="inner",
    )
    relu, softmax = "(b) ReLU revived", "(c) ReLU under softmax revived"
    gradient = "(d) no gradient at a silent ReLU"
    return finding(
        [
            most_seeds("(a) leaky ReLU revived, and only with the entropy term", leaky.all(axis=1)),
            measured(
                relu,
                lambda: most_seeds(
                    relu, e.values("dead_units", **STARTS["dead, both terms"]) < 1, False
                ),
                decisive=False,
            ),
            measured(
                softmax,
                lambda: most_seeds(
                    softmax,
                    e.values("silent_units", **STARTS["dead, softmax, both terms"]) < 1,
                    False,
                ),
                decisive=False,
            ),
            measured(gradient, lambda: theorem(e, gradient, "silent_unit", decisive=False), False),
        ]
    )
