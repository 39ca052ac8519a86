"""Rules on what lies beyond one layer and one task: transfer, and layers on top of each other."""

from collections.abc import Callable, Iterable, Mapping

from infomax_lib.model.architectures import ARCHITECTURES
from infomax_lib.stats import Interval, mean_interval
from paper.chapters.open_questions.rules.shared import (
    CORRELATION,
    CORRELATION_MARGIN,
    PROBE,
    everywhere,
    few_dead,
    no_increase,
    relative,
)
from paper.judging.claims import Finding, Part, claim, finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.shared_rules import (
    POINT,
    accuracy_difference,
    difference,
    differences,
    part_points,
    points,
)

#: A and B in the table of transfer.
METHODS = {"A": "infomax_relu", "B": "infomax_softmax"}

_HALF_A_POINT = (
    "half a point of accuracy: about the standard error of an accuracy of 0.8 on 10 000 images"
)


@claim(
    "000.32",
    place="Open question 3",
    quote="Do these features transfer?",
    statement="(Question) The features transfer: a linear probe reads other tasks from them.",
    test="Layers trained on one data set, probe trained and tested on another: B against "
    "untrained ReLU layers of the same K; PCA fitted on the same source, and raw pixels, beside "
    "them.",
    rule="On every target and at every K the probe on B's outputs is more than 1 point above that "
    "on untrained weights; the pair of target and K that is closest to failing decides, and the "
    "opposite holds only if B is worse on all of them. Not more than 1 point below PCA of the "
    "same K, raw pixels, and the same comparisons of A, are reported beside it.",
    decisive="The difference between the probes on B's outputs and on untrained ReLU layers, on "
    "the target where it is worst.",
    smallest=_HALF_A_POINT,
    before="inconclusive",
    amended="Every target counted twice, against untrained weights and against PCA, and one open "
    "pair left all open. What transfers has to beat the same number of features that learned "
    "nothing, so that this decides, on the worst target; PCA is a competitor, and informs. The "
    "untrained layers have no softmax, which B's outputs have: they are not B's own start. In a "
    "second amendment (not supported before it) the error of test images joined the intervals, by "
    "the bound of 002.4.",
)
def transfer(e: Evidence) -> Finding:
    table = e.table("transfer", ["method", "target", "hidden_dim", "seed", PROBE])
    places: dict[str, list[Part]] = {"untrained": [], "pca": []}
    beside = []
    for (target, k), members in table.groupby(["target", "hidden_dim"], sort=False):

        def less(letter: str, other: str, target: str = target, k: int = k) -> Interval:
            at = {"target": target, "hidden_dim": int(k)}
            pair = ({"method": method, **at} for method in (METHODS[letter], other))
            return accuracy_difference(e, "transfer", PROBE, *pair)

        place = f"{target}, K={k}"
        for other, limit in (("untrained", POINT), ("pca", -POINT)):
            places[other].append(part_points(place, less("B", other), limit))
        for letter, other in (("A", "untrained"), ("A", "pca"), ("B", "pixels"), ("A", "pixels")):
            if {METHODS[letter], other} <= set(members["method"]):
                beside.append(f"{place}, {letter} − {other}: {points(less(letter, other))}")
    if not places["untrained"]:
        raise MissingEvidence("“transfer” with at least one target")
    return finding(
        [
            everywhere("B, above untrained", places["untrained"]),
            everywhere("B, not below PCA", places["pca"], decisive=False),
        ],
        intro=f"Not judged: {'; '.join(beside)}." if beside else "",
    )


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


def _places(e: Evidence) -> list[tuple[str, int]]:
    """Every architecture at every depth above one."""
    return [(letter, d) for letter in ARCHITECTURES for d in deeper(e)]


def _points_everywhere(
    name: str,
    gaps: Iterable[tuple[tuple[str, int], Interval]],
    limit: float,
    *,
    decisive: bool = True,
) -> Part:
    """One part on a difference of accuracies of A and of B at every depth above one."""
    places = [part_points(f"{letter}, {d} layers", gap, limit) for (letter, d), gap in gaps]
    return everywhere(name, places, decisive=decisive)


@claim(
    "000.33",
    place="Open question 4",
    quote="Can we compose InfoMax-trained layers?",
    statement="(Question) InfoMax-trained layers can be composed by stacking.",
    test="Stacks of two and three layers trained one after the other (greedily), against the same "
    "stacks untrained and trained end to end with the same objective; linear probe on the top "
    "layer, for A and B.",
    rule="For A (λ_tc = 1) and B (λ_tc = 0), at every depth above one, the greedy stack is more "
    "than 1 point above the random one; the stack that is closest to failing decides. Not more "
    "than 1 point below the stack trained end to end is reported beside it.",
    decisive="The difference between the probes on greedy and on random stacks of the same depth, "
    "at the architecture and depth where it is smallest.",
    smallest=_HALF_A_POINT,
    before="supported",
    amended="Four parts are now one that decides and one that informs. Layers that are trained "
    "apart are composed if their stack is better than the same stack untrained; end-to-end "
    "training is another way to the same, and informs. In a random stack the first layer is random "
    "too, so that this says nothing of the layers above the first alone. In a second amendment "
    "(supported before it) the error of test images joined the intervals, by the bound of 002.4.",
)
def stacking(e: Evidence) -> Finding:
    def against(other: str) -> list[tuple[tuple[str, int], Interval]]:
        return [
            (
                (letter, d),
                accuracy_difference(e, "stacks", PROBE, stack(letter, d), stack(letter, d, other)),
            )
            for letter, d in _places(e)
        ]

    return finding(
        [
            _points_everywhere("greedy − random", against("random"), POINT),
            _points_everywhere(
                "greedy − end to end", against("end_to_end"), -POINT, decisive=False
            ),
        ]
    )


