"""Rules for source 000: units that are alike under softmax, what they can do and what they feel.

What is possible is constructed (:mod:`..one_direction`); what a unit with a copy, or nearly one,
feels is its gradient (:mod:`..twin_gradients`).
"""

import pandas as pd

from infomax_lib.stats import format_number, mean_interval
from paper.judging.claims import (
    Finding,
    Part,
    bar_passed,
    claim,
    disproved,
    fact,
    finding,
    measured,
)
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.shared_rules import GRID, part_below, relu, share_of_seeds, softmax

#: Cosine of a pair of near twins: the one that decides, and others that inform.
TWINS, OTHER_TWINS = 0.99, (0.9, 0.999)
#: A claim about layers in general holds for this share of them.
MOST = 0.9


@claim(
    "000.16",
    place="Part 2; key finding 2",
    quote="The loophole (independent outputs from redundant weights) is structurally impossible "
    "after softmax—outputs sum to 1.",
    statement="Under softmax the loophole (independent outputs from redundant weights) is "
    "structurally impossible.",
    test="Construct it: rows that share one direction, with lengths and thresholds of their own, "
    "so that each unit wins on one slice of the data along it. Independent means as uncorrelated "
    "as the simplex allows.",
    rule="Disproved by construction if such a layer has every pair of rows at a cosine above 0.9 "
    "while its output correlation on the test images is within 20 % of the floor K/(K−1). Beside "
    "it: the same with equal lengths; whether training went there over the λ_tc grid, or stayed "
    "there when started from pairs of equal rows (a run shows the loophole if one pair does).",
    decisive="a layer that has the loophole, or none that could be made",
    smallest="20 % of the floor: trained softmax layers lie within 1 % of it",
    before="supported",
    amended="That training never went there had counted as impossible. What is possible is now "
    "constructed.",
)
def structurally_impossible(e: Evidence) -> Finding:
    built = e.table("one_direction", ["lengths", "cosine", "over_floor"]).set_index("lengths")

    def text(lengths: str) -> str:
        row = built.loc[lengths]
        return (
            f"least cosine {format_number(row['cosine'], 3)}, output correlation "
            f"{format_number(row['over_floor'], 3)} times the floor"
        )

    shows = (built["cosine"] > 0.9) & (built["over_floor"] <= 1.2)
    parts = [disproved("a layer with one direction", bool(shows["free"]), text("free"))]
    equal = fact("equal lengths forbid it", not shows["equal"], text("equal"), decisive=False)
    return finding([*parts, equal, measured("trained there", lambda: _trained_there(e), False)])


def _trained_there(e: Evidence) -> Part:
    conditions = [softmax(t) for t in GRID]
    conditions += [softmax(t, initial=start) for start in ("twins", "offset_twins") for t in (0, 1)]
    runs = pd.concat([e.select(**condition) for condition in conditions])
    floor = runs["hidden_dim"] / (runs["hidden_dim"] - 1)
    shows = (runs["aligned_pairs"] > 0) & (runs["output_correlation"] <= 1.2 * floor)
    text = f"{int(shows.sum())} of {len(runs)} runs show it"
    return bar_passed("trained there", bool(shows.any()), text, decisive=False)


@claim(
    "000.25",
    place="Key finding 2",
    quote="Units must differentiate to receive gradient. Redundant weights produce nearly "
    "identical pre-softmax values, losing the competition.",
    statement="Units must differentiate to receive gradient; redundant units lose the competition.",
    test="Gradient norm of rows that start as duplicates against single rows, and training from "
    "duplicated rows with and without softmax.",
    rule="Under softmax at the start, gradient norm of duplicated over single units below 0.8 "
    "(table “twin_gradients”); the opposite is a ratio above 1. Beside it: softmax started from "
    "twins at λ_tc = 0 ends with no pair of cosine above 0.9 in at least 80 % of the seeds; it "
    "ends with fewer such pairs than the same start without softmax at λ_tc = 1, paired.",
    decisive="gradient norm of a duplicated unit over that of the same unit alone",
    smallest="0.1 of the norm: a tenth more or less gradient is no lost competition",
    before="mixed",
    amended="What training does with twins informs; the source's sentence is about the gradient.",
)
def redundant_units_lose(e: Evidence) -> Finding:
    table = e.table("twin_gradients", ["competition", "seed", "ratio"])
    ratio = mean_interval(table[table["competition"] == "softmax"]["ratio"])

    def separate() -> Part:
        runs = e.select(**softmax(0, initial="twins"))
        share = float((runs["aligned_pairs"] == 0).mean())
        return share_of_seeds("twins separate", share, len(runs), 0.8, decisive=False)

    def fewer() -> Part:
        twins = {"initial": "twins"}
        fewer = e.difference("aligned_pairs", softmax(1, **twins), relu(1, **twins))
        return part_below("aligned pairs, softmax − none", fewer, 0, 0.5, neutral=0, decisive=False)

    return finding(
        [
            part_below("gradient of duplicates over singles", ratio, 0.8, 0.1, neutral=1),
            measured("twins separate", separate, decisive=False),
            measured("aligned pairs, softmax − none", fewer, decisive=False),
        ]
    )


