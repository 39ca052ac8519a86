"""Rules for source 001, claims 1 to 20: what the derivation says, and what layers do.

What is pure mathematics is decided by numbers in float64: ``Evidence.extra["identities"]`` (every
identity with its error and tolerance, :mod:`.entropy`) and ``"cases"`` (the terms of
the objective at collapsed layers, :mod:`.limiting_cases`). What is said about trained
layers is decided by runs:

- the swap grid, every mechanism with every objective, at λ_tc = 1;
- the collapse runs: the LSE term alone, with variance, with decorrelation, with both;
- starts inside a collapse, and the two sources' conventions.

The runs' table carries the measures of :mod:`.held_out` beside its own. Further tables:
``arrangements`` (hyperplanes, dimension, copied, counted, formula), ``destinations`` (seed, method,
log_likelihood) and ``cost`` (objective, operations).

Source 001 has no activation; as in source 000 it is a ReLU here, unless a rule says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import EXACT, format_exact, format_number, mean_interval, spearman_trend
from paper.judging.claims import Finding, Part, claim, finding, inside, measured
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.shared_rules import (
    DIVERSE,
    INDEPENDENT,
    POINT,
    hsic_ratio,
    part_above,
    part_below,
    part_similar,
    percent,
    points,
    relative_difference,
    share_of_seeds,
)

Condition = Mapping[str, object]

_REDUNDANCY = "weight_redundancy"
_CORRELATION = "output_correlation"
_PROBE = "probe_accuracy"

#: How units compete: source 000's two architectures, the LSE term, two sparse competitions.
MECHANISMS: dict[str, dict[str, object]] = {
    "none (A)": {"competition": "none", "lambda_lse": 0.0},
    "softmax (B)": {"competition": "softmax", "lambda_lse": 0.0},
    "LSE term": {"competition": "none", "lambda_lse": 1.0},
    "sparsemax": {"competition": "sparsemax", "lambda_lse": 0.0},
    "entmax-1.5": {"competition": "entmax15", "lambda_lse": 0.0},
}

#: What is minimised, each with λ_tc = 1.
OBJECTIVES: dict[str, dict[str, object]] = {
    "InfoMax": {"objective": "infomax", "lambda_tc": 1.0},
    "−log det": {"objective": "log_det", "lambda_tc": 1.0},
    "Barlow": {"objective": "barlow", "lambda_tc": 1.0},
    "HSIC": {"objective": "hsic", "lambda_tc": 1.0},
}

_LSE: dict[str, object] = {"competition": "none", "lambda_lse": 1.0}
#: The LSE term, and what is added to keep it from collapsing.
COLLAPSE: dict[str, dict[str, object]] = {
    "LSE alone": {**_LSE, "objective": "none", "lambda_tc": 0.0},
    "LSE + variance": {**_LSE, "objective": "infomax", "lambda_tc": 0.0},
    "LSE + decorrelation": {**_LSE, "objective": "decorrelation", "lambda_tc": 1.0},
    "LSE + both": {**_LSE, "objective": "infomax", "lambda_tc": 1.0},
}

_WINNER: dict[str, object] = {"competition": "softmax", "initial": "winner"}
_DEAD: dict[str, object] = {"competition": "none", "initial": "dead"}
#: Starts inside a collapse, with the terms that are said to block it and without them.
STARTS: dict[str, dict[str, object]] = {
    "winner, both terms": {**_WINNER, "objective": "infomax", "lambda_tc": 1.0},
    "winner, variance": {**_WINNER, "objective": "infomax", "lambda_tc": 0.0},
    "winner, decorrelation": {**_WINNER, "objective": "decorrelation", "lambda_tc": 1.0},
    "dead, both terms": {**_DEAD, "objective": "infomax", "lambda_tc": 1.0},
    "dead, leaky, both terms": {
        **_DEAD,
        "activation": "leaky_relu",
        "objective": "infomax",
        "lambda_tc": 1.0,
    },
    "dead, leaky, decorrelation": {
        **_DEAD,
        "activation": "leaky_relu",
        "objective": "decorrelation",
        "lambda_tc": 1.0,
    },
}

#: Source 001's sign, softmax(−h), beside source 000's; its loss on z is "none (A)".
SOFTMIN: dict[str, object] = {"competition": "softmin", "objective": "infomax", "lambda_tc": 1.0}

#: Batch sizes of the claim on batches; the reference is 128.
BATCHES = (32, 512)

#: Two effects are called separable when their interaction is less than this share of the variance.
INTERACTION = 0.1
#: A swap works when it costs fewer points of accuracy than this.
SWAPPED = 0.05
#: Relative differences up to this count as none.
MARGIN = 0.1
#: A claim about seeds holds for this share of them.
MOST = 0.9
#: A unit whose variance is below this share of the mean is dead by scale.
DEAD_BY_SCALE = 0.01
#: Two rows with a larger cosine are copies.
COPIES = 0.99
#: A scale that grows by less than this while the epochs double has come to rest.
AT_REST = 0.05
#: A winner that takes less than this share of the samples does not win always.
ALWAYS = 0.5
#: Difference of mean log-likelihoods (nats) from which two mixtures are different models.
SAME_MODEL, OTHER_MODEL = 0.01, 0.1


def cell(mechanism: str, objective: str, **fields: object) -> dict[str, object]:
    """The condition of one cell of the swap grid."""
    return {**MECHANISMS[mechanism], **OBJECTIVES[objective], **fields}


def collapsed(runs: pd.DataFrame) -> pd.Series:
    """Whether each run has a dead unit, one that hardly varies, or two copies."""
    return (
        (runs["dead_units"] >= 1)
        | (runs["min_relative_variance"] < DEAD_BY_SCALE)
        | (runs["max_cosine"] > COPIES)
    )


def interaction_shares(table: pd.DataFrame) -> pd.Series:
    """Share of the variance between cells that is interaction, for every row (a seed).

    A row's values are split into mechanism + objective + rest (two-way analysis of variance); the
    share is the rest's sum of squares over the total. A row with equal cells has no interaction.

    Args:
        table: One row per seed, columns (mechanism, objective), complete.
    """
    cube = np.stack([row.unstack().to_numpy(float) for _, row in table.iterrows()])
    centred = cube - cube.mean((1, 2), keepdims=True)
    additive = centred.mean(1, keepdims=True) + centred.mean(2, keepdims=True)
    total = np.square(centred).sum((1, 2))
    rest = np.square(centred - additive).sum((1, 2))
    shares = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)
    return pd.Series(shares, table.index)


def _interaction(e: Evidence, metric: str, log: bool) -> pd.Series:
    columns = {(m, o): e.values(metric, **cell(m, o)) for m in MECHANISMS for o in OBJECTIVES}
    table = pd.DataFrame(columns).dropna()
    if len(table) < MIN_SEEDS:
        raise MissingEvidence(f"{metric} of the whole swap grid, at least {MIN_SEEDS} seeds")
    return interaction_shares(np.log(table.clip(lower=1e-6)) if log else table)


def _case(e: Evidence, name: str) -> float:
    table = e.table("cases", ["case", "value"])
    rows = table[table["case"] == name]
    if rows.empty:
        raise MissingEvidence(f"the limiting case “{name}”")
    return float(rows["value"].iloc[0])


def _vanishes(e: Evidence, name: str, label: str, decisive: bool = True) -> Part:
    """Holds when a quantity that should be zero is, to float64."""
    value = abs(_case(e, name))
    return Part(label, value <= EXACT, f"{format_exact(value)} against 10⁻⁹", decisive)


def _rises(e: Evidence, name: str, label: str, least: float, decisive: bool = True) -> Part:
    """Holds when a deterministic number is above a threshold."""
    value = _case(e, name)
    text = f"{format_exact(value)} against {format_number(least)}"
    return Part(label, value > least, text, decisive)


def _proved(e: Evidence, label: str, *names: str, decisive: bool = True) -> Part:
    """Holds when the named identities, which say what the claim says, hold numerically."""
    holds, text = _identities(e, names)
    return Part(label, holds, text, decisive)


def _disproved(e: Evidence, label: str, *names: str, decisive: bool = True) -> Part:
    """Fails when the named identities, which contradict the claim, hold; open otherwise."""
    holds, text = _identities(e, names)
    return Part(label, False if holds else None, text, decisive)


def _identities(e: Evidence, names: Sequence[str]) -> tuple[bool, str]:
    table = e.table("identities", ["name", "difference", "tolerance"]).set_index("name")
    absent = [name for name in names if name not in table.index]
    if absent:
        raise MissingEvidence(f"the identities {', '.join(absent)}")
    rows = table.loc[list(names)]
    shown = ", ".join(name.replace("_", " ") for name in names)
    holds = bool((rows["difference"] <= rows["tolerance"]).all())
    return holds, f"numerically, “{shown}” {'holds' if holds else 'does not hold'}"


def _most_seeds(name: str, outcome: pd.Series, decisive: bool = True) -> Part:
    return share_of_seeds(name, float(outcome.mean()), len(outcome), MOST, decisive=decisive)


def _diverging(e: Evidence) -> list[str]:
    """Cells of the swap grid in which more than one seed in ten diverges."""
    return [
        f"{m} × {o}"
        for m in MECHANISMS
        for o in OBJECTIVES
        if float(e.select(**cell(m, o))["diverged_at"].notna().mean()) > 0.1
    ]


def _trains(e: Evidence, decisive: bool) -> Part:
    failing = _diverging(e)
    count = len(MECHANISMS) * len(OBJECTIVES)
    text = f"{count - len(failing)} of {count}" + (
        f" (not {', '.join(failing)})" if failing else ""
    )
    return Part("(a) combinations that train", not failing, text, decisive)


# --- the separation ------------------------------------------------------------------------------


@claim(
    "001.1",
    place="The Separation; What Each Part Contributes",
    statement="Mechanism and objective are orthogonal, separable design choices.",
    test="The swap grid: five mechanisms × four objectives. Separable choices can be combined "
    "freely, and the effect of one does not depend on the other: a two-way analysis of variance "
    "per seed has no interaction.",
    rule="(a) in every one of the 20 cells at most one seed in ten diverges; the interaction is "
    "less than 10 % of the variance between cells of (b) log output correlation, (c) log weight "
    "redundancy, (d) probe accuracy. (b) to (d) are decisive.",
)
def separable(e: Evidence) -> Finding:
    parts = [_trains(e, decisive=False)]
    for label, metric, log in (
        ("(b) interaction, output correlation", _CORRELATION, True),
        ("(c) interaction, weight redundancy", _REDUNDANCY, True),
        ("(d) interaction, probe accuracy", _PROBE, False),
    ):
        share = mean_interval(_interaction(e, metric, log))
        holds = part_below("", share, INTERACTION).holds
        parts.append(Part(label, holds, f"{percent(share)} of the variance against 10 %"))
    return finding(parts)


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
    others = [abs(_case(e, f"joint_entropy_{value:g}")) for value in (0.5, 2.0)]
    a = cell("none (A)", "InfoMax")
    ratio = mean_interval(2 * e.values("log_det", **a) / e.values(_CORRELATION, **a))
    return finding(
        [
            _vanishes(e, "joint_entropy_1", "(a) λ = 1"),
            _proved(e, "(a) λ = 1, any covariance", "joint_entropy"),
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


# --- why InfoMax is right ------------------------------------------------------------------------


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
    entropy = _case(e, "dead_entropy")
    zero = True if abs(entropy) <= 0.1 else False if entropy < -10 else None
    return finding(
        [
            Part("(a) zero entropy", zero, f"{format_number(entropy)} nats", decisive=False),
            _proved(e, "(b) penalised", "dead_unit"),
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
            _rises(e, "dominant_correlation", "(a) ‖R−I‖² of z", 0.01),
            _rises(e, "dominant_exact", "(b) exact TC of responsibilities", 0.01),
            _rises(e, "dominant_proxy", "(c) ‖R−I‖² of responsibilities", 0.01),
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
            _proved(e, "(a) rise of ‖R−I‖²", "two_copies"),
            _proved(e, "(b) rise of −log det R", "two_copies_log_det"),
            _rises(e, "copy_gradient", "(c) gradient between copies", 1e-6, decisive=False),
        ]
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
            _most_seeds("(a) no silent unit, none (A)", active("none (A)")),
            _most_seeds("(b) no silent unit, softmax (B)", active("softmax (B)")),
            measured(
                "(c) LSE alone collapses",
                lambda: _most_seeds(
                    "(c) LSE alone collapses",
                    collapsed(_collapse_runs(e, "LSE alone")),
                    decisive=False,
                ),
                decisive=False,
            ),
        ]
    )


@claim(
    "001.7",
    place="Why InfoMax is Right: Maximizes expressiveness",
    statement="K independent binary partitions create 2^K regions, the maximum for K hyperplanes; "
    "InfoMax gives maximum regions.",
    test="Exact counts of arrangements in general position; regions that test samples occupy in "
    "layers trained without competition, against K independent balanced partitions with as many "
    "samples, and against the untrained layer.",
    rule="(a) every counted arrangement with K ≤ n has 2^K regions; (b) so has every one with "
    "K > n (it fails if the identity by which only K ≤ n gives 2^K holds and none has); (c) "
    "trained layers occupy more than half of the regions that independent balanced partitions "
    "would; (d) more than untrained layers, paired. (a), (c) and (d) are decisive.",
)
def maximum_regions(e: Evidence) -> Finding:
    table = e.table("arrangements", ["hyperplanes", "dimension", "copied", "counted"])
    general = table[~table["copied"].astype(bool)]
    all_patterns = general["counted"] == 2 ** general["hyperplanes"]
    few = general["hyperplanes"] <= general["dimension"]
    if not (few.any() and (~few).any()):
        raise MissingEvidence("arrangements with K ≤ n and with K > n")
    trained = cell("none (A)", "InfoMax")
    gain = e.difference("occupied", trained, {**trained, "epochs": 0})

    law, text = _identities(e, ["regions", "two_to_the_k"])
    attained = {True: int(all_patterns[few].sum()), False: int(all_patterns[~few].sum())}
    many = True if attained[False] == (~few).sum() else None
    return finding(
        [
            Part(
                "(a) 2^K regions for K ≤ n",
                bool(attained[True] == few.sum()),
                f"{attained[True]} of {few.sum()} arrangements",
            ),
            Part(
                "(b) 2^K regions for K > n",
                False if law and not attained[False] else many,
                f"{attained[False]} of {(~few).sum()} arrangements; {text}",
                decisive=False,
            ),
            part_above(
                "(c) occupied, share of independent partitions",
                e.interval("occupied_share", **trained),
                0.5,
            ),
            part_above("(d) occupied, trained less untrained", gain, 0.0),
        ]
    )


@claim(
    "001.8",
    place="Why InfoMax is Right: Maximizes expressiveness",
    statement="Correlated partitions create fewer regions: information is wasted.",
    test="Exact counts with one hyperplane copied; over the 20 cells of the swap grid, rank "
    "correlation within each seed of the mean squared correlation of the units' firing with the "
    "entropy of the firing patterns and with the number of occupied regions.",
    rule="(a) every arrangement with a copied hyperplane has fewer regions than one in general "
    "position; rank correlation below −0.5 with (b) pattern entropy and (c) occupied regions.",
)
def correlated_fewer(e: Evidence) -> Finding:
    table = e.table("arrangements", ["hyperplanes", "dimension", "copied", "counted", "formula"])
    copied = table[table["copied"].astype(bool)]
    if copied.empty:
        raise MissingEvidence("arrangements with a copied hyperplane")
    fewer = int((copied["counted"] < copied["formula"]).sum())
    cells = [e.select(**cell(m, o)) for m in MECHANISMS for o in OBJECTIVES]
    rows = _with(pd.concat(cells), "bit_correlation", "pattern_entropy", "occupied")

    def trend(name: str, metric: str) -> Part:
        return part_below(name, spearman_trend(rows, "bit_correlation", metric), -0.5)

    return finding(
        [
            Part(
                "(a) fewer regions with a copy", fewer == len(copied), f"{fewer} of {len(copied)}"
            ),
            trend("(b) rank correlation with pattern entropy", "pattern_entropy"),
            trend("(c) rank correlation with occupied regions", "occupied"),
        ]
    )


# --- the architecture ----------------------------------------------------------------------------


@claim(
    "001.9",
    place="The Architecture",
    statement="Responsibilities are softmax(−z) and the loss is on z; source 000 trains "
    "softmax(+h) with the loss on it, and takes it for the same model.",
    test="Loss of softmax(−z) against softmax(+z) with mirrored weights, exactly; trained layers "
    "under softmin against softmax; trained layers with the loss on h against the loss on "
    "softmax(h). All InfoMax at λ_tc = 1.",
    rule="(a) without activation the sign is a reflection: losses differ by at most 1e-9; with "
    "ReLU, (b) softmin and softmax have redundancy within ±10 % and probe accuracy within ±1 "
    "point; (c) so have loss on h and loss on softmax(h). (c) is decisive.",
)
def conventions(e: Evidence) -> Finding:
    b, a = cell("softmax (B)", "InfoMax"), cell("none (A)", "InfoMax")
    parts = [_vanishes(e, "sign", "(a) sign, no activation", decisive=False)]
    for label, first, decisive in (
        ("(b) softmin − softmax", SOFTMIN, False),
        ("(c) loss on h − loss on softmax(h)", a, True),
    ):
        redundancy = relative_difference(e, _REDUNDANCY, first, b)
        probe = e.difference(_PROBE, first, b)
        parts.append(part_similar(f"{label}, redundancy", redundancy, MARGIN, decisive))
        parts.append(part_similar(f"{label}, probe", probe, POINT, decisive, as_points=True))
    return finding(parts)


@claim(
    "001.10",
    place="The Architecture; The Full Picture",
    statement="Gradients flow through softmax to W; the chain rule delivers responsibility-"
    "weighted updates.",
    test="Autograd in float64: the gradient of the source's own loss, on z; of the LSE term; of "
    "source 000's loss, on softmax(h).",
    rule="(a) the loss on z: fails if the identity holds by which its gradient is the centred z "
    "times a matrix, without responsibilities; (b) the LSE term: holds if its gradient is "
    "−responsibility/N; (c) the loss on softmax(h): holds if its gradient is the responsibility "
    "times a difference. (a) is about the source's own architecture; all are decisive.",
)
def responsibility_weighted(e: Evidence) -> Finding:
    return finding(
        [
            _disproved(e, "(a) loss on z", "gradient_on_z"),
            _proved(e, "(b) LSE term", "lse_gradient", "free_energy_gradient"),
            _proved(e, "(c) loss on softmax(h)", "softmax_jacobian", "gradient_through_softmax"),
        ]
    )


@claim(
    "001.11",
    place="What Each Part Contributes",
    statement="InfoMax could be swapped for another unsupervised objective, softmax for another "
    "competitive activation.",
    test="The swap grid. A swap works if training does not diverge and the features stay usable: "
    "probe accuracy against the reference, InfoMax under softmax, paired.",
    rule="(a) in every cell at most one seed in ten diverges; (b) under softmax each of −log det, "
    "Barlow and HSIC costs less than 5 points of probe accuracy; (c) under InfoMax each of the "
    "LSE term, sparsemax and entmax-1.5 does. (b) and (c) are decisive; they fail if none does.",
)
def swappable(e: Evidence) -> Finding:
    reference = cell("softmax (B)", "InfoMax")

    def swaps(name: str, cells: Mapping[str, Condition]) -> Part:
        gaps = {n: e.difference(_PROBE, c, reference) for n, c in cells.items()}
        outcomes = [part_above("", gap, -SWAPPED).holds for gap in gaps.values()]
        holds = True if all(o is True for o in outcomes) else None
        if all(o is False for o in outcomes):
            holds = False
        return Part(name, holds, ", ".join(f"{n} {points(gap)}" for n, gap in gaps.items()))

    objectives = {o: cell("softmax (B)", o) for o in ("−log det", "Barlow", "HSIC")}
    mechanisms = {m: cell(m, "InfoMax") for m in ("LSE term", "sparsemax", "entmax-1.5")}
    return finding(
        [
            _trains(e, decisive=False),
            swaps("(b) objectives, probe accuracy", objectives),
            swaps("(c) mechanisms, probe accuracy", mechanisms),
        ]
    )


# --- EM and volume -------------------------------------------------------------------------------


@claim(
    "001.12",
    place="Connection to Classical EM",
    statement="GMM-EM and implicit EM with InfoMax share the mechanism; the destination differs: "
    "features, not density.",
    test="Two-dimensional mixtures on which explicit EM can be computed, from the same starts: "
    "mean log-likelihood of the prototypes that explicit EM, gradient descent on the LSE term "
    "(implicit EM), and InfoMax on the same distances end with, paired over seeds.",
    rule="(a) same objective, same destination: implicit less explicit EM within ±0.01 nats; (b) "
    "InfoMax ends more than 0.1 nats below explicit EM. (b) is decisive.",
)
def destination(e: Evidence) -> Finding:
    table = e.table("destinations", ["seed", "method", "log_likelihood"])
    wide = table.pivot(index="seed", columns="method", values="log_likelihood")
    absent = [m for m in ("explicit", "implicit", "infomax") if m not in wide.columns]
    if absent or len(wide) < MIN_SEEDS:
        raise MissingEvidence(f"mixtures fitted in all three ways, {MIN_SEEDS} seeds")
    # what float64 leaves of zero differs between machines, and is not shown
    same = mean_interval((wide["implicit"] - wide["explicit"]).round(9))
    other = mean_interval(wide["infomax"] - wide["explicit"])
    return finding(
        [
            Part(
                "(a) implicit − explicit EM",
                inside(same, -SAME_MODEL, SAME_MODEL),
                f"{same} nats",
                decisive=False,
            ),
            part_below("(b) InfoMax − explicit EM, nats", other, -OTHER_MODEL),
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
            _most_seeds(
                "(a) LSE alone collapses",
                collapsed(_collapse_runs(e, "LSE alone")),
                decisive=False,
            ),
            _most_seeds("(b) both terms, no collapse", ~collapsed(_collapse_runs(e, "LSE + both"))),
            Part(
                f"(c) growth of ‖w‖ per doubling, epochs {early} to {last}",
                part_below("", per_doubling, AT_REST).holds,
                f"{percent(per_doubling)} against 5 %",
            ),
        ]
    )


def _at_longest(e: Evidence, name: str) -> dict[str, object]:
    condition = COLLAPSE[name]
    return {**condition, "epochs": e.longest(**condition)}


def _collapse_runs(e: Evidence, name: str) -> pd.DataFrame:
    runs = e.select(**_at_longest(e, name))
    return _with(runs, "dead_units", "min_relative_variance", "max_cosine")


def _with(rows: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    absent = [m for m in metrics if m not in rows.columns]
    if absent:
        raise MissingEvidence(f"the measures {', '.join(absent)}")
    return rows


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
        runs = _with(e.select(**STARTS[name]), "largest_share", _CORRELATION)
        floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
        return (runs["largest_share"] < ALWAYS) & (runs[_CORRELATION] < 2 * floor)

    return finding(
        [
            _most_seeds("(a) escapes, both terms", escaped("winner, both terms"), decisive=False),
            _most_seeds("(b) stays without TC", ~escaped("winner, variance")),
            _most_seeds("(c) escapes with TC alone", escaped("winner, decorrelation")),
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
            _most_seeds("(a) ReLU revived", alive),
            _most_seeds("(b) leaky ReLU revived", varied("dead, leaky, both terms")),
            _most_seeds(
                "(c) leaky ReLU not, without entropy",
                ~varied("dead, leaky, decorrelation"),
                decisive=False,
            ),
        ]
    )


# --- practical computation -----------------------------------------------------------------------


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
            _proved(e, "(a) entropy", "gaussian_entropy"),
            _proved(e, "(b) total correlation", "gaussian_total_correlation"),
            _disproved(e, "(c) TC counted once", "log_det_splits", "counted_twice"),
            _disproved(e, "(d) measures dependence", "covariance_penalty_knows_scale"),
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

    def excess(condition: Condition) -> pd.Series:
        return e.values("hsic", **condition) - e.values("hsic_floor", **condition)

    gap = e.values("view_loss", **trained) - e.values(_CORRELATION, **trained)
    relative = mean_interval(gap / e.values(_CORRELATION, **trained))
    explained = mean_interval(e.values("hsic_linear", **untrained) / excess(untrained))
    left = mean_interval((excess(trained) / excess(untrained)).dropna())
    return finding(
        [
            part_similar("(a) two views − one view", relative, MARGIN),
            Part(
                "(b) HSIC explained by correlation",
                part_above("", explained, 0.5).holds,
                f"{percent(explained)} against 50 %",
            ),
            Part(
                "(c) HSIC left after training",
                part_below("", left, 0.5).holds,
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
    def gap(mechanism: str) -> Callable[[], Part]:
        label = "(a) HSIC, none (A)" if mechanism == "none (A)" else "(b) HSIC, softmax (B)"
        return lambda: part_below(
            label,
            e.difference("hsic", cell(mechanism, "HSIC"), cell(mechanism, "InfoMax")),
            0.0,
            decisive=mechanism == "none (A)",
        )

    cost = e.table("cost", ["objective", "operations"]).set_index("objective")["operations"]
    absent = [name for name in ("infomax", "hsic") if name not in cost.index]
    if absent:
        raise MissingEvidence(f"the cost of {', '.join(absent)}")
    ratio = float(cost["hsic"] / cost["infomax"])
    return finding(
        [
            gap("none (A)")(),
            measured("(b) HSIC, softmax (B)", gap("softmax (B)"), decisive=False),
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
    redundancy = relative_difference(e, _REDUNDANCY, small, large)
    same = inside(redundancy, -MARGIN, MARGIN)
    differs = None if same is None else not same
    error = abs(_case(e, "moments"))
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


@claim(
    "001.20",
    place="The Full Picture",
    statement="The layer learns K prototypes that cover different parts of the input space, "
    "detect independent features, are all utilized and not redundant.",
    test="Four measures on held-out data of layers trained with the LSE term and InfoMax, the "
    "mechanism and the objective of the source.",
    rule="(a) cover: the effective number of winning units is above K/2; (b) independent: HSIC "
    "below twice its sampling floor; (c) used: no dead unit in at least 9 of 10 seeds; (d) not "
    "redundant: weight redundancy below twice that of random weights. All are decisive.",
)
def full_picture(e: Evidence) -> Finding:
    layer = cell("LSE term", "InfoMax")
    units = int(e.select(**layer)["hidden_dim"].iloc[0])
    return finding(
        [
            part_above(
                "(a) effective winners", e.interval("effective_winners", **layer), units / 2
            ),
            part_below("(b) HSIC over its floor", hsic_ratio(e, layer), INDEPENDENT),
            _most_seeds("(c) no dead unit", e.values("dead_units", **layer) < 1),
            part_below(
                "(d) redundancy over random",
                e.interval("redundancy_over_random", **layer),
                DIVERSE,
            ),
        ]
    )
