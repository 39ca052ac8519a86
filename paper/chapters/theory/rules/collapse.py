"""Rules for source 001: which units survive training, and what keeps a layer from collapsing."""

import numpy as np
import pandas as pd

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import mean_interval
from paper.chapters.theory.experiment import COLLAPSE, STARTS, cell
from paper.chapters.theory.rules.parts import most_seeds, with_columns
from paper.judging.claims import Finding, Part, below, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import percent

#: A unit whose variance is below this share of the mean is dead by scale.
DEAD_BY_SCALE = 0.01
#: Two rows with a larger cosine are copies.
COPIES = 0.99
#: A scale that grows by less than this while the epochs double has come to rest.
AT_REST = 0.05
#: A winner that takes less than this share of the samples does not win always.
ALWAYS = 0.5


def collapsed(runs: pd.DataFrame) -> pd.Series:
    """Whether each run has a dead unit, one that hardly varies, or two copies."""
    return (
        (runs["dead_units"] >= 1)
        | (runs["min_relative_variance"] < DEAD_BY_SCALE)
        | (runs["max_cosine"] > COPIES)
    )


@claim(
    "001.6",
    place="Why InfoMax is Right: Prevents collapse",
    statement="InfoMax requires all prototypes to be active and informative.",
    test="Units whose activation is silent after training with InfoMax, without and with softmax; "
    "control: the LSE term alone, without InfoMax.",
    rule="No silent unit in at least 9 of 10 seeds (fails at 1 of 10 or fewer): (a) without "
    "softmax, (b) with softmax; (c) control: with the LSE term alone at least 9 of 10 seeds have "
    "a dead unit, one whose variance is below 1 % of the mean, or two rows with cosine above "
    "0.99. (a) and (b) are decisive.",
)
def keeps_units_active(e: Evidence) -> Finding:
    def active(mechanism: str) -> pd.Series:
        return e.values("silent_units", **cell(mechanism, "InfoMax")) < 1

    return finding(
        [
            most_seeds("(a) no silent unit, none (A)", active("none (A)")),
            most_seeds("(b) no silent unit, softmax (B)", active("softmax (B)")),
            measured(
                "(c) LSE alone collapses",
                lambda: _collapses(e, "(c) LSE alone collapses"),
                decisive=False,
            ),
        ]
    )


@claim(
    "001.13",
    place="Connection to Volume Control",
    statement="InfoMax is the volume control: it prevents both collapse modes, and no additional "
    "regularization is needed.",
    test="The LSE term alone, with the variance term, with decorrelation, with both; collapse of "
    "units and growth of the weights.",
    rule="A run has collapsed if it has a dead unit, a unit with less than 1 % of the mean "
    "variance, or two rows with cosine above 0.99. (a) LSE alone collapses in at least 9 of 10 "
    "seeds; (b) with both terms at least 9 of 10 do not; (c) volume: with both terms the mean row "
    "norm grows by less than 5 % per doubling of the epochs at the end. (b) and (c) are decisive.",
)
def volume_control(e: Evidence) -> Finding:
    both = _at_longest(e, "LSE + both")
    last = e.longest(**COLLAPSE["LSE + both"])
    early = max((t for t in e.measured_epochs("row_norm", **both) if 0 < t <= last / 2), default=0)
    if not early:
        raise MissingEvidence("row norms before the second half of training")
    growth = e.at_epoch("row_norm", last, **both) / e.at_epoch("row_norm", early, **both)
    doublings = np.log2(last / early)
    per_doubling = mean_interval(growth ** (1 / doublings) - 1)
    return finding(
        [
            _collapses(e, "(a) LSE alone collapses"),
            most_seeds("(b) both terms, no collapse", ~collapsed(_collapse_runs(e, "LSE + both"))),
            Part(
                f"(c) growth of ‖w‖ per doubling, epochs {early} to {last}",
                below(per_doubling, AT_REST),
                f"{percent(per_doubling)} against 5 %",
            ),
        ]
    )


def _collapses(e: Evidence, name: str) -> Part:
    """Holds when the LSE term alone collapses in most seeds."""
    return most_seeds(name, collapsed(_collapse_runs(e, "LSE alone")), decisive=False)


def _at_longest(e: Evidence, name: str) -> dict[str, object]:
    condition = COLLAPSE[name]
    return {**condition, "epochs": e.longest(**condition)}


def _collapse_runs(e: Evidence, name: str) -> pd.DataFrame:
    runs = e.select(**_at_longest(e, name))
    return with_columns(runs, "dead_units", "min_relative_variance", "max_cosine")


@claim(
    "001.14",
    place="Connection to Volume Control",
    statement="Winner-take-all is blocked by the TC term.",
    test="Softmax layers that start with one unit winning every sample: trained with both terms, "
    "without the TC term, and with the TC term alone.",
    rule="A layer has escaped when no unit wins half of the test samples and the output "
    "correlation is below twice the simplex floor. (a) with both terms at least 9 of 10 seeds "
    "escape; (b) without the TC term at least 9 of 10 do not; (c) with it alone at least 9 of 10 "
    "do. (b) and (c), which say that it is the TC term, are decisive.",
)
def winner_blocked(e: Evidence) -> Finding:
    def escaped(name: str) -> pd.Series:
        runs = with_columns(e.select(**STARTS[name]), "largest_share", "output_correlation")
        floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
        return (runs["largest_share"] < ALWAYS) & (runs["output_correlation"] < 2 * floor)

    return finding(
        [
            most_seeds("(a) escapes, both terms", escaped("winner, both terms"), decisive=False),
            most_seeds("(b) stays without TC", ~escaped("winner, variance")),
            most_seeds("(c) escapes with TC alone", escaped("winner, decorrelation")),
        ]
    )


@claim(
    "001.15",
    place="Connection to Volume Control",
    statement="Dead units are blocked by the marginal entropy term.",
    test="Layers without competition of which half of the units start silent: with ReLU, whose "
    "silent units have no gradient; with leaky ReLU, whose have a small one; and with leaky ReLU "
    "without the entropy term.",
    rule="(a) ReLU, both terms: at least 9 of 10 seeds end without a dead unit; (b) leaky ReLU, "
    "both terms: at least 9 of 10 end with every unit's variance above 1 % of the mean; (c) "
    "leaky ReLU without the entropy term: at least 9 of 10 do not. (a) and (b) are decisive.",
)
def dead_blocked(e: Evidence) -> Finding:
    def varied(name: str) -> pd.Series:
        return e.values("min_relative_variance", **STARTS[name]) > DEAD_BY_SCALE

    alive = e.values("dead_units", **STARTS["dead, both terms"]) < 1
    return finding(
        [
            most_seeds("(a) ReLU revived", alive),
            most_seeds("(b) leaky ReLU revived", varied("dead, leaky, both terms")),
            most_seeds(
                "(c) leaky ReLU not, without entropy",
                ~varied("dead, leaky, decorrelation"),
                decisive=False,
            ),
        ]
    )
