"""The multiverse: the same questions under other choices that would have been as good.

A universe is a dataset, a number of units, five seeds, a length of training and a form of the
measures. What the claims of findings 1 to 4 rest on is trained in all of them; the share of
universes in which a rule comes to the verdict of the book says how much hangs on our choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from infomax_lib import RunSpec, Store, grid, history, open_store, run
from paper.judging.claims import Finding
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.nulls import with_nulls
from paper.judging.shared_rules import LONG
from paper.judging.verdicts import FAILS, HOLDS

#: Datasets of the universes; the inputs of the last one are uncorrelated.
DATASETS = ("mnist", "fashion-mnist", "natural-patches")

#: Numbers of units: the source's own, and twice as many.
WIDTHS = (16, 32)

#: Epochs at which a run of the source's length is looked at, and a ten times longer one.
LENGTHS = {100: (20, 50, 100), 1000: (200, 500, 1000)}

#: Learning rates of SGD: the source's two, and one between them.
SGD_RATES = (1e-3, 1.0, 10.0)

#: Another measure in the place of the one that a rule asks for, at the same bar.
FORMS: Mapping[str, Mapping[str, str]] = {
    "as the rule says": {},
    "null of isotropic rows": {"redundancy_over_data": "redundancy_over_random"},
    "code after the competition": {"probe_accuracy_pre": "probe_accuracy"},
}

_SEEDS = {100: range(20), 1000: range(20, 40)}


@dataclass(frozen=True, eq=False)
class Universe:
    """One set of choices, and what was measured under them."""

    dataset: str
    hidden_dim: int
    seeds: str
    epochs: int
    form: str
    evidence: Evidence


def universe_specs(dataset: str, hidden_dim: int, seeds: Sequence[int]) -> list[RunSpec]:
    """The runs that findings 1 to 4 rest on, on one dataset and at one width.

    Both architectures at four pressures; without competition also with biases frozen and with the
    penalty on the weights; and both under SGD, each at the pressure of the source's table.
    """
    base = RunSpec(dataset=dataset, hidden_dim=hidden_dim)
    sgd = base.but(optimizer="sgd")
    return [
        *grid(base, competition=["none", "softmax"], lambda_tc=LONG, seed=seeds),
        *grid(base.but(bias=False), lambda_tc=[1.0, 100.0], seed=seeds),
        *grid(base.but(lambda_tc=100.0, lambda_wr=10.0), seed=seeds),
        *grid(sgd, learning_rate=SGD_RATES, seed=seeds),
        *grid(sgd.but(competition="softmax", lambda_tc=0.0), learning_rate=SGD_RATES, seed=seeds),
    ]


def long_specs(seeds: Sequence[int] = _SEEDS[1000]) -> list[RunSpec]:
    """The long trajectories of ``sweeps/trajectories.yaml``."""
    base = RunSpec(epochs=1000)
    return grid(base, competition=["none", "softmax"], lambda_tc=LONG, seed=seeds)


def stored(specs: Sequence[RunSpec], store: str | Store | None = "auto") -> list[RunSpec]:
    """Those of the specs whose results the store holds."""
    known = open_store(store).keys("runs")
    return [spec for spec in specs if spec.key in known]


def universes(store: str | Store | None = "auto") -> list[Universe]:
    """Every universe whose runs the store holds; nothing is trained."""
    store = open_store(store)
    groups = [stored(group, store) for group in _groups()]
    whole = [specs for specs in groups if len({spec.seed for spec in specs}) == MIN_SEEDS]
    # Several chapters ask for them in one process, and reading them takes long.
    held = (store.folder, store.below, tuple(spec.key for specs in whole for spec in specs))
    if held not in _READ:
        _READ.clear()
        _READ[held] = [universe for specs in whole for universe in _universes_of(specs, store)]
    return _READ[held]


#: The universes that were read last, by the store and the runs.
_READ: dict[tuple[object, ...], list[Universe]] = {}


def _universes_of(specs: Sequence[RunSpec], store: Store) -> Iterator[Universe]:
    runs = with_nulls(run(specs, store=store, progress=False))
    return _at_each_length(runs, with_nulls(history(specs, store=store)))


def _groups() -> Iterator[list[RunSpec]]:
    """The runs of one dataset, width and block of seeds."""
    for dataset in DATASETS:
        for hidden_dim in WIDTHS:
            for block in _blocks(_SEEDS[100]):
                yield universe_specs(dataset, hidden_dim, block)
    for block in _blocks(_SEEDS[1000]):
        yield long_specs(block)


def _blocks(seeds: range) -> Iterator[range]:
    for first in range(seeds.start, seeds.stop, MIN_SEEDS):
        yield range(first, first + MIN_SEEDS)


def _at_each_length(runs: pd.DataFrame, past: pd.DataFrame) -> Iterator[Universe]:
    """The universes of some runs of equal length: as if training had ended at each epoch."""
    whole = int(runs["epochs"].iloc[0])
    for epochs in LENGTHS[whole]:
        until = past[past["epoch"] <= epochs].assign(epochs=epochs)
        ended = runs if epochs == whole else until[until["epoch"] == epochs]
        first = ended.iloc[0]
        base = {"dataset": first["dataset"], "hidden_dim": int(first["hidden_dim"])}
        for form, instead in FORMS.items():
            replaced = {name: ended[other] for name, other in instead.items()}
            yield Universe(
                base["dataset"],
                base["hidden_dim"],
                f"{ended['seed'].min()} to {ended['seed'].max()}",
                epochs,
                form,
                Evidence(ended.assign(**replaced), until, base={**base, "epochs": epochs}),
            )


@dataclass(frozen=True)
class Agreement:
    """In how many universes a rule comes to the verdict of the book, by dataset."""

    agreeing: Mapping[str, int]
    judged: Mapping[str, int]

    def __str__(self) -> str:
        parts = [f"{name} {self.agreeing[name]} of {n}" for name, n in self.judged.items()]
        total = f"{sum(self.agreeing.values())} of {sum(self.judged.values())}"
        return f"{total} universes ({', '.join(parts)})" if parts else ""


def agree(one: str, other: str) -> bool:
    """Whether two verdicts are both for a claim, both against it, or the same."""
    return any({one, other} <= set(side) for side in (HOLDS, FAILS, (other,)))


def agreement(
    rule: Callable[[Evidence], Finding], verdict: str, among: Sequence[Universe], here: str = ""
) -> Agreement:
    """How many of the universes in which a rule can be judged agree with a verdict.

    A form that a rule does not look at makes no other universe, nor does one in which it says word
    by word what it says ``here``.
    """
    agreeing: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    seen: set[tuple[object, ...]] = set()
    unjudged: set[tuple[object, ...]] = set()
    for universe in among:
        place = (universe.dataset, universe.hidden_dim, universe.seeds, universe.epochs)
        if place in unjudged:
            continue
        try:
            found = rule(universe.evidence.tracked())
        except MissingEvidence:
            unjudged.add(place)
            continue
        outcome = found.interpretation
        same = found.evidence == here or (*place, found.evidence) in seen
        if outcome == "not measured" or same:
            continue
        seen.add((*place, found.evidence))
        judged[universe.dataset] += 1
        agreeing[universe.dataset] += agree(outcome, verdict)
    return Agreement(agreeing, judged)
