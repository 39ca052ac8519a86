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
# # Theory, checked
#
# **The claim.** Implicit EM has two separable parts: a *mechanism*, responsibility-weighted
# updates through a softmax, and an *objective*, InfoMax, which keeps every unit alive, informative
# and different from the others, and needs no other regularization (source 001).
#
# **Our verdict.** Mechanism and objective are separable: **{glue:text}`verdict_1`**. InfoMax with
# $\lambda$ is minus the joint entropy: **{glue:text}`verdict_2`**. Gradients are weighted by
# responsibilities: **{glue:text}`verdict_10`**. InfoMax is the volume control:
# **{glue:text}`verdict_13`**. Winner-take-all is blocked by the TC term:
# **{glue:text}`verdict_14`**; dead units by the entropy term: **{glue:text}`verdict_15`**. The
# whole picture, prototypes that cover the input space, are independent, used and not redundant:
# **{glue:text}`verdict_20`**.
#
# Source 001 derives and does not measure. What mathematics settles is proved here, or disproved by
# construction, with a numerical check in float64; what is said of trained layers is decided by
# experiments. In all runs of this chapter
# $\lambda_{tc} = 1$, for every objective, except where a term is taken away on purpose, which is
# said there.

# %% [markdown]
# ## Prediction
#
# Written before the runs; of what mathematics settles, runs only inform. If the derivation describes
# what layers do, then
#
# - exchanging the mechanism moves every measure by the same amount whatever is minimised, and the
#   other way round: there is no interaction;
# - the log-sum-exp (LSE) term alone collapses, and InfoMax added to it neither collapses nor lets
#   the weights grow on and on;
# - layers that start with one unit winning everything get out because of the TC term, and layers
#   that start with silent units revive them because of the entropy term;
# - a layer trained on one measure of dependence is low in the others.

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
from paper.pages.parameters import AtLeast, Device, ImageDataset, StorePlace

dataset: ImageDataset = "mnist"  # digits, mnist or fashion-mnist
seeds: AtLeast[1] = 10  # seeds 0 .. seeds-1: initial weights and data order
epochs: AtLeast[1] = 20  # passes over the training data
collapse_epochs: AtLeast[1] = 40  # of runs whose scale may go on growing; at least epochs
mixture_steps: AtLeast[3] = 60  # steps of explicit and implicit EM in the film
store: StorePlace = "auto"  # results store: auto, memory, or a folder
device: Device = "auto"  # auto, cpu or cuda

# %% tags=["remove-cell"]
import pandas as pd
from IPython.display import display

from infomax_lib import RunSpec, first_seeds, grid, history, load_dataset, open_store, run
from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import format_number, mean_interval, rank_correlation
from paper.chapters import judge
from paper.chapters.theory.em_steps import em_steps
from paper.chapters.theory.estimation import neighbours_table
from paper.chapters.theory.experiment import (
    BATCH_NORM,
    BATCHES,
    COLLAPSE,
    MECHANISMS,
    OBJECTIVES,
    PRESSED_SEEDS,
    PRESSURES,
    SOFTMIN,
    STARTS,
    cell,
    compare_destinations,
    count_arrangements,
    estimator_ratios,
    ring_mixture,
)
from paper.chapters.theory.figures import (
    architectures,
    arrangement_panels,
    interval_grid,
    mixture_figure,
    mixture_moments,
    region_growth,
)
from paper.chapters.theory.free_widths import fit_free_widths
from paper.chapters.theory.held_out import held_out_measures, matrix_operations
from paper.chapters.theory.identities import check_identities
from paper.chapters.theory.limiting_cases import limiting_cases
from paper.chapters.theory.mixture import fit_explicit, fit_implicit
from paper.chapters.theory.rules.collapse import ALWAYS, dead
from paper.chapters.theory.rules.estimation import SAMPLES
from paper.chapters.theory.rules.mechanism import interaction_shares
from paper.chapters.theory.words import identity_list
from paper.figures.film import film
from paper.figures.seeds_and_grids import seeds_by_condition, trajectories
from paper.figures.style import panels, thumbnail, use_style
from paper.figures.tables import interval_table
from paper.judging.evidence import Evidence
from paper.judging.nulls import random_levels
from paper.judging.verdicts import Card
from paper.measures.regions import expected_occupied
from paper.pages.show import quote, say, shown

use_style()
store = open_store(store)
if collapse_epochs < epochs:
    raise ValueError(f"collapse_epochs={collapse_epochs} must be at least epochs={epochs}")

# %% [markdown]
# ## Two architectures, two conventions
#
# What the two sources call one model is several. Blue is what every layer has, orange is
# competition, green is what is minimised; through a dashed arrow nothing is learned.

