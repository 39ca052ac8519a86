"""Made-up tables of the chapter on mutual information, in which every claim holds."""

import math

import numpy as np
import pandas as pd

STEPS = (0, 20, 50, 100, 200, 500, 1000, 2000)
RAW = 0.85


def _rows(rng, steps, start, end, noise, seeds):
    """A curve for each seed that saturates on a logarithmic axis of steps."""
    share = np.log1p(np.array(steps)) / np.log1p(steps[-1] or 1)
    return start + (end - start) * share + noise * rng.normal(size=(seeds, len(steps)))


def halves(seeds=5, noise=1.0):
    """All four experiments of pairs of halves; all seeds are alike without ``noise``."""
    rng = np.random.default_rng(0)
    rows = []

    def add(experiment, encoder, critic, bound, target, top, gain, spectra=None, exact=False):
        gap = 0.4 if bound == "nce" else 0.9
        training = np.minimum(_rows(rng, STEPS, 0, top, 0.05 * noise, seeds), math.log(128))
        held = training - gap * np.log1p(STEPS) / np.log1p(STEPS[-1])
        accuracy = _rows(rng, STEPS, RAW - 0.01, RAW + gain, 0.004 * noise, seeds)
        for seed in range(seeds):
            for i, step in enumerate(STEPS):
                spectrum = spectra(i, seed) if spectra else []
                rows.append(
                    {
                        "key": f"{experiment} {encoder} {critic} {bound} {target} {seed}",
                        "experiment": experiment, "encoder": encoder, "critic": critic,
                        "bound": bound, "target": target, "noise": 0.0, "batch_size": 128,
                        "seed": seed, "step": step, "training": training[seed, i],
                        "held_out": held[seed, i], "accuracy": accuracy[seed, i],
                        "log_condition": spectrum[0] - spectrum[-1] if spectrum else math.nan,
                        "inversion_error": 1e-6 * (i + 1) if exact else math.nan,
                        "spectrum": spectrum, "failed": None,
                    }
                )  # fmt: skip

    def spectra(i, seed, size=40):
        place = np.linspace(0, 1, size)
        values = 0.12 * i * (1 - place) ** 3 - 0.35 * i * place**4
        values += 0.02 * noise * rng.normal()
        return sorted(values.tolist(), reverse=True)

    for bound, top in (("nce", 3.9), ("nwj", 3.6)):
        add("bijective", "shift_flow", "bilinear", bound, math.nan, top, 0.05, exact=True)
        add("residual", "residual", "bilinear", bound, math.nan, top - 0.4, 0.02, spectra)
        for critic, tighter, worse in (
            ("bilinear", 0, 0.07), ("separable", 0.5, 0.03), ("concatenated", 0.9, -0.08),
        ):  # fmt: skip
            add("critics", "mlp", critic, bound, math.nan, top - 0.3 + tighter, worse)
        for target in (2.0, 4.0):
            for encoder, gain in (("mlp", 0.01), ("convnet", 0.08)):
                offset = 0.0 if bound == "nce" else -0.1
                add("matched", encoder, "bilinear", bound, target, target + offset, gain)
    return pd.DataFrame(rows)


def adversarial(seeds=5):
    rng = np.random.default_rng(1)
    accuracy = _rows(rng, STEPS, RAW, 0.62, 0.01, seeds)
    error = 10 ** _rows(rng, STEPS, -6, -3.5, 0.1, seeds)
    return pd.DataFrame(
        [
            {
                "seed": seed, "step": step, "accuracy": accuracy[seed, i],
                "classifier_loss": 2.0, "inversion_error": error[seed, i],
                "log_condition": 1.0 + i, "spectrum": [0.5, -0.5], "failed": None,
            }
            for seed in range(seeds)
            for i, step in enumerate(STEPS)
        ]
    )  # fmt: skip


def autoencoders(seeds=5):
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        [
            {
                "draws": draws, "seed": seed, "bound": -100 + 3 * math.log10(draws) + offset,
                "elbo": -101 + offset, "likelihood": -95 + offset,
                "inference_gap": 6 + 3 * math.log10(draws) + rng.normal() * 0.2,
                "accuracy": 0.9 - 0.02 * math.log10(draws) + rng.normal() * 0.004,
            }
            for seed, offset in enumerate(0.4 * rng.normal(size=seeds))
            for draws in (1, 5, 50)
        ]
    )  # fmt: skip


