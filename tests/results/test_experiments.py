"""Results besides runs and baselines: what is known is loaded, the rest computed in chunks."""

import math
import os
import time
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from damage import full_disk

from infomax_lib import RunSpec, SpecError, Store, grid, run
from infomax_lib.results import experiments, locks
from infomax_lib.results import store as store_module
from infomax_lib.results.compute import Computed
from infomax_lib.results.experiments import (
    Kind,
    MinibatchSpec,
    NotStoredError,
    interruptible,
    listed,
    many_steps,
    one_by_one,
    only_stored,
    seconds_stored,
    seeds_together,
    share_out,
    table,
    write,
)
from infomax_lib.results.files import code_fingerprint
from infomax_lib.results.store import StoreError, StoreWarning

KIND = "squares"


class Squares:
    """A kind of result that counts what it computes, two specs at a time."""

    def __init__(self, store):
        self.store, self.computed, self.before = store, [], lambda specs: None

    def chunks(self, specs):
        return [specs[n : n + 2] for n in range(0, len(specs), 2)]

    def compute(self, specs, device):
        assert device == torch.device("cpu")
        self.before(specs)
        self.computed += [spec.seed for spec in specs]
        return [{"square": float(spec.seed**2), "odd": bool(spec.seed % 2)} for spec in specs]

    def __call__(self, specs, **settings):
        settings = {"device": "cpu", "store": self.store, "progress": False} | settings
        kind = Kind(KIND, (MinibatchSpec,), self.chunks)
        return kind.results(specs, self.compute, **settings)


@pytest.fixture
def squares(tmp_path):
    return Squares(tmp_path)


def specs_of(seeds):
    return grid(MinibatchSpec(dataset="digits"), seed=seeds)


def test_one_row_per_spec_in_order_each_computed_once(squares):
    specs = specs_of([3, 1, 3, 2])
    table = squares(specs)
    assert squares.computed == [3, 1, 2]
    assert list(table["key"]) == [spec.key for spec in specs]
    assert list(table["square"]) == [9, 1, 9, 4]
    assert list(table.columns[: len(MinibatchSpec.model_fields) + 1]) == [
        "key",
        *MinibatchSpec.model_fields,
    ]
    assert list(squares(specs[1])["square"]) == [1]
    assert squares([]).empty


def test_known_rows_are_loaded_and_equal_the_computed_ones(squares, tmp_path):
    table = squares(specs_of([1, 2]))
    again = Squares(Store(tmp_path))  # as another process would read them
    pd.testing.assert_frame_equal(again(specs_of([1, 2])), table)
    assert again.computed == []
    again(specs_of([2, 5]))
    assert again.computed == [5]


def test_what_is_not_stored_may_be_an_error(squares, tmp_path):
    stored = MinibatchSpec(seed=1)
    known = squares([stored])
    with only_stored():
        assert squares([stored]).equals(known)
        with pytest.raises(NotStoredError, match=rf"^2 results are not stored in {tmp_path}$"):
            squares(grid(stored, seed=[1, 2, 3]))
        with pytest.raises(NotStoredError, match=r"^1 runs are not stored in "):
            run(RunSpec(dataset="digits", epochs=1), store=tmp_path, progress=False)
    assert squares.computed == [1]
    assert list(squares(grid(stored, seed=[1, 2]))["square"]) == [1, 4]


def test_nothing_is_grouped_where_nothing_is_missing(squares):
    table = squares(specs_of([1]))
    squares.chunks = lambda specs: pytest.fail("the dataset need not be at hand")
    pd.testing.assert_frame_equal(squares(specs_of([1])), table)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_finished_chunks_survive_whatever_stops_the_next_one(squares, stop, capsys):
    def interrupt(specs):
        if specs[0].seed == 2:
            raise stop

    squares.before = interrupt
    with pytest.raises(stop):
        squares(specs_of(range(6)))
    assert squares.computed == [0, 1]
    if stop is KeyboardInterrupt:
        assert "2 of 6 results are finished and stored" in capsys.readouterr().out
    resumed = Squares(squares.store)
    assert list(resumed(specs_of(range(6)))["square"]) == [0, 1, 4, 9, 16, 25]
    assert resumed.computed == [2, 3, 4, 5]


