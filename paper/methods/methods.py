"""The table of methods: name -> how to fit it, which settings it has, and what it costs.

Files of methods import `Method` from here, which is why they are collected at the end.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Annotated, Any

from pydantic import AfterValidator
from torch import Tensor

from paper.methods.descent import Descent
from paper.methods.encoders import Encoder, FitError

#: Settings of a method that descends in minibatches, with the defaults that most of them have.
DESCENT = {"epochs": 100, "learning_rate": 1e-3, "batch_size": 128}
SETTINGS = tuple(DESCENT)
Outcomes = Sequence[Encoder | FitError]


@dataclass(frozen=True)
class Method:
    """One method of prior art.

    Attributes:
        name: Its key in `METHODS`, in specs and in the store.
        label: Name for tables and figures.
        fit_many: (X (N, D), hidden_dim, seeds, ...) -> one Encoder or FitError per seed. A method
            that descends in minibatches is given a `Descent` after these; any other one its
            settings and ``progress``, the title of a bar or None, by name. Takes ``labels``, too,
            when it reads them. Raises FitError where no seed can be fitted.
        defaults: The settings the method has, some of `SETTINGS`, with their default values; a
            method without a setting (PCA has no epochs) refuses it.
        reads_labels: Whether training sees the classes.
        layer: Whether an encoder is a layer of ReLU or logistic units, from which supervised
            training can go on.
        flops: Samples N, inputs D, units K and iterations T (its epochs) -> floating-point
            operations of one fit. Minibatches are counted while they run, and need no formula.
        settled: Samples from which on every further batch costs the same; two make the first one.
        kept_per_unit: Numbers that an encoder keeps for each unit besides its direction.
        sources: Works that it follows, by their keys in the bibliography; each of them stands in
            the timeline of the prior-art chapter.
        views: Whether it is trained on randomly changed images, as all methods of two views are.
        family: What it learns from, a key of `FAMILIES`: that of the folder with its file.
    """

    name: str
    label: str
    fit_many: Callable[..., Outcomes]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    reads_labels: bool = False
    layer: bool = True
    flops: Callable[[int, int, int, int], float] | None = None
    settled: int = 2
    kept_per_unit: int = 1
    sources: tuple[str, ...] = ()
    views: bool = False
    family: str = ""

    def fit(self, X: Tensor, hidden_dim: int, seeds: Sequence[int], **settings: Any) -> Outcomes:
        """What `fit_or_raise` gives; where it fails as a whole, every seed failed so."""
        try:
            return self.fit_or_raise(X, hidden_dim, seeds, **settings)
        except FitError as failure:
            return [failure] * len(seeds)

    def fit_or_raise(
        self,
        X: Tensor,
        hidden_dim: int,
        seeds: Sequence[int],
        *,
        progress: str | None = None,
        **settings: Any,
    ) -> Outcomes:
        """One Encoder or FitError per seed.

        Args:
            X: Training data (N, D).
            hidden_dim: K.
            seeds: One fit for each of them.
            progress: Title of a bar; None shows none.
            settings: A value for each of `defaults`, ``labels`` (N,) for a method that reads them,
                and options of its own.

        Raises:
            FitError: The method cannot be fitted to these data, whatever the seed.
        """
        if "batch_size" not in self.defaults:
            return self.fit_many(X, hidden_dim, seeds, progress=progress, **settings)
        descent = Descent(**{name: settings.pop(name) for name in SETTINGS}, progress=progress)
        return self.fit_many(X, hidden_dim, seeds, descent, **settings)


#: Families in the order of tables and legends, with the folders of their files.
FAMILIES = {
    "control": "controls",
    "components": "components",
    "density": "density",
    "reconstruction": "reconstruction",
    "prediction": "prediction",
    "two views": "two_views",
    "InfoMax": "infomax",
}
#: Files whose methods come first in their family, in this order; all others follow by name.
_FIRST = (
    *("untrained", "supervised"),
    *("pca", "fastica", "picard", "rica", "sparse_filtering"),
    *("kmeans", "gmm", "softhebb", "rbm"),
    *("autoencoder", "denoising", "sparse_autoencoder", "vae"),
    *("simclr", "moco", "byol", "swav", "barlow_twins", "vicreg", "wmse", "mcr2"),
    *("before_softmax", "on_views"),
)


def _collected() -> dict[str, Method]:
    """Methods of all files in the families' folders, by name."""
    found: dict[str, Method] = {}
    for family, folder in FAMILIES.items():
        package = import_module(f"paper.methods.{folder}")
        files = {file.name for file in pkgutil.iter_modules(package.__path__)}
        listed = [file for file in _FIRST if file in files]
        for file in [*listed, *sorted(files.difference(listed))]:
            for method in getattr(import_module(f"{package.__name__}.{file}"), "METHODS", ()):
                if method.name in found:
                    raise ValueError(f"two methods have the name {method.name!r}: change one")
                views = method.views or family == "two views"
                found[method.name] = replace(method, family=family, views=views)
    return found


METHODS = _collected()


def named(names: str) -> list[str]:
    """Methods by their names with spaces between them; all of them for ``all``.

    Raises:
        ValueError: There is no method of such a name, or it stands there twice.
    """
    chosen = list(METHODS) if names == "all" else names.split()
    for name in chosen:
        if name not in METHODS:
            raise ValueError(f"there is no method {name!r}: choose all, or {', '.join(METHODS)}")
        if chosen.count(name) > 1:
            raise ValueError(f"{name!r} stands there twice: name every method once")
    return chosen


def _known(names: str) -> str:
    named(names)
    return names


#: The type of a notebook's parameter that names methods, see :func:`named`.
MethodNames = Annotated[str, AfterValidator(_known)]
