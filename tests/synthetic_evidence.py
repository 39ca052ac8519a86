"""Made-up runs with known numbers, so that every rule can be shown data that flip its verdict."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from paper.judging.evidence import SOURCE_SETTING, Evidence

GRID = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
#: λ_tc of the long runs.
LONG = (0.0, 1.0, 10.0, 100.0)
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
EPOCHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)

#: Neutral values of every measure; a test names what it changes.
NEUTRAL = {
    "loss": 50.0,
    "train_tc": 1.0,
    "weight_redundancy": 1.0,
    "redundancy_over_random": 3.0,
    "redundancy_over_data": 1.0,
    "max_abs_cosine": 0.5,
    "max_cosine": 0.5,
    "aligned_pairs": 0.0,
    "output_correlation": 1.1,
    "effective_rank": 14.0,
    "entropy_rank": 15.0,
    "dead_units": 0.0,
    "min_relative_variance": 0.5,
    "joint_firing": 0.05,
    "joint_firing_noise": 0.02,
    "hsic": 0.02,
    "hsic_floor": 0.002,
    "row_norm": 2.0,
    "probe_accuracy": 0.8,
    "probe_accuracy_pre": 0.85,
    "curvature_max": 10.0,
    "curvature_min": -1.0,
    "diverged_at": np.nan,
}

Measure = Callable[[Mapping[str, object]], Mapping[str, float]]


def settings() -> list[dict[str, object]]:
    """Every condition that the chapters run, with its seeds."""
    both = ("none", "softmax")
    twenty, ten, five = range(20), range(10), range(5)
    plan: list[tuple[dict[str, object], object]] = []
    for c in both:
        plan += [({"competition": c, "lambda_tc": t}, twenty) for t in GRID]
        plan += [({"competition": c, "lambda_tc": t, "epochs": 1000}, five) for t in LONG]
        for t in (0.0, 1.0):
            plan.append(({"competition": c, "lambda_tc": t, "dataset": "fashion-mnist"}, ten))
        for initial in ("twins", "offset_twins"):
            lambdas = (1.0, 100.0) if c == "none" else (0.0, 1.0)
            plan += [
                ({"competition": c, "lambda_tc": t, "initial": initial}, twenty) for t in lambdas
            ]
        long = {"competition": c, "lambda_tc": 0.0, "batch_size": "full", "epochs": 2000}
        plan.append((long, [42]))
        for o in ("sgd", "adam"):
            t = 1.0 if c == "none" else 0.0
            rest = [r for r in RATES if (o, r) != ("adam", 1e-3)]
            plan += [
                ({"competition": c, "lambda_tc": t, "optimizer": o, "learning_rate": r}, ten)
                for r in rest
            ]
        plan.append(({"competition": c, "lambda_tc": t, "hidden_dim": 64}, five))
    for t in (0.0, 1.0, 100.0):
        plan.append(({"competition": "none", "lambda_tc": t, "bias": False}, twenty))
    for t, w in ((100.0, 10.0), (100.0, 1.0), (1.0, 10.0)):
        plan.append(({"competition": "none", "lambda_tc": t, "lambda_wr": w}, twenty))
    for t in (1.0, 10.0, 100.0):
        seeds = [42] if t == 10 else [*twenty, 42]
        plan.append(({"competition": "none", "lambda_tc": t, "batch_size": "full"}, seeds))
    for a in ("identity", "tanh"):
        plan.append(({"competition": "softmax", "lambda_tc": 0.0, "activation": a}, ten))
    return [{**SOURCE_SETTING, **p, "seed": s} for p, seeds in plan for s in seeds]  # type: ignore[attr-defined]


_SETTINGS = settings()


@functools.cache
def _noise(seed: int, name: str) -> float:
    """A factor within ±1 % that a seed has for one measure, the same in every condition.

    Seed 42 is the source's own: exact.
    """
    if seed == 42:
        return 1.0
    digest = hashlib.sha256(f"{seed}{name}".encode()).digest()
    return 1 + 0.01 * (digest[0] / 127.5 - 1)


def _row(setting: Mapping[str, object], measure: Measure, epoch: int) -> dict[str, object]:
    values = {**NEUTRAL, **measure({**setting, "epoch": epoch})}
    exact = ("diverged_at", "aligned_pairs", "dead_units")
    seed = int(setting["seed"])  # type: ignore[call-overload]
    return {n: v if n in exact else v * _noise(seed, n) for n, v in values.items()}


def evidence(
    measure: Measure = lambda s: {},
    keep: Callable[[Mapping[str, object]], bool] = lambda s: True,
    extra: Mapping[str, pd.DataFrame] | None = None,
    base: Mapping[str, object] | None = None,
) -> Evidence:
    """Evidence whose measures are ``measure(setting)`` (setting includes ``epoch``) where given.

    ``keep`` leaves runs out; each seed varies by up to 1 % the same way in every condition.
    """
    runs, histories = [], []
    for setting in _SETTINGS:
        if not keep(setting):
            continue
        key = hashlib.sha256(repr(setting).encode()).hexdigest()[:32]
        last = int(setting["epochs"])  # type: ignore[call-overload]
        runs.append({"key": key, **setting, **_row(setting, measure, last)})
        wanted = {0, 1, last} if last == 100 else EPOCHS
        if setting["batch_size"] == "full":
            wanted = EPOCHS
        for epoch in EPOCHS:
            if epoch <= last and epoch in wanted:
                row = _row(setting, measure, epoch)
                histories.append({"key": key, **setting, "epoch": epoch, **row})
    return Evidence(pd.DataFrame(runs), pd.DataFrame(histories), extra or {}, base=base or {})