def test_what_another_process_finished_meanwhile_is_not_computed_again(squares, tmp_path):
    other = Squares(Store(tmp_path))

    def race(specs):
        if specs[0].seed == 0:
            other(specs_of([2]))

    squares.before = race
    assert list(squares(specs_of(range(4)))["square"]) == [0, 1, 4, 9]
    assert squares.computed == [0, 1, 3]


def test_rows_that_may_not_be_kept_are_returned_and_computed_again(squares):
    for _ in range(2):
        table = squares(specs_of([1, 2, 3]), keep=lambda row: not row["odd"])
        assert list(table["square"]) == [1, 4, 9]
    assert squares.computed == [1, 2, 3, 1, 3]


def test_a_file_says_where_its_rows_come_from(squares, tmp_path):
    squares(specs_of([1, 2, 3]))
    files = Store(tmp_path).files(KIND)
    assert sorted(file.rows for file in files) == [1, 2]
    assert all(file.metadata["device"] == "cpu" for file in files)
    assert all(file.metadata["seconds"] >= 0 for file in files)


def test_nan_is_a_result(squares):
    squares.compute = lambda specs, device: [{"square": math.nan} for _ in specs]
    assert squares(specs_of([1]))["square"].isna().all()
    squares.compute = lambda specs, device: pytest.fail("it is known")
    assert squares(specs_of([1]))["square"].isna().all()


def processes_and_threads(specs, device):
    if specs[0].seed == 13:
        raise ValueError("cannot use 13")
    return [{"process": os.getpid(), "threads": torch.get_num_threads()} for _ in specs]


def long_work(specs, store, long=lambda missing: True, compute=processes_and_threads):
    kind = Kind(KIND, (MinibatchSpec,), one_by_one, long)
    return kind.results(specs, compute, "cpu", store, progress=False)


class TestLongWork:
    @pytest.fixture(autouse=True)
    def _two_threads(self, monkeypatch):
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def test_runs_in_processes_of_one_thread(self, tmp_path):
        table = long_work(specs_of(range(4)), tmp_path)
        assert list(table["seed"]) == [0, 1, 2, 3]
        assert os.getpid() not in set(table["process"])
        assert set(table["threads"]) == {1}
        assert {file.metadata["threads"] for file in Store(tmp_path).files(KIND)} == {1}
        pd.testing.assert_frame_equal(long_work(specs_of(range(4)), tmp_path), table)

    def test_is_judged_by_what_is_missing(self, tmp_path):
        asked = []
        long_work(specs_of([1, 2]), tmp_path, lambda missing: asked.append(list(missing)))
        long_work(specs_of([1, 2, 3]), tmp_path, lambda missing: asked.append(list(missing)))
        assert [[spec.seed for spec in missing] for missing in asked] == [[1, 2], [3]]

    def test_one_chunk_needs_no_process(self, tmp_path):
        assert set(long_work(specs_of([5]), tmp_path)["process"]) == {os.getpid()}

    def test_an_error_comes_out_and_what_had_finished_stays(self, tmp_path):
        with pytest.raises(ValueError, match="cannot use 13"):
            long_work(specs_of([1, 2, 3, 13]), tmp_path)
        stored = Store(tmp_path).load(KIND, [spec.key for spec in specs_of([1, 2, 3, 13])])
        assert {row["seed"] for row in stored.values()} <= {1, 2, 3}