# %% mystnb={"image": {"alt": "Four diagrams above each other, boxes joined by arrows. Architecture A: input, linear map, activation, loss on h. Architecture B: the same with a softmax before the loss. Source 001: the loss on z, and softmax of minus z beside it with a dashed arrow. LSE term: loss on h and beside it minus the mean log-sum-exp of h, with the gradient minus softmax of h over N."}} tags=["hide-input"]
architectures()

# %% [markdown]
# - **Source 000** puts the loss on $a = \mathrm{softmax}(+h)$. The gradient of every unit is
#   multiplied by its own output, its responsibility.
# - **Source 001** puts the loss on $z$ and reads $r = \mathrm{softmax}(-z)$ off it, "for
#   interpretation". The softmax is then in no gradient at all, and the sign of $z$ means nothing.
#   The same text says that gradients flow through the softmax. Both cannot be true of one loss.
# - **The LSE term** $-\frac1N\sum_n \log\sum_k e^{h_{nk}}$ is what would make both true: it is a loss
#   on the activations whose gradient *is* the responsibility. Energies are $E = -h$.
#
# The sources contradict each other in more than the convention. Source 000 finds that InfoMax alone
# is insufficient and that TC pressure is counterproductive under softmax; source 001, from which it
# takes its hypothesis, says that the objective needs no additional regularization and that it is
# the TC term that blocks winner-take-all. Source 000 holds that outputs on a simplex cannot be
# independent; source 001 asks for independent outputs and a softmax in one sentence.

# %% [markdown]
# ## The identities

# %% tags=["remove-input"]
checked = check_identities()
holds, exact = checked["holds"], checked["tolerance"] <= 1e-9
say(f"""
Each one is stated, with its reason or a reference, and computed twice along different ways, on
random inputs in float64. {holds.sum()} of {len(checked)} hold, {(holds & exact).sum()} of them but
for rounding alone (less than 1e-9). The others are limits, computed at a small but finite distance,
and have wider tolerances.
""")

# %% [markdown]
# ### Implicit EM
#
# With an energy $E_k(x)$ for each prototype, the responsibilities are $\mathrm{softmax}(-E)$, and
# they are the gradient of $-\mathrm{LSE}(-E)$. For distances to prototypes that is the negative log
# likelihood of a mixture of Gaussians, and one gradient step with the right step size is the EM
# update. A linear layer is such a mixture only if its biases are tied to its rows.

# %% tags=["remove-input"]
say(identity_list(checked, "em"))

# %% [markdown]
# ### What the conventions imply for the gradient

# %% tags=["remove-input"]
say(identity_list(checked, "conventions"))

# %% [markdown]
# ### Entropy and total correlation
#
# Which $\lambda$ is the joint entropy? By definition $H(z) = \sum_j H(z_j) - \mathrm{TC}(z)$, so it
# is $\lambda = 1$ and no other. In the proxy, where $\log \mathrm{Var}$ is twice an entropy and
# $\|R - I\|^2$ four times a total correlation, that is $\lambda_{tc} = 1/2$: with the sources'
# $\lambda_{tc} = 1$ dependence weighs double.

# %% tags=["remove-input"]
say(identity_list(checked, "entropy"))

# %% [markdown]
# ### Values at collapse, and scale

# %% tags=["remove-input"]
say(identity_list(checked, "collapse"))

# %% [markdown]
# Identities hold for all inputs. The source's arguments are about single layers, and there the
# numbers themselves matter. Each case has a closed form, which stands beside it:

# %% tags=["remove-input"]
cases = limiting_cases()
shown(
    pd.DataFrame(
        {
            "case": cases["quantity"],
            "value": [format_number(value) for value in cases["value"].round(9)],
            "closed form": [format_number(value) for value in cases["expected"].round(9)],
        }
    )
)

# %% [markdown]
# A unit that always wins does not raise the TC term where the source puts it, on $z$: correlation
# does not see a constant. On the responsibilities exact total correlation *falls*, because a choice
# that is nearly always the same tells nothing; only the proxy rises. Two exact copies are
# penalised, but nothing pulls them apart, because correlation is at its maximum there. And for a
# linear layer the covariance of $z$ follows from the weights and the covariance of $x$, which can
# be gathered sample by sample.

# %% [markdown]
# ### Floors
#
# No measure of dependence is zero where one would like it to be.

# %% tags=["remove-input"]
say(identity_list(checked, "floors"))

# %% [markdown]
# ### Measures of dependence

# %% tags=["remove-input"]
say(identity_list(checked, "dependence"))

# %% [markdown]
# ### Regions

# %% tags=["remove-input"]
say(identity_list(checked, "regions"))

