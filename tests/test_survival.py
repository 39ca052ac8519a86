"""Results survive kills, damage, full disks, Ctrl-C and company; nothing known is trained again."""

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import kills
import pandas as pd
import pytest
from damage import file_of_our_naming, files, flip, parquet, truncate

import infomax_lib
from infomax_lib import RunSpec, Store, grid, run
from infomax_lib.results import compute
from infomax_lib.results.store import StoreWarning
from infomax_lib.training.grouping import populations

# Six populations of two runs, some 0.1 s each: what differs in epochs cannot train together.
SPECS = [
    spec
    for epochs in range(1, 7)
    for spec in grid(
        RunSpec(dataset="synthetic", hidden_dim=3, epochs=epochs, batch_size=200),
        lambda_tc=[0.0, 1.0],
    )
]

# A process that runs them, and tells which it starts on. Arguments: folder of the store, and a
# statement to execute at the beginning of every population (n counts them).
CHILD = """
import signal, sys, time
from infomax_lib import run
from infomax_lib.results import compute
from test_survival import SPECS

# what a shell starts in the background inherits that Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

n, train = 0, compute.train_population

def observed(specs, *args, **kwargs):
    global n
    n += 1
    print("training", *(SPECS.index(spec) for spec in specs), flush=True)
    exec(sys.argv[2])
    return train(specs, *args, **kwargs)

compute.train_population = observed
print("ready", flush=True)
sys.stdin.readline()
table = run(SPECS, device="cpu", store=sys.argv[1], progress=False)
print("table", table.to_json(double_precision=15, orient="split"), flush=True)
"""


class Child:
    """One such process. It begins with :meth:`go`."""

    def __init__(self, folder: Path, each_time: str = "pass") -> None:
        root = Path(infomax_lib.__file__).parents[1]
        path = os.pathsep.join([str(root), str(root / "tests")])
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), each_time],
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def go(self) -> None:
        assert self.process.stdout.readline() == "ready\n"
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def next_population(self) -> list[int]:
        word, *places = self.process.stdout.readline().split()
        assert word == "training"
        return [int(place) for place in places]

    def end(self) -> tuple[list[int], list[str], str]:
        """Runs that it trained since it was last asked, other lines, and its error output."""
        out, err = self.process.communicate(timeout=120)
        lines = out.splitlines()
        trained = [
            int(p) for line in lines if line.startswith("training") for p in line.split()[1:]
        ]
        return trained, [line for line in lines if not line.startswith("training")], err


@pytest.fixture
def begin():
    """Start children; none outlives the test."""
    children = []

    def start(*args):
        children.append(Child(*args))
        return children[-1]

    yield start
    for child in children:
        child.process.kill()
        child.process.communicate()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The sweep in a process of its own that nothing happens to: its store, and its lines."""
    folder = tmp_path_factory.mktemp("undisturbed")
    child = Child(folder)
    child.go()
    trained, lines, err = child.end()
    assert (sorted(trained), child.process.returncode) == (list(range(len(SPECS))), 0), err
    return Store(folder), lines


@pytest.fixture
def trained(monkeypatch):
    """Places of the runs that this process trains."""
    found = []
    real = compute.train_population

    def spy(specs, *args, **kwargs):
        found.extend(SPECS.index(spec) for spec in specs)
        return real(specs, *args, **kwargs)

    monkeypatch.setattr(compute, "train_population", spy)
    return found


def go_on(folder, undisturbed, trained, left):
    """Call run() again: it trains exactly the runs ``left``, and all is as if undisturbed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing that is left behind is damage
        table = run(SPECS, device="cpu", store=folder, progress=False)
    assert sorted(trained) == sorted(left)
    expected = run(SPECS, store=undisturbed[0], progress=False)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    assert Store(folder).digest() == undisturbed[0].digest()
    assert sum(info.rows for info in Store(folder).files("runs")) == len(SPECS)


def places_in(folder):
    keys = Store(folder).keys("runs")
    return {place for place, spec in enumerate(SPECS) if spec.key in keys}


def test_the_sweep_is_of_several_populations():
    assert [len(group) for group in populations(SPECS)] == [2] * 6


class TestDeterminism:
    def test_the_same_command_in_two_processes_gives_the_same_rows(
        self, undisturbed, trained, tmp_path
    ):
        """The files differ in date and seconds alone: their rows have one digest."""
        go_on(tmp_path, undisturbed, trained, range(len(SPECS)))


class TestKill:
    def test_twenty_four_times_at_random_moments(self, tmp_path):
        """The log of tests/kills.py; ``pytest -s`` shows it."""
        done = subprocess.run(
            [sys.executable, kills.__file__, "--kills", "24", "--seed", "0", "--json"],
            env=os.environ | {"PYTHONPATH": str(Path(infomax_lib.__file__).parents[1])},
            capture_output=True,
            text=True,
        )
        print(done.stdout)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        assert found["kills"] == 24
        assert min(found[f"{when} a write"] for when in ("before", "during", "after")) > 0
        assert found["tables equal"]
        assert found["runs trained although stored"] == found["runs stored twice"] == 0
        # every kill loses the population in flight at most
        largest = max(map(len, populations(kills.SPECS)))
        assert 0 < found["runs lost in flight"] <= 24 * largest
        assert found["runs trained"] == found["runs"] + found["runs lost in flight"]


