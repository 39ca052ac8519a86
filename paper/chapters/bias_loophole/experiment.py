"""The bias loophole under the lens: pairs of units, what one direction can give, a toy's training.

The loophole of source 000: two units share a weight direction and differ only in their bias, so
that they "fire on different inputs" and count as independent while their weights are redundant.
"""

from collections.abc import Iterable, Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from infomax_lib.measures.weights_and_outputs import weight_redundancy
from infomax_lib.model.data import load_dataset
from infomax_lib.model.layer import InfoMaxLayer
from infomax_lib.model.objective import correlation
from infomax_lib.model.spec import RunSpec
from infomax_lib.stats import format_number, mean_interval
from infomax_lib.training.population import Population
from paper.figures.plane import Frame
from paper.figures.style import label, name
from paper.judging.evidence import Evidence
from paper.judging.published import compare

# --- weights -----------------------------------------------------------------------------------


def most_aligned_pair(weight: Tensor) -> tuple[int, int]:
    """The two units i < j whose rows of ``weight`` (K, D) have the largest cosine, K >= 2.

    Raises:
        ValueError: There are fewer than two units, so there is no pair.
    """
    if weight.shape[0] < 2:
        raise ValueError(f"a pair needs two units, got weights of shape {tuple(weight.shape)}")
    rows = F.normalize(weight, dim=-1)
    first, second = torch.triu_indices(len(rows), len(rows), offset=1)
    best = int((rows @ rows.mT)[first, second].argmax())
    return int(first[best]), int(second[best])


def least_redundancy(hidden_dim: int, num_features: int) -> float:
    """Least weight redundancy of K directions in D dimensions, max(0, K^2/D - K) (Welch 1974).

    K <= D directions can be orthogonal. More cannot: their Gram matrix has trace K and rank at
    most D, so its squared entries sum to K^2/D or more.
    """
    return max(0.0, hidden_dim**2 / num_features - hidden_dim)


def redundancy_beside_shared_direction(weight: Tensor) -> float:
    """Weight redundancy of W (K, D) after the mean of the unit-length rows is projected out.

    Small beside the redundancy of W itself when all rows lean to one common direction, unchanged
    when redundancy lies in separate pairs.
    """
    common = F.normalize(F.normalize(weight, dim=-1).mean(0), dim=0)
    return float(weight_redundancy(weight - torch.outer(weight @ common, common)))


# --- what the units fire on --------------------------------------------------------------------


@torch.no_grad()
def describe_pair(layer: InfoMaxLayer, x: Tensor) -> dict[str, float | str]:
    """The most aligned pair of a layer without competition: directions, thresholds, firing.

    Args:
        layer: A layer with K >= 2 units.
        x: Inputs (N, D).

    Returns:
        By name in words: the two units, the cosine of their rows, their thresholds -b/||w|| in
        input units, the share of inputs on which each and both fire and on which both would fire
        if they fired independently, and the correlations of pre-activations and of outputs.
    """
    pair = list(most_aligned_pair(layer.weight))
    weight, bias = layer.weight[pair], layer.bias[pair]
    z, a = layer.preactivation(x)[:, pair], layer(x)[:, pair]
    fires = (a > 0).double()
    first, second = fires.mean(0).tolist()
    thresholds = (-bias / weight.norm(dim=-1)).tolist()
    return {
        "units": f"{pair[0]} and {pair[1]}",
        "cosine of the rows": float(F.cosine_similarity(weight[0], weight[1], dim=0)),
        "threshold of the first": thresholds[0],
        "threshold of the second": thresholds[1],
        "first fires on": first,
        "second fires on": second,
        "both fire on": float((fires[:, 0] * fires[:, 1]).mean()),
        "both, if independent": first * second,
        "correlation before ReLU": float(correlation(z)[0, 1]),
        "correlation of the outputs": float(correlation(a)[0, 1]),
    }


@torch.no_grad()
def firing_by_class(layer: InfoMaxLayer, units: Iterable[int], dataset: str) -> pd.DataFrame:
    """Share of test inputs of each class on which units fire: columns ``unit, class, share``."""
    data = load_dataset(dataset)
    fires = (layer(data.test) > 0).double()
    return pd.DataFrame(
        {
            "unit": unit,
            "class": int(digit),
            "share": float(fires[data.test_labels == digit, unit].mean()),
        }
        for unit in units
        for digit in data.test_labels.unique()
    )


