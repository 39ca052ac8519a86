"""The results store: what comes back, and what happens under damage and full disks."""

import errno
import json
import os
import pickle
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from damage import (
    file_of_our_naming,
    files,
    flip,
    full_disk,
    on_disk,
    parquet,
    row,
    truncate,
)
from typer.testing import CliRunner

from infomax_lib import RunSpec, Store, grid, open_store, run
from infomax_lib.cli import app
from infomax_lib.results import files as files_module
from infomax_lib.results import store as store_module
from infomax_lib.results.experiments import Kind
from infomax_lib.results.files import code_fingerprint
from infomax_lib.results.store import StoreError, StoreWarning

KIND_OF_ITS_OWN = Kind("toys", (RunSpec,))


class TestRoundTrip:
    def test_rows_come_back_in_another_process_s_eyes(self, tmp_path):
        Store(tmp_path).write("runs", [row("a"), row("b", 2.0)])
        found = Store(tmp_path).load("runs", ["b", "a", "absent"])
        assert list(found) == ["b", "a"]
        assert repr(found["b"]) == repr(row("b", 2.0))

    def test_numbers_come_back_bit_for_bit(self, tmp_path):
        values = [0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("nan")]
        Store(tmp_path).write("runs", [row(str(i), value) for i, value in enumerate(values)])
        found = Store(tmp_path).load("runs", map(str, range(len(values))))
        assert [r["value"].hex() for r in found.values()] == [v.hex() for v in values]

    def test_kinds_are_apart(self, tmp_path):
        store = Store(tmp_path)
        store.write("runs", [row("a")])
        assert store.load("weights", ["a"]) == {}
        assert store.keys("runs") == {"a"}
        assert store.keys("weights") == set()

    def test_files_are_named_by_their_bytes_and_never_change(self, tmp_path):
        store = Store(tmp_path)
        store.write("runs", [row("a")])
        (first,) = files(tmp_path)
        content = first.read_bytes()
        assert first.parent == tmp_path / "runs"
        assert len(first.stem) == 32
        store.write("runs", [row("b")])
        assert len(files(tmp_path)) == 2
        assert first.read_bytes() == content
        assert files(tmp_path, ".writing-*") == []

    def test_provenance(self, tmp_path):
        store = Store(tmp_path)
        store.write("runs", [row("a"), row("b")], seconds=12.5, device="cpu")
        (info,) = Store(tmp_path).files("runs")
        assert info.rows == 2
        assert info.path == files(tmp_path)[0]
        assert info.metadata["seconds"] == 12.5
        assert info.metadata["device"] == "cpu"
        assert info.metadata["code"] == code_fingerprint()
        assert info.metadata.keys() >= {"date", "library", "torch", "threads"}
        assert store.files("weights") == []

    def test_two_stores_on_one_folder_see_each_other_s_rows(self, tmp_path):
        here, there = Store(tmp_path), Store(tmp_path)
        assert here.keys("runs") == there.keys("runs") == set()
        here.write("runs", [row("a")])
        assert there.keys("runs") == {"a"}
        there.write("runs", [row("b")])
        assert here.load("runs", ["a", "b"]).keys() == {"a", "b"}


