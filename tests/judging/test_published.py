"""Published numbers: kept as printed, and compared by one rule."""

import math
import tomllib
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from synthetic_evidence import evidence
from worlds import COLUMNS, FULL_BATCH, PRINTED, table_at

from infomax_lib.model.spec import RunSpec
from infomax_lib.stats import Interval, mean_interval
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.published import (
    _holding,
    agrees,
    combine_numbers,
    compare,
    half_unit,
    is_number,
    number_verdict,
    prediction,
    printed_number,
    published,
    table_verdict,
    words,
)


def cells(table_id):
    return [
        (row, metric, printed)
        for row in published(table_id)["rows"]
        for metric, printed in row["values"].items()
    ]


def test_how_many_numbers_are_printed():
    document = resources.files("paper.judging").joinpath("published.toml").read_text("utf-8")
    tables = [table["id"] for table in tomllib.loads(document)["table"]]
    counts = {t: sum(is_number(p) for _, _, p in cells(t)) for t in tables}
    assert counts == {
        "full_batch": 12,
        "tc_minibatch": 6,
        "weight_regularization": 9,
        "softmax_epochs": 6,
        "relu_drift": 1,
        "softmax_tc": 6,
        "optimizers": 6,
    }


@pytest.mark.parametrize("table_id", ["full_batch", "softmax_tc", "optimizers"])
def test_settings_are_runs(table_id):
    for row in published(table_id)["rows"]:
        RunSpec(**row["settings"])


def test_full_batch_table_as_printed():
    for epoch, values in FULL_BATCH.items():
        names = ("weight_redundancy", "output_correlation", "train_tc")
        for metric, value in zip(names, values, strict=True):
            assert float(printed_number("full_batch", metric, epoch=epoch)) == value
    assert printed_number("full_batch", "train_tc", epoch=100) == "0.005"


@pytest.mark.parametrize("table_id", list(PRINTED))
def test_other_tables_as_printed(table_id):
    rows = published(table_id)["rows"]
    for row, (at, values) in zip(rows, PRINTED[table_id], strict=True):
        assert row["values"] == dict(zip(COLUMNS[table_id], values, strict=True))
        assert {k: row["settings"][k] for k in at} == at


def test_the_same_number_is_printed_the_same_in_every_table():
    at = {"lambda_tc": 100.0, "lambda_wr": 0.0}
    assert printed_number("weight_regularization", "weight_redundancy", **at) == "7.72"
    assert printed_number("tc_minibatch", "weight_redundancy", lambda_tc=100.0) == "7.72"
    adam = {"competition": "softmax", "optimizer": "adam"}
    first = printed_number("softmax_epochs", "loss", epochs=100)
    assert first == printed_number("optimizers", "loss", **adam)


def test_unknown_names_list_what_there_is():
    with pytest.raises(KeyError) as refusal:
        published("table_7")
    assert refusal.value.args == (
        "no published table 'table_7'; there are full_batch, tc_minibatch, weight_regularization, "
        "softmax_epochs, relu_drift, softmax_tc, optimizers",
    )
    with pytest.raises(KeyError, match="there are required, architectures, recommendations"):
        words("numbers")
    for metric, at in (("weight_redundancy", {}), ("loss", {"lambda_tc": 1.0})):
        with pytest.raises(KeyError) as refusal:
            printed_number("softmax_tc", metric, **at)
        assert refusal.value.args == (f"table softmax_tc has not exactly one {metric} at {at}",)


def test_tables_of_words():
    table = words("architectures")
    assert list(table.columns) == [
        "Property",
        "Linear→ReLU→InfoMax",
        "Linear→ReLU→Softmax→InfoMax",
    ]
    assert list(table.iloc[0]) == ["EM structure", "No", "Yes"]
    assert len(table) == 8
    assert len(words("recommendations")) == 5


@pytest.mark.parametrize(
    ("printed", "value", "expected"),
    [
        ("0.287", 0.2874, True),
        ("0.287", 0.2865, True),
        ("0.287", 0.28649, False),
        ("0.287", 0.2876, False),
        ("0.005", 0.0049, True),
        ("0.0050", 0.0049, False),
        ("0.00", 0.004, True),
        ("0.00", 0.006, False),
        ("-202.07", -202.0749, True),
        ("-202.07", 202.07, False),
        ("7.72", math.nan, False),
        ("7.72", math.inf, False),
    ],
)
def test_agreement_is_to_the_printed_digits(printed, value, expected):
    assert agrees(printed, value) is expected


