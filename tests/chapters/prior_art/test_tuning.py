"""The search for learning rates: what is tried, where, and what is chosen."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from infomax_lib import RunSpec
from paper.chapters.prior_art.comparison import method_of
from paper.chapters.prior_art.measured import tuning
from paper.chapters.prior_art.measured.tuning import (
    FACTORS,
    at_the_edge,
    candidates,
    chosen_rates,
    search,
    tuned,
)
from paper.methods import BaselineSpec


@pytest.mark.parametrize(
    "spec",
    [
        BaselineSpec(dataset="digits", method="rica", epochs=3),
        RunSpec(dataset="digits", epochs=3, lambda_lse=1.0),
    ],
)
def test_candidates_differ_in_rate_and_seed_and_never_see_the_test_images(spec):
    found = candidates(spec, [4, 7])
    assert {s.dataset for s in found} == {"digits-tuning"}
    assert {s.seed for s in found} == {4, 7}
    assert sorted({s.learning_rate for s in found}) == pytest.approx([1e-3 * f for f in FACTORS])
    same = {s.but(dataset="digits", seed=spec.seed, learning_rate=1e-3).key for s in found}
    assert same == {spec.key}
    assert spec in [s.but(dataset="digits", seed=spec.seed) for s in found]


def test_methods_without_a_rate_are_not_searched():
    assert candidates(BaselineSpec(dataset="digits", method="pca"), [0]) == []
    assert tuned(BaselineSpec(method="pca"), {"rica": 0.1}) == BaselineSpec(method="pca")


def results(*rows):
    return pd.DataFrame(rows, columns=["method", "learning_rate", "seed", "probe_accuracy"])


def test_highest_mean_is_chosen_and_of_equals_the_smallest_rate():
    found = results(
        ("rica", 0.1, 0, 0.9),
        ("rica", 0.1, 1, 0.1),
        ("rica", 0.3, 0, 0.6),
        ("rica", 0.3, 1, 0.6),
        ("rica", 1.0, 0, 0.6),
        ("rica", 1.0, 1, 0.6),
        ("vae", 0.1, 0, 0.4),
        ("vae", 0.3, 0, 0.5),
    )
    assert chosen_rates(found) == {"rica": 0.3, "vae": 0.3}
    assert at_the_edge(found) == ["vae"]
    spec = BaselineSpec(method="rica", seed=3)
    assert tuned(spec, chosen_rates(found)) == spec.but(learning_rate=0.3)


def test_search_reads_the_probe_on_the_held_out_twelfth_and_counts_failures_as_zero(tmp_path):
    specs = [
        BaselineSpec(dataset="digits", method="autoencoder", hidden_dim=6, epochs=1),
        # at ten times this rate weights are infinite
        BaselineSpec(dataset="digits", method="rica", hidden_dim=6, epochs=1, learning_rate=1e37),
        BaselineSpec(dataset="digits", method="pca", hidden_dim=6),
        RunSpec(dataset="digits", hidden_dim=6, epochs=1),
    ]
    found = search(specs, [0, 1], device="cpu", store=tmp_path, progress=False)
    assert set(found["method"]) == {"autoencoder", "rica", "infomax_relu"}
    assert (found.groupby("method").size() >= 2 * len(FACTORS)).all()
    # a share of 120 images
    assert ((found["probe_accuracy"] * 120).round(4) % 1 == 0).all()
    failed = found[found["method"] == "rica"]
    assert (failed["probe_accuracy"] == 0).any()
    assert found.loc[found["method"] != "rica", "probe_accuracy"].gt(0.1).all()


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        (1.0, FACTORS),
        (0.01, (0.01, 0.03, *FACTORS)),
        (0.03, (0.01, 0.03, *FACTORS)),
        (100.0, (*FACTORS, 30.0, 100.0)),
    ],
)
def test_who_is_best_at_the_edge_looks_beyond_it(best, tried, monkeypatch):
    default = BaselineSpec(dataset="digits", method="rica").learning_rate

    def validated(specs, *_):
        rows = []
        for spec in specs:
            distance = abs(math.log(spec.learning_rate / (best * default)))
            rows.append(("rica", spec.learning_rate, spec.seed, 1 / (1 + distance)))
        return results(*rows)

    monkeypatch.setattr(tuning, "_validated", validated)
    found = search([BaselineSpec(dataset="digits", method="rica")], [0, 1])
    assert sorted(set(found["learning_rate"])) == pytest.approx([default * f for f in tried])
    assert len(found) == 2 * len(tried)
    assert chosen_rates(found) == {"rica": pytest.approx(best * default)}


def test_nothing_to_search_is_an_empty_table(tmp_path):
    assert search([BaselineSpec(dataset="digits", method="pca")], [0], store=tmp_path).empty


def test_layers_outside_the_comparison_have_no_method():
    assert method_of(RunSpec(lambda_lse=1.0)) == "infomax_lse"
    with pytest.raises(ValueError, match=r"sparsemax.*choose none"):
        method_of(RunSpec(competition="sparsemax"))
