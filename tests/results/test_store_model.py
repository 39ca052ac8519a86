"""A store against a dictionary, whatever happens to it, in whatever order.

Two writers share a folder on top of another one. They write, are refused by the disk, are killed;
bits flip, files of other versions and other programs turn up, and the clock goes back. A reader who
comes afterwards finds exactly what the files that are still sound hold, and no writer ever forgets
or changes a row that it knows.
"""

import errno
import os
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
from damage import file_of_our_naming, flip, parquet
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from infomax_lib.results import files as files_module
from infomax_lib.results import store as store_module
from infomax_lib.results.store import Store, StoreError

KEYS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True)
WRITERS = st.sampled_from([0, 1])
REFUSALS = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT])


class Model(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "fsync", lambda handle: None)  # nothing crashes here: only slow
        self.place = Path(tempfile.mkdtemp())
        self.patch.setattr(store_module.pooch, "os_cache", lambda name: self.place / "cache")
        self.folder, self.below = self.place / "own", self.place / "below"
        self.sound = {}  # name of a file -> its rows: what any reader has to find
        self.foreign = set()  # files that nobody touches
        self.pending = {}  # rows that the disk has refused
        self.count = 0
        self.writers = [self.opened(), self.opened()]
        self.known = [{}, {}]  # what each writer has seen

    def opened(self):
        return Store(self.folder, below=[self.below])

    def teardown(self):
        self.patch.undo()
        store_module._UNSAVED.pop(self.folder, None)
        shutil.rmtree(self.place)

    def rows(self, keys):
        self.count += 1  # computed twice, a row may differ in its last digits
        return [{"key": key, "value": ord(key) + self.count / 1000} for key in keys]

    def files(self, folder):
        return {path.name: path for path in (folder / "runs").glob("*.parquet")}

    def write_to(self, store, rows):
        with self.what_is_stored_by(store.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what had been damaged before
            store.write("runs", rows)

    @contextmanager
    def what_is_stored_by(self, folder):
        """Take the files that turn up in a folder meanwhile for sound."""
        before = self.files(folder)
        yield
        for name in self.files(folder).keys() - before.keys():
            self.sound[name] = store_module._decode(self.files(folder)[name].read_bytes())

    @rule(writer=WRITERS, keys=KEYS)
    def write(self, writer, keys):
        self.write_to(self.writers[writer], self.rows(keys))
        self.pending = {}

    @rule(keys=KEYS)
    def others_write_below(self, keys):
        self.write_to(Store(self.below), self.rows(keys))

    @rule(
        writer=WRITERS,
        keys=KEYS,
        code=REFUSALS,
        call=st.sampled_from(["open", "write", "fsync", "replace"]),
    )
    def the_disk_refuses(self, writer, keys, code, call):
        def refuse(*arguments, **named):
            raise OSError(code, os.strerror(code))

        rows = self.rows(keys)
        with pytest.MonkeyPatch.context() as disk, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            disk.setattr(files_module.os, call, refuse)
            self.writers[writer].write("runs", rows)
            try:
                self.writers[writer].settle()
            except StoreError:
                pass
            else:
                raise AssertionError("what the disk refused was reported as stored")
        assert any("could not write" in str(each.message) for each in said)
        self.pending |= {row["key"]: row for row in rows}

    @rule()
    def there_is_room_again(self):
        with self.what_is_stored_by(self.folder):
            self.writers[0].settle()
        self.pending = {}

    @rule(half=st.binary(max_size=20))
    def everybody_is_killed_while_writing(self, half):
        (self.folder / "runs").mkdir(parents=True, exist_ok=True)
        (self.folder / "runs" / ".writing-0123456789abcdef").write_bytes(b"PAR1" + half)
        store_module._UNSAVED.pop(self.folder, None)
        self.writers = [self.opened(), self.opened()]
        self.pending, self.known = {}, [{}, {}]

    @precondition(lambda self: self.sound)
    @rule(data=st.data())
    def a_bit_flips(self, data):
        name = data.draw(st.sampled_from(sorted(self.sound)))
        flip((self.files(self.folder) | self.files(self.below))[name])
        del self.sound[name]

    @precondition(lambda self: (self.folder / "runs").exists())
    @rule(content=st.sampled_from([b"of years to come", parquet([{"key": "a"}], {})]))
    def another_version_writes(self, content):
        file_of_our_naming(self.folder / "runs", content)

    @rule(name=st.sampled_from(["export.parquet", "._a.parquet", "notes.txt", ".DS_Store"]))
    def another_program_writes(self, name):
        (self.folder / "runs").mkdir(parents=True, exist_ok=True)
        (self.folder / "runs" / name).write_bytes(b"mine")
        self.foreign.add(self.folder / "runs" / name)

    @rule(name=st.sampled_from(["1970-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"]))
    def the_clock_is_set(self, name):
        self.patch.setattr(store_module, "_provenance", lambda: {"format": 1, "date": name})

    @invariant()
    def a_reader_finds_what_is_sound(self):
        best = {}
        for _, rows in sorted(self.sound.items()):
            best |= {row["key"]: row for row in rows}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert self.fresh() == best
            for writer, known in zip(self.writers, self.known, strict=True):
                found = writer.load("runs", "abcdef")
                assert found.keys() >= best.keys() | self.pending.keys() | known.keys()
                assert all(row["value"] // 1 == ord(key) for key, row in found.items())
                known |= found
        assert all(path.read_bytes() == b"mine" for path in self.foreign)

    def fresh(self):
        """What a new process finds on the disk; it leaves the folders alone."""
        return Store(self.place / "nothing", below=[self.folder, self.below]).load("runs", "abcdef")


TestStore = Model.TestCase
TestStore.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