class TestOpenStore:
    def test_folder_or_store(self, tmp_path):
        store = Store(tmp_path)
        assert open_store(store) is store
        assert open_store(tmp_path).folder == open_store(str(tmp_path)).folder == tmp_path
        assert str(tmp_path) in repr(store)

    def test_memory_lives_as_long_as_the_process(self):
        key = "test_memory_lives_as_long_as_the_process"
        open_store("memory").write("tests", [row(key)])
        assert open_store(None).load("tests", [key]).keys() == {key}

    def test_memory_is_the_same_for_threads_that_ask_at_once(self, tmp_path, monkeypatch):
        @cache
        def made():
            time.sleep(0.05)
            return SimpleNamespace(name=tempfile.mkdtemp(dir=tmp_path))

        monkeypatch.setattr(store_module, "_session_folder", made)
        with ThreadPoolExecutor(8) as threads:
            folders = set(threads.map(lambda _: open_store("memory").folder, range(8)))
        assert len(folders) == 1

    def test_auto_is_the_variable_or_the_checkout(self, tmp_path, monkeypatch):
        monkeypatch.setenv("INFOMAX_STORE", str(tmp_path))
        assert open_store("auto").folder == tmp_path
        monkeypatch.delenv("INFOMAX_STORE")
        monkeypatch.setattr(
            store_module, "__file__", str(tmp_path / "infomax_lib" / "results" / "store.py")
        )
        monkeypatch.setattr(store_module.pooch, "os_cache", lambda name: tmp_path / "cache" / name)
        assert open_store("auto").folder == tmp_path / "cache" / "infomax" / "results"
        (tmp_path / "results").mkdir()
        assert open_store().folder == tmp_path / "own-results"
        assert open_store().below == (tmp_path / "results",)

    def test_the_variable_may_say_memory(self, monkeypatch):
        monkeypatch.setenv("INFOMAX_STORE", "memory")
        assert open_store().folder == open_store("memory").folder

    def test_a_store_stays_where_it_was_when_the_working_folder_changes(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        store = open_store("mine")
        monkeypatch.chdir("/")
        store.write("runs", [row("a")])
        assert Store(tmp_path / "mine").keys("runs") == {"a"}
        monkeypatch.setenv("HOME", str(tmp_path))
        assert open_store("~/mine").keys("runs") == {"a"}


class TestLayers:
    """A store on top of others, which are only read."""

    @pytest.fixture
    def layered(self, tmp_path):
        Store(tmp_path / "below").write("runs", [row("a"), row("b")], device="theirs")
        return Store(tmp_path / "own", below=[tmp_path / "below"])

    def test_reads_both_and_writes_the_upper(self, layered, tmp_path):
        before = {path: path.read_bytes() for path in files(tmp_path / "below")}
        layered.write("runs", [row("c")])
        layered.write("weights", [row("a")])
        assert layered.keys("runs") == {"a", "b", "c"}
        assert {path: path.read_bytes() for path in files(tmp_path / "below")} == before
        assert Store(tmp_path / "own").keys("runs") == {"c"}
        assert layered.kinds() == ["runs", "weights"]
        assert layered.source("runs", "a").metadata["device"] == "theirs"
        assert layered.source("runs", "c").path.parent == tmp_path / "own" / "runs"
        assert [info.rows for info in layered.files("runs")] in ([1, 2], [2, 1])

    def test_rows_are_the_same_wherever_they_lie(self, layered, tmp_path):
        layered.write("runs", [row("c")])
        flat = Store(tmp_path / "flat")
        flat.write("runs", [row("c"), row("b"), row("a")])
        assert layered.digest() == flat.digest()

    def test_runs_known_below_are_not_trained_again(self, tmp_path, monkeypatch):
        run(SMALL, store=tmp_path / "below", progress=False)
        monkeypatch.setattr("infomax_lib.results.runs.compute", None)
        store = Store(tmp_path / "own", below=[tmp_path / "below"])
        assert run(SMALL, store=store, progress=False)["key"].tolist() == [SMALL.key]
        assert not (tmp_path / "own").exists()

    def test_travels_to_other_processes(self, layered):
        layered.write("runs", [row("c")])
        there = pickle.loads(pickle.dumps(layered))
        assert (there.folder, there.below) == (layered.folder, layered.below)
        assert there.keys("runs") == {"a", "b", "c"}
        assert str(there) == f"{layered.folder} on top of {layered.below[0]}"

    def test_damage_below_is_reported_and_left_alone(self, layered, tmp_path):
        (path,) = files(tmp_path / "below")
        flip(path)
        with pytest.warns(StoreWarning, match="is damaged.*left where it is.*computed again"):
            assert layered.keys("runs") == set()
        assert path.exists()
        layered.write("runs", [row("a")])  # without a second warning
        assert layered.keys("runs") == {"a"}


def empty(path):
    path.write_bytes(b"")


def replace_by_another(path):
    other = Store(path.parent / "elsewhere")
    other.write("runs", [row("forged")])
    shutil.copy(files(other.folder)[0], path)
    shutil.rmtree(other.folder)


class TestDamage:
    @pytest.mark.parametrize("damage", [truncate, flip, empty, replace_by_another])
    def test_a_damaged_file_is_reported_set_aside_and_not_read(self, tmp_path, damage):
        store = Store(tmp_path)
        store.write("runs", [row("a")])
        (path,) = files(tmp_path)
        store.write("runs", [row("b")])
        damage(path)
        reader = Store(tmp_path)
        with pytest.warns(StoreWarning, match=rf"{path.name} is damaged.*computed again"):
            assert reader.keys("runs") == {"b"}
        assert not path.exists()
        assert files(tmp_path, "*.damaged") == [path.with_suffix(".damaged")]
        assert len(reader.files("runs")) == 1
        Store(tmp_path).write("runs", [row("a")])  # without another warning
        assert Store(tmp_path).keys("runs") == {"a", "b"}

    def test_foreign_files_are_not_read(self, tmp_path):
        Store(tmp_path).write("runs", [row("a")])
        folder = tmp_path / "runs"
        pd.DataFrame([row("b")]).to_parquet(folder / "export.parquet")
        (folder / "notes.txt").write_text("mine", "utf8")
        (folder / ".writing-x1y2z3").write_bytes(b"PAR1 half a fi")  # left by a killed process
        (folder / "half.parquet.tmp").write_bytes(b"PAR1")
        name = files(tmp_path)[0].name
        (folder / f"._{name}").write_bytes(b"Mac OS X")
        (folder / name.replace(".", " (conflicted copy).")).write_bytes(b"PAR1")
        (folder / f"{'0' * 31}g.parquet").mkdir()
        (folder / name.upper()).write_bytes(b"PAR1")
        before = files(folder, "*")
        store = Store(tmp_path)
        assert store.keys("runs") == {"a"}  # a warning would be an error
        assert len(store.files("runs")) == 1
        assert store.kinds() == ["runs"]
        assert files(folder, "*") == before
        assert (folder / "notes.txt").read_text("utf8") == "mine"

    def test_what_cannot_be_read_is_counted_and_left_alone(self, tmp_path):
        Store(tmp_path).write("runs", [row("a")])
        for digit in "123":
            (tmp_path / "runs" / f"{digit * 32}.parquet").mkdir()
        store = Store(tmp_path)
        with pytest.warns(StoreWarning, match=r"1{32}\.parquet cannot be read .*and 2 more files"):
            assert store.keys("runs") == {"a"}
        assert store.keys("runs") == {"a"}
        assert len(files(tmp_path)) == 4

    def test_in_a_folder_that_cannot_be_written_damage_is_reported_once(
        self, tmp_path, monkeypatch
    ):
        Store(tmp_path).write("runs", [row("a")])
        (path,) = files(tmp_path)
        Store(tmp_path).write("runs", [row("b")])
        flip(path)

        def refuse(self, target):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "replace", refuse)
        reader = Store(tmp_path)
        with pytest.warns(StoreWarning, match="could not be renamed.*is ignored"):
            assert reader.keys("runs") == {"b"}
        assert reader.keys("runs") == {"b"}  # a second warning would be an error
        assert len(reader.files("runs")) == 1
        assert path.exists()

    def test_a_file_that_vanishes_while_it_is_read(self, tmp_path, monkeypatch):
        Store(tmp_path).write("runs", [row("a")])
        real, gone = Path.glob, tmp_path / "runs" / f"{'0' * 32}.parquet"
        monkeypatch.setattr(Path, "glob", lambda s, p: [gone, *real(s, p)])
        assert Store(tmp_path).keys("runs") == {"a"}

    def test_damaged_runs_are_computed_again(self, tmp_path):
        specs = grid(SMALL, lambda_tc=[0.0, 1.0])
        before = run(specs, store=tmp_path, progress=False)
        (path,) = files(tmp_path)
        flip(path)
        with pytest.warns(StoreWarning, match="damaged"):
            after = run(specs, store=tmp_path, progress=False)
        pd.testing.assert_frame_equal(after, before, check_exact=True)
        assert len(files(tmp_path)) == 1


