"""Compiled code on disk: whatever happens to it, a function gives its value and says so once."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from infomax_lib import InfoMax
from infomax_lib.training.compiled import cache, step


def doubled(x):
    return 2 * x


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_said", set())
    return tmp_path


def fresh():
    """The function as a process that has just begun knows it."""
    cache._said.clear()
    return step._compiled(doubled)


def from_disk(compiled):
    return sum(compiled.stats.cache_hits.values())


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def kept(folder):
    """The one file that a call leaves behind."""
    assert fresh()(3) == 6
    (path,) = files(folder)
    return path


def test_what_was_compiled_is_found_again(kept):
    again = fresh()
    assert again(3) == 6
    assert from_disk(again) == 1
    assert again(1.5) == 3.0  # other types are another file
    assert len(files(kept.parent)) == 2


DAMAGES = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-100],
    "cut to the checksum": lambda content: content[:32],
    "garbage": lambda content: bytes(reversed(content)),
    "a bit flipped": lambda content: content[:-50] + bytes([content[-50] ^ 1]) + content[-49:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_code_is_compiled_again_with_one_warning(kept, damage):
    kept.write_bytes(DAMAGES[damage](kept.read_bytes()))
    with pytest.warns(RuntimeWarning, match="compiled again") as said:
        assert fresh()(3) == 6
    assert len(said) == 1
    assert str(kept) in str(said[0].message)
    again = fresh()
    assert again(3) == 6
    assert from_disk(again) == 1


def test_a_warning_that_is_an_error_comes_once(kept):
    kept.write_bytes(b"")
    with pytest.raises(RuntimeWarning):
        fresh()(3)
    assert fresh()(3) == 6


def test_several_damaged_files_are_one_warning(kept):
    both = fresh()
    both(3), both(1.5)
    for path in files(kept.parent):
        path.write_bytes(b"")
    both = fresh()
    with pytest.warns(RuntimeWarning) as said:
        assert (both(3), both(1.5)) == (6, 3.0)
    assert len(said) == 1


def test_code_of_another_source_is_compiled_again_silently(kept, monkeypatch):
    monkeypatch.setattr(cache._Files, "_origin", lambda self, key: b"another source".ljust(32))
    again = fresh()
    assert again(3) == 6
    assert from_disk(again) == 0


def test_a_file_that_cannot_be_read(kept):
    kept.unlink()
    kept.mkdir()
    with pytest.warns(RuntimeWarning, match="could not be") as said:
        assert fresh()(3) == 6
    assert len(said) == 2  # nor can its successor be written


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_ends_nothing(folder, monkeypatch, error):
    def refuse(*paths):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "replace", refuse)
    compiled, message = fresh(), f"kept for the next time.*{os.strerror(error)}"
    with pytest.warns(RuntimeWarning, match=message) as said:
        assert (compiled(3), compiled(1.5)) == (6, 3.0)
    assert len(said) == 1
    assert files(folder) == []


def test_killed_while_writing(folder, monkeypatch):
    def kill(*paths):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", kill)
        with pytest.raises(SystemExit):
            fresh()(3)
    (half,) = files(folder)
    half.write_bytes(half.read_bytes()[:100])
    again = fresh()
    assert again(3) == 6  # without a warning: what is half written has another name
    assert from_disk(again) == 0


SCRIPT = """
import sys
import numpy as np
from infomax_lib import InfoMax
x = np.load(sys.argv[1])
np.save(sys.argv[2], InfoMax(33, max_iter=1, device="cpu").fit(x).components_)
"""


def test_the_training_step_in_a_process_of_its_own(tmp_path, tiny):
    x = (tiny.train * (tiny.train > 1)).numpy()
    expected = InfoMax(33, max_iter=1, device="cpu").fit(x).components_  # by compiled code
    own = cache._Cache(step.train.py_func)
    np.save(tmp_path / "x.npy", x)
    # the cache as it is, but for one damaged file
    folder = tmp_path / "cache" / own._impl.locator.get_suitable_cache_subpath(step.__file__)
    folder.mkdir(parents=True)
    for path in Path(own.cache_path).glob("step.*.nbc"):
        shutil.copy(path, folder)
    damaged = list(folder.glob("step.group_by_input-*.nbc"))
    assert damaged
    for path in damaged:
        os.truncate(path, path.stat().st_size - 2000)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    command = [sys.executable, "-c", SCRIPT, tmp_path / "x.npy", tmp_path / "found.npy"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert np.array_equal(np.load(tmp_path / "found.npy"), expected)
    message = "RuntimeWarning: compiled code could not be read, and is compiled again"
    assert done.stderr.count(message) == 1
    assert "group_by_input" in done.stderr