class TestPlan:
    """How much is computed at a time, and where."""

    @pytest.fixture
    def processes(self, monkeypatch):
        asked = []

        def spy(*arguments):
            asked.append(arguments[4])
            return share_out(*arguments[:4])

        monkeypatch.setattr(experiments, "share_out", spy)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
        return asked

    def test_long_work_has_as_many_processes_as_threads(self, processes, tmp_path, monkeypatch):
        long_work(specs_of([1]), tmp_path, long=lambda missing: missing == specs_of([1]))
        long_work(specs_of([1]), tmp_path)  # nothing is left to do
        long_work(specs_of([2]), tmp_path, long=lambda missing: False)
        assert processes == [3, 1, 1]
        Kind(KIND, (MinibatchSpec,)).results(
            specs_of([3]), processes_and_threads, "cpu", tmp_path, False
        )
        monkeypatch.setattr(experiments, "resolve_device", lambda name: torch.device("meta"))
        long_work(specs_of([4]), tmp_path)
        assert processes[3:] == [1, 1]

    def test_seeds_are_computed_together_up_to_a_number(self):
        specs = [
            spec
            for seed in range(19)
            for spec in grid(MinibatchSpec(seed=seed), lambda_tc=[0.0, 1.0])
        ]
        found = list(seeds_together(specs))
        assert [len(part) for part in found] == [16, 3, 16, 3]
        assert [{spec.lambda_tc for spec in part} for part in found] == [{0.0}, {0.0}, {1.0}, {1.0}]
        assert [spec.seed for part in found[:2] for spec in part] == list(range(19))
        assert [len(part) for part in seeds_together(specs, most=10)] == [10, 9, 10, 9]
        assert list(seeds_together([])) == []

    def test_one_by_one(self):
        assert list(one_by_one(specs_of([1, 2]))) == [specs_of([1]), specs_of([2])]

    def test_more_than_two_thousand_steps_are_many(self):
        specs = [SimpleNamespace(steps=1000), SimpleNamespace(steps=1000)]
        assert not many_steps(specs)
        assert many_steps([*specs, SimpleNamespace(steps=1)])
        assert not many_steps([])

    def test_a_kind_is_registered_with_its_driver(self, monkeypatch):
        monkeypatch.setattr(experiments, "KINDS", {})
        kind = Kind("cubes", (MinibatchSpec,))

        @kind.driver
        def cubes(specs):
            return "table"

        assert cubes([]) == kind.compute_into([]) == "table"
        assert len({kind, Kind("cubes", (MinibatchSpec,))}) == 2
        assert list(experiments.KINDS.items()) == [("cubes", kind)]

    def test_what_an_audit_allows_unless_a_kind_says_otherwise(self):
        kind = Kind("cubes", (MinibatchSpec,))
        assert (kind.tolerance, kind.otherwise, kind.unmeasured) == ({}, (1e-4, 2e-3), ())
        assert (kind.twins, kind.fields_of, kind.seconds) == (False, None, None)

    def test_goes_to_the_user_s_store_and_the_best_device(self, squares, tmp_path, monkeypatch):
        monkeypatch.setenv("INFOMAX_STORE", str(tmp_path / "mine"))
        devices = []
        monkeypatch.setattr(
            experiments, "resolve_device", lambda name: devices.append(name) or torch.device("cpu")
        )
        kind = Kind(KIND, (MinibatchSpec,))
        kind.results(specs_of([1]), squares.compute, progress=False)
        assert Store(tmp_path / "mine").keys(KIND) == {spec.key for spec in specs_of([1])}
        assert devices == ["auto"]