class TestOtherVersions:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (
                parquet([row("x")], {"infomax": json.dumps({"format": 2, "library": "9.1"})}),
                r"format 2 of library version 9\.1, and this version reads format 1",
            ),
            (parquet([{"id": 1}], {"infomax": "{}"}), "format 1 of library version None"),
            (parquet([row("x")], {}), "does not look like"),
            (parquet([row("x")], {"infomax": "[]"}), "does not look like"),
            (b"a format of years to come", "does not look like"),
        ],
    )
    def test_an_unknown_format_is_left_alone_and_reported_once(self, tmp_path, content, reason):
        Store(tmp_path).write("runs", [row("a")])
        path = file_of_our_naming(tmp_path / "runs", content)
        reader = Store(tmp_path)
        with pytest.warns(StoreWarning, match=f"{path.name} is not used.*{reason}.*left where"):
            assert reader.keys("runs") == {"a"}
        assert reader.keys("runs") == {"a"}  # a second warning would be an error
        assert len(reader.files("runs")) == 1
        assert path.read_bytes() == content

    def test_files_of_another_library_version_in_this_format_are_read(self, tmp_path):
        older = {"library": "0.0.1", "date": "2020-01-01T00:00:00+00:00"}  # names no format
        (tmp_path / "runs").mkdir()
        path = file_of_our_naming(
            tmp_path / "runs", parquet([row("a")], {"infomax": json.dumps(older)})
        )
        store = Store(tmp_path)
        assert store.keys("runs") == {"a"}
        assert store.source("runs", "a").path == path
        assert store.source("runs", "a").metadata["library"] == "0.0.1"


