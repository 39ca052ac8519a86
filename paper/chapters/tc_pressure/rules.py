"""Rules for source 000, Part 2, second table: the TC term under softmax."""

import torch

from infomax_lib.measures.weights_and_outputs import output_correlation, simplex_floor
from infomax_lib.stats import Interval, format_exact, format_number
from paper.judging.claims import Finding, bar_passed, claim, decided, finding, proved
from paper.judging.decisions import Decision
from paper.judging.evidence import Evidence
from paper.judging.published import compare, table_verdict
from paper.judging.shared_rules import (
    POINT,
    UNCORRELATED,
    grid_runs,
    part_below,
    part_points,
    part_similar,
    relative_difference,
    relu,
    softmax,
)

REDUNDANCY = "weight_redundancy"
CORRELATION = "output_correlation"

#: A tenth of the output correlation: thirteen times as much is what the source prints.
TENTH = 0.1


def risen(e: Evidence, metric: str, lambda_tc: float) -> Interval:
    """Relative change of a measure under softmax from λ_tc = 0."""
    return relative_difference(e, metric, softmax(lambda_tc), softmax(0))


@claim(
    "000.17",
    place="Part 2, second table",
    quote="0.0 | 2.85 | 1.07 … 1.0 | 3.31 | 1.08 … 10.0 | 1.80 | 13.03",
    statement="Under softmax λ_tc = 0/1/10 gives redundancy 2.85/3.31/1.80 and output "
    "correlation 1.07/1.08/13.03.",
    test="Minibatch softmax runs at λ_tc = 0, 1 and 10.",
    rule="Numbers: the number rule on all six. Interpretation (the printed pattern), paired: "
    "output correlation at λ_tc = 10 is more than twice that at 0 (relative rise above 1); rises "
    "of less than a tenth are none. Beside it: correlation at 1 within ±10 % of that at 0; "
    "redundancy higher at 1 and lower at 10 than at 0, changes of less than a tenth being none.",
    decisive="relative rise of output correlation from λ_tc = 0 to 10",
    smallest="a tenth: the printed rise is elevenfold",
    before="mixed",
    amended="Four parts of equal weight; the one number of the table that a reader cannot overlook "
    "decides.",
)
def softmax_table(e: Evidence) -> Finding:
    number = table_verdict(compare("softmax_tc", e)) if e.is_source_setting else "not applicable"
    rises = Decision(risen(e, CORRELATION, 10), "above", 1, TENTH, 0.0)
    higher = Decision(risen(e, REDUNDANCY, 1), "above", 0, TENTH, 0.0)
    lower = Decision(risen(e, REDUNDANCY, 10), "below", 0, TENTH, 0.0)
    return finding(
        [
            decided("correlation 0→10, relative rise", rises),
            part_similar("correlation 0→1", risen(e, CORRELATION, 1), 0.1, decisive=False),
            decided("redundancy 0→1 rises", higher, decisive=False),
            decided("redundancy 0→10 falls", lower, decisive=False),
        ],
        number,
    )


@claim(
    "000.18",
    place="Part 2, third finding",
    quote="TC Pressure is Counterproductive … Pushing λ_tc high distorts the optimization without "
    "achieving the impossible goal.",
    statement="TC pressure is counterproductive with softmax.",
    test="Softmax at λ_tc = 10 and 100 against λ_tc = 0, paired: output correlation, redundancy, "
    "probe accuracy before and after the softmax.",
    rule="Counterproductive means that pressure against correlation raises it: at λ_tc = 10, the "
    "value of the source's table, output correlation is above that at 0; relative changes of less "
    "than a tenth are none. Beside it, at 10 and at 100: redundancy rises; accuracy of the probe "
    "after and before the softmax falls by more than 1 point.",
    decisive="relative change of output correlation from λ_tc = 0 to 10",
    smallest="a tenth: the source prints a rise from 1.07 to 13.03",
    before="mixed",
    amended="Four parts of equal weight, and any size of change counted: a rise of 0.1 % at "
    "λ_tc = 100 had kept the claim open.",
)
def counterproductive(e: Evidence) -> Finding:
    rises = Decision(risen(e, CORRELATION, 10), "above", 0, TENTH, 0.0)
    parts = [decided("correlation rises, 0→10", rises, scale=100, unit="%")]
    hundred = Decision(risen(e, CORRELATION, 100), "above", 0, TENTH, 0.0)
    parts.append(decided("correlation rises, 0→100", hundred, False, scale=100, unit="%"))
    for t in (10, 100):
        redundant = Decision(risen(e, REDUNDANCY, t), "above", 0, TENTH, 0.0)
        parts.append(decided(f"redundancy rises, 0→{t}", redundant, False, scale=100, unit="%"))
        for metric, where in (("probe_accuracy", "after"), ("probe_accuracy_pre", "before")):
            change = e.difference(metric, softmax(t), softmax(0))
            name = f"probe {where} the softmax falls, 0→{t}"
            parts.append(part_points(name, change, -POINT, side="below", decisive=False))
    control = e.difference(CORRELATION, relu(10), relu(0))
    intro = f"Control without softmax, output correlation from λ_tc=0 to 10: {control}."
    return finding(parts, intro=intro)