@pytest.mark.parametrize("text", ["(very slow)", "-", "", "nan", "inf"])
def test_words_are_no_numbers(text):
    assert not is_number(text)
    for function in (lambda: agrees(text, 1.0), lambda: half_unit(text)):
        with pytest.raises(ValueError, match="printed") as refusal:
            function()
        assert str(refusal.value) == f'expected a printed number such as "0.287", got {text!r}'


def test_half_unit():
    assert half_unit("0.287") == pytest.approx(0.0005)
    assert half_unit("47") == pytest.approx(0.5)


def test_number_rule_over_seeds():
    seeds = np.linspace(2.7, 3.0, 20)
    assert number_verdict("2.85", seeds) == "reproduced"
    assert number_verdict("3.01", seeds) == "partly"  # outside the range, within 15 %
    assert number_verdict("4.00", seeds) == "not reproduced"


def test_number_rule_needs_both_range_and_deviations():
    # One outlier stretches the range to 5, but 4.5 is more than two deviations off.
    outlier = np.array([1.0] * 30 + [5.0])
    assert number_verdict("4.5", outlier) == "not reproduced"
    # Two clusters: 2.5 is within two deviations of the mean, and in the range.
    assert number_verdict("2.5", [1.0] * 5 + [4.0] * 5) == "reproduced"
    assert number_verdict("4.1", [1.0] * 5 + [4.0] * 5) == "not reproduced"


def test_number_rule_at_its_limits():
    # printed to ±0.05, two deviations of these are 4.5: range and deviations are widened by half
    # a unit, and so is what rounds to the printed digits
    assert number_verdict("3.0", [1.0, 2.0, 2.96]) == "reproduced"
    assert number_verdict("3.0", [1.0, 2.0, 2.94]) == "not reproduced"
    assert number_verdict("1.0", [1.04, 2.0, 3.0]) == "reproduced"
    assert number_verdict("1.0", [1.06, 2.0, 3.0]) == "not reproduced"
    # deviations are those of a sample: 2 · 1 + 0.05 with n − 1, 2 · 0.71 + 0.05 with n
    pair = [3.0, 3.0 + 2**0.5]
    assert number_verdict("3.0", pair) == "reproduced"
    many = [0.0] * 20 + [1.0] * 20 + [2.51]  # mean 0.549, two deviations 1.18 with half a unit
    assert number_verdict("1.7", many) == "reproduced"
    assert number_verdict("1.8", many) == "not reproduced"
    # a limit itself counts: of the range, and of two deviations (of 3, from a mean of 1.5)
    assert number_verdict("3", [1.0, 2.0, 2.5]) == "reproduced"
    assert number_verdict("1", [1.5, 2.0, 3.0]) == "reproduced"
    assert number_verdict("8", [0.5] * 8 + [9.5]) == "reproduced"
    # partly: within 15 % of the printed number, or within half a unit of it
    assert number_verdict("100", [114.0, 114.5]) == "partly"
    assert number_verdict("100", [115.0, 115.0]) == "partly"
    assert number_verdict("100", [115.5, 115.6]) == "not reproduced"
    assert number_verdict("-100", [-114.0, -114.5]) == "partly"
    assert number_verdict("100", [86.0, 85.5]) == "partly"
    assert number_verdict("0.1", [0.052, 0.148]) == "reproduced"


def test_number_rule_for_zero_and_failures():
    assert number_verdict("0.00", [0.001, 0.002, 0.004]) == "reproduced"
    assert number_verdict("0.00", [0.1, 0.2, 0.3]) == "not reproduced"
    assert number_verdict("1.0", [math.nan, math.inf]) == "not reproduced"
    assert number_verdict("1.0", []) == "not reproduced"
    assert number_verdict("1.0", [math.nan, 1.0, math.inf, 1.02]) == "reproduced"