@claim(
    "000.36",
    place="Part 2, why softmax prevents the loophole",
    quote="Softmax forces them to compete—the gradient pushes them apart.",
    statement="Under softmax the gradient pushes units with similar weights apart.",
    test="Near twins in random layers on the training images, λ_tc = 0: the rate at which the "
    "cosine of their rows changes along the gradient step, in closed form. The same pairs without "
    "softmax are the contrast.",
    rule="Pairs whose rows have cosine 0.99, with softmax: it falls in at least 9 of 10 layers: "
    "supported; in 1 of 10 or fewer: refuted; between: not supported, or at threshold where the "
    "95 % interval of the share holds 9 of 10. Beside it: pairs at 0.9 and 0.999, and all of them "
    "without softmax (table “twin_steps”).",
    decisive="share of random layers in which the gradient step under softmax lowers the cosine of "
    "two rows that have 0.99",
    smallest="one layer in ten: what is said of layers in general may fail in no more than that",
    before="at threshold",
    amended="Every share between the bar and its opposite had counted as at the threshold. A share "
    "whose interval is clear of the bar fails.",
)
def pushed_apart(e: Evidence) -> Finding:
    table = e.table("twin_steps", ["competition", "cosine", "seed", "apart"])
    several = table.groupby(["competition", "cosine"])["seed"].nunique()

    def part(competition: str, cosine: float) -> Part:
        if several.get((competition, cosine), 0) < MIN_SEEDS:
            raise MissingEvidence(f"near twins at {cosine}, {competition}, {MIN_SEEDS} layers")
        at = (table["competition"] == competition) & (table["cosine"] == cosine)
        apart = table.loc[at, "apart"]
        name = f"apart, {competition}, cosine {cosine:g}"
        decides = (competition, cosine) == ("softmax", TWINS)
        text = f"share of the step {mean_interval(100 * apart)} %"
        share = float((apart > 0).mean())
        return share_of_seeds(name, share, len(apart), MOST, decisive=decides, text=text)

    pairs = [(c, t) for c in ("softmax", "none") for t in (TWINS, *OTHER_TWINS)]
    return finding([part(competition, cosine) for competition, cosine in pairs])


@claim(
    "000.37",
    place="Theoretical interpretation: What EM structure provides",
    quote="Differentiation requires diverse weights",
    statement="Units can be told apart under competition only if their weights are diverse.",
    test="The layer of 000.16, all of whose rows share one direction: do its units differ in what "
    "they win? Diverse is what the source measures by it, directions (“Lower = more diverse "
    "directions”).",
    rule="Disproved by construction if in a layer whose rows all have a cosine above 0.9 every "
    "unit wins at least half of its share 1/K of the test images, and the output correlation is "
    "within 20 % of the floor K/(K−1). Beside it: that rows of equal length do not, so that the "
    "vectors must differ in something.",
    decisive="a layer of one direction whose units are differentiated, or none that could be made",
    smallest="half of a unit's share of the images, and 20 % of the floor, as for 000.16",
)
def diverse_weights(e: Evidence) -> Finding:
    columns = ["lengths", "cosine", "over_floor", "owned", "units"]
    built = e.table("one_direction", columns).set_index("lengths")
    share = built["owned"] * built["units"]
    shows = (built["cosine"] > 0.9) & (built["over_floor"] <= 1.2) & (share >= 0.5)

    def text(lengths: str) -> str:
        return (
            f"least cosine {format_number(built.loc[lengths, 'cosine'], 3)}, the rarest winner "
            f"has {format_number(share[lengths])} of its share"
        )

    return finding(
        [
            disproved("one direction, all units differ", bool(shows["free"]), text("free")),
            fact("equal lengths forbid it", not shows["equal"], text("equal"), decisive=False),
        ]
    )
