"""run(cluster=...): workers train, the caller stores; and clusters that are refused."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from infomax_lib import RunSpec, Store, grid, run, trained_layer
from infomax_lib.results import cluster
from infomax_lib.results.cluster import ClusterError
from infomax_lib.training import grouping

# Small enough to train in a blink; the batches make the order of the data count.
SMALL = RunSpec(dataset="synthetic", hidden_dim=3, epochs=1, batch_size=500, learning_rate=0.01)
SPECS = grid(SMALL, activation=["relu", "tanh"], lambda_tc=[0.0, 1.0], seed=[0, 1, 2])


@pytest.fixture(scope="module")
def scheduler():
    """Two worker processes of one thread each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as local:
        yield local


@pytest.fixture(scope="module")
def client(scheduler):
    with Client(scheduler, set_as_default=False) as connected:
        yield connected


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def small_populations(monkeypatch):
    monkeypatch.setattr(grouping, "_MAX_LAYERS", 4)


@pytest.mark.usefixtures("small_populations")
class TestResults:
    def test_are_those_of_a_local_run(self, scheduler, store, tmp_path):
        local = run(SPECS, device="cpu", store=tmp_path / "local", progress=False)
        remote = run(SPECS, device="cpu", store=store, cluster=scheduler.scheduler_address)
        pd.testing.assert_frame_equal(remote, local, check_exact=True)
        assert Store(store.folder).keys("runs") == {spec.key for spec in SPECS}

    def test_one_population_is_one_file_with_its_provenance(self, client, store):
        run(SPECS, store=store, cluster=client, progress=False)
        files = store.files("runs")
        assert [info.rows for info in files] == [4, 4, 4]
        for info in files:
            assert {"seconds", "device", "threads", "torch", "code"} <= set(info.metadata)
            assert info.metadata["threads"] == 1  # of the workers

    def test_only_what_is_missing_is_submitted(self, client, store, monkeypatch):
        run(SPECS[:4], store=store, progress=False)
        submitted = []
        real = Client.submit

        def spy(self, function, part, *args, **kwargs):
            submitted.extend(part)
            return real(self, function, part, *args, **kwargs)

        monkeypatch.setattr(Client, "submit", spy)
        table = run(SPECS, store=store, cluster=client, progress=False)
        assert sorted(s.key for s in submitted) == sorted(s.key for s in SPECS[4:])
        assert table["key"].tolist() == [spec.key for spec in SPECS]

    def test_what_is_known_needs_no_cluster(self, store):
        before = run(SPECS[:1], store=store, progress=False)
        after = run(SPECS[:1], store=store, cluster="tcp://127.0.0.1:1", progress=False)
        pd.testing.assert_frame_equal(before, after, check_exact=True)

    def test_weights_come_back(self, client, store, tmp_path):
        run(SPECS[:2], store=store, cluster=client, keep_weights=True, progress=False)
        assert Store(store.folder).keys("weights") == {spec.key for spec in SPECS[:2]}
        run(SPECS[:2], store=tmp_path / "local", keep_weights=True, progress=False)
        for epoch in (0, 1):
            remote = trained_layer(SPECS[0], store=store, epoch=epoch)
            local = trained_layer(SPECS[0], store=tmp_path / "local", epoch=epoch)
            assert remote.weight.equal(local.weight)

    def test_progress_counts_layers_times_epochs(self, client, store, capsys):
        run(SPECS, store=store, cluster=client)
        shown = capsys.readouterr().err
        assert "training 12 run(s) on the cluster" in shown
        assert "12/12" in shown


