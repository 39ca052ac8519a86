"""The population against the plain loop of one layer, and layers against their neighbours."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks.plain_loop import train_reference
from infomax_lib import RunSpec, grid
from infomax_lib.measures.hsic import mean_hsic
from infomax_lib.measures.probes import linear_probe
from infomax_lib.measures.weights_and_outputs import (
    describe_outputs,
    describe_weights,
    max_responsibility,
    weight_redundancy,
)
from infomax_lib.model.competition import COMPETITIONS, GROUPED
from infomax_lib.model.layer import ACTIVATIONS, initial_parameters
from infomax_lib.model.objective import OBJECTIVES
from infomax_lib.model.streams import batches, generator, measured_epochs, recorded_epochs
from infomax_lib.training import population
from infomax_lib.training.compiled import layers as compiled_layers
from infomax_lib.training.population import MeasureWarning, Population, train_population

# 70 samples in batches of 16 leave a last batch of 6.
BASE = RunSpec(hidden_dim=4, batch_size=16, epochs=4, learning_rate=0.01)
DOUBLE = torch.float64


@pytest.fixture
def trained(monkeypatch, tiny):
    """A function that trains specs on the tiny data, and returns the runs and the population."""

    def train(specs, dtype=DOUBLE, **options):
        made = []

        class Kept(Population):
            def __init__(self, *args):
                super().__init__(*args)
                made.append(self)

        monkeypatch.setattr(population, "Population", Kept)
        runs = train_population(specs, tiny, dtype=dtype, **options)
        return runs, made[0]

    return train


def same_as_the_plain_loop(specs, data, runs, layers, tolerance=1e-10):
    dtype = layers.weight[0].dtype
    for place, spec in enumerate(specs):
        weight, bias, history = train_reference(spec, data, dtype)
        close = {"rtol": tolerance, "atol": tolerance, "err_msg": str(spec)}
        assert_allclose(layers.weight[place], weight, **close)
        assert_allclose(layers.bias[place], bias, **close)
        for name, values in history.items():
            assert_allclose(runs[place].history[name], values, **close)


MIXED = {
    "seed": [3, 42],
    "lambda_tc": [0.0, 1.0, 100.0],
}


@pytest.fixture(params=["compiled", "tensors"])
def both_ways(monkeypatch, request):
    """Train by compiled code wherever there is any, or nowhere."""
    monkeypatch.setattr(compiled_layers, "_LARGEST_SHARE", float(request.param == "compiled"))
    monkeypatch.setattr(compiled_layers, "_FEWEST_COLUMNS", 1)


@pytest.mark.usefixtures("both_ways")
class TestAgainstPlainLoop:
    @pytest.mark.parametrize("batch_size", [16, "full"])
    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    @pytest.mark.parametrize("competition", ["none", "softmax"])
    def test_mixed_lambdas(self, trained, tiny, competition, optimizer, batch_size):
        base = BASE.but(competition=competition, optimizer=optimizer, batch_size=batch_size)
        specs = grid(base, **MIXED)
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("batch_size", [16, "full"])
    @pytest.mark.parametrize("competition", ["none", "softmax"])
    def test_weight_redundancy_term(self, trained, tiny, competition, batch_size):
        specs = grid(
            BASE.but(competition=competition, batch_size=batch_size),
            seed=[3, 42], lambda_tc=[0.0, 5.0], lambda_wr=[0.5, 10.0],
        )  # fmt: skip
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.parametrize("competition", COMPETITIONS)
    def test_every_competition_under_every_objective(self, trained, tiny, competition, objective):
        specs = grid(
            BASE.but(
                competition=competition,
                objective=objective,
                group_size=2 if competition in GROUPED else 1,
                lambda_lse=0.5,
                temperature=0.7,
                activation="tanh",
            ),
            seed=[3, 42],
            lambda_tc=[0.0, 2.0],
        )
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    def test_all_objectives_of_one_view_in_one_population(self, trained, tiny):
        others = [name for name in OBJECTIVES if name not in ("barlow", "none")]
        specs = grid(
            BASE, seed=[3, 42], competition=["none", "softmax"], objective=others,
            lambda_lse=[0.0, 1.0], temperature=[1.0],
        )  # fmt: skip
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("objective", ["log_det", "decorrelation", "none"])
    def test_other_objectives_on_full_batches(self, trained, tiny, objective):
        base = BASE.but(objective=objective, batch_size="full", lambda_lse=0.3)
        specs = grid(base, seed=[3, 42], lambda_tc=[0.5, 2.0])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    def test_temperatures(self, trained, tiny):
        base = BASE.but(competition="softmax")
        specs = grid(base, seed=[3, 42], temperature=[0.1, 1.0, 10.0])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    def test_with_and_without_weight_redundancy_term(self, trained, tiny):
        specs = grid(BASE, seed=[3, 42], lambda_wr=[0.0, 1.0])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_mixed_learning_rates(self, trained, tiny, optimizer):
        specs = grid(
            BASE.but(optimizer=optimizer), seed=[3, 42], lambda_wr=[0.0, 1.0],
            learning_rate=[1e-4, 1e-3, 1e-2],
        )  # fmt: skip
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("rates", [[1e-2], [1e-3, 1e-2]])
    def test_frozen_biases(self, trained, tiny, rates):
        specs = grid(BASE.but(bias=False), seed=[3, 42], learning_rate=rates)
        runs, layers = trained(specs)
        same_as_the_plain_loop(specs, tiny, runs, layers)
        assert not torch.stack(layers.bias).any()

    def test_frozen_biases_stay_where_an_intervention_put_them(self, trained, tiny):
        specs = [BASE.but(bias=False, initial="offset_twins")]
        runs, layers = trained(specs)
        same_as_the_plain_loop(specs, tiny, runs, layers)
        assert layers.bias[0].tolist() == [0.5, -0.5, 0.5, -0.5]

    def test_mixed_starts(self, trained, tiny):
        specs = grid(BASE, seed=[3, 42], initial=["xavier", "twins", "offset_twins"])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_activations(self, trained, tiny, activation):
        specs = grid(BASE.but(activation=activation, competition="softmax"), seed=[3, 42])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("batch_size", [2, 23, 69, 70, 128])
    def test_batch_sizes(self, trained, tiny, batch_size):
        # 23 leaves a single sample over, as does 69; 128 exceeds the data. Two samples correlate
        # perfectly: nothing but rounding is left of that gradient, which Adam would make a step.
        specs = grid(BASE.but(batch_size=batch_size, epochs=2, optimizer="sgd"), seed=[3, 42])
        same_as_the_plain_loop(specs, tiny, *trained(specs))

    @pytest.mark.parametrize("competition", ["none", "softmax"])
    def test_float32_stays_close(self, trained, tiny, competition):
        specs = grid(BASE.but(competition=competition, learning_rate=1e-3), **MIXED)
        runs, layers = trained(specs, torch.float32)
        same_as_the_plain_loop(specs, tiny, runs, layers, tolerance=2e-4)

    @pytest.mark.parametrize("competition", ["none", "softmax"])
    def test_bfloat16_products_stay_near(self, tiny, competition):
        spec = BASE.but(competition=competition, precision="bfloat16", learning_rate=1e-3)
        population = Population([spec], tiny, "cpu", torch.float32)
        losses = [population.epoch()[0].item() for _ in range(spec.epochs)]
        _, _, history = train_reference(spec, tiny)
        assert population.weight[0].dtype == torch.float32
        assert losses == pytest.approx(history["loss"], rel=0.02)
        assert losses != pytest.approx(history["loss"], rel=1e-6)

    @pytest.mark.parametrize("batch_size", [16, "full"])
    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_mixed_widths_activations_and_competitions(self, trained, tiny, optimizer, batch_size):
        specs = grid(
            BASE.but(optimizer=optimizer, batch_size=batch_size, epochs=2),
            competition=["none", "softmax"], hidden_dim=[3, 5], activation=["tanh", "relu"],
            learning_rate=[1e-3, 1e-2], lambda_wr=[0.0, 2.0], seed=[3, 42],
        )  # fmt: skip
        same_as_the_plain_loop(specs, tiny, *trained(specs))


@pytest.mark.usefixtures("both_ways")
class TestNeighbours:
    @pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
    def test_a_layer_among_others_equals_the_layer_alone(self, trained, dtype):
        specs = grid(BASE.but(competition="softmax"), **MIXED, learning_rate=[1e-3, 1e-2])
        tolerance = 1e-10 if dtype == DOUBLE else 1e-4
        runs, layers = trained(specs, dtype)
        for place in (0, 4, 11):
            (alone,), one = trained([specs[place]], dtype)
            assert_allclose(layers.weight[place], one.weight[0], rtol=tolerance, atol=tolerance)
            assert_allclose(layers.bias[place], one.bias[0], rtol=tolerance, atol=tolerance)
            if dtype == DOUBLE:
                found, expected = runs[place].metrics, alone.metrics
                assert found.keys() == expected.keys()
                for name, value in expected.items():
                    # the probe's solver stops at 1e-4; Lanczos amplifies rounding a little
                    assert_allclose(found[name], value, rtol=1e-6, atol=1e-8, err_msg=name)

    def test_a_layer_alone_and_among_255_others(self, tiny):
        specs = grid(
            BASE.but(epochs=2), competition=["none", "softmax"], activation=["relu", "tanh"],
            hidden_dim=[2, 3], lambda_tc=[0.0, 1.0, 10.0, 100.0], lambda_wr=[0.0, 1.0],
            seed=[0, 1, 2, 3],
        )  # fmt: skip
        assert len(specs) == 256
        together = Population(specs, tiny, "cpu", DOUBLE)
        history = [together.epoch() for _ in range(2)]
        for place in range(0, 256, 17):
            alone = Population([specs[place]], tiny, "cpu", DOUBLE)
            for loss, tc in history:
                assert_allclose([loss[place], tc[place]], torch.cat(alone.epoch()), rtol=1e-10)
            for part in ("weight", "bias"):
                found, expected = (getattr(p, part)[n] for p, n in ((together, place), (alone, 0)))
                assert_allclose(found, expected, rtol=1e-10, atol=1e-10)

    def test_order_of_the_specs_does_not_matter(self, tiny):
        specs = grid(BASE, seed=[0, 1], hidden_dim=[3, 2], learning_rate=[1e-2, 1e-3])
        shuffled = [specs[place] for place in (3, 0, 7, 5, 1, 6, 2, 4)]
        first, second = (Population(s, tiny, "cpu", DOUBLE) for s in (specs, shuffled))
        losses = [dict(zip(p.specs, p.epoch()[0].tolist(), strict=True)) for p in (first, second)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)

    @pytest.mark.parametrize("lambda_wr", [0.0, 1.0])
    def test_a_layer_that_diverges_leaves_its_neighbours_bitwise_unchanged(
        self, trained, lambda_wr
    ):
        base = BASE.but(optimizer="sgd", lambda_wr=lambda_wr)
        calm = grid(base, seed=[3, 42], learning_rate=[1e-4, 2e-4, 3e-4])
        wild = list(calm)
        wild[1] = wild[1].but(learning_rate=1e30)
        others = [0, 2, 3, 4, 5]
        (calm_runs, calm_layers), (wild_runs, wild_layers) = (
            trained(specs, torch.float32) for specs in (calm, wild)
        )
        for place in others:
            assert torch.equal(calm_layers.weight[place], wild_layers.weight[place])
            assert torch.equal(calm_layers.bias[place], wild_layers.bias[place])
            assert calm_runs[place].metrics.keys() == wild_runs[place].metrics.keys()
            for part in ("metrics", "history", "measures"):
                found, expected = (getattr(r[place], part) for r in (wild_runs, calm_runs))
                for name, value in expected.items():
                    assert np.array_equal(found[name], value, equal_nan=True), name
            assert np.isnan(wild_runs[place].metrics["diverged_at"])
        lost = wild_runs[1].metrics
        assert lost["diverged_at"] == 1
        for name in ("loss", "weight_redundancy", "output_correlation", "hsic", "effective_rank",
                     "probe_accuracy", "curvature_max", "row_norm"):  # fmt: skip
            assert np.isnan(lost[name]), name

    def test_divergence_is_dated_by_loss_or_weights(self, trained, tiny, monkeypatch):
        epochs_seen = []

        class Spoiled(Population):
            def epoch(self):
                result = super().epoch()
                epochs_seen.append(len(epochs_seen) + 1)
                if epochs_seen[-1] == 2:
                    self.weight[0][1, 2] = torch.inf  # after the epoch's loss was taken
                return result

        monkeypatch.setattr(population, "Population", Spoiled)
        runs = train_population(grid(BASE, lambda_tc=[0.0, 1.0]), tiny)
        assert runs[0].metrics["diverged_at"] == 2
        assert np.isfinite(runs[0].history["loss"]).tolist() == [True, True, False, False]
        assert np.isnan(runs[1].metrics["diverged_at"])
        assert np.isfinite(runs[1].history["loss"]).all()


class TestRecords:
    def test_history_and_measures(self, trained, tiny):
        spec = BASE.but(epochs=12, competition="softmax")
        (run,), layers = trained([spec], keep_weights=True)
        weight, bias, history = train_reference(spec, tiny, DOUBLE)
        assert run.history["epoch"] == list(range(1, 13))
        assert run.measures["epoch"] == list(run.weights) == [0, 1, 2, 5, 10, 12]
        assert_allclose(run.metrics["loss"], history["loss"][-1], rtol=1e-10)
        assert_allclose(run.metrics["train_tc"], history["train_tc"][-1], rtol=1e-10)

        start, _ = initial_parameters(10, 4, 42)
        assert np.array_equal(run.weights[0], np.pad(start.numpy(), ((0, 0), (0, 1))))
        last = torch.cat([layers.weight[0], layers.bias[0].unsqueeze(-1)], -1).float()
        assert np.array_equal(run.weights[12], last.numpy())
        assert run.weights[12].dtype == np.float32
        for place, epoch in enumerate(run.measures["epoch"]):
            kept = torch.from_numpy(run.weights[epoch]).double()
            redundancy = weight_redundancy(kept[:, :-1]).item()
            assert run.measures["weight_redundancy"][place] == pytest.approx(redundancy, rel=1e-5)

        z = tiny.test.double() @ weight.T + bias
        expected = describe_weights(weight, bias)
        h = z.relu()
        a = h.softmax(-1)
        expected |= describe_outputs(a)
        expected["hsic"] = mean_hsic(a)
        expected["hsic_floor"] = mean_hsic(a, shuffled=True)
        expected["max_responsibility"] = max_responsibility(a)
        train = (tiny.train.double() @ weight.T + bias).relu()
        labels = tiny.train_labels, tiny.test_labels
        expected["probe_accuracy"] = linear_probe(train.softmax(-1), labels[0], a, labels[1])
        expected["probe_accuracy_pre"] = linear_probe(train, labels[0], h, labels[1])
        for name, value in expected.items():
            assert_allclose(run.metrics[name], value, rtol=1e-6, atol=1e-9, err_msg=name)
            assert run.measures[name][-1] == run.metrics[name]
        assert run.metrics["curvature_max"] > run.metrics["curvature_min"]

    def test_probe_and_hsic_are_taken_at_both_ends_alone(self, trained):
        (run,), _ = trained([BASE])
        assert run.measures["epoch"] == [0, 1, 2, 4]
        for name in ("hsic", "hsic_floor", "probe_accuracy", "probe_accuracy_pre"):
            assert np.isfinite(run.measures[name]).tolist() == [True, False, False, True], name

    def test_without_competition_there_is_no_responsibility_and_one_probe(self, trained):
        (run,), _ = trained([BASE])
        assert np.isnan(run.metrics["max_responsibility"])
        assert run.metrics["probe_accuracy"] == run.metrics["probe_accuracy_pre"]

    def test_no_weights_unless_asked_for(self, trained):
        (run,), _ = trained([BASE])
        assert run.weights == {}

    def test_untrained(self, trained):
        specs = grid(BASE.but(epochs=0), seed=[3, 42])
        runs, layers = trained(specs)
        for place, (spec, run) in enumerate(zip(specs, runs, strict=True)):
            assert torch.equal(
                layers.weight[place], initial_parameters(10, 4, spec.seed)[0].double()
            )
            assert np.isnan([run.metrics["loss"], run.metrics["train_tc"]]).all()
            assert run.metrics["row_norm"] > 0
            assert run.measures["epoch"] == [0]

    def test_layers_that_start_alike_share_their_first_measures(self, trained):
        specs = grid(BASE, seed=[3, 42], initial=["xavier", "twins"], lambda_tc=[0.0, 100.0])
        runs, _ = trained(specs)
        by_curvature = ("epoch", "curvature_min", "curvature_max")  # these depend on the loss
        names = [name for name in runs[0].measures if name not in by_curvature]
        first = [[run.measures[name][0] for name in names] for run in runs]
        for place, spec in enumerate(specs):
            (alone,), _ = trained([spec])
            expected = [alone.measures[name][0] for name in names]
            assert_allclose(first[place], expected, rtol=1e-6, atol=1e-9)
        assert np.array_equal(first[0], first[1], equal_nan=True)
        assert first[0] != first[2]
        assert first[0] != first[4]

    def test_a_failing_measure_loses_no_training(self, tiny, monkeypatch):
        real = population.measure_layers

        def failing(*args, complete, untrained):
            if complete and not untrained:
                raise RuntimeError("out of memory")
            return real(*args, complete=complete, untrained=untrained)

        monkeypatch.setattr(population, "measure_layers", failing)
        with pytest.warns(MeasureWarning, match=r"epoch 4 of 1 run\(s\).*out of memory"):
            (run,) = train_population([BASE], tiny, dtype=DOUBLE, keep_weights=True)
        weight, _, history = train_reference(BASE, tiny, DOUBLE)
        assert_allclose(run.metrics["loss"], history["loss"][-1], rtol=1e-10)
        assert_allclose(run.weights[4][:, :-1], weight, rtol=1e-6)
        assert run.measures["epoch"] == [0, 1, 2, 4]
        assert np.isfinite(run.measures["row_norm"]).tolist() == [True, True, True, False]
        assert np.isnan(run.metrics["weight_redundancy"])

        monkeypatch.setattr(population, "measure_layers", lambda *args, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train_population([BASE], tiny)

    def test_on_epoch_is_called_after_every_epoch(self, trained):
        calls = []
        trained(grid(BASE, seed=[3, 42]), on_epoch=lambda: calls.append(1))
        assert len(calls) == 4

    def test_every_seed_needs_the_same_kinds_of_layers(self, trained):
        specs = [BASE.but(seed=3), BASE.but(seed=42, activation="tanh")]
        with pytest.raises(ValueError, match="as many layers of each width"):
            trained(specs)


class TestEpochs:
    def test_measured(self):
        assert measured_epochs(0) == [0]
        assert measured_epochs(1) == [0, 1]
        assert measured_epochs(100) == [0, 1, 2, 5, 10, 20, 50, 100]
        assert measured_epochs(150) == [0, 1, 2, 5, 10, 20, 50, 100, 150]

    def test_recorded(self):
        assert recorded_epochs(0) == set()
        assert recorded_epochs(1000) == set(range(1, 1001))
        many = recorded_epochs(100_000)
        assert 500 < len(many) < 1100
        assert {1, 2, 3, 100_000} <= many
        assert set(measured_epochs(100_000)) <= many
        assert max(many) == 100_000

    def test_long_histories_are_thinned(self, tiny):
        data = dataclasses.replace(tiny, train=tiny.train[:20], train_labels=tiny.train_labels[:20])
        spec = BASE.but(batch_size="full", epochs=1001)
        (run,) = train_population([spec], data)
        assert run.history["epoch"] == sorted(recorded_epochs(1001) - {0})
        assert len(run.history["loss"]) == len(run.history["epoch"]) < 1000
        assert run.metrics["loss"] == run.history["loss"][-1]


class TestOrder:
    def test_every_sample_once_per_epoch_and_a_short_last_batch(self):
        order = [generator(0, "order"), generator(1, "order")]
        parts = list(batches(70, 16, order))
        assert [tuple(part.shape) for part in parts] == [(2, 16)] * 4 + [(2, 6)]
        together = torch.cat(parts, 1)
        assert torch.equal(together.sort(1).values, torch.arange(70).expand(2, -1))
        assert not torch.equal(together[0], together[1])

    def test_a_single_sample_left_over_is_left_out(self):
        assert [part.shape[1] for part in batches(17, 8, [generator(0, "order")])] == [8, 8]

    def test_epochs_differ(self):
        order = [generator(0, "order")]
        first, second = (torch.cat(list(batches(70, 16, order)), 1) for _ in range(2))
        assert not torch.equal(first, second)

    def test_an_order_does_not_depend_on_the_others(self):
        alone = list(batches(70, 16, [generator(1, "order")]))
        among = list(batches(70, 16, [generator(s, "order") for s in (0, 1, 2)]))
        for one, many in zip(alone, among, strict=True):
            assert torch.equal(one[0], many[1])

    def test_one_stream_per_seed_and_purpose(self):
        draws = [
            torch.rand(3, generator=generator(seed, purpose)).tolist()
            for seed in (0, 1, 2**63 - 1)
            for purpose in ("order", "noise")
        ]
        assert len({tuple(draw) for draw in draws}) == 6
        assert draws[0] == torch.rand(3, generator=generator(0, "order")).tolist()

    def test_training_leaves_the_global_random_state_alone(self, trained):
        before = torch.random.get_rng_state()
        trained([BASE])
        assert torch.equal(torch.random.get_rng_state(), before)
