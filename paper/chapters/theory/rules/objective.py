"""Rules for source 001: what InfoMax penalises, and how it is computed.

A further table, ``cost`` (objective, operations), says what one evaluation costs.
"""

from collections.abc import Mapping

import pandas as pd

from infomax_lib.stats import EXACT, format_exact, format_number, mean_interval
from paper.chapters.theory.experiment import BATCHES, cell
from paper.chapters.theory.rules.parts import MARGIN, case, disproved, proved, rises, vanishes
from paper.judging.claims import Finding, Part, above, below, claim, finding, inside, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import (
    part_above,
    part_below,
    part_similar,
    percent,
    relative_difference,
)


@claim(
    "001.2",
    place="InfoMax as the Answer",
    statement="−Σ H(zⱼ) + λ TC(z) is, equivalently, minus the joint entropy.",
    test="Two Gaussian units at λ = 1/2, 1 and 2, exactly; for the proxy −Σ log Var + λ‖R−I‖² the "
    "ratio of −log det R to ‖R−I‖²/2 in layers trained without competition, which is 1 where "
    "λ_tc = 1/2 is (twice) the joint entropy.",
    rule="(a) at λ = 1 the two differ by at most 1e-9, and the identity of random covariances "
    "holds; (b) at λ = 1/2 and 2 they differ by at most 1e-9 too; (c) the proxy: the ratio in "
    "trained layers is within 1 ± 10 %. (a) and (b) are decisive.",
)
def joint_entropy(e: Evidence) -> Finding:
    others = [abs(case(e, f"joint_entropy_{value:g}")) for value in (0.5, 2.0)]
    a = cell("none (A)", "InfoMax")
    ratio = mean_interval(2 * e.values("log_det", **a) / e.values("output_correlation", **a))
    return finding(
        [
            vanishes(e, "joint_entropy_1", "(a) λ = 1"),
            proved(e, "(a) λ = 1, any covariance", "joint_entropy"),
            Part(
                "(b) any λ",
                max(others) <= EXACT,
                f"{' and '.join(map(format_number, others))} nats at λ = 1/2 and 2",
            ),
            Part(
                "(c) λ_tc = 1/2 in the proxy",
                inside(ratio, 1 - MARGIN, 1 + MARGIN),
                f"{ratio} against 1 ± 10 %",
                decisive=False,
            ),
        ]
    )


@claim(
    "001.3",
    place="Why InfoMax is Right: Prevents collapse",
    statement="A dead prototype has zero variance and zero entropy, which hurts the objective.",
    test="Entropy of a Gaussian unit of vanishing variance; value of the entropy proxy at a dead "
    "unit.",
    rule="(a) zero entropy: at variance 1e-12 it is within ±0.1 nats of 0 (it fails if below −10: "
    "differential entropy has no lower bound); (b) penalised: the identity holds by which a dead "
    "unit costs −log ε, 13.8 for ε = 1e-6. (b) is decisive.",
)
def dead_is_penalised(e: Evidence) -> Finding:
    entropy = case(e, "dead_entropy")
    zero = True if abs(entropy) <= 0.1 else False if entropy < -10 else None
    return finding(
        [
            Part("(a) zero entropy", zero, f"{format_number(entropy)} nats", decisive=False),
            proved(e, "(b) penalised", "dead_unit"),
        ]
    )


@claim(
    "001.4",
    place="Why InfoMax is Right: Prevents collapse",
    statement="A dominant prototype, which always wins, raises total correlation.",
    test="Value of the TC term on z when one unit's z is raised above all others; on one-hot "
    "responsibilities, exact total correlation and the proxy when one unit wins 99 % of the "
    "samples instead of 1/K.",
    rule="Each rises by more than 0.01: (a) ‖R−I‖² of z, where the source puts its loss; (b) "
    "exact total correlation of the responsibilities; (c) ‖R−I‖² of the responsibilities. All "
    "are decisive.",
)
def dominant_raises_tc(e: Evidence) -> Finding:
    return finding(
        [
            rises(e, "dominant_correlation", "(a) ‖R−I‖² of z", 0.01),
            rises(e, "dominant_exact", "(b) exact TC of responsibilities", 0.01),
            rises(e, "dominant_proxy", "(c) ‖R−I‖² of responsibilities", 0.01),
        ]
    )


@claim(
    "001.5",
    place="Why InfoMax is Right: Prevents redundancy",
    statement="Two prototypes that measure the same thing raise TC: redundancy is directly "
    "penalised.",
    test="Value of ‖R−I‖² and of −log det R at copies, and the gradient of the former that would "
    "drive two exact copies apart.",
    rule="The identities hold by which (a) two copies add 2 to ‖R−I‖² and (b) log(Var/2ε) to "
    "−log det R; (c) the gradient that separates exact copies is above 1e-6. (a) and (b) are "
    "decisive.",
)
def copies_raise_tc(e: Evidence) -> Finding:
    return finding(
        [
            proved(e, "(a) rise of ‖R−I‖²", "two_copies"),
            proved(e, "(b) rise of −log det R", "two_copies_log_det"),
            rises(e, "copy_gradient", "(c) gradient between copies", 1e-6, decisive=False),
        ]
    )


