"""Compiled training steps against formulas in float64; tables, threads, and what is compiled.

That whole trainings equal those of the plain loop is tested in test_population.py.
"""

import dataclasses

import numpy as np
import pytest
import torch
from numba.core import caching
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from benchmarks.plain_loop import PlainLoop
from infomax_lib import RunSpec, grid
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.model.objective import OBJECTIVES, weight_redundancy
from infomax_lib.training.compiled import layers, step
from infomax_lib.training.compiled.layers import CompiledLayers
from infomax_lib.training.population import Population
from infomax_lib.training.tensors.layers import TensorLayers

DOUBLE = torch.float64
SPEC = RunSpec(hidden_dim=4, batch_size=16, epochs=2, learning_rate=0.01)


@pytest.fixture(autouse=True)
def few_columns(monkeypatch):
    monkeypatch.setattr(layers, "_FEWEST_COLUMNS", 1)


@pytest.fixture
def sparse(tiny):
    """The tiny data with most inputs set to zero; one input and one sample are zero throughout."""
    keep = torch.rand(tiny.train.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    keep[:, 2] = False
    keep[5] = False
    return dataclasses.replace(tiny, train=tiny.train * keep)


def trained(specs, data, dtype=torch.float32, epochs=2):
    """The weights of a population, and its losses."""
    population = Population(specs, data, "cpu", dtype)
    assert isinstance(population.layers, CompiledLayers)
    losses = [population.epoch() for _ in range(epochs)]
    return population.weight, population.bias, losses


def same_bits(found, expected):
    for one, other in zip(found[:2], expected[:2], strict=True):
        assert all(map(torch.equal, one, other))
    for one, other in zip(found[2], expected[2], strict=True):
        assert all(map(torch.equal, one, other))


# What is compiled takes numbers one by one, so the elementary functions are called through a loop.
@step._compiled
def each_exp(x):
    for i in range(x.shape[0]):
        x[i] = step._exp(x[i])


@step._compiled
def each_tanh(x):
    for i in range(x.shape[0]):
        x[i] = step._tanh(x[i])


@step._compiled
def each_log1p(x):
    for i in range(x.shape[0]):
        x[i] = step._log1p(x[i])


UNIT = np.finfo(np.float32).eps / 2


class TestElementaryFunctions:
    @pytest.mark.parametrize(
        ("function", "exact", "low", "high"),
        [
            (each_exp, np.exp, -87, 88),
            (each_exp, np.exp, -1, 1),
            (each_tanh, np.tanh, -20, 20),
            (each_tanh, np.tanh, -1e-3, 1e-3),
            (each_log1p, np.log1p, 0, 1),
            (each_log1p, np.log1p, 0, 1e-6),
        ],
    )
    def test_error_of_a_few_units_in_the_last_place(self, function, exact, low, high):
        x = np.linspace(low, high, 100_003).astype(np.float32)
        x = x[x != 0]
        found = x.copy()
        function(found)
        assert_allclose(found, exact(x.astype(np.float64)), rtol=4 * UNIT)

    @pytest.mark.parametrize(
        ("function", "exact"), [(each_exp, np.exp), (each_tanh, np.tanh), (each_log1p, np.log1p)]
    )
    def test_double_precision(self, function, exact):
        x = np.linspace(0, 1, 1001)
        found = x.copy()
        function(found)
        assert_allclose(found, exact(x), rtol=1e-15)

    @pytest.mark.parametrize("function", [each_exp, each_tanh])
    def test_limits(self, function):
        # so many that vectors are used, and a rest
        x = np.tile(np.float32([0, -np.inf, np.inf, -1e30, 1e30, np.nan, -0.0]), 9)
        function(x)
        if function is each_exp:
            expected = [1, 0, np.inf, 0, np.inf, np.nan, 1]
            x = np.where(x < 1e-37, 0, np.where(x > 1e38, np.inf, x))
        else:
            expected = [0, -1, 1, -1, 1, np.nan, 0]
        assert np.array_equal(x, np.tile(expected, 9).astype(np.float32), equal_nan=True)


class TestStep:
    """One step of gradient descent shows the gradient."""

    @staticmethod
    def check(spec, data, samples, dtype=DOUBLE, tolerance=1e-9):
        loop = PlainLoop(spec, data, dtype)
        population = Population([spec], data, "cpu", dtype)
        assert isinstance(population.layers, CompiledLayers)
        loss, tc = loop.step(samples)
        population.train([samples.unsqueeze(0)])
        found_loss, found_tc = population.layers.take_sums()
        close = {"rtol": tolerance, "atol": tolerance, "err_msg": str(spec)}
        assert_allclose(found_loss[0], loss, **close)
        assert_allclose(found_tc[0], tc, **close)
        assert_allclose(population.weight[0], loop.weight.detach(), **close)
        assert_allclose(population.bias[0], loop.bias.detach(), **close)

    @pytest.mark.parametrize("objective", ["infomax", "decorrelation"])
    @pytest.mark.parametrize(
        ("name", "temperature"), [("none", 1.0), ("softmax", 1.0), ("softmax", 0.5)]
    )
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-9), (torch.float32, 2e-5)])
    def test_every_kind_of_layer(
        self, sparse, activation, name, temperature, objective, dtype, tolerance
    ):
        spec = SPEC.but(
            activation=activation, competition=name, temperature=temperature,
            objective=objective, lambda_tc=0.7, optimizer="sgd", learning_rate=0.1,
        )  # fmt: skip
        self.check(spec, sparse, torch.arange(3, 40), dtype, tolerance)

    @pytest.mark.parametrize("units", [1, 2, 7, 8, 9, 16, 21, 64])
    def test_every_width_of_a_vector(self, sparse, units):
        spec = SPEC.but(hidden_dim=units, activation="tanh", optimizer="sgd", lambda_tc=0.1)
        self.check(spec, sparse, torch.arange(70))

    @pytest.mark.parametrize("size", [2, 7, 8, 9, 70])
    def test_every_size_of_a_batch(self, sparse, size):
        spec = SPEC.but(hidden_dim=3, activation="tanh", optimizer="sgd", learning_rate=1e-4)
        self.check(spec, sparse, torch.arange(20, 20 + min(size, 50)))

    @pytest.mark.parametrize("value", [25.0, -25.0])
    def test_far_out(self, sparse, value):
        """Where softplus is the identity, or next to nothing."""
        far = dataclasses.replace(sparse, train=sparse.train * value)
        spec = SPEC.but(activation="softplus", optimizer="sgd", learning_rate=1e-3)
        self.check(spec, far, torch.arange(40))

    def test_redundancy_of_a_row_without_direction(self, sparse):
        table = np.random.default_rng(0).standard_normal((10, 4))
        table[:, 2] = 0
        value = step._redundancy_gradient(table, 2.0, np.zeros_like(table))
        assert value == pytest.approx(2 * weight_redundancy(torch.from_numpy(table.T)).item())


