"""Rules for the prior-art chapter: the claims of source 002 that the table of baselines decides.

The table ``extra["baselines"]`` has one row per method and seed: ``method, seed`` and the
measures ``probe_accuracy, weight_redundancy, output_correlation, hsic`` (NaN where a method has
no weights). Method names used here: ``untrained, pca, kmeans, fastica, autoencoder, rbm,
infomax_relu`` (A), ``infomax_softmax`` (B) and ``supervised``.
"""

from __future__ import annotations

import pandas as pd

from infomax_lib.claims import Evidence, Finding, MissingEvidence, Part, claim, finding
from infomax_lib.rules.shared import part_above, part_below
from infomax_lib.stats import Interval, mean_interval

CHAPTER = "prior_art"


def _values(e: Evidence, method: str, metric: str) -> pd.Series:
    table = e.table("baselines", ["method", "seed", metric])
    rows = table[table["method"] == method].drop_duplicates("seed").set_index("seed")[metric]
    if rows.notna().sum() < 3:
        raise MissingEvidence(f"{metric} of the method “{method}” over at least 3 seeds")
    return rows.astype(float)


def _difference(e: Evidence, metric: str, a: str, b: str) -> Interval:
    """Paired difference a − b of two methods over shared seeds."""
    return mean_interval((_values(e, a, metric) - _values(e, b, metric)).dropna())


@claim(
    "002.3",
    place="Autoencoders",
    chapter=CHAPTER,
    statement="Autoencoders are cheap, but reconstruction does not prevent redundancy.",
    test="Weight redundancy and output correlation of the autoencoder against PCA, untrained "
    "weights and architecture B at equal K.",
    rule="Supported if the autoencoder's output correlation is above that of PCA and of B, and "
    "its weight redundancy above that of untrained weights (paired intervals above 0); refuted "
    "if all three fail.",
)
def autoencoder_redundancy(e: Evidence) -> Finding:
    def part(metric: str, other: str) -> Part:
        label = f"{metric.replace('_', ' ')}, autoencoder − {other}"
        return part_above(label, _difference(e, metric, "autoencoder", other), 0)

    return finding(
        [
            part("output_correlation", "pca"),
            part("output_correlation", "infomax_softmax"),
            part("weight_redundancy", "untrained"),
        ]
    )


@claim(
    "002.8",
    place="What each objective actually optimizes",
    chapter=CHAPTER,
    statement="InfoMax is the only objective that explicitly targets non-redundancy.",
    test="Counterexamples: PCA (uncorrelated outputs by construction) and FastICA (independence "
    "is its objective).",
    rule="Refuted if PCA or FastICA has an output correlation below that of both A and B (paired "
    "intervals below 0); supported if both methods lie above both; mixed otherwise.",
)
def only_objective(e: Evidence) -> Finding:
    ours = ("infomax_relu", "infomax_softmax")
    lower, higher, texts = [], [], []
    for method in ("pca", "fastica"):
        gaps = [_difference(e, "output_correlation", method, own) for own in ours]
        lower.append(all(part_below("", g, 0).holds is True for g in gaps))
        higher.append(all(part_above("", g, 0).holds is True for g in gaps))
        texts.append(f"{method} − A {gaps[0]}, {method} − B {gaps[1]}")
    verdict = "refuted" if any(lower) else "supported" if all(higher) else "mixed"
    return Finding(verdict, f"Output correlation: {'; '.join(texts)}.")


@claim(
    "002.10",
    place="Why RBM pretraining died",
    chapter=CHAPTER,
    statement="Good features are independent factors.",
    test="Rank correlation over methods between independence of the outputs (low HSIC, low "
    "output correlation) and probe accuracy.",
    rule="Over the methods (means over seeds, supervised ceiling left out, at least 6): Spearman "
    "correlation of probe accuracy with −HSIC and with −output correlation. A part holds at or "
    "above 0.5, fails at or below 0, and is open between.",
)
def independence_is_quality(e: Evidence) -> Finding:
    columns = ["method", "seed", "probe_accuracy", "hsic", "output_correlation"]
    table = e.table("baselines", columns)
    means = table[table["method"] != "supervised"].groupby("method")[columns[2:]].mean()
    parts = []
    for metric, label in (("hsic", "HSIC"), ("output_correlation", "output correlation")):
        pairs = means[["probe_accuracy", metric]].dropna()
        if len(pairs) < 6:
            raise MissingEvidence(f"probe accuracy and {label} of at least 6 methods")
        rho = float(pairs["probe_accuracy"].corr(-pairs[metric], method="spearman"))
        holds = True if rho >= 0.5 else False if rho <= 0 else None
        text = f"{rho:.2f} over {len(pairs)} methods".replace("-", "−")
        parts.append(Part(f"probe with −{label}", holds, text))
    return finding(parts)


@claim(
    "002.11",
    place="Why end-to-end training works (mostly)",
    chapter=CHAPTER,
    statement="End-to-end training leaves gaps and redundancy.",
    test="A supervised layer of the same K against architecture B: redundancy of its weights and "
    "outputs.",
    rule="Supported if the supervised layer's weight redundancy and output correlation are both "
    "above B's (paired intervals above 0); refuted if both are not.",
)
def supervised_redundancy(e: Evidence) -> Finding:
    return finding(
        [
            part_above(
                f"{metric.replace('_', ' ')}, supervised − B",
                _difference(e, metric, "supervised", "infomax_softmax"),
                0,
            )
            for metric in ("weight_redundancy", "output_correlation")
        ]
    )
