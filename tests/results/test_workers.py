"""Worker processes: results, progress, errors, and what becomes of them when their parent dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

from infomax_lib import RunSpec, grid
from infomax_lib.results import locks, workers
from infomax_lib.results.locks import claimed
from infomax_lib.results.workers import share_out, side_by_side


def with_progress(value, progress):
    with progress.open("ab") as file:
        file.write(b"....")
    return value * value, os.getpid(), torch.get_num_threads()


def failing(value, progress):
    raise ValueError(f"cannot use {value}")


def squares(values, on_progress=lambda count: None):
    todo, lock = list(values), threading.Lock()

    def work(remote):
        while True:
            with lock:
                if not todo:
                    return
                value = todo.pop()
            yield remote(with_progress, value)

    return list(side_by_side(work, 2, on_progress))


def test_every_call_is_answered_by_another_process_with_one_thread():
    counts = []
    found = squares(range(6), counts.append)
    assert sorted(value for value, _, _ in found) == [0, 1, 4, 9, 16, 25]
    assert os.getpid() not in {process for _, process, _ in found}
    assert {threads for _, _, threads in found} == {1}
    assert sum(counts) == 24


def test_an_error_in_a_worker_comes_out():
    with pytest.raises(ValueError, match="cannot use 3"):
        list(side_by_side(lambda remote: (remote(failing, n) for n in [3]), 2, lambda count: None))
    assert sorted(value for value, _, _ in squares([2])) == [4]  # the next call gets new workers


def test_an_error_in_one_thread_ends_nobody_elses_workers():
    gate = threading.Event()

    def patient(remote):
        yield remote(with_progress, 2)
        gate.wait(60)
        yield remote(with_progress, 3)

    with closing(side_by_side(patient, 1, lambda count: None)) as going_on:
        assert next(going_on)[0] == 4
        with pytest.raises(ValueError, match="cannot use 3"):
            list(side_by_side(lambda remote: (remote(failing, 3) for _ in "1"), 1, lambda n: None))
        gate.set()
        assert next(going_on)[0] == 9
    assert sorted(value for value, _, _ in squares([2])) == [4]


def test_joblib_keeps_workers_of_its_own():
    squares([2])
    arrays = [np.zeros(200_000)] * 2  # so large that joblib hands them over in a file
    assert Parallel(n_jobs=2)(delayed(len)(array) for array in arrays) == [200_000] * 2
    assert sorted(value for value, _, _ in squares([3])) == [9]


class TestShareOut:
    """In this process; the same in workers is tested with what they compute."""

    CHUNKS = tuple(
        grid(RunSpec(dataset="synthetic", epochs=epochs), seed=range(3)) for epochs in (1, 2)
    )

    @pytest.fixture
    def stored(self):
        return set()

    @pytest.fixture
    def share(self, stored, tmp_path):
        def share(compute, chunks=self.CHUNKS, **settings):
            def missing(specs):
                return [spec for spec in specs if spec not in stored]

            for part, result in share_out(chunks, missing, tmp_path, compute, **settings):
                stored.update(part)
                yield part, result

        return share

    def test_gives_what_is_missing_of_each_chunk_with_its_results(self, share, stored):
        stored.add(self.CHUNKS[0][1])
        found = list(share(lambda part, advance: [spec.seed for spec in part]))
        assert found == [
            ([self.CHUNKS[0][0], self.CHUNKS[0][2]], [0, 2]),
            (self.CHUNKS[1], [0, 1, 2]),
        ]
        assert list(share(lambda part, advance: pytest.fail("all is stored"))) == []
        assert list(share(None, chunks=[])) == []

    def test_computes_the_next_part_when_the_last_one_is_stored(self, share, stored):
        seen = []
        shared = share(
            lambda part, advance: seen.append(len(stored)),
            split=lambda part: ([spec] for spec in part),
        )
        assert [len(part) for part, _ in shared] == [1] * 6
        assert seen == [0, 1, 2, 3, 4, 5]

    def test_tells_of_progress(self, share):
        counts = []
        list(share(lambda part, advance: advance(len(part)), on_progress=counts.append))
        assert counts == [3, 3]
        list(share(lambda part, advance: advance(1)))  # where nobody listens

    def test_ends_its_claim_where_it_is_left(self, share, tmp_path):
        shared = share(lambda part, advance: None)
        next(shared)
        assert list(tmp_path.iterdir()) != []
        shared.close()
        assert list(tmp_path.iterdir()) == []

    def test_says_whom_it_waits_for(self, share, stored, tmp_path, monkeypatch):
        said = []
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: stored.update(self.CHUNKS[0]))
        for listening in ({}, {"say": said.append}):
            stored.clear()
            with claimed(tmp_path, self.CHUNKS[0]):
                (claim,) = tmp_path.iterdir()
                claim.write_text("the moon", "utf8")
                found = share(lambda part, advance: None, chunks=self.CHUNKS[:1], **listening)
                assert list(found) == []
        assert said == ["waiting for the moon, which computes the last ones"]

    @pytest.mark.parametrize(("processes", "used"), [(1, None), (2, 2), (3, 2)])
    def test_uses_no_more_processes_than_there_are_chunks(
        self, processes, used, share, monkeypatch, tmp_path
    ):
        """Here with threads, whose calls go the way of those in workers."""
        asked, counts = [], []

        def side_by_side_here(work, processes, on_progress):
            asked.append(processes)
            progress = tmp_path / "progress"
            yield from work(lambda function, *arguments: function(*arguments, progress))
            on_progress(len(progress.read_bytes()))

        monkeypatch.setattr(workers, "side_by_side", side_by_side_here)

        def compute(part, advance):
            advance(2)
            advance(1)
            return len(part)

        found = share(compute, processes=processes, on_progress=counts.append)
        assert [result for _, result in found] == [3, 3]
        assert asked == ([] if used is None else [used])
        assert sum(counts) == 6

    def test_looks_at_the_store_in_one_thread_at_a_time(self, tmp_path, monkeypatch):
        """What was found is stored before anybody asks what is missing."""
        at_work, overlaps = threading.Lock(), []

        def missing(specs):
            if not at_work.acquire(blocking=False):
                overlaps.append(specs)
                return []
            time.sleep(0.01)
            at_work.release()
            return list(specs)

        def two_threads(work, processes, on_progress):
            with ThreadPoolExecutor(2) as threads:
                handed = threads.map(lambda n: list(work(lambda *arguments: n)), range(2))
                yield from (each for results in handed for each in results)

        monkeypatch.setattr(workers, "side_by_side", two_threads)
        list(share_out(self.CHUNKS, missing, tmp_path, None, processes=2))
        assert overlaps == []


# no guard of __main__: a user's script may have none
SCRIPT = """
import os, sys, time
from pathlib import Path
from infomax_lib.results.workers import side_by_side

