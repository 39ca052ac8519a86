"""Rules on what lies beyond one layer and one task: transfer, and layers on top of each other."""

from collections.abc import Mapping

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, format_number, mean_interval
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    DEAD,
    PROBE,
    dead_share,
    everywhere,
    relative,
)
from paper.judging.claims import Finding, Part, above, below, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import POINT, difference, differences, part_points, percent, points

#: A and B in the table of transfer.
METHODS = {"A": "infomax_relu", "B": "infomax_softmax"}


@claim(
    "000.32",
    place="Open question 3",
    statement="(Question) The features transfer: a linear probe on other tasks.",
    test="Layers trained on one data set, probe trained and tested on another: B against "
    "untrained weights, PCA fitted on the same source, and raw pixels.",
    rule="On every target B's probe is more than 1 point above untrained weights and not more than "
    "1 point below PCA of the same K; each pair of target and K is two parts. Raw pixels, and the "
    "same comparisons of A, are reported beside them.",
)
def transfer(e: Evidence) -> Finding:
    table = e.table("transfer", ["method", "target", "hidden_dim", "seed", PROBE])
    parts, beside = [], []
    for (target, k), members in table.groupby(["target", "hidden_dim"], sort=False):

        def less(letter: str, other: str, target: str = target, k: int = k) -> Interval:
            at = {"target": target, "hidden_dim": int(k)}
            pair = ({"method": method, **at} for method in (METHODS[letter], other))
            return difference(e, "transfer", PROBE, *pair)

        for other, limit in (("untrained", POINT), ("pca", -POINT)):
            name = f"{target}, K={k}, B − {other}"
            parts.append(part_points(name, less("B", other), limit))
        for letter, other in (("A", "untrained"), ("A", "pca"), ("B", "pixels"), ("A", "pixels")):
            if {METHODS[letter], other} <= set(members["method"]):
                gap = points(less(letter, other))
                beside.append(f"{target}, K={k}, {letter} − {other}: {gap}")
    if not parts:
        raise MissingEvidence("“transfer” with at least one target")
    return finding(parts, intro=f"Not judged: {'; '.join(beside)}." if beside else "")


def stack(letter: str, depth: int, training: str = "greedy") -> dict[str, object]:
    """One kind of stack of layers A or B."""
    competition = ARCHITECTURES[letter]["competition"]
    return {"competition": competition, "training": training, "depth": depth}


def deeper(e: Evidence) -> list[int]:
    """Depths above one in the table of stacks."""
    depths = sorted({int(d) for d in e.table("stacks", ["depth"])["depth"]})
    if 1 not in depths or len(depths) < 2:
        raise MissingEvidence("“stacks” of one layer and of more")
    return [d for d in depths if d > 1]


def _points_above(name: str, at_depth: Mapping[int, Interval], limit: float) -> Part:
    """Holds when a difference of accuracies lies above the limit at every depth above one."""
    places = [Part(f"{d} layers", above(i, limit), points(i)) for d, i in at_depth.items()]
    return everywhere(name, places, f" against {format_number(100 * limit)}")


def _percent_below(name: str, at_depth: Mapping[int, Interval], limit: float) -> Part:
    """Holds when a share lies below the limit at every depth above one."""
    places = [Part(f"{d} layers", below(i, limit), percent(i)) for d, i in at_depth.items()]
    return everywhere(name, places)


@claim(
    "000.33",
    place="Open question 4",
    statement="(Question) InfoMax-trained layers compose when stacked.",
    test="Stacks of two and three layers trained one after the other (greedily), against the same "
    "stacks untrained and trained end to end with the same objective; linear probe on the top "
    "layer, for A and B.",
    rule="For A (λ_tc = 1) and B (λ_tc = 0): (a) the greedy stack is more than 1 point above the "
    "random one; (b) it is not more than 1 point below the end-to-end one. A part holds if it does "
    "at every depth above one and fails if it fails at one.",
)
def stacking(e: Evidence) -> Finding:
    parts = []
    for letter in ARCHITECTURES:
        for other, limit in (("random", POINT), ("end_to_end", -POINT)):
            gaps = {
                d: difference(e, "stacks", PROBE, stack(letter, d), stack(letter, d, other))
                for d in deeper(e)
            }
            name = f"{letter}, greedy − {other.replace('_', ' ')}"
            parts.append(_points_above(name, gaps, limit))
    return finding(parts)


@claim(
    "001.22",
    place="What remains 2",
    statement="(Question) A second InfoMax layer finds in the outputs of the first what it needs: "
    "InfoMax composes.",
    test="Greedy stacks: the measures of layers two and three beside those of layer one.",
    rule="For A and B, at every depth above one: (a) the probe is not more than 1 point below that "
    "of the layer before; (b) dead units are below 5 % of the layer; (c) output correlation is at "
    "most 10 % above that of layer one. A part fails if it fails at one depth.",
)
def layer_two(e: Evidence) -> Finding:
    parts = []
    for letter in ARCHITECTURES:
        steps, dead, correlation = {}, {}, {}
        for d in deeper(e):
            this, before, first = (stack(letter, n) for n in (d, d - 1, 1))
            steps[d] = difference(e, "stacks", PROBE, this, before)
            dead[d] = dead_share(e, "stacks", this)
            correlation[d] = relative(e, "stacks", CORRELATION, this, first)
        change = f"{letter}, output correlation, change from layer one"
        parts += [
            _points_above(f"{letter}, probe, less the layer before", steps, -POINT),
            _percent_below(f"{letter}, dead units", dead, DEAD),
            _percent_below(change, correlation, CORRELATION_MARGIN),
        ]
    return finding(parts)


@claim(
    "002.23",
    place="Open question: how does InfoMax interact with depth?",
    statement="(Question) Depth composes sensibly: independent features of independent features "
    "are better features.",
    test="Greedy stacks of two and three layers against one layer, with random stacks as control.",
    rule="For A and B: (a) at every depth above one the probe is more than 1 point above that of "
    "one layer; (b) depth costs less than without training: the change from one layer is more "
    "than 1 point above the same change of random stacks. A part fails if it fails at one depth.",
)
def depth(e: Evidence) -> Finding:
    parts = []
    for letter in ARCHITECTURES:
        greedy, random = (
            {
                d: differences(
                    e, "stacks", PROBE, stack(letter, d, training), stack(letter, 1, training)
                )
                for d in deeper(e)
            }
            for training in ("greedy", "random")
        )
        changes = {d: mean_interval(gap) for d, gap in greedy.items()}
        more = {d: mean_interval((gap - random[d]).dropna()) for d, gap in greedy.items()}
        parts.append(_points_above(f"{letter}, above one layer", changes, POINT))
        parts.append(_points_above(f"{letter}, change less that of random stacks", more, POINT))
    return finding(parts)
