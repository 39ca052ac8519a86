"""What the page on the optimizers says about its runs; ``rates`` and ``means`` as in ``rates``."""

import pandas as pd

from infomax_lib.stats import Interval, format_number, mean_interval
from paper.chapters.optimizer_comparison.rates import ARCHITECTURES, best_of
from paper.judging.shared_rules import points

_WORDS = {"none": "without softmax", "softmax": "with softmax", "adam": "Adam", "sgd": "SGD"}


def sentence_best(rates: pd.DataFrame, means: pd.Series) -> str:
    """How many runs diverged, and the best learning rates by the probe before the softmax."""
    best = best_of(means)
    listed = "; ".join(
        f"{_WORDS[o]} {_WORDS[c]} {best[c, o]:g} ({means[c, o, best[c, o]]:.3f})"
        for c in ARCHITECTURES
        for o in ("sgd", "adam")
    )
    diverged = int(rates["diverged"].sum())
    return (
        f"{diverged} of {len(rates)} runs diverged. Best learning rates by the probe before the "
        f"softmax, with that probe: {listed}."
    )


def sentence_law(row_norms: pd.Series, law: pd.Series) -> str:
    """Mean row norm of SGD over the one that the square-root law predicts, by learning rate."""
    ratios = ", ".join(f"{ratio:.2f} at {rate:g}" for rate, ratio in (row_norms / law).items())
    return f"Measured over predicted: {ratios}."


def sentence_required(printed_loss: float, rate: float) -> str:
    """The learning rate at which SGD reaches the printed loss by growth of scale alone."""
    return (
        f"by this law alone SGD reaches the loss {format_number(printed_loss, 2)}, which the "
        f"source prints for Adam, at a learning rate of {rate:.2g}."
    )


def sentence_unit_norm(open_ended: pd.DataFrame) -> str:
    """The lowest loss at unit row norm of both optimizers without softmax."""
    groups = open_ended.groupby(["optimizer", "learning_rate"])["unit_norm_loss"]
    lowest = {o: groups.mean()[o].idxmin() for o in ("sgd", "adam")}
    sgd, adam = (mean_interval(groups.get_group(place)) for place in lowest.items())
    return (
        f"At unit row norm the lowest loss without softmax is {sgd} for SGD (at "
        f"{lowest['sgd']:g}) and {adam} for Adam (at {lowest['adam']:g})."
    )


def sentence_steps(means: pd.Series) -> str:
    """At how many learning rates each optimizer stays within a point of its best probe."""
    groups = means.groupby(["competition", "optimizer"])
    near = (means >= groups.transform("max") - 0.01).groupby(["competition", "optimizer"]).sum()
    return (
        "By the probe before the softmax, SGD stays within one point of its best rate at "
        f"{near['none', 'sgd']} of "
        f"{means.index.get_level_values('learning_rate').nunique()} learning rates without softmax "
        f"and at {near['softmax', 'sgd']} with it; Adam at {near['none', 'adam']} and "
        f"{near['softmax', 'adam']}."
    )


def sentence_curvature(equal: pd.DataFrame) -> str:
    """Largest Hessian eigenvalues after training with Adam at equal λ_tc."""
    scaled = equal.assign(relative_sharpness=equal["curvature_max"] * equal["row_norm"] ** 2)

    def at(column: str, competition: str, value: float) -> Interval:
        chosen = (scaled["competition"] == competition) & (scaled["lambda_tc"] == value)
        return mean_interval(scaled.loc[chosen, column])

    return " ".join(
        f"After training at λ_tc = {value:g} the largest eigenvalue is "
        f"{at('curvature_max', 'softmax', value)} with softmax and "
        f"{at('curvature_max', 'none', value)} without; times the squared row norm, "
        f"{at('relative_sharpness', 'softmax', value)} and "
        f"{at('relative_sharpness', 'none', value)}."
        for value in (0.0, 1.0)
    )


def answer(with_softmax: Interval, without: Interval, after: Interval) -> str:
    """Adam against SGD, each at its best learning rate by the probe that is compared.

    Args:
        with_softmax: By the probe before the softmax, in accuracies.
        without: Without a softmax.
        after: By the probe after the softmax.
    """
    return (
        "Each optimizer at its best learning rate, Adam minus SGD in the probe of the code before "
        f"the softmax is {points(with_softmax)} with softmax and {points(without)} without. After "
        f"the softmax it is {points(after)}."
    )
