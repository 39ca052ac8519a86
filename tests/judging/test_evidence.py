"""Evidence: which runs a condition selects, what counts as missing, and how that is said."""

import pandas as pd
import pytest

from infomax_lib import RunSpec
from paper.judging.evidence import (
    SOURCE_SETTING,
    Evidence,
    MissingEvidence,
    describe,
    paired,
)

SOFT = {"competition": "softmax", "lambda_tc": 0.0}


def rows(seeds=range(5), **changes):
    """A run of each seed at the source's setting, its loss ten times the seed."""
    settings = {**SOURCE_SETTING, **SOFT, **changes}
    return [
        {"key": f"{len(changes)}-{seed:012d}", **settings, "seed": seed, "loss": 10.0 * seed}
        for seed in seeds
    ]


def evidence(*parts, **settings):
    return Evidence(pd.DataFrame([row for part in parts or [rows()] for row in part]), **settings)


def missing(function, *args, **kwargs):
    """What is missing, in words."""
    with pytest.raises(MissingEvidence) as found:
        function(*args, **kwargs)
    return found.value.args[0]


class TestSetting:
    def test_of_the_source_is_that_of_a_run_without_words(self):
        left_to_rules = {"competition", "lambda_tc", "seed", "precision"}
        plain = RunSpec().model_dump()
        assert {n: plain[n] for n in plain if n not in left_to_rules} == SOURCE_SETTING

    def test_is_changed_by_the_chapter_and_then_by_the_rule(self):
        e = evidence(base={"dataset": "digits", "epochs": 7})
        assert e.condition(epochs=9, seed=1) == {
            **SOURCE_SETTING,
            "dataset": "digits",
            "epochs": 9,
            "seed": 1,
        }

    def test_knows_whether_it_is_the_sources(self):
        assert evidence().is_source_setting
        assert evidence(base={"dataset": "mnist", "epochs": 100}).is_source_setting
        assert not evidence(base={"dataset": "mnist", "epochs": 99}).is_source_setting

    def test_with_an_unknown_field_is_refused_with_those_there_are(self):
        with pytest.raises(ValueError, match="base knows no field") as refusal:
            evidence(base={"datsaet": "mnist", "epochs": 3})
        assert str(refusal.value) == (
            f"base knows no field ['datsaet']; allowed: {sorted(SOURCE_SETTING)}"
        )

    def test_of_fields_added_later_is_the_sources_in_older_tables(self):
        older = [{n: v for n, v in row.items() if n != "lambda_lse"} for row in rows()]
        e = evidence(older, history=pd.DataFrame(older).assign(epoch=1))
        for table in (e.runs, e.history):
            assert list(table["lambda_lse"]) == [0.0] * 5
            assert list(table["group_size"]) == [1] * 5
        assert len(e.select(**SOFT)) == 5
        e = evidence(rows(lambda_lse=2.0))
        assert list(e.runs["lambda_lse"]) == [2.0] * 5

    def test_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            evidence().base = {}

    def test_of_nothing_is_nothing(self):
        e = Evidence(pd.DataFrame())
        assert e.runs.empty
        assert list(e.runs.columns) == list(e.history.columns) == []


class TestTables:
    def test_the_same_run_counts_once_and_the_same_epoch_once(self):
        runs = pd.DataFrame(rows())
        history = pd.concat([runs.assign(epoch=1), runs.assign(epoch=2)])
        # measured again for another table, a measure may differ in its last digits
        e = Evidence(
            pd.concat([runs, runs.assign(loss=1e-9)]),
            pd.concat([history, history.assign(loss=1e-9)]),
        )
        assert list(e.runs["loss"]) == list(runs["loss"])
        assert list(e.history["loss"]) == list(history["loss"])

    def test_without_keys_are_left_as_they_are(self):
        runs = pd.DataFrame(rows()).drop(columns="key")
        assert len(Evidence(pd.concat([runs, runs]), runs.assign(epoch=1)).runs) == 10

    def test_by_name_are_checked_for_their_columns(self):
        table = pd.DataFrame({"seed": [1], "share": [0.5]})
        e = evidence(extra={"halves": table})
        assert e.table("halves") is table
        assert e.table("halves", ["share"]) is table
        assert missing(e.table, "quarters") == "the table “quarters”"
        assert missing(evidence().table, "halves") == "the table “halves”"
        assert (
            missing(e.table, "halves", ["share", "a", "b"]) == "column a, b of the table “halves”"
        )