# %% [markdown]
# ## Implicit against explicit EM
#
# A mixture in the plane, on which both can be computed. Explicit EM replaces every prototype by the
# weighted mean of the samples; implicit EM makes gradient steps on the LSE term, with one step size
# for all prototypes, $K\sigma^2$, which is EM's own if all are used alike. Each sample has the
# colours of the prototypes, mixed by their responsibilities.

# %% tags=["remove-input"]
x, true_means, start, variance = ring_mixture(components=4, samples=400, seed=2)
fits = {
    "explicit EM": fit_explicit(x, start, variance, mixture_steps),
    "implicit EM": fit_implicit(x, start, variance, mixture_steps, len(start) * variance),
}
film(
    [mixture_figure(fits, x, step) for step in mixture_moments(mixture_steps)],
    alt="Film of four prototypes in the plane, explicit EM on the left and implicit EM on the "
    "right, from the same start near the centre: in both the prototypes move outwards to the four "
    "clusters, along similar paths, and the colours of the samples separate.",
    width=760,
)

# %% [markdown]
# The start and the end of the film, for print:

# %% mystnb={"image": {"alt": "Two panels with samples in the plane coloured by responsibilities and four prototypes with the paths they have come, explicit EM and implicit EM; one such figure after the third step and one after the last."}} tags=["hide-input"]
for step in (3, mixture_steps):
    display(mixture_figure(fits, x, step))

# %% [markdown]
# The destination is another question. InfoMax on the same energies has the same prototypes and the
# same responsibilities, and asks for something else. From the same starts, on a mixture of each
# seed:

# %% tags=["hide-input"]
destinations = compare_destinations(first_seeds(seeds))
ends = {
    name: destinations[destinations["method"] == method]
    for name, method in (
        ("explicit EM", "explicit"),
        ("implicit EM", "implicit"),
        ("InfoMax on the energies", "infomax"),
    )
}
end_measures = {
    "log_likelihood": "log-likelihood (nats)",
    "distance": "distance from the true means",
    "spread": "distance from the origin",
}
shown(interval_table(ends, end_measures, by="objective"))

# %% tags=["remove-input"]
likelihood = {name: mean_interval(rows["log_likelihood"]) for name, rows in ends.items()}
spread = mean_interval(ends["InfoMax on the energies"]["spread"])
say(f"""
Explicit EM ends at {likelihood["explicit EM"]} nats per sample, implicit EM at
{likelihood["implicit EM"]}, InfoMax at {likelihood["InfoMax on the energies"]}: its prototypes lie
{spread} from the origin, the true means {format_number(float(true_means.norm(dim=-1).mean()))}. The
variance of a distance has no upper bound: the mechanism is the same, the destination is not.
""")

# %% tags=["remove-input"]
free_widths = fit_free_widths(first_seeds(seeds))
steps = em_steps(dataset, [100 + seed for seed in first_seeds(seeds)], store)
of_b = steps[steps["step"] == "InfoMax"]
at_start, along = of_b[of_b["epoch"] == 0], of_b[of_b["epoch"] > 0].set_index("epoch")["cosine"]
say(rf"""
In these mixtures the width is known. Where each component has a width of its own, the
log-determinant in the likelihood keeps it from growing without end, and rewards a component that
shrinks onto one sample without bound, as the identities say. EM need not go there: from ordinary
starts, the narrowest of 8 components on 100 samples ends at
{mean_interval(free_widths["narrowest"])} of the data's deviation.

How near is a step of architecture B ($\lambda_{{tc}} = 0$) to the step of EM on the same
responsibilities? In untrained layers their cosine is {mean_interval(at_start["cosine"])}, but
{mean_interval(at_start["between"])} without the motion that all rows share: what they have in common
there is that every row moves towards the mean image. Along the training of one layer the cosine is
{format_number(along.iloc[0])} after {along.index[0]} epoch and {format_number(along.iloc[-1])} after
{along.index[-1]}. At the rate 1e-3 the first step is
{mean_interval(100 * at_start["length"])} % as long as EM's.
""")

# %% [markdown]
# ## Experiment
#
# The swap grid: five mechanisms and four objectives, $K = 16$ ReLU units, Adam at $10^{-3}$,
# batches of 128, $\lambda_{tc} = 1$ and $\lambda_{wr} = 0$ everywhere, the same seeds in every cell.
#
# - *Mechanisms*: none (architecture A), softmax on the output (B), the LSE term with weight one
#   beside the objective, and two sparse competitions, sparsemax and entmax ($\alpha = 3/2$).
# - *Objectives*: InfoMax, $-\sum\log\mathrm{Var} + \|R-I\|^2$; $-\log\det\Sigma$; Barlow Twins on two
#   views of each batch that keep every pixel with probability one half; and
#   $-\sum\log\mathrm{Var}$ with the sum of normalised HSIC over pairs in place of $\|R-I\|^2$.
#
# HSIC and InfoMax are compared at $\lambda_{tc} = 10$ and $100$, too, without competition and with
# softmax. Then layers that may collapse, layers that start in a collapse, source 001's sign, BatchNorm in place
# of the entropy term, two other batch sizes, and untrained layers.

