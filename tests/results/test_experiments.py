"""Results besides runs and baselines: what is known is loaded, the rest computed in chunks."""

import math
import os

import pandas as pd
import pytest
import torch

from infomax_lib import RunSpec, SpecError, Store, grid
from infomax_lib.results.experiments import Kind, MinibatchSpec, one_by_one

KIND = "squares"


class Squares:
    """A kind of result that counts what it computes, two specs at a time."""

    def __init__(self, store):
        self.store, self.computed, self.before = store, [], lambda specs: None

    def chunks(self, specs):
        return [specs[n : n + 2] for n in range(0, len(specs), 2)]

    def compute(self, specs, device):
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


def test_only_specs_and_devices_that_exist_are_accepted(squares):
    with pytest.raises(TypeError, match="expected MinibatchSpec objects, got RunSpec"):
        squares([RunSpec(dataset="digits")])
    with pytest.raises(TypeError, match="got int"):
        squares([3])
    with pytest.raises(ValueError, match="unknown device 'tpuu'"):
        squares(specs_of([1]), device="tpuu")


def test_a_class_of_specs_has_keys_of_its_own():
    assert MinibatchSpec(dataset="digits").key != RunSpec(dataset="digits").key


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": "full"}, "batch_size='full' is not possible here: choose an integer"),
        ({"objective": "barlow"}, "objective='barlow' is not possible here.*choose another"),
        ({"precision": "bfloat16"}, "precision='bfloat16' is not possible here: leave it out"),
        ({"batch_size": 1}, "at least 2"),
    ],
)
def test_what_the_plain_trainers_cannot_do_is_refused(fields, message):
    with pytest.raises(SpecError, match=message):
        MinibatchSpec(**fields)
