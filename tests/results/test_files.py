"""What writing files promises beside surviving crashes: rights, refusals, what is left lying."""

import errno
import os

import pytest

from infomax_lib.results import files


@pytest.mark.skipif(os.name == "nt", reason="rights of another kind")
def test_others_may_read_what_is_written(tmp_path):
    before = os.umask(0)
    try:
        files.write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def refusing(number, refused):
    """A function of ``os`` that fails for folders, or for files."""
    genuine = os.open if refused == "open" else os.fsync

    def function(target, *args, **kwargs):
        folder = os.path.isdir(target) if refused == "open" else os.fstat(target).st_nlink > 1
        if folder:
            raise OSError(number, os.strerror(number))
        return genuine(target, *args, **kwargs)

    return function


@pytest.mark.parametrize("refused", ["open", "fsync"])
class TestAFolderThatCannotBeFlushed:
    def test_is_no_failure_where_the_file_system_knows_no_such_thing(
        self, refused, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(os, refused, refusing(errno.EINVAL, refused))
        files.write_whole(tmp_path / "a", b"x")
        assert (tmp_path / "a").read_bytes() == b"x"

    def test_is_a_failure_where_the_disk_is_broken(self, refused, tmp_path, monkeypatch):
        monkeypatch.setattr(os, refused, refusing(errno.EIO, refused))
        with pytest.raises(OSError, match=os.strerror(errno.EIO)) as error:
            files.write_whole(tmp_path / "a", b"x")
        assert error.value.errno == errno.EIO


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "results").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as error:
        files.refuse_unwritable(tmp_path / "results" / "runs")
    assert error.value.errno == errno.ENOTDIR
    assert error.value.strerror == f"{tmp_path / 'results'} is not a folder"


def test_an_unfinished_file_is_left_alone_until_a_day_has_passed(tmp_path):
    newest = tmp_path / "newest"
    newest.write_bytes(b"")
    now = newest.stat().st_mtime
    for age in (0, 24 * 3600, 24 * 3600 + 1):
        path = tmp_path / f"{files.UNFINISHED}{age}"
        path.write_bytes(b"")
        os.utime(path, (now - age, now - age))
    files.remove_abandoned(newest)
    assert sorted(path.name for path in tmp_path.glob(f"{files.UNFINISHED}*")) == [
        f"{files.UNFINISHED}0",
        f"{files.UNFINISHED}86400",
    ]


def test_a_file_that_another_process_has_removed_meanwhile_is_no_failure(tmp_path):
    files.remove_abandoned(tmp_path / "gone")