class TestSelection:
    def test_is_the_source_setting_but_for_what_is_named(self):
        e = evidence(rows(), rows(epochs=7), rows(dataset="digits"))
        assert set(e.select(**SOFT)["key"]) == {row["key"] for row in rows()}
        assert set(e.select(**SOFT, epochs=7)["epochs"]) == {7}
        assert set(evidence(rows(epochs=7), base={"epochs": 7}).select(**SOFT)["epochs"]) == {7}

    def test_needs_five_seeds_unless_told_otherwise(self):
        assert len(evidence(rows(range(5))).select(**SOFT)) == 5
        few = evidence(rows(range(4)), base={"bias": True})
        assert len(few.select(4, **SOFT)) == 4
        assert missing(few.select, **SOFT) == (
            "runs with bias=True, competition=softmax, lambda_tc=0, at least 5 seeds (found 4)"
        )
        assert ", at least 2 seeds (found 0)" in missing(few.select, 2, competition="none")
        assert missing(few.select, 1, competition="none") == (
            "runs with bias=True, competition=none, one seed (found 0)"
        )

    def test_counts_seeds_and_not_rows(self):
        twice = evidence(rows(range(3)), rows(range(3), dataset="digits"))
        assert "(found 3)" in missing(twice.select, **SOFT, dataset=["mnist", "digits"])

    def test_names_the_columns_that_a_table_lacks(self):
        assert missing(evidence().select, brightness=2, **SOFT) == "runs with the column brightness"
        assert missing(Evidence(pd.DataFrame(rows()).drop(columns=["seed", "bias"])).select) == (
            "runs with the column bias, seed"
        )
        assert missing(evidence().at_epoch, "loss", 1).startswith("histories with the column data")

    def test_is_recorded_for_the_verdict(self):
        e = evidence(rows(), rows(epochs=7))
        assert e.used == set()
        first = e.select(**SOFT)
        assert e.used == set(first["key"])
        fresh = e.tracked()
        assert fresh.used == set()
        fresh.select(**SOFT, epochs=7)
        assert len(fresh.used) == 5
        assert e.used == set(first["key"])

    def test_is_made_once_for_all_claims(self):
        e = evidence()
        assert e.tracked().select(**SOFT) is e.select(**SOFT)

    def test_of_runs_is_not_that_of_histories(self):
        e = evidence(history=pd.DataFrame(rows()).assign(epoch=100, loss=7.0))
        assert list(e.values("loss", **SOFT)) == [0.0, 10.0, 20.0, 30.0, 40.0]
        assert list(e.at_epoch("loss", 100, **SOFT)) == [7.0] * 5

    def test_without_keys_leaves_no_record(self):
        e = Evidence(pd.DataFrame(rows()).drop(columns="key"))
        assert len(e.select(**SOFT)) == 5
        assert e.used == set()


class TestValues:
    def test_by_seed_and_their_mean(self):
        others = [row | {"loss": 99.0} for row in rows(range(5), bias=False)]
        e = evidence(rows([4, 2, 0, 1, 3]), others)
        assert e.values("loss", **SOFT).to_dict() == {n: 10.0 * n for n in range(5)}
        interval = e.interval("loss", **SOFT)
        assert (interval.mean, interval.n) == (20.0, 5)
        assert e.interval("loss", **SOFT, bias=False).mean == 99.0
        assert len(evidence(rows(range(2))).values("loss", 2, **SOFT)) == 2

    def test_that_were_not_measured_are_missing(self):
        text = "the measure loss of competition=softmax, lambda_tc=0"
        never = [row | {"loss": None} for row in rows()]
        assert missing(evidence(never).values, "loss", **SOFT) == text
        assert missing(evidence().values, "hsic", **SOFT) == text.replace("loss", "hsic")
        one_ran_on = [row | {"diverged_at": None if row["seed"] else 3.0} for row in never]
        assert missing(evidence(one_ran_on).values, "loss", **SOFT) == text

    def test_that_diverged_were_measured(self):
        diverged = [row | {"loss": None, "diverged_at": 3.0} for row in rows()]
        assert evidence(diverged).values("loss", **SOFT).isna().all()
        some = [row | {"loss": row["loss"] if row["seed"] else None} for row in rows()]
        assert evidence(some).values("loss", **SOFT).notna().sum() == 4

    def test_are_paired_over_the_seeds_that_both_have(self):
        other = [row | {"loss": 1.0} for row in rows(range(1, 7), bias=False)]
        no_bias = {**SOFT, "bias": False}
        e = evidence(rows(range(6)), other)
        assert e.differences("loss", SOFT, no_bias).to_dict() == {
            n: 10.0 * n - 1 for n in range(1, 6)
        }
        assert e.difference("loss", SOFT, no_bias).mean == 29.0
        assert e.difference("loss", no_bias, SOFT).mean == -29.0
        assert missing(evidence(rows(range(5)), other).differences, "loss", SOFT, no_bias) == (
            "at least 5 seeds shared by competition=softmax, lambda_tc=0 and competition=softmax, "
            "lambda_tc=0, bias=False"
        )

    def test_paired_says_what_it_needs(self):
        a, b = pd.Series({1: 3.0, 2: 5.0}), pd.Series({2: 1.0, 3: 0.0})
        assert paired(a, b, "more", 1).to_dict() == {2: 4.0}
        assert missing(paired, a, b, "more seeds", 2) == "more seeds"