class TestDigest:
    def test_is_of_the_rows_alone(self, tmp_path):
        together, apart = Store(tmp_path / "together"), Store(tmp_path / "apart")
        together.write("runs", [row("a"), row("b", 2.0)], seconds=1.0)
        apart.write("runs", [row("b", 2.0)], seconds=2.0)
        apart.write("runs", [row("a")])
        apart.write("runs", [row("a")], device="elsewhere")
        assert together.digest() == apart.digest() == Store(together.folder).digest("runs")
        assert files(together.folder)[0].name not in {path.name for path in files(apart.folder)}

    def test_a_column_that_only_others_of_the_file_have_is_no_difference(self, tmp_path):
        long, short = row("a") | {"more": 1.0}, row("b")
        Store(tmp_path / "one").write("runs", [long, short])
        Store(tmp_path / "two").write("runs", [long])
        Store(tmp_path / "two").write("runs", [short])
        assert Store(tmp_path / "one").digest() == Store(tmp_path / "two").digest()

    @pytest.mark.parametrize(
        "change",
        [
            {"value": 1.0000000000000002},
            {"value": -0.0},
            {"name": "tanh"},
            {"bytes": b"\x00\x02"},
            {"history": {"epoch": [1, 2], "loss": [0.5, 0.25]}},
            {"key": "b"},
        ],
    )
    def test_every_bit_counts(self, tmp_path, change):
        before = row("a", 0.0 if change == {"value": -0.0} else 1.0)
        Store(tmp_path / "one").write("runs", [before])
        Store(tmp_path / "two").write("runs", [before | change])
        assert Store(tmp_path / "one").digest() != Store(tmp_path / "two").digest()

    def test_kinds(self, tmp_path):
        store = Store(tmp_path)
        nothing = store.digest()
        store.write("runs", [row("a")])
        runs_only = store.digest()
        store.write("weights", [row("a")])
        assert len({nothing, runs_only, store.digest()}) == 3
        assert store.digest("runs") == runs_only