@claim(
    "001.16",
    place="Practical Computation: Gaussian assumption",
    statement="For Gaussian z, H = ½ log det Cov + const, TC reduces to correlations, and the "
    "loss becomes −log det C + λ‖C − diag C‖².",
    test="The identities against quadrature; how the printed loss weighs dependence; what its "
    "second term does under a change of scale.",
    rule="(a) the Gaussian entropy and (b) TC = −½ log det R hold if their identities do (1e-9); "
    "(c) the printed loss weighs TC by λ: fails if the identity holds by which log det counts it "
    "once more; (d) its second term measures dependence: fails if the identity holds by which it "
    "grows with the fourth power of scale. All are decisive.",
)
def gaussian_loss(e: Evidence) -> Finding:
    return finding(
        [
            proved(e, "(a) entropy", "gaussian_entropy"),
            proved(e, "(b) total correlation", "gaussian_total_correlation"),
            disproved(e, "(c) TC counted once", "log_det_splits", "counted_twice"),
            disproved(e, "(d) measures dependence", "covariance_penalty_knows_scale"),
        ]
    )


@claim(
    "001.17",
    place="Practical Computation: Decorrelation proxy",
    statement="‖CᵀC − I‖² on normalised columns is Barlow Twins, and catches most redundancy.",
    test="On held-out outputs of layers without competition: the two-view loss of Barlow Twins "
    "against the one-view proxy; the share of HSIC that Gaussian units with the same correlations "
    "would have; what training on the proxy leaves of HSIC.",
    rule="(a) is Barlow Twins: on layers trained by InfoMax the two losses are within ±10 %; (b) "
    "in untrained layers correlation explains more than half of the HSIC above its floor; (c) "
    "InfoMax training leaves less than half of the untrained layer's HSIC above its floor. (a) "
    "and (b) are decisive.",
)
def barlow_twins(e: Evidence) -> Finding:
    trained = cell("none (A)", "InfoMax")
    untrained = {**trained, "epochs": 0}

    def excess(condition: Mapping[str, object]) -> pd.Series:
        return e.values("hsic", **condition) - e.values("hsic_floor", **condition)

    gap = e.values("view_loss", **trained) - e.values("output_correlation", **trained)
    relative = mean_interval(gap / e.values("output_correlation", **trained))
    explained = mean_interval(e.values("hsic_linear", **untrained) / excess(untrained))
    left = mean_interval((excess(trained) / excess(untrained)).dropna())
    return finding(
        [
            part_similar("(a) two views − one view", relative, MARGIN),
            Part(
                "(b) HSIC explained by correlation",
                above(explained, 0.5),
                f"{percent(explained)} against 50 %",
            ),
            Part(
                "(c) HSIC left after training",
                below(left, 0.5),
                f"{percent(left)} against 50 %",
                decisive=False,
            ),
        ]
    )


@claim(
    "001.18",
    place="Practical Computation: HSIC",
    statement="HSIC is more thorough, and more expensive.",
    test="Layers trained with HSIC in place of ‖R−I‖², paired: HSIC on test images, without and "
    "with softmax; floating-point operations in the matrix products of one loss and its gradient, "
    "K = 16 and batches of 128.",
    rule="(a) without competition the difference in HSIC is below 0; (b) with softmax too; (c) it "
    "takes more than twice the operations. (a) and (c) are decisive.",
)
def hsic_thorough(e: Evidence) -> Finding:
    def gap(name: str, mechanism: str, decisive: bool) -> Part:
        difference = e.difference("hsic", cell(mechanism, "HSIC"), cell(mechanism, "InfoMax"))
        return part_below(name, difference, 0.0, decisive)

    softmax = "(b) HSIC, softmax (B)"
    cost = e.table("cost", ["objective", "operations"]).set_index("objective")["operations"]
    absent = [name for name in ("infomax", "hsic") if name not in cost.index]
    if absent:
        raise MissingEvidence(f"the cost of {', '.join(absent)}")
    ratio = float(cost["hsic"] / cost["infomax"])
    return finding(
        [
            gap("(a) HSIC, none (A)", "none (A)", True),
            measured(softmax, lambda: gap(softmax, "softmax (B)", False), decisive=False),
            Part("(c) operations over InfoMax's", ratio > 2, f"{format_number(ratio)} against 2"),
        ]
    )


@claim(
    "001.19",
    place="Batch Dependence",
    statement="InfoMax needs batch statistics, and this is unavoidable: a single sample cannot "
    "say whether a prototype is used by other inputs.",
    test="Small batches against large ones; and whether the same loss can be had without any "
    "batch: for a linear layer Cov(z) = W Cov(x) Wᵀ, and the moments of x can be gathered one "
    "sample at a time.",
    rule="(a) the batch matters: the TC term on training batches is higher with batches of 32 "
    "than of 512, paired; (b) so does what is learned: redundancy differs by more than 10 %; (c) "
    "unavoidable: the covariance from the moments of x differs from the batch's by more than "
    "1e-9 (it fails if not). (a) and (c) are decisive.",
)
def batch_statistics(e: Evidence) -> Finding:
    small, large = (cell("none (A)", "InfoMax", batch_size=n) for n in BATCHES)
    bias = e.difference("train_tc", small, large)
    redundancy = relative_difference(e, "weight_redundancy", small, large)
    same = inside(redundancy, -MARGIN, MARGIN)
    differs = None if same is None else not same
    error = abs(case(e, "moments"))
    return finding(
        [
            part_above("(a) TC term, batches of 32 less 512", bias, 0.0),
            Part("(b) redundancy, relative difference", differs, percent(redundancy), False),
            Part(
                "(c) no way without batches",
                error > EXACT,
                f"Cov(z) − W Cov(x) Wᵀ is {format_exact(error)}",
            ),
        ]
    )
