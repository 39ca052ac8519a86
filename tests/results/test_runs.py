"""run(), history() and trained_layer(): what is computed, what is known, and what is refused."""

from collections import Counter
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from infomax_lib import (
    InfoMaxLayer,
    RunSpec,
    Store,
    grid,
    history,
    load_dataset,
    run,
    trained_layer,
)
from infomax_lib.measures.weights_and_outputs import (
    describe_outputs,
    describe_weights,
    row_norm,
    weight_redundancy,
)
from infomax_lib.results import compute, runs
from infomax_lib.training import grouping, memory
from infomax_lib.training.devices import resolve_device

SMALL = RunSpec(dataset="synthetic", hidden_dim=3, epochs=2, batch_size="full", learning_rate=0.01)


@pytest.fixture
def calls(monkeypatch):
    """The populations that are trained, as lists of specs."""
    trained = []
    real = compute.train_population

    def spy(specs, *args, **kwargs):
        trained.append(list(specs))
        return real(specs, *args, **kwargs)

    monkeypatch.setattr(compute, "train_population", spy)
    return trained


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


class TestTable:
    COLUMNS = (
        "loss", "train_tc", "weight_redundancy", "redundancy_over_random", "rms_cosine",
        "max_abs_cosine", "max_cosine", "aligned_pairs", "threshold_gap", "output_correlation",
        "mean_r2_excess", "effective_rank", "entropy_rank", "dead_units", "min_relative_variance",
        "firing_rate", "cofiring_excess", "hsic", "hsic_floor", "row_norm", "max_responsibility",
        "probe_accuracy", "probe_accuracy_pre", "curvature_max", "curvature_min", "diverged_at",
    )  # fmt: skip

    def test_one_row_per_spec_in_order_with_fields_and_measures(self, store):
        specs = grid(SMALL, seed=[2, 0, 1], competition=["softmax", "none"])
        table = run(specs, store=store, progress=False)
        assert table["key"].tolist() == [spec.key for spec in specs]
        assert list(table.columns[: len(RunSpec.model_fields) + 1]) == [
            "key",
            *RunSpec.model_fields,
        ]
        assert set(table.columns[len(RunSpec.model_fields) + 1 :]) == set(self.COLUMNS)
        for spec, (_, row) in zip(specs, table.iterrows(), strict=True):
            assert {name: row[name] for name in RunSpec.model_fields} == spec.model_dump()
        assert table["diverged_at"].isna().all()
        assert table["max_responsibility"].isna().tolist() == [False, True] * 3

    def test_duplicates_are_computed_once_and_listed_as_often_as_asked(self, calls, store):
        one, other = SMALL, SMALL.but(seed=1)
        table = run([one, other, one], store=store, progress=False)
        assert table["key"].tolist() == [one.key, other.key, one.key]
        assert [*chain(*calls)] == [one, other]

    def test_zeros_of_either_sign_are_one_run(self, calls, store):
        table = run(grid(SMALL, lambda_tc=[0.0, -0.0]), store=store)
        assert calls == [[SMALL.but(lambda_tc=0.0)]]
        assert table.iloc[0].equals(table.iloc[1])
        assert history(SMALL.but(lambda_tc=-0.0), store=store)["key"].nunique() == 1

    def test_a_single_spec(self, store):
        assert run(SMALL, store=store, progress=False)["key"].tolist() == [SMALL.key]

    def test_nothing(self, store, calls):
        assert run([], store=store).empty
        assert history([], store=store).empty
        assert calls == []

    def test_reloaded_results_are_the_same(self, store):
        specs = grid(SMALL, seed=[0, 1])
        computed = run(specs, store=store, progress=False)
        reloaded = run(specs, store=store.folder, progress=False)
        pd.testing.assert_frame_equal(computed, reloaded, check_exact=True)
        pd.testing.assert_frame_equal(
            history(specs, store=store), history(specs, store=store.folder), check_exact=True
        )

    def test_a_diverging_run_is_an_outcome(self, store):
        wild = SMALL.but(optimizer="sgd", learning_rate=1e30)
        specs = [wild.but(learning_rate=1e-4), wild]
        table = run(specs, store=store, progress=False)
        assert table["diverged_at"].isna().tolist() == [True, False]
        assert table["diverged_at"][1] == 2  # the first step's weights are large, yet finite
        assert np.isfinite(table["loss"][0])
        assert np.isnan(table["loss"][1])

    def test_a_field_changes_the_numbers(self, store):
        specs = [SMALL, SMALL.but(lambda_tc=10.0), SMALL.but(epochs=3), SMALL.but(seed=7)]
        assert run(specs, store=store, progress=False)["loss"].nunique() == 4


