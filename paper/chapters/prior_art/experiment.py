"""The experiments of the prior-art chapter: what is fitted, at which learning rates and budgets.

A page, a test and whoever computes in advance ask for the same fits here. Seeds are shared by all
methods: initial weights (where a method has any), data order and draws are paired.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from infomax_lib.model.architectures import INFOMAX, INFOMAX_SETTINGS
from infomax_lib.model.data import Dataset, load_dataset
from infomax_lib.model.spec import RunSpec, grid
from infomax_lib.results.runs import run
from infomax_lib.results.store import Store, open_store
from paper.chapters.prior_art.comparison import method_of, with_infomax
from paper.chapters.prior_art.measured.deep_starts import STARTS as DEEP_STARTS
from paper.chapters.prior_art.measured.deep_starts import DeepStartSpec, deep_starts
from paper.chapters.prior_art.measured.flops import epochs_for, parameters, training_flops
from paper.chapters.prior_art.measured.head_start import HeadStartSpec
from paper.chapters.prior_art.measured.tuning import chosen_rates, search, tuned
from paper.chapters.prior_art.measured.view_ablation import ABLATED, VIEWS, ViewAblationSpec
from paper.chapters.prior_art.measured.view_distances import COMPARED, HARD, ViewDistanceSpec
from paper.methods import every_method, run_baselines
from paper.methods.methods import METHODS
from paper.methods.spec import BaselineSpec

AnyFit = BaselineSpec | RunSpec

#: Seeds of the search for learning rates.
SEARCH_SEEDS = (0, 1)

#: Rates of deep networks, of which each start has the one that is best on a validation split.
DEEP_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)

#: Methods whose weights supervised training starts from.
STARTS = ("autoencoder", "rbm", "simclr", *INFOMAX)


def compared(
    dataset: str,
    hidden_dim: int,
    seeds: Iterable[int],
    *,
    epochs: int,
    methods: Iterable[str] = (*METHODS, *INFOMAX),
    rates: Mapping[str, float] | None = None,
) -> list[AnyFit]:
    """Every method at every seed, each at its learning rate in ``rates`` or at its default.

    Args:
        dataset: Name of a dataset.
        hidden_dim: Units K of every method.
        seeds: Seeds.
        epochs: Passes over the data of the methods that descend in minibatches.
        methods: Names in :data:`paper.chapters.prior_art.comparison.LABELS`.
        rates: Learning rates by name.

    Raises:
        SpecError: A method is unknown.
    """
    seeds, names = list(seeds), list(methods)
    base = RunSpec(dataset=dataset, hidden_dim=hidden_dim, epochs=epochs)
    specs: list[AnyFit] = []
    for name in names:
        if name in INFOMAX:
            specs += grid(base.but(**INFOMAX_SETTINGS[name]), seed=seeds)
        else:
            specs += every_method(dataset, hidden_dim, seeds, epochs=epochs, methods=[name])
    return [tuned(spec, rates or {}) for spec in specs]


def search_rates(
    dataset: str,
    hidden_dim: int,
    *,
    epochs: int,
    methods: Iterable[str] = (*METHODS, *INFOMAX),
    device: str = "auto",
    store: str | Store | None = "auto",
) -> pd.DataFrame:
    """The search for learning rates, see :func:`.search`."""
    specs = compared(dataset, hidden_dim, [0], epochs=epochs, methods=methods)
    return search(specs, SEARCH_SEEDS, device=device, store=store)


def at_equal_flops(specs: Sequence[AnyFit], data: Dataset) -> list[AnyFit]:
    """The same fits with as many epochs as cost what InfoMax A costs, at least one.

    A method without minibatches has no epochs to change and stays as it is.

    Raises:
        ValueError: InfoMax A is not among them.
    """
    samples, inputs = data.train.shape
    costs = [training_flops(s, samples, inputs) for s in specs if method_of(s) == "infomax_relu"]
    if not costs:
        raise ValueError("the budget is that of infomax_relu: put it among the methods")
    return [
        spec
        if spec.batch_size is None
        else spec.but(epochs=epochs_for(spec, samples, inputs, costs[0]))
        for spec in specs
    ]


def measured(
    specs: Sequence[AnyFit],
    device: str = "auto",
    store: str | Store | None = "auto",
    keep_weights: Sequence[int] = (),
) -> pd.DataFrame:
    """Fit what is missing: one row per spec, baselines first, with the cost of the fit.

    Columns as in :func:`.with_infomax`, with ``flops`` of training
    and ``parameters`` of the encoder (:mod:`paper.chapters.prior_art.measured.flops`).
    """
    store = open_store(store)
    baselines = [spec for spec in specs if isinstance(spec, BaselineSpec)]
    layers = [spec for spec in specs if isinstance(spec, RunSpec)]
    table = run_baselines(baselines, device=device, store=store, keep_weights=keep_weights)
    if layers:
        table = with_infomax(table, run(layers, device=device, store=store), store)
    sizes = {spec.dataset: load_dataset(spec.dataset).train.shape for spec in specs}
    ordered: list[AnyFit] = [*baselines, *layers]
    return table.assign(
        flops=[training_flops(spec, *sizes[spec.dataset]) for spec in ordered],
        parameters=[parameters(spec, sizes[spec.dataset][1]) for spec in ordered],
    )


def head_start_specs(
    dataset: str,
    hidden_dim: int,
    seeds: Iterable[int],
    *,
    epochs: int,
    methods: Iterable[str] = STARTS,
    rates: Mapping[str, float] | None = None,
) -> list[HeadStartSpec]:
    """Supervised training from random weights, and from those of the `STARTS` among ``methods``.

    Both trainings take ``epochs`` passes; rates are those of `compared`, of the supervised layer
    for the second one.
    """
    rates, chosen = rates or {}, set(methods)
    base = HeadStartSpec(dataset=dataset, hidden_dim=hidden_dim, epochs=epochs)
    if "supervised" in rates:
        base = base.but(learning_rate=rates["supervised"])
    specs = [base]
    for method in STARTS:
        if method in chosen:
            spec = base.but(method=method, pretraining_epochs=epochs)
            rate = rates.get(method, spec.pretraining_rate)
            specs.append(spec.but(pretraining_rate=rate))
    return [spec for each in specs for spec in grid(each, seed=list(seeds))]


def ablation_specs(
    dataset: str,
    hidden_dim: int,
    seeds: Iterable[int],
    *,
    epochs: int,
    batch_sizes: Iterable[int],
    rates: Mapping[str, float] | None = None,
) -> list[ViewAblationSpec | RunSpec]:
    """SimCLR and Barlow Twins with and without views, and InfoMax A, at every batch size."""
    rates = rates or {}
    varied = {"batch_size": list(batch_sizes), "seed": list(seeds)}
    specs: list[ViewAblationSpec | RunSpec] = []
    for method in ABLATED:
        spec = ViewAblationSpec(
            dataset=dataset, method=method, hidden_dim=hidden_dim, epochs=epochs
        )
        spec = spec.but(learning_rate=rates.get(method, spec.learning_rate))
        specs += grid(spec, views=list(VIEWS), **varied)
    layer = RunSpec(dataset=dataset, hidden_dim=hidden_dim, epochs=epochs)
    layer = layer.but(**INFOMAX_SETTINGS["infomax_relu"])
    return specs + grid(tuned(layer, rates), **varied)


def deep_networks(
    dataset: str,
    seeds: Iterable[int],
    *,
    epochs: int,
    device: str = "auto",
    store: str | Store | None = "auto",
) -> pd.DataFrame:
    """Deep networks from every start, at a rate that is chosen as in :func:`search_rates`."""
    base, store = DeepStartSpec(dataset=dataset, epochs=epochs), open_store(store)
    there = grid(
        base.but(dataset=f"{dataset}-tuning"),
        start=list(DEEP_STARTS),
        learning_rate=list(DEEP_RATES),
        seed=list(SEARCH_SEEDS),
    )
    found = deep_starts(there, device=device, store=store)
    end = found[found["epoch"] == base.epochs].fillna({"accuracy": 0.0})
    rates = chosen_rates(end.rename(columns={"start": "method", "accuracy": "probe_accuracy"}))
    chosen = [base.but(start=start, learning_rate=rates[start]) for start in DEEP_STARTS]
    specs = [spec for each in chosen for spec in grid(each, seed=list(seeds))]
    return deep_starts(specs, device=device, store=store)


def view_distance_specs(
    dataset: str,
    hidden_dim: int,
    seeds: Iterable[int],
    *,
    methods: Iterable[str] = tuple(METHODS),
    rates: Mapping[str, float] | None = None,
) -> list[ViewDistanceSpec]:
    """Contrastive methods among ``methods``; SimCLR with hard negatives, too."""
    rates, chosen, seeds = rates or {}, set(methods), list(seeds)
    base, specs = ViewDistanceSpec(dataset=dataset, hidden_dim=hidden_dim), []
    for method in COMPARED:
        plain = "simclr" if method == HARD else method
        if plain in chosen:
            rate = rates.get(plain, base.learning_rate)
            specs += grid(base.but(method=method, learning_rate=rate), seed=seeds)
    return specs