def test_number_rule_for_an_exact_rerun():
    assert number_verdict("0.535", [0.5349]) == "reproduced"
    assert number_verdict("0.535", [0.550]) == "partly"
    assert number_verdict("0.535", [0.9]) == "not reproduced"


def test_combining_numbers():
    assert combine_numbers(["reproduced"] * 3) == "reproduced"
    assert combine_numbers(["reproduced", "not reproduced"]) == "partly"
    assert combine_numbers(["partly", "not reproduced"]) == "partly"
    assert combine_numbers(["not reproduced"] * 2) == "not reproduced"
    assert combine_numbers(iter(["reproduced", "partly"])) == "partly"
    assert combine_numbers([]) == "not applicable"


def test_a_table_has_the_settings_of_its_rows():
    table = published("weight_regularization")
    assert table["title"] == "Explicit weight regularization"
    shared = {"competition": "none", "batch_size": 128, "epochs": 100}
    assert table["rows"][0] == {
        "settings": shared | {"lambda_tc": 1.0, "lambda_wr": 0.0},
        "epoch": None,
        "values": {"train_tc": "4.78", "weight_redundancy": "2.21", "output_correlation": "3.13"},
    }
    at_ten = published("full_batch")["rows"][1]
    assert at_ten["epoch"] == 10
    assert at_ten["settings"] == published("full_batch")["settings"]


def test_comparison_row_by_row():
    def measure(s):
        values = {42: 0.5} | {n: float(n) for n in range(20)}
        return {"weight_redundancy": values[s["seed"]] if s["batch_size"] == "full" else 0.0}

    e = evidence(measure)
    first = compare("full_batch", e, lambda_tc=100.0).iloc[0].to_dict()
    assert math.isnan(first.pop("low"))
    assert math.isnan(first.pop("high"))
    assert math.isnan(first.pop("one_run").low)
    assert first == {
        "table": "full_batch", "row": "epoch 1", "metric": "weight_redundancy",
        "published": "0.287", "mean": 0.5, "n": 1, "min": 0.5, "max": 0.5,
        "ours": "0.5 (one run)", "holds": "", "verdict": "not reproduced",
    }  # fmt: skip
    rows = compare("tc_minibatch", evidence())
    assert list(rows["row"]) == ["λ_tc = 1"] * 3 + ["λ_tc = 100"] * 3
    assert (rows["n"] == 20).all()
    nothing = compare("relu_drift", evidence()).iloc[0]
    assert (nothing["n"], nothing["verdict"]) == (0, "not measured")
    assert math.isnan(nothing["min"])
    labels = compare("weight_regularization", evidence())["row"]
    assert list(labels)[::3] == [
        "λ_tc = 1, λ_wr = 0",
        "λ_tc = 100, λ_wr = 0",
        "λ_tc = 100, λ_wr = 10",
    ]
    labels = compare("optimizers", evidence())["row"]
    assert list(labels)[4::2] == [
        "softmax, λ_tc = 0, SGD, lr = 0.001",
        "softmax, λ_tc = 0, Adam, lr = 0.001",
    ]


def test_comparison_needs_one_run_of_a_named_seed_and_two_of_others():
    def keep(*seeds):
        return evidence(keep=lambda s: s["seed"] in seeds)

    assert (compare("full_batch", keep(42), lambda_tc=100.0)["n"] == 1).all()
    without_seed = {"lambda_tc": 100.0, "seed": None}
    assert (compare("full_batch", keep(3, 4), **without_seed)["n"] == 2).all()
    assert (compare("full_batch", keep(3), **without_seed)["verdict"] == "not measured").all()
    minibatch = compare("tc_minibatch", keep(3, 4))
    assert (minibatch["n"] == 2).all()
    assert (compare("tc_minibatch", keep(3))["verdict"] == "not measured").all()


def test_two_seeds_are_enough_with_or_without_a_history_and_of_a_longer_run():
    two = evidence(keep=lambda s: s["seed"] in (3, 4))
    assert (compare("tc_minibatch", Evidence(two.runs))["n"] == 2).all()
    longer = compare("softmax_epochs", two).set_index("row")["n"]
    assert set(longer["epochs = 200"]) == {2}