class TestProgress:
    def test_is_shown_while_something_is_computed(self, squares, capsys):
        squares(specs_of([1, 2, 3]), progress=True)
        shown = capsys.readouterr().err
        assert "squares on cpu: 100%" in shown
        assert "3/3" in shown
        assert "result/s" in shown

    def test_is_not_shown_otherwise(self, squares, capsys):
        squares(specs_of([1]))
        squares(specs_of([1]), progress=True)
        assert capsys.readouterr().err == ""

    def test_is_shown_unless_told_otherwise(self, squares, tmp_path, capsys):
        kind = Kind(KIND, (MinibatchSpec,))
        kind.results(specs_of([1]), squares.compute, "cpu", tmp_path)
        assert "1/1" in capsys.readouterr().err

    def test_waiting_for_others_is_told_beside_it(self, squares, tmp_path, capsys, monkeypatch):
        def other_finishes(seconds):
            write(done(specs_of([1])), Store(tmp_path))

        monkeypatch.setattr(locks.time, "sleep", other_finishes)
        with locks.claimed(tmp_path, specs_of([1])):
            (claim,) = tmp_path.iterdir()
            claim.write_text("process 7 on the moon", "utf8")
            assert list(squares(specs_of([1]), progress=True)["square"]) == [1]
        assert "waiting for process 7 on the moon" in capsys.readouterr().out


def done(specs):
    rows = [{"key": spec.key, "square": float(spec.seed**2)} for spec in specs]
    return Computed({KIND: rows}, {"seconds": 3.0, "device": "moon"})


class TestInterruption:
    def block(self, store, total=3, **words):
        events = []

        class Bar:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                events.append("bar closed")

        def parts():
            try:
                yield 1
            finally:
                events.append("parts closed")

        finished = parts()
        next(finished)
        return events, interruptible(finished, Bar(), lambda: 2, total, store, **words)

    def test_says_what_is_stored_and_how_to_go_on(self, tmp_path, capsys):
        for words, text in (
            ({}, "results are finished and stored in {}; the same call goes on from there."),
            (
                {"what": "runs", "advice": "start again"},
                "runs are finished and stored in {}; start again.",
            ),
        ):
            events, block = self.block(Store(tmp_path), **words)
            with pytest.raises(KeyboardInterrupt), block:
                raise KeyboardInterrupt
            assert capsys.readouterr().out == f"Interrupted: 1 of 3 {text.format(tmp_path)}\n"
            assert events == ["parts closed", "bar closed"]

    def test_closes_what_it_was_given_however_it_ends(self, tmp_path, capsys):
        events, block = self.block(Store(tmp_path))
        with block:
            pass
        assert events == ["parts closed", "bar closed"]
        events, block = self.block(Store(tmp_path))
        with pytest.raises(ValueError, match="no"), block:
            raise ValueError("no")
        assert events == ["parts closed", "bar closed"]
        assert capsys.readouterr().out == ""

    def test_begins_only_where_results_can_be_stored(self, tmp_path):
        (tmp_path / "file").write_text("", "utf8")
        refusing = Store(tmp_path / "file")
        _, block = self.block(refusing)
        with pytest.raises(StoreError), block:
            pytest.fail("nothing is computed that cannot be stored")
        _, block = self.block(refusing, total=0)
        with block:
            pass

    def test_ends_with_everything_stored(self, tmp_path, monkeypatch):
        store = Store(tmp_path)
        settled = []
        monkeypatch.setattr(store, "settle", lambda: settled.append(True))
        _, block = self.block(store)
        with block:
            assert settled == []
        assert settled == [True]