def _steps(
    e: Evidence,
    compared_to: Mapping[tuple[str, int], int],
    gap: Callable[..., Interval] = difference,
) -> list[tuple[tuple[str, int], Interval]]:
    """Change of the probe of greedy stacks from another depth, by architecture and depth."""
    return [
        ((letter, d), gap(e, "stacks", PROBE, stack(letter, d), stack(letter, other)))
        for (letter, d), other in compared_to.items()
    ]


def _correlation_kept(e: Evidence) -> Part:
    """Whether upper layers have outputs as uncorrelated as the first; it informs."""
    places = []
    for letter, d in _places(e):
        change = relative(e, "stacks", CORRELATION, stack(letter, d), stack(letter, 1))
        places.append(no_increase(f"{letter}, {d} layers", change, CORRELATION_MARGIN))
    return everywhere("output correlation, change from layer one", places, decisive=False)


@claim(
    "001.22",
    place="What remains 2",
    quote="If layer 1 has InfoMax, what does layer 2 see? Does InfoMax compose?",
    statement="(Question) A second InfoMax layer finds in the outputs of the first what it needs: "
    "InfoMax composes.",
    test="Greedy stacks: the measures of layers two and three beside those of the layer before. "
    "Intervals are over seeds, on the same test images. With the bound of 002.4 on what they leave "
    "open the answer would be “not supported”, as two steps lose 1.6 and 1.4 points with half "
    "widths of 0.9 and 1.1; how much less it is for layers of one stack was not measured.",
    rule="For A and B, at every depth above one, the probe is not more than 1 point below that of "
    "the layer before; the layer that is closest to failing decides, and the opposite holds only "
    "if every layer loses more than that. Dead units below 5 % of the layer, and output "
    "correlation at most 10 % above that of layer one, are reported beside it.",
    decisive="The change of the probe from one layer of a greedy stack to the next, where most is "
    "lost.",
    smallest=_HALF_A_POINT,
    before="mixed",
    amended="Six parts of equal weight are now one that decides. What a layer sees of its input is "
    "what can still be read from its outputs, so that the probe decides; dead units and output "
    "correlation describe the layer, and inform.",
)
def layer_two(e: Evidence) -> Finding:
    steps = _steps(e, {(letter, d): d - 1 for letter, d in _places(e)})
    dead = [
        few_dead(f"{letter}, {d} layers", e, "stacks", stack(letter, d)) for letter, d in _places(e)
    ]
    return finding(
        [
            _points_everywhere("probe, less the layer before", steps, -POINT),
            everywhere("dead units", dead, decisive=False),
            _correlation_kept(e),
        ]
    )


@claim(
    "002.23",
    place="Open question: how does InfoMax interact with depth?",
    quote="Independent features of independent features? Does this compose sensibly?",
    statement="(Question) Depth composes sensibly: features of features are no worse than those of "
    "one layer.",
    test="Greedy stacks of two and three layers against one layer, with random stacks as control.",
    rule="For A and B, at every depth above one, the probe is not more than 1 point below that of "
    "one layer; the stack that is closest to failing decides, and the opposite holds only if every "
    "stack loses more than that. Reported beside it: whether depth pays (more than 1 point above "
    "one layer), whether it costs less than without training (the change from one layer is more "
    "than 1 point above the same change of random stacks), and whether output correlation is at "
    "most 10 % above that of layer one.",
    decisive="The change of the probe from one layer to a greedy stack, where most is lost.",
    smallest=_HALF_A_POINT,
    before="mixed",
    amended="The statement asked for better features, where the source asks whether depth "
    "composes sensibly: no worse than one layer is enough now, and decides. That depth costs "
    "less than in random stacks, half of the parts before, excuses a loss and does not undo it; "
    "it informs. Independent features of independent features are looked at for the first time. In "
    "a second amendment (refuted before it) the error of test images joined the intervals, by the "
    "bound of 002.4.",
)
def depth(e: Evidence) -> Finding:
    changes = _steps(e, {place: 1 for place in _places(e)}, accuracy_difference)
    less_random = []
    for letter, d in _places(e):
        greedy, random = (
            differences(e, "stacks", PROBE, stack(letter, d, training), stack(letter, 1, training))
            for training in ("greedy", "random")
        )
        less_random.append(((letter, d), mean_interval((greedy - random).dropna())))
    return finding(
        [
            _points_everywhere("probe, less one layer", changes, -POINT),
            _points_everywhere("depth pays", changes, POINT, decisive=False),
            _points_everywhere("change less that of random", less_random, POINT, decisive=False),
            _correlation_kept(e),
        ]
    )