# %%
reference = RunSpec(dataset=dataset, epochs=epochs)
every = first_seeds(seeds)


def seeded(condition, epochs=epochs):
    return grid(reference.but(**condition, epochs=epochs), seed=every)


swap_cells = {(m, o): cell(m, o) for m in MECHANISMS for o in OBJECTIVES}
collapse_specs = [s for c in COLLAPSE.values() for s in seeded(c, collapse_epochs)]
specs = [
    *(spec for condition in swap_cells.values() for spec in seeded(condition)),
    *collapse_specs,
    *(spec for condition in STARTS.values() for spec in seeded(condition)),
    *seeded(SOFTMIN),
    *seeded(BATCH_NORM),
    *(s for n in BATCHES for s in seeded(cell("none (A)", "InfoMax", batch_size=n))),
    *(s for m in MECHANISMS for s in seeded(cell(m, "InfoMax"), epochs=0)),
]
specs = list(dict.fromkeys(specs))
held_out = held_out_measures(specs, device=device, store=store)
pressed = [
    spec
    for mechanism in ("none (A)", "softmax (B)")
    for objective in ("InfoMax", "HSIC")
    for weight in PRESSURES
    for spec in seeded(cell(mechanism, objective, lambda_tc=weight))[:PRESSED_SEEDS]
]
everything = list(dict.fromkeys([*specs, *pressed]))
runs = run(everything, device=device, store=store).merge(held_out, on="key", how="left")
runs = runs.assign(hsic_ratio=runs["hsic"] / runs["hsic_floor"])
epochs_table = history(collapse_specs, store=store)
arrangements = count_arrangements()
objectives = ["infomax", "log_det", "barlow", "hsic"]
cost = pd.DataFrame(
    {"objective": objectives, "operations": [matrix_operations(o, 16, 128) for o in objectives]}
)
evidence = Evidence(
    runs,
    epochs_table,
    extra={
        "identities": checked,
        "cases": cases,
        "arrangements": arrangements,
        "destinations": destinations,
        "cost": cost,
        "free_widths": free_widths,
        "em_steps": steps,
        "neighbours": neighbours_table(),
    },
    base={"dataset": dataset, "epochs": epochs},
)
swap = pd.concat(
    [
        evidence.select(1, **condition).assign(mechanism=m, minimised=o)
        for (m, o), condition in swap_cells.items()
    ]
)
data = load_dataset(dataset)
k = reference.hidden_dim


def over(metric, frame):
    """Mean with interval of a measure over the runs of a frame."""
    return mean_interval(frame[metric])


# %% [markdown]
# ## Collapse without volume control
#
# The LSE term alone rewards large activations and nothing else; in a mixture of Gaussians it is the
# log determinant that stands against that. Added to it are the variance term, decorrelation, or
# both. First the scale: thin lines are runs, thick ones means with intervals.

# %% mystnb={"image": {"alt": "Mean row norm of W over epochs, both axes logarithmic, for the LSE term alone, with variance, with decorrelation, and with both; thin lines are seeds, bands 95 percent intervals."}} tags=["hide-input"]
collapse_runs = {
    name: evidence.select(1, **condition, epochs=collapse_epochs)
    for name, condition in COLLAPSE.items()
}
collapse_history = pd.concat(
    [
        epochs_table[epochs_table["key"].isin(frame["key"])].assign(added=name)
        for name, frame in collapse_runs.items()
    ]
)
fig_scale, axis = panels()
trajectories(axis, collapse_history, "row_norm", "added", log_y=True)
fig_scale

# %% [markdown]
# Then the units, at the end of training:

# %% mystnb={"image": {"alt": "Four panels, every seed a point, for the LSE term alone, with variance, with decorrelation and with both: dead units; least variance over mean variance; largest cosine between two rows; mean largest responsibility."}} tags=["hide-input"]
ended = pd.concat([frame.assign(added=name) for name, frame in collapse_runs.items()])
fig_units, axes = panels(2, 2, height=3.5)
collapse_measures = {
    "dead_units": "dead units",
    "min_relative_variance": "least variance / mean variance",
    "max_cosine": "largest cosine of two rows",
    "responsibility": "mean largest responsibility",
}
for axis, (metric, text) in zip(axes.flat, collapse_measures.items(), strict=True):
    seeds_by_condition(axis, ended, "added", metric)
    axis.set_ylabel(text)
    axis.set_xlabel("")
    ticks = [n.replace("LSE + ", "LSE +\n").replace("LSE alone", "LSE\nalone") for n in COLLAPSE]
    axis.set_xticks(range(len(COLLAPSE)), ticks, fontsize=8.5)
