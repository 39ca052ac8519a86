"""Turns: who computes what when several share a store, and what a claim leaves behind."""

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from functools import partial

import pytest

from infomax_lib import RunSpec, grid
from infomax_lib.results import locks
from infomax_lib.results.locks import claimed, take_turns

ONE, TWO, THREE = ([spec] for spec in grid(RunSpec(dataset="synthetic"), seed=range(3)))

HOLD = """
import sys
from pathlib import Path
from filelock import FileLock
with FileLock(sys.argv[1]):
    Path(sys.argv[1]).write_text("process 7 on the moon")
    print("held", flush=True)
    sys.stdin.readline()
"""


def refused(*args, **kwargs):
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.fixture
def stored():
    """What is stored, and what is still missing of some specs."""
    done = []
    return done, lambda group: [spec for spec in group if spec not in done]


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ONE."""
    with claimed(tmp_path, ONE):
        (path,) = tmp_path.iterdir()
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"held"
        yield process
        process.kill()


class TestClaim:
    def test_is_held_by_one_at_a_time_and_ends_with_its_block(self, tmp_path):
        with claimed(tmp_path, ONE) as mine:
            assert mine is True
            with claimed(tmp_path, ONE) as also, claimed(tmp_path, TWO) as other:
                assert (also, other) == (False, True)
            with claimed(tmp_path, ONE) as also:
                assert also is False  # one that looked and left has not let go of it
        assert list(tmp_path.iterdir()) == []
        with claimed(tmp_path, ONE) as mine:
            assert mine

    def test_is_of_runs_in_any_order(self, tmp_path):
        with claimed(tmp_path, [*ONE, *TWO]), claimed(tmp_path, [*TWO, *ONE]) as other:
            assert other is False

    def test_is_a_small_hidden_file_that_names_its_owner(self, tmp_path, request):
        request.addfinalizer(partial(os.umask, os.umask(0o077)))
        with claimed(str(tmp_path / "new" / "store"), ONE):
            (path,) = (tmp_path / "new" / "store").iterdir()
            assert path.read_text("utf8") == f"process {os.getpid()} on {socket.gethostname()}"
            # whoever shares the folder may look, and take the lock afterwards
            assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def test_has_the_same_name_in_every_version(self, tmp_path):
        with claimed(tmp_path, [*ONE, *TWO]):
            (path,) = tmp_path.iterdir()
        assert path.name == ".claim-d79dddcd958d607a17067f3e931a459c"

    def test_that_the_file_system_cannot_lock_is_everybody_s(self, tmp_path, monkeypatch):
        def unable(*args):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr("filelock._unix.fcntl.flock", unable)
        with claimed(tmp_path, ONE) as mine, claimed(tmp_path, ONE) as also:
            assert mine is also is True

    def test_ends_by_an_error(self, tmp_path):
        for stop in (KeyboardInterrupt, GeneratorExit):
            turns = take_turns([ONE], list, tmp_path)
            assert next(turns) == ONE
            with pytest.raises(stop):
                turns.throw(stop)
        assert list(tmp_path.iterdir()) == []

    def test_may_be_ended_by_another_thread(self, tmp_path):
        turns = take_turns([ONE], list, tmp_path)
        thread = threading.Thread(target=lambda: next(turns))
        thread.start()
        thread.join()
        turns.close()
        assert list(tmp_path.iterdir()) == []
        with claimed(tmp_path, ONE) as mine:
            assert mine

    def test_of_a_killed_process_is_free(self, holder, tmp_path):
        with claimed(tmp_path, ONE) as mine:
            assert mine is False
        holder.kill()
        holder.wait()
        (path,) = tmp_path.iterdir()
        with claimed(tmp_path, ONE) as mine:
            assert mine
        assert not path.exists()

    def test_whose_file_somebody_removed_ends_all_the_same(self, tmp_path):
        with claimed(tmp_path, ONE):
            (path,) = tmp_path.iterdir()
            path.unlink()
        with claimed(tmp_path, ONE) as mine:
            assert mine

    def test_on_a_full_disk_is_held(self, tmp_path, monkeypatch):
        def full(*args, **kwargs):
            raise OSError("no space left on device")

        monkeypatch.setattr(locks.Path, "write_text", full)
        with claimed(tmp_path, ONE) as mine, claimed(tmp_path, ONE) as also:
            assert (mine, also) == (True, False)
        assert list(tmp_path.iterdir()) == []


class TestTurns:
    def test_are_taken_in_order_and_what_is_known_is_left_out(self, tmp_path, stored):
        done, missing = stored
        done += TWO
        found = []
        for part in take_turns([[*ONE, *TWO], TWO, THREE], missing, tmp_path):
            found.append(part)
            done += part
        assert found == [ONE, THREE]

    def test_without_locks_everything_is_computed_here(self, tmp_path, stored):
        done, missing = stored
        (tmp_path / "file").write_text("", "utf8")
        for part in take_turns([ONE, TWO], missing, tmp_path / "file" / "no folder"):
            done += part
        assert done == [*ONE, *TWO]

    def test_what_appears_while_the_claim_is_taken_is_not_computed(self, tmp_path):
        looks = []

        def missing(group):
            looks.append(group)
            return group if len(looks) == 1 else []

        assert list(take_turns([ONE], missing, tmp_path)) == []
        assert len(looks) == 2

    def test_what_another_process_holds_is_put_off_and_waited_for(
        self, holder, tmp_path, stored, monkeypatch
    ):
        done, missing = stored
        said, pauses = [], []

        def pause(seconds):
            """The other process ends at the third look, without results."""
            assert 0 < seconds < 1
            pauses.append(seconds)
            if len(pauses) == 3:
                holder.kill()
                holder.wait()

        monkeypatch.setattr(locks.time, "sleep", pause)
        order = []
        for part in take_turns([ONE, TWO], missing, tmp_path, said.append):
            order.append(part)
            done += part
        assert order == [TWO, ONE]
        assert said == ["waiting for process 7 on the moon, which computes the last ones"]
        assert len(pauses) == 3  # none while there was something else to do

    def test_of_others_results_are_taken_over_in_silence_where_nobody_listens(
        self, holder, tmp_path, stored, monkeypatch
    ):
        done, missing = stored
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: done.extend(ONE))
        assert list(take_turns([ONE], missing, tmp_path)) == []

    def test_waiting_for_another_thread_is_not_worth_a_word(self, tmp_path, stored, monkeypatch):
        done, missing = stored
        said = []
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: done.extend(ONE))
        with claimed(tmp_path, ONE):
            assert list(take_turns([ONE], missing, tmp_path, said.append)) == []
        assert said == []

    @pytest.mark.parametrize("content", [b"", b"\xff", None])
    def test_an_owner_that_cannot_be_read_is_another_process(
        self, content, tmp_path, stored, monkeypatch
    ):
        done, missing = stored
        said = []
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: done.extend(ONE))
        with claimed(tmp_path, ONE):
            (path,) = tmp_path.iterdir()
            if content is None:  # as Windows does with a locked file
                monkeypatch.setattr(locks.Path, "read_text", refused)
            else:
                path.write_bytes(content)
            assert list(take_turns([ONE], missing, tmp_path, said.append)) == []
        assert said == ["waiting for another process, which computes the last ones"]
