"""A learning rate for every method, chosen on images that no result is read from.

Every method that has a step size is trained on ``NAME-tuning``, the training images split 11 to 1,
at its default rate times each of `FACTORS`, and a method that does best at the smallest or largest
of them at up to two rates beyond. The rate with the highest mean probe accuracy on the held-out
twelfth is taken; a seed that failed counts as an accuracy of zero.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

from infomax_lib.model.spec import RunSpec, grid
from infomax_lib.results.runs import run
from infomax_lib.results.store import Store, open_store
from paper.chapters.prior_art.comparison import method_of
from paper.methods.runs import run_baselines
from paper.methods.spec import BaselineSpec

#: Of the default rate, about half a decade apart.
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
#: Smaller and larger ones, tried one after another by methods that are best at the edge.
BEYOND = ((0.03, 30.0), (0.01, 100.0))

AnyMethod = TypeVar("AnyMethod", BaselineSpec, RunSpec, BaselineSpec | RunSpec)


def candidates(
    spec: AnyMethod, seeds: Sequence[int], factors: Sequence[float] = FACTORS
) -> list[AnyMethod]:
    """The specs of the search for one method; none if it has no learning rate."""
    if spec.learning_rate is None:
        return []
    rates = [float(f"{spec.learning_rate * factor:.6g}") for factor in factors]
    there = spec.but(dataset=f"{spec.dataset}-tuning")
    return grid(there, learning_rate=rates, seed=seeds)


def search(
    specs: Sequence[BaselineSpec | RunSpec],
    seeds: Sequence[int],
    device: str = "auto",
    store: str | Store | None = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Validation accuracy of every method at every rate and seed.

    Args:
        specs: One of each method; their seeds do not matter.
        seeds: Seeds of the search.
        device: Where to train, see :func:`infomax_lib.run`.
        store: Results store, see :func:`infomax_lib.open_store`.
        progress: Show progress while something is computed.

    Returns:
        Columns ``key, method, learning_rate, seed, probe_accuracy``, the last one 0 for a failed
        fit.
    """
    store = open_store(store)
    searched = [spec for spec in specs if spec.learning_rate is not None]

    def accuracies(wanted: Sequence[BaselineSpec | RunSpec]) -> pd.DataFrame:
        return _validated(wanted, device, store, progress)

    found = accuracies([c for spec in searched for c in candidates(spec, seeds)])
    for smaller, larger in BEYOND:
        rates, edges = chosen_rates(found), at_the_edge(found)
        wider = []
        for spec in searched:
            if method_of(spec) in edges:
                side = smaller if rates[method_of(spec)] < (spec.learning_rate or 0) else larger
                wider += candidates(spec, seeds, [side])
        if wider:
            found = pd.concat([found, accuracies(wider)], ignore_index=True)
    return found


def _validated(
    specs: Sequence[BaselineSpec | RunSpec], device: str, store: Store, progress: bool
) -> pd.DataFrame:
    """One row per spec: key, method, learning_rate, seed, probe_accuracy."""
    layers = [spec for spec in specs if isinstance(spec, RunSpec)]
    others = [spec for spec in specs if isinstance(spec, BaselineSpec)]
    tables = []
    if layers:
        runs = run(layers, device=device, store=store, progress=progress)
        tables.append(runs.assign(method=[method_of(spec) for spec in layers]))
    if others:
        tables.append(run_baselines(others, device=device, store=store, progress=progress))
    columns = ["key", "method", "learning_rate", "seed", "probe_accuracy"]
    if not tables:
        return pd.DataFrame(columns=columns)
    table = pd.concat([t.reindex(columns=columns) for t in tables], ignore_index=True)
    return table.fillna({"probe_accuracy": 0.0})


def chosen_rates(found: pd.DataFrame) -> dict[str, float]:
    """The rate with the highest mean accuracy of each method; of equals, the smallest."""
    means = found.groupby(["method", "learning_rate"])["probe_accuracy"].mean().reset_index()
    best = means.sort_values(["probe_accuracy", "learning_rate"], ascending=[False, True])
    return best.drop_duplicates("method").set_index("method")["learning_rate"].to_dict()


def at_the_edge(found: pd.DataFrame) -> list[str]:
    """Methods whose chosen rate is the smallest or the largest that was tried."""
    rates = found.groupby("method")["learning_rate"].agg(["min", "max"])
    return [
        method
        for method, rate in chosen_rates(found).items()
        if rate in (rates.loc[method, "min"], rates.loc[method, "max"])
    ]


def tuned(spec: AnyMethod, rates: Mapping[str, float]) -> AnyMethod:
    """The spec at the chosen rate of its method; as it is, if the method has none."""
    rate = rates.get(method_of(spec))
    return spec if rate is None else spec.but(learning_rate=rate)