fig_units

# %% tags=["remove-input"]
gone = "; ".join(
    f"{name} {int((dead(frame) | (frame['largest_share'] >= ALWAYS)).sum())} of {len(frame)}"
    for name, frame in collapse_runs.items()
)
norms = collapse_history[collapse_history["added"] == "LSE + both"].groupby("epoch")["row_norm"]
norms = norms.mean().dropna()
half = max(epoch for epoch in norms.index if epoch <= collapse_epochs / 2)
sentence_collapse = (
    "Runs that have collapsed (a dead unit, one with less than a hundredth of the mean variance, "
    f"or one that wins at least half of the images): {gone}. With both terms the mean row norm "
    f"goes from {format_number(norms[half])} after {half} epochs to "
    f"{format_number(norms[collapse_epochs])} after {collapse_epochs}."
)
say(sentence_collapse)

# %% [markdown]
# ### Starts inside a collapse
#
# *Winner*: under softmax, one unit starts with so large a bias that it wins every sample. This only
# informs: on $z$ the TC term does not see a winner, as the table of cases shows. *Dead*: half of the
# units start with so low a bias that their ReLU is silent on all data and has no gradient; a leaky
# ReLU, which decides, leaves them a hundredth of the slope. Each with the term that is said to block
# it, and without.

# %% tags=["hide-input"]
start_runs = {name: evidence.select(1, **condition) for name, condition in STARTS.items()}
start_columns = [
    *("dead_units", "silent_units", "min_relative_variance"),
    *("largest_share", "output_correlation", "probe_accuracy"),
]
shown(interval_table(start_runs, start_columns, by="start, trained with"))

# %% tags=["remove-input"]
winners = "; ".join(
    f"{over('largest_share', frame).scaled(100)} % of the test images"
    f" ({name.removeprefix('winner, ')})"
    for name, frame in start_runs.items()
    if name.startswith("winner")
)
usual = cell("none (A)", "InfoMax")
hardly = int(history(seeded(usual), store=store).query("epoch == 0")["dead_units"].sum())
at_the_end = int(evidence.select(1, **usual)["dead_units"].sum())
with_entropy, without = (
    over("min_relative_variance", start_runs[f"dead, leaky, {terms}"])
    for terms in ("both terms", "decorrelation")
)
say(f"""
Of the layers that start with a winner, the most frequent winner ends with {winners}. Of the
{k // 2} units that start silent, {over("silent_units", start_runs["dead, both terms"])} are silent
at the end with ReLU, and {over("silent_units", start_runs["dead, softmax, both terms"])} under a
softmax. Units that fire on some images are not lost, nor are those that never win, as the starts
with a winner show: before training {hardly} units of A fire on less than 1 % of the test images, at
the end {at_the_end}. With leaky ReLU the least variance of a unit, over the mean, ends at
{with_entropy} with the entropy term and {without} without.
""")

# %% [markdown]
# ## Regions
#
# Lines in the plane, counted exactly. Grey says how many units fire.

# %% mystnb={"image": {"alt": "Four panels with two, three, four and five lines in the plane and arrows to the side where each unit fires; titles give the number of regions, counted, and two to the power of the number of lines."}} tags=["hide-input"]
arrangement_panels()

# %% [markdown]
# Two to the power of $K$ is reached only while there are at least as many dimensions as units. Images
# have dimensions enough; what they lack is samples everywhere. Points are regions that the test
# images occupy, each a layer.

# %% mystnb={"image": {"alt": "Number of regions against the number of units on a logarithmic axis: two to the power K, and the most that 2, 8 and 16 dimensions allow. Points at 16 units: regions that test images occupy, for trained layers A and B and for untrained ones."}} tags=["hide-input"]
occupied = {
    "A": evidence.select(1, **cell("none (A)", "InfoMax")),
    "B": evidence.select(1, **cell("softmax (B)", "InfoMax")),
    "untrained": evidence.select(1, **cell("none (A)", "InfoMax", epochs=0)),
}
fig_growth, axis = panels(width=7.0, height=4.4)
region_growth(
    axis,
    range(1, 25),
    (2, 8, 16),
    {name: frame["occupied"] for name, frame in occupied.items()},
)
fig_growth

