"""Verdicts on what source 001 says of other models follow their identities, tables and runs."""

import numpy as np
import pandas as pd
import pytest

from infomax_lib import RunSpec
from paper.chapters import judge_claim
from paper.chapters.theory.experiment import BATCH_NORM, cell
from paper.chapters.theory.identities import IDENTITIES
from paper.judging.evidence import SOURCE_SETTING, Evidence

NAMES = (
    *("component_on_a_sample", "pull_on_a_width", "couples_like_batch_norm"),
    *("batch_norm_fixes_entropy", "cross_entropy_gradient", "cross_entropy_splits"),
)
SEEDS = range(10)


def identities(*failing):
    rows = [(name, 1.0 if name in failing else 0.0, 1e-9) for name in NAMES]
    return pd.DataFrame(rows, columns=["name", "difference", "tolerance"])


def steps(start=0.9, **others):
    """Both steps with such a cosine in untrained layers, one run that goes down to 0.1."""
    course = [("InfoMax", 0, s, start + 0.001 * s) for s in SEEDS]
    course += [("LSE term", 0, s, 0.5 + 0.001 * s) for s in SEEDS]
    course += [("InfoMax", t, 0, 1 / t) for t in (1, 10)]
    table = pd.DataFrame(course, columns=["step", "epoch", "seed", "cosine"])
    return table.assign(**{"between": 0.8, "length": 0.9} | others)


def runs(silent=0.0, lost=0.0):
    """Layers with BatchNorm, some with a silent unit, and layers with the entropy term."""
    rows = []
    for condition in (BATCH_NORM, cell("none (A)", "InfoMax")):
        normed = condition is BATCH_NORM
        for seed in SEEDS:
            rows.append(
                {
                    **SOURCE_SETTING,
                    **condition,
                    "seed": seed,
                    "key": f"{seed}{normed}",
                    "silent_units": float(seed < silent) if normed else 0.0,
                    "probe_accuracy": 0.8 - lost * normed + 1e-4 * seed,
                }
            )
    return pd.DataFrame(rows)


def found(claim_id, table=None, **tables):
    evidence = Evidence(runs() if table is None else table, extra=tables)
    return judge_claim(claim_id, evidence)


def test_the_library_checks_what_the_rules_name_and_runs_what_they_select():
    assert set(NAMES) <= set(IDENTITIES)
    assert RunSpec(dataset="digits", **BATCH_NORM).objective == "decorrelation"


@pytest.mark.parametrize(
    ("claim_id", "decides", "expected"),
    [
        ("001.26", "component_on_a_sample", "disproved by construction"),
        ("001.26", "pull_on_a_width", "disproved by construction"),
        ("001.29", "couples_like_batch_norm", "proved"),
        ("001.30", "cross_entropy_gradient", "proved"),
    ],
)
def test_identities_decide(claim_id, decides, expected):
    assert found(claim_id, identities=identities()).interpretation_verdict == expected
    broken = found(claim_id, identities=identities(decides))
    assert broken.interpretation_verdict == "not measured"
    none = found(claim_id)
    assert none.interpretation_verdict == "not measured"
    assert "needs the table “identities”" in none.evidence


def test_what_informs_turns_and_changes_no_verdict():
    normed = found("001.29", runs(silent=10, lost=0.3), identities=identities())
    assert normed.interpretation_verdict == "proved"
    assert "no silent unit — opposite: 0 of 10 seeds" in normed.evidence
    assert "BatchNorm − InfoMax, probe — opposite: −30" in normed.evidence
    split = found("001.30", identities=identities("cross_entropy_splits"))
    assert split.interpretation_verdict == "proved"
    assert "a step of EM — not measured" in split.evidence


@pytest.mark.parametrize(("narrowest", "outcome"), [(0.2, "holds"), (1e-9, "opposite")])
def test_em_with_free_widths_informs(narrowest, outcome):
    widths = pd.DataFrame({"seed": SEEDS, "narrowest": narrowest})
    mixtures = found("001.26", identities=identities(), free_widths=widths)
    assert mixtures.interpretation_verdict == "disproved by construction"
    assert f"without a collapsed component — {outcome}" in mixtures.evidence
    few = found("001.26", identities=identities(), free_widths=widths[:4])
    assert "without a collapsed component — not measured" in few.evidence


@pytest.mark.parametrize(
    ("start", "expected"), [(0.8, "supported"), (0.3, "not supported"), (-0.4, "refuted")]
)
def test_the_angle_between_units_of_untrained_layers_decides(start, expected):
    assert found("001.31", em_steps=steps(0.9, between=start)).interpretation_verdict == expected


def test_length_and_course_of_the_step_inform():
    step = found("001.31", em_steps=steps(-0.4, length=np.tile([0.001, 0.0011], 11)))
    assert step.interpretation_verdict == "supported"
    assert "all weights together — opposite" in step.evidence
    assert "rate 1e-3 over EM's — opposite: −9.9" in step.evidence
    assert "after training — fails: cosine 0.1 after 10 epochs, one seed; 0.1 to 1" in step.evidence
    table = steps()
    untrained = found("001.31", em_steps=table[table["epoch"] == 0])
    assert "(e) after training — not measured" in untrained.evidence
    few = found("001.31", em_steps=table[table["seed"] < 4])
    assert few.interpretation_verdict == "not measured"
    assert "5 seeds" in few.evidence
