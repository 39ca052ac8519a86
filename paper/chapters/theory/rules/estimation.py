"""The rule on what exact entropy and total correlation would cost.

Table ``neighbours`` in ``Evidence.extra``: distribution (``gaussian``, with the correlations that
units of an untrained layer have, or ``parity``, two uncorrelated units that depend on each other),
samples, units, seed, and the errors in nats of two estimates of total correlation from the same
samples: ``neighbours``, of the nearest-neighbour estimate of Kozachenko and Leonenko, and
``proxy``, of -1/2 log det R.
"""

import pandas as pd

from infomax_lib.stats import Interval, format_number, mean_interval, where
from paper.chapters.theory.rules.objective import DEARER
from paper.judging.claims import Finding, Part, bar_passed, claim, finding, measured
from paper.judging.evidence import MIN_SEEDS, Evidence, MissingEvidence
from paper.judging.shared_rules import part_above

#: Tenth of a nat: total correlations closer than this are the same.
TENTH = 0.1
#: Samples of both estimates, eight of the source's batches.
SAMPLES = 1024


@claim(
    "001.28",
    place="Practical Computation",
    quote="Exact entropy and total correlation require density estimation. Expensive.",
    statement="Estimating entropy and total correlation without an assumption on the density costs "
    "more than the Gaussian proxy.",
    test="Nearest-neighbour estimates (Kozachenko and Leonenko 1987) of the total correlation of "
    "16 Gaussian units, correlated as those of an untrained layer are, so that the truth is known, "
    "beside −½ log det R of the same samples. From N samples of K units the distances take N²K "
    "multiplications, the correlations NK². The Gaussian is the proxy's own case; beside it two "
    "units that are uncorrelated and dependent.",
    rule="Size of the error of the nearest-neighbour estimate less that of the proxy, over draws "
    "of 1024 samples, with N/K = 64 times the multiplications: supported if its interval lies "
    "above 0, not supported if it lies within ± 0.1 nats, refuted if below 0, where more "
    "multiplications buy a better estimate. Informing: more than twice the multiplications; the "
    "same errors at other numbers of samples; that the proxy's error is the larger by more than "
    "0.1 nats for the two units.",
    decisive="Error of the nearest-neighbour estimate less that of the proxy from as many samples.",
    smallest="0.1 nats: total correlations that are closer count as equal here.",
)
def exact_is_expensive(e: Evidence) -> Finding:
    names = ["distribution", "samples", "units", "seed", "neighbours", "proxy"]
    table = e.table("neighbours", names)
    gaussian = where(table, {"distribution": "gaussian"})

    def worse(rows: pd.DataFrame, a: str, b: str) -> Interval:
        gap = (rows[a].abs() - rows[b].abs()).dropna()
        if len(gap) < MIN_SEEDS:
            raise MissingEvidence(f"both estimates of at least {MIN_SEEDS} draws")
        return mean_interval(gap)

    def errs(samples: int) -> Part:
        gap = worse(where(gaussian, {"samples": samples}), "neighbours", "proxy")
        decides = samples == SAMPLES
        return part_above(
            f"{samples} samples, error", gap, 0.0, TENTH, neutral=0.0, decisive=decides
        )

    def unseen() -> Part:
        gap = worse(where(table, {"distribution": "parity"}), "proxy", "neighbours")
        name = "dependent without correlation, error of the proxy"
        return part_above(name, gap, TENTH, TENTH / 2, neutral=0.0, decisive=False)

    units = int(gaussian["units"].iloc[0]) if len(gaussian) else 1
    ratio = SAMPLES / units
    others = sorted(set(gaussian["samples"]) - {SAMPLES})
    return finding(
        [
            errs(SAMPLES),
            bar_passed(
                "multiplications",
                ratio > DEARER,
                f"{format_number(ratio)} times as many, against {DEARER:g}",
                decisive=False,
            ),
            *(errs(int(samples)) for samples in others),
            measured("dependent without correlation", unseen, decisive=False),
        ]
    )