class TestWhatIsComputed:
    def test_only_what_is_missing(self, calls, store):
        run(grid(SMALL, seed=[0, 1]), store=store, progress=False)
        run(grid(SMALL, seed=[1, 2, 0, 3]), store=store, progress=False)
        assert calls == [grid(SMALL, seed=[0, 1]), grid(SMALL, seed=[2, 3])]
        run(grid(SMALL, seed=[3, 2, 1, 0]), store=store.folder, progress=False)
        assert len(calls) == 2

    def test_what_another_process_finished_meanwhile_is_not_computed(
        self, calls, store, monkeypatch
    ):
        monkeypatch.setattr(grouping, "_MAX_LAYERS", 2)
        specs = grid(SMALL, lambda_tc=[0.0, 1.0, 2.0, 3.0])
        elsewhere = Store(store.folder)
        write = store.write

        def write_and_be_overtaken(*args, **kwargs):
            write(*args, **kwargs)
            if len(calls) == 1:
                run(specs[2:3], store=elsewhere, progress=False)

        monkeypatch.setattr(store, "write", write_and_be_overtaken)
        run(specs, store=store, progress=False)
        assert calls == [specs[:2], specs[2:3], specs[3:]]

    MIXED = grid(
        SMALL.but(batch_size=500),
        activation=["relu", "tanh"],
        hidden_dim=[2, 3],
        lambda_tc=[0.0, 1.0],
        seed=[1, 0, 2],
    )

    def test_populations_are_those_of_the_whole_grid(self, calls, store):
        specs = [*self.MIXED, *grid(SMALL, optimizer=["sgd", "adam"])]
        table = run(specs, store=store, progress=False)
        assert calls == list(grouping.populations(specs))
        assert Counter(chain(*calls)) == Counter(specs)
        assert table["key"].tolist() == [spec.key for spec in specs]

    def test_going_on_trains_the_populations_of_an_undisturbed_run(
        self, calls, store, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(grouping, "_MAX_LAYERS", 3)
        undisturbed = run(self.MIXED, store=tmp_path / "undisturbed", progress=False)
        planned = list(calls)
        left = [spec for spec in self.MIXED if spec not in planned[0]]
        regrouped = {frozenset(group) for group in grouping.populations(left)}
        assert regrouped != {frozenset(group) for group in planned[1:]}  # else this shows nothing

        class Killed(BaseException):
            pass

        def killed_after_the_first(*args, real=compute.train_population, **kwargs):
            if len(calls) == len(planned) + 1:
                raise Killed
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(compute, "train_population", killed_after_the_first)
            with pytest.raises(Killed):
                run(self.MIXED, store=store, progress=False)
        resumed = run(self.MIXED, store=Store(store.folder), progress=False)
        assert calls[len(planned) :] == planned
        pd.testing.assert_frame_equal(resumed, undisturbed, check_exact=True)

    def test_of_a_population_that_is_partly_known_only_the_rest_is_trained(self, calls, store):
        # what is left has other widths for one seed than for another, and cannot train together
        known = [spec for spec in self.MIXED if (spec.seed, spec.hidden_dim) == (0, 3)]
        run(known, store=store, progress=False)
        calls.clear()
        run(self.MIXED, store=store, progress=False)
        assert Counter(chain(*calls)) == Counter(self.MIXED) - Counter(known)

    def test_uneven_numbers_per_seed(self, calls, store):
        specs = [*grid(SMALL.but(batch_size=500), seed=[0, 1], lambda_tc=[0.0, 1.0])]
        specs.append(specs[0].but(seed=2))
        table = run(specs, store=store, progress=False)
        assert table["key"].tolist() == [spec.key for spec in specs]
        assert sorted(len(population) for population in calls) == [1, 4]

    def test_results_do_not_depend_on_the_company(self, store, tmp_path):
        specs = grid(SMALL, seed=[0, 1], lambda_tc=[0.0, 1.0, 10.0])
        together = run(specs, store=store, progress=False)
        alone = run(specs[4], store=tmp_path / "alone", progress=False)
        for name in ("loss", "train_tc", "weight_redundancy", "output_correlation", "row_norm"):
            assert_allclose(together[name][4], alone[name][0], rtol=1e-4, err_msg=name)


class TestPlan:
    def test_says_what_run_would_do_and_does_nothing(self, calls, store):
        specs = grid(SMALL, seed=[0, 1, 2])
        run(specs[1], store=store, progress=False)
        calls.clear()
        found = runs.plan([*specs, specs[0]], store)
        assert found.runs == specs
        assert found.missing == [specs[0], specs[2]]
        assert found.groups == [specs]
        assert found.parts == [[specs[0], specs[2]]]
        assert runs.plan(specs, store, keep_weights=True).parts == [specs]
        assert calls == []

    def test_long_work_is_split_for_a_cluster_whatever_its_workers(self, store):
        assert runs.tasks_wanted(None) == 16
        assert runs.tasks_wanted(torch.device("cpu")) == torch.get_num_threads()
        assert runs.tasks_wanted(torch.device("cuda")) == 1
        specs = grid(SMALL, seed=range(20))
        long = grid(SMALL.but(epochs=10**8), seed=range(20))
        assert len(runs.plan(specs, store, cores=16).parts) == 1
        assert len(runs.plan(long, store, cores=16).parts) >= 16

    def test_what_is_known_needs_no_dataset(self, store, monkeypatch):
        before = run(SMALL, store=store, progress=False)

        def missing(name):
            raise AssertionError(f"{name} was read")

        monkeypatch.setattr(grouping, "load_dataset", missing)
        monkeypatch.setattr(compute, "load_dataset", missing)
        pd.testing.assert_frame_equal(run(SMALL, store=store), before, check_exact=True)


class TestInterruption:
    def test_keeps_what_is_finished_and_says_how_to_go_on(self, store, monkeypatch, capsys):
        monkeypatch.setattr(grouping, "_MAX_LAYERS", 2)
        real, calls = compute.train_population, []

        def interrupted(specs, *args, on_epoch, **kwargs):
            calls.append(list(specs))

            def tick():
                if len(calls) == 2:
                    raise KeyboardInterrupt
                on_epoch()

            return real(specs, *args, on_epoch=tick, **kwargs)

        monkeypatch.setattr(compute, "train_population", interrupted)
        specs = grid(SMALL, lambda_tc=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
        with pytest.raises(KeyboardInterrupt):
            run(specs, store=store, progress=False)
        message = capsys.readouterr().out
        assert "2 of 6 runs are finished" in message
        assert str(store.folder) in message
        assert "call run() again with the same specs" in message
        assert Store(store.folder).keys("runs") == {spec.key for spec in specs[:2]}

        calls[:] = [None] * 2
        table = run(specs, store=store, progress=False)
        assert calls[2:] == [specs[2:4], specs[4:]]
        assert table["key"].tolist() == [spec.key for spec in specs]


class TestProgress:
    def test_is_shown_while_something_is_computed(self, store, capsys):
        specs = grid(SMALL, seed=[0, 1])
        run(specs, store=store)
        shown = capsys.readouterr().err
        assert "training 2 run(s) on cpu" in shown
        assert "4/4" in shown  # layers times epochs
        run(specs, store=store)
        assert capsys.readouterr().err == ""

    def test_can_be_turned_off(self, store, capsys):
        run(SMALL, store=store, progress=False)
        assert capsys.readouterr() == ("", "")


class TestHistory:
    def test_every_epoch_and_the_measured_ones(self, store):
        specs = grid(SMALL.but(epochs=12), seed=[0, 1], competition=["none", "softmax"])
        table = run(specs, store=store, progress=False)
        tidy = history(specs, store=store)
        front = ["key", *RunSpec.model_fields, "epoch"]
        assert list(tidy.columns[: len(front)]) == front
        for spec, (_, final) in zip(specs, table.iterrows(), strict=True):
            part = tidy[tidy["key"] == spec.key].set_index("epoch")
            assert part.index.tolist() == list(range(13))
            assert part["loss"].isna().tolist() == [True] + [False] * 12
            assert part["train_tc"].isna().tolist() == [True] + [False] * 12
            measured = part["weight_redundancy"].dropna()
            assert measured.index.tolist() == [0, 1, 2, 5, 10, 12]
            assert part["probe_accuracy"].dropna().index.tolist() == [0, 12]
            assert (part["seed"] == spec.seed).all()
            for name in TestTable.COLUMNS:
                if name != "diverged_at":
                    np.testing.assert_equal(part[name].loc[12], final[name], err_msg=name)

    def test_loss_is_the_mean_over_batches(self, store):
        # with one batch per epoch it is the loss before the step
        run(SMALL, store=store, progress=False)
        first = history(SMALL, store=store).set_index("epoch").loc[1]
        layer = InfoMaxLayer(2, 3, seed=SMALL.seed)
        a = layer(load_dataset("synthetic").train).detach().double()
        variance = a.var(0) + 1e-6
        r = a.T.cov() / torch.outer(variance, variance).sqrt()
        tc = (r - torch.eye(3)).square().sum()
        assert_allclose(first["train_tc"], tc, rtol=1e-4)
        assert_allclose(first["loss"], tc - variance.log().sum(), rtol=1e-4)

    def test_unknown_runs_are_named(self, store):
        run(SMALL, store=store, progress=False)
        with pytest.raises(KeyError, match=r"1 of 2 runs are not in .*seed=9.*compute them with"):
            history([SMALL, SMALL.but(seed=9)], store=store)


class TestUntrained:
    def test_zero_epochs_are_the_initial_weights(self, store):
        spec = SMALL.but(epochs=0)
        (row,) = run(spec, store=store, progress=False).to_dict("records")
        assert np.isnan(row["loss"])
        layer = InfoMaxLayer(2, 3, seed=spec.seed)
        found = weight_redundancy(layer.weight).item()
        assert row["weight_redundancy"] == pytest.approx(found, rel=1e-5)
        assert history(spec, store=store.folder)["epoch"].tolist() == [0]
        assert torch.equal(trained_layer(spec, store=store).weight, layer.weight)


class TestTrainedLayer:
    def test_is_the_layer_that_was_measured(self, store):
        spec = SMALL.but(competition="softmax", epochs=6)
        (row,) = run(spec, store=store, progress=False, keep_weights=True).to_dict("records")
        layer = trained_layer(spec, store=store.folder)
        outputs = layer(load_dataset("synthetic").test).detach()
        found = describe_weights(layer.weight.detach(), layer.bias.detach())
        found |= describe_outputs(outputs)
        for name, value in found.items():
            assert row[name] == pytest.approx(value.item(), rel=1e-4, abs=1e-5), name

    def test_earlier_epochs(self, store):
        spec = SMALL.but(epochs=6)
        run(spec, store=store, progress=False, keep_weights=True)
        start = InfoMaxLayer(2, 3, seed=spec.seed)
        assert torch.equal(trained_layer(spec, store=store, epoch=0).weight, start.weight)
        first = trained_layer(spec, store=store, epoch=1)
        assert not torch.equal(first.weight, start.weight)
        # of a run that ends there
        assert_allclose(
            first.weight.detach(),
            trained_layer(spec.but(epochs=1), store=store).weight.detach(),
            rtol=1e-4,
        )
        tidy = history(spec, store=store).set_index("epoch")["row_norm"]
        for epoch in (0, 1, 2, 5, 6):
            weight = trained_layer(spec, store=store, epoch=epoch).weight.detach()
            assert row_norm(weight).item() == pytest.approx(tidy[epoch], rel=1e-5)
        with pytest.raises(ValueError, match=r"epoch 3: choose one of \[0, 1, 2, 5, 6\]"):
            trained_layer(spec, store=store, epoch=3)

    def test_weights_that_were_not_kept_are_trained_again_and_the_row_stays(
        self, store, calls, monkeypatch
    ):
        specs = grid(SMALL, seed=[0, 1])
        before = run(specs, store=store, progress=False)
        real = compute._run_row
        monkeypatch.setattr(compute, "_run_row", lambda *pair: real(*pair) | {"loss": -1.0})
        trained_layer(specs[0], store=store)
        assert calls == [specs, specs[:1]]
        trained_layer(specs[0], store=store)
        run(specs[:1], store=store, keep_weights=True, progress=False)
        assert len(calls) == 2
        for place in (store, store.folder):  # this process, and the next one
            after = run(specs, store=place, progress=False)
            pd.testing.assert_frame_equal(before, after, check_exact=True)


class TestRefusals:
    def test_more_units_than_samples(self, store):
        with pytest.raises(ValueError, match=r"hidden_dim=2001 exceeds the 2000 training samples"):
            run(SMALL.but(hidden_dim=2001), store=store, progress=False)

    def test_nothing_is_trained_when_one_of_many_runs_is_refused(self, calls, store):
        with pytest.raises(ValueError, match="hidden_dim=2001 exceeds"):
            run([SMALL, SMALL.but(hidden_dim=2001, epochs=3)], store=store, progress=False)
        assert calls == []
        assert not store.folder.exists()

    def test_a_layer_that_memory_cannot_hold(self, calls, store, monkeypatch):
        wide = SMALL.but(hidden_dim=2000)
        monkeypatch.setattr(runs, "available_memory", lambda device: 2**24)
        with pytest.raises(ValueError, match="takes at least") as refused:
            run([SMALL, wide], store=store, progress=False)
        assert str(refused.value) == (
            "one layer with hidden_dim=2000, batch_size=full on synthetic takes at least "
            "0.045 GiB, but device cpu has 0.016 GiB: choose a smaller hidden_dim or "
            "batch_size=128 instead of 'full', or a machine with more memory"
        )
        assert calls == []
        assert not store.folder.exists()
        run(SMALL, store=store, progress=False)

    def test_memory_is_that_of_this_machine_or_its_container(self, monkeypatch, tmp_path):
        physical = memory.available_memory(torch.device("cpu"))
        assert physical > 2**27  # PyTorch alone takes as much
        limit = tmp_path / "limit"
        monkeypatch.setattr(memory, "_LIMITS", (str(limit),))
        limit.write_text("max\n", "utf8")
        assert memory.available_memory(torch.device("cpu")) >= physical
        limit.write_text("1048576\n", "utf8")
        assert memory.available_memory(torch.device("cpu")) == 2**20

    def test_memory_grows_with_the_layer_and_bounds_it_from_below(self):
        sizes = [memory.layer_bytes(SMALL.but(hidden_dim=k)) for k in (1, 10, 100)]
        # synthetic: 2000 samples of 2 inputs; Adam holds weights four times, a step three matrices
        assert sizes == [4 * (2000 * 2 + 4 * k * 3 + k * 6000) for k in (1, 10, 100)]
        memory.refuse_what_cannot_fit([SMALL], memory.layer_bytes(SMALL), "this")
        with pytest.raises(ValueError, match="takes at least"):
            memory.refuse_what_cannot_fit([SMALL], memory.layer_bytes(SMALL) - 1, "this")
        memory.refuse_what_cannot_fit([SMALL], None, "this")
        memory.refuse_what_cannot_fit([], 0, "this")

    @pytest.mark.parametrize("wrong", [[{"dataset": "digits"}], ["mnist"], [SMALL, None]])
    def test_anything_but_specs(self, store, wrong):
        with pytest.raises(TypeError, match=r"expected RunSpec objects, got \w+: use grid\(\)"):
            run(wrong, store=store)

    @pytest.mark.parametrize("device", ["tpu", "mps", "meta", "", None, "cuda:99"])
    def test_devices_that_are_not_there(self, store, device):
        with pytest.raises(ValueError, match="device"):
            run(SMALL, device=device, store=store)

    def test_a_missing_gpu(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="PyTorch sees no GPU: choose"):
            resolve_device("cuda")
        assert resolve_device("auto") == torch.device("cpu")

    def test_devices_that_are_there(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        assert resolve_device("auto") == torch.device("cuda")
        assert resolve_device("cuda:1") == torch.device("cuda:1")
        assert resolve_device("cpu") == torch.device("cpu")
        with pytest.raises(ValueError, match=r"2 GPU\(s\)"):
            resolve_device("cuda:2")