class TestRows:
    def test_that_are_known_stay(self, tmp_path):
        store = Store(tmp_path)
        write(done(specs_of([1, 2])), store)
        other = done(specs_of([1, 3]))
        for row in other.rows[KIND]:
            row["square"] = -1.0
        write(other, store)
        rows = store.load(KIND, store.keys(KIND))
        assert sorted(row["square"] for row in rows.values()) == [-1, 1, 4]
        write(other, store)
        assert [file.rows for file in store.files(KIND)] in ([1, 2], [2, 1])
        assert {file.metadata["device"] for file in store.files(KIND)} == {"moon"}

    def test_of_a_kind_may_leave_the_fields_to_another_kind(self, squares, tmp_path):
        kind = Kind(KIND, (MinibatchSpec,), fields_of="runs")
        kind.results(specs_of([3]), squares.compute, "cpu", tmp_path, False)
        (row,) = Store(tmp_path).load(KIND, [spec.key for spec in specs_of([3])]).values()
        assert set(row) == {"key", "square", "odd"}
        squares(specs_of([4]))
        (row,) = Store(tmp_path).load(KIND, [spec.key for spec in specs_of([4])]).values()
        assert set(row) == {"key", *MinibatchSpec.model_fields, "square", "odd"}

    def test_as_a_table_have_the_fields_of_the_specs(self):
        (spec,) = specs_of([3])
        stored = {spec.key: {"key": spec.key, "seed": 99, "square": 9.0, "note": "x"}}
        found = table([spec, spec], stored, without=["note"])
        assert list(found.columns) == ["key", *MinibatchSpec.model_fields, "square"]
        assert list(found["seed"]) == [3, 3]
        assert "note" in table([spec], stored)

    def test_take_their_share_of_the_time_of_their_file(self, tmp_path):
        store = Store(tmp_path)
        write(done(specs_of([1, 2])), store)
        store.write(KIND, [{"key": spec.key} for spec in specs_of([3])])
        a, b, c = specs_of([1, 2, 3])
        assert seconds_stored(store, KIND) == {
            a.key: pytest.approx(3 * (1 / 2 + 0.1)),
            b.key: pytest.approx(3 * (1 / 2 + 0.1)),
            c.key: 0.0,
        }

    def test_that_the_disk_refused_have_no_file_that_says_a_time(
        self, tmp_path, elsewhere, monkeypatch
    ):
        store = Store(tmp_path)
        monkeypatch.setattr(store_module, "write_whole", full_disk)
        with pytest.warns(StoreWarning):
            write(done(specs_of([1])), store)
        assert set(seconds_stored(store, KIND).values()) == {0.0}

    def test_that_do_not_fit_the_specs_are_an_error(self, squares):
        squares.compute = lambda specs, device: [{"square": 1.0}]
        with pytest.raises(ValueError, match="zip"):
            squares(specs_of([1, 2]))

    def test_tell_how_long_they_took_and_by_which_code(self, squares, tmp_path):
        def slow(specs, device):
            time.sleep(0.02)
            return [{"square": 1.0}]

        slow.__module__ = "paper.elsewhere"
        squares.compute = slow
        squares(specs_of([1]))
        (file,) = Store(tmp_path).files(KIND)
        assert 0.02 <= file.metadata["seconds"] < 30
        assert file.metadata["code"] == code_fingerprint("paper") != code_fingerprint()


def test_only_specs_and_devices_that_exist_are_accepted(squares):
    with pytest.raises(TypeError) as refusal:
        squares([RunSpec(dataset="digits")])
    assert str(refusal.value) == "expected MinibatchSpec objects, got RunSpec: use grid()"
    with pytest.raises(TypeError, match="expected MinibatchSpec or RunSpec objects, got int"):
        listed([3], MinibatchSpec, RunSpec)
    assert listed(iter(specs_of([1, 2])), RunSpec) == specs_of([1, 2])
    assert listed(specs_of([1])[0], MinibatchSpec) == specs_of([1])
    with pytest.raises(ValueError, match="unknown device 'tpuu'"):
        squares(specs_of([1]), device="tpuu")


def test_a_class_of_specs_has_keys_of_its_own():
    assert MinibatchSpec(dataset="digits").key != RunSpec(dataset="digits").key


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": "full"}, "batch_size='full' is not possible here: choose an integer"),
        (
            {"objective": "barlow"},
            "objective='barlow' is not possible here, because it needs two views of every sample: "
            "choose another one",
        ),
        ({"precision": "bfloat16"}, "precision='bfloat16' is not possible here: leave it out"),
        (
            {"batch_size": 1},
            'batch_size=1 is not possible: choose an integer of at least 2, or "full"',
        ),
    ],
)
def test_what_the_plain_trainers_cannot_do_is_refused(fields, message):
    with pytest.raises(SpecError) as refusal:
        MinibatchSpec(**fields)
    assert str(refusal.value) == message