# %% tags=["hide-input"]
region_measures = {
    "occupied": "occupied regions",
    "occupied_independent": "if units fired independently",
    "occupied_share": "share of independent balanced partitions",
    "pattern_entropy": "entropy of patterns (bits)",
    "bit_correlation": "mean squared correlation of firing",
}
shown(interval_table(occupied, region_measures, by="layer", count=False))

# %% tags=["remove-input"]
sentence_regions = (
    f"Of the {2**k:,} firing patterns of {k} units, {len(data.test):,} test images would occupy "
    f"about {expected_occupied(k, len(data.test)):,.0f} if the units were independent and "
    f"balanced; layer A occupies {over('occupied', occupied['A'])}, untrained layers "
    f"{over('occupied', occupied['untrained'])}."
)
say(
    sentence_regions,
    "The second column shuffles every unit's firing by itself: what units that fire as often, but",
    "independently, would occupy. Whether correlated partitions make fewer regions is decided by the",
    "first column over the second.",
)

# %% [markdown]
# ## The swap grid
#
# Rows are mechanisms, columns what was minimised; numbers are means with 95 % intervals over seeds.
# Light is high.

# %% mystnb={"image": {"alt": "Heat table of output correlation, five mechanisms by four objectives, mean and 95 percent interval in every cell."}} tags=["hide-input"]
fig_correlation, axis = panels(width=6.8, height=4.0)
interval_grid(axis, swap, "minimised", "mechanism", "output_correlation", log=True)
fig_correlation

# %% mystnb={"image": {"alt": "Heat table of weight redundancy, five mechanisms by four objectives, mean and 95 percent interval in every cell."}} tags=["hide-input"]
fig_redundancy, axis = panels(width=6.8, height=4.0)
interval_grid(axis, swap, "minimised", "mechanism", "weight_redundancy", log=True)
fig_redundancy

# %% mystnb={"image": {"alt": "Heat table of HSIC over its sampling floor, five mechanisms by four objectives, mean and 95 percent interval in every cell."}} tags=["hide-input"]
fig_hsic, axis = panels(width=6.8, height=4.0)
interval_grid(
    axis, swap, "minimised", "mechanism", "hsic_ratio", True, "normalised HSIC / its sampling floor"
)
fig_hsic

# %% mystnb={"image": {"alt": "Heat table of silent units, those whose activation fires on less than one percent of the test images, five mechanisms by four objectives."}} tags=["hide-input"]
fig_silent, axis = panels(width=6.8, height=4.0)
interval_grid(
    axis,
    swap,
    "minimised",
    "mechanism",
    "silent_units",
    title="silent units (activation before the competition)",
)
fig_silent

# %% mystnb={"image": {"alt": "Heat table of probe accuracy on the outputs, five mechanisms by four objectives, mean and 95 percent interval in every cell."}} tags=["hide-input"]
fig_probe, axis = panels(width=6.8, height=4.0)
interval_grid(axis, swap, "minimised", "mechanism", "probe_accuracy")
fig_probe

# %% [markdown]
# Probe accuracy once more, every seed a point. If mechanism and objective did not interact, the
# pattern of the four objectives would be the same in every group, shifted up or down as a whole.

# %% mystnb={"image": {"alt": "Probe accuracy for each mechanism, four objectives in colours beside each other, every seed a point, with means and 95 percent intervals."}} tags=["hide-input"]
fig_points, axis = panels(width=8.0, height=4.2)
seeds_by_condition(axis, swap, "mechanism", "probe_accuracy", "minimised")
axis.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.14))
fig_points

# %% tags=["remove-input"]
shares = {}
logarithms = {"output_correlation": True, "weight_redundancy": True, "probe_accuracy": False}
for metric, log in logarithms.items():
    wide = swap.pivot(index="seed", columns=["mechanism", "minimised"], values=metric).dropna()
    shares[metric] = mean_interval(interaction_shares(wide, log)).scaled(100)
isotropic, from_data = random_levels(dataset, k)
sentence_interaction = (
    "Share of the variance between the cells that neither mechanism nor objective alone explains: "
    f"{shares['output_correlation']} % for the logarithm of output correlation, "
    f"{shares['weight_redundancy']} % for that of redundancy, {shares['probe_accuracy']} % for "
    "probe accuracy. Zero would be separable choices. Isotropic rows have a redundancy of "
    f"{format_number(isotropic)}, rows drawn from the data {format_number(from_data)}, outputs on "
    f"a simplex an output correlation of at least {format_number(simplex_floor(k))}."
)
say(sentence_interaction)