class TestTwoWriters:
    def test_nobody_reads_what_it_wrote(self, tmp_path, monkeypatch):
        store = Store(tmp_path)
        store.write("runs", [row("a")])
        monkeypatch.setattr(Path, "read_bytes", full_disk)
        assert store.keys("runs") == {"a"}  # a warning would be an error

    def test_of_two_rows_with_one_key_every_reader_sees_the_same(self, tmp_path):
        first, second = Store(tmp_path), Store(tmp_path)
        assert first.keys("runs") == second.keys("runs") == set()
        for value in range(6):
            first.write("runs", [row("a", float(value))])
            second.write("runs", [row("a", float(-value))])
        late = Store(tmp_path)
        seen = [store.load("runs", ["a"])["a"]["value"] for store in (first, second, late)]
        assert seen[0] == seen[1] == seen[2]
        assert late.source("runs", "a").path == files(tmp_path)[-1]

    def test_source_of_what_is_not_on_disk(self, tmp_path):
        assert Store(tmp_path).source("runs", "a") is None


class TestLeftovers:
    def test_of_long_dead_processes_are_removed_when_a_file_is_written(self, tmp_path):
        Store(tmp_path).write("runs", [row("a")])
        old, new = (tmp_path / "runs" / f".writing-{name}" for name in ("old", "new"))
        for path, age in ((old, 25 * 3600), (new, 23 * 3600)):
            path.write_bytes(b"PAR1")
            then = files(tmp_path)[0].stat().st_mtime - age
            os.utime(path, (then, then))
        Store(tmp_path).write("runs", [row("b")])
        assert files(tmp_path, ".writing-*") == [new]
        assert Store(tmp_path).keys("runs") == {"a", "b"}

    def test_an_interrupt_during_a_write_does_not_lose_the_rows(self, tmp_path, monkeypatch):
        real, calls = os.fsync, []

        def interrupted(handle):
            calls.append(handle)
            if len(calls) == 1:
                raise KeyboardInterrupt
            real(handle)

        monkeypatch.setattr(store_module.os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path).write("runs", [row("a")])
        assert Store(tmp_path).keys("runs") == {"a"}
        assert files(tmp_path, ".writing-*") == []


SMALL = RunSpec(dataset="synthetic", hidden_dim=3, epochs=2, batch_size="full")


class TestFullDisk:
    @pytest.fixture
    def full(self, tmp_path, monkeypatch):
        """A disk that takes no file any more into the store, but some elsewhere."""

        def refuse(path, content, real=store_module.write_whole):
            if tmp_path in path.parents:
                full_disk()
            real(path, content)

        monkeypatch.setattr(store_module, "write_whole", refuse)

    @pytest.mark.parametrize("call", ["fsync", "replace", "write", "open"])
    def test_rows_stay_in_memory_and_are_written_with_the_next(self, tmp_path, monkeypatch, call):
        store = Store(tmp_path)
        store.write("runs", [row("a")])
        with monkeypatch.context() as disk:
            disk.setattr(files_module.os, call, full_disk)
            with pytest.warns(StoreWarning, match=r"No space left.*1 result.*in memory.*make room"):
                store.write("runs", [row("b")])
            with pytest.warns(StoreWarning, match=r"2 result"):
                store.write("weights", [row("c")])
        assert store.load("runs", ["a", "b"]).keys() == {"a", "b"}
        assert store.keys("weights") == {"c"}
        assert on_disk(tmp_path) == {"a"}
        assert files(tmp_path, ".writing-*") == []
        store.write("runs", [row("d")])
        assert on_disk(tmp_path) == {"a", "b", "c", "d"}
        assert len(files(tmp_path)) == 4

    def test_what_is_refused_is_kept_elsewhere_until_there_is_room(
        self, tmp_path, elsewhere, full, monkeypatch
    ):
        store = Store(tmp_path)
        with pytest.warns(StoreWarning, match=rf"kept in {elsewhere}/[^ ]*, a store of its own"):
            store.write("runs", [row("a")])
        (rescued,) = elsewhere.iterdir()
        assert on_disk(rescued) == {"a"}
        with pytest.raises(StoreError, match=r"No space left.*1 result"):
            store.settle()
        assert Store(tmp_path).keys("runs") == {"a"}  # another object in this process knows it
        with pytest.warns(StoreWarning):
            store.write("runs", [row("b")])
        files(rescued)[0].unlink()  # somebody has tidied up
        monkeypatch.undo()
        Store(tmp_path).settle()
        assert on_disk(tmp_path) == {"a", "b"}
        assert files(rescued) == []

    def test_run_goes_on_and_says_at_its_end_what_is_not_stored(
        self, tmp_path, elsewhere, full, monkeypatch
    ):
        specs = grid(SMALL, activation=["relu", "tanh"])  # two populations
        with (
            pytest.warns(StoreWarning, match="No space left"),
            pytest.raises(StoreError, match=r"2 result\(s\) are kept in"),
        ):
            run(specs, store=tmp_path, progress=False)
        assert on_disk(next(elsewhere.iterdir())) == {spec.key for spec in specs}
        monkeypatch.setattr("infomax_lib.results.runs.compute", None)  # nothing is trained again
        assert len(run(specs, store=tmp_path, progress=False)) == 2
        monkeypatch.undo()
        assert len(run(specs, store=tmp_path, progress=False)) == 2
        Store(tmp_path).settle()
        assert on_disk(tmp_path) == {spec.key for spec in specs}

    def test_a_command_that_could_not_store_fails(self, tmp_path, elsewhere, full, monkeypatch):
        file = tmp_path / "sweep.yaml"
        file.write_text("dataset: synthetic\nhidden_dim: 2\nepochs: 1\nbatch_size: full\n", "utf8")
        with pytest.warns(StoreWarning):
            result = CliRunner().invoke(app, ["sweep", str(file), "--store", str(tmp_path / "s")])
        assert result.exit_code == 1
        assert "error: could not write" in result.output
        assert "Traceback" not in result.output