def batches(seeds=5):
    rng = np.random.default_rng(3)
    rows = []
    for bound in ("nce", "nwj"):
        for shared in (True, False):
            end = (0.6 if bound == "nce" else 0.7) if shared else 0.015
            for seed in range(seeds):
                rise = 1 - np.exp(-np.arange(50) / 8)
                curve = end * rise + 0.01 * rng.normal(size=50)
                curve[0] -= 0.37 if bound == "nwj" else 0.0
                rows.append(
                    {
                        "key": f"{bound} {shared} {seed}",
                        "bound": bound, "shared": shared, "seed": seed,
                        "estimate": float(curve[-5:].mean()), "curve": curve.tolist(),
                        "truth": 0.0204, "failed": None,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def layers(seeds=5):
    rng = np.random.default_rng(4)
    rows = []
    for competition, less in (("none", 0.0), ("softmax", 2.5)):
        for i, lambda_tc in enumerate((0.0, 0.01, 0.1, 1.0, 10.0, 100.0)):
            for seed in range(seeds):
                lower = 7.6 - 0.1 * i - less * 0.6 + 0.05 * rng.normal()
                rows.append(
                    {
                        "competition": competition, "lambda_tc": lambda_tc, "epochs": 10,
                        "seed": seed,
                        "images": 5000, "noise": 0.1, "lower": lower,
                        "upper": lower + 2.0 + 0.3 * i, "gaussian": 18 + 1.5 * i - 2 * less,
                        "probe_accuracy": 0.86 - less * 0.03 + 0.01 * i - 0.002 * i**2
                        + 0.003 * rng.normal(),
                        "weight_redundancy": 10 ** (1.6 - 0.35 * i - 0.3 * less
                        + 0.03 * rng.normal()),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def dimensions(seeds=5):
    """Critics that miss nearly all of two nats in many dimensions, and little in few."""
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        [
            {
                "key": f"{bound} {d} {seed}", "bound": bound, "dimensions": d, "seed": seed,
                "estimate": estimate + 0.02 * rng.normal(), "spread": 0.1 + estimate / 100,
                "known": 1.95 + 0.02 * rng.normal(), "truth": 2.0, "failed": None,
            }
            for bound in ("nce", "nwj")
            for d, estimate in ((2, 1.9), (16, 1.7), (392, 0.2))
            for seed in range(seeds)
        ]
    )  # fmt: skip


def metric(seeds=5):
    """Encoders by a triplet loss, as good as those by I_NCE."""
    of_nce = halves(seeds).query("experiment == 'critics' and critic == 'bilinear'")
    of_nce = of_nce[of_nce["bound"] == "nce"].drop(columns="experiment")
    better = of_nce.assign(bound="triplet", accuracy=of_nce["accuracy"] + 0.001, key="t")
    return pd.concat([of_nce, better], ignore_index=True)


def splits(seeds=5):
    """Trees that use four of six units, in the order of their gains."""
    gains = np.array([0.3, 0.25, 0.2, 0.15, 0.05, 0.01])
    first = [0.0, 1.0, 2.0, 3.0, math.nan, math.nan]
    return pd.concat(
        pd.DataFrame(
            {
                "seed": seed, "unit": range(6), "gain": gains + 0.01 * seed, "first": first,
                "decrease": [gains[0] + 0.01 * seed, *[math.nan] * 5],
            }
        )
        for seed in range(seeds)
    )  # fmt: skip


def parity():
    return pd.DataFrame(
        {"variables": ["first", "second", "both"], "information": [0.0, 0.0, math.log(2)]}
    )


def caps(seeds=5):
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        [
            {
                "information": information, "pairs": pairs, "seed": seed,
                "estimate": -math.log(math.exp(-information) + 1 / pairs)
                - 0.15 + 0.02 * rng.normal(),
            }
            for information in (1.0, 2.0, 4.0, 6.0)
            for pairs in (2, 4, 8, 16, 32, 64, 128, 256, 512)
            for seed in range(seeds)
        ]
    )  # fmt: skip


def classifiers(seeds=5):
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        [
            {
                "information": information, "seed": seed,
                "accuracy": 1 - 0.5 * math.exp(-0.7 * information) + 0.004 * rng.normal(),
                "estimate": 0.93 * information - 0.05 + 0.05 * rng.normal(),
            }
            for information in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
            for seed in range(seeds)
        ]
    )  # fmt: skip


def entropies(count=101):
    p = np.linspace(0, 1, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(q > 0, -q * np.log(q), 0.0) for q in (p, 1 - p)]
    return pd.DataFrame({"p": p, "entropy": sum(parts)})


def independence():
    """Information of such tables, several at each strength."""
    strengths = np.linspace(0, 1, 11)
    return pd.DataFrame(
        [
            {"table": table, "strength": s, "information": (0.3 + 0.1 * table) * s**2}
            for table in range(4)
            for s in strengths
        ]
    )


def invariance():
    """Two maps that keep the mean log density ratio."""
    return pd.DataFrame(
        {"map": ["linear", "flow"], "before": [1.5, 1.5], "after": [1.5, 1.5 + 1e-12]}
    )


def tables():
    """Every table that the rules read."""
    return {
        "entropies": entropies(),
        "independence": independence(),
        "invariance": invariance(),
        "caps": caps(),
        "classifiers": classifiers(),
        "halves": halves(),
        "adversarial": adversarial(),
        "raw": pd.DataFrame({"accuracy": [RAW]}),
        "autoencoders": autoencoders(),
        "batches": batches(),
        "dimensions": dimensions(),
        "metric": metric(),
        "splits": splits(),
        "parity": parity(),
    }
