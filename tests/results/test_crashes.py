"""A power cut at any moment of a write leaves the store as it was before, or as it is after.

The writes of a store go through a recorder, which does them and notes what was asked of the disk. A
disk owes only what was flushed: at every moment, any of the operations that were not flushed may
have been lost, in any combination, and of the bytes of a file any part. Every state that is
possible so is laid out in a folder and read.
"""

import itertools
import os
import shutil
from pathlib import Path

import pytest

from infomax_lib.results import files as files_module
from infomax_lib.results.store import Store


class Recorder:
    """:mod:`os`, with a note of each operation that changes the disk."""

    def __init__(self):
        self.log = []  # what was done, first its name and the folder or file that owes it
        self._number = {}  # path or handle -> number of a file, or path of a folder
        self._numbers = itertools.count()
        self._size = {}

    def __getattr__(self, name):
        return getattr(os, name)

    def open(self, path, flags, mode=0o777):
        handle = os.open(path, flags, mode)
        self._number[handle] = Path(path)
        if flags & os.O_CREAT:
            number = next(self._numbers)
            self._number[handle] = self._number[Path(path)] = number
            self._size[number] = 0
            self.log.append(("enter", path.parent, path, number))
        return handle

    def write(self, handle, content):
        number = self._number[handle]
        some = content[: len(content) // 2] if not self._size[number] else content
        written = os.write(handle, some)  # a disk may take less than it was asked to
        self.log.append(("write", number, self._size[number], bytes(some)))
        self._size[number] += written
        return written

    def fsync(self, handle):
        os.fsync(handle)
        self.log.append(("flush", self._number[handle]))

    def mkdir(self, path):
        os.mkdir(path)
        self.log.append(("folder", path.parent, path))

    def replace(self, source, target):
        os.replace(source, target)
        number = self._number[target] = self._number.pop(source)
        self.log.append(("rename", target.parent, source, target, number))


def states(log):
    """What may be there after a crash: the moment, and the operations that are.

    A write may be there as its first half, or as zeros, too.
    """
    for moment in range(len(log) + 1):
        options = []
        for place, operation in enumerate(log[:moment]):
            if operation[0] == "flush":
                continue
            lost = [] if ("flush", operation[1]) in log[place:moment] else [None]
            if lost and operation[0] == "write":
                *where, content = operation
                lost += [(*where, content[: len(content) // 2]), (*where, bytes(len(content)))]
            options.append([operation, *lost])
        for choice in itertools.product(*options):
            yield moment, [operation for operation in choice if operation]


def lay_out(operations, root, folder):
    """Do to a folder what the operations did to another one."""
    content, entries, folders = {}, {}, {root}
    for name, owner, *rest in operations:
        if name == "write":
            start, some = rest
            before = content.get(owner, b"").ljust(start, b"\0")
            content[owner] = before[:start] + some + before[start + len(some) :]
        elif name == "enter":
            entries[rest[0]] = rest[1]
        elif name == "rename":
            entries.pop(rest[0], None)
            entries[rest[1]] = rest[2]
        elif owner in folders:
            folders.add(rest[0])
    for path, number in entries.items():
        place = folder / path.relative_to(root)
        if path.parent in folders or place.parent.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.get(number, b""))


def row(key):
    return {"key": key, "value": float(len(key))}


@pytest.mark.parametrize("before", [(), ("old",)], ids=["into nothing", "beside others"])
def test_every_crash_leaves_the_old_or_the_new_state(tmp_path, monkeypatch, before):
    folder = tmp_path / "place" / "store"
    for key in before:
        Store(folder).write("runs", [row(key)])
    original = tmp_path / "original"
    shutil.copytree(tmp_path / "place", original) if before else original.mkdir()
    disk = Recorder()
    monkeypatch.setattr(files_module, "os", disk)
    (tmp_path / "place").mkdir(exist_ok=True)
    Store(folder).write("runs", [row("new"), row("newer")])
    monkeypatch.undo()
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no more crashes: only slow
    old, new = set(before), {*before, "new", "newer"}
    seen = set()
    for count, (moment, operations) in enumerate(states(disk.log)):
        crashed = tmp_path / str(count)
        shutil.copytree(original, crashed)
        lay_out(operations, tmp_path / "place", crashed)
        store = Store(crashed / "store")
        found = store.load("runs", ["old", "new", "newer"])  # a warning would be an error
        assert found.keys() in ([new] if moment == len(disk.log) else [old, new]), operations
        assert all(found[key]["value"] == len(key) for key in found)
        store.write("runs", [row("later")])
        assert Store(crashed / "store").keys("runs") == found.keys() | {"later"}
        seen.add((moment, frozenset(found)))
        shutil.rmtree(crashed)
    assert {keys for _, keys in seen} == {frozenset(old), frozenset(new)}
    assert count >= 40
