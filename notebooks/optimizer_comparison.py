# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Optimizer comparison
#
# **The claim.** With softmax, SGD and Adam perform similarly: responsibilities set the right step
# size, as in EM, and the landscape is cleaner. Without softmax, SGD is very slow at $10^{-3}$ and
# requires a learning rate of 10, and Adam is far better (source 000, Part 2).
#
# **Our verdict.** Similar with softmax, apart without: **{glue:text}`verdict_3`**. SGD without
# softmax requires 10: **{glue:text}`verdict_21`**. The loss without softmax measures optimisation:
# **{glue:text}`verdict_22`** (numbers: **{glue:text}`number_22`**). SGD ≈ Adam with softmax:
# **{glue:text}`verdict_23`** (numbers: **{glue:text}`number_23`**). Responsibilities set the step
# size: **{glue:text}`verdict_24`**. Cleaner landscape: **{glue:text}`verdict_26`**.
#
# The source compares a softmax layer at $\lambda_{tc} = 0$ to a layer without softmax at
# $\lambda_{tc} = 1$, SGD at two learning rates to Adam at one, and judges by the loss. This chapter
# runs both optimizers at six learning rates each, and asks first what the loss measures.

# %% [markdown]
# ## Prediction
#
# Written before the runs. If the softmax makes adaptive steps unnecessary, then with softmax the
# best SGD is as good as the best Adam (this decides), SGD works over a wide range of learning rates,
# and over a wider one than without softmax. If the landscape is cleaner, the largest Hessian
# eigenvalue is lower with softmax at equal $\lambda_{tc}$ (this decides), the share of negative
# curvature too, and fewer runs diverge.
#
# Without softmax the outputs have no bound. Scaling $W$ and $b$ by $s$ scales every output by $s$,
# leaves all correlations alone, and lowers the loss by $2K \log s$. A falling loss may then be
# nothing but growing weights, so the comparison needs measures that scale cannot move: probe
# accuracy, and the loss at unit row norm, $L + 2K \log \overline{\|w\|}$.

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
from paper.pages.parameters import AtLeast, Device, Grid, ImageDataset, Positive, StorePlace

dataset: ImageDataset = "mnist"  # digits, mnist or fashion-mnist
seeds: AtLeast[1] = 20  # seeds of the Adam runs at equal λ_tc
variant_seeds: AtLeast[1] = 10  # seeds of the grid optimizer × learning rate × architecture
epochs: AtLeast[1] = 100  # passes over the training data
learning_rates: Grid[Positive] = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]  # step sizes of both optimizers
store: StorePlace = "auto"  # results store: auto, memory, or a folder
device: Device = "auto"  # auto, cpu or cuda

# %% tags=["remove-cell"]
import numpy as np
import pandas as pd

from infomax_lib import RunSpec, first_seeds, grid, history, load_dataset, open_store, run
from infomax_lib.measures.weights_and_outputs import one_hot_loss
from paper.chapters import judge
from paper.chapters.optimizer_comparison.rates import (
    ARCHITECTURES,
    PROBE_AFTER,
    adam_minus_sgd,
    along_rates,
    by_pressure,
    mean_probe,
    probes_along_rates,
    rate_maps,
    with_losses,
)
from paper.chapters.optimizer_comparison.rules import PROBE
from paper.chapters.optimizer_comparison.scale_growth import (
    negative_curvature,
    scale_free_loss,
    scale_share,
    sgd_rate_for_loss,
    sgd_row_norm,
)
from paper.chapters.optimizer_comparison.words import (
    answer,
    sentence_best,
    sentence_curvature,
    sentence_law,
    sentence_required,
    sentence_steps,
    sentence_unit_norm,
)
from paper.figures.seeds_and_grids import along_grid, published_beside_ours, trajectories
from paper.figures.style import label, panels, thumbnail, use_style
from paper.figures.tables import grouped_table, published_table
from paper.judging.evidence import Evidence
from paper.judging.published import compare, printed_number
from paper.judging.shared_rules import points
from paper.judging.universes import universes
from paper.judging.verdicts import Card
from paper.pages.show import quote, say, shown

