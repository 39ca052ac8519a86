"""Made-up tables of the mutual information chapter, in which every claim holds."""

from __future__ import annotations

import numpy as np
import pandas as pd

SEEDS = range(5)
STEPS = (0, 1000, 2000)
RAW = 0.835


def wobble(seed, size=0.004):
    """A number that differs between seeds and is the same for all conditions."""
    return size * np.sin(seed + 1)


def halves():
    """All four experiments on halves; values move linearly from the first step to the last."""
    kinds = [
        *(("bijective", "shift_flow", "bilinear", bound, np.nan) for bound in ("nce", "nwj")),
        *(("residual", "residual", "bilinear", bound, np.nan) for bound in ("nce", "nwj")),
        *(
            ("critics", "mlp", critic, bound, np.nan)
            for critic in ("bilinear", "separable", "concatenated")
            for bound in ("nce", "nwj")
        ),
        *(
            ("matched", encoder, "bilinear", bound, target)
            for encoder in ("mlp", "convnet")
            for bound in ("nce", "nwj")
            for target in (2.0, 4.0)
        ),
    ]
    rank = {"bilinear": 0, "separable": 1, "concatenated": 2}
    rows = []
    for experiment, encoder, critic, bound, target in kinds:
        for seed in SEEDS:
            for step in STEPS:
                done = step / STEPS[-1]
                height = target if target == target else 4 + 0.3 * rank[critic]
                accuracy = 0.8 + done * (0.05 - 0.03 * rank[critic])
                if encoder == "convnet":
                    accuracy += done * 0.04
                condition = 0.2 + (3 * done if encoder == "residual" else 0)
                spread = np.linspace(condition / 2, -condition / 2, 7)
                rows.append(
                    {
                        "key": f"{experiment}{encoder}{critic}{bound}{target}{seed}",
                        "experiment": experiment,
                        "encoder": encoder,
                        "critic": critic,
                        "bound": bound,
                        "target": target,
                        "seed": seed,
                        "step": step,
                        "training": done * height + wobble(seed, 0.01),
                        "held_out": done * (height - 0.1) + wobble(seed, 0.01),
                        "accuracy": accuracy + wobble(seed),
                        "log_condition": condition + wobble(seed)
                        if encoder in ("residual", "shift_flow")
                        else np.nan,
                        "inversion_error": 1e-5 if encoder == "shift_flow" else np.nan,
                        "spectrum": list(spread) if encoder in ("residual", "shift_flow") else [],
                        "failed": None,
                    }
                )
    return pd.DataFrame(rows)


def adversarial():
    """Probes that fall from those of raw pixels."""
    return pd.DataFrame(
        [
            {
                "key": f"adversarial{seed}",
                "seed": seed,
                "step": step,
                "accuracy": RAW - step / 10_000 + wobble(seed),
                "classifier_loss": 0.5 + step / 1000,
                "inversion_error": 1e-4,
                "log_condition": 1.0,
                "spectrum": [0.5, 0.0, -0.5],
                "failed": None,
            }
            for seed in SEEDS
            for step in STEPS
        ]
    )


def autoencoders():
    """Tighter bounds, larger gaps and worse probes with more draws."""
    return pd.DataFrame(
        [
            {
                "key": f"autoencoder{draws}{seed}",
                "draws": draws,
                "seed": seed,
                "bound": -100 + np.log(draws) + wobble(seed),
                "elbo": -101.0 - np.log(draws),
                "likelihood": -95.0,
                "inference_gap": 6 + np.log(draws) + wobble(seed),
                "accuracy": 0.9 - 0.01 * np.log(draws) + wobble(seed),
                "failed": None,
            }
            for draws in (1, 5, 50)
            for seed in SEEDS
        ]
    )


def batches():
    """Estimates above the truth with a shared part, below it without."""
    return pd.DataFrame(
        [
            {
                "key": f"batches{bound}{shared}{seed}",
                "bound": bound,
                "shared": shared,
                "seed": seed,
                "estimate": (0.15 if shared else 0.01) + wobble(seed),
                "curve": list(np.linspace(0, 0.15 if shared else 0.01, 50)),
                "truth": 0.02,
                "failed": None,
            }
            for bound in ("nce", "nwj")
            for shared in (True, False)
            for seed in SEEDS
        ]
    )


def basics():
    """Tables of the opening."""
    p = np.linspace(0, 1, 11)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-p * np.log(p)) + np.nan_to_num(-(1 - p) * np.log(1 - p))
    caps = [
        {"information": i, "pairs": n, "seed": seed, "estimate": min(i, np.log(n)) - 0.1}
        for i in (1.0, 2.0, 3.0, 4.0)
        for n in (2, 4, 8, 16, 32, 64, 128)
        for seed in SEEDS
    ]
    classifiers = [
        {
            "information": i,
            "seed": seed,
            "accuracy": 0.5 + i / 10 + wobble(seed),
            "estimate": i - 0.1 + wobble(seed),
        }
        for i in (0.5, 1.0, 2.0, 3.0)
        for seed in SEEDS
    ]
    return {
        "entropies": pd.DataFrame({"p": p, "entropy": entropy}),
        "independence": pd.DataFrame(
            {"strength": [0.0, 0.5, 1.0], "information": [1e-17, 0.1, 0.4]}
        ),
        "invariance": pd.DataFrame(
            {"map": ["linear", "flow"], "before": [1.5, 1.5], "after": [1.5, 1.5 + 1e-12]}
        ),
        "caps": pd.DataFrame(caps),
        "classifiers": pd.DataFrame(classifiers),
    }


def tables():
    """Every table that the rules read."""
    return basics() | {
        "halves": halves(),
        "adversarial": adversarial(),
        "raw": pd.DataFrame({"accuracy": [RAW]}),
        "autoencoders": autoencoders(),
        "batches": batches(),
    }
