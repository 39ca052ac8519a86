"""The benchmarks' arithmetic, that all contestants do the same work, and what is stored."""

import json
import os
import re
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks import __main__ as command
from benchmarks import inputs, limit, timing
from benchmarks.engine import LAYOUTS, PEERS, PLAIN, Row, judge, measure_row, rows
from benchmarks.growth import Point, measure_point, points
from benchmarks.machine import file_name
from benchmarks.plain_loop import PlainLoop
from benchmarks.processes import Processes
from benchmarks.settings import FULL, QUICK
from benchmarks.timing import Effort, contest, spread
from infomax_lib import RunSpec, grid
from infomax_lib.training.population import Population
from paper.chapters.performance import tables
from paper.chapters.performance.figures import growth_figure, throughput_figure
from paper.chapters.performance.records import OURS, SHARED_OUT, day, read_records
from paper.chapters.performance.words import sentences

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOUBLE = torch.float64
CPU = torch.device("cpu")


class TestTiming:
    @pytest.fixture
    def clock(self, monkeypatch):
        """A clock that only works move."""
        now = [0.0]
        monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
        return now

    def test_seconds_per_unit_in_turns_without_the_warm_up(self, clock):
        calls = []

        def work(name, cost):
            def run(times):
                first = name not in {n for n, _ in calls}
                calls.append((name, times))
                clock[0] += 100.0 if first else cost * times

            return run

        effort = Effort(rounds=3, seconds=1.0)
        found = contest({"slow": work("slow", 2.0), "fast": work("fast", 0.01)}, effort)
        assert_allclose(found["slow"], [2.0] * 3)
        assert_allclose(found["fast"], [0.01] * 3)
        assert calls[-6:] == [("slow", 1), ("fast", 100)] * 3

    def test_spread(self):
        assert spread(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == {
            "median": 3.0,
            "low": 2.0,
            "high": 4.0,
        }

    def test_waits_for_the_device_before_the_clock_is_read(self, clock):
        def wait():
            clock[0] += pending.pop() if pending else 0.0

        pending = []
        effort = Effort(rounds=1, seconds=1.0, synchronize=wait)
        found = contest({"queued": lambda times: pending.append(times * 3.0)}, effort)
        assert found["queued"] == [3.0]


class TestLimit:
    def test_operations_of_a_step(self):
        # 64 layers of 16 units, 784 inputs, a batch of 128: twice 2 R D B
        assert limit.step_flops(1024, 784, 128) == 2 * (2 * 1024 * 784 * 128)

    def test_best_product_of_each_round(self):
        seconds = {"a": np.array([1.0, 2.0]), "b": np.array([2.0, 1.0])}
        assert_allclose(limit.peak_rate(seconds, {"a": 10, "b": 12}), [10.0, 12.0])

    def test_products_at_the_peak_and_one_pass(self):
        least = limit.limit_seconds(100, np.array([50.0, 25.0]), np.array([0.5, 1.0]))
        assert_allclose(least, [2.5, 5.0])

    def test_kernels_multiply(self):
        a, b = torch.randn(5, 7), torch.randn(3, 7)
        for multiply in limit.KERNELS.values():
            assert_allclose(multiply(a, b), a @ b.T, rtol=1e-5, atol=1e-6)

    def test_every_kernel_on_every_shape(self):
        works, flops = limit.product_works(6, 5, 4, square=8)
        assert len(works) == 3 * len(limit.KERNELS)
        assert works.keys() == flops.keys()
        assert {name.split()[-1]: count for name, count in flops.items()} == {
            "forward": 2 * 6 * 5 * 4,
            "backward": 2 * 6 * 5 * 4,
            "square": 2 * 8**3,
        }
        for work in works.values():
            work(2)

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_optimizer_pass_is_one_step(self, optimizer, monkeypatch):
        made = []
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
        init = kind.__init__

        def kept(self, *args, **options):
            init(self, *args, **options)
            made.append((self, options))

        monkeypatch.setattr(kind, "__init__", kept)
        work = limit.optimizer_pass(optimizer, 3, 4, "cpu")
        ((made_optimizer, options),) = made
        weight = made_optimizer.param_groups[0]["params"][0]
        before = weight.clone()
        work(1)
        assert options["fused"]
        assert weight.shape == (3, 4)
        assert not torch.equal(weight, before)


class TestJudge:
    def judged(self, moved=(), **more):
        seconds = {
            OURS: np.array([0.5, 1.0]),
            PLAIN: np.array([0.1, 0.25]),
            "mm": np.array([1.0, 2.0]),
            "optimizer": np.array([0.1, 0.2]),
        }
        moved = {OURS: 10, PLAIN: 1} | dict(moved)
        return judge(seconds | more, {"mm": 100}, step_flops=20, moved=moved)

    def test_ratio_and_share_are_taken_round_by_round(self):
        found = self.judged()
        # rounds: ours 20 and 10 layer-steps a second, plain loop 10 and 4
        assert found["ratio"][OURS]["median"] == pytest.approx((2.0 + 2.5) / 2)
        # limit: 20/100 + 0.1 = 0.3 s of 0.5 s, and 20/50 + 0.2 = 0.6 s of 1 s
        assert found["share"][OURS] == pytest.approx({"median": 0.6, "low": 0.6, "high": 0.6})
        assert found["layer_steps"]["limit"]["median"] == pytest.approx((10 / 0.3 + 10 / 0.6) / 2)
        assert found["layer_steps"][PLAIN]["median"] == pytest.approx(7.0)
        assert found["peak_product"] == "mm"
        assert "gain" not in found
        assert PLAIN not in found["ratio"]
        assert found["as_run"] == OURS

    def test_gain_over_single_precision(self):
        single = {"population, float32": np.array([1.5, 3.0])}
        found = self.judged(moved={"population, float32": 10}, **single)
        assert found["gain"]["median"] == pytest.approx(3.0)

    def test_shared_out_among_processes(self):
        moved = {OURS + SHARED_OUT: 10, PLAIN + SHARED_OUT: 2}
        seconds = {
            OURS + SHARED_OUT: np.array([0.25, 0.5]),
            PLAIN + SHARED_OUT: np.array([0.1, 0.25]),
        }
        found = self.judged(moved, **seconds)
        assert found["as_run"] == OURS + SHARED_OUT
        assert found["ratio"][OURS + SHARED_OUT]["median"] == pytest.approx((4.0 + 5.0) / 2)
        assert found["share"][OURS + SHARED_OUT]["median"] == pytest.approx(1.2)
        # each of the two moves a layer in the time of the one
        assert found["ratio"][PLAIN + SHARED_OUT]["median"] == pytest.approx(2.0)


class TestRows:
    def test_sizes_and_aims(self):
        sizes = {(row.layers, row.units) for row in rows()}
        assert sizes == {(64, 16), (32, 64), (64, 64), (1, 16), (1, 64)}
        aimed = [r for r in rows() if r.layers > 1 and (r.aim_ratio or r.aim_share)]
        aims = {(r.layers, r.units): (r.aim_ratio, r.aim_share) for r in aimed}
        assert aims == {(64, 16): (20.0, 0.7), (32, 64): (5.0, None), (64, 64): (None, 0.7)}
        assert all(r.layout == "one seed" and r.precision == "float32" for r in aimed)
        assert all(r.aim_ratio == 1.0 for r in rows() if r.layers == 1)

    @pytest.mark.parametrize(("layout", "seeds"), [*LAYOUTS.items()])
    def test_layouts(self, layout, seeds):
        specs = Row(64, 16, layout=layout).specs()
        assert len(set(specs)) == 64
        assert len({spec.seed for spec in specs}) == (seeds or 64)

    def test_mixed_learning_rates(self):
        specs = Row(64, 16, rates=4).specs()
        assert len({spec.learning_rate for spec in specs}) == 4

    @pytest.mark.parametrize("row", list(rows(shrink=16)))
    def test_every_row_is_one_population(self, row, tiny):
        population = Population(row.specs(), tiny, CPU, torch.float32)
        assert len(population.weight) == row.layers


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("competition", ["none", "softmax"])
@pytest.mark.parametrize("seeds", [[3], [3, 42]])
@pytest.mark.parametrize("peer", PEERS.values())
class TestPeers:
    def test_same_work_as_the_plain_loop(self, peer, seeds, competition, optimizer, tiny):
        base = RunSpec(hidden_dim=4, competition=competition, optimizer=optimizer)
        specs = grid(base, seed=seeds, lambda_tc=[0.0, 2.0])
        ensemble = peer(specs, tiny, CPU, DOUBLE)
        loops = [PlainLoop(spec, tiny, DOUBLE) for spec in specs]
        order = torch.Generator().manual_seed(0)
        for _ in range(3):
            indices = torch.stack([torch.randperm(70, generator=order)[:16] for _ in seeds])
            losses = ensemble.step(indices)
            for layer, (spec, loop) in enumerate(zip(specs, loops, strict=True)):
                loss, _ = loop.step(indices[seeds.index(spec.seed)])
                close = {"rtol": 1e-10, "atol": 1e-10}
                assert_allclose(losses[layer], loss, **close)
                for name in ("weight", "bias"):
                    ours, plain = getattr(ensemble, name), getattr(loop, name)
                    assert_allclose(ours.grad[layer], plain.grad, **close)
                    assert_allclose(ours[layer].detach(), plain.detach(), **close)


@pytest.mark.parametrize("peer", PEERS.values())
def test_peers_refuse_what_they_cannot_do(peer, tiny):
    for changes in ({"learning_rate": [1e-3, 1e-2]}, {"lambda_wr": [1.0]}):
        with pytest.raises(ValueError, match="differ in seed and lambda_tc alone"):
            peer(grid(RunSpec(), **changes), tiny, CPU, DOUBLE)


class TestInputs:
    def test_all_steps_are_alike(self):
        seen = []
        train = inputs.one_by_one(lambda indices: seen.append(indices.shape))
        work = inputs.stepping(train, 70, 16, [0, 1], CPU)
        work(9)  # more than an epoch, whose last batch is short
        assert seen == [(2, 16)] * 9

    def test_full_batch(self):
        seen = []
        inputs.stepping(inputs.one_by_one(seen.append), 70, "full", [0], CPU)(2)
        assert seen == [None, None]

    def test_random_data(self):
        data = inputs.random_data(60, 12)
        assert data.train.shape == (60, 12)
        assert data.train_labels.tolist() == data.train[:, :10].argmax(1).tolist()


def _noting(folder):
    """Work that writes down its process, its threads and how much it was given."""

    def work(times):
        path = folder / str(os.getpid())
        with path.open("a", encoding="utf8") as file:
            file.write(f"{torch.get_num_threads()}x{times} ")

    return work


class TestProcesses:
    def test_each_has_one_thread_and_works_on_its_own(self, tmp_path):
        folders = [tmp_path / "first", tmp_path / "second"]
        with Processes(2) as processes:
            for folder in folders:
                folder.mkdir()
            both = processes.side_by_side([partial(_noting, folder) for folder in folders])
            both(3)
            both(5)
        notes = [[path.read_text("utf8") for path in folder.iterdir()] for folder in folders]
        assert notes == [["1x3 1x5 "]] * 2
        pids = {path.name for folder in folders for path in folder.iterdir()}
        assert len(pids) == 2
        assert str(os.getpid()) not in pids

    def test_what_was_prepared_is_kept_until_it_is_forgotten(self, tmp_path):
        with Processes(1) as processes:
            first, second = (processes.side_by_side([partial(_noting, tmp_path)]) for _ in "ab")
            second(1)
            first(2)
            assert next(tmp_path.iterdir()).read_text("utf8") == "1x1 1x2 "
            processes.forget()
            with pytest.raises(KeyError):
                first(1)

    def test_every_contestant_is_also_shared_out(self):
        source = partial(inputs.random_data, QUICK.samples, QUICK.inputs)
        with Processes(2) as processes:
            several = measure_row(Row(4, 3, peers=True), source, CPU, QUICK, processes)
            alone = measure_row(Row(1, 3), source, CPU, QUICK, processes)
        names = {OURS, PLAIN, *PEERS}
        assert several["layer_steps"].keys() == names | {n + SHARED_OUT for n in names} | {"limit"}
        assert several["as_run"] == OURS + SHARED_OUT
        assert alone["layer_steps"].keys() == {OURS, PLAIN, "limit"}
        assert alone["as_run"] == OURS


class TestGrowth:
    def test_one_factor_grows_at_a_time(self):
        for point in points(FULL):
            usual = {"units": 16, "inputs": 784, "batch": 128, "samples": 60_000}
            found = asdict(point)
            others = {name for name in usual if found[name] != usual[name]}
            assert others <= {point.grows}
        by_factor = {p.grows: [q for q in points(FULL) if q.grows == p.grows] for p in points(FULL)}
        ends = {f: (getattr(p[0], f), getattr(p[-1], f)) for f, p in by_factor.items()}
        assert ends == {
            "layers": (1, 1024),
            "units": (16, 1024),
            "inputs": (64, 784),
            "batch": (32, 60_000),
        }

    def test_many_layers_are_split(self):
        point = Point("layers", layers=130, units=2, inputs=12, batch=16, samples=64)
        found = measure_point(point, Effort(1, 0.0), CPU, threads=1)
        assert found["populations"] == 3
        assert found["seconds"]["median"] > 0
        assert found["flops"] == 4 * 130 * 2 * 12 * 16
        assert found["memory"] is None or found["memory"] >= 0


def test_file_name_tells_machines_apart():
    machine = {"processor": "AMD EPYC 9554", "instructions": "AVX512", "threads": 2, "gpu": ""}
    assert file_name(machine) == "amd-epyc-9554-avx512-2-threads.json"
    assert file_name(machine | {"gpu": "NVIDIA H200"}) == "nvidia-h200.json"


def characters_across(table):
    """The column of text of a page 1200 pixels wide has room for about 75; headings wrap."""
    headings = {column: re.split(r"[\s-]+", column) for column in table}
    return sum(
        max(table[column].str.len().max(), *map(len, words)) for column, words in headings.items()
    )


class TestRecords:
    def test_quick_run_gives_everything_that_the_page_shows(self, tmp_path, capsys):
        quick = command.main(["--quick", "--sweep", "--output", str(tmp_path)])
        printed = capsys.readouterr().out
        records = read_records(quick.parent)
        record = records[quick.stem]
        assert not record["settings"]["complete"]
        assert record["sweep"]["runs"] == 6  # one seed and one width of each activation
        assert len(record["engine"]) == len(list(rows(QUICK.shrink)))
        assert len(record["growth"]) == len(list(points(QUICK)))
        for title, table in tables.tables(record).items():
            assert len(table), title
            assert title in printed
            assert not table.isna().any().any(), title
        assert all(sentences(record).values())
        assert len(tables.overview_table(records)) == 1
        throughput_figure(record)
        for what in ("seconds", "memory"):
            assert len(growth_figure(record, what).axes) == 4

    @pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
    def test_stored_benchmark_is_complete(self, path):
        record = json.loads(path.read_text("utf8"))
        assert record["settings"]["complete"]
        assert path.name == file_name(record["machine"])
        stored = [{name: row[name] for name in asdict(Row(1, 1))} for row in record["engine"]]
        assert stored == [asdict(row) for row in rows()]
        assert [row["layers"] for row in record["throughput"]] == list(FULL.layers)
        wanted = [asdict(point) for point in points(FULL)]
        assert [{name: row[name] for name in wanted[0]} for row in record["growth"]] == wanted
        assert record["probes"]["layers"] == FULL.probe_layers
        assert {row["seeds"] for row in record["precision"]} == {FULL.precision_seeds}

    @pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
    def test_aims_say_whether_they_are_reached(self, path):
        record = json.loads(path.read_text("utf8"))
        table = tables.aim_table(record)
        medians = [
            row[kind][row["as_run"]]["median"] / row[f"aim_{kind}"]
            for row in record["engine"]
            for kind in ("ratio", "share")
            if row[f"aim_{kind}"] is not None
        ]
        others = [record["probes"]["ratio"] / 10]
        if "sweep" in record:
            others.append(15 * 60 / record["sweep"]["seconds"])
        wanted = [value >= 1 for value in [*medians, *others]]
        assert list(table["reached"].eq("yes")) == wanted
        assert table.columns[-1] == "reached"

    @pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
    @pytest.mark.parametrize("make", ["aim_table", "engine_table", "peer_table", "limit_table"])
    def test_tables_fit_the_page(self, path, make):
        table = getattr(tables, make)(json.loads(path.read_text("utf8")))
        assert characters_across(table) <= 75

    def test_the_overview_fits_the_page(self):
        overview = tables.overview_table(read_records(RESULTS))
        assert characters_across(overview) <= 75

    @pytest.mark.parametrize("largest", [0.6, 6.0, 600.0])
    def test_times_are_read_off_in_plain_numbers(self, largest):
        """Milliseconds from 0.02 to the largest."""
        fixed = {"grows": "inputs", "layers": 1, "units": 16, "batch": 128, "flops": 2e4}
        growth = [
            fixed | {"inputs": n, "seconds": dict.fromkeys(("median", "low", "high"), 1e-3 * ms)}
            for n, ms in ((64, 0.02), (784, largest))
        ]
        record = {"growth": growth, "throughput": [{"peak_flops": {"median": 1e9}}]}
        (axes,) = growth_figure(record, "seconds").axes
        axes.figure.canvas.draw()
        low, high = axes.get_ylim()
        shown = [
            label
            for label in axes.get_yticklabels(which="both")
            if label.get_text() and low <= label.get_position()[1] <= high
        ]
        assert 3 <= len(shown) <= 9
        for label in shown:
            assert float(label.get_text().replace(",", "")) == label.get_position()[1]

    def test_some_benchmark_is_stored(self):
        assert read_records(RESULTS)

    def test_an_empty_folder_says_what_to_do(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="make bench"):
            read_records(tmp_path)

    def test_the_most_recent_comes_first(self, tmp_path):
        days = {"a": "2026-01-01", "b": "2026-02-01T07:21+00:00", "c": "2026-02-01T07:20+00:00"}
        for stem, date in days.items():
            (tmp_path / f"{stem}.json").write_text(json.dumps({"machine": {"date": date}}), "utf8")
        records = read_records(tmp_path)
        assert list(records) == ["b", "c", "a"]
        assert [day(record) for record in records.values()] == [
            "2026-02-01",
            "2026-02-01",
            "2026-01-01",
        ]


def test_output_that_is_a_file_is_refused_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("it measured"))
    file = tmp_path / "mine.json"
    file.write_text("mine", "utf8")
    with pytest.raises(SystemExit):
        command.main(["--quick", "--output", str(file)])
    assert f"{file} is a file: name a folder" in capsys.readouterr().err
