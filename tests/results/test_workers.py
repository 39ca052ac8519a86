"""Worker processes: results, progress, errors, and what becomes of them when their parent dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from infomax_lib.results.workers import side_by_side


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
