"""Rules for source 000, Part 2, second table: the TC term under softmax."""

from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import format_number
from paper.judging.claims import Finding, Part, above, claim, finding, inside
from paper.judging.evidence import Evidence
from paper.judging.published import compare, table_verdict
from paper.judging.shared_rules import (
    INDEPENDENT,
    POINT,
    UNCORRELATED,
    grid_runs,
    hsic_ratio,
    part_above,
    part_below,
    percent,
    points,
    relative_difference,
    relu,
    softmax,
)


@claim(
    "000.17",
    place="Part 2, second table",
    statement="Under softmax λ_tc = 0/1/10 gives redundancy 2.85/3.31/1.80 and output "
    "correlation 1.07/1.08/13.03.",
    test="Minibatch softmax runs at λ_tc = 0, 1 and 10.",
    rule="Numbers: the number rule on all six. Interpretation (the printed pattern), paired: "
    "redundancy higher at 1 than at 0, and lower at 10 than at 0; output correlation at 1 "
    "within ±10 % of that at 0, and at 10 more than twice that at 0.",
)
def softmax_table(e: Evidence) -> Finding:
    number = table_verdict(compare("softmax_tc", e)) if e.is_source_setting else "not applicable"
    red, corr = "weight_redundancy", "output_correlation"
    same = relative_difference(e, corr, softmax(1), softmax(0))
    more = relative_difference(e, corr, softmax(10), softmax(0))
    return finding(
        [
            part_above("redundancy 0→1 rises", e.difference(red, softmax(1), softmax(0)), 0),
            part_below("redundancy 0→10 falls", e.difference(red, softmax(10), softmax(0)), 0),
            Part("correlation 0→1 unchanged", inside(same, -0.1, 0.1), percent(same)),
            part_above("correlation 0→10, relative rise", more, 1),
        ],
        number,
    )


@claim(
    "000.18",
    place="Part 2, third finding",
    statement="TC pressure is counterproductive with softmax.",
    test="Softmax along the λ_tc grid against λ_tc = 0, paired: output correlation, redundancy, "
    "HSIC, probe accuracy; the same grid without softmax is the control.",
    rule="Four parts, each at λ_tc = 10 and at 100 against 0: output correlation rises, "
    "redundancy rises, HSIC rises, probe accuracy falls by more than 1 point. A part holds if "
    "it does at both, fails if at neither, and is open otherwise.",
)
def counterproductive(e: Evidence) -> Finding:
    parts = []
    for metric, label, worse in (
        ("output_correlation", "output correlation", 1),
        ("weight_redundancy", "redundancy", 1),
        ("hsic", "HSIC", 1),
        ("probe_accuracy", "probe accuracy", -1),
    ):
        limit = POINT if metric == "probe_accuracy" else 0.0
        differences = {t: e.difference(metric, softmax(t), softmax(0)) for t in (10, 100)}
        outcomes = {above(d if worse > 0 else d.scaled(-1), limit) for d in differences.values()}
        outcome = outcomes.pop() if len(outcomes) == 1 else None
        show = points if metric == "probe_accuracy" else str
        text = ", ".join(f"{show(d)} at λ_tc={t}" for t, d in differences.items())
        parts.append(Part(f"{label} {'rises' if worse > 0 else 'falls'}", outcome, text))
    control = e.difference("output_correlation", relu(10), relu(0))
    intro = f"Control without softmax, output correlation from λ_tc=0 to 10: {control}."
    return finding(parts, intro=intro)


@claim(
    "000.19",
    place="Part 2; comparison table",
    statement="Softmax outputs lie on the simplex and cannot be independent.",
    test="Output correlation of every softmax run against the floor K/(K−1); HSIC; the runs "
    "without softmax as control.",
    rule="(a) no softmax run of the λ_tc grid lies below K/(K−1) by more than 0.1 %; (b) at "
    "λ_tc = 0 HSIC is above twice its sampling floor; (c) the constraint is what binds: at "
    "λ_tc = 0 output correlation is within 10 % of the floor; (d) control: without softmax "
    "at λ_tc = 100 output correlation is below 0.5. (a) and (b) are decisive.",
)
def simplex(e: Evidence) -> Finding:
    runs = grid_runs(e, "softmax")
    floor = simplex_floor(int(runs["hidden_dim"].iloc[0]))
    values = runs["output_correlation"].dropna()
    below_floor = int((values < floor * 0.999).sum())
    at_zero = e.interval("output_correlation", **softmax(0))
    ratio = at_zero.scaled(1 / floor)
    return finding(
        [
            Part(
                "(a) floor respected",
                below_floor == 0,
                f"{below_floor} of {len(values)} runs below {format_number(floor, 3)}, "
                f"lowest {format_number(values.min(), 3)}",
            ),
            part_above(
                "(b) HSIC over sampling floor",
                hsic_ratio(e, softmax(0)),
                INDEPENDENT,
            ),
            Part(
                "(c) floor reached at λ_tc=0",
                inside(ratio, 0.0, 1.1),
                f"{ratio} × the floor",
                decisive=False,
            ),
            part_below(
                "(d) without softmax",
                e.interval("output_correlation", **relu(100)),
                UNCORRELATED,
                decisive=False,
            ),
        ]
    )
