"""Rules for source 000, Part 2, third table: SGD and Adam with and without softmax.

The source compares A at λ_tc = 1 with B at λ_tc = 0. The learning-rate grid keeps that choice
(it decides which numbers are comparable); where a part compares A with B at equal λ_tc it uses
the λ_tc grid run with Adam.
"""

import numpy as np

from infomax_lib.stats import Interval, mean_interval, paired_differences
from paper.chapters.optimizer_comparison.scale_growth import negative_curvature
from paper.judging.claims import Finding, Part, above, below, claim, finding, measured
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.published import combine_numbers, compare, number_verdict, table_verdict
from paper.judging.shared_rules import (
    POINT,
    part_above,
    part_below,
    part_similar,
    points,
    relative_difference,
    relu,
    softmax,
)

RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
ARCHITECTURES = {"softmax": softmax(0), "no softmax": relu(1)}
SIMILAR_LOSS = 0.05


def _condition(architecture: str, optimizer: str, rate: float) -> dict[str, object]:
    return {**ARCHITECTURES[architecture], "optimizer": optimizer, "learning_rate": rate}


def _diverged(e: Evidence, condition: dict[str, object]) -> float:
    """Share of the seeds that diverged."""
    return float(e.select(**condition)["diverged_at"].notna().mean())


def _works(e: Evidence, condition: dict[str, object]) -> bool:
    """Whether at most one seed in ten diverged."""
    return _diverged(e, condition) <= 0.1


def _best_rate(e: Evidence, architecture: str, optimizer: str, metric: str) -> float:
    """The learning rate with the best mean of ``metric`` among those that do not diverge."""
    sign = 1 if metric == "probe_accuracy" else -1
    usable = [r for r in RATES if _works(e, _condition(architecture, optimizer, r))]
    if not usable:
        raise MissingEvidence(f"a learning rate at which {optimizer}, {architecture}, converges")
    return max(
        usable,
        key=lambda r: sign * e.interval(metric, **_condition(architecture, optimizer, r)).mean,
    )


def _probe_gap(e: Evidence, architecture: str, adam_rate: float, sgd_rate: float) -> Interval:
    """Probe accuracy of Adam minus SGD, paired."""
    return e.difference(
        "probe_accuracy",
        _condition(architecture, "adam", adam_rate),
        _condition(architecture, "sgd", sgd_rate),
    )


@claim(
    "000.3",
    place="Summary 3; Part 2, fourth finding",
    statement="With softmax SGD and Adam perform similarly; without, Adam significantly "
    "outperforms SGD.",
    test="Optimizer × learning rate × architecture. Compared by probe accuracy, which does not "
    "reward growth of scale as the loss without softmax does: at the source's learning rate "
    "(1e-3 for both) and, the fair comparison, at each optimizer's own best rate.",
    rule="(a) softmax, 1e-3: difference within ±1 point and loss within ±5 %; (b) no softmax, "
    "1e-3: Adam ahead by more than 1 point; (c) softmax, best rates: within ±1 point; (d) no "
    "softmax, best rates: Adam ahead by more than 1 point. (c) and (d) are decisive.",
)
def similar_with_softmax(e: Evidence) -> Finding:
    def best(architecture: str) -> tuple[Interval, str]:
        adam = _best_rate(e, architecture, "adam", "probe_accuracy")
        sgd = _best_rate(e, architecture, "sgd", "probe_accuracy")
        return _probe_gap(e, architecture, adam, sgd), f"Adam {adam:g}, SGD {sgd:g}"

    same = _probe_gap(e, "softmax", 1e-3, 1e-3)
    loss = relative_difference(
        e, "loss", _condition("softmax", "sgd", 1e-3), _condition("softmax", "adam", 1e-3)
    )
    apart = _probe_gap(e, "no softmax", 1e-3, 1e-3)
    best_soft, soft_rates = best("softmax")
    best_none, none_rates = best("no softmax")
    return finding(
        [
            part_similar("(a) softmax at 1e-3, probe", same, POINT, False, as_points=True),
            part_similar("(a) softmax at 1e-3, loss", loss, SIMILAR_LOSS, False),
            Part("(b) no softmax at 1e-3", above(apart, POINT), points(apart), decisive=False),
            part_similar(
                f"(c) softmax at best rates ({soft_rates})", best_soft, POINT, as_points=True
            ),
            Part(
                f"(d) no softmax at best rates ({none_rates})",
                above(best_none, POINT),
                points(best_none),
            ),
        ],
        intro="Adam minus SGD.",
    )