class TestGroupByInput:
    def test_same_as_scipy(self, sparse):
        inputs = layers._with_ones(sparse, torch.float32)
        samples = torch.randint(70, (3, 11), generator=torch.Generator().manual_seed(0)).numpy()
        found = step.group_by_input(inputs, samples, 11)
        matrix = csr_array((inputs.values, inputs.places.astype(int), inputs.offsets))
        assert np.array_equal(matrix.todense()[:, :-1], sparse.train)
        assert (matrix.todense()[:, -1] == 1).all()
        for batch, own in zip(samples, found.offsets, strict=True):
            expected = matrix[batch].tocsc()
            assert np.array_equal(own - own[0], expected.indptr)
            assert np.array_equal(found.members[own[0] : own[-1]], expected.indices)
            assert np.array_equal(found.values[own[0] : own[-1]], expected.data)


MIXED = grid(
    SPEC, seed=[3, 42], hidden_dim=[3, 5, 4], competition=["none", "softmax"],
    activation=["relu", "tanh"], lambda_wr=[0.0, 1.0], learning_rate=[1e-3, 1e-2],
)  # fmt: skip


class TestTables:
    """How layers are laid out changes rounding alone, and who trains them not even that."""

    @pytest.fixture
    def expected(self, sparse):
        return trained(MIXED, sparse)

    @pytest.mark.parametrize("columns", [1, 8, 30])
    def test_size(self, monkeypatch, sparse, columns):
        expected = trained(MIXED, sparse, DOUBLE)
        monkeypatch.setattr(layers, "_TABLE_COLUMNS", columns)
        for found, wanted in zip(trained(MIXED, sparse, DOUBLE), expected, strict=True):
            for one, other in zip(found, wanted, strict=True):
                for part, same in zip(one, other, strict=True):
                    assert_allclose(part, same, rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize("samples", [1, 40])
    def test_batches_in_a_row(self, monkeypatch, sparse, expected, samples):
        monkeypatch.setattr(layers, "_SAMPLES_AT_ONCE", samples)
        same_bits(trained(MIXED, sparse), expected)

    @pytest.mark.parametrize("threads", [2, 3, 5])
    def test_threads(self, monkeypatch, sparse, threads):
        monkeypatch.setattr(layers, "_TABLE_COLUMNS", 8)
        expected = trained(MIXED, sparse)
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            found = trained(MIXED, sparse)
        finally:
            torch.set_num_threads(before)
        same_bits(found, expected)

    def test_twice(self, sparse, expected):
        same_bits(trained(MIXED, sparse), expected)

    def test_a_layer_that_is_not_finite_stays_alone(self, sparse, expected):
        population = Population(MIXED, sparse, "cpu", torch.float32)
        population.weight[5][0, 4] = torch.nan
        for _ in range(2):
            population.epoch()
        assert population.weight[5].isnan().any()
        for place in range(len(MIXED)):
            if place != 5:
                assert torch.equal(population.weight[place], expected[0][place])
                assert torch.equal(population.bias[place], expected[1][place])

    @pytest.mark.parametrize(
        ("columns", "parts"),
        [(128, [[4, 0, 7, 2]]), (64, [[4, 0, 7], [2]]), (1, [[4], [0], [7], [2]])],
    )
    def test_parts_of_neighbours(self, monkeypatch, columns, parts):
        monkeypatch.setattr(layers, "_TABLE_COLUMNS", columns)
        assert list(layers._parts([4, 0, 7, 2], [16, 16, 32, 64])) == parts

    def test_batches_are_loaded_as_they_are_asked_for(self, monkeypatch, sparse):
        monkeypatch.setattr(layers, "_SAMPLES_AT_ONCE", 32)
        asked = []

        def parts():
            for start in range(0, 64, 16):
                asked.append(start)
                yield torch.arange(start, start + 16).unsqueeze(0)

        seen = []
        load = CompiledLayers._load
        monkeypatch.setattr(
            CompiledLayers, "_load", lambda *own: (seen.append(len(asked)), load(*own))[1]
        )
        assert Population([SPEC], sparse, "cpu", torch.float32).train(parts()) == 4
        assert seen == [2, 4]


class TestChoice:
    """Compiled code serves where there is any and it is faster, and nowhere else."""

    @staticmethod
    def kind(data, **changes):
        return type(Population([SPEC.but(**changes)], data, "cpu", torch.float32).layers)

    @pytest.mark.parametrize(
        "changes",
        [{}, {"competition": "softmax"}, {"lambda_wr": 1.0}, {"optimizer": "sgd"}],
        ids=str,
    )
    def test_compiled(self, sparse, changes):
        assert self.kind(sparse, **changes) is CompiledLayers

    @pytest.mark.parametrize(
        "changes",
        [
            {"precision": "bfloat16"},
            {"objective": "barlow"},
            {"objective": "log_det"},
            {"competition": "sparsemax"},
            {"lambda_lse": 0.5},
        ],
        ids=str,
    )
    def test_operations_on_tensors(self, sparse, changes):
        assert self.kind(sparse, **changes) is TensorLayers

    def test_one_layer_of_another_kind_decides(self, sparse):
        specs = grid(SPEC, lambda_lse=[0.0, 1.0])
        assert isinstance(Population(specs, sparse, "cpu", DOUBLE).layers, TensorLayers)

    @pytest.mark.parametrize("batch_size", [17, "full"])
    def test_large_batches(self, monkeypatch, sparse, batch_size):
        monkeypatch.setattr(layers, "_LARGEST_BATCH", 16)
        assert self.kind(sparse, batch_size=16) is CompiledLayers
        assert self.kind(sparse, batch_size=batch_size) is TensorLayers

    def test_few_columns(self, monkeypatch, sparse):
        monkeypatch.setattr(layers, "_FEWEST_COLUMNS", 5)
        assert self.kind(sparse, hidden_dim=5) is CompiledLayers
        assert self.kind(sparse, hidden_dim=4) is TensorLayers

    def test_dense_data(self, tiny):
        assert self.kind(tiny) is TensorLayers


def test_compiles_where_no_folder_may_be_written_to(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert step._compiled(abs_of)(-2) == 2


def abs_of(x):
    return abs(x)


def test_constants_are_those_of_the_formulas():
    from infomax_lib.model import objective

    assert step._EPSILON == objective.EPSILON
    assert step._SHORTEST == objective._SHORTEST
    assert set(step.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(layers._OBJECTIVES) <= set(OBJECTIVES)


def test_weights_are_views_that_training_changes(sparse):
    population = Population(MIXED, sparse, "cpu", torch.float32)
    before = [weight.clone() for weight in population.weight]
    population.epoch()
    assert not any(map(torch.equal, before, population.weight))
