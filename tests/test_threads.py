"""The same numbers whatever other threads do, and nothing changed of what threads share."""

import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from infomax_lib import InfoMax, InfoMaxLayer, RunSpec, grid, open_store, run
from infomax_lib.model.layer import INITIALS
from paper.methods import METHODS

THREADS, DISTURBERS = 8, 6


@contextmanager
def disturbed():
    """Other threads seed the global streams and draw from them."""
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            torch.manual_seed(5)
            torch.rand(3)
            np.random.seed(3)  # noqa: NPY002
            np.random.rand(3)  # noqa: NPY002
            random.seed(1)
            random.random()

    others = [threading.Thread(target=disturb) for _ in range(DISTURBERS)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        stop.set()
        for other in others:
            other.join()


def in_threads(function, items):
    with disturbed(), ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(function, items))


def wrong(found, expected):
    """How many results, each a sequence of arrays, are not bit for bit what they should be."""
    return sum(
        not all(map(np.array_equal, one, other)) for one, other in zip(found, expected, strict=True)
    )


def shared():
    """All that threads have in common and a computation might change."""
    _, words, *rest = np.random.get_state()  # noqa: NPY002
    streams = torch.random.get_rng_state().tolist(), words.tolist(), rest, random.getstate()
    return streams, list(warnings.filters), torch.get_num_threads(), torch.get_default_dtype()


@pytest.fixture
def sparse(tiny):
    return (tiny.train * (tiny.train > 1)).numpy()


@pytest.fixture
def images():
    return torch.rand(40, 16, generator=torch.Generator().manual_seed(0))


def layer(seed):
    made = InfoMaxLayer(784, 64, seed=seed, initial=INITIALS[seed % len(INITIALS)])
    return made.weight.detach().numpy(), made.bias.detach().numpy()


def fitted(x, seed):
    """Every other one is trained by compiled code."""
    model = InfoMax(33 if seed % 2 else 16, max_iter=2, random_state=seed, device="cpu").fit(x)
    return model.components_, model.intercept_, model.loss_curve_


def encoded(name, x, seed):
    method = METHODS[name]
    settings = {**method.defaults, **({"epochs": 2} if "epochs" in method.defaults else {})}
    if method.reads_labels:
        settings["labels"] = torch.arange(len(x)) % 3
    (found,) = method.fit_or_raise(x, 4, [seed], **settings)
    return found.weight.numpy(), found.transform(x).numpy()


class TestAmongThreads:
    def test_layers(self):
        seeds = range(160)
        assert wrong(in_threads(layer, seeds), map(layer, seeds)) == 0

    def test_fits(self, sparse):
        seeds = range(48)
        expected = [fitted(sparse, seed) for seed in seeds]
        assert wrong(in_threads(partial(fitted, sparse), seeds), expected) == 0

    def test_stored_rows(self, tmp_path):
        specs = grid(RunSpec(dataset="synthetic", epochs=0, hidden_dim=2), seed=range(18))

        def computed(folder, spec):
            run(spec, store=str(tmp_path / folder), device="cpu", progress=False)

        def stored(folder):
            rows = open_store(tmp_path / folder).load("runs", [spec.key for spec in specs])
            return [list(map(str, rows[spec.key].items())) for spec in specs]

        for spec in specs:
            computed("alone", spec)
        in_threads(partial(computed, "threads"), specs)
        assert wrong(stored("threads"), stored("alone")) == 0

    @pytest.mark.parametrize("name", ["kmeans", "gmm", "picard", "simclr"])
    def test_prior_art(self, images, name):
        seeds = range(16)
        expected = [encoded(name, images, seed) for seed in seeds]
        before = list(warnings.filters)
        assert wrong(in_threads(partial(encoded, name, images), seeds), expected) == 0
        assert warnings.filters == before


class TestLeavesAlone:
    """What is the caller's: global streams, warning filters, numbers of threads."""

    @pytest.fixture(autouse=True)
    def _unchanged(self):
        torch.manual_seed(7)
        before = shared()
        yield
        assert shared() == before

    @pytest.mark.parametrize("seed", range(len(INITIALS)))
    def test_layer(self, seed):
        layer(seed)

    def test_fit(self, sparse):
        fitted(sparse, 1)
        fitted(sparse, 2)

    def test_run(self, tmp_path):
        spec = RunSpec(dataset="synthetic", epochs=1, hidden_dim=2, batch_size="full")
        run(spec, store=tmp_path, device="cpu", progress=False)

    @pytest.mark.parametrize("name", METHODS)
    def test_prior_art(self, images, name):
        encoded(name, images, 1)


@pytest.mark.parametrize("settings", [{}, {"objective": "barlow"}, {"lambda_wr": 1.0}], ids=str)
def test_numbers_do_not_depend_on_the_user_s_default_type(tmp_path, settings):
    spec = RunSpec(dataset="synthetic", epochs=1, hidden_dim=4, batch_size=500).but(**settings)
    expected = run(spec, store=tmp_path / "single", device="cpu", progress=False)
    torch.set_default_dtype(torch.float64)
    try:
        found = run(spec, store=tmp_path / "double", device="cpu", progress=False)
    finally:
        torch.set_default_dtype(torch.float32)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