@claim(
    "000.19",
    place="Part 2; comparison table",
    quote="Softmax outputs are constrained to the simplex—they cannot be truly independent.",
    statement="Softmax outputs lie on the simplex and cannot be independent.",
    test="A theorem: outputs that sum to one have Σⱼ Cov(aᵢ, aⱼ) = 0 for every i, so that no unit "
    "that varies is uncorrelated with all others, and ‖R − I‖² is at least K/(K−1). Checked in "
    "float64 on outputs of a softmax, beside every run.",
    rule="Proved if, on 16 random softmax outputs of different sharpness, the largest |Σⱼ Cov(aᵢ, "
    "aⱼ)| is below 10⁻¹² of the variance, and ‖R − I‖² is at least K/(K−1). Beside it: no run of "
    "the λ_tc grid lies below that floor by more than 0.1 %; the constraint binds, output "
    "correlation at λ_tc = 0 being within 10 % of it; without softmax at λ_tc = 100 it is below "
    "0.5.",
    decisive="the covariances of each output with all outputs sum to zero",
    smallest="none is needed: it is an identity",
    before="inconclusive",
    amended="A theorem had been judged by an HSIC on 500 images, at a threshold of twice its "
    "floor.",
)
def simplex(e: Evidence) -> Finding:
    error, over_floor = _simplex_identity()
    holds = error <= 1e-12 and over_floor >= 1 - 1e-12
    text = (
        f"largest sum of covariances {format_exact(error)} of a variance; least ‖R − I‖² "
        f"{format_number(over_floor, 3)} times K/(K−1)"
    )
    runs = grid_runs(e, "softmax")
    floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
    values = runs["output_correlation"].dropna()
    under = int((values < floor * 0.999).sum())
    lowest = f"{under} of {len(values)} runs below, lowest {format_number(values.min(), 3)}"
    ratio = e.interval(CORRELATION, **softmax(0)).scaled(1 / floor)
    return finding(
        [
            proved("covariances sum to zero", holds, text),
            bar_passed("floor respected by all runs", under == 0, lowest, decisive=False),
            part_below("floor reached at λ_tc=0, ratio", ratio, 1.1, 0.05, decisive=False),
            part_below(
                "without softmax",
                e.interval(CORRELATION, **relu(100)),
                *(UNCORRELATED, 0.05),
                decisive=False,
            ),
        ]
    )


def _simplex_identity(units: int = 16, samples: int = 400) -> tuple[float, float]:
    """Largest |Σⱼ Cov(aᵢ, aⱼ)| over the mean variance, and least ‖R − I‖² over K/(K−1)."""
    generator = torch.Generator().manual_seed(0)
    errors, ratios = [], []
    for sharpness in torch.logspace(-1, 2, 16, dtype=torch.float64):
        z = torch.randn(samples, units, generator=generator, dtype=torch.float64)
        a = torch.softmax(sharpness * z, dim=1)
        covariance = torch.cov(a.mT)
        errors.append(float(covariance.sum(1).abs().max() / covariance.diagonal().mean()))
        ratios.append(float(output_correlation(a)) / simplex_floor(units))
    return max(errors), min(ratios)
