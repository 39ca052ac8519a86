"""The audit finds rows that were not computed as they say, and no others."""

import math
import warnings
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from infomax_lib import RunSpec, Store, cli, grid, run
from infomax_lib.results import audit
from infomax_lib.results import draw as drawing
from infomax_lib.results.audit import report
from infomax_lib.results.draw import Stored, auditable
from infomax_lib.results.runs import RUNS, seconds_alone

BASE = RunSpec(dataset="synthetic", hidden_dim=3, epochs=3, batch_size=200, learning_rate=0.01)
SPECS = grid(BASE, competition=["none", "softmax"], lambda_tc=[0.0, 1.0], seed=[0, 1])
WILD = BASE.but(optimizer="sgd", learning_rate=1e30)


def compare(spec, stored, computed, seeds):
    return audit.compare(Stored(RUNS, spec, stored), computed, seeds)


def draw(specs, sample, seed, max_epochs, seconds):
    rows = [Stored(RUNS, spec, {}) for spec in specs]
    found = drawing.draw(
        rows, sample, seed, max_epochs, seconds, lambda row: seconds_alone(row.spec)
    )
    return [row.spec for row in found]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("honest"))
    run([*SPECS, WILD], device="cpu", store=store, progress=False)
    return store


@pytest.fixture(scope="module")
def rows(honest):
    return honest.load("runs", sorted(honest.keys("runs")))


@pytest.fixture(scope="module")
def computed(honest):
    """Two runs, one of them under competition, audited once."""
    return audit.audit(stored(honest, SPECS[3], SPECS[5]), honest, "cpu")


def stored(store, *specs):
    """Rows of some runs, in this order."""
    known = {row.spec: row for row in auditable(store)[0]}
    return [known[spec] for spec in specs]


def command(folder, *arguments):
    return CliRunner().invoke(
        cli.app, ["audit", "--store", str(folder), "--seed", "0", "--device", "cpu", *arguments]
    )


def doctored(tmp_path, rows, key, **changes):
    changed = [row | (changes if row["key"] == key else {}) for row in rows]
    Store(tmp_path).write("runs", changed, device="cpu")
    return tmp_path


class TestCommand:
    def test_passes_on_an_honest_store_and_does_not_touch_it(self, honest):
        before = {path: path.read_bytes() for path in honest.folder.rglob("*") if path.is_file()}
        done = command(honest.folder, "--sample", "20")
        assert done.exit_code == 0, done.output
        assert f"auditing 9 of 9 results in {honest.folder}, seed 0: runs; about" in done.output
        assert "9 of 9 results agree" in done.output
        assert done.output.count("agrees ") == 9
        assert {p: p.read_bytes() for p in honest.folder.rglob("*") if p.is_file()} == before

    def test_fails_on_a_doctored_row_with_a_readable_table(self, rows, tmp_path):
        key, loss = SPECS[3].key, rows[SPECS[3].key]["loss"]
        folder = doctored(tmp_path, rows.values(), key, loss=loss * 1.05)
        done = command(folder, "--sample", "9")
        assert done.exit_code == 1
        assert "8 of 9 results agree" in done.output
        lines = done.output.splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith("DISAGREES"))
        assert "synthetic seed=1" in lines[at]
        assert "loss at" in lines[at]
        assert lines[at + 1].split() == ["measure", "stored", "computed", "now", "tolerance"]
        name, stored, here, tolerance = lines[at + 2].split()
        assert name == "loss"
        assert float(stored) == pytest.approx(loss * 1.05, rel=1e-5)
        assert float(here) == pytest.approx(loss, rel=1e-5)
        assert float(tolerance) < 0.01 * abs(loss)
        for word in ("stored in", "library", "code", "torch", "device", "threads 1", "date"):
            assert word in lines[at + 3]
        assert lines[-1].startswith("here: library")

    def test_rows_under_keys_of_another_version_are_left_out(self, rows, tmp_path):
        row = rows[SPECS[0].key]
        Store(tmp_path).write("runs", [row, row | {"key": "0" * 32, "seed": 77}])
        done = command(tmp_path)
        assert done.exit_code == 0, done.output
        assert "1 row(s)" in done.output
        assert "auditing 1 of 1 results" in done.output

    def test_says_what_is_missing(self, honest, tmp_path):
        nothing = command(tmp_path)
        assert nothing.exit_code == 2
        assert "holds no results to audit" in nothing.output
        too_long = command(honest.folder, "--minutes", "0.0001")
        assert too_long.exit_code == 2
        assert "none of 9 results takes at most 0.0001 minutes" in too_long.output
        too_many = command(honest.folder, "--max-epochs", "2")
        assert too_many.exit_code == 2
        assert "2 epochs: raise --minutes or --max-epochs" in too_many.output


