"""Rules for source 001: what InfoMax penalises, and how it is computed.

A further table, ``cost`` (objective, operations), says what one evaluation costs.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from infomax_lib.stats import EXACT, format_exact, format_number, mean_interval
from paper.chapters.theory.experiment import BATCHES, PRESSURES, cell
from paper.chapters.theory.rules.parts import (
    MARGIN,
    NOTHING_RANDOM,
    RISE,
    case,
    counterexample,
    rises,
    settled,
    theorem,
    vanishes,
)
from paper.judging.claims import (
    Finding,
    Part,
    bar_passed,
    claim,
    decided,
    disproved,
    finding,
    measured,
)
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import (
    UNCORRELATED,
    part_above,
    part_below,
    part_different,
    part_similar,
    relative_difference,
)

#: Most of something is more than this share of it; a twentieth of it makes no difference.
HALF, SHARE = 0.5, 0.05
#: HSIC beyond a whole sampling floor counts as dependence, as in "below twice the floor"; a quarter
#: of the floor makes no difference.
FLOOR, FLOOR_STEP = 1.0, 0.25
#: What is called more expensive takes more than this many times the operations.
DEARER = 2.0


@claim(
    "001.2",
    place="InfoMax as the Answer",
    quote="Equivalently: maximize joint entropy H(z₁, ..., zₖ).",
    statement="−Σ H(zⱼ) + λ TC(z) equals minus the joint entropy.",
    test="Two Gaussian units at λ = 1/2, 1 and 2, exactly; for the proxy −Σ log Var + λ‖R−I‖² the "
    "ratio of −log det R to ‖R−I‖²/2 in layers trained without competition, which is 1 where "
    "λ_tc = 1/2 is (twice) the joint entropy.",
    rule="(a) At λ = 1/2 and 2 the two differ by at most 1e-9: proved; by more: disproved. That "
    "they do not differ at λ = 1, (b) for the two units (1e-9) and (c) for random covariances, and "
    "(d) that in the proxy the ratio in trained layers is within 1 ± 10 %, inform.",
    decisive="(a) the difference between the objective and minus the joint entropy at values of λ "
    "other than 1, since the source leaves λ free.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="The source's formula has a free λ, so that one value of λ at which it is not the "
    "joint entropy contradicts the equality. That it holds at λ = 1 is proved, and informs.",
)
def joint_entropy(e: Evidence) -> Finding:
    others = [abs(case(e, f"joint_entropy_{value:g}")) for value in (0.5, 2.0)]
    shown = f"{' and '.join(map(format_exact, others))} nats at λ = 1/2 and 2"
    one, covariances = "(b) λ = 1", "(c) λ = 1, any covariance"
    proxy = "(d) λ_tc = 1/2 in the proxy, ratio less 1"
    return finding(
        [
            settled("(a) any λ", max(others) <= EXACT, shown),
            measured(one, lambda: vanishes(e, "joint_entropy_1", one, False), False),
            measured(
                covariances,
                lambda: theorem(e, covariances, "joint_entropy", decisive=False),
                False,
            ),
            measured(proxy, lambda: _proxy_ratio(e, proxy), False),
        ]
    )


def _proxy_ratio(e: Evidence, name: str) -> Part:
    """Whether ‖R−I‖²/2 of trained layers is their −log det R."""
    a = cell("none (A)", "InfoMax")
    ratio = 2 * e.values("log_det", **a) / e.values("output_correlation", **a)
    return part_similar(name, mean_interval(ratio - 1), MARGIN, decisive=False)


@claim(
    "001.3",
    place="Why InfoMax is Right: Prevents collapse",
    quote="A dead prototype (always large distance) has zero variance. H(zⱼ) = 0. Hurts the "
    "objective.",
    statement="A dead unit has zero entropy and is penalised.",
    test="Value of the entropy proxy at a dead unit; entropy of a Gaussian unit of vanishing "
    "variance.",
    rule="(a) penalised: proved if the identity holds by which a dead unit costs −log ε, 13.8 for "
    "ε = 1e-6. (b) That its entropy is zero, within ±0.1 nats at variance 1e-12, informs.",
    decisive="(a) what a unit without variance costs in the objective.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="The penalty decides, which is what the passage concludes; that differential entropy "
    "has no lower bound, and is far below zero at a dead unit, informs. (The penalty has no "
    "gradient where a unit is exactly dead.)",
)
def dead_is_penalised(e: Evidence) -> Finding:
    zero = "(b) zero entropy"

    def no_entropy() -> Part:
        entropy = case(e, "dead_entropy")
        return settled(zero, abs(entropy) <= 0.1, f"{format_number(entropy)} nats", False)

    return finding(
        [theorem(e, "(a) penalised", "dead_unit"), measured(zero, no_entropy, decisive=False)]
    )


@claim(
    "001.4",
    place="Why InfoMax is Right: Prevents collapse",
    quote="A dominant prototype (always wins) makes other outputs deterministic given it. TC "
    "increases. Hurts the objective.",
    statement="A dominant unit, which always wins, raises total correlation.",
    test="Value of the TC term on z when one unit's z is raised above all others; on one-hot "
    "responsibilities, exact total correlation and the proxy when one unit wins 99 % of the "
    "samples instead of 1/K.",
    rule="(a) ‖R−I‖² of z, where the source puts its loss, rises by more than 0.01: proved; it "
    "does not: disproved. (b) That the exact total correlation of the responsibilities does and "
    "(c) that their ‖R−I‖² does inform.",
    decisive="(a) rise of the TC term on z when one unit is raised so that it always wins.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="The source says that its loss operates on z before the softmax, so that the term on z "
    "decides; a unit that is raised there is a counterexample. Responsibilities, of which the "
    "exact total correlation and its proxy say opposite things, inform.",
)
def dominant_raises_tc(e: Evidence) -> Finding:
    further = {
        "(b) exact TC of responsibilities": "dominant_exact",
        "(c) ‖R−I‖² of responsibilities": "dominant_proxy",
    }
    return finding(
        [
            rises(e, "dominant_correlation", "(a) ‖R−I‖² of z", RISE),
            *(
                measured(label, partial(rises, e, name, label, RISE, False), False)
                for label, name in further.items()
            ),
        ]
    )


@claim(
    "001.5",
    place="Why InfoMax is Right: Prevents redundancy",
    quote="Two prototypes measuring the same thing have correlated outputs. TC increases. Directly "
    "penalized.",
    statement="Two copies raise TC: redundancy is directly penalised.",
    test="Value of ‖R−I‖² and of −log det R at copies, and the gradient of the former that would "
    "drive two exact copies apart.",
    rule="(a) proved if the identities hold by which two copies add 2 to ‖R−I‖² and log(Var/2ε) to "
    "−log det R. (b) That the gradient which separates exact copies is above 1e-6 informs.",
    decisive="(a) what two copies add to the TC term.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="The value decides, which is what the source speaks of, in one part for both forms of "
    "the term. That exact copies are not driven apart, since correlation is at its maximum there, "
    "informs.",
)
def copies_raise_tc(e: Evidence) -> Finding:
    apart = "(b) gradient between copies"
    return finding(
        [
            theorem(e, "(a) rise of ‖R−I‖² and of −log det R", "two_copies", "two_copies_log_det"),
            measured(apart, lambda: rises(e, "copy_gradient", apart, 1e-6, False), False),
        ]
    )


@claim(
    "001.16",
    place="Practical Computation: Gaussian assumption",
    quote="Loss becomes: -log det(C) + λ ||C - diag(C)||²",
    statement="For Gaussian z, H = ½ log det Cov + const, and the loss becomes "
    "−log det C + λ‖C − diag C‖².",
    test="The identities against quadrature; how the printed loss weighs dependence, and what its "
    "second term does under a change of scale.",
    rule="(a) the printed loss is −ΣH + λ TC of Gaussian units: disproved if the identities hold "
    "by which its log det counts TC once more, beside λ, and its second term grows with the fourth "
    "power of scale, which no total correlation does. (b) The Gaussian entropy and (c) "
    "TC = −½ log det R, proved if their identities hold (1e-9), inform.",
    decisive="(a) the printed loss against the loss that follows for Gaussian units.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="The loss decides, which is what the passage arrives at and would have one minimise; "
    "the textbook identities that it starts from are proved, and inform.",
)
def gaussian_loss(e: Evidence) -> Finding:
    further = {
        "(b) entropy": "gaussian_entropy",
        "(c) total correlation": "gaussian_total_correlation",
    }
    return finding(
        [
            counterexample(
                e,
                "(a) the printed loss",
                "log_det_splits",
                "counted_twice",
                "covariance_penalty_knows_scale",
            ),
            *(
                measured(label, partial(theorem, e, label, name, decisive=False), decisive=False)
                for label, name in further.items()
            ),
        ]
    )


def _excess(e: Evidence, condition: Mapping[str, object]) -> pd.Series:
    """HSIC above its sampling floor, by seed."""
    return e.values("hsic", **condition) - e.values("hsic_floor", **condition)


@claim(
    "001.17",
    place="Practical Computation: Decorrelation proxy",
    quote="This is Barlow Twins. Tractable. Catches most redundancy.",
    statement="‖CᵀC − I‖² on normalised columns is Barlow Twins, and catches most redundancy.",
    test="On held-out outputs of layers without competition: the share of HSIC that Gaussian units "
    "with the same correlations would have, before training; what training on the proxy leaves of "
    "HSIC; the one-view proxy against the two-view loss of Barlow Twins.",
    rule="(a) in untrained layers correlation explains more than half of the HSIC above its "
    "sampling floor: supported; less: not supported. (b) That InfoMax training leaves less than "
    "half of the untrained layer's HSIC above its floor, (c) that with equal views Barlow Twins is "
    "the proxy (identities), and (d) that on trained layers the losses of two views and of one are "
    "within ±10 % inform.",
    decisive="(a) share of the dependence (HSIC above its floor) of an untrained layer that its "
    "correlations explain.",
    smallest="A twentieth of the dependence (0.05): less would not change what one calls most.",
    before="mixed",
    amended="How much it catches decides. Its name does not: Barlow Twins has two views; its "
    "loss is the proxy where they are equal, which is proved, and is measured on other inputs "
    "where they are not. What training leaves informs, since it depends on the weight of the term.",
)
def barlow_twins(e: Evidence) -> Finding:
    trained = cell("none (A)", "InfoMax")
    untrained = {**trained, "epochs": 0}
    explained = mean_interval(e.values("hsic_linear", **untrained) / _excess(e, untrained))
    left = "(b) HSIC left after training"
    equal, two = "(c) Barlow Twins of equal views", "(d) two views − one view"

    def left_over() -> Part:
        ratio = mean_interval((_excess(e, trained) / _excess(e, untrained)).dropna())
        return decided(left, Decision(ratio, "below", HALF, SHARE), False, 100, "%")

    def two_views() -> Part:
        one = e.values("output_correlation", **trained)
        gap = mean_interval((e.values("view_loss", **trained) - one) / one)
        return part_similar(two, gap, MARGIN, decisive=False)

    names = ("barlow_twins_of_equal_views", "column_normalised")
    return finding(
        [
            decided(
                "(a) HSIC explained by correlation",
                Decision(explained, "above", HALF, SHARE),
                scale=100,
                unit="%",
            ),
            measured(left, left_over, decisive=False),
            measured(equal, lambda: theorem(e, equal, *names, decisive=False), decisive=False),
            measured(two, two_views, decisive=False),
        ]
    )


@claim(
    "001.18",
    place="Practical Computation: HSIC",
    quote="More expensive. More thorough.",
    statement="HSIC is more thorough and more expensive.",
    test="HSIC of layers trained on the proxy, beyond what their correlations explain; "
    "floating-point operations in the matrix products of one loss and its gradient, K = 16 and "
    "batches of 128; HSIC of layers trained with it in place of ‖R−I‖², paired (5 seeds).",
    rule="In units of the sampling floor of HSIC: (a) more thorough: in layers trained by InfoMax "
    "without competition, HSIC above its floor, less that of Gaussian units of the same "
    "correlations, is above 1 (refuted if below 0); (b) more expensive: it takes more than twice "
    "the operations. Both are decisive. (c) That layers trained with HSIC have less of it above "
    "its floor than those of the proxy, each at the λ of 1, 10 and 100 that leaves least, without "
    "and (d) with softmax, informs.",
    decisive="Two, since the source says two things: (a) dependence that HSIC shows and "
    "correlation does not, in layers whose correlations were minimised, and (b) operations of one "
    "evaluation over those of the proxy.",
    smallest="A quarter of the sampling floor, which is what independent units show by chance: a "
    "fraction of chance is no dependence to speak of. Nothing is random in (b).",
    before="mixed",
    amended="Thorough is a measure that sees what another misses. Training with it had decided, "
    "at one weight of the term only, which means another balance with the variance for each of "
    "the two: it informs, and since at the best of three weights; the floor, which differs "
    "between these, is taken off of both.",
)
def hsic_thorough(e: Evidence) -> Finding:
    proxy = cell("none (A)", "InfoMax")
    floors = e.values("hsic_floor", **proxy)
    missed = mean_interval((_excess(e, proxy) - e.values("hsic_linear", **proxy)) / floors)
    cost = e.table("cost", ["objective", "operations"]).set_index("objective")["operations"]
    absent = [name for name in ("infomax", "hsic") if name not in cost.index]
    if absent:
        raise MissingEvidence(f"the cost of {', '.join(absent)}")
    ratio = float(cost["hsic"] / cost["infomax"])
    training = {
        "(c) trained with HSIC less with the proxy, none (A)": "none (A)",
        "(d) trained with HSIC less with the proxy, softmax (B)": "softmax (B)",
    }
    return finding(
        [
            part_above(
                "(a) HSIC that correlation misses, in floors",
                missed,
                FLOOR,
                FLOOR_STEP,
                neutral=0.0,
            ),
            bar_passed(
                "(b) operations over InfoMax's", ratio > DEARER, f"{format_number(ratio)} against 2"
            ),
            *(
                measured(name, partial(_trained_gap, e, name, mechanism), decisive=False)
                for name, mechanism in training.items()
            ),
        ]
    )


def _trained_gap(e: Evidence, name: str, mechanism: str) -> Part:
    """Whether layers trained with HSIC have less of it above its floor than the proxy's, in floors.

    The floor grows where units fire rarely, as they do at large weights.
    """
    by_hsic, proxy = (least_hsic(e, mechanism, objective) for objective in ("HSIC", "InfoMax"))
    gap = _excess(e, by_hsic) - _excess(e, proxy)
    ratio = mean_interval((gap / e.values("hsic_floor", **proxy)).dropna())
    part = part_below(name, ratio, 0.0, FLOOR_STEP, neutral=0.0, decisive=False)
    weights = " and ".join(f"{condition['lambda_tc']:g}" for condition in (by_hsic, proxy))
    return replace(part, text=f"{part.text} (λ = {weights})")


def least_hsic(e: Evidence, mechanism: str, objective: str) -> dict[str, object]:
    """The cell of an objective at the weight that leaves least HSIC above its floor."""
    cells = {weight: cell(mechanism, objective, lambda_tc=weight) for weight in PRESSURES}
    left = pd.DataFrame({weight: _excess(e, c) for weight, c in cells.items()}).dropna()
    return cells[left.mean().idxmin()]


@claim(
    "001.19",
    place="Batch Dependence",
    quote='This is unavoidable. Collapse prevention requires knowing: "is this prototype used by '
    "other inputs?\" A single sample can't answer that.",
    statement="Batch statistics are unavoidable.",
    test="Whether the same loss can be had without any batch: for a linear layer "
    "Cov(z) = W Cov(x) Wᵀ, and the moments of x can be gathered one sample at a time. Small "
    "batches against large ones.",
    rule="(a) disproved if the covariance from the moments of x differs from the batch's by at "
    "most 1e-9, which is a way without batches. (b) That the TC term on training batches is higher "
    "with batches of 32 than of 512, paired, and (c) that redundancy differs by more than 10 % in "
    "either direction inform.",
    decisive="(a) the covariance of z from moments of x that were gathered sample by sample, "
    "against that of the batch.",
    smallest=NOTHING_RANDOM,
    before="mixed",
    amended="“Unavoidable” is contradicted by one way round it, and that was constructed. That "
    "small batches matter is another statement, of which a part is the bias of the estimate: the "
    "loss of a batch of 32 is no loss of the population.",
)
def batch_statistics(e: Evidence) -> Finding:
    small, large = (cell("none (A)", "InfoMax", batch_size=n) for n in BATCHES)
    error = abs(case(e, "moments"))
    bias, learned = "(b) TC term, batches of 32 less 512", "(c) redundancy, batches of 32 less 512"
    return finding(
        [
            disproved(
                "(a) no way without batches",
                error <= EXACT,
                f"Cov(z) − W Cov(x) Wᵀ is {format_exact(error)}",
            ),
            measured(
                bias,
                lambda: part_above(
                    bias,
                    e.difference("train_tc", small, large),
                    0.0,
                    UNCORRELATED,
                    neutral=0.0,
                    decisive=False,
                ),
                decisive=False,
            ),
            measured(
                learned,
                lambda: part_different(
                    learned,
                    relative_difference(e, "weight_redundancy", small, large),
                    MARGIN,
                    decisive=False,
                ),
                decisive=False,
            ),
        ]
    )