use_style()
store = open_store(store)

# %% [markdown]
# ## Experiment
#
# The two architectures as the source trains them, each with both optimizers at every learning
# rate; and, for the comparison at equal $\lambda_{tc}$, Adam at $10^{-3}$ with $\lambda_{tc}$ 0 and
# 1 for both. Same seeds, same batches.

# %%
reference = RunSpec(dataset=dataset, epochs=epochs)
none, softmax = (
    reference.but(competition=c, lambda_tc=value) for c, value in (("none", 1.0), ("softmax", 0.0))
)
rate_specs = [
    spec
    for architecture in (none, softmax)
    for spec in grid(
        architecture,
        optimizer=["sgd", "adam"],
        seed=first_seeds(variant_seeds),
        learning_rate=learning_rates,
    )
]
equal_specs = grid(
    reference, competition=["none", "softmax"], seed=first_seeds(seeds), lambda_tc=[0.0, 1.0]
)
rates = run(rate_specs, device=device, store=store)
equal = run(equal_specs, device=device, store=store)
specs = list(dict.fromkeys(rate_specs + equal_specs))
evidence = Evidence(
    pd.concat([rates, equal]),
    history(specs, store=store),
    base={"dataset": dataset, "epochs": epochs},
)

# %% tags=["remove-cell"]
k = reference.hidden_dim
rates = with_losses(rates)
means = mean_probe(rates)

# %% [markdown]
# ## Result: what each learning rate gives
#
# Probe accuracy along the learning rate, of the code before the softmax and after it. The verdicts
# rest on the probe before: after the softmax, the layer that is trained least reads best. Every
# point is a run, lines join means, bands are 95 % intervals over seeds. A run that diverged has no
# point; how many did is in the map below.

# %% mystnb={"image": {"alt": "Three panels above each other: probe accuracy without softmax, before the softmax and after it, against learning rate on a logarithmic axis, SGD and Adam in two colours, every seed a point, untrained layers dashed."}} tags=["hide-input"]
start = evidence.history[evidence.history["epoch"] == 0]
fig = probes_along_rates(rates, start)
fig

# %% mystnb={"image": {"alt": "Two heat maps, no softmax and softmax, optimizer against learning rate: share of runs that diverged, written into each cell."}} tags=["hide-input"]
rate_maps(rates, "diverged", 2, "share of diverged runs", limits=(0.0, 1.0))

# %% tags=["remove-input"]
say(sentence_best(rates, means))

# %% [markdown]
# The loss itself, and what it costs in units and directions. Means over the seeds that did not
# diverge.

# %% mystnb={"image": {"alt": "Two heat maps, no softmax and softmax, optimizer against learning rate: final loss, written into each cell."}} tags=["hide-input"]
rate_maps(rates, "finite_loss", 0, "loss")

# %% mystnb={"image": {"alt": "Two heat maps, no softmax and softmax, optimizer against learning rate: weight redundancy, written into each cell."}} tags=["hide-input"]
rate_maps(rates, "weight_redundancy", 1, "weight redundancy")

# %% mystnb={"image": {"alt": "Two heat maps, no softmax and softmax, optimizer against learning rate: number of dead units, written into each cell."}} tags=["hide-input"]
rate_maps(rates, "dead_units", 1, "dead units", limits=(0.0, float(k)))

# %% [markdown]
# ## The published table
#
# Source 000 prints loss and redundancy of four settings, one of them only as "very slow". Ours are
# 95 % intervals over seeds; the thin line is the range of all seeds.

# %% tags=["remove-input"]
say(rf"""
With softmax the loss has a bound: $K \log (K^2/(K-1))$ = {one_hot_loss(k):.2f} for perfectly balanced
one-hot outputs.
""")

# %% mystnb={"image": {"alt": "Published loss and weight redundancy of SGD and Adam with and without softmax as diamonds, beside our mean with 95 percent interval and the range over seeds."}} tags=["hide-input"]
comparison = compare("optimizers", evidence)
published_beside_ours(comparison)