def forever(folder, progress):
    (Path(folder) / str(os.getpid())).touch()
    while True:
        time.sleep(0.05)

def work(remote):
    yield remote(forever, sys.argv[1])

list(side_by_side(work, 2, lambda count: None))
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script, folder = tmp_path / "script.py", tmp_path / "started"
    script.write_text(SCRIPT, "utf8")
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(folder)])
    while len(workers := [int(path.name) for path in folder.iterdir()]) < 2:
        assert parent.poll() is None
        time.sleep(0.1)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not any(_alive(worker) for worker in workers):
            return
        time.sleep(0.1)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    pytest.fail("workers outlived their parent by ten seconds")


def _alive(process: int) -> bool:
    """Running, and not merely waiting for its exit status to be read."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestIdleWorkers:
    """Workers of a call that has ended."""

    def processes(self):
        return {process for _, process, _ in squares(range(4))}

    def gone(self, process):
        """Whether a process ends within half a minute."""
        for _ in range(300):
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.1)
        return False

    def test_answer_the_next_call(self, monkeypatch):
        monkeypatch.setattr(workers, "_IDLE_SECONDS", 60.0)
        first = self.processes()
        second = self.processes()
        assert first & second
        assert len(first | second) == 2

    def test_end_after_a_while_and_the_next_call_starts_others(self, monkeypatch):
        monkeypatch.setattr(workers, "_IDLE_SECONDS", 0.3)
        first = self.processes()
        assert all(self.gone(process) for process in first)
        assert not self.processes() & first

    def test_that_were_killed_are_replaced(self, monkeypatch):
        monkeypatch.setattr(workers, "_IDLE_SECONDS", 60.0)
        first = self.processes()
        for process in first:
            os.kill(process, signal.SIGKILL)
        assert not self.processes() & first

    def test_taken_when_their_time_is_up_are_not_ended(self, monkeypatch):
        """The clock strikes while a call takes them: it has them, and they stay."""
        monkeypatch.setattr(workers, "_IDLE_SECONDS", 60.0)
        first = self.processes()
        with workers._workers(2) as executor:
            workers._end_idle(2, executor)
            assert executor.submit(os.getpid).result() in first
