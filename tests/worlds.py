"""Two made-up worlds for every claim: one as the source says, one the other way round.

``claimed`` and ``opposite`` are measures for :func:`synthetic_evidence.evidence`; a claim that
contradicts another claim of the same source has its own changes in ``CLAIMED`` / ``OPPOSITE``.
What mathematics or a construction decides is ``PROVED`` or ``DISPROVED`` in any world with runs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Setting = Mapping[str, object]

FULL_BATCH = {  # the published trajectory: redundancy, output correlation, TC
    1: (0.287, 2.98, 4.52),
    10: (0.286, 0.25, 0.25),
    50: (0.329, 0.08, 0.04),
    100: (0.535, 0.04, 0.005),
}

_A = {"competition": "none", "lambda_wr": 0.0}
_B = {"competition": "softmax", "lambda_wr": 0.0}
_SGD = {"optimizer": "sgd"}

PROBES = ("probe_accuracy", "probe_accuracy_pre")

#: The minibatch tables once more, transcribed from the source independently of the library:
#: table → rows of (what the row sets, its numbers as printed).
PRINTED = {
    "tc_minibatch": [
        (_A | {"lambda_tc": 1.0}, ("4.78", "2.21", "3.13")),
        (_A | {"lambda_tc": 100.0}, ("0.28", "7.72", "0.14")),
    ],
    "weight_regularization": [
        (_A | {"lambda_tc": 1.0}, ("4.78", "2.21", "3.13")),
        (_A | {"lambda_tc": 100.0}, ("0.28", "7.72", "0.14")),
        (_A | {"lambda_tc": 100.0, "lambda_wr": 10.0}, ("0.27", "0.00", "0.12")),
    ],
    "softmax_epochs": [
        (_B | {"lambda_tc": 0.0, "epochs": 100}, ("2.85", "1.07", "46.53")),
        (_B | {"lambda_tc": 0.0, "epochs": 200}, ("2.89", "1.08", "47.60")),
    ],
    "relu_drift": [(_A | {"lambda_tc": 0.0, "epochs": 100_000}, ("3.52",))],
    "softmax_tc": [
        (_B | {"lambda_tc": 0.0}, ("2.85", "1.07")),
        (_B | {"lambda_tc": 1.0}, ("3.31", "1.08")),
        (_B | {"lambda_tc": 10.0}, ("1.80", "13.03")),
    ],
    "optimizers": [
        (_A | _SGD | {"lambda_tc": 1.0}, ("(very slow)", "-")),
        (_A | {"lambda_tc": 1.0, "optimizer": "adam"}, ("-202.07", "2.21")),
        (_B | _SGD | {"lambda_tc": 0.0}, ("47.98", "2.86")),
        (_B | {"lambda_tc": 0.0, "optimizer": "adam"}, ("46.53", "2.85")),
    ],
}
#: Which measures the columns of those tables are.
COLUMNS = {
    "tc_minibatch": ("train_tc", "weight_redundancy", "output_correlation"),
    "weight_regularization": ("train_tc", "weight_redundancy", "output_correlation"),
    "softmax_epochs": ("weight_redundancy", "output_correlation", "loss"),
    "relu_drift": ("weight_redundancy",),
    "softmax_tc": ("weight_redundancy", "output_correlation"),
    "optimizers": ("loss", "weight_redundancy"),
}


def printed_world(factor: float):
    """Every printed number of the minibatch tables, times a factor."""
    usual = {"optimizer": "adam", "learning_rate": 1e-3, "lambda_wr": 0.0, "bias": True}
    usual |= {"initial": "xavier", "activation": "relu", "hidden_dim": 16, "batch_size": 128}
    usual |= {"dataset": "mnist"}
    rows = [
        (usual | {"epochs": 100} | at, dict(zip(COLUMNS[table], values, strict=True)))
        for table, lines in PRINTED.items()
        for at, values in lines
    ]

    def measure(s: Setting) -> dict[str, float]:
        now = {**s, "epochs": s["epoch"]}  # a longer run passes through the shorter one's end
        found: dict[str, str] = {}
        for at, values in rows:
            if all(now[k] == v for k, v in at.items()):
                found |= {k: v for k, v in values.items() if v[-1].isdigit()}
        return {k: float(v) * factor for k, v in found.items()}

    return measure


def claimed(s: Setting) -> dict[str, float]:
    """The source is right: A finds the loophole, B does not, and is easy to optimise."""
    return _claimed_softmax(s) if s["competition"] == "softmax" else _claimed_relu(s)


def _claimed_relu(s: Setting) -> dict[str, float]:
    t, epoch = float(s["lambda_tc"]), max(int(s["epoch"]), 1)
    values = {
        "weight_redundancy": 3 + 2 * np.log10(1 + t),
        "redundancy_over_random": 5.0,
        "redundancy_over_data": 3.0,
        "max_abs_cosine": 0.6,
        "aligned_pairs": 2.0 if t >= 100 else 1.0,
        "output_correlation": 3 / (1 + t),
        "train_tc": 4 / (1 + t),
        "hsic": 0.02 / (1 + t),
        "effective_rank": 12.0,
        "probe_accuracy": 0.85,
        "probe_accuracy_pre": 0.85,
        "loss": 0.0 if epoch == 1 else -202.0,
        "row_norm": 2.0 if epoch == 1 else 2.2,
        "curvature_max": 10.0,
        "curvature_min": -5.0,
    }
    if int(s["epochs"]) > 100 and s["batch_size"] == 128:
        values["weight_redundancy"] *= epoch**0.2  # a seventh more with every doubling
    if not s["bias"]:
        values |= {"weight_redundancy": 0.3, "redundancy_over_random": 1.2}
        values |= {"aligned_pairs": 0.0, "output_correlation": 3.0}
    if s["lambda_wr"]:
        values |= {"weight_redundancy": 0.01, "redundancy_over_random": 0.03}
        values["redundancy_over_data"] = 0.02
    if s["initial"] != "xavier":
        values["aligned_pairs"] = 8.0
    if s["batch_size"] == "full":
        values |= {"weight_redundancy": 0.3 + 0.1 * np.log(epoch), "redundancy_over_random": 2.5}
        values["output_correlation"] = 3 / epoch
    if s["optimizer"] == "sgd":
        rate = float(s["learning_rate"])
        values |= dict.fromkeys(PROBES, 0.70 if rate == 10 else 0.50)
        values["loss"] = {1e-3: 0.0, 10.0: -200.0}.get(rate, -100.0)
        if rate == 1.0 and int(s["seed"]) < 5:
            values["diverged_at"] = 3.0
    return values


def _claimed_softmax(s: Setting) -> dict[str, float]:
    t = float(s["lambda_tc"])
    k = int(s["hidden_dim"])
    values = {
        "weight_redundancy": 1 + 0.2 * np.log10(1 + t),
        "redundancy_over_random": 1.2,
        "redundancy_over_data": 0.5,
        "max_abs_cosine": 0.3,
        "output_correlation": 1.02 * k / (k - 1) * (1 + t / 20),
        "hsic": 0.02 * (1 + t),
        "effective_rank": 15.0,
        "probe_accuracy": 0.60 if s["epoch"] == 0 else 0.85 - 0.05 * np.log10(1 + t),
        "loss": 46.0 + 0.01 * int(s["epoch"]),
        "curvature_max": 1.0,
        "curvature_min": -0.01,
    }
    if s["optimizer"] == "sgd":
        values["loss"] = 47.0
    if s["activation"] == "identity":
        values["weight_redundancy"] *= 1.5
    return values


def opposite(s: Setting) -> dict[str, float]:
    """The source is wrong throughout."""
    soft = s["competition"] == "softmax"
    t, epoch = float(s["lambda_tc"]), max(int(s["epoch"]), 1)
    k = int(s["hidden_dim"])
    values = {
        "weight_redundancy": (2.0 if soft else 0.4) - 0.1 * np.log10(1 + t),
        "redundancy_over_random": 5.0 if soft else 1.1,
        "redundancy_over_data": 3.0 if soft else 0.5,
        "joint_firing": 0.6,
        "output_correlation": 1.02 * k / (k - 1) if soft else 3.0,
        "aligned_pairs": 8.0 if soft else 0.0,
        "dead_units": 3.0,
        "hsic": 0.02,
        "probe_accuracy": 0.5 if soft else 0.8,
        "probe_accuracy_pre": 0.5 if soft else 0.8,
        "loss": 50.0,
        "curvature_max": 10.0 if soft else 1.0,
        "curvature_min": -5.0 if soft else -0.01,
    }
    if soft:
        values["weight_redundancy"] *= 1 + 0.3 * np.log(epoch)
        values["loss"] = 50 - 0.01 * epoch
    elif s["batch_size"] == "full" and t > 0:
        values |= {"weight_redundancy": 0.4 - 0.001 * epoch, "redundancy_over_random": 0.9}
        values["output_correlation"] = 3 + 0.01 * epoch
    elif s["batch_size"] == 128 and t == 1:
        # The whole fall of the loss is growth of the rows: 32 log 10 ≈ 73.7.
        values |= {"loss": 0.0 if epoch == 1 else -74.0, "row_norm": 1.0 if epoch == 1 else 10.0}
    if s["optimizer"] == "sgd":
        values |= _opposite_sgd(s, soft)
    return values


def _opposite_sgd(s: Setting, soft: bool) -> dict[str, float]:
    rate = float(s["learning_rate"])
    if soft:
        best = rate == 0.1
        return {
            **dict.fromkeys(PROBES, 0.4 if best else 0.2),
            "loss": 30.0 if best else 90.0,
            "weight_redundancy": 9.0,
            "diverged_at": 3.0 if rate == 10 else np.nan,
        }
    diverged = rate == 10 and int(s["seed"]) < 5
    return {
        **dict.fromkeys(PROBES, 0.8 if rate in (1e-3, 1e-2, 1e-1) else 0.6),
        "loss": -74.0,
        "diverged_at": 2.0 if diverged else np.nan,
    }


def changed(world, change):
    """``world`` with the values that ``change(setting)`` gives."""
    return lambda s: {**world(s), **change(s)}


def table_at(lambda_tc: float):
    """The published full-batch numbers at one λ_tc, half of them at the others."""

    def measure(s: Setting) -> dict[str, float]:
        if s["batch_size"] != "full" or s["epoch"] not in FULL_BATCH:
            return {}
        factor = 1.0 if s["lambda_tc"] == lambda_tc else 0.5
        names = ("weight_redundancy", "output_correlation", "train_tc")
        return {n: v * factor for n, v in zip(names, FULL_BATCH[int(s["epoch"])], strict=True)}

    return measure


def _metrics_agree(s: Setting) -> dict[str, float]:
    x = np.log10(1 + float(s["lambda_tc"]))
    weak = s["lambda_tc"] == 30
    names = ("weight_redundancy", "max_abs_cosine", "output_correlation", "hsic")
    values = {n: 1 + x for n in (*names, "effective_rank", "entropy_rank")}
    return values | {"dead_units": float(weak), "min_relative_variance": 0.001 if weak else 0.5}


def _metrics_disagree(s: Setting) -> dict[str, float]:
    values = _metrics_agree(s) | {"dead_units": 0.0}
    x = np.log10(1 + float(s["lambda_tc"]))
    return values | {n: 5 - x for n in ("max_abs_cosine", "hsic", "entropy_rank")}


def _softmax_pattern(s: Setting) -> dict[str, float]:
    if s["competition"] != "softmax":
        return {}
    t = float(s["lambda_tc"])
    pattern = {0.0: (2.85, 1.07), 1.0: (3.31, 1.08), 10.0: (1.80, 13.03)}
    red, corr = pattern.get(t, (2.0, 5.0))
    return {"weight_redundancy": red, "output_correlation": corr}


def _softmax_pattern_reversed(s: Setting) -> dict[str, float]:
    pattern = {0.0: (2.0, 3.0), 1.0: (1.5, 2.0), 10.0: (2.5, 2.0)}
    red, corr = pattern.get(float(s["lambda_tc"]), (2.0, 3.0))
    return {"weight_redundancy": red, "output_correlation": corr}


def _tc_helps_softmax(s: Setting) -> dict[str, float]:
    if s["competition"] != "softmax":
        return {}
    x = np.log10(1 + float(s["lambda_tc"]))
    falls = {"output_correlation": 3 - x, "weight_redundancy": 3 - x, "hsic": 0.1 - 0.01 * x}
    return falls | {"probe_accuracy": 0.7 + 0.05 * x}


def _ten_is_enough(s: Setting) -> dict[str, float]:
    plain = s["competition"] == "none" and s["lambda_tc"] == 10 and not s["lambda_wr"]
    return {"output_correlation": 0.1, "redundancy_over_data": 0.8} if plain else {}


def _useless_training(s: Setting) -> dict[str, float]:
    if s["competition"] != "softmax":
        return {}
    rises = 0.5 + 0.1 * np.log10(1 + float(s["lambda_tc"]))
    return {"output_correlation": 3.0, **dict.fromkeys(PROBES, rises)}


def _same_geometry(s: Setting) -> dict[str, float]:
    names = ("weight_redundancy", "effective_rank", "max_abs_cosine", "probe_accuracy")
    return dict.fromkeys(names, 0.5)


def _drift_is_softmax(s: Setting) -> dict[str, float]:
    rate = 0.2 if s["competition"] == "softmax" else -0.2
    return {"weight_redundancy": max(int(s["epoch"]), 1) ** rate}


def gradients(ratio: float) -> dict[str, pd.DataFrame]:
    """The table “twin_gradients” with one ratio under softmax."""
    rows = [
        {"competition": c, "seed": s, "ratio": (ratio if c == "softmax" else 1.0) + 0.01 * s}
        for c in ("none", "softmax")
        for s in range(10)
    ]
    return {"twin_gradients": pd.DataFrame(rows)}


def steps_of_twins(apart: int) -> dict[str, pd.DataFrame]:
    """The table “twin_steps” with near twins that part in so many of 50 layers."""
    rows = [
        {"competition": c, "cosine": t, "seed": s, "apart": 0.01 if s < apart else -0.01}
        for c in ("none", "softmax")
        for t in (0.9, 0.99, 0.999)
        for s in range(50)
    ]
    return {"twin_steps": pd.DataFrame(rows)}


def built(cosine: float, over_floor: float, owned: float = 0.06) -> dict[str, pd.DataFrame]:
    """The table “one_direction” with a layer of 16 rows of their own lengths."""
    rows = [("free", cosine, over_floor, owned, 16), ("equal", 1.0, 15.0, 0.0, 16)]
    columns = ["lengths", "cosine", "over_floor", "owned", "units"]
    return {"one_direction": pd.DataFrame(rows, columns=columns)}


def _better(s: Setting) -> dict[str, float]:
    """TC works under softmax too: contradicts claims 000.17 and 000.18."""
    return {"output_correlation": 2.0 / (1 + float(s["lambda_tc"]))}


#: claim → (world in which it is supported, further tables)
CLAIMED = {
    "000.5": (changed(claimed, _better), {}),
    "000.6": (_metrics_agree, {}),
    "000.7": (table_at(1.0), {}),
    "000.17": (_softmax_pattern, {}),
    "000.25": (claimed, gradients(0.5)),
    "000.36": (claimed, steps_of_twins(50)),
}
#: claim → (world in which it is not, further tables, what the verdict is there)
OPPOSITE = {
    "000.1": (opposite, {}, "not supported"),
    "000.4": (_same_geometry, {}, "not supported"),
    "000.5": (opposite, {}, "not supported"),
    "000.6": (_metrics_disagree, {}, "not supported"),
    "000.7": (table_at(100.0), {}, "refuted"),
    "000.8": (opposite, {}, "not supported"),
    "000.9": (opposite, {}, "not supported"),
    "000.11": (opposite, {}, "not supported"),
    "000.12": (changed(claimed, _ten_is_enough), {}, "disproved by construction"),
    "000.3": (opposite, {}, "not supported"),
    "000.15": (_drift_is_softmax, {}, "refuted"),
    "000.16": (opposite, built(1.0, 1.01), "disproved by construction"),
    "000.17": (_softmax_pattern_reversed, {}, "refuted"),
    "000.18": (changed(claimed, _tc_helps_softmax), {}, "refuted"),
    "000.20": (changed(opposite, _useless_training), {}, "refuted"),
    "000.25": (opposite, gradients(1.2), "refuted"),
    "000.27": (opposite, {}, "not supported"),
    "000.36": (opposite, steps_of_twins(0), "refuted"),
    "000.37": (opposite, built(1.0, 1.01), "disproved by construction"),
}
#: Claims that mathematics proves in any world, and such that a construction can only disprove.
PROVED, DISPROVED = ("000.19",), ("000.16", "000.37")