# %% [markdown]
# ## Does minimising one measure minimise the others?
#
# Four estimators of dependence on the same held-out outputs: the proxy $\|R-I\|^2$; $-\log\det R$;
# Barlow's cross-correlation between two views of different units; and HSIC. Every cell is the mean
# over seeds of the ratio to the same layer before training: below one, training lowered it.

# %% mystnb={"image": {"alt": "Two heat tables, without competition and with softmax: rows are what was minimised, columns are four estimators of dependence, cells the ratio to the untrained layer with a 95 percent interval."}} tags=["hide-input"]
estimators = {
    "output_correlation": "‖R−I‖²",
    "log_det": "−log det R",
    "view_correlation": "two views",
    "hsic": "HSIC",
}
ratios = estimator_ratios(evidence, estimators).replace({"estimator": estimators})
fig_estimators, axes = panels(2, 1, width=6.8, height=3.4)
for axis, (mechanism, rows) in zip(axes, ratios.groupby("mechanism", sort=False), strict=True):
    interval_grid(
        axis, rows, "estimator", "minimised", "ratio", True, f"{mechanism}: trained / untrained"
    )
fig_estimators

# %% [markdown]
# Rank correlation of the estimators with each other over all cells and seeds of the swap grid: one,
# if they order the layers alike.

# %% tags=["hide-input"]
names = list(estimators)
ranked = {
    (a, b): rank_correlation(swap[a], swap[b]) for i, a in enumerate(names) for b in names[i + 1 :]
}
shown(
    pd.DataFrame(
        [
            {"pair": f"{estimators[a]} and {estimators[b]}", "rank correlation": str(found)}
            for (a, b), found in ranked.items()
        ]
    )
)

# %% tags=["remove-input"]
lowered = ratios.groupby(["mechanism", "minimised", "estimator"], sort=False)["ratio"].mean() < 1
by_agreement = sorted(ranked, key=lambda pair: -ranked[pair].mean)
most, least = (f"{estimators[a]} and {estimators[b]}" for a, b in by_agreement[:: len(ranked) - 1])
say(f"""
Training lowers the estimator in {int(lowered.sum())} of {len(lowered)} cells. Over the whole grid
{most} agree most, {least} least. What a single evaluation costs, in operations of its matrix
products, 16 units and 128 samples, with its gradient:
""")

# %% tags=["hide-input"]
shown(cost.rename(columns={"operations": "floating-point operations"}))

# %% tags=["remove-input"]
a = cell("none (A)", "InfoMax")
operations = cost.set_index("objective")["operations"]
say(f"""
One evaluation of HSIC takes {operations["hsic"] / operations["infomax"]:.0f} times the operations
of the proxy. Without competition HSIC of the outputs is
{over("hsic", evidence.select(1, **cell("none (A)", "HSIC")))} when it is minimised itself,
{over("hsic", evidence.select(1, **a))} when the proxy is, and
{over("hsic", occupied["untrained"])} before training.
""")

# %% tags=["remove-input"]
exact = evidence.extra["neighbours"]
exact = exact.assign(**exact[["neighbours", "proxy"]].abs())
errors = exact[exact["samples"] == SAMPLES].groupby("distribution")
gaussian, uncorrelated = (errors.get_group(name) for name in ("gaussian", "parity"))
units = int(gaussian["units"].iloc[0])
say(f"""
What would it cost to assume nothing? From {SAMPLES} samples of {units} Gaussian units, correlated
as those of an untrained layer are, the total correlation by nearest neighbours (Kozachenko and
Leonenko 1987) is off by {over("neighbours", gaussian)} nats for {SAMPLES // units} times the
multiplications, and $-\\frac12\\log\\det R$ by {over("proxy", gaussian)}. This is the proxy's own
case. For two units that are uncorrelated and share $\\log 2$ nats, nearest neighbours are off by
{over("neighbours", uncorrelated)}, and the proxy, which sees nothing, by
{over("proxy", uncorrelated)}.
""")

# %% [markdown]
# ## Batches
#
# The loss is made of batch statistics. InfoMax without competition, three batch sizes, equal
# epochs:

# %% tags=["hide-input"]
batch_runs = {str(n): evidence.select(1, **{**a, "batch_size": n}) for n in sorted((*BATCHES, 128))}
batch_columns = ["train_tc", "output_correlation", "weight_redundancy", "probe_accuracy"]
shown(interval_table(batch_runs, batch_columns, by="batch size"))