def with_history(epochs, seeds=range(5), **changes):
    """Histories at some epochs, with the loss epoch + seed / 10."""
    history = [
        row | {"epoch": epoch, "loss": epoch + row["seed"] / 10}
        for row in rows(seeds, **changes)
        for epoch in epochs
    ]
    return evidence(rows(seeds, **changes), history=pd.DataFrame(history))


class TestEpochs:
    @pytest.mark.parametrize(
        ("recorded", "asked", "found"),
        [
            ([100], 100, 100),
            ([110], 100, 110),
            ([111], 100, None),
            ([91], 100, 91),
            ([90], 100, None),
            ([95, 101, 109], 100, 101),
            ([109, 99, 92], 100, 99),
            ([0], 0, 0),
            ([0, 1], 1, 1),
            ([0], 1, None),
            ([1], 0, None),
        ],
    )
    def test_the_nearest_record_within_a_tenth_counts(self, recorded, asked, found):
        e = with_history(recorded)
        if found is None:
            assert missing(e.at_epoch, "loss", asked, **SOFT) == (
                f"loss at epoch {asked} of competition=softmax, lambda_tc=0"
            )
        else:
            values = e.at_epoch("loss", asked, **SOFT)
            assert values.to_dict() == {n: found + n / 10 for n in range(5)}

    def test_every_seed_has_its_nearest_record(self):
        history = [
            row | {"epoch": epoch, "loss": float(epoch)}
            for row in rows([4, 3, 2, 1, 0])
            for epoch in ((100, 105) if row["seed"] % 2 else (105,))
        ]
        e = evidence(history=pd.DataFrame(history))
        assert e.at_epoch("loss", 100, **SOFT).to_dict() == {
            0: 105.0, 1: 100.0, 2: 105.0, 3: 100.0, 4: 105.0,
        }  # fmt: skip

    def test_epochs_without_the_measure_do_not_count(self):
        history = [
            row | {"epoch": epoch, "loss": 1.0, "hsic": 5.0 if epoch == 104 else None}
            for row in rows()
            for epoch in (1, 100, 104)
        ]
        e = evidence(history=pd.DataFrame(history))
        assert list(e.at_epoch("hsic", 100, **SOFT)) == [5.0] * 5
        assert e.measured_epochs("hsic", **SOFT) == [104]
        assert e.measured_epochs("loss", **SOFT) == [1, 100, 104]
        assert missing(e.measured_epochs, "tc", **SOFT).startswith("the measure tc of competition")
        assert missing(e.at_epoch, "tc", 100, **SOFT).startswith("the measure tc of competition")

    def test_as_many_seeds_as_are_asked_for_have_a_record(self):
        e = with_history([100], range(4))
        assert len(e.at_epoch("loss", 100, 4, **SOFT)) == 4
        assert "(found 4)" in missing(e.at_epoch, "loss", 100, **SOFT)
        assert missing(e.measured_epochs, "loss", competition="none") == (
            "histories with competition=none, one seed (found 0)"
        )
        assert with_history([5], [3]).measured_epochs("loss", **SOFT) == [5]

    def test_the_longest_training_of_a_condition(self):
        e = evidence(rows(), rows(epochs=500), rows(epochs=900, dataset="digits"))
        assert e.longest(**SOFT) == 500
        assert e.longest(**SOFT, epochs=3) == 500
        assert missing(e.longest, competition="none") == "runs with competition=none"
        assert missing(Evidence(pd.DataFrame(rows()).drop(columns="bias")).longest) == (
            "runs with the column bias"
        )


def test_conditions_in_words():
    assert describe({"lambda_tc": 0.0, "bias": False, "batch_size": "full", "epochs": 5}) == (
        "lambda_tc=0, bias=False, batch_size=full, epochs=5"
    )
    assert describe({"learning_rate": 1e-4}) == "learning_rate=0.0001"