def test_a_run_of_the_length_itself_goes_before_a_longer_one():
    def loss_is_length(s):
        return {"loss": float(s["epochs"])}

    rows = compare("softmax_epochs", evidence(loss_is_length))
    assert rows.set_index(["row", "metric"]).loc[("epochs = 100", "loss"), "mean"] == pytest.approx(
        100, rel=0.02
    )


def test_comparison_at_the_caption_and_beside_it():
    e = evidence(table_at(100.0))
    caption = compare("full_batch", e)
    neighbour = compare("full_batch", e, lambda_tc=100.0)
    assert (caption["verdict"] == "reproduced").sum() == 0
    assert (neighbour["verdict"] == "reproduced").all()
    assert len(neighbour) == 12
    assert (neighbour["n"] == 1).all()


def test_comparison_over_seeds_has_interval_and_range():
    e = evidence(table_at(100.0))
    rows = compare("full_batch", e, lambda_tc=100.0, seed=None)
    assert (rows["n"] == 21).all()
    assert (rows["min"] < rows["low"]).all()
    assert (rows["high"] < rows["max"]).all()
    assert ((rows["low"] < rows["mean"]) & (rows["mean"] < rows["high"])).all()


def test_longer_run_stands_for_a_shorter_one():
    def loss_is_epoch(s):
        return {"loss": float(s["epoch"])}

    rows = compare("softmax_epochs", evidence(loss_is_epoch))
    loss = rows[rows["metric"] == "loss"].set_index("row")
    assert loss.loc["epochs = 100", "n"] == 20
    assert loss.loc["epochs = 200", "n"] == 5
    assert loss.loc["epochs = 200", "mean"] == pytest.approx(200, rel=0.02)


def test_comparison_says_what_is_missing():
    rows = compare("softmax_epochs", evidence(keep=lambda s: s["epochs"] != 1000))
    at_200 = rows[rows["row"] == "epochs = 200"]
    assert set(at_200["verdict"]) == {"not measured"}
    with pytest.raises(MissingEvidence, match=r"^runs for weight_redundancy at epochs = 200$"):
        table_verdict(rows)


def test_words_in_a_table_are_no_verdict():
    verdicts = pd.DataFrame({"verdict": ["reproduced", "no number printed", "reproduced"]})
    assert table_verdict(verdicts) == "reproduced"
    assert table_verdict(verdicts[1:2]) == "not applicable"
    rows = compare("optimizers", evidence())
    slow = rows[rows["published"] == "(very slow)"]
    assert slow["verdict"].item() == "no number printed"
    assert slow["row"].item() == "no softmax, λ_tc = 1, SGD, lr = 0.001"
    assert table_verdict(rows) == "partly"


class TestPrediction:
    def test_holds_one_more_run_as_often_as_it_says(self):
        rng = np.random.default_rng(0)
        held = []
        for sample in rng.normal(size=(2000, 11)):
            run = prediction(mean_interval(sample[:10]))
            held.append(run.low <= sample[10] <= run.high)
        assert np.mean(held) == pytest.approx(0.95, abs=0.015)

    @pytest.mark.parametrize(
        ("printed", "expected"),
        [
            ("2.5", "run, mean"),
            ("4.6", "run, mean"),  # 4.554 is the upper limit; half a digit is allowed
            ("4.7", "run"),
            ("0.4", "run, mean"),  # 0.446 is the lower limit
            ("0.3", "run"),
            ("7.1", "run"),
            ("7.2", "neither"),
            ("-2.2", "neither"),
            ("(very slow)", ""),
        ],
    )
    def test_says_which_interval_holds_a_printed_number(self, printed, expected):
        ours = mean_interval([1.0, 2.0, 3.0, 4.0])
        assert _holding(printed, prediction(ours), ours) == expected

    @pytest.mark.parametrize("printed", ["1", "3"])
    def test_a_limit_itself_counts(self, printed):
        ours = Interval(2.0, 1.5, 2.5, 4)  # widened by half a unit, 1 to 3
        assert _holding(printed, ours, ours) == "run, mean"

    def test_one_run_alone_predicts_nothing(self):
        ours = mean_interval([2.0])
        assert _holding("2.0", prediction(ours), ours) == ""