def same_direction_correlation(projections: Tensor, firing_rates: Sequence[float]) -> Tensor:
    """Correlations of ReLU units that share one direction and differ in their bias only.

    The thresholds are those at which the units fire with the given rates. Outputs of two such
    units both grow with the projection, so their correlation is never negative, and it is zero
    only if one of them is constant (Chebyshev's association inequality):
    Cov(f(S), g(S)) = E[(f(S) - f(S'))(g(S) - g(S'))] / 2 for an independent copy S' of S.

    Args:
        projections: Inputs projected on each of M directions, (M, N).
        firing_rates: T shares in (0, 1) of inputs on which the units fire.

    Returns:
        Correlations (M, T, T).
    """
    rates = torch.tensor(list(firing_rates), dtype=projections.dtype)
    if not ((rates > 0) & (rates < 1)).all():
        raise ValueError(f"firing rates must lie between 0 and 1, got {list(firing_rates)}")
    thresholds = torch.quantile(projections, 1 - rates, dim=-1)  # (T, M)
    outputs = torch.relu(projections.unsqueeze(-1) - thresholds.mT.unsqueeze(-2))
    return correlation(outputs, eps=0.0)


# --- runs --------------------------------------------------------------------------------------


def film_frames(spec: RunSpec, epochs: Iterable[int]) -> list[Frame]:
    """A run with two inputs at the given epochs, for a film: trained here, on the CPU.

    The same trajectory as that of :func:`infomax_lib.run`, but seen at any epoch.
    """
    wanted = set(epochs)
    population = Population([spec], load_dataset(spec.dataset), "cpu", torch.float32)
    frames = []
    for epoch in range(max(wanted) + 1):
        if epoch:
            population.epoch()
        if epoch in wanted:
            weight, bias = population.weight[0].clone(), population.bias[0].clone()
            frames.append(Frame(f"epoch {epoch}", weight, bias))
    return frames


def toy_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Layers with two inputs by number of units and λ_tc: what seeds whose units all fire end with.

    "Least possible" is the redundancy that so many directions in the plane cannot avoid.
    """
    rows = []
    for (units, value), seeds in runs.groupby(["hidden_dim", "lambda_tc"]):
        alive = seeds[seeds["dead_units"] == 0]
        rows.append(
            {
                "units": units,
                "λ_tc": f"{value:g}",
                "seeds with all units alive": f"{len(alive)} of {len(seeds)}",
                "of these with an aligned pair": int((alive["aligned_pairs"] > 0).sum()),
                "redundancy": str(mean_interval(alive["weight_redundancy"])),
                "least possible": f"{least_redundancy(units, 2):g}",
                "output correlation": str(mean_interval(alive["output_correlation"])),
            }
        )
    return pd.DataFrame(rows)


def exact_rerun(
    evidence: Evidence, lambda_tcs: Sequence[float], seed: int | None = 42
) -> tuple[pd.DataFrame, dict[float, int]]:
    """The twelve numbers of source 000's first table beside ours, for several lambda_tc.

    Args:
        evidence: Full-batch runs with their histories.
        lambda_tcs: The values, a column each.
        seed: The source's seed, or None for means with intervals over all seeds.

    Returns:
        One row per printed number, "✓" marking values that reproduce it (for one seed: that round
        to the printed digits); and how many such numbers there are for each lambda_tc.
    """
    columns, agreeing = {}, {}
    for value in lambda_tcs:
        ours = compare("full_batch", evidence, lambda_tc=value, seed=seed)
        met = ours["verdict"] == "reproduced"
        agreeing[value] = int(met.sum())
        shown = ours["ours"] if seed is None else ours["mean"].map(lambda m: format_number(m, 4))
        columns[f"λ_tc = {value:g}"] = [
            f"{text}{' ✓' if good else ''}" if n else "not measured"
            for text, n, good in zip(shown, ours["n"], met, strict=True)
        ]
    printed = pd.DataFrame(
        {
            "epoch": ours["row"].str.removeprefix("epoch "),
            "measure": ours["metric"].map(label),
            "printed": ours["published"],
        }
    )
    return printed.assign(**columns), agreeing


def setting_names(runs: pd.DataFrame) -> list[str]:
    """What distinguishes each run from the reference setting, in words."""
    names = []
    for run in runs.itertuples():
        parts = []
        if run.competition != "none":
            parts.append(name(run.competition))
        if run.batch_size == "full":
            parts.append("full batch")
        if not run.bias:
            parts.append("biases frozen")
        if run.lambda_wr:
            parts.append(f"λ_wr = {run.lambda_wr:g}")
        if run.initial != "xavier":
            parts.append(name(run.initial))
        names.append(", ".join(parts) or "reference")
    return names