class TestUnwritable:
    """What cannot be stored is not computed."""

    def refused(self, folder, reason, monkeypatch):
        monkeypatch.setattr("infomax_lib.results.runs.compute", None)
        with pytest.raises(StoreError, match=f"cannot be stored in {folder}: .*{reason}.*--store"):
            run(SMALL, store=folder, progress=False)
        result = KIND_OF_ITS_OWN
        with pytest.raises(StoreError, match="cannot be stored"):
            result.results([SMALL], compute=None, store=folder, progress=False)

    @pytest.mark.parametrize("place", ["file", "file/below", "broken"])
    def test_a_place_that_is_no_folder(self, tmp_path, monkeypatch, place):
        (tmp_path / "file").write_text("", "utf8")
        (tmp_path / "broken").symlink_to(tmp_path / "absent")
        self.refused(tmp_path / place, "is not a folder", monkeypatch)

    def test_a_disk_that_is_full(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Path, "write_bytes", full_disk)
        self.refused(tmp_path, "No space left", monkeypatch)

    def test_a_folder_that_cannot_be_written(self, tmp_path, monkeypatch):
        def refuse(*args, **kwargs):  # as a read-only folder does to everybody but root
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "write_bytes", refuse)
        self.refused(tmp_path, "Permission denied", monkeypatch)

    def test_reading_what_is_known_needs_no_room(self, tmp_path, monkeypatch):
        run(SMALL, store=tmp_path, progress=False)
        monkeypatch.setattr(Path, "write_bytes", full_disk)
        assert len(run(SMALL, store=tmp_path, progress=False)) == 1

    def test_nothing_is_left_behind(self, tmp_path):
        Store(tmp_path / "absent" / "store").refuse_unwritable()
        assert files(tmp_path, "*") == []


class TestRows:
    def test_rows_that_cannot_be_stored_do_not_block_the_others(self, tmp_path):
        store = Store(tmp_path)
        with pytest.raises(pa.ArrowException):
            store.write("runs", [{"key": "bad", "nothing": {}}])
        assert store.keys("runs") == set()
        store.write("runs", [row("a")])
        assert Store(tmp_path).keys("runs") == {"a"}