class TestFailures:
    def test_a_worker_killed_mid_task_is_replaced(self, client, store, tmp_path):
        specs = grid(SMALL.but(epochs=400, batch_size=128), seed=[0, 1])
        killed = []

        def kill_the_busy_one():
            for _ in range(2000):
                busy = {worker for worker, tasks in client.processing().items() if tasks}
                if busy:
                    break
                time.sleep(0.01)
            time.sleep(0.3)  # into the training
            (worker,) = busy
            killed.append(client.run(os.getpid, workers=[worker])[worker])
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill_the_busy_one)
        killer.start()
        table = run(specs, store=store, cluster=client, progress=False)
        killer.join()
        assert len(killed) == 1
        undisturbed = run(specs, store=tmp_path / "undisturbed", progress=False)
        pd.testing.assert_frame_equal(table, undisturbed, check_exact=True)
        client.wait_for_workers(2, timeout=60)

    @pytest.mark.usefixtures("small_populations")
    def test_a_population_that_fails_does_not_take_the_others_along(
        self, client, store, monkeypatch
    ):
        parts = list(grouping.populations(SPECS))
        real = Client.submit

        def sabotage(self, function, part, device, *args, **kwargs):
            device = "tpu" if part == parts[0] else device
            return real(self, function, part, device, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(Client, "submit", sabotage)
            with pytest.raises(
                ClusterError, match=r"1 of 3 populations failed; the others are stored.*'tpu'"
            ):
                run(SPECS, store=store, cluster=client, progress=False)
        left = {spec.key for spec in SPECS} - Store(store.folder).keys("runs")
        assert left == {spec.key for spec in parts[0]}
        assert len(run(SPECS, store=store, cluster=client, progress=False)) == len(SPECS)

    @pytest.mark.usefixtures("small_populations")
    def test_interruption_keeps_what_is_finished(self, client, store, monkeypatch, capsys):
        write = store.write

        def interrupted(*args, **kwargs):
            write(*args, **kwargs)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                run(SPECS, store=store, cluster=client, progress=False)
        message = capsys.readouterr().out
        assert "4 of 12 runs are finished" in message
        assert "call run() again with the same specs" in message
        assert len(Store(store.folder).keys("runs")) == 4
        assert len(run(SPECS, store=store, cluster=client, progress=False)) == len(SPECS)


class TestRefusals:
    """Each with a message, and nothing in the store."""

    @pytest.fixture(autouse=True)
    def _leaves_nothing(self, store):
        yield
        assert not store.folder.exists()

    def test_no_scheduler(self, store):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(
            ClusterError, match=r"no scheduler answers at .*within 0\.5 s.*dask sch"
        ):
            run(SPECS, store=store, cluster=address, cluster_timeout=0.5, progress=False)

    @pytest.mark.parametrize("address", ["", "tcp://", "tcp://here", "here:8786", "a b://here:1"])
    def test_no_address(self, store, address):
        with pytest.raises(ClusterError, match="is not the address of a scheduler"):
            run(SPECS, store=store, cluster=address, cluster_timeout=0.5, progress=False)

    def test_a_protocol_that_does_not_exist(self, store):
        with pytest.raises(ClusterError, match="no scheduler answers at 'nonsense://here:1'"):
            run(SPECS, store=store, cluster="nonsense://here:1", progress=False)

    def test_neither_address_nor_client(self, store):
        with pytest.raises(TypeError, match=r"address such as .*got int"):
            run(SPECS, store=store, cluster=8786, progress=False)

    def test_no_workers(self, store):
        with LocalCluster(n_workers=0, protocol="tcp", dashboard_address=":0") as empty:
            address = empty.scheduler_address
            with pytest.raises(ClusterError, match=r"has had no workers for 0\.3 s: start some"):
                run(SPECS, store=store, cluster=address, cluster_timeout=0.3, progress=False)

    @pytest.mark.parametrize(
        ("target", "replacement", "message"),
        [
            (
                "infomax_lib.results.cluster.code_fingerprint",
                lambda: "f00",
                r"infomax_lib .*0\.1\.0 \(f00",
            ),
            ("torch.__version__", "9.9.9+cpu", r"torch \d.*, here it is 9\.9\.9"),
            ("platform.python_version_tuple", lambda: "390", r"Python 3\.\d+, here it is 3\.9"),
        ],
    )
    def test_other_versions(self, client, store, monkeypatch, target, replacement, message):
        monkeypatch.setattr(target, replacement)  # in this process, not in the workers
        with pytest.raises(ClusterError, match=f"2 of 2 workers .*\n.*has {message}") as refused:
            run(SPECS, store=store, cluster=client, progress=False)
        assert "tcp://127.0.0.1" in str(refused.value)
        assert "nothing was computed" in str(refused.value)

    def test_another_version_in_a_worker_that_joined_later(self):
        other = cluster._versions() | {"torch": "1.0"}
        with pytest.raises(ClusterError, match=r"a worker has torch .*, here it is 1\.0"):
            cluster._task(SPECS[:1], "cpu", False, other)

    def test_no_library(self, client, store):
        with _changed(
            client, "import sys; sys.modules['infomax_lib.results.cluster'] = None"
        ) as undo:
            undo("sys.modules.pop('infomax_lib.results.cluster')")
            with pytest.raises(ClusterError, match=r"cannot load this version of infomax_lib"):
                run(SPECS, store=store, cluster=client, progress=False)

    @pytest.mark.parametrize(
        ("content", "message"), [(None, "neither .*train-images.* exists"), (b"x", "is damaged")]
    )
    def test_no_dataset(self, client, store, monkeypatch, tmp_path, content, message):
        class Mnist:  # on this machine it is there
            train = np.empty((60000, 784), "u1")
            num_features = 784

        monkeypatch.setattr(grouping, "load_dataset", lambda name: Mnist)
        (tmp_path / "data" / "mnist").mkdir(parents=True)
        if content:
            (tmp_path / "data" / "mnist" / "train-images-idx3-ubyte").write_bytes(content)
        before = os.environ.get("INFOMAX_DATA")
        change = f"import os; os.environ['INFOMAX_DATA'] = {str(tmp_path / 'data')!r}"
        with _changed(client, change) as undo:
            undo(f"os.environ.update(INFOMAX_DATA={before!r})" if before else
                 "del os.environ['INFOMAX_DATA']")  # fmt: skip
            with pytest.raises(ClusterError, match=f"2 of 2 workers.*\n.*INFOMAX_DATA.*{message}|"
                                                   f"2 of 2 workers.*\n.*{message}"):  # fmt: skip
                run(SMALL.but(dataset="mnist"), store=store, cluster=client, progress=False)

    def test_a_device_that_workers_lack(self, client, store):
        with pytest.raises(ClusterError, match=r"2 of 2 workers.*\n.*unknown device 'tpu'"):
            run(SPECS, device="tpu", store=store, cluster=client, progress=False)

    def test_a_layer_that_workers_cannot_hold(self, client, store):
        change = (
            "import infomax_lib.results.cluster as c; c.available_memory = lambda device: 2**20"
        )
        with _changed(client, change) as undo:
            undo("import infomax_lib.training.memory as m; c.available_memory = m.available_memory")
            with pytest.raises(
                ClusterError, match=r"takes at least .* GiB, but it has 0\.00098 GiB"
            ):
                run(SMALL.but(hidden_dim=1000), store=store, cluster=client, progress=False)

    def test_dask_is_not_installed(self, store, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(ClusterError, match=r'pip install "infomax_lib\[cluster\]"'):
            run(SPECS, store=store, cluster="tcp://127.0.0.1:1", progress=False)


@contextlib.contextmanager
def _changed(client, code):
    """Run code in every worker, and when the block ends the code given to ``undo``."""
    undoing = []

    def everywhere(text):
        client.run(lambda: exec(text))

    everywhere(code)
    try:
        yield undoing.append
    finally:
        for text in undoing:
            cluster = "import infomax_lib.results.cluster as c; " if "c." in text else ""
            everywhere(f"import os, sys; {cluster}{text}")