class TestCtrlC:
    def test_leaves_a_store_to_go_on_with_and_says_how(self, begin, undisturbed, trained, tmp_path):
        # The signal may reach another thread, which does not wake the main one: many short sleeps.
        child = begin(tmp_path, "while n == 3: time.sleep(0.1)")
        child.go()
        first = [child.next_population() for _ in range(3)][:2]
        child.process.send_signal(signal.SIGINT)
        _, lines, err = child.end()
        assert "KeyboardInterrupt" in err
        assert child.process.returncode != 0
        (message,) = lines
        assert f"Interrupted: 4 of {len(SPECS)} runs are finished and stored" in message
        assert str(tmp_path) in message
        assert "call run() again with the same specs" in message
        done = {place for population in first for place in population}
        assert places_in(tmp_path) == done
        go_on(tmp_path, undisturbed, trained, set(range(len(SPECS))) - done)


class TestDamage:
    def copy(self, undisturbed, tmp_path):
        """A copy of the store, one of its files, and the places of the runs in it."""
        (tmp_path / "runs").mkdir()
        for path in files(undisturbed[0].folder):
            (tmp_path / "runs" / path.name).write_bytes(path.read_bytes())
        store = Store(tmp_path)
        store.keys("runs")
        files_of = {n: store.source("runs", spec.key).path for n, spec in enumerate(SPECS)}
        path = files(tmp_path)[2]
        return path, {place for place, found in files_of.items() if found == path}

    @pytest.mark.parametrize("damage", [truncate, flip])
    def test_the_runs_of_a_damaged_file_are_computed_again(
        self, undisturbed, trained, tmp_path, damage
    ):
        path, lost = self.copy(undisturbed, tmp_path)
        damage(path)
        with pytest.warns(StoreWarning, match=f"{path.name} is damaged"):
            Store(tmp_path).keys("runs")
        go_on(tmp_path, undisturbed, trained, lost)

    def test_a_file_of_another_format_is_left_and_its_runs_computed(
        self, undisturbed, trained, tmp_path
    ):
        path, lost = self.copy(undisturbed, tmp_path)
        path.unlink()
        newer = {"infomax": json.dumps({"format": 2, "library": "9.0"})}
        rows = [{"key": SPECS[place].key, "loss": "of another kind"} for place in lost]
        other = file_of_our_naming(path.parent, parquet(rows, newer))
        store = Store(tmp_path)
        with pytest.warns(StoreWarning, match=r"format 2 of library version 9\.0.*left"):
            assert len(store.keys("runs")) == len(SPECS) - len(lost)
        table = run(SPECS, device="cpu", store=store, progress=False)
        assert set(trained) == lost
        expected = run(SPECS, store=undisturbed[0], progress=False)
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
        assert store.digest() == undisturbed[0].digest()
        assert other.exists()


class TestFullDisk:
    # The system itself refuses files over a size, as it refuses them on a full disk.
    FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))"
    ROOM = "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))"
    LIMIT = "import resource; hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"

    def test_what_was_refused_is_written_when_there_is_room_and_else_computed_again(
        self, begin, undisturbed, trained, tmp_path
    ):
        """The second and third population are late, the last two never reach the disk."""
        steps = {2: self.FULL, 4: self.ROOM, 5: self.FULL}
        child = begin(tmp_path, self.LIMIT + "".join(f"if n == {n}: {steps[n]}\n" for n in steps))
        child.go()
        _, lines, err = child.end()
        assert child.process.returncode == 1
        assert "File too large. 2 result(s) are kept in memory" in err
        assert "StoreError: could not write to" in err.splitlines()[-1]
        assert "4 result(s) are kept in memory" in err.splitlines()[-1]
        assert lines == []
        assert len(places_in(tmp_path)) == 8
        assert files(tmp_path, ".writing-*") == []
        go_on(tmp_path, undisturbed, trained, set(range(len(SPECS))) - places_in(tmp_path))


class TestTwoProcesses:
    def test_share_the_work(self, begin, undisturbed, trained, tmp_path):
        children = [begin(tmp_path, "time.sleep(0.2)") for _ in range(2)]
        for child in children:
            child.go()
        ends = [child.end() for child in children]
        for child, (_, lines, err) in zip(children, ends, strict=True):
            assert child.process.returncode == 0, err
            assert lines[-1:] == undisturbed[1]
        shares = [places for places, _, _ in ends]
        assert sorted(shares[0] + shares[1]) == list(range(len(SPECS)))  # none of them twice
        go_on(tmp_path, undisturbed, trained, [])
        assert [path.name for path in tmp_path.glob(".*")] == []

    def test_one_goes_on_with_what_the_other_was_killed_at(
        self, begin, undisturbed, trained, tmp_path
    ):
        victim = begin(tmp_path, "time.sleep(600)")
        heir = begin(tmp_path, "pass")
        victim.go()
        held = victim.next_population()
        heir.go()
        others = [heir.next_population() for _ in range(5)]
        assert held not in others
        assert heir.process.stdout.readline().startswith(
            f"waiting for process {victim.process.pid} on "
        )
        victim.process.kill()
        assert heir.next_population() == held
        _, lines, err = heir.end()
        assert heir.process.returncode == 0, err
        assert lines == undisturbed[1]
        go_on(tmp_path, undisturbed, trained, [])
