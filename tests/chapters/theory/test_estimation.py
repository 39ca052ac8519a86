"""Total correlation without a model: the distributions it is tried on, and the verdict on it."""

import math

import numpy as np
import pandas as pd
import pytest

from paper.chapters import judge_claim
from paper.chapters.theory.estimation import (
    gaussian_total_correlation,
    neighbours_table,
    uncorrelated_pair,
)
from paper.judging.evidence import Evidence


def test_the_pair_is_uncorrelated_and_shares_log_two():
    x = uncorrelated_pair(100_000, np.random.default_rng(0))
    assert abs(np.corrcoef(x, rowvar=False)[0, 1]) < 0.01
    outer = np.abs(x) > 0.5
    assert (outer[:, 0] == outer[:, 1]).all()
    counts = np.histogram2d(*x.T, bins=4, range=[[-1, 1]] * 2)[0] / len(x)
    margins = np.outer(counts.sum(1), counts.sum(0))
    seen = counts > 0
    information = (counts[seen] * np.log(counts[seen] / margins[seen])).sum()
    assert information == pytest.approx(math.log(2), abs=1e-3)


def test_total_correlation_of_two_gaussians():
    found = gaussian_total_correlation(np.array([[1, 0.6], [0.6, 1]]))
    assert found == pytest.approx(-math.log(0.64) / 2)


def test_errors_of_the_proxy_vanish_with_samples_and_stay_where_it_is_blind():
    table = neighbours_table(samples=(64, 2048), seeds=3)
    means = table[["proxy", "neighbours"]].abs().groupby([table["distribution"], table["samples"]])
    means = means.mean()
    assert means.loc[("gaussian", 2048), "proxy"] < means.loc[("gaussian", 64), "proxy"] / 5
    assert means.loc[("parity", 2048), "proxy"] == pytest.approx(math.log(2), abs=0.01)
    assert means.loc[("parity", 2048), "neighbours"] < 0.1
    assert set(table[table["distribution"] == "gaussian"]["units"]) == {16}


def errors(neighbours, proxy, seeds=10):
    rows = [
        {
            "distribution": distribution, "samples": samples, "units": units, "seed": seed,
            "neighbours": sign * (of_these[0] + 0.01 * seed), "proxy": of_these[1],
        }
        for distribution, units, of_these in (
            ("gaussian", 16, (neighbours, proxy)), ("parity", 2, (0.05, -0.69)),
        )
        for samples, sign in ((128, 1), (1024, -1))
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("neighbours", "proxy", "verdict"),
    [
        (1.4, 0.1, "supported"),
        (0.1, 0.1, "not supported"),
        (0.1, -1.4, "refuted"),
    ],
)
def test_the_size_of_the_error_decides(neighbours, proxy, verdict):
    evidence = Evidence(pd.DataFrame(), extra={"neighbours": errors(neighbours, proxy)})
    found = judge_claim("001.28", evidence)
    assert found.interpretation_verdict == verdict, found.evidence


def test_four_draws_are_not_a_measurement():
    evidence = Evidence(pd.DataFrame(), extra={"neighbours": errors(1.4, 0.1, seeds=4)})
    assert judge_claim("001.28", evidence).interpretation_verdict == "not measured"
    assert judge_claim("001.28", Evidence(pd.DataFrame())).runs == 0