class TestCompare:
    def test_every_measure_counts(self, computed):
        """Each measure in turn far off, absent, infinite; with the others as they were."""
        for result in computed:
            assert result.disagreeing == []
            assert len(result.stored) > 20
            for name, stored in result.stored.items():
                for wrong in (
                    3.5 * abs(stored) + 2.5,
                    -3.5 * abs(stored) - 2.5,
                    math.inf,
                    math.nan,
                ):
                    if math.isnan(stored) and math.isnan(wrong):
                        continue
                    row = result.stored | {name: wrong}
                    found = replace(result, stored=row)
                    assert found.disagreeing == [name]

    def test_tolerances_are_small(self, computed):
        for result in computed:
            for name in ("loss", "weight_redundancy", "effective_rank", "row_norm"):
                assert result.tolerance[name] < 0.02 * abs(result.here[name])
            assert result.tolerance["probe_accuracy"] < 0.05

    def test_a_measure_that_only_the_row_has(self, computed):
        spec, stored = computed[0].spec, computed[0].stored | {"invented": 1.0}
        found = compare(spec, stored, [computed[0].here] * 3, [])
        assert found.disagreeing == ["invented"]

    def test_what_twins_do_is_allowed_ten_times(self):
        here = {"loss": 1.0, "row_norm": 1.0}
        twins = [{"loss": 1.0005, "row_norm": 1.0}, {"loss": 0.9998, "row_norm": 1.0}]
        for stored, wrong in ((1.0065, []), (1.0080, ["loss"])):
            found = compare(BASE, {"loss": stored, "row_norm": 1.0}, [here, *twins], [])
            assert found.disagreeing == wrong
            assert not found.sensitive

    def test_a_sensitive_run_is_one_of_its_seeds(self):
        here = {"loss": 1.0, "row_norm": 1.0}
        twins = [{"loss": 1.01, "row_norm": 1.0}, {"loss": 1.0, "row_norm": 1.0}]
        stored = {"loss": 1.0, "row_norm": 1.3}
        seeds = [{"loss": 1.0, "row_norm": value} for value in (0.8, 1.2, 1.3)]
        assert compare(BASE, stored, [here, *twins], seeds).disagreeing == []
        assert compare(BASE, stored, [here, *twins], seeds).sensitive
        assert compare(BASE, stored, [here, *twins], seeds[1:]).disagreeing == ["row_norm"]
        assert compare(BASE, stored, [here, here, here], seeds).disagreeing == ["row_norm"]

    def test_divergence_must_agree(self):
        here = {"loss": math.nan, "diverged_at": 3.0}
        for epoch, wrong in ((3.0, []), (2.0, []), (5.0, ["diverged_at"])):
            stored = {"loss": math.nan, "diverged_at": epoch}
            assert compare(BASE, stored, [here] * 3, []).disagreeing == wrong
        stored = {"loss": 1.0, "diverged_at": math.nan}
        assert compare(BASE, stored, [here] * 3, []).disagreeing == ["loss", "diverged_at"]

    def test_report_of_what_agrees_is_one_line(self, computed):
        assert len(report(computed).splitlines()) == 2


POOL = [
    *grid(BASE, seed=range(50)),
    *grid(BASE.but(dataset="digits"), seed=range(5)),
    *grid(BASE.but(epochs=9), seed=range(5)),
]


class TestDraw:
    def test_is_repeated_by_its_seed_and_looks_at_every_kind(self):
        first = draw(POOL, 6, 0, None, 1e9)
        assert first == draw(reversed(POOL), 6, 0, None, 1e9)
        assert len(set(first)) == 6
        kinds = [(spec.dataset, spec.epochs) for spec in first]
        assert len(set(kinds[:3])) == 3
        assert len({tuple(draw(POOL, 6, seed, None, 1e9)) for seed in range(20)}) == 20

    def test_every_run_can_be_drawn(self):
        assert set(draw(POOL, 1000, 3, None, 1e9)) == set(POOL)

    def test_bounds(self):
        few = draw(POOL, 1000, 0, 3, 1e9)
        assert {spec.epochs for spec in few} == {3}
        assert len(few) == 55
        bound = 2.5 * seconds_alone(BASE)
        cheap = draw(POOL, 1000, 0, None, bound)
        assert cheap
        assert sum(map(seconds_alone, cheap)) <= bound

    def test_time_grows_with_the_work(self):
        for change in ({"epochs": 30}, {"hidden_dim": 512}, {"batch_size": 20}):
            assert seconds_alone(BASE.but(**change)) > seconds_alone(BASE)


def test_no_warnings_from_a_diverged_run(honest):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (result,) = audit.audit(stored(honest, WILD), honest, "cpu")
    assert result.disagreeing == []
    assert result.here["diverged_at"] == result.stored["diverged_at"]