@claim(
    "000.21",
    place="Part 2, text above the third table",
    statement="Without softmax SGD at 1e-3 is very slow with poor results, SGD requires a "
    "learning rate of 10, and Adam at 1e-3 works well.",
    test="SGD over learning rates 1e-4 … 10 and Adam at 1e-3, without softmax, λ_tc = 1.",
    rule="(a) SGD 1e-3 ends with a higher loss than Adam 1e-3 by more than 10 % of Adam's; (b) "
    "its probe is more than 1 point worse; (c) SGD at 10 diverges in at most one seed in ten; "
    "(d) 10 is required: the best smaller rate of SGD has a loss above that at 10 by more than "
    "10 % of it; (e) Adam at 1e-3 diverges in at most one seed in ten and its probe is not more "
    "than 1 point below the best SGD. (c) and (d) are decisive.",
)
def sgd_needs_ten(e: Evidence) -> Finding:
    sgd = {r: _condition("no softmax", "sgd", r) for r in RATES}
    adam = _condition("no softmax", "adam", 1e-3)
    diverged = {rate: _diverged(e, condition) for rate, condition in sgd.items()}
    ten_works = diverged[10.0] <= 0.1
    smaller = [r for r in RATES if r < 10 and diverged[r] <= 0.1]
    if not smaller:
        raise MissingEvidence("an SGD learning rate below 10 that converges without softmax")
    best = min(smaller, key=lambda r: e.interval("loss", **sgd[r]).mean)
    slow = relative_difference(e, "loss", sgd[1e-3], adam)
    probe = e.difference("probe_accuracy", adam, sgd[1e-3])
    if ten_works:
        gap = relative_difference(e, "loss", sgd[best], sgd[10.0])
        required = part_above(f"(d) loss at the best smaller rate ({best:g}) over 10", gap, 0.1)
    else:
        required = Part(
            "(d) 10 required", False, f"10 diverges; {best:g} is the best rate that does not"
        )
    best_probe = _best_rate(e, "no softmax", "sgd", "probe_accuracy")
    ahead = e.difference("probe_accuracy", adam, sgd[best_probe])
    return finding(
        [
            part_above("(a) loss of SGD 1e-3 over Adam 1e-3", slow, 0.1, decisive=False),
            Part("(b) probe, Adam ahead of SGD 1e-3", above(probe, POINT), points(probe), False),
            Part("(c) SGD 10 works", ten_works, f"{diverged[10.0]:.0%} of the seeds diverge"),
            required,
            Part(
                f"(e) Adam 1e-3 against SGD {best_probe:g}",
                above(ahead, -POINT) if _works(e, adam) else False,
                points(ahead),
                decisive=False,
            ),
        ]
    )


@claim(
    "000.22",
    place="Part 2, third table",
    statement="Without softmax Adam reaches loss −202.07 at redundancy 2.21: it optimises well.",
    test="Runs at λ_tc = 1; the part of the fall of the loss that growing rows explain, since "
    "scaling all outputs by s changes −Σ log Var by −2K log s and nothing else.",
    rule="Numbers: the number rule on both. Interpretation (the loss measures optimisation, not "
    "scale): the share 2K·log(growth of the mean row norm) / (loss after epoch 1 − final loss) "
    "is below 0.25 (supported), above 0.75 (refuted), between (mixed).",
)
def loss_without_softmax(e: Evidence) -> Finding:
    condition = relu(1)
    combined = "not applicable"
    if e.is_source_setting:
        printed = {"loss": "-202.07", "weight_redundancy": "2.21"}
        combined = combine_numbers(
            number_verdict(text, e.values(metric, **condition)) for metric, text in printed.items()
        )
    hidden = int(e.select(**condition)["hidden_dim"].iloc[0])
    fall = e.at_epoch("loss", 1, **condition) - e.values("loss", **condition)
    growth = np.log(e.values("row_norm", **condition) / e.at_epoch("row_norm", 1, **condition))
    share = mean_interval((2 * hidden * growth / fall).dropna())
    verdict = "mixed"
    if share.high < 0.25:
        verdict = "supported"
    elif share.low > 0.75:
        verdict = "refuted"
    elif share.n < 5:
        verdict = "inconclusive"
    return Finding(
        verdict,
        f"Loss {e.interval('loss', **condition)}, redundancy "
        f"{e.interval('weight_redundancy', **condition)}; share of the fall of the loss that the "
        f"growth of the rows explains: {share}.",
        combined,
    )