# %% tags=["remove-input"]
shown(published_table(comparison))

# %% [markdown]
# ## Optimisation, or growth of scale?
#
# The same runs, split in two: how long the rows of $W$ have become, and the loss at unit row norm.
# Only the second can say that the layer found better directions. (Exact when all rows are equally
# long, an upper bound otherwise.)

# %% mystnb={"image": {"alt": "Mean row norm of W against learning rate, one panel without softmax and one with, SGD and Adam in two colours, both axes logarithmic, every seed a point. In the panel without softmax a dotted black line is the square-root law for SGD."}} tags=["hide-input"]
fig_norm = along_rates(rates, "row_norm", log_y=True)
steps = -(-len(load_dataset(dataset).train) // reference.batch_size) * epochs
sgd = rates[(rates["competition"] == "none") & (rates["optimizer"] == "sgd")]
initial = float(start["row_norm"].mean())
alive = k - float(sgd["dead_units"].mean())
law = pd.Series(sgd_row_norm(initial, np.array(learning_rates), steps, alive, k), learning_rates)
fig_norm.axes[0].plot(
    np.log10(learning_rates), law.to_numpy(), ":", color="black", label="square-root law, SGD"
)
fig_norm.axes[0].legend()
fig_norm

# %% mystnb={"image": {"alt": "Loss of the layer without softmax against learning rate, above as trained, below at unit row norm; SGD and Adam in two colours, every seed a point."}} tags=["hide-input"]
open_ended = rates[rates["competition"] == "none"]
fig_scale, (above, below) = panels(2, 1, height=3.2)
along_grid(above, open_ended, "finite_loss", x="learning_rate", hue="optimizer")
above.set_ylabel("loss L (nats)")
along_grid(below, open_ended, "unit_norm_loss", x="learning_rate", hue="optimizer")
below.set_ylabel("loss at unit row norm (nats)")
fig_scale

# %% [markdown]
# The dotted line is no fit. Without softmax $\theta \cdot \nabla L = -2K$ at every point (Euler's
# theorem on $L(s\theta) = L(\theta) - 2K\log s$), so each SGD step of size $\eta$ lengthens the
# weights by $\|\theta\|^2 \to \|\theta\|^2 + 4K\eta + \eta^2\|\nabla L\|^2$. Leaving out the last
# term, the row norm after $t$ steps is $\sqrt{\|w_0\|^2 + 4 \eta t}$ if all units live, whatever
# the data.

# %% tags=["remove-input"]
say(sentence_law(sgd.groupby("learning_rate")["row_norm"].mean(), law))

# %% tags=["remove-input"]
printed_loss = float(printed_number("optimizers", "loss", competition="none", optimizer="adam"))
sgd_unit_norm = float(open_ended.loc[open_ended["optimizer"] == "sgd", "unit_norm_loss"].mean())
needed = sgd_rate_for_loss(printed_loss, sgd_unit_norm, initial, steps, alive, k)
say(
    r"""
Two things follow. The loss of SGD falls with the learning rate like $-K \log \eta$ without any
better direction:
""",
    sentence_required(printed_loss, needed),
    r"""
And a gradient is as much smaller as the weights are longer, so that a step turns the weights by an
angle of order $\eta / \|\theta\|^2$, which tends to $1/(4Kt)$ whatever $\eta$ is: in that limit it
is the layer *without* softmax that sets its own step size.
""",
)

# %% tags=["remove-input"]
say(sentence_unit_norm(open_ended))

# %% [markdown]
# How much of the fall of the loss after the first epoch is growth of the rows,
# $2K \log$ of the growth of the mean row norm over the fall of the loss:

# %% tags=["hide-input"]
shares = scale_share(evidence.history)
converged = open_ended[open_ended["diverged"] == 0]
share_table = converged.assign(share=converged["key"].map(shares))
columns = {"share": "share of the fall that growth explains", "unit_norm_loss": "loss at unit norm"}
by_rate = grouped_table(share_table, ["optimizer", "learning_rate"], [*columns, "row_norm"])
shown(by_rate.rename(columns={label(old): new for old, new in columns.items()}))

# %% mystnb={"image": {"alt": "Adam at the source's learning rate along training without softmax, epochs on a logarithmic axis, thin lines are seeds: loss as trained and loss at unit row norm, two panels above each other, lambda_tc 0 and 1 in two colours."}} tags=["hide-input"]
along = evidence.history
along = along[(along["optimizer"] == "adam") & (along["learning_rate"] == reference.learning_rate)]
plain = along[along["competition"] == "none"].copy()
plain["unit_norm_loss"] = scale_free_loss(plain["loss"], plain["row_norm"], k)
plain["run"] = [f"Adam, λ_tc = {value:g}" for value in plain["lambda_tc"]]
fig_along, (above, below) = panels(2, 1, height=3.2)
trajectories(above, plain, "loss", hue="run")
trajectories(below, plain, "unit_norm_loss", hue="run")
below.set_ylabel("loss at unit row norm (nats)")
fig_along

# %% [markdown]
# ## Step-size sensitivity
#
# The probe before the softmax less that at the best learning rate of the same optimizer and
# architecture: a flat line means that the step size does not matter. The dashed line is one point
# below the best.

# %% mystnb={"image": {"alt": "Probe accuracy before the softmax less that at the best learning rate against learning rate, two panels, no softmax and softmax, SGD and Adam in two colours, a dashed line one point below the best."}} tags=["hide-input"]
best = means.groupby(["competition", "optimizer"]).max().rename("best_probe")
rates = rates.join(best, on=["competition", "optimizer"])
rates["below_best"] = rates[PROBE] - rates["best_probe"]
floor = {"one point below the best": -0.01}
along_rates(rates, "below_best", "probe − that at the best rate", floors=floor)

# %% tags=["remove-input"]
say(sentence_steps(means))

# %% [markdown]
# ## Curvature along training
#
# Extreme eigenvalues of the Hessian of the loss on a fixed batch, by Lanczos' method with
# Hessian-vector products; Adam at $10^{-3}$, both architectures at the same $\lambda_{tc}$. The share
# of negative curvature is $|\lambda_{min}| / (|\lambda_{min}| + \lambda_{max})$, zero where the loss
# curves upwards in every direction.

# %% mystnb={"image": {"alt": "Largest Hessian eigenvalue along training on logarithmic axes, softmax and no softmax, panels for lambda_tc 0 and 1, thin lines are seeds."}} tags=["hide-input"]
by_pressure(along, "curvature_max", log_y=True)

# %% mystnb={"image": {"alt": "Share of negative curvature, the smallest Hessian eigenvalue against both extremes, along training, softmax and no softmax, panels for lambda_tc 0 and 1, thin lines are seeds."}} tags=["hide-input"]
curved = along.assign(
    negative_curvature=negative_curvature(along["curvature_min"], along["curvature_max"]),
    relative_sharpness=along["curvature_max"] * along["row_norm"] ** 2,
)
by_pressure(curved, "negative_curvature", "share of negative curvature")

# %% [markdown]
# An eigenvalue depends on the scale of the weights too: without softmax $H(s\theta) =
# H(\theta)/s^2$, so weights that grow make the landscape flatter without any change of direction.
# The eigenvalue times the squared row norm is the curvature per relative change of the weights.

# %% mystnb={"image": {"alt": "Largest Hessian eigenvalue times squared mean row norm along training on logarithmic axes, softmax and no softmax, panels for lambda_tc 0 and 1, thin lines are seeds."}} tags=["hide-input"]
by_pressure(curved, "relative_sharpness", "largest eigenvalue × ‖w‖²", log_y=True)

# %% tags=["remove-input"]
say(sentence_curvature(equal))

# %% [markdown]
# ## Controls
#
# *Equal $\lambda_{tc}$.* The source's two architectures differ in $\lambda_{tc}$ as well. Adam at
# $10^{-3}$, all four combinations, and untrained layers.

# %% tags=["hide-input"]
probes = [PROBE, PROBE_AFTER]
columns = [*probes, "weight_redundancy", "row_norm", "dead_units", "curvature_max"]
controls = pd.concat(
    [
        start[start["key"].isin(equal["key"])].assign(setting="untrained"),
        equal.assign(setting="Adam, learning rate 0.001"),
    ]
)
shown(grouped_table(controls, ["setting", "competition", "lambda_tc"], columns))

# %% [markdown]
# *One optimizer against the other at its best.* Adam minus SGD in points of probe accuracy, paired
# over seeds: at equal learning rates, and each at its own best by the same probe. Without a softmax
# the two probes are the same.

# %% tags=["hide-input"]
gaps = adam_minus_sgd(rates, learning_rates)
gaps_after = adam_minus_sgd(rates, learning_rates, PROBE_AFTER)
shown(
    pd.DataFrame(
        [
            {
                "architecture": ARCHITECTURES[name],
                "learning rate": rate,
                "Adam − SGD, before the softmax": points(gap),
                "after the softmax": points(gaps_after[name, rate]) if name == "softmax" else "",
            }
            for (name, rate), gap in gaps.items()
        ]
    )
)

# %% [markdown]
# ## What would change our mind
#
# - A finer grid of learning rates that contains a step size at which the order flips: the rates
#   are a parameter, and the best rate may lie between two of them.
# - Schedules, momentum or weight decay: with decay the scale of the weights has a bound, and SGD
#   and Adam would be compared at equal scale from the start.
# - Another measure of a good layer than the linear probe; the maps show four.
# - Curvature on more samples, or elsewhere than along Adam's path.

# %% [markdown]
# ## Rerun this page
#
# ```bash
# infomax execute optimizer_comparison -p dataset=fashion-mnist -p variant_seeds=5
# ```
#
# or `papermill notebooks/optimizer_comparison.ipynb out.ipynb -p epochs 50`. Runs that the store
# knows are not computed again.

# %% [markdown]
# ## Claims of this chapter

# %% tags=["hide-input"]
verdicts = judge("optimizer_comparison", evidence, universes(store))
verdicts

# %% tags=["remove-cell"]
quote(
    **{
        f"verdict_{n}": verdicts.find(f"000.{n}").interpretation_verdict
        for n in (3, 21, 22, 23, 24, 26)
    },
    **{f"number_{n}": verdicts.find(f"000.{n}").number_verdict for n in (22, 23)},
)

# %% [markdown]
# ## Take-away

# %% tags=["remove-input"]
best_gap = {name: gaps[name, "each at its best"] for name in ARCHITECTURES}
after = gaps_after["softmax", "each at its best"]
takeaway = answer(best_gap["softmax"], best_gap["none"], after)
say(
    takeaway,
    sentence_steps(means),
    sentence_unit_norm(open_ended),
    "Without a bound on the outputs, a loss compares how far two optimizers have walked before it "
    "compares where they have arrived.",
)

# %% tags=["remove-input"]
Card(
    chapter="optimizer_comparison",
    title="Optimizer comparison",
    claim="With softmax SGD and Adam perform alike; without, Adam is much better.",
    key_number=best_gap["none"].scaled(100),
    verdict=verdicts.find("000.3").interpretation_verdict,
    sentence=(
        "Points of probe accuracy by which Adam is ahead of SGD without softmax, each at its best "
        "learning rate, paired over seeds."
    ),
    image=thumbnail(along_rates(rates, PROBE)),
    alt="Probe accuracy before the softmax along the learning rate for SGD and Adam, both layers",
    takeaway=takeaway,
)

# %% tags=["check", "remove-cell"]
# NBVAL_CHECK_OUTPUT
for verdict in verdicts:
    print(verdict.id, verdict.number_verdict, verdict.interpretation_verdict, verdict.evidence)
