"""Claims of the second reading: what decides, what informs, and what a construction needs."""

import pandas as pd
import pytest
from prior_art_worlds import (
    CONTRASTIVE,
    METHODS,
    SORTED,
    copies,
    deep_starts,
    evidence,
    uses,
    views,
)

from paper.chapters import judge_claim
from paper.chapters.prior_art import words
from paper.chapters.prior_art.measured.copies import copied_features
from paper.chapters.prior_art.measured.deep_starts import STARTS
from paper.chapters.prior_art.rules.second_reading import LATER


def verdict(claim_id, **tables):
    return judge_claim(claim_id, evidence(**tables))


def interpretation(claim_id, **tables):
    return verdict(claim_id, **tables).interpretation_verdict


# ------------------------------------------------------------------------------ deep networks


def test_pretraining_that_helps_and_is_still_needed_is_half_of_the_claim():
    assert interpretation("002.24", deep_starts=deep_starts(needed=0.05)) == "mixed"
    assert interpretation("002.24", deep_starts=deep_starts(helped=0.0)) == "mixed"
    assert interpretation("002.24", deep_starts=deep_starts(needed=0.005)) == "supported"


def test_the_gradient_informs_and_other_starts_may_be_absent():
    table = deep_starts(arrives=-2.0)
    found = verdict("002.24", deep_starts=table)
    assert found.interpretation_verdict == "supported"
    assert "RBMs over small random, log10 — opposite: −2" in found.evidence
    assert f"{STARTS['small'].label} 10" in found.evidence
    few = table[table["start"] != "he_norm"]
    found = verdict("002.24", deep_starts=few)
    assert found.interpretation_verdict == "supported"
    assert "he_norm" in found.evidence
    assert interpretation("002.24", deep_starts=table[table["start"] != "he"]) == "not measured"


def test_the_last_epoch_decides():
    table = deep_starts()
    early = table["epoch"] == 1
    table.loc[early & (table["start"] == "rbm"), "accuracy"] = 0.1
    found = verdict("002.24", deep_starts=table)
    assert found.interpretation_verdict == "supported"
    assert "the same as (a) after epoch 1 — opposite" in found.evidence


def test_starts_are_tabled_with_their_rates():
    table = deep_starts().assign(learning_rate=0.1)
    shown = words.deep_table(table)
    assert list(shown["start"]) == [STARTS[s].label for s in table["start"].unique()]
    assert list(shown.columns) == [
        *("start", "learning rate", "reach", "accuracy, epoch 1", "accuracy, epoch 10")
    ]
    assert shown["accuracy, epoch 10"].iloc[0].startswith("0.9")


# ------------------------------------------------------------------- what features are good for


def test_the_worst_task_decides():
    table = uses()
    table["foreground_iou"] = table["foreground_iou"].iloc[::-1].to_numpy()
    found = verdict("002.25", **SORTED, uses=table)
    assert found.interpretation_verdict == "refuted"
    assert found.effect.startswith("−1")
    assert "classification with generation, over 31 methods — holds" in found.evidence


def test_one_fit_of_each_method_is_read_and_the_best_are_named():
    later = uses(gain=-0.01).assign(seed=1)
    found = verdict("002.25", **SORTED, uses=pd.concat([uses(), later]))
    assert found.interpretation_verdict == "supported"
    assert "Best at classification InfoMax + LSE, generation InfoMax + LSE" in found.evidence
    few = uses(methods=METHODS[:5])
    assert interpretation("002.25", **SORTED, uses=few) == "not measured"


def test_distances_of_the_worst_method_decide():
    table = views()
    table.loc[table["method"] == "swav", "view_ratio"] = table.loc[
        table["method"] == "untrained", "view_ratio"
    ].to_numpy()
    assert interpretation("002.26", views=table) == "mixed"
    assert interpretation("002.26", views=views(hard=0.001)) == "mixed"
    assert interpretation("002.26", views=views(closer=0.97, hard=0.0)) == "not supported"


def test_longer_fits_inform_where_there_are_some():
    found = verdict("002.26", views=views(), uses=uses())
    assert "ratios of the longer fits below untrained — holds" in found.evidence
    table = uses()
    table.loc[table["method"] == CONTRASTIVE[0], "view_ratio"] = 2.0
    found = verdict("002.26", views=views(), uses=table)
    assert found.interpretation_verdict == "supported"
    assert "ratios of the longer fits below untrained — opposite" in found.evidence
    assert "ratios of the longer fits — not measured" in verdict("002.26", views=views()).evidence


# ------------------------------------------------------------------------- copies and slips


@pytest.mark.parametrize("wrong", [{"error": 1e-6}, {"redundancy": 0.999}])
def test_a_construction_that_was_not_made_proves_nothing(wrong):
    assert interpretation("002.27", copies=copies(**wrong)) == "not measured"


def test_the_construction_of_the_page_proves_it():
    assert interpretation("002.27", copies=copied_features(range(5))) == "proved"
    once = copies()
    found = verdict("002.27", copies=once[once["copies"] == 1])
    assert found.interpretation_verdict == "not measured"
    assert "autoencoder with 1 and 10 copies" in found.evidence


def test_slips_need_no_measurement_and_their_years_are_those_of_the_bibliography(pytestconfig):
    found = verdict("002.28")
    assert found.interpretation_verdict == "refuted"
    assert found.evidence.count("— opposite") == 3
    bibliography = (pytestconfig.rootpath / "book" / "references.bib").read_text("utf8")
    for key, year in LATER.values():
        entry = bibliography.partition(f"{{{key},")[2].partition("\n}")[0]
        assert f"year = {{{year}}}" in entry