# %% tags=["remove-input"]
small, large = min(BATCHES), max(BATCHES)
normed = evidence.select(1, **BATCH_NORM)
say(f"""
With batches of {small} the TC term on training batches is
{over("train_tc", batch_runs[str(small)])}, with {large} it is
{over("train_tc", batch_runs[str(large)])}; sampling alone gives
{format_number(k * (k - 1) / (small - 1))} and {format_number(k * (k - 1) / (large - 1))}.

BatchNorm couples samples as the variance term does, and can stand in its place: it fixes every
variance, so that decorrelation alone is left. Such layers end with an output correlation of
{over("output_correlation", normed)} and a probe accuracy of {over("probe_accuracy", normed)}; with
the entropy term it is {over("output_correlation", batch_runs["128"])} and
{over("probe_accuracy", batch_runs["128"])}.
""")

# %% [markdown]
# ## The sign, and the place of the loss
#
# Source 001's sign, $\mathrm{softmax}(-h)$, source 000's, and the loss on $h$ itself. After a ReLU the
# sign is no matter of convention: units that are silent win.

# %% tags=["hide-input"]
convention_runs = {
    "loss on softmax(+h), source 000": evidence.select(1, **cell("softmax (B)", "InfoMax")),
    "loss on softmax(−h)": evidence.select(1, **SOFTMIN),
    "loss on h": evidence.select(1, **a),
    "loss on h, and the LSE term": evidence.select(1, **cell("LSE term", "InfoMax")),
}
convention_columns = [
    *("weight_redundancy", "redundancy_over_random", "output_correlation"),
    *("probe_accuracy", "row_norm"),
]
shown(interval_table(convention_runs, convention_columns, by="loss"))

# %% [markdown]
# ## The whole picture
#
# Source 001 ends with four promises. Measured on the mechanism and the objective together, the LSE
# term with InfoMax; beside it the other mechanisms, and, as control, untrained layers.

# %% tags=["hide-input"]
picture = {m: evidence.select(1, **cell(m, "InfoMax")) for m in MECHANISMS}
picture["untrained (A)"] = evidence.select(1, **cell("none (A)", "InfoMax", epochs=0))
picture_measures = {
    "effective_winners": "cover: effective number of winners",
    "cofiring_excess": "independent: co-firing beyond chance",
    "hsic_ratio": "independent: HSIC / floor",
    "dead_units": "used: dead units",
    "output_correlation": "not redundant: output correlation",
}
shown(interval_table(picture, picture_measures, by="layer", count=False))

# %% [markdown]
# ## What would change our mind

# %% tags=["remove-input"]
say(f"""
- An identity whose two sides differ: the table above is computed on every execution.
- Longer training (`epochs`), for the swap grid: cells that have not yet converged can look like
  an interaction. The collapse runs are {collapse_epochs / epochs:g} times as long and show how far
  the weights have come to rest.
- Another weight of the LSE term or another temperature: here both are one, and the balance of two
  losses is a choice that the source does not make.
- Views that mean something for images. Masked pixels are the one corruption that needs no
  knowledge of the data; Barlow Twins was made for augmentations that keep the meaning.
""")

# %% [markdown]
# ## Rerun this page
#
# ```bash
# infomax execute theory -p dataset=fashion-mnist -p seeds=5
# ```
#
# or `papermill notebooks/theory.ipynb out.ipynb -p epochs 50`. Runs that the store knows are not
# computed again.

# %% [markdown]
# ## Claims of this chapter

# %% tags=["hide-input"]
verdicts = judge("theory", evidence, among=[])
verdicts

# %% tags=["remove-cell"]
judged = (1, 2, 10, 13, 14, 15, 20)
quote(**{f"verdict_{n}": verdicts.find(f"001.{n}").interpretation_verdict for n in judged})

# %% [markdown]
# ## Take-away

# %% tags=["remove-input"]
takeaway = f"{sentence_interaction} {sentence_collapse} {sentence_regions}"
say(takeaway)

# %% tags=["remove-input"]
Card(
    chapter="theory",
    title="Theory, checked",
    claim="Mechanism and objective are separable design choices.",
    key_number=shares["probe_accuracy"],
    verdict=verdicts.find("001.1").interpretation_verdict,
    sentence=(
        "Per cent of the variance of probe accuracy over mechanisms and objectives that is "
        "interaction: zero, if the two were separable choices. "
        f"{int(checked['holds'].sum())} of {len(checked)} identities hold numerically."
    ),
    image=thumbnail(fig_correlation),
    alt="Heat table of output correlation for five mechanisms and four objectives",
    takeaway=takeaway,
)

# %% tags=["check", "remove-cell"]
# NBVAL_CHECK_OUTPUT
print(
    "identities not shown:",
    set(checked["section"])
    - {"em", "conventions", "entropy", "collapse", "floors", "dependence", "regions"},
)
for verdict in verdicts:
    print(verdict.id, verdict.number_verdict, verdict.interpretation_verdict, verdict.evidence)