@claim(
    "000.23",
    place="Part 2, third table",
    statement="With softmax SGD reaches loss 47.98 and redundancy 2.86, Adam 46.53 and 2.85, "
    "both at 1e-3: SGD ≈ Adam.",
    test="Softmax runs at λ_tc = 0, learning rate 1e-3, both optimizers.",
    rule="Numbers: the number rule on all four. Interpretation, SGD minus Adam, paired: loss "
    "within ±5 %, redundancy within ±10 %, probe accuracy within ±1 point.",
)
def softmax_optimizers(e: Evidence) -> Finding:
    combined = "not applicable"
    if e.is_source_setting:
        table = compare("optimizers", e)
        combined = table_verdict(table[table["row"].str.startswith("softmax")])
    sgd, adam = (_condition("softmax", o, 1e-3) for o in ("sgd", "adam"))
    redundancy = relative_difference(e, "weight_redundancy", sgd, adam)
    probe = e.difference("probe_accuracy", sgd, adam)
    return finding(
        [
            part_similar("loss", relative_difference(e, "loss", sgd, adam), SIMILAR_LOSS),
            part_similar("redundancy", redundancy, 0.1),
            part_similar("probe", probe, POINT, as_points=True),
        ],
        combined,
        intro="SGD minus Adam.",
    )


@claim(
    "000.24",
    place="Part 2, fourth finding",
    statement="Responsibilities set the right step size automatically; adaptivity becomes "
    "unnecessary.",
    test="Step-size sensitivity: over how many of the six learning rates (1e-4 … 10) does SGD "
    "come within 1 point of its best probe accuracy, with softmax and without.",
    rule="(a) with softmax at at least 4 of 6 rates (fails if at 2 or fewer); (b) at more rates "
    "than without softmax (fails if at fewer); (c) with softmax the best Adam is at most 1 point "
    "ahead of the best SGD. A rate counts if its mean is within 1 point of the best rate's mean "
    "and at most one seed in ten diverges. (a) and (b) are decisive.",
)
def step_size(e: Evidence) -> Finding:
    def good(architecture: str) -> list[float]:
        at = {rate: _condition(architecture, "sgd", rate) for rate in RATES}
        mean = {r: e.interval("probe_accuracy", **condition).mean for r, condition in at.items()}
        top = mean[_best_rate(e, architecture, "sgd", "probe_accuracy")]
        return [rate for rate in RATES if mean[rate] >= top - POINT and _works(e, at[rate])]

    soft, none = good("softmax"), good("no softmax")
    gap = _probe_gap(
        e,
        "softmax",
        _best_rate(e, "softmax", "adam", "probe_accuracy"),
        _best_rate(e, "softmax", "sgd", "probe_accuracy"),
    )
    wide = True if len(soft) >= 4 else False if len(soft) <= 2 else None
    wider = True if len(soft) > len(none) else False if len(soft) < len(none) else None

    def rates(good: list[float]) -> str:
        return ", ".join(f"{rate:g}" for rate in good)

    return finding(
        [
            Part("(a) wide range with softmax", wide, f"{len(soft)} of 6 ({rates(soft)})"),
            Part("(b) wider than without", wider, f"{len(none)} of 6 ({rates(none)}) without"),
            Part("(c) Adam's lead with softmax", below(gap, POINT), points(gap), decisive=False),
        ]
    )


@claim(
    "000.26",
    place="Key finding 4",
    statement="Softmax creates a cleaner optimization landscape: SGD works at normal learning "
    "rates, and training is more stable.",
    test="Extreme Hessian eigenvalues after training, at equal λ_tc (0 and 1) with Adam; share "
    "of diverging runs over the SGD learning rates.",
    rule="At equal λ_tc, paired: (a) log10 of the largest eigenvalue lower under softmax; (b) "
    "the share of negative curvature, |λ_min|/(|λ_min| + λ_max) with λ_min cut at 0, lower under "
    "softmax; each at both λ_tc (0 and 1). (c) over the SGD rates fewer runs diverge with softmax "
    "than without (open if none diverge). (a) and (b) are decisive.",
)
def cleaner_landscape(e: Evidence) -> Finding:
    def sharpness(condition: dict[str, object]):
        return np.log10(e.values("curvature_max", **condition).clip(lower=1e-12))

    def negative(condition: dict[str, object]):
        extremes = (e.values(f"curvature_{end}", **condition) for end in ("min", "max"))
        return negative_curvature(*extremes)

    measures = {"(a) log10 sharpness": sharpness, "(b) negative curvature": negative}
    parts = []
    for t in (0, 1):
        for label, measure in measures.items():
            name = f"{label}, softmax − none, λ_tc={t}"

            def lower(name=name, measure=measure, t=t) -> Part:
                gap = paired_differences(measure(softmax(t)), measure(relu(t)))
                return part_below(name, mean_interval(gap.dropna()), 0)

            parts.append(measured(name, lower))

    def divergence() -> Part:
        soft, none = (
            np.mean([_diverged(e, _condition(architecture, "sgd", rate)) for rate in RATES])
            for architecture in ARCHITECTURES
        )
        holds = bool(soft < none) if soft or none else None
        return Part(
            "(c) diverging SGD runs",
            holds,
            f"{soft:.0%} with, {none:.0%} without softmax",
            decisive=False,
        )

    parts.append(measured("(c) diverging SGD runs", divergence, decisive=False))
    return finding(parts)
