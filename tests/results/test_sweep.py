"""Sweeps in YAML, and the command that trains them."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from infomax_lib import RunSpec, SpecError, Store, cli, grid
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.results import compute, runs
from infomax_lib.results.sweep import SweepError, describe_sweep, read_sweep, summary, sweep_specs

SWEEPS = Path(__file__).parents[2] / "sweeps"
# A copy of the file that the source's text proposes, to the letter.
NEXT_EXPERIMENT = """\
activation: [identity, relu, tanh]
hidden_dim: [16, 32, 64]
lambda_tc: [0.0]
lambda_wr: [0.0]
seed: [1, 2, 3, 4, 5]
"""
TOY = """\
dataset: synthetic
hidden_dim: [2, 3]
lambda_tc: 0
epochs: 1
batch_size: full
learning_rate: 1e-2
seed: [0, 1, 2]
"""


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(TOY, "utf8")
    return path


def infomax(*arguments):
    return CliRunner().invoke(cli.app, ["sweep", *map(str, arguments)])


class TestFiles:
    def test_the_source_runs_as_it_stands(self):
        path = SWEEPS / "next_experiment.yaml"
        text = path.read_text("utf8")
        assert text.endswith(NEXT_EXPERIMENT)
        assert "-p competition=softmax" in text.removesuffix(NEXT_EXPERIMENT)
        specs = sweep_specs(read_sweep(path))
        assert specs == [
            RunSpec(activation=activation, hidden_dim=units, lambda_tc=0, lambda_wr=0, seed=seed)
            for activation in ("identity", "relu", "tanh")
            for units in (16, 32, 64)
            for seed in (1, 2, 3, 4, 5)
        ]
        softmax = sweep_specs(read_sweep(path, ["competition=softmax"]))
        assert softmax == [spec.but(competition="softmax") for spec in specs]

    def test_the_full_version_has_180_runs(self):
        specs = sweep_specs(read_sweep(SWEEPS / "activations.yaml"))
        base = RunSpec(competition="softmax", lambda_tc=0.0, epochs=100, dataset="mnist")
        assert specs == grid(base, activation=ACTIVATIONS, hidden_dim=[16, 32, 64], seed=range(10))
        assert len(specs) == 180


class TestReading:
    def read(self, tmp_path, text, *typed):
        path = tmp_path / "sweep.yaml"
        path.write_text(text, "utf8")
        return read_sweep(path, typed)

    def test_values_and_lists(self, toy):
        values = read_sweep(toy)
        assert values["hidden_dim"] == [2, 3]
        assert values["dataset"] == ["synthetic"]
        assert values["learning_rate"] == [0.01]
        assert sweep_specs(values)[0] == RunSpec(
            dataset="synthetic", hidden_dim=2, lambda_tc=0, epochs=1, batch_size="full",
            learning_rate=0.01, seed=0,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("written", "number"), [("1e-3", 0.001), ("5E2", 500.0), ("-1e+1", -10.0), ("2.5e0", 2.5)]
    )
    def test_numbers_with_exponents(self, tmp_path, written, number):
        assert self.read(tmp_path, f"lambda_tc: {written}") == {"lambda_tc": [number]}

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("010", 10),
            ("0o10", 8),
            ("1_000", 1000),
            ("1:30", "1:30"),
            ("2024-01-01", "2024-01-01"),
            ("no", "no"),
            ("true", True),
        ],
    )
    def test_values_are_what_yaml_1_2_says(self, tmp_path, written, value):
        assert self.read(tmp_path, f"lambda_tc: {written}") == {"lambda_tc": [value]}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_encodings_that_say_so(self, tmp_path, encoding):
        path = tmp_path / "sweep.yaml"
        path.write_text("# Für alle\nseed: 3\n", encoding=encoding)
        assert read_sweep(path) == {"seed": [3]}

    @pytest.mark.parametrize(
        ("encoding", "message"),
        [("latin-1", "line 2, is not UTF-8: save"), ("utf-16-le", "save it as text in UTF-8")],
    )
    def test_refuses_encodings_that_do_not(self, tmp_path, encoding, message):
        path = tmp_path / "sweep.yaml"
        path.write_bytes("seed: 3\n# Für alle\n".encode(encoding))
        with pytest.raises(SweepError, match=message):
            read_sweep(path)

    def test_the_command_line_wins_and_keeps_the_order(self, toy):
        values = read_sweep(toy, ["hidden_dim=[4, 5]", "competition=softmax", "seed = 7"])
        assert list(values) == [*read_sweep(toy), "competition"]
        assert values["hidden_dim"] == [4, 5]
        assert values["competition"] == ["softmax"]
        assert values["seed"] == [7]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty: write one field"),
            ("# nothing but this\n", "is empty: write one field"),
            ("{}", "names no field"),
            ("- seed\n- 1\n", "holds a list, not a mapping"),
            ("seed", "holds a str, not a mapping"),
            ("seed: [1\n", "is not YAML"),
            ("\tseed: 1\n", "is not YAML"),
            ("seed: 1\nhidden_dim: 2\nseed: 3\n", r"gives seed twice, in lines 1 and 3"),
            ("1: 2\nseed: 3\n", "line 1: 1 is no name"),
            ("seed: 3\nnull: 2\n", "line 2: None is no name"),
            ("seed: !!python/object/apply:os.getpid []\n", "line 1: leave out the tag .*getpid"),
            ("seed: !!set {1}\n", "line 1: leave out the tag"),
            ("seed: &a [1]\nepochs: *a\n", r"line 2: write out what \*a repeats"),
            ("%YAML 1.1\n---\nseed: 010\n", "leave out %YAML"),
            ("seed: 1\n---\nseed: 2\n", "is not YAML: line 2: .*another document"),
            ("seed: 1\nepochs: a: b\n", "is not YAML: line 2"),
            ("seed: " + "[" * 1200 + "]" * 1200, "too deep"),
            ("seed: " + "9" * 9000, "limit"),
            ("seed: \x01\n", r"line 1: it holds '\\x01': save it as text in UTF-8"),
            ("seed: []\n", "seed has an empty list of values"),
            ("seed: [1, 2, 1]\n", "seed lists 1 twice"),
            ("lambda_tc: [1, 1.0]\n", "lambda_tc lists 1.0 twice"),
        ],
    )
    def test_refuses(self, tmp_path, text, message):
        with pytest.raises(SweepError, match=message) as refused:
            self.read(tmp_path, text)
        assert "\n" not in str(refused.value) or "for example" in str(refused.value)
        assert "sweep.yaml" in str(refused.value) or "seed" in text or "lambda_tc" in text

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sede: [1]\n", r"unknown field 'sede': the fields are dataset, .*seed"),
            ("sede: [1]\nseed: [1, 2]\nother: 3\n", "unknown field 'sede', 'other'"),
            ("hidden_dim: [16, many]\n", "hidden_dim='many' is not possible"),
            ("hidden_dim: [[16]]\n", r"hidden_dim=\[16\] is not possible"),
            ("seed:\n", "seed=None is not possible"),
            ("seed: 1-5\n", "seed='1-5' is not possible"),
            ("epochs: 1.5\n", "epochs=1.5 is not possible"),
            ("activation: relux\n", r"activation='relux' .*choose one of identity, relu"),
            ("lambda_tc: {low: 1}\n", "lambda_tc={'low': 1} is not possible"),
        ],
    )
    def test_refuses_what_is_no_run(self, tmp_path, text, message):
        with pytest.raises(SpecError, match=message):
            sweep_specs(self.read(tmp_path, text))

    def test_refuses_more_runs_than_anyone_means(self, tmp_path):
        text = f"seed: {list(range(1000))}\nepochs: {list(range(1000))}\n"
        with pytest.raises(SweepError, match="has 1000000 runs, more than 100000: split it"):
            sweep_specs(self.read(tmp_path, text))

    def test_refuses_a_missing_file(self, tmp_path):
        with pytest.raises(SweepError, match=r"cannot read .*absent\.yaml: No such file"):
            read_sweep(tmp_path / "absent.yaml")

    @pytest.mark.parametrize(
        ("typed", "message"),
        [
            (["seed"], "-p takes NAME=VALUE"),
            (["seed="], "-p takes NAME=VALUE"),
            (["=3"], "-p takes NAME=VALUE"),
            (["seed=1", "seed=2"], "-p gives seed twice"),
            (["seed=[1"], r"-p seed=\[1 is not YAML"),
            (["seed=[]"], "seed has an empty list"),
        ],
    )
    def test_refuses_what_is_typed_wrong(self, toy, typed, message):
        with pytest.raises(SweepError, match=message):
            read_sweep(toy, typed)


class TestSummary:
    def test_means_over_seeds_and_counts(self):
        table = pd.DataFrame(
            {
                "hidden_dim": [2, 2, 3, 3],
                "dataset": "digits",
                "seed": [0, 1, 0, 1],
                "diverged_at": [float("nan"), float("nan"), 4.0, float("nan")],
            }
            | dict.fromkeys(
                ("weight_redundancy", "output_correlation", "effective_rank", "dead_units"), 1.0
            )
            | {"probe_accuracy": [0.1, 0.3, 0.5, 0.9]}
        )
        values = {"hidden_dim": [2, 3], "lambda_tc": [0.0], "seed": [0, 1]}
        found = summary(table, values)
        assert found["hidden_dim"].tolist() == [2, 3]
        assert found["runs"].tolist() == [2, 2]
        assert found["diverged"].tolist() == [0, 1]
        assert found["probe_accuracy"].tolist() == pytest.approx([0.2, 0.7])
        only_seeds = summary(table, {"seed": [0, 1]})
        assert only_seeds["runs"].tolist() == [4]

    def test_description(self):
        values = {"hidden_dim": [2, 3], "lambda_tc": [0.0], "seed": [0, 1, 2]}
        assert describe_sweep(values) == "2 hidden_dim × 3 seed; lambda_tc=0.0"
        assert describe_sweep({"lambda_tc": [0.0]}) == "one run; lambda_tc=0.0"


class TestCommand:
    def test_trains_shows_and_stores(self, toy, tmp_path):
        folder, csv = tmp_path / "store", tmp_path / "table.csv"
        result = infomax(
            toy, "--store", folder, "--output", csv, "--device", "cpu", "-p", "competition=softmax"
        )
        assert result.exit_code == 0, result.output
        assert "2 hidden_dim × 3 seed; dataset=synthetic" in result.output
        assert re.search(
            r"6 runs: 0 known, 6 to train in 1 population\(s\) on cpu, 1 at", result.output
        )
        assert "training 6 run(s) on" in result.output
        assert "probe_accuracy" in result.output
        assert re.search(r"^ +2 +3 +0 ", result.output, re.MULTILINE)  # width, runs, diverged
        assert f"store: {folder}" in result.output
        assert re.search(r"wall time: \d+\.\d s", result.output)
        table = pd.read_csv(csv)
        specs = sweep_specs(read_sweep(toy, ["competition=softmax"]))
        assert table["key"].tolist() == [spec.key for spec in specs]
        assert Store(folder).keys("runs") == set(table["key"])
        assert sorted(p.name for p in tmp_path.iterdir()) == ["store", "table.csv", "toy.yaml"]

        again = infomax(toy, "--store", folder, "-p", "competition=softmax", "-p", "seed=[2, 3]")
        assert "4 runs: 2 known, 2 to train" in again.output
        known = infomax(toy, "--store", folder, "-p", "competition=softmax")
        assert "6 runs: 6 known, nothing to train" in known.output
        assert "training" not in known.output

    @pytest.mark.parametrize(
        ("text", "arguments", "message"),
        [
            ("", [], "is empty"),
            ("seed: 1\nseed: 2\n", [], "gives seed twice"),
            ("seed: []\n", [], "empty list"),
            ("sede: 1\n", [], "unknown field 'sede'"),
            (TOY, ["-p", "hidden_dim=[3, 2001]"], "hidden_dim=2001 exceeds the 2000 training"),
            (TOY, ["--device", "tpu"], "unknown device 'tpu'"),
            (TOY, ["--cluster", "tcp://127.0.0.1:1", "--timeout", "0.3"], "no scheduler answers"),
            (TOY, ["--cluster", "here"], "is not the address of a scheduler"),
            (TOY, ["--output", "absent/table.csv"], "there is no folder absent"),
            (TOY, ["--output", "table.parquet"], "name a file *.csv"),
        ],
    )
    def test_refuses_with_a_message_and_nothing_else(self, tmp_path, text, arguments, message):
        path, folder = tmp_path / "sweep.yaml", tmp_path / "store"
        path.write_text(text, "utf8")
        result = infomax(path, "--store", folder, *arguments)
        assert result.exit_code == 1
        assert "error: " in result.output
        assert message in result.output
        assert "Traceback" not in result.output
        assert not folder.exists()

    @pytest.mark.parametrize("by", ["its name", "a hard link", "a symbolic link"])
    def test_never_replaces_its_file(self, tmp_path, by):
        path, output = tmp_path / "toy.csv", tmp_path / "link.csv"
        path.write_text(TOY, "utf8")
        if by == "a hard link":
            output.hardlink_to(path)
        elif by == "a symbolic link":
            output.symlink_to(path)
        else:
            output = tmp_path / "." / "toy.csv"
        result = infomax(path, "--store", tmp_path / "store", "--output", output)
        assert result.exit_code == 1
        assert "would replace" in result.output
        assert path.read_text("utf8") == TOY
        assert not (tmp_path / "store").exists()

    def test_refuses_a_missing_file(self, tmp_path):
        result = infomax(tmp_path / "absent.yaml")
        assert result.exit_code == 1
        assert "error: cannot read" in result.output

    def test_refuses_more_than_memory_holds(self, toy, tmp_path, monkeypatch):
        monkeypatch.setattr(runs, "available_memory", lambda device: 1000)
        result = infomax(toy, "--store", tmp_path / "store")
        assert result.exit_code == 1
        assert "choose a smaller hidden_dim" in result.output
        assert not (tmp_path / "store").exists()

    def test_interruption_says_how_to_go_on(self, toy, tmp_path, monkeypatch):
        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(compute, "train_population", interrupted)
        result = infomax(toy, "--store", tmp_path / "store")
        assert result.exit_code == 130
        assert "Interrupted: 0 of 6 runs are finished" in result.output
        assert "give the same command again" in result.output
